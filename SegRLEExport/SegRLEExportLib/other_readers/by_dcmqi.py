"""A child process that lets dcmqi read a SEG file as 3D Slicer calls it to load one: FILE FOLDER PROGRAM.

`segimage2itkimage --mergeSegments` writes a label map for each group of segments that do not overlap. Slicer gives
the n-th label that is present the n-th description of the group, and so does this.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from SegRLEExportLib.files.read import read_volume
from SegRLEExportLib.model.segmentation import voxels_of_values
from SegRLEExportLib.other_readers.shown import ShownSegment, ShownVolume, save_shown

NO_NAME = "(no name)"


def main(path: Path, folder: Path, program: Path) -> None:
    """Convert the file and leave in the folder what 3D Slicer would show."""
    with tempfile.TemporaryDirectory(dir=folder) as converted:
        place = ["--inputDICOM", str(path), "--outputDirectory", converted, "--outputType", "nrrd"]
        ran = subprocess.run([program, "--mergeSegments", *place], capture_output=True, text=True, check=False)
        described = Path(converted) / "meta.json"
        if ran.returncode or not described.exists():
            sys.exit(_complaint(ran.stdout + ran.stderr) or f"it ended with code {ran.returncode}")
        groups = json.loads(described.read_text("utf-8"))["segmentAttributes"]
        save_shown(list(_volumes(Path(converted), groups)), version_of(program), folder)


def version_of(program: Path) -> str:
    """Return the version that the program itself states."""
    ran = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    stated = re.search(r"tag: v?(\S+)", ran.stdout + ran.stderr)
    return stated.group(1) if stated else "of unknown version"


def _complaint(printed: str) -> str:
    lines = [line.strip() for line in printed.splitlines() if "error" in line.lower() or line.startswith("E:")]
    return lines[-1] if lines else ""


def _volumes(folder: Path, groups: list[list[dict[str, Any]]]) -> Iterator[ShownVolume]:
    files = sorted(folder.glob("*.nrrd"), key=lambda file: int(file.stem))
    if len(files) != len(groups):
        sys.exit(f"it wrote {len(files)} volumes for {len(groups)} groups of segments")
    for file, group in zip(files, groups):
        volume = read_volume(file)
        labels = volume.voxels_kji.astype(np.uint16)
        described = [item for item in group if item["labelID"] != 0]
        present = np.flatnonzero(voxels_of_values(labels))
        names = [str(item.get("SegmentLabel", "")) for item in described]
        shown = present[present > 0].tolist()
        names += [NO_NAME] * (len(shown) - len(names))
        segments = tuple(ShownSegment(value, name, None) for value, name in zip(shown, names))
        yield ShownVolume(labels, volume.geometry.kji_to_lps, segments)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
