"""The few attributes of an image that place it, read from the first bytes of its file.

A walk over top-level elements (PS3.5, 7.1 and 7.5) that skips what it does not want; it serves the little-endian
syntaxes and answers None for all else, for pydicom to read. It is ten times as fast, and a series has
hundreds of files.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

from SegRLEExportLib.encoding.vrs import LONG_VRS

HEAD_BYTES = 1 << 15
"""Placement attributes are nearly always within the first 32 KiB; where not, pydicom reads the file."""

_SHORT_VRS = frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split(),
)
_UNDEFINED = 0xFFFFFFFF
_TRANSFER_SYNTAX = 0x00020010
_META_GROUP = b"\x02\x00"
_PREAMBLE = 128
_IMPLICIT_LITTLE = b"1.2.840.10008.1.2"
_NOT_LITTLE_ENDIAN_PLAIN = (b"1.2.840.10008.1.2.2", b"1.2.840.10008.1.2.1.99")

_EXPLICIT_HEAD = struct.Struct("<HH2sH")
_IMPLICIT_HEAD = struct.Struct("<HHI")
_LONG = struct.Struct("<I")
_ITEM = (0xFFFE, 0xE000)
_SEQUENCE_DELIMITATION = (0xFFFE, 0xE0DD)
_ITEM_DELIMITATION = _IMPLICIT_HEAD.pack(0xFFFE, 0xE00D, 0)

_ElementAt = Callable[[bytes, int], tuple[int, int, int]]
"""Returns the tag of the element at a position, and where its value begins and ends."""


class _UnsureError(Exception):
    """The walk met something that it leaves to pydicom."""


def read_elements(path: Path, wanted: frozenset[int]) -> dict[int, bytes] | None:
    """Return the raw values of those `wanted` tags (group << 16 | element) that the file has.

    None means: not a file this walk can be sure of. Values are as stored, padding included.
    """
    with path.open("rb", buffering=0) as file:
        head = file.read(HEAD_BYTES)
    if head[_PREAMBLE : _PREAMBLE + 4] != b"DICM":
        return None
    try:
        return _walk(head, wanted)
    except (_UnsureError, struct.error):
        return None


def _walk(head: bytes, wanted: frozenset[int]) -> dict[int, bytes]:
    syntax, position = _transfer_syntax(head)
    if not syntax or syntax in _NOT_LITTLE_ENDIAN_PLAIN:
        raise _UnsureError
    walk = _implicit_values if syntax == _IMPLICIT_LITTLE else _explicit_values
    return walk(head, position, wanted, max(wanted))


def _explicit_values(head: bytes, position: int, wanted: frozenset[int], last: int) -> dict[int, bytes]:
    """Return the wanted values; elements of the common kind are stepped over without a call, for there are many."""
    found: dict[int, bytes] = {}
    while True:
        group, element, vr, length = _EXPLICIT_HEAD.unpack_from(head, position)
        tag, start = group << 16 | element, position + 8
        if tag > last:
            return found
        if vr in _SHORT_VRS:
            position = start + length
        else:
            _, start, position = _explicit_element(head, position)
        if tag in wanted:
            found[tag] = head[start : _within(head, position)]


def _implicit_values(head: bytes, position: int, wanted: frozenset[int], last: int) -> dict[int, bytes]:
    """Return the wanted values, as `_explicit_values` does."""
    found: dict[int, bytes] = {}
    while True:
        group, element, length = _IMPLICIT_HEAD.unpack_from(head, position)
        tag, start = group << 16 | element, position + 8
        if tag > last:
            return found
        position = _end_of_sequence(head, start, _implicit_element) if length == _UNDEFINED else start + length
        if tag in wanted:
            found[tag] = head[start : _within(head, position)]


def _transfer_syntax(head: bytes) -> tuple[bytes, int]:
    """Return Transfer Syntax UID (0002,0010), empty if there is none, and where the dataset begins."""
    syntax, position = b"", _PREAMBLE + 4
    while head[position : position + 2] == _META_GROUP:
        tag, start, position = _explicit_element(head, position)
        if tag == _TRANSFER_SYNTAX:
            syntax = head[start:position].rstrip(b"\0 ")
    return syntax, position


def _explicit_element(head: bytes, position: int) -> tuple[int, int, int]:
    group, element, vr, length = _EXPLICIT_HEAD.unpack_from(head, position)
    start = position + 8
    if vr in LONG_VRS:
        (length,), start = _LONG.unpack_from(head, start), position + 12
    elif vr not in _SHORT_VRS:
        raise _UnsureError
    if length == _UNDEFINED:
        return group << 16 | element, start, _end_of_sequence(head, start, _ITEM_CONTENT.get(vr))
    return group << 16 | element, start, _within(head, start + length)


def _implicit_element(head: bytes, position: int) -> tuple[int, int, int]:
    group, element, length = _IMPLICIT_HEAD.unpack_from(head, position)
    start = position + 8
    if length == _UNDEFINED:
        return group << 16 | element, start, _end_of_sequence(head, start, _implicit_element)
    return group << 16 | element, start, _within(head, start + length)


_ITEM_CONTENT: dict[bytes, _ElementAt] = {b"SQ": _explicit_element, b"UN": _implicit_element}
"""How the items of a sequence of undefined length are coded; under UN as Implicit VR (PS3.5, 6.2.2)."""


def _end_of_sequence(head: bytes, position: int, element_at: _ElementAt | None) -> int:
    """Return where a sequence of undefined length ends, given where its first item begins (PS3.5, 7.5.2)."""
    if element_at is None:
        raise _UnsureError
    while True:
        group, element, length = _IMPLICIT_HEAD.unpack_from(head, position)
        position += 8
        if (group, element) == _SEQUENCE_DELIMITATION:
            return position
        if (group, element) != _ITEM:
            raise _UnsureError
        if length != _UNDEFINED:
            position = _within(head, position + length)
            continue
        while head[position : position + 8] != _ITEM_DELIMITATION:
            _, _, position = element_at(head, position)
        position += 8


def _within(head: bytes, end: int) -> int:
    if end > len(head):
        raise _UnsureError
    return end
