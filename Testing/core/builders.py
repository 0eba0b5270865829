"""What the tests of the core are made of: grids, masks, segmentations, image series, a clock and UIDs that repeat.

`A_GRID` is 10 x 9 x 7 (k, j, i), so that a plane is no multiple of 8 pixels; `a_ct_series` writes images that
lie on it. Everything is generated: nothing here needs data from outside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydicom import Dataset
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from SegRLEExportLib.encoding.plan import PLANS
from SegRLEExportLib.export import drafts_of
from SegRLEExportLib.model.geometry import Geometry, PlaneStack
from SegRLEExportLib.model.segmentation import Layer, Segment, Segmentation
from SegRLEExportLib.model.source_series import SourceFrame, SourceSeries
from SegRLEExportLib.model.terminology import Code, SegmentTerminology
from SegRLEExportLib.options import ExportOptions
from SegRLEExportLib.preflight.survey import survey
from SegRLEExportLib.progress import Progress
from SegRLEExportLib.writing.draft import Draft

Mask = NDArray[np.bool_]

NOON = datetime(2026, 11, 22, 12, 0, 0, 250000)
SOURCE_SERIES_UID = "1.2.826.0.1.3680043.8.498.2"

LIVER = SegmentTerminology(Code("SCT", "123037004", "Anatomical Structure"), Code("SCT", "10200004", "Liver"))
LEFT_KIDNEY = SegmentTerminology(
    Code("SCT", "123037004", "Anatomical Structure"),
    Code("SCT", "64033007", "Kidney"),
    Code("SCT", "7771000", "Left"),
)


def a_grid(shape_kji: tuple[int, int, int] = (10, 9, 7)) -> Geometry:
    """Return axial planes 3 mm apart with pixels of 0.8 mm (rows) and 0.7 mm (columns), away from the origin."""
    to_lps = np.array([[0, 0, 0.7, -20.5], [0, 0.8, 0, 11.25], [3.0, 0, 0, -100], [0, 0, 0, 1]])
    return Geometry(shape_kji, to_lps)


A_GRID = a_grid()


def a_sphere(grid: Geometry = A_GRID, radius_voxels: float = 3.2) -> Mask:
    """Return a ball in the middle of the grid."""
    k, j, i = np.indices(grid.shape_kji)
    centre = (np.array(grid.shape_kji) - 1) / 2
    mask: Mask = (k - centre[0]) ** 2 + (j - centre[1]) ** 2 + (i - centre[2]) ** 2 <= radius_voxels**2
    return mask


def two_overlapping_boxes(grid: Geometry = A_GRID) -> tuple[Mask, Mask]:
    """Return two boxes that share some voxels."""
    one, other = np.zeros(grid.shape_kji, bool), np.zeros(grid.shape_kji, bool)
    one[1:6, 1:6, 1:5] = True
    other[4:9, 3:8, 3:7] = True
    return one, other


def a_segmentation(
    masks: list[Mask] | None = None,
    *,
    names: list[str] | None = None,
    terminologies: list[SegmentTerminology | None] | None = None,
    grid: Geometry = A_GRID,
    name: str = "Segmentation",
    **of_all_segments: Any,
) -> Segmentation:
    """Return a segmentation with one layer for each mask; by default a sphere and a corner, both coded."""
    if masks is None:
        corner = np.zeros(grid.shape_kji, bool)
        corner[:2, :2, :3] = True
        masks = [a_sphere(grid), corner]
        names = names or ["liver", "left kidney"]
        terminologies = terminologies or [LIVER, LEFT_KIDNEY]
    names = names or [f"segment {n}" for n in range(1, len(masks) + 1)]
    terminologies = terminologies or [LIVER] * len(masks)
    return Segmentation(
        name,
        tuple(Layer(mask.astype(np.uint8), grid) for mask in masks),
        tuple(
            Segment(f"id_{n}", names[n], n, 1, _color(n), terminologies[n], **of_all_segments)
            for n in range(len(masks))
        ),
    )


def segments_in_one_layer(labels: NDArray[Any], numbers: list[int], grid: Geometry = A_GRID) -> Segmentation:
    """Return a segmentation of one shared layer, a segment for each of the numbers."""
    segments = tuple(Segment(f"id_{number}", f"part {number}", 0, number, _color(number), LIVER) for number in numbers)
    return Segmentation("Parts", (Layer(labels, grid),), segments)


def masks_of(segmentation: Segmentation) -> list[Mask]:
    """Return the voxels of each segment on its layer's grid."""
    return [
        np.asarray(segmentation.layers[segment.layer_index].labels_kji == segment.layer_value)
        for segment in segmentation.segments
    ]


def a_ct_header(**attributes: Any) -> Dataset:
    """Return what all images of the generated series have in common."""
    header = Dataset()
    header.SOPClassUID = CTImageStorage
    header.Modality = "CT"
    header.PatientName = "Test^Case"
    header.PatientID = "P-1"
    header.PatientBirthDate = "19700101"
    header.PatientSex = "O"
    header.StudyInstanceUID = "1.2.826.0.1.3680043.8.498.1"
    header.StudyDate, header.StudyTime = "20260102", "101112"
    header.StudyID = "7"
    header.AccessionNumber = "A1"
    header.ReferringPhysicianName = "Doe^Jane"
    header.SeriesInstanceUID = SOURCE_SERIES_UID
    header.SeriesNumber = 3
    header.SeriesDescription = "Axial"
    header.FrameOfReferenceUID = "1.2.826.0.1.3680043.8.498.3"
    header.PositionReferenceIndicator = ""
    header.Manufacturer = "Nobody"
    for keyword, value in attributes.items():
        setattr(header, keyword, value)
    return header


def a_ct_series(folder: Path, grid: Geometry = A_GRID, **attributes: Any) -> list[Path]:
    """Write a CT image for each k-plane of the grid; file names and instance numbers are not in the planes' order."""
    folder.mkdir(parents=True, exist_ok=True)
    stack = PlaneStack.of_geometry(grid)
    paths = []
    for plane in range(len(stack)):
        image = _a_ct_image(stack, plane, a_ct_header(**attributes))
        paths.append(folder / f"im{(plane * 7) % len(stack):03d}_{plane}.dcm")
        image.save_as(paths[-1], enforce_file_format=True)
    return paths


def a_source(grid: Geometry = A_GRID, **attributes: Any) -> SourceSeries:
    """Return the series that `a_ct_series` would write, without files."""
    stack = PlaneStack.of_geometry(grid)
    frames = tuple(SourceFrame(str(CTImageStorage), _image_uid(plane)) for plane in range(len(stack)))
    header = _a_ct_image(stack, 0, a_ct_header(**attributes))
    del header.PixelData
    return SourceSeries(header, frames, stack, slice_thickness_mm=3.0)


def fixed_options(**choices: Any) -> ExportOptions:
    """Return options whose UIDs and clock are the same at every call."""
    numbers = count(1)
    fixed: dict[str, Callable[[], Any]] = {
        "new_uid": lambda: f"2.25.{1000 + next(numbers)}",
        "now": lambda: NOON,
    }
    return replace(ExportOptions(), **(fixed | choices))


def drafts(
    segmentation: Segmentation, encoding: str = "none", source: SourceSeries | None = None, **choices: Any
) -> list[Draft]:
    """Return the instances of an export that has not been written."""
    options, plan = fixed_options(compression=encoding, **choices), PLANS[encoding]
    found = survey(segmentation, source or a_source(), plan, options, Progress())
    found.refuse_errors()
    return drafts_of(plan, found, options)


def lps_of_voxels(mask: Mask, kji_to_lps: ArrayLike) -> NDArray[np.float64]:
    """Return the places, (n, 3) in mm, of the voxels of a mask."""
    kji = np.argwhere(mask)
    to_lps = np.asarray(kji_to_lps)
    places: NDArray[np.float64] = kji @ to_lps[:3, :3].T + to_lps[:3, 3]
    return places


def _a_ct_image(stack: PlaneStack, plane: int, image_header: Dataset) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = _image_uid(plane)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image = FileDataset("", image_header, file_meta=meta, preamble=bytes(128))
    image.SOPInstanceUID = _image_uid(plane)
    image.InstanceNumber = len(stack) - plane
    image.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    image.ImagePositionPatient = [float(x) for x in stack.positions_lps[plane]]
    image.ImageOrientationPatient = [float(x) for x in (*stack.row_direction_lps, *stack.column_direction_lps)]
    image.PixelSpacing = list(stack.pixel_spacing_mm)
    image.SliceThickness = 3.0
    image.Rows, image.Columns = stack.rows, stack.columns
    image.SamplesPerPixel = 1
    image.PhotometricInterpretation = "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 12, 11, 0
    image.RescaleIntercept, image.RescaleSlope = -1024, 1
    image.PixelData = np.full((stack.rows, stack.columns), plane, dtype="<u2").tobytes()
    return image


def _image_uid(plane: int) -> str:
    return f"{SOURCE_SERIES_UID}.{plane + 1}"


def _color(number: int) -> tuple[float, float, float]:
    """Return a colour of 8 bits a channel, as highdicom takes them."""
    return number * 94 % 256 / 255, number * 155 % 256 / 255, 128 / 255
