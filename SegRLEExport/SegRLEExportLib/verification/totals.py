"""How much there is of each segment for the frames of files to show."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from SegRLEExportLib.model.segmentation import Layer, Segmentation, voxels_of_values
from SegRLEExportLib.model.source_series import SourceSeries
from SegRLEExportLib.planes.sampling import SampledLayer
from SegRLEExportLib.reading.seg_file import SegFile
from SegRLEExportLib.verification.placing import images_under


def totals_of(segmentation: Segmentation, segs: Sequence[SegFile], source: SourceSeries | None) -> list[int]:
    """Return how many voxels each segment has, wherever they lie.

    Where the voxels of a layer are not one to one the pixels of a file, these are counted: on all images if the planes
    of the file are known to lie on some, else on its planes. Every layer is looked at once for each file at most.
    """
    of_layer = {
        index: _of_layer(segmentation.layers[index], segs, source) for index in segmentation.positions_of_layers
    }
    return [int(of_layer[segment.layer_index][segment.layer_value]) for segment in segmentation.segments]


def _of_layer(layer: Layer, segs: Sequence[SegFile], source: SourceSeries | None) -> NDArray[np.int64]:
    on_files = [_on_planes(layer, seg, source) for seg in segs]
    if all(on_file.is_one_to_one for on_file in on_files):
        return voxels_of_values(layer.labels_kji)
    most: NDArray[np.int64] = np.max([_pixels_of_values(on_file) for on_file in on_files], axis=0)
    return most


def _on_planes(layer: Layer, seg: SegFile, source: SourceSeries | None) -> SampledLayer:
    stack, _ = seg.planes
    images = images_under(stack, source)
    return SampledLayer(layer, stack) if images is None else SampledLayer.drawn_on(layer, images)


def _pixels_of_values(layer: SampledLayer) -> NDArray[np.int64]:
    """Return how many pixels of all planes take each value."""
    regions = (layer.region(plane) for plane in range(len(layer.stack)))
    return sum(
        (voxels_of_values(region.labels) for region in regions if region is not None),
        start=np.zeros(np.iinfo(layer.dtype).max + 1, np.int64),
    )
