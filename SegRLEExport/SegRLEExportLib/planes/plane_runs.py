"""The runs of the planes of layers: found when they are first asked for, and kept while they take little room."""

from __future__ import annotations

from collections.abc import Sequence

from SegRLEExportLib.planes.runs import RunFinder, Runs
from SegRLEExportLib.planes.sampling import SampledLayer

KEPT_BYTES = 16 << 20
"""Runs of 600 planes of 104 organs take 10 MB. Planes beyond that are scanned anew whenever they are asked for."""


class PlaneRuns:
    """The runs of every plane of some layers, 0 where a layer does not reach."""

    def __init__(self, layers: Sequence[SampledLayer], rows: int, columns: int) -> None:
        self.layers = layers
        self.rows = rows
        self.columns = columns
        self._finder = RunFinder()
        self._kept: dict[tuple[int, int], Runs | None] = {}
        self._bytes_left = KEPT_BYTES

    def of(self, layer_index: int, plane_index: int) -> Runs | None:
        """Return the runs of the whole plane; None if the layer holds nothing of it."""
        place = layer_index, plane_index
        if place in self._kept:
            return self._kept[place]
        runs = self._find(layer_index, plane_index)
        size = 0 if runs is None else runs.nbytes
        if size <= self._bytes_left:
            self._kept[place] = runs
            self._bytes_left -= size
        return runs

    def _find(self, layer_index: int, plane_index: int) -> Runs | None:
        """Return the runs of a plane; most are empty where each segment has a layer, and `max` sees that soonest."""
        region = self.layers[layer_index].region(plane_index)
        if region is None or not region.labels.max(initial=0):
            return None
        found = self._finder.runs_of(region.labels)
        return found.placed(self.rows, self.columns, region.first_row, region.first_column)
