"""Elements, items and sequences as bytes, Explicit VR Little Endian (PS3.5, 7.1.2 and 7.5).

For what repeats by the thousand; everything else is left to pydicom.
"""

from __future__ import annotations

import struct

from SegRLEExportLib.encoding.encapsulation import item, item_header
from SegRLEExportLib.encoding.vrs import LONG_VRS

__all__ = [
    "UNDEFINED_LENGTH",
    "UTF_8",
    "code_sequence",
    "element",
    "element_header",
    "item",
    "item_header",
    "sequence",
    "text_element",
]

_LONG_HEADER = struct.Struct("<HH2sHI")
_SHORT_HEADER = struct.Struct("<HH2sH")

UNDEFINED_LENGTH = 0xFFFFFFFF

UTF_8 = "ISO_IR 192"
"""What Specific Character Set (0008,0005) says where a text is more than ASCII (PS3.3, C.12.1.1.2)."""


def element(tag: int, vr: str, value: bytes) -> bytes:
    """Return one element; `value` must be of even length already."""
    if len(value) % 2:
        raise ValueError(f"the value of {tag:08X} has an odd length")
    return element_header(tag, vr, len(value)) + value


def element_header(tag: int, vr: str, length: int) -> bytes:
    """Return what stands before the value of an element."""
    code = vr.encode()
    if code in LONG_VRS:
        return _LONG_HEADER.pack(tag >> 16, tag & 0xFFFF, code, 0, length)
    return _SHORT_HEADER.pack(tag >> 16, tag & 0xFFFF, code, length)


def text_element(tag: int, vr: str, text: str) -> bytes:
    """Return an element of text in UTF-8, padded as its VR asks (PS3.5, 6.2)."""
    value = text.encode("utf-8")
    padding = b"\0" if vr == "UI" else b" "
    return element(tag, vr, value + padding * (len(value) % 2))


def sequence(tag: int, *items: bytes) -> bytes:
    """Return a sequence of contents, each made an item, its length stated."""
    return element(tag, "SQ", b"".join(item(content) for content in items))


def code_sequence(tag: int, value: str, scheme: str, meaning: str) -> bytes:
    """Return a code sequence of one item (PS3.3, 8.8)."""
    return sequence(
        tag,
        text_element(0x00080100, "SH", value)
        + text_element(0x00080102, "SH", scheme)
        + text_element(0x00080104, "LO", meaning),
    )
