"""Surfaces, which Slicer's own code reads: in a process of its own.

What that code prints does not come among our output, a damaged file that ends it does not end us, and nobody waits
for its scene to be taken down.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from SegRLEExportLib.errors import ExportError, UnreadableSegmentationError

if TYPE_CHECKING:
    from SegRLEExportLib.model.geometry import Geometry
    from SegRLEExportLib.model.segmentation import Segmentation

_READER = "import sys; sys.path[:] = {!r}; from SegRLEExportLib.cli.surfaces import answer; answer()"


class _RefusedError(ExportError):
    """What the other process said; its own error class stays there."""


def read_surfaces(path: Path, grid: Geometry | None) -> Segmentation:
    """Return the segmentation of a file of surfaces, as voxels of `grid` (LPS), or as fine as Slicer makes them.

    Raises `UnreadableSegmentationError`, or another `ExportError` with the sentence of the process that read.
    """
    reader = subprocess.run(
        [sys.executable, "-c", _READER.format(sys.path)],
        input=pickle.dumps((path, grid)),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    if reader.returncode != 0 or not reader.stdout:
        reason = f"Slicer's reader came to an unforeseen end on it (exit code {reader.returncode})"
        raise UnreadableSegmentationError(path, reason)
    segmentation, refusal = pickle.loads(reader.stdout)
    if refusal is not None:
        raise _RefusedError(*refusal.split("\n"))
    read: Segmentation = segmentation
    return read


def answer() -> None:
    """Read what standard input names and write it to standard output: the life of the other process."""
    path, grid = pickle.load(sys.stdin.buffer)
    with os.fdopen(os.dup(1), "wb") as result:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # where C++ prints
        result.write(pickle.dumps(_read(path, grid)))
    os._exit(0)  # the scene is not taken down: that removes segments one by one, each over all voxels


def _read(path: Path, grid: Geometry | None) -> tuple[Segmentation | None, str | None]:
    """Return the segmentation, or why there is none."""
    from SegRLEExportLib.slicer_side.nodes.mrml_host import read_segmentation_file

    try:
        return read_segmentation_file(path, grid), None
    except ExportError as error:
        return None, str(error)
