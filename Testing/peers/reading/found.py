"""What a reader found, in words and places that do not depend on the reader."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np


class MisreadError(Exception):
    """The program gave a result without complaint, and it cannot be what the file says."""


class CrashError(Exception):
    """The program was ended by a signal."""


class NotApplicableError(Exception):
    """The program does not do what would be measured here."""


@dataclass(frozen=True)
class FoundSegment:
    """One segment as a reader shows it."""

    points_lps: np.ndarray
    """(voxels, 3), the centre of each of its voxels in mm."""
    number: int | None = None
    """None if the reader shows no number; then the name says which segment it is."""
    name: str | None = None
    """None if the reader shows no names."""
    type_code: str | None = None
    """Code Value of the property type; None if the reader shows no codes."""


def segments_of_frames(dataset: Any, frames: Iterable[np.ndarray], *, names: bool = False) -> list[FoundSegment]:
    """Put decoded frames where the functional groups of the file say (PS3.3, C.7.6.16).

    For readers that decode pixels and leave the rest to others; with `names`, the reader also parsed `dataset`.
    """
    frames = list(frames)
    if len(frames) != dataset.NumberOfFrames:
        raise MisreadError(f"{len(frames)} frames instead of {dataset.NumberOfFrames}")
    points: dict[int, list[np.ndarray]] = {}
    for frame, groups in zip(frames, dataset.PerFrameFunctionalGroupsSequence):
        if frame.shape != (dataset.Rows, dataset.Columns):
            raise MisreadError(f"a frame of {frame.shape} instead of {(dataset.Rows, dataset.Columns)}")
        for number, mask in _masks(dataset, frame, groups):
            points.setdefault(number, []).append(_points(mask, dataset, groups))
    described = {item.SegmentNumber: item for item in dataset.SegmentSequence}
    return [
        FoundSegment(
            np.concatenate(points.get(number, [np.zeros((0, 3))])),
            number,
            str(described[number].SegmentLabel) if names and number in described else None,
            _type_code(described[number]) if names and number in described else None,
        )
        for number in sorted(set(points) | set(described))
        if number != 0
    ]


def grid_points(mask: np.ndarray, index_to_lps: np.ndarray) -> np.ndarray:
    """Return the places of the voxels of `mask`; the (4, 4) map takes its indices in the order of its axes."""
    indices = np.argwhere(mask)
    return indices @ index_to_lps[:3, :3].T + index_to_lps[:3, 3]


def image_to_lps(image: Any) -> np.ndarray:
    """Return the (4, 4) map from array index (k, j, i) of a SimpleITK image to LPS; ITK counts (i, j, k)."""
    to_lps = np.eye(4)
    direction = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    to_lps[:3, :3], to_lps[:3, 3] = direction[:, ::-1], image.GetOrigin()
    return to_lps


def _masks(dataset: Any, frame: np.ndarray, groups: Any) -> Iterable[tuple[int, np.ndarray]]:
    if dataset.SegmentationType == "LABELMAP":
        return [(int(label), frame == label) for label in np.unique(frame) if label]
    return [(int(groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber), frame != 0)]


def _points(mask: np.ndarray, dataset: Any, groups: Any) -> np.ndarray:
    shared = dataset.SharedFunctionalGroupsSequence[0]
    row_spacing, column_spacing = (float(v) for v in shared.PixelMeasuresSequence[0].PixelSpacing)
    orientation = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, dtype=float)
    position = np.array(groups.PlanePositionSequence[0].ImagePositionPatient, dtype=float)
    rows, columns = np.nonzero(mask)
    along_row, along_column = orientation[:3] * column_spacing, orientation[3:] * row_spacing
    return position + rows[:, None] * along_column + columns[:, None] * along_row


def _type_code(item: Any) -> str:
    return str(item.SegmentedPropertyTypeCodeSequence[0].CodeValue)
