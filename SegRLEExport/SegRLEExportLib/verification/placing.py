"""Where the pixels of a file lie, beside the images of a series and the voxels of a segmentation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from SegRLEExportLib.model.geometry import PlaneStack
from SegRLEExportLib.model.segmentation import Layer, Segmentation
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


@dataclass(frozen=True)
class Places:
    """What is to be said of where the pixels of a file lie."""

    differences: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    are_voxels: bool = True
    """Whether each pixel lies on a voxel of the segmentation, or nowhere in space; else it is compared with the nearest
    one."""


def places_of(seg: SegFile, segmentation: Segmentation, source: SourceSeries | None) -> Places:
    """Return what is wrong with the places of a file, and what is to be said of them."""
    stack, _ = seg.planes
    name = seg.path.name
    off_images = 0 if source is None else planes_off_images(stack, source)
    is_on_images = source is not None and not off_images
    layers = [segmentation.layers[n] for n in {segment.layer_index for segment in segmentation.segments}]
    beside = _beside_voxels(layers, stack, source)
    if beside:
        what = f"the pixels of {name} {beside}"
        if is_on_images:
            return Places(remarks=(f"{what}, as those of the images do",), are_voxels=False)
        aside = ", and not on the images" if source is not None else ""
        return Places(differences=(what + aside,), are_voxels=False)
    if source is None or is_on_images:
        return Places()
    if off_images == len(stack):
        return Places(remarks=(f"the frames of {name} lie on the segmentation's own grid, and not on the images",))
    lie = "lies" if off_images == 1 else "lie"
    return Places(remarks=(f"of the {len(stack)} planes of {name} {off_images} {lie} on no image of the series",))


def _beside_voxels(layers: Sequence[Layer], stack: PlaneStack, source: SourceSeries | None) -> str:
    """Return how pixels lie beside the voxels of the layers; empty if they lie on those of one."""
    if not all(layer.is_one_to_one for layer in layers_on(layers, stack, images_under(stack, source))):
        return "lie beside the voxels of the segmentation, whose grid is another (pixels are counted)"
    images = None if stack.has_place else images_under(stack, source)
    off = min((layer.displacement_voxels for layer in layers_on(layers, stack, images)), default=0.0)
    return f"lie up to {off:.2f} voxels from the voxels of the segmentation" if off > _SAME_VOXEL else ""
