"""The compiled core, built where it is first needed and called through ctypes.

`library()` compiles the C sources beside this file with the machine's C compiler (`CC`, else cc, gcc or clang),
keeps the result under the digest of what it was made from, and loads it. `python -m ml.native` only builds it, for
images.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.errors import NativeUnavailable

_SOURCES = Path(__file__).parent
_FLAGS = ("-O3", "-std=c11", "-fPIC", "-shared", "-fno-math-errno")
_int, _double, _pointer = ctypes.c_int64, ctypes.c_double, ctypes.c_void_p

_SIGNATURES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "eh_words": (None, (_pointer, _pointer)),
    "eh_variants": (_int, (_pointer, _pointer, _int, _pointer)),
    "eh_index": (None, (_pointer, _int, _pointer)),
    "eh_tokens": (_int, (_pointer, _int, _pointer, _pointer, *[_pointer] * 4, _int, _pointer, _pointer, _int)),
    "eh_lists": (_int, (_pointer, _pointer, _pointer, _pointer)),
    "eh_sums": (None, (_pointer, _pointer, _pointer)),
    "eh_workspace_new": (_pointer, (_int,)),
    "eh_workspace_free": (None, (_pointer,)),
    "eh_vectorise": (_int, (_pointer, _pointer, _int, *[_pointer] * 4, *[_pointer] * 3, _int)),
    "eh_score": (_int, (_pointer, _pointer, _int, *[_pointer] * 4, *[_pointer] * 6)),
    "eh_solve": (_int, (*[_pointer] * 3, _int, _int, *[_pointer] * 4, _double, _double, _int, *[_pointer] * 3)),
    "eh_column_squares": (None, (*[_pointer] * 3, _int, *[_pointer] * 2)),
    "eh_column_sums": (None, (*[_pointer] * 3, _int, *[_pointer] * 3)),
    "eh_logits": (None, (*[_pointer] * 3, _int, _int, *[_pointer] * 3)),
    "eh_counter_new": (_pointer, ()),
    "eh_counter_free": (None, (_pointer,)),
    "eh_counter_record": (None, (_pointer,)),
    "eh_counter_rows": (None, (*[_pointer] * 3, _int, *[_pointer] * 3)),
    "eh_count": (_int, (_pointer, _pointer, _pointer, _int, _pointer, _pointer, _int)),
    "eh_counter_copy": (None, (_pointer, _pointer, _pointer, _pointer)),
    "eh_word_counter_new": (_pointer, (_int,)),
    "eh_word_counter_free": (None, (_pointer,)),
    "eh_count_words": (_int, (_pointer, _pointer, _pointer, _int, _pointer, _pointer, _pointer)),
    "eh_word_counter_letters": (_int, (_pointer,)),
    "eh_word_counter_copy": (None, (_pointer, *[_pointer] * 4)),
}


@cache
def library() -> ctypes.CDLL:
    """Return the compiled core. Raises `NativeUnavailable` where it is not there and cannot be built."""
    found = ctypes.CDLL(str(build()))
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(found, name)
        function.restype, function.argtypes = result, arguments
    return found


def build() -> Path:
    """Compile the core unless that has been done; the file. Raises `NativeUnavailable`."""
    name = f"core-{_digest()}.so"
    folders = (_SOURCES / "built", Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "evenhand")
    for folder in folders:
        if (folder / name).exists():
            return folder / name
    for folder in folders:
        try:
            folder.mkdir(mode=0o755, parents=True, exist_ok=True)
            return _compile(folder / name)
        except PermissionError:
            continue
    raise NativeUnavailable(f"the compiled core can be written to none of {', '.join(map(str, folders))}")


def _digest() -> str:
    told = [platform.machine().encode(), *map(str.encode, _FLAGS)]
    told += [path.read_bytes() for path in sorted(_SOURCES.glob("*.[ch]"))]
    return hashlib.sha256(b"\0".join(told)).hexdigest()[:16]


def _compile(target: Path) -> Path:
    compiler = next(filter(None, map(shutil.which, filter(None, (os.environ.get("CC"), "cc", "gcc", "clang")))), None)
    if compiler is None:
        raise NativeUnavailable(
            "a C compiler is needed once, to build the compiled core (Debian: apt-get install gcc libc6-dev)"
        )
    # Beside the target, so that two processes that build at once each put a whole file in place.
    handle, partial = tempfile.mkstemp(dir=target.parent, suffix=".so")
    os.close(handle)
    try:
        sources = sorted(map(str, _SOURCES.glob("*.c")))
        done = subprocess.run(  # noqa: S603
            [compiler, *_FLAGS, *sources, "-o", partial, "-lm"], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise NativeUnavailable(f"the compiled core does not build with {compiler}: {done.stderr.strip()[-500:]}")
        Path(partial).chmod(0o755)
        Path(partial).replace(target)
    finally:
        Path(partial).unlink(missing_ok=True)
    return target


def pointers(*arrays: NDArray[Any] | None) -> tuple[int | None, ...]:
    """Return the addresses of several arrays."""
    return tuple(pointer(array) for array in arrays)


def pointer(array: NDArray[Any] | None) -> int | None:
    """Return the address of a C-contiguous array's first item, `None` for `None`."""
    return None if array is None else int(array.ctypes.data)


class Table(ctypes.Structure):
    """An open-addressing table (`Table` in core.h), at most half full; keeps its array alive."""

    _fields_ = [("mask", ctypes.c_uint64), ("places", _pointer)]

    def __init__(self, entries: int) -> None:
        size = 1 << max(4, (2 * entries).bit_length())
        self._places = np.zeros(size, dtype=np.uint64)
        super().__init__(size - 1, pointer(self._places))
