"""One encoded frame to its pixels, in whatever transfer syntax it is stored.

RLE (PS3.5, Annex G), Encapsulated Uncompressed and Deflated Image Frame (A.4.11 and A.4.13) are read here; JPEG-LS and
JPEG 2000 by what pydicom finds installed. One-bit RLE exists in two dialects that are told apart by their decoded
length: one byte a pixel (G.2) and packed bits (cornerstone3D, OHIF). pydicom is never asked for RLE: it takes
python-gdcm first, and that aborts on odd frames.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID, JPEGLSLossless, JPEGLSNearLossless, RLELossless

from SegRLEExportLib.model.segmentation import Labels
from SegRLEExportLib.reading.damage import SegFileError
from SegRLEExportLib.reading.rle import RLEStructureError, decode_frame, decode_tolerantly

DEFLATED_IMAGE_FRAME = UID("1.2.840.10008.1.2.8.1")
ENCAPSULATED_UNCOMPRESSED = UID("1.2.840.10008.1.2.1.98")

JPEG_LS = (JPEGLSLossless, JPEGLSNearLossless)
_END_OF_IMAGE = b"\xff\xd9"


class BitLayout(Enum):
    """How an encoded frame of 1-bit pixels has them: RLE is due with a byte each (PS3.5, G.2), all else packed."""

    BYTE_A_PIXEL = "one byte a pixel"
    PACKED = "packed bits"


Decoded = tuple[Labels, "BitLayout | None"]
"""The pixels, (rows, columns), and how they lay where they have one bit each."""

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class FrameForm:
    """How every frame of a file is stored."""

    transfer_syntax: UID
    rows: int
    columns: int
    bits_allocated: int
    """1, 8 or 16."""
    bits_stored: int
    photometric_interpretation: str

    @property
    def frame_pixels(self) -> int:
        """Pixels of a frame."""
        return self.rows * self.columns

    def decode(self, encoded: bytes, *, is_strict: bool = False) -> Decoded:
        """Return what an encoded frame holds; RLE as PS3.5, Annex G, has it or, unless `is_strict`, nearly so.

        Raises `SegFileError`, `RLEStructureError` or one of `damage.DAMAGE`.
        """
        if self.transfer_syntax == RLELossless:
            return _decoded_rle(self, encoded, is_strict=is_strict)
        if self.transfer_syntax == DEFLATED_IMAGE_FRAME:
            return _uncoded(self, _inflated(encoded, self.frame_pixels * max(1, self.bits_allocated // 8)))
        if self.transfer_syntax == ENCAPSULATED_UNCOMPRESSED:
            return _uncoded(self, encoded)
        return _decoded_by_pydicom(self, encoded), None


def refuse_cut_jpeg_ls(encoded: bytes) -> None:
    """Raise `SegFileError` for a frame without end marker: CharLS searches seconds for a missing one."""
    if not encoded.rstrip(b"\0").endswith(_END_OF_IMAGE):
        raise SegFileError("a JPEG-LS frame has no end marker")


def _decoded_rle(form: FrameForm, encoded: bytes, *, is_strict: bool) -> Decoded:
    rows, columns, bits = form.rows, form.columns, form.bits_allocated
    try:
        strictly = decode_frame(encoded, rows, columns, max(1, bits // 8))
    except RLEStructureError:
        if is_strict:
            raise
        if bits > 1:
            return decode_tolerantly(encoded, rows * columns, bits // 8).reshape(rows, columns), None
        packed_bytes = (form.frame_pixels + 7) // 8
        decoded = decode_tolerantly(encoded, form.frame_pixels, 1, or_else=packed_bytes)
        if decoded.size == form.frame_pixels:
            return decoded.reshape(rows, columns), BitLayout.BYTE_A_PIXEL
        return _unpacked(decoded.astype(np.uint8), form), BitLayout.PACKED
    return strictly, BitLayout.BYTE_A_PIXEL if bits == 1 else None


def _uncoded(form: FrameForm, content: bytes) -> Decoded:
    """Return the frame that begins these bytes; of bits it may have one byte a pixel, against the standard."""
    if form.bits_allocated > 1:
        dtype = np.dtype("u1" if form.bits_allocated == 8 else "<u2")
        due = form.frame_pixels * dtype.itemsize
        _refuse_length(content, due)
        whole: Labels = np.frombuffer(content[:due], dtype).reshape(form.rows, form.columns)
        return whole, None
    packed = (form.frame_pixels + 7) // 8
    if len(content) in (form.frame_pixels, form.frame_pixels + 1) and len(content) > packed + 1:
        of_bytes = np.frombuffer(content[: form.frame_pixels], np.uint8)
        return of_bytes.reshape(form.rows, form.columns), BitLayout.BYTE_A_PIXEL
    _refuse_length(content, packed)
    return _unpacked(np.frombuffer(content[:packed], np.uint8), form), BitLayout.PACKED


def _refuse_length(content: bytes, due: int) -> None:
    if len(content) not in (due, due + 1):
        raise SegFileError(f"a frame has {len(content)} bytes where {due} were due")


def _unpacked(packed: Bytes, form: FrameForm) -> Labels:
    bits = np.unpackbits(packed.reshape(-1), bitorder="little")
    return bits[: form.frame_pixels].reshape(form.rows, form.columns)


def _inflated(encoded: bytes, most: int) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    inflated = inflater.decompress(encoded, most + 2)
    if not inflater.eof:
        raise SegFileError("the deflated bytes of a frame do not end where they should")
    return inflated


def _decoded_by_pydicom(form: FrameForm, encoded: bytes) -> Labels:
    """Return what one of pydicom's decoders makes of a frame."""
    decoder = get_decoder(form.transfer_syntax)
    if not decoder.is_available:
        needed = "; ".join(decoder.missing_dependencies)
        raise SegFileError(f"nothing that is installed decodes {form.transfer_syntax.name} ({needed})")
    if form.transfer_syntax in JPEG_LS:
        refuse_cut_jpeg_ls(encoded)
    options: dict[str, Any] = {
        "rows": form.rows,
        "columns": form.columns,
        "samples_per_pixel": 1,
        "number_of_frames": 1,
        "photometric_interpretation": form.photometric_interpretation,
        "bits_allocated": form.bits_allocated,
        "bits_stored": form.bits_stored,
        "pixel_representation": 0,
        "pixel_keyword": "PixelData",
    }
    frame, _ = decoder.as_array(encapsulate([encoded]), index=0, raw=True, **options)
    if frame.shape != (form.rows, form.columns):
        raise SegFileError(f"a frame of {frame.shape} pixels where {(form.rows, form.columns)} were due")
    decoded: Labels = frame.astype(np.uint16 if form.bits_allocated == 16 else np.uint8, copy=False)
    return decoded
