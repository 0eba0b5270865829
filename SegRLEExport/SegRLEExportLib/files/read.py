"""Which reader a file is for, by its first bytes: names lie. Of a folder's files the names tell which are meant."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from SegRLEExportLib.errors import (
    NotASegmentationFileError,
    UnreadableSegmentationError,
    UnreadableVolumeError,
)
from SegRLEExportLib.files.byte_stream import ByteStream, IncompleteError, OtherKindError, UnreadableError, regular_file
from SegRLEExportLib.files.labels import labels_of, values_in
from SegRLEExportLib.files.masks import Mask, of_masks
from SegRLEExportLib.files.metaimage import is_metaimage, read_metaimage
from SegRLEExportLib.files.nifti import has_header_beside, is_nifti, read_nifti
from SegRLEExportLib.files.nrrd import is_nrrd, read_header, read_volumes
from SegRLEExportLib.files.places import NO_CODES, place_findings
from SegRLEExportLib.files.seg_nrrd import has_segments, read_segments
from SegRLEExportLib.files.tables.beside import TABLE_OF_MASKS, told_of_table
from SegRLEExportLib.files.tables.describe import described, tells_algorithms
from SegRLEExportLib.files.tables.nifti_names import names_in
from SegRLEExportLib.files.tables.read import read_table
from SegRLEExportLib.files.tables.row import TableFaultError
from SegRLEExportLib.files.tables.totalsegmentator import of_names_that_are_left, with_codes_of_known_names
from SegRLEExportLib.files.volume import Volume, Volumes
from SegRLEExportLib.model.counted import first_of
from SegRLEExportLib.model.finding import Finding, Severity
from SegRLEExportLib.model.remedy import Remedy
from SegRLEExportLib.model.segmentation import AlgorithmType, Labels, Layer, Segment, Segmentation
from SegRLEExportLib.model.usual_color import usual_color
from SegRLEExportLib.reading.folder import files_of_one_export
from SegRLEExportLib.reading.header import is_dicom
from SegRLEExportLib.reading.segmentation import segmentation_of

_START_BYTES = 16

_MOST_USUAL_LABELS = 255
"""As many as a byte can tell apart: few atlases have more."""

_VALUES_SHOWN = 5

_SUFFIXES = (".seg.nrrd", ".seg.nhdr", ".nii.gz")

_MASK_SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")


def read_segmentation(path: Path, segments: Path | str | None = None) -> Segmentation:
    """Return the segments of a .seg.nrrd or DICOM SEG, or the labels of an NRRD, NIfTI or MetaImage as segments.

    A folder has masks, one file for each segment, or the SEG files of one export; a file of several volumes has one
    segment in each. `segments` is a table of names, codes and colours, as `described_by` takes it.

    Raises `UnreadableSegmentationError`, for a DICOM file `NotASegmentationFileError` or `UnusableSegFileError`, and
    `SegmentTableError`.
    """
    segmentation = _undescribed(path)
    return segmentation if segments is None else described_by(segmentation, segments)


def described_by(segmentation: Segmentation, segments: Path | str) -> Segmentation:
    """Return the segmentation with the names, codes and colours of a table: a file, or the name of one built in.

    Where the table has no codes and all names are those of TotalSegmentator, it gets theirs.

    Raises `SegmentTableError`.
    """
    table = read_table(segments)
    before = segmentation.without_finding("table-not-read").without_finding("segment-without-row")
    told = of_names_that_are_left(before, described(before, table))
    told = with_codes_of_known_names(told, has_colors=True)
    return told.without_finding("algorithm-not-told") if tells_algorithms(before, table) else told


def _undescribed(path: Path) -> Segmentation:
    if os.path.isdir(path):  # Path.is_dir raises for names that cannot be
        files = seg_files_in(path)
        return segmentation_of(files) if files else _masks_of(path.resolve())
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
        raise _refusal(path, error) from error


def _refusal(path: Path, error: UnreadableError) -> UnreadableSegmentationError:
    """Return the sentence about a file that cannot be read, with what helps where anything does."""
    remedy = ""
    if isinstance(error, OtherKindError):
        remedy = UnreadableSegmentationError.KINDS
    elif isinstance(error, IncompleteError):
        remedy = "Copy it anew, or save it again."
    return UnreadableSegmentationError(path, str(error), remedy)


def read_volume(path: Path) -> Volume:
    """Return the volume of an NRRD, NIfTI or MetaImage; raise `UnreadableVolumeError`."""
    try:
        with regular_file(path) as file:
            _refuse_segmentation(file)
            volumes = _volumes(file, path)
            if not volumes.has_place:
                raise UnreadableError(f"it does not say where its voxels lie: {NO_CODES}")
            return Volume(volumes.only_one(), volumes.geometry, (*place_findings(volumes, path),))
    except UnreadableError as error:
        raise UnreadableVolumeError(path, str(error)) from error


def _refuse_segmentation(file: BinaryIO) -> None:
    if is_nrrd(_start(file)) and has_segments(read_header(file)):
        raise UnreadableError("it is a segmentation, and the image is needed that was segmented")
    file.seek(0)


def _volumes(file: BinaryIO, path: Path) -> Volumes:
    start = _start(file)
    if is_nrrd(start):
        return read_volumes(read_header(file), file, path)
    if is_metaimage(start):
        return read_metaimage(file, path)
    if is_nifti(_inflated_start(file)):
        return read_nifti(file)
    if has_header_beside(path):
        raise UnreadableError("it has the voxels of a pair, .hdr and .img; save the pair as one .nii")
    if start:
        raise OtherKindError("its content is none of NRRD, NIfTI and MetaImage")
    raise IncompleteError("it is empty")


def _start(file: BinaryIO) -> bytes:
    start = file.read(_START_BYTES)
    file.seek(0)
    return start


def _inflated_start(file: BinaryIO) -> bytes:
    start = ByteStream.of_content(file).take_at_most(_START_BYTES)
    file.seek(0)
    return start


def _of_labels(volumes: Volumes, path: Path) -> Segmentation:
    if len(volumes.voxels_nkji) > 1:
        return replace(of_masks(_stem(path), _one_hot(volumes)), findings=(*place_findings(volumes, path),))
    labels = _labels_in(volumes, volumes.only_one())
    segments = tuple(
        Segment(
            f"Label_{value}",
            f"Label {value}",
            0,
            value,
            usual_color(value),
            algorithm_type=AlgorithmType.MANUAL,
        )
        for value in values_in(labels)
    )
    findings = (*place_findings(volumes, path), *_image_findings(len(segments), path))
    segmentation = Segmentation(_stem(path), (Layer(labels, volumes.geometry),), segments, findings)
    return _named(segmentation, volumes, path)


def _labels_in(volumes: Volumes, voxels: NDArray[Any]) -> Labels:
    """Return the labels in one of the volumes; a refusal names the scale that they come from."""
    try:
        return labels_of(voxels)
    except UnreadableError as error:
        if volumes.scale == (1, 0):
            raise
        slope, intercept = volumes.scale
        raise UnreadableError(
            f"{error} (scl_slope {slope:g} and scl_inter {intercept:g} make them so); save them as whole numbers, "
            "without a scale"
        ) from error


def _image_findings(count: int, path: Path) -> Iterator[Finding]:
    """Tell of a file with more values than anybody gives names to: an image can be given in place of its labels."""
    if count > _MOST_USUAL_LABELS:
        yield Finding(
            "many-labels",
            Severity.WARNING,
            f"The file has {count:,} different values, as an image has, and each is taken for a segment.",
            where=path.name,
            help="If it is the image, give the label map that was drawn on it.",
        )


def _named(segmentation: Segmentation, volumes: Volumes, path: Path) -> Segmentation:
    """Return the segmentation with the names that the file itself carries, if there are any."""
    try:
        table = names_in(volumes.extension, path.name)
    except TableFaultError as fault:
        finding = Finding(
            "names-unreadable",
            Severity.WARNING,
            f"The file has names for its labels, but they cannot be read: {fault}.",
            where=path.name,
            help=Remedy.TABLE_OF_NAMES.value,
        )
        return replace(segmentation, findings=(*segmentation.findings, finding))
    if table is None:
        told = told_of_table(path.with_name(f"{_stem(path)}.csv"), path)
        return replace(segmentation, findings=(*segmentation.findings, *told))
    has_colors = any(row.color_rgb for row in table.rows)
    return with_codes_of_known_names(described(segmentation, table), has_colors=has_colors)


def _one_hot(volumes: Volumes) -> Iterator[Mask]:
    """Yield the volumes of a file as masks, one a segment; raise `UnreadableError` if they are none."""
    count = len(volumes.voxels_nkji)
    for n, voxels in enumerate(volumes.voxels_nkji, start=1):
        yield Mask(f"Segment_{n}", f"Segment {n}", _is_inside(voxels, count), volumes.geometry)


def _is_inside(voxels: NDArray[Any], count: int) -> NDArray[np.bool_]:
    """Return where one of so many volumes is 1; raise `UnreadableError` if it is other than 0 elsewhere."""
    with suppress(UnreadableError):
        labels = labels_of(voxels)
        if labels.max() <= 1:
            return np.asarray(labels != 0)
    raise UnreadableError(
        f"it has {count} volumes, and one is needed, or several of 0 and 1 alone, one for each segment"
    )


def _masks_of(folder: Path) -> Segmentation:
    segmentation = read_masks(masks_in(folder), folder.name)
    told = told_of_table(folder / TABLE_OF_MASKS, folder)
    return replace(segmentation, findings=(*segmentation.findings, *told))


def read_masks(paths: Sequence[Path], name: str) -> Segmentation:
    """Return a segmentation of the masks in files, one each, in the order given; names are those of the files.

    A mask has the values 0 and 1 (or 255). Raises `UnreadableSegmentationError`.
    """
    names = [_stem(path) for path in paths]
    for path, stem in zip(paths, names):
        if names.count(stem) > 1:
            raise UnreadableSegmentationError(path, f"two masks have the name '{stem}'", "Give one another name.")
    masks = replace(of_masks(name, (_mask(path) for path in paths)), has_values=False)
    return with_codes_of_known_names(masks, has_colors=False)


def masks_in(folder: Path) -> list[Path]:
    """Return the files of a folder that can be masks, by name; raise `UnreadableSegmentationError` if none can."""
    found = possible_masks(folder)
    if not found:
        raise UnreadableSegmentationError(
            folder,
            f"the folder has no mask ({', '.join(_MASK_SUFFIXES)}) and no DICOM SEG file",
            UnreadableSegmentationError.KINDS,
        )
    return found


def seg_files_in(folder: Path) -> list[Path]:
    """Return the DICOM SEG files of a folder, by name; none where it has masks.

    Raises `UnusableSegFileError` if they were not written by one export.
    """
    if possible_masks(folder):
        return []
    try:
        return files_of_one_export(folder)
    except NotASegmentationFileError:
        return []


def possible_masks(folder: Path) -> list[Path]:
    """Return the files of a folder that can be masks, by name; raise `UnreadableSegmentationError` if it is none."""
    try:
        found = sorted(path for path in folder.iterdir() if path.name.lower().endswith(_MASK_SUFFIXES))
    except OSError as error:
        raise UnreadableSegmentationError(folder, f"the folder cannot be read ({error.strerror})") from error
    return [path for path in found if not path.name.startswith(".")]


def _mask(path: Path) -> Mask:
    if os.path.isdir(path):
        remedy = "Give the file of each mask, or the folder alone."
        raise UnreadableSegmentationError(path, "it is a folder, and the file of one mask is needed", remedy)
    try:
        with regular_file(path) as file:
            volumes = _volumes(file, path)
            labels = _labels_in(volumes, volumes.only_one())
    except UnreadableError as error:
        raise _refusal(path, error) from error
    values = [] if labels.max() <= 1 else values_in(labels)  # counting takes ten times as long as a glance
    if values not in ([], [255]):
        shown = first_of(values, _VALUES_SHOWN)
        raise UnreadableSegmentationError(
            path, f"as a mask it must have the values 0 and 1, and it has {shown}; give it alone as a label map"
        )
    found = tuple(place_findings(volumes, path))
    return Mask(_stem(path), _stem(path), np.asarray(labels != 0), volumes.geometry, found)


def _stem(path: Path) -> str:
    for suffix in _SUFFIXES:
        if path.name.lower().endswith(suffix):
            return path.name[: -len(suffix)]
    return path.stem
