"""What another program shows of a SEG file: volumes of labels in space, with the names of the labels.

The readers run in processes of their own and leave this in a folder: their libraries may be large, slow or crash.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from SegRLEExportLib.model.geometry import Matrix
from SegRLEExportLib.model.segmentation import Labels

_LIST = "shown.json"


@dataclass(frozen=True)
class ShownSegment:
    """One segment as the other program tells it."""

    value: int
    """The label that marks its voxels in the volume."""
    name: str
    number: int | None
    """Segment Number (0062,0004), where the program keeps it."""


@dataclass(frozen=True, eq=False)
class ShownVolume:
    """Segments that the program put into one volume."""

    labels_kji: Labels
    """(k, j, i); k counts planes, j rows and i columns."""
    kji_to_lps: Matrix
    """(4, 4), maps (k, j, i, 1) to LPS in mm, at voxel centres."""
    segments: tuple[ShownSegment, ...]


def save_shown(volumes: Sequence[ShownVolume], version: str, folder: Path) -> None:
    """Leave the volumes in `folder` for `load_shown`."""
    for number, volume in enumerate(volumes):
        np.save(folder / f"{number}.npy", volume.labels_kji)
    entries = [
        {
            "kji_to_lps": volume.kji_to_lps.tolist(),
            "segments": [[segment.value, segment.name, segment.number] for segment in volume.segments],
        }
        for volume in volumes
    ]
    (folder / _LIST).write_text(json.dumps({"version": version, "volumes": entries}), encoding="utf-8")


def load_shown(folder: Path) -> tuple[str, list[ShownVolume]]:
    """Return the version of the program, and its volumes, whose labels stay on the disk until they are looked at."""
    listed = json.loads((folder / _LIST).read_text(encoding="utf-8"))
    volumes = [
        ShownVolume(
            np.load(folder / f"{number}.npy", mmap_mode="r"),
            np.array(entry["kji_to_lps"]),
            tuple(ShownSegment(*segment) for segment in entry["segments"]),
        )
        for number, entry in enumerate(listed["volumes"])
    ]
    return listed["version"], volumes
