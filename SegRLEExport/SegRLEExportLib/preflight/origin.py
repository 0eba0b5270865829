"""A DICOM SEG and the images it is written on anew: whether they are those it says it was drawn on."""

from __future__ import annotations

from collections.abc import Iterator

from SegRLEExportLib.model.finding import Finding, Severity
from SegRLEExportLib.model.remedy import Remedy
from SegRLEExportLib.model.segmentation import Origin, Segmentation
from SegRLEExportLib.model.source_series import SourceSeries, text_of


def origin_findings(segmentation: Segmentation, source: SourceSeries) -> Iterator[Finding]:
    """Tell where the images are of another patient than the DICOM SEG, or in another space and not of its series.

    Both can be meant, of images without names for example, so neither is refused.
    """
    origin = segmentation.origin
    if origin is None:
        return
    images = _origin_of(source)
    if _is_of_another_patient(origin, images):
        yield Finding(
            "other-patient",
            Severity.WARNING,
            f"The segmentation is of the patient {_patient(origin)}, and the images are of the patient "
            f"{_patient(images)}.",
            where=segmentation.name,
            help=_IF_NOT_MEANT,
        )
    if _is_of_another_space(origin, images):
        yield Finding(
            "other-images",
            Severity.WARNING,
            f"The segmentation was drawn on other images ({_series(origin)}), in another Frame of Reference: nothing "
            "in DICOM says that it lies right on these.",
            where=segmentation.name,
            help=_IF_NOT_MEANT,
        )


_IF_NOT_MEANT = f"{Remedy.CHOOSE_SERIES}, if that is not meant."


def _origin_of(source: SourceSeries) -> Origin:
    return Origin(
        text_of(source.header, "PatientName").strip(),
        text_of(source.header, "PatientID").strip(),
        text_of(source.header, "FrameOfReferenceUID"),
        frozenset((source.series_instance_uid,)),
    )


def _is_of_another_patient(one: Origin, other: Origin) -> bool:
    """Tell whether both say who the patient is, and do not say the same; the ID tells, or the name without one."""
    if one.patient_id and other.patient_id:
        return one.patient_id != other.patient_id
    return bool(one.patient_name and other.patient_name and one.patient_name != other.patient_name)


def _is_of_another_space(one: Origin, other: Origin) -> bool:
    if one.series_instance_uids & other.series_instance_uids:
        return False
    spaces = {one.frame_of_reference_uid, other.frame_of_reference_uid}
    return len(spaces - {""}) > 1


def _patient(origin: Origin) -> str:
    return f"{origin.patient_name or 'without a name'} (ID {origin.patient_id or 'none'})"


def _series(origin: Origin) -> str:
    first, *others = sorted(origin.series_instance_uids) or ["that it does not name"]
    return f"series {first}" + (f" and {len(others)} more" if others else "")
