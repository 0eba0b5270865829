"""Values of voxels as labels: whole numbers from 0 to 65535, or the file is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from SegRLEExportLib.files.byte_stream import UnreadableError
from SegRLEExportLib.model.segmentation import Labels, voxels_of_values

LARGEST_LABEL = np.iinfo(np.uint16).max

_ROUNDING = 2.0**-22
"""How far a whole number may come back from a scale that was kept in 32 bits, as a part of the largest number."""


def labels_of(voxels: NDArray[Any]) -> Labels:
    """Return the same values as uint8 or uint16, without a copy where the type allows it.

    Where only a rounding of 32 bits keeps a value from a whole number it is that number: 1.00000002 is 1.

    Raises `UnreadableError` if they are not whole numbers from 0 to 65535.
    """
    if voxels.dtype in (np.uint8, np.uint16):
        return voxels
    lowest, highest = voxels.min(), voxels.max()
    if np.isnan(highest):
        raise UnreadableError("some of its voxels are not a number")
    most_off = _ROUNDING * float(np.clip(highest, 1, LARGEST_LABEL)) if voxels.dtype.kind == "f" else 0.0
    if not (lowest >= -most_off and highest <= LARGEST_LABEL + most_off):
        raise UnreadableError(
            f"its labels range from {lowest} to {highest}, and labels must be whole numbers from 0 to {LARGEST_LABEL}"
        )
    if voxels.dtype in (np.int8, np.int16):
        return voxels.view(np.uint8 if voxels.dtype == np.int8 else np.uint16)
    labels = np.empty(voxels.shape, np.uint16)
    for plane, values in zip(labels, voxels):
        plane[...] = np.rint(values)
        if np.abs(values - plane).max() > most_off:
            raise UnreadableError(f"its labels are not whole numbers from 0 to {LARGEST_LABEL}")
    return labels


def values_in(labels: Labels) -> list[int]:
    """Return the values above 0 that occur, ascending."""
    return [value for value in np.flatnonzero(voxels_of_values(labels)).tolist() if value]
