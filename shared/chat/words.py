"""Every sentence that a chat is answered with, in English and in Chinese."""

from __future__ import annotations

from collections.abc import Iterable

from shared.chat import LANGUAGES, grammar, refusals_zh
from shared.chat.grammar import Misread
from shared.refusals import REASONS, Denied
from shared.use_cases import ALTERNATIVES

_SENTENCES: dict[str, tuple[str, str]] = {
    "one_moment": ("One moment …", "请稍候……"),
    "access_key": (
        "Your message holds something like an AccessKey. It was not passed on or kept by akwarden, "
        "but the chat has it: delete the message. If the key is real, have it revoked now.",
        "消息里含有类似 AccessKey 的内容。akwarden 没有转发或保存它，"
        "但聊天里已经有了：请删除该消息。如果密钥是真的，请立即吊销。",
    ),
    "not_signed": (
        "In this chat I only show things: DingTalk does not sign what is said here, so somebody "
        "else could ask in your name. To request, approve or change something use the approval "
        "form, or a chat that is signed (Slack, Feishu).",
        "在这里我只能查询：钉钉没有对消息内容签名，别人可能冒用你的名义。"
        "如需申请、审批或变更，请使用审批表单，或内容有签名的聊天（Slack、飞书）。",
    ),
    "access_key_cut": (
        "Your message holds an AccessKey and its secret. Delete the message. If the key is one of "
        "akwarden's, it is being revoked as leaked.",
        "消息里含有 AccessKey 及其密文。请删除该消息。如果它由 akwarden 管理，现在按泄露吊销。",
    ),
    "key_in_form": (
        "This holds something like an AccessKey. It was not passed on or kept by akwarden: take it "
        "out. If the key is real, have it revoked now.",
        "内容里含有类似 AccessKey 的文字。akwarden 没有转发或保存它：请删去。"
        "如果密钥是真的，请立即吊销。",
    ),
    "key_in_form_cut": (
        "This holds an AccessKey and its secret: take them out. If the key is one of akwarden's, "
        "it is being revoked as leaked.",
        "内容里含有 AccessKey 及其密文：请删去。如果它由 akwarden 管理，现在按泄露吊销。",
    ),
    "form": ("Ask for an AccessKey", "申请 AccessKey"),
    "form_submit": ("Ask", "申请"),
    "form_close": ("Cancel", "取消"),
    "form_opened": ("Fill in the window; I answer here.", "请填写弹出的表单；我会在这里回复。"),
    "form_needed": ("This is needed.", "必填。"),
    "form_too_old": (
        "This window is too old for my answer to reach you: copy what you need, and ask for a new "
        "one.",
        "表单打开太久，我已无法回复：请复制需要的内容，重新打开一个。",
    ),
    "form_application": ("Application (a-z, 0-9, hyphens)", "应用（a-z、0-9、连字符）"),
    "form_environment": ("Environment", "环境"),
    "form_template": ("What it may do: template", "权限模板"),
    "form_parameters": ("The template's parameters, one a line: name=value",
                        "模板参数，每行一个：name=value"),
    "form_ttl": ("Lifetime, such as 12h, 30d or 4w", "有效期，如 12h、30d、4w"),
    "form_purpose": ("What it is for", "用途"),
    "form_use_case": ("Where it is used", "使用场景"),
    "form_consumers": ("RAM roles that read the secret, with commas",
                       "可读取凭据的 RAM 角色，用逗号分隔"),
    "form_source_ips": ("Addresses that it is used from, with commas", "来源 IP，用逗号分隔"),
    "form_necessity": ("Is a long-lived key necessary?", "确实需要长期密钥吗？"),
    "form_yes": ("Yes: neither an STS token nor a RAM role will do",
                 "是：STS 令牌和 RAM 角色都不适用"),
    "form_alternative": ("Why not an STS token or a RAM role?",
                         "为什么不能用 STS 令牌或 RAM 角色？"),
    "unavailable": ("akwarden cannot take this now; try again in a minute.",
                    "akwarden 暂时无法处理，请一分钟后再试。"),
    "unknown_person": (
        "I do not know you. Ask whoever runs akwarden to add {person} to config/people.toml.",
        "我不认识你。请让 akwarden 的管理员把 {person} 加入 config/people.toml。",
    ),
    "refused": ("Refused.", "已拒绝。"),
    "stopped": ("Issuing is stopped for now; revoking goes on.", "目前已停止签发；吊销照常。"),
    "not_ours": ("{ticket} was not asked for in a chat.", "{ticket} 不是在聊天里申请的。"),
    "not_yours": (
        "{ticket} is not yours: who asked for it, and who may approve there, can do that.",
        "{ticket} 不属于你：只有申请人和该环境的审批人可以这样做。",
    ),
    "which_grant": ("{ticket} fits several grants; name the ticket.",
                    "{ticket} 对应多个授权，请写明编号。"),
    "no_grant": ("{ticket} has no live grant.", "{ticket} 没有有效的授权。"),
    "card": (
        "{ticket}: {requester} asks for an AccessKey ({action})\n"
        "application {application}, environment {environment}\ntemplates {templates}\n"
        "lifetime {days}, approvals needed {quorum}",
        "{ticket}：{requester} 申请 AccessKey（{action}）\n应用 {application}，环境 {environment}\n"
        "模板 {templates}\n有效期 {days}，需要 {quorum} 人批准",
    ),
    "card_for": ("for {person}", "使用人 {person}"),
    "card_replaces": ("takes the place of the RAM user {user}", "取代 RAM 用户 {user}"),
    "all_of_it": (
        "purpose {purpose}\nuse case {use_case}\npermissions\n{permissions}\nreaders {readers}\n"
        "addresses {addresses}\nwhy not without a key {alternative}\nrotation {rotation}",
        "用途 {purpose}\n场景 {use_case}\n权限\n{permissions}\n读取者 {readers}\n"
        "来源地址 {addresses}\n为何不能不用密钥 {alternative}\n轮换 {rotation}",
    ),
    "approve": ("Approve", "同意"),
    "reject": ("Reject", "拒绝"),
    "details": ("Details", "详情"),
    "approved_by": ("Approved by {people}.", "{people} 已同意。"),
    "rejected_by": ("Rejected; decided by {people}.", "已拒绝；决定人 {people}。"),
    "so_far": ("So far: {people}. More approvals are needed.",
               "目前：{people}。还需要更多人批准。"),
    "voted_already": ("You have decided on {ticket} already.", "你已经对 {ticket} 做过决定。"),
    "was_cancelled": ("{ticket} was cancelled.", "{ticket} 已取消。"),
    "was_rejected": ("{ticket} was rejected.", "{ticket} 已被拒绝。"),
    "ran_out": ("{ticket} was not decided in time; ask for it again.",
                "{ticket} 未在有效时间内决定，请重新申请。"),
    "was_served": ("{ticket} was served already.", "{ticket} 已经处理过。"),
    "cancelled": ("{ticket} is cancelled.", "{ticket} 已取消。"),
    "at_work": ("{ticket} is still being worked on; ask `status {ticket}` in a while.",
                "{ticket} 还在处理中；稍后请用 `status {ticket}` 查询。"),
    "not_served": ("{ticket} was refused: {reason}. {sentence}",
                   "{ticket} 被拒绝：{reason}。{sentence}"),
    "served": ("{ticket} is done.", "{ticket} 已完成。"),
    "issued": (
        "{ticket} is issued: secret {secret}, version {key_id} (its id is the AccessKey's). Read "
        "it with the role that was named:\naliyun kms GetSecretValue --SecretName {secret}",
        "{ticket} 已签发：凭据 {secret}，版本 {key_id}（版本号即 AccessKey ID）。"
        "请用申请时写明的角色读取：\naliyun kms GetSecretValue --SecretName {secret}",
    ),
    "rotating": ("The key of {ticket} is being replaced.", "正在轮换 {ticket} 的密钥。"),
    "rotated": (
        "The key of {ticket} was replaced: readers of {secret} get version {key_id} (its id is the "
        "AccessKey's) now; the former one works until it is not used any more.",
        "{ticket} 的密钥已轮换：读取 {secret} 现在得到版本 {key_id}（版本号即 AccessKey ID）；"
        "旧密钥在不再使用之前仍然有效。",
    ),
    "revoking": ("The grant of {ticket} is being ended ({reason}).",
                 "正在吊销 {ticket} 的授权（{reason}）。"),
    "revoked": ("The grant of {ticket} is ended: its key is gone.",
                "{ticket} 的授权已结束：密钥已删除。"),
    "disabling": ("The key of {ticket} is being disabled.", "正在停用 {ticket} 的密钥。"),
    "key_off": (
        "The key of {ticket} is disabled: nothing can be done with it, and everything is kept. "
        "Who may approve there gives it back with `enable {ticket}`; until then its time goes on.",
        "{ticket} 的密钥已停用：不能再使用，其余全部保留。该环境的审批人可以用 "
        "`enable {ticket}` 恢复；有效期照常计算。",
    ),
    "enabling": ("The key of {ticket} is being enabled.", "正在启用 {ticket} 的密钥。"),
    "key_on": ("The key of {ticket} works again.", "{ticket} 的密钥已恢复使用。"),
    "not_switched": ("{ticket}: there is nothing left to change ({reason}).",
                     "{ticket}：没有需要变更的内容（{reason}）。"),
    "not_to_enable": (
        "{ticket} is enabled by who may approve there, and not by who asked for it.",
        "{ticket} 只能由该环境的审批人启用，申请人本人不可以。",
    ),
    "no_key": ("{ticket} has no key of its own: see `revoke`.",
               "{ticket} 没有自己的密钥：请用 `revoke`。"),
    "is_disabled": ("The key of {ticket} is disabled: `enable {ticket}` comes first.",
                    "{ticket} 的密钥已停用：请先 `enable {ticket}`。"),
    "disabled": ("disabled", "已停用"),
    "you_are": (
        "You are {person}. You may approve: {approves}.",
        "你是 {person}。你可以批准：{approves}。",
    ),
    "but_not_for": ("{environment} (but not for {applications})",
                    "{environment}（{applications} 除外）"),
    "nothing_to_approve": ("nothing", "无"),
    "template": ("{name}: {parameters}", "{name}：{parameters}"),
    "grant": (
        "{ticket}: {application} {environment}, {requester}, since {date}, {state}",
        "{ticket}：{application} {environment}，{requester}，自 {date}，{state}",
    ),
    "live": ("live", "有效"),
    "ended": ("ended", "已结束"),
    "waiting": ("{ticket}: {application} {environment}, {requester}, waits for approval",
                "{ticket}：{application} {environment}，{requester}，等待批准"),
    "refused_because": ("{ticket} was refused: {reason}.", "{ticket} 被拒绝：{reason}。"),
    "nothing_found": ("Nothing that is yours.", "没有属于你的内容。"),
    "more": ("… {left} more: page={page}", "……还有 {left} 条：page={page}"),
    "glass_broken": (
        "{ticket}: BREAK-GLASS. {requester} takes access without approval, because of {incident}\n"
        "application {application}, environment {environment}\ntemplates {templates}\n"
        "for {hours} h. Somebody else who may approve there has to review it: review {ticket} "
        "ticket=…",
        "{ticket}：紧急取用。{requester} 因 {incident} 未经批准取得访问权\n"
        "应用 {application}，环境 {environment}\n模板 {templates}\n时长 {hours} 小时。"
        "须由该环境的另一位审批人复核：review {ticket} ticket=…",
    ),
    "no_glass_broken": ("{ticket} is no access without approval.", "{ticket} 不是紧急取用。"),
    "may_not_review": (
        "{ticket} is reviewed by somebody who may approve there, and who did not ask for it.",
        "{ticket} 须由该环境的审批人复核，且不能是申请人本人。",
    ),
    "reviewed_already": ("{ticket} is reviewed already.", "{ticket} 已经复核过。"),
    "reviewed": ("{ticket} is reviewed by {person}: {review}.",
                 "{ticket} 已由 {person} 复核：{review}。"),
    "told_break_glass": (
        "{ticket}: BREAK-GLASS. {requester} took access for {application} {environment} without "
        "approval, because of {reason}. Somebody else who may approve there has to look at it, "
        "open a ticket for the review, and say in a chat: review {ticket} ticket=…",
        "{ticket}：紧急取用。{requester} 因 {reason} 未经批准取得 {application} {environment} "
        "的访问权。须由该环境的另一位审批人查看、建立复核工单，并在聊天中说："
        "review {ticket} ticket=…",
    ),
    "told_issued": (
        "{ticket}: the AccessKey of {application} {environment} is issued: secret {secret}, "
        "version {key_id} (its id is the AccessKey's). Read it with the role that was named:\n"
        "aliyun kms GetSecretValue --SecretName {secret}",
        "{ticket}：{application} {environment} 的 AccessKey 已签发：凭据 {secret}，"
        "版本 {key_id}（版本号即 AccessKey ID）。请用申请时写明的角色读取：\n"
        "aliyun kms GetSecretValue --SecretName {secret}",
    ),
    "told_granted": ("{ticket}: {application} {environment} may manage its own AccessKeys.",
                     "{ticket}：{application} {environment} 现在可以管理自己的 AccessKey。"),
    "told_extended": ("{ticket}: the grant of {application} {environment} lasts longer.",
                      "{ticket}：{application} {environment} 的授权已延期。"),
    "told_amended": ("{ticket}: what {application} {environment} may do is changed.",
                     "{ticket}：{application} {environment} 的权限已变更。"),
    "told_refused": ("{ticket} ({application} {environment}) was refused: {reason}. {sentence}",
                     "{ticket}（{application} {environment}）被拒绝：{reason}。{sentence}"),
    "told_expiring": (
        "{ticket}: the grant of {application} {environment} ends within {within}, at {ends}. "
        "To keep it, have an extension approved before.",
        "{ticket}：{application} {environment} 的授权将在 {within} 内结束（{ends}）。"
        "如需保留，请在此之前获批延期。",
    ),
    "told_rotated": (
        "{ticket}: the key of {application} {environment} was replaced. Readers of {secret} get "
        "version {key_id} (its id is the AccessKey's) now; the former one works until it is not "
        "used any more.",
        "{ticket}：{application} {environment} 的密钥已轮换。读取 {secret} 现在得到版本 {key_id}"
        "（版本号即 AccessKey ID）；旧密钥在不再使用之前仍然有效。",
    ),
    "told_ended": ("{ticket}: what it granted to {application} {environment} has ended ({reason}).",
                   "{ticket}：{application} {environment} 的授权已结束（{reason}）。"),
    "told_failed": (
        "{ticket}: issuing for {application} {environment} did not come to an end; what it had "
        "made is removed. The ticket is unused and may be sent again.",
        "{ticket}：{application} {environment} 的签发未能完成，已创建的内容已清除。"
        "该工单未被使用，可以重新发送。",
    ),
    "help": (
        "What I understand, each with an example:\n{examples}\n"
        "Never send an AccessKey here; secrets are in KMS and nowhere else.",
        "我懂这些命令（附例子）：\n{examples}\n请不要在这里发送 AccessKey；密文只在 KMS 里。",
    ),
    grammar.UNKNOWN_VERB: ("I do not know that word.", "我不认识这个命令。"),
    grammar.NO_TARGET: ("Which one? An id is missing.", "哪一个？缺少编号。"),
    grammar.MISSING: ("Something is missing", "缺少内容"),
    grammar.TWICE: ("Given twice", "重复给出"),
    grammar.STRAY: ("There is a word that I cannot place; values with spaces need quotes.",
                    "有无法识别的词；带空格的值需要引号。"),
    grammar.UNKNOWN_FIELD: ("It does not take that", "不支持该项"),
    grammar.TOO_LONG: ("That is too long.", "内容太长。"),
    "did_you_mean": ("Did you mean", "你是想说"),
    "for_example": ("For example: {example}", "例如：{example}"),
}  # fmt: skip


_ADVICE_ZH = {english: refusals_zh.ALTERNATIVES[case] for case, english in ALTERNATIVES.items()}


def say(language: str, key: str, **values: object) -> str:
    """The sentence with its values."""
    return _SENTENCES[key][LANGUAGES.index(language)].format(**values)


def refused(language: str, denied: Denied) -> str:
    """In words: the reason, where, and what to do instead."""
    where = f" ({denied.where})" if denied.where else ""
    told = f"{denied.reason}{where}: {sentence(language, denied.reason)}"
    advice = _ADVICE_ZH.get(denied.advice, denied.advice) if language == "zh" else denied.advice
    return " ".join(filter(None, [say(language, "refused"), told, advice]))


def sentence(language: str, reason: str) -> str:
    """A refusal's own; empty for a word that is no reason of a refusal."""
    if reason not in REASONS:
        return ""
    return refusals_zh.SENTENCES[reason] if language == "zh" else REASONS[reason][1]


def misread(language: str, found: Misread) -> str:
    """What is wrong, what may have been meant, and an example that works."""
    told = say(language, found.reason)
    if found.about:
        lead = f"{say(language, 'did_you_mean')} " if found.reason == grammar.UNKNOWN_VERB else ""
        told = f"{told.rstrip('.')}: {lead}{', '.join(found.about)}."
    return f"{told} {say(language, 'for_example', example=found.example)}"


def help_text(language: str, verbs: Iterable[str] = grammar.VERBS) -> str:
    """These verbs by their examples."""
    return say(language, "help", examples="\n".join(grammar.VERBS[v].example for v in verbs))
