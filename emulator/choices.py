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

    # Custom policies of an account: 1,500 unless Alibaba's support has raised it.
    ram_policies_quota: int = 1500

    # A call refused by an AccessKey network policy: the code is documented nowhere.
    key_policy_refusal_status: int = 403
    key_policy_refusal_code: str = "Forbidden.AccessKeyNetworkRestricted"

    # May a user name be used again while its former holder lies in the recycle bin?
    recycled_user_name_reusable: bool = True

    # Restored keys come back disabled; the bin does not count against the two-key quota.
    restored_key_status: str = "Inactive"

    # LastUsedDate (and ServiceName) of a key that was never used: published audit rules compare
    # with this word, no page says it.
    unused_key_date: str = "N/A"

    # IMS's DeleteUser: the console removes everything a user holds, RAM's API refuses with
    # DeleteConflict.*; which of the two IMS does is not documented.
    ims_delete_user_cascades: bool = False

    # SetAccessKeyPolicy with a document that is none: no code is published.
    key_policy_malformed_code: str = "InvalidParameter.AccessKeyPolicy"

    # IMS CreateUser with a principal name outside the account's default domain.
    foreign_domain_code: str = "InvalidParameter.UserPrincipalName.Format"

    # GetCredentialReport before any report was generated.
    credential_report_missing_code: str = "EntityNotExist.CredentialReport"

    # How long a credential report takes (no number is published).
    credential_report_seconds: float = 3.0

    # Since KMS 3.0 a secret needs an instance and a key in it. False: the pre-2025 service.
    kms_instance_required: bool = True

    # GetSecretValue or PutSecretValue inside the deletion window.
    kms_deletion_window_code: str = "Rejected.ResourceInDeleteWindow"

    # PutSecretValue with a known VersionId and other data.
    kms_version_conflict_code: str = "Rejected.ResourceExist"

    # Does ACSPrevious follow when UpdateSecretVersionStage moves ACSCurrent? Not documented.
    kms_previous_follows_current: bool = False

    # PutSecretValue without VersionStages makes the former current ACSPrevious (documented). Does
    # it too if VersionStages names ACSCurrent? "The labels as given" leaves it open.
    kms_named_current_demotes_former: bool = True

    # The default secret policy allows kms:* to `acs:ram::ACCOUNT:*`. Does that grant every RAM
    # user by itself? "By default, only the Alibaba Cloud account that created a secret can manage
    # or access it" (KMS, "Modify a secret policy") says no: identity policies decide.
    kms_account_principal_means_everyone: bool = False

    # A dry run always fails with one of three documented codes; no page gives the status.
    kms_dry_run_status: int = 400

    # SLS answers a skewed request clock with one of two documented codes.
    sls_time_skew_code: str = "RequestTimeExpired"

    # Seconds until a written log row can be found by GetLogs (documented: within 3 s).
    sls_index_lag_seconds: float = 1.0

    # How a NULL of an analytic statement is printed; every cell of GetLogs is a string.
    sls_null_cell: str = "null"

    # PUT .../modification of the Python SDK; the guide says that a logstore which exists already
    # cannot be made changeable.
    sls_modification_can_be_enabled_later: bool = False

    # Does FC accept the old `FC ak:signature` scheme on 2023-03-30 paths? Its own deploy
    # component relies on it for another call; for invocations it is a strong inference.
    fc_signature_on_2023_paths: bool = True

    # Seconds between tries of a failed asynchronous invocation (FC publishes no number).
    fc_retry_interval_seconds: float = 2.0

    # Timers fire by themselves. False: only when told to, at the management port.
    fc_timers: bool = True

    # What a caller of an HTTP trigger sees where the function raised, exited or ran out of time.
    fc_http_error_status: int = 502

    # True: every body reaches a function as base64. How FC judges a body binary is not documented.
    fc_base64_bodies: bool = False

    # Is a task id taken for the whole account ("globally unique") or per function?
    fc_task_ids_span_functions: bool = True

    # Is a task id remembered without task mode (`asyncTask: true`)? The SDK says: enable it first.
    fc_task_ids_need_task_mode: bool = True

    # The code beside 409 for a task id that was used before: known for FC 2.0 only.
    fc_task_exists_code: str = "StatefulAsyncInvocationAlreadyExists"

    # GetAsyncTask shows return values only to accounts that asked for it.
    fc_task_return_payload: bool = False

    # The code beside 403 for a request clock that is off by more than 15 minutes.
    fc_time_skew_code: str = "AccessDenied"

    # Requests running at once in a region (account default); above it 429, or a later try.
    fc_concurrent_requests: int = 100

    # True: every instance is a fresh interpreter, as slow as a true cold start.
    fc_cold_start: bool = False

    # True: functions reach the cloud over HTTPS too, through this proxy, and trust its CA.
    fc_https: bool = False

    # acs:SecureTransport as policies see it. Over plain local HTTP it would be false.
    secure_transport: bool = True

    # Is a `Statement` that is an object, not a list, accepted? Seen in third-party samples.
    statement_object_accepted: bool = False

    def calm(self) -> None:
        """No propagation delay, no throttling, no index lag."""
        self.key_propagation_min_seconds = self.key_propagation_max_seconds = 0.0
        self.throttling = False
        self.sls_index_lag_seconds = 0.0
        self.credential_report_seconds = 0.0

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
