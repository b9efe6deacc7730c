"""Comparing what people concluded."""

from moderation.enums import ActionKind
from moderation.models import Decision, Judgement

_AGAINST_PEOPLE = {ActionKind.SUSPEND, ActionKind.TERMINATE}


def same(one: Judgement | Decision, other: Judgement | Decision) -> bool:
    """Whether both say the same: verdict, policies, and what is done to the author.

    Which action the content itself gets is no disagreement worth a third person's time; the later one's stands.
    """
    return (
        one.verdict == other.verdict
        and set(one.policies) == set(other.policies)
        and set(one.actions) & _AGAINST_PEOPLE == set(other.actions) & _AGAINST_PEOPLE
    )
