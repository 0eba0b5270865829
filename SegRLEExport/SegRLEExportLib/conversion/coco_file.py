"""A COCO file with one more case, each of its masks decoded and compared before the file gets its name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from SegRLEExportLib.conversion.formats import WrittenFile
from SegRLEExportLib.errors import ReadBackDiffersError, TargetExistsError
from SegRLEExportLib.files.coco import CocoImage, category_id_of, masks_in, read_coco, with_case
from SegRLEExportLib.model.segmentation import Segment, Segmentation
from SegRLEExportLib.model.source_series import SourceSeries
from SegRLEExportLib.planes.pairing import as_drawn
from SegRLEExportLib.planes.sampling import SampledLayer
from SegRLEExportLib.writing.pending_files import PendingFiles


def write_coco(segmentation: Segmentation, source: SourceSeries, target: Path) -> tuple[WrittenFile, ...]:
    """Add the case to the file; an existing one is replaced by one that holds both."""
    if target.exists() and not target.is_file():
        raise TargetExistsError(target)
    stack = source.stack
    layers = [SampledLayer(layer, as_drawn(layer.geometry, stack, stack)) for layer in segmentation.layers]
    images = [
        CocoImage(
            frame.sop_instance_uid, frame.frame_number, f"{frame.sop_instance_uid}.dcm", stack.rows, stack.columns
        )
        for frame in source.frames
    ]
    content = with_case(read_coco(target), segmentation, layers, images, source.series_instance_uid)
    with PendingFiles(overwrite=True) as files:
        with files.create(target) as sink:
            sink.write(json.dumps(content, ensure_ascii=False).encode("utf-8"))
        written = json.loads(files.unverified(target).read_text(encoding="utf-8"))
        _compare_coco(written, segmentation, layers, images, target)
        size = files.size(target)
        files.publish()
    return (WrittenFile(target, size),)


def _compare_coco(
    content: dict[str, Any],
    segmentation: Segmentation,
    layers: Sequence[SampledLayer],
    images: Sequence[CocoImage],
    target: Path,
) -> None:
    """Compare every mask, decoded by pycocotools, with the segmentation."""
    by_category: dict[int, list[Segment]] = {}
    for segment in segmentation.segments:
        by_category.setdefault(category_id_of(segment), []).append(segment)
    for plane, image in enumerate(images):
        shown = np.zeros((image.rows, image.columns), np.int64)
        wanted = np.zeros_like(shown)
        for category, mask in masks_in(content, image):
            shown += mask.astype(np.int64) * (1 + list(by_category).index(category))
        for number, segments in enumerate(by_category.values(), start=1):
            for segment in segments:
                region = layers[segment.layer_index].region(plane)
                if region is not None:
                    rows, columns = region.labels.shape
                    part = wanted[region.first_row :, region.first_column :][:rows, :columns]
                    part += number * (region.labels == segment.layer_value)
        if not np.array_equal(shown, wanted):
            raise ReadBackDiffersError(target)
