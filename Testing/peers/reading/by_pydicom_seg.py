"""pydicom-seg's SegmentReader: each segment as an image in space."""

from __future__ import annotations

from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

import pydicom
import pydicom_seg
import SimpleITK

from peers.reading.found import FoundSegment, grid_points, image_to_lps


def version(_options: dict[str, Any]) -> str:
    """Return the versions of pydicom-seg and pydicom."""
    return f"{version_of('pydicom-seg')} on pydicom {pydicom.__version__}"


def read(path: Path, _options: dict[str, Any]) -> list[FoundSegment]:
    """Return the segments, with names and codes."""
    result = pydicom_seg.SegmentReader().read(pydicom.dcmread(path))
    found = []
    for number in result.available_segments:
        image = result.segment_image(number)
        item = result.segment_infos[number]
        code = item.SegmentedPropertyTypeCodeSequence[0].CodeValue
        points = grid_points(SimpleITK.GetArrayFromImage(image) > 0, image_to_lps(image))
        found.append(FoundSegment(points, int(number), str(item.SegmentLabel), str(code)))
    return found
