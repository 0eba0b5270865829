"""A volume that never was DICOM, as a series of single-frame images that a SEG can refer to.

PS3.3: A.3 (CT Image), A.4 (MR Image); all else is Secondary Capture, A.8.1, extended by Image Plane and Frame of
Reference (C.7.6.2, C.7.4.1), which viewers honour. Values are stored in 16 bits: as they are where they fit, else
rescaled linearly, and then the loss is reported. Nothing here knows segments or Slicer.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import dcmwrite
from pydicom.uid import (
    UID,
    CTImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    SecondaryCaptureImageStorage,
)

import SegRLEExportLib
from SegRLEExportLib.dataset.build import is_ascii
from SegRLEExportLib.dataset.decimal_string import decimal_string
from SegRLEExportLib.dataset.explicit_vr import UTF_8
from SegRLEExportLib.dataset.header import MANUFACTURER, PRODUCT_UID
from SegRLEExportLib.dataset.texts import refused_texts
from SegRLEExportLib.errors import PreflightError, TargetExistsError, UnwritableVolumeError
from SegRLEExportLib.model.counted import counted
from SegRLEExportLib.model.finding import Finding, Severity
from SegRLEExportLib.model.geometry import Geometry, PlaneStack
from SegRLEExportLib.model.source_series import SourceFrame, SourceSeries
from SegRLEExportLib.uids import new_uid as another_uid
from SegRLEExportLib.writing.names import prepare_folder
from SegRLEExportLib.writing.pending_files import PendingFiles

_BYTES_BESIDE_PIXELS = 4096
_INT16 = np.iinfo(np.int16)
_UINT16 = np.iinfo(np.uint16)


@dataclass(frozen=True)
class PatientAndStudy:
    """Whose images they are, as far as the caller knows; empty is valid."""

    patient_name: str = ""
    """As Family^Given."""
    patient_id: str = ""
    study_description: str = ""
    series_description: str = ""

    def texts(self) -> list[tuple[str, str]]:
        """Return keywords with their texts."""
        return [
            ("PatientName", self.patient_name),
            ("PatientID", self.patient_id),
            ("StudyDescription", self.study_description),
            ("SeriesDescription", self.series_description),
        ]


def write_image_series(
    voxels_kji: NDArray[Any],
    geometry: Geometry,
    folder: Path,
    *,
    modality: str = "OT",
    patient_name: str = "",
    patient_id: str = "",
    study_description: str = "",
    series_description: str = "",
    new_uid: Callable[[], str] = another_uid,
    now: Callable[[], datetime] = datetime.now,
    files: PendingFiles | None = None,
) -> SourceSeries:
    """Write `voxels_kji`, (k, j, i) of one number each, as one file a slice into `folder`, and return the series.

    All files appear together or none does; in a caller's `files` they appear when the caller publishes those.
    With modality CT, values are taken to be Hounsfield units.

    Raises `PreflightError`, `UnwritableVolumeError`, `TargetFolderError`, `TargetExistsError` or `WritingFailedError`.
    """
    given = PatientAndStudy(patient_name, patient_id, study_description, series_description)
    refused = [*refused_texts([*given.texts(), ("Modality", modality)])]
    if refused:
        raise PreflightError(refused)
    stack, slice_order = _right_handed_planes(geometry)
    stored = _stored_values(voxels_kji, geometry)
    header = _series_header(modality, given, stack, stored, new_uid, now())
    header.SliceThickness = decimal_string(_thickness_mm(geometry, stack))
    datasets = [
        _slice_dataset(header, number, position, new_uid())
        for number, position in enumerate(stack.positions_lps.tolist(), start=1)
    ]
    with nullcontext(files) if files else PendingFiles(overwrite=False) as pending:
        slices = (stored.slice_bytes(k) for k in slice_order)
        _write_all(pending, datasets, slices, folder, stored.values_kji.nbytes)
        if files is None:
            pending.publish()
    return SourceSeries(
        header=datasets[0],
        frames=tuple(SourceFrame(str(one.SOPClassUID), str(one.SOPInstanceUID)) for one in datasets),
        stack=stack,
        slice_thickness_mm=float(header.SliceThickness),
        findings=(*stored.findings, _told(datasets, folder)),
    )


def _told(datasets: list[Dataset], folder: Path) -> Finding:
    """Tell of files that the caller did not name one by one."""
    series_uid = datasets[0].SeriesInstanceUID
    is_or_are = "was" if len(datasets) == 1 else "were"
    what = f"{counted(len(datasets), 'DICOM image')} of the volume {is_or_are} written here, series {series_uid}."
    return Finding("images-written", Severity.NOTE, what, where=str(folder))


def _right_handed_planes(geometry: Geometry) -> tuple[PlaneStack, list[int]]:
    """Return the planes, and for each the slice of the volume that is on it."""
    try:
        stack = PlaneStack.of_geometry(geometry)
    except ValueError as error:
        raise UnwritableVolumeError(str(error), "Resample the volume to a grid of right angles first.") from error
    slice_order = list(range(geometry.shape_kji[0]))
    is_reversed = bool(geometry.kji_to_lps[:3, 0] @ stack.normal_lps < 0)
    return stack, slice_order[::-1] if is_reversed else slice_order


def _thickness_mm(geometry: Geometry, stack: PlaneStack) -> float:
    return abs(float(geometry.kji_to_lps[:3, 0] @ stack.normal_lps))


@dataclass(frozen=True, eq=False)
class _StoredValues:
    """A volume in 16 bits; its values are slope x stored + intercept."""

    values_kji: NDArray[np.int16] | NDArray[np.uint16]
    slope: float = 1.0
    intercept: float = 0.0
    findings: tuple[Finding, ...] = ()

    @property
    def is_signed(self) -> bool:
        return self.values_kji.dtype == np.int16

    def slice_bytes(self, k: int) -> bytes:
        little_endian = np.ascontiguousarray(self.values_kji[k]).astype("<i2" if self.is_signed else "<u2", copy=False)
        return little_endian.tobytes()


def _stored_values(voxels_kji: NDArray[Any], geometry: Geometry) -> _StoredValues:
    """Return the values in 16 bits: themselves if whole numbers that fit, else rescaled."""
    voxels_kji = _refuse_unusable(np.asarray(voxels_kji), geometry)
    lowest, highest = voxels_kji.min(), voxels_kji.max()
    if voxels_kji.dtype.kind in "bui" or not np.any(voxels_kji != np.rint(voxels_kji)):
        if _INT16.min <= lowest and highest <= _INT16.max:
            return _StoredValues(voxels_kji.astype(np.int16, copy=False))
        if lowest >= 0 and highest <= _UINT16.max:
            return _StoredValues(voxels_kji.astype(np.uint16, copy=False))
    return _rescaled(voxels_kji.astype(np.float64), float(lowest), float(highest))


def _refuse_unusable(voxels_kji: NDArray[Any], geometry: Geometry) -> NDArray[Any]:
    if voxels_kji.shape != geometry.shape_kji:
        raise ValueError(f"voxels {voxels_kji.shape} do not fit the geometry {geometry.shape_kji}")
    if voxels_kji.dtype.kind not in "buif":
        raise UnwritableVolumeError(f"its voxels are of type {voxels_kji.dtype}", "Give one number a voxel.")
    if not voxels_kji.size:
        raise UnwritableVolumeError("it has no voxel", "Give a volume that is not empty.")
    if max(voxels_kji.shape[1:]) > _UINT16.max:
        raise UnwritableVolumeError(f"a slice has more than {_UINT16.max} rows or columns", "Crop the volume first.")
    if not np.all(np.isfinite(voxels_kji)):
        raise UnwritableVolumeError("some of its voxels are not finite numbers", "Replace them by a number first.")
    return voxels_kji


def _rescaled(voxels_kji: NDArray[np.float64], lowest: float, highest: float) -> _StoredValues:
    slope = float(decimal_string((highest - lowest) / _UINT16.max)) or 1.0
    intercept = float(decimal_string(lowest - slope * _INT16.min))
    stored = np.clip(np.rint((voxels_kji - intercept) / slope), _INT16.min, _INT16.max).astype(np.int16)
    loss = float(np.abs(stored * slope + intercept - voxels_kji).max())
    note = Finding(
        "values-rescaled",
        Severity.NOTE,
        f"The volume's values do not fit 16-bit whole numbers; they are rescaled and change by up to {loss:.3g}.",
    )
    return _StoredValues(stored, slope, intercept, (note,))


def _series_header(
    modality: str,
    given: PatientAndStudy,
    stack: PlaneStack,
    stored: _StoredValues,
    new_uid: Callable[[], str],
    now: datetime,
) -> Dataset:
    """Return what all slices share."""
    header = Dataset()
    for part in (
        _patient_study_series(modality, given, new_uid, now),
        _plane_and_pixels(stack, stored),
        _MODALITY_PARTS.get(modality, _secondary_capture_part)(),
    ):
        header.update(part)
    if not is_ascii(header):
        header.SpecificCharacterSet = UTF_8
    return header


def _patient_study_series(modality: str, given: PatientAndStudy, new_uid: Callable[[], str], now: datetime) -> Dataset:
    """Return Patient, General Study, Series, Equipment and Frame of Reference (C.7.1 to C.7.5)."""
    date, time = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    header = Dataset()
    for keyword in ("PatientBirthDate", "PatientSex", "ReferringPhysicianName", "AccessionNumber", "StudyID"):
        setattr(header, keyword, None)
    header.PatientName, header.PatientID = given.patient_name, given.patient_id
    header.StudyInstanceUID, header.StudyDate, header.StudyTime = new_uid(), date, time
    header.SeriesInstanceUID, header.SeriesNumber = new_uid(), 1
    header.SeriesDate, header.SeriesTime = date, time
    header.ContentDate, header.ContentTime = date, time
    header.InstanceCreationDate, header.InstanceCreationTime = date, time
    if given.study_description:
        header.StudyDescription = given.study_description
    if given.series_description:
        header.SeriesDescription = given.series_description
    header.Modality, header.PatientPosition, header.Laterality = modality, None, None
    header.Manufacturer, header.ManufacturerModelName = MANUFACTURER, "SegRLEExport for 3D Slicer"
    header.DeviceSerialNumber, header.SoftwareVersions = PRODUCT_UID, SegRLEExportLib.__version__
    header.FrameOfReferenceUID, header.PositionReferenceIndicator = new_uid(), None
    header.DerivationDescription = "Written from a volume that was not DICOM"
    return header


def _plane_and_pixels(stack: PlaneStack, stored: _StoredValues) -> Dataset:
    """Return Image Plane, Image Pixel and Modality LUT (C.7.6.2, C.7.6.3, C.11.1), but for the position."""
    header = Dataset()
    directions = (*stack.row_direction_lps, *stack.column_direction_lps)
    header.ImageOrientationPatient = [decimal_string(cosine) for cosine in directions]
    header.PixelSpacing = [decimal_string(spacing) for spacing in stack.pixel_spacing_mm]
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    header.Rows, header.Columns = stack.rows, stack.columns
    header.BitsAllocated, header.BitsStored, header.HighBit = 16, 16, 15
    header.PixelRepresentation = int(stored.is_signed)
    header.RescaleIntercept = decimal_string(stored.intercept)
    header.RescaleSlope = decimal_string(stored.slope)
    return header


def _ct_part() -> Dataset:
    """Return CT Image (C.8.2.1)."""
    part = Dataset()
    part.SOPClassUID, part.ImageType = CTImageStorage, ["DERIVED", "SECONDARY", "AXIAL"]
    part.KVP, part.AcquisitionNumber = None, None
    part.RescaleType = "HU"
    return part


def _mr_part() -> Dataset:
    """Return MR Image (C.8.3.1): how it was acquired is not known, which is called research mode."""
    part = Dataset()
    part.SOPClassUID, part.ImageType = MRImageStorage, ["DERIVED", "SECONDARY", "OTHER"]
    part.ScanningSequence, part.SequenceVariant = "RM", "NONE"
    for keyword in ("ScanOptions", "MRAcquisitionType", "RepetitionTime", "EchoTime", "EchoTrainLength"):
        setattr(part, keyword, None)
    part.RescaleType = "US"
    return part


def _secondary_capture_part() -> Dataset:
    """Return SC Equipment (C.8.6.1): the images come from a workstation."""
    part = Dataset()
    part.SOPClassUID, part.ImageType = SecondaryCaptureImageStorage, ["DERIVED", "SECONDARY"]
    part.ConversionType, part.PatientOrientation = "WSD", None
    part.RescaleType = "US"
    return part


_MODALITY_PARTS: dict[str, Callable[[], Dataset]] = {"CT": _ct_part, "MR": _mr_part}


def _slice_dataset(header: Dataset, number: int, position_lps: list[float], sop_uid: str) -> Dataset:
    dataset = Dataset()
    dataset.update(header)
    dataset.SOPInstanceUID, dataset.InstanceNumber = sop_uid, number
    dataset.ImagePositionPatient = [decimal_string(coordinate) for coordinate in position_lps]
    return dataset


def _write_all(
    files: PendingFiles, datasets: list[Dataset], pixels: Iterator[bytes], folder: Path, pixel_bytes: int
) -> None:
    """Write one file for each dataset, named by modality and number."""
    paths = [folder / f"{dataset.Modality}_{dataset.InstanceNumber:04d}.dcm" for dataset in datasets]
    prepare_folder(paths[0], pixel_bytes + _BYTES_BESIDE_PIXELS * len(datasets))
    for path in paths:
        if os.path.lexists(path):
            raise TargetExistsError(path)
    files.make_folder(folder)
    for dataset, path, slice_bytes in zip(datasets, paths, pixels, strict=True):
        with files.create(path, replaces_none=True) as sink:
            sink.write(_file_bytes(dataset, slice_bytes))


def _file_bytes(dataset: Dataset, slice_bytes: bytes) -> bytes:
    whole = Dataset()
    whole.update(dataset)
    whole.add_new("PixelData", "OW", slice_bytes)
    whole.file_meta = FileMetaDataset()
    whole.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    whole.file_meta.ImplementationClassUID = UID(PRODUCT_UID)
    whole.file_meta.ImplementationVersionName = "SEGRLEEXPORT_1"
    written = DicomBytesIO()
    dcmwrite(written, whole, enforce_file_format=True)
    return written.getvalue()
