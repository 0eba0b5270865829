"""Counting voxels beyond the planes skips whole slices; it must find what a look at every voxel finds."""

from __future__ import annotations

import numpy as np
import pytest
from SegRLEExportLib.model.geometry import Geometry, PlaneStack
from SegRLEExportLib.model.segmentation import Layer
from SegRLEExportLib.planes.sampling import SampledLayer

ROWS, COLUMNS = 6, 8
POSITIONS = np.array([[0.0, 0.0, z] for z in (0.0, 2.0, 4.0, 7.0)])
STACK = PlaneStack(ROWS, COLUMNS, [1, 0, 0], [0, 1, 0], (1.0, 1.0), POSITIONS)
EDGES = ((-1.0, 1.0), (1.0, 3.0), (3.0, 5.5), (5.5, 8.5))
"""Along the normal: half the way to each neighbour, and as far beyond the first and the last plane."""

ON_THE_GRID = [[0, 0, 1, 0], [0, 1, 0, 0], [2, 0, 0, 0], [0, 0, 0, 1]]
SAGITTAL = [[1, 0, 0, 0.2], [0, 1, 0, 0.1], [0, 0, 1, -2.3], [0, 0, 0, 1]]
OBLIQUE = [[0.3, 0.1, 0.95, -0.7123], [-0.1, 0.98, 0.05, -0.6123], [1.7, 0.2, -0.4, -0.9123], [0, 0, 0, 1]]


def counted_one_by_one(labels: np.ndarray, kji_to_lps: np.ndarray) -> list[int]:
    counts = [0, 0, 0]
    for kji in np.argwhere(labels):
        x, y, z = (kji_to_lps @ [*kji, 1.0])[:3]
        inside = any(low <= z <= high for low, high in EDGES)
        inside &= -0.5 <= x <= COLUMNS - 0.5 and -0.5 <= y <= ROWS - 0.5
        counts[labels[tuple(kji)]] += not inside
    return counts


@pytest.mark.parametrize(
    ("kji_to_lps", "shape"),
    [
        pytest.param(ON_THE_GRID, (4, ROWS, COLUMNS), id="on the grid"),
        pytest.param(ON_THE_GRID, (9, ROWS + 3, COLUMNS + 2), id="larger than the stack on three sides"),
        pytest.param(SAGITTAL, (7, 6, 12), id="slices across the planes"),
        pytest.param(OBLIQUE, (6, 8, 9), id="slices that meet several planes"),
    ],
)
def test_counts_are_those_of_a_look_at_every_voxel(kji_to_lps, shape):
    labels = np.random.default_rng(3).integers(0, 3, shape, dtype=np.uint8)
    kji_to_lps = np.array(kji_to_lps, dtype=float)

    counted = SampledLayer(Layer(labels, Geometry(shape, kji_to_lps)), STACK).voxels_outside([0, 1, 2])

    assert counted.tolist() == counted_one_by_one(labels, kji_to_lps)
