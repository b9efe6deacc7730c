"""Drafting rules, putting them into force and into order, and what is wrong with an order."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from moderation.errors import Conflict, InvalidInput, ModerationError, NotFound, NotPermitted
from moderation.models import AuditEvent, Case, Queue, RoutingRule, RuleHit, User
from moderation.selectors import rule_records
from moderation.selectors import rules as selectors
from moderation.services import rules
from moderation.services.rules import Draft
from tests import factories

SPAM = {"fact": "score", "of": "spam", "is": "at_least", "value": 0.5}


def draft(**fields: Any) -> Draft:
    """A draft that is fine, with other values for some fields."""
    return replace(Draft(name="Spam", condition=SPAM, queue="spam"), **fields)


def _order() -> list[int]:
    return [rule.pk for rule in selectors.ordered()]


def test_a_draft_is_kept_at_the_end_and_routes_nothing(admin: User, integrator: User) -> None:
    rule = rules.create(draft=draft(queue="urgent"), acting_user=admin)
    assert _order()[-1] == rule.pk
    assert (rule.state, rule.version, rule.created_by) == ("draft", 1, admin)
    assert factories.case(factories.SPAM, sent_by=integrator).queue.slug == "spam"
    event = AuditEvent.objects.get(kind="rule.created")
    assert (event.actor, event.data["rule"]) == (admin, rule.pk)


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"name": "  "}, "/name"),
        ({"name": "x" * 81}, "/name"),
        ({"queue": "nowhere"}, "/queue"),
        ({"condition": {"all": [{**SPAM, "of": "nonsense"}]}}, "/condition/all/0/of"),
        ({"priority_boost": 101.0}, "/priority_boost"),
        ({"priority_boost": float("nan")}, "/priority_boost"),
        ({"audit_rate": 0.1}, "/opens_cases"),
        ({"audit_rate": 0.0, "opens_cases": True}, "/audit_rate"),
        ({"audit_rate": 1.01, "opens_cases": True}, "/audit_rate"),
        (
            {"audit_rate": 0.1, "opens_cases": True, "automates": "spam", "automatic_actions": ["remove"]},
            "/automates",
        ),
        ({"automates": "nonsense", "automatic_actions": ["remove"]}, "/automates"),
        ({"automates": "spam"}, "/automatic_actions"),
        ({"automates": "spam", "automatic_actions": ["remove", "shout"]}, "/automatic_actions/1"),
        ({"automatic_actions": ["remove"]}, "/automates"),
        ({"automates": "spam", "automatic_actions": ["remove"], "holds_for_senior": True}, "/holds_for_senior"),
    ],
)
def test_a_draft_that_makes_no_sense_is_refused(fields: dict[str, Any], pointer: str, admin: User) -> None:
    with pytest.raises(InvalidInput) as refused:
        rules.create(draft=draft(**fields), acting_user=admin)
    assert refused.value.pointer == pointer


def test_nothing_is_held_where_no_queue_is_for_seniors(admin: User) -> None:
    Queue.objects.filter(seniors_only=True).update(is_active=False)
    with pytest.raises(InvalidInput, match="seniors only"):
        rules.create(draft=draft(holds_for_senior=True), acting_user=admin)


def test_a_held_case_goes_where_only_seniors_claim(admin: User, integrator: User) -> None:
    rule = rules.create(draft=draft(holds_for_senior=True, queue="urgent"), acting_user=admin)
    rules.set_state(rule_id=rule.pk, version=1, state="live", acting_user=admin)
    rules.move(rule_id=rule.pk, to=1, acting_user=admin)
    assert factories.case(factories.SPAM, sent_by=integrator).queue.slug == "escalations"


def test_another_tab_overwrites_nothing(admin: User) -> None:
    rule = rules.create(draft=draft(), acting_user=admin)
    changed = rules.change(rule_id=rule.pk, version=1, draft=draft(name="Other"), acting_user=admin)
    assert (changed.name, changed.version) == ("Other", 2)
    for act in (
        lambda: rules.change(rule_id=rule.pk, version=1, draft=draft(name="Lost"), acting_user=admin),
        lambda: rules.set_state(rule_id=rule.pk, version=1, state="live", acting_user=admin),
        lambda: rules.delete(rule_id=rule.pk, version=1, acting_user=admin),
    ):
        with pytest.raises(Conflict, match="another tab"):
            act()
    same = rules.change(rule_id=rule.pk, version=2, draft=draft(name="Other"), acting_user=admin)
    assert same.version == 2, "what changes nothing is no change"
    event = AuditEvent.objects.get(kind="rule.changed")
    assert event.data["fields"] == ["name"]


def test_a_rule_that_left_its_draft_is_changed_by_a_draft_that_replaces_it(admin: User, integrator: User) -> None:
    first = rules.create(draft=draft(queue="urgent"), acting_user=admin)
    first = rules.set_state(rule_id=first.pk, version=1, state="live", acting_user=admin)
    rules.move(rule_id=first.pk, to=1, acting_user=admin)
    with pytest.raises(Conflict, match="Only a draft"):
        rules.change(rule_id=first.pk, version=first.version, draft=draft(), acting_user=admin)
    with pytest.raises(Conflict, match="Only a draft"):
        rules.delete(rule_id=first.pk, version=first.version, acting_user=admin)
    copy = rules.copy(rule_id=first.pk, acting_user=admin)
    assert rules.copy(rule_id=first.pk, acting_user=admin) == copy, "one draft of a rule at a time"
    assert _order()[:2] == [first.pk, copy.pk]
    rules.change(rule_id=copy.pk, version=1, draft=draft(queue="reports"), acting_user=admin)
    assert factories.case(factories.SPAM, sent_by=integrator).queue.slug == "urgent"
    rules.set_state(rule_id=copy.pk, version=2, state="live", acting_user=admin)
    assert _order()[0] == copy.pk
    first.refresh_from_db()
    assert first.state == "retired"
    assert factories.case(factories.SPAM, sent_by=integrator).queue.slug == "reports"
    assert [rule.position for rule in selectors.ordered()] == list(range(1, len(_order()) + 1))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("draft", "retired"),
        ("draft", "draft"),
        ("live", "draft"),
        ("shadow", "draft"),
        ("retired", "live"),
        ("live", "x"),
    ],
)
def test_there_is_no_way_back_to_a_draft_or_from_retirement(before: str, after: str, admin: User) -> None:
    rule = factories.rule(SPAM, queue=Queue.objects.get(slug="spam"), state=before)
    with pytest.raises(Conflict, match="cannot become"):
        rules.set_state(rule_id=rule.pk, version=1, state=after, acting_user=admin)


def test_a_rule_that_names_what_is_gone_does_not_go_live(admin: User) -> None:
    rule = rules.create(draft=draft(), acting_user=admin)
    Queue.objects.filter(slug="spam").update(is_active=False)
    with pytest.raises(InvalidInput, match="closed"):
        rules.set_state(rule_id=rule.pk, version=1, state="live", acting_user=admin)


@pytest.mark.parametrize("column", ["condition", "queue", "priority_boost", "opens_cases", "audit_rate", "state"])
def test_the_database_too_keeps_a_live_rule_as_it_is(column: str, admin: User) -> None:
    rule = factories.rule(SPAM, queue=Queue.objects.get(slug="spam"), opens_cases=True)
    other = {
        "condition": {"all": []},
        "queue": Queue.objects.get(slug="urgent"),
        "priority_boost": 1,
        "opens_cases": False,
        "audit_rate": 0.5,
        "state": "draft",
    }
    with pytest.raises(IntegrityError, match="stays as it is"), transaction.atomic():
        RoutingRule.objects.filter(pk=rule.pk).update(**{column: other[column]})


def test_order_is_changed_place_by_place_and_a_stale_view_is_told(admin: User) -> None:
    before = _order()
    rules.move(rule_id=before[2], to=1, acting_user=admin, seen_at=3)
    assert _order() == [before[2], before[0], before[1], *before[3:]]
    with pytest.raises(Conflict, match="order has changed"):
        rules.move(rule_id=before[2], to=2, acting_user=admin, seen_at=3)
    rules.move(rule_id=before[2], to=99, acting_user=admin)
    assert _order()[-1] == before[2]
    rules.move(rule_id=before[2], to=-5, acting_user=admin)
    assert _order()[0] == before[2]
    moves = AuditEvent.objects.filter(kind="rule.moved").order_by("pk")
    assert [(event.data["before"], event.data["after"]) for event in moves] == [(3, 1), (1, 6), (6, 1)]


def test_a_deleted_draft_leaves_no_gap(admin: User) -> None:
    rule = rules.create(draft=draft(), acting_user=admin)
    rules.move(rule_id=rule.pk, to=1, acting_user=admin)
    rules.delete(rule_id=rule.pk, version=1, acting_user=admin)
    assert [row.position for row in selectors.ordered()] == list(range(1, 7))
    with pytest.raises(NotFound):
        selectors.get(rule.pk)


@pytest.mark.parametrize("role", ["moderator", "senior", "integrator"])
def test_only_administrators_touch_rules(role: str, installation: None) -> None:
    person = factories.user("person", role=role)
    rule = factories.rule(SPAM, queue=Queue.objects.get(slug="spam"), state="draft")
    for act in (
        lambda: rules.create(draft=draft(), acting_user=person),
        lambda: rules.change(rule_id=rule.pk, version=1, draft=draft(), acting_user=person),
        lambda: rules.copy(rule_id=rule.pk, acting_user=person),
        lambda: rules.set_state(rule_id=rule.pk, version=1, state="live", acting_user=person),
        lambda: rules.move(rule_id=rule.pk, to=1, acting_user=person),
        lambda: rules.delete(rule_id=rule.pk, version=1, acting_user=person),
    ):
        with pytest.raises(NotPermitted):
            act()


def test_a_shadow_rule_records_what_it_would_have_done_and_does_nothing(admin: User, integrator: User) -> None:
    queue = Queue.objects.get(slug="urgent")
    first = factories.rule(SPAM, queue=queue, state="shadow", priority_boost=50)
    last = factories.rule(SPAM, queue=queue, state="shadow", position=99)
    case = factories.case(factories.SPAM, sent_by=integrator)
    assert case.queue.slug == "spam"
    assert {part["name"] for part in case.priority_parts} == {"severity", "reports"}
    assert all(hit["id"] not in {first.pk, last.pk} for hit in case.rule_hits)
    hits = {hit.rule_id: (hit.shadow, hit.decided) for hit in RuleHit.objects.filter(shadow=True)}
    assert hits == {first.pk: (True, True), last.pk: (True, False)}
    case.content.scoring_state = "pending"
    case.content.save()
    factories.score_all()
    assert RuleHit.objects.filter(shadow=True).count() == 2, "routed again, hit once"


def test_a_rule_may_open_cases_for_what_nobody_would_see(admin: User, integrator: User) -> None:
    queue = Queue.objects.get(slug="reports")
    lentils = {"fact": "text", "is": "matches", "value": r"\blentil"}
    rule = factories.rule(lentils, queue=queue, state="draft", opens_cases=True)
    factories.content(factories.BENIGN, sent_by=integrator)
    factories.score_all()
    assert not Case.objects.exists()
    rules.set_state(rule_id=rule.pk, version=1, state="live", acting_user=admin)
    factories.content(factories.BENIGN, sent_by=integrator)
    factories.score_all()
    case = Case.objects.get()
    assert (case.why_shown, case.sampling_probability) == ("rule", 1.0)
    assert case.rule_hits == [{"kind": "rule", "id": rule.pk, "name": rule.name}]


def test_an_audit_sample_takes_its_share_and_says_so(admin: User, integrator: User) -> None:
    queue = Queue.objects.get(slug="reports")
    factories.rule(queue=queue, name="sample", opens_cases=True, audit_rate=0.4)
    for number in range(60):
        factories.content(f"soup of the day number {number}", sent_by=integrator)
    reported = factories.case(factories.BENIGN, sent_by=integrator)
    factories.score_all()
    drawn = Case.objects.exclude(pk=reported.pk)
    assert 10 <= drawn.count() <= 40, "60 draws at 0.4; outside once in 10^5"
    assert {(case.why_shown, case.sampling_probability) for case in drawn} == {("rule", 0.4)}
    assert reported.rule_hits == [], "what people see anyhow is no sample"
    keys = set(drawn.values_list("content_id", flat=True))
    Case.objects.all()[0].content.__class__.objects.update(scoring_state="pending")
    factories.score_all()
    again = set(Case.objects.exclude(pk=reported.pk).values_list("content_id", flat=True))
    assert again == keys, "routed again, the draw is the same"
    named = {case.rule_hits[0]["name"] for case in Case.objects.exclude(pk=reported.pk)}
    assert named == {"sample"}, "and the case still says what drew it"


def test_the_record_counts_what_people_upheld(admin: User, integrator: User, moderator: User) -> None:
    rule = factories.rule(queue=Queue.objects.get(slug="abuse"))
    for verdict in ("violates", "violates", "ok"):
        case = factories.case(f"{factories.ABUSIVE} {verdict}", sent_by=integrator)
        factories.decide(factories.claim(case, moderator), moderator, verdict)
    factories.case(factories.BENIGN, sent_by=integrator)
    record = rule_records.records([rule.pk])[rule.pk]
    # The two texts that violate are one wording each; so is the third.
    assert (record.hits, record.judged, record.upheld) == (4, 3, 2)
    assert record.precision == pytest.approx(2 / 3)
    low, high = record.bounds
    assert 0.2 < low < 2 / 3 < high < 0.95
    weeks = rule_records.by_week(rule.pk, weeks=4)
    assert [week.record.hits for week in weeks] == [0, 0, 0, 4]
    assert all(later.begins > earlier.begins for earlier, later in pairwise(weeks))


def test_contradictions_and_what_is_never_reached_are_named(admin: User) -> None:
    RoutingRule.objects.all().delete()
    spam, urgent = Queue.objects.get(slug="spam"), Queue.objects.get(slug="urgent")
    wide = factories.rule(SPAM, queue=spam, position=1, name="wide")
    narrow = factories.rule({**SPAM, "value": 0.9}, queue=urgent, position=2)
    same = factories.rule({"all": [SPAM]}, queue=urgent, position=3)
    twin = factories.rule(SPAM, queue=spam, position=4)
    sample = factories.rule(SPAM, queue=spam, position=5, opens_cases=True, audit_rate=0.5)
    beyond = factories.rule(SPAM, queue=urgent, position=6, opens_cases=True)
    drafted = factories.rule(SPAM, queue=spam, position=7, state="draft", replaces=wide)
    found = {finding.rule_id: (finding.kind, finding.other_id) for finding in selectors.findings()}
    assert found == {
        narrow.pk: ("unreachable", wide.pk),
        same.pk: ("contradiction", wide.pk),
        twin.pk: ("repetition", wide.pk),
        drafted.pk: ("contradiction", same.pk),
    }
    assert sample.pk not in found, "it looks at what the others leave alone"
    assert beyond.pk not in found, "it takes more than the first does"
    rules.move(rule_id=narrow.pk, to=1, acting_user=admin)
    found = {finding.rule_id: finding.kind for finding in selectors.findings()}
    assert narrow.pk not in found, "the exception before the rule is how it is meant"
    assert "stands before it" in selectors.findings()[0].sentence


def test_rules_are_compiled_once_a_change(
    admin: User, integrator: User, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    from moderation.selectors import rule_sets

    first = rule_sets.in_force()
    with django_assert_num_queries(1):
        assert rule_sets.in_force() is first
    Queue.objects.filter(slug="spam").update(name="Other")
    second = rule_sets.in_force()
    assert second is not first
    assert second.queues["spam"].name == "Other"


def test_what_a_service_refuses_has_changed_nothing(admin: User) -> None:
    before = list(RoutingRule.objects.order_by("pk").values())
    with pytest.raises(ModerationError):
        rules.create(draft=draft(queue="nowhere"), acting_user=admin)
    assert list(RoutingRule.objects.order_by("pk").values()) == before
