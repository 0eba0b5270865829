"""Signals that end a command: all clean up as Ctrl-C does."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from SegRLEExportLib.cli.exit_codes import OF_SIGNALS

_ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
_DEFAULTS = (signal.SIG_DFL, signal.default_int_handler)
"""A signal that who started us ignores stays ignored: nohup, and the & of a shell."""


class Ended(KeyboardInterrupt):
    """A signal asks to end; what is in the way of `KeyboardInterrupt` is in its way too."""

    def __init__(self, number: int) -> None:
        self.exit_code = OF_SIGNALS + number
        super().__init__()


@contextmanager
def ending_signals() -> Iterator[None]:
    """Let signals raise `Ended` in the block; then let them do what they did before."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[int, Any] = {number: signal.getsignal(number) for number in _ENDING}
    try:
        for number, handler in before.items():
            if handler in _DEFAULTS:
                signal.signal(number, _end)
        yield
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) in (_end, _nothing):
                signal.signal(number, handler)


def ignore_signals() -> None:
    """Let a second signal not stop the words about the first, until the block of `ending_signals` is left."""
    if threading.current_thread() is threading.main_thread():
        for number in _ENDING:
            if signal.getsignal(number) is _end:
                signal.signal(number, _nothing)


def _end(number: int, _frame: FrameType | None) -> None:
    raise Ended(number)


def _nothing(_number: int, _frame: FrameType | None) -> None:
    pass
