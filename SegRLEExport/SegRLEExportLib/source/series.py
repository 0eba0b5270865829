"""From DICOM files to the series that was segmented.

Files are sorted by what they say, not by their names; other files may lie among them. A series whose planes differ
in orientation, size or frame of reference is taken apart into the volumes it consists of.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from SegRLEExportLib.errors import NoSourceImagesError, UnusableSourceError
from SegRLEExportLib.model.segmentation import Segmentation
from SegRLEExportLib.model.source_series import SourceSeries
from SegRLEExportLib.source.choice import choose_series
from SegRLEExportLib.source.findings import missing_findings, unreadable_findings
from SegRLEExportLib.source.folder import files_at
from SegRLEExportLib.source.images import Found, Plane, UnplacedImage, UnreadableFile, planes_in
from SegRLEExportLib.source.volumes import images_without_place, volumes_of

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
    files, place = files_at(where)
    sorted_out = _Sorted.of(one for path in files for one in planes_in(path))
    if not sorted_out.planes_of and not sorted_out.unplaced_of:
        raise NoSourceImagesError(place, _why_none(files, sorted_out.unreadable))
    if instance_uids is not None:
        sorted_out = sorted_out.only(frozenset(instance_uids))
        if not sorted_out.planes_of and not sorted_out.unplaced_of:
            count = len(set(instance_uids))
            told = (
                "the image asked for is not there" if count == 1 else f"none of the {count} images asked for is there"
            )
            raise NoSourceImagesError(place, told)
    without_place = sorted_out.without_place()
    if not sorted_out.planes_of and not without_place:
        raise _no_place(sorted_out.unplaced_of)
    found_by_all = [*unreadable_findings(sorted_out.unreadable)]
    found_by_all.extend(missing_findings(sorted_out.instance_uids(), instance_uids or ()))
    volumes = [
        volume
        for series_uid in sorted(sorted_out.planes_of)
        for volume in volumes_of(
            sorted_out.planes_of[series_uid], sorted_out.unplaced_of.get(series_uid, []), found_by_all, time
        )
    ]
    for series_uid in sorted(without_place):
        volumes.extend(images_without_place(without_place[series_uid], found_by_all, time))
    return volumes


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
    is_one = len(files) == 1
    if unreadable:
        which = "its one file" if is_one else f"{len(unreadable)} of its {len(files)} files"
        return f"{which} could not be read ({_example(unreadable)})"
    return "its one file is no DICOM image" if is_one else f"none of its {len(files)} files is a DICOM image"


def _example(found: Sequence[UnreadableFile | UnplacedImage]) -> str:
    return f"{found[0].path.name}: {found[0].reason}"


def _no_place(unplaced_of: dict[str, list[UnplacedImage]]) -> UnusableSourceError:
    unplaced = [image for images in unplaced_of.values() for image in images]
    count = len(unplaced)
    what = "the one image found has no" if count == 1 else f"none of the {count} images found has a"
    return UnusableSourceError(
        unplaced[0].series_uid or "without UID",
        f"{what} usable place in space ({_example(unplaced)})",
        "Images of this kind have position, orientation and pixel spacing: export them again from the archive.",
    )
