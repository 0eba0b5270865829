"""What readers make of the planes: how thick they are, which lie on no image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from SegRLEExportLib.model.counted import counted
from SegRLEExportLib.model.finding import Finding, Severity
from SegRLEExportLib.model.geometry import PlaneStack
from SegRLEExportLib.model.segmentation import Segmentation
from SegRLEExportLib.model.source_series import SourceFrame, SourceSeries
from SegRLEExportLib.options import ExportOptions, Grid
from SegRLEExportLib.planes.frames import FrameIndex

_THICKNESS_OF_NOTHING_MM = 1.0
"""Written for a single plane of which nobody says how thick it is; of images without a place nothing is written."""


def slice_thickness(
    segmentation: Segmentation, source: SourceSeries, stack: PlaneStack, options: ExportOptions
) -> tuple[float, list[Finding]]:
    """Return Slice Thickness (0018,0050), which readers need (type 1C), and what is to be said of it."""
    if not stack.has_place:
        return _THICKNESS_OF_NOTHING_MM, []
    if options.grid is Grid.SEGMENTATION:
        return _own_thickness(segmentation, stack), []
    if source.slice_thickness_mm:
        return source.slice_thickness_mm, []
    heights = stack.positions_lps @ stack.normal_lps
    mean_gap = float(np.ptp(heights)) / max(1, len(stack) - 1)
    thickness, origin = stack.spacing_between_planes_mm or mean_gap, "the distance of the images"
    if not thickness:
        thickness, origin = _THICKNESS_OF_NOTHING_MM, "as nothing says how thick the one image is"
    what = f"The images have no common Slice Thickness; {thickness:.6g} mm is written, {origin}."
    return thickness, [Finding("thickness-made-up", Severity.NOTE, what, "(0018,0050) SliceThickness")]


def frames_without_image(
    source_frames: Sequence[SourceFrame | None], index: FrameIndex, options: ExportOptions
) -> Iterator[Finding]:
    """Tell how many planes of the segmentation's own grid have voxels and lie on no image."""
    if options.grid is not Grid.SEGMENTATION:
        return
    planes = np.flatnonzero(index.voxels.any(axis=0)).tolist()
    count = sum(source_frames[plane] is None for plane in planes)
    if count:
        refer = "lies on no source image, so it refers" if count == 1 else "lie on no source image, so they refer"
        what = f"{count} of {counted(len(planes), 'plane')} with voxels {refer} to none."
        yield Finding("frames-without-image", Severity.NOTE, what)


def _own_thickness(segmentation: Segmentation, stack: PlaneStack) -> float:
    """Return how far apart the planes of the first layer's grid are; a single plane has that, too."""
    first = min(segment.layer_index for segment in segmentation.segments)
    return float(abs(segmentation.layers[first].geometry.kji_to_lps[:3, 0] @ stack.normal_lps))
