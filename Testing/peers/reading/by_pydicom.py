"""pydicom: parses the file and decodes frames with the plug-in that is named."""

from __future__ import annotations

from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

import pydicom

from peers.reading.found import FoundSegment, segments_of_frames

_IS_VERSION_2 = pydicom.__version__.startswith("2.")
_PACKAGES = {"pylibjpeg": "pylibjpeg-rle"}


def version(options: dict[str, Any]) -> str:
    """Return the versions of pydicom and of the plug-in."""
    package = _PACKAGES.get(options["plugin"])
    return pydicom.__version__ + (f" with {package} {version_of(package)}" if package else "")


def read(path: Path, options: dict[str, Any]) -> list[FoundSegment]:
    """Return the segments, with names and codes."""
    dataset = pydicom.dcmread(path)
    if not _IS_VERSION_2 and dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        dataset.pixel_array_options(decoding_plugin=options["plugin"], raw=True)
    pixels = dataset.pixel_array
    frames = pixels.reshape(-1, dataset.Rows, dataset.Columns)
    return segments_of_frames(dataset, frames, names=True)
