"""Elements and items in bytes, in any coding: Explicit or Implicit VR, little or big endian (PS3.5, 7.1 and 7.5).

As pydicom datasets thousands of items take seconds and gigabytes; these are looked at where they lie. Nothing
recurses: sequences may be nested so deep that Python's stack would not do, and then are refused.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from SegRLEExportLib.encoding.vrs import LONG_VRS
from SegRLEExportLib.reading.damage import SegFileError
from SegRLEExportLib.reading.stream import Stream

UNDEFINED = 0xFFFFFFFF
ITEM = 0xFFFEE000
ITEM_END = 0xFFFEE00D
SEQUENCE_END = 0xFFFEE0DD

_DEEPEST = 64
"""A SEG nests sequences five deep, structured documents some twenty."""

_SEQUENCES = frozenset((b"SQ",))
_COMMON_VRS = frozenset((b"CS", b"DS", b"IS", b"LO", b"SH", b"SQ", b"ST", b"UI", b"UL", b"US"))
"""Whose elements are walked over without a call; a length of 32 bits has of them SQ alone."""

_NO_VR = b"UN"
"""What the VR is called where none is stated."""


class Coding(NamedTuple):
    """How elements are written."""

    is_implicit: bool
    order: str
    """`<` or `>`, as `struct` has it."""


EXPLICIT = Coding(False, "<")
IMPLICIT = Coding(True, "<")

ITEM_HEAD = {order: struct.Struct(f"{order}HHI") for order in "<>"}
_EXPLICIT_HEAD = {order: struct.Struct(f"{order}HH2sH") for order in "<>"}
_LONG = {order: struct.Struct(f"{order}I") for order in "<>"}


class Head(NamedTuple):
    """The beginning of an element or item."""

    tag: int
    """group << 16 | element"""
    vr: bytes
    length: int
    size: int
    """Bytes of the beginning itself."""


def head_at(content: bytes, position: int, coding: Coding) -> Head:
    """Return the beginning of the element, item or delimiter there; raises `struct.error` where the bytes end."""
    if coding.is_implicit:
        group, element, length = ITEM_HEAD[coding.order].unpack_from(content, position)
        return Head(group << 16 | element, _NO_VR, length, 8)
    group, element, vr, length = _EXPLICIT_HEAD[coding.order].unpack_from(content, position)
    if group == 0xFFFE:
        (length,) = _LONG[coding.order].unpack_from(content, position + 4)
        return Head(group << 16 | element, _NO_VR, length, 8)
    if vr in LONG_VRS:
        (length,) = _LONG[coding.order].unpack_from(content, position + 8)
        return Head(group << 16 | element, vr, length, 12)
    if not (vr.isalpha() and vr.isupper()):
        raise SegFileError(f"the attribute ({group:04X},{element:04X}) is in no form that DICOM has")
    return Head(group << 16 | element, vr, length, 8)


def take_head(stream: Stream, coding: Coding) -> tuple[Head, bytes]:
    """Return the beginning of the next element of a stream, and its bytes."""
    start = stream.take(8)
    if not coding.is_implicit and start[4:6] in LONG_VRS:
        start += stream.take(4)
    return head_at(start, 0, coding), start


def take_undefined(stream: Stream, coding: Coding, most: int, *, in_item: bool = False) -> bytes:
    """Return the value of a sequence (or item) of undefined length with its delimiter, up to so many bytes."""
    walk = _Nesting(coding, in_item=in_item)
    pieces, size = [], 0
    while not walk.is_over:
        head, start = take_head(stream, walk.coding)
        size += head.size + walk.length_of(head)
        if size > most:
            raise SegFileError(f"an attribute takes more than {most >> 20} MB")
        pieces.append(start)
        pieces.append(stream.take(walk.length_of(head)))
        walk.step(head)
    return b"".join(pieces)


class _Nesting:
    """Where a walk over an element of undefined length is: within items, within sequences, within items."""

    def __init__(self, coding: Coding, *, in_item: bool = False) -> None:
        self._codings = [coding]
        self._is_in_item = [in_item]

    @property
    def coding(self) -> Coding:
        return self._codings[-1]

    @property
    def is_over(self) -> bool:
        return not self._is_in_item

    def length_of(self, head: Head) -> int:
        """Return how many bytes of value follow before the next beginning."""
        return 0 if head.length == UNDEFINED or head.tag in (ITEM_END, SEQUENCE_END) else head.length

    def step(self, head: Head) -> None:
        is_in_item = self._is_in_item[-1]
        if head.tag == (ITEM_END if is_in_item else SEQUENCE_END):
            self._codings.pop()
            self._is_in_item.pop()
            return
        if is_in_item == (head.tag == ITEM) or head.tag in (ITEM_END, SEQUENCE_END):
            raise SegFileError(f"{tag_text(head.tag)} stands where {'an element' if is_in_item else 'an item'} was due")
        if head.length == UNDEFINED:
            if len(self._codings) > 2 * _DEEPEST:
                raise SegFileError(f"its sequences are nested more than {_DEEPEST} deep")
            is_unknown = head.vr == b"UN" and not self.coding.is_implicit and head.tag != ITEM
            self._codings.append(IMPLICIT if is_unknown else self.coding)
            self._is_in_item.append(not is_in_item)


def end_of_undefined(content: bytes, position: int, coding: Coding) -> int:
    """Return where the value of an element of undefined length ends, behind its delimiter."""
    walk = _Nesting(coding)
    while not walk.is_over:
        head = head_at(content, position, walk.coding)
        position += head.size + walk.length_of(head)
        walk.step(head)
    return position


class Elements:
    """The elements of an item, or of a whole dataset, as spans of the bytes they lie in."""

    def __init__(self, content: bytes, start: int, stop: int, coding: Coding) -> None:
        """Raises `SegFileError` if they do not end where they should."""
        self.content = content
        self.coding = coding
        self.spans: dict[int, tuple[int, int, bytes]] = {}
        """By tag: where the value begins and ends, and its VR."""
        try:
            position = self._walk(start, stop)
        except struct.error as error:
            raise SegFileError("an item ends in the middle of an element") from error
        if position != stop:
            raise SegFileError("an element reaches beyond its item")

    def _walk(self, position: int, stop: int) -> int:
        """Find all elements; those of the common kinds without a call, for there are many."""
        content, spans = self.content, self.spans
        explicit, long = _EXPLICIT_HEAD[self.coding.order].unpack_from, _LONG[self.coding.order].unpack_from
        is_explicit = not self.coding.is_implicit
        while position < stop:
            if is_explicit:
                group, element, vr, length = explicit(content, position)
                start = position + 8
                if vr in _SEQUENCES:
                    (length,) = long(content, start)
                    start += 4
                if vr in _COMMON_VRS and length != UNDEFINED:
                    position = start + length
                    spans[group << 16 | element] = start, position, vr
                    continue
            position = self._step(position, stop)
        return position

    def _step(self, position: int, stop: int) -> int:
        """Find one element of any kind; return where it ends, or the item where that was its delimiter."""
        content, coding = self.content, self.coding
        tag, vr, length, size = head_at(content, position, coding)
        position += size
        if tag == ITEM_END:
            return stop
        if length != UNDEFINED:
            self.spans[tag] = position, position + length, vr
            return position + length
        end = end_of_undefined(content, position, IMPLICIT if vr == b"UN" and not coding.is_implicit else coding)
        self.spans[tag] = position, end - 8, vr
        return end

    def raw(self, tag: int) -> bytes:
        """Return a value as it is stored, empty if there is none."""
        start, stop, _ = self.spans.get(tag, (0, 0, _NO_VR))
        return self.content[start:stop]

    def text(self, tag: int) -> str:
        """Return a value of the basic characters; empty if there is none."""
        try:
            return self.raw(tag).decode("ascii").strip(" \0")
        except UnicodeDecodeError as error:
            raise SegFileError(f"{tag_text(tag)} has characters that its kind does not allow") from error

    def number(self, tag: int) -> int | None:
        """Return an unsigned number of 16 or 32 bits; None if there is none."""
        value = self.raw(tag)
        if not value:
            return None
        if len(value) not in (2, 4):
            raise SegFileError(f"{tag_text(tag)} is no number")
        return int.from_bytes(value, "little" if self.coding.order == "<" else "big")

    def decimals(self, tag: int) -> tuple[float, ...]:
        """Return the numbers of a Decimal String, finite ones; none if there are none."""
        text = self.text(tag)
        try:
            numbers = tuple(float(part) for part in text.split("\\")) if text else ()
        except ValueError as error:
            raise SegFileError(f"{tag_text(tag)} is {text[:64]!r}") from error
        if not all(abs(number) < 1e12 for number in numbers):
            raise SegFileError(f"{tag_text(tag)} is {text[:64]!r}")
        return numbers

    def items(self, tag: int) -> list[Elements]:
        """Return the items of a sequence; none if there is none."""
        if tag not in self.spans:
            return []
        start, stop, vr = self.spans[tag]
        coding = IMPLICIT if vr == b"UN" and not self.coding.is_implicit else self.coding
        return [
            Elements(self.content, first, last, coding) for first, last in _items(self.content, start, stop, coding)
        ]

    def first(self, tag: int) -> Elements | None:
        """Return the first item of a sequence, if there is one."""
        if tag not in self.spans:
            return None
        start, stop, vr = self.spans[tag]
        coding = IMPLICIT if vr == b"UN" and not self.coding.is_implicit else self.coding
        if start == stop:
            return None
        group, element, length = ITEM_HEAD[coding.order].unpack_from(self.content, start)
        if length == UNDEFINED or group << 16 | element != ITEM or start + 8 + length > stop:
            found = _items(self.content, start, stop, coding, at_most=1)
            return Elements(self.content, *found[0], coding) if found else None
        return Elements(self.content, start + 8, start + 8 + length, coding)


def _items(content: bytes, start: int, stop: int, coding: Coding, at_most: int = 1 << 32) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    position = start
    while position < stop and len(found) < at_most:
        group, element, length = ITEM_HEAD[coding.order].unpack_from(content, position)
        position += 8
        if group << 16 | element == SEQUENCE_END:
            break
        if group << 16 | element != ITEM:
            raise SegFileError(f"({group:04X},{element:04X}) stands where an item was due")
        end = _end_of_item(content, position, coding) if length == UNDEFINED else position + length
        if end > stop:
            raise SegFileError("an item reaches beyond its sequence")
        found.append((position, end))
        position = end
    return found


def _end_of_item(content: bytes, position: int, coding: Coding) -> int:
    """Return where an item of undefined length ends, behind its delimiter."""
    while True:
        head = head_at(content, position, coding)
        position += head.size
        if head.tag == ITEM_END:
            return position
        if head.length == UNDEFINED:
            is_unknown = head.vr == b"UN" and not coding.is_implicit
            position = end_of_undefined(content, position, IMPLICIT if is_unknown else coding)
        else:
            position += head.length


def tag_text(tag: int) -> str:
    """Return a tag as people write it."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
