"""What an image plane shows, in 8 bits: grey values through a window, colours as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.encaps import get_frame
from pydicom.pixels.processing import apply_color_lut, apply_rescale
from pydicom.pixels.utils import pixel_array
from pydicom.uid import RLELossless

from SegRLEExportLib.errors import UnwritablePictureError
from SegRLEExportLib.model.remedy import Remedy
from SegRLEExportLib.reading.damage import SegFileError
from SegRLEExportLib.reading.frame_decoding import JPEG_LS, refuse_cut_jpeg_ls
from SegRLEExportLib.source.cut_short import header_and_cut

Window = tuple[float, float]
"""Centre and width, in the values that the Modality LUT, or Rescale Slope and Intercept, makes of the pixels."""

Eight = NDArray[np.uint8]

_PALETTE = "PALETTE COLOR"
_GREY = ("MONOCHROME1", "MONOCHROME2")
_DECODED_TO_RGB = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
"""What pydicom and its decoders make RGB of (PS3.3, C.7.6.3.1.2)."""


def eight_bits(path: Path, frame_number: int | None, window: Window | None) -> Eight:
    """Return one image plane as grey values (rows, columns) or RGB (rows, columns, 3), 0 to 255.

    Grey values go through `window`, or what the header has of a window, a VOI LUT, or 8 bits without either, which
    are shown as they stand (PS3.3, C.11.2.1). Raises `UnwritablePictureError`.
    """
    dataset, cut = header_and_cut(path, force=True)  # known to be an image
    if cut:
        raise UnwritablePictureError(path, f"it is cut short, its Pixel Data {cut}", Remedy.NO_PICTURES)
    index = (frame_number or 1) - 1
    meant = str(dataset.get("PhotometricInterpretation", ""))
    if meant in _GREY:
        shown = _grey(path, dataset, index, window)
        return ~shown if meant == "MONOCHROME1" else shown
    if meant != _PALETTE and meant not in _DECODED_TO_RGB:
        raise UnwritablePictureError(path, f"its Photometric Interpretation '{meant}' is not known", Remedy.NO_PICTURES)
    if window is not None:
        raise UnwritablePictureError(path, "it is in colour, and a window is for grey values", Remedy.NO_WINDOW)
    pixels = _stored_pixels(path, dataset, index)
    return _of_palette(path, dataset, pixels) if meant == _PALETTE else _high_bits(pixels, int(dataset.BitsStored))


def _stored_pixels(path: Path, dataset: Dataset, index: int) -> NDArray[Any]:
    """Return the pixels of one plane; those in colour as RGB, or as numbers of a palette's entries."""
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    # By pydicom's own decoder where it has one: python-gdcm 3.2.6, tried first, aborts on odd frames.
    plugin = "pydicom" if syntax == RLELossless else ""
    try:
        if syntax in JPEG_LS:
            refuse_cut_jpeg_ls(_encoded_frame(path, dataset, index))
        pixels: NDArray[Any] = pixel_array(path, index=index, decoding_plugin=plugin)
    except SegFileError as error:
        raise UnwritablePictureError(path, f"its pixels cannot be decoded ({error})", Remedy.NO_PICTURES) from error
    except Exception as error:  # decoders raise whatever they like
        reason = f"its pixels cannot be decoded ({type(error).__name__})"
        raise UnwritablePictureError(path, reason, Remedy.NO_PICTURES) from error
    return pixels


def _encoded_frame(path: Path, dataset: Dataset, index: int) -> bytes:
    pixel_data = dcmread(path, specific_tags=["PixelData"], force=True).PixelData
    return get_frame(pixel_data, index, number_of_frames=int(dataset.get("NumberOfFrames") or 1))


def _of_palette(path: Path, dataset: Dataset, pixels: NDArray[Any]) -> Eight:
    try:
        entries, first, _ = dataset.RedPaletteColorLookupTableDescriptor
        # Pixels beyond the table have the colour of its last entry; pydicom 3.0 lets them begin anew.
        known = pixels.clip(first, first + (entries or 2**16) - 1)
        colors = apply_color_lut(known, dataset)[..., :3]
    except Exception as error:  # pydicom raises whatever a damaged table leads to
        raise UnwritablePictureError(path, f"its palette cannot be used ({error})", Remedy.NO_PICTURES) from error
    return _high_bits(colors, colors.dtype.itemsize * 8)


def _high_bits(pixels: NDArray[Any], bits: int) -> Eight:
    """Return the 8 high bits of values of so many."""
    shown: Eight = (pixels >> (bits - 8) if bits > 8 else pixels << (8 - bits)).astype(np.uint8)
    return shown


def _grey(path: Path, dataset: Dataset, index: int, window: Window | None) -> Eight:
    stored = _stored_pixels(path, dataset, index)
    transformed, voi = (
        _group(dataset, index, f"{kind}Sequence") for kind in ("PixelValueTransformation", "FrameVOILUT")
    )
    tables = transformed.get("ModalityLUTSequence")
    values = _looked_up(stored, tables[0], path) if tables else apply_rescale(stored, transformed)
    chosen = window or _window_of(voi)
    if chosen:
        return _through(values, chosen, str(voi.get("VOILUTFunction", "LINEAR") or "LINEAR"))
    if voi.get("VOILUTSequence"):
        item = voi.VOILUTSequence[0]
        return _high_bits(_looked_up(values, item, path), int(item.LUTDescriptor[2]))
    if stored.dtype == np.uint8 and np.array_equal(values, stored):
        return _high_bits(stored, int(dataset.BitsStored))
    raise UnwritablePictureError(path, "its header has no window")


def _looked_up(values: NDArray[Any], item: Dataset, path: Path) -> NDArray[Any]:
    """Return what a Modality or VOI LUT makes of values; those beyond it have its first or last entry (C.11.1.1)."""
    try:
        entries, first, _ = item.LUTDescriptor
        data = item.LUTData
        table = np.frombuffer(data, "<u2") if isinstance(data, bytes) else np.atleast_1d(data)
        if len(table) < (entries or 2**16):
            raise ValueError(f"{len(table)} of {entries or 2**16} entries are there")
    except (AttributeError, TypeError, ValueError) as error:
        raise UnwritablePictureError(path, f"its look-up table cannot be used ({error})") from error
    found: NDArray[Any] = table[np.rint(values - float(first)).clip(0, (entries or 2**16) - 1).astype(np.intp)]
    return found


def _group(dataset: Dataset, index: int, keyword: str) -> Dataset:
    """Return what a frame's functional groups, or those of all frames, say; else the dataset itself."""
    own = dataset.get("PerFrameFunctionalGroupsSequence") or []
    shared = dataset.get("SharedFunctionalGroupsSequence") or []
    for groups in (*own[index : index + 1], *shared[:1]):
        if groups.get(keyword):
            item: Dataset = groups[keyword].value[0]
            return item
    return dataset


def _window_of(dataset: Dataset) -> Window | None:
    """Return the first window of a header."""
    centres, widths = (np.atleast_1d(dataset.get(name) or []) for name in ("WindowCenter", "WindowWidth"))
    if not len(centres) or not len(widths) or not float(widths[0]) > 0:
        return None
    return float(centres[0]), float(widths[0])


def _through(values: NDArray[Any], window: Window, function: str) -> Eight:
    """Return what a window shows, 0 to 255 (PS3.3, C.11.2.1.2 and C.11.2.1.3)."""
    centre, width = window
    if function == "SIGMOID":
        share = 1 / (1 + np.exp(-4 * (values - centre) / width))
    elif function == "LINEAR_EXACT":
        share = (values - centre) / width + 0.5
    else:
        share = (values - (centre - 0.5)) / max(width - 1, 1e-9) + 0.5
    grey: Eight = np.rint(share.clip(0, 1) * 255).astype(np.uint8)
    return grey
