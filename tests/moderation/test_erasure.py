"""Erasure: what was planted is nowhere in the database afterwards; decisions, labels and the audit chain hold."""

import json

import pytest
from django.test import Client
from rest_framework.test import APIClient

from moderation.errors import NotFound, NotPermitted
from moderation.models import (
    Account,
    Appeal,
    AuditEvent,
    Content,
    ContentRevision,
    Decision,
    Escalation,
    Label,
    Precedent,
    ProtectedAccount,
    Report,
    SavedView,
    TextGroup,
    TextGroupBand,
    User,
)
from moderation.selectors.labels import label_rows
from moderation.services import appeals, claims, erasure, sealing, training
from moderation.services.intake import AccountInput, ReportInput, receive_report
from tests import catalogue, factories
from tests.moderation.test_sealing import _seal

MARK = "zyxquartz"
AUTHOR = f"{MARK}-author"
PLACES = {
    "moderation_account.external_id",
    "moderation_account.attributes",
    "moderation_appeal.statement",
    "moderation_content.external_id",
    "moderation_content.url",
    "moderation_content.attributes",
    "moderation_contentrevision.text",
    "moderation_contentrevision.thread",
    "moderation_escalation.note",
    "moderation_protectedaccount.reason",
    "moderation_rationale.text",
    "moderation_report.note",
    "moderation_savedview.query",
}


def _told(text: str, **fields: str) -> ReportInput:
    """A report of another's on what the planted author wrote, the mark in everything it can hold."""
    content = factories.content_input(
        text,
        id=fields["id"],
        url=f"https://chat.example/{MARK}",
        attributes={"room": f"{MARK}-room"},
        thread=[{"author": AUTHOR, "text": f"{MARK} before", "created_at": "2026-01-01T00:00:00+00:00"}],
    )
    author = AccountInput(id=AUTHOR, attributes={"nick": f"{MARK}-nick"})
    return ReportInput(content=content, author=author, source="user", reporter_id="other", note=f"they say {MARK}")


def _planted(integrator: User, moderator: User, senior: User) -> Decision:
    """A decided and appealed content, one that waits escalated, one they reported, one they are quoted under."""
    for number in (1, 2):
        receive_report(
            submitted=_told(f"{factories.ABUSIVE} {MARK} {number}", id=f"{MARK}-{number}"), acting_user=integrator
        )
    factories.score_all()
    first, second = (Content.objects.get(external_id=f"{MARK}-{number}").cases.get() for number in (1, 2))
    decision: Decision = factories.decide(factories.claim(first, moderator), moderator, rationale=f"said {MARK}")
    account = Account.objects.get(external_id=AUTHOR)
    appeals.open_appeal(decision_id=decision.pk, appellant=account, statement=f"not {MARK}", acting_user=integrator)
    held = factories.claim(second, moderator)
    claims.escalate(case_id=second.pk, token=held.review.lease_token or 0, acting_user=moderator, note=f"see {MARK}")
    receive_report(
        submitted=factories.report_input(
            "does anyone know a good stew?",
            id="of-another",
            reporter_id=AUTHOR,
            note=f"I, {MARK}, mind",
            thread=[
                {"author": AUTHOR, "text": f"{MARK} here", "created_at": "2026-01-01T00:00:00+00:00"},
                {"author": "b", "text": "who?", "created_at": "2026-01-01T00:00:01+00:00"},
            ],
        ),
        acting_user=integrator,
    )
    ProtectedAccount.objects.create(account=account, reason=f"{MARK} is known")
    SavedView.objects.create(owner=senior, name="theirs", query=f"author:{AUTHOR} is:open")
    SavedView.objects.create(owner=senior, name="of others", query="author:other is:open")
    factories.score_all()
    return decision


@pytest.mark.django_db(transaction=True)  # the seals are of what is committed
def test_planted_text_and_identifiers_are_nowhere_afterwards(
    integrator: User, moderator: User, senior: User, admin: User
) -> None:
    decision = _planted(integrator, moderator, senior)
    assert catalogue.places_of(MARK) >= PLACES, "the scan must see what is planted, or it proves nothing"
    groups = set(TextGroup.objects.filter(revisions__content__author__external_id=AUTHOR).values_list("pk", flat=True))
    assert TextGroupBand.objects.filter(group__in=groups).exists()
    assert Precedent.objects.filter(case=decision.case).exists()
    before = (Decision.objects.count(), Label.objects.count(), AuditEvent.objects.count())
    _seal()

    assert erasure.erase_account(external_id=AUTHOR, acting_user=admin) == 2

    assert catalogue.places_of(MARK) == set()
    assert not TextGroupBand.objects.filter(group__in=groups).exists()
    assert not Precedent.objects.filter(case=decision.case).exists()
    assert (Decision.objects.count(), Label.objects.count()) == before[:2]
    assert AuditEvent.objects.count() > before[2]
    _seal()
    assert sealing.verify().problem == ""


def test_what_is_of_others_stays(integrator: User, moderator: User, senior: User, admin: User) -> None:
    _planted(integrator, moderator, senior)
    erasure.erase_account(external_id=AUTHOR, acting_user=admin)
    other = ContentRevision.objects.get(content__external_id="of-another")
    assert [message["author"] for message in other.thread] == ["b"]
    assert other.text == "does anyone know a good stew?"
    assert Account.objects.filter(external_id="other").exists()
    assert SavedView.objects.get().name == "of others"
    assert Report.objects.filter(reporter__external_id__isnull=True).count() == 1


def test_what_was_decided_is_still_shown_and_no_longer_learnt_from(
    integrator: User, moderator: User, senior: User, admin: User
) -> None:
    decision = _planted(integrator, moderator, senior)
    learnt = {label.decision_id for label in training._trainable()}
    erasure.erase_account(external_id=AUTHOR, acting_user=admin)
    assert decision.pk in learnt
    assert decision.pk not in {label.decision_id for label in training._trainable()}
    assert [row["content"] for row in label_rows() if row["decision"] == decision.pk][:1] == [None]
    answer = factories.api_client(senior).get(f"/api/v1/cases/{decision.case_id}").json()
    assert (answer["content"]["id"], answer["content"]["text"]) == (None, None)
    client = Client()
    client.force_login(senior, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get(f"/cases/{decision.case_id}/").status_code == 200


def test_open_cases_end_and_the_same_account_begins_anew(
    integrator: User, moderator: User, senior: User, admin: User
) -> None:
    _planted(integrator, moderator, senior)
    waiting = Escalation.objects.get().review.case
    erasure.erase_account(external_id=AUTHOR, acting_user=admin)
    waiting.refresh_from_db()
    assert waiting.status == "withdrawn"
    with pytest.raises(NotFound):
        erasure.erase_account(external_id=AUTHOR, acting_user=admin)
    receive_report(submitted=_told(factories.ABUSIVE, id=f"{MARK}-1"), acting_user=integrator)
    assert Account.objects.get(external_id=AUTHOR).erased_at is None
    assert Content.objects.get(external_id=f"{MARK}-1").revisions.count() == 1


def test_it_goes_in_pieces_and_goes_on_where_it_broke_off(
    integrator: User, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        receive_report(submitted=_told(f"{MARK} {number}", id=f"{MARK}-{number}"), acting_user=integrator)
    monkeypatch.setattr(erasure, "_CHUNK", 2)
    whole = erasure._erase_some
    calls = iter([True, False])

    def breaks_off(account: Account, *, acting_user: User) -> int:
        if not next(calls, True):
            raise ConnectionError("the database went away")
        return whole(account, acting_user=acting_user)

    monkeypatch.setattr(erasure, "_erase_some", breaks_off)
    with pytest.raises(ConnectionError):
        erasure.erase_account(external_id=AUTHOR, acting_user=admin)
    assert Content.objects.filter(erased_at__isnull=False).count() == 2
    assert erasure.erase_account(external_id=AUTHOR, acting_user=admin) == 3
    assert catalogue.places_of(MARK) == set()


def test_only_admins_erase(senior: User, integrator: User) -> None:
    for person in (senior, integrator):
        with pytest.raises(NotPermitted):
            erasure.erase_account(external_id=AUTHOR, acting_user=person)


def test_by_api_it_is_given_out_and_then_erased(integrator: User, moderator: User, senior: User, admin: User) -> None:
    decision = _planted(integrator, moderator, senior)
    api: APIClient = factories.api_client(admin, "admin")
    answer = api.get(f"/api/v1/accounts/{AUTHOR}/data")
    assert answer["Cache-Control"] == "no-store"
    rows = [line for line in b"".join(answer.streaming_content).splitlines() if line]  # type: ignore[attr-defined]
    held = [json.loads(row) for row in rows]
    kinds = [row["kind"] for row in held]
    assert sorted(kinds) == ["account", "appeal", "content", "content", "report", "strike"]
    assert held[0]["attributes"] == {"nick": f"{MARK}-nick"}
    content = next(row for row in held if row.get("id") == f"{MARK}-1")
    assert content["revisions"][0]["text"] == f"{factories.ABUSIVE} {MARK} 1"
    assert [row["id"] for row in content["decisions"]] == [decision.pk]
    assert b"other" not in b"".join(row for row in rows if b'"kind": "content"' in row), "who reported is not theirs"
    assert moderator.username.encode() not in b"".join(rows)

    assert api.delete(f"/api/v1/accounts/{AUTHOR}/data").status_code == 204
    assert api.get(f"/api/v1/accounts/{AUTHOR}/data").status_code == 404
    assert api.delete(f"/api/v1/accounts/{AUTHOR}/data").status_code == 404
    assert Appeal.objects.get().statement == ""
    kinds = set(AuditEvent.objects.values_list("kind", flat=True))
    assert {"account.exported", "content.erased", "account.erased"} <= kinds
