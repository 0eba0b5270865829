"""vtk-dicom's dicomtonifti: one volume in space. It knows no segments, so one value a voxel is all it can show."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import SimpleITK

from peers.reading.found import FoundSegment, NotApplicableError, grid_points, image_to_lps
from peers.reading.tools import RefusedError, run


def version(_options: dict[str, Any]) -> str:
    """Return the version that the tool itself states."""
    stated = re.search(r"\d+\.\d+\.\d+", run("dicomtonifti", "--version"))
    return stated.group() if stated else "unknown"


def read(path: Path, _options: dict[str, Any]) -> list[FoundSegment]:
    """Return the segments of a label map, or the only one of a file, without names."""
    dataset = pydicom.dcmread(path, stop_before_pixels=True)
    is_label_map = dataset.SegmentationType == "LABELMAP"
    with tempfile.TemporaryDirectory() as folder:
        volume = Path(folder) / "volume.nii"
        printed = run("dicomtonifti", "-o", volume, path)
        if not volume.exists():
            raise RefusedError(printed.strip() or "no volume is written")
        if not is_label_map and len(dataset.SegmentSequence) > 1:
            raise NotApplicableError("it makes one volume of all frames, and the segments have frames of their own")
        image = SimpleITK.ReadImage(str(volume))
    to_lps = image_to_lps(image)
    labels = SimpleITK.GetArrayFromImage(image)
    if not is_label_map:
        return [FoundSegment(grid_points(labels != 0, to_lps), 1)]
    return [FoundSegment(grid_points(labels == label, to_lps), int(label)) for label in np.unique(labels) if label]
