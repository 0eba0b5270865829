"""A small picture of what a case wrote, as it is read back: the plane that has most of it, in the segments' colors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from SegRLEExportLib.conversion.formats import COCO, MASKS
from SegRLEExportLib.encoding.plan import PLANS
from SegRLEExportLib.files.read import read_segmentation
from SegRLEExportLib.model.segmentation import Labels, Segmentation
from SegRLEExportLib.reading.seg_file import SegFile
from SegRLEExportLib.reading.segmentation import segmentation_of

_MOST_PIXELS = 96
"""Of a side; of a larger plane every second, third, ... pixel is shown."""

Color = tuple[float, float, float]
"""Red, green and blue, 0 to 1."""

_GREY = (0.7, 0.7, 0.7)


def draw_files(files: Sequence[Path], wanted: str, path: Path) -> None:
    """Write a PNG of what the files of one conversion to `wanted` show, or nothing where Pillow is not installed.

    COCO files have none: they name pictures themselves. Raises as the readers do.
    """
    if wanted == COCO:
        return
    if wanted in PLANS:
        if not (len(files) == 1 and _draw_fullest_frame(SegFile(files[0], reads_frames=False), path)):
            draw(segmentation_of([SegFile(file) for file in files]), path)
    else:
        table = next((one for one in files if one.suffix == ".csv"), None)  # of a label map, beside it
        draw(read_segmentation(files[0].parent if wanted == MASKS else files[0], table), path)


def _draw_fullest_frame(seg: SegFile, path: Path) -> bool:
    """Draw the frame of a label map that takes most bytes, and decode no other; tell whether its frames show that."""
    if not (seg.is_label_map and seg.pixel_data.is_encapsulated):
        return False
    fullest = max(seg.pixel_data.encoded_frames(), key=len)
    labels, _ = seg.pixel_data.decode(fullest)
    _save([(labels, record.number, record.color_rgb or _GREY) for record in seg.segments], labels.shape, path)
    return True


def draw(segmentation: Segmentation, path: Path) -> None:
    """Write a PNG, or nothing where Pillow is not installed or nothing is segmented."""
    if not segmentation.segments:
        return
    shape = segmentation.layers[0].labels_kji.shape
    layers = {n: layer.labels_kji for n, layer in enumerate(segmentation.layers) if layer.labels_kji.shape == shape}
    shown = np.sum([np.count_nonzero(labels, axis=(1, 2)) for labels in layers.values()], axis=0)
    plane = int(np.argmax(shown))
    of_layers = [one for one in segmentation.segments if one.layer_index in layers]
    shown_as = [(layers[one.layer_index][plane], one.layer_value, one.color_rgb) for one in of_layers]
    _save(shown_as, shape[1:], path)


def _save(segments: Sequence[tuple[Labels, int, Color]], shape: tuple[int, ...], path: Path) -> None:
    """Write the planes of segments over each other: the labels of each, the value that is its own, and its color."""
    try:
        from PIL import Image
    except ImportError:
        return
    step = -(-max(shape) // _MOST_PIXELS)
    colors = np.zeros((-(-shape[0] // step), -(-shape[1] // step), 3), np.uint8)
    for labels, value, color in segments:
        colors[labels[::step, ::step] == value] = [round(255 * part) for part in color]
    Image.fromarray(colors).save(path)
