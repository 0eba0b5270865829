"""NIfTI-1 and NIfTI-2 in one file, gzipped or not; nibabel explains the header, the bytes are read here.

nibabel's own reading stops before the checksum at the end of gzip and mends headers quietly.
"""

from __future__ import annotations

import re
from itertools import product
from math import isfinite, prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from SegRLEExportLib.files.byte_stream import ByteStream, OtherKindError, UnreadableError, regular_file
from SegRLEExportLib.files.volume import Volumes, placed, read_array
from SegRLEExportLib.model.geometry import Geometry, Matrix

_SIZES = (348, 540)
"""Bytes of the header of NIfTI-1 and of NIfTI-2, which is also its first number."""

_ONE_FILE, _TWO_FILES = (b"n+1", b"n+2"), (b"ni1", b"ni2")

_MM = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}
"""Millimetres of a unit of length; 0 says nothing, and all programs take it as mm."""

_IMG = re.compile(r"\.img(\.gz)?$", re.IGNORECASE)

_MOST_EXTENSION_BYTES = 1 << 24

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""(4, 4); its own inverse."""


def is_nifti(start: bytes) -> bool:
    """Whether a file that begins so, inflated, is NIfTI."""
    return _version(start) is not None


def has_header_beside(path: Path) -> bool:
    """Whether it is the .img of a pair, NIfTI's or Analyze's: nothing in it says so, its .hdr does."""
    name = _IMG.sub(r".hdr\1", path.name)
    if name == path.name:
        return False
    try:
        with regular_file(path.with_name(name)) as file:
            return is_nifti(ByteStream.of_content(file).take_at_most(4))
    except UnreadableError:
        return False


def read_nifti(file: BinaryIO) -> Volumes:
    """Return the volumes of an open file; raise `UnreadableError`."""
    stream = ByteStream.of_content(file)
    header = _header(stream)
    dtype = _dtype(header)
    shape = _shape(header)
    is_flat = bool(header["dim"][0] < 3)
    geometry = placed((shape[1], shape[2], shape[3]), _kji_to_lps(header, flat=is_flat))
    extension = _up_to_voxels(stream, header)
    other_place_mm = _other_place_mm(header, geometry, flat=is_flat)
    scale = _scale(header)
    voxels = _scaled(read_array(stream, shape, dtype), scale)
    return Volumes(voxels, geometry, extension, other_place_mm, scale, has_place=_has_place(header))


def _version(start: bytes) -> tuple[int, str] | None:
    """Return the size of the header and its byte order."""
    for size in _SIZES:
        for order in ("little", "big"):
            if start[:4] == size.to_bytes(4, order):
                return size, order
    return None


def _header(stream: ByteStream) -> Any:
    from nibabel.nifti1 import Nifti1Header
    from nibabel.nifti2 import Nifti2Header

    start = stream.take(4)
    version = _version(start)
    if version is None:
        raise OtherKindError("it is not NIfTI")
    size, order = version
    kind: Any = Nifti1Header if size == _SIZES[0] else Nifti2Header
    header = kind(start + stream.take(size - 4), "<" if order == "little" else ">", check=False)
    magic = bytes(header["magic"].item())
    if magic[:3] in _TWO_FILES:
        raise UnreadableError("it is NIfTI in two files, .hdr and .img; save it as one .nii")
    if magic[:3] not in _ONE_FILE:
        raise UnreadableError("it is Analyze, or its header is damaged: it does not say that it is NIfTI")
    return header


def _shape(header: Any) -> tuple[int, int, int, int]:
    """Return (volumes, k, j, i)."""
    number = int(header["dim"][0])
    if not 2 <= number <= 7:
        raise UnreadableError(f"it has {number} dimensions, and 2 to 7 are possible")
    sizes = [int(size) for size in header["dim"][1 : number + 1]]
    if min(sizes) < 1:
        raise UnreadableError(f"its sizes are {' x '.join(str(size) for size in sizes)}")
    i, j, k = (sizes + [1])[:3]
    return prod(sizes[3:]), k, j, i


def _dtype(header: Any) -> np.dtype[Any]:
    try:
        dtype: np.dtype[Any] = header.get_data_dtype()
    except Exception as error:
        raise UnreadableError(f"its header is damaged: there is no data type {int(header['datatype'])}") from error
    if dtype.kind not in "uif" or dtype.itemsize > 8:
        raise UnreadableError(f"its voxels are colours or other than numbers (data type {int(header['datatype'])})")
    if int(header["bitpix"]) != dtype.itemsize * 8:
        raise UnreadableError(f"its header is damaged: {int(header['bitpix'])} bits a voxel do not fit its data type")
    return dtype


def _kji_to_lps(header: Any, *, flat: bool) -> Matrix:
    to_ras = _ijk_to_ras(header, flat=flat)
    to_lps: Matrix = RAS_TO_LPS @ to_ras
    return to_lps[:, [2, 1, 0, 3]]


def _has_place(header: Any) -> bool:
    """Tell whether there is a sform or a qform: only with them the file says where the patient's left is."""
    return int(header["sform_code"]) > 0 or int(header["qform_code"]) > 0


def _ijk_to_ras(header: Any, *, flat: bool) -> Matrix:
    """Return the map of the sform, or else the qform, or else one of the voxels' sizes alone."""
    if int(header["sform_code"]) > 0:
        return _in_mm(header, np.array(header.get_sform(), float), flat=flat)
    if int(header["qform_code"]) > 0:
        return _in_mm(header, _qform(header, flat=flat), flat=flat)
    sizes = np.array(header["pixdim"][1:4], float)
    return np.diag([*np.where(np.isfinite(sizes) & (sizes > 0), sizes, 1.0), 1.0])


def _other_place_mm(header: Any, geometry: Geometry, *, flat: bool) -> float:
    """Return how far from where the sform, which counts, has a corner the qform has it; 0 if only one is given."""
    if not (int(header["sform_code"]) > 0 and int(header["qform_code"]) > 0):
        return 0.0
    try:
        other = RAS_TO_LPS @ _in_mm(header, _qform(header, flat=flat), flat=flat)
    except UnreadableError:
        return 0.0
    ends = [(0, length - 1) for length in geometry.shape_kji]
    corners = np.array([(*corner, 1) for corner in product(*ends)], float)
    off = corners @ (other[:, [2, 1, 0, 3]] - geometry.kji_to_lps).T
    return float(np.linalg.norm(off[:, :3], axis=1).max())


def _in_mm(header: Any, to_ras: Matrix, *, flat: bool) -> Matrix:
    unit = int(header["xyzt_units"]) & 7
    if unit not in _MM:
        raise UnreadableError(f"its header is damaged: there is no unit of length {unit}")
    if not np.any(to_ras[:3, 2]) and flat:
        to_ras[:3, 2] = _across(to_ras) / _MM[unit]
    to_ras[:3] *= _MM[unit]
    return to_ras


def _across(to_ras: Matrix) -> Matrix:
    normal = np.cross(to_ras[:3, 0], to_ras[:3, 1])
    return normal / (np.linalg.norm(normal) or 1.0)


def _qform(header: Any, *, flat: bool) -> Matrix:
    spacing = header["pixdim"][1 : 3 if flat else 4]
    if not np.all(spacing > 0):
        raise UnreadableError(f"its voxels have the sizes {' x '.join(f'{size:g}' for size in spacing)}")
    header = header.copy()
    if not header["pixdim"][3] > 0:
        header["pixdim"][3] = 1.0
    header["pixdim"][0] = header["pixdim"][0] or 1.0  # 0 stands for 1 (nifti1.h, qfac)
    if header["pixdim"][0] not in (-1, 1):
        raise UnreadableError(f"its header is damaged: its qfac is {header['pixdim'][0]:g}, and 1 and -1 are possible")
    try:
        return np.array(header.get_qform(), float)
    except ValueError as error:
        raise UnreadableError("its header is damaged: its quaternion is no rotation") from error


def _up_to_voxels(stream: ByteStream, header: Any) -> bytes:
    """Return what stands before the voxels; nothing if it is too much to be names."""
    size, offset = int(header["sizeof_hdr"]), float(header["vox_offset"])
    if not isfinite(offset) or offset != int(offset) or offset < size + 4:
        raise UnreadableError(f"its header is damaged: its voxels cannot begin at byte {offset:g}")
    count = int(offset) - size
    if count <= _MOST_EXTENSION_BYTES:
        return stream.take(count)
    stream.skip(count)
    return b""


def _scale(header: Any) -> tuple[float, float]:
    """Return what the values are of the stored numbers; a slope of 0 says that they are the values."""
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if slope == 0 or not isfinite(slope):
        return 1.0, 0.0
    return slope, intercept if isfinite(intercept) else 0.0


def _scaled(voxels: NDArray[Any], scale: tuple[float, float]) -> NDArray[Any]:
    slope, intercept = scale
    return voxels if scale == (1, 0) else voxels * slope + intercept
