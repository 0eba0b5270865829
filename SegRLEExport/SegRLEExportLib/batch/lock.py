"""One run at a time: the system holds the lock and lets it go when the process ends, however it ends."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from SegRLEExportLib.errors import BatchFolderError

if os.name == "nt":
    import msvcrt

    def _take(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
else:
    import fcntl

    def _take(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def held(lock: Path, out: Path) -> Iterator[None]:
    """Hold the file `lock`, which is made and stays, for the block; raise `BatchFolderError` if another run does."""
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise BatchFolderError(out, f"{error.strerror or error}. Choose another folder") from error
    try:
        _take_or_refuse(descriptor, out)
        yield
    finally:
        os.close(descriptor)


def _take_or_refuse(descriptor: int, out: Path) -> None:
    try:
        _take(descriptor)
    except (BlockingIOError, PermissionError) as error:
        reason = "another run of a batch works in it; let that one end, or end it, before this one"
        raise BatchFolderError(out, reason) from error
    except OSError as error:
        raise BatchFolderError(out, f"its disk lets no file be locked ({error.strerror})") from error
