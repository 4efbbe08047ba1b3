"""config/templates.toml: what the lint lets through, and what it stops."""

from __future__ import annotations

from typing import Any

import pytest

from shared import templates
from shared.errors import ConfigError
from tests.unit.samples import TEMPLATES

_GOOD = """
[demo]
title = "Demo"
description = "Reads."
self_service = false
[demo.parameters.bucket]
pattern = "[a-z]+"
description = "The bucket."
example = "orders"
max_length = 63
[[demo.statements]]
Action = ["oss:GetObject"]
Resource = ["acs:oss:*:{account}:{bucket}/*"]
"""
_SELF = (
    _GOOD.replace("bucket", "user_name")
    .replace("self_service = false", "self_service = true")
    .replace("oss:GetObject", "ram:CreateAccessKey")
    .replace("acs:oss:*:{account}:{user_name}/*", "acs:ram:*:{account}:user/{user_name}")
)


def problems(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        templates.load(text)
    return caught.value.problems


def test_shipped_templates_are_those_that_are_promised() -> None:
    """The four for applications, and the two of RAM's page "Create an AccessKey"."""
    assert {
        "oss-prefix-read": False, "oss-prefix-read-write": False, "sls-logstore-write": False,
        "kms-secret-prefix-read": False, "self-service-access-key-create": True,
        "self-service-access-key-manage": True,
    } == {t.name: t.self_service for t in TEMPLATES.values()}  # fmt: skip


def test_good_template_becomes_ram_statements() -> None:
    """Statements are in RAM's own words, and always Allow."""
    demo = templates.load(_GOOD)["demo"]

    expected: tuple[dict[str, Any], ...] = ({
        "Effect": "Allow", "Action": ["oss:GetObject"],
        "Resource": ["acs:oss:*:{account}:{bucket}/*"],
    },)  # fmt: skip
    assert expected == demo.statements


@pytest.mark.parametrize(
    "action",
    ["*", "oss:*", "oss:Get*", "oss:GetObjec?", "GetObject", "oss:", "ram:CreateUser",
     "ram:CreateAccessKey", "RAM:PassRole", "sts:AssumeRole", "ims:CreateAccessKey",
     "ecs:RunCommand", "ECS:runcommand", "fc:UpdateFunction", "oss:PutBucketPolicy",
     "kms:SetSecretPolicy", "log:DeleteProject", "resourcemanager:CreateFolder",
     "actiontrail:StopLogging", "ros:CreateStack"],
)  # fmt: skip
def test_wide_or_escalating_action_is_refused(action: str) -> None:
    """A template names exact actions, and none that leads to more rights."""
    assert any(
        p.startswith("demo.statements[0].Action: ")
        for p in problems(_GOOD.replace("oss:GetObject", action))
    )


@pytest.mark.parametrize(
    "resource",
    ["*", "acs:oss:*:*:{bucket}/*", "acs:oss:*:1234567890123456:{bucket}/*",
     "acs:oss:*:{account}:*", "acs:oss:*:{account}:orders/*", "acs:oss:*:{account}:*/{bucket}",
     "acs:log:*:{account}:{bucket}/*", "acs:oss:{bucket}:{account}:{bucket}", "{bucket}",
     "acs:*:*:{account}:{bucket}", "acs:oss:*:{bucket}:x"],
)  # fmt: skip
def test_wide_resource_is_refused(resource: str) -> None:
    """A resource lies in this account and is scoped by a parameter."""
    assert any(
        p.startswith("demo.statements[0].Resource: ")
        for p in problems(_GOOD.replace("acs:oss:*:{account}:{bucket}/*", resource))
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("Action = ", 'NotAction = ["oss:PutObject"]\nAction = ', "statements[0].NotAction: "
                                                                  "is not known here"),
        ("Action = ", 'Effect = "Deny"\nAction = ', "statements[0].Effect: is not known here"),
        ('Action = ["oss:GetObject"]', "", "statements[0].Action: "
                                           "must be a list of at least 1 texts"),
        ("Action = ", 'Condition.Like."oss:Prefix" = ["x"]\nAction = ',
         "statements[0].Condition.Like: is no condition operator of RAM"),
        ('pattern = "[a-z]+"', 'pattern = "["', "parameters.bucket.pattern: is no regular "
                                                "expression: unterminated character set at "
                                                "position 0"),
        ('example = "orders"', 'example = "Orders"', "parameters.bucket.example: does not fit "
                                                     "pattern and max_length"),
        ("max_length = 63", "max_length = 3", "parameters.bucket.example: does not fit pattern "
                                              "and max_length"),
        ("{bucket}/*", "{bucket}/{key}", "parameters: {key} is used but not described"),
        ("[demo.parameters.bucket]", '[demo.parameters.key]\npattern="x"\ndescription="x"\n'
         'example="x"\nmax_length=1\n[demo.parameters.bucket]', "parameters.key: is never used"),
        ("[demo.parameters.bucket]", '[demo.unscoped_actions]\n"oss:GetObject" = "why not"\n'
         "[demo.parameters.bucket]", "unscoped_actions.oss:GetObject: has no statement on `*`"),
        ('title = "Demo"', "", "title: must be a text that is not empty"),
    ],
)  # fmt: skip
def test_wrong_template_is_told(old: str, new: str, expected: str) -> None:
    """Every fault of a template has its place."""
    assert f"demo.{expected}" in problems(_GOOD.replace(old, new))


def test_star_needs_a_reason() -> None:
    """`*` is allowed for an action only together with the reason why RAM has nothing narrower."""
    star = _SELF + '[[demo.statements]]\nAction = ["ram:ListAccessKeysInRecycleBin"]\n' + (
        'Resource = ["*"]\n'
    )
    reason = '[demo.unscoped_actions]\n"ram:ListAccessKeysInRecycleBin" = "All resources only."\n'

    assert 1 == len(problems(star))
    assert templates.load(star + reason)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("ram:CreateAccessKey", "ram:AttachPolicyToUser"),
        ("user/{user_name}", "user/{user_name}*"),
        ("user/{user_name}", "*"),
        ("user_name", "user"),
    ],
)
def test_self_service_is_for_the_one_user_and_its_keys(old: str, new: str) -> None:
    """The exception from the deny-list holds for a user's own AccessKeys and nothing else."""
    assert templates.load(_SELF)
    assert problems(_SELF.replace(old, new))


def test_file_without_templates_is_refused() -> None:
    """An empty file would refuse every ticket with a misleading reason."""
    assert problems("")
    assert problems(_GOOD.replace("[demo", "[Demo").replace("[[demo", "[[Demo"))
