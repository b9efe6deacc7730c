"""Golden cases as their reviewers see them: in the time of a case like any other, and what they were told after."""

import copy
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.utils.dateparse import parse_datetime

from moderation.enums import WhyShown
from moderation.models import Case, Content


def shift_of(case: Case) -> timedelta:
    """How much later a golden case opened than its text's own case: every time shown with it moves by that much."""
    if case.why_shown != WhyShown.GOLDEN:
        return timedelta()
    source = Case.objects.filter(content=case.content_id).order_by("-pk").first()
    return case.opened_at - (source.opened_at if source else case.content.received_at)


def content_at(content: Content, shift: timedelta) -> Content:
    """The content, to be shown only, with its times moved."""
    moved = copy.copy(content)
    moved.created_at += shift
    moved.received_at += shift
    return moved


def thread_at(thread: Sequence[Mapping[str, str]], shift: timedelta) -> list[dict[str, str]]:
    """The messages around a content with their times moved; what is no time stays as it is written."""
    return [{**message, "created_at": _moved(message.get("created_at", ""), shift)} for message in thread]


def _moved(written: str, shift: timedelta) -> str:
    try:
        moment: datetime | None = parse_datetime(written)
    except ValueError:
        moment = None
    return (moment + shift).isoformat() if moment is not None and shift else written
