"""Operator commands: imports that can be run again, exports, and the model registry."""

import csv
import gzip
import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from console.management import importing
from moderation.models import Content, ContentRevision, ModelVersion, Report, User
from moderation.services import intake
from tests import factories

pytestmark = pytest.mark.usefixtures("admin")


def _run(command: str, *args: Any, **options: Any) -> str:
    out = StringIO()
    call_command(command, *[str(arg) for arg in args], stdout=out, stderr=StringIO(), **options)
    return out.getvalue()


def _write(path: Path, bodies: list[Any]) -> Path:
    """The bodies as JSON Lines; bytes and strings go in as they are."""
    lines = [b if isinstance(b, bytes) else (b if isinstance(b, str) else json.dumps(b)).encode() for b in bodies]
    data = b"\n".join(lines) + b"\n"
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def _rejects(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.with_name(path.name + ".rejects.jsonl").read_text().splitlines()]


@pytest.fixture
def reports(tmp_path: Path) -> Callable[[list[Any]], Path]:
    """Writes a JSON Lines file of reports."""
    return lambda bodies: _write(tmp_path / "reports.jsonl", bodies)


def test_reports_come_in_as_by_the_api(reports: Callable[[list[Any]], Path], admin: User) -> None:
    body = factories.report_body("words", language="en", url="https://platform.example/1")
    body.update(policy="spam", note="look")
    out = _run("import_reports", reports([body, factories.report_body()]))
    assert out == "2 reports imported, 0 there already, 0 rejected.\n"
    report = Report.objects.select_related("content", "policy", "reporter", "revision").order_by("pk")[0]
    assert report.content.external_id == body["content"]["id"]
    assert (report.content.language, report.revision.text) == ("en", "words")
    assert report.policy is not None
    assert (report.policy.slug, report.note, report.sent_by) == ("spam", "look", admin)


def test_running_it_again_adds_nothing(reports: Callable[[list[Any]], Path]) -> None:
    first = factories.report_body("one wording")
    revised = {**first, "content": {**first["content"], "text": "another wording"}}
    anonymous = {key: value for key, value in factories.report_body().items() if key != "reporter"}
    path = reports([first, revised, anonymous, anonymous, factories.report_body()])
    assert _run("import_reports", path).startswith("5 reports imported, 0 there already")
    before = (Report.objects.count(), ContentRevision.objects.count())
    assert _run("import_reports", path).startswith("0 reports imported, 5 there already")
    assert (Report.objects.count(), ContentRevision.objects.count()) == before == (5, 4)


def test_the_same_complaint_twice_by_one_reporter_counts_once(reports: Callable[[list[Any]], Path]) -> None:
    body = factories.report_body()
    assert _run("import_reports", reports([body, body, {**body, "note": "again"}])).startswith(
        "2 reports imported, 1 there already"
    )


def test_a_killed_import_goes_on_where_it_was(
    reports: Callable[[list[Any]], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "_CHUNK", 3)
    path = reports([factories.report_body() for _ in range(8)])
    receive, calls = intake.receive_report, []

    def dying(**request: Any) -> Report:
        calls.append(request)
        if len(calls) == 5:
            raise SystemExit(137)
        return receive(**request)

    monkeypatch.setattr(intake, "receive_report", dying)
    with pytest.raises(SystemExit):
        _run("import_reports", path)
    assert Report.objects.count() == 3  # the chunk that was under way is gone as a whole
    monkeypatch.setattr(intake, "receive_report", receive)
    assert _run("import_reports", path).startswith("5 reports imported, 3 there already")
    assert Report.objects.count() == 8


def test_an_interrupted_import_says_how_to_go_on(
    reports: Callable[[list[Any]], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(**_: Any) -> Report:
        raise KeyboardInterrupt

    monkeypatch.setattr(intake, "receive_report", interrupt)
    with pytest.raises(CommandError, match="Run it again") as failure:
        _run("import_reports", reports([factories.report_body()]))
    assert failure.value.returncode == 130


def test_bad_lines_are_rejected_with_number_and_reason_and_spoil_nothing(
    reports: Callable[[list[Any]], Path],
) -> None:
    good = factories.report_body("fine words")
    path = reports(
        [
            good,
            "",
            "{not json",
            {**factories.report_body(), "colour": "red"},
            {**factories.report_body(), "policy": "no-such-policy"},
            factories.report_body("x" * 20_001),
            b'{"content": "\xff"}',
            json.dumps(factories.report_body("nul \x00 inside")),
            factories.report_body(),
        ]
    )
    assert _run("import_reports", path) == "2 reports imported, 0 there already, 6 rejected.\n"
    rejected = _rejects(path)
    assert [row["line"] for row in rejected] == [3, 4, 5, 6, 7, 8]
    assert [row["errors"][0]["pointer"] for row in rejected] == ["", "/colour", "/policy", "/content/text", "", ""]
    assert all(row["errors"][0]["detail"] for row in rejected)
    assert "fine words" not in path.with_name(path.name + ".rejects.jsonl").read_text()


def test_a_mended_file_leaves_no_rejects_file(reports: Callable[[list[Any]], Path]) -> None:
    good = factories.report_body()
    path = reports([good, "{"])
    _run("import_reports", path)
    assert _rejects(path)
    reports([good, factories.report_body()])
    assert _run("import_reports", path).startswith("1 reports imported, 1 there already, 0 rejected")
    assert not path.with_name(path.name + ".rejects.jsonl").exists()


def test_a_line_over_the_limit_is_rejected_and_the_next_one_taken(reports: Callable[[list[Any]], Path]) -> None:
    path = reports(["x" * 3_000_000, factories.report_body()])
    assert _run("import_reports", path).startswith("1 reports imported, 0 there already, 1 rejected")
    assert _rejects(path)[0]["line"] == 1


def test_a_dry_run_checks_everything_and_keeps_nothing(reports: Callable[[list[Any]], Path]) -> None:
    path = reports([factories.report_body(), {**factories.report_body(), "policy": "no-such-policy"}])
    out = _run("import_reports", path, dry_run=True)
    assert out == "1 reports would be imported, 0 there already, 1 rejected.\n"
    assert not Report.objects.exists()
    assert not Content.objects.exists()
    assert _rejects(path)[0]["errors"][0]["pointer"] == "/policy"


def test_a_gzipped_file_is_read(tmp_path: Path) -> None:
    path = _write(tmp_path / "reports.jsonl.gz", [factories.report_body()])
    assert _run("import_reports", path).startswith("1 reports imported")


def test_a_truncated_gzip_is_a_clear_error(tmp_path: Path) -> None:
    path = _write(tmp_path / "reports.jsonl.gz", [factories.report_body() for _ in range(50)])
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(CommandError, match="cannot be read on"):
        _run("import_reports", path)


def test_content_comes_from_csv_by_column_name(tmp_path: Path) -> None:
    path = tmp_path / "content.csv"
    thread = [{"author": "a-2", "text": "before", "created_at": "2026-01-01T00:00:00Z"}]
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["author.id", "content.id", "content.type", "content.text", "content.created_at", "content.context"]
        )
        writer.writerow(["a-1", "c-1", "message", "two\nlines, “quoted”", "2026-01-02T03:04:05Z", json.dumps(thread)])
        writer.writerow(["a-1", "c-2", "message", "", "2026-01-02T03:04:05Z", ""])
        writer.writerow(["a-1", "c-3", "message", "no time", "yesterday", ""])
        writer.writerow(["a-1", "c-4", "message"])
        writer.writerow(["a-1", "c-5", "message", "bad thread", "2026-01-02T03:04:05Z", "[{]"])
    assert _run("import_content", path) == "2 contents imported, 0 there already, 3 rejected.\n"
    revision = ContentRevision.objects.get(content__external_id="c-1")
    assert revision.text == "two\nlines, “quoted”"
    assert revision.thread[0]["text"] == "before"
    assert ContentRevision.objects.get(content__external_id="c-2").text == ""
    assert [(row["line"], row["errors"][0]["pointer"]) for row in _rejects(path)] == [
        (5, "/content/created_at"),
        (6, ""),
        (7, ""),
    ]
    assert _run("import_content", path).startswith("0 contents imported, 2 there already")


def test_csv_bytes_that_are_no_utf8_spoil_their_own_row_only(tmp_path: Path) -> None:
    path = tmp_path / "content.csv"
    header = b"content.id,content.type,content.text,content.created_at,author.id\n"
    path.write_bytes(
        header
        + b"c-1,message,caf\xe9,2026-01-02T03:04:05Z,a-1\n"
        + b"c-2,message,good,2026-01-02T03:04:05Z,a-1\n"
        + b"c-3,message,nul \x00,2026-01-02T03:04:05Z,a-1\n"
    )
    assert _run("import_content", path) == "1 contents imported, 0 there already, 2 rejected.\n"
    assert [(row["line"], row["errors"][0]["pointer"]) for row in _rejects(path)] == [
        (2, "/content/text"),
        (4, "/content/text"),
    ]


def test_rows_before_a_broken_quote_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "content.csv"
    path.write_text(
        "content.id,content.type,content.text,content.created_at,author.id\n"
        "c-1,message,good,2026-01-02T03:04:05Z,a-1\n"
        'c-2,message,"bad"ly quoted,2026-01-02T03:04:05Z,a-1\n'
    )
    with pytest.raises(CommandError, match="Line 3 is malformed CSV"):
        _run("import_content", path)
    assert Content.objects.get().external_id == "c-1"


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("content.txt", "", r"must end in \.csv"),
        ("content.csv", "content.id,colour\n", "Unknown columns: colour"),
        ("content.csv", "", "Unknown columns: none at all"),
        ("content.csv", "content.id,content.id\n", "stands twice"),
    ],
)
def test_a_file_that_cannot_be_right_is_refused_before_anything_is_taken(
    tmp_path: Path, name: str, text: str, problem: str
) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(CommandError, match=problem):
        _run("import_content", path)


def test_a_missing_file_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be opened"):
        _run("import_content", tmp_path / "none.jsonl")


def test_withdrawn_content_is_not_revived_by_importing_it_again(tmp_path: Path, admin: User) -> None:
    body = {key: value for key, value in factories.report_body().items() if key in {"content", "author"}}
    path = _write(tmp_path / "content.ndjson", [body])
    _run("import_content", path)
    content = intake.withdraw_content(external_id=body["content"]["id"], acting_user=admin)
    _run("import_content", path)
    content.refresh_from_db()
    assert content.withdrawn_at is not None


def test_it_acts_as_whom_it_is_told_and_only_within_their_role(
    reports: Callable[[list[Any]], Path], integrator: User, moderator: User
) -> None:
    path = reports([factories.report_body()])
    with pytest.raises(CommandError, match="does not include"):
        _run("import_reports", path, user=moderator.username)
    with pytest.raises(CommandError, match="no active user"):
        _run("import_reports", path, user="nobody")
    _run("import_reports", path, user=integrator.username)
    assert Report.objects.get().sent_by == integrator


@pytest.mark.django_db(transaction=True)
def test_two_imports_at_once_are_refused(reports: Callable[[list[Any]], Path]) -> None:
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s, 0)", [importing._IMPORT_LOCK])
        with pytest.raises(CommandError, match="Another import"):
            _run("import_reports", reports([factories.report_body()]))
    finally:
        other.close()


def test_labels_are_exported_with_their_lineage(
    tmp_path: Path, integrator: User, moderator: User, capsys: pytest.CaptureFixture[str]
) -> None:
    case = factories.case(sent_by=integrator, policy="harassment")
    decision = factories.decide(factories.claim(case, moderator), moderator)
    rows = [json.loads(line) for line in _run("export_labels").splitlines()]
    row = next(row for row in rows if row["policy"] == "harassment")
    assert row["content"] == case.content.external_id
    assert (row["value"], row["weight"], row["decision"], row["supersedes"]) == (True, 1.0, decision.pk, None)
    assert {"why_shown", "sampling_probability", "split"} <= row.keys()

    target = tmp_path / "labels.jsonl"
    _run("export_labels", output=target)
    assert [json.loads(line) for line in target.read_text().splitlines()] == rows
    assert f"{len(rows)} labels" in capsys.readouterr().err


def test_an_export_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file"):
        _run("export_labels", output=tmp_path / "none" / "labels.jsonl")


def test_models_are_listed_shown_promoted_and_rolled_back() -> None:
    starter = ModelVersion.objects.get()
    from moderation.learning import registry

    second = registry.register_starter(acting_user=None)
    listed = _run("models", "list").splitlines()
    assert "candidate" in listed[0]
    assert "champion" in listed[1]
    assert json.loads(_run("models", "show", f"v{second.number}"))["sha256"] == second.sha256
    assert f"v{second.number} is the champion now" in _run("models", "promote", second.number)
    assert ModelVersion.objects.get(status="champion") == second
    assert f"v{starter.number} is the champion again" in _run("models", "rollback")


def test_the_registry_refusals_are_said_in_words() -> None:
    with pytest.raises(CommandError, match="no model v99"):
        _run("models", "show", "99")
    with pytest.raises(CommandError, match="such as 3 or v3"):
        _run("models", "show", "latest")
    with pytest.raises(CommandError, match="No earlier champion"):
        _run("models", "rollback")
