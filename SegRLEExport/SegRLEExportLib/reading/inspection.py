"""What a SEG file is, for a person: type, syntax, segments with their codes, frames, references, RLE structure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom import Dataset
from pydicom.uid import UID, RLELossless

from SegRLEExportLib.encoding.plan import LABEL_MAP_SEGMENTATION_STORAGE
from SegRLEExportLib.errors import NotASegmentationFileError
from SegRLEExportLib.model.printable import printable_lines
from SegRLEExportLib.reading.any_seg import G2_DIALECT, AnySeg, readable
from SegRLEExportLib.reading.rle import RLEStructureError, decode_frame

_SHOWN_FAULTS = 5


@dataclass(frozen=True)
class Inspection:
    """The facts about one file."""

    path: Path
    facts: dict[str, str]
    """In the order to be shown."""
    segments: tuple[str, ...]
    """One line for each."""
    faults: tuple[str, ...]
    """What is wrong with the structure; empty if nothing was found."""

    def __str__(self) -> str:
        width = max(len(name) for name in self.facts)
        lines = [str(self.path), *(f"  {name:{width}}  {value}" for name, value in self.facts.items())]
        lines.extend(f"    {segment}" for segment in self.segments)
        lines.extend(f"  FAULT: {fault}" for fault in self.faults[:_SHOWN_FAULTS])
        if len(self.faults) > _SHOWN_FAULTS:
            lines.append(f"  and {len(self.faults) - _SHOWN_FAULTS} faults more")
        return printable_lines(lines)

    def to_json(self) -> dict[str, Any]:
        """Return the inspection as a JSON object."""
        return {
            "path": str(self.path),
            "facts": self.facts,
            "segments": list(self.segments),
            "faults": list(self.faults),
        }


def inspect(path: Path) -> Inspection:
    """Read any SEG and tell what it is.

    Raises `NotASegmentationFileError`.
    """
    seg = AnySeg(path)
    with readable(path, "its description"):
        return _inspected(seg)


def _inspected(seg: AnySeg) -> Inspection:
    dataset = seg.dataset
    frames, faults = _frames_of_segments(seg)
    structure, pixel_faults = _pixel_structure(seg)
    faults.extend(pixel_faults)
    facts = {
        "type": f"{dataset.SegmentationType}, {_sop_class_name(dataset.SOPClassUID)}",
        "transfer syntax": seg.transfer_syntax.name,
        "pixels": f"{dataset.Rows} x {dataset.Columns}, {dataset.BitsAllocated} bits allocated",
        "frames": f"{seg.frame_count} on {len(seg.planes[0])} planes" if _has_places(seg) else str(seg.frame_count),
        "pixel data": structure,
        "references": _references(seg),
        "written by": f"{dataset.get('Manufacturer', '?')} {dataset.get('SoftwareVersions', '')}".strip(),
        "segments": str(len(seg.segments)),
    }
    segments = tuple(_segment_line(item, frames) for item in seg.segments)
    return Inspection(seg.path, facts, segments, tuple(faults))


def _frames_of_segments(seg: AnySeg) -> tuple[Counter[int] | None, list[str]]:
    """Return how many frames each segment has, None where that is not said; and what is wrong with it."""
    if seg.is_label_map or seg.is_tiled_full:
        return None, []
    frames = Counter(seg.segment_numbers)
    undescribed = sorted(set(frames) - {int(item.SegmentNumber) for item in seg.segments})
    return frames, [f"{frames[number]} frames show segment {number}, which is not described" for number in undescribed]


def _sop_class_name(sop_class: UID) -> str:
    return "Label Map Segmentation Storage" if sop_class == LABEL_MAP_SEGMENTATION_STORAGE else sop_class.name


def _has_places(seg: AnySeg) -> bool:
    try:
        return bool(seg.planes)
    except NotASegmentationFileError:
        return False


def _references(seg: AnySeg) -> str:
    series = [str(item.get("SeriesInstanceUID", "?")) for item in seg.dataset.get("ReferencedSeriesSequence") or []]
    if not series:
        return "none"
    return f"{len(seg.referenced_instance_uids)} images of series {', '.join(series)}"


def _segment_line(item: Dataset, frames: Counter[int] | None) -> str:
    number = int(item.SegmentNumber)
    codes = [_code(item, "SegmentedPropertyCategoryCodeSequence"), _code(item, "SegmentedPropertyTypeCodeSequence")]
    region = _code(item, "AnatomicRegionSequence")
    where = f", in {region}" if region else ""
    count = "" if frames is None else f", {frames[number]} frames"
    return f"{number:>3}  {item.get('SegmentLabel', '')}: {' / '.join(filter(None, codes))}{where}{count}"


def _code(item: Dataset, keyword: str) -> str:
    sequence = item.get(keyword)
    if not sequence:
        return ""
    code = sequence[0]
    value = code.get("CodeValue") or code.get("LongCodeValue") or code.get("URNCodeValue", "?")
    return f"{code.get('CodeMeaning', '?')} ({code.get('CodingSchemeDesignator', '?')} {value})"


def _pixel_structure(seg: AnySeg) -> tuple[str, list[str]]:
    """Return what is known of Pixel Data in a sentence, and its faults."""
    if seg.transfer_syntax == RLELossless:
        return _rle_structure(seg)
    if seg.transfer_syntax.is_private or not seg.transfer_syntax.is_transfer_syntax:
        return "in a transfer syntax that this pydicom does not know; not checked", []
    if seg.transfer_syntax.is_encapsulated:
        return "compressed; its structure is not checked here", []
    bits = seg.frame_count * int(seg.dataset.Rows) * int(seg.dataset.Columns) * int(seg.dataset.BitsAllocated)
    due, found = (bits + 7) // 8, len(seg.dataset.PixelData)
    if found not in (due, due + 1):
        return f"{found} bytes", [f"Pixel Data has {found} bytes, its frames need {due}"]
    return f"{found} bytes, as many as its frames need", []


def _rle_structure(seg: AnySeg) -> tuple[str, list[str]]:
    rows, columns = int(seg.dataset.Rows), int(seg.dataset.Columns)
    bytes_per_pixel = (int(seg.dataset.BitsAllocated) + 7) // 8
    faults, dialects, count = [], set(), 0
    for count, encoded in enumerate(seg.encoded_frames(), start=1):
        try:
            if seg.is_one_bit_rle:
                dialects.add(seg.decode_one_bit_rle(encoded)[1])
            else:
                decode_frame(encoded, rows, columns, bytes_per_pixel)
        except RLEStructureError as error:
            faults.append(f"frame {count}: {error}")
    if count != seg.frame_count:
        faults.append(f"{count} frames are encoded, Number of Frames says {seg.frame_count}")
    faults.extend(f"RLE of 1-bit pixels as {dialect}" for dialect in sorted(dialects - {G2_DIALECT}))
    checked = f"RLE, every row of {count} frames checked by PS3.5 Annex G"
    return f"{checked}, dialect: {', '.join(sorted(dialects))}" if dialects else checked, faults
