"""What posture reads of IMS 2019-08-15 and RAM 2015-05-01; nothing here changes anything."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from alibabacloud_ims20190815 import models as ims_models
from alibabacloud_ims20190815.client import Client as ImsClient
from alibabacloud_ram20150501 import models as ram_models
from alibabacloud_ram20150501.client import Client as RamClient

from shared.adapters import ims, ram
from shared.adapters.ims import ImsAdapter
from shared.adapters.tea import Credentials, Endpoint, answer, config, moment, present
from shared.errors import CloudUnknown, NotFound
from shared.ports import User
from shared.posture.facts import Holders, PasswordRules, PolicyName, Practice

PAGE_SIZE, REPORT_LINES = 1000, "3501"  # the most that each allows


class AccountReaderAdapter:
    """Implements `posture.facts.AccountReader`."""

    def __init__(self, endpoint: Endpoint, credentials: Credentials, domain: str) -> None:
        self._users = ImsAdapter(endpoint, credentials, domain)
        self._ims = ImsClient(config(ims.HOST, endpoint, credentials))
        self._ram = RamClient(config(ram.HOST, endpoint, credentials))

    def generate_credential_report(self) -> str:
        """GenerateCredentialReport: its state."""
        body = _body("GenerateCredentialReport", self._ims.generate_credential_report)
        return str(present("GenerateCredentialReport", body, "state"))

    def get_credential_report(self) -> tuple[str, datetime]:
        """GetCredentialReport, all pages. CloudUnknown if it says that there is more, and not
        where, or if its content is no text."""
        action, text, token = "GetCredentialReport", "", None
        while True:
            request = ims_models.GetCredentialReportRequest(
                max_items=REPORT_LINES, next_token=token)  # fmt: skip
            body = _body(action, partial(self._ims.get_credential_report, request))
            try:
                text += base64.b64decode(present(action, body, "content"), validate=True).decode()
            except (binascii.Error, ValueError):
                raise CloudUnknown(action) from None
            if str(present(action, body, "is_truncated")).lower() != "true":
                break
            token = present(action, body, "next_token")
            text = text if text.endswith("\n") else f"{text}\n"
        generated_at = moment(present(action, body, "generated_time"))
        if generated_at is None:
            raise CloudUnknown(action)
        return text, generated_at

    def get_account_security_practice_report(self) -> Practice:
        """GetAccountSecurityPracticeReport."""
        action = "GetAccountSecurityPracticeReport"
        body = _body(action, self._ims.get_account_security_practice_report)
        info = present(action, body, "account_security_practice_info")
        found = present(action, info, "account_security_practice_user_info")
        return Practice(found.root_with_access_key, found.bind_mfa)

    def get_security_preference(self) -> bool:
        """GetSecurityPreference: AllowUserToManageAccessKeys."""
        action = "GetSecurityPreference"
        body = _body(action, self._ims.get_security_preference)
        keys = present(action, present(action, body, "security_preference"),
                       "access_key_preference")  # fmt: skip
        return bool(present(action, keys, "allow_user_to_manage_access_keys"))

    def get_password_policy(self) -> PasswordRules:
        """GetPasswordPolicy."""
        body = _body("GetPasswordPolicy", self._ims.get_password_policy)
        found = present("GetPasswordPolicy", body, "password_policy")
        return PasswordRules(
            found.minimum_password_length, found.require_lowercase_characters,
            found.require_uppercase_characters, found.require_numbers, found.require_symbols,
            found.password_reuse_prevention, found.max_password_age, found.max_login_attemps,
        )  # fmt: skip

    def get_access_key_policy_for_account(self) -> str:
        """GetAccessKeyPolicyForAccount: JSON, `{}` if none was ever set."""
        action = "GetAccessKeyPolicyForAccount"
        request = ims_models.GetAccessKeyPolicyForAccountRequest()
        body = _body(action, partial(self._ims.get_access_key_policy_for_account, request))
        return str(present(action, body, "access_key_policy"))

    def list_users(self, tags: Mapping[str, str]) -> Sequence[User]:
        """ListUsers, frozen ones too, all pages."""
        return self._users.list_users(tags)

    def list_policies(self, kind: str) -> Sequence[PolicyName]:
        """ListPolicies of a type, all pages: those that are attached to somebody. One without a
        count is taken for attached."""
        found: list[PolicyName] = []
        marker: str | None = None
        while True:
            request = ram_models.ListPoliciesRequest(
                policy_type=kind, max_items=PAGE_SIZE, marker=marker)  # fmt: skip
            body = _body("ListPolicies", partial(self._ram.list_policies, request))
            listed = present("ListPolicies", body, "policies").policy or []
            found += [PolicyName(kind, p.policy_name) for p in listed if p.attachment_count != 0]
            if not body.is_truncated:
                return found
            marker = present("ListPolicies", body, "marker")

    def get_policy(self, policy: PolicyName) -> str | None:
        """GetPolicy: the default version's document; None if there is no such policy."""
        request = ram_models.GetPolicyRequest(
            policy_name=policy.name, policy_type=policy.kind)  # fmt: skip
        try:
            body = _body("GetPolicy", partial(self._ram.get_policy, request))
        except NotFound:
            return None
        version = present("GetPolicy", body, "default_policy_version")
        return str(present("GetPolicy", version, "policy_document"))

    def list_entities_for_policy(self, policy: PolicyName) -> Holders | None:
        """ListEntitiesForPolicy; None if there is no such policy."""
        action = "ListEntitiesForPolicy"
        request = ram_models.ListEntitiesForPolicyRequest(
            policy_name=policy.name, policy_type=policy.kind)  # fmt: skip
        try:
            body = _body(action, partial(self._ram.list_entities_for_policy, request))
        except NotFound:
            return None
        return Holders(
            tuple(u.user_name for u in present(action, body, "users").user or []),
            tuple(g.group_name for g in present(action, body, "groups").group or []),
            tuple(r.role_name for r in present(action, body, "roles").role or []),
        )  # fmt: skip


def _body(action: str, call: Callable[[], Any]) -> Any:
    return answer(action, lambda: call().body, repeatable=True)
