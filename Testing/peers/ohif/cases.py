"""The cases that OHIF is shown: each a series of images and the same segmentation in every encoding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from SegRLEExportLib.encoding.plan import PLANS
from SegRLEExportLib.export import export
from SegRLEExportLib.model.segmentation import Segmentation
from SegRLEExportLib.model.source_series import SourceSeries, text_of
from SegRLEExportLib.options import ExportOptions
from SegRLEExportLib.writing.image_series import write_image_series

from peers.cases import apart, many, overlapping

ORGANS = ["Liver", "Kidney", "Spleen"]
ENCODINGS = tuple(plan.id for plan in PLANS.values() if plan.id != "rle-binary")
"""1-bit RLE is known to be shown as garbage."""
WAYS = {"local": "its /local page", "orthanc": "Orthanc (DICOMweb)"}
"""How the files reach OHIF."""


@dataclass(frozen=True)
class ShownCase:
    """One study on the disk."""

    id: str
    segmentation: Segmentation
    source: SourceSeries
    images: tuple[Path, ...]
    files: dict[str, tuple[Path, ...]]
    """By encoding."""
    sop_uids: dict[Path, str]
    names: dict[Path, tuple[str, ...]]
    """The segments that each file holds."""

    @property
    def study(self) -> str:
        """Study Instance UID (0020,000D)."""
        return text_of(self.source.header, "StudyInstanceUID")


def segmentations() -> dict[str, Segmentation]:
    """Return what is shown, by id of the case."""
    return {
        "three-64x64": apart(64, 64, ORGANS),
        "three-37x41": apart(37, 41, ORGANS),
        "three-38x42": apart(38, 42, ORGANS),
        "overlapping-64x64": overlapping(64, 64),
        "24-segments": many(64, 64, 24),
        "255-segments": many(64, 64, 255),
    }


def write_cases(folder: Path, ids: Sequence[str], encodings: Sequence[str] = ENCODINGS) -> list[ShownCase]:
    """Write images and segmentations of those cases."""
    return [_write(id_, one, encodings, folder / id_) for id_, one in segmentations().items() if id_ in ids]


def _write(case_id: str, segmentation: Segmentation, encodings: Sequence[str], folder: Path) -> ShownCase:
    geometry = segmentation.layers[0].geometry
    folder.mkdir(parents=True)
    voxels = np.zeros(geometry.shape_kji, dtype=np.int16)
    voxels[:] = np.arange(geometry.shape_kji[2], dtype=np.int16)  # something to see behind the segments
    source = write_image_series(voxels, geometry, folder / "images", modality="CT")
    files: dict[str, tuple[Path, ...]] = {}
    sop_uids: dict[Path, str] = {}
    names: dict[Path, tuple[str, ...]] = {}
    for encoding in encodings:
        if encoding == "rle-per-segment" and len(segmentation.segments) > len(ORGANS):
            continue
        options = ExportOptions(compression=encoding, series_description=encoding)
        report = export(segmentation, source, folder / encoding, options=options)
        files[encoding] = report.paths
        for instance in report.instances:
            sop_uids[instance.path] = instance.sop_instance_uid
            names[instance.path] = tuple(segment.name for segment in instance.segments)
    images = tuple(sorted((folder / "images").iterdir()))
    return ShownCase(case_id, segmentation, source, images, files, sop_uids, names)
