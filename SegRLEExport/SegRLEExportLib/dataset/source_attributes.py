"""What a SEG takes over from the images it was drawn on: patient, study, trial, frame of reference.

PS3.3: C.7.1.1, C.7.1.3, C.7.2.1 to C.7.2.3, C.7.3.2, C.7.4.1. A value that is not valid is repaired in the copy and
the repair is reported; the source dataset is never changed. Nothing is taken from anywhere else, so an
anonymised source gives an anonymised SEG.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydicom import DataElement, Dataset, Sequence
from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword
from pydicom.multival import MultiValue
from pydicom.tag import Tag

from SegRLEExportLib.dataset.value_repair import repaired_value
from SegRLEExportLib.model.finding import Finding, Severity
from SegRLEExportLib.uids import derived_uid

_TYPE_2 = [
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
    "StudyID",
    "AccessionNumber",
    "PositionReferenceIndicator",
]
"""Written empty where the source has none."""

_OPTIONAL = [
    "IssuerOfPatientID",
    "IssuerOfPatientIDQualifiersSequence",
    "OtherPatientIDsSequence",
    "PatientBirthTime",
    "EthnicGroup",
    "QualityControlSubject",
    "PatientSpeciesDescription",
    "PatientSpeciesCodeSequence",
    "PatientBreedDescription",
    "PatientBreedCodeSequence",
    "BreedRegistrationSequence",
    "ResponsiblePerson",
    "ResponsiblePersonRole",
    "ResponsibleOrganization",
    "StrainDescription",
    "PatientIdentityRemoved",
    "DeidentificationMethod",
    "DeidentificationMethodCodeSequence",
    "LongitudinalTemporalInformationModified",
    "StudyDescription",
    "IssuerOfAccessionNumberSequence",
    "PhysiciansOfRecord",
    "NameOfPhysiciansReadingStudy",
    "ProcedureCodeSequence",
    "ConsultingPhysicianName",
    "ReferencedStudySequence",
    "PatientAge",
    "PatientSize",
    "PatientWeight",
    "PregnancyStatus",
    "AdmissionID",
    "IssuerOfAdmissionIDSequence",
    "ClinicalTrialSponsorName",
    "ClinicalTrialProtocolID",
    "ClinicalTrialProtocolName",
    "ClinicalTrialSiteID",
    "ClinicalTrialSiteName",
    "ClinicalTrialSubjectID",
    "ClinicalTrialSubjectReadingID",
    "ClinicalTrialProtocolEthicsCommitteeName",
    "ClinicalTrialProtocolEthicsCommitteeApprovalNumber",
    "ClinicalTrialTimePointID",
    "ClinicalTrialTimePointDescription",
    "LongitudinalTemporalOffsetFromEvent",
    "LongitudinalTemporalEventType",
    "ConsentForClinicalTrialUseSequence",
    "ClinicalTrialCoordinatingCenterName",
    "ClinicalTrialSeriesID",
    "ClinicalTrialSeriesDescription",
    "BodyPartExamined",
]
"""Taken over where the source has a value."""

_BINARY_VRS = frozenset(("US", "SS", "UL", "SL", "FL", "FD"))
_SHOWN_CHARACTERS = 40


def copied_attributes(source: Dataset) -> tuple[Dataset, list[Finding]]:
    """Return patient, study, trial and frame of reference attributes of `source`, valid, and what was repaired.

    Study Instance UID (0020,000D) must be there and valid: see `preflight`.
    """
    copier = _Copier(source)
    for keyword in (*_TYPE_2, *_OPTIONAL, "StudyInstanceUID", "FrameOfReferenceUID"):
        copier.copy(keyword)
    for keyword in _TYPE_2:
        if keyword not in copier.target:
            setattr(copier.target, keyword, None)
    if not copier.target.get("FrameOfReferenceUID"):
        copier.make_frame_of_reference()
    return copier.target, copier.findings


class _Copier:
    def __init__(self, source: Dataset) -> None:
        self._source = source
        self.target = Dataset()
        self.findings: list[Finding] = []

    def copy(self, keyword: str) -> None:
        tag = Tag(tag_for_keyword(keyword))  # type: ignore[arg-type]
        if tag in self._source:
            element = self._valid(self._source, tag)
            if element is not None:
                self.target.add(element)

    def make_frame_of_reference(self) -> None:
        """Give a series without Frame of Reference UID one of its own, the same at every export."""
        uid = derived_uid("frame of reference", str(self._source.SeriesInstanceUID))
        self.target.FrameOfReferenceUID = uid
        self.findings.append(
            Finding(
                "missing-frame-of-reference",
                Severity.REPAIR,
                f"The source has no Frame of Reference UID; {uid}, made from its Series Instance UID, is written.",
                where="(0020,0052) FrameOfReferenceUID",
                help="Viewers find the images by the references to them, which are complete.",
            )
        )

    def _valid(self, dataset: Dataset, tag: int) -> DataElement | None:
        """Return a valid copy of an element; None if it is empty or beyond repair."""
        name = f"{Tag(tag)} {_keyword(tag)}"
        try:
            element = dataset[tag]
            value = element.value
        except Exception as error:  # pydicom raises whatever the conversion of a damaged value raises
            raw = getattr(dataset.get_item(tag), "value", b"")
            self._report(name, repr(raw), None, f"not readable ({type(error).__name__})")
            return None
        vr = dictionary_VR(tag)
        if vr == "SQ":
            return self._valid_sequence(tag, value, name)
        if vr in _BINARY_VRS:
            return self._valid_number(tag, vr, value, name)
        texts = [str(part) for part in (value if isinstance(value, MultiValue) else [value]) if part is not None]
        repaired = [text for text in self._repaired(name, vr, texts) if text]
        if not repaired:
            return None
        return DataElement(tag, vr, repaired if len(repaired) > 1 else repaired[0])

    def _valid_number(self, tag: int, vr: str, value: object, name: str) -> DataElement | None:
        if isinstance(value, int) or (isinstance(value, float) and vr in ("FL", "FD")):
            return DataElement(tag, vr, value)
        if value is not None and value != b"":
            self._report(name, repr(value), None, "not one number")
        return None

    def _repaired(self, name: str, vr: str, texts: list[str]) -> Iterator[str]:
        for text in texts:
            if not text.strip():
                continue
            repaired = repaired_value(vr, text)
            if repaired.reason:
                self._report(name, repr(text), repaired.value, repaired.reason)
            if repaired.value is not None:
                yield repaired.value

    def _valid_sequence(self, tag: int, value: object, name: str) -> DataElement | None:
        if not isinstance(value, Sequence):
            self._report(name, repr(value), None, "not a sequence")
            return None
        items = []
        for source_item in value:
            valid_item = Dataset()
            for item_tag in source_item.keys():
                if _keyword(item_tag):
                    element = self._valid(source_item, item_tag)
                    if element is not None:
                        valid_item.add(element)
            if len(valid_item):
                items.append(valid_item)
        return DataElement(tag, "SQ", Sequence(items)) if items else None

    def _report(self, name: str, was: str, becomes: str | None, reason: str) -> None:
        shown = was if len(was) <= _SHOWN_CHARACTERS else was[:_SHOWN_CHARACTERS] + "..."
        written = f"{becomes!r} is written" if becomes else "it is left out"
        self.findings.append(
            Finding("invalid-value", Severity.REPAIR, f"The source's value {shown} is {reason}; {written}.", where=name)
        )


def _keyword(tag: int) -> str:
    return keyword_for_tag(tag)
