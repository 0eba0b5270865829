"""The index of frames tells what numpy finds when it looks at each segment by itself."""

from __future__ import annotations

import numpy as np
import pytest
from builders import A_GRID, a_grid, a_segmentation, a_source, segments_in_one_layer
from hypothesis import given, settings
from hypothesis import strategies as st
from SegRLEExportLib.errors import CancelledError
from SegRLEExportLib.planes.frames import index_frames
from SegRLEExportLib.planes.plane_runs import PlaneRuns
from SegRLEExportLib.planes.sampling import SampledLayer
from SegRLEExportLib.progress import Progress


def index_of(segmentation, grid=A_GRID, progress=None):
    stack = a_source(grid).stack
    runs = PlaneRuns([SampledLayer(layer, stack) for layer in segmentation.layers], stack.rows, stack.columns)
    return index_frames(segmentation, runs, len(stack), progress or Progress())


@given(
    shape=st.tuples(st.integers(1, 4), st.integers(1, 9), st.integers(1, 9)),
    values=st.lists(st.integers(1, 300), min_size=1, max_size=6, unique=True),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=150, deadline=None)
def test_voxels_and_rows_are_those_that_numpy_finds(shape, values, seed):
    grid = a_grid(shape)
    labels = np.random.default_rng(seed).choice([0, 0, 0, 301, *values], shape).astype(np.uint16)

    index = index_of(segments_in_one_layer(labels, values, grid), grid)

    for position, value in enumerate(values):
        for plane in range(shape[0]):
            rows = np.flatnonzero((labels[plane] == value).any(axis=1))
            assert index.voxels[position, plane] == np.count_nonzero(labels[plane] == value)
            if len(rows):
                assert index.first_row[position, plane] == rows[0]
                assert index.last_row[position, plane] == rows[-1]
    assert index.segment_voxels.tolist() == [np.count_nonzero(labels == value) for value in values]


def test_rows_are_those_of_the_plane_where_a_layer_covers_only_part_of_it():
    part = A_GRID.cropped((3, 4, 2), (2, 3, 3))
    labels = np.zeros(part.shape_kji, np.uint8)
    labels[1, 2, 0] = 1

    index = index_of(segments_in_one_layer(labels, [1], part))

    assert np.argwhere(index.voxels).tolist() == [[0, 4]]
    assert index.first_row[0, 4] == index.last_row[0, 4] == 6


def test_a_layer_without_segments_is_not_looked_at():
    class Untouchable:
        def region(self, plane_index):
            raise AssertionError(f"plane {plane_index} was looked at")

    segmentation = segments_in_one_layer(np.ones(A_GRID.shape_kji, np.uint8), [])

    assert index_frames(segmentation, PlaneRuns([Untouchable()], 9, 7), 10, Progress()).voxels.shape == (0, 10)


def test_looking_can_be_cancelled(monkeypatch):
    monkeypatch.setattr("SegRLEExportLib.progress.REPORT_INTERVAL_S", 0.0)

    with pytest.raises(CancelledError):
        index_of(a_segmentation(), progress=Progress(lambda *_: False))
