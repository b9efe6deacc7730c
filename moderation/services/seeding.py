"""What a fresh installation starts with: policies, queues, people, the starter model, and the demo community."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from moderation.demo import Community, Message, load
from moderation.enums import ActionKind, CaseStatus, ModelStatus, Role, RuleState, Scope, Severity, Verdict
from moderation.learning import registry
from moderation.models import (
    ApiKey,
    Case,
    Content,
    GoldenItem,
    ModelVersion,
    Policy,
    PolicyVersion,
    Queue,
    Report,
    Review,
    RoutingRule,
    User,
)
from moderation.services import access, claims, decisions, priority, scoring
from moderation.services.intake import (
    AccountInput,
    ContentInput,
    ReportInput,
    receive_content,
    receive_report,
)

GOLDEN_EVERY = 4  # one demo message in so many is a golden item
DEMO_HISTORY = 40  # demo cases that have been decided before the first login


@dataclass(frozen=True, slots=True)
class PolicySeed:
    """A policy of a fresh installation."""

    slug: str
    name: str
    severity: Severity
    graphic: bool
    legal_category: str
    guidance: str


POLICIES = (
    PolicySeed(
        "harassment", "Harassment", Severity.MODERATE, False, "STATEMENT_CATEGORY_CYBER_VIOLENCE",
        "Insults, humiliation or unwanted contact aimed at a person. Not: banter both sides enjoy, criticism of what "
        "someone did, quoting abuse to report it.",
    ),
    PolicySeed(
        "hate", "Hate", Severity.HIGH, False, "STATEMENT_CATEGORY_ILLEGAL_OR_HARMFUL_SPEECH",
        "Attacks or dehumanises people for what they are: origin, religion, gender, orientation, disability. Not: "
        "counter-speech, reclaimed terms among those they name, the mere mention of a group.",
    ),
    PolicySeed(
        "spam", "Spam and scams", Severity.LOW, False, "STATEMENT_CATEGORY_SCAMS_AND_FRAUD",
        "Unsolicited advertising, phishing, fake giveaways, repeated posting. Not: one's own project shown once where "
        "that is welcome.",
    ),
    PolicySeed(
        "self-harm", "Self-harm", Severity.CRITICAL, True, "STATEMENT_CATEGORY_SELF_HARM",
        "Urges, promotes or instructs self-harm or suicide. Not: asking for help, telling of one's recovery; answer "
        "those with the crisis resources instead.",
    ),
    PolicySeed(
        "sexual", "Sexual content", Severity.HIGH, True, "STATEMENT_CATEGORY_OTHER_VIOLATION_TC",
        "Explicit sexual content or advances where they are not allowed. Not: health and education.",
    ),
    PolicySeed(
        "violence", "Violence and threats", Severity.SEVERE, True, "STATEMENT_CATEGORY_VIOLENCE",
        "Threatens, incites or glorifies violence against people. Not: game talk, news, figures of speech.",
    ),
)  # fmt: skip


@transaction.atomic
def seed_defaults() -> None:
    """Policies with their wording, queues and routing rules, where there are none yet; the starter model."""
    if not Policy.objects.exists():
        _seed_policies()
    if not Queue.objects.exists():
        _seed_queues()
    if not ModelVersion.objects.filter(status=ModelStatus.CHAMPION).exists():
        registry.promote(registry.register_starter(acting_user=None), acting_user=None)


@transaction.atomic
def seed_people() -> dict[str, str]:
    """A moderator, a senior, an administrator with new random passwords; passwords by user name.

    People of these names who exist already get a new password: whoever can run this owns the machine.
    """
    passwords = {}
    for username, role in (("moderator", Role.MODERATOR), ("senior", Role.SENIOR), ("admin", Role.ADMIN)):
        password = secrets.token_urlsafe(12)
        user, _ = User.objects.get_or_create(username=username, defaults={"role": role})
        user.role = role
        user.is_staff = role == Role.ADMIN
        user.set_password(password)
        user.save()
        passwords[username] = password
    return passwords


@transaction.atomic
def seed_key() -> str:
    """An API key for the platform with every scope; earlier keys made here are revoked. Returns the key."""
    admin = User.objects.get(username="admin")
    for key in ApiKey.objects.filter(user=admin, name="First key", revoked_at__isnull=True):
        access.revoke_key(key=key, acting_user=admin)
    _, secret = access.issue_key(user=admin, name="First key", scopes=Scope.values, acting_user=admin)
    return secret


def seed_demo(*, acting_user: User, decided_by: User) -> int:
    """Take in the demo community by the same services as any platform's content, score it, decide its oldest cases.

    How many contents; 0 if it is there already. The history is backdated, so that queues show their ages.
    """
    community = load()
    if Content.objects.filter(external_id=community.messages[-1].id).exists():
        return 0
    now = timezone.now()
    _take_in(community, acting_user=acting_user, now=now)
    while scoring.score_pending(limit=settings.SCORING_BATCH):
        pass
    _backdate(community, now=now)
    _mark_golden(community)
    _decide_oldest(community, decided_by=decided_by)
    return len(community.messages)


def _seed_policies() -> None:
    for position, seed in enumerate(POLICIES, start=1):
        policy = Policy.objects.create(
            slug=seed.slug, name=seed.name, severity=seed.severity, graphic=seed.graphic, position=position
        )
        PolicyVersion.objects.create(
            policy=policy, number=1, guidance=seed.guidance, legal_category=seed.legal_category
        )


def _seed_queues() -> None:
    policies = {policy.slug: policy for policy in Policy.objects.all()}
    escalations = Queue.objects.create(
        slug="escalations", name="Escalations", sla_minutes=4 * 60, position=9, seniors_only=True,
        description="What a moderator wants a senior to decide.",
    )  # fmt: skip
    urgent = _queue("urgent", "Urgent", 60, 1, escalations, "Threats and self-harm: someone may be in danger.")
    abuse = _queue("abuse", "Abuse", 8 * 60, 2, escalations, "Harassment, hate and sexual content.")
    spam = _queue("spam", "Spam and scams", 24 * 60, 3, escalations, "Advertising, phishing, fake giveaways.")
    _queue(
        "reports",
        "Other reports",
        24 * 60,
        4,
        escalations,
        "What people reported and nothing else routes.",
        True,
    )
    targets = {
        "self-harm": urgent,
        "violence": urgent,
        "hate": abuse,
        "harassment": abuse,
        "sexual": abuse,
        "spam": spam,
    }
    for position, (slug, queue) in enumerate(targets.items(), start=1):
        policy = policies.get(slug)
        if policy is not None:
            RoutingRule.objects.create(
                position=position,
                name=f"{policy.name} to {queue.name}",
                state=RuleState.LIVE,
                condition=_about(policy),
                queue=queue,
            )


def _about(policy: Policy) -> dict[str, Any]:
    """Whatever speaks for the policy: the model, a report, a bank."""
    facts = ("flagged", "report_reasons", "bank_policies")
    return {"any": [{"fact": fact, "is": "any_of", "value": [policy.slug]} for fact in facts]}


def _queue(
    slug: str,
    name: str,
    sla: int,
    position: int,
    escalates_to: Queue,
    description: str,
    is_default: bool = False,
) -> Queue:
    return Queue.objects.create(
        slug=slug,
        name=name,
        sla_minutes=sla,
        position=position,
        escalates_to=escalates_to,
        description=description,
        is_default=is_default,
    )


def _take_in(community: Community, *, acting_user: User, now: datetime) -> None:
    accounts = {
        seed.id: AccountInput(seed.id, now - timedelta(days=seed.age_days), dict(seed.attributes))
        for seed in community.accounts
    }
    by_id = {message.id: message for message in community.messages}
    contents = {message.id: _content_input(message, by_id, now=now) for message in community.messages}
    for message in community.messages:
        receive_content(submitted=contents[message.id], author=accounts[message.author], acting_user=acting_user)
    for report in community.reports:
        receive_report(
            submitted=ReportInput(
                content=contents[report.content],
                author=accounts[by_id[report.content].author],
                source=report.source,
                reporter_id=report.reporter,
                policy=report.policy,
                note=report.note,
            ),
            acting_user=acting_user,
        )


def _content_input(message: Message, by_id: Mapping[str, Message], *, now: datetime) -> ContentInput:
    """The message with up to six that stand before it in its thread."""
    thread = message.thread or message.id
    before = [
        other
        for other in by_id.values()
        if (other.thread or other.id) == thread and other.minutes_ago > message.minutes_ago
    ]
    return ContentInput(
        id=message.id,
        type="message",
        text=message.text,
        created_at=now - timedelta(minutes=message.minutes_ago),
        language=message.language,
        thread=[
            {
                "author": other.author,
                "text": other.text,
                "created_at": (now - timedelta(minutes=other.minutes_ago)).isoformat(),
            }
            for other in before[-6:]
        ],
    )


@transaction.atomic
def _backdate(community: Community, *, now: datetime) -> None:
    """Give cases and reports the times the story has, and the priority that follows from them."""
    ages = {message.id: timedelta(minutes=message.minutes_ago) for message in community.messages}
    for case in Case.objects.filter(content__external_id__in=ages).select_related("content", "queue"):
        # People look at a message within the hour: the case is younger than what it is about.
        age = ages[case.content.external_id or ""] / 4
        case.opened_at = now - age
        case.due_at = case.opened_at + timedelta(minutes=case.queue.sla_minutes)
        case.priority = priority.index_key(case.priority_parts, queue=case.queue, opened_at=case.opened_at)
        case.save(update_fields=["opened_at", "due_at", "priority"])
        Review.objects.filter(case=case).update(priority=case.priority)
        Report.objects.filter(case=case).update(received_at=case.opened_at)


def _mark_golden(community: Community) -> None:
    """A quarter of the messages become golden items with the truth their writers gave them."""
    truth = {message.id: set(message.truth) for message in community.messages}
    slugs = list(Policy.objects.values_list("slug", flat=True))
    chosen = [pk for pk in truth if hashlib.sha256(pk.encode()).digest()[0] % GOLDEN_EVERY == 0]
    contents = Content.objects.filter(external_id__in=chosen).select_related("current_revision")
    GoldenItem.objects.bulk_create(
        GoldenItem(
            revision=content.current_revision,
            truth={slug: slug in truth[content.external_id or ""] for slug in slugs},
        )
        for content in contents
        if content.current_revision is not None
    )


def _decide_oldest(community: Community, *, decided_by: User) -> None:
    truth = {message.id: message.truth for message in community.messages}
    oldest = Case.objects.filter(status=CaseStatus.OPEN, content__external_id__in=truth, queue__seniors_only=False)
    for case in oldest.select_related("content").order_by("opened_at")[:DEMO_HISTORY]:
        violated = truth[case.content.external_id or ""]
        claim = claims.claim_case(case=case, acting_user=decided_by)
        decisions.decide(
            case_id=case.pk,
            lease_token=claim.review.lease_token or 0,
            version=claim.evidence.case_version,
            evidence_id=claim.evidence.pk,
            opinion=decisions.Opinion(
                verdict=Verdict.VIOLATES if violated else Verdict.OK,
                policies=violated,
                actions=[ActionKind.REMOVE] if violated else [],
            ),
            acting_user=decided_by,
        )
