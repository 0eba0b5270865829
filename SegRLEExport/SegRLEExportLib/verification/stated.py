"""What the bytes of a dataset state, as plain nested values: a walk of its own over them (PS3.5, 6.2 and 7).

Explicit VR Little Endian with stated lengths, which is what this package writes; whatever else is there is an error. As
pydicom datasets the references to a few hundred images would take longer to read than all pixels.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Union, overload

from pydicom import Dataset
from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.tag import Tag

from SegRLEExportLib.encoding.vrs import LONG_VRS

Value = Union["Items", "tuple[Any, ...]"]
"""Items of a sequence; else texts (numbers of strings are texts, too), numbers or bytes. Empty values have none."""

UTF_8 = "ISO_IR 192"

_ITEM = (0xFFFE, 0xE000)
_NUMBERS = {b"US": "H", b"SS": "h", b"UL": "I", b"SL": "i", b"FL": "f", b"FD": "d"}
_ONE_TEXT = frozenset((b"ST", b"LT", b"UT"))
"""A backslash in these is a backslash."""

_BYTES = frozenset((b"OB", b"OW", b"UN"))
PLACES_CREATOR, PLACES = "private creator of segment places", "segment places"
"""Our private attributes: (0063,0010), and (0063,1001) with the place of each segment in the segmentation."""

_PRIVATE = {0x00630010: (PLACES_CREATOR, (b"LO",)), 0x00631001: (PLACES, (b"US",))}
_HEAD = struct.Struct("<HH2sH")
_LONG = struct.Struct("<I")
_ITEM_HEAD = struct.Struct("<HHI")


class NotStatedError(ValueError):
    """The bytes are no dataset as it should be; the text says where."""


@dataclass(frozen=True)
class Stated:
    """A dataset or an item."""

    values: dict[str, Value]
    """By keyword; by its number in hexadecimal where an attribute has none."""

    def __iter__(self) -> Iterator[str]:
        return iter(self.values)

    def __contains__(self, keyword: str) -> bool:
        return keyword in self.values

    def get(self, keyword: str) -> Value | None:
        """Return the value of an attribute, None if it is not there."""
        return self.values.get(keyword)

    def one(self, keyword: str) -> Any:
        """Return the first value or item of an attribute, None if it is not there or empty."""
        value = self.values.get(keyword)
        return value[0] if value else None

    def items(self, keyword: str) -> Sequence[Stated]:
        """Return the items of a sequence, none if it is not there."""
        value = self.values.get(keyword)
        return value if isinstance(value, Items) else ()


class Items(Sequence[Stated]):
    """The items of a sequence, each looked at when it is asked for."""

    def __init__(self, content: bytes, start: int, stop: int) -> None:
        self._content = content
        self._spans = list(_spans(content, start, stop))
        self._stated: dict[int, Stated] = {}

    def __len__(self) -> int:
        return len(self._spans)

    @overload
    def __getitem__(self, index: int) -> Stated: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Stated]: ...

    def __getitem__(self, index: int | slice) -> Stated | Sequence[Stated]:
        if isinstance(index, slice):
            return [self[n] for n in range(*index.indices(len(self)))]
        if index not in self._stated:
            self._stated[index] = _dataset(self._content, *self._spans[index])
        return self._stated[index]

    def contents(self) -> Iterator[bytes]:
        """Yield the bytes of each item."""
        return (self._content[start:stop] for start, stop in self._spans)


def stated_in(content: bytes) -> Stated:
    """Return what a whole dataset states; raises `NotStatedError`."""
    return _dataset(content, 0, len(content))


def stated_by(dataset: Dataset) -> Stated:
    """Return what a dataset of pydicom's states, in whatever coding and characters it was; private ones left out.

    Written anew as this package writes, and read as `stated_in` reads; raises what pydicom raises of damaged values.
    """
    copy = deepcopy(dataset)
    copy.remove_private_tags()
    copy.decode()
    _state_lengths(copy)
    written = DicomBytesIO()
    written.is_little_endian, written.is_implicit_VR = True, False
    write_dataset(written, Dataset(dict(copy)), UTF_8)
    return stated_in(written.getvalue())


def _state_lengths(dataset: Dataset) -> None:
    for element in dataset:
        if element.VR == "SQ":
            element.is_undefined_length = False
            for item in element.value:
                item.is_undefined_length_sequence_item = False
                _state_lengths(item)


def _dataset(content: bytes, position: int, stop: int) -> Stated:
    values: dict[str, Value] = {}
    last = -1
    while position < stop:
        if stop - position < _HEAD.size:
            raise NotStatedError("an element is cut off")
        group, element, vr, length = _HEAD.unpack_from(content, position)
        position += _HEAD.size
        if vr in LONG_VRS:
            (length,) = _LONG.unpack_from(content, position) if stop - position >= _LONG.size else (stop,)
            position += _LONG.size
        tag = group << 16 | element
        keyword, vrs = _known(tag)
        if tag <= last or vr not in vrs or length % 2 or length > stop - position:
            raise NotStatedError(f"{keyword}: its place, value representation {vr!r} or length {length} is wrong")
        last = tag
        values[keyword] = _value(content, position, length, vr)
        position += length
    return Stated(values)


def _value(content: bytes, start: int, length: int, vr: bytes) -> Value:
    if vr == b"SQ":
        return Items(content, start, start + length)
    value = content[start : start + length]
    if vr in _NUMBERS:
        size = struct.calcsize(_NUMBERS[vr])
        if length % size:
            raise NotStatedError(f"{length} bytes are no whole numbers of {size} bytes")
        return struct.unpack(f"<{length // size}{_NUMBERS[vr]}", value)
    if vr in _BYTES:
        return (value,)
    if vr == b"AT":
        return tuple(Tag(group, element) for group, element in struct.iter_unpack("<HH", value))
    if not value:
        return ()
    text = value.decode("utf-8")
    if text.endswith("\0" if vr == b"UI" else " "):
        text = text[:-1]
    return (text,) if vr in _ONE_TEXT else tuple(text.split("\\"))


def _spans(content: bytes, position: int, stop: int) -> Iterator[tuple[int, int]]:
    """Yield where the content of each item of a sequence begins and ends."""
    while position < stop:
        if stop - position < _ITEM_HEAD.size:
            raise NotStatedError("an item is cut off")
        group, element, length = _ITEM_HEAD.unpack_from(content, position)
        position += _ITEM_HEAD.size
        if (group, element) != _ITEM or length > stop - position:
            raise NotStatedError("a sequence has no whole item where one was due")
        yield position, position + length
        position += length


def _known(tag: int) -> tuple[str, tuple[bytes, ...]]:
    """Return the keyword of an attribute and the value representations it may have (PS3.6, and ours)."""
    if tag in _PRIVATE:
        return _PRIVATE[tag]
    keyword = keyword_for_tag(tag)
    if not keyword:
        return f"{tag:08X}", ()
    return keyword, tuple(vr.encode() for vr in dictionary_VR(Tag(tag)).split(" or "))
