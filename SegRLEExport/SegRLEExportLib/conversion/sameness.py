"""Whether a file that was read back is the segmentation that was written."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from SegRLEExportLib.model.segmentation import Segmentation


def is_same(read: Segmentation, wanted: Segmentation) -> bool:
    """Whether two segmentations have the same segments, voxels and places."""
    if len(read.segments) != len(wanted.segments):
        return False
    for one, other in zip(read.segments, wanted.segments):
        if replace(one, layer_index=0) != replace(other, layer_index=0):
            return False
    return all(
        np.array_equal(
            read.layers[one.layer_index].labels_kji == one.layer_value,
            wanted.layers[other.layer_index].labels_kji == other.layer_value,
        )
        for one, other in zip(read.segments, wanted.segments)
    ) and np.allclose(read.layers[0].geometry.kji_to_lps, wanted.layers[0].geometry.kji_to_lps, atol=1e-9)
