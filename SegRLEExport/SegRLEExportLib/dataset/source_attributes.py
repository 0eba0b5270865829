"""What a SEG takes over from the images it was drawn on: patient, study, trial, frame of reference.

PS3.3: C.7.1.1, C.7.1.3, C.7.2.1 to C.7.2.3, C.7.3.2, C.7.4.1. A value that is not valid is repaired in the copy and
the repair is reported; the source dataset is never changed. Nothing is taken from anywhere else, so an
anonymised source gives an anonymised SEG.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydicom import DataElement, Dataset, Sequence
from pydicom.charset import python_encoding
from pydicom.datadict import dictionary_VM, dictionary_VR, keyword_for_tag, tag_for_keyword
from pydicom.multival import MultiValue
from pydicom.tag import Tag

from SegRLEExportLib.dataset.repair import repaired_term, repaired_value, text_of_utf8_read_as_latin1
from SegRLEExportLib.model.finding import Finding, Severity
from SegRLEExportLib.model.source_series import text_of
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
]
"""Written empty where the source has none."""

_FRAME_OF_REFERENCE = ("FrameOfReferenceUID", "PositionReferenceIndicator")
"""Frame of Reference (C.7.4.1); the second is written empty where the source has none."""

_TRIAL_SUBJECT = (
    "ClinicalTrialSponsorName",
    "ClinicalTrialProtocolID",
    "ClinicalTrialProtocolName",
    "ClinicalTrialSiteID",
    "ClinicalTrialSiteName",
    "ClinicalTrialSubjectID",
    "ClinicalTrialSubjectReadingID",
    "ClinicalTrialProtocolEthicsCommitteeName",
    "ClinicalTrialProtocolEthicsCommitteeApprovalNumber",
)
"""What is said of a patient's part in a trial (PS3.3, C.7.1.3)."""

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
    *_TRIAL_SUBJECT,
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

_NEEDED_IN_ITEMS = {
    "CodeSequence": (
        ("CodeValue", "LongCodeValue", "URNCodeValue"),
        ("CodingSchemeDesignator", "URNCodeValue"),
        ("CodeMeaning",),
    ),
    "ReferencedStudySequence": (("ReferencedSOPClassUID",), ("ReferencedSOPInstanceUID",)),
}
"""By the end of a sequence's keyword: of each group, an item without one says nothing (PS3.3, 8.8 and C.7.2.1)."""

_TRIAL_NEEDS = (
    ("ClinicalTrialSponsorName",),
    ("ClinicalTrialProtocolID",),
    ("ClinicalTrialSubjectID", "ClinicalTrialSubjectReadingID"),
)
"""Of each group the trial a patient takes part in has one (PS3.3, C.7.1.3, types 1 and 1C)."""

_TRIAL_TYPE_2 = ("ClinicalTrialProtocolName", "ClinicalTrialSiteID", "ClinicalTrialSiteName")

_TEXT_VRS = frozenset(("PN", "SH", "LO", "ST", "LT", "UT", "UC"))
_OTHER_STRING_VRS = frozenset(("AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI", "UR"))
_LIMITS = {
    "US": (0, 2**16 - 1),
    "SS": (-(2**15), 2**15 - 1),
    "UL": (0, 2**32 - 1),
    "SL": (-(2**31), 2**31 - 1),
    "FL": (-3.4e38, 3.4e38),
    "FD": (-1.7e308, 1.7e308),
}
_SHOWN_CHARACTERS = 40

_CODE_EXTENSION = re.compile(r"\x1b[ -/]+[0-~]")
"""An escape sequence of ISO 2022 (PS3.5, 6.1.2.5): pydicom follows it, and leaves that of IR 58 in the text."""


def copied_attributes(source: Dataset, *, has_place: bool = True) -> tuple[Dataset, list[Finding]]:
    """Return patient, study, trial and frame of reference attributes of `source`, valid, and what was repaired.

    Images that have no place in the patient are in no frame of reference, whatever UID they state.
    Study Instance UID (0020,000D) must be there and valid: see `preflight`.
    """
    copier = _Copier(source)
    for keyword in (*_TYPE_2, *_OPTIONAL, "StudyInstanceUID", *(_FRAME_OF_REFERENCE if has_place else ())):
        copier.copy(keyword)
    copier.complete_or_drop_trial()
    for keyword in (*_TYPE_2, *(_FRAME_OF_REFERENCE[1:] if has_place else ())):
        if keyword not in copier.target:
            setattr(copier.target, keyword, None)
    if has_place and not copier.target.get("FrameOfReferenceUID"):
        copier.make_frame_of_reference()
    return copier.target, copier.findings


class _Copier:
    def __init__(self, source: Dataset) -> None:
        self._source = source
        self._character_set_fault = _character_set_fault(text_of(source, "SpecificCharacterSet"))
        self.target = Dataset()
        self.findings: list[Finding] = []

    def copy(self, keyword: str) -> None:
        tag = Tag(tag_for_keyword(keyword))  # type: ignore[arg-type]
        if tag in self._source:
            element = self._valid(self._source, tag)
            if element is not None:
                self.target.add(element)

    def complete_or_drop_trial(self) -> None:
        """Leave out a trial of which nobody says what it is, as the module is valid only whole."""
        there = [keyword for keyword in _TRIAL_SUBJECT if keyword in self.target]
        if not there:
            return
        lacking = [group[0] for group in _TRIAL_NEEDS if not any(keyword in self.target for keyword in group)]
        if not lacking:
            for keyword in _TRIAL_TYPE_2:
                if keyword not in self.target:
                    setattr(self.target, keyword, None)
            return
        for keyword in there:
            name = f"{Tag(keyword)} {keyword}"
            self._report(name, repr(self.target[keyword].value), None, f"of a trial without {' and '.join(lacking)}")
            del self.target[keyword]

    def make_frame_of_reference(self) -> None:
        """Give a series without Frame of Reference UID one of its own, the same at every export."""
        uid = derived_uid("frame of reference", text_of(self._source, "SeriesInstanceUID"))
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
        name = f"{Tag(tag)} {keyword_for_tag(tag)}"
        vr = dictionary_VR(tag)
        try:
            value = dataset[tag].value
            if vr == "SQ":
                return self._valid_sequence(tag, value, name)
            if vr in _LIMITS:
                return self._valid_number(tag, vr, value, name)
            if vr in _TEXT_VRS or vr in _OTHER_STRING_VRS:
                return self._valid_text(tag, vr, value, name)
        except Exception as error:  # pydicom raises whatever the conversion of a damaged value raises
            self._report(name, _raw_value(dataset, tag), None, f"not readable ({type(error).__name__})")
            return None
        self._report(name, repr(value), None, f"of the value representation {vr}, which is not taken over")
        return None

    def _valid_number(self, tag: int, vr: str, value: object, name: str) -> DataElement | None:
        if value is None or value == b"":
            return None
        kinds = (int, float) if vr in ("FL", "FD") else int
        lowest, highest = _LIMITS[vr]
        if isinstance(value, kinds) and lowest <= value <= highest:
            return DataElement(tag, vr, value)
        self._report(name, repr(value), None, "not one number in its range")
        return None

    def _valid_text(self, tag: int, vr: str, value: object, name: str) -> DataElement | None:
        parts = self._parts(vr, value, name)
        if len(parts) > 1 and dictionary_VM(tag) == "1":
            one = "/".join(parts) if vr in ("SH", "LO") else parts[0]
            self._report(name, repr("\\".join(parts)), one, "more than one value")
            parts = [one]
        repaired = [text for text in self._repaired(tag, vr, parts, name) if text]
        if not repaired:
            return None
        return DataElement(tag, vr, repaired if len(repaired) > 1 else repaired[0])

    def _parts(self, vr: str, value: object, name: str) -> list[str]:
        """Return the values of a multiple value as texts."""
        if isinstance(value, bytes):
            text = value.decode("utf-8", "replace").rstrip("\0 ")
            if text:
                self._report(name, repr(value), text, "stored as bytes and not as text")
            return [text]
        if isinstance(value, Sequence):
            self._report(name, repr(value), None, "a sequence and not a text")
            return []
        parts = value if isinstance(value, MultiValue) else [value]
        texts = [_CODE_EXTENSION.sub("", str(part)) for part in parts if part is not None]
        return [self._in_right_characters(name, text) for text in texts] if vr in _TEXT_VRS else texts

    def _in_right_characters(self, name: str, text: str) -> str:
        """Return the text as it was meant, where its bytes were not in the character set that the source names."""
        if text.isascii():
            return text
        as_utf8 = text_of_utf8_read_as_latin1(text)
        if as_utf8 is not None:
            self._report(name, repr(text), as_utf8, "UTF-8, which the source does not say")
            return as_utf8
        if self._character_set_fault:
            self._report(name, repr(text), text, f"not ASCII, and {self._character_set_fault} (read as ISO 8859-1)")
        return text

    def _repaired(self, tag: int, vr: str, texts: list[str], name: str) -> Iterator[str]:
        for text in texts:
            if not text.strip():
                continue
            repaired = repaired_term(keyword_for_tag(tag), text) or repaired_value(vr, text)
            if repaired.reason:
                self._report(name, repr(text), repaired.value, repaired.reason)
            if repaired.value is not None:
                yield repaired.value

    def _valid_sequence(self, tag: int, value: object, name: str) -> DataElement | None:
        if value is None:
            return None
        if not isinstance(value, Sequence):
            self._report(name, repr(value), None, "not a sequence")
            return None
        items = []
        for source_item in value:
            item = self._valid_item(source_item)
            if _says_enough(keyword_for_tag(tag), item):
                items.append(item)
            elif len(source_item):
                self._report(name, "item", None, "without an attribute that it must have")
        return DataElement(tag, "SQ", Sequence(items)) if items else None

    def _valid_item(self, source_item: Dataset) -> Dataset:
        """Return the item with its standard attributes alone, valid."""
        item = Dataset()
        for tag in source_item.keys():
            if keyword_for_tag(tag):
                element = self._valid(source_item, tag)
                if element is not None:
                    item.add(element)
        return item

    def _report(self, name: str, was: str, becomes: str | None, reason: str) -> None:
        written = f"{_shortened(repr(becomes))} is written" if becomes else "it is left out"
        self.findings.append(
            Finding(
                "invalid-value",
                Severity.REPAIR,
                f"The source's value {_shortened(was)} is {reason}; {written}.",
                where=name,
            )
        )


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "..."


def _raw_value(dataset: Dataset, tag: int) -> str:
    return repr(getattr(dataset.get_item(tag, keep_deferred=True), "value", None) or b"")


def _says_enough(keyword: str, item: Dataset) -> bool:
    """Tell whether an item has what items of that sequence are for."""
    if not len(item):
        return False
    needed = next((groups for ending, groups in _NEEDED_IN_ITEMS.items() if keyword.endswith(ending)), ())
    return all(any(one in item for one in group) for group in needed)


def _character_set_fault(specific_character_set: str) -> str:
    """Return what is wrong with Specific Character Set (0008,0005), if anything is."""
    if not specific_character_set:
        return "the source names no character set"
    terms = re.findall(r"[\w. ]+", specific_character_set)
    unknown = [term for term in terms if term.strip() and term.strip() not in python_encoding]
    return f"the source names the unknown character set {unknown[0]}" if unknown else ""
