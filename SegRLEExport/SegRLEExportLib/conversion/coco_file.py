"""A COCO file with one more case, each of its masks decoded and compared before the file gets its name."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from SegRLEExportLib.conversion.formats import WrittenFile
from SegRLEExportLib.conversion.picture_folder import PictureFolder, picture_name
from SegRLEExportLib.conversion.pictures import CocoImages, files_of
from SegRLEExportLib.errors import ReadBackDiffersError
from SegRLEExportLib.files.coco import CocoImage, Replaced, category_id_of, masks_in, read_coco, with_case
from SegRLEExportLib.files.strict_json import written_json
from SegRLEExportLib.model.counted import counted
from SegRLEExportLib.model.finding import Finding, Severity
from SegRLEExportLib.model.segmentation import Segment, Segmentation
from SegRLEExportLib.model.source_series import SourceFrame, SourceSeries
from SegRLEExportLib.planes.sampling import SampledLayer
from SegRLEExportLib.writing.names import followed, refuse_taken, usable_folder
from SegRLEExportLib.writing.pending_files import PendingFiles

_MOST_NAMED = 5
"""Categories that a finding lists."""


def write_coco(
    segmentation: Segmentation, source: SourceSeries, target: Path, pictures: CocoImages, *, overwrite: bool
) -> tuple[tuple[WrittenFile, ...], tuple[Finding, ...]]:
    """Add the case to the file, which is replaced by one that holds both; return the files, and what was replaced.

    A link is followed to the file that is added to. `overwrite` is for pictures alone.
    """
    target = followed(target)
    refuse_taken(target, may_replace=True)
    folder = usable_folder(target.parent)
    stack = source.stack
    layers = [SampledLayer.drawn_on(layer, stack) for layer in segmentation.layers]
    uids = {frame.sop_instance_uid for frame in source.frames}
    file_of = files_of(pictures.folder, uids) if pictures.folder else {}
    images = [
        CocoImage(
            frame.sop_instance_uid,
            frame.frame_number,
            _file_name(frame, target, file_of, as_png=pictures.as_png),
            stack.rows,
            stack.columns,
            is_there=frame.sop_instance_uid in file_of,
        )
        for frame in source.frames
    ]
    content, replaced = with_case(read_coco(target), segmentation, layers, images, source.series_instance_uid)
    with PendingFiles(overwrite=True) as files:
        files.make_folder(folder)
        with files.create(target) as sink:
            sink.write(written_json(content))
        written = json.loads(files.part_of(target).read_text(encoding="utf-8"))
        _compare_coco(written, segmentation, layers, images, target)
        written_files = [WrittenFile(target, files.size(target))]
        if pictures.as_png:
            beside = PictureFolder(target, files, overwrite=overwrite)
            written_files.extend(beside.write(images, file_of, pictures.window))
        files.publish()
    return tuple(written_files), tuple(_told(replaced, target))


def _told(replaced: Replaced, target: Path) -> Iterator[Finding]:
    """Tell whose annotations gave way: two segmentations of one image cannot be told apart in a COCO file."""
    if not replaced.annotations:
        return
    named = ", ".join(f"'{name[:60]}'" for name in replaced.categories[:_MOST_NAMED])
    named += f" and {len(replaced.categories) - _MOST_NAMED} more" if len(replaced.categories) > _MOST_NAMED else ""
    dropped = f" The category {named} was removed too: nothing else used it." if named else ""
    if len(replaced.categories) > 1:
        dropped = f" The categories {named} were removed too: nothing else used them."
    annotations, images = counted(replaced.annotations, "annotation"), counted(len(replaced.images), "image")
    yield Finding(
        "annotations-replaced",
        Severity.WARNING,
        f"This segmentation replaced {annotations} that the file had on {images}.{dropped}",
        where=target.name,
        help="To keep both, write each segmentation into a COCO file of its own.",
        details=tuple(f"Annotations of the image {name} were replaced." for name in replaced.images),
    )


def _file_name(frame: SourceFrame, target: Path, file_of: Mapping[str, Path], *, as_png: bool) -> str:
    """Return the name of an image's file, seen from the COCO file."""
    uid = frame.sop_instance_uid
    if as_png:
        return picture_name(frame, target)
    if uid not in file_of:
        return f"{uid}.dcm"
    try:
        return Path(os.path.relpath(file_of[uid], target.parent)).as_posix()
    except ValueError:  # on another drive
        return file_of[uid].resolve().as_posix()


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
