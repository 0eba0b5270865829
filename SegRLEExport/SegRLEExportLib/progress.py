"""How far an export is, and the caller's way to stop it."""

from __future__ import annotations

import time
from collections.abc import Callable

from SegRLEExportLib.errors import CancelledError

ProgressCallback = Callable[[float, str], bool | None]
"""Called with the finished fraction, 0 to 1, and what is being done; a returned False cancels."""

REPORT_INTERVAL_S = 0.05
"""Callbacks are no more frequent than this, so that they cost nothing."""


class Progress:
    """Counts steps of named stages and tells the callback now and then."""

    def __init__(self, callback: ProgressCallback | None = None) -> None:
        self._callback = callback
        self._stage, self._from, self._to = "", 0.0, 0.0
        self._steps, self._done = 1, 0
        self._next_report = 0.0

    def stage(self, name: str, until: float, steps: int) -> None:
        """Begin a stage of so many steps that ends at the fraction `until` of the whole."""
        self._from, self._to = self._to, until
        self._stage, self._steps, self._done = name, max(steps, 1), 0
        self._report()

    def step(self, count: int = 1) -> None:
        """One more step, or several, are done.

        Raises `CancelledError` if the callback asked to stop.
        """
        self._done += count
        if self._callback is not None and time.monotonic() >= self._next_report:
            self._report()

    def _report(self) -> None:
        if self._callback is None:
            return
        share = min(self._done / self._steps, 1.0)
        if self._callback(self._from + (self._to - self._from) * share, self._stage) is False:
            raise CancelledError
        self._next_report = time.monotonic() + REPORT_INTERVAL_S
