"""python-gdcm's ImageReader: the buffer of the whole image, as frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gdcm
import numpy as np
import pydicom

from peers.reading.found import FoundSegment, segments_of_frames
from peers.reading.tools import RefusedError, native_frames


def version(_options: dict[str, Any]) -> str:
    """Return the version that the library states."""
    return str(gdcm.Version.GetVersion())


def read(path: Path, _options: dict[str, Any]) -> list[FoundSegment]:
    """Return the segments, without names."""
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    if not reader.Read():
        raise RefusedError("ImageReader.Read() returns False")
    buffer = reader.GetImage().GetBuffer()
    dataset = pydicom.dcmread(path, stop_before_pixels=True)
    dataset.PixelData = np.frombuffer(buffer.encode("utf-8", "surrogateescape"), dtype=np.uint8).tobytes()
    return segments_of_frames(dataset, native_frames(dataset))
