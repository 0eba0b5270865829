"""Which reader a file is for, by its first bytes: names lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

from numpy.typing import NDArray

from SegRLEExportLib.errors import UnreadableSegmentationError, UnreadableVolumeError
from SegRLEExportLib.files.byte_stream import ByteStream, UnreadableError, regular_file
from SegRLEExportLib.files.metaimage import is_metaimage, read_metaimage
from SegRLEExportLib.files.nifti import is_nifti, read_nifti
from SegRLEExportLib.files.nrrd import is_nrrd, read_header, read_volumes
from SegRLEExportLib.files.seg_nrrd import has_segments, read_segments
from SegRLEExportLib.files.volume import Volumes, labels_of, values_in
from SegRLEExportLib.model.geometry import Geometry
from SegRLEExportLib.model.segmentation import AlgorithmType, Layer, Segment, Segmentation
from SegRLEExportLib.reading.header import is_dicom
from SegRLEExportLib.reading.segmentation import segmentation_of

_START_BYTES = 16

_SUFFIXES = (".seg.nrrd", ".seg.nhdr", ".nii.gz")

_COLORS = ((0.50, 0.68, 0.50), (0.95, 0.84, 0.57), (0.69, 0.48, 0.40), (0.44, 0.72, 0.82), (0.85, 0.40, 0.31))
"""For label maps, which have none; repeated."""


def read_segmentation(path: Path) -> Segmentation:
    """Return the segments of a .seg.nrrd or DICOM SEG, or the labels of an NRRD, NIfTI or MetaImage as segments.

    Raises `UnreadableSegmentationError`, for a DICOM file `NotASegmentationFileError` or `UnusableSegFileError`.
    """
    if is_dicom(path):
        return segmentation_of([path])
    try:
        with regular_file(path) as file:
            if not is_nrrd(_start(file)):
                return _of_labels(_volumes(file, path), path)
            header = read_header(file)
            if has_segments(header):
                return read_segments(header, file, path, _stem(path))
            return _of_labels(read_volumes(header, file, path), path)
    except UnreadableError as error:
        raise UnreadableSegmentationError(path, str(error)) from error


def read_volume(path: Path) -> tuple[NDArray[Any], Geometry]:
    """Return the voxels (k, j, i) of an NRRD, NIfTI or MetaImage and where they lie; raise `UnreadableVolumeError`."""
    try:
        with regular_file(path) as file:
            volumes = _volumes(file, path)
            return volumes.only_one(), volumes.geometry
    except UnreadableError as error:
        raise UnreadableVolumeError(path, str(error)) from error


def _volumes(file: BinaryIO, path: Path) -> Volumes:
    start = _start(file)
    if is_nrrd(start):
        return read_volumes(read_header(file), file, path)
    if is_metaimage(start):
        return read_metaimage(file, path)
    if is_nifti(_inflated_start(file)):
        return read_nifti(file)
    raise UnreadableError("its content is none of NRRD, NIfTI and MetaImage" if start else "it is empty")


def _start(file: BinaryIO) -> bytes:
    start = file.read(_START_BYTES)
    file.seek(0)
    return start


def _inflated_start(file: BinaryIO) -> bytes:
    start = ByteStream.of_content(file).take_at_most(_START_BYTES)
    file.seek(0)
    return start


def _of_labels(volumes: Volumes, path: Path) -> Segmentation:
    labels = labels_of(volumes.only_one())
    segments = tuple(
        Segment(
            f"Label_{value}",
            f"Label {value}",
            0,
            value,
            _COLORS[(value - 1) % len(_COLORS)],
            algorithm_type=AlgorithmType.MANUAL,
        )
        for value in values_in(labels)
    )
    return Segmentation(_stem(path), (Layer(labels, volumes.geometry),), segments)


def _stem(path: Path) -> str:
    for suffix in _SUFFIXES:
        if path.name.lower().endswith(suffix):
            return path.name[: -len(suffix)]
    return path.stem
