"""Masks, one for each segment, put together: those that do not meet share a layer, so that 100 take little memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from SegRLEExportLib.model.finding import Finding, one_for_each_cause
from SegRLEExportLib.model.geometry import Geometry
from SegRLEExportLib.model.segmentation import AlgorithmType, Labels, Layer, Segment, Segmentation
from SegRLEExportLib.model.usual_color import usual_color

_MOST_IN_A_LAYER = 255


@dataclass(frozen=True, eq=False)
class Mask:
    """The voxels of one segment, on a grid of its own."""

    segment_id: str
    name: str
    is_inside_kji: NDArray[np.bool_]
    geometry: Geometry
    findings: tuple[Finding, ...] = ()
    """What is to be said of the file that it is from."""


@dataclass(eq=False)
class _GrowingLayer:
    labels_kji: Labels
    geometry: Geometry
    count: int = 0

    def takes(self, mask: Mask, planes: slice) -> bool:
        """Whether the mask is on this grid and meets nothing that is here."""
        if self.count == _MOST_IN_A_LAYER or self.geometry.shape_kji != mask.geometry.shape_kji:
            return False
        if not np.array_equal(self.geometry.kji_to_lps, mask.geometry.kji_to_lps):
            return False
        return not np.any(self.labels_kji[planes][mask.is_inside_kji[planes]])

    def add(self, mask: Mask, planes: slice) -> int:
        """Put the mask here; return its value."""
        self.count += 1
        self.labels_kji[planes][mask.is_inside_kji[planes]] = self.count
        return self.count


def of_masks(name: str, masks: Iterable[Mask]) -> Segmentation:
    """Return the segmentation of the masks, in their order; one at a time is in memory beside the layers."""
    layers: list[_GrowingLayer] = []
    segments: list[Segment] = []
    findings: list[Finding] = []
    for number, mask in enumerate(masks, start=1):
        planes = _planes_of(mask)
        n = next((n for n, layer in enumerate(layers) if layer.takes(mask, planes)), len(layers))
        if n == len(layers):
            layers.append(_GrowingLayer(np.zeros(mask.geometry.shape_kji, np.uint8), mask.geometry))
        value = layers[n].add(mask, planes)
        color = usual_color(number)
        findings.extend(mask.findings)
        segments.append(Segment(mask.segment_id, mask.name, n, value, color, algorithm_type=AlgorithmType.MANUAL))
    return Segmentation(
        name,
        tuple(Layer(one.labels_kji, one.geometry) for one in layers),
        tuple(segments),
        tuple(one_for_each_cause(findings)),
    )


def _planes_of(mask: Mask) -> slice:
    """Return the planes in which the mask has voxels."""
    used = np.flatnonzero(mask.is_inside_kji.any(axis=(1, 2)))
    return slice(int(used[0]), int(used[-1]) + 1) if used.size else slice(0, 0)
