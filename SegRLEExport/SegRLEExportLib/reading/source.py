"""The images that DICOM SEG files were drawn on, as the files themselves tell: for who has no images at hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydicom import Dataset

from SegRLEExportLib.errors import UnusableSegFileError
from SegRLEExportLib.model.finding import Finding, Severity
from SegRLEExportLib.model.geometry import PlaneStack, nearest_of
from SegRLEExportLib.model.source_series import SourceFrame, SourceSeries
from SegRLEExportLib.reading.damage import readable
from SegRLEExportLib.reading.grid import joined
from SegRLEExportLib.reading.seg_file import SegFile
from SegRLEExportLib.reading.segmentation import stack_of

_GIVE_THE_IMAGES = "Give the folder with the DICOM images that were segmented."

_OF_THE_SEG = (
    "SOPClassUID",
    "SOPInstanceUID",
    "InstanceCreationDate",
    "InstanceCreationTime",
    "Modality",
    "SeriesDescription",
    "SeriesNumber",
    "SeriesDate",
    "SeriesTime",
    "InstanceNumber",
    "ReferencedSeriesSequence",
    "SegmentSequence",
    "SharedFunctionalGroupsSequence",
    "DimensionIndexSequence",
    "DimensionOrganizationSequence",
    "SourceImageSequence",
)
"""What says something of the SEG and not of the images."""


def source_of(files: Sequence[Path | SegFile]) -> SourceSeries:
    """Return the series that the frames of the files refer to: its UIDs, patient and study, and the frames' planes.

    Planes without a frame are not among them, though the files may name their images.
    Raises `NotASegmentationFileError` or `UnusableSegFileError`.
    """
    segs = [file if isinstance(file, SegFile) else SegFile(file) for file in files]
    header = _header(segs)
    stack = joined([stack_of(seg) for seg in segs])
    if stack is None:
        raise UnusableSegFileError(
            segs[1].path, f"its frames lie on other planes than those of {segs[0].path.name}", _GIVE_THE_IMAGES
        )
    frames = _frames(segs, stack) if stack.has_place else max((seg.images_without_place for seg in segs), key=len)
    thicknesses = {place.thickness_mm for seg in segs for place in seg.frames.places}
    return SourceSeries(
        header=header,
        frames=tuple(frames),
        stack=stack,
        slice_thickness_mm=thicknesses.pop() if len(thicknesses) == 1 else None,
        findings=(
            Finding(
                "source-from-seg",
                Severity.NOTE,
                "Patient, study, references and places are those that the DICOM SEG states; the images were not seen.",
            ),
        ),
    )


def _header(segs: list[SegFile]) -> Dataset:
    """Return patient, study and frame of reference as the first file has them, and the series it refers to."""
    series: set[str] = set()
    for seg in segs:
        with readable(seg.path, "Referenced Series Sequence (0008,1115)"):
            series |= {str(item.get("SeriesInstanceUID", "")) for item in _referenced_series(seg)} - {""}
    if len(series) != 1:
        number = "no series" if not series else f"{len(series)} series"
        raise UnusableSegFileError(segs[0].path, f"it refers to {number} of images", _GIVE_THE_IMAGES)
    header = Dataset()
    header.update(segs[0].dataset)
    for keyword in _OF_THE_SEG:
        if keyword in header:
            delattr(header, keyword)
    header.SeriesInstanceUID = series.pop()
    return header


def _referenced_series(seg: SegFile) -> list[Dataset]:
    return list(seg.dataset.get("ReferencedSeriesSequence") or [])


def _frames(segs: list[SegFile], stack: PlaneStack) -> list[SourceFrame]:
    """Return the image of each plane: the first one that a frame there names."""
    classes = _classes(segs)
    heights = stack.positions_lps @ stack.normal_lps
    found: dict[int, SourceFrame] = {}
    for seg in segs:
        own, plane_of_frame = seg.planes
        nearest = nearest_of(heights, own.positions_lps @ stack.normal_lps).tolist()
        for place, plane in zip(seg.frames.place_of_frame, plane_of_frame):
            if (image := seg.frames.places[place].source) is not None:
                found.setdefault(nearest[plane], _with_class(image, classes))
    unnamed = len(stack) - len(found)
    if unnamed:
        raise UnusableSegFileError(
            segs[0].path, f"the frames on {unnamed} of {len(stack)} planes name no image", _GIVE_THE_IMAGES
        )
    return [found[plane] for plane in range(len(stack))]


def _classes(segs: list[SegFile]) -> dict[str, str]:
    """Return the SOP Class UID of each image that the files' Referenced Series Sequence (0008,1115) names."""
    classes: dict[str, str] = {}
    for seg in segs:
        with readable(seg.path, "Referenced Series Sequence (0008,1115)"):
            for series in _referenced_series(seg):
                for image in series.get("ReferencedInstanceSequence") or []:
                    uid = str(image.get("ReferencedSOPInstanceUID", ""))
                    classes[uid] = str(image.get("ReferencedSOPClassUID", ""))
    return classes


def _with_class(frame: SourceFrame, classes: dict[str, str]) -> SourceFrame:
    """Return the frame with a class where it names its image by UID alone, as OHIF does."""
    if frame.sop_class_uid:
        return frame
    return frame._replace(sop_class_uid=classes.get(frame.sop_instance_uid, ""))
