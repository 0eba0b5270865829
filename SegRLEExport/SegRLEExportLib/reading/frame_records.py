"""What each frame of a file says of itself: the items of Per-Frame Functional Groups Sequence, element by element.

As pydicom datasets thousands of frames take seconds and gigabytes (PS3.5, 7.1 and 7.5; PS3.3, C.7.6.16). Explicit VR
Little Endian only.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from SegRLEExportLib.encoding.vrs import LONG_VRS
from SegRLEExportLib.model.source_series import SourceFrame

PLANES_REMEMBERED = 4096
"""Frames of different segments on one plane repeat its place and groups byte for byte; they are parsed once."""

_FRAME_CONTENT = 0x00209111
_DIMENSION_INDEX_VALUES = 0x00209157
_PLANE_POSITION = 0x00209113
_IMAGE_POSITION = 0x00200032
_DERIVATION_IMAGE = 0x00089124
_SOURCE_IMAGE = 0x00082112
_REFERENCED_SOP_CLASS = 0x00081150
_REFERENCED_SOP_INSTANCE = 0x00081155
_REFERENCED_FRAME_NUMBER = 0x00081160
_SEGMENT_IDENTIFICATION = 0x0062000A
_REFERENCED_SEGMENT_NUMBER = 0x0062000B

_Span = tuple[int, int]
"""Where a value begins and ends."""


class ReadBackError(ValueError):
    """The file is not built as it should be; the text says where."""


class Place(NamedTuple):
    """Where a frame lies, and the image it was derived from."""

    position_lps: tuple[float, float, float]
    source: SourceFrame | None
    """None if none is named."""


@dataclass(frozen=True)
class FrameRecords:
    """What the frames of a file say of themselves, each list in their order."""

    segment_numbers: list[int]
    """All 0 in a label map."""
    places: list[Place]
    """Frames that say the same share one object, but for planes beyond `PLANES_REMEMBERED`."""
    dimension_indices: list[tuple[int, ...]]
    contents: dict[int, bytes] = field(default_factory=dict)
    """For each object of `places`, by its `id`, the bytes of the first item that said so, numbers and all."""

    def __len__(self) -> int:
        return len(self.places)

    @cached_property
    def different_places(self) -> list[tuple[int, Place]]:
        """Each object of `places` once, behind its `id`."""
        return [*{id(place): place for place in self.places}.items()]


def read_frame_records(items: Iterable[bytes]) -> FrameRecords:
    """Return what the items of a file say; raises `ReadBackError`.

    An item that differs from one that was parsed only where that had its numbers has them there, too.
    """
    records = FrameRecords([], [], [])
    layouts: dict[tuple[int, bytes], _Layout] = {}
    for content in items:
        length_and_that_of_first_group = len(content), content[8:12]
        layout = layouts.get(length_and_that_of_first_group)
        place = None if layout is None else layout.places.get(layout.without_numbers(content))
        if layout is None or place is None:
            layout, place = _parsed(content, layout)
            layouts[length_and_that_of_first_group] = layout
            records.contents[id(place)] = content
        records.segment_numbers.append(layout.segment_number_in(content))
        records.places.append(place)
        records.dimension_indices.append(layout.unpack_indices(content, layout.indices[0]))
    return records


class _Layout:
    """Items in which the numbers of a frame stand at the same bytes; what else they say is kept by all other bytes."""

    def __init__(self, indices: _Span, segment_number: _Span) -> None:
        self.indices = indices
        self.segment_number = segment_number
        self.unpack_indices = struct.Struct(f"<{(indices[1] - indices[0]) // 4}I").unpack_from
        self.places: dict[bytes, Place] = {}

    def without_numbers(self, content: bytes) -> bytes:
        """Return all other bytes."""
        return (
            content[: self.indices[0]]
            + content[self.indices[1] : self.segment_number[0]]
            + content[self.segment_number[1] :]
        )

    def segment_number_in(self, content: bytes) -> int:
        """Return the segment number, 0 if there is none."""
        return int.from_bytes(content[self.segment_number[0] : self.segment_number[1]], "little")


def _parsed(content: bytes, known: _Layout | None) -> tuple[_Layout, Place]:
    """Return what an item says, and its layout, in which that is kept: the one that is known, if it is that."""
    groups = _spans(content, (0, len(content)))
    indices = _spans(content, _first_item(content, groups[_FRAME_CONTENT]))[_DIMENSION_INDEX_VALUES]
    number = len(content), len(content)
    if _SEGMENT_IDENTIFICATION in groups:
        identification = _first_item(content, groups[_SEGMENT_IDENTIFICATION])
        number = _spans(content, identification)[_REFERENCED_SEGMENT_NUMBER]
    if indices > number:
        raise ReadBackError("a frame's groups are not in the order of their tags")
    is_known = known is not None and (known.indices, known.segment_number) == (indices, number)
    layout = known if known is not None and is_known else _Layout(indices, number)
    place = Place(_position(content, groups[_PLANE_POSITION]), _source_frame(content, groups[_DERIVATION_IMAGE]))
    if len(layout.places) < PLANES_REMEMBERED:
        layout.places[layout.without_numbers(content)] = place
    return layout, place


def _position(content: bytes, plane_position: _Span) -> tuple[float, float, float]:
    text = _text(content, _spans(content, _first_item(content, plane_position))[_IMAGE_POSITION])
    x, y, z = (float(part) for part in text.split("\\"))
    return x, y, z


def _source_frame(content: bytes, derivation: _Span) -> SourceFrame | None:
    if derivation[0] == derivation[1]:
        return None
    images = _spans(content, _first_item(content, derivation))[_SOURCE_IMAGE]
    image = _spans(content, _first_item(content, images))
    frame_number = image.get(_REFERENCED_FRAME_NUMBER)
    return SourceFrame(
        _text(content, image[_REFERENCED_SOP_CLASS]),
        _text(content, image[_REFERENCED_SOP_INSTANCE]),
        None if frame_number is None else int(_text(content, frame_number)),
    )


def _text(content: bytes, span: _Span) -> str:
    return content[slice(*span)].decode("ascii").rstrip("\0 ")


def _first_item(content: bytes, sequence: _Span) -> _Span:
    """Return where the content of the first item of a sequence is."""
    start, stop = sequence
    group, element, length = struct.unpack_from("<HHI", content, start)
    if (group, element) != (0xFFFE, 0xE000) or start + 8 + length > stop:
        raise ReadBackError("a frame's group has no whole item")
    return start + 8, start + 8 + length


def _spans(content: bytes, item: _Span) -> dict[int, _Span]:
    """Return where the value of each element of an item is."""
    found: dict[int, _Span] = {}
    position, stop = item
    while position < stop:
        group, element, vr, length = struct.unpack_from("<HH2sH", content, position)
        position += 8
        if vr in LONG_VRS:
            (length,) = struct.unpack_from("<I", content, position)
            position += 4
        found[group << 16 | element] = position, position + length
        position += length
    if position != stop:
        raise ReadBackError("a frame's groups reach beyond their item")
    return found
