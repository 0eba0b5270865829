"""Which segments share one label map, and which value each has in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from SegRLEExportLib.errors import UnwritableSegmentationError
from SegRLEExportLib.model.segmentation import Segmentation


def without_overlap(segmentation: Segmentation) -> list[list[int]]:
    """Return the positions of the segments in the fewest groups that are found by taking one layer after the other."""
    positions = segmentation.positions_of_layers
    groups: list[list[int]] = []
    taken: list[Any] = []
    for layer, members in positions.items():
        labels = segmentation.layers[layer].labels_kji
        values = [segmentation.segments[position].layer_value for position in members]
        mask = np.isin(labels, values) if len(positions) > 1 else None
        for group, used in zip(groups, taken):
            if mask is not None and not (used & mask).any():
                group.extend(members)
                used |= mask
                break
        else:
            groups.append(list(members))
            taken.append(mask)
    return [sorted(group) for group in groups]


def values_of(segmentation: Segmentation, group: Sequence[int], *, keep: bool) -> dict[int, int]:
    """Return the label value of each segment: the one it has in its layer, or 1 to n where two have the same.

    Raises `UnwritableSegmentationError` where two have the same and values are to be kept.
    """
    kept = {position: segmentation.segments[position].layer_value for position in group}
    twice = sorted(value for value, count in Counter(kept.values()).items() if count > 1)
    if not twice:
        return kept
    if keep:
        raise UnwritableSegmentationError(
            segmentation.name,
            f"several segments have the label value {twice[0]}, so the label values cannot be kept",
            "Write those segments one at a time, or write the file without keeping the label values.",
        )
    return {position: value for value, position in enumerate(group, start=1)}
