"""Whether an image's file ends before its Pixel Data does, told by lengths alone: pixels are never read."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

from pydicom import Dataset, dcmread
from pydicom.uid import DeflatedExplicitVRLittleEndian

PIXEL_DATA = (0x7FE00008, 0x7FE00009, 0x7FE00010)
"""Float, Double Float and plain Pixel Data: the last elements of an image but for signatures and padding."""

_UNDEFINED = 0xFFFFFFFF
_ITEM = 0xFFFEE000
_NOT_REACHED = "is not there, and the file ends within its header"
_FRAGMENTS_CUT = "is compressed, and the file ends before the last of it"


def header_and_cut(path: Path, *, force: bool = False) -> tuple[Dataset, str]:
    """Return a file's dataset without its Pixel Data, and what `cut_of` says of that; raise whatever pydicom does.

    Nothing is said of deflated files, whose lengths are not those of the file.
    """
    with path.open("rb") as file:
        dataset = dcmread(file, stop_before_pixels=True, force=force)
        if dataset.file_meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
            return dataset, ""
        is_implicit, is_little_endian = dataset.original_encoding
        return dataset, cut_of(file, file.tell(), bool(is_implicit), is_little_endian is not False)


def cut_of(file: BinaryIO, position: int, is_implicit: bool, is_little_endian: bool = True) -> str:
    """Return what the Pixel Data that begin at `position` lack, as what may follow "Pixel Data"; empty if nothing.

    A position beyond the end of the file means that it ends before them. Where something else is there than Pixel
    Data, they are not looked for.
    """
    size = os.fstat(file.fileno()).st_size
    if position > size:
        return _NOT_REACHED
    file.seek(position)
    order = "<" if is_little_endian else ">"
    head = file.read(8 if is_implicit else 12)
    start = position + len(head)
    if len(head) < 4 or _tag(head, order) not in PIXEL_DATA:
        return ""
    if len(head) < (8 if is_implicit else 12):
        return _NOT_REACHED
    (length,) = struct.unpack(f"{order}I", head[-4:])
    if length == _UNDEFINED:
        return _cut_of_fragments(file, start, size)
    return f"should have {length} bytes, and the file ends before" if start + length > size else ""


def _cut_of_fragments(file: BinaryIO, position: int, size: int) -> str:
    """Return what encapsulated Pixel Data (PS3.5, A.4) lack, whose first item begins there."""
    while position + 8 <= size:
        file.seek(position)
        head = file.read(8)
        tag, (length,) = _tag(head, "<"), struct.unpack("<I", head[4:])
        if tag != _ITEM:
            return ""  # their end, or damage of another kind
        position += 8 + length
    return _FRAGMENTS_CUT


def _tag(head: bytes, order: str) -> int:
    group, element = struct.unpack_from(f"{order}HH", head)
    return int(group) << 16 | int(element)
