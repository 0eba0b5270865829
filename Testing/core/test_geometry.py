"""Grids and stacks of planes: spacing, crops, order and what no SEG can say."""

from __future__ import annotations

import numpy as np
import pytest
from builders import A_GRID, a_grid
from hypothesis import given
from hypothesis import strategies as st
from SegRLEExportLib.model.geometry import Geometry, PlaneStack

STARTS = st.tuples(*[st.integers(-20, 20)] * 3)


def corners_lps(geometry):
    shape = np.array(geometry.shape_kji) - 1
    corners = np.array([[k, j, i, 1] for k in (0, shape[0]) for j in (0, shape[1]) for i in (0, shape[2])])
    return (corners @ geometry.kji_to_lps.T)[:, :3]


def test_spacing_is_told_along_each_axis():
    assert A_GRID.spacing_mm == pytest.approx((3.0, 0.8, 0.7))


@given(STARTS)
def test_a_crop_keeps_every_voxel_in_its_place(start):
    cropped = A_GRID.cropped(start, (2, 2, 2))

    assert np.allclose(cropped.kji_to_lps @ [1, 1, 1, 1], A_GRID.kji_to_lps @ [*(np.array(start) + 1), 1])


def test_matrices_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        A_GRID.kji_to_lps[0, 0] = 1


def test_the_callers_matrix_is_copied():
    matrix = np.eye(4)
    geometry = Geometry((1, 1, 1), matrix)
    matrix[0, 3] = 5

    assert geometry.kji_to_lps[0, 3] == 0


@given(st.lists(st.tuples(STARTS, st.tuples(*[st.integers(1, 9)] * 3)), max_size=3))
def test_an_extended_grid_holds_all_others_and_no_more(parts):
    others = [A_GRID.cropped(start, shape) for start, shape in parts]

    extended = A_GRID.extended_over(others)

    to_kji = np.linalg.inv(extended.kji_to_lps)
    reached = np.concatenate([corners_lps(geometry) for geometry in (A_GRID, *others)])
    kji = np.column_stack([reached, np.ones(len(reached))]) @ to_kji.T
    assert np.allclose(kji[:, :3].min(axis=0), 0, atol=1e-6)
    assert np.allclose(kji[:, :3].max(axis=0), np.array(extended.shape_kji) - 1, atol=1e-6)


@pytest.mark.parametrize(
    ("matrix", "shape", "has_volume"),
    [
        pytest.param(np.eye(4), (1, 1, 1), True, id="one voxel"),
        pytest.param(np.eye(4), (0, 1, 1), False, id="no voxel"),
        pytest.param(np.diag([1, 1, 0, 1]), (1, 1, 1), False, id="no spacing"),
        pytest.param(np.diag([1, 1, np.nan, 1]), (1, 1, 1), False, id="not a number"),
        pytest.param([[1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 1]], (1, 1, 1), False, id="flat"),
    ],
)
def test_a_grid_without_volume_is_known(matrix, shape, has_volume):
    assert Geometry(shape, np.array(matrix, float)).has_volume is has_volume


class TestPlanesOfAGrid:
    def test_lie_where_its_voxels_lie(self):
        stack = PlaneStack.of_geometry(A_GRID)

        assert (len(stack), stack.rows, stack.columns) == A_GRID.shape_kji
        for plane in (0, 9):
            assert np.allclose(stack.plane_to_lps(plane) @ [4, 5, 1], A_GRID.kji_to_lps @ [plane, 4, 5, 1])

    def test_of_a_left_handed_grid_are_taken_in_the_other_order(self):
        mirrored = Geometry(A_GRID.shape_kji, A_GRID.kji_to_lps @ np.diag([-1, 1, 1, 1]))

        stack = PlaneStack.of_geometry(mirrored)

        assert np.all(np.diff(stack.positions_lps @ stack.normal_lps) > 0)
        assert np.allclose(stack.positions_lps[-1], mirrored.kji_to_lps[:3, 3])

    def test_that_are_skewed_within_are_refused(self):
        skewed = np.eye(4)
        skewed[1, 2] = 0.1

        with pytest.raises(ValueError, match="rows and columns of the grid are not perpendicular"):
            PlaneStack.of_geometry(Geometry((2, 2, 2), skewed))

    def test_that_are_tilted_keep_their_places(self):
        tilted = A_GRID.kji_to_lps.copy()
        tilted[1, 0] = 0.5

        stack = PlaneStack.of_geometry(Geometry(A_GRID.shape_kji, tilted))

        assert np.allclose(stack.positions_lps[3], (tilted @ [3, 0, 0, 1])[:3])
        assert stack.spacing_between_planes_mm == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("heights", "spacing"),
    [
        pytest.param([0, 2, 4], 2.0, id="even"),
        pytest.param([4, 0, 2], 2.0, id="even, in another order"),
        pytest.param([0, 2.004, 4], 2.0, id="rounded positions"),
        pytest.param([0, 2, 5], 2.5, id="a little uneven"),
        pytest.param([0, 2, 4, 8, 10], 2.0, id="one plane missing"),
        pytest.param([0, 2, 4.9, 5.4, 9.6, 12], None, id="uneven"),
        pytest.param([0], None, id="one plane"),
        pytest.param([1, 1], None, id="the same place twice"),
    ],
)
def test_planes_have_a_common_distance_or_none(heights, spacing):
    positions = np.array([[0.0, 0.0, height] for height in heights])

    found = PlaneStack(2, 2, [1, 0, 0], [0, 1, 0], (1.0, 1.0), positions).spacing_between_planes_mm

    assert found == (None if spacing is None else pytest.approx(spacing, abs=0.01))


def test_some_planes_of_a_stack_keep_their_places():
    stack = PlaneStack.of_geometry(a_grid())

    assert np.array_equal(stack.only(np.array([4, 1])).positions_lps, stack.positions_lps[[4, 1]])


def test_planes_in_any_order_have_their_grid():
    grid = a_grid()
    stack = PlaneStack.of_geometry(grid)
    shuffled = stack.only(np.array([3, 0, 9, 1, 2, 4, 5, 6, 7, 8]))

    for planes in (stack, shuffled):
        assert planes.even_geometry.shape_kji == grid.shape_kji
        assert np.allclose(planes.even_geometry.kji_to_lps, grid.kji_to_lps)
    assert stack.only(np.array([4])).even_geometry.has_volume
