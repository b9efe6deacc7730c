"""What a person has been shown today, by how grave it was; the figures are theirs alone."""

from collections import Counter
from collections.abc import Sequence

from django.db.models import Case as Choose
from django.db.models import IntegerField, Max, Q, QuerySet, Value, When
from django.utils import timezone

from moderation.enums import ReviewState, Severity
from moderation.models import Evidence, Policy, User

_NEITHER = 0


def exposure_of(user: User) -> list[tuple[Severity | None, int]]:
    """How many cases the person was shown today (UTC), by the gravest policy that was flagged or reported: the
    gravest first, last (``None``) those where no policy was.

    A blind review counts once it is judged: before, its severity would tell what the model thinks.
    """
    counted = Counter(_shown_today(user).values("case").annotate(gravest=_gravest()).values_list("gravest", flat=True))
    severities: Sequence[Severity] = sorted(Severity, reverse=True)
    return [*((severity, counted[severity]) for severity in severities), (None, counted[_NEITHER])]


def grave_today(user: User) -> int:
    """How many cases of severe policies, or graver, the person was shown today (UTC)."""
    grave = _flagged_or_reported(Policy.objects.filter(severity__gte=Severity.SEVERE))
    return _shown_today(user).filter(grave).values("case").distinct().count()


def _shown_today(user: User) -> QuerySet[Evidence]:
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    untold = Q(review__blind=True) & ~Q(review__state=ReviewState.JUDGED)
    return Evidence.objects.filter(shown_to=user, created_at__gte=midnight).exclude(untold)


def _gravest() -> Max:
    policies = list(Policy.objects.all())
    choices = [
        When(_flagged_or_reported(of_severity), then=Value(severity.value))
        for severity in sorted(Severity, reverse=True)
        if (of_severity := [policy for policy in policies if policy.severity == severity])
    ]
    return Max(Choose(*choices, default=Value(_NEITHER), output_field=IntegerField()))


def _flagged_or_reported(policies: "Sequence[Policy] | QuerySet[Policy]") -> Q:
    """Evidence in which one of the policies was flagged or reported."""
    found = Q(pk__in=[])
    for policy in policies:
        for reason in ("flagged", "reported"):
            found |= Q(policies__contains=[{"policy": policy.slug, reason: True}])
    return found
