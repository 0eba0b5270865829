"""What is to be said of the source images: unread, left aside, not agreeing, or without UIDs to refer to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator

from SegRLEExportLib.model.counted import counted, first_of
from SegRLEExportLib.model.finding import Finding, Severity
from SegRLEExportLib.model.remedy import Remedy
from SegRLEExportLib.model.source_series import SourceSeries, text_of
from SegRLEExportLib.source.images import Plane, UnplacedImage, UnreadableFile
from SegRLEExportLib.source.patients import patient_findings
from SegRLEExportLib.uids import is_standard_uid, is_usable_uid

_NAMED = 3
"""Files that a finding names; the others are in its details."""


def unreadable_findings(unreadable: list[UnreadableFile]) -> Iterator[Finding]:
    """Tell of files that could not be read; whether they are images of the series is not known."""
    if unreadable:
        first = ", the first for this reason" if len(unreadable) > 1 else ""
        yield Finding(
            "unreadable-file",
            Severity.WARNING,
            f"{counted(len(unreadable), 'file')} among the images could not be read{first}: {unreadable[0].reason}.",
            where=unreadable[0].path.name,
            help="If it is an image of the series, export it again from the archive.",
        )


def missing_findings(present: set[str], instance_uids: Collection[str]) -> Iterator[Finding]:
    """Tell which images of the volume that was segmented are not among those found."""
    missing = set(instance_uids) - present
    if missing:
        yield Finding(
            "source-image-missing",
            Severity.WARNING,
            f"Of the {counted(len(set(instance_uids)), 'image')} of the volume that was segmented {len(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} not there, and not referenced.",
            where=min(missing),
            help="Import the series again, with all its images.",
        )


def unplaced_findings(unplaced: list[UnplacedImage]) -> Iterator[Finding]:
    """Tell of images of the series that are left aside because it is not known where they lie."""
    if unplaced:
        first = ", the first for this reason" if len(unplaced) > 1 else ""
        yield Finding(
            "source-image-without-place",
            Severity.WARNING,
            f"{counted(len(unplaced), 'image of the series has', 'images of the series have')} no usable place in "
            f"space, and {'is' if len(unplaced) == 1 else 'are'} not referenced{first}: {unplaced[0].reason}.",
            where=unplaced[0].path.name,
        )


def cut_findings(planes: list[Plane]) -> Iterator[Finding]:
    """Tell of images whose files end before their pixels do: a SEG that refers to them is whole all the same."""
    cut_of = dict(sorted((plane.path, plane.cut) for plane in planes if plane.cut))
    if not cut_of:
        return
    names, cuts = [path.name for path in cut_of], [*cut_of.values()]
    whose = "its" if len(cuts) == 1 else "their" if len(set(cuts)) == 1 else "the first one's"
    yield Finding(
        "source-image-cut-short",
        Severity.WARNING,
        f"{counted(len(cuts), 'image is', 'images are')} cut short: {whose} Pixel Data {cuts[0]}.",
        where=first_of(names, _NAMED),
        help="Copy the series anew, or export it again from the archive: no viewer can show such an image.",
        details=tuple(f"{path}: Pixel Data {cut}." for path, cut in cut_of.items()),
    )


def frame_of_reference_each(count: int) -> Finding:
    """Tell that nothing says the images lie in one space."""
    return Finding(
        "frame-of-reference-each",
        Severity.ERROR,
        f"Each of the {count} images has a Frame of Reference UID of its own, so nothing says that their positions "
        "belong to one coordinate system.",
        where="(0020,0052) FrameOfReferenceUID",
        help=f"An anonymiser may have replaced it image by image: {Remedy.ONE_SPACE}",
    )


def chosen_by_size(fitting: int, chosen: SourceSeries) -> Finding:
    """Tell which series was taken where the place alone leaves a choice."""
    return Finding(
        "series-chosen-by-size",
        Severity.NOTE,
        f"The segmentation fits {fitting} series by its place; the only one with as many voxels each way was taken: "
        f"{chosen.description}.",
        where=chosen.series_instance_uid,
    )


def same_position(images: int, positions: int, chosen: str) -> Finding:
    """Tell which images of several at one position are referenced."""
    return Finding(
        "same-position",
        Severity.WARNING,
        f"{images} images lie at {counted(positions, 'position')}; {chosen}.",
        help=Remedy.OTHER_TIME.value,
    )


def places_without_image(count: int, places: int, which: str) -> Finding:
    """Tell that images of the time that is referenced are missing where those of others are."""
    return Finding(
        "image-of-time-missing",
        Severity.WARNING,
        f"At {count} of {counted(places, 'position')} there is no image of {which}, and those of other times do "
        "not stand in for it.",
        help="Add the missing image, or choose another time.",
    )


def time_not_there(time: int, times: int) -> Finding:
    """Tell that the images were not taken as often as to have the time that was asked for."""
    return Finding(
        "time-not-there",
        Severity.ERROR,
        f"Time {time} was asked for, and the images have {counted(times, 'time')}.",
        help=f"Choose a time from 1 to {times}, or none for the first." if times > 1 else "Ask for no time.",
    )


def times_not_matched(images: int, positions: int, fewer: int) -> Finding:
    """Tell that images of one time may be missing, and that one of another may be taken for it."""
    return Finding(
        "times-not-matched",
        Severity.WARNING,
        f"{images} images lie at {counted(positions, 'position')}, at {fewer} of them fewer than at the others, and "
        "nothing in them says which belong to one time: the order of their numbers was taken.",
        help=Remedy.ONE_VOLUME.value,
    )


def times_not_told_apart(images: int, positions: int) -> Finding:
    """Tell that images of several volumes lie at the same places, and nothing says which belong together."""
    return Finding(
        "times-not-told-apart",
        Severity.ERROR,
        f"{images} images lie at {counted(positions, 'position')}, several with the same Instance Number, and nothing "
        "in them says which belong to one time.",
        help=Remedy.ONE_VOLUME.value,
    )


def identity_findings(planes: list[Plane]) -> Iterator[Finding]:
    """Tell whether the images agree on whose they are, and each has a UID of its own."""
    yield from patient_findings(planes)
    yield from _several_studies({plane.study_uid for plane in planes})
    places_of = Counter(plane.frame for plane in planes)
    shared = sum(1 for count in places_of.values() if count > 1)
    if shared:
        yield Finding(
            "same-uid",
            Severity.ERROR,
            f"{counted(shared, 'SOP Instance UID is', 'SOP Instance UIDs are each')} used by images at different "
            "places, so that a reference is ambiguous.",
            where="(0008,0018) SOPInstanceUID",
            help="Export the images again from the archive or scanner.",
        )
    for name in sorted({name for plane in planes for name in plane.from_file_meta}):
        yield Finding(
            "uid-from-file-meta",
            Severity.REPAIR,
            f"Images without {name} are referenced by the one that their File Meta Information states.",
            where=name,
        )


def _several_studies(uids: set[str]) -> Iterator[Finding]:
    if len(uids) > 1:
        yield Finding(
            "several-studies",
            Severity.ERROR,
            f"The images of the series disagree about their study: {', '.join(map(repr, sorted(uids)[:_NAMED]))}.",
            where="(0020,000D) StudyInstanceUID",
            help=f"{Remedy.IMAGES_OF_ONE} study.",
        )


def uid_errors(source: SourceSeries) -> Iterator[Finding]:
    """A SEG that names its study, series or images wrongly would be tied to nothing, or to somebody else's."""
    for keyword, tag in (("StudyInstanceUID", "(0020,000D)"), ("SeriesInstanceUID", "(0020,000E)")):
        uid = text_of(source.header, keyword)
        if not is_usable_uid(uid):
            yield _missing_uid(f"{tag} {keyword}", uid)
    for frame in source.frames:
        for name, uid in (
            ("(0008,0018) SOPInstanceUID", frame.sop_instance_uid),
            ("(0008,0016) SOPClassUID", frame.sop_class_uid),
        ):
            if not is_usable_uid(uid):
                yield _missing_uid(name, uid)
                return


def uid_warnings(source: SourceSeries) -> Iterator[Finding]:
    """A reference must repeat a UID as it is, or it refers to nothing; so what is unusual about one stays."""
    stated = [text_of(source.header, keyword) for keyword in ("StudyInstanceUID", "SeriesInstanceUID")]
    named = [uid for frame in source.frames for uid in (frame.sop_instance_uid, frame.sop_class_uid)]
    unusual = [uid for uid in dict.fromkeys([*stated, *named]) if not is_standard_uid(uid)]
    if unusual:
        yield Finding(
            "nonstandard-uid",
            Severity.WARNING,
            f"{counted(len(unusual), 'UID of the source has', 'UIDs of the source have')} a component with a leading "
            "zero, which DICOM forbids. The file repeats them unchanged, so that its references stay valid.",
            where=unusual[0],
        )


def _missing_uid(name: str, found: str) -> Finding:
    what = f"The source has the invalid UID {found!r} there." if found else "The source has no UID there."
    return Finding(
        "source-without-uid",
        Severity.ERROR,
        f"{what} A segmentation without it would belong to no study and refer to no image.",
        where=name,
        help=Remedy.IMAGES_WITH_UIDS.value,
    )
