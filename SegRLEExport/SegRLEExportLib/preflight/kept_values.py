"""Label values as segment numbers: who reads numbers with gaps right, measured, and what is refused.

Tried with 1, 5, 200; 1, 5, 300; 5, 1, 9 and 7, 300, 40000. Label maps: pydicom right; highdicom 0.27 right, but from
256 on nothing where it reads segments one by one; dcmqi (3D Slicer) right up to 32767, negative beyond. Segments of
one bit: dcmqi refuses all that are not 1 to N.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from SegRLEExportLib.encoding.plan import LARGEST_8_BIT_LABEL, EncodingPlan
from SegRLEExportLib.model.counted import first_of
from SegRLEExportLib.model.finding import Finding, Severity
from SegRLEExportLib.model.remedy import Remedy
from SegRLEExportLib.model.segmentation import Segmentation
from SegRLEExportLib.options import ExportOptions
from SegRLEExportLib.planes.frames import FrameIndex

_MOST_SHOWN = 5

LARGEST_KEPT = 32767
"""dcmqi reads 16 bits as signed."""


def kept_values(segmentation: Segmentation, options: ExportOptions) -> list[int] | None:
    """Return the label values of the segments, if they are to be their numbers, and can."""
    values = [segment.layer_value for segment in segmentation.segments]
    return values if options.keep_values and len(set(values)) == len(values) else None


def kept_value_findings(
    segmentation: Segmentation, index: FrameIndex, plan: EncodingPlan, options: ExportOptions
) -> Iterator[Finding]:
    """Tell where label values cannot be kept, and who would read them wrong."""
    if not options.keep_values:
        yield from _renumbered(segmentation)
        return
    values = [segment.layer_value for segment in segmentation.segments]
    if not plan.is_label_map:
        yield _refused(
            "Only label maps can keep label values: in other encodings 3D Slicer (dcmqi) refuses segments that are not "
            "numbered from 1 without gaps.",
            f"Choose a label map, for example {Remedy.RLE}, or export without keeping the label values.",
        )
    twice = [str(value) for value, count in Counter(values).items() if count > 1]
    if twice:
        yield _refused(
            f"Several segments have the same label value ({', '.join(twice[:5])}), so it cannot be the number of each.",
            "Export without keeping the label values, or export those segments one at a time.",
        )
    if max(values) > LARGEST_KEPT:
        yield _refused(
            f"3D Slicer (dcmqi) would read the label value {max(values)} as a negative number.",
            f"Use label values up to {LARGEST_KEPT}, or export without keeping them.",
        )
    empty = [segmentation.segments[n].name for n in np.flatnonzero(index.segment_voxels == 0).tolist()]
    if empty:
        yield _refused(
            f"Some segments are empty ({', '.join(empty[:5])}): 3D Slicer would give wrong names to the segments with "
            "larger label values.",
            "Leave out the empty segments, or export without keeping the label values.",
        )
    yield from _warned(values)


def _renumbered(segmentation: Segmentation) -> Iterator[Finding]:
    """Tell that what was read from DICOM SEG gets Segment Numbers that are not its label values."""
    values = [segment.layer_value for segment in segmentation.segments]
    if segmentation.origin and len(segmentation.layers) == 1 and values != list(range(1, len(values) + 1)):
        yield Finding(
            "segments-renumbered",
            Severity.NOTE,
            f"The segments get other numbers than their label values, which are {first_of(values, _MOST_SHOWN)}.",
            where=segmentation.name,
            help=f"A label map can keep the numbers: {Remedy.KEEP_VALUES}.",
        )


def _warned(values: list[int]) -> Iterator[Finding]:
    if sorted(values) != list(range(1, len(values) + 1)):
        yield Finding(
            "label-values-kept",
            Severity.WARNING,
            "The label values, which are kept as segment numbers, have gaps: OHIF up to 3.14 shows the segments with "
            "the right names, but in the colors of other segments.",
        )
    if max(values) > LARGEST_8_BIT_LABEL:
        yield Finding(
            "label-values-over-255",
            Severity.WARNING,
            f"The label value {max(values)} is above 255: when highdicom up to 0.28 reads segments one by one, it "
            "shows that segment empty, without a warning.",
        )


def _refused(what: str, help_text: str) -> Finding:
    return Finding("label-values-not-kept", Severity.ERROR, what, help=help_text)
