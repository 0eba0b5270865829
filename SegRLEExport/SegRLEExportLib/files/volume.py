"""Voxels and where they lie, as a file has them."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from SegRLEExportLib.files.byte_stream import ByteStream, UnreadableError
from SegRLEExportLib.model.finding import Finding
from SegRLEExportLib.model.geometry import Geometry, Matrix


@dataclass(frozen=True, eq=False)
class Volumes:
    """One or several volumes on one grid."""

    voxels_nkji: NDArray[Any]
    """(volume, k, j, i)."""
    geometry: Geometry
    extension: bytes = b""
    """What a NIfTI has between its header and the voxels."""
    other_place_mm: float = 0.0
    """How far a voxel would lie elsewhere by the file's other statement of places (NIfTI's qform), at most."""
    scale: tuple[float, float] = (1.0, 0.0)
    """What the stored numbers were multiplied by, and what was added (NIfTI's scl_slope and scl_inter)."""
    has_place: bool = True
    """Whether the file says where its voxels lie; else `geometry` has their sizes alone."""

    def only_one(self) -> NDArray[Any]:
        """Return the voxels (k, j, i) of the one volume; raise `UnreadableError` if there are several."""
        if len(self.voxels_nkji) != 1:
            raise UnreadableError(f"it has {len(self.voxels_nkji)} volumes, and one is needed")
        one: NDArray[Any] = self.voxels_nkji[0]
        return one


@dataclass(frozen=True, eq=False)
class Volume:
    """One volume, and what is to be said of its file."""

    voxels_kji: NDArray[Any]
    geometry: Geometry
    findings: tuple[Finding, ...] = ()


def placed(shape_kji: tuple[int, int, int], kji_to_lps: ArrayLike) -> Geometry:
    """Return that grid; raise `UnreadableError` if its axes do not span space."""
    geometry = Geometry(shape_kji, np.asarray(kji_to_lps, float))
    if not geometry.has_volume:
        raise UnreadableError("its header gives its voxels no size or place: the axes do not span space")
    return geometry


def read_array(stream: ByteStream, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return the voxels that are the rest of a stream, slowest axis first, in the byte order of this machine.

    Nothing is allocated that the file could not fill. Raises `UnreadableError` for fewer bytes and for more.
    """
    stream.refuse_more_than_there_can_be(prod(shape) * dtype.itemsize)
    voxels = np.empty(shape, dtype)
    stream.fill(voxels)
    stream.finish()
    return in_native_order(voxels)


def in_native_order(voxels: NDArray[Any]) -> NDArray[Any]:
    """Return the same values in the byte order of this machine, in the same memory."""
    if voxels.dtype.isnative:
        return voxels
    return voxels.byteswap(inplace=True).view(voxels.dtype.newbyteorder("="))


def kji_to_lps(directions_ijk: Matrix, origin: Matrix) -> Matrix:
    """Return the (4, 4) map from (k, j, i, 1), given the step along i, j and k as rows and the first voxel's place."""
    to_lps = np.eye(4)
    to_lps[:3, :3] = directions_ijk[::-1].T
    to_lps[:3, 3] = origin
    return to_lps
