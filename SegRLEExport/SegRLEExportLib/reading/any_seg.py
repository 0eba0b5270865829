"""Any DICOM SEG, ours or not: what it is, where its frames lie, and their pixels.

Read by pydicom. One-bit RLE, which pydicom 3.0 does not read, exists in two dialects that are told apart by
their decoded length: one byte a pixel (PS3.5, G.2) and packed bits (cornerstone3D, OHIF).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.encaps import generate_frames
from pydicom.errors import InvalidDicomError
from pydicom.pixels.utils import iter_pixels
from pydicom.uid import UID, RLELossless

from SegRLEExportLib.errors import NotASegmentationFileError
from SegRLEExportLib.model.geometry import PlaneStack
from SegRLEExportLib.reading.rle import RLEStructureError, decode_frame

_ROUNDED_DECIMALS = 3

G2_DIALECT = "one byte a pixel (PS3.5 G.2)"
PACKED_DIALECT = "packed bits (cornerstone3D, OHIF; not PS3.5 G.2)"


class AnySeg:
    """One SEG file."""

    def __init__(self, path: Path) -> None:
        """Raises `NotASegmentationFileError`."""
        self.path = path
        try:
            self.dataset = dcmread(path)
        except (InvalidDicomError, OSError, EOFError) as error:
            raise NotASegmentationFileError(path, str(error)) from error
        missing = [name for name in ("SegmentationType", "SegmentSequence", "PixelData") if name not in self.dataset]
        if missing:
            raise NotASegmentationFileError(path, f"it has no {', '.join(missing)}")

    @property
    def transfer_syntax(self) -> UID:
        """Transfer Syntax UID (0002,0010)."""
        return UID(self.dataset.file_meta.TransferSyntaxUID)

    @property
    def is_label_map(self) -> bool:
        """Whether pixel values are segment numbers."""
        return bool(self.dataset.SegmentationType == "LABELMAP")

    @property
    def segments(self) -> list[Dataset]:
        """Items of Segment Sequence, the background of a label map left out."""
        return [item for item in self.dataset.SegmentSequence if int(item.SegmentNumber) != 0]

    @property
    def frame_count(self) -> int:
        """Number of Frames (0028,0008)."""
        return int(self.dataset.get("NumberOfFrames", 1))

    @cached_property
    def segment_numbers(self) -> list[int]:
        """Referenced Segment Number of each frame; 0 in a label map."""
        if self.is_label_map:
            return [0] * self.frame_count
        return [
            int(self._group(n, "SegmentIdentificationSequence").ReferencedSegmentNumber)
            for n in range(self.frame_count)
        ]

    @cached_property
    def positions_lps(self) -> NDArray[np.float64]:
        """(frames, 3), Image Position (Patient) of each frame."""
        return np.array(
            [self._group(n, "PlanePositionSequence").ImagePositionPatient for n in range(self.frame_count)], dtype=float
        )

    @cached_property
    def planes(self) -> tuple[PlaneStack, list[int]]:
        """The planes that frames lie on, and for each frame the index of its plane."""
        orientation = np.array(self._group(0, "PlaneOrientationSequence").ImageOrientationPatient, dtype=float)
        spacing = self._group(0, "PixelMeasuresSequence").PixelSpacing
        places, plane_of_frame = np.unique(
            self.positions_lps.round(_ROUNDED_DECIMALS) + 0.0, axis=0, return_inverse=True
        )
        stack = PlaneStack(
            rows=int(self.dataset.Rows),
            columns=int(self.dataset.Columns),
            row_direction_lps=orientation[:3],
            column_direction_lps=orientation[3:],
            pixel_spacing_mm=(float(spacing[0]), float(spacing[1])),
            positions_lps=places,
        )
        return stack, np.asarray(plane_of_frame).reshape(-1).tolist()

    @cached_property
    def referenced_instance_uids(self) -> set[str]:
        """Of the images in Referenced Series Sequence."""
        return {
            str(reference.ReferencedSOPInstanceUID)
            for series in self.dataset.get("ReferencedSeriesSequence", [])
            for reference in series.get("ReferencedInstanceSequence", [])
        }

    @property
    def is_one_bit_rle(self) -> bool:
        """Whether it is of the kind that few read, in one dialect or the other."""
        return self.transfer_syntax == RLELossless and int(self.dataset.BitsAllocated) == 1

    def encoded_frames(self) -> Iterator[bytes]:
        """Yield the bytes of each frame of encapsulated pixel data."""
        yield from generate_frames(self.dataset.PixelData, number_of_frames=self.frame_count)

    def pixels(self) -> Iterator[NDArray[np.generic]]:
        """Yield each frame, (rows, columns), as stored.

        Raises `RLEStructureError` for 1-bit RLE that is of neither dialect.
        """
        if self.is_one_bit_rle:
            for encoded in self.encoded_frames():
                yield self.decode_one_bit_rle(encoded)[0]
        elif int(self.dataset.BitsAllocated) == 1 and not self.transfer_syntax.is_encapsulated:
            yield from self._bit_frames()
        else:
            # By pydicom's own decoder where it has one: python-gdcm 3.2.6, tried first, aborts on odd frames.
            is_rle = self.transfer_syntax == RLELossless
            yield from iter_pixels(self.dataset, raw=True, decoding_plugin="pydicom" if is_rle else "")

    def _bit_frames(self) -> Iterator[NDArray[np.uint8]]:
        """Yield frames of packed bits; one may begin within a byte, which pydicom 3.0 cannot iterate over."""
        packed = np.frombuffer(self.dataset.PixelData, dtype=np.uint8)
        shape = (int(self.dataset.Rows), int(self.dataset.Columns))
        for start in range(0, self.frame_count * shape[0] * shape[1], shape[0] * shape[1]):
            stop = start + shape[0] * shape[1]
            bits = np.unpackbits(packed[start // 8 : -(-stop // 8)], bitorder="little")
            yield bits[start % 8 :][: stop - start].reshape(shape)

    def decode_one_bit_rle(self, encoded: bytes) -> tuple[NDArray[np.generic], str]:
        """Return a frame, (rows, columns), of 0 and 1, and the dialect it is in."""
        rows, columns = int(self.dataset.Rows), int(self.dataset.Columns)
        try:
            return decode_frame(encoded, rows, columns), G2_DIALECT
        except RLEStructureError:
            packed = decode_frame(encoded, 1, (rows * columns + 7) // 8)
            bits = np.unpackbits(packed.astype(np.uint8).reshape(-1), bitorder="little")
            return bits[: rows * columns].reshape(rows, columns), PACKED_DIALECT

    def _group(self, frame_index: int, keyword: str) -> Dataset:
        """Return the functional group of a frame, its own or the shared one."""
        own = self.dataset.PerFrameFunctionalGroupsSequence[frame_index]
        groups = own if keyword in own else self.dataset.SharedFunctionalGroupsSequence[0]
        item: Dataset = groups[keyword].value[0]
        return item
