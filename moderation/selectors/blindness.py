"""What a reviewer must not see before they have judged: the one place that says what is hidden, and from whom.

While a blind review of a case is pending, the model's opinion of it is hidden from everyone who reviews: whoever looks
now may be the one who judges next. While a case is to be judged a second time, what the first reviewer concluded is
hidden the same way. A golden case looks like an ordinary one to all but those who judged it and those who manage.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from moderation.enums import ReviewKind, ReviewState, WhyShown
from moderation.models import Case, Judgement, PolicyPrediction, Prediction, Review, TextGroupBand, User
from moderation.permissions import Permission, may

PENDING = (ReviewState.WAITING, ReviewState.LEASED)
# Parts of the priority that come from the report or the author, not from the model or what its scores led to.
_OPEN_PARTS = frozenset({"reports", "source", "author", "reach"})


def is_blind(case: Case) -> bool:
    """Whether the model's opinion of the case is hidden from reviewers now."""
    return case.reviews.filter(blind=True, state__in=PENDING).exists()


def blind_among(cases: Sequence[Case]) -> set[int]:
    """The keys of the cases whose model's opinion is hidden from reviewers now; one statement."""
    pending = Review.objects.filter(case__in=cases, blind=True, state__in=PENDING)
    return set(pending.values_list("case_id", flat=True))


def second_among(cases: Sequence[Case]) -> set[int]:
    """The keys of the cases that are to be judged a second time; one statement."""
    pending = Review.objects.filter(case__in=cases, kind=ReviewKind.SECOND, state__in=PENDING)
    return set(pending.values_list("case_id", flat=True))


def without_blind(cases: QuerySet[Case], viewer: User) -> QuerySet[Case]:
    """The cases whose model's opinion the viewer may ask for: a question about scores must not find the others."""
    if not may(viewer, Permission.REVIEW):
        return cases
    pending = Review.objects.filter(case=OuterRef("pk"), blind=True, state__in=PENDING)
    return cases.exclude(Exists(pending))


def without_second(cases: QuerySet[Case], viewer: User) -> QuerySet[Case]:
    """The cases whose outcome the viewer may ask for: nobody is to judge them a second time, or without the model."""
    if not may(viewer, Permission.REVIEW):
        return cases
    pending = Review.objects.filter(case=OuterRef("pk"), state__in=PENDING)
    return cases.exclude(Exists(pending.filter(Q(kind=ReviewKind.SECOND) | Q(blind=True))))


def hides_model(case: Case, viewer: User) -> bool:
    """Whether the model's opinion of the case is hidden from the viewer now."""
    return may(viewer, Permission.REVIEW) and is_blind(case)


def hides_others(case: Case, viewer: User) -> bool:
    """Whether what others did with the case is hidden from the viewer: a second opinion is still to come."""
    pending = case.reviews.filter(kind=ReviewKind.SECOND, state__in=PENDING).exists()
    return pending and may(viewer, Permission.REVIEW)


def knows_golden(case: Case, viewer: User) -> bool:
    """Whether the viewer may know that the golden case is one: they judged it, or manage golden items."""
    judged = Judgement.objects.filter(review__case=case, reviewer=viewer).exists()
    return judged or (may(viewer, Permission.MANAGE) and not _holds(case, viewer))


def why_shown(case: Case, viewer: User, *, blind: bool) -> str | None:
    """Why the case is there, as far as the viewer may know; ``None`` where the reason is hidden."""
    if case.why_shown == WhyShown.GOLDEN and not knows_golden(case, viewer):
        return None if blind else disguise(case)
    return None if blind else case.why_shown


def disguise(case: Case) -> str:
    """What a golden case says of itself: what its text would be here for."""
    revision = case.content.current_revision_id
    served = Prediction.objects.served().filter(revision=revision)
    flagged = PolicyPrediction.objects.filter(prediction__in=served, flagged=True).exists()
    return WhyShown.FLAGGED if flagged else WhyShown.RULE


def open_parts(parts: Sequence[Mapping[str, Any]], *, blind: bool) -> list[Mapping[str, Any]]:
    """The parts of a priority that a blind reviewer may see; all of them for others."""
    return [part for part in parts if not blind or part["name"] in _OPEN_PARTS]


def masked_contents(viewer: User) -> QuerySet[Case]:
    """Golden cases the viewer was shown and has not judged: other cases of the same contents are hidden from them."""
    shown = Review.objects.filter(kind=ReviewKind.GOLDEN, state__in=PENDING, evidence__shown_to=viewer)
    return Case.including_golden.filter(pk__in=shown.values("case"))


def visible(cases: QuerySet[Case], viewer: User) -> QuerySet[Case]:
    """The cases as a list shows them: to reviewers golden ones look like any other, to the rest they do not exist.

    What would give a golden case away to whom it was shown, an earlier case of the same text, is left out.
    """
    if not may(viewer, Permission.REVIEW):
        return cases.exclude(why_shown=WhyShown.GOLDEN)
    masked = masked_contents(viewer)
    return cases.exclude(Q(content__in=masked.values("content")) & ~Q(pk__in=masked.values("pk")))


def hides_score(bands: Sequence[int], viewer: User) -> bool:
    """Whether a text of these near-duplicate bands is one whose score the viewer must not ask for now."""
    if not may(viewer, Permission.REVIEW):
        return False
    near = TextGroupBand.objects.filter(group=OuterRef("case__content__current_revision__group"), value__in=bands)
    pending = Review.objects.filter(blind=True, state__in=PENDING)
    return pending.filter(Exists(near)).exists()


def _holds(case: Case, viewer: User) -> bool:
    return case.reviews.filter(state__in=PENDING, evidence__shown_to=viewer).exists()
