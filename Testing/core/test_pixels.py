"""Masks and planes of labels, one at a time, are those of the arrays that they are read from."""

from __future__ import annotations

import numpy as np
import pytest
from builders import A_GRID, a_grid, a_segmentation, a_source, masks_of, segments_in_one_layer
from hypothesis import given, settings
from hypothesis import strategies as st
from SegRLEExportLib.model.segmentation import Layer, Segment, Segmentation
from SegRLEExportLib.planes import pixels
from SegRLEExportLib.planes.frames import index_frames
from SegRLEExportLib.planes.pixels import LabelRuns
from SegRLEExportLib.planes.plane_runs import PlaneRuns
from SegRLEExportLib.planes.sampling import SampledLayer
from SegRLEExportLib.progress import Progress


def looked_at(segmentation, grid=A_GRID):
    stack = a_source(grid).stack
    layers = [SampledLayer(layer, stack) for layer in segmentation.layers]
    runs = PlaneRuns(layers, stack.rows, stack.columns)
    return layers, runs, index_frames(segmentation, runs, len(stack), Progress())


def label_planes(segmentation, numbers, grid=A_GRID, dtype=np.uint8):
    _, runs, index = looked_at(segmentation, grid)
    planes = LabelRuns(segmentation, runs, index, numbers, dtype)
    return np.stack([planes.plane(plane).pixels() for plane in range(grid.shape_kji[0])])


SHAPES = st.tuples(st.integers(1, 3), st.integers(1, 8), st.integers(1, 8))
SEEDS = st.integers(0, 2**32 - 1)


@given(SHAPES, SEEDS, st.integers(1, 3))
@settings(max_examples=80, deadline=None)
def test_masks_are_those_of_the_layer_in_any_band_of_rows(shape, seed, most):
    grid, random = a_grid(shape), np.random.default_rng(seed)
    segmentation = a_segmentation([random.random(shape) < density for density in (0.0, 0.05, 0.6)], grid=grid)
    layers, _, index = looked_at(segmentation, grid)
    frames = [(position, plane) for position in range(3) for plane in range(shape[0])]
    wanted = iter([masks_of(segmentation)[position][plane] for position, plane in frames])

    for masks in pixels.masks_of(segmentation, layers, index, shape[2], frames, most):
        whole = np.stack([next(wanted) for _ in range(len(masks))])
        first, stop = sorted(random.integers(0, shape[1] + 1, 2).tolist())
        assert np.array_equal(masks.rows(0, shape[1]), whole)
        assert np.array_equal(masks.rows(first, stop), whole[:, first:stop])
        used = np.flatnonzero(whole.any(axis=(0, 2)))
        assert (masks.first_row, masks.stop_row) == ((used[0], used[-1] + 1) if len(used) else (0, 0))
        assert len(masks) <= most
    assert next(wanted, None) is None


def test_masks_of_a_layer_that_covers_part_of_the_plane_are_false_beside_it():
    part = A_GRID.cropped((2, 3, 2), (2, 4, 3))
    segmentation = segments_in_one_layer(np.ones(part.shape_kji, np.uint8), [1], part)
    layers, _, index = looked_at(segmentation)

    (masks,) = pixels.masks_of(segmentation, layers, index, 7, [(0, 2), (0, 3)], 2)

    in_both = [[row, column] for row in range(3, 7) for column in range(2, 5)]
    assert np.argwhere(masks.rows(0, 9)).tolist() == [[plane, *place] for plane in range(2) for place in in_both]
    assert not masks.rows(0, 3).any()
    assert masks.rows(4, 6)[:, :, 2:5].all()


@given(SHAPES, SEEDS, st.sampled_from([np.uint8, np.uint16]))
@settings(max_examples=80, deadline=None)
def test_label_planes_hold_each_segment_under_its_number(shape, seed, dtype):
    grid, random = a_grid(shape), np.random.default_rng(seed)
    owner = random.integers(0, 5, shape)
    layers = tuple(
        Layer(((owner == first) * 7 + (owner == second) * 200).astype(np.uint8), grid)
        for first, second in ((1, 2), (3, 4))
    )
    places = [(0, 7), (0, 200), (1, 7), (1, 200)]
    segmentation = Segmentation("s", layers, tuple(Segment(f"{n}", f"{n}", *place) for n, place in enumerate(places)))
    numbers = dict(zip(random.permutation(4)[:3].tolist(), (1, 2, 3)))

    planes = label_planes(segmentation, numbers, grid, dtype)

    expected = np.zeros(shape, dtype)
    for position, number in numbers.items():
        expected[owner == position + 1] = number
    assert np.array_equal(planes, expected)
    assert planes.dtype == dtype


@pytest.mark.parametrize("numbers", [{0: 2, 1: 1}, {0: 1}, {1: 1}])
def test_a_layer_with_other_numbers_or_foreign_values_is_translated(numbers):
    labels = np.random.default_rng(0).integers(0, 4, A_GRID.shape_kji, dtype=np.uint8)
    before = labels.copy()

    planes = label_planes(segments_in_one_layer(labels, [1, 2]), numbers)

    for position, number in numbers.items():
        assert np.array_equal(planes == number, labels == position + 1)
    assert np.array_equal(labels, before)
