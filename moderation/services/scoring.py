"""Scoring what waits: batches taken from the database, predictions appended, contents routed.

Any number of workers may run this at once, twice, or die at any line: rows are taken with ``SKIP LOCKED``, and the
predictions, the routing and the mark that it is done are one transaction.
"""

import logging
import traceback
from collections.abc import Iterable, Mapping, Sequence

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Exists, OuterRef, QuerySet

from moderation import audit
from moderation.enums import CaseStatus, ReportOutcome, ScoringState
from moderation.errors import ModelUnavailable
from moderation.learning import context, grouping, registry, scoring
from moderation.models import Content, ContentRevision, ModelVersion, Policy, PolicyPrediction, Prediction, Report
from moderation.services import draws, following, routing

logger = logging.getLogger(__name__)

# No text's fault: the whole run stops and the sweeper comes again.
_OUTAGES = (OperationalError, InterfaceError, ModelUnavailable)
_GROUPING_LOCK = 3  # first key of the advisory lock: near-duplicates are grouped by one worker at a time


def score_pending(*, limit: int) -> int:
    """Score and route up to ``limit`` pending contents; how many were settled.

    A batch that fails is taken apart, so that one bad content never holds up the others; it is retried, then marked
    as failed and shown to people unscored if it was reported.
    """
    try:
        _group_batch(limit=limit)
        return _score_batch(limit=limit)
    except _OUTAGES:
        raise
    except Exception as error:  # noqa: BLE001 (whatever a text did to the model, the others must go on)
        logger.warning("A scoring batch failed (%s); taking it apart.", type(error).__name__)
        return _score_one_by_one(limit=limit)


@transaction.atomic
def _group_batch(*, limit: int) -> None:
    """Give the next pending wordings their near-duplicate group.

    A short transaction before the scoring one: the lock is held to its end, and must not hold up other workers'
    scoring.
    """
    ungrouped = Content.objects.filter(
        scoring_state=ScoringState.PENDING,
        current_revision__group__isnull=True,
        current_revision__erased_at__isnull=True,
    )
    # Looked for before the lock, so that a worker with nothing to group does not wait for the others.
    if ungrouped.exists():
        _assign_groups(ungrouped.select_related("current_revision").order_by("pk")[:limit])


def _assign_groups(contents: Iterable[Content]) -> None:
    """Group the contents' wordings. One worker at a time, to the end of its transaction: two that do not see each
    other's new groups would put near-duplicates into two of them, perhaps on two sides of the split.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [_GROUPING_LOCK])
    revisions = [content.current_revision for content in contents if content.current_revision is not None]
    grouping.assign_groups([row for row in revisions if row.group_id is None and row.erased_at is None])


def _score_batch(*, limit: int) -> int:
    with transaction.atomic():
        # What came in since the grouping waits for the next batch.
        contents = [content for content in _take_pending()[:limit] if _is_grouped(content)]
        _settle(contents)
    return len(contents)


def _is_grouped(content: Content) -> bool:
    revision = content.current_revision
    return revision is None or revision.group_id is not None or revision.erased_at is not None


def _take_pending() -> QuerySet[Content]:
    """Pending contents nobody else works on, locked when read.

    What belongs to them is read after the lock, not joined: PostgreSQL reads a row anew that has changed on the way
    to its lock, but not what was joined to it, and would give a content without its newest revision.
    """
    return (
        Content.objects.select_for_update(skip_locked=True, no_key=True)
        .prefetch_related("current_revision", "author")
        .filter(scoring_state=ScoringState.PENDING)
        .order_by("pk")
    )


def _score_one_by_one(*, limit: int) -> int:
    pending = Content.objects.filter(scoring_state=ScoringState.PENDING).order_by("pk")
    settled = 0
    for pk in pending.values_list("pk", flat=True)[:limit]:
        try:
            with transaction.atomic():
                contents = list(_take_pending().filter(pk=pk))
                _assign_groups(contents)
                _settle(contents)
            settled += len(contents)
        except _OUTAGES:
            raise
        except Exception as error:  # noqa: BLE001 (as above)
            # Never the exception's own words: they may quote the text.
            frames = "".join(traceback.format_tb(error.__traceback__))
            logger.error("Content %s could not be scored: %s\n%s", pk, type(error).__name__, frames)  # noqa: TRY400
            settled += _note_failure(pk, error)
    return settled


@transaction.atomic
def _note_failure(pk: int, error: Exception) -> int:
    """Count the attempt; after the last, route without a score. 1 if that settled the content."""
    content = Content.objects.select_for_update(no_key=True).get(pk=pk)
    content.scoring_attempts += 1
    audit.scoring_failed(content, error=type(error).__name__, attempts=content.scoring_attempts)
    given_up = content.scoring_attempts >= settings.SCORING_ATTEMPTS
    if given_up:
        content.scoring_state = ScoringState.FAILED
        routing.route(content, {})
    content.save(update_fields=["scoring_attempts", "scoring_state"])
    return int(given_up)


def _settle(contents: Sequence[Content]) -> None:
    if not contents:
        return
    cases = routing.route_all(contents, _predictions(contents))
    following.follow(case for case in cases if case is not None)
    draws.draw(contents)
    Content.objects.filter(pk__in=[content.pk for content in contents]).update(
        scoring_state=ScoringState.SCORED, scoring_attempts=0
    )


def _predictions(contents: Sequence[Content]) -> dict[int, Mapping[str, PolicyPrediction]]:
    """Each content's policy predictions by the champion, made where they are missing."""
    version = registry.champion()
    revisions = [content.current_revision for content in contents if content.current_revision is not None]
    known = set(
        Prediction.objects.filter(revision__in=revisions, model_version=version).values_list("revision_id", flat=True)
    )
    _predict([content for content in contents if content.current_revision_id not in known], version=version)
    rows: dict[int, dict[str, PolicyPrediction]] = {}
    for row in PolicyPrediction.objects.filter(
        prediction__revision__in=revisions, prediction__model_version=version
    ).select_related("policy", "prediction"):
        rows.setdefault(row.prediction.revision_id, {})[row.policy.slug] = row
    return {content.pk: rows.get(content.current_revision_id or 0, {}) for content in contents}


def _predict(contents: Sequence[Content], *, version: ModelVersion) -> None:
    """Score the contents' current revisions and append a prediction each."""
    revisions = [content.current_revision for content in contents if content.current_revision is not None]
    append_predictions(revisions, context.context_of_contents(contents), version=version)
    audit.contents_scored(contents, model_version=version)


def append_predictions(
    revisions: Sequence[ContentRevision], contexts: Sequence[Mapping[str, float]], *, version: ModelVersion
) -> None:
    """Score the revisions, each with its context features, and append what the version says of them."""
    scored = scoring.score_texts([revision.text for revision in revisions], contexts, version=version)
    policies = {policy.slug: policy for policy in Policy.objects.all()}
    predictions = Prediction.objects.bulk_create(
        Prediction(revision=revision, model_version=version, context=dict(features))
        for revision, features in zip(revisions, contexts, strict=True)
    )
    PolicyPrediction.objects.bulk_create(
        PolicyPrediction(
            prediction=prediction,
            policy=policies[score.policy],
            score=score.score,
            logit=score.logit,
            threshold=score.threshold,
            flagged=score.flagged,
            base_value=score.base_value,
            absent=score.absent,
            attributions=[[a.start, a.end, a.value] for a in score.attributions],
            context_attributions=[[c.feature, c.value, c.contribution] for c in score.context_attributions],
        )
        for prediction, result in zip(predictions, scored, strict=True)
        for score in result.policies
    )


def request_rescore() -> int:
    """Mark every content with an open case to be scored anew by the present champion; how many."""
    return Content.objects.filter(cases__status=CaseStatus.OPEN, withdrawn_at__isnull=True).update(
        scoring_state=ScoringState.PENDING, scoring_attempts=0
    )


def route_unscored(*, limit: int) -> int:
    """While no model is available: show people what was reported, unscored; how many cases were opened or found.

    The contents stay pending, so that the model scores them once it is back.
    """
    reported = Report.objects.filter(content=OuterRef("pk"), case__isnull=True, outcome=ReportOutcome.PENDING)
    with transaction.atomic():
        contents = list(_take_pending().filter(Exists(reported))[:limit])
        routing.route_all(contents, {})
    return len(contents)
