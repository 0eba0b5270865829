"""From the image planes of one series to the volumes that they form.

Planes that differ in orientation, size or frame of reference are of different volumes; of several at one place, those
of one time are taken.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
from pydicom import Dataset, dcmread

from SegRLEExportLib.errors import UnusableSourceError
from SegRLEExportLib.model.finding import Finding, Severity
from SegRLEExportLib.model.geometry import Matrix, PlaneStack, same_height_tolerance_mm
from SegRLEExportLib.model.source_series import SourceSeries
from SegRLEExportLib.source.findings import (
    cut_findings,
    frame_of_reference_each,
    identity_findings,
    places_without_image,
    same_position,
    time_not_there,
    times_not_matched,
    times_not_told_apart,
    unplaced_findings,
)
from SegRLEExportLib.source.image_values import name_of
from SegRLEExportLib.source.images import TIMES, Plane, UnplacedImage

_SAME_DIRECTION_TOLERANCE = 1e-3
"""Direction cosines that differ by no more are those of one volume: scanners round them."""

_SAME_SPACING_TOLERANCE = 2e-4
"""The same for Pixel Spacing, as a part of it."""

_FEWEST_TO_JUDGE = 3
"""Two images of different frames of reference may well be two volumes; three that agree in all else are one."""


def images_without_place(planes: list[Plane], found_by_all: list[Finding], time: int | None) -> Iterator[SourceSeries]:
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
            findings=(*findings, *cut_findings(members)),
        )


def volumes_of(
    planes: list[Plane], unplaced: list[UnplacedImage], found_by_all: list[Finding], time: int | None
) -> list[SourceSeries]:
    """Return the volumes that the planes of one series form."""
    different = list({(plane.frame, plane.position): plane for plane in planes}.values())
    findings = [*found_by_all, *unplaced_findings(unplaced), *identity_findings(different)]
    if _have_a_frame_of_reference_each(different):
        findings.append(frame_of_reference_each(len(different)))
        different = [replace(plane, frame_of_reference_uid="") for plane in different]
    volumes = [volume for group in _of_one_shape(different) for volume in _apart(group)]
    if len(volumes) > 1:
        findings.append(
            Finding(
                "mixed-orientation",
                Severity.WARNING,
                f"The images of the series form {len(volumes)} volumes of different orientation, size or frame of "
                "reference, or side by side; only those of one volume are referenced.",
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


def _apart(planes: list[Plane]) -> list[list[Plane]]:
    """Return planes of one shape in groups that lie side by side, one pixel on another; all together where none do.

    Of a tilted gantry each plane lies elsewhere along its rows and columns, but at a height of its own.
    """
    axes = np.array(planes[0].orientation).reshape(2, 3)
    near_mm = max(planes[0].spacing) / 2
    beside = np.array([plane.position for plane in planes]) @ axes.T
    of_one_height = max(_by_height(planes, np.cross(*axes)), key=len)
    places: list[Matrix] = []
    for place in (np.array(plane.position) @ axes.T for plane in of_one_height):
        if all(np.abs(place - other).max() > near_mm for other in places):
            places.append(place)
    off_mm = np.abs(beside[:, None] - np.array(places)).max(axis=2)
    if off_mm.min(axis=1).max() > near_mm:
        return [planes]
    nearest = off_mm.argmin(axis=1).tolist()
    return [[plane for plane, n in zip(planes, nearest) if n == place] for place in range(len(places))]


def _is_of_one_shape(one: Plane, other: Plane) -> bool:
    frames_of_reference = {one.frame_of_reference_uid, other.frame_of_reference_uid} - {""}
    return (
        (one.rows, one.columns) == (other.rows, other.columns)
        and len(frames_of_reference) <= 1
        and _all_near(one.orientation, other.orientation, _SAME_DIRECTION_TOLERANCE)
        and _all_near(one.spacing, other.spacing, _SAME_SPACING_TOLERANCE * min(one.spacing))
    )


def _all_near(some: tuple[float, ...], others: tuple[float, ...], tolerance: float) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(some, others))


def _volume(planes: list[Plane], findings: list[Finding], time: int | None) -> SourceSeries:
    row_direction, column_direction = np.array(planes[0].orientation[:3]), np.array(planes[0].orientation[3:])
    kept, told = _of_one_time(planes, np.cross(row_direction, column_direction), time)
    own_findings = [*findings, *told, *cut_findings(kept)]
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
        if not _tells_times_apart(of_time, at_each_height, normal):
            continue
        times = sorted(of_time, key=_by_number)
        wanted = times[(time or 1) - 1 : time or 1] or times[:1]
        kept = [same[0] for same in _by_height(of_time[wanted[0]], normal)]
        which = f"{name_of(tag)} {wanted[0]}"
        lacking = len(at_each_height) - len(kept)
        told = [places_without_image(lacking, len(at_each_height), which)] if lacking else []
        if time is not None:
            return kept, [*told, *_missing_time(time, len(times))]
        chosen = f"those of {which}, the first of {len(times)}, are referenced"
        return kept, [*told, same_position(len(planes), len(at_each_height), chosen)]
    return _by_instance_number(planes, at_each_height, time)


def _tells_times_apart(of_time: dict[str, list[Plane]], at_each_height: list[list[Plane]], normal: Matrix) -> bool:
    """Tell whether each plane says its time, and planes of one height are of different ones.

    Each has planes at most of the heights, lest what every image has of its own be taken for a time. An image of one
    time may be missing: it is not made good by one of another.
    """
    is_apart = all(len(_by_height(some, normal)) == len(some) for some in of_time.values())
    has_most = all(2 * len(some) > len(at_each_height) for some in of_time.values())
    return is_apart and has_most and "" not in of_time


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
    if fewer := sum(len(same) < len(max(ordered, key=len)) for same in ordered):
        return kept, [times_not_matched(len(planes), len(kept), fewer), *_missing_time(time, times)]
    if time is not None:
        return kept, _missing_time(time, times)
    first = "first frame" if kept[0].frame.frame_number else "image with the lowest Instance Number"
    chosen = f"nothing tells their times apart, so at each one the {first} is referenced"
    return kept, [same_position(len(planes), len(kept), chosen)]


def _missing_time(time: int | None, times: int) -> list[Finding]:
    return [time_not_there(time, times)] if time is not None and not 1 <= time <= times else []


def _by_height(planes: list[Plane], normal: Matrix) -> list[list[Plane]]:
    """Return the planes along the normal, those of one height together."""
    heights = np.array([plane.position for plane in planes]) @ normal
    order = np.argsort(heights, kind="stable")
    tolerance_mm = same_height_tolerance_mm(heights, planes[0].spacing)
    begins_another = np.diff(heights[order], prepend=-np.inf) > tolerance_mm
    ordered = [planes[n] for n in order.tolist()]
    return [ordered[first:end] for first, end in pairwise([*np.flatnonzero(begins_another).tolist(), len(ordered)])]


def _by_number(text: str) -> tuple[float, str]:
    """Return what sorts texts by the number they are, and others behind."""
    try:
        return float(text), text
    except ValueError:
        return np.inf, text


def _header(planes: list[Plane]) -> Dataset:
    """Return the dataset of the first plane that names a frame of reference, whole if there is one, or of the first."""
    plane = min(planes, key=lambda plane: (not plane.frame_of_reference_uid, bool(plane.cut)))
    try:
        return dcmread(plane.path, stop_before_pixels=True, force=True)  # known to be an image, with preamble or not
    except Exception as error:  # pydicom raises whatever the damage of a file leads to
        raise UnusableSourceError(
            plane.series_uid or "without UID",
            f"its file {plane.path} cannot be read ({error})",
            "Export it again from the archive.",
        ) from error
