"""All layers of a segmentation on one grid, as files of volumes need them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from SegRLEExportLib.errors import UnwritableSegmentationError
from SegRLEExportLib.model.geometry import Geometry, PlaneStack
from SegRLEExportLib.model.segmentation import Labels, Layer, Segmentation
from SegRLEExportLib.planes.sampling import SampledLayer

_SAME_VOXELS = 0.01
"""How far the voxels of two grids may lie apart, in voxels, to be the same."""

_EVEN = 0.01
"""How far a plane may lie from its even step, in steps, for a grid to show it where it is."""


def on_own_grid(segmentation: Segmentation) -> Segmentation:
    """Return the segmentation with all used layers on the grid of the first, as large as they need together.

    Layers are not copied where they lie on it already. Raises `UnwritableSegmentationError` if their voxels differ.
    """
    used = sorted({segment.layer_index for segment in segmentation.segments})
    layers = [segmentation.layers[index] for index in used]
    if not layers:
        raise UnwritableSegmentationError(segmentation.name, "it has no segment")
    grid = layers[0].geometry.extended_over([layer.geometry for layer in layers[1:]])
    moved = tuple(_moved(layer, grid, segmentation.name) for layer in layers)
    segments = tuple(replace(one, layer_index=used.index(one.layer_index)) for one in segmentation.segments)
    return replace(segmentation, layers=moved, segments=segments)


def on_grid_of(images: PlaneStack, segmentation: Segmentation) -> Segmentation:
    """Return the segmentation with all layers on the grid of the images, each voxel from the nearest one.

    Raises `UnwritableSegmentationError` if the images have uneven gaps, or lie tilted: no grid shows them.
    """
    grid = images.even_geometry
    even = PlaneStack.of_geometry(grid)
    step = grid.spacing_mm[0]
    order = np.argsort(images.positions_lps @ images.normal_lps)
    off_mm = float(np.abs(images.positions_lps[order] - even.positions_lps).max())
    if off_mm > _EVEN * step:
        raise UnwritableSegmentationError(
            segmentation.name, f"the images lie up to {off_mm:.3g} mm off an even grid, and a volume has no other"
        )
    sorted_images = images.only(order)
    layers = tuple(_sampled(layer, sorted_images, grid) for layer in segmentation.layers)
    return replace(segmentation, layers=layers)


def _moved(layer: Layer, grid: Geometry, name: str) -> Layer:
    to_grid = np.linalg.inv(grid.kji_to_lps) @ layer.geometry.kji_to_lps
    start = np.rint(to_grid[:3, 3]).astype(int)
    ends = np.array(layer.geometry.shape_kji) - 1
    drift = np.abs((to_grid[:3, :3] - np.eye(3)) @ np.diag(ends)).sum(axis=1).max()
    if drift > _SAME_VOXELS or np.abs(to_grid[:3, 3] - start).max() > _SAME_VOXELS:
        raise UnwritableSegmentationError(name, "its segments lie on grids of different voxels")
    if layer.geometry.shape_kji == grid.shape_kji:
        return Layer(layer.labels_kji, grid)
    labels = np.zeros(grid.shape_kji, layer.labels_kji.dtype)
    labels[tuple(slice(at, at + size) for at, size in zip(start, layer.geometry.shape_kji))] = layer.labels_kji
    return Layer(labels, grid)


def _sampled(layer: Layer, images: PlaneStack, grid: Geometry) -> Layer:
    seen = SampledLayer.drawn_on(layer, images)
    labels: Labels = np.zeros(grid.shape_kji, layer.labels_kji.dtype)
    for plane in range(len(images)):
        region = seen.region(plane)
        if region is not None:
            rows, columns = region.labels.shape
            labels[plane, region.first_row :, region.first_column :][:rows, :columns] = region.labels
    return Layer(labels, grid)
