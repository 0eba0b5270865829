"""Which viewers would show this very file wrong without saying so, by name, and what helps.

Measured in the viewers themselves; who opens an encoding at all, or refuses it with an error, is told by its row of the
table of encodings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from SegRLEExportLib.encoding.instances import Instance
from SegRLEExportLib.encoding.pixel_size import pixel_bytes
from SegRLEExportLib.encoding.plan import LARGEST_8_BIT_LABEL, EncodingPlan, FrameCoding
from SegRLEExportLib.model.finding import Finding, Severity
from SegRLEExportLib.model.geometry import PlaneStack
from SegRLEExportLib.model.remedy import Remedy

_PIXELS_OF_A_BYTE = 8


def viewer_findings(plan: EncodingPlan, stack: PlaneStack, instances: Sequence[Instance]) -> Iterator[Finding]:
    """Tell sizes, overlaps and numbers of segments that a viewer is known to take for others."""
    yield from _odd_size(plan, stack)
    yield from _odd_bytes(plan, stack, instances)
    if plan.frame_coding is FrameCoding.BITS and any(instance.segments_overlap for instance in instances):
        yield Finding(
            "overlap-in-ohif",
            Severity.WARNING,
            "Of two segments that overlap, OHIF (3.11 to 3.14) does not show the later one on planes where the earlier "
            "one is empty, and gives no warning.",
            help=f"For OHIF 3.13 and newer choose {Remedy.RLE}, for OHIF 3.11 and 3.12 {Remedy.LABEL_MAP}: both put "
            "segments that overlap into separate files.",
        )
    count = max((len(instance.segment_positions) for instance in instances), default=0)
    if count > LARGEST_8_BIT_LABEL:
        also = ", and so does highdicom up to 0.28 when it reads segments one by one" if plan.is_label_map else ""
        yield Finding(
            "more-than-255-segments",
            Severity.WARNING,
            f"A file has {count} segments: beyond 255, cornerstone3D (OHIF) mixes segments up without a warning{also}.",
            help=f"Up to 255 are shown right: {Remedy.FEWER_SEGMENTS}.",
        )


def _odd_size(plan: EncodingPlan, stack: PlaneStack) -> Iterator[Finding]:
    """Tell frames of one bit a pixel that begin within a byte."""
    if plan.frame_coding is not FrameCoding.BITS or stack.rows * stack.columns % _PIXELS_OF_A_BYTE == 0:
        return
    yield Finding(
        "not-multiple-of-8",
        Severity.WARNING,
        f"{stack.rows} x {stack.columns} pixels are not a multiple of 8: OHIF 3.13 shows wrong voxels or refuses "
        "the file, 3D Slicer 5.6 and 5.8 (dcmqi 1.3) read wrong voxels without a warning, and SimpleITK shows garbage "
        "in the last pixels.",
        help=f"For OHIF 3.13 or a current 3D Slicer choose {Remedy.RLE}, for SimpleITK or an older 3D Slicer "
        f"{Remedy.PER_SEGMENT}; OHIF 3.12 reads uncompressed bits right.",
    )


def _odd_bytes(plan: EncodingPlan, stack: PlaneStack, instances: Sequence[Instance]) -> Iterator[Finding]:
    """Tell uncompressed label maps that end with a byte of padding, which OHIF 3.13 counts with the frames."""
    if plan.frame_coding is not FrameCoding.BYTES or plan.is_deflated:
        return
    for instance in instances:
        if pixel_bytes(instance.frame_count, stack, plan.bits_allocated(instance.largest_number)) % 2:
            yield Finding(
                "odd-bytes-in-ohif",
                Severity.WARNING,
                f"{instance.frame_count} frames of {stack.rows} x {stack.columns} pixels are an odd number of bytes: "
                "OHIF 3.13 does not open such a file from a disk ('Invalid frame length'), from an archive it does.",
                help=f"For OHIF 3.13 choose {Remedy.RLE}.",
            )
            return
