"""Where the pixels of a file lie, beside the images of a series and the voxels of a segmentation."""

from __future__ import annotations

import numpy as np

from SegRLEExportLib.model.geometry import PlaneStack
from SegRLEExportLib.model.segmentation import Segmentation
from SegRLEExportLib.model.source_series import SourceSeries
from SegRLEExportLib.reading.seg_file import SegFile
from SegRLEExportLib.verification.voxel_comparison import layers_on

SAME_PLACE_PIXELS = 1e-3
"""Pixels that lie no farther from those of an image lie on them."""

_SAME_VOXEL = 0.01
"""The same beside the voxels of a segmentation, whose file may round."""


def are_on_images(stack: PlaneStack, source: SourceSeries) -> bool:
    """Tell whether each plane is that of an image, pixel on pixel."""
    return not planes_off_images(stack, source)


def planes_off_images(stack: PlaneStack, source: SourceSeries) -> int:
    """Return how many planes are not those of an image, pixel on pixel."""
    images = source.stack
    if stack.has_place != images.has_place or (stack.rows, stack.columns) != (images.rows, images.columns):
        return len(stack)
    tolerance_mm = SAME_PLACE_PIXELS * min(images.pixel_spacing_mm)
    last = np.array([stack.rows - 1, stack.columns - 1, 0])
    if np.linalg.norm((stack.plane_to_lps(0) - images.plane_to_lps(0))[:3] @ last) > tolerance_mm:
        return len(stack)
    between = stack.positions_lps[:, None] - images.positions_lps[None]
    return int(np.count_nonzero(np.linalg.norm(between, axis=2).min(axis=1) > tolerance_mm))


def images_under(stack: PlaneStack, source: SourceSeries | None) -> PlaneStack | None:
    """Return the images of the series if each plane lies on one of them; planes without a place are their images."""
    if source is not None and are_on_images(stack, source):
        return source.stack
    return None if stack.has_place else stack


def place_differences(
    seg: SegFile, segmentation: Segmentation, source: SourceSeries | None
) -> tuple[list[str], list[str]]:
    """Return what is wrong with the places of a file, and what is to be said of them."""
    stack, _ = seg.planes
    off_images = 0 if source is None else planes_off_images(stack, source)
    is_on_images = source is not None and not off_images
    used = {segment.layer_index for segment in segmentation.segments}
    images = None if stack.has_place else images_under(stack, source)
    off = [layer.displacement_voxels for layer in layers_on([segmentation.layers[n] for n in used], stack, images)]
    off_voxels = min(off, default=0.0)
    if off_voxels <= _SAME_VOXEL:
        if source is None or is_on_images:
            return [], []
        if off_images == len(stack):
            return [], [f"the frames of {seg.path.name} lie on the segmentation's own grid, and not on the images"]
        lie = "lies" if off_images == 1 else "lie"
        return [], [f"of the {len(stack)} planes of {seg.path.name} {off_images} {lie} on no image of the series"]
    what = f"the pixels of {seg.path.name} lie up to {off_voxels:.2f} voxels from the voxels of the segmentation"
    if is_on_images:
        return [], [f"{what}, as those of the images do"]
    return [what + (", and not on the images" if source is not None else "")], []
