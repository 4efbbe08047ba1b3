"""Every choice where the documentation is silent, in one place and switchable.

A choice is set on the command line (`--choice name=value`) or through the management port
(`POST /choices`). The comment beside each says what is known and what is ours.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass


@dataclass
class Choices:
    """Defaults model a KMS 3.0 account of 2026; `calm()` switches delays and throttling off."""

    # Lag between a change of an AccessKey and its effect on authentication. No number is
    # published; integrations in the wild wait 5 to 10 s. Uniform between the two bounds.
    key_propagation_min_seconds: float = 0.0
    key_propagation_max_seconds: float = 3.0

    # Calls per second and action before `Throttling.User`. RAM publishes no number outside
    # the Quota Center; KMS does (facts by group), those stand in `throttling.py`.
    throttling: bool = True
    ram_calls_per_second: int = 50

    # A call refused by an AccessKey network policy: the code is documented nowhere.
    key_policy_refusal_status: int = 403
    key_policy_refusal_code: str = "Forbidden.AccessKeyNetworkRestricted"

    # May a user name be used again while its former holder lies in the recycle bin?
    recycled_user_name_reusable: bool = True

    # Restored keys come back disabled; the bin does not count against the two-key quota.
    restored_key_status: str = "Inactive"

    # Since KMS 3.0 a secret needs an instance and a key in it. False: the pre-2025 service.
    kms_instance_required: bool = True

    # GetSecretValue or PutSecretValue inside the deletion window.
    kms_deletion_window_code: str = "Rejected.ResourceInDeleteWindow"

    # PutSecretValue with a known VersionId and other data.
    kms_version_conflict_code: str = "Rejected.ResourceExist"

    # Does ACSPrevious follow when UpdateSecretVersionStage moves ACSCurrent? Not documented.
    kms_previous_follows_current: bool = False

    # SLS answers a skewed request clock with one of two documented codes.
    sls_time_skew_code: str = "RequestTimeExpired"

    # Seconds until a written log row can be found by GetLogs (documented: within 3 s).
    sls_index_lag_seconds: float = 1.0

    # Does FC accept the old `FC ak:signature` scheme on 2023-03-30 paths? Its own deploy
    # component relies on it for another call; for invocations it is a strong inference.
    fc_signature_on_2023_paths: bool = True

    # Seconds between tries of a failed asynchronous invocation (FC publishes no number).
    fc_retry_interval_seconds: float = 2.0

    # acs:SecureTransport as policies see it. Over plain local HTTP it would be false.
    secure_transport: bool = True

    # Is a `Statement` that is an object, not a list, accepted? Seen in third-party samples.
    statement_object_accepted: bool = False

    def calm(self) -> None:
        """No propagation delay, no throttling, no index lag."""
        self.key_propagation_min_seconds = self.key_propagation_max_seconds = 0.0
        self.throttling = False
        self.sls_index_lag_seconds = 0.0

    def set(self, name: str, value: object) -> None:
        """Set one choice; KeyError for an unknown name, ValueError for a value of another type."""
        fields = {f.name for f in dataclasses.fields(self)}
        if name not in fields:
            raise KeyError(name)
        current = getattr(self, name)
        if isinstance(current, bool):
            if str(value).lower() not in {"true", "false"}:
                raise ValueError(f"{name} takes true or false")
            setattr(self, name, str(value).lower() == "true")
        else:
            setattr(self, name, type(current)(value))
