"""What a user of the shell has on the disk: a folder of images, a segmentation of them, and the command itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from builders import A_GRID, a_ct_series
from file_builders import a_nrrd
from SegRLEExportLib.cli import main
from SegRLEExportLib.model.geometry import Geometry

LIBRARY = Path(__file__).parents[2] / "SegRLEExport"


def place_of(grid: Geometry) -> tuple[str, ...]:
    """Return the words of NRRD for the place of a grid."""
    k, j, i, origin = (f"({','.join(f'{x:.9g}' for x in column)})" for column in grid.kji_to_lps[:3].T)
    return "space: left-posterior-superior", f"space directions: {i} {j} {k}", f"space origin: {origin}"


def a_seg_nrrd(folder: Path, *names: str, grid: Geometry = A_GRID, file_name: str = "s.seg.nrrd") -> Path:
    """Write a segmentation with a row of voxels for each name."""
    labels = np.zeros(grid.shape_kji, np.uint8)
    lines = []
    for n, name in enumerate(names or ("liver", "spleen")):
        labels[1 + n, 2, 1:5] = n + 1
        escaped = name.replace("\\", "\\\\").replace("\n", "\\n")
        lines.append(f"Segment{n}_ID:=id{n}\nSegment{n}_Name:={escaped}\nSegment{n}_LabelValue:={n + 1}")
        lines.append(f"Segment{n}_Layer:=0")
    return a_nrrd(folder, *lines, labels=labels, place=place_of(grid), name=file_name)


def a_case(folder: Path, *names: str, grid: Geometry = A_GRID, **attributes: Any) -> tuple[Path, Path]:
    """Write images, with these attributes, and a segmentation of them; return the segmentation and their folder."""
    (folder / "ct").mkdir()
    a_ct_series(folder / "ct", grid, **attributes)
    return a_seg_nrrd(folder, *names, grid=grid), folder / "ct"


def a_volume(folder: Path, grid: Geometry = A_GRID) -> Path:
    """Write a volume on the grid of `a_seg_nrrd`."""
    voxels = np.arange(np.prod(grid.shape_kji), dtype=np.int16).reshape(grid.shape_kji)
    return a_nrrd(folder, labels=voxels, place=place_of(grid), name="v.nrrd")


def segrle(*words: object) -> int:
    """Run the command in this process; return its exit code."""
    return main([str(word) for word in words])


def segrle_process(*words: object, before: str = "", **options: Any) -> subprocess.Popen[str]:
    """Start the command as a process of its own; `before` is Python to run first."""
    code = f"{before}\nimport sys; from SegRLEExportLib.cli import main; sys.exit(main({[str(w) for w in words]!r}))"
    environment = {**os.environ, "PYTHONPATH": str(LIBRARY), **options.pop("env", {})}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", code], env=environment, **{**pipes, **options})
