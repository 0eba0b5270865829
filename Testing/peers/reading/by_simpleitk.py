"""SimpleITK's ReadImage (GDCM inside): the frames as slices of one image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pydicom
import SimpleITK

from peers.reading.found import FoundSegment, segments_of_frames


def version(_options: dict[str, Any]) -> str:
    """Return the version of SimpleITK."""
    return str(SimpleITK.Version.VersionString())


def read(path: Path, _options: dict[str, Any]) -> list[FoundSegment]:
    """Return the segments, without names."""
    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
    image = SimpleITK.ReadImage(str(path))
    dataset = pydicom.dcmread(path, stop_before_pixels=True)
    frames = SimpleITK.GetArrayFromImage(image).reshape(-1, image.GetHeight(), image.GetWidth())
    return segments_of_frames(dataset, frames)
