"""The images that a COCO file names: where their files are, and pictures of them."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread

from SegRLEExportLib.conversion.eight_bits import Window, eight_bits
from SegRLEExportLib.errors import MissingLibraryError
from SegRLEExportLib.reading.header import is_dicom

PICTURE_SUFFIX = ".png"


@dataclass(frozen=True)
class CocoImages:
    """What a COCO file says of its images beside their UIDs."""

    folder: Path | None = None
    """Where the DICOM files are, or the only one; without it a file is named by its SOP Instance UID."""
    as_png: bool = False
    """Write 8-bit pictures beside the COCO file, and name those."""
    window: Window | None = None
    """None: the one in each image's header. Images in colour have none."""


def files_of(folder: Path, sop_uids: Collection[str]) -> dict[str, Path]:
    """Return the file of each SOP Instance UID that is in the folder or below it, or is that file itself."""
    wanted, found = set(sop_uids), {}
    for path in _files_below(folder):
        uid = str(_header_of(path).get("SOPInstanceUID", ""))
        if uid in wanted:
            found[uid] = path
    return found


def _files_below(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder and below it; a file is its only one."""
    if folder.is_file():
        yield folder
    for parent, _, names in os.walk(folder):
        yield from (Path(parent, name) for name in sorted(names))


def _header_of(path: Path) -> Dataset:
    """Return what a file says of its UID, with preamble or without; nothing if it is no DICOM file."""
    try:
        if path.is_file() and is_dicom(path):
            return dcmread(path, specific_tags=["SOPInstanceUID"], stop_before_pixels=True, force=True)
    except Exception:  # pydicom raises whatever the damage of a file leads to
        pass
    return Dataset()


def png_of(path: Path, frame_number: int | None, window: Window | None) -> tuple[bytes, NDArray[np.uint8]]:
    """Return one image plane as a PNG, and the pixels in it, those of `eight_bits`; raise `UnwritablePictureError`."""
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingLibraryError("Pillow", "write PNG pictures", "Install it: pip install pillow.") from error
    pixels = eight_bits(path, frame_number, window)
    target = BytesIO()
    Image.fromarray(pixels).save(target, "png")
    return target.getvalue(), pixels


def is_png_of(path: Path, pixels: NDArray[np.uint8]) -> bool:
    """Whether a picture, read again, has these pixels."""
    from PIL import Image

    with Image.open(path) as picture:
        return np.array_equal(np.asarray(picture), pixels)
