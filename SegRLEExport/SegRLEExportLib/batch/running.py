"""Many cases on Dask: what is there is skipped, what ends is written down, and nothing is lost in between.

Dask schedules, moves and watches; here is only which case is handed in next and what its end is called. No more
cases are handed in than the workers can begin soon, so that ten thousand take the memory of a few.
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from SegRLEExportLib.batch.cases import Case
from SegRLEExportLib.batch.children import end_processes, run_case
from SegRLEExportLib.batch.clusters import client_of, scheduler_needed, wait_for_fit_workers
from SegRLEExportLib.batch.folder import PAGE, BatchFolder, refused
from SegRLEExportLib.batch.limits import DEFAULT_TIMEOUT_S
from SegRLEExportLib.batch.outcome import Alike, Ending, Outcome, alike, written_text
from SegRLEExportLib.batch.page import write_page
from SegRLEExportLib.batch.standing import difference
from SegRLEExportLib.encoding.plan import DEFAULT_PLAN_ID
from SegRLEExportLib.errors import BatchFolderError, SchedulerEndedError
from SegRLEExportLib.model.printable import printable_lines
from SegRLEExportLib.report import size_text

_AHEAD = 2
"""Cases that each thread of a worker has at least: the one it works on, and the next."""

_HANDED_IN = 4
"""Cases for each thread that are handed in at once: one by one takes Dask a third longer."""

_NAMED = 5
"""Cases that a line of the summary names; report.html and the journal have all."""

_WIDEST_ENDING = max(len(ending.value) for ending in Ending)

Ended = Callable[[Outcome], None]

Connect = Callable[[], AbstractContextManager[Any]]


@dataclass(frozen=True)
class BatchResult:
    """How all cases ended, those of earlier runs of the same batch included."""

    out: Path
    outcomes: tuple[Outcome, ...]
    stood: int = 0
    """Cases that an earlier run wrote, and that this one found as they were."""

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """The cases that were not written."""
        return tuple(outcome for outcome in self.outcomes if not outcome.is_written)

    def __str__(self) -> str:
        size = size_text(sum(outcome.bytes for outcome in self.outcomes if outcome.is_written))
        lines = [f"{written_text(self.outcomes, self.stood)}, {size}; see {self.out / PAGE}"]
        lines.extend(map(_row, alike(self.outcomes)))
        return printable_lines(lines)

    def to_json(self) -> dict[str, Any]:
        """Return all outcomes as a JSON object."""
        return {
            "cases": len(self.outcomes),
            "failed": len(self.failed),
            "written_before": self.stood,
            "outcomes": [one.to_json() for one in self.outcomes],
        }


def batch(
    cases: Sequence[Case],
    out: Path | str,
    client: Any = None,
    *,
    to: str = DEFAULT_PLAN_ID,
    timeout: float = DEFAULT_TIMEOUT_S,
    resume: bool = False,
    on_end: Ended | None = None,
) -> BatchResult:
    """Write every case into a folder of its own below `out`; return how each ended.

    `client` is a `distributed.Client`; without one a cluster of this machine is used. `to` is a format or encoding
    as `convert` knows them, for cases whose options name none, `timeout` the seconds a case may take. With `resume`
    cases are skipped whose files stand as an earlier run wrote them, byte for byte, and all others are tried again.
    `on_end` hears of each case as it ends.

    Raises `BatchFolderError` if `out` or the cluster cannot be used, `SchedulerEndedError` if Dask's scheduler ends on
    the way; what is wrong with a case is its outcome.
    """
    return batch_on(
        lambda: client_of(client), cases, out, to=to, timeout=timeout, resume=resume, on_end=on_end, defaults={}
    )


def batch_on(
    connect: Connect,
    cases: Sequence[Case],
    out: Path | str,
    *,
    to: str,
    timeout: float,
    resume: bool,
    on_end: Ended | None,
    defaults: Mapping[str, Any],
) -> BatchResult:
    """Do what `batch` does, with a client that `connect` makes once it is known that there is work for one.

    `defaults` says of options which value is as if they were left out.
    """
    folder = BatchFolder(Path(out).absolute())
    asked = [replace(case.absolute(), options={"to": to, **case.options}) for case in cases]
    with folder.used(resume=resume):
        ended = _Ended(folder, on_end, defaults)
        try:
            left = [case for case in asked if not ended.earlier(case)]
            if left:
                with connect() as connected:
                    wait_for_fit_workers(connected)
                    _Run(folder, connected, timeout, ended).run_all(left)
        except BaseException:
            with suppress(BatchFolderError):  # what broke it off is told, and not this
                _write_page(folder, asked, ended)
            raise
        outcomes = _write_page(folder, asked, ended)
    return BatchResult(folder.out, outcomes, ended.stood)


def _write_page(folder: BatchFolder, asked: Sequence[Case], ended: _Ended) -> tuple[Outcome, ...]:
    """Write the page, if any case has ended; return the outcomes. Raises `BatchFolderError`."""
    told = {**folder.outcomes(), **ended.outcomes}  # broken off, the last line may be of no outcome here yet
    outcomes = tuple(told[case.name] for case in asked if case.name in told)
    if outcomes:
        write_page(outcomes, folder, ended.stood)
    return outcomes


class _Ended:
    """The outcomes so far."""

    def __init__(self, folder: BatchFolder, on_end: Ended | None, defaults: Mapping[str, Any]) -> None:
        self._folder = folder
        self._on_end = on_end
        self._defaults = defaults
        self._written = folder.written()
        self.outcomes: dict[str, Outcome] = {}
        self.stood = 0
        """Cases that an earlier run wrote, and that were skipped."""

    def earlier(self, case: Case) -> bool:
        """Tell whether the case needs no work, and take over its outcome: written before, or its place is taken."""
        if not self._folder.is_taken(case.name):
            return False
        known = self._written.get(case.name)
        other = difference(self._folder.out, known, case, self._defaults)
        if known is not None and not other:
            self.outcomes[case.name] = known
            self.stood += 1
        else:
            self.add(refused(self._folder.out, Outcome(case.name, Ending.REFUSED, asked=case.asked), other))
        return True

    def add(self, outcome: Outcome) -> None:
        """Write the outcome down, and give its files their place, before anything else is done."""
        settled = self._folder.settle(outcome)
        self.outcomes[outcome.case] = settled
        if self._on_end is not None:
            self._on_end(settled)


class _Run:
    """Cases on their way through a cluster."""

    def __init__(self, folder: BatchFolder, client: Any, timeout: float, ended: _Ended) -> None:
        self._folder = folder
        self._client = client
        self._timeout = timeout
        self._ended = ended
        self._token = secrets.token_hex(8)
        self._handed_in: dict[str, Case] = {}

    def run_all(self, cases: Sequence[Case]) -> None:
        """Have all cases run, a few at a time handed to Dask. Raises `SchedulerEndedError`."""
        try:
            for outcome in self._outcomes(cases):
                self._ended.add(outcome)
        except SchedulerEndedError:
            raise  # who asks it for the workers waits half a minute, in vain
        except BaseException:
            self._end_processes()
            raise
        self._end_processes()

    def _outcomes(self, cases: Sequence[Case]) -> Iterator[Outcome]:
        from distributed import as_completed

        waiting = iter(cases)
        with scheduler_needed(self._client):
            threads = max(1, sum(self._client.nthreads().values()))
            first = self._hand_in(itertools.islice(waiting, (_AHEAD + _HANDED_IN) * threads))
            running = as_completed(first, loop=self._client.loop)
            for future in running:
                yield self._outcome_of(future)
                if len(self._handed_in) <= _AHEAD * threads:
                    running.update(self._hand_in(itertools.islice(waiting, _HANDED_IN * threads)))

    def _hand_in(self, cases: Iterable[Case]) -> list[Any]:
        following = [*cases]
        if not following:  # which Dask would not take
            return []
        known = {"out": str(self._folder.out), "run": self._token, "timeout": self._timeout}
        futures: list[Any] = self._client.map(run_case, following, **known, pure=False)
        self._handed_in.update(zip((future.key for future in futures), following))
        return futures

    def _outcome_of(self, future: Any) -> Outcome:
        case = self._handed_in.pop(future.key)
        try:
            outcome: Outcome = future.result()  # waits again where the worker that had the result ended
        except Exception as error:
            if future.status != "error":
                raise  # Dask's own, not that of the case
            return _failed(case, error)
        return outcome

    def _end_processes(self) -> None:
        """End what the workers started for this run; those that cannot be reached end theirs when they end."""
        if self._client.status != "running":
            return
        with suppress(Exception):
            self._client.run(end_processes, self._token, on_error="ignore")


def _row(ended: Alike) -> str:
    """Return a line of the table at the end of a batch: how many cases ended so, why, and which."""
    count = f"{len(ended.cases):>6}  {ended.ending.value:<{_WIDEST_ENDING}}"
    if ended.ending is Ending.WRITTEN:
        return count.rstrip()
    more = len(ended.cases) - _NAMED
    named = ", ".join(ended.cases[:_NAMED]) + (f" and {more} more" if more > 0 else "")
    return f"{count}  {named}: {ended.reason}"


def _failed(case: Case, error: Exception) -> Outcome:
    """Return the outcome of a case whose task Dask could not carry out."""
    if type(error).__name__ == "KilledWorker":
        reason = "The Dask workers that had it ended, one after the other."
        return Outcome(case.name, Ending.KILLED, reason, asked=case.asked)
    return Outcome(case.name, Ending.FAULT, f"{type(error).__name__}: {error}", asked=case.asked)
