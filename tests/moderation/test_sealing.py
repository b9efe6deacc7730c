"""The audit chain: nothing open is sealed over, and whatever is altered later shows."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.db.models import Max

from moderation.enums import AuditKind
from moderation.models import AuditEvent, AuditSeal
from moderation.services import sealing

pytestmark = pytest.mark.django_db(transaction=True)


def _events(count: int) -> list[AuditEvent]:
    """Events, each in a transaction of its own."""
    return [
        AuditEvent.objects.create(kind=AuditKind.CONTENT_SCORED, content_id=number, data={"model": 1, "x": 0.1})
        for number in range(count)
    ]


def _seal() -> AuditSeal:
    """Seal everything written so far. Other databases of the cluster may hold the horizon back for a while."""
    newest = AuditEvent.objects.aggregate(newest=Max("transaction"))["newest"]
    deadline = time.monotonic() + 120
    while sealing._horizon() <= newest:
        assert time.monotonic() < deadline, "another transaction of the cluster stays open"
        time.sleep(0.05)
    made = sealing.seal()
    assert made is not None
    return made


@contextmanager
def _triggers_off() -> Iterator[None]:
    """What the tables' owner can do, who switches the guards off."""
    tables = ("moderation_auditevent", "moderation_auditseal")
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        try:
            yield
        finally:
            for table in tables:
                cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def test_with_no_events_there_is_nothing_to_seal() -> None:
    assert sealing.seal() is None
    result = sealing.verify()
    assert (result.seals, result.events, result.problem) == (0, 0, "")


def test_seals_chain_and_cover_everything() -> None:
    _events(3)
    first = _seal()
    assert sealing.seal() is None
    _events(2)
    second = _seal()
    assert (first.previous, second.previous) == (None, first)
    assert second.from_transaction == first.to_transaction
    result = sealing.verify()
    assert (result.seals, result.events, result.unsealed) == (2, 5, 0)
    assert (result.head, result.problem) == (second.digest, "")


def test_an_open_transaction_is_not_sealed_over() -> None:
    written, may_commit = threading.Event(), threading.Event()

    def slow_writer() -> None:
        try:
            with transaction.atomic():
                AuditEvent.objects.create(kind=AuditKind.CASE_OPENED, case_id=1)
                written.set()
                assert may_commit.wait(60)
        finally:
            connection.close()

    writer = threading.Thread(target=slow_writer)
    writer.start()
    try:
        assert written.wait(60)
        _events(2)  # younger transactions, committed already
        early = sealing.seal()
    finally:
        may_commit.set()
        writer.join()
    assert early is None
    late = _seal()
    assert late.event_count == 3
    assert sealing.verify().problem == ""


def test_what_rolled_back_leaves_no_gap() -> None:
    _events(1)
    with transaction.atomic():
        _events(1)
        transaction.set_rollback(True)
    _events(1)
    _seal()
    result = sealing.verify()
    assert (result.events, result.problem) == (2, "")


def test_the_guard_refuses_a_change() -> None:
    (event,) = _events(1)
    with pytest.raises(DatabaseError, match="immutable"):
        AuditEvent.objects.filter(pk=event.pk).update(data={})


@pytest.mark.parametrize(
    "change",
    [
        {"kind": AuditKind.CASE_DECIDED},
        {"data": {"model": 2, "x": 0.1}},
        {"content_id": 77},
        {"created_at": "2020-01-01T00:00:00Z"},
    ],
)
def test_an_altered_event_is_found(change: dict[str, object]) -> None:
    _events(2)
    intact = _seal()
    first, second = _events(2)
    altered = _seal()
    with _triggers_off():
        AuditEvent.objects.filter(pk=second.pk).update(**change)
    result = sealing.verify()
    assert f"Seal {altered.pk} " in result.problem
    assert f"events {first.pk} to {second.pk}" in result.problem
    assert result.head == intact.digest


def test_a_deleted_event_is_found() -> None:
    gone, _ = _events(2)
    sealed = _seal()
    with _triggers_off():
        AuditEvent.objects.filter(pk=gone.pk).delete()
    assert sealing.verify().problem.startswith(f"Seal {sealed.pk} was made over 2 events; 1 are there")


def test_an_event_slipped_in_later_is_found() -> None:
    (event,) = _events(1)
    sealed = _seal()
    AuditEvent.objects.create(kind=AuditKind.CASE_DECIDED, transaction=event.transaction)
    assert sealing.verify().problem.startswith(f"Seal {sealed.pk} was made over 1 events; 2 are there")


def test_a_seal_made_to_fit_breaks_the_one_after_it() -> None:
    _events(1)
    first = _seal()
    _events(1)
    second = _seal()
    with _triggers_off():
        AuditEvent.objects.filter(transaction__lt=first.to_transaction).update(case_id=5)
        forged, _ = sealing._digest("", first.from_transaction, first.to_transaction)
        AuditSeal.objects.filter(pk=first.pk).update(digest=forged)
    assert f"Seal {second.pk} " in sealing.verify().problem


def test_a_missing_seal_is_found() -> None:
    _events(1)
    first = _seal()
    _events(1)
    second = _seal()
    with _triggers_off():
        AuditSeal.objects.filter(pk=second.pk).update(previous=None)
        AuditSeal.objects.filter(pk=first.pk).delete()
    assert sealing.verify().problem.startswith(f"Seal {second.pk} does not follow the beginning")


def test_numbers_go_on_after_a_restore_into_a_cluster_that_starts_low() -> None:
    far = 10**15
    AuditEvent.objects.create(kind=AuditKind.CASE_OPENED, transaction=5)
    _events(1)
    AuditSeal.objects.create(
        from_transaction=0,
        to_transaction=far,
        event_count=2,
        digest=sealing._digest("", 0, far)[0],
    )
    try:
        assert sealing.resume_after_restore() is True
        assert sealing.resume_after_restore() is False
        (event,) = _events(1)
        assert event.pk
        event.refresh_from_db()
        assert event.transaction > far
        assert _seal().event_count == 1
        assert sealing.verify().problem == ""
    finally:
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE OR REPLACE FUNCTION evenhand_transaction() RETURNS bigint LANGUAGE sql VOLATILE AS "
                "$$ SELECT pg_current_xact_id()::text::bigint $$"
            )


def test_a_counter_that_never_went_back_is_left_alone() -> None:
    _events(1)
    _seal()
    assert sealing.resume_after_restore() is False


def test_the_command_says_that_all_holds() -> None:
    _events(2)
    sealed = _seal()
    out = StringIO()
    call_command("verify_audit", stdout=out)
    assert sealed.digest in out.getvalue()
    assert "2 events" in out.getvalue()


def test_the_command_fails_and_names_the_seal() -> None:
    (event,) = _events(1)
    sealed = _seal()
    with _triggers_off():
        AuditEvent.objects.filter(pk=event.pk).update(data={})
    with pytest.raises(CommandError, match=f"Seal {sealed.pk} ") as failure:
        call_command("verify_audit")
    assert failure.value.returncode == 1
