"""Which segments share voxels, and the fewest sets of segments that do not.

Each plane is looked at once: the runs of all segments, sorted by their first pixel, show who meets whom. So the cost
grows with what is drawn and with what is shared, not with the pairs of layers. Finding the fewest sets is colouring a
graph. Nothing here knows bytes or files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from SegRLEExportLib.model.segmentation import Segmentation
from SegRLEExportLib.planes.plane_runs import PlaneRuns
from SegRLEExportLib.progress import Progress

Overlaps = dict[tuple[int, int], int]
"""Shared voxels by pair of positions in the segmentation, the smaller position first."""

SEARCH_LIMIT = 20_000
"""Steps after which the best grouping found so far is taken; real segmentations need a few dozen."""

_LOOK_LIMIT = 2_000_000
"""As every step looks at each segment, fewer steps are taken where there are more than a hundred."""

_PAIRS_AT_ONCE = 1 << 20


def find_overlaps(segmentation: Segmentation, runs: PlaneRuns, plane_count: int, progress: Progress) -> Overlaps:
    """Return how many voxels each pair of segments shares on the planes; pairs that share none are left out."""
    position_tables = _position_tables(segmentation)
    overlaps: Overlaps = {}
    for plane_index in range(plane_count):
        progress.step()
        for pair, shared in _shared_on(_spans_on(plane_index, runs, position_tables), len(segmentation.segments)):
            overlaps[pair] = overlaps.get(pair, 0) + shared
    return overlaps


def group_apart(segment_positions: list[int], overlaps: Overlaps) -> list[list[int]]:
    """Return the fewest groups of positions in which no two segments overlap, in the order of their first member."""
    color_of = _fewest_colors(tuple(segment_positions), frozenset(overlaps), SEARCH_LIMIT)
    groups: dict[int, list[int]] = {}
    for position in segment_positions:
        groups.setdefault(color_of[position], []).append(position)
    return list(groups.values())


def _position_tables(segmentation: Segmentation) -> dict[int, NDArray[np.intp]]:
    """Return for each layer with segments the position for each value, -1 for none; the last stands for all greater."""
    tables: dict[int, NDArray[np.intp]] = {}
    for layer_index, positions in segmentation.positions_of_layers.items():
        values = [segmentation.segments[position].layer_value for position in positions]
        tables[layer_index] = np.full(max(values) + 2, -1, dtype=np.intp)
        tables[layer_index][values] = positions
    return tables


@dataclass(frozen=True, eq=False)
class _Spans:
    """Runs of segments on one plane, in the order of their first pixel; those of one layer never meet."""

    starts: NDArray[np.integer[Any]]
    stops: NDArray[np.integer[Any]]
    """One past the last pixel of each."""
    positions: NDArray[np.intp]
    """The segment of each, by its position in the segmentation."""


def _spans_on(plane_index: int, runs: PlaneRuns, position_tables: dict[int, NDArray[np.intp]]) -> _Spans | None:
    """Return the runs of all segments on a plane; None if fewer than two layers have any, so that none can meet."""
    parts = []
    for layer_index, table in position_tables.items():
        found = runs.of(layer_index, plane_index)
        if found is None:
            continue
        positions = table.take(found.values, mode="clip")
        shown = np.flatnonzero(positions >= 0)
        if shown.size:
            starts = found.starts[shown]
            parts.append((starts, starts + found.lengths[shown], positions[shown]))
    if len(parts) < 2:
        return None
    starts, stops, positions = (np.concatenate(column) for column in zip(*parts))
    order = np.argsort(starts, kind="stable")
    return _Spans(starts[order], stops[order], positions[order])


def _shared_on(spans: _Spans | None, segment_count: int) -> Iterator[tuple[tuple[int, int], int]]:
    """Yield pairs of segments that meet on a plane, and at how many pixels; a pair may come more than once.

    In the order of their first pixel, a span meets the next ones for as long as they begin before it ends, so one
    search in the sorted starts counts its partners and no pair of layers is ever tried. For example

        span      0        1        2        3
        pixels    2..8     4..5     7..9     9..12      begins before span 0 ends at 9: spans 1 and 2
        meets     1, 2     -        -        -          shared with 1: min(9, 6) - 4 = 2; with 2: min(9, 10) - 7 = 2

    where span 2 ends before pixel 10 and so also meets span 3 at pixel 9.
    """
    if spans is None:
        return
    partners = np.searchsorted(spans.starts, spans.stops) - np.arange(1, spans.starts.size + 1)
    meeting = np.flatnonzero(partners)
    for some in _portions(meeting, partners[meeting]):
        count = partners[some]
        one = np.repeat(some, count)
        nth_partner = np.arange(one.size) - np.repeat(np.cumsum(count) - count, count)
        other = one + 1 + nth_partner
        shared = np.minimum(spans.stops[one], spans.stops[other]) - spans.starts[other]
        pair = np.sort([spans.positions[one], spans.positions[other]], axis=0)
        yield from _summed(pair[0] * segment_count + pair[1], shared, segment_count)


def _portions(meeting: NDArray[np.intp], partners: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Divide the spans that meet others so that a portion makes about `_PAIRS_AT_ONCE` pairs, which bounds memory."""
    portion = np.cumsum(partners) // _PAIRS_AT_ONCE
    return np.split(meeting, np.flatnonzero(np.diff(portion)) + 1) if meeting.size else []


def _summed(
    keys: NDArray[np.intp], shared: NDArray[np.integer[Any]], segment_count: int
) -> Iterator[tuple[tuple[int, int], int]]:
    """Yield each pair once, whose key is `one * segment_count + other`, and the sum of what it shares."""
    if segment_count**2 <= _PAIRS_AT_ONCE:
        sums = np.bincount(keys, weights=shared)
        found = np.flatnonzero(sums)
        sums = sums[found]
    else:
        found, which = np.unique(keys, return_inverse=True)
        sums = np.bincount(which, weights=shared)
    for key, total in zip(found.tolist(), sums.tolist()):
        yield divmod(key, segment_count), int(total)


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
    """Exact colouring by branch and bound, hardest node first, or the best that `limit` steps find.

    The hardest node is the one whose neighbours leave it the fewest colors; it gets each free one in turn, and at most
    one new color. In a ring of five nodes 0-1-2-3-4-0 that gives 0, 1, 2, 3 the colors a, b, a, b in one go; node 4
    lies between b and a and needs a third, c. No ring of five does with two, which the search finds out by going back.
    """

    def __init__(self, neighbours: dict[int, set[int]], limit: int) -> None:
        self._neighbours = neighbours
        self._colors: dict[int, int] = {}
        self._taken: dict[int, Counter[int]] = {node: Counter() for node in neighbours}
        """For each node, how many of its neighbours have each color."""
        self._fewest = len(neighbours) + 1
        self._limit = min(limit, _LOOK_LIMIT // max(len(neighbours), 1))
        self.best: dict[int, int] = {}
        self._search()

    def _search(self) -> None:
        """Walk the tree of colorings with a stack of its own: a node for each segment is too deep for Python's."""
        steps, used = 0, [0]
        choices = [self._choices(0)]
        while choices:
            chosen = next(choices[-1], None)
            if chosen is None:
                choices.pop()
                used.pop()
                continue
            steps += 1
            if self.best and steps > self._limit:
                return
            used.append(max(used[-1], chosen + 1))
            if used[-1] < self._fewest and len(self._colors) == len(self._neighbours):
                self.best, self._fewest = dict(self._colors), used[-1]
            choices.append(self._choices(used[-1]))

    def _choices(self, used: int) -> Iterator[int]:
        """Give the hardest node one color after the other, and take it back when the next is asked for."""
        if used >= self._fewest or len(self._colors) == len(self._neighbours):
            return
        node = max((n for n in self._neighbours if n not in self._colors), key=self._hardness)
        for color in range(used + 1):
            if color not in self._taken[node]:
                self._give(node, color)
                yield color
                self._take_back(node)

    def _give(self, node: int, color: int) -> None:
        self._colors[node] = color
        for near in self._neighbours[node]:
            self._taken[near][color] += 1

    def _take_back(self, node: int) -> None:
        color = self._colors.pop(node)
        for near in self._neighbours[node]:
            self._taken[near][color] -= 1
            if not self._taken[near][color]:
                del self._taken[near][color]

    def _hardness(self, node: int) -> tuple[int, int, int]:
        return len(self._taken[node]), len(self._neighbours[node]), -node
