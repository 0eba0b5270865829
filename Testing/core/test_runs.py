"""Runs are what the pixels are: found, placed, put together and given other values, they show the same plane."""

from __future__ import annotations

import numpy as np
import pytest
from builders import A_GRID, a_source, segments_in_one_layer
from hypothesis import given, settings
from hypothesis import strategies as st
from SegRLEExportLib.planes import plane_runs
from SegRLEExportLib.planes.plane_runs import PlaneRuns
from SegRLEExportLib.planes.runs import RunFinder, Runs
from SegRLEExportLib.planes.sampling import SampledLayer

SIDES = st.integers(1, 20)
SEEDS = st.integers(0, 2**32 - 1)
TYPES = st.sampled_from([np.uint8, np.uint16])


@st.composite
def planes(draw, rows=SIDES, columns=SIDES, dtypes=TYPES):
    """Planes from empty to noise."""
    shape = draw(rows), draw(columns)
    density = draw(st.sampled_from([0.0, 0.05, 0.5, 1.0]))
    random = np.random.default_rng(draw(SEEDS))
    dtype = draw(dtypes)
    return random.integers(1, 4, shape, dtype) * (random.random(shape) < density).astype(dtype)


def assert_shows(runs: Runs, plane: np.ndarray) -> None:
    """Compare pixel by pixel, and as often as a loop over the pixels of each row would begin a run."""
    assert np.array_equal(runs.pixels(), plane)
    assert runs.pixels().dtype == plane.dtype
    begins = np.ones(plane.shape, bool)
    begins[:, 1:] = plane[:, 1:] != plane[:, :-1]
    assert runs.starts.tolist() == np.flatnonzero(begins).tolist()
    assert runs.begins_row.tolist() == (runs.starts % plane.shape[1] == 0).tolist()


@given(planes())
@settings(max_examples=200, deadline=None)
def test_the_runs_of_a_plane_are_its_pixels(plane):
    assert_shows(RunFinder().runs_of(plane), plane)


@given(st.lists(planes(), min_size=2, max_size=4))
@settings(max_examples=80, deadline=None)
def test_one_finder_finds_the_runs_of_planes_of_any_size_one_after_the_other(some):
    finder = RunFinder()

    found = [finder.runs_of(plane) for plane in some]

    for runs, plane in zip(found, some):
        assert_shows(runs, plane)


@pytest.mark.parametrize("step", [(slice(None, None, -1), slice(None)), (slice(1, 5), slice(None, None, 2))])
def test_a_flipped_or_strided_view_has_the_runs_of_its_copy(step):
    plane = np.random.default_rng(3).integers(0, 3, (7, 12), np.uint8)

    assert_shows(RunFinder().runs_of(plane[step]), plane[step])
    assert_shows(RunFinder().runs_of(plane.T), plane.T)


@given(planes(), st.integers(0, 5), st.integers(0, 5), st.integers(0, 5), st.integers(0, 5))
@settings(max_examples=200, deadline=None)
def test_a_placed_plane_has_zeros_around_it(plane, above, below, left, right):
    around = np.pad(plane, ((above, below), (left, right)))

    assert_shows(RunFinder().runs_of(plane).placed(*around.shape, above, left), around)


@given(planes(dtypes=st.just(np.uint8)))
@settings(max_examples=100, deadline=None)
def test_runs_that_get_the_same_value_become_one(plane):
    table = np.array([0, 7, 7, 0], np.uint16)
    runs = RunFinder().runs_of(plane)

    assert_shows(runs.with_values(table[runs.values]), table[plane])


@given(SIDES, SIDES, SEEDS, TYPES, st.integers(1, 5))
@settings(max_examples=300, deadline=None)
def test_planes_that_do_not_overlap_become_one(rows, columns, seed, dtype, count):
    owner = np.random.default_rng(seed).integers(0, count + 2, (rows, columns))
    shown = [((owner == n) * (n % 3 + 1)).astype(dtype) for n in range(count)]
    finder = RunFinder()

    together = Runs.together([finder.runs_of(plane) for plane in shown])

    assert_shows(together, np.sum(shown, axis=0, dtype=dtype))


def test_a_blank_plane_is_one_run_a_row():
    assert_shows(Runs.blank(3, 5, np.uint16), np.zeros((3, 5), np.uint16))


class TestRunsOfPlanes:
    @pytest.fixture
    def scanned(self, monkeypatch):
        """Count the planes that are scanned."""
        scanned = []
        original = RunFinder.runs_of
        monkeypatch.setattr(RunFinder, "runs_of", lambda finder, plane: scanned.append(1) or original(finder, plane))
        return scanned

    def twice_each(self) -> None:
        labels = np.random.default_rng(1).integers(0, 3, A_GRID.shape_kji, np.uint8)
        (layer,) = segments_in_one_layer(labels, [1]).layers
        runs = PlaneRuns([SampledLayer(layer, a_source().stack)], 9, 7)
        for plane in [*range(10), *range(10)]:
            assert np.array_equal(runs.of(0, plane).pixels(), labels[plane])

    def test_are_found_once(self, scanned):
        self.twice_each()

        assert len(scanned) == 10

    def test_are_found_again_where_they_would_take_too_much_memory(self, scanned, monkeypatch):
        monkeypatch.setattr(plane_runs, "KEPT_BYTES", 800)

        self.twice_each()

        assert 10 < len(scanned) < 20

    def test_are_none_where_the_layer_does_not_reach(self):
        part = A_GRID.cropped((3, 4, 2), (2, 3, 3))
        (layer,) = segments_in_one_layer(np.ones(part.shape_kji, np.uint8), [1], part).layers
        runs = PlaneRuns([SampledLayer(layer, a_source().stack)], 9, 7)

        assert runs.of(0, 2) is None
        assert (
            np.argwhere(runs.of(0, 3).pixels()).tolist()
            == np.argwhere(np.pad(np.ones((3, 3)), ((4, 2), (2, 2)))).tolist()
        )
