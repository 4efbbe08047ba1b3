"""Quotas and lengths of RAM.

Source: RAM, "Limits" (December 2025) and the API pages' parameter tables; GetAccountSummary
shows them. Raisable ones stand at their default, but for `choices.ram_policies_quota`.
"""

from __future__ import annotations

USERS = 5000
GROUPS = 300
ROLES = 1000
GROUPS_PER_USER = 10
KEYS_PER_USER = 2
POLICY_CHARACTERS = 6144
VERSIONS_PER_POLICY = 5
ATTACHED = {"Custom": 10, "System": 20}  # per user, per group and per role
TAGS = 20
TAGGED_RESOURCES_PER_CALL = 50
RECYCLED_KEYS_PER_USER = 3
RECYCLED_USERS = 1000
MFA_DEVICES = 5000  # no number published beyond one device per user; the users' quota
