"""What a SEG file is, for a person: type, syntax, segments with their codes, frames, references, RLE structure."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydicom.uid import UID, RLELossless

from SegRLEExportLib.encoding.plan import LABEL_MAP_SEGMENTATION_STORAGE
from SegRLEExportLib.errors import NotASegmentationFileError
from SegRLEExportLib.model.counted import counted
from SegRLEExportLib.model.printable import printable_lines
from SegRLEExportLib.model.terminology import Code
from SegRLEExportLib.reading.damage import DAMAGE, GET_ANEW, readable
from SegRLEExportLib.reading.frame_decoding import DEFLATED_IMAGE_FRAME, ENCAPSULATED_UNCOMPRESSED, BitLayout, Decoded
from SegRLEExportLib.reading.parts import part_of
from SegRLEExportLib.reading.pixels import PixelData
from SegRLEExportLib.reading.seg_file import SegFile
from SegRLEExportLib.reading.segments import SegmentRecord

_SHOWN_FAULTS = 5

_DIALECTS = {
    BitLayout.BYTE_A_PIXEL: "one byte a pixel (PS3.5 G.2)",
    BitLayout.PACKED: "packed bits (cornerstone3D, OHIF; not PS3.5 G.2)",
}
"""Of RLE of 1-bit pixels."""


@dataclass(frozen=True)
class InspectedSegment:
    """One segment of a file."""

    record: SegmentRecord
    frames: int | None
    """How many show it; None where that is not said, as in label maps."""

    def __str__(self) -> str:
        record = self.record
        codes = [_code(record.category), _code(record.type, record.type_modifier)]
        where = f", in {_code(record.region, record.region_modifier)}" if record.region else ""
        count = "" if self.frames is None else f", {counted(self.frames, 'frame')}"
        faults = f" ({'; '.join(record.code_faults)})" if record.code_faults else ""
        return f"{record.number:>3}  {record.label}: {' / '.join(filter(None, codes))}{where}{count}{faults}"

    def to_json(self) -> dict[str, Any]:
        """Return all that the file says of it as a JSON object."""
        return {**asdict(self.record), "frames": self.frames}


@dataclass(frozen=True)
class Inspection:
    """The facts about one file."""

    path: Path
    facts: dict[str, str]
    """In the order to be shown."""
    segments: tuple[InspectedSegment, ...]
    faults: tuple[str, ...]
    """What is wrong with the structure; empty if nothing was found."""

    def __str__(self) -> str:
        width = max(len(name) for name in self.facts)
        lines = [str(self.path), *(f"  {name:{width}}  {value}" for name, value in self.facts.items())]
        lines.extend(f"    {segment}" for segment in self.segments)
        lines.extend(f"  FAULT: {fault}" for fault in self.faults[:_SHOWN_FAULTS])
        if len(self.faults) > _SHOWN_FAULTS:
            lines.append(f"  and {len(self.faults) - _SHOWN_FAULTS} faults more")
        if self.faults:
            lines.append(f"  {GET_ANEW}")
        return printable_lines(lines)

    def to_json(self) -> dict[str, Any]:
        """Return the inspection as a JSON object."""
        return {
            "path": str(self.path),
            "facts": self.facts,
            "segments": [segment.to_json() for segment in self.segments],
            "faults": list(self.faults),
        }


def inspect(path: Path) -> Inspection:
    """Read any SEG and tell what it is.

    Raises `NotASegmentationFileError`.
    """
    seg = SegFile(path)
    with readable(path, "its description"):
        return _inspected(seg)


def _inspected(seg: SegFile) -> Inspection:
    dataset, pixels = seg.dataset, seg.pixel_data
    frames, faults = _frames_of_segments(seg)
    structure, pixel_faults = _pixel_structure(pixels)
    faults.extend(pixel_faults)
    facts = {
        "type": f"{_type(seg)}, {_sop_class_name(seg.sop_class)}",
        "transfer syntax": _syntax_name(seg.transfer_syntax),
        "pixels": f"{pixels.rows} x {pixels.columns}, {counted(pixels.bits_allocated, 'bit')} allocated",
        "frames": _frames(seg),
        **_part(seg),
        "pixel data": structure,
        "references": _references(seg),
        "written by": f"{dataset.get('Manufacturer', '?')} {dataset.get('SoftwareVersions', '')}".strip(),
        "segments": str(len(seg.segments)),
    }
    segments = tuple(
        InspectedSegment(record, None if frames is None else frames[record.number]) for record in seg.segments
    )
    return Inspection(seg.path, facts, segments, tuple(faults))


def _type(seg: SegFile) -> str:
    if not seg.is_fractional:
        return seg.segmentation_type
    return f"{seg.segmentation_type} ({seg.fractional_type or 'type not stated'}, up to {seg.maximum_fraction})"


def _frames_of_segments(seg: SegFile) -> tuple[Counter[int] | None, list[str]]:
    """Return how many frames each segment has, None where that is not said; and what is wrong with it."""
    if seg.is_label_map or seg.is_tiled_full:
        return None, []
    frames = Counter(seg.frames.segment_numbers)
    undescribed = sorted(set(frames) - {record.number for record in seg.segments})
    return frames, [
        f"{counted(frames[number], 'frame shows', 'frames show')} segment {number}, which is not described"
        for number in undescribed
    ]


def _sop_class_name(sop_class: UID) -> str:
    return "Label Map Segmentation Storage" if sop_class == LABEL_MAP_SEGMENTATION_STORAGE else sop_class.name


def _syntax_name(syntax: UID) -> str:
    """Return the name of a transfer syntax; pydicom 3.0 does not know the newest."""
    return "Deflated Image Frame Compression" if syntax == DEFLATED_IMAGE_FRAME else syntax.name


def _frames(seg: SegFile) -> str:
    """Return how many frames there are, and on what they lie, if that is known."""
    try:
        stack, planes = seg.planes
    except NotASegmentationFileError:
        return str(seg.frame_count)
    if not stack.has_place:
        return f"{seg.frame_count} on {counted(len(set(planes)), 'image')}, without a place in the patient"
    return f"{seg.frame_count} on {counted(len(stack), 'plane')}"


def _part(seg: SegFile) -> dict[str, str]:
    """Return which file it is of an export that made several of ours; nothing of the only one."""
    part = part_of(seg)
    return {"file": f"{part.number} of {part.total} of its export"} if part.total > 1 else {}


def _references(seg: SegFile) -> str:
    series = [str(item.get("SeriesInstanceUID", "?")) for item in seg.dataset.get("ReferencedSeriesSequence") or []]
    if not series:
        return "none"
    return f"{counted(len(seg.referenced_instance_uids), 'image')} of series {', '.join(series)}"


def _code(*code_and_modifier: Code | None) -> str:
    return ", ".join(f"{code.meaning} ({code.scheme} {code.value})" for code in code_and_modifier if code)


def _pixel_structure(pixels: PixelData) -> tuple[str, list[str]]:
    """Return what is known of Pixel Data in a sentence, and its faults."""
    if pixels.transfer_syntax in (RLELossless, DEFLATED_IMAGE_FRAME, ENCAPSULATED_UNCOMPRESSED):
        return _coded_structure(pixels)
    if pixels.transfer_syntax.is_private:
        return "in a transfer syntax that this pydicom does not know; not checked", []
    if pixels.is_encapsulated:
        return "compressed; its structure is not checked here", pixels.fragments().faults()
    fault = pixels.fault_of_length() or pixels.fault_of_end()
    if fault:
        return f"{pixels.head.length} bytes", [fault]
    return f"{pixels.head.length} bytes, as many as its frames need", []


def _coded_structure(pixels: PixelData) -> tuple[str, list[str]]:
    """Decode every frame by the letter of the standard; where that fails, see whether it can be read at all."""
    fragments = pixels.fragments()
    faults, broken = fragments.faults(), 0
    is_rle = pixels.transfer_syntax == RLELossless
    due = BitLayout.BYTE_A_PIXEL if is_rle else BitLayout.PACKED
    layouts: set[BitLayout] = set()
    if len(fragments.lengths) != pixels.frame_count:
        faults.append(f"{len(fragments.lengths)} fragments for {pixels.frame_count} frames, as Number of Frames says")
    for number, encoded in enumerate(pixels.encoded_frames(), start=1):
        fault = _fault_of(pixels, encoded)
        decoded = _decoded(pixels, encoded) if fault or pixels.bits_allocated == 1 else None
        layout = decoded[1] if decoded else None
        if fault and layout in (None, due):
            faults.append(f"frame {number}{'' if decoded else ' cannot be read'}: {fault}")
        broken += bool(fault)
        layouts.update(filter(None, [layout]))
    checked = _checked(pixels, broken)
    if not is_rle:
        wrong = layouts - {due}
        faults.extend(f"1-bit pixels as {layout.value}, where {due.value} are due" for layout in wrong)
        return checked, faults
    faults.extend(f"RLE of 1-bit pixels as {_DIALECTS[layout]}" for layout in layouts - {due})
    dialects = sorted(_DIALECTS[layout] for layout in layouts)
    return f"{checked}, dialect: {', '.join(dialects)}" if dialects else checked, faults


def _checked(pixels: PixelData, broken: int) -> str:
    if pixels.transfer_syntax != RLELossless:
        return f"{counted(pixels.frame_count, 'frame')} decoded"
    if broken:
        return f"RLE, {broken} of {counted(pixels.frame_count, 'frame')} not as PS3.5 Annex G has it"
    return f"RLE, every row of {counted(pixels.frame_count, 'frame')} checked by PS3.5 Annex G"


def _fault_of(pixels: PixelData, encoded: bytes) -> str:
    try:
        pixels.decode(encoded, is_strict=True)
    except DAMAGE as error:
        return str(error)
    return ""


def _decoded(pixels: PixelData, encoded: bytes) -> Decoded | None:
    """Return a frame that can be read, whether or not that is allowed; None if it cannot."""
    try:
        return pixels.decode(encoded)
    except DAMAGE:
        return None
