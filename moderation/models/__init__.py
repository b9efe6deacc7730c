"""The domain's rows, one file an aggregate."""

from moderation.models.access import ApiKey, IdempotencyRecord, RateWindow, User, VisitWindow
from moderation.models.audit import AuditEvent, AuditSeal
from moderation.models.backtest import Backtest
from moderation.models.bank import Bank, BankEntry, BankEntryBand, BankHit
from moderation.models.batch import Batch, BatchCase
from moderation.models.case import Case, Escalation, Evidence, Review, ReviewBar, ReviewSkip
from moderation.models.content import Account, Content, ContentRevision, Report, TextGroup, TextGroupBand
from moderation.models.decision import Action, Appeal, Decision, Judgement, Rationale, Strike
from moderation.models.delivery import Delivery, DeliveryAttempt, WebhookEndpoint
from moderation.models.label import Label
from moderation.models.lane import LaneCensus, LaneCount
from moderation.models.learning import Gate, GoldenItem, ModelVersion, TrainingSet, TrainingSetItem
from moderation.models.monitoring import AutomationThreshold, DriftCheck
from moderation.models.outbox import OutboxMessage
from moderation.models.policy import Policy, PolicyVersion
from moderation.models.precedent import Precedent
from moderation.models.prediction import PolicyPrediction, Prediction
from moderation.models.priority import PriorityMark
from moderation.models.quality import (
    AuditDraw,
    GoldenCase,
    Hold,
    JudgementNote,
    ProtectedAccount,
    QualityPlan,
    QualityReport,
)
from moderation.models.queue import Queue
from moderation.models.rule import ChangeStamp, RoutingRule, RuleHit
from moderation.models.second_reading import PolicySecondReading, SecondReading
from moderation.models.view import SavedView

__all__ = [
    "Account",
    "Action",
    "ApiKey",
    "Appeal",
    "AuditDraw",
    "AuditEvent",
    "AuditSeal",
    "AutomationThreshold",
    "Backtest",
    "Bank",
    "BankEntry",
    "BankEntryBand",
    "BankHit",
    "Batch",
    "BatchCase",
    "Case",
    "ChangeStamp",
    "Content",
    "ContentRevision",
    "Decision",
    "Delivery",
    "DeliveryAttempt",
    "DriftCheck",
    "Escalation",
    "Evidence",
    "Gate",
    "GoldenCase",
    "GoldenItem",
    "Hold",
    "IdempotencyRecord",
    "Judgement",
    "JudgementNote",
    "Label",
    "LaneCensus",
    "LaneCount",
    "ModelVersion",
    "OutboxMessage",
    "Policy",
    "PolicyPrediction",
    "PolicySecondReading",
    "PolicyVersion",
    "Precedent",
    "Prediction",
    "PriorityMark",
    "ProtectedAccount",
    "QualityPlan",
    "QualityReport",
    "Queue",
    "RateWindow",
    "Rationale",
    "Report",
    "Review",
    "ReviewBar",
    "ReviewSkip",
    "RoutingRule",
    "RuleHit",
    "SavedView",
    "SecondReading",
    "Strike",
    "TextGroup",
    "TextGroupBand",
    "TrainingSet",
    "TrainingSetItem",
    "User",
    "VisitWindow",
    "WebhookEndpoint",
]
