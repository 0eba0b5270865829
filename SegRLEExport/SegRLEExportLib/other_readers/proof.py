"""Let other people's programs read a file that was just written, each in a process of its own with a time limit.

highdicom is what researchers read with; dcmqi is what 3D Slicer loads with. A program that cannot read the file, or
is not here, is told; so is one that shows something else.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from SegRLEExportLib.errors import OtherReaderDiffersError
from SegRLEExportLib.other_readers.comparison import Wanted, differences
from SegRLEExportLib.other_readers.shown import load_shown
from SegRLEExportLib.report import Sight, SightOutcome

SECONDS_AT_MOST = 600.0
"""A program that takes longer is stopped."""

_LISTED_DIFFERENCES = 5

_CANNOT_READ = {
    ("highdicom", "rle-binary"): "reads no 1-bit RLE",
    ("dcmqi", "rle-binary"): "reads no 1-bit RLE",
}
"""Known before it is tried, as Testing/peers measured it; for dcmqi also that it ends without saying so."""


@dataclass(frozen=True)
class _Reader:
    name: str
    title: str
    """For the report."""
    command: Callable[[Path, Path], list[str] | None]
    """Makes the command that reads a file and leaves what it shows in a folder; None where the program is not here."""
    package: str
    """The Python package that brings the program."""


def read_by_others(path: Path, encoding: str, wanted: Wanted) -> tuple[Sight, ...]:
    """Return what each program saw; `encoding` is the id of the row of the table, empty where it is not known."""
    return tuple(_sight(reader, path, encoding, wanted) for reader in _READERS)


def refuse_different(path: Path, sights: Sequence[Sight]) -> None:
    """Raise `OtherReaderDiffersError` if a program shows something else than was written."""
    for sight in sights:
        if sight.outcome is SightOutcome.DIFFERENT:
            raise OtherReaderDiffersError(path, f"{sight.reader} {sight.version}", sight.reason)


def _sight(reader: _Reader, path: Path, encoding: str, wanted: Wanted) -> Sight:
    if known := _CANNOT_READ.get((reader.name, encoding)):
        return Sight(reader.title, "", SightOutcome.CANNOT_READ, known, 0.0)
    with tempfile.TemporaryDirectory(prefix="segrle-") as name:
        folder = Path(name)
        command = reader.command(path.absolute(), folder)
        if command is None:
            remedy = f"it is not installed here: pip install {reader.package}"
            return Sight(reader.title, "", SightOutcome.NOT_AT_HAND, remedy, 0.0)
        started = time.perf_counter()
        refusal = _run(command, folder)
        seconds = time.perf_counter() - started
        if refusal:
            return Sight(reader.title, "", SightOutcome.CANNOT_READ, refusal, seconds)
        version, volumes = load_shown(folder)
        found = differences(volumes, wanted)
        del volumes  # they are files of the folder that is now removed
    outcome = SightOutcome.DIFFERENT if found else SightOutcome.RIGHT
    return Sight(reader.title, version, outcome, "; ".join(found[:_LISTED_DIFFERENCES]), seconds)


def _run(command: Sequence[str], folder: Path) -> str:
    """Return why the program could not read the file, in its own words; empty if it could."""
    package = str(Path(__file__).parents[2])
    paths = [package, *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "TMPDIR": str(folder)}
    try:
        ran = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS_AT_MOST,
            env=environment,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"it was stopped after {SECONDS_AT_MOST:.0f} s"
    if ran.returncode == 0:
        return ""
    lines = [line.strip() for line in ran.stderr.splitlines() if line.strip()]
    return lines[-1] if lines else f"it ended with code {ran.returncode}"


def _python() -> str:
    """Return the interpreter for children: within Slicer's application `sys.executable` may be the application."""
    return shutil.which("PythonSlicer") or sys.executable


def _highdicom_command(path: Path, folder: Path) -> list[str] | None:
    if find_spec("highdicom") is None:
        return None
    return [_python(), "-m", "SegRLEExportLib.other_readers.by_highdicom", str(path), str(folder)]


def _dcmqi_command(path: Path, folder: Path) -> list[str] | None:
    scripts = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")])
    program = shutil.which("segimage2itkimage", path=scripts)
    if program is None:
        return None
    return [_python(), "-m", "SegRLEExportLib.other_readers.by_dcmqi", str(path), str(folder), program]


_READERS = (
    _Reader("highdicom", "highdicom", _highdicom_command, "highdicom"),
    _Reader("dcmqi", "3D Slicer's loader, dcmqi", _dcmqi_command, "dcmqi"),
)
