"""Whether a segmentation that keeps a grid of its own lies where its images are at all.

Nothing of it is lost then, so nothing else would tell that it is of another scan.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from SegRLEExportLib.model.finding import Finding, Severity
from SegRLEExportLib.model.geometry import Matrix, PlaneStack
from SegRLEExportLib.model.remedy import Remedy
from SegRLEExportLib.model.segmentation import Layer, Segmentation
from SegRLEExportLib.options import ExportOptions, Grid


def away_findings(segmentation: Segmentation, images: PlaneStack, options: ExportOptions) -> Iterator[Finding]:
    """Tell of a segmentation on its own grid no voxel of which can lie within the images."""
    if options.grid is not Grid.SEGMENTATION:
        return
    boxes = [box for index in segmentation.positions_of_layers if (box := _corners(segmentation.layers[index])).size]
    if boxes and all(_is_away(box, images) for box in boxes):
        yield Finding(
            "away-from-images",
            Severity.WARNING,
            "No voxel of the segmentation lies within the images.",
            where=segmentation.name,
            help=f"Is it of another scan? {Remedy.CHOOSE_SERIES}, if that is not meant.",
        )


def _corners(layer: Layer) -> Matrix:
    """Return (8, 3), the corners of the box, along the axes of the grid, that holds all labels; (0, 3) without any."""
    labels = layer.labels_kji
    in_plane = np.any(labels, axis=0)
    used = [np.flatnonzero(one) for one in (labels.any(axis=(1, 2)), in_plane.any(axis=1), in_plane.any(axis=0))]
    if not used[0].size:
        return np.zeros((0, 3))
    ends = [(indices[0] - 0.5, indices[-1] + 0.5) for indices in used]
    corners = np.array([(*corner, 1.0) for corner in product(*ends)])
    return (corners @ layer.geometry.kji_to_lps.T)[:, :3]


def _is_away(corners: Matrix, images: PlaneStack) -> bool:
    """Tell whether a box lies wholly beyond one side of the images: above, below or beside all of them."""
    grid = images.even_geometry
    axes = np.stack([images.normal_lps, images.column_direction_lps, images.row_direction_lps], axis=1)
    places, origins = corners @ axes, images.positions_lps @ axes
    half = np.array(grid.spacing_mm) / 2
    extent = np.array([0.0, *(np.array(grid.shape_kji[1:]) - 1) * grid.spacing_mm[1:]])
    lowest, highest = origins.min(axis=0) - half, origins.max(axis=0) + extent + half
    return bool((places.max(axis=0) <= lowest).any() or (places.min(axis=0) >= highest).any())
