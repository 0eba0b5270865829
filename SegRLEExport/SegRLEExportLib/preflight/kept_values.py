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
from SegRLEExportLib.model.finding import Finding, Severity
from SegRLEExportLib.model.remedy import Remedy
from SegRLEExportLib.model.segmentation import Segmentation
from SegRLEExportLib.options import ExportOptions
from SegRLEExportLib.planes.frames import FrameIndex

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
        return
    values = [segment.layer_value for segment in segmentation.segments]
    if not plan.is_label_map:
        yield _refused(
            "Only label maps can keep label values: in other encodings 3D Slicer (dcmqi) refuses segments that are not "
            "numbered from 1 without gaps.",
            f"Choose a label map, {Remedy.RLE} for example, or do without the label values.",
        )
    twice = [str(value) for value, count in Counter(values).items() if count > 1]
    if twice:
        yield _refused(
            f"Several segments have the label value {', '.join(twice[:5])}, each in a layer of its own.",
            "Do without the label values, or export those segments one at a time.",
        )
    if max(values) > LARGEST_KEPT:
        yield _refused(
            f"The label value {max(values)} would be read as a negative one by 3D Slicer (dcmqi).",
            f"Use values up to {LARGEST_KEPT}, or do without the label values.",
        )
    empty = [segmentation.segments[n].name for n in np.flatnonzero(index.segment_voxels == 0).tolist()]
    if empty:
        yield _refused(
            f"Empty segments ({', '.join(empty[:5])}) would shift the names that 3D Slicer gives to the label values "
            "behind theirs.",
            "Leave out those segments, or do without the label values.",
        )
    yield from _warned(values)


def _warned(values: list[int]) -> Iterator[Finding]:
    if sorted(values) != list(range(1, len(values) + 1)):
        yield Finding(
            "label-values-kept",
            Severity.WARNING,
            "Segments have the label values as numbers, with gaps: OHIF up to 3.14 shows the right names with the "
            "colors of others.",
        )
    if max(values) > LARGEST_8_BIT_LABEL:
        yield Finding(
            "label-values-over-255",
            Severity.WARNING,
            f"The label value {max(values)} is beyond 255: highdicom up to 0.28 shows nothing of it where it reads "
            "segments one by one, without saying so.",
        )


def _refused(what: str, help_text: str) -> Finding:
    return Finding("label-values-not-kept", Severity.ERROR, what, help=help_text)
