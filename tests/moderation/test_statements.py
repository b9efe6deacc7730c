"""Statements of reasons: valid, true to the decision, and without anything about a person."""

import json
import random
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from moderation.enums import ReportSource
from moderation.models import Decision, Policy, PolicyVersion, User
from moderation.selectors import statements
from moderation.services import decisions
from tests import factories

SCHEMA = json.loads((Path(__file__).parent / "dsa_statement.schema.json").read_text())
PLANTED = {
    "author": "lena-fischer-1988",
    "reporter": "informant-4711",
    "moderator": "moderator",
    "text": "call me at +49 170 9876543, lena.fischer@mail.example",
    "id": "message-of-lena-88",
    "rationale": "Lena Fischer insults her neighbour",
}


@pytest.fixture(autouse=True)
def _no_undo_window(settings: Settings) -> None:
    settings.UNDO_SECONDS = 0


def _decided(integrator: User, moderator: User, *, source: str = "user", **opinion: Any) -> Decision:
    case = factories.case(
        f"{factories.ABUSIVE} {PLANTED['text']}",
        sent_by=integrator,
        id=f"{PLANTED['id']}-{Decision.objects.count()}",
        author=PLANTED["author"],
        language="de-AT",
    )
    case.reports.update(source=source)
    opinion.setdefault("rationale", PLANTED["rationale"])
    decision: Decision = factories.decide(factories.claim(case, moderator), moderator, **opinion)
    return decision


def _all() -> list[dict[str, Any]]:
    return list(statements.each(statements.stated()))


def _check(statement: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker()).validate(statement)


def test_a_removal_makes_a_valid_statement(integrator: User, moderator: User) -> None:
    decision = _decided(integrator, moderator, policies=["harassment", "hate"], actions=["remove", "suspend"])
    (statement,) = _all()
    _check(statement)
    today = timezone.now().astimezone(UTC).date().isoformat()
    assert statement == {
        "puid": f"evenhand-{decision.pk}",
        "decision_ground": "DECISION_GROUND_INCOMPATIBLE_CONTENT",
        "incompatible_content_ground": "Policy “Hate” and “Harassment”",
        "incompatible_content_explanation": (
            "The text was found to violate the policy “Hate” and “Harassment” of the service's terms."
        ),
        "content_type": ["CONTENT_TYPE_TEXT"],
        "content_language": "DE",
        "category": "STATEMENT_CATEGORY_ILLEGAL_OR_HARMFUL_SPEECH",
        "category_addition": ["STATEMENT_CATEGORY_CYBER_VIOLENCE"],
        "content_date": "2026-01-02",
        "application_date": today,
        "decision_visibility": ["DECISION_VISIBILITY_CONTENT_REMOVED"],
        "decision_account": "DECISION_ACCOUNT_SUSPENDED",
        "decision_facts": (
            "A text published on the service was examined after a report of a user. "
            f"It was {'' if statement['automated_detection'] == 'Yes' else 'not '}detected by automated means. "
            "It was decided by a person."
        ),
        "source_type": "SOURCE_TYPE_OTHER_NOTIFICATION",
        "automated_detection": statement["automated_detection"],
        "automated_decision": "AUTOMATED_DECISION_NOT_AUTOMATED",
    }


@pytest.mark.parametrize(
    ("source", "stated"),
    [
        ("legal_notice", "SOURCE_ARTICLE_16"),
        ("trusted_flagger", "SOURCE_TRUSTED_FLAGGER"),
        ("automated", "SOURCE_VOLUNTARY"),
    ],
)
def test_the_source_is_the_weightiest_notice(integrator: User, moderator: User, source: str, stated: str) -> None:
    _decided(integrator, moderator, source=source)
    (statement,) = _all()
    assert statement["source_type"] == stated
    if source == "automated":
        assert statement["automated_detection"] == "Yes"


def test_what_restricts_nothing_owes_no_statement(integrator: User, moderator: User) -> None:
    _decided(integrator, moderator, verdict="ok")
    _decided(integrator, moderator, actions=["warn"])
    _decided(integrator, moderator, actions=[])
    assert _all() == []


def test_what_may_still_be_undone_or_was_overturned_is_not_stated(
    integrator: User, moderator: User, senior: User, settings: Settings
) -> None:
    overturned = _decided(integrator, moderator)
    decisions.override(decision_id=overturned.pk, opinion=decisions.Opinion(verdict="ok"), acting_user=senior)
    settings.UNDO_SECONDS = 60
    _decided(integrator, moderator)
    assert _all() == []


def test_the_category_is_that_of_the_wording_at_the_time(integrator: User, moderator: User) -> None:
    _decided(integrator, moderator)
    policy = Policy.objects.get(slug="harassment")
    PolicyVersion.objects.create(policy=policy, number=2, guidance="New.", legal_category="STATEMENT_CATEGORY_VIOLENCE")
    later = _decided(integrator, moderator)
    first, second = _all()
    assert first["category"] == "STATEMENT_CATEGORY_CYBER_VIOLENCE"
    assert (second["category"], second["puid"]) == ("STATEMENT_CATEGORY_VIOLENCE", f"evenhand-{later.pk}")


def test_whatever_is_decided_the_statements_are_valid_and_name_nobody(
    integrator: User, moderator: User, settings: Settings
) -> None:
    weather = random.Random(11)
    policies = list(Policy.objects.values_list("slug", flat=True))
    # Even what an administrator wrote into a policy's name is not published as it stands.
    Policy.objects.filter(slug="spam").update(name=f"Spam ({PLANTED['author']}, lena.fischer@mail.example)")
    PolicyVersion.objects.create(
        policy=Policy.objects.get(slug="sexual"), number=2, guidance="x", legal_category="not a category"
    )
    for _ in range(25):
        _decided(
            integrator,
            moderator,
            source=weather.choice(ReportSource.values),
            policies=weather.sample(policies, weather.randint(1, 3)),
            actions=weather.sample(["remove", "restrict", "warn", "suspend", "terminate"], weather.randint(1, 4)),
        )
    made = _all()
    assert len(made) >= 15
    for statement in made:
        _check(statement)
    words = json.dumps(made, ensure_ascii=False).lower()
    for planted in [*PLANTED.values(), "reporter-1", "lena", "fischer", "mail.example", "9876543"]:
        if planted != PLANTED["moderator"]:
            assert planted.lower() not in words
    assert f'"{PLANTED["moderator"]}' not in words


def test_they_are_listed_by_api_for_who_may(
    integrator: User, moderator: User, api_for: Any, platform: APIClient
) -> None:
    decision = _decided(integrator, moderator)
    (row,) = platform.get("/api/v1/statements").json()["results"]
    _check(row)
    assert row["puid"] == f"evenhand-{decision.pk}"
    tomorrow = (timezone.now() + timedelta(days=1)).isoformat()
    assert platform.get("/api/v1/statements", {"since": tomorrow}).json()["results"] == []
    assert platform.get("/api/v1/statements", {"since": "yesterday"}).status_code == 400
    assert api_for(moderator).get("/api/v1/statements").status_code == 403


def test_they_are_exported(integrator: User, moderator: User, tmp_path: Path) -> None:
    _decided(integrator, moderator)
    out = StringIO()
    call_command("export_statements", stdout=out)
    assert [json.loads(line) for line in out.getvalue().splitlines()] == _all()
    path = tmp_path / "statements.jsonl"
    day = datetime.now(UTC).date()
    call_command("export_statements", output=path, since=day.isoformat())
    assert len(path.read_text().splitlines()) == 1
    call_command("export_statements", output=path, until=day.isoformat())
    assert path.read_text() == ""
    for wrong in ("2026-02-31", "soon"):
        with pytest.raises(CommandError, match="is no date"):
            call_command("export_statements", since=wrong)
    with pytest.raises(CommandError, match="No such file"):
        call_command("export_statements", output=tmp_path / "nowhere" / "x.jsonl")
