"""Near-duplicate groups: which texts count as one, so that they stay on one side of the split."""

from collections.abc import Sequence

from ml import sampling
from moderation.models import ContentRevision, TextGroup, TextGroupBand


def assign_group(revision: ContentRevision) -> TextGroup:
    """Put the revision into the group of its near-duplicates, or found one; done at first sight, for good.

    A text near to groups on two sides of the split joins the oldest of them and is marked ``bridges_split``.
    """
    bands = sampling.minhash_bands(revision.text)
    groups = list(TextGroup.objects.filter(bands__value__in=bands).distinct().order_by("pk"))
    group = groups[0] if groups else _found_group(bands)
    if groups:
        TextGroupBand.objects.bulk_create(
            [TextGroupBand(value=value, group=group) for value in bands], ignore_conflicts=True
        )
    revision.group = group
    revision.bridges_split = len({other.split for other in groups}) > 1
    revision.save(update_fields=["group", "bridges_split"])
    return group


def normalised(text: str) -> str:
    """The frozen normal form that exact banks and near-duplicate groups compare texts in."""
    return sampling.frozen_normalise(text)


def _found_group(bands: Sequence[int]) -> TextGroup:
    # The side follows from the first text's own hash, so that it cannot be steered by the order of arrival.
    group = TextGroup.objects.create(split=sampling.split_of(",".join(map(str, bands))))
    TextGroupBand.objects.bulk_create([TextGroupBand(value=value, group=group) for value in dict.fromkeys(bands)])
    return group
