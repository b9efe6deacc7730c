"""One error type a failure, each with a stable code that the API and the pages show."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar


class ModerationError(Exception):
    """A request the domain refuses, in words a person can act on.

    ``code`` is stable; ``status`` is the HTTP status the faces answer with; ``pointer`` is the JSON pointer of the
    field at fault, if one is; ``extra`` joins the problem details (who, when).
    """

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 400
    title: ClassVar[str] = "The request was refused"

    def __init__(
        self, detail: str, *, pointer: str | None = None, extra: Mapping[str, str | int | None] | None = None
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.pointer = pointer
        self.extra = dict(extra or {})


class InvalidInput(ModerationError):
    """A value is malformed, unknown or out of range."""

    code = "invalid"
    title = "The request is not valid"


class NotPermitted(ModerationError):
    """The actor's role, or the key's scope, does not include this."""

    code = "not_permitted"
    status = 403
    title = "Not permitted"


class BlindReview(NotPermitted):
    """What is asked for would give away a case that is to be judged without it."""

    code = "blind_review"
    title = "Hidden until it is judged"


class NotFound(ModerationError):
    """No such thing, or none the actor may see."""

    code = "not_found"
    status = 404
    title = "Not found"


class Conflict(ModerationError):
    """The state changed since the actor last saw it."""

    code = "conflict"
    status = 409
    title = "The state has changed"


class AppealClosed(Conflict):
    """The time in which the decision could be appealed has passed."""

    code = "appeal_closed"
    title = "It is too late to appeal"


class LeaseLost(Conflict):
    """The lease ended, was released or belongs to someone else."""

    code = "lease_lost"
    title = "The lease was lost"

    def __init__(self, detail: str, *, holder: str | None = None, since: datetime | None = None) -> None:
        extra = {"holder": holder, "since": since.isoformat() if since else None}
        super().__init__(detail, extra=extra)


class LeaseLimit(Conflict):
    """The person holds as many cases as one may."""

    code = "lease_limit"
    title = "You hold enough cases"


class StaleVersion(Conflict):
    """The case changed after it was shown."""

    code = "stale_version"
    title = "The case has changed"

    def __init__(self, detail: str, *, version: int, by: str | None = None, at: datetime | None = None) -> None:
        super().__init__(detail, extra={"version": version, "by": by, "at": at.isoformat() if at else None})


class AlreadyDecided(Conflict):
    """The decision named is no longer the one that binds, or the review was judged before."""

    code = "already_decided"
    title = "Already decided"


class IdempotencyMismatch(ModerationError):
    """The idempotency key was used before with another body."""

    code = "idempotency_mismatch"
    status = 422
    title = "Idempotency key used with another body"


class ModelUnavailable(ModerationError):
    """There is no champion model, or its artifact cannot be loaded."""

    code = "model_unavailable"
    status = 503
    title = "No model is available"


class TrainingFailed(ModerationError):
    """The labels there are cannot train a candidate."""

    code = "training_failed"
    status = 409
    title = "Nothing could be trained"


class BrokerUnavailable(ModerationError):
    """A task could not be handed to the workers."""

    code = "broker_unavailable"
    status = 503
    title = "The message broker is out of reach"
