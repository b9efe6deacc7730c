"""The demo community: an invented chat server with its truth, read from the data files beside this module."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from moderation.enums import ReportSource

FOLDER = Path(__file__).parent

POLICIES = frozenset({"harassment", "hate", "spam", "self-harm", "sexual", "violence"})
"""Slugs of the policies that the community's truth and its reports name."""

MAX_TEXT = 2_000
"""Longest text of a message, in code points."""

AttributeValue = str | int | bool


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the community with its truth.

    ``thread`` is the id of the thread's first message, None for that one and for messages outside threads;
    ``minutes_ago`` counts back from the moment of seeding; ``truth`` holds the slugs of the policies it
    violates, sorted, empty where it violates none; ``hard`` marks what is easily misjudged, either way;
    ``note`` says why.
    """

    id: str
    channel: str
    thread: str | None
    author: str
    minutes_ago: int
    text: str
    language: str
    truth: tuple[str, ...]
    hard: bool
    note: str


@dataclass(frozen=True, slots=True)
class AccountSeed:
    """An account as the platform knows it: ``age_days`` before the moment of seeding, and free attributes."""

    id: str
    age_days: int
    attributes: Mapping[str, AttributeValue]


@dataclass(frozen=True, slots=True)
class ReportSeed:
    """A complaint; ``reporter`` is None for detectors, ``policy`` None where none was named."""

    content: str
    reporter: str | None
    source: ReportSource
    policy: str | None
    note: str
    minutes_ago: int


@dataclass(frozen=True, slots=True)
class Community:
    """The whole community; messages and reports are ordered from the oldest to the newest."""

    messages: tuple[Message, ...]
    accounts: tuple[AccountSeed, ...]
    reports: tuple[ReportSeed, ...]


class _Row:
    """One line of a data file: typed fields by name, and complaints that name the file and the line."""

    def __init__(self, path: Path, number: int, line: str) -> None:
        self._place = f"{path.name}, line {number}"
        try:
            fields = json.loads(line)
        except json.JSONDecodeError as error:
            raise self.error(f"not JSON ({error.msg})") from error
        if not isinstance(fields, dict):
            raise self.error("not a JSON object")
        self._fields: dict[str, object] = fields

    def error(self, complaint: str) -> ValueError:
        return ValueError(f"{self._place}: {complaint}")

    def require(self, holds: bool, complaint: str) -> None:
        if not holds:
            raise self.error(complaint)

    def require_only(self, *names: str) -> None:
        unknown = sorted(self._fields.keys() - set(names))
        self.require(not unknown, f"unknown fields: {', '.join(unknown)}")

    def _value(self, name: str) -> object:
        self.require(name in self._fields, f"{name} is missing")
        return self._fields[name]

    def text(self, name: str) -> str:
        value = self._value(name)
        if not isinstance(value, str):
            raise self.error(f"{name} must be text")
        return value

    def filled_text(self, name: str) -> str:
        value = self.text(name)
        self.require(bool(value.strip()), f"{name} must not be blank")
        return value

    def text_or_none(self, name: str) -> str | None:
        return None if self._value(name) is None else self.filled_text(name)

    def whole_number(self, name: str) -> int:
        value = self._value(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self.error(f"{name} must be a whole number, 0 or more")
        return value

    def flag(self, name: str) -> bool:
        value = self._value(name)
        if not isinstance(value, bool):
            raise self.error(f"{name} must be true or false")
        return value

    def policies(self, name: str) -> tuple[str, ...]:
        value = self._value(name)
        if not isinstance(value, list) or not all(isinstance(slug, str) for slug in value):
            raise self.error(f"{name} must be a list of policy slugs")
        self.require(POLICIES.issuperset(value), f"{name} names an unknown policy")
        self.require(value == sorted(set(value)), f"{name} must be sorted, each policy once")
        return tuple(value)

    def attributes(self, name: str) -> dict[str, AttributeValue]:
        value = self._value(name)
        if not isinstance(value, dict):
            raise self.error(f"{name} must be an object")
        for key, item in value.items():
            self.require(isinstance(item, str | int | bool), f"{name}.{key} must be text, a whole number or a flag")
        return value


def load(folder: Path = FOLDER) -> Community:
    """Read the community from ``accounts.jsonl``, ``community.jsonl`` and ``reports.jsonl`` in ``folder``.

    Raises ValueError with file and line where a row is malformed, out of order, repeated, or refers to what
    does not exist or did not exist yet; OSError where a file cannot be read.
    """
    accounts = _load_accounts(folder / "accounts.jsonl")
    messages = _load_messages(folder / "community.jsonl", accounts)
    reports = _load_reports(folder / "reports.jsonl", accounts, messages)
    return Community(messages=tuple(messages.values()), accounts=tuple(accounts.values()), reports=tuple(reports))


def _rows(path: Path) -> Iterator[_Row]:
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            yield _Row(path, number, line)


def _load_accounts(path: Path) -> dict[str, AccountSeed]:
    accounts: dict[str, AccountSeed] = {}
    for row in _rows(path):
        row.require_only("id", "age_days", "attributes")
        account = AccountSeed(row.filled_text("id"), row.whole_number("age_days"), row.attributes("attributes"))
        row.require(account.id not in accounts, f"account {account.id} is there twice")
        accounts[account.id] = account
    return accounts


def _load_messages(path: Path, accounts: Mapping[str, AccountSeed]) -> dict[str, Message]:
    messages: dict[str, Message] = {}
    texts: set[str] = set()
    previous: Message | None = None
    for row in _rows(path):
        message = _message(row)
        row.require(message.id not in messages, f"message {message.id} is there twice")
        row.require(message.text not in texts, "the text is there twice")
        row.require(
            previous is None or previous.minutes_ago >= message.minutes_ago,
            "messages must run from old to new",
        )
        _require_account(row, accounts, message.author, message.minutes_ago)
        _require_thread(row, messages, message)
        messages[message.id] = previous = message
        texts.add(message.text)
    return messages


def _message(row: _Row) -> Message:
    row.require_only(*("id", "channel", "thread", "author", "minutes_ago", "text", "language", "truth", "hard", "note"))
    message = Message(
        id=row.filled_text("id"),
        channel=row.filled_text("channel"),
        thread=row.text_or_none("thread"),
        author=row.filled_text("author"),
        minutes_ago=row.whole_number("minutes_ago"),
        text=row.filled_text("text"),
        language=row.filled_text("language"),
        truth=row.policies("truth"),
        hard=row.flag("hard"),
        note=row.text("note"),
    )
    row.require(len(message.text) <= MAX_TEXT, f"text is longer than {MAX_TEXT} code points")
    row.require(not message.hard or bool(message.note), "a hard message needs a note that says why")
    return message


def _require_account(row: _Row, accounts: Mapping[str, AccountSeed], account: str, minutes_ago: int) -> None:
    if account not in accounts:
        raise row.error(f"unknown account {account}")
    row.require(accounts[account].age_days * 24 * 60 >= minutes_ago, f"account {account} did not exist yet")


def _require_thread(row: _Row, earlier: Mapping[str, Message], message: Message) -> None:
    if message.thread is None:
        return
    if message.thread not in earlier:
        raise row.error(f"thread {message.thread} does not exist before this message")
    root = earlier[message.thread]
    row.require(root.thread is None, f"thread {root.id} is itself a reply")
    row.require(root.channel == message.channel, f"thread {root.id} is in another channel")
    row.require(root.minutes_ago > message.minutes_ago, f"thread {root.id} is not older than this message")


def _load_reports(
    path: Path, accounts: Mapping[str, AccountSeed], messages: Mapping[str, Message]
) -> Sequence[ReportSeed]:
    reports: list[ReportSeed] = []
    for row in _rows(path):
        report = _report(row)
        row.require(not reports or reports[-1].minutes_ago >= report.minutes_ago, "reports must run from old to new")
        if report.content not in messages:
            raise row.error(f"unknown message {report.content}")
        reported = messages[report.content]
        row.require(report.minutes_ago <= reported.minutes_ago, "the report is older than its message")
        row.require(report.reporter != reported.author, "authors do not report themselves")
        if report.reporter is not None:
            _require_account(row, accounts, report.reporter, report.minutes_ago)
        reports.append(report)
    return reports


def _report(row: _Row) -> ReportSeed:
    row.require_only("content", "reporter", "source", "policy", "note", "minutes_ago")
    source, policy = row.filled_text("source"), row.text_or_none("policy")
    row.require(source in ReportSource.values, "unknown source")
    row.require(policy is None or policy in POLICIES, "unknown policy")
    report = ReportSeed(
        content=row.filled_text("content"),
        reporter=row.text_or_none("reporter"),
        source=ReportSource(source),
        policy=policy,
        note=row.text("note"),
        minutes_ago=row.whole_number("minutes_ago"),
    )
    row.require(
        (report.reporter is None) == (report.source is ReportSource.AUTOMATED),
        "detectors have no reporter, everyone else has one",
    )
    return report
