"""One ticket for everything a ticket can have wrong in its form, with the reason it gets.

Used by the parser's tests and by the agreement of parser and schema.
"""

from __future__ import annotations

from typing import Any

from tests.unit.samples import approval, approved_ticket, person

_ROLE = "acs:ram::1234567890123456:role/orders-reader"
_PERMISSION = {"template": "oss-prefix-read", "parameters": {"bucket": "b", "prefix": "p/"}}


def _ips(*addresses: object) -> dict[str, object]:
    return {"network": {"source_ips": list(addresses)}}


# name → (changes, reason, where). What the schema can express, it must refuse as well.
BOTH_REFUSE: dict[str, tuple[dict[str, Any], str, str]] = {
    "no_id": ({"id": ...}, "missing_field", "id"),
    "id_as_number": ({"id": 7}, "wrong_type", "id"),
    "id_with_quote": ({"id": 'A"1'}, "invalid_value", "id"),
    "id_with_space": ({"id": "A 1"}, "invalid_value", "id"),
    "id_empty": ({"id": ""}, "invalid_value", "id"),
    "id_too_long": ({"id": "A" * 65}, "invalid_value", "id"),
    "url_of_script": ({"url": "javascript:alert(1)"}, "invalid_value", "url"),
    "url_with_markup": ({"url": "https://x.example/<b>"}, "invalid_value", "url"),
    "url_with_user": ({"url": "https://bob@x.example/"}, "invalid_value", "url"),
    "url_with_password": ({"url": "https://bob:pw@x.example/1"}, "invalid_value", "url"),
    "title_empty": ({"title": ""}, "invalid_value", "title"),
    "title_of_two_lines": ({"title": "a\nb"}, "invalid_value", "title"),
    "title_with_direction_override": ({"title": "a\u202eb"}, "invalid_value", "title"),
    "title_with_lone_surrogate": ({"title": "a\ud800"}, "invalid_value", "title"),
    "status_unknown": ({"status": "Approved"}, "invalid_value", "status"),
    "requester_as_text": ({"requester": "alice"}, "wrong_type", "requester"),
    "requester_without_email": ({"requester": {"id": "a"}}, "missing_field", "requester.email"),
    "requester_not_ascii": ({"requester": person("аlice")}, "invalid_value", "requester.id"),
    "requester_null": ({"requester": None}, "wrong_type", "requester"),
    "email_without_domain": (
        {"requester": person("alice", email="alice")}, "invalid_value", "requester.email",
    ),
    "email_ends_with_dot": (
        {"requester": person("alice", email="alice@example.com.")},
        "invalid_value", "requester.email",
    ),
    "person_with_more": (
        {"requester": person("alice", role="admin")}, "unknown_field", "requester.role",
    ),
    "beneficiary_as_list": ({"beneficiary": []}, "wrong_type", "beneficiary"),
    "approvals_as_object": ({"approvals": {}}, "wrong_type", "approvals"),
    "approvals_too_many": ({"approvals": [approval("bob")] * 21}, "invalid_value", "approvals"),
    "decision_unknown": (
        {"approvals": [approval("bob", decision="approved")]},
        "invalid_value", "approvals[0].decision",
    ),
    "time_without_offset": (
        {"approvals": [approval("bob") | {"at": "2026-09-01T08:00:00"}]},
        "invalid_value", "approvals[0].at",
    ),
    "application_upper_case": ({"application": "Orders"}, "invalid_value", "application"),
    "application_of_one": ({"application": "o"}, "invalid_value", "application"),
    "application_ends_in_hyphen": ({"application": "orders-"}, "invalid_value", "application"),
    "application_double_hyphen": ({"application": "or--ders"}, "invalid_value", "application"),
    "application_with_slash": ({"application": "a/b"}, "invalid_value", "application"),
    "application_too_long": ({"application": "a" * 40}, "name_too_long", "application"),
    "application_lock": ({"application": "lock"}, "invalid_value", "application"),
    "application_lock_of": ({"application": "lock-orders"}, "invalid_value", "application"),
    "environment_with_hyphen": ({"environment": "pre-prod"}, "invalid_value", "environment"),
    "environment_too_long": ({"environment": "e" * 17}, "name_too_long", "environment"),
    "use_case_unknown": ({"use_case": "convenience"}, "unknown_use_case", "use_case"),
    "purpose_short": ({"purpose": "because"}, "invalid_value", "purpose"),
    "purpose_of_spaces": ({"purpose": " " * 20}, "invalid_value", "purpose"),
    "purpose_long": ({"purpose": "p" * 501}, "invalid_value", "purpose"),
    "purpose_with_escape_character": (
        {"purpose": "colourful \x1b[31m text"}, "invalid_value", "purpose",
    ),
    "permissions_none": ({"permissions": []}, "invalid_value", "permissions"),
    "permissions_six": ({"permissions": [_PERMISSION] * 6}, "too_many_permissions", "permissions"),
    "policy_in_permission": (
        {"permissions": [_PERMISSION | {"policy": "{}"}]},
        "unknown_field", "permissions[0].policy",
    ),
    "parameters_missing": (
        {"permissions": [{"template": "oss-prefix-read"}]},
        "missing_field", "permissions[0].parameters",
    ),
    "parameter_as_number": (
        {"permissions": [{"template": "oss-prefix-read", "parameters": {"bucket": 1}}]},
        "wrong_type", "permissions[0].parameters",
    ),
    "parameter_name_odd": (
        {"permissions": [{"template": "oss-prefix-read", "parameters": {"__class__": "x"}}]},
        "invalid_value", "permissions[0].parameters",
    ),
    "parameters_too_many": (
        {"permissions": [{"template": "tt", "parameters": {f"p{i}": "" for i in range(11)}}]},
        "invalid_value", "permissions[0].parameters",
    ),
    "parameter_too_long": (
        {"permissions": [{"template": "tt", "parameters": {"p": "x" * 257}}]},
        "invalid_value", "permissions[0].parameters",
    ),
    "template_odd": (
        {"permissions": [{"template": "../x", "parameters": {}}]},
        "invalid_value", "permissions[0].template",
    ),
    "consumer_is_user": (
        {"consumers": ["acs:ram::1234567890123456:user/bob"]}, "consumers_invalid", "consumers[0]",
    ),
    "consumer_with_wildcard": (
        {"consumers": ["acs:ram::1234567890123456:role/*"]}, "consumers_invalid", "consumers[0]",
    ),
    "consumers_too_many": (
        {"consumers": [f"{_ROLE}{i}" for i in range(11)]}, "consumers_invalid", "consumers",
    ),
    "consumers_as_text": ({"consumers": _ROLE}, "wrong_type", "consumers"),
    "network_as_list": ({"network": ["198.51.100.7"]}, "wrong_type", "network"),
    "source_ip_is_a_name": (_ips("gateway.example.com"), "source_ips_invalid",
                            "network.source_ips[0]"),
    "source_ip_with_zone": (_ips("fe80::1%eth0"), "source_ips_invalid", "network.source_ips[0]"),
    "source_ip_as_number": (_ips(3325256711), "wrong_type", "network.source_ips[0]"),
    "source_ips_too_many": (
        _ips(*(f"198.51.100.{i}" for i in range(17))), "source_ips_invalid", "network.source_ips",
    ),
    "ttl_zero": ({"ttl_seconds": 0}, "ttl_out_of_range", "ttl_seconds"),
    "ttl_negative": ({"ttl_seconds": -3600}, "ttl_out_of_range", "ttl_seconds"),
    "ttl_beyond_all_dates": ({"ttl_seconds": 10**15}, "ttl_out_of_range", "ttl_seconds"),
    "ttl_as_text": ({"ttl_seconds": "3600"}, "wrong_type", "ttl_seconds"),
    "ttl_as_boolean": ({"ttl_seconds": True}, "wrong_type", "ttl_seconds"),
    "rotation_never": ({"rotation_days": 0}, "invalid_value", "rotation_days"),
    "rotation_too_late": ({"rotation_days": 91}, "invalid_value", "rotation_days"),
    "rotation_as_text": ({"rotation_days": "30"}, "wrong_type", "rotation_days"),
    "rotation_of_nothing": ({"rotation_days": None}, "wrong_type", "rotation_days"),
    "wait_too_long": ({"rotation_wait_days": 61}, "invalid_value", "rotation_wait_days"),
    "wait_negative": ({"rotation_wait_days": -1}, "invalid_value", "rotation_wait_days"),
    "replaces_one_of_ours": ({"replaces": "akw-orders-prod"}, "invalid_value", "replaces"),
    "replaces_nobody": ({"replaces": ""}, "invalid_value", "replaces"),
    "replaces_a_principal": ({"replaces": "heidi@x.onaliyun.com"}, "invalid_value", "replaces"),
    "necessity_as_text": (
        {"necessity_confirmed": "true"}, "wrong_type", "necessity_confirmed",
    ),
    "necessity_as_number": ({"necessity_confirmed": 1}, "wrong_type", "necessity_confirmed"),
    "unknown_field": ({"policy": {}}, "unknown_field", "policy"),
    "unknown_field_that_could_be_anything": ({"X" * 30: 1}, "unknown_field", ""),
}  # fmt: skip

# What JSON Schema cannot say; the parser alone refuses it.
PARSER_REFUSES: dict[str, tuple[dict[str, Any], str, str]] = {
    "date_that_is_none": (
        {"approvals": [approval("bob") | {"at": "2026-02-30T08:00:00Z"}]},
        "invalid_value", "approvals[0].at",
    ),
    "ttl_as_float": ({"ttl_seconds": 3600.0}, "wrong_type", "ttl_seconds"),
    "source_ip_everything": (_ips("0.0.0.0/0"), "source_ips_invalid", "network.source_ips[0]"),
    "source_ip_everything_v6": (_ips("::/0"), "source_ips_invalid", "network.source_ips[0]"),
    "source_ip_too_wide": (_ips("10.0.0.0/8"), "source_ips_invalid", "network.source_ips[0]"),
    "source_ip_too_wide_v6": (_ips("2001:db8::/32"), "source_ips_invalid",
                              "network.source_ips[0]"),
    "source_ip_with_host_bits": (
        _ips("198.51.100.1", "203.0.113.7/24"), "source_ips_invalid", "network.source_ips[1]",
    ),
    "source_ip_out_of_range": (_ips("300.1.1.1"), "source_ips_invalid", "network.source_ips[0]"),
    "source_ip_with_leading_zero": (_ips("010.1.1.1"), "source_ips_invalid",
                                    "network.source_ips[0]"),
    "source_ip_loopback": (_ips("127.0.0.1"), "source_ips_invalid", "network.source_ips[0]"),
    "source_ip_v4_in_v6": (_ips("::ffff:198.51.100.7"), "source_ips_invalid",
                           "network.source_ips[0]"),
}  # fmt: skip

ALL = BOTH_REFUSE | PARSER_REFUSES


def bad_ticket(name: str) -> dict[str, Any]:
    """The ticket of that name."""
    return approved_ticket(**ALL[name][0])
