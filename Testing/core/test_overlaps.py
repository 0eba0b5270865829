"""Overlaps are found where they are, and segments are put into the fewest groups that do not overlap."""

from __future__ import annotations

from itertools import combinations, product
from unittest import mock

import numpy as np
import pytest
from builders import A_GRID, a_grid, a_segmentation, a_source, masks_of, two_overlapping_boxes
from hypothesis import given, settings
from hypothesis import strategies as st
from SegRLEExportLib.model.geometry import Geometry
from SegRLEExportLib.model.segmentation import Layer, Segment, Segmentation
from SegRLEExportLib.planes import overlaps
from SegRLEExportLib.planes.overlaps import find_overlaps, group_apart
from SegRLEExportLib.planes.plane_runs import PlaneRuns
from SegRLEExportLib.planes.sampling import SampledLayer
from SegRLEExportLib.progress import Progress


def complete(nodes):
    return list(combinations(nodes, 2))


def ring(length):
    return [(n, (n + 1) % length) for n in range(length)]


def crown(half):
    """Return two sides, each node joined to all of the other side but its twin: greedy colouring takes `half`."""
    return [(2 * a, 2 * b + 1) for a, b in product(range(half), repeat=2) if a != b]


def wheel(spokes):
    return [*ring(spokes), *((n, spokes) for n in range(spokes))]


PETERSEN = [*ring(5), *((n, n + 5) for n in range(5)), *((5 + n, 5 + (n + 2) % 5) for n in range(5))]
GROETZSCH = [
    *ring(5),
    *((n, 5 + (n + 1) % 5) for n in range(5)),
    *((n, 5 + (n - 1) % 5) for n in range(5)),
    *((5 + n, 10) for n in range(5)),
]

KNOWN_GRAPHS = [
    pytest.param(1, [], 1, id="one segment"),
    pytest.param(5, [], 1, id="no overlap"),
    pytest.param(2, [(0, 1)], 2, id="a pair"),
    pytest.param(4, complete(range(4)), 4, id="all overlap all"),
    pytest.param(6, ring(6), 2, id="an even ring"),
    pytest.param(7, ring(7), 3, id="an odd ring"),
    pytest.param(8, crown(4), 2, id="a crown, where greedy colouring fails"),
    pytest.param(6, wheel(5), 4, id="an odd wheel"),
    pytest.param(7, wheel(6), 3, id="an even wheel"),
    pytest.param(10, PETERSEN, 3, id="Petersen's graph"),
    pytest.param(11, GROETZSCH, 4, id="Groetzsch's graph, 4 colours without a triangle"),
    pytest.param(40, [(0, n) for n in range(1, 40)], 2, id="a star"),
]


def overlaps_of(edges):
    return {(min(edge), max(edge)): 1 for edge in edges}


@pytest.mark.parametrize(("count", "edges", "fewest"), KNOWN_GRAPHS)
def test_groups_are_the_fewest(count, edges, fewest):
    groups = group_apart(list(range(count)), overlaps_of(edges))

    assert len(groups) == fewest
    assert_apart(groups, edges, count)


def assert_apart(groups, edges, count):
    assert sorted(position for group in groups for position in group) == list(range(count))
    group_of = {position: n for n, group in enumerate(groups) for position in group}
    assert all(group_of[one] != group_of[other] for one, other in edges)


@st.composite
def graphs(draw):
    count = draw(st.integers(1, 6))
    pairs = complete(range(count))
    return count, draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []


@given(graphs())
@settings(max_examples=200, deadline=None)
def test_groups_of_any_graph_are_apart_and_the_fewest(graph):
    count, edges = graph
    groups = group_apart(list(range(count)), overlaps_of(edges))

    assert_apart(groups, edges, count)
    assert len(groups) == chromatic_number(count, edges)


def chromatic_number(count, edges):
    """Return the fewest colours by trying them all."""
    for colors in range(1, count + 1):
        for coloring in product(range(colors), repeat=count):
            if all(coloring[one] != coloring[other] for one, other in edges):
                return colors
    raise AssertionError


def test_groups_and_their_members_keep_the_users_order():
    assert group_apart([0, 1, 2, 3], overlaps_of([(0, 1), (2, 3)])) == [[0, 2], [1, 3]]


def test_overlaps_with_segments_that_are_not_asked_for_do_not_matter():
    assert group_apart([0, 2], overlaps_of([(0, 1), (1, 2)])) == [[0, 2]]


def test_a_graph_too_hard_to_search_through_is_still_coloured(monkeypatch):
    monkeypatch.setattr(overlaps, "SEARCH_LIMIT", 5)
    edges = [pair for n, pair in enumerate(complete(range(20))) if n % 3]

    assert_apart(group_apart(list(range(20)), overlaps_of(edges)), edges, 20)


def found_in(segmentation, stack):
    runs = PlaneRuns([SampledLayer(layer, stack) for layer in segmentation.layers], stack.rows, stack.columns)
    return find_overlaps(segmentation, runs, len(stack), Progress())


def test_shared_voxels_are_counted():
    one, other = two_overlapping_boxes()
    apart = ~(one | other)

    found = found_in(a_segmentation([one, other, apart]), a_source().stack)

    assert found == {(0, 1): int((one & other).sum())}


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_any_masks_share_what_numpy_says(seed, count):
    grid = a_grid((3, 4, 5))
    masks = [np.random.default_rng(seed + n).random(grid.shape_kji) < 0.2 for n in range(count)]

    found = found_in(a_segmentation(masks, grid=grid), a_source(grid).stack)

    assert found == {
        (a, b): int((masks[a] & masks[b]).sum()) for a, b in complete(range(count)) if (masks[a] & masks[b]).any()
    }


def test_more_segments_than_python_can_recurse_are_grouped():
    chain = [(n, n + 1) for n in range(1499)]

    groups = group_apart(list(range(1500)), overlaps_of(chain))

    assert len(groups) == 2
    assert_apart(groups, chain, 1500)


@st.composite
def layered(draw):
    """Layers of several segments, from sparse to full, in any order, with values that belong to nobody."""
    shape = draw(st.integers(1, 3)), draw(st.integers(1, 6)), draw(st.integers(1, 9))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    densities = draw(st.lists(st.sampled_from([0.0, 0.1, 0.6, 1.0]), min_size=1, max_size=6))
    layers = [
        random.integers(1, 5, shape, np.uint16) * (random.random(shape) < density).astype(np.uint16)
        for density in densities
    ]
    places = draw(st.permutations([(layer, value) for layer in range(len(layers)) for value in (1, 3)]))
    segments = tuple(Segment(f"s{n}", f"s{n}", layer, value) for n, (layer, value) in enumerate(places))
    grid = a_grid(shape)
    return Segmentation("s", tuple(Layer(labels, grid) for labels in layers), segments)


@pytest.mark.parametrize("pairs_at_once", [1, 3, 1 << 20], ids=["one pair at once", "a few", "all"])
@given(segmentation=layered())
@settings(max_examples=100, deadline=None)
def test_any_layers_share_what_a_count_of_every_pair_says(pairs_at_once, segmentation):
    stack = a_source(segmentation.layers[0].geometry).stack

    with mock.patch.object(overlaps, "_PAIRS_AT_ONCE", pairs_at_once):
        found = found_in(segmentation, stack)

    assert found == counted_pair_by_pair(segmentation)
    assert all(type(shared) is int for shared in found.values())


def counted_pair_by_pair(segmentation):
    """Return the shared voxels of every pair of masks, counted by comparing all voxels."""
    masks = masks_of(segmentation)
    shared = {(a, b): int((masks[a] & masks[b]).sum()) for a, b in complete(range(len(masks)))}
    return {pair: count for pair, count in shared.items() if count}


def test_layers_of_several_segments_and_unequal_extent_are_compared_pair_by_pair():
    grid = A_GRID
    labels = np.zeros(grid.shape_kji, np.uint8)
    labels[2, :, :] = 1
    labels[3, :, :] = 2
    part = Layer(np.full((3, 2, 2), 7, np.uint16), grid.cropped((2, 1, 1), (3, 2, 2)))
    segments = (Segment("c", "c", 1, 7), Segment("a", "a", 0, 1), Segment("b", "b", 0, 2))

    found = found_in(Segmentation("s", (Layer(labels, grid), part), segments), a_source(grid).stack)

    assert found == {(0, 1): 4, (0, 2): 4}


def test_values_that_belong_to_no_segment_do_not_overlap():
    labels = np.full(A_GRID.shape_kji, 9, np.uint8)
    one = a_segmentation([two_overlapping_boxes()[0]])
    both = Segmentation("s", (*one.layers, Layer(labels, A_GRID)), (*one.segments, Segment("x", "x", 1, 3)))

    assert masks_of(both)[1].sum() == 0
    assert found_in(both, a_source().stack) == {}


def test_layers_that_lie_beside_each_other_share_nothing():
    left = Layer(np.ones((10, 9, 3), np.uint8), A_GRID.cropped((0, 0, 0), (10, 9, 3)))
    right = Layer(np.ones((10, 9, 4), np.uint8), Geometry((10, 9, 4), A_GRID.cropped((0, 0, 3), (10, 9, 4)).kji_to_lps))
    segments = (Segment("l", "l", 0, 1), Segment("r", "r", 1, 1))

    assert found_in(Segmentation("s", (left, right), segments), a_source().stack) == {}
