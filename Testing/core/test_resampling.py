"""Nearest voxels, rows and columns apart or pixel by pixel, are those that a look-up of every pixel by itself finds."""

from __future__ import annotations

import numpy as np
import pytest
from builders import a_grid, a_source
from hypothesis import given, settings
from hypothesis import strategies as st
from SegRLEExportLib.model.geometry import Geometry, PlaneStack
from SegRLEExportLib.model.segmentation import Layer
from SegRLEExportLib.planes.resampling import NearestVoxels
from SegRLEExportLib.planes.sampling import SampledLayer
from test_sampling import OBLIQUE, SIGNED_PERMUTATIONS, assert_as_looked_up, plane_of, some_labels

SOURCE = a_grid((3, 6, 7))
SEEDS = st.integers(0, 2**32 - 1)


def turned(axes: np.ndarray, spacing_mm: np.ndarray, shape: tuple[int, int, int], shift_mm: np.ndarray) -> Geometry:
    """Return a grid with those axes, around the middle of the source."""
    to_lps = np.eye(4)
    to_lps[:3, :3] = axes * spacing_mm
    middle = (SOURCE.kji_to_lps @ [1, 2.5, 3, 1])[:3] + shift_mm
    to_lps[:3, 3] = middle - to_lps[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Geometry(shape, to_lps)


@pytest.fixture
def ways(monkeypatch):
    """Which way each plane was resampled."""
    taken = []
    for name in ("_by_axes", "_by_pixel"):
        way = getattr(NearestVoxels, name)
        monkeypatch.setattr(
            NearestVoxels, name, lambda self, plane, name=name, way=way: taken.append(name) or way(self, plane)
        )
    return taken


@given(st.sampled_from(SIGNED_PERMUTATIONS), st.sampled_from([np.uint8, np.uint16]), SEEDS)
@settings(max_examples=150, deadline=None)
def test_a_finer_or_coarser_grid_in_any_direction(axes, dtype, seed):
    random = np.random.default_rng(seed)
    shape = tuple(random.integers(2, 14, 3).tolist())
    geometry = turned(axes, random.uniform(0.2, 3.0, 3), shape, random.uniform(-2, 2, 3))

    assert_as_looked_up(some_labels(shape, seed, dtype), geometry, PlaneStack.of_geometry(SOURCE))


def test_rows_and_columns_along_axes_are_chosen_apart(ways):
    finer = Geometry((3, 12, 14), SOURCE.kji_to_lps @ np.diag([1, 0.5, 0.5, 1]))

    assert_as_looked_up(some_labels(finer.shape_kji), finer, PlaneStack.of_geometry(SOURCE))

    assert set(ways) == {"_by_axes"}


@pytest.mark.parametrize("order", ["C", "F"])
def test_an_oblique_grid_is_looked_up_pixel_by_pixel_however_it_lies_in_memory(order, ways):
    geometry = turned(OBLIQUE, np.array([0.8, 0.7, 0.6]), (9, 8, 10), np.zeros(3))
    labels = np.asarray(some_labels(geometry.shape_kji), order=order)

    assert_as_looked_up(labels, geometry, PlaneStack.of_geometry(SOURCE))

    assert set(ways) == {"_by_pixel"}


def test_a_plane_is_resampled_once(ways):
    finer = Geometry((3, 12, 14), SOURCE.kji_to_lps @ np.diag([1, 0.5, 0.5, 1]))
    layer = SampledLayer(Layer(some_labels(finer.shape_kji), finer), a_source(SOURCE).stack)

    for _ in range(3):
        layer.region(1)

    assert len(ways) == 1


@pytest.mark.parametrize("noise", [False, True], ids=["runs", "noise"])
def test_what_is_kept_takes_no_more_memory_than_the_planes(noise):
    grid = a_grid((2, 64, 64))
    finer = Geometry((2, 128, 128), grid.kji_to_lps @ np.diag([1, 0.5, 0.5, 1]))
    labels = some_labels(finer.shape_kji) if noise else np.ones(finer.shape_kji, np.uint8)
    layer = SampledLayer(Layer(labels, finer), a_source(grid).stack)
    first = [plane_of(layer, plane, a_source(grid).stack) for plane in range(2)]

    kept = layer._nearest_voxels._kept

    assert sum(one.content.nbytes for one in kept.values()) <= (2 * 64 * 64 if noise else 2 * 64 * 5)
    assert all(np.array_equal(plane_of(layer, plane, a_source(grid).stack), first[plane]) for plane in range(2))


def test_a_plane_beyond_the_layer_has_no_region():
    finer = Geometry((3, 12, 14), SOURCE.kji_to_lps @ np.diag([1, 0.5, 0.5, 1]))
    layer = SampledLayer(Layer(some_labels(finer.shape_kji), finer), a_source(a_grid((5, 6, 7))).stack)

    assert [layer.region(plane) is None for plane in range(5)] == [False, False, False, True, True]
