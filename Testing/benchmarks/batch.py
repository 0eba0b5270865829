"""Many cases at once: what `segrle batch` adds to the work itself, beside loops of other commands.

`python batch.py alone TABLE OUT FIRST STEP` is one of two single processes that the batch is compared with: it
converts every STEP-th case of the table, verified, with the images read once.
"""

from __future__ import annotations

import csv
import json
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from budgets import Budget
from by_dcmqi import segimage_command
from contestants import installed_version
from material import Material, prepare
from SegRLEExportLib.batch.cases import Case
from SegRLEExportLib.batch.clusters import remote_client
from SegRLEExportLib.batch.outcome import Outcome
from SegRLEExportLib.batch.running import batch
from SegRLEExportLib.convert import convert
from SegRLEExportLib.files.read import read_segmentation
from SegRLEExportLib.source.series import find_source
from workloads import WORKLOADS

WORKERS = 2
CASES, QUICK_CASES = 1000, 60
SIMULATED, QUICK_SIMULATED = (100, 10_000), (100, 1000)
LOOPED = 10
"""Cases of the loops of commands, each a second or so."""

LEAST_EFFICIENCY = 0.85
MOST_OVERHEAD_S = 0.015
MOST_GROWTH_MB = 20.0


@dataclass(frozen=True)
class ManyCases:
    """What was measured; seconds are wall seconds."""

    cases: int
    batch_s: float
    batch_cpu_s: float
    two_processes_s: float
    """Mean of a run before the batch and one after it."""
    two_processes_cpu_s: float
    in_cases_s: float
    """Mean of what a case took within its process."""
    export_loop_s: float
    """Of one case."""
    dcmqi_loop_s: float | None
    scheduler_mb: dict[int, float]
    """Resident size after so many simulated cases."""
    load: float
    """Of the machine in the last minute."""

    @property
    def efficiency(self) -> float:
        """Of two workers, as a share of two single processes."""
        return self.two_processes_s / self.batch_s

    @property
    def cpu_efficiency(self) -> float:
        """The same by CPU seconds of all processes, start-up included: what a busy machine can tell."""
        return self.two_processes_cpu_s / self.batch_cpu_s

    @property
    def overhead_s(self) -> float:
        """What a case costs beside the time within its process."""
        return self.batch_s * WORKERS / self.cases - self.in_cases_s

    @property
    def growth_mb(self) -> float:
        """Of the scheduler, from the fewest to the most simulated cases."""
        return self.scheduler_mb[max(self.scheduler_mb)] - self.scheduler_mb[min(self.scheduler_mb)]

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return asdict(self) | {"efficiency": self.efficiency, "overhead_s": self.overhead_s}


def measure(folder: Path, *, quick: bool) -> ManyCases:
    """Run all; `folder` takes what is written."""
    material = prepare(WORKLOADS["W1"], folder)
    table = _table(material, QUICK_CASES if quick else CASES)
    count = QUICK_CASES if quick else CASES
    before = _timed(lambda: _two_processes(table, folder / "before"))
    batch_s, batch_cpu_s = _timed(
        lambda: _run("SegRLEExportLib", "batch", table, "-o", folder / "batch", "--workers", WORKERS)
    )
    after = _timed(lambda: _two_processes(table, folder / "after"))
    two_s, two_cpu_s = np.mean([before, after], axis=0).tolist()  # a machine grows faster and slower within minutes
    lines = (folder / "batch" / "report.jsonl").read_text().splitlines()
    outcomes = [Outcome.of_json(json.loads(line)) for line in lines]
    assert [one.is_written for one in outcomes] == [True] * count
    return ManyCases(
        count,
        batch_s,
        batch_cpu_s,
        two_s,
        two_cpu_s,
        sum(one.seconds for one in outcomes) / count,
        _timed(lambda: _export_loop(material, folder / "loop"))[0] / LOOPED,
        _timed(lambda: _dcmqi_loop(material, folder / "dcmqi"))[0] / LOOPED if installed_version("dcmqi") else None,
        dict(_scheduler_sizes(folder / "simulated", QUICK_SIMULATED if quick else SIMULATED)),
        os.getloadavg()[0],
    )


def lines(many: ManyCases) -> list[str]:
    """Return one line for each way to do many cases."""
    loop = "absent" if many.dcmqi_loop_s is None else f"{1000 * many.dcmqi_loop_s:.0f} ms"
    sizes = ", ".join(f"{mb:.0f} MB after {count}" for count, mb in many.scheduler_mb.items())
    return [
        f"segrle batch, {many.cases} cases at {WORKERS} workers: {1000 * many.batch_s / many.cases:.0f} ms a case",
        f"two single processes: {1000 * many.two_processes_s / many.cases:.0f} ms a case",
        f"by CPU seconds of all processes: {1000 * many.batch_cpu_s / many.cases:.0f} and "
        f"{1000 * many.two_processes_cpu_s / many.cases:.0f} ms a case, efficiency {many.cpu_efficiency:.2f}",
        f"shell loop of segrle export: {1000 * many.export_loop_s:.0f} ms a case",
        f"shell loop of dcmqi's itkimage2segimage, not read back: {loop} a case",
        f"Dask's scheduler: {sizes} simulated cases; load of the machine {many.load:.1f}",
    ]


def budgets_of(many: ManyCases) -> list[Budget]:
    """Return what a batch may add, beside what it adds."""
    return [
        Budget("batch, efficiency of 2 workers", many.efficiency, LEAST_EFFICIENCY, True),
        Budget("batch, overhead of a case, s", many.overhead_s, MOST_OVERHEAD_S),
        Budget(f"batch, scheduler grows over {max(many.scheduler_mb)} cases, MB", many.growth_mb, MOST_GROWTH_MB),
    ]


def _timed(run: Callable[[], object]) -> tuple[float, float]:
    """Return the wall seconds, and the CPU seconds of the processes that were started."""
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    run()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - started, cpu_s


def _run(module: str, *words: object) -> None:
    command = [sys.executable, "-m", module, *map(str, words)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _table(material: Material, count: int) -> Path:
    table = material.folder / f"{count}.csv"
    rows = (f"case{n:05},{material.label_files[0]},{material.series}\n" for n in range(count))
    table.write_text("case,segmentation,series\n" + "".join(rows))
    return table


def _two_processes(table: Path, out: Path) -> None:
    out.mkdir()
    script = str(Path(__file__).resolve())
    words = [[sys.executable, script, "alone", str(table), str(out), str(n), str(WORKERS)] for n in range(WORKERS)]
    env = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    running = [subprocess.Popen(one, env=env) for one in words]
    assert [one.wait() for one in running] == [0] * WORKERS


def _alone(table: Path, out: Path, first: int, step: int) -> None:
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))[first::step]
    source = None
    for row in rows:
        segmentation = read_segmentation(Path(row["segmentation"]))
        source = source or find_source(Path(row["series"]), segmentation)
        convert(segmentation, out / f"{row['case']}.dcm", "rle", source=source)


def _export_loop(material: Material, out: Path) -> None:
    out.mkdir()
    for n in range(LOOPED):
        _run("SegRLEExportLib", "export", material.label_files[0], material.series, "-o", out / f"{n}.dcm")


def _dcmqi_loop(material: Material, out: Path) -> None:
    out.mkdir()
    for n in range(LOOPED):
        words = segimage_command(material.label_files, material.metadata, material.series, out / f"{n}.dcm")
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _scheduler_sizes(out: Path, counts: Sequence[int]) -> Iterator[tuple[int, float]]:
    """Yield the resident MB of Dask's scheduler after so many cases that are refused at once."""
    with _scheduler() as (process, address), remote_client(address) as client:
        done = 0
        for count in counts:
            cases = [Case(f"case{n:05}", str(out / "nowhere")) for n in range(done, count)]
            batch(cases, out.with_name(f"{out.name}{count}"), client, timeout=60)
            done = count
            yield count, _resident_mb(process.pid)


@contextmanager
def _scheduler() -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run a scheduler on a free port of this machine, and a worker for two cases at a time."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    words = ["--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]
    scheduler = subprocess.Popen([sys.executable, "-m", "distributed.cli.dask_scheduler", *words], **quiet)
    words = [address, "--nthreads", str(WORKERS), "--no-nanny", "--no-dashboard"]
    worker = subprocess.Popen([sys.executable, "-m", "distributed.cli.dask_worker", *words], **quiet)
    try:
        yield scheduler, address
    finally:
        for process in (worker, scheduler):
            process.kill()
            process.wait()


def _resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024


if __name__ == "__main__":
    if sys.argv[1:2] == ["alone"]:
        _alone(Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
    else:
        import tempfile

        with tempfile.TemporaryDirectory() as place:
            result = measure(Path(place), quick="--quick" in sys.argv)
        print("\n".join([*lines(result), *(f"{one.what}: {one.measured:.3f}" for one in budgets_of(result))]))
