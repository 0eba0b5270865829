"""highdicom: each segment as a volume in space, the way its guide reads segmentations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import highdicom
import pydicom

from peers.reading.found import FoundSegment, grid_points


def version(_options: dict[str, Any]) -> str:
    """Return the versions of highdicom and pydicom."""
    return f"{highdicom.__version__} on pydicom {pydicom.__version__}"


def read(path: Path, options: dict[str, Any]) -> list[FoundSegment]:
    """Return the segments, with names and codes."""
    seg = highdicom.seg.segread(path)
    numbers = [number for number in seg.segment_numbers if number != 0]
    is_combined = options.get("combined", False)
    volume = seg.get_volume(segment_numbers=numbers, combine_segments=is_combined, allow_missing_positions=True)
    if is_combined:
        masks = [volume.array == number for number in numbers]
    else:
        masks = [volume.array[..., index] > 0 for index in range(len(numbers))]
    described = [seg.get_segment_description(number) for number in numbers]
    return [
        FoundSegment(
            grid_points(mask, volume.affine),
            int(number),
            str(item.segment_label),
            str(item.segmented_property_type.value),
        )
        for mask, number, item in zip(masks, numbers, described)
    ]
