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


def read(path: Path, _options: dict[str, Any]) -> list[FoundSegment]:
    """Return the segments, with names and codes."""
    seg = highdicom.seg.segread(path)
    numbers = [number for number in seg.segment_numbers if number != 0]
    volume = seg.get_volume(segment_numbers=numbers, allow_missing_positions=True)
    described = [seg.get_segment_description(number) for number in numbers]
    return [
        FoundSegment(
            grid_points(volume.array[..., index] > 0, volume.affine),
            int(number),
            str(item.segment_label),
            str(item.segmented_property_type.value),
        )
        for index, (number, item) in enumerate(zip(numbers, described))
    ]
