"""Words of the pages about rules."""

from collections.abc import Mapping, Sequence

from django import template

register = template.Library()

_KINDS = {
    "opened": "Would have been opened",
    "not_opened": "Would not have been opened",
    "moved": "Would have gone elsewhere",
    "raised": "Would have come sooner",
    "lowered": "Would have come later",
    "held": "Would have been held for a senior",
    "released": "Would not have been held",
    "automated": "Would have been decided without a person",
    "manual": "Would have been left to people",
}


@register.filter
def example_kind(kind: str) -> str:
    """A kind of change as a heading."""
    return _KINDS.get(kind, kind)


@register.filter
def options(names: Mapping[str, Sequence[tuple[str, str]]], sort: str) -> Sequence[tuple[str, str]]:
    """What there are boxes of: slug and name of each."""
    return names.get(sort, ())
