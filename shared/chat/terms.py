"""What a request that is made in a chat is judged by, before anybody has to look at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared import approvals, policies, tickets
from shared.policies import Assets
from shared.refusals import Denied
from shared.rules import Rules
from shared.templates import Template
from shared.tickets import Ticket

OFF, NON_PRODUCTION, EVERYWHERE = "off", "non-production", "all"  # where a chat may approve


@dataclass(frozen=True)
class Terms:
    """Rules, templates, and where chats may approve; `assets` are what no grant may touch."""

    rules: Rules
    templates: Mapping[str, Template]
    assets: Assets
    chat_approvals: str

    def refusal(self, ticket: Ticket) -> Denied | None:
        """Why it could not be served, once approved."""
        denied = approvals.terms_refusal(ticket, self.rules) or self.approval_refusal(ticket)
        if denied:
            return denied
        document = policies.document(ticket, self.templates, self.assets)
        return document if isinstance(document, Denied) else None

    def approval_refusal(self, ticket: Ticket) -> Denied | None:
        """Whether chats may approve it."""
        allowed = self.may_be_approved(ticket.environment)
        return None if allowed else Denied("chat_may_not_approve", "environment")

    def may_be_approved(self, name: str) -> bool:
        """Whether chats may approve in that environment."""
        environment = self.rules.environments.get(name)
        production = environment is None or environment.production
        return self.chat_approvals == EVERYWHERE or (
            self.chat_approvals == NON_PRODUCTION and not production)


def ticket_of(
    content: Mapping[str, Any], *, id: str, url: str, kind: str, who: str
) -> Ticket | Denied:
    """What somebody asks for in a chat, without votes. `content` is that of `shared.forms`."""
    return tickets.parse({
        **content, "id": id, "url": url, "status": "pending", "approvals": [],
        "title": f"AccessKey for {content.get('application', '?')} (asked for in {kind})",
        "requester": {"id": who, "email": who},
    }, source=kind)  # fmt: skip
