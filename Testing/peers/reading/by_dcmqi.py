"""dcmqi's segimage2itkimage: files of one segment each, or merged and taken in as 3D Slicer does."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK

from peers.reading.found import FoundSegment, MisreadError, grid_points, image_to_lps
from peers.reading.tools import run

Described = list[dict[str, Any]]


def version(options: dict[str, Any]) -> str:
    """Return the version that the tool itself states."""
    printed = subprocess.run([options["program"], "--version"], capture_output=True, text=True, check=False)
    said = printed.stdout + printed.stderr
    stated = re.search(r"tag: (\S+)", said) or re.search(r"[Vv]ersion: *(\S+)", said)
    return stated.group(1) if stated else options.get("wheel", "unknown")


def read(path: Path, options: dict[str, Any]) -> list[FoundSegment]:
    """Return the segments, with names and codes."""
    taken_in = _as_slicer if options["as_slicer"] else _each
    with converted(path, options) as groups:
        return [found for volume, group in groups for found in taken_in(SimpleITK.ReadImage(str(volume)), group)]


@contextlib.contextmanager
def converted(path: Path, options: dict[str, Any]) -> Iterator[list[tuple[Path, Described]]]:
    """Convert the file; hand out each volume with the descriptions of its segments."""
    with tempfile.TemporaryDirectory() as folder:
        merge = ["--mergeSegments"] if options["as_slicer"] else []
        place = ["--inputDICOM", path, "--outputDirectory", folder, "--outputType", "nrrd"]
        run(options["program"], *place, *merge)
        described = json.loads((Path(folder) / "meta.json").read_text("utf-8"))["segmentAttributes"]
        volumes = sorted(Path(folder).glob("*.nrrd"), key=lambda file: int(file.stem))
        if len(volumes) != len(described):
            raise MisreadError(f"{len(volumes)} volumes for {len(described)} groups of segments")
        yield list(zip(volumes, described))


def _each(image: SimpleITK.Image, group: Described) -> Iterator[FoundSegment]:
    """Yield the one segment of a file, whatever its voxels' value, or several by their label."""
    labels = SimpleITK.GetArrayViewFromImage(image)
    for item in group:
        mask = labels != 0 if len(group) == 1 else labels == item["labelID"]
        yield _found(mask, image, item, number=item["labelID"])


def _as_slicer(image: SimpleITK.Image, group: Described) -> Iterator[FoundSegment]:
    """Yield what 3D Slicer shows: the n-th label that is present gets the n-th description."""
    labels = SimpleITK.GetArrayViewFromImage(image)
    present = [label for label in np.unique(labels) if label]
    if len(present) > len(group):
        raise MisreadError(f"{len(present)} labels for {len(group)} descriptions")
    for label, item in zip(present, group):
        yield _found(labels == label, image, item, number=None)


def _found(mask: np.ndarray, image: SimpleITK.Image, item: dict[str, Any], number: int | None) -> FoundSegment:
    code = item["SegmentedPropertyTypeCodeSequence"]["CodeValue"]
    return FoundSegment(grid_points(mask, image_to_lps(image)), number, item.get("SegmentLabel"), code)
