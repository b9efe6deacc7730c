"""Doing several things at the same moment, each in a thread with a database connection of its own."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connections

Value = TypeVar("Value")


def at_once(acts: Sequence[Callable[[], Value]]) -> list[Value | Exception]:
    """Start all acts together; what each returned or raised, in their order."""
    gate = threading.Barrier(len(acts))

    def run(act: Callable[[], Value]) -> Value | Exception:
        try:
            gate.wait(timeout=60)
            return act()
        except Exception as error:  # noqa: BLE001 (the caller looks at it)
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=len(acts)) as pool:
        return list(pool.map(run, acts))
