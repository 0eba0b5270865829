"""From DICOM files to the series that was segmented.

Files are sorted by what they say, not by their names; other files may lie among them. A series whose planes differ
in orientation, size or frame of reference is taken apart into the volumes it consists of.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydicom import Dataset, dcmread

from SegRLEExportLib.errors import ExportError, NoSourceImagesError, SeriesChoiceError, UnusableSourceError
from SegRLEExportLib.model.finding import Finding, Severity
from SegRLEExportLib.model.geometry import Matrix, PlaneStack, same_height_tolerance_mm
from SegRLEExportLib.model.remedy import Remedy
from SegRLEExportLib.model.segmentation import Layer, Segmentation
from SegRLEExportLib.model.source_series import SourceSeries
from SegRLEExportLib.planes.sampling import SampledLayer
from SegRLEExportLib.source.findings import (
    chosen_by_size,
    frame_of_reference_each,
    identity_findings,
    missing_findings,
    same_position,
    time_not_there,
    times_not_told_apart,
    unplaced_findings,
    unreadable_findings,
)
from SegRLEExportLib.source.image_values import name_of
from SegRLEExportLib.source.images import TIMES, Found, Plane, UnplacedImage, UnreadableFile, planes_in

SAME_DIRECTION_TOLERANCE = 1e-3
"""Direction cosines that differ by no more are those of one volume: scanners round them."""

SAME_SPACING_TOLERANCE = 2e-4
"""The same for Pixel Spacing, as a part of it."""

_FEWEST_TO_JUDGE = 3
"""Two images of different frames of reference may well be two volumes; three that agree in all else are one."""

_MOST_REMEMBERED = 2
"""Folders: cases of one study often follow each other, and a series is some megabytes."""

_remembered: ContextVar[dict[tuple[Path, int | None], list[SourceSeries]] | None] = ContextVar("series", default=None)


def find_source(
    where: Path | Sequence[Path],
    segmentation: Segmentation,
    series_uid: str | None = None,
    instance_uids: Collection[str] | None = None,
    time: int | None = None,
) -> SourceSeries:
    """Return the series in a folder (searched to its depths), or among files, that `segmentation` was drawn on.

    The series is the one named, or else the only one there is, or else the only one on whose planes the
    segmentation lies exactly, or at least wholly; of several such, the only one of its size. `instance_uids` limit
    the images to those of one volume; `time`, from 1, names one of several that were taken at the same places, the
    first if it is None.

    Raises `NoSourceImagesError`, `SeriesChoiceError` or `UnusableSourceError`.
    """
    return choose_series(read_series(where, instance_uids, time), segmentation, series_uid)


def read_series(
    where: Path | Sequence[Path], instance_uids: Collection[str] | None = None, time: int | None = None
) -> list[SourceSeries]:
    """Return every volume in a folder or among files, in the order of their Series Instance UIDs.

    Behind them are series none of whose images has a place in the patient, or need have one: of each the single
    images of one size together, by Instance Number, and each multi-frame image alone.

    `instance_uids` are the SOP Instance UIDs of the volume that was segmented; other images of its series, such as
    those of other times at the same places, are left aside. `time` is as `find_source` has it; a series that does not
    have it says so in its findings.

    Raises `NoSourceImagesError` or `UnusableSourceError` if there is none.
    """
    remembered = _remembered.get()
    if remembered is None or not isinstance(where, Path) or instance_uids is not None:
        return _read_series(where, instance_uids, time)
    if (where, time) not in remembered:
        while len(remembered) >= _MOST_REMEMBERED:
            del remembered[next(iter(remembered))]
        remembered[where, time] = _read_series(where, None, time)
    return remembered[where, time]


@contextmanager
def each_folder_read_once() -> Iterator[None]:
    """Remember in the block what `read_series` found in the last folders: for who exports many that share images."""
    before = _remembered.set({})
    try:
        yield
    finally:
        _remembered.reset(before)


def _read_series(
    where: Path | Sequence[Path], instance_uids: Collection[str] | None, time: int | None
) -> list[SourceSeries]:
    files, place = _files_at(where)
    sorted_out = _Sorted.of(one for path in files for one in planes_in(path))
    if not sorted_out.planes_of and not sorted_out.unplaced_of:
        raise NoSourceImagesError(place, _why_none(files, sorted_out.unreadable))
    if instance_uids is not None:
        sorted_out = sorted_out.only(frozenset(instance_uids))
        if not sorted_out.planes_of and not sorted_out.unplaced_of:
            raise NoSourceImagesError(place, f"none of the {len(set(instance_uids))} images asked for is there")
    without_place = sorted_out.without_place()
    if not sorted_out.planes_of and not without_place:
        raise _no_place(sorted_out.unplaced_of)
    found_by_all = [*unreadable_findings(sorted_out.unreadable)]
    found_by_all.extend(missing_findings(sorted_out.instance_uids(), instance_uids or ()))
    volumes = [
        volume
        for series_uid in sorted(sorted_out.planes_of)
        for volume in _volumes(
            sorted_out.planes_of[series_uid], sorted_out.unplaced_of.get(series_uid, []), found_by_all, time
        )
    ]
    for series_uid in sorted(without_place):
        volumes.extend(_images_without_place(without_place[series_uid], found_by_all, time))
    return volumes


def choose_series(
    candidates: Sequence[SourceSeries], segmentation: Segmentation, series_uid: str | None = None
) -> SourceSeries:
    """Return the candidate that was meant, as `find_source` says."""
    if series_uid is not None:
        named = [series for series in candidates if series.series_instance_uid == series_uid]
        if not named:
            raise SeriesChoiceError(f"The series {series_uid} is not among the images.", _lines(candidates))
        candidates = named
    with_place = [series for series in candidates if series.stack.has_place]
    candidates = with_place or candidates  # a radiograph beside a CT is meant only where it is named
    if len(candidates) == 1:
        return candidates[0]
    for fits in (_lies_exactly, _lies_wholly):
        fitting = [series for series in candidates if fits(segmentation, series)]
        if fitting:
            return _of_its_size(fitting, segmentation)
    raise SeriesChoiceError(_why_on_none(candidates, segmentation), _lines(candidates))


def _of_its_size(fitting: list[SourceSeries], segmentation: Segmentation) -> SourceSeries:
    """Return the only series that fits, or the only one of them with as many voxels each way, which is then said.

    Raises `SeriesChoiceError` or `UnusableSourceError`.
    """
    if len(fitting) == 1:
        return fitting[0]
    of_its_size = [series for series in fitting if _has_its_size(segmentation, series)]
    if len(of_its_size) != 1:
        raise _ambiguous(fitting)
    (chosen,) = of_its_size
    return replace(chosen, findings=(*chosen.findings, chosen_by_size(len(fitting), chosen)))


def _has_its_size(segmentation: Segmentation, series: SourceSeries) -> bool:
    """Tell whether each layer has as many voxels each way as the images, in whatever order its axes are."""
    size = sorted((len(series.stack), series.stack.rows, series.stack.columns))
    return all(sorted(layer.geometry.shape_kji) == size for layer in segmentation.layers)


def _why_on_none(candidates: Sequence[SourceSeries], segmentation: Segmentation) -> str:
    """Return why no series was chosen: a segmentation may go over several, of a spine for example."""
    parts = sum(1 for series in candidates if _lies_partly(segmentation, series))
    if parts > 1:
        return (
            f"No series holds all of the segmentation, and {parts} hold a part of it, so it can be exported once for "
            "each, without what lies beyond it."
        )
    return "The segmentation lies on none of the series."


def _ambiguous(fitting: list[SourceSeries]) -> ExportError:
    series_uids = {series.series_instance_uid for series in fitting}
    if len(series_uids) > 1:
        return SeriesChoiceError("The segmentation fits several series equally well.", _lines(fitting))
    return UnusableSourceError(
        series_uids.pop(),
        f"the segmentation fits {len(fitting)} of its volumes equally well",
        Remedy.ONE_VOLUME.value,
    )


def _files_at(where: Path | Sequence[Path]) -> tuple[list[Path], str]:
    if not isinstance(where, Path):
        return list(where), f"the {len(where)} files given"
    if where.is_file():
        return [where], str(where)
    if not where.is_dir():
        raise NoSourceImagesError(str(where), "there is no such folder")
    return sorted(_files_below(where)), str(where)


def _files_below(folder: Path) -> Iterator[Path]:
    """Yield every regular file below a folder, also behind links to folders; each folder once, so that loops end.

    Raises `NoSourceImagesError` for a folder that cannot be looked into: its images would be missing without a word.
    """
    seen: set[tuple[int, int]] = set()

    def refuse(error: OSError) -> None:
        raise NoSourceImagesError(str(error.filename), f"the folder cannot be read ({error.strerror})")

    for parent, subfolders, names in os.walk(folder, followlinks=True, onerror=refuse):
        status = os.stat(parent)
        if (status.st_dev, status.st_ino) in seen:
            subfolders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        for name in names:
            path = Path(parent, name)
            if path.is_file():
                yield path


@dataclass(frozen=True)
class _Sorted:
    """What was found in the files, by Series Instance UID."""

    planes_of: dict[str, list[Plane]]
    unplaced_of: dict[str, list[UnplacedImage]]
    unreadable: list[UnreadableFile]

    @classmethod
    def of(cls, found: Iterable[Found]) -> _Sorted:
        planes_of: dict[str, list[Plane]] = defaultdict(list)
        unplaced_of: dict[str, list[UnplacedImage]] = defaultdict(list)
        unreadable: list[UnreadableFile] = []
        for one in found:
            if isinstance(one, UnreadableFile):
                unreadable.append(one)
            elif isinstance(one, UnplacedImage):
                unplaced_of[one.series_uid].append(one)
            else:
                planes_of[one.series_uid].append(one)
        return cls(dict(planes_of), dict(unplaced_of), unreadable)

    def only(self, instance_uids: frozenset[str]) -> _Sorted:
        wanted_planes = (
            plane
            for planes in self.planes_of.values()
            for plane in planes
            if plane.frame.sop_instance_uid in instance_uids
        )
        wanted_images = (
            image for images in self.unplaced_of.values() for image in images if image.sop_instance_uid in instance_uids
        )
        return _Sorted.of([*wanted_planes, *wanted_images, *self.unreadable])

    def without_place(self) -> dict[str, list[Plane]]:
        """Return the planes of series none of whose images has a place, or is damaged for having none."""
        return {
            series_uid: [plane for image in images for plane in image.planes]
            for series_uid, images in self.unplaced_of.items()
            if series_uid not in self.planes_of and all(image.planes for image in images)
        }

    def instance_uids(self) -> set[str]:
        placed = {plane.frame.sop_instance_uid for planes in self.planes_of.values() for plane in planes}
        return placed | {image.sop_instance_uid for images in self.unplaced_of.values() for image in images}


def _why_none(files: list[Path], unreadable: list[UnreadableFile]) -> str:
    if not files:
        return "there is no file"
    if unreadable:
        return f"{len(unreadable)} of its {len(files)} files could not be read ({_example(unreadable)})"
    return f"none of its {len(files)} files is a DICOM image"


def _example(found: Sequence[UnreadableFile | UnplacedImage]) -> str:
    return f"{found[0].path.name}: {found[0].reason}"


def _no_place(unplaced_of: dict[str, list[UnplacedImage]]) -> UnusableSourceError:
    unplaced = [image for images in unplaced_of.values() for image in images]
    return UnusableSourceError(
        unplaced[0].series_uid or "without UID",
        f"none of the {len(unplaced)} images found has a usable place in space ({_example(unplaced)})",
        "Images of this kind have position, orientation and pixel spacing: export them again from the archive.",
    )


def _images_without_place(planes: list[Plane], found_by_all: list[Finding], time: int | None) -> Iterator[SourceSeries]:
    """Yield the single images of each size together, by Instance Number, and each multi-frame image alone."""
    different = list({plane.frame: plane for plane in planes}.values())
    findings = (*found_by_all, *identity_findings(different), *_missing_time(time, 1))
    groups: dict[tuple[str, int, int], list[Plane]] = defaultdict(list)
    for plane in different:
        image = plane.frame.sop_instance_uid if plane.frame.frame_number else ""
        groups[image, plane.rows, plane.columns].append(plane)
    for (_, rows, columns), members in groups.items():
        members.sort(key=lambda plane: plane.instance_number)
        yield SourceSeries(
            header=_header(members),
            frames=tuple(plane.frame for plane in members),
            stack=PlaneStack.without_place(len(members), rows, columns),
            findings=findings,
        )


def _volumes(
    planes: list[Plane], unplaced: list[UnplacedImage], found_by_all: list[Finding], time: int | None
) -> list[SourceSeries]:
    """Return the volumes that the planes of one series form."""
    different = list({(plane.frame, plane.position): plane for plane in planes}.values())
    findings = [*found_by_all, *unplaced_findings(unplaced), *identity_findings(different)]
    if _have_a_frame_of_reference_each(different):
        findings.append(frame_of_reference_each(len(different)))
        different = [replace(plane, frame_of_reference_uid="") for plane in different]
    volumes = _of_one_shape(different)
    if len(volumes) > 1:
        findings.append(
            Finding(
                "mixed-orientation",
                Severity.WARNING,
                f"The images of the series form {len(volumes)} volumes of different orientation, size or frame of "
                "reference; only those of one volume are referenced.",
            )
        )
    return [_volume(members, findings, time) for members in volumes]


def _have_a_frame_of_reference_each(planes: list[Plane]) -> bool:
    """Tell whether the planes would be one volume, were it not that each names another frame of reference."""
    named = {plane.frame_of_reference_uid for plane in planes} - {""}
    if len(planes) < _FEWEST_TO_JUDGE or len(named) < len(planes):
        return False
    return len(_of_one_shape([replace(plane, frame_of_reference_uid="") for plane in planes])) == 1


def _of_one_shape(planes: list[Plane]) -> list[list[Plane]]:
    """Return the planes in groups that can be volumes."""
    groups: list[list[Plane]] = []
    for plane in planes:
        for group in groups:
            if _is_of_one_shape(group[0], plane):
                group.append(plane)
                break
        else:
            groups.append([plane])
    return groups


def _is_of_one_shape(one: Plane, other: Plane) -> bool:
    frames_of_reference = {one.frame_of_reference_uid, other.frame_of_reference_uid} - {""}
    return (
        (one.rows, one.columns) == (other.rows, other.columns)
        and len(frames_of_reference) <= 1
        and _all_near(one.orientation, other.orientation, SAME_DIRECTION_TOLERANCE)
        and _all_near(one.spacing, other.spacing, SAME_SPACING_TOLERANCE * min(one.spacing))
    )


def _all_near(some: tuple[float, ...], others: tuple[float, ...], tolerance: float) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(some, others))


def _volume(planes: list[Plane], findings: list[Finding], time: int | None) -> SourceSeries:
    row_direction, column_direction = np.array(planes[0].orientation[:3]), np.array(planes[0].orientation[3:])
    kept, told = _of_one_time(planes, np.cross(row_direction, column_direction), time)
    own_findings = [*findings, *told]
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
        header=_header(kept),
        frames=tuple(plane.frame for plane in kept),
        stack=stack,
        slice_thickness_mm=thicknesses.pop() if len(thicknesses) == 1 else None,
        findings=tuple(own_findings),
    )


def _of_one_time(planes: list[Plane], normal: Matrix, time: int | None) -> tuple[list[Plane], list[Finding]]:
    """Return one plane at each height, along the normal and all of one time, and what is to be said of the others."""
    at_each_height = _by_height(planes, normal)
    if len(at_each_height) == len(planes):
        return [same[0] for same in at_each_height], _missing_time(time, 1)
    for index, tag in enumerate(TIMES):
        of_time = defaultdict(list)
        for plane in planes:
            of_time[plane.times[index]].append(plane)
        whole = all(len(_by_height(some, normal)) == len(some) == len(at_each_height) for some in of_time.values())
        if whole and "" not in of_time:
            times = sorted(of_time, key=_by_number)
            wanted = times[(time or 1) - 1 : time or 1] or times[:1]
            kept = [same[0] for same in _by_height(of_time[wanted[0]], normal)]
            if time is not None:
                return kept, _missing_time(time, len(times))
            chosen = f"those of {name_of(tag)} {times[0]}, the first of {len(times)}, are referenced"
            return kept, [same_position(len(planes), len(kept), chosen)]
    return _by_instance_number(planes, at_each_height, time)


def _by_instance_number(
    planes: list[Plane], at_each_height: list[list[Plane]], time: int | None
) -> tuple[list[Plane], list[Finding]]:
    """Return one plane of each height by the order of Instance Numbers, where nothing else tells times apart."""
    ordered = [sorted(same, key=lambda plane: plane.instance_number) for same in at_each_height]
    times = min(len(same) for same in ordered)
    n = 0 if time is None or time > times else time - 1
    kept = [same[n] for same in ordered]
    numbers = [[plane.instance_number for plane in same] for same in ordered]
    if any(len(same) > 1 and same[0] == same[1] for same in numbers):
        return kept, [times_not_told_apart(len(planes), len(kept))]
    if time is not None:
        return kept, _missing_time(time, times)
    chosen = "at each one the image with the lowest Instance Number is referenced"
    return kept, [same_position(len(planes), len(kept), chosen)]


def _missing_time(time: int | None, times: int) -> list[Finding]:
    return [time_not_there(time, times)] if time is not None and not 1 <= time <= times else []


def _by_height(planes: list[Plane], normal: Matrix) -> list[list[Plane]]:
    """Return the planes along the normal, those of one height together."""
    heights = np.array([np.dot(normal, plane.position) for plane in planes])
    order = np.argsort(heights, kind="stable")
    tolerance_mm = same_height_tolerance_mm(heights, planes[0].spacing)
    begins_another = np.diff(heights[order], prepend=-np.inf) > tolerance_mm
    at_each_height = np.split(order, np.flatnonzero(begins_another)[1:])
    return [[planes[n] for n in same.tolist()] for same in at_each_height]


def _by_number(text: str) -> tuple[float, str]:
    """Return what sorts texts by the number they are, and others behind."""
    try:
        return float(text), text
    except ValueError:
        return np.inf, text


def _header(planes: list[Plane]) -> Dataset:
    """Return the dataset of the first plane that names a frame of reference, or else of the first."""
    plane = min(planes, key=lambda plane: not plane.frame_of_reference_uid)
    try:
        return dcmread(plane.path, stop_before_pixels=True, force=True)  # known to be an image, with preamble or not
    except Exception as error:  # pydicom raises whatever the damage of a file leads to
        raise UnusableSourceError(
            plane.series_uid or "without UID",
            f"its file {plane.path} cannot be read ({error})",
            "Export it again from the archive.",
        ) from error


def _lies_exactly(segmentation: Segmentation, series: SourceSeries) -> bool:
    return _lies_wholly(segmentation, series) and all(_seen(layer, series).is_exact for layer in segmentation.layers)


def _lies_partly(segmentation: Segmentation, series: SourceSeries) -> bool:
    for segment in segmentation.segments:
        layer = segmentation.layers[segment.layer_index]
        outside = SampledLayer(layer, series.stack).voxels_outside([segment.layer_value])[0]
        if outside < np.count_nonzero(layer.labels_kji == segment.layer_value):
            return True
    return False


def _lies_wholly(segmentation: Segmentation, series: SourceSeries) -> bool:
    return not any(
        _seen(segmentation.layers[segment.layer_index], series).voxels_outside([segment.layer_value])[0]
        for segment in segmentation.segments
    )


def _seen(layer: Layer, series: SourceSeries) -> SampledLayer:
    return SampledLayer.drawn_on(layer, series.stack)


def _lines(candidates: Iterable[SourceSeries]) -> list[str]:
    return [series.description for series in candidates]
