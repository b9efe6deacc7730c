"""A typed client of Evenhand's REST API: one file, the standard library alone.

    client = Evenhand("https://moderation.example", key)
    client.report(Content("m-1", "message", "…", "2026-01-31T12:00:00Z"), Author("u-1"), reporter="u-2")
    case = client.claim("general")
    if case is not None:
        client.decide(case, "violates", policies=["spam"], actions=["remove"])

A refusal raises ``Refused`` with the problem's stable ``code``. What may be repeated without harm is: a call that
creates carries an ``Idempotency-Key``, so that no answer, a 429 and a 503 are met by asking again.
"""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypedDict, cast

Verdict = Literal["violates", "ok"]
Source = Literal["user", "trusted_flagger", "automated", "legal_notice"]
Action = Literal["remove", "restrict", "warn", "suspend", "terminate"]


@dataclass(frozen=True, slots=True)
class Message:
    """A message before or after the content."""

    author: str
    text: str
    created_at: str


@dataclass(frozen=True, slots=True)
class Content:
    """What is to be judged; ``created_at`` is an RFC 3339 time."""

    id: str
    type: str
    text: str
    created_at: str
    url: str | None = None
    language: str | None = None
    attributes: Mapping[str, Any] | None = None
    context: Sequence[Message] | None = None


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote it."""

    id: str
    created_at: str | None = None
    attributes: Mapping[str, Any] | None = None


class Reported(TypedDict):
    """What an accepted report is told."""

    report_id: int
    content_id: str | None
    case_id: int | None
    status_url: str


class Received(TypedDict):
    """What an accepted content is told."""

    content_id: str | None
    revision: int
    status_url: str


class Lease(TypedDict):
    """One's hold of a case; the token goes with every act."""

    token: int
    holder: str
    expires_at: str


class CaseSummary(TypedDict):
    """A case in a list."""

    id: int
    status: str
    queue: str
    priority: float
    priority_reasons: list[dict[str, Any]]
    why_shown: str | None
    content_id: str | None
    version: int
    opened_at: str
    due_at: str


class Case(TypedDict):
    """A case with all that its reviewer sees; blind cases come without the model's opinion."""

    id: int
    status: str
    queue: str
    priority: float
    priority_reasons: list[dict[str, Any]]
    why_shown: str | None
    version: int
    blind: bool
    content: dict[str, Any]
    reports: list[dict[str, Any]]
    predictions: list[dict[str, Any]]
    decisions: list[dict[str, Any]]
    lease: Lease | None


class ClaimedCase(Case):
    """A case one holds, with the evidence a judgement names."""

    review_id: int
    evidence_id: int


class Decision(TypedDict):
    """What binds; ``id`` is null where a judgement does not bind yet."""

    id: int | None
    case_id: int
    kind: str
    verdict: Verdict | None
    policies: list[str]
    actions: list[str]
    supersedes: int | None
    undo_until: str | None
    created_at: str


class Appeal(TypedDict):
    """A contested decision."""

    id: int
    decision_id: int
    state: str
    resolution_id: int | None
    created_at: str
    resolved_at: str | None


class Score(TypedDict):
    """The model's opinion of a text, a row a policy."""

    model: str
    policies: list[dict[str, Any]]


class Refused(Exception):
    """The server said no: ``status`` and ``code`` tell why, ``errors`` point into what was sent."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.code = str(problem.get("code", "error"))
        self.detail = str(problem.get("detail", ""))
        self.errors: list[dict[str, str]] = list(problem.get("errors", []))
        self.problem = problem
        super().__init__(f"{status} {self.code}: {self.detail}")


class Evenhand:
    """The calls of the API under one key. ``patience`` is the longest wait for an answer, in seconds."""

    def __init__(self, base_url: str, key: str, *, patience: float = 30.0, attempts: int = 4) -> None:
        self._root = base_url.rstrip("/") + "/api/v1/"
        self._key, self._patience, self._attempts = key, patience, attempts

    # Content and reports in

    def report(
        self,
        content: Content,
        author: Author,
        *,
        source: Source = "user",
        reporter: str | None = None,
        policy: str | None = None,
        note: str | None = None,
    ) -> Reported:
        """Report a content."""
        body = {**_submitted(content, author), "source": source}
        told = {"reporter": {"id": reporter} if reporter else None, "policy": policy, "note": note}
        return cast(Reported, self._create("reports", {**body, **_given(told)}))

    def report_many(self, bodies: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Report up to 10,000 contents, given as bodies of ``POST /reports``; one result a line."""
        lines = "\n".join(json.dumps(dict(body)) for body in bodies).encode()
        answer = self._call("POST", "reports/bulk", lines, media="application/x-ndjson", key=_fresh())
        return cast(list[dict[str, Any]], answer["results"])

    def send(self, content: Content, author: Author) -> Received:
        """Send a content for proactive scanning; the same id with another text is a new revision."""
        return cast(Received, self._create("content", _submitted(content, author)))

    def content(self, content_id: str) -> dict[str, Any]:
        """A content as it stands."""
        return cast(dict[str, Any], self._call("GET", f"content/{_step(content_id)}"))

    def withdraw(self, content_id: str) -> None:
        """Tell that the content was deleted upstream."""
        self._call("DELETE", f"content/{_step(content_id)}")

    def score(self, text: str, *, explain: bool = True) -> Score:
        """Score a text without keeping it."""
        return cast(Score, self._post("score", {"text": text, "explain": explain}, repeatable=True))

    # Review

    def cases(self, *, status: str | None = None, queue: str | None = None) -> Iterator[CaseSummary]:
        """Cases, the newest first, page after page."""
        return cast(Iterator[CaseSummary], self._pages("cases", {"status": status, "queue": queue}))

    def case(self, case_id: int) -> Case:
        """One case."""
        return cast(Case, self._call("GET", f"cases/{case_id}"))

    def claim(self, queue: str) -> ClaimedCase | None:
        """The queue's most urgent case, leased; who asks again gets the one they hold. ``None`` if nothing waits."""
        return cast(ClaimedCase | None, self._post(f"queues/{_step(queue)}/claim", None, repeatable=True))

    def renew(self, case: ClaimedCase) -> Lease:
        """Extend the lease by its full length."""
        return cast(Lease, self._post(f"cases/{case['id']}/heartbeat", _token(case), repeatable=True))

    def release(self, case: ClaimedCase) -> None:
        """Give the case back to its queue."""
        self._post(f"cases/{case['id']}/release", _token(case))

    def skip(self, case: ClaimedCase, *, reason: str = "other") -> None:
        """Pass the case over."""
        self._post(f"cases/{case['id']}/skip", {**_token(case), "reason": reason})

    def escalate(self, case: ClaimedCase, *, note: str = "") -> None:
        """Hand the case to someone more senior."""
        self._post(f"cases/{case['id']}/escalate", {**_token(case), "note": note})

    def decide(
        self,
        case: ClaimedCase,
        verdict: Verdict,
        *,
        policies: Sequence[str] = (),
        actions: Sequence[Action] = (),
        rationale: str = "",
        spans: Sequence[tuple[int, int]] = (),
    ) -> Decision:
        """Judge a claimed case on the evidence that came with it; spans are code points [start, end)."""
        body = {
            **_token(case),
            "version": case["version"],
            "evidence_id": case["evidence_id"],
            **_opinion(verdict, policies, actions, rationale),
            "spans": [{"start": start, "end": end} for start, end in spans],
        }
        return cast(Decision, self._create(f"cases/{case['id']}/decision", body))

    def undo(self, decision_id: int) -> ClaimedCase:
        """Take one's own decision back; the case is leased to the caller."""
        return cast(ClaimedCase, self._post(f"decisions/{decision_id}/undo", None))

    def override(
        self,
        decision_id: int,
        verdict: Verdict,
        *,
        policies: Sequence[str] = (),
        actions: Sequence[Action] = (),
        rationale: str = "",
    ) -> Decision:
        """Replace a decision; effects and labels follow."""
        opinion = _opinion(verdict, policies, actions, rationale)
        return cast(Decision, self._create(f"decisions/{decision_id}/override", opinion))

    # Appeals

    def appeal(self, decision_id: int, statement: str, *, appellant: str | None = None) -> Appeal:
        """Contest a decision in the appellant's words."""
        told = _given({"appellant": {"id": appellant} if appellant else None})
        return cast(Appeal, self._create(f"decisions/{decision_id}/appeals", {"statement": statement, **told}))

    def uphold(self, appeal_id: int) -> Appeal:
        """Leave the decision as it is."""
        return cast(Appeal, self._post(f"appeals/{appeal_id}/resolve", {"outcome": "uphold"}))

    def overturn(
        self,
        appeal_id: int,
        verdict: Verdict,
        *,
        policies: Sequence[str] = (),
        actions: Sequence[Action] = (),
        rationale: str = "",
    ) -> Appeal:
        """Replace the contested decision with another."""
        body = {"outcome": "overturn", "opinion": _opinion(verdict, policies, actions, rationale)}
        return cast(Appeal, self._post(f"appeals/{appeal_id}/resolve", body))

    # What goes out

    def labels(self) -> Iterator[dict[str, Any]]:
        """Every label with its lineage, the oldest first, as it streams in."""
        with self._open(self._request("GET", "labels", None)) as answer:
            for line in answer:
                yield json.loads(line)

    def statements(self, *, since: str | None = None, until: str | None = None) -> Iterator[dict[str, Any]]:
        """Statements of reasons of the decisions made in [since, until), the newest first."""
        return self._pages("statements", {"since": since, "until": until})

    def add_webhook(self, url: str) -> dict[str, Any]:
        """Add an endpoint; the answer's ``secret`` is told this once."""
        return cast(dict[str, Any], self._post("webhooks", {"url": url}))

    def webhooks(self) -> Iterator[dict[str, Any]]:
        """All endpoints."""
        return self._pages("webhooks", {})

    def ping_webhook(self, endpoint_id: int) -> dict[str, Any]:
        """Send a signed ``ping`` now; how it went."""
        return cast(dict[str, Any], self._post(f"webhooks/{endpoint_id}/ping", None))

    # How it is sent

    def _pages(self, path: str, query: Mapping[str, str | None]) -> Iterator[dict[str, Any]]:
        words = urllib.parse.urlencode(_given(query))
        following: str | None = f"{path}?{words}" if words else path
        while following:
            page = self._call("GET", following)
            yield from page["results"]
            cursor = urllib.parse.urlsplit(page["next"] or "").query
            following = f"{path}?{cursor}" if cursor else None

    def _create(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._call("POST", path, json.dumps(body).encode(), key=_fresh())

    def _post(self, path: str, body: Mapping[str, Any] | None, *, repeatable: bool = False) -> Any:
        return self._call("POST", path, json.dumps(body or {}).encode(), repeatable=repeatable)

    def _call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        media: str = "application/json",
        key: str | None = None,
        repeatable: bool = False,
    ) -> Any:
        """One call, repeated while that does no harm and may help. Raises ``Refused``, ``OSError``."""
        harmless = repeatable or key is not None or method != "POST"
        request = self._request(method, path, body, media=media, key=key)
        for attempt in range(1, self._attempts + 1):
            last = attempt == self._attempts or not harmless
            try:
                with self._open(request) as answer:
                    content = answer.read()
                    return json.loads(content) if content else None
            except Refused as refusal:
                if last or refusal.status not in {429, 503}:
                    raise
                time.sleep(min(60.0, float(refusal.problem.get("retry_after", 2**attempt))))
            except OSError:
                if last:
                    raise
                time.sleep(2.0**attempt)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _request(
        self, method: str, path: str, body: bytes | None, *, media: str = "application/json", key: str | None = None
    ) -> urllib.request.Request:
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": media}
        if key is not None:
            headers["Idempotency-Key"] = key
        return urllib.request.Request(self._root + path, body, headers, method=method)

    def _open(self, request: urllib.request.Request) -> Any:
        try:
            return urllib.request.urlopen(request, timeout=self._patience)
        except urllib.error.HTTPError as error:
            with error:
                raise Refused(error.code, _problem(error)) from None


def _problem(error: urllib.error.HTTPError) -> dict[str, Any]:
    try:
        problem = json.loads(error.read())
    except ValueError:  # a proxy's page
        problem = {}
    told = dict(problem) if isinstance(problem, dict) else {}
    wait = error.headers.get("Retry-After", "")
    return {**told, "retry_after": int(wait)} if wait.isdigit() else told


def _fresh() -> str:
    return str(uuid.uuid4())


def _step(value: str) -> str:
    return urllib.parse.quote(value, safe="")


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _submitted(content: Content, author: Author) -> dict[str, Any]:
    return {"content": _given(asdict(content)), "author": _given(asdict(author))}


def _token(case: ClaimedCase) -> dict[str, int]:
    lease = case["lease"]
    if lease is None:
        raise ValueError("This case is not leased to you.")
    return {"lease_token": lease["token"]}


def _opinion(verdict: Verdict, policies: Sequence[str], actions: Sequence[Action], rationale: str) -> dict[str, Any]:
    return {"verdict": verdict, "policies": list(policies), "actions": list(actions), "rationale": rationale}
