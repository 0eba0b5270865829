"""A worker's side: each case runs in a process of its own kind, which may crash, hang or want too much memory.

A Dask worker has one such process for each of its threads, kept from case to case. What happens in there ends that
process and never the worker; the next case gets a new one.
"""

from __future__ import annotations

import json
import os
import platform
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from SegRLEExportLib.batch.cases import Case
from SegRLEExportLib.batch.folder import FILES, BatchFolder
from SegRLEExportLib.batch.inputs import inputs_of
from SegRLEExportLib.batch.limits import START_S
from SegRLEExportLib.batch.outcome import Ending, Outcome, in_their_place

PROGRAM = "SegRLEExportLib.cli.case_process"
"""The module that is run in each process: the shell's own commands, told on its standard input what to write."""


def run_case(case: Case, out: str, run: str, timeout: float) -> Outcome:
    """Write one case as a Dask task; return its outcome, whatever became of it.

    `run` names the run of the batch: processes are not shared between runs. `timeout` is in seconds.
    """
    folder = BatchFolder(Path(out))
    try:
        attempt = folder.new_attempt(case.name)
    except OSError as error:
        reason = f"The worker cannot write to {out}: {error.strerror or error}."
        return Outcome(case.name, Ending.REFUSED, reason, asked=case.asked)
    inputs = inputs_of(case)
    outcome = _of_a_process(case, attempt, run, timeout)
    outcome = replace(outcome, attempt=attempt.name, asked=case.asked)
    if not outcome.is_written:
        shutil.rmtree(attempt, ignore_errors=True)
        return outcome
    findings = in_their_place(outcome.findings, str(attempt / FILES), str(folder.out / case.name))
    return replace(outcome, findings=findings, inputs=inputs)


def _of_a_process(case: Case, attempt: Path, run: str, timeout: float) -> Outcome:
    try:
        process = _taken(run)
    except (OSError, _StartError) as error:
        return Outcome(case.name, Ending.FAULT, f"No process for cases could be started: {error}.")
    job = {"case": case.name, "attempt": str(attempt), **_as_json(case)}
    started = time.perf_counter()
    answer = process.answer_to(job, timeout)
    if answer is not None:
        _give_back(process)
        outcome = Outcome.of_json(answer)
    else:
        code = process.end()
        late = (Ending.TIMEOUT, f"It took longer than {timeout:g} s.")
        outcome = Outcome(case.name, *(late if process.is_late else (Ending.KILLED, _why_ended(code))))
    return replace(outcome, worker=process.name, seconds=round(time.perf_counter() - started, 4))


def _as_json(case: Case) -> dict[str, Any]:
    return {"segmentation": case.segmentation, "series": case.series, "options": dict(case.options)}


def _why_ended(code: int) -> str:
    if code >= 0:
        return f"Its process ended with exit code {code}."
    name = signal.Signals(-code).name if -code in {*signal.Signals} else f"signal {-code}"
    if name == "SIGKILL":
        return "Its process was killed (SIGKILL), as the system does where memory runs out."
    return f"Its process crashed ({name})."


_processes: list[_Process] = []
_idle: list[_Process] = []
"""Those of `_processes` that wait for a case."""

_lock = threading.Lock()
"""Of the lists."""

_FORGOTTEN_S = 60.0
"""A process that waits so long while others of its worker work is of a run that ended without a word."""


def _taken(run: str) -> _Process:
    """Return a process of the run that waits, or a new one; end those that other runs left behind."""
    with _lock:
        own = [one for one in _idle if one.run == run]
        past = time.monotonic() - _FORGOTTEN_S
        forgotten = [one for one in _idle if one.run != run and one.idle_since < past]
        for one in (*own[:1], *forgotten):
            _idle.remove(one)
    for one in forgotten:
        one.end()
    if not own:
        return _Process(run, _memory_of_a_case())
    if own[0].is_alive:
        return own[0]
    own[0].end()
    return _taken(run)


def _give_back(process: _Process) -> None:
    process.idle_since = time.monotonic()
    with _lock:
        _idle.append(process)


def end_processes(run: str) -> None:
    """End all processes of a run on this worker, whatever they do."""
    with _lock:
        ending = [one for one in _processes if one.run == run]
        _idle[:] = [one for one in _idle if one.run != run]
    for process in ending:
        process.end()


def _memory_of_a_case() -> int:
    """Return the bytes of memory that a case may take on this worker, 0 for any: what Dask gives one thread."""
    from distributed import get_worker

    try:
        worker = get_worker()
    except ValueError:
        return 0
    return (worker.memory_manager.memory_limit or 0) // max(1, worker.state.nthreads)


class _StartError(Exception):
    """A process did not become ready."""


class _Process:
    """One process; an answer is a line of JSON to a line of JSON."""

    def __init__(self, run: str, memory: int) -> None:
        self.run = run
        self.is_late = False
        """Whether it did not answer in time, and was ended."""
        self.idle_since = 0.0
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        """What it answers, and nothing where that ends."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", PROGRAM, str(memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OPENBLAS_NUM_THREADS": "1"},
        )
        self.name = f"{platform.node()}:{self._process.pid}"
        with _lock:
            _processes.append(self)
        threading.Thread(target=self._read, daemon=True).start()
        if self._line(START_S) is None:
            raise _StartError(f"it ended with exit code {self.end()} before it was ready")

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as answers:
            for line in answers:
                self._lines.put(line)
        self._lines.put(b"")

    def answer_to(self, job: dict[str, Any], timeout: float) -> dict[str, Any] | None:
        """Return what it answers, None if it ended, or was ended since it took longer than so many seconds."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(job).encode("ascii") + b"\n")
            self._process.stdin.flush()
        except OSError:
            return None
        return self._line(timeout)

    def _line(self, timeout: float) -> dict[str, Any] | None:
        try:
            line = self._lines.get(timeout=min(timeout, threading.TIMEOUT_MAX))
        except queue.Empty:
            self.is_late = True
            self._process.kill()
            return None
        if not line.endswith(b"\n"):
            return None
        answer: dict[str, Any] = json.loads(line)
        return answer

    def end(self) -> int:
        """End it, if it has not ended; return its exit code, or that of the signal that ended it, negative."""
        self._process.kill()
        code = self._process.wait()
        with _lock, suppress(ValueError):
            _processes.remove(self)
        assert self._process.stdin is not None
        with suppress(OSError):  # with what it did not read
            self._process.stdin.close()
        return code
