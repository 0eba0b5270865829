"""What each frame of a file says of itself: Per-Frame Functional Groups Sequence, and what all frames share.

Frames of different segments on one plane repeat its place and references byte for byte, and differ in the numbers
of the frame alone; what repeats is parsed once (PS3.3, C.7.6.16).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from SegRLEExportLib.model.source_series import SourceFrame
from SegRLEExportLib.reading.damage import SegFileError
from SegRLEExportLib.reading.elements import Coding, Elements

PLANES_REMEMBERED = 4096
"""More places than these are parsed frame by frame, so that a file of nothing but different ones takes no memory."""

_DERIVATION_IMAGE = 0x00089124
_SOURCE_IMAGE = 0x00082112
_REFERENCED_SOP_CLASS = 0x00081150
_REFERENCED_SOP_INSTANCE = 0x00081155
_REFERENCED_FRAME_NUMBER = 0x00081160
_SLICE_THICKNESS = 0x00180050
_SPACING_BETWEEN_SLICES = 0x00180088
_IMAGE_POSITION = 0x00200032
_IMAGE_ORIENTATION = 0x00200037
_FRAME_CONTENT = 0x00209111
_PLANE_POSITION = 0x00209113
_PLANE_ORIENTATION = 0x00209116
_DIMENSION_INDEX_VALUES = 0x00209157
_PIXEL_SPACING = 0x00280030
_PIXEL_MEASURES = 0x00289110
_SEGMENT_IDENTIFICATION = 0x0062000A
_REFERENCED_SEGMENT_NUMBER = 0x0062000B

_Span = tuple[int, int]
"""Where a value begins and ends."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a frame lies, and the images it was derived from; empty or None where neither it nor all frames say so."""

    position_lps: tuple[float, ...] = ()
    """Image Position (Patient), in mm."""
    orientation: tuple[float, ...] = ()
    """Image Orientation (Patient): the directions of a row and of a column."""
    spacing_mm: tuple[float, ...] = ()
    """Pixel Spacing: of rows, of columns."""
    thickness_mm: float | None = None
    spacing_between_mm: float | None = None
    """Spacing Between Slices (0018,0088)."""
    sources: tuple[SourceFrame, ...] = ()

    @property
    def source(self) -> SourceFrame | None:
        """The image it was derived from, the first of several; None if none is named."""
        return self.sources[0] if self.sources else None


@dataclass(frozen=True)
class FrameRecords:
    """What the frames of a file say of themselves, each list in their order."""

    segment_numbers: list[int]
    """All 0 in a label map, whose pixels are the numbers."""
    places: list[Place]
    """The different ones, in the order in which they are met; those beyond `PLANES_REMEMBERED` as often as met."""
    place_of_frame: list[int]
    """For each frame the index of its place."""
    dimension_indices: list[tuple[int, ...]]
    contents: list[bytes]
    """For each place the bytes of the first item that said so, numbers and all."""

    def __len__(self) -> int:
        return len(self.place_of_frame)

    @property
    def first_frame_of_place(self) -> list[int]:
        """For each place the number, from 1, of the first frame that lies there."""
        last_to_first = reversed([*enumerate(self.place_of_frame, start=1)])
        first = {place: frame for frame, place in last_to_first}
        return [first[place] for place in range(len(self.places))]


def read_frame_records(
    items: Iterable[bytes], coding: Coding, shared: Elements | None, *, is_label_map: bool
) -> FrameRecords:
    """Return what the items of a file say, and the shared ones where they say nothing; raises `SegFileError`.

    An item that differs from one that was parsed only where that had its numbers has them there, too.
    """
    reader = _Reader(coding, shared, is_label_map=is_label_map)
    try:
        for content in items:
            reader.read(content)
    except struct.error as error:
        raise SegFileError("a frame's groups end in the middle of an element") from error
    return reader.records


class _Layout:
    """Items in which the numbers of a frame stand at the same bytes; what else they say is kept by all other bytes."""

    def __init__(self, indices: _Span, segment_number: _Span, order: str) -> None:
        self.indices = indices
        self.segment_number = segment_number
        self.first, self.second = sorted((indices, segment_number))
        self.order = order
        self._unpack_indices = struct.Struct(f"{order}{(indices[1] - indices[0]) // 4}I").unpack_from
        self._unpack_number = struct.Struct(f"{order}{(segment_number[1] - segment_number[0]) // 2}H").unpack_from
        self.places: dict[bytes, int] = {}

    def without_numbers(self, content: bytes) -> bytes:
        """Return all other bytes."""
        return content[: self.first[0]] + content[self.first[1] : self.second[0]] + content[self.second[1] :]

    def indices_in(self, content: bytes) -> tuple[int, ...]:
        return self._unpack_indices(content, self.indices[0])

    def numbers_in(self, content: bytes) -> tuple[int, ...]:
        """Return the segment number, nothing if the item has none."""
        return self._unpack_number(content, self.segment_number[0])


class _Reader:
    """Takes one item after the other."""

    def __init__(self, coding: Coding, shared: Elements | None, *, is_label_map: bool) -> None:
        self.records = FrameRecords([], [], [], [], [])
        self._coding = coding
        self._is_label_map = is_label_map
        self._shared = Place() if shared is None else _place(shared, Place())
        identification = None if shared is None else shared.first(_SEGMENT_IDENTIFICATION)
        number = None if identification is None else identification.number(_REFERENCED_SEGMENT_NUMBER)
        self._shared_number = number or 0
        self._layouts: dict[tuple[int, bytes], _Layout] = {}

    def read(self, content: bytes) -> None:
        """Add what one item says."""
        kind = len(content), content[8:12]
        layout = self._layouts.get(kind)
        place = None if layout is None else layout.places.get(layout.without_numbers(content))
        if layout is None or place is None:
            layout, place = self._parsed(content, layout), len(self.records.places) - 1
            self._layouts[kind] = layout
        self.records.segment_numbers.append(self._number(layout.numbers_in(content)))
        self.records.place_of_frame.append(place)
        self.records.dimension_indices.append(layout.indices_in(content))

    def _number(self, stated: tuple[int, ...]) -> int:
        if self._is_label_map:
            return 0
        if not stated and not self._shared_number:
            raise SegFileError(f"frame {len(self.records) + 1} does not say which segment it shows")
        return stated[0] if stated else self._shared_number

    def _parsed(self, content: bytes, known: _Layout | None) -> _Layout:
        """Add the place that an item states; return its layout, which knows it: the one given, if it is that."""
        groups = Elements(content, 0, len(content), self._coding)
        end = len(content), len(content)
        indices = _span_in(groups, _FRAME_CONTENT, _DIMENSION_INDEX_VALUES) or end
        number = _segment_number(groups) or end
        is_known = known is not None and (known.indices, known.segment_number) == (indices, number)
        layout = known if known is not None and is_known else _Layout(indices, number, self._coding.order)
        if len(layout.places) < PLANES_REMEMBERED:
            layout.places[layout.without_numbers(content)] = len(self.records.places)
        self.records.places.append(_place(groups, self._shared))
        self.records.contents.append(content)
        return layout


def _span_in(groups: Elements, sequence: int, tag: int) -> _Span | None:
    """Return where the value of an element in the first item of a group is, if there is one."""
    item = groups.first(sequence)
    if item is None or tag not in item.spans:
        return None
    start, stop, _ = item.spans[tag]
    return start, stop


def _segment_number(groups: Elements) -> _Span | None:
    span = _span_in(groups, _SEGMENT_IDENTIFICATION, _REFERENCED_SEGMENT_NUMBER)
    if span is not None and span[1] - span[0] != 2:
        raise SegFileError(f"a frame has {(span[1] - span[0]) // 2} segment numbers")
    return span


def _place(groups: Elements, shared: Place) -> Place:
    """Return what an item says of its frame's place, and what all frames share where it says nothing."""
    position = groups.first(_PLANE_POSITION)
    orientation = groups.first(_PLANE_ORIENTATION)
    measures = groups.first(_PIXEL_MEASURES)
    return Place(
        _exactly(3, position, _IMAGE_POSITION) or shared.position_lps,
        _exactly(6, orientation, _IMAGE_ORIENTATION) or shared.orientation,
        _exactly(2, measures, _PIXEL_SPACING) or shared.spacing_mm,
        next(iter(_exactly(1, measures, _SLICE_THICKNESS)), shared.thickness_mm),
        next(iter(_exactly(1, measures, _SPACING_BETWEEN_SLICES)), shared.spacing_between_mm),
        _sources(groups) or shared.sources,
    )


def _exactly(count: int, item: Elements | None, tag: int) -> tuple[float, ...]:
    numbers = () if item is None else item.decimals(tag)
    if len(numbers) not in (0, count):
        raise SegFileError(f"a frame's group has {len(numbers)} numbers where {count} were due")
    return numbers


def _sources(groups: Elements) -> tuple[SourceFrame, ...]:
    return tuple(
        source
        for derivation in groups.items(_DERIVATION_IMAGE)
        for image in derivation.items(_SOURCE_IMAGE)
        for source in _source_frames(image)
    )


def _source_frames(image: Elements) -> list[SourceFrame]:
    """Return one reference for each frame of an image that is named, or one to an image of one frame."""
    sop_class, instance = image.text(_REFERENCED_SOP_CLASS), image.text(_REFERENCED_SOP_INSTANCE)
    numbers = image.decimals(_REFERENCED_FRAME_NUMBER)
    return [SourceFrame(sop_class, instance, int(number)) for number in numbers] or [SourceFrame(sop_class, instance)]
