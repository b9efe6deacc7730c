"""The demo community: what a new user sees first must be whole, varied and true to its own rules."""

import json
import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from moderation.demo import FOLDER, MAX_TEXT, POLICIES, Community, load
from moderation.enums import ReportSource

EXPECTED_COUNTS = {
    "harassment": range(35, 61),
    "hate": range(18, 31),
    "spam": range(40, 61),
    "self-harm": range(8, 16),
    "sexual": range(8, 16),
    "violence": range(12, 21),
}


@pytest.fixture(scope="module")
def community() -> Community:
    return load()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("accounts.jsonl", "community.jsonl", "reports.jsonl"):
        shutil.copy(FOLDER / name, tmp_path / name)
    return tmp_path


def rewrite(path: Path, line: int, change: Callable[[dict[str, Any]], object]) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    row = json.loads(lines[line - 1])
    change(row)
    lines[line - 1] = json.dumps(row)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


class TestTheCommunity:
    def test_it_is_large_enough_to_look_alive(self, community: Community) -> None:
        assert len(community.messages) >= 320
        assert len(community.reports) >= 140
        assert len(community.accounts) >= 60
        assert len({message.channel for message in community.messages}) >= 10

    def test_about_a_third_violates_and_every_policy_has_its_share(self, community: Community) -> None:
        violating = [message for message in community.messages if message.truth]
        assert 0.28 <= len(violating) / len(community.messages) <= 0.38
        counts = Counter(slug for message in violating for slug in message.truth)
        assert set(counts) == POLICIES
        assert {slug: n for slug, n in counts.items() if n not in EXPECTED_COUNTS[slug]} == {}

    def test_it_has_many_hard_negatives_and_some_hard_positives(self, community: Community) -> None:
        hard = [message for message in community.messages if message.hard]
        assert sum(not message.truth for message in hard) >= 60
        assert sum(bool(message.truth) for message in hard) >= 5

    def test_ids_and_texts_are_unique(self, community: Community) -> None:
        assert len({message.id for message in community.messages}) == len(community.messages)
        assert len({message.text for message in community.messages}) == len(community.messages)

    def test_texts_run_from_one_word_to_several_paragraphs(self, community: Community) -> None:
        texts = [message.text for message in community.messages]
        assert max(map(len, texts)) <= MAX_TEXT
        assert min(len(text.split()) for text in texts) == 1
        assert sum(text.count("\n\n") >= 2 for text in texts) >= 3

    def test_it_speaks_several_languages_and_hides_letters(self, community: Community) -> None:
        languages = Counter(message.language for message in community.messages)
        assert set(languages) == {"en", "de", "es", "ar", "ja"}
        assert min(languages.values()) >= 5
        hidden = [message for message in community.messages if "\u200b" in message.text]
        assert len(hidden) >= 3
        assert all(message.truth for message in hidden)

    def test_thread_roots_exist_in_the_same_channel_and_are_older(self, community: Community) -> None:
        by_id = {message.id: message for message in community.messages}
        replies = [message for message in community.messages if message.thread is not None]
        assert len(replies) >= 150
        for reply in replies:
            root = by_id[reply.thread or ""]
            assert root.thread is None
            assert root.channel == reply.channel
            assert root.minutes_ago > reply.minutes_ago

    def test_every_author_and_reporter_has_an_account_and_every_account_takes_part(self, community: Community) -> None:
        authors = {message.author for message in community.messages}
        reporters = {report.reporter for report in community.reports if report.reporter is not None}
        assert authors | reporters == {account.id for account in community.accounts}

    def test_reports_point_to_messages_and_come_from_everywhere(self, community: Community) -> None:
        ids = {message.id for message in community.messages}
        assert {report.content for report in community.reports} <= ids
        assert {report.source for report in community.reports} == set(ReportSource)
        assert any(report.policy is None for report in community.reports)

    def test_nobody_reports_a_message_twice(self, community: Community) -> None:
        complaints = Counter(
            (report.content, report.reporter) for report in community.reports if report.reporter is not None
        )
        assert max(complaints.values()) == 1

    def test_brigades_bury_innocent_messages_in_reports(self, community: Community) -> None:
        truth = {message.id: message.truth for message in community.messages}
        reports = Counter(report.content for report in community.reports)
        buried = [content for content, n in reports.items() if n >= 7 and not truth[content]]
        assert len(buried) >= 3

    def test_some_reports_are_wrong_and_some_violations_unreported(self, community: Community) -> None:
        truth = {message.id: message.truth for message in community.messages}
        wrong = [report for report in community.reports if not truth[report.content]]
        assert 0.15 <= len(wrong) / len(community.reports) <= 0.5
        reported = {report.content for report in community.reports}
        unreported = [content for content, slugs in truth.items() if slugs and content not in reported]
        assert len(unreported) >= 10

    def test_links_lead_nowhere_real(self, community: Community) -> None:
        texts = [message.text for message in community.messages] + [report.note for report in community.reports]
        hosts = [host for text in texts for host in re.findall(r"https?://([^/\s]+)", text)]
        assert hosts
        assert [host for host in hosts if not host.endswith((".example", ".test"))] == []
        bare = re.compile(r"\b[\w-]+\.(?:com|net|org|io|gg|co|me|xyz|info)\b")
        assert [text for text in texts if bare.search(text)] == []

    def test_it_happens_within_the_last_three_days(self, community: Community) -> None:
        assert community.messages[0].minutes_ago <= 3 * 24 * 60
        assert community.messages[0].minutes_ago > 2 * 24 * 60
        assert community.messages[-1].minutes_ago < 60


class TestTheLoader:
    @pytest.mark.parametrize(
        ("file", "line", "change", "complaint"),
        [
            ("accounts.jsonl", 2, {"id": "mossy_lantern"}, "account mossy_lantern is there twice"),
            ("accounts.jsonl", 2, {"age_days": -1}, "age_days must be a whole number"),
            ("accounts.jsonl", 2, {"age_days": True}, "age_days must be a whole number"),
            ("accounts.jsonl", 2, {"attributes": []}, "attributes must be an object"),
            ("accounts.jsonl", 2, {"attributes": {"x": None}}, "attributes.x must be text"),
            ("accounts.jsonl", 2, {"surprise": 1}, "unknown fields: surprise"),
            ("community.jsonl", 2, {"id": "m-0001"}, "message m-0001 is there twice"),
            ("community.jsonl", 2, {"author": "nobody_known"}, "unknown account nobody_known"),
            (
                "community.jsonl",
                2,
                {"author": "crown_followers"},
                "account crown_followers did not exist yet",
            ),
            ("community.jsonl", 2, {"thread": "m-9999"}, "thread m-9999 does not exist before this message"),
            ("community.jsonl", 3, {"thread": "m-0002"}, "thread m-0002 is itself a reply"),
            ("community.jsonl", 2, {"channel": "elsewhere"}, "thread m-0001 is in another channel"),
            ("community.jsonl", 2, {"minutes_ago": 4310}, "thread m-0001 is not older than this message"),
            ("community.jsonl", 2, {"minutes_ago": 4311}, "messages must run from old to new"),
            ("community.jsonl", 2, {"text": " "}, "text must not be blank"),
            ("community.jsonl", 2, {"text": 7}, "text must be text"),
            ("community.jsonl", 2, {"text": "x" * 2_001}, "text is longer than 2000 code points"),
            ("community.jsonl", 2, {"truth": ["rudeness"]}, "truth names an unknown policy"),
            ("community.jsonl", 2, {"truth": ["spam", "hate"]}, "truth must be sorted, each policy once"),
            ("community.jsonl", 2, {"truth": "spam"}, "truth must be a list of policy slugs"),
            ("community.jsonl", 2, {"hard": "yes"}, "hard must be true or false"),
            ("community.jsonl", 2, {"hard": True}, "a hard message needs a note"),
            ("reports.jsonl", 1, {"content": "m-9999"}, "unknown message m-9999"),
            ("reports.jsonl", 1, {"reporter": "hexwren"}, "detectors have no reporter"),
            ("reports.jsonl", 1, {"source": "user"}, "detectors have no reporter"),
            ("reports.jsonl", 1, {"source": "rumour"}, "unknown source"),
            ("reports.jsonl", 1, {"policy": "rudeness"}, "unknown policy"),
            ("reports.jsonl", 1, {"minutes_ago": 4320}, "the report is older than its message"),
            ("reports.jsonl", 2, {"minutes_ago": 4320}, "reports must run from old to new"),
        ],
    )
    def test_it_names_file_and_line_of_a_bad_row(
        self, folder: Path, file: str, line: int, change: dict[str, object], complaint: str
    ) -> None:
        rewrite(folder / file, line, lambda row: row.update(change))
        with pytest.raises(ValueError, match=re.escape(f"{file}, line {line}: {complaint}")):
            load(folder)

    def test_it_refuses_a_repeated_text(self, folder: Path) -> None:
        first = json.loads((folder / "community.jsonl").read_text(encoding="utf-8").splitlines()[0])
        rewrite(folder / "community.jsonl", 2, lambda row: row.update(text=first["text"]))
        with pytest.raises(ValueError, match=r"community\.jsonl, line 2: the text is there twice"):
            load(folder)

    def test_it_refuses_a_missing_field(self, folder: Path) -> None:
        rewrite(folder / "reports.jsonl", 3, lambda row: row.pop("policy"))
        with pytest.raises(ValueError, match=r"reports\.jsonl, line 3: policy is missing"):
            load(folder)

    def test_it_refuses_an_author_who_reports_their_own_message(self, folder: Path, community: Community) -> None:
        authors = {message.id: message.author for message in community.messages}
        line, report = next(
            (number, report) for number, report in enumerate(community.reports, start=1) if report.reporter is not None
        )
        rewrite(folder / "reports.jsonl", line, lambda row: row.update(reporter=authors[report.content]))
        with pytest.raises(ValueError, match=rf"reports\.jsonl, line {line}: authors do not report themselves"):
            load(folder)

    @pytest.mark.parametrize(("row", "complaint"), [("{", "not JSON"), ("[]", "not a JSON object"), ("", "not JSON")])
    def test_it_refuses_what_is_no_json_object(self, folder: Path, row: str, complaint: str) -> None:
        path = folder / "accounts.jsonl"
        path.write_text(row + "\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
        with pytest.raises(ValueError, match=rf"accounts\.jsonl, line 1: {complaint}"):
            load(folder)
