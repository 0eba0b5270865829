"""One DICOM SEG file, of any program: what it is, its segments, where its frames lie, and their pixels as a stream.

Everything is bounded by the size of the file; what cannot be read is refused in one sentence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.config import IGNORE
from pydicom.datadict import dictionary_description
from pydicom.uid import UID, RLELossless, SegmentationStorage

from SegRLEExportLib.encoding.plan import LABEL_MAP_SEGMENTATION_STORAGE
from SegRLEExportLib.errors import NotASegmentationFileError
from SegRLEExportLib.model.geometry import PlaneStack
from SegRLEExportLib.model.segmentation import Labels
from SegRLEExportLib.model.source_series import SourceFrame
from SegRLEExportLib.reading.damage import GET_ANEW, NoSegError, SegFileError, readable
from SegRLEExportLib.reading.elements import UNDEFINED, Elements
from SegRLEExportLib.reading.frame_planes import images_named, stack_of
from SegRLEExportLib.reading.frames import FrameRecords
from SegRLEExportLib.reading.header import SegHeader, frame_count_of, read_header
from SegRLEExportLib.reading.pixels import FrameBlock, PixelData, is_known, is_native
from SegRLEExportLib.reading.segments import BACKGROUND, SegmentRecord, read_segments

_NEEDED = {
    "SOPClassUID": 0x00080016,
    "SegmentationType": 0x00620001,
    "SegmentSequence": 0x00620002,
    "Rows": 0x00280010,
    "Columns": 0x00280011,
    "BitsAllocated": 0x00280100,
}
_CHARACTER_SET = 0x00080005
_DIMENSION_ORGANIZATION_TYPE = 0x00209311
_SAMPLES_PER_PIXEL = 0x00280002
_PHOTOMETRIC_INTERPRETATION = 0x00280004
_BITS_STORED = 0x00280101
_PADDING_VALUE = 0x00280120
_MAXIMUM_FRACTION = 0x0062000E
_FRACTIONAL_TYPE = 0x00620010
_REFERENCED_SERIES = 0x00081115
_REFERENCED_INSTANCES = 0x0008114A
_REFERENCED_SOP_CLASS = 0x00081150
_REFERENCED_SOP_INSTANCE = 0x00081155
_FRAME_OF_REFERENCE = 0x00200052
_SERIES_INSTANCE_UID = 0x0020000E

_PLACES_GROUP = 0x00630000
_PLACES_CREATOR = b"SegRLEExport"
_PLACES = 0x01

_BITS = (1, 8, 16)


class SegFile:
    """A file whose header was read; pixels are read anew whenever they are asked for."""

    def __init__(self, path: Path, *, reads_frames: bool = True) -> None:
        """Raises `NotASegmentationFileError`.

        Without `reads_frames` it is opened for its pixels alone: what frames say of themselves is passed over, which
        takes most of the time, and must not be asked for.
        """
        self.path = path
        with readable(path, "the file"):
            self._read = read_header(path, reads_frames=reads_frames)
            self._refuse_what_is_missing()
            self.segmentation_type = self._elements.text(_NEEDED["SegmentationType"])
            self.frame_count = frame_count_of(self._elements)
            self.pixel_data = self._pixel_data()
        with readable(path, "the description of its segments"):
            items = self._elements.items(_NEEDED["SegmentSequence"])
            self.all_segments = read_segments(items, self._elements.text(_CHARACTER_SET))
        if reads_frames:
            self._refuse_frames_without_groups()

    def _refuse_what_is_missing(self) -> None:
        missing = [dictionary_description(tag) for tag in _NEEDED.values() if not self._elements.raw(tag)]
        if self._read.pixel_data is None:
            missing.append("Pixel Data")
        if missing:
            sop_class = UID(self._elements.text(_NEEDED["SOPClassUID"]))
            told = f"it has no {', '.join(missing)}"
            if sop_class in (SegmentationStorage, LABEL_MAP_SEGMENTATION_STORAGE):
                raise SegFileError(told)
            raise NoSegError(f"it is {sop_class.name}" if sop_class.name.endswith("Storage") else told)

    def _pixel_data(self) -> PixelData:
        elements, head = self._elements, self._read.pixel_data
        rows, columns, bits, stored, samples = (
            elements.number(tag) or default
            for tag, default in (
                (_NEEDED["Rows"], 0),
                (_NEEDED["Columns"], 0),
                (_NEEDED["BitsAllocated"], 0),
                (_BITS_STORED, 0),
                (_SAMPLES_PER_PIXEL, 1),
            )
        )
        if not rows or not columns or not bits:
            raise SegFileError("its Rows, Columns or Bits Allocated is 0")
        if bits not in _BITS or samples != 1:
            raise SegFileError(f"its pixels have {samples} samples of {bits} bits; a SEG has one of 1, 8 or 16")
        if head is None or not is_known(self.transfer_syntax):
            raise SegFileError(f"its transfer syntax is unknown ({self.transfer_syntax})")
        if is_native(self.transfer_syntax) == (head.length == UNDEFINED):
            raise SegFileError(f"its pixels are not stored as {self.transfer_syntax.name} has it")
        if head.length != UNDEFINED and head.length > self._read.pixels_at.most:
            raise SegFileError(f"it is cut short: Pixel Data should have {head.length} bytes")
        return PixelData(
            transfer_syntax=self.transfer_syntax,
            order=self._read.coding.order,
            rows=rows,
            columns=columns,
            bits_allocated=bits,
            bits_stored=stored or bits,
            photometric_interpretation=elements.text(_PHOTOMETRIC_INTERPRETATION) or "MONOCHROME2",
            frame_count=self.frame_count,
            head=head,
            start=self._read.pixels_at,
            extended_offsets=self._read.extended_offsets,
        )

    def _refuse_frames_without_groups(self) -> None:
        if self.is_tiled_full:
            return
        described = 0 if self._read.frames is None else len(self._read.frames)
        if described != self.frame_count:
            raise NotASegmentationFileError(
                self.path,
                f"Number of Frames is {self.frame_count}, Per-Frame Functional Groups Sequence has {described} items",
                GET_ANEW,
            )

    @property
    def _elements(self) -> Elements:
        return self._read.elements

    @property
    def header(self) -> SegHeader:
        """The bytes of the attributes, for who compares them."""
        return self._read

    @cached_property
    def dataset(self) -> Dataset:
        """The attributes as a dataset of pydicom's, without those of each frame and without pixels."""
        with readable(self.path, "its description"):
            return self._read.dataset()

    @cached_property
    def meta(self) -> Dataset:
        """File Meta Information; empty where the file has none."""
        with readable(self.path, "the file's meta information"):
            return self._read.meta()

    @property
    def transfer_syntax(self) -> UID:
        """Transfer Syntax UID (0002,0010), as stated, or as the dataset begins where it is not."""
        return self._read.transfer_syntax

    @property
    def sop_class(self) -> UID:
        """SOP Class UID (0008,0016)."""
        return UID(self._elements.text(_NEEDED["SOPClassUID"]), IGNORE)

    @property
    def is_label_map(self) -> bool:
        """Whether pixel values are segment numbers."""
        return self.segmentation_type == "LABELMAP"

    @property
    def is_fractional(self) -> bool:
        """Whether pixel values are shares of `maximum_fraction`."""
        return self.segmentation_type == "FRACTIONAL"

    @property
    def maximum_fraction(self) -> int:
        """Maximum Fractional Value (0062,000E), 255 where it is not stated."""
        return self._elements.number(_MAXIMUM_FRACTION) or 255

    @property
    def fractional_type(self) -> str:
        """PROBABILITY or OCCUPANCY (0062,0010); empty where it is not stated."""
        return self._elements.text(_FRACTIONAL_TYPE)

    @property
    def padding_value(self) -> int | None:
        """Pixel Padding Value (0028,0120), which names a label map's background."""
        return self._elements.number(_PADDING_VALUE)

    @property
    def is_tiled_full(self) -> bool:
        """Whether frames are tiles of a slide whose place follows from their order (PS3.3, C.7.6.17.3)."""
        return self._elements.text(_DIMENSION_ORGANIZATION_TYPE) == "TILED_FULL"

    @property
    def is_one_bit_rle(self) -> bool:
        """Whether it is of the kind that few read, in one dialect or the other."""
        return self.transfer_syntax == RLELossless and self.pixel_data.bits_allocated == 1

    @property
    def segments(self) -> list[SegmentRecord]:
        """Its segments, the background of a label map left out."""
        return [record for record in self.all_segments if record.number != BACKGROUND]

    @cached_property
    def places(self) -> dict[int, int] | None:
        """The place of each segment in the segmentation that was exported, by its number; None where none is told.

        A private attribute of this program, (0063,xx01): of several files each numbers its segments from 1.
        """
        elements = self._elements
        creators = {block: elements.raw(_PLACES_GROUP | block) for block in range(0x10, 0x100)}
        blocks = [block for block, creator in creators.items() if creator.strip(b" \0") == _PLACES_CREATOR]
        values = elements.raw(_PLACES_GROUP | blocks[0] << 8 | _PLACES) if blocks else b""
        if len(values) != 2 * len(self.all_segments):
            return None
        told = np.frombuffer(values, f"{self._read.coding.order}u2").tolist()
        return dict(zip((record.number for record in self.all_segments), told))

    @cached_property
    def frames(self) -> FrameRecords:
        """What each frame says of itself; raises `NotASegmentationFileError` for tiles."""
        if self._read.frames is None or self.is_tiled_full:
            raise NotASegmentationFileError(
                self.path,
                "its frames are tiles of a slide without places of their own (TILED_FULL), not planes",
                "Give a SEG of whole planes.",
            )
        return self._read.frames

    @property
    def referenced_series_uids(self) -> set[str]:
        """Series Instance UIDs of the Referenced Series Sequence (0008,1115)."""
        with readable(self.path, "Referenced Series Sequence"):
            series = self._elements.items(_REFERENCED_SERIES)
            return {uid for item in series if (uid := item.text(_SERIES_INSTANCE_UID))}

    @cached_property
    def referenced_instance_uids(self) -> set[str]:
        """Of the images in Referenced Series Sequence."""
        return {image.sop_instance_uid for image in self._referenced_images}

    @cached_property
    def _referenced_images(self) -> list[SourceFrame]:
        with readable(self.path, "Referenced Series Sequence"):
            return [
                SourceFrame(instance.text(_REFERENCED_SOP_CLASS), instance.text(_REFERENCED_SOP_INSTANCE))
                for series in self._elements.items(_REFERENCED_SERIES)
                for instance in series.items(_REFERENCED_INSTANCES)
            ]

    @cached_property
    def has_place(self) -> bool:
        """Whether frames lie in the patient; else they lie on the pixels of the image that each names (A.51.5)."""
        has_place = any(place.position_lps or place.orientation for place in self.frames.places)
        return has_place or bool(self._elements.text(_FRAME_OF_REFERENCE))

    @cached_property
    def images_without_place(self) -> list[SourceFrame]:
        """The images that frames without a place lie on, in order: those that the file refers to, or all frames of one.

        Frames of an image behind the last that is named are not among them.
        Raises `NotASegmentationFileError` where a frame does not name one image.
        """
        with readable(self.path, "the images of its frames"):
            return images_named(self.frames.places, self._referenced_images)

    @cached_property
    def planes(self) -> tuple[PlaneStack, list[int]]:
        """The planes that frames lie on, along their normal, and for each frame the index of its plane.

        Where they have no place in the patient, the planes are those of `images_without_place`.
        Raises `NotASegmentationFileError` where frames have no place nor image, or do not lie parallel.
        """
        frames = self.frames
        if not self.has_place:
            return self._planes_without_place()
        with readable(self.path, "the places of its frames"):
            stack, plane_of_place = stack_of(self.pixel_data.rows, self.pixel_data.columns, frames.places)
        return stack, [plane_of_place[place] for place in frames.place_of_frame]

    def _planes_without_place(self) -> tuple[PlaneStack, list[int]]:
        number_of = {image: number for number, image in enumerate(self.images_without_place)}
        stack = PlaneStack.without_place(len(number_of), self.pixel_data.rows, self.pixel_data.columns)
        return stack, [number_of[self.frames.places[place].sources[0]] for place in self.frames.place_of_frame]

    def blocks(self, frame_counts: Iterable[int] | None = None, *, is_strict: bool = False) -> Iterator[FrameBlock]:
        """Yield the pixels of all frames, so many at once, one if it is not said; the counts must add up.

        Strictly: what DICOM does not allow is an error, even where it can be read.
        Raises `NotASegmentationFileError` where they cannot be decoded.
        """
        with readable(self.path, "Pixel Data"):
            blocks = self.pixel_data.blocks(frame_counts, is_strict=is_strict)
        return self._told(blocks)

    def pixels(self) -> Iterator[Labels | NDArray[np.bool_]]:
        """Yield each frame whole, (rows, columns), as stored."""
        rows, columns = self.pixel_data.rows, self.pixel_data.columns
        for block in self.blocks():
            (part,) = block.pixels
            if len(part) == rows:
                yield part
            else:
                whole = np.zeros((rows, columns), dtype=part.dtype)
                whole[block.first_row : block.first_row + len(part)] = part
                yield whole

    def _told(self, blocks: Iterator[FrameBlock]) -> Iterator[FrameBlock]:
        number = 1
        while True:
            with readable(self.path, f"Pixel Data of frame {number} of {self.frame_count}"):
                block = next(blocks, None)
            if block is None:
                return
            number += len(block)
            yield block
