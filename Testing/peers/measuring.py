"""Let a reader read the case set, in a child process that may hang or die, and judge each cell."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from peers.cases import WrittenCase, WrittenFile
from peers.catalog import Reader
from peers.comparison import differences
from peers.environments import AbsentError, Environments
from peers.reading.found import FoundSegment
from peers.reading.tools import telling_line

SECONDS_PER_FILE = 60
MESSAGE_LENGTH = 160

_GARBAGE_IN_NEW_MEMORY = {"MALLOC_PERTURB_": "90", "GLIBC_TUNABLES": "glibc.malloc.perturb=90"}
"""So that a reader that shows memory it never filled is wrong every time, not only on an unlucky day (glibc)."""


class Outcome(str, Enum):
    """What became of one case in one encoding in one reader; the worst comes first."""

    WRONG = "silently wrong"
    CRASH = "crash"
    ERROR = "clear error"
    NOT_APPLICABLE = "not applicable"
    RIGHT = "right"


@dataclass(frozen=True)
class Cell:
    """One cell of the table."""

    outcome: Outcome
    message: str = ""
    """What the program said, or what is wrong; shortened."""


@dataclass
class Measurement:
    """One reader and all its cells."""

    reader: Reader
    version: str
    cells: dict[tuple[str, str], Cell] = field(default_factory=dict)
    """By encoding and case."""


def measure(reader: Reader, written: Sequence[WrittenCase], environments: Environments) -> Measurement:
    """Return the cells of one reader; raises `AbsentError` if it is not here."""
    _require_packages(reader)
    asked = [case for case in written if reader.plans is None or case.plan_id in reader.plans]
    with tempfile.TemporaryDirectory(prefix="peers-") as folder:
        child = _Child(reader, environments, Path(folder))
        files = [(case, file) for case in asked for file in case.files]
        child.read([file.path for _, file in files])
        measurement = Measurement(reader, child.version)
        for index, (case, file) in enumerate(files):
            cell = _judged(reader, case, child.results[index], file)
            _keep_worst(measurement.cells, (case.plan_id, case.case_id), cell)
    return measurement


def shortened(message: str) -> str:
    """Return the message in one line, without what differs from run to run."""
    line = re.sub(r"(/[\w.+-]+)+/", "", " ".join(message.split()))
    line = re.sub(r"SEG_[\d.]+\.dcm", "FILE", line)
    line = re.sub(r"\b2\.25\.\d{10,}", "UID", line)
    line = re.sub(r"\b0x[0-9a-fA-F]{4,}", "0x...", line)
    return line if len(line) <= MESSAGE_LENGTH else line[: MESSAGE_LENGTH - 3] + "..."


def _require_packages(reader: Reader) -> None:
    for package in reader.packages:
        if importlib.util.find_spec(package) is None:
            raise AbsentError(f"the Python package {package} is not installed")


_OUTCOMES = {
    "wrong": Outcome.WRONG,
    "crash": Outcome.CRASH,
    "error": Outcome.ERROR,
    "not applicable": Outcome.NOT_APPLICABLE,
}
"""By the state that the child tells."""


def _judged(reader: Reader, case: WrittenCase, result: dict[str, Any], file: WrittenFile) -> Cell:
    if result["state"] != "read":
        return Cell(_OUTCOMES[result["state"]], shortened(result["message"]))
    if reader.judges_files_only:
        return Cell(Outcome.RIGHT)
    told = differences(case.truth, file, result["found"])
    return Cell(Outcome.WRONG, shortened("; ".join(told))) if told else Cell(Outcome.RIGHT)


def _keep_worst(cells: dict[tuple[str, str], Cell], key: tuple[str, str], cell: Cell) -> None:
    order = list(Outcome)
    if key not in cells or order.index(cell.outcome) < order.index(cells[key].outcome):
        cells[key] = cell


class _Child:
    """The reader's process: started again behind the file that ended it."""

    def __init__(self, reader: Reader, environments: Environments, folder: Path) -> None:
        self._module, self._folder = reader.module, folder
        self._options = reader.settings(environments)
        self._python = environments.python(reader.environment)
        self.version = ""
        self.results: dict[int, dict[str, Any]] = {}

    def read(self, paths: list[Path]) -> None:
        """Fill `results`, one for each path."""
        waiting = list(enumerate(str(path) for path in paths))
        while waiting:
            ended = self._run(waiting)
            self._take_log()
            left = [item for item in waiting if self.results.get(item[0], {}).get("state") in (None, "begun")]
            if not left:
                return
            if left[0][0] not in self.results:
                raise AbsentError(f"the reader's process ends at once: {ended}")
            state = "crash" if ended.startswith("SIG") else "error"
            self.results[left[0][0]] = {"state": state, "message": ended}
            waiting = left[1:]

    def _run(self, files: list[tuple[int, str]]) -> str:
        job = {
            "module": self._module,
            "options": self._options,
            "files": files,
            "folder": str(self._folder),
            "log": str(self._folder / "log.jsonl"),
            "seconds_per_file": SECONDS_PER_FILE,
        }
        (self._folder / "job.json").write_text(json.dumps(job), "utf-8")
        command = [str(self._python), "-m", "peers.reading.child", str(self._folder / "job.json")]
        environment = {**os.environ, **_GARBAGE_IN_NEW_MEMORY, "PYTHONPATH": str(Path(__file__).parents[1])}
        done = subprocess.run(command, capture_output=True, env=environment, check=False)
        said = telling_line(done.stderr.decode("utf-8", "replace"))
        if done.returncode == -signal.SIGALRM:
            return f"SIGALRM: no answer in {SECONDS_PER_FILE} s"
        return f"{signal.Signals(-done.returncode).name}: {said}" if done.returncode < 0 else said

    def _take_log(self) -> None:
        log = self._folder / "log.jsonl"
        for line in log.read_text("utf-8").splitlines() if log.exists() else []:
            told = json.loads(line)
            if "version" in told:
                self.version = told["version"]
            elif told["state"] != "begun" or told["index"] not in self.results:
                self.results[told["index"]] = self._with_points(told)

    def _with_points(self, told: dict[str, Any]) -> dict[str, Any]:
        if told["state"] != "read":
            return told
        points = np.load(self._folder / f"{told['index']}.npz")
        found = [FoundSegment(points[str(n)], **segment) for n, segment in enumerate(told["segments"])]
        return {**told, "found": found}
