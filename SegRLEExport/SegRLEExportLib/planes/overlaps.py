"""Which segments share voxels, and the fewest sets of segments that do not.

Segments of one layer cannot overlap, so only pairs of layers are compared. Finding the fewest sets is
colouring a graph. Nothing here knows bytes or files.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations

import numpy as np

from SegRLEExportLib.model.segmentation import Segmentation
from SegRLEExportLib.planes.plane_runs import PlaneRuns
from SegRLEExportLib.planes.runs import Runs
from SegRLEExportLib.progress import Progress

Overlaps = dict[tuple[int, int], int]
"""Shared voxels by pair of positions in the segmentation, the smaller position first."""

SEARCH_LIMIT = 20_000
"""Steps after which the best grouping found so far is taken; real segmentations need a few dozen."""


def find_overlaps(segmentation: Segmentation, runs: PlaneRuns, plane_count: int, progress: Progress) -> Overlaps:
    """Return how many voxels each pair of segments shares on the planes; pairs that share none are left out."""
    position_of = {(segment.layer_index, segment.layer_value): n for n, segment in enumerate(segmentation.segments)}
    used_layers = sorted({segment.layer_index for segment in segmentation.segments})
    overlaps: Overlaps = {}
    for first, second in combinations(used_layers, 2):
        for plane_index in range(plane_count):
            progress.step()
            one, other = runs.of(first, plane_index), runs.of(second, plane_index)
            if one is None or other is None:
                continue
            for values, shared in _shared_values(one, other):
                pair = position_of.get((first, values[0])), position_of.get((second, values[1]))
                if pair[0] is not None and pair[1] is not None:
                    key = (min(pair[0], pair[1]), max(pair[0], pair[1]))
                    overlaps[key] = overlaps.get(key, 0) + shared
    return overlaps


def group_apart(segment_positions: list[int], overlaps: Overlaps) -> list[list[int]]:
    """Return the fewest groups of positions in which no two segments overlap, in the order of their first member."""
    color_of = _fewest_colors(tuple(segment_positions), frozenset(overlaps), SEARCH_LIMIT)
    groups: dict[int, list[int]] = {}
    for position in segment_positions:
        groups.setdefault(color_of[position], []).append(position)
    return list(groups.values())


def _shared_values(one: Runs, other: Runs) -> list[tuple[tuple[int, int], int]]:
    """Return the pairs of values, neither of them 0, that meet at a pixel of two planes, and at how many."""
    one, other = one.cut_alike(other)
    meet = np.flatnonzero(np.logical_and(one.values, other.values))
    if not meet.size:
        return []
    meeting = one.values[meet].astype(np.uint32) << 16 | other.values[meet]
    pairs, pair_of_run = np.unique(meeting, return_inverse=True)
    counts = np.bincount(pair_of_run, weights=one.lengths[meet])
    return [((int(pair) >> 16, int(pair) & 0xFFFF), int(count)) for pair, count in zip(pairs, counts)]


@lru_cache(maxsize=1)
def _fewest_colors(nodes: tuple[int, ...], edges: frozenset[tuple[int, int]], limit: int) -> dict[int, int]:
    """Return a color, from 0, for each node, so that neighbours differ and the colors are fewest; not to be changed.

    Nodes without neighbours join the largest group, so that the other files hold only what must be apart. Remembered,
    because pre-flight, writing and a forecast of several encodings ask for the same groups, and they can take a second.
    """
    neighbours: dict[int, set[int]] = {node: set() for node in nodes}
    for one, other in edges:
        if one in neighbours and other in neighbours:
            neighbours[one].add(other)
            neighbours[other].add(one)
    connected = {node: near for node, near in neighbours.items() if near}
    colors = _Coloring(connected, limit).best
    taken = list(colors.values())
    commonest = max(set(taken), key=taken.count, default=0)
    return colors | {node: commonest for node in neighbours.keys() - connected.keys()}


class _Coloring:
    """Exact colouring by branch and bound, hardest node first, or the best that `limit` steps find."""

    def __init__(self, neighbours: dict[int, set[int]], limit: int) -> None:
        self._neighbours = neighbours
        self._limit = limit
        self._fewest = len(neighbours) + 1
        self._steps = 0
        self.best: dict[int, int] = {}
        self._extend({}, 0)

    def _extend(self, colors: dict[int, int], used: int) -> None:
        self._steps += 1
        if used >= self._fewest or (self.best and self._steps > self._limit):
            return
        if len(colors) == len(self._neighbours):
            self.best, self._fewest = dict(colors), used
            return
        node = max((n for n in self._neighbours if n not in colors), key=lambda n: self._hardness(n, colors))
        taken = {colors[near] for near in self._neighbours[node] if near in colors}
        for color in range(used + 1):
            if color not in taken:
                self._extend({**colors, node: color}, max(used, color + 1))

    def _hardness(self, node: int, colors: dict[int, int]) -> tuple[int, int, int]:
        taken = {colors[near] for near in self._neighbours[node] if near in colors}
        return len(taken), len(self._neighbours[node]), -node
