"""The images that a COCO file names: where their files are, and 8-bit pictures of them through a window."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError
from pydicom.pixels.processing import apply_rescale
from pydicom.pixels.utils import pixel_array
from pydicom.uid import RLELossless

from SegRLEExportLib.errors import MissingLibraryError, UnwritablePictureError

Window = tuple[float, float]
"""Centre and width, in the values that Rescale Slope and Intercept make of the pixels."""


@dataclass(frozen=True)
class CocoImages:
    """What a COCO file says of its images beside their UIDs."""

    folder: Path | None = None
    """Where the DICOM files are; without it a file is named by its SOP Instance UID."""
    as_png: bool = False
    """Write 8-bit pictures beside the COCO file, and name those."""
    window: Window | None = None
    """None: the one in each image's header."""


def files_of(folder: Path, sop_uids: Collection[str]) -> dict[str, Path]:
    """Return the file of each SOP Instance UID that is in the folder or below it."""
    wanted, found = set(sop_uids), {}
    for parent, _, names in os.walk(folder):
        for name in sorted(names):
            try:
                header = dcmread(Path(parent, name), specific_tags=["SOPInstanceUID"], stop_before_pixels=True)
            except (InvalidDicomError, OSError, ValueError):
                continue
            uid = str(header.get("SOPInstanceUID", ""))
            if uid in wanted:
                found[uid] = Path(parent, name)
    return found


def png_of(path: Path, frame_number: int | None, window: Window | None) -> tuple[bytes, NDArray[np.uint8]]:
    """Return one image plane as a PNG, and the pixels (rows, columns) in it; raise `UnwritablePictureError`."""
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingLibraryError("Pillow", "write PNG pictures", "Install it: pip install pillow.") from error
    pixels = _eight_bits(path, frame_number, window)
    target = BytesIO()
    Image.fromarray(pixels).save(target, "png")
    return target.getvalue(), pixels


def is_png_of(path: Path, pixels: NDArray[np.uint8]) -> bool:
    """Whether a picture, read again, has these pixels."""
    from PIL import Image

    with Image.open(path) as picture:
        return np.array_equal(np.asarray(picture), pixels)


def _eight_bits(path: Path, frame_number: int | None, window: Window | None) -> NDArray[np.uint8]:
    dataset = dcmread(path)
    if int(dataset.get("SamplesPerPixel", 1)) != 1:
        raise UnwritablePictureError(path, "it is in colour, and a window is for grey values")
    index = (frame_number or 1) - 1
    stored = _stored_pixels(path, dataset, index)
    transformed = _group(dataset, index, "PixelValueTransformationSequence")
    values = apply_rescale(stored.astype(np.float64), transformed)
    shown = _group(dataset, index, "FrameVOILUTSequence")
    grey = _through(values, window or _window_of(shown, path), str(shown.get("VOILUTFunction", "LINEAR") or "LINEAR"))
    is_inverse = dataset.get("PhotometricInterpretation") == "MONOCHROME1"
    return ~grey if is_inverse else grey


def _stored_pixels(path: Path, dataset: Dataset, index: int) -> NDArray[Any]:
    # By pydicom's own decoder where it has one: python-gdcm 3.2.6, tried first, aborts on odd frames.
    plugin = "pydicom" if dataset.file_meta.TransferSyntaxUID == RLELossless else ""
    try:
        pixels: NDArray[Any] = pixel_array(dataset, index=index, decoding_plugin=plugin)
    except Exception as error:  # decoders raise whatever they like
        raise UnwritablePictureError(path, f"its pixels cannot be decoded ({type(error).__name__})") from error
    return pixels


def _group(dataset: Dataset, index: int, keyword: str) -> Dataset:
    """Return what a frame's functional groups, or those of all frames, say; else the dataset itself."""
    own = dataset.get("PerFrameFunctionalGroupsSequence") or []
    shared = dataset.get("SharedFunctionalGroupsSequence") or []
    for groups in (*own[index : index + 1], *shared[:1]):
        if groups.get(keyword):
            item: Dataset = groups[keyword].value[0]
            return item
    return dataset


def _window_of(dataset: Dataset, path: Path) -> Window:
    """Return the first window of a header."""
    centres, widths = (np.atleast_1d(dataset.get(name) or []) for name in ("WindowCenter", "WindowWidth"))
    if not len(centres) or not len(widths) or not float(widths[0]) > 0:
        raise UnwritablePictureError(path, "its header has no window")
    return float(centres[0]), float(widths[0])


def _through(values: NDArray[np.float64], window: Window, function: str) -> NDArray[np.uint8]:
    """Return what a window shows, 0 to 255 (PS3.3, C.11.2.1.2 and C.11.2.1.3)."""
    centre, width = window
    if function == "SIGMOID":
        share = 1 / (1 + np.exp(-4 * (values - centre) / width))
    elif function == "LINEAR_EXACT":
        share = (values - centre) / width + 0.5
    else:
        share = (values - (centre - 0.5)) / max(width - 1, 1e-9) + 0.5
    grey: NDArray[np.uint8] = np.rint(share.clip(0, 1) * 255).astype(np.uint8)
    return grey
