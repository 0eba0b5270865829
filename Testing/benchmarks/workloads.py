"""Seeded segmentations of organ-like shapes, in the sizes of PERFORMANCE.md, and the CT series they lie on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from SegRLEExportLib.model.geometry import Geometry
from SegRLEExportLib.model.segmentation import Layer, Segment, Segmentation

UID_ROOT = "1.2.826.0.1.3680043.8.498.77"
PIXEL_SPACING_MM = 0.75
SLICE_SPACING_MM = 1.5

Labels = NDArray[np.unsignedinteger[Any]]

LARGEST_8_BIT_LABEL = 255


@dataclass(frozen=True)
class Workload:
    """What to draw; the same fields always draw the same voxels."""

    name: str
    slices: int
    rows: int
    columns: int
    layer_segments: tuple[int, ...]
    """Number of segments in each layer; segments of different layers may overlap."""
    slice_span: tuple[float, float]
    """Share of the slices that the shortest and the longest organ reach over."""
    radius: tuple[float, float]
    """In-plane radius of the smallest and the largest organ, as a share of the rows."""
    noise: float = 0.0
    """Share of the voxels that hold a random label instead."""
    seed: int = 20

    @property
    def segment_count(self) -> int:
        """Segments of all layers."""
        return sum(self.layer_segments)


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("W1", 120, 512, 512, (5,), (0.08, 0.33), (0.04, 0.11)),
        Workload("W2", 300, 512, 512, (30,), (0.12, 0.43), (0.04, 0.115)),
        Workload("W3", 600, 512, 512, (104,), (0.09, 0.45), (0.03, 0.11)),
        Workload("W4", 300, 512, 512, (20, 10), (0.12, 0.45), (0.04, 0.11)),
        Workload("W5", 300, 512, 512, (1,) * 30, (0.12, 0.43), (0.04, 0.115)),
    )
}


def scaled(name: str, **changes: object) -> Workload:
    """Return W2 under another name with some of its fields changed."""
    return replace(WORKLOADS["W2"], name=name, **changes)


def draw_layers(workload: Workload) -> list[Labels]:
    """Return the labels of each layer, (k, j, i); values count from 1 in each layer."""
    random = np.random.default_rng(workload.seed)
    return [_draw_layer(workload, count, random) for count in workload.layer_segments]


def make_segmentation(workload: Workload, layers: list[Labels]) -> Segmentation:
    """Return the layers as a segmentation on the grid of the series that `write_series` writes."""
    geometry = Geometry((workload.slices, workload.rows, workload.columns), _kji_to_lps(workload))
    segments = [
        Segment(f"Segment_{layer_index}_{value}", f"Organ {layer_index}-{value}", layer_index, value, _color(value))
        for layer_index, count in enumerate(workload.layer_segments)
        for value in range(1, count + 1)
    ]
    return Segmentation(workload.name, tuple(Layer(labels, geometry) for labels in layers), tuple(segments))


def write_series(workload: Workload, folder: Path, *, with_pixels: bool = True) -> None:
    """Write a CT series, one file for each slice, with about as many attributes before the pixels as scanners write.

    `with_pixels` may be left out where nobody reads them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    image = _series_header(workload)
    image.PixelData = bytes(2 * workload.rows * workload.columns if with_pixels else 2)
    origin = _kji_to_lps(workload)[:3, 3]
    for k in range(workload.slices):
        image.SOPInstanceUID = f"{UID_ROOT}.3.{k + 1}"
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
        image.InstanceNumber = k + 1
        image.ImagePositionPatient = [origin[0], origin[1], origin[2] + k * SLICE_SPACING_MM]
        image.save_as(folder / f"{k:04}.dcm", enforce_file_format=True)


def _draw_layer(workload: Workload, count: int, random: np.random.Generator) -> Labels:
    dtype = np.uint8 if count <= LARGEST_8_BIT_LABEL else np.uint16
    labels = np.zeros((workload.slices, workload.rows, workload.columns), dtype=dtype)
    for value in range(1, count + 1):
        _draw_organ(labels, value, workload, random)
    if workload.noise:
        noisy = random.random(labels.shape, dtype=np.float32) < workload.noise
        labels[noisy] = random.integers(0, count + 1, np.count_nonzero(noisy), dtype=dtype)
    return labels


def _draw_organ(labels: Labels, value: int, workload: Workload, random: np.random.Generator) -> None:
    """Draw a bent ellipsoid with a wavy outline, within the body that fills the middle of the volume."""
    slices, rows, columns = labels.shape
    half_span = slices * random.uniform(*workload.slice_span) / 2
    center_k = random.uniform(half_span, slices - half_span)
    center = np.array([rows, columns]) * random.uniform(0.25, 0.75, 2)
    drift = np.array([rows, columns]) * random.uniform(-0.06, 0.06, 2)
    radii = rows * random.uniform(*workload.radius, 2)
    waves = [(n, random.uniform(0, 0.3 / n), random.uniform(0, 2 * np.pi)) for n in (2, 3, 5)]
    for k in range(max(0, int(center_k - half_span)), min(slices, int(center_k + half_span) + 1)):
        height = (k - center_k) / half_span
        size = np.sqrt(max(0.0, 1.0 - height**2))
        _draw_outline(labels[k], value, center + drift * height, radii * size, waves, turn=height)


def _draw_outline(
    plane: Labels,
    value: int,
    center: NDArray[np.float64],
    radii: NDArray[np.float64],
    waves: list[tuple[int, float, float]],
    turn: float,
) -> None:
    reach = 1.6 * radii.max() + 1
    top, left = np.maximum(center - reach, 0).astype(int)
    bottom, right = np.minimum(center + reach, plane.shape).astype(int)
    y = (np.arange(top, bottom)[:, None] - center[0]) / max(radii[0], 0.5)
    x = (np.arange(left, right)[None, :] - center[1]) / max(radii[1], 0.5)
    angle = np.arctan2(y, x)
    outline = 1.0 + sum(strength * np.sin(n * angle + phase + turn) for n, strength, phase in waves)
    plane[top:bottom, left:right][x**2 + y**2 <= outline**2] = value


def _kji_to_lps(workload: Workload) -> NDArray[np.float64]:
    to_lps = np.zeros((4, 4))
    to_lps[2, 0] = SLICE_SPACING_MM
    to_lps[1, 1] = to_lps[0, 2] = PIXEL_SPACING_MM
    to_lps[:3, 3] = -workload.columns * PIXEL_SPACING_MM / 2, -workload.rows * PIXEL_SPACING_MM / 2, -200.0
    to_lps[3, 3] = 1.0
    return to_lps


def _color(value: int) -> tuple[float, float, float]:
    return (value * 37 % 101) / 100, (value * 53 % 101) / 100, (value * 71 % 101) / 100


def _series_header(workload: Workload) -> Dataset:
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.MediaStorageSOPClassUID = CTImageStorage
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID = CTImageStorage
    image.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    image.Modality = "CT"
    image.StudyDate = image.SeriesDate = image.AcquisitionDate = image.ContentDate = "20240102"
    image.StudyTime = image.SeriesTime = image.AcquisitionTime = image.ContentTime = "101112"
    image.AccessionNumber, image.StudyID, image.SeriesNumber = "A1", "1", 3
    image.Manufacturer, image.InstitutionName, image.StationName = "Maker", "Hospital", "CT1"
    image.StudyDescription, image.SeriesDescription = "Abdomen", "Axial 1.5"
    image.PatientName, image.PatientID, image.PatientBirthDate, image.PatientSex = "Bench^Mark", "B1", "19700101", "O"
    image.ReferringPhysicianName, image.PatientAge, image.PatientPosition = "", "054Y", "HFS"
    image.StudyInstanceUID, image.SeriesInstanceUID = f"{UID_ROOT}.1", f"{UID_ROOT}.2"
    image.FrameOfReferenceUID, image.PositionReferenceIndicator = f"{UID_ROOT}.4", ""
    image.ProcedureCodeSequence = [_code("A", "99LOCAL", "CT of the abdomen")]
    image.RequestAttributesSequence = [_request()]
    image.KVP, image.SliceThickness, image.ConvolutionKernel = "120", str(SLICE_SPACING_MM), "B30f"
    image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    image.PixelSpacing = [PIXEL_SPACING_MM, PIXEL_SPACING_MM]
    image.Rows, image.Columns, image.SamplesPerPixel = workload.rows, workload.columns, 1
    image.PhotometricInterpretation, image.PixelRepresentation = "MONOCHROME2", 1
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, 16, 15
    image.RescaleIntercept, image.RescaleSlope = "0", "1"
    return image


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def _request() -> Dataset:
    item = Dataset()
    item.RequestedProcedureID, item.ScheduledProcedureStepID = "R1", "S1"
    return item
