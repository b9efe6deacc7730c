"""The domain's rows, one file an aggregate."""

from moderation.models.access import ApiKey, IdempotencyRecord, RateWindow, User
from moderation.models.audit import AuditEvent, AuditSeal
from moderation.models.backtest import Backtest
from moderation.models.bank import Bank, BankEntry, BankEntryBand, BankHit
from moderation.models.case import Case, Evidence, Review, ReviewSkip
from moderation.models.content import Account, Content, ContentRevision, Report, TextGroup, TextGroupBand
from moderation.models.decision import Action, Appeal, Decision, Judgement, Rationale, Strike
from moderation.models.label import Label
from moderation.models.learning import Gate, GoldenItem, ModelVersion, TrainingSet, TrainingSetItem
from moderation.models.monitoring import AutomationThreshold, DriftCheck
from moderation.models.outbox import Delivery, OutboxMessage, WebhookEndpoint
from moderation.models.policy import Policy, PolicyVersion
from moderation.models.prediction import PolicyPrediction, Prediction
from moderation.models.queue import Queue
from moderation.models.rule import ChangeStamp, RoutingRule, RuleHit

__all__ = [
    "Account",
    "Action",
    "ApiKey",
    "Appeal",
    "AuditEvent",
    "AuditSeal",
    "AutomationThreshold",
    "Backtest",
    "Bank",
    "BankEntry",
    "BankEntryBand",
    "BankHit",
    "Case",
    "ChangeStamp",
    "Content",
    "ContentRevision",
    "Decision",
    "Delivery",
    "DriftCheck",
    "Evidence",
    "Gate",
    "GoldenItem",
    "IdempotencyRecord",
    "Judgement",
    "Label",
    "ModelVersion",
    "OutboxMessage",
    "Policy",
    "PolicyPrediction",
    "PolicyVersion",
    "Prediction",
    "Queue",
    "RateWindow",
    "Rationale",
    "Report",
    "Review",
    "ReviewSkip",
    "RoutingRule",
    "RuleHit",
    "Strike",
    "TextGroup",
    "TextGroupBand",
    "TrainingSet",
    "TrainingSetItem",
    "User",
    "WebhookEndpoint",
]
