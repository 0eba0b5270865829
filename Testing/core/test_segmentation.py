"""The segmentation as plain values: read-only, and refused where it contradicts itself."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from builders import A_GRID, a_segmentation
from SegRLEExportLib.model import segmentation as segmentation_module
from SegRLEExportLib.model.geometry import Geometry
from SegRLEExportLib.model.segmentation import Layer, Segment, Segmentation, voxels_of_values

LAYER = Layer(np.zeros(A_GRID.shape_kji, np.uint8), A_GRID)


def test_a_layer_is_a_read_only_view_of_the_callers_array():
    labels = np.zeros(A_GRID.shape_kji, np.uint8)

    layer = Layer(labels, A_GRID)

    assert np.shares_memory(layer.labels_kji, labels)
    assert not layer.labels_kji.flags.writeable
    assert labels.flags.writeable


@pytest.mark.parametrize("dtype", [np.int16, np.float32, bool, np.uint32])
def test_labels_of_other_types_are_a_mistake(dtype):
    with pytest.raises(ValueError, match="labels must be uint8 or uint16"):
        Layer(np.zeros(A_GRID.shape_kji, dtype), A_GRID)


def test_labels_of_another_shape_are_a_mistake():
    with pytest.raises(ValueError, match=r"labels \(10, 9, 7\) do not fit the geometry \(1, 2, 3\)"):
        Layer(np.zeros(A_GRID.shape_kji, np.uint8), Geometry((1, 2, 3), np.eye(4)))


@pytest.mark.parametrize(
    ("segments", "text"),
    [
        pytest.param([Segment("a", "a", 1, 1)], "segment a names layer 1 of 1", id="no such layer"),
        pytest.param([Segment("a", "a", 0, 0)], "segment a has the layer value 0", id="nobody's value"),
        pytest.param([Segment("a", "a", 0, 256)], "segment a has the layer value 256", id="value beyond 8 bits"),
        pytest.param([Segment("a", "a", 0, 1), Segment("b", "b", 0, 1)], "two segments share one value", id="twice"),
    ],
)
def test_segments_that_cannot_be_are_a_mistake(segments, text):
    with pytest.raises(ValueError, match=text):
        Segmentation("s", (LAYER,), tuple(segments))


def test_only_some_segments_keep_the_users_order():
    segmentation = a_segmentation([np.ones(A_GRID.shape_kji, bool)] * 3)

    chosen = segmentation.only(["id_2", "id_0", "unknown"])

    assert [segment.id for segment in chosen.segments] == ["id_0", "id_2"]
    assert chosen.layers == segmentation.layers


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("view", [np.asarray, np.transpose, lambda labels: labels[::-1, 1:, ::2]])
@pytest.mark.parametrize("at_once", [5, 1 << 18])
def test_voxels_are_counted_for_each_value(dtype, view, at_once, monkeypatch):
    monkeypatch.setattr(segmentation_module, "_COUNTED_AT_ONCE", at_once)
    labels = view(np.random.default_rng(2).integers(0, 200, (4, 6, 9), dtype))

    counts = voxels_of_values(labels)

    assert counts.size == np.iinfo(dtype).max + 1
    assert {value: counts[value] for value in np.flatnonzero(counts)} == dict(
        zip(*np.unique(labels, return_counts=True))
    )


def test_counting_takes_little_memory_even_of_one_large_plane():
    labels = np.ones((1, 4096, 4096), np.uint8)
    tracemalloc.start()
    try:
        assert voxels_of_values(labels)[1] == labels.size
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < labels.nbytes / 4
