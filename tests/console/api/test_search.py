"""``GET /search`` and saved views by API."""

from rest_framework.test import APIClient

from moderation.models import SavedView, User
from tests import factories


def test_it_finds_cases_by_cursor(moderator: User, integrator: User) -> None:
    cases = [factories.case(f"{factories.SPAM} {n}", sent_by=integrator, author="seller") for n in range(3)]
    api = factories.api_client(moderator)
    first = api.get("/api/v1/search", {"q": "PRIZE policy:spam", "page_size": 2}).json()
    assert (first["in"], first["query"]) == ("cases", "policy:spam PRIZE")
    assert [row["id"] for row in first["results"]] == [cases[2].pk, cases[1].pk]
    row = first["results"][0]
    assert (row["policy"], row["author"], row["verdict"]) == ("spam", "seller", None)
    assert "prize" in row["text"]
    second = api.get("/api/v1/search", {"q": "PRIZE policy:spam", "page_size": 2, "cursor": first["next"]}).json()
    assert ([row["id"] for row in second["results"]], second["next"]) == ([cases[0].pk], None)


def test_content_and_accounts_are_found(moderator: User, integrator: User) -> None:
    case = factories.case(factories.SPAM, sent_by=integrator, author="seller")
    api = factories.api_client(moderator)
    content = api.get("/api/v1/search", {"q": "prize in:content"}).json()["results"][0]
    assert (content["id"], content["case_id"]) == (case.content.external_id, case.pk)
    assert api.get("/api/v1/search", {"q": "sell in:accounts"}).json()["results"][0]["id"] == "seller"


def test_a_search_that_cannot_be_read_is_a_problem_with_its_place(platform: APIClient) -> None:
    answer = platform.get("/api/v1/search", {"q": "free scroe:>1"})
    body = answer.json()
    assert (answer.status_code, body["code"], body["start"], body["end"]) == (400, "bad_query", 5, 11)
    assert body["errors"][0]["pointer"] == "/q"
    for sent in ({"cursor": "zzz"}, {"page_size": "0"}, {"page_size": "201"}, {"page_size": "ten"}):
        assert platform.get("/api/v1/search", sent).status_code == 400, sent


def test_a_blind_case_is_found_without_the_models_opinion(moderator: User, integrator: User) -> None:
    factories.plan(blind_rate=1)
    factories.case(factories.SPAM, sent_by=integrator)
    row = factories.api_client(moderator).get("/api/v1/search", {"q": "prize"}).json()["results"][0]
    assert (row["policy"], row["score"], row["why_shown"]) == (None, None, None)


def test_views_are_kept_listed_and_forgotten(moderator: User, colleague: User) -> None:
    api = factories.api_client(moderator)
    made = api.post("/api/v1/views", {"name": "mine", "query": "is:open"}, format="json")
    assert made.status_code == 201
    assert api.get("/api/v1/views").json() == [{"id": made.json()["id"], "name": "mine", "query": "is:open"}]
    assert api.post("/api/v1/views", {"name": "bad", "query": "is:what"}, format="json").json()["code"] == "bad_query"
    address = f"/api/v1/views/{made.json()['id']}"
    assert factories.api_client(colleague).delete(address).status_code == 404
    assert api.delete(address).status_code == 204
    assert not SavedView.objects.exists()
