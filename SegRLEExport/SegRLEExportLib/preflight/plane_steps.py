"""What readers make of the planes: how thick they are, whether even steps lead to them, which lie on no image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from SegRLEExportLib.model.finding import Finding, Severity
from SegRLEExportLib.model.geometry import PlaneStack
from SegRLEExportLib.model.segmentation import Segmentation
from SegRLEExportLib.model.source_series import SourceFrame, SourceSeries
from SegRLEExportLib.options import ExportOptions, Grid
from SegRLEExportLib.planes.frames import FrameIndex

_THICKNESS_OF_NOTHING_MM = 1.0
"""Written for a single plane of which nobody says how thick it is."""

_HIGHDICOM_TOLERANCE = 0.01
"""highdicom makes a volume of planes that are off even steps by so small a part of a step (its default)."""

_SEEN_MM = 0.1
"""Planes that dcmqi moves by less are not worth a word."""

_OWN_GRID = "The segmentation's own grid opens there, each voxel in its place."


def slice_thickness(
    segmentation: Segmentation, source: SourceSeries, stack: PlaneStack, options: ExportOptions
) -> tuple[float, list[Finding]]:
    """Return Slice Thickness (0018,0050), which readers need (type 1C), and what is to be said of it."""
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


def steps_findings(stack: PlaneStack) -> Iterator[Finding]:
    """Tell which programs will move or refuse the planes, as no even steps lead to them."""
    step, moved_mm = stack.spacing_between_planes_mm, stack.off_even_steps_mm
    sideways_mm = _sideways_mm(stack)
    if sideways_mm > min(stack.pixel_spacing_mm) / 2:
        readers = "3D Slicer (dcmqi) misplaces or refuses such a file, and highdicom's get_volume refuses it"
        what = f"The images are shifted sideways by up to {sideways_mm:.1f} mm (a tilted gantry); {readers}."
    elif step is None and len(stack) > 1:
        readers = "3D Slicer (dcmqi) misplaces or loses some of them, and highdicom's get_volume refuses the file"
        what = f"The gaps between the images are uneven; {readers}."
    elif step is not None and moved_mm > max(_HIGHDICOM_TOLERANCE * step, _SEEN_MM):
        readers = (
            f"3D Slicer (dcmqi) moves some by up to {moved_mm:.2f} mm, and highdicom's get_volume refuses the file"
        )
        what = f"The gaps between the images are not quite even; {readers}."
    else:
        return
    yield Finding("uneven-planes", Severity.WARNING, what, help=_OWN_GRID)


def frames_without_image(
    source_frames: Sequence[SourceFrame | None], index: FrameIndex, options: ExportOptions
) -> Iterator[Finding]:
    """Tell how many planes of the segmentation's own grid have voxels and lie on no image."""
    if options.grid is not Grid.SEGMENTATION:
        return
    planes = np.flatnonzero(index.voxels.any(axis=0)).tolist()
    count = sum(source_frames[plane] is None for plane in planes)
    if count:
        what = f"{count} of {len(planes)} planes with voxels lie on no source image, so they refer to none."
        yield Finding("frames-without-image", Severity.NOTE, what)


def _own_thickness(segmentation: Segmentation, stack: PlaneStack) -> float:
    """Return how far apart the planes of the first layer's grid are; a single plane has that, too."""
    first = min(segment.layer_index for segment in segmentation.segments)
    return float(abs(segmentation.layers[first].geometry.kji_to_lps[:3, 0] @ stack.normal_lps))


def _sideways_mm(stack: PlaneStack) -> float:
    """Return how far the planes' first pixels are from the line across the first plane."""
    moved = stack.positions_lps - stack.positions_lps[0]
    return float(np.linalg.norm(moved - np.outer(moved @ stack.normal_lps, stack.normal_lps), axis=1).max())
