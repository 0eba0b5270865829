"""The benchmark's workloads are what PERFORMANCE.md describes, and the same at every run."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.workloads import WORKLOADS, draw_layers


@pytest.fixture(scope="module")
def w1():
    return draw_layers(WORKLOADS["W1"])[0]


def test_w1_has_about_the_frames_and_voxels_of_the_published_one(w1):
    frames = sum(len(np.unique(plane)) - 1 for plane in w1 if plane.any())

    assert w1.shape == (120, 512, 512)
    assert frames == pytest.approx(103, rel=0.15)
    assert (w1 > 0).mean() == pytest.approx(0.013, rel=0.15)


def test_a_workload_is_drawn_alike_twice(w1):
    assert np.array_equal(w1, draw_layers(WORKLOADS["W1"])[0])


@pytest.mark.parametrize(
    ("name", "shape", "segments"),
    [
        ("W1", (120, 512, 512), 5),
        ("W2", (300, 512, 512), 30),
        ("W3", (600, 512, 512), 104),
        ("W4", (300, 512, 512), 30),
        ("W5", (300, 512, 512), 30),
    ],
)
def test_sizes_are_those_of_the_published_workloads(name, shape, segments):
    workload = WORKLOADS[name]

    assert (workload.slices, workload.rows, workload.columns) == shape
    assert workload.segment_count == segments
