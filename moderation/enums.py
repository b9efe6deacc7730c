"""The vocabulary of the domain, one meaning each (trust-and-safety terms)."""

from django.db.models import IntegerChoices, TextChoices


class Role(TextChoices):
    """What a person or a key's user is here for; each role includes what stands in ROLE_PERMISSIONS."""

    MODERATOR = "moderator", "Moderator"
    SENIOR = "senior", "Senior moderator"
    ADMIN = "admin", "Administrator"
    INTEGRATOR = "integrator", "Integrator"


class Scope(TextChoices):
    """What an API key may be used for, never more than its user's role allows."""

    INGEST = "ingest", "Send content and reports"
    READ = "read", "Read content, cases and scores"
    REVIEW = "review", "Claim and decide cases"
    LEARN = "learn", "Read labels"
    ADMIN = "admin", "Manage"


class Severity(IntegerChoices):
    """How grave a violation of a policy is; feeds the priority of its cases."""

    LOW = 1, "Low"
    MODERATE = 2, "Moderate"
    HIGH = 3, "High"
    SEVERE = 4, "Severe"
    CRITICAL = 5, "Critical"


class ReportSource(TextChoices):
    """Who complained."""

    USER = "user", "User"
    TRUSTED_FLAGGER = "trusted_flagger", "Trusted flagger"
    AUTOMATED = "automated", "Automated detector"
    LEGAL_NOTICE = "legal_notice", "Legal notice"


class ReportOutcome(TextChoices):
    """What became of a complaint."""

    PENDING = "pending", "Pending"
    UPHELD = "upheld", "Upheld"
    NOT_UPHELD = "not_upheld", "Not upheld"
    WITHDRAWN = "withdrawn", "Content withdrawn"


class ScoringState(TextChoices):
    """Whether the content's current revision has been scored by the champion."""

    PENDING = "pending", "Waiting to be scored"
    SCORED = "scored", "Scored"
    FAILED = "failed", "Scoring failed"
    CLOSED = "closed", "Withdrawn before scoring"


class CaseStatus(TextChoices):
    """Where a case stands."""

    OPEN = "open", "Open"
    DECIDED = "decided", "Decided"
    WITHDRAWN = "withdrawn", "Content withdrawn"


class WhyShown(TextChoices):
    """Why a person sees a case; a label carries it, so training can correct for it."""

    FLAGGED = "flagged", "Flagged by the model"
    REPORTED = "reported", "Reported"
    RULE = "rule", "Matched a routing rule"
    RANDOM_AUDIT = "random_audit", "Random audit"
    APPEAL = "appeal", "Appeal"
    GOLDEN = "golden", "Golden item"


class ReviewKind(TextChoices):
    """What a review is for; several may belong to one case."""

    FIRST = "first", "First review"
    SECOND = "second", "Second review"
    ADJUDICATION = "adjudication", "Adjudication"
    GOLDEN = "golden", "Golden item"
    APPEAL = "appeal", "Appeal"
    INFORMED = "informed", "Second look, with the model's opinion"
    AUDIT = "audit", "Audit of an automated decision"


class Standing(TextChoices):
    """What became of a judgement the moment it was given."""

    BINDING = "binding", "It binds"
    INFORMED = "informed", "Now with the model's opinion: keep it or change it"
    AWAITS_SECOND = "awaits_second", "A second reviewer judges the case too"
    AWAITS_ADJUDICATION = "awaits_adjudication", "The reviewers disagree: a senior decides"
    HELD = "held", "A second person must approve it"
    GOLDEN = "golden", "It was a golden item"
    CONFIRMED = "confirmed", "It confirms what was decided automatically"


class HoldReason(TextChoices):
    """Why a decision needs a second person."""

    PROTECTED = "protected", "The account is protected"
    SEVERITY = "severity", "The policy is grave"


class HoldState(TextChoices):
    """The life of a decision that waits for a second person."""

    HELD = "held", "Waits for a second person"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Sent back"
    WITHDRAWN = "withdrawn", "Taken back by its author"


class ReportKind(TextChoices):
    """What a quality report measures."""

    AGREEMENT = "agreement", "Agreement of people"
    MISSED = "missed", "What is missed"


class ReviewState(TextChoices):
    """The life of a review."""

    WAITING = "waiting", "Waiting"
    LEASED = "leased", "Leased"
    JUDGED = "judged", "Judged"
    CANCELLED = "cancelled", "Cancelled"


class SkipReason(TextChoices):
    """Why a moderator passed a case over."""

    LANGUAGE = "language", "I do not read this language"
    EXPERTISE = "expertise", "Not my field"
    CONFLICT = "conflict", "I know the people involved"
    WELLBEING = "wellbeing", "I would rather not see this now"
    OTHER = "other", "Another reason"


class Verdict(TextChoices):
    """What a judgement or decision says."""

    VIOLATES = "violates", "Violates policy"
    OK = "ok", "No violation"


class DecisionKind(TextChoices):
    """How a decision came about."""

    REVIEW = "review", "Decided in review"
    OVERRIDE = "override", "Overridden"
    UNDO = "undo", "Undone"
    APPEAL = "appeal", "Decided on appeal"
    AUTOMATED = "automated", "Decided automatically"
    BATCH = "batch", "Decided in a batch, unseen"


# Decided on a text that no person looked at: nobody's judgement, no label, no precedent.
UNSEEN = (DecisionKind.AUTOMATED, DecisionKind.BATCH)


class BatchMode(TextChoices):
    """What the cases of a batch have in common."""

    SCORE = "score", "A range of scores"
    CAMPAIGN = "campaign", "Near-duplicates of one text"
    ACCOUNT = "account", "Everything open by one account"
    PICKED = "picked", "Cases picked one by one"


class BatchState(TextChoices):
    """The life of a batch."""

    DECIDING = "deciding", "Being decided"
    DECIDED = "decided", "Decided"
    STOPPED = "stopped", "Stopped halfway"
    UNDOING = "undoing", "Being undone"
    UNDONE = "undone", "Undone"


class BatchCaseState(TextChoices):
    """What became of a case of a batch."""

    PENDING = "pending", "Not yet decided"
    DECIDED = "decided", "Decided"
    LEFT_OUT = "left_out", "Left out"
    UNDONE = "undone", "Undone"
    KEPT = "kept", "Not undone"


class LeftOut(TextChoices):
    """Why a case of a batch was not decided with it, or not undone with it."""

    CLOSED = "closed", "It was closed before"
    HELD = "held", "Someone holds it"
    CHANGED = "changed", "It changed, or is looked at with care, since the batch was made"
    NEEDS_SECOND = "needs_second", "It needs a second person"
    LATER = "later", "Something was decided after the batch"
    STOPPED = "stopped", "The batch was stopped before its turn"


class ActionKind(TextChoices):
    """What the platform is asked to do."""

    REMOVE = "remove", "Remove content"
    RESTRICT = "restrict", "Restrict reach"
    WARN = "warn", "Warn author"
    SUSPEND = "suspend", "Suspend author"
    TERMINATE = "terminate", "Terminate account"


class OutboxTopic(TextChoices):
    """What a platform is told."""

    ACTION_REQUESTED = "action.requested", "Action requested"
    ACTION_REVERSED = "action.reversed", "Action reversed"
    DECISION_MADE = "decision.made", "Decision made"


class OutboxState(TextChoices):
    """The life of an effect on its way out."""

    PENDING = "pending", "Pending"
    DELIVERED = "delivered", "Delivered"
    CANCELLED = "cancelled", "Cancelled"
    DEAD = "dead", "Dead letter"
    UNADDRESSED = "unaddressed", "Nobody to tell"


class DeliveryState(TextChoices):
    """How far an effect has come on its way to one endpoint."""

    PENDING = "pending", "Pending"
    DELIVERED = "delivered", "Delivered"
    CANCELLED = "cancelled", "Cancelled"
    DEAD = "dead", "Dead letter"


class AppealState(TextChoices):
    """The life of an appeal."""

    OPEN = "open", "Open"
    UPHELD = "upheld", "Decision upheld"
    OVERTURNED = "overturned", "Decision overturned"


class ModelStatus(TextChoices):
    """The life of a model version."""

    CANDIDATE = "candidate", "Candidate"
    SHADOW = "shadow", "Shadow"
    CHAMPION = "champion", "Champion"
    RETIRED = "retired", "Retired"
    REFUSED = "refused", "Refused"


class DriftVerdict(TextChoices):
    """What a drift check found."""

    STEADY = "steady", "Steady"
    WATCH = "watch", "Watch"
    DRIFTED = "drifted", "Drifted"
    INSUFFICIENT = "insufficient", "Too little data"


class Split(TextChoices):
    """Which part of the data a text belongs to, for good."""

    TRAIN = "train", "Train"
    VALIDATION = "validation", "Validation"
    TEST = "test", "Test"


class BankKind(TextChoices):
    """What the entries of a bank are matched against."""

    TEXT = "text", "Exact text (normalised)"
    NEAR = "near", "Near-duplicate text"
    DOMAIN = "domain", "Link domain"
    PATTERN = "pattern", "Pattern (RE2)"


class RuleState(TextChoices):
    """The life of a routing rule; only a draft's condition and outcome can change."""

    DRAFT = "draft", "Draft"
    SHADOW = "shadow", "Shadow"
    LIVE = "live", "Live"
    RETIRED = "retired", "Retired"


class BacktestState(TextChoices):
    """The life of a backtest."""

    WAITING = "waiting", "Waiting for a worker"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    CANCELLED = "cancelled", "Cancelled"
    FAILED = "failed", "Failed"


class AuditKind(TextChoices):
    """What an audit event records."""

    CONTENT_RECEIVED = "content.received", "Content received"
    CONTENT_REVISED = "content.revised", "Content revised"
    CONTENT_WITHDRAWN = "content.withdrawn", "Content withdrawn"
    CONTENT_ERASED = "content.erased", "Content erased"
    ACCOUNT_ERASED = "account.erased", "Account erased"
    ACCOUNT_EXPORTED = "account.exported", "What is held on an account was exported"
    REPORT_RECEIVED = "report.received", "Report received"
    CONTENT_SCORED = "content.scored", "Content scored"
    SCORING_FAILED = "content.scoring_failed", "Scoring failed"
    CASE_OPENED = "case.opened", "Case opened"
    CASE_MOVED = "case.moved", "Case moved"
    CASE_WITHDRAWN = "case.withdrawn", "Case withdrawn"
    REVIEW_CLAIMED = "review.claimed", "Review claimed"
    REVIEW_RELEASED = "review.released", "Review released"
    REVIEW_SKIPPED = "review.skipped", "Review skipped"
    REVIEW_ESCALATED = "review.escalated", "Case escalated"
    LEASE_EXPIRED = "review.lease_expired", "Lease expired"
    REVIEW_RESERVED = "review.reserved", "Next case reserved"
    REVIEW_TAKEN_OVER = "review.taken_over", "Lease taken over"
    BATCH_DECIDED = "batch.decided", "Batch decision begun"
    BATCH_STOPPED = "batch.stopped", "Batch decision stopped"
    BATCH_UNDONE = "batch.undone", "Batch decision undone"
    BATCH_ENDED = "batch.ended", "Batch went through"
    CASE_DECIDED = "case.decided", "Case decided"
    REVIEW_JUDGED = "review.judged", "Review judged"
    JUDGEMENT_WITHDRAWN = "review.withdrawn", "Judgement taken back"
    ESCALATION_UNDONE = "review.escalation_undone", "Escalation undone"
    DECISION_HELD = "decision.held", "Decision held for a second person"
    HOLD_APPROVED = "hold.approved", "Held decision approved"
    HOLD_REJECTED = "hold.rejected", "Held decision sent back"
    AUDIT_DRAWN = "audit.drawn", "Drawn for a random audit"
    QUALITY_MEASURED = "quality.measured", "Quality measured"
    DECISION_UNDONE = "decision.undone", "Decision undone"
    DECISION_OVERRIDDEN = "decision.overridden", "Decision overridden"
    APPEAL_OPENED = "appeal.opened", "Appeal opened"
    APPEAL_RESOLVED = "appeal.resolved", "Appeal resolved"
    MODEL_REGISTERED = "model.registered", "Model registered"
    MODEL_TRAINED = "model.trained", "Model trained"
    MODEL_SHADOWED = "model.shadowed", "Model scores in shadow"
    MODEL_REFUSED = "model.refused", "Model refused"
    MODEL_PROMOTED = "model.promoted", "Model promoted"
    MODEL_ROLLED_BACK = "model.rolled_back", "Model rolled back"
    AUTOMATION_CALIBRATED = "automation.calibrated", "Automation threshold calibrated"
    KEY_ISSUED = "key.issued", "API key issued"
    KEY_REVOKED = "key.revoked", "API key revoked"
    RULE_CREATED = "rule.created", "Routing rule drafted"
    RULE_CHANGED = "rule.changed", "Routing rule changed"
    RULE_MOVED = "rule.moved", "Routing rule moved"
    RULE_DELETED = "rule.deleted", "Draft of a routing rule deleted"
    BACKTEST_REQUESTED = "backtest.requested", "Backtest requested"
    BACKTEST_ENDED = "backtest.ended", "Backtest ended"
    BANK_CHANGED = "bank.changed", "Bank changed"
    BANK_ENTRY_CHANGED = "bank_entry.changed", "Bank entry changed"
    ADMIN_CHANGED = "admin.changed", "Changed in the admin"
    DELIVERY_DEAD = "delivery.dead", "Delivery gave up"
    DELIVERY_REPLAYED = "delivery.replayed", "Delivery replayed"
    WEBHOOK_CHANGED = "webhook.changed", "Webhook endpoint changed"
