"""Nothing gives a blind, second or golden case away before it is judged: every page and endpoint is walked."""

import re
from collections.abc import Callable, Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver
from rest_framework.test import APIClient

from console.api.urls import urlpatterns as api_urls
from console.web.urls import urlpatterns as web_urls
from moderation.enums import ReviewKind, WhyShown
from moderation.errors import NotFound
from moderation.models import AuditEvent, Case, GoldenCase, PolicyPrediction, Review, User
from moderation.selectors import blindness, cases, history, precedents, workspace
from moderation.services import claims
from tests import factories
from tests.console.routes import filled

SECRET = "words of whoever came before"


@pytest.fixture
def browser(moderator: User) -> Client:
    """The moderator's browser."""
    client = Client()
    client.force_login(moderator, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def api(moderator: User) -> APIClient:
    """The moderator's API client."""
    return factories.api_client(moderator)


def _scores(case: Case) -> Iterator[str]:
    """The model's figures of the case, as any page or answer would write them."""
    rows = PolicyPrediction.objects.filter(prediction__revision=case.content.current_revision)
    for row in rows:
        yield repr(row.score)
        yield repr(row.logit)
        if row.flagged:
            yield f"{row.score:.2f}"
            yield f"at {row.score:.2f}"


def _everything_shown(case: Case, browser: Client, api: APIClient) -> dict[str, str]:
    """Every page and endpoint that a moderator may GET about anything, by address, with what it answers."""
    known = {
        "case_id": case.pk,
        "account_id": case.content.author_id,
        "slug": case.queue.slug,
        "external_id": case.content.external_id,
    }
    answers = {}
    for prefix, patterns, client in (("/", web_urls, browser), ("/api/v1/", api_urls, api)):
        for pattern in patterns:
            if isinstance(pattern, URLPattern):
                route = filled(str(pattern.pattern), number=1, **known)
                if route in {"schema/", "docs/", "login/", "logout/"}:
                    continue
                answer = client.get(prefix + route)
                if answer.status_code == 200:
                    answers[prefix + route] = answer.getvalue().decode()
    assert f"/cases/{case.pk}/" in answers
    assert f"/api/v1/cases/{case.pk}" in answers
    return answers


def _visible(html: str) -> str:
    """What a person can read of a page: addresses, tokens, moments and paths of drawings are no figures."""
    no_figures = r'value="[^"]*"|<svg.*?</svg>|datetime="[^"]*"|title="\d[^"]*"|\d{4}-\d\d-\d\dT[\d:.]+'
    return re.sub(no_figures, "", html, flags=re.S)


@pytest.mark.parametrize("held", [False, True], ids=["waiting", "held"])
@pytest.mark.parametrize("kind", ["blind first", "audit"])
def test_the_models_opinion_shows_nowhere_until_judged(
    kind: str, held: bool, browser: Client, api: APIClient, integrator: User, moderator: User, settings: object
) -> None:
    if kind == "audit":
        settings.AUDIT_STRATA = ((0.0, 1.0),)  # type: ignore[attr-defined]
    factories.plan(blind_rate=1)
    case = factories.case(factories.ABUSIVE, sent_by=integrator)
    assert case.reviews.get().blind
    if held:
        claim = factories.claim(case, moderator)
        assert "“" not in workspace.workspace_of(claim.evidence).reasons[0].words
    told = [
        *_scores(case),
        "Flagged by the model",
        "flagged",
        "random_audit",
        "Random audit",
        "drawn at random",
        "severity 2",
    ]
    leaks = [
        (address, secret)
        for address, body in _everything_shown(case, browser, api).items()
        if "/models/" not in address
        for secret in told
        if secret.lower() in _visible(body).lower().replace("flagged by", "flagged by")
    ]
    allowed = {("/help/", "flagged")}
    assert [leak for leak in leaks if leak not in allowed] == []
    body = api.get(f"/api/v1/cases/{case.pk}").json()
    assert (body["predictions"], body["model"], body["why_shown"], body["blind"]) == ([], None, None, True)
    if held:
        outcome = factories.judge(claims.claim_case(case=case, acting_user=moderator), moderator)
        assert outcome.judgement is not None
        shown = api.get(f"/api/v1/cases/{case.pk}").json()
        assert shown["predictions"]
        assert (
            f"{max(row['score'] for row in shown['predictions']):.2f}"
            in browser.get(f"/cases/{case.pk}/").content.decode()
        )


def test_the_claim_of_a_blind_case_holds_no_opinion(api: APIClient, integrator: User) -> None:
    factories.plan(blind_rate=1)
    case = factories.case(sent_by=integrator)
    body = api.post(f"/api/v1/queues/{case.queue.slug}/claim").json()
    assert (body["blind"], body["predictions"], body["model"], body["precedents"]) == (True, [], None, [])
    assert {part["name"] for part in body["priority_reasons"]} <= {"reports", "source", "author", "reach", "waiting"}
    assert body["practice"] is None


@pytest.mark.parametrize("text", [factories.ABUSIVE, factories.ABUSIVE.upper(), f"{factories.ABUSIVE}!!"])
def test_a_text_that_is_judged_blind_cannot_be_scored(
    text: str, api: APIClient, integrator: User, moderator: User
) -> None:
    factories.plan(blind_rate=1)
    case = factories.case(factories.ABUSIVE, sent_by=integrator)
    answer = api.post("/api/v1/score", {"text": text}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (403, "blind_review")
    assert "score" not in str(answer.json()["detail"])
    assert api.post("/api/v1/score", {"text": factories.BENIGN}, format="json").status_code == 200
    platform = factories.api_client(integrator)
    assert platform.post("/api/v1/score", {"text": text}, format="json").status_code == 200, "it reviews nothing"
    factories.judge(factories.claim(case, moderator), moderator)
    assert api.post("/api/v1/score", {"text": text}, format="json").status_code == 200


def test_the_second_reviewer_sees_nothing_of_the_first(
    browser: Client, api: APIClient, integrator: User, moderator: User, colleague: User
) -> None:
    case = factories.case(factories.ABUSIVE, sent_by=integrator)
    factories.plan(double_rate=1)
    first = factories.judge(
        factories.claim(case, colleague), colleague, policies=["violence"], actions=["terminate"], rationale=SECRET
    )
    for step in ("waiting", "held"):
        if step == "held":
            factories.claim(case, moderator)
        for address, body in _everything_shown(case, browser, api).items():
            assert SECRET not in body, (step, address)
            assert "Judged by" not in body, (step, address)
            if f"cases/{case.pk}" in address:
                assert colleague.username not in body, (step, address)
                assert "second" not in body.lower(), (step, address)
    assert not AuditEvent.objects.filter(data__contains={"verdict": "violates"}).exists()
    told = history.case_history(case.pk, viewer=moderator)
    assert (told.judgements, told.decisions) == ([], [])
    factories.judge(
        claims.claim_case(case=case, acting_user=moderator), moderator, policies=["violence"], actions=["terminate"]
    )
    after = history.case_history(case.pk, viewer=moderator)
    assert first.judgement in after.judgements
    assert SECRET in browser.get(f"/cases/{case.pk}/").content.decode()


@pytest.fixture
def golden(integrator: User, senior: User, moderator: User) -> Case:
    """A golden case whose text was found to be harassment before, beside an ordinary one."""
    factories.golden_item(["harassment"], sent_by=integrator, decided_by=senior)
    factories.plan(golden_rate=1)
    factories.case(f"{factories.ABUSIVE} again", sent_by=integrator)
    return GoldenCase.objects.get().case


@pytest.mark.parametrize("held", [False, True], ids=["waiting", "held"])
def test_a_golden_case_looks_like_any_other(
    held: bool, golden: Case, browser: Client, api: APIClient, moderator: User
) -> None:
    source = Case.objects.filter(content=golden.content).get()
    if held:
        factories.claim(golden, moderator)
    answers = _everything_shown(golden, browser, api)
    for address, body in answers.items():
        if address not in {"/quality/", "/help/", "/api/v1/quality"}:
            assert "golden" not in _visible(body).lower(), address
    body = api.get(f"/api/v1/cases/{golden.pk}").json()
    other = api.get(f"/api/v1/cases/{golden.golden.beside_id}").json()
    assert body.keys() == other.keys()
    assert body["why_shown"] == WhyShown.FLAGGED
    assert {report["outcome"] for report in body["reports"]} == {"pending"}
    assert body["decisions"] == []
    assert body["content"]["case_id"] == golden.pk
    # Times move with the case: nothing is older than what stands beside it by more than it was then.
    assert (
        abs((golden.opened_at - golden.content.received_at) - (source.opened_at - source.content.received_at)).days == 0
    )
    listed = {row["id"]: row for row in api.get("/api/v1/cases").json()["results"]}
    assert listed[golden.pk]["why_shown"] == WhyShown.FLAGGED
    if held:
        assert source.pk not in listed
        assert api.get(f"/api/v1/cases/{source.pk}").status_code == 404
        assert browser.get(f"/cases/{source.pk}/").status_code == 404
        assert f"/cases/{source.pk}/" not in browser.get(f"/accounts/{golden.content.author_id}/").content.decode()
        assert api.get(f"/api/v1/content/{golden.content.external_id}").json()["case_id"] == golden.pk
        assert f"/cases/{source.pk}/" not in browser.get(f"/review/case/{golden.pk}/").content.decode()


def test_after_the_judgement_its_reviewer_knows_and_others_do_not(
    golden: Case, browser: Client, moderator: User, colleague: User, admin: User
) -> None:
    claim = factories.claim(golden, moderator)
    with pytest.raises(NotFound):
        cases.get(Case.objects.get(content=golden.content).pk, viewer=moderator)
    factories.judge(claim, moderator)
    assert blindness.knows_golden(golden, moderator)
    assert not blindness.knows_golden(golden, colleague)
    assert blindness.knows_golden(golden, admin)
    assert "golden" in browser.get(f"/cases/{golden.pk}/").content.decode().lower()
    assert cases.get(Case.objects.get(content=golden.content).pk, viewer=moderator)


def test_the_platform_sees_no_golden_case(golden: Case, integrator: User) -> None:
    platform = factories.api_client(integrator)
    assert golden.pk not in {row["id"] for row in platform.get("/api/v1/cases").json()["results"]}
    assert platform.get(f"/api/v1/cases/{golden.pk}").status_code == 404
    assert platform.get(f"/api/v1/content/{golden.content.external_id}").json()["case_id"] != golden.pk


def test_a_golden_case_is_no_precedent_and_has_none_of_its_own_text(golden: Case, moderator: User) -> None:
    evidence = factories.claim(golden, moderator).evidence
    own = {case.pk for case in Case.including_golden.filter(content=golden.content)}
    assert not own & {like.decision.case_id for like in precedents.precedents_of(evidence).nearest}


def test_feedback_comes_with_the_answer(golden: Case, api: APIClient, moderator: User) -> None:
    Review.objects.filter(kind=ReviewKind.GOLDEN).update(priority=10**6)
    case = api.post(f"/api/v1/queues/{golden.queue.slug}/claim").json()
    assert case["id"] == golden.pk
    answer = api.post(
        f"/api/v1/cases/{golden.pk}/decision",
        {
            "lease_token": case["lease"]["token"],
            "version": case["version"],
            "evidence_id": case["evidence_id"],
            "verdict": "ok",
        },
        format="json",
    )
    assert answer.status_code == 201
    body = answer.json()
    assert (body["id"], body["standing"]) == (None, "golden")
    assert body["golden"] == {"correct": False, "policies": ["harassment"]}


def test_no_route_with_a_case_escapes_the_walk(api: APIClient) -> None:
    names = {name for name, _ in _named(get_resolver().url_patterns) if "case_id" in name}
    assert len(names) >= 15


def _named(patterns: object, prefix: str = "") -> Iterator[tuple[str, Callable[..., object]]]:
    for pattern in patterns:  # type: ignore[attr-defined]
        if hasattr(pattern, "url_patterns"):
            yield from _named(pattern.url_patterns, prefix + str(pattern.pattern))
        else:
            yield prefix + str(pattern.pattern), pattern.callback
