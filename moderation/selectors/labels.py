"""Labels as the platform and the export read them."""

from collections.abc import Iterator
from typing import Any

from moderation.enums import UNSEEN, Split, WhyShown
from moderation.models import Label, TrainingSetItem
from moderation.models.label import LabelQuerySet


def audited_labels(slug: str) -> LabelQuerySet:
    """Current labels of one policy that people gave to randomly audited texts, none of them ever trained on.

    Of known sampling probability. Texts of a near-duplicate group on the train side of any training set are left out,
    whatever policy they were trained on for.
    """
    trained = TrainingSetItem.objects.filter(split=Split.TRAIN, label__revision__group__isnull=False)
    return (
        Label.objects.current()
        .filter(policy__slug=slug, value__isnull=False, revision__erased_at__isnull=True)
        .filter(why_shown=WhyShown.RANDOM_AUDIT, sampling_probability__gt=0, sampling_probability__lte=1)
        .filter(revision__group__isnull=False)
        .exclude(decision__kind__in=UNSEEN)
        .exclude(revision__group__in=trained.values("label__revision__group"))
    )


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
