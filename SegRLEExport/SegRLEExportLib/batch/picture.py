"""A small picture of a segmentation: the plane that has most of it, each segment in its color."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from SegRLEExportLib.model.segmentation import Segmentation

_SIDE = 96
"""Pixels of the longer side."""


def draw(segmentation: Segmentation, path: Path) -> None:
    """Write a PNG, or nothing where Pillow is not installed or nothing is segmented."""
    try:
        from PIL import Image
    except ImportError:
        return
    if not segmentation.segments:
        return
    layer_index = segmentation.segments[0].layer_index
    labels = segmentation.layers[layer_index].labels_kji
    plane = labels[int(np.argmax([np.count_nonzero(one) for one in labels]))]
    colors = np.zeros((*plane.shape, 3), np.uint8)
    for segment in segmentation.segments:
        if segment.layer_index == layer_index:
            colors[plane == segment.layer_value] = [round(255 * part) for part in segment.color_rgb]
    picture = Image.fromarray(colors)
    picture.thumbnail((_SIDE, _SIDE), Image.Resampling.NEAREST)
    picture.save(path)
