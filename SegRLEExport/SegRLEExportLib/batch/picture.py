"""A small picture of what a case wrote, as it is read back: the plane that has most of it, in the segments' colors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from SegRLEExportLib.conversion.formats import COCO, MASKS
from SegRLEExportLib.encoding.plan import PLANS
from SegRLEExportLib.files.read import read_segmentation
from SegRLEExportLib.model.segmentation import Segmentation
from SegRLEExportLib.reading.segmentation import segmentation_of

_SIDE = 96
"""Pixels of the longer side."""


def draw_files(files: Sequence[Path], wanted: str, path: Path) -> None:
    """Write a PNG of what the files of one conversion to `wanted` show, or nothing where Pillow is not installed.

    COCO files have none: they name pictures themselves. Raises as the readers do.
    """
    if wanted == COCO:
        return
    if wanted in PLANS:
        draw(segmentation_of(files), path)
    else:
        table = next((one for one in files if one.suffix == ".csv"), None)  # of a label map, beside it
        draw(read_segmentation(files[0].parent if wanted == MASKS else files[0], table), path)


def draw(segmentation: Segmentation, path: Path) -> None:
    """Write a PNG, or nothing where Pillow is not installed or nothing is segmented."""
    try:
        from PIL import Image
    except ImportError:
        return
    if not segmentation.segments:
        return
    shape = segmentation.layers[0].labels_kji.shape
    layers = {n: layer.labels_kji for n, layer in enumerate(segmentation.layers) if layer.labels_kji.shape == shape}
    shown = np.sum([np.count_nonzero(labels, axis=(1, 2)) for labels in layers.values()], axis=0)
    plane = int(np.argmax(shown))
    colors = np.zeros((*shape[1:], 3), np.uint8)
    for segment in segmentation.segments:
        if segment.layer_index in layers:
            pixels = layers[segment.layer_index][plane] == segment.layer_value
            colors[pixels] = [round(255 * part) for part in segment.color_rgb]
    picture = Image.fromarray(colors)
    picture.thumbnail((_SIDE, _SIDE), Image.Resampling.NEAREST)
    picture.save(path)
