"""Every expected "no", as a value: a stable reason, where in the input, and what to do instead.

The reason is the one word for HTTP answer, audit row, chat reply and test. Sentences hold no
untrusted text. A reason is never renamed; a new one may be added at any time.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Denied:
    """A refusal.

    `reason` is a key of REASONS. `where` is a path such as `permissions[0].parameters.bucket`,
    made of our own field names only. `advice` is one of our own sentences, or empty. `unproven`:
    refused before it was known whether a secret of ours had signed it; the refusal is the same.
    """

    reason: str
    where: str = ""
    advice: str = ""
    unproven: bool = field(default=False, compare=False)


# The delivery: who sent it, and is it readable at all.
_DELIVERY: dict[str, tuple[int, str]] = {
    "invalid_signature": (
        401,
        "The signature does not fit the request; sign the exact bytes with the shared secret.",
    ),
    "delivery_too_old": (
        401,
        "The delivery is too old; send it again with a new timestamp.",
    ),
    "delivery_from_the_future": (
        401,
        "The delivery's timestamp lies in the future; set the sender's clock and send it again.",
    ),
    "other_tenant": (
        403,
        "The delivery is for another tenant or app than this one; correct the subscription.",
    ),
    "offer_unusable": (
        403,
        "The button carries nothing that akwarden has signed; ask for a new request.",
    ),
    "offer_expired": (
        410,
        "The request is older than eight hours; ask for it again.",
    ),
    "request_too_long_for_chat": (
        413,
        "The request is too long for a button; file it in the ticket system.",
    ),
    "chat_may_not_approve": (
        403,
        "This environment's requests are not approved in a chat (AKWARDEN_CHAT_APPROVALS); file it "
        "in the ticket system.",
    ),
    "break_glass_off": (
        403,
        "There is no access without approval here: AKWARDEN_BREAK_GLASS and `[break_glass]` of "
        "config/rules.toml say where there is. Ask for it with `request`.",
    ),
    "break_glass_not_allowed": (
        403,
        "You are not among those who may have access without approval, or ask for somebody else. "
        "Ask for it with `request`.",
    ),
    "break_glass_stays_as_it_is": (
        409,
        "A grant that nobody approved cannot be extended or changed; ask for one of its own with a "
        "ticket, under another application's name, or after this one's end.",
    ),
    "too_many_requests": (
        429,
        "You have asked for as much as one person may within a day (AKWARDEN_CHAT_REQUESTS); ask "
        "again tomorrow, or have somebody else ask.",
    ),
    "unknown_path": (
        404,
        "Nothing listens at this path; signed webhooks go to `/`, a vendor's events to its name.",
    ),
    "source_not_enabled": (
        404,
        "This source is not on; name it in AKWARDEN_SOURCES and in config/sources.toml.",
    ),
    "body_too_large": (413, "The body is larger than 98304 bytes; shorten the ticket's texts."),
    "not_json": (400, "The body is not valid JSON in UTF-8; send one JSON object."),
    "duplicate_key": (
        400,
        "A JSON object holds the same key twice, so its meaning is open; send each key once.",
    ),
    "contains_access_key": (
        422,
        "The text holds something like an AccessKey and was dropped; disable that key, remove it "
        "from the ticket and send the ticket again.",
    ),
}

# A vendor's record, fetched for an event of its.
_RECORD: dict[str, tuple[int, str]] = {
    "record_not_found": (
        404,
        "The source knows no such record, or does not show it; nothing was done.",
    ),
    "record_unreadable": (
        422,
        "The record is not what its source documents; nothing was done. A person has to look.",
    ),
    "record_changes_another": (
        409,
        "The record changes one that was approved before, whose grant stays as it is; withdraw "
        "that one and file a new request, or file an amendment.",
    ),
    "requester_unknown": (
        403,
        "Whoever asks is not in config/people.toml, and might be one of the approvers; add them.",
    ),
    "beneficiary_unknown": (
        403,
        "Whoever is to get the key is not in config/people.toml, and might be one of the "
        "approvers; name them by the address that it has, or add them.",
    ),
}

# The ticket's form.
_FORM: dict[str, tuple[int, str]] = {
    "unknown_field": (422, "The ticket has a field that is not in the schema; remove it."),
    "missing_field": (422, "A required field is missing; add it."),
    "wrong_type": (422, "A field has the wrong JSON type; see the schema."),
    "invalid_value": (422, "A field's value is outside its pattern or limits; see the schema."),
    "name_too_long": (
        422,
        "The application's or environment's name is too long for a RAM user name; shorten it.",
    ),
    "unknown_use_case": (422, "The use case is not known; choose one from the schema."),
    "too_many_permissions": (422, "A ticket holds at most 5 permissions; split the ticket."),
    "consumers_invalid": (
        422,
        "A consumer is not the ARN of a RAM role (acs:ram::<account>:role/<name>), or there are "
        "more than 10; name the roles that are to read the secret.",
    ),
    "source_ips_invalid": (
        422,
        "A source IP is not a usable address or network, or the network is too wide; name "
        "addresses, IPv4 networks of /16 or narrower or IPv6 networks of /48 or narrower.",
    ),
}

# The decision: does this approval count.
_DECISION: dict[str, tuple[int, str]] = {
    "ticket_not_approved": (409, "The ticket's status is not approved; nothing was done."),
    "ticket_not_revoked": (
        409,
        "The delivery revokes a ticket whose status is neither revoked, withdrawn nor approved; "
        "nothing was done.",
    ),
    "unknown_environment": (
        422,
        "The environment is not in config/rules.toml; choose one that is.",
    ),
    "template_not_allowed": (
        403,
        "The template is not allowed in this environment; choose another or ask its owner.",
    ),
    "necessity_not_confirmed": (
        422,
        "The ticket does not confirm that an AccessKey is necessary; use the recommended "
        "alternative, or confirm the necessity.",
    ),
    "ttl_out_of_range": (422, "The lifetime is outside the environment's limits; change it."),
    "source_ips_required": (
        422,
        "This environment requires source IPs; name the addresses that the application calls from.",
    ),
    "source_not_allowed_here": (
        403,
        "Tickets from this source may not ask for that environment or template "
        "(config/sources.toml); file it where they may.",
    ),
    "consumer_not_allowed": (
        403,
        "A consumer is not on the environment's allow-list; name another role or ask its owner.",
    ),
    "approval_rejected": (409, "An approver rejected the ticket, which is final; open a new one."),
    "approvals_missing": (409, "Too few people approved the ticket; ask another approver."),
    "approver_is_requester": (
        403,
        "Whoever asks for a key, or is to get it, cannot approve it; ask another approver.",
    ),
    "approver_not_allowed": (
        403,
        "An approver may not approve this template for this application in this environment; ask "
        "one who may.",
    ),
    "approval_too_old": (409, "The approval is too old for this environment; approve again."),
    "grant_nearly_over": (
        409,
        "The lifetime counts from the approval, and too little of it is left; approve again.",
    ),
    "approval_in_the_future": (
        422,
        "An approval lies in the future; set the ticket system's clock and approve again.",
    ),
}

# The policy that the ticket asks for.
_POLICY: dict[str, tuple[int, str]] = {
    "unknown_template": (422, "The template is not in config/templates.toml; choose one that is."),
    "parameter_missing": (422, "A parameter of the template is missing; add it."),
    "parameter_unknown": (422, "The template has no such parameter; remove it."),
    "parameter_invalid": (
        422,
        "A parameter is outside its pattern or too long; see the template's description.",
    ),
    "wildcard_not_allowed": (422, "A parameter holds a wildcard; name the resource exactly."),
    "own_assets_touched": (
        403,
        "The ticket reaches for something that belongs to akwarden itself; name other resources.",
    ),
    "policy_too_long": (
        422,
        "The policy is longer than RAM's 6144 characters; split the ticket.",
    ),
    "mixed_self_service": (
        422,
        "A self-service permission stands beside another kind or another user; split the ticket.",
    ),
    "consumers_required": (
        422,
        "The ticket names no role that may read the secret; name at least one.",
    ),
    "consumers_unexpected": (
        422,
        "A self-service grant has no secret that anybody could read; remove the consumers.",
    ),
    "payload_malformed": (
        400,
        "The event is neither a timer's nor one that this function knows; nothing was done.",
    ),
    "no_such_grant": (
        404,
        "There is no grant of that application in that environment; check both names.",
    ),
    "grant_unreadable": (
        409,
        "What the grant's user and policy carry is not signed by akwarden; a person has to look.",
    ),
    "grant_over": (
        409,
        "The grant has ended, or its revocation has begun; open a new ticket for a new one.",
    ),
    "amendment_differs": (
        409,
        "An amendment changes permissions and addresses only: readers and rotation must be what "
        "the grant has, and a network cannot be lifted; revoke the grant and open a new ticket.",
    ),
    "amendment_shortens": (
        409,
        "The grant lasts longer than the ticket asks for, and an amendment leaves its end alone; "
        "ask for a lifetime up to the grant's end at least.",
    ),
    "amendment_overtaken": (
        409,
        "What the grant has now was approved later than this ticket; nothing was changed.",
    ),
    "amendment_not_possible": (
        422,
        "A self-service grant has no key of ours; when it is over, open a new ticket.",
    ),
    "nothing_to_amend": (
        409,
        "The grant has these permissions and addresses already; nothing was changed.",
    ),
    "extension_differs": (
        409,
        "The ticket asks for something else than the grant has, and only its end can be put off "
        "here; ask for the same, or revoke the grant and open a new ticket.",
    ),
    "extension_shortens": (
        409,
        "The grant lasts longer than the ticket asks for; nothing was changed.",
    ),
    "extension_not_possible": (
        422,
        "A self-service grant has no user of ours that could carry a later end; when it is over, "
        "open a new ticket.",
    ),
    "replaces_unexpected": (
        422,
        "A self-service grant makes no key that could replace another; remove `replaces`.",
    ),
    "rotation_unexpected": (
        422,
        "A self-service grant has no key of ours that could be rotated; remove those days.",
    ),
}

# What the worker finds when it compares the ticket with the ledger and the cloud.
_LEDGER: dict[str, tuple[int, str]] = {
    "grant_too_long": (
        422,
        "The grant does not fit the tags and description that carry it; shorten names and lists.",
    ),
    "ticket_consumed": (409, "The ticket was used or revoked before; open a new one."),
    "application_has_live_key": (
        409,
        "The application has a live key from another ticket in this environment; revoke that one "
        "first, or amend its grant.",
    ),
    "name_in_use": (
        409,
        "A RAM user, policy or secret of that name exists and is not akwarden's; rename or "
        "remove it.",
    ),
    "name_in_recycle_bin": (
        409,
        "A deleted RAM user that is not akwarden's holds that name in RAM's recycle bin; purge it "
        "or rename the application, then open a new ticket.",
    ),
    "user_not_found": (
        422,
        "The RAM user that is to manage its own keys does not exist; create it or correct it.",
    ),
    "ticket_changed": (
        409,
        "The ticket came before with other content and its grant exists; open a new ticket.",
    ),
    "secret_being_deleted": (
        409,
        "KMS is still deleting the application's former secret; wait for the end of its deletion "
        "window or restore it, then open a new ticket.",
    ),
    "unexpected_keys": (
        409,
        "The RAM user has keys that no ticket of this kind can have left; have an operator look.",
    ),
    "issuing_stopped": (
        503,
        "An operator has stopped all issuing, extending and amending; nothing was done, send it "
        "again later.",
    ),
    "too_many_for_person": (
        429,
        "The requester has as many grants as config/rules.toml allows one person; wait or have one "
        "ended, then open a new ticket.",
    ),
    "too_many_for_application": (
        429,
        "The application has as many grants as config/rules.toml allows it; wait or have one "
        "ended, then open a new ticket.",
    ),
    "too_many_for_account": (
        429,
        "The account has as many grants as config/rules.toml allows it; wait or have one ended, "
        "then open a new ticket.",
    ),
    "too_many_failures": (
        503,
        "Every attempt at this ticket failed and no more are made; have an operator look.",
    ),
    "over_the_cap": (
        409,
        "The order selects more grants than one run may end, and nothing was changed; look at what "
        "it selects, then narrow it or raise its `at_most`.",
    ),
}

REASONS: dict[str, tuple[int, str]] = {
    **_DELIVERY, **_RECORD, **_FORM, **_DECISION, **_POLICY, **_LEDGER,
}  # fmt: skip
