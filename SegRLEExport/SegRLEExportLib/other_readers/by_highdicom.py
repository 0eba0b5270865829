"""A child process that lets highdicom read a SEG file whole: FILE FOLDER.

One label map where segments do not overlap, otherwise a volume for each segment, as its guide reads segmentations. Of
frames without a place in the patient it makes no volume: they are asked for by the images that they lie on.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from SegRLEExportLib.other_readers.shown import ShownSegment, ShownVolume, save_shown


def main(path: Path, folder: Path) -> None:
    """Read the file and leave in the folder what highdicom shows."""
    import highdicom
    from pydicom import config
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import RLELossless

    config.settings.reading_validation_mode = config.IGNORE
    decoder = get_decoder(RLELossless)
    for plugin in set(decoder.available_plugins) - {"pydicom"}:
        decoder.remove_plugin(plugin)  # python-gdcm 3.2.6 ends the process on frames of an odd size
    try:
        seg = highdicom.seg.segread(path)
        volumes = list(_together(seg) if "FrameOfReferenceUID" in seg else _on_images(seg))
    except RuntimeError as error:
        if "overlap" not in str(error).lower():
            raise
        # Opened anew: the reading that failed leaves a table of the object locked.
        volumes = list(_one_by_one(highdicom.seg.segread(path)))
    save_shown(volumes, highdicom.__version__, folder)


def _together(seg: Any) -> Iterator[ShownVolume]:
    segments = _segments(seg)
    volume = seg.get_volume(segment_numbers=list(segments), combine_segments=True, allow_missing_positions=True)
    dtype = np.uint8 if volume.array.max(initial=0) <= np.iinfo(np.uint8).max else np.uint16
    yield ShownVolume(volume.array.astype(dtype, copy=False), volume.affine, tuple(segments.values()))


def _one_by_one(seg: Any) -> Iterator[ShownVolume]:
    for number, segment in _segments(seg).items():
        volume = seg.get_volume(segment_numbers=[number], combine_segments=True, allow_missing_positions=True)
        yield ShownVolume(volume.array, volume.affine, (segment,))


def _on_images(seg: Any) -> Iterator[ShownVolume]:
    """Yield a volume of each segment whose slices are the images: column i of row j of image k is at (i, j, k)."""
    (series,) = seg.ReferencedSeriesSequence
    uids = [str(item.ReferencedSOPInstanceUID) for item in series.ReferencedInstanceSequence]
    sources = [
        groups.DerivationImageSequence[0].SourceImageSequence[0] for groups in seg.PerFrameFunctionalGroupsSequence
    ]
    last = max(int(source.get("ReferencedFrameNumber", 0)) for source in sources)
    for number, segment in _segments(seg).items():
        words = {"segment_numbers": [number], "assert_missing_frames_are_empty": True}
        if last:
            pixels = seg.get_pixels_by_source_frame(uids[0], range(1, last + 1), **words)
        else:
            pixels = seg.get_pixels_by_source_instance(uids, **words)
        labels = np.where(pixels[..., 0] > 0, number, 0).astype(np.uint16)
        yield ShownVolume(labels, np.eye(4)[[2, 1, 0, 3]], (segment,))


def _segments(seg: Any) -> dict[int, ShownSegment]:
    numbers = [int(number) for number in seg.segment_numbers if number != 0]
    return {
        number: ShownSegment(number, str(seg.get_segment_description(number).segment_label), number)
        for number in numbers
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
