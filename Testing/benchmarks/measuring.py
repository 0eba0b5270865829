"""Seconds and memory: of a stage inside a process, and of a whole process with all that it started."""

from __future__ import annotations

import gc
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STATUS = Path("/proc/self/status")
CLEAR_REFS = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"


@dataclass(frozen=True)
class Measured:
    """What one run of one program cost; `stage_` is its export alone, without start-up and loading of labels."""

    process_cpu_s: float
    process_wall_s: float
    process_peak_mb: float
    stage_cpu_s: float | None
    stage_wall_s: float | None
    stage_peak_mb: float | None
    """Above what was resident when the stage began, labels included."""
    bytes: int
    details: dict[str, float]


class FailedRunError(RuntimeError):
    """A program ended with an error; the text is the end of what it said."""


def result_folder(output: Path) -> Path:
    """Return where a program puts the file that counts; what else it leaves in `output` does not."""
    return output / "result"


def measure_process(command: Sequence[str], output: Path) -> Measured:
    """Run a program that writes to `output`; it may print one line of JSON with what it measured of itself."""
    result_folder(output).mkdir()
    with tempfile.TemporaryFile() as said:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - started
        said.seek(0)
        text = said.read().decode(errors="replace")
    if process.returncode:
        raise FailedRunError(f"{Path(command[0]).name} ended with {process.returncode}: {text[-400:]}")
    own = _last_json(text)
    return Measured(
        process_cpu_s=usage.ru_utime + usage.ru_stime,
        process_wall_s=wall,
        process_peak_mb=own.pop("process_peak_mb", usage.ru_maxrss / 1024),
        stage_cpu_s=own.pop("stage_cpu_s", None),
        stage_wall_s=own.pop("stage_wall_s", None),
        stage_peak_mb=own.pop("stage_peak_mb", None),
        bytes=sum(file.stat().st_size for file in result_folder(output).iterdir()),
        details=own,
    )


def measure_stage(stage: Callable[[], object], **afterwards: Callable[[], float]) -> None:
    """Run `stage` and print what it cost as one line of JSON, for `measure_process`.

    Garbage of what was done before, importing above all, is collected before: it is nobody's export. `afterwards` are
    measured when the stage is over, and printed too.
    """
    gc.collect()
    resident = _reset_peak_and_read_resident_mb()
    cpu, wall = time.process_time(), time.perf_counter()
    stage()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    peak = _peak_mb()
    print(
        json.dumps(
            {"stage_cpu_s": cpu, "stage_wall_s": wall, "stage_peak_mb": max(0.0, peak - resident)}
            | {name: measure() for name, measure in afterwards.items()},
        )
    )


def _last_json(text: str) -> dict[str, Any]:
    lines = [line for line in text.splitlines() if line.startswith("{")]
    return dict(json.loads(lines[-1])) if lines else {}


def _reset_peak_and_read_resident_mb() -> float:
    """Return the resident size; where Linux allows it, the peak counts from now on."""
    with suppress(OSError):
        CLEAR_REFS.write_text(_RESET_PEAK)
    return _status_mb("VmRSS") if STATUS.exists() else _peak_mb()


def _peak_mb() -> float:
    if STATUS.exists():
        return _status_mb("VmHWM")
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def _status_mb(key: str) -> float:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(key))
    return int(line.split()[1]) / 1024
