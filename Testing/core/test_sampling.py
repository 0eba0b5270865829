"""Where pixels find their voxels, against a look-up of every pixel by itself."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations, product

import numpy as np
import pytest
from builders import a_grid, a_source
from hypothesis import given, settings
from hypothesis import strategies as st
from SegRLEExportLib.model.geometry import Geometry, PlaneStack
from SegRLEExportLib.model.segmentation import Layer
from SegRLEExportLib.planes.sampling import SampledLayer, slabs_of

SIGNED_PERMUTATIONS = [
    np.array([[sign * (axis == column) for column in range(3)] for sign, axis in zip(signs, axes)])
    for axes in permutations(range(3))
    for signs in product((1, -1), repeat=3)
]
"""The 48 ways of laying the axes of one grid along those of another; half of them make it left-handed."""

OBLIQUE = np.array([[0.36, 0.48, -0.8], [-0.8, 0.6, 0.0], [0.48, 0.64, 0.6]])
"""A rotation."""


def some_labels(shape, seed=0, dtype=np.uint8):
    return np.random.default_rng(seed).integers(0, 4, shape).astype(dtype)


def plane_of(layer: SampledLayer, plane_index: int, stack: PlaneStack) -> np.ndarray:
    """Return the whole plane, with 0 where the layer does not reach."""
    plane = np.zeros((stack.rows, stack.columns), np.uint16)
    region = layer.region(plane_index)
    if region is not None:
        rows, columns = region.labels.shape
        plane[region.first_row : region.first_row + rows, region.first_column : region.first_column + columns] = (
            region.labels
        )
    return plane


def looked_up(labels: np.ndarray, geometry: Geometry, stack: PlaneStack, plane_index: int) -> np.ndarray:
    """Return the plane by asking for each pixel by itself which voxel is nearest, the higher of two.

    Where rows, columns and planes run along axes, what is nearly between two is between: places are rounded, those of
    planes above all.
    """
    plane = np.zeros((stack.rows, stack.columns), np.uint16)
    to_kji = np.linalg.inv(geometry.kji_to_lps)
    spacing_mm = np.array(geometry.spacing_mm)
    across = int(np.abs(stack.normal_lps @ geometry.kji_to_lps[:3, :3] / spacing_mm).argmax())
    to_pixels = np.abs((to_kji @ stack.plane_to_lps(0))[:3, :2]) * [stack.rows - 1, stack.columns - 1]
    tie = max(0.01, 0.01 / spacing_mm[across]) if spacing_mm[across] >= 0.2 else 0.01
    half = np.full(3, 0.5 + 1e-4 * (np.count_nonzero(to_pixels > 1e-9, axis=1).max() == 1))
    half[across] = 0.5 + tie * (to_pixels[across].sum() <= tie)
    for row, column in np.ndindex(plane.shape):
        lps = (
            stack.positions_lps[plane_index]
            + column * stack.pixel_spacing_mm[1] * stack.row_direction_lps
            + row * stack.pixel_spacing_mm[0] * stack.column_direction_lps
        )
        kji = tuple(np.floor((to_kji @ [*lps, 1.0])[:3] + half).astype(int))
        if all(0 <= index < length for index, length in zip(kji, labels.shape)):
            plane[row, column] = labels[kji]
    return plane


def assert_as_looked_up(labels, geometry, stack) -> SampledLayer:
    layer = SampledLayer(Layer(labels, geometry), stack)
    for plane_index in range(len(stack)):
        expected = looked_up(labels, geometry, stack, plane_index)
        assert np.array_equal(plane_of(layer, plane_index, stack), expected)
    return layer


@st.composite
def grids_that_keep_step(draw):
    """A grid whose voxels lie on the pixels of the source: turned, mirrored, cropped or reaching beyond it."""
    source = a_grid(draw(st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 6))))
    axes = draw(st.sampled_from(SIGNED_PERMUTATIONS))
    shape = draw(st.tuples(*[st.integers(1, 7)] * 3))
    first = draw(st.tuples(*[st.integers(-4, 6)] * 3))
    to_source = np.eye(4)
    to_source[:3, :3], to_source[:3, 3] = axes, first
    return source, Geometry(shape, source.kji_to_lps @ to_source)


@given(grids_that_keep_step(), st.integers(0, 2**32 - 1), st.sampled_from([np.uint8, np.uint16]))
@settings(max_examples=300, deadline=None)
def test_any_turn_mirror_or_crop_of_the_source_grid_is_exact(grids, seed, dtype):
    source, geometry = grids
    stack = PlaneStack.of_geometry(source)

    layer = assert_as_looked_up(some_labels(geometry.shape_kji, seed, dtype), geometry, stack)

    assert layer.keeps_step
    assert layer.is_exact
    assert layer.displacement_voxels < 1e-6


@pytest.mark.parametrize("axes", SIGNED_PERMUTATIONS, ids=lambda axes: str(axes.tolist()))
def test_an_oblique_grid_laid_along_oblique_planes_is_exact(axes):
    directions = np.column_stack([OBLIQUE[:, 2] * 3.0, OBLIQUE[:, 1] * 0.8, OBLIQUE[:, 0] * 0.7])
    to_lps = np.eye(4)
    to_lps[:3, :3], to_lps[:3, 3] = directions, [3, -4, 5]
    source = Geometry((3, 4, 5), to_lps)
    to_source = np.eye(4)
    to_source[:3, :3] = axes
    to_source[:3, 3] = np.where(axes.sum(axis=1) < 0, np.array(source.shape_kji) - 1, 0)
    shape = tuple(np.abs(axes).T @ source.shape_kji)
    geometry = Geometry(shape, to_lps @ to_source)

    layer = assert_as_looked_up(some_labels(shape), geometry, PlaneStack.of_geometry(source))

    assert layer.is_exact


def test_planes_are_views_of_the_layer():
    grid = a_grid()
    labels = some_labels(grid.shape_kji)

    region = SampledLayer(Layer(labels, grid), a_source(grid).stack).region(4)

    assert np.shares_memory(region.labels, labels)
    assert not region.labels.flags.writeable


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_a_grid_that_does_not_keep_step_takes_the_nearest_voxel(seed):
    random = np.random.default_rng(seed)
    source = a_grid((3, 6, 7))
    turn, _ = np.linalg.qr(random.normal(size=(3, 3)))
    to_lps = np.eye(4)
    to_lps[:3, :3] = turn * random.uniform(0.4, 3.0, 3)
    shape = tuple(random.integers(2, 9, 3).tolist())
    centre = (source.kji_to_lps @ [1, 2.5, 3, 1])[:3]
    to_lps[:3, 3] = centre - to_lps[:3, :3] @ ((np.array(shape) - 1) / 2)
    geometry = Geometry(shape, to_lps)

    layer = assert_as_looked_up(some_labels(shape, seed), geometry, PlaneStack.of_geometry(source))

    assert not layer.is_exact


@pytest.mark.parametrize("gap_mm", [0.3125, 0.7, 1.1, 1.3, 2.5, 3.27])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("rounded_mm", [0.0, 0.005])
def test_planes_half_way_between_slices_all_go_the_same_way(gap_mm, sign, rounded_mm):
    """As many slices as planes: none is taken twice, and what no plane takes lies beyond them."""
    positions = np.array([[0.0, 0.0, -100 + gap_mm * n] for n in range(12)])
    positions[:, 2] += rounded_mm * np.cos(np.arange(12))
    stack = replace(PlaneStack.of_geometry(a_grid((12, 6, 7))), positions_lps=positions)
    spacing_mm = stack.pixel_spacing_mm
    to_lps = np.diag([1.0, spacing_mm[0], spacing_mm[1], 1])[[2, 1, 0, 3]] @ np.diag([gap_mm, 1, 1, 1])
    to_lps[:3, 3] = [0, 0, -100 + sign * gap_mm / 2]
    labels = np.ones((12, 6, 7), np.uint8)

    layer = SampledLayer(Layer(labels, Geometry(labels.shape, to_lps)), stack)

    assert layer.is_one_to_one
    assert layer.voxels_between([1]) == 0
    met = sum(np.count_nonzero(plane_of(layer, n, stack)) for n in range(12))
    assert met == labels.size - (42 if sign < 0 else 0)
    assert layer.voxels_outside([1]) == labels.size - met


@pytest.mark.parametrize("factor", [0.5, 1.5, 2.0])
@pytest.mark.parametrize("tilt", [0.0, 1e-5], ids=["upright", "rounded directions"])
@pytest.mark.parametrize("turn_degrees", [0, 10])
def test_planes_half_way_between_slices_go_the_same_way_on_any_grid_in_the_plane(factor, tilt, turn_degrees):
    stack = PlaneStack.of_geometry(a_grid((8, 16, 16)))
    rounding = 0.004 * np.cos(np.arange(8))[:, None] * stack.normal_lps
    stack = replace(stack, positions_lps=stack.positions_lps + rounding)
    to_lps = a_grid((8, 16, 16)).kji_to_lps @ np.diag([1, factor, factor, 1])
    turn = np.radians(turn_degrees)
    in_plane = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    to_lps[:3, 1:3] = to_lps[:3, 1:3] @ in_plane
    to_lps[:3, 1] += tilt * to_lps[:3, 0]
    to_lps[:3, 3] += 0.5 * to_lps[:3, 0]
    labels = np.broadcast_to(np.arange(1, 9, dtype=np.uint8)[:, None, None], (8, 40, 40))

    layer = SampledLayer(Layer(labels, Geometry(labels.shape, to_lps)), stack)

    shown = [set(np.unique(plane_of(layer, n, stack)).tolist()) - {0} for n in range(8)]
    assert shown == [{n} for n in range(1, 9)]


@pytest.mark.parametrize("factor", [0.5, 1, 2])
@pytest.mark.parametrize("shift", [0.0, 0.25, 0.5, -0.5])
def test_a_slice_without_its_plane_is_missed_on_any_grid_in_the_plane(factor, shift):
    whole = PlaneStack.of_geometry(a_grid((8, 16, 16)))
    stack = replace(whole, positions_lps=np.delete(whole.positions_lps, 4, axis=0))
    to_lps = a_grid((8, 16, 16)).kji_to_lps @ np.diag([1, factor, factor, 1])
    to_lps[:3, 3] += shift * to_lps[:3, 0]
    labels = np.zeros((8, 8, 8), np.uint8)
    labels[2:7, 2:4, 2:4] = np.arange(2, 7)[:, None, None]

    layer = SampledLayer(Layer(labels, Geometry(labels.shape, to_lps)), stack)

    missed = layer.voxels_of_missing_planes(list(range(2, 7))).tolist()
    assert sum(missed) == 4
    assert missed[(5 if shift < 0 else 4) - 2] == 4
    assert not any(layer.voxels_between(list(range(2, 7))))


@pytest.mark.parametrize(("shift", "outside"), [(-0.5, 9), (0.5, 0), (-0.4, 0)])
def test_beside_one_plane_a_slice_that_it_does_not_take_lies_beyond(shift, outside):
    stack = PlaneStack.of_geometry(a_grid((1, 9, 9)))
    to_lps = a_grid((1, 9, 9)).kji_to_lps.copy()
    to_lps[:3, 3] += shift * to_lps[:3, 0]
    labels = np.zeros((1, 9, 9), np.uint8)
    labels[0, 3:6, 3:6] = 1

    layer = SampledLayer(Layer(labels, Geometry(labels.shape, to_lps)), stack)

    assert layer.voxels_outside([1]) == outside
    region = layer.region(0)
    assert (0 if region is None else np.count_nonzero(region.labels)) == 9 - outside


def test_slices_of_micrometres_are_taken_by_what_is_nearest_to_them():
    """Their places are not rounded to a hundredth of a millimetre, which is four of them."""
    stack = replace(PlaneStack.of_geometry(a_grid((6, 6, 7))), positions_lps=np.outer(np.arange(6), [0, 0, 0.0025]))
    to_lps = np.diag([1.0, *stack.pixel_spacing_mm, 1.0])[[2, 1, 0, 3]] @ np.diag([0.0025, 1, 1, 1])
    to_lps[2, 3] = -0.0025 * 0.42
    labels = np.ones((6, 6, 7), np.uint8)

    layer = SampledLayer(Layer(labels, Geometry(labels.shape, to_lps)), stack)

    assert layer.keeps_step
    assert layer.displacement_voxels == pytest.approx(0.42)


def test_half_a_pixel_aside_what_no_pixel_takes_lies_beyond():
    source = a_grid((3, 6, 7))
    to_lps = source.kji_to_lps.copy()
    to_lps[:3, 3] -= 0.5 * to_lps[:3, 1]
    labels = np.ones(source.shape_kji, np.uint8)

    layer = SampledLayer(Layer(labels, Geometry(source.shape_kji, to_lps)), PlaneStack.of_geometry(source))

    met = sum(np.count_nonzero(plane_of(layer, n, PlaneStack.of_geometry(source))) for n in range(3))
    assert met == labels.size - 3 * 7
    assert layer.voxels_outside([1]) == 3 * 7


@pytest.mark.parametrize(
    ("shift_voxels", "is_exact"), [(0.0, True), (0.009, True), (0.011, False), (0.3, False), (0.49, False)]
)
def test_a_shift_by_less_than_half_a_voxel_keeps_step_and_is_told(shift_voxels, is_exact):
    source = a_grid()
    to_lps = source.kji_to_lps.copy()
    to_lps[:3, 3] += shift_voxels * to_lps[:3, 1]

    layer = SampledLayer(Layer(some_labels(source.shape_kji), Geometry(source.shape_kji, to_lps)), a_source().stack)

    assert layer.keeps_step
    assert layer.is_exact is is_exact
    assert layer.displacement_voxels == pytest.approx(shift_voxels, abs=1e-9)


def test_slices_that_two_planes_share_are_not_exact():
    source = a_grid((4, 3, 3))
    half = source.kji_to_lps @ np.diag([2.0, 1, 1, 1])

    layer = SampledLayer(Layer(some_labels((2, 3, 3)), Geometry((2, 3, 3), half)), a_source(source).stack)

    assert not layer.is_exact


def test_planes_of_unequal_distance_find_their_slices():
    positions = np.array([[0.0, 0, z] for z in (0, 1, 3, 4)])
    stack = PlaneStack(2, 3, [1, 0, 0], [0, 1, 0], (1.0, 1.0), positions)
    geometry = Geometry((5, 2, 3), np.eye(4)[[2, 1, 0, 3]])
    labels = np.repeat(np.arange(5, dtype=np.uint8), 6).reshape(5, 2, 3)

    layer = SampledLayer(Layer(labels, geometry), stack)

    assert [int(plane_of(layer, n, stack)[0, 0]) for n in range(4)] == [0, 1, 3, 4]
    assert layer.is_exact


@given(grids_that_keep_step(), st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None)
def test_a_slab_shows_the_planes_that_follow_each_other(grids, seed):
    source, geometry = grids
    stack = PlaneStack.of_geometry(source)
    layer = SampledLayer(Layer(some_labels(geometry.shape_kji, seed), geometry), stack)

    reached = [plane for plane in range(len(stack)) if layer.region(plane) is not None]

    if reached:
        assert [plane for plane, follows in enumerate(layer.is_followed) if follows] == reached[:-1]
        slab = layer.slab(reached[0], len(reached))
        assert np.shares_memory(slab.labels, layer.region(reached[0]).labels)
        for labels, plane in zip(slab.labels, reached, strict=True):
            region = layer.region(plane)
            assert (slab.first_row, slab.first_column) == (region.first_row, region.first_column)
            assert np.array_equal(labels, region.labels)


def test_planes_between_which_slices_are_left_out_do_not_follow_each_other():
    grid = a_grid((10, 9, 7))
    stack = a_source(grid).stack.only(np.array([0, 1, 2, 5, 6, 9]))

    layer = SampledLayer(Layer(some_labels(grid.shape_kji), grid), stack)

    assert layer.is_followed == [True, True, False, True, False, False]


def test_planes_that_are_shifted_against_each_other_do_not_follow_each_other():
    grid = a_grid((6, 9, 7))
    stack = a_source(grid).stack
    shifted = np.array(stack.positions_lps)
    shifted[3:, 1] += 0.8

    layer = SampledLayer(Layer(some_labels(grid.shape_kji), grid), replace(stack, positions_lps=shifted))

    assert layer.is_followed == [True, True, False, True, True, False]


def test_resampled_planes_do_not_follow_each_other():
    grid = a_grid((4, 9, 7))
    finer = Geometry((4, 18, 14), grid.kji_to_lps @ np.diag([1, 0.5, 0.5, 1]))

    layer = SampledLayer(Layer(some_labels(finer.shape_kji), finer), a_source(grid).stack)

    assert layer.is_followed == [False] * 4
    assert np.array_equal(layer.slab(2, 1).labels[0], layer.region(2).labels)


def test_frames_are_put_together_where_a_slab_shows_them():
    class Layer:
        is_followed = (True, True, True, False, True, False)

    frames = [(0, 0), (0, 1), (0, 2), (0, 3), (0, 4), (1, 4), (1, 5), (1, 0), (1, 2)]

    assert list(slabs_of(frames, [Layer(), Layer()], most=3)) == [
        (0, 0, 3),
        (0, 3, 1),
        (0, 4, 1),
        (1, 4, 2),
        (1, 0, 1),
        (1, 2, 1),
    ]
    assert list(slabs_of([], [], most=3)) == []


def test_a_layer_that_reaches_no_plane_has_no_region():
    source = a_grid()
    away = source.cropped((20, 0, 0), (2, 9, 7))
    beside = source.cropped((0, 0, 50), source.shape_kji)

    for geometry in (away, beside):
        layer = SampledLayer(Layer(some_labels(geometry.shape_kji), geometry), a_source(source).stack)
        assert all(layer.region(plane) is None for plane in range(10))
        assert layer.voxels_outside([1, 2, 3]).sum() == np.count_nonzero(some_labels(geometry.shape_kji))


@given(grids_that_keep_step(), st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None)
def test_voxels_on_planes_and_voxels_outside_are_all_there_are(grids, seed):
    source, geometry = grids
    stack = PlaneStack.of_geometry(source)
    labels = some_labels(geometry.shape_kji, seed)

    layer = SampledLayer(Layer(labels, geometry), stack)

    on_planes = sum(np.count_nonzero(plane_of(layer, plane, stack) == 2) for plane in range(len(stack)))
    assert on_planes + layer.voxels_outside([2])[0] == np.count_nonzero(labels == 2)
