"""Near-duplicate groups: which texts count as one, so that they stay on one side of the split."""

from collections.abc import Iterable, Sequence

from ml import sampling
from moderation.models import ContentRevision, TextGroup, TextGroupBand


def assign_groups(revisions: Sequence[ContentRevision]) -> None:
    """Put each revision into the group of its near-duplicates, or found one; done at first sight, for good.

    A text near to groups on two sides of the split joins the oldest of them and is marked ``bridges_split``.
    """
    bands = {revision.pk: sampling.minhash_bands(revision.text) for revision in revisions}
    groups = _groups_by_band(value for values in bands.values() for value in values)
    new_bands: list[TextGroupBand] = []
    for revision in revisions:
        values = bands[revision.pk]
        near = {group.pk: group for value in values for group in groups.get(value, ())}
        group = near[min(near)] if near else _found_group(values)
        for value in dict.fromkeys(values):
            if group not in groups.setdefault(value, []):
                groups[value].append(group)
                new_bands.append(TextGroupBand(value=value, group=group))
        revision.group = group
        revision.bridges_split = len({other.split for other in near.values()}) > 1
    TextGroupBand.objects.bulk_create(new_bands, ignore_conflicts=True)
    ContentRevision.objects.bulk_update(revisions, ["group", "bridges_split"])


def normalised(text: str) -> str:
    """The frozen normal form that exact banks and near-duplicate groups compare texts in."""
    return sampling.frozen_normalise(text)


def _groups_by_band(values: Iterable[int]) -> dict[int, list[TextGroup]]:
    groups: dict[int, list[TextGroup]] = {}
    for band in TextGroupBand.objects.filter(value__in=set(values)).select_related("group"):
        groups.setdefault(band.value, []).append(band.group)
    return groups


def _found_group(bands: Sequence[int]) -> TextGroup:
    # The side follows from the first text's own hash, so that it cannot be steered by the order of arrival.
    return TextGroup.objects.create(split=sampling.split_of(",".join(map(str, bands))))
