"""Labels as the platform and the export read them."""

from collections.abc import Iterator
from typing import Any

from moderation.models import Label


def label_rows() -> Iterator[dict[str, Any]]:
    """Every label, oldest first, superseded ones included, in constant memory.

    content (the platform's id, null once erased), revision, policy, value (null: withdrawn), weight, why_shown,
    sampling_probability, decision, supersedes, split, created_at.
    """
    labels = Label.objects.select_related("revision__content", "revision__group", "policy").order_by("pk")
    for label in labels.iterator(chunk_size=2000):
        group = label.revision.group
        yield {
            "label": label.pk,
            "content": label.revision.content.external_id,
            "revision": label.revision.number,
            "policy": label.policy.slug,
            "value": label.value,
            "weight": label.weight,
            "why_shown": label.why_shown,
            "sampling_probability": label.sampling_probability,
            "decision": label.decision_id,
            "supersedes": label.supersedes_id,
            "split": group.split if group else None,
            "created_at": label.created_at.isoformat(),
        }
