"""Many cases on Dask: what is there is skipped, what ends is written down, and nothing is lost in between.

Dask schedules, moves and watches; here is only which case is handed in next and what its end is called. No more
cases are handed in than the workers can begin, so that ten thousand take the memory of a few.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from SegRLEExportLib.batch.cases import Case
from SegRLEExportLib.batch.folder import BatchFolder
from SegRLEExportLib.batch.outcome import Ending, Outcome
from SegRLEExportLib.batch.page import write_page
from SegRLEExportLib.batch.task import run_case
from SegRLEExportLib.encoding.plan import DEFAULT_PLAN_ID
from SegRLEExportLib.errors import BatchFolderError, MissingLibraryError
from SegRLEExportLib.model.printable import printable_lines
from SegRLEExportLib.report import size_text

DEFAULT_TIMEOUT_S = 3600.0

_AHEAD = 2
"""Cases a worker has: the one it works on, and the next."""

Ended = Callable[[Outcome], None]

Worded = Callable[[Outcome], Outcome]
"""Says what helps in the words of who started the batch."""


def _as_it_is(outcome: Outcome) -> Outcome:
    return outcome


@dataclass(frozen=True)
class BatchResult:
    """How all cases ended, those of earlier runs of the same batch included."""

    out: Path
    outcomes: tuple[Outcome, ...]

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """The cases that were not written."""
        return tuple(outcome for outcome in self.outcomes if not outcome.is_written)

    def __str__(self) -> str:
        written = [outcome for outcome in self.outcomes if outcome.is_written]
        size = size_text(sum(outcome.bytes for outcome in written))
        lines = [f"{len(written)} of {len(self.outcomes)} cases written, {size}; see {self.out / 'report.html'}"]
        lines.extend(f"  {outcome.case}: {outcome.ending.value}: {outcome.reason}" for outcome in self.failed)
        return printable_lines(lines)

    def to_json(self) -> dict[str, Any]:
        """Return all outcomes as a JSON object."""
        return {
            "cases": len(self.outcomes),
            "failed": len(self.failed),
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
    in_words: Worded = _as_it_is,
) -> BatchResult:
    """Write every case into a folder of its own below `out`; return how each ended.

    `client` is a `distributed.Client`; without one a cluster of this machine is used. `to` is a format or encoding
    as `convert` knows them, `timeout` the seconds a case may take. With `resume` cases are skipped whose files stand
    as an earlier run wrote them, and all others are tried again. `on_end` hears of each case as it ends; what is
    kept of it is what `in_words` makes of it.

    Raises `BatchFolderError` if `out` cannot be used; what is wrong with a case is its outcome.
    """
    folder = BatchFolder(Path(out).absolute())
    folder.begin(resume=resume)
    ended = _Ended(folder, on_end, in_words)
    left = [case for case in cases if not ended.before(case)]
    if left:
        with client_of(client) as connected:
            _run_all(left, folder, connected, to, timeout, ended)
    result = BatchResult(folder.out, tuple(ended.outcomes[case.name] for case in cases))
    write_page(result.outcomes, folder)
    return result


class _Ended:
    """The outcomes so far."""

    def __init__(self, folder: BatchFolder, on_end: Ended | None, in_words: Worded) -> None:
        self._folder = folder
        self._on_end = on_end
        self._in_words = in_words
        self._earlier = folder.outcomes()
        self.outcomes: dict[str, Outcome] = {}

    def before(self, case: Case) -> bool:
        """Tell whether an earlier run wrote the case from the same, and take over its outcome."""
        known = self._earlier.get(case.name)
        if known is None or not self._folder.is_there(known):
            known = self._folder.missed(case.name)
            if known is not None:
                known = self._in_words(known)
                self._folder.append(known)
        if known is None or dict(known.asked) != case.asked:
            return False
        self.outcomes[case.name] = known
        return True

    def add(self, outcome: Outcome) -> None:
        """Write the outcome down before anything else is done."""
        outcome = self._in_words(outcome)
        self._folder.append(outcome)
        self.outcomes[outcome.case] = outcome
        if self._on_end is not None:
            self._on_end(outcome)


def _run_all(cases: Sequence[Case], folder: BatchFolder, client: Any, to: str, timeout: float, ended: _Ended) -> None:
    from distributed import as_completed

    waiting: Iterator[Case] = iter(cases)
    handed_in: dict[str, Case] = {}

    def hand_in(case: Case) -> Any:
        future = client.submit(run_case, case, str(folder.out), to, timeout, pure=False)
        handed_in[future.key] = case
        return future

    running = as_completed([hand_in(case) for case in itertools.islice(waiting, _places(client))])
    for future in running:
        case = handed_in.pop(future.key)
        if _had_not_begun(future, case, folder):
            running.add(hand_in(case))
            continue
        ended.add(_outcome_of(future, case, folder, timeout))
        for following in itertools.islice(waiting, 1):
            running.add(hand_in(following))


def _had_not_begun(future: Any, case: Case, folder: BatchFolder) -> bool:
    """Tell whether a case only waited in a process that another ended."""
    return _is_killed(future.exception()) and not (folder.stopped / case.name).exists()


def _is_killed(error: BaseException | None) -> bool:
    return type(error).__name__ == "KilledWorker"


def _places(client: Any) -> int:
    """Return how many cases are handed in at a time."""
    threads: int = sum(client.nthreads().values())
    return max(1, _AHEAD * threads)


def _outcome_of(future: Any, case: Case, folder: BatchFolder, timeout: float) -> Outcome:
    error = future.exception()
    if error is None:
        return Outcome.of_json(future.result())
    note = folder.stopped / case.name
    if note.exists() and note.stat().st_size:
        return Outcome(case.name, Ending.TIMEOUT, f"It took longer than {timeout:g} s.", asked=case.asked)
    if _is_killed(error):
        reason = "Its process ended: it crashed, was killed, or took more memory than a worker may have."
        return Outcome(case.name, Ending.KILLED, reason, asked=case.asked)
    return Outcome(case.name, Ending.FAULT, f"{type(error).__name__}: {error}", asked=case.asked)


@contextmanager
def client_of(client: Any) -> Iterator[Any]:
    """Hand out the client, or one of a cluster of this machine that ends with the block."""
    if client is not None:
        yield client
        return
    with local_client() as own:
        yield own


@contextmanager
def local_client(workers: int | None = None, memory: str = "auto") -> Iterator[Any]:
    """Start worker processes on this machine, one thread each, and hand out a client of them."""
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise MissingLibraryError("dask", "run a batch", "Install it: pip install 'dask[distributed]'.") from error
    settings = {
        "distributed.scheduler.allowed-failures": 0,  # what killed its process once would kill the next
        "distributed.worker.memory.spill": False,
        "distributed.worker.memory.target": False,
        "distributed.comm.timeouts.connect": "60s",
    }
    with (
        dask.config.set(settings),
        LocalCluster(
            n_workers=workers, threads_per_worker=1, memory_limit=memory, dashboard_address=":0", silence_logs=50
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


@contextmanager
def remote_client(address: str) -> Iterator[Any]:
    """Hand out a client of a cluster that is there; raise `BatchFolderError` if it does not answer."""
    try:
        from distributed import Client
    except ImportError as error:
        raise MissingLibraryError("dask", "run a batch", "Install it: pip install 'dask[distributed]'.") from error
    try:
        client = Client(address, timeout="30s")
    except (OSError, ValueError) as error:
        raise BatchFolderError(Path(address), f"no Dask scheduler answers there ({error})") from error
    with client:
        yield client
