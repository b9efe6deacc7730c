"""What an endpoint is told, as JSON, signed as Standard Webhooks 1.0 has it."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from standardwebhooks import Webhook

from moderation.enums import OutboxTopic
from moderation.models import OutboxMessage, WebhookEndpoint
from moderation.services import appeal_links


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A POST ready to go: where to, its headers, its body."""

    url: str
    headers: dict[str, str]
    body: bytes


def signed_request(endpoint: WebhookEndpoint, message: OutboxMessage, now: datetime) -> SignedRequest:
    """The message as the endpoint gets it."""
    return sign(endpoint, key=str(message.key), body=_body(message), now=now)


def sign(endpoint: WebhookEndpoint, *, key: str, body: str, now: datetime) -> SignedRequest:
    """A signed request; while a rotation overlaps, both secrets sign and either verifies."""
    secrets = [endpoint.secret]
    if endpoint.previous_secret and endpoint.previous_secret_until and endpoint.previous_secret_until > now:
        secrets.append(endpoint.previous_secret)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Evenhand",
        "webhook-id": key,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(key, now, body) for secret in secrets),
    }
    return SignedRequest(endpoint.url, headers, body.encode())


def as_json(envelope: dict[str, Any]) -> str:
    """Compact, the same text for the same rows."""
    return json.dumps(envelope, separators=(",", ":"))


def _body(message: OutboxMessage) -> str:
    """Made from the rows as they are now: references and verdicts, never a text."""
    decision, action = message.decision, message.action
    data: dict[str, Any] = {
        "decision": decision.pk,
        "kind": decision.kind,
        "supersedes": decision.supersedes_id,
        "case_id": decision.case_id,
        "content_id": message.content.external_id,
        "verdict": decision.verdict,
        "policies": list(decision.policies),
        "action": action.kind if action else None,
        "action_id": action.pk if action else None,
        "reverses": action.reverses_id if action else None,
    }
    if message.topic == OutboxTopic.DECISION_MADE:
        data["appeal_url"] = appeal_links.link(decision)
    return as_json({"type": message.topic, "timestamp": message.created_at.isoformat(), "data": data})
