"""What other programs see in files that are there already, beside what our own comparison found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from SegRLEExportLib.model.geometry import PlaneStack
from SegRLEExportLib.model.printable import printable_lines
from SegRLEExportLib.model.segmentation import Segmentation
from SegRLEExportLib.model.source_series import SourceSeries
from SegRLEExportLib.other_readers.comparison import Wanted, WantedSegment
from SegRLEExportLib.other_readers.proof import read_by_others
from SegRLEExportLib.planes.sampling import SampledLayer
from SegRLEExportLib.reading.seg_file import SegFile
from SegRLEExportLib.report import Sight, SightOutcome
from SegRLEExportLib.verification.comparison import Comparison
from SegRLEExportLib.verification.placing import images_under
from SegRLEExportLib.verification.voxel_comparison import layers_on

_ONE_BIT_RLE = "rle-binary"


@dataclass(frozen=True)
class SeenByOthers:
    """Our own comparison, and what each program sees in each file."""

    own: Comparison
    sights: tuple[tuple[Path, Sight], ...]

    @property
    def is_equal(self) -> bool:
        """Whether nobody sees a difference."""
        return self.own.is_equal and all(sight.outcome is not SightOutcome.DIFFERENT for _, sight in self.sights)

    def __str__(self) -> str:
        lines = [f"  {path.name}, {sight}" for path, sight in self.sights]
        return printable_lines([*str(self.own).split("\n"), *lines])

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as a JSON object."""
        others = [{"file": str(path), **asdict(sight)} for path, sight in self.sights]
        return {**self.own.to_json(), "equal": self.is_equal, "others": others}


def seen_by_others(
    own: Comparison, paths: Sequence[Path], segmentation: Segmentation, source: SourceSeries | None
) -> SeenByOthers:
    """Let highdicom and dcmqi read each file, and compare what they show with the segmentation."""
    sights: list[tuple[Path, Sight]] = []
    for path, partners in zip(paths, own.partners):
        seg = SegFile(path)
        encoding = _ONE_BIT_RLE if seg.is_one_bit_rle else ""
        wanted = _wanted(seg, segmentation, images_under(seg.planes[0], source), partners)
        sights.extend((path, sight) for sight in read_by_others(path, encoding, wanted))
    return SeenByOthers(own, tuple(sights))


def _wanted(seg: SegFile, segmentation: Segmentation, images: PlaneStack | None, partners: dict[int, int]) -> Wanted:
    """Return what the file must show if it is right; who is who in it our own comparison has found."""
    stack, _ = seg.planes
    layers = layers_on(segmentation.layers, stack, images)
    wanted = []
    for record in seg.segments:
        if record.number in partners:
            segment = segmentation.segments[partners[record.number]]
            voxels = _voxels(layers[segment.layer_index], segment.layer_value, stack)
            wanted.append(WantedSegment(record.number, record.label, partners[record.number], voxels))
    return Wanted(segmentation, wanted, stack, layers)


def _voxels(layer: SampledLayer, value: int, stack: PlaneStack) -> int:
    regions = (layer.region(plane) for plane in range(len(stack)))
    return sum(int(np.count_nonzero(region.labels == value)) for region in regions if region is not None)
