"""Programs of the command line, and what their ends mean."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from peers.reading.found import CrashError

_FAILURE = re.compile(r"^[EF]: |error|fatal|exception|assert|cannot|could not|unsupported|failed", re.IGNORECASE)


class RefusedError(Exception):
    """The program said that it cannot read the file."""


def run(*command: str | Path, folder: Path | None = None) -> str:
    """Return what the program printed; raises `RefusedError` or `CrashError` with its own words."""
    done = subprocess.run([str(part) for part in command], capture_output=True, cwd=folder, check=False)
    printed = (done.stdout + done.stderr).decode("utf-8", "replace")
    if done.returncode < 0:
        raise CrashError(f"{signal.Signals(-done.returncode).name}: {telling_line(printed)}")
    if done.returncode:
        raise RefusedError(f"exit code {done.returncode}: {telling_line(printed)}")
    return printed


def telling_line(printed: str) -> str:
    """Return the line that says what is wrong: the first with a word of failure, or the last at all."""
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    telling = [line for line in lines if _FAILURE.search(line)]
    return telling[0] if telling else lines[-1] if lines else "no message"


def native_frames(dataset: Any) -> list[np.ndarray]:
    """Return the frames of uncompressed Pixel Data by numpy alone, so that no decoder is tested by accident."""
    count, rows, columns = int(dataset.NumberOfFrames), dataset.Rows, dataset.Columns
    value = np.frombuffer(dataset.PixelData, dtype=np.uint8)
    if dataset.BitsAllocated == 1:
        flat = np.unpackbits(value, bitorder="little")
    else:
        flat = value.view("<u2") if dataset.BitsAllocated == 16 else value
    return list(flat[: count * rows * columns].reshape(count, rows, columns))
