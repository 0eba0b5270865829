"""GDCM's gdcmconv --raw: the file made uncompressed, its bits then taken as they stand."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

import pydicom

from peers.reading.found import FoundSegment, segments_of_frames
from peers.reading.tools import native_frames, run


def version(_options: dict[str, Any]) -> str:
    """Return the version that the tool itself states."""
    stated = re.search(r"gdcm (\S+)", run("gdcmconv", "--version"))
    return stated.group(1) if stated else "unknown"


def read(path: Path, _options: dict[str, Any]) -> list[FoundSegment]:
    """Return the segments, without names."""
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.dcm"
        run("gdcmconv", "--raw", path, plain)
        dataset = pydicom.dcmread(plain)
        return segments_of_frames(dataset, native_frames(dataset))
