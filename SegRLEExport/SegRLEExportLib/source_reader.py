"""From DICOM files to the series that was segmented.

Files are sorted by what they say, not by their names; other files may lie among them. A series whose
planes differ in orientation or size is taken apart into the volumes it consists of. Pixels are never read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError
from pydicom.multival import MultiValue

from SegRLEExportLib.errors import NoSourceImagesError, SeriesChoiceError, UnusableSourceError
from SegRLEExportLib.model.finding import Finding, Severity
from SegRLEExportLib.model.geometry import UNIFORM_SPACING_TOLERANCE_MM, PlaneStack
from SegRLEExportLib.model.segmentation import Segmentation
from SegRLEExportLib.model.source_series import SourceFrame, SourceSeries
from SegRLEExportLib.quick_header import read_elements
from SegRLEExportLib.sampling import SampledLayer

NOT_IMAGES = frozenset(("SEG", "RTSTRUCT", "RTPLAN", "RTDOSE", "SR", "PR", "KO", "REG", "RWV", "DOC", "FID"))
"""Modalities that are never the source of a segmentation."""

_DIRECTION_DECIMALS = 3
_SPACING_DECIMALS = 4

_SOP_CLASS_UID = 0x00080016
_SOP_INSTANCE_UID = 0x00080018
_MODALITY = 0x00080060
_SLICE_THICKNESS = 0x00180050
_SERIES_INSTANCE_UID = 0x0020000E
_INSTANCE_NUMBER = 0x00200013
_IMAGE_POSITION = 0x00200032
_IMAGE_ORIENTATION = 0x00200037
_NUMBER_OF_FRAMES = 0x00280008
_ROWS = 0x00280010
_COLUMNS = 0x00280011
_PIXEL_SPACING = 0x00280030
_WANTED = frozenset(
    (
        _SOP_CLASS_UID,
        _SOP_INSTANCE_UID,
        _MODALITY,
        _SLICE_THICKNESS,
        _SERIES_INSTANCE_UID,
        _INSTANCE_NUMBER,
        _IMAGE_POSITION,
        _IMAGE_ORIENTATION,
        _NUMBER_OF_FRAMES,
        _ROWS,
        _COLUMNS,
        _PIXEL_SPACING,
    )
)


def find_source(
    where: Path | Sequence[Path], segmentation: Segmentation, series_uid: str | None = None
) -> SourceSeries:
    """Return the series in a folder (searched to its depths), or among files, that `segmentation` was drawn on.

    The series is the one named, or else the only one there is, or else the only one on whose planes the
    segmentation lies exactly, or at least wholly.

    Raises `NoSourceImagesError`, `SeriesChoiceError` or `UnusableSourceError`.
    """
    return choose_series(read_series(where), segmentation, series_uid)


def read_series(where: Path | Sequence[Path]) -> list[SourceSeries]:
    """Return every volume in a folder or among files, in the order of their Series Instance UIDs.

    Raises `NoSourceImagesError` or `UnusableSourceError` if there is none.
    """
    files, place = _files_at(where)
    planes_of: dict[str, list[_Plane]] = defaultdict(list)
    unplaced: dict[str, int] = defaultdict(int)
    for path in files:
        for series_uid, plane in _planes_in(path):
            if plane is None:
                unplaced[series_uid] += 1
            else:
                planes_of[series_uid].append(plane)
    if not planes_of:
        if unplaced:
            raise UnusableSourceError(
                next(iter(unplaced)),
                f"none of its {sum(unplaced.values())} images has Image Position (Patient) (0020,0032), Image "
                "Orientation (Patient) (0020,0037) and Pixel Spacing (0028,0030)",
                "Only images with a place in space can be the source.",
            )
        reason = f"none of its {len(files)} files is a DICOM image" if files else "there is no file"
        raise NoSourceImagesError(place, reason)
    return [
        volume
        for series_uid in sorted(planes_of)
        for volume in _volumes(planes_of[series_uid], unplaced.get(series_uid, 0))
    ]


def choose_series(
    candidates: Sequence[SourceSeries], segmentation: Segmentation, series_uid: str | None = None
) -> SourceSeries:
    """Return the candidate that was meant, as `find_source` says."""
    if series_uid is not None:
        named = [series for series in candidates if series.series_instance_uid == series_uid]
        if not named:
            raise SeriesChoiceError(f"The series {series_uid} is not among the images.", _lines(candidates))
        candidates = named
    if len(candidates) == 1:
        return candidates[0]
    for fits in (_lies_exactly, _lies_wholly):
        fitting = [series for series in candidates if fits(segmentation, series)]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            raise SeriesChoiceError("The segmentation fits several series equally well.", _lines(fitting))
    raise SeriesChoiceError("The segmentation lies on none of the series.", _lines(candidates))


@dataclass(frozen=True)
class _Plane:
    """Where one image plane lies, and who it is."""

    path: Path
    frame: SourceFrame
    instance_number: int
    position: tuple[float, ...]
    orientation: tuple[float, ...]
    spacing: tuple[float, ...]
    rows: int
    columns: int
    thickness: float | None

    @property
    def shape_key(self) -> tuple[object, ...]:
        """Planes with the same key can form one volume."""
        return (
            np.round(self.orientation, _DIRECTION_DECIMALS).tolist(),
            np.round(self.spacing, _SPACING_DECIMALS).tolist(),
            self.rows,
            self.columns,
        )


def _files_at(where: Path | Sequence[Path]) -> tuple[list[Path], str]:
    if not isinstance(where, Path):
        return list(where), f"the {len(where)} files given"
    if where.is_file():
        return [where], str(where)
    if not where.is_dir():
        raise NoSourceImagesError(str(where), "there is no such folder")
    return sorted(path for path in where.rglob("*") if path.is_file()), str(where)


def _planes_in(path: Path) -> list[tuple[str, _Plane | None]]:
    """Return series UID and plane for each image plane of a file; no plane if it has no place in space."""
    elements = read_elements(path, _WANTED)
    if elements is not None and _NUMBER_OF_FRAMES not in elements:
        return _single_plane(path, {tag: _decoded(tag, value) for tag, value in elements.items()})
    dataset = _read_with_pydicom(path)
    if dataset is None:
        return []
    if "PerFrameFunctionalGroupsSequence" in dataset and str(dataset.get("Modality", "")) not in NOT_IMAGES:
        return _planes_of_multi_frame(path, dataset)
    return _single_plane(path, {tag: _text(dataset[tag].value) for tag in _WANTED if tag in dataset})


def _decoded(tag: int, value: bytes) -> str:
    if tag in (_ROWS, _COLUMNS):
        return str(int.from_bytes(value, "little"))
    return value.decode("ascii", "replace").strip("\0 ")


def _text(value: object) -> str:
    if isinstance(value, MultiValue):
        return "\\".join(str(part) for part in value)
    return "" if value is None else str(value)


def _read_with_pydicom(path: Path) -> Dataset | None:
    try:
        dataset = dcmread(path, stop_before_pixels=True)
        dataset.decode()
        return dataset
    except (InvalidDicomError, OSError, EOFError, ValueError, KeyError, NotImplementedError, AttributeError, TypeError):
        return None


def _single_plane(path: Path, texts: dict[int, str]) -> list[tuple[str, _Plane | None]]:
    is_image = all(texts.get(tag) for tag in (_SOP_INSTANCE_UID, _SERIES_INSTANCE_UID, _ROWS, _COLUMNS))
    if not is_image or texts.get(_MODALITY) in NOT_IMAGES:
        return []
    try:
        plane = _Plane(
            path=path,
            frame=SourceFrame(texts[_SOP_CLASS_UID], texts[_SOP_INSTANCE_UID]),
            instance_number=int(texts.get(_INSTANCE_NUMBER) or 0),
            position=_numbers(texts[_IMAGE_POSITION], 3),
            orientation=_numbers(texts[_IMAGE_ORIENTATION], 6),
            spacing=_numbers(texts[_PIXEL_SPACING], 2),
            rows=int(texts[_ROWS]),
            columns=int(texts[_COLUMNS]),
            thickness=float(texts[_SLICE_THICKNESS]) if texts.get(_SLICE_THICKNESS) else None,
        )
    except (KeyError, ValueError):
        return [(texts[_SERIES_INSTANCE_UID], None)]
    return [(texts[_SERIES_INSTANCE_UID], plane)]


def _numbers(text: str, count: int) -> tuple[float, ...]:
    numbers = tuple(float(part) for part in text.split("\\"))
    if len(numbers) != count or not np.all(np.isfinite(numbers)):
        raise ValueError(f"{count} numbers were due, not {text!r}")
    return numbers


def _planes_of_multi_frame(path: Path, dataset: Dataset) -> list[tuple[str, _Plane | None]]:
    """Return the planes of an enhanced image, by its functional groups (PS3.3, C.7.6.16)."""
    shared = dataset.get("SharedFunctionalGroupsSequence", [Dataset()])[0]
    planes: list[tuple[str, _Plane | None]] = []
    for frame_number, own in enumerate(dataset.PerFrameFunctionalGroupsSequence, start=1):
        try:
            position = _group(own, shared, "PlanePositionSequence").ImagePositionPatient
            orientation = _group(own, shared, "PlaneOrientationSequence").ImageOrientationPatient
            measures = _group(own, shared, "PixelMeasuresSequence")
            thickness = measures.get("SliceThickness")
            plane = _Plane(
                path=path,
                frame=SourceFrame(str(dataset.SOPClassUID), str(dataset.SOPInstanceUID), frame_number),
                instance_number=frame_number,
                position=tuple(float(x) for x in position),
                orientation=tuple(float(x) for x in orientation),
                spacing=tuple(float(x) for x in measures.PixelSpacing),
                rows=int(dataset.Rows),
                columns=int(dataset.Columns),
                thickness=None if thickness is None else float(thickness),
            )
        except (AttributeError, IndexError, TypeError, ValueError):
            plane = None
        planes.append((str(dataset.get("SeriesInstanceUID", "")), plane))
    return planes


def _group(own: Dataset, shared: Dataset, keyword: str) -> Dataset:
    group: Dataset = (own if keyword in own else shared)[keyword].value[0]
    return group


def _volumes(planes: list[_Plane], unplaced: int) -> list[SourceSeries]:
    """Return the volumes that the planes of one series form."""
    by_shape: dict[str, list[_Plane]] = defaultdict(list)
    for plane in {(plane.frame, plane.position): plane for plane in planes}.values():
        by_shape[repr(plane.shape_key)].append(plane)
    findings = []
    if unplaced:
        findings.append(
            Finding(
                "source-image-without-place",
                Severity.WARNING,
                f"{unplaced} image(s) of the series have no position, orientation or pixel spacing; "
                "they are not referenced.",
            )
        )
    if len(by_shape) > 1:
        findings.append(
            Finding(
                "mixed-orientation",
                Severity.WARNING,
                f"The images of the series form {len(by_shape)} volumes of different orientation or size; "
                "only those of one volume are referenced.",
            )
        )
    return [_volume(members, findings) for members in by_shape.values()]


def _volume(planes: list[_Plane], findings: list[Finding]) -> SourceSeries:
    row_direction, column_direction = np.array(planes[0].orientation[:3]), np.array(planes[0].orientation[3:])
    normal = np.cross(row_direction, column_direction)
    heights = {id(plane): float(np.dot(normal, plane.position)) for plane in planes}
    in_order = sorted(planes, key=lambda plane: (round(heights[id(plane)], 3), plane.instance_number))
    kept: list[_Plane] = []
    for plane in in_order:
        if not kept or heights[id(plane)] - heights[id(kept[-1])] > UNIFORM_SPACING_TOLERANCE_MM:
            kept.append(plane)
    own_findings = list(findings)
    if len(kept) < len(planes):
        own_findings.append(
            Finding(
                "same-position",
                Severity.WARNING,
                f"{len(planes)} images lie at {len(kept)} positions; at each one the image with the lowest "
                "Instance Number is referenced.",
                help="Give only the images of one volume, or in Slicer the volume that was segmented.",
            )
        )
    thicknesses = {plane.thickness for plane in kept}
    stack = PlaneStack(
        rows=kept[0].rows,
        columns=kept[0].columns,
        row_direction_lps=row_direction / np.linalg.norm(row_direction),
        column_direction_lps=column_direction / np.linalg.norm(column_direction),
        pixel_spacing_mm=(kept[0].spacing[0], kept[0].spacing[1]),
        positions_lps=np.array([plane.position for plane in kept]),
    )
    return SourceSeries(
        header=dcmread(kept[0].path, stop_before_pixels=True),
        frames=tuple(plane.frame for plane in kept),
        stack=stack,
        slice_thickness_mm=thicknesses.pop() if len(thicknesses) == 1 else None,
        findings=tuple(own_findings),
    )


def _lies_exactly(segmentation: Segmentation, series: SourceSeries) -> bool:
    return _lies_wholly(segmentation, series) and all(
        SampledLayer(layer, series.stack).is_exact for layer in segmentation.layers
    )


def _lies_wholly(segmentation: Segmentation, series: SourceSeries) -> bool:
    return not any(
        SampledLayer(segmentation.layers[segment.layer_index], series.stack).voxels_outside([segment.layer_value])[0]
        for segment in segmentation.segments
    )


def _lines(candidates: Iterable[SourceSeries]) -> list[str]:
    return [series.description for series in candidates]
