"""Each refusal's own sentence in Chinese, and each way without a key; in English they are those of
`shared/refusals.py` and `shared/use_cases.py`, by the same reasons and use cases."""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    # The delivery.
    "invalid_signature": "签名与请求不符；请用共享密钥对发送的原始字节签名。",
    "delivery_too_old": "投递的时间太早；请用新的时间戳重新发送。",
    "delivery_from_the_future": "投递的时间戳在未来；请校准发送方的时钟后重新发送。",
    "other_tenant": "该投递属于另一个租户或应用；请改正订阅。",
    "offer_unusable": "按钮里没有 akwarden 签过名的内容；请重新申请。",
    "offer_expired": "该申请已超过八小时；请重新申请。",
    "request_too_long_for_chat": "申请内容放不进按钮；请在工单系统中提交。",
    "chat_may_not_approve": "该环境的申请不能在聊天中审批（AKWARDEN_CHAT_APPROVALS）；"
                            "请在工单系统中提交。",
    "break_glass_off": "这里没有未经批准的访问：由 AKWARDEN_BREAK_GLASS 和 config/rules.toml 的 "
                       "`[break_glass]` 决定哪里可以。请用 `request` 申请。",
    "break_glass_not_allowed": "你不在可以未经批准取得访问权的人之列，或者在为别人申请。"
                               "请用 `request` 申请。",
    "break_glass_stays_as_it_is": "无人批准的授权不能延期或变更；请用工单另行申请："
                                  "换一个应用名，或等它结束之后。",
    "too_many_requests": "你今天的申请数已达到每人上限（AKWARDEN_CHAT_REQUESTS）；"
                         "请明天再申请，或请别人申请。",
    "unknown_path": "该路径上没有服务；签名的 webhook 发到 `/`，各厂商的事件发到以其命名的路径。",
    "source_not_enabled": "该来源没有启用；请写入 AKWARDEN_SOURCES 和 config/sources.toml。",
    "body_too_large": "请求体超过 98304 字节；请缩短工单的文字。",
    "not_json": "请求体不是 UTF-8 编码的有效 JSON；请发送一个 JSON 对象。",
    "duplicate_key": "JSON 对象中有重复的键，含义不明；每个键只能出现一次。",
    "contains_access_key": "文字里含有类似 AccessKey 的内容，已被丢弃；请停用该密钥，"
                           "从工单中删去后重新发送。",
    # A vendor's record.
    "record_not_found": "来源系统没有这条记录，或不允许查看；没有执行任何操作。",
    "record_unreadable": "记录与来源系统的文档不符；没有执行任何操作。需要人工查看。",
    "record_changes_another": "该记录修改的是先前已批准的另一条，其授权保持不变；"
                              "请撤回那一条并重新申请，或提交变更。",
    "requester_unknown": "申请人不在 config/people.toml 中，可能就是审批人之一；请先添加。",
    "beneficiary_unknown": "将得到密钥的人不在 config/people.toml 中，可能就是审批人之一；"
                           "请填写其中的邮箱地址，或先添加。",
    # The ticket's form.
    "unknown_field": "工单中有 schema 之外的字段；请删去。",
    "missing_field": "缺少必填字段；请补上。",
    "wrong_type": "字段的 JSON 类型不对；请参照 schema。",
    "invalid_value": "字段的值不符合格式或超出限制；请参照 schema。",
    "name_too_long": "应用或环境的名称太长，无法作为 RAM 用户名；请缩短。",
    "unknown_use_case": "未知的使用场景；请从 schema 中选择。",
    "too_many_permissions": "一张工单最多 5 项权限；请拆分。",
    "consumers_invalid": "读取者不是 RAM 角色的 ARN（acs:ram::<account>:role/<name>），"
                         "或超过 10 个；请写明要读取凭据的角色。",
    "source_ips_invalid": "来源 IP 不是可用的地址或网段，或网段太宽；请写地址、/16 或更窄的 IPv4 "
                          "网段、/48 或更窄的 IPv6 网段。",
    # The decision.
    "ticket_not_approved": "工单的状态不是已批准；没有执行任何操作。",
    "ticket_not_revoked": "要吊销的工单，其状态既不是已吊销、已撤回，也不是已批准；"
                          "没有执行任何操作。",
    "unknown_environment": "config/rules.toml 中没有该环境；请选择其中之一。",
    "template_not_allowed": "该环境不允许使用这个模板；请换一个，或询问环境的负责人。",
    "necessity_not_confirmed": "工单没有确认必须使用 AccessKey；"
                               "请采用推荐的替代方案，或确认必要性。",
    "ttl_out_of_range": "有效期超出该环境的限制；请修改。",
    "source_ips_required": "该环境要求填写来源 IP；请写明应用调用时使用的地址。",
    "source_not_allowed_here": "该来源的工单不能申请这个环境或模板（config/sources.toml）；"
                               "请在允许的地方提交。",
    "consumer_not_allowed": "有读取者不在该环境的允许名单中；请换一个角色，或询问环境的负责人。",
    "approval_rejected": "有审批人拒绝了该工单，不可更改；请另开工单。",
    "approvals_missing": "批准该工单的人数不够；请再找一位审批人。",
    "approver_is_requester": "申请密钥的人和将得到密钥的人不能批准；请找另一位审批人。",
    "approver_not_allowed": "有审批人无权在该环境为该应用批准这个模板；请找有权的人。",
    "approval_too_old": "对该环境来说批准的时间太早；请重新批准。",
    "grant_nearly_over": "有效期从批准时起算，所剩太少；请重新批准。",
    "approval_in_the_future": "批准的时间在未来；请校准工单系统的时钟后重新批准。",
    # The policy.
    "unknown_template": "config/templates.toml 中没有该模板；请选择其中之一。",
    "parameter_missing": "缺少模板的参数；请补上。",
    "parameter_unknown": "模板没有这个参数；请删去。",
    "parameter_invalid": "参数不符合格式或太长；请参照模板的说明。",
    "wildcard_not_allowed": "参数中有通配符；请写出资源的准确名称。",
    "own_assets_touched": "工单涉及 akwarden 自身的资源；请改用其他资源。",
    "policy_too_long": "权限策略超过 RAM 的 6144 个字符；请拆分工单。",
    "mixed_self_service": "自助权限与其他种类或其他用户的权限放在了一起；请拆分工单。",
    "consumers_required": "工单没有写明可以读取凭据的角色；请至少写一个。",
    "consumers_unexpected": "自助授权没有可供读取的凭据；请删去读取者。",
    "payload_malformed": "事件既不来自定时器，也不是该函数认识的；没有执行任何操作。",
    "no_such_grant": "该环境中没有这个应用的授权；请核对两个名称。",
    "grant_unreadable": "该授权的用户和策略上的内容没有 akwarden 的签名；需要人工查看。",
    "grant_over": "授权已结束，或吊销已经开始；需要新的授权请另开工单。",
    "amendment_differs": "变更只能修改权限和地址：读取者和轮换必须与现有授权一致，"
                         "也不能取消来源限制；请吊销后另开工单。",
    "amendment_shortens": "现有授权的期限比工单申请的更长，而变更不改动期限；"
                          "请申请至少到授权结束时的有效期。",
    "amendment_overtaken": "授权现有的内容是在该工单之后批准的；没有变更。",
    "amendment_not_possible": "自助授权没有由我们管理的密钥；请在它结束后另开工单。",
    "nothing_to_amend": "授权已经具有这些权限和地址；没有变更。",
    "extension_differs": "工单申请的内容与现有授权不同，而这里只能延长期限；"
                         "请申请相同的内容，或吊销后另开工单。",
    "extension_shortens": "现有授权的期限比工单申请的更长；没有变更。",
    "extension_not_possible": "自助授权没有由我们管理、可以记录新期限的用户；"
                              "请在它结束后另开工单。",
    "replaces_unexpected": "自助授权不会创建可以取代旧密钥的密钥；请删去 `replaces`。",
    "rotation_unexpected": "自助授权没有可由我们轮换的密钥；请删去轮换天数。",
    # The ledger and the cloud.
    "grant_too_long": "授权的内容放不进承载它的标签和描述；请缩短名称和列表。",
    "ticket_consumed": "该工单已使用或已吊销；请另开工单。",
    "application_has_live_key": "该应用在此环境已有另一张工单的有效密钥；"
                                "请先吊销它，或变更其授权。",
    "name_in_use": "同名的 RAM 用户、策略或凭据已存在，且不属于 akwarden；请改名或将其移除。",
    "name_in_recycle_bin": "RAM 回收站中有同名的已删除用户，且不属于 akwarden；"
                           "请彻底删除它，或给应用改名，然后另开工单。",
    "user_not_found": "要自己管理密钥的 RAM 用户不存在；请创建或改正。",
    "ticket_changed": "该工单先前以不同的内容到达，其授权已存在；请另开工单。",
    "secret_being_deleted": "KMS 仍在删除该应用先前的凭据；请等删除窗口结束，或恢复它，"
                            "然后另开工单。",
    "unexpected_keys": "该 RAM 用户有此类工单不可能留下的密钥；请让管理员查看。",
    "issuing_stopped": "管理员已停止所有签发、延期和变更；没有执行任何操作，请稍后重新发送。",
    "too_many_for_person": "申请人的授权数已达到 config/rules.toml 允许的每人上限；"
                           "请等待或结束其中一个，然后另开工单。",
    "too_many_for_application": "该应用的授权数已达到 config/rules.toml 允许的上限；"
                                "请等待或结束其中一个，然后另开工单。",
    "too_many_for_account": "账号的授权数已达到 config/rules.toml 允许的上限；"
                            "请等待或结束其中一个，然后另开工单。",
    "too_many_failures": "该工单的每次尝试都失败了，不再重试；请让管理员查看。",
    "over_the_cap": "该指令选中的授权超过一次可以结束的数量，没有变更；"
                    "请查看选中的内容，然后缩小范围或提高 `at_most`。",
}  # fmt: skip

ALTERNATIVES: dict[str, str] = {
    "cli": "请用云 SSO 登录阿里云 CLI，或使用云命令行（Cloud Shell）：两者都使用临时凭证。",
    "local-code": "请用云 SSO 登录，由 SDK 的默认凭据链取得临时凭证，"
                  "或通过 STS AssumeRole 扮演 RAM 角色。",
    "cloud-workload": "请让工作负载使用自己的 RAM 角色：ECS 和 ECI 用实例角色，"
                      "ACK 用 RRSA（OIDC），函数计算用函数角色。",
    "third-party": "请让第三方以外部 ID 扮演受信账号的 RAM 角色，"
                   "或在其产品支持时使用 OIDC 单点登录。",
    "ci-cd": "请让流水线用 OIDC 令牌换取临时凭证（STS AssumeRoleWithOIDC）。",
    "on-premises": "请让应用用企业身份提供商的 SAML 或 OIDC 令牌，或用证书"
                   "（IDaaS、RAM Roles Anywhere）换取临时凭证。",
    "other": "请看 RAM 角色和 STS AssumeRole 是否可行；临时凭证会自行失效。",
}  # fmt: skip
