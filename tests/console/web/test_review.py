"""The review workspace: claim, see, judge, and every way it can go wrong."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from moderation.enums import CaseStatus, ReviewState
from moderation.models import Case, Decision, Policy, PolicyPrediction, Report, Review, ReviewSkip, User
from moderation.services import claims, decisions, intake
from moderation.services.claims import Claim
from tests import factories

HTMX = {"HX-Request": "true"}


class Marks(HTMLParser):
    """Collects the text of every element that carries a span, by [start, end)."""

    def __init__(self) -> None:
        super().__init__()
        self.spans: dict[tuple[int, int], str] = {}
        self._open: tuple[int, int] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if "data-start" in found and "data-end" in found:
            self._open = (int(found["data-start"] or ""), int(found["data-end"] or ""))
            self.spans[self._open] = ""

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            self.spans[self._open] += data

    def handle_endtag(self, tag: str) -> None:
        self._open = None


def spans_of(page: str) -> dict[tuple[int, int], str]:
    """The marked spans of a page with their visible text."""
    marks = Marks()
    marks.feed(page)
    return marks.spans


def body_of(claim: Claim, **opinion: Any) -> dict[str, Any]:
    """What the decision form sends."""
    return {
        "lease_token": claim.review.lease_token,
        "version": claim.evidence.case_version,
        "evidence_id": claim.evidence.pk,
        **opinion,
    }


@pytest.fixture
def claim(moderator: User, integrator: User) -> Claim:
    """A case the moderator holds."""
    return factories.claim(factories.case(sent_by=integrator), moderator)


def test_claiming_leads_to_the_most_urgent_case(
    browser_of_moderator: Client, integrator: User, moderator: User
) -> None:
    case = factories.case(sent_by=integrator)
    answer = browser_of_moderator.post(reverse("queue", args=[case.queue.slug]), follow=True)
    assert answer.redirect_chain == [(reverse("review_case", args=[case.pk]), 302)]
    assert "worthless" in answer.content.decode()
    assert Review.objects.get(case=case).reviewer == moderator


def test_an_empty_queue_says_it_is_done(browser_of_moderator: Client) -> None:
    answer = browser_of_moderator.post(reverse("queue", args=["abuse"]), follow=True)
    assert b"All done here" in answer.content


def test_an_unknown_queue_is_a_404(browser_of_moderator: Client) -> None:
    assert browser_of_moderator.post(reverse("queue", args=["nowhere"])).status_code == 404


def test_a_senior_queue_is_closed_to_moderators(browser_of_moderator: Client) -> None:
    assert browser_of_moderator.post(reverse("queue", args=["escalations"])).status_code == 403


@pytest.mark.parametrize(
    "text",
    [
        factories.ABUSIVE,
        "<script>alert(1)</script> you <b>worthless</b> &amp; stupid idiot, go away \U0001f4a9\U0001f4a9 loser",
        "h\u0301\u0301ate \u202eyou\u202c st\u200bupid id\u200diot \u05d0\u05d9\u05d3\u05d9 \ud55c\uad6d get lost",
    ],
)
def test_the_marked_words_are_the_attributed_spans(
    browser_of_moderator: Client, moderator: User, integrator: User, text: str
) -> None:
    claim = factories.claim(factories.case(text, sent_by=integrator), moderator)
    page = browser_of_moderator.get(reverse("review_case", args=[claim.review.case_id]), {"policy": "harassment"})
    stored = PolicyPrediction.objects.get(prediction=claim.evidence.prediction, policy__slug="harassment")
    assert spans_of(page.content.decode()) == {(start, end): text[start:end] for start, end, _ in stored.attributions}
    assert "<script>alert" not in page.content.decode()


def test_it_says_why_the_case_is_here(browser_of_moderator: Client, moderator: User, integrator: User) -> None:
    Policy.objects.filter(slug="harassment").update(threshold=0.01)
    claim = factories.claim(factories.case(sent_by=integrator), moderator)
    page = browser_of_moderator.get(reverse("review_case", args=[claim.review.case_id])).content.decode()
    row = next(row for row in claim.evidence.policies if row["policy"] == "harassment")
    assert row["flagged"]
    assert f"Harassment {row['score']:.2f}</strong>, threshold {row['threshold']:.2f}" in page
    assert "the model reacted to “" in page
    assert "1 report: 1 user." in page


def test_legal_notices_and_trusted_flaggers_come_first_and_the_order_is_stable(
    browser_of_moderator: Client, moderator: User, integrator: User
) -> None:
    sources = ["legal_notice", "user", "trusted_flagger", "automated", "user"]
    for number, source in enumerate(sources):
        intake.receive_report(
            submitted=factories.report_input(
                id="many", source=source, note=f"note {number}", reporter_id=f"reporter-{number}"
            ),
            acting_user=integrator,
        )
    Report.objects.update(received_at=timezone.now())
    factories.score_all()
    claim = factories.claim(Case.objects.get(), moderator)
    page = browser_of_moderator.get(reverse("review_case", args=[claim.review.case_id])).content.decode()
    assert re.findall(r"note (\d)", page) == ["0", "2", "4", "3", "1"]


@pytest.mark.parametrize(("policy", "marked"), [("", 0), ("spam", 1)])
def test_only_policies_that_are_flagged_or_reported_are_marked(
    browser_of_moderator: Client, moderator: User, integrator: User, policy: str, marked: int
) -> None:
    Policy.objects.update(threshold=0.999)
    fields = {"policy": policy} if policy else {}
    claim = factories.claim(factories.case("a quite harmless text", sent_by=integrator, **fields), moderator)
    page = browser_of_moderator.get(reverse("review_case", args=[claim.review.case_id])).content.decode()
    assert page.count("is-in-play") == marked


def test_a_case_one_never_held_leads_to_its_page(browser_of_moderator: Client, integrator: User) -> None:
    case = factories.case(sent_by=integrator)
    answer = browser_of_moderator.get(reverse("review_case", args=[case.pk]))
    assert answer["Location"] == reverse("case", args=[case.pk])
    assert Review.objects.get(case=case).state == ReviewState.WAITING


def test_deciding_brings_the_next_case(browser_of_moderator: Client, claim: Claim, integrator: User) -> None:
    other = factories.case(f"{factories.ABUSIVE} again", sent_by=integrator)
    body = body_of(claim, verdict="violates", policies=["harassment"], actions=["remove"], rationale="an insult")
    answer = browser_of_moderator.post(reverse("decide", args=[claim.review.case_id]), body, follow=True)
    assert answer.redirect_chain[0][0] == reverse("review_case", args=[other.pk])
    decision = Decision.objects.get(case=claim.review.case_id)
    assert (decision.verdict, decision.policies, decision.actions) == ("violates", ["harassment"], ["remove"])
    assert decision.rationale.text == "an insult"
    assert reverse("undo", args=[decision.pk]) in answer.content.decode()


def test_htmx_gets_the_next_case_in_the_same_answer(
    browser_of_moderator: Client, claim: Claim, integrator: User
) -> None:
    other = factories.case(f"{factories.ABUSIVE} again", sent_by=integrator)
    answer = browser_of_moderator.post(
        reverse("decide", args=[claim.review.case_id]), body_of(claim, verdict="ok"), headers=HTMX
    )
    assert answer.status_code == 200
    assert answer["HX-Push-Url"] == reverse("review_case", args=[other.pk])
    assert "<html" not in answer.content.decode()


@pytest.mark.parametrize(
    ("opinion", "words"),
    [
        ({}, "Choose a verdict first"),
        ({"verdict": "violates"}, "Name at least one policy"),
        ({"verdict": "violates", "policies": ["no-such"]}, "no-such is not one of"),
        ({"verdict": "ok", "policies": ["hate"]}, "neither policies nor actions"),
        ({"verdict": "perhaps"}, "perhaps is not one of"),
        ({"verdict": "ok", "rationale": "x" * 2001}, "2000"),
        ({"verdict": "ok", "rationale": "a\0b"}, "Null characters"),
        ({"verdict": "ok", "lease_token": "abc"}, "lease token"),
    ],
)
def test_what_makes_no_sense_is_refused_and_kept(
    browser_of_moderator: Client, claim: Claim, opinion: dict[str, Any], words: str
) -> None:
    body = body_of(claim, **{"rationale": "my careful words", **opinion})
    answer = browser_of_moderator.post(reverse("decide", args=[claim.review.case_id]), body)
    page = answer.content.decode()
    assert answer.status_code == 400
    assert words in page
    assert str(body["rationale"])[:50].replace("\0", "") in page.replace("\0", "")
    assert not Decision.objects.exists()


def test_a_lease_someone_else_took_is_a_409_that_says_who(
    browser_of_moderator: Client, claim: Claim, moderator: User, colleague: User
) -> None:
    claims.release_all(acting_user=moderator)
    claims.claim_case(case=claim.review.case, acting_user=colleague)
    body = body_of(claim, verdict="violates", policies=["hate"], rationale="my careful words")
    answer = browser_of_moderator.post(reverse("decide", args=[claim.review.case_id]), body)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "colleague holds this case now" in page
    assert "my careful words" in page
    assert 'value="hate" data-key="2" checked' in page
    assert "data-reclaim hx" not in page.split("<template")[0]
    assert not Decision.objects.exists()


def test_a_lease_nobody_took_is_had_back_with_what_was_typed(
    browser_of_moderator: Client, claim: Claim, moderator: User
) -> None:
    claims.release_all(acting_user=moderator)
    body = body_of(claim, verdict="violates", policies=["hate"], rationale="my careful words")
    refused = browser_of_moderator.post(reverse("decide", args=[claim.review.case_id]), body)
    assert refused.status_code == 409
    assert "Claim it again" in refused.content.decode().split("<template")[0]
    answer = browser_of_moderator.post(reverse("claim_case", args=[claim.review.case_id]), body)
    assert answer.status_code == 200
    assert "my careful words" in answer.content.decode()
    held = Review.objects.get(pk=claim.review.pk)
    assert held.reviewer == moderator
    assert held.lease_token != claim.review.lease_token


def test_a_case_one_decided_in_another_tab_is_not_offered_again(
    browser_of_moderator: Client, claim: Claim, moderator: User
) -> None:
    factories.decide(claim, moderator)
    address = reverse("decide", args=[claim.review.case_id])
    answer = browser_of_moderator.post(address, body_of(claim, verdict="ok"))
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "You have decided this case" in page
    assert not answer.context["problem"].reclaimable


def test_a_case_that_changed_meanwhile_is_shown_anew(
    browser_of_moderator: Client, claim: Claim, integrator: User
) -> None:
    content = claim.review.case.content
    assert content.external_id is not None
    intake.receive_content(
        submitted=factories.content_input("an edited and quite different text", id=content.external_id),
        author=intake.AccountInput(id="author-1"),
        acting_user=integrator,
    )
    refused = browser_of_moderator.post(
        reverse("decide", args=[claim.review.case_id]), body_of(claim, verdict="ok", rationale="typed")
    )
    assert refused.status_code == 409
    assert "Look at it again" in refused.content.decode().split("<template")[0]
    answer = browser_of_moderator.post(
        reverse("claim_case", args=[claim.review.case_id]), body_of(claim, verdict="ok", rationale="typed")
    )
    page = answer.content.decode()
    assert "quite different" in page
    assert "has changed since" in page
    assert "typed" in page


def test_claiming_from_the_case_page_leads_to_the_workspace(
    browser_of_moderator: Client, integrator: User, moderator: User
) -> None:
    case = factories.case(sent_by=integrator)
    answer = browser_of_moderator.post(reverse("claim_case", args=[case.pk]))
    assert answer["Location"] == reverse("review_case", args=[case.pk])
    assert Review.objects.get(case=case).reviewer == moderator


def test_claiming_what_a_colleague_holds_says_so(
    browser_of_moderator: Client, colleague: User, integrator: User
) -> None:
    case = factories.case(sent_by=integrator)
    factories.claim(case, colleague)
    answer = browser_of_moderator.post(reverse("claim_case", args=[case.pk]))
    assert answer.status_code == 409
    assert b"colleague holds this case now" in answer.content


def test_skipping_needs_a_known_reason(browser_of_moderator: Client, claim: Claim) -> None:
    body = {"lease_token": claim.review.lease_token, "reason": "boredom"}
    assert browser_of_moderator.post(reverse("skip", args=[claim.review.case_id]), body).status_code == 400
    assert not ReviewSkip.objects.exists()


def test_a_skipped_case_is_not_offered_again(browser_of_moderator: Client, claim: Claim, moderator: User) -> None:
    body = {"lease_token": claim.review.lease_token, "reason": "language"}
    answer = browser_of_moderator.post(reverse("skip", args=[claim.review.case_id]), body, follow=True)
    assert b"Nothing left for you here" in answer.content
    assert ReviewSkip.objects.get(review=claim.review).user == moderator


def test_escalating_moves_the_case(browser_of_moderator: Client, claim: Claim) -> None:
    browser_of_moderator.post(
        reverse("escalate", args=[claim.review.case_id]), {"lease_token": claim.review.lease_token}
    )
    assert Case.objects.get(pk=claim.review.case_id).queue.slug == "escalations"


def test_stopping_gives_the_case_back(browser_of_moderator: Client, claim: Claim) -> None:
    answer = browser_of_moderator.post(
        reverse("release", args=[claim.review.case_id]), {"lease_token": claim.review.lease_token}
    )
    assert answer["Location"] == reverse("home")
    assert Review.objects.get(pk=claim.review.pk).state == ReviewState.WAITING


def test_a_heartbeat_renews_the_lease(browser_of_moderator: Client, claim: Claim) -> None:
    answer = browser_of_moderator.post(
        reverse("heartbeat", args=[claim.review.case_id]), {"lease_token": claim.review.lease_token}
    )
    assert answer.json()["version"] == claim.evidence.case_version
    renewed = Review.objects.get(pk=claim.review.pk).lease_expires_at
    assert renewed is not None
    assert claim.review.lease_expires_at is not None
    assert renewed > claim.review.lease_expires_at


def test_a_heartbeat_on_a_lost_lease_says_who_has_it(
    browser_of_moderator: Client, claim: Claim, moderator: User, colleague: User
) -> None:
    claims.release_all(acting_user=moderator)
    body = {"lease_token": claim.review.lease_token}
    free = browser_of_moderator.post(reverse("heartbeat", args=[claim.review.case_id]), body)
    assert (free.status_code, free.json()["code"], free.json()["reclaimable"]) == (409, "lease_lost", True)
    claims.claim_case(case=claim.review.case, acting_user=colleague)
    taken = browser_of_moderator.post(reverse("heartbeat", args=[claim.review.case_id]), body)
    assert (taken.status_code, taken.json()["reclaimable"]) == (409, False)
    assert "colleague" in taken.json()["detail"]


def test_a_heartbeat_after_logging_out_is_a_401(claim: Claim) -> None:
    answer = Client().post(
        reverse("heartbeat", args=[claim.review.case_id]),
        {"lease_token": claim.review.lease_token},
        headers={"Accept": "application/json"},
    )
    assert answer.status_code == 401


def test_undoing_brings_the_case_back_to_be_judged_anew(
    browser_of_moderator: Client, claim: Claim, moderator: User
) -> None:
    decision = factories.decide(claim, moderator, rationale="too hasty")
    answer = browser_of_moderator.post(reverse("undo", args=[decision.pk]), follow=True)
    assert answer.redirect_chain[0][0] == reverse("review_case", args=[claim.review.case_id])
    assert "too hasty" not in answer.content.decode()
    assert " checked" not in answer.content.decode().partition('id="decision"')[2].partition("</form>")[0]
    assert Case.objects.get(pk=claim.review.case_id).status == CaseStatus.OPEN


def test_undoing_twice_says_so(browser_of_moderator: Client, claim: Claim, moderator: User) -> None:
    decision = factories.decide(claim, moderator)
    decisions.undo(decision_id=decision.pk, acting_user=moderator)
    answer = browser_of_moderator.post(reverse("undo", args=[decision.pk]), follow=True)
    assert b"This decision has been undone." in answer.content


def test_graphic_text_stays_hidden_until_asked_for(
    browser_of_moderator: Client, moderator: User, integrator: User
) -> None:
    Policy.objects.filter(slug="harassment").update(graphic=True, threshold=0.01)
    claim = factories.claim(
        factories.case(sent_by=integrator, thread=[{"author": "a", "text": "before it", "created_at": ""}]), moderator
    )
    path = reverse("review_case", args=[claim.review.case_id])
    hidden = browser_of_moderator.get(path).content.decode()
    assert "worthless" not in hidden
    assert "before it" not in hidden
    assert "Show the text" in hidden
    shown = browser_of_moderator.get(path, {"reveal": "1"}).content.decode()
    assert "worthless" in shown
    assert "before it" in shown


def test_another_policy_is_explained_on_request(browser_of_moderator: Client, claim: Claim) -> None:
    path = reverse("review_case", args=[claim.review.case_id])
    page = browser_of_moderator.get(path, {"policy": "spam"}).content.decode()
    stored = PolicyPrediction.objects.get(prediction=claim.evidence.prediction, policy__slug="spam")
    assert len(spans_of(page)) == len(stored.attributions)
    assert "Spam and scams, model v1" in page


def test_the_page_costs_the_same_number_of_statements_whatever_the_case_holds(
    browser_of_moderator: Client, moderator: User, integrator: User, claim: Claim
) -> None:
    many = factories.case(f"{factories.ABUSIVE} once more", sent_by=integrator, author="author-2", id="many")
    for n in range(12):
        intake.receive_report(
            submitted=factories.report_input(
                f"{factories.ABUSIVE} once more", id="many", author="author-2", reporter_id=f"reporter-{n + 2}"
            ),
            acting_user=integrator,
        )
    for n in range(6):
        own = factories.case(f"{factories.ABUSIVE} {n}", sent_by=integrator, author="author-2")
        factories.decide(factories.claim(own, moderator), moderator)
    factories.score_all()
    factories.claim(many, moderator)
    counts = []
    for case_id in (claim.review.case_id, many.pk):
        with CaptureQueriesContext(
            connection,
        ) as statements:
            browser_of_moderator.get(reverse("review_case", args=[case_id]))
        counts.append(len(statements))
    assert counts[0] == counts[1]


def test_every_page_of_the_workspace_is_under_the_strict_policy(browser_of_moderator: Client, claim: Claim) -> None:
    answer = browser_of_moderator.get(reverse("review_case", args=[claim.review.case_id]))
    policy = answer["Content-Security-Policy"]
    assert "unsafe" not in policy
    page = answer.content.decode()
    assert " style=" not in page
    assert "<script>" not in page
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize("name", ["decide", "skip", "escalate", "release", "heartbeat", "claim_case"])
def test_changes_reject_get(browser_of_moderator: Client, name: str, claim: Claim) -> None:
    assert browser_of_moderator.get(reverse(name, args=[claim.review.case_id])).status_code == 405


def test_a_change_without_the_csrf_token_is_refused(moderator: User, claim: Claim) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(moderator)
    answer = client.post(reverse("decide", args=[claim.review.case_id]), body_of(claim, verdict="ok"))
    assert answer.status_code == 403
    assert not Decision.objects.exists()


def test_a_decision_on_a_case_that_does_not_exist_is_a_404(
    browser_of_moderator: Client, sign_in: Callable[[User], Client]
) -> None:
    answer = browser_of_moderator.post(
        reverse("decide", args=[999]), {"lease_token": 1, "version": 1, "evidence_id": 1, "verdict": "ok"}
    )
    assert answer.status_code == 404


def _change(client: Client, claim: Claim, policy: str = "harassment") -> str:
    answer = client.get(reverse("review_change", args=[claim.review.case_id]), {"policy": policy})
    assert answer.status_code == 200
    return answer.content.decode()


def test_what_would_change_it_is_words_of_the_text_with_the_score_without_them(
    browser_of_moderator: Client, moderator: User, integrator: User
) -> None:
    Policy.objects.filter(slug="harassment").update(threshold=0.05)
    claim = factories.claim(factories.case(sent_by=integrator), moderator)
    shown = _change(browser_of_moderator, claim)
    words = re.findall("“<bdi>(.+?)</bdi>”", shown)
    after = [float(score) for score in re.findall(r"→ ([\d.]+)", shown)]
    assert words
    assert all(word in factories.ABUSIVE for word in words)
    assert after
    assert all(score <= 0.05 for score in after)


def test_where_no_words_carry_the_flag_it_says_so(
    browser_of_moderator: Client, moderator: User, integrator: User
) -> None:
    Policy.objects.filter(slug="harassment").update(threshold=0.000001)
    claim = factories.claim(factories.case(sent_by=integrator), moderator)
    assert "The text alone does not carry it" in _change(browser_of_moderator, claim)


def test_what_is_below_the_threshold_needs_no_change(
    browser_of_moderator: Client, moderator: User, integrator: User
) -> None:
    Policy.objects.filter(slug="harassment").update(threshold=0.999999)
    claim = factories.claim(factories.case(factories.BENIGN, sent_by=integrator), moderator)
    assert "is below" in _change(browser_of_moderator, claim)


def test_what_would_change_it_is_only_told_to_who_was_shown_the_case(
    browser_of_moderator: Client, sign_in: Callable[[User], Client], claim: Claim, senior: User
) -> None:
    address = reverse("review_change", args=[claim.review.case_id])
    assert sign_in(senior).get(address, {"policy": "harassment"}).status_code == 404
    assert browser_of_moderator.get(address, {"policy": "nowhere"}).status_code == 404


def test_a_blind_review_is_not_told_what_would_change_it(
    browser_of_moderator: Client, moderator: User, integrator: User
) -> None:
    case = factories.case(sent_by=integrator)
    Review.objects.filter(case=case).update(blind=True)
    blind = factories.claim(case, moderator)
    assert blind.evidence.blind
    address = reverse("review_change", args=[case.pk])
    assert browser_of_moderator.get(address, {"policy": "harassment"}).status_code == 404
