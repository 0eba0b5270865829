"""Whether a file that was written is what it should be, told a plane at a time: no second copy of the labels."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from SegRLEExportLib.files.byte_stream import ByteStream, UnreadableError, regular_file
from SegRLEExportLib.files.nifti import RAS_TO_LPS
from SegRLEExportLib.files.nrrd import NrrdHeader, grid_of, read_header
from SegRLEExportLib.files.seg_nrrd import described_segments
from SegRLEExportLib.model.geometry import Geometry, Matrix
from SegRLEExportLib.model.segmentation import Labels, Segmentation

_NIFTI_PLACE_TOLERANCE = 1e-5
"""NIfTI keeps places as 32-bit numbers, of about seven digits."""

_NRRD_PLACE_TOLERANCE = 1e-9


def is_nifti_of(path: Path, labels_kji: Labels, geometry: Geometry, *, is_compressed: bool) -> bool:
    """Whether nibabel finds these labels, (k, j, i), at these places."""
    from nibabel.nifti1 import Nifti1Image

    with gzip.open(path) if is_compressed else path.open("rb") as file:
        image = Nifti1Image.from_stream(file)
        to_lps = (RAS_TO_LPS @ image.affine)[:, [2, 1, 0, 3]]
        if image.shape != geometry.shape_kji[::-1] or not _is_near(to_lps, geometry, _NIFTI_PLACE_TOLERANCE):
            return False
        if not all(np.array_equal(np.asarray(image.dataobj[:, :, k]).T, plane) for k, plane in enumerate(labels_kji)):
            return False
        return not file.read(1)  # at the end gzip compares its checksum


def is_nrrd_of(path: Path, layers: Sequence[Labels], geometry: Geometry) -> bool:
    """Whether our reader of NRRD finds these layers, (k, j, i) each, at these places."""
    return _nrrd_header_if_same(path, layers, geometry) is not None


def is_seg_nrrd_of(path: Path, segmentation: Segmentation) -> bool:
    """Whether our reader of .seg.nrrd finds these segments: names, codes, colours, layers and every voxel."""
    layers = [layer.labels_kji for layer in segmentation.layers]
    header = _nrrd_header_if_same(path, layers, segmentation.layers[0].geometry)
    if header is None:
        return False
    return described_segments(header) == [replace(one, name=one.name or one.id) for one in segmentation.segments]


def _nrrd_header_if_same(path: Path, layers: Sequence[Labels], geometry: Geometry) -> NrrdHeader | None:
    try:
        with regular_file(path) as file:
            header = read_header(file)
            found = grid_of(header)
            if found.shape_kji != geometry.shape_kji or not _is_near(found.kji_to_lps, geometry, _NRRD_PLACE_TOLERANCE):
                return None
            stream = ByteStream.gunzipped(file)
            is_same = all(_is_next_plane(stream, [labels[k] for labels in layers]) for k in range(found.shape_kji[0]))
            stream.finish()
            return header if is_same else None
    except UnreadableError:
        return None


def _is_next_plane(stream: ByteStream, planes: Sequence[Labels]) -> bool:
    """Whether the stream goes on with these planes, side by side as NRRD has a list first."""
    wanted = planes[0] if len(planes) == 1 else np.stack(planes, axis=-1)
    read = np.empty(wanted.shape, wanted.dtype.newbyteorder("<"))
    stream.fill(read)
    return np.array_equal(read, wanted)


def _is_near(to_lps: Matrix, geometry: Geometry, tolerance: float) -> bool:
    largest = max(1.0, float(np.abs(geometry.kji_to_lps).max()))
    return bool(np.abs(to_lps - geometry.kji_to_lps).max() <= tolerance * largest)
