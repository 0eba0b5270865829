"""Any DICOM SEG, ours or not: what it is, where its frames lie, and their pixels.

Read by pydicom. One-bit RLE, which pydicom 3.0 does not read, exists in two dialects that are told apart by
their decoded length: one byte a pixel (PS3.5, G.2) and packed bits (cornerstone3D, OHIF).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.encaps import generate_frames
from pydicom.pixels.utils import iter_pixels
from pydicom.uid import UID, RLELossless

from SegRLEExportLib.errors import NotASegmentationFileError
from SegRLEExportLib.model.geometry import PlaneStack
from SegRLEExportLib.reading.damage import DAMAGE
from SegRLEExportLib.reading.rle import RLEStructureError, decode_frame

_ROUNDED_DECIMALS = 3

G2_DIALECT = "one byte a pixel (PS3.5 G.2)"
PACKED_DIALECT = "packed bits (cornerstone3D, OHIF; not PS3.5 G.2)"


_NEEDED = ("SOPClassUID", "SegmentationType", "SegmentSequence", "Rows", "Columns", "BitsAllocated", "PixelData")


@contextmanager
def readable(path: Path, what: str) -> Iterator[None]:
    """Turn what a damaged or foreign file makes its readers raise into a sentence that says what was being read.

    Raises `NotASegmentationFileError`. For reading only: a mistake of ours elsewhere must stay a traceback.
    """
    try:
        yield
    except (*DAMAGE, MemoryError) as error:
        raise NotASegmentationFileError(path, f"{what} cannot be read ({_reason(error)})") from error


def _reason(error: BaseException) -> str:
    """Return the error's first line, which is a sentence to a person more often than the others."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


class AnySeg:
    """One SEG file."""

    def __init__(self, path: Path) -> None:
        """Raises `NotASegmentationFileError`."""
        self.path = path
        with readable(path, "the file"):
            self.dataset = dcmread(path)
            missing = [name for name in _NEEDED if self.dataset.get(name) is None]
        if missing:
            raise NotASegmentationFileError(path, f"it has no {', '.join(missing)}")
        self._refuse_damaged_head()

    def _refuse_damaged_head(self) -> None:
        """Look once at what everything else relies on, so that each complaint names its attribute."""
        with readable(self.path, "the transfer syntax"):
            known = bool(self.transfer_syntax.name)
        if not known:
            raise NotASegmentationFileError(self.path, "it names no transfer syntax")
        with readable(self.path, "Rows, Columns or Bits Allocated"):
            shape = (int(self.dataset.Rows), int(self.dataset.Columns), int(self.dataset.BitsAllocated))
        if min(shape) < 1:
            raise NotASegmentationFileError(self.path, "its Rows, Columns or Bits Allocated is 0")
        with readable(self.path, "Number of Frames"):
            frame_count = self.frame_count
        if frame_count < 1:
            raise NotASegmentationFileError(self.path, f"its Number of Frames is {frame_count}")
        with readable(self.path, "the Segment Number of each segment"):
            numbers = [int(item.SegmentNumber) for item in self.dataset.SegmentSequence]
        if len(set(numbers)) < len(numbers):
            raise NotASegmentationFileError(self.path, "two of its segments have one Segment Number")
        if self.is_tiled_full:
            return
        with readable(self.path, "Per-Frame Functional Groups Sequence"):
            group_count = len(self.dataset.PerFrameFunctionalGroupsSequence)
        if group_count != frame_count:
            raise NotASegmentationFileError(
                self.path,
                f"Number of Frames is {frame_count}, Per-Frame Functional Groups Sequence has {group_count} items",
            )

    @property
    def is_tiled_full(self) -> bool:
        """Whether frames are tiles of a slide whose place follows from their order (PS3.3, C.7.6.17.3)."""
        return bool(self.dataset.get("DimensionOrganizationType") == "TILED_FULL")

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
        self._refuse_tiles()
        with readable(self.path, "the segment number of its frames"):
            return [
                int(self._group(n, "SegmentIdentificationSequence").ReferencedSegmentNumber)
                for n in range(self.frame_count)
            ]

    @cached_property
    def positions_lps(self) -> NDArray[np.float64]:
        """(frames, 3), Image Position (Patient) of each frame."""
        self._refuse_tiles()
        with readable(self.path, "the position of its frames"):
            positions = [self._group(n, "PlanePositionSequence").ImagePositionPatient for n in range(self.frame_count)]
            return np.array(positions, dtype=float).reshape(self.frame_count, 3)

    @cached_property
    def planes(self) -> tuple[PlaneStack, list[int]]:
        """The planes that frames lie on, and for each frame the index of its plane."""
        self._refuse_tiles()
        with readable(self.path, "orientation and pixel spacing"):
            orientation = np.array(self._group(0, "PlaneOrientationSequence").ImageOrientationPatient, dtype=float)
            orientation = orientation.reshape(6)
            spacing = [float(distance) for distance in self._group(0, "PixelMeasuresSequence").PixelSpacing]
            if len(spacing) != 2 or min(spacing) <= 0:
                raise ValueError(f"the pixel spacing is {spacing}")
        places, plane_of_frame = np.unique(
            self.positions_lps.round(_ROUNDED_DECIMALS) + 0.0, axis=0, return_inverse=True
        )
        stack = PlaneStack(
            rows=int(self.dataset.Rows),
            columns=int(self.dataset.Columns),
            row_direction_lps=orientation[:3],
            column_direction_lps=orientation[3:],
            pixel_spacing_mm=(spacing[0], spacing[1]),
            positions_lps=places,
        )
        return stack, np.asarray(plane_of_frame).reshape(-1).tolist()

    @cached_property
    def referenced_instance_uids(self) -> set[str]:
        """Of the images in Referenced Series Sequence."""
        with readable(self.path, "Referenced Series Sequence"):
            return {
                str(reference.ReferencedSOPInstanceUID)
                for series in self.dataset.get("ReferencedSeriesSequence") or []
                for reference in series.get("ReferencedInstanceSequence") or []
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

        Raises `NotASegmentationFileError` where it cannot be decoded.
        """
        frames = self._decoded_frames()
        shape = (int(self.dataset.Rows), int(self.dataset.Columns))
        for number in range(1, self.frame_count + 1):
            with readable(self.path, f"Pixel Data of frame {number} of {self.frame_count}"):
                frame = next(frames, None)
                if frame is None:
                    raise ValueError(f"there are {number - 1} frames")
                if frame.shape != shape:
                    raise ValueError(f"a frame of {frame.shape} pixels where {shape} were due")
            yield frame

    def _decoded_frames(self) -> Iterator[NDArray[np.generic]]:
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

    def _refuse_tiles(self) -> None:
        if self.is_tiled_full:
            raise NotASegmentationFileError(
                self.path, "its frames are tiles of a slide without places of their own (TILED_FULL), not planes"
            )

    def _group(self, frame_index: int, keyword: str) -> Dataset:
        """Return the functional group of a frame, its own or the shared one."""
        own = self.dataset.PerFrameFunctionalGroupsSequence[frame_index]
        groups = own if own.get(keyword) else self.dataset.SharedFunctionalGroupsSequence[0]
        item: Dataset = groups[keyword].value[0]
        return item
