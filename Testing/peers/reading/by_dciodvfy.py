"""dciodvfy (dicom3tools): whether the file keeps the rules it knows. It does not look at pixels."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from peers.reading.found import CrashError, FoundSegment
from peers.reading.tools import RefusedError


def version(_options: dict[str, Any]) -> str:
    """Return the version of the Debian package; the tool states none."""
    query = ["dpkg-query", "--showformat", "${Version}", "--show", "dicom3tools"]
    return subprocess.run(query, capture_output=True, text=True, check=False).stdout or "unknown"


def read(path: Path, _options: dict[str, Any]) -> list[FoundSegment]:
    """Return nothing if the file is valid; raises `RefusedError` with the first error."""
    done = subprocess.run(["dciodvfy", str(path)], capture_output=True, check=False)
    if done.returncode < 0:
        raise CrashError(f"signal {-done.returncode}")
    errors = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if line.startswith("Error")]
    if errors:
        raise RefusedError(f"{len(errors)} errors, the first: {errors[0]}")
    return []
