"""Policies, their versions, attachments and tags, through the SDK of RAM 2015-05-01."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.ram.versions import ROTATION
from tests.emulator.sdk import Sdk, ram


def document(action: str = "oss:GetObject") -> str:
    return json.dumps({"Version": "1", "Statement": [
        {"Effect": "Allow", "Action": action, "Resource": "*"}]})  # fmt: skip


@pytest.fixture
def admin(emulator: Any) -> Sdk:
    """The administrator, with a custom policy `p`."""
    client = ram(emulator)
    client("CreatePolicy", PolicyName="p", PolicyDocument=document(), Description="first",
           Tag=[{"Key": "owner", "Value": "akw"}])  # fmt: skip
    return client


P = {"PolicyName": "p", "PolicyType": "Custom"}


def test_policy_is_read_as_it_was_written(admin: Sdk) -> None:
    """Document kept as sent, version v1 the default, attachments counted."""
    admin("CreateUser", UserName="u")
    admin("AttachPolicyToUser", UserName="u", **P)

    answer = admin("GetPolicy", **P)

    assert answer["DefaultPolicyVersion"]["PolicyDocument"] == document()
    assert answer["DefaultPolicyVersion"]["IsDefaultVersion"] is True
    assert answer["Policy"].items() >= {
        "PolicyName": "p", "PolicyType": "Custom", "Description": "first",
        "DefaultVersion": "v1", "AttachmentCount": 1,
    }.items()  # fmt: skip


def test_longest_document_is_accepted(admin: Sdk) -> None:
    """6144 characters as sent, spaces included."""
    text = document() + " " * (6144 - len(document()))

    created = admin("CreatePolicy", PolicyName="a" * 128, PolicyDocument=text)

    assert created["Policy"]["DefaultVersion"] == "v1"


def test_list_is_filtered_by_type_and_tag_and_shows_descriptions(admin: Sdk) -> None:
    """Custom and system policies apart; tags doubly nested."""
    admin("CreatePolicy", PolicyName="q", PolicyDocument=document())
    tagged = admin("ListPolicies", Tag=[{"Key": "owner", "Value": "akw"}])["Policies"]["Policy"]
    custom = admin("ListPolicies", PolicyType="Custom")["Policies"]["Policy"]
    system = admin("ListPolicies", PolicyType="System")["Policies"]["Policy"]

    assert [(p["PolicyName"], p["Description"], p["Tags"]["Tag"]) for p in tagged] == [
        ("p", "first", [{"TagKey": "owner", "TagValue": "akw"}])
    ]
    assert [p["PolicyName"] for p in custom] == ["p", "q"]
    assert "AdministratorAccess" in {p["PolicyName"] for p in system}
    counts = {p["PolicyName"]: p["AttachmentCount"] for p in system}
    assert counts["AdministratorAccess"] == 1


def test_pages_hold_every_policy_once(admin: Sdk) -> None:
    """All pages together are the one big page."""
    seen: list[str] = []
    marker: dict[str, Any] = {}
    while True:
        page = admin("ListPolicies", MaxItems=4, **marker)
        seen += [p["PolicyName"] for p in page["Policies"]["Policy"]]
        if not page["IsTruncated"]:
            break
        marker = {"Marker": page["Marker"]}

    everything = [p["PolicyName"] for p in admin("ListPolicies")["Policies"]["Policy"]]
    assert seen == everything


def test_versions_are_made_default_and_deleted(emulator: Any, admin: Sdk) -> None:
    """Only the default version counts; another one can go."""
    made = admin("CreatePolicyVersion", PolicyName="p", PolicyDocument=document("oss:PutObject"))
    assert made["PolicyVersion"]["VersionId"] == "v2"
    assert made["PolicyVersion"]["IsDefaultVersion"] is False
    admin("SetDefaultPolicyVersion", PolicyName="p", VersionId="v2")
    admin("DeletePolicyVersion", PolicyName="p", VersionId="v1")

    versions = admin("ListPolicyVersions", **P)["PolicyVersions"]["PolicyVersion"]
    read = admin("GetPolicyVersion", VersionId="v2", **P)["PolicyVersion"]

    assert [(v["VersionId"], v["IsDefaultVersion"]) for v in versions] == [("v2", True)]
    assert read["PolicyDocument"] == document("oss:PutObject")
    assert admin("GetPolicy", **P)["Policy"]["DefaultVersion"] == "v2"


def test_rotation_drops_the_oldest_but_never_the_default(admin: Sdk) -> None:
    """Five versions, v1 the default: the sixth takes the place of v2."""
    for _ in range(4):
        admin("CreatePolicyVersion", PolicyName="p", PolicyDocument=document())

    sixth = admin("CreatePolicyVersion", PolicyName="p", PolicyDocument=document(),
                  RotateStrategy=ROTATION, SetAsDefault=True)  # fmt: skip

    versions = admin("ListPolicyVersions", **P)["PolicyVersions"]["PolicyVersion"]
    assert sixth["PolicyVersion"]["IsDefaultVersion"] is True
    assert [v["VersionId"] for v in versions] == ["v1", "v3", "v4", "v5", "v6"]
    assert [v["VersionId"] for v in versions if v["IsDefaultVersion"]] == ["v6"]


def test_cascading_deletion_takes_all_versions(admin: Sdk) -> None:
    """Booleans arrive as Python spells them."""
    admin("CreatePolicyVersion", PolicyName="p", PolicyDocument=document())

    admin("DeletePolicy", PolicyName="p", CascadingDelete=True)

    assert admin.refusal("GetPolicy", **P) == (404, "EntityNotExist.Policy")


def test_attachments_are_listed_from_both_sides(admin: Sdk) -> None:
    """What is attached to a user, and who holds a policy."""
    trust = json.dumps({"Version": "1", "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole",
         "Principal": {"Service": "fc.aliyuncs.com"}}]})  # fmt: skip
    admin("CreateUser", UserName="u", DisplayName="U")
    admin("CreateGroup", GroupName="g")
    admin("CreateRole", RoleName="r", AssumeRolePolicyDocument=trust)
    admin("AttachPolicyToUser", UserName="u", **P)
    admin("AttachPolicyToGroup", GroupName="g", **P)
    admin("AttachPolicyToRole", RoleName="r", **P)

    held = admin("ListPoliciesForUser", UserName="u")["Policies"]["Policy"]
    entities = admin("ListEntitiesForPolicy", **P)

    assert [(p["PolicyName"], p["PolicyType"], p["DefaultVersion"]) for p in held] == [
        ("p", "Custom", "v1")
    ]
    assert [u["UserName"] for u in entities["Users"]["User"]] == ["u"]
    assert [g["GroupName"] for g in entities["Groups"]["Group"]] == ["g"]
    assert [r["Arn"] for r in entities["Roles"]["Role"]] == ["acs:ram::1234567890123456:role/r"]
    admin("DetachPolicyFromUser", UserName="u", **P)
    assert admin("ListPoliciesForUser", UserName="u")["Policies"]["Policy"] == []


def test_description_is_changed(admin: Sdk) -> None:
    """1,024 characters of any script."""
    admin("UpdatePolicyDescription", PolicyName="p", NewDescription="述" * 1024)

    assert admin("GetPolicy", **P)["Policy"]["Description"] == "述" * 1024


def test_tags_of_policies_are_added_listed_and_taken(admin: Sdk) -> None:
    """RAM's list of tags is flat, and pages by NextToken."""
    admin("TagResources", ResourceType="policy", ResourceNames=["p"],
          Tag=[{"Key": "b", "Value": "2"}, {"Key": "c", "Value": ""}])  # fmt: skip
    first = admin("ListTagResources", ResourceType="policy", ResourceNames=["p"], PageSize=2)
    second = admin("ListTagResources", ResourceType="policy", ResourceNames=["p"], PageSize=2,
                   NextToken=first["NextToken"])  # fmt: skip
    admin("UntagResources", ResourceType="policy", ResourceNames=["p"], TagKeys=["b"])
    left = admin("ListTagResources", ResourceType="policy")["TagResources"]
    admin("UntagResources", ResourceType="policy", ResourceNames=["p"], All=True)

    rows = first["TagResources"] + second["TagResources"]
    assert [(r["ResourceName"], r["TagKey"], r["TagValue"]) for r in rows] == [
        ("p", "b", "2"), ("p", "c", ""), ("p", "owner", "akw"),
    ]  # fmt: skip
    assert "NextToken" not in second
    assert [row["TagKey"] for row in left] == ["c", "owner"]
    assert admin("ListTagResources", ResourceType="policy")["TagResources"] == []


def test_statement_object_is_a_choice(emulator: Any, admin: Sdk) -> None:
    """Refused unless switched on; then it counts."""
    text = json.dumps({"Version": "1", "Statement":
                       {"Effect": "Allow", "Action": "ram:*", "Resource": "*"}})  # fmt: skip
    refusal = admin.refusal("CreatePolicy", PolicyName="q", PolicyDocument=text)
    emulator.cloud.choices.statement_object_accepted = True

    admin("CreatePolicy", PolicyName="q", PolicyDocument=text)

    assert refusal == (400, "MalformedPolicyDocument")
    assert emulator.cloud.ram.named({("Custom", "q"): None})[0].statements[0].effect == "Allow"
