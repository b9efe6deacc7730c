"""Who looks at a case after a judgement: the same person once more, a second one, a senior where they disagree."""

from moderation.enums import ReviewKind, ReviewState, Standing, WhyShown
from moderation.models import Case, Judgement, Queue, Review, ReviewBar
from moderation.selectors.judgements import same
from moderation.services import draws

STANDINGS = {
    ReviewKind.INFORMED: Standing.INFORMED,
    ReviewKind.SECOND: Standing.AWAITS_SECOND,
    ReviewKind.ADJUDICATION: Standing.AWAITS_ADJUDICATION,
}
_PENDING = (ReviewState.WAITING, ReviewState.LEASED)
ADJUDICATION_QUEUE = "adjudication"


def next_step(case: Case, review: Review, judgement: Judgement) -> ReviewKind | None:
    """The kind of review that must follow before anything binds; ``None`` if nothing need."""
    if review.kind == ReviewKind.SECOND:
        first = _compared_with(review, judgement)
        return ReviewKind.ADJUDICATION if first is not None and not same(judgement, first) else None
    if review.kind not in {ReviewKind.FIRST, ReviewKind.INFORMED}:
        return None
    if review.kind == ReviewKind.FIRST and review.blind and case.why_shown != WhyShown.RANDOM_AUDIT:
        return ReviewKind.INFORMED
    return ReviewKind.SECOND if draws.is_judged_twice(case) else None


def open_review(case: Case, review: Review, judgement: Judgement, kind: ReviewKind) -> Review:
    """Have the case judged again. Whoever judged it in this round may not judge it next, unless it is for a second
    look of their own."""
    queue = _adjudication_queue() if kind == ReviewKind.ADJUDICATION else review.queue
    following = Review.objects.create(
        case=case,
        kind=kind,
        follows=review,
        # Two opinions compare only if both saw the same; who adjudicates sees everything.
        blind=review.blind and kind == ReviewKind.SECOND,
        queue=queue,
        priority=case.priority,
    )
    if kind != ReviewKind.INFORMED:
        bar(following, besides=None)
    return following


def bar(review: Review, *, besides: int | None) -> None:
    """Keep a review from everyone who judged the case in this round; ``besides`` names someone who may have it."""
    people = set()
    earlier = review.follows
    while earlier is not None:
        people.add(earlier.reviewer_id)
        earlier = earlier.follows
    ReviewBar.objects.bulk_create(
        ReviewBar(review=review, user_id=pk) for pk in sorted(pk for pk in people if pk and pk != besides)
    )


def cancel_pending(case: Case) -> None:
    """End the reviews of the case that nobody has judged yet."""
    case.reviews.filter(state__in=_PENDING).update(state=ReviewState.CANCELLED)


def _compared_with(review: Review, judgement: Judgement) -> Judgement | None:
    """The first reviewer's judgement of the same wording; an edit in between makes the second one the only one."""
    first = Judgement.objects.filter(review=review.follows_id).select_related("evidence").first()
    if first is None or first.evidence.revision_id != judgement.evidence.revision_id:
        return None
    return first


def _adjudication_queue() -> Queue:
    """The seniors' queue of disagreements, made when the first one comes."""
    queue, _ = Queue.objects.get_or_create(
        slug=ADJUDICATION_QUEUE,
        defaults={
            "name": "Adjudication",
            "description": "Two reviewers disagree; a senior decides.",
            "sla_minutes": 8 * 60,
            "position": 90,
            "seniors_only": True,
        },
    )
    return queue
