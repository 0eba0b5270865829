"""Names that a NIfTI carries in its header extension: a label table in XML, as TotalSegmentator and Workbench write."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree

from SegRLEExportLib.files.tables.colors import color_of_parts
from SegRLEExportLib.files.tables.row import SegmentRow, SegmentTable, TableFaultError, checked, label_value

_MARK = b"<LabelTable"

_NO_XML_OF_OURS = (b"<!DOCTYPE", b"<!ENTITY")
"""What a parser would follow to other files, or blow up: a label table has neither."""


def names_in(extension: bytes, source: str) -> SegmentTable | None:
    """Return the names in the bytes between the header and the voxels, or None; raise `TableFaultError`."""
    for content in _parts(extension):
        if _MARK in content:
            return SegmentTable(source, checked(_rows(content)), may_have_more=True)
    return None


def _parts(extension: bytes) -> Iterator[bytes]:
    """Yield the contents: four bytes that say whether any follow, then size (with its 8 bytes), code and content."""
    if extension[:1] in (b"", b"\0"):
        return
    rest = extension[4:]
    while len(rest) >= 8:
        sizes = {int.from_bytes(rest[:4], "little"), int.from_bytes(rest[:4], "big")}
        size = min((one for one in sizes if 8 <= one <= len(rest)), default=0)
        if not size:
            return
        yield rest[8:size]
        rest = rest[size:]


def _rows(content: bytes) -> Iterator[SegmentRow]:
    text = content.strip(b"\0 \r\n\t")
    if any(mark in text for mark in _NO_XML_OF_OURS):
        raise TableFaultError("the names in its header are no plain XML")
    try:
        labels = list(ElementTree.fromstring(text).iter("Label"))
    except (ElementTree.ParseError, RecursionError, ValueError, LookupError) as error:
        raise TableFaultError(f"the names in its header are damaged ({error})") from error
    colors = {tuple(label.get(part, "") for part in ("Red", "Green", "Blue")) for label in labels}
    says_colors = len(colors) == len(labels) or len(colors) > 2
    for label in labels:
        value = label_value(label.get("Key", ""), 0)
        parts = [label.get(part, "") for part in ("Red", "Green", "Blue")]
        color = color_of_parts(parts, 0, 1.0) if says_colors and all(parts) else None
        if value:
            yield SegmentRow(value, (label.text or "").strip(), color_rgb=color)
