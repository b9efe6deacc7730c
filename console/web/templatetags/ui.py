"""Small presentation tags: times in few characters, scores, icons' names stay in templates."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django import template
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from moderation.enums import ActionKind, Severity, Verdict
from moderation.models import Decision

register = template.Library()

_UNITS = ((86400 * 365, "y"), (86400 * 30, "mo"), (86400, "d"), (3600, "h"), (60, "min"))


@register.filter
def brief_age(moment: datetime | None) -> str:
    """How long ago, in one unit: “3 min”, “2 h”, “4 d”; “<1 min” under a minute."""
    if moment is None:
        return "—"
    return brief_span(timezone.now() - moment)


@register.filter
def brief_span(span: timedelta) -> str:
    """A length of time in one unit, as ``brief_age``."""
    seconds = span.total_seconds()
    return next((f"{int(seconds // size)} {unit}" for size, unit in _UNITS if seconds >= size), "<1 min")


@register.filter
def moment_of(written: object) -> datetime | None:
    """The time that a platform wrote as text beside a message; nothing if it is not one."""
    try:
        return parse_datetime(written) if isinstance(written, str) else None
    except ValueError:  # the form of a time, but no such day or hour
        return None


@register.filter
def seconds_left(moment: datetime) -> int:
    """Whole seconds from now on, never below none."""
    return max(int((moment - timezone.now()).total_seconds()), 0)


@register.filter
def score(value: float | None) -> str:
    """A probability with two places, never rounded up to certainty."""
    if value is None:
        return "—"
    return f"{min(value, 0.99):.2f}" if value < 1 else "1.00"


@register.filter
def signed(value: float) -> str:
    """A contribution with its sign and two places."""
    return f"{value:+.2f}".replace("-", "−")


@register.filter
def percent(value: float | None) -> str:
    """A share as an attribute of a chart: 0 to 100 with one place, in any language."""
    return f"{100 * (value or 0.0):.1f}"


@register.filter
def figure(value: object) -> str:
    """A figure of a gate: floats with four significant digits, nothing as a dash."""
    if value is None:
        return "—"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


@register.filter
def of_hundred(value: float | None) -> str:
    """A share in per cent, with a place where it is small."""
    if value is None:
        return "—"
    return f"{100 * value:.1f} %" if value < 0.1 else f"{100 * value:.0f} %"


@register.filter
def severity_label(value: int) -> str:
    """A severity in a word."""
    return Severity(value).label


@register.filter
def named(slugs: str | Sequence[str], names: Mapping[str, str]) -> str:
    """A policy by its name, or several with commas; a slug that has none (any more) stays."""
    return ", ".join(names.get(slug, slug) for slug in ([slugs] if isinstance(slugs, str) else slugs))


@register.filter
def outcome(decision: Decision, names: Mapping[str, str]) -> str:
    """A decision in words: verdict, policies by name, actions."""
    if decision.verdict is None:
        return "Undone"
    if decision.verdict == Verdict.OK:
        return "No violation"
    words = f"Violates {named(decision.policies, names)}"
    actions = [ActionKind(kind).label.lower() for kind in decision.actions]
    return f"{words} · {', '.join(actions)}" if actions else words
