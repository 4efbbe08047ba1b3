"""Connect the vendors beside the local cloud, as an administrator connects the real ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

from alibabacloud_kms20160120 import models as kms_models
from alibabacloud_kms20160120.client import Client as KmsClient
from Tea.exceptions import TeaException

from demo import (
    actors,
    dingtalk,
    dingtalk_robot,
    feishu,
    feishu_chat,
    github,
    itsm,
    jira,
    slack,
)  # fmt: skip
from demo.stage import KMS_INSTANCE, KMS_KEY, REGION, Stage

NAMES = ("dingtalk", "feishu", "jira", "github")  # whose records are fetched
ALL = (*NAMES, "slack", "feishu-chat", "dingtalk-robot", "eventbridge")
SIGNED = ("standard-webhooks", "servicenow")  # who send the whole ticket; always on
TRIED = (*SIGNED, *ALL)  # by `make try`


def _patiently(call: Callable[[], object]) -> None:
    """KMS takes ten in a second."""
    while True:
        try:
            call()
        except TeaException as err:
            if getattr(err, "code", "") != "Rejected.Throttling":
                raise
            time.sleep(0.3)
        else:
            return


def connect(stage: Stage, names: Sequence[str] = ALL) -> None:
    """Of each of these vendors its secrets in KMS, and the app's credentials at the vendor."""
    secrets = {
        "akwarden/in-dingtalk": dingtalk.channel_secret(),
        "akwarden/api-dingtalk": dingtalk.api_secret(),
        "akwarden/in-feishu": feishu.channel_secret(),
        "akwarden/api-feishu": feishu.api_secret(),
        "akwarden/in-jira": jira.channel_secret(),
        "akwarden/api-jira": jira.api_secret(),
        "akwarden/in-github": github.channel_secret(),
        "akwarden/api-github": github.api_secret(),
        "akwarden/in-slack": slack.channel_secret(),
        "akwarden/out-slack": slack.out_secret(),
        "akwarden/out-dingtalk": dingtalk.api_secret(),
        "akwarden/out-webhook": itsm.out_secret(),
        "akwarden/in-feishu-chat": feishu_chat.channel_secret(),
        "akwarden/out-feishu-chat": feishu_chat.bot_secret(),
        "akwarden/in-dingtalk-robot": dingtalk_robot.channel_secret(),
        "akwarden/out-dingtalk-robot": dingtalk_robot.out_secret(),
    }
    with stage.proxied():
        kms = KmsClient(actors.administrator(stage).config(f"kms.{REGION}.aliyuncs.com"))
        for name, value in secrets.items():
            if name.partition("-")[2] not in (*names, "webhook"):
                continue
            _patiently(partial(kms.create_secret, kms_models.CreateSecretRequest(
                secret_name=name, version_id="v1", secret_data=value, secret_data_type="text",
                dkmsinstance_id=KMS_INSTANCE, encryption_key_id=KMS_KEY)))  # fmt: skip
    stage.manage("POST", "/vendors/dingtalk", {
        "app": {"app_key": dingtalk.APP_KEY, "app_secret": dingtalk.APP_SECRET,
                "robot_key": dingtalk_robot.APP_KEY,
                "robot_secret": dingtalk_robot.APP_SECRET}})  # fmt: skip
    stage.manage("POST", "/vendors/feishu", {
        "app": {"app_id": feishu.APP_ID, "app_secret": feishu.APP_SECRET,
                "bot_id": feishu_chat.APP_ID, "bot_secret": feishu_chat.APP_SECRET}})  # fmt: skip
    stage.manage("POST", "/vendors/jira", {
        "app": {"email": jira.EMAIL, "api_token": jira.API_TOKEN}})  # fmt: skip
    stage.manage("POST", "/vendors/slack", {"app": {"bot_token": slack.TOKEN}})
    stage.manage("POST", "/vendors/github", {"app": {"token": github.TOKEN}})
