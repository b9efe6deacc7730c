"""The whole loop on real texts: report, score, explain, review by keyboard, label, retrain, refuse."""

import csv
import gzip
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.real.client import crowd
from tests.real.conftest import running_product
from tests.real.product import Product

pytestmark = [
    pytest.mark.browser,
    pytest.mark.real,
    pytest.mark.data,
    pytest.mark.xdist_group("real"),
    pytest.mark.timeout(600),
]

TEXTS = 300
BY_KEYBOARD = 10
PEOPLE = 4
# Rows of each labelled set that the gates judge on: enough for their bounds, few enough for a test.
HELD_OUT_ROWS = 400
_SHOWN_SPANS = "spans => spans.map(s => [Number(s.dataset.start), Number(s.dataset.end), s.textContent, s.tagName])"

Row = Mapping[str, Any]


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    """An installation of its own, with neither demo community nor random audits: they hide what is read here."""
    with running_product(DEMO="0", RETRAIN_MINIMUM_LABELS="5", AUDIT_STRATA="") as started:
        yield started


def test_the_loop(product: Product, browser: Browser, base_data: Path, tmp_path: Path) -> None:
    truth = _post_real_texts(product, base_data)
    product.wait_until_scored()
    _assert_all_is_scored(product, truth)
    page = browser.new_page()
    # A script the policy forbids, or one that fails, is a defect wherever it happens.
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)

    _log_in(page, product)
    page.locator(".queue-row", has_text="Harassment, hate").get_by_role("button", name="Start reviewing").click()
    expect(page.locator("[data-review]")).to_be_visible()
    page.wait_for_load_state("load")  # keys are heard from then on
    decided = [_decide_by_keyboard(page, product, truth) for _ in range(BY_KEYBOARD)]
    assert len(set(decided)) == BY_KEYBOARD
    _undo_by_keyboard(page, product, decided[-1])
    _assert_labels(product, truth, decided)
    again = _decide_by_keyboard(page, product, truth)
    assert again == decided[-1]
    _assert_decided_anew(product, again)

    sample = _sample_of(base_data, tmp_path)
    first = _retrain(product, sample)
    assert first == 2
    _decide_the_rest_shuffled(product, truth)
    worse = _retrain(product, sample)
    assert worse == 3
    _assert_refusal_is_shown(page, product, worse)
    assert complaints == []


def _post_real_texts(product: Product, base_data: Path) -> dict[str, bool]:
    """Report real texts as harassment, half of which are; the truth by content."""
    rows: dict[bool, list[str]] = {True: [], False: []}
    for row in _read(base_data / "davidson.csv.gz"):
        if row["split"] == "train":
            rows[row["offensive"] == "1"].append(row["text"])
    chance = random.Random(20)
    texts = [(text, offends) for offends in rows for text in chance.sample(rows[offends], TEXTS // 2)]
    chance.shuffle(texts)
    bodies = [
        {
            "content": {"id": f"real-{number}", "type": "message", "text": text, "created_at": "2026-01-02T03:04:05Z"},
            "author": {"id": f"author-{number % 30}"},
            "reporter": {"id": f"reporter-{number % 50}"},
            "source": "user",
            "policy": "harassment",
        }
        for number, (text, _) in enumerate(texts)
    ]
    platform = product.platform
    with crowd(4, lambda body: platform.mine.post("reports", body), bodies) as answers:
        pass
    assert [answer.status for answer in answers] == [202] * TEXTS
    return {f"real-{number}": offends for number, (_, offends) in enumerate(texts)}


def _assert_all_is_scored(product: Product, truth: Mapping[str, bool]) -> None:
    counted = product.rows(
        "SELECT count(*), count(*) FILTER (WHERE c.scoring_state = 'scored'), count(p.id), count(DISTINCT k.id) "
        "FROM moderation_content c JOIN moderation_prediction p ON p.revision_id = c.current_revision_id "
        "JOIN moderation_case k ON k.content_id = c.id WHERE c.external_id = ANY(%s)",
        list(truth),
    )
    assert counted == [(TEXTS, TEXTS, TEXTS, TEXTS)]


def _log_in(page: Page, product: Product) -> None:
    moderator = product.logins["users"]["moderator"]
    page.goto(product.base_url)
    page.get_by_label("Name").fill(moderator["username"])
    page.get_by_label("Password").fill(moderator["password"])
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Start reviewing").first).to_be_visible()


def _decide_by_keyboard(page: Page, product: Product, truth: Mapping[str, bool]) -> int:
    """Look at the case on the page, check what is highlighted, and judge it rightly; the case's number."""
    review = page.locator("[data-review]")
    number = int(review.get_attribute("data-case") or 0)
    case = product.client().get(f"cases/{number}").body
    if page.locator(".mask").is_visible():
        page.keyboard.press("m")
    _assert_highlights(page, case)
    page.keyboard.press("1" if truth[case["content"]["id"]] else "o")
    page.keyboard.press("Enter")
    expect(page.locator(f"[data-review]:not([data-case='{number}'])")).to_be_visible()
    expect(page.locator("form[data-decision]:not(.htmx-request)")).to_be_visible()
    return number


def _assert_highlights(page: Page, case: Row) -> None:
    """Each highlighted stretch is one of the API's attribution spans, with that span's text, and none is missing."""
    expect(page.locator("[data-text]")).to_be_visible()
    chosen = page.locator(".explain-tabs [aria-current]").get_attribute("href") or ""
    slug = chosen.removeprefix("?policy=").partition("&")[0]
    [prediction] = [row for row in case["predictions"] if row["policy"] == slug]
    text = case["content"]["text"]
    shown = page.eval_on_selector_all("[data-text] [data-start]", _SHOWN_SPANS)
    assert [(start, end, told) for start, end, told, _ in shown] == [
        (span["start"], span["end"], text[span["start"] : span["end"]])
        for span in sorted(prediction["attributions"], key=lambda span: int(span["start"]))
    ]
    strongest = max(prediction["attributions"], key=lambda span: abs(span["value"]), default=None)
    if strongest is not None:
        marked = [(start, end) for start, end, _, tag in shown if tag == "MARK"]
        assert (strongest["start"], strongest["end"]) in marked
    assert page.locator("[data-text]").text_content() == text


def _undo_by_keyboard(page: Page, product: Product, number: int) -> None:
    page.keyboard.press("u")
    expect(page.locator(f"[data-review][data-case='{number}']")).to_be_visible()
    expect(page.locator("form[data-decision]:not(.htmx-request)")).to_be_visible()
    case = product.client().get(f"cases/{number}").body
    assert (case["status"], case["lease"]["holder"]) == ("open", "moderator")
    assert [decision["kind"] for decision in case["decisions"]] == ["review", "undo"]


def _labels(product: Product) -> list[Row]:
    answer = product.client().get("labels")
    assert answer.status == 200
    return [json.loads(line) for line in answer.body.splitlines()]


def _assert_labels(product: Product, truth: Mapping[str, bool], decided: Sequence[int]) -> None:
    """Nine decisions bind with their labels; the tenth's are each superseded by a label without a value."""
    labels = _labels(product)
    superseding = {label["supersedes"]: label for label in labels if label["supersedes"]}
    contents = {number: product.client().get(f"cases/{number}").body["content"]["id"] for number in decided}
    *kept, undone = (contents[number] for number in decided)
    of_harassment = {
        label["content"]: label for label in labels if label["policy"] == "harassment" and not label["supersedes"]
    }
    assert {content: of_harassment[content]["value"] for content in kept} == {
        content: truth[content] for content in kept
    }
    assert {label["content"] for label in superseding.values()} == {undone}
    said = [label for label in labels if label["content"] == undone and not label["supersedes"]]
    assert said
    for label in said:
        assert label["value"] is not None
        assert superseding[label["label"]]["value"] is None
        assert superseding[label["label"]]["decision"] > label["decision"]


def _assert_decided_anew(product: Product, number: int) -> None:
    """The chain of labels of an undone and newly decided case: said, unsaid, said again."""
    case = product.client().get(f"cases/{number}").body
    assert [decision["kind"] for decision in case["decisions"]] == ["review", "undo", "review"]
    chain = [
        label
        for label in _labels(product)
        if label["content"] == case["content"]["id"] and label["policy"] == "harassment"
    ]
    assert [label["value"] is None for label in chain] == [False, True, False]
    assert [label["supersedes"] for label in chain] == [None, chain[0]["label"], chain[1]["label"]]
    assert [label["decision"] for label in chain] == [decision["id"] for decision in case["decisions"]]


def _retrain(product: Product, base_data: Path) -> int:
    """Retrain as an operator does; the new version's number."""
    before = product.count("SELECT max(number) FROM moderation_modelversion")
    printed = product.manage("retrain", EVENHAND_BASE_DATA=str(base_data))
    after = product.count("SELECT max(number) FROM moderation_modelversion")
    assert after == before + 1, printed
    assert f"Model v{after} " in printed
    assert product.count("SELECT count(*) FROM moderation_modelversion WHERE status = 'champion'") == 1
    product.wait_until_scored()
    return after


def _decide_the_rest_shuffled(product: Product, truth: Mapping[str, bool]) -> None:
    """Have people decide what is left by the truth of another text: what they teach is worthless."""
    wrong = list(truth.values())
    random.Random(3).shuffle(wrong)
    verdicts = dict(zip(truth, wrong, strict=True))
    keys = product.issue_keys([f"careless-{number}" for number in range(PEOPLE)])
    queues = [row[0] for row in product.rows("SELECT slug FROM moderation_queue WHERE NOT seniors_only")]

    def work(name: str) -> int:
        client, done = product.client(keys[name]), 0
        for queue in queues:
            while (answer := client.post(f"queues/{queue}/claim")).status == 200:
                case = answer.body
                violates = verdicts[case["content"]["id"]]
                opinion = {"verdict": "violates", "policies": ["harassment"]} if violates else {"verdict": "ok"}
                held = {
                    "lease_token": case["lease"]["token"],
                    "version": case["version"],
                    "evidence_id": case["evidence_id"],
                }
                assert client.post(f"cases/{case['id']}/decision", {**held, **opinion}).status == 201
                done += 1
        return done

    with crowd(PEOPLE, work, sorted(keys)) as counts:
        pass
    # The moderator in the browser holds the case that came after the last decision, and may have the next reserved.
    assert TEXTS - BY_KEYBOARD - sum(counts) in {1, 2}


def _assert_refusal_is_shown(page: Page, product: Product, number: int) -> None:
    status, champion = product.rows(
        "SELECT status, (SELECT number FROM moderation_modelversion WHERE status = 'champion') "
        "FROM moderation_modelversion WHERE number = %s",
        number,
    )[0]
    assert status == "refused"
    assert champion != number
    failed = product.rows(
        "SELECT g.name, g.reason FROM moderation_gate g JOIN moderation_modelversion v ON v.id = g.model_version_id "
        "WHERE v.number = %s AND NOT g.passed AND NOT g.insufficient",
        number,
    )
    assert "gain" in dict(failed)
    [(candidate, before)] = product.rows(
        "SELECT (g.figures->>'candidate_average_precision')::float, (g.figures->>'champion_average_precision')::float "
        "FROM moderation_gate g JOIN moderation_modelversion v ON v.id = g.model_version_id "
        "WHERE v.number = %s AND g.name = 'ranking:harassment'",
        number,
    )
    assert candidate < before, "the candidate is not worse: nothing was shown"
    page.goto(f"{product.base_url}/models/{number}/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Refused")
    for name, reason in failed:
        row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=name, exact=True))
        expect(row).to_contain_text("refused")
        expect(row).to_contain_text(reason)


def _sample_of(base_data: Path, folder: Path) -> Path:
    """The labelled sets cut down to a few held-out rows each, outside of the repository and gone after the test."""
    for path in sorted(base_data.glob("*.csv.gz")):
        rows = list(_read(path))
        if not rows or "split" not in rows[0]:
            continue
        held_out = [row for row in rows if row["split"] != "train"]
        chosen = random.Random(7).sample(held_out, min(HELD_OUT_ROWS, len(held_out)))
        with gzip.open(folder / path.name, "wt", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(chosen)
    return folder


def _read(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)
