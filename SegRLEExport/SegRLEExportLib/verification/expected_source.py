"""What a SEG says of patient, study, trial and frame of reference: what its source says (PS3.3, C.7.1 to C.7.4).

Nothing comes from anywhere else. A value may differ from the source's, or be left out, only where that was told.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from pydicom import Dataset
from pydicom.charset import python_encoding
from pydicom.config import RAISE
from pydicom.datadict import dictionary_VM, dictionary_VR, keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.multival import MultiValue
from pydicom.tag import Tag
from pydicom.valuerep import validate_value

from SegRLEExportLib.model.source_series import SourceSeries, text_of
from SegRLEExportLib.uids import derived_uid, is_usable_uid
from SegRLEExportLib.verification.expectation import EMPTY, Anything, Expectation, differences, shown
from SegRLEExportLib.verification.stated import Items, Stated, Value

_ESCAPE_SEQUENCES = re.compile("\x1b[\x20-\x2f]+[\x30-\x7e]")
"""What changes character sets within a text is no part of it (PS3.5, 6.1.2.5), though pydicom leaves that of IR 58."""

_ALWAYS = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
    *("StudyDate", "StudyTime", "ReferringPhysicianName", "StudyID", "AccessionNumber"),
)
"""There with an empty value where the source has none (type 2)."""

_PATIENT = (
    *("IssuerOfPatientID", "IssuerOfPatientIDQualifiersSequence", "OtherPatientIDsSequence", "PatientBirthTime"),
    *("EthnicGroup", "QualityControlSubject", "PatientSpeciesDescription", "PatientSpeciesCodeSequence"),
    *("PatientBreedDescription", "PatientBreedCodeSequence", "BreedRegistrationSequence", "StrainDescription"),
    *("ResponsiblePerson", "ResponsiblePersonRole", "ResponsibleOrganization"),
    *("PatientIdentityRemoved", "DeidentificationMethod", "DeidentificationMethodCodeSequence"),
    *("PatientAge", "PatientSize", "PatientWeight", "PregnancyStatus"),
)
_STUDY = (
    *("StudyInstanceUID", "StudyDescription", "IssuerOfAccessionNumberSequence", "PhysiciansOfRecord"),
    *("NameOfPhysiciansReadingStudy", "ProcedureCodeSequence", "ConsultingPhysicianName", "ReferencedStudySequence"),
    *("AdmissionID", "IssuerOfAdmissionIDSequence", "LongitudinalTemporalInformationModified", "BodyPartExamined"),
)
_TRIAL = (
    *("ClinicalTrialSponsorName", "ClinicalTrialProtocolID", "ClinicalTrialProtocolName", "ClinicalTrialSiteID"),
    *("ClinicalTrialSiteName", "ClinicalTrialSubjectID", "ClinicalTrialSubjectReadingID"),
    "ClinicalTrialProtocolEthicsCommitteeName",
    "ClinicalTrialProtocolEthicsCommitteeApprovalNumber",
)
_TRIAL_IF_ANY = ("ClinicalTrialProtocolName", "ClinicalTrialSiteID", "ClinicalTrialSiteName")
"""There with an empty value where the patient takes part in a trial and the source has none (type 2)."""

_VISIT = (
    *("ClinicalTrialTimePointID", "ClinicalTrialTimePointDescription", "LongitudinalTemporalOffsetFromEvent"),
    *("LongitudinalTemporalEventType", "ConsentForClinicalTrialUseSequence", "ClinicalTrialCoordinatingCenterName"),
    *("ClinicalTrialSeriesID", "ClinicalTrialSeriesDescription"),
)
_ENUMERATED = {"PatientSex": frozenset(("M", "F", "O"))}
"""Attributes of which PS3.3 lists all the values that may be."""

_NUMBER_VRS = frozenset(("US", "SS", "UL", "SL", "FL", "FD"))
_TOLD = Anything(may_be_absent=True)
"""Wanted where it was told that the source's value cannot be written: what is written instead was told, too."""


def expected_source(source: SourceSeries, told: Collection[str]) -> Expectation:
    """Return what the file is to say of patient, study, trial and frame of reference.

    `told` are the keywords of attributes, at any depth, of which it was told that they are repaired or left out.
    """
    wanted = _copies(source.header, (*_ALWAYS, *_PATIENT, *_STUDY, *_TRIAL, *_VISIT), told)
    for keyword in _ALWAYS:
        wanted.setdefault(keyword, EMPTY)
    if any(keyword in wanted and keyword not in told for keyword in _TRIAL):
        for keyword in _TRIAL_IF_ANY:
            wanted.setdefault(keyword, EMPTY)
    if source.stack.has_place:
        indicator = _copies(source.header, ("PositionReferenceIndicator",), told)
        wanted |= {"PositionReferenceIndicator": EMPTY, **indicator, "FrameOfReferenceUID": frame_of_reference(source)}
    return wanted


def lossy_compression(source: SourceSeries) -> Expectation:
    """Return what is to be said of lossy compression: what images have lost stays lost for what is drawn on them."""
    header = source.header
    if text_of(header, "LossyImageCompression").strip() != "01":
        return {"LossyImageCompression": "00"}
    keywords = ("LossyImageCompressionRatio", "LossyImageCompressionMethod")
    told = [keyword for keyword in keywords if keyword in header and _is_doubtful(header, keyword, is_told=False)]
    return {"LossyImageCompression": "01", **_copies(header, keywords, told)}


def doubtful(header: Dataset) -> set[str]:
    """Return the keywords, at any depth, of values that may have had to be repaired, as far as pydicom can tell."""
    found: set[str] = set()
    is_told = _tells_its_characters(header)
    for keyword in (*_ALWAYS, "PositionReferenceIndicator", *_PATIENT, *_STUDY, *_TRIAL, *_VISIT):
        if keyword in header and _is_doubtful(header, keyword, is_told=is_told):
            found.add(keyword)
    has_trial = [keyword for keyword in _TRIAL if keyword in header]
    needed = ("ClinicalTrialSponsorName", "ClinicalTrialProtocolID")
    has_subject = "ClinicalTrialSubjectID" in header or "ClinicalTrialSubjectReadingID" in header
    if has_trial and not (has_subject and all(text_of(header, keyword).strip() for keyword in needed)):
        found.update(has_trial)
    return found


def _tells_its_characters(header: Dataset) -> bool:
    """Tell whether Specific Character Set (0008,0005) names sets that pydicom knows."""
    terms = [term for part in _parts(header.get("SpecificCharacterSet")) for term in part.split("\\")]
    return any(terms) and all(term in python_encoding for term in terms)


def _is_doubtful(dataset: Dataset, keyword: str, *, is_told: bool) -> bool:
    """Tell whether a value is not what its VR allows, or in characters of which the header does not tell."""
    vr = dictionary_VR(keyword)
    try:
        value = dataset[keyword].value
        if vr == "SQ":
            return any(_is_doubtful_item(item, is_told=is_told) for item in value or [])
        texts = _parts(value)
        if not _may_be(keyword, texts):
            return True
        for text in texts if vr not in _NUMBER_VRS else ():
            validate_value(vr, text.strip(" \0"), RAISE)
    except Exception:  # pydicom raises whatever the conversion of a damaged value raises
        return True
    is_plain = all(text.isprintable() and (text.isascii() or (is_told and _is_as_meant(text))) for text in texts)
    return not is_plain or (len(texts) > 1 and dictionary_VM(keyword) == "1") or isinstance(value, bytes)


def _may_be(keyword: str, texts: Iterable[str]) -> bool:
    """Tell whether the values are of those that the attribute may have; most may have any."""
    return keyword not in _ENUMERATED or set(_plain(texts, "CS")) <= _ENUMERATED[keyword]


def _is_doubtful_item(item: Dataset, *, is_told: bool) -> bool:
    return not len(item) or any(_is_doubtful(item, keyword, is_told=is_told) for keyword in _standard(item))


def _is_as_meant(text: str) -> bool:
    """Tell whether no character stands for bytes that were none, and the text is not UTF-8 taken for Latin letters."""
    if "\ufffd" in text:
        return False
    try:
        text.encode("iso8859_1").decode("utf-8")
    except UnicodeError:
        return True
    return False


def frame_of_reference(source: SourceSeries) -> str:
    """Return the source's Frame of Reference UID; where it has none, one that is made of its Series Instance UID."""
    uid = text_of(source.header, "FrameOfReferenceUID").strip(" \0")
    return uid if uid and is_usable_uid(uid) else derived_uid("frame of reference", source.series_instance_uid)


def _copies(dataset: Dataset, keywords: Iterable[str], told: Collection[str]) -> dict[str, Any]:
    wanted: dict[str, Any] = {}
    for keyword in keywords:
        if keyword in dataset:
            expected = _TOLD if keyword in told else _copy(dataset[keyword], told)
            if expected is not None:
                wanted[keyword] = expected
    return wanted


def _copy(element: DataElement, told: Collection[str]) -> Any:
    """Return what is wanted of one attribute; None if it has no value, so that it is not to be there."""
    vr = dictionary_VR(element.tag)
    if vr == "SQ":
        items = [_copies(item, _standard(item), told) for item in element.value or []]
        return CopiedItems(tuple(item for item in items if item)) if any(items) else None
    if vr in _NUMBER_VRS:
        return None if element.value is None or element.value == b"" else (element.value,)
    texts = _plain(_parts(element.value), vr)
    return CopiedText(texts, vr) if texts else None


def _standard(item: Dataset) -> list[str]:
    """Return the keywords of an item's attributes, those without one left out."""
    return [keyword for tag in item.keys() if (keyword := keyword_for_tag(Tag(tag)))]


def _parts(value: object) -> list[str]:
    parts = value if isinstance(value, MultiValue) else [value]
    return [_ESCAPE_SEQUENCES.sub("", str(part)) for part in parts if part is not None]


def _plain(texts: Iterable[str], vr: str) -> tuple[str, ...]:
    """Return the texts without what says nothing: blanks around them, separators behind names, empty ones."""
    stripped = (text.strip(" \0\t\n\r\f") for text in texts)
    ends = (text.rstrip("^= ") if vr == "PN" else text for text in stripped)
    return tuple(text for text in ends if text)


@dataclass(frozen=True)
class CopiedText:
    """Texts of the source."""

    texts: tuple[str, ...]
    vr: str

    def accepts(self, found: Value | None) -> bool:
        return isinstance(found, tuple) and _plain(map(str, found), self.vr) == self.texts

    def __str__(self) -> str:
        return shown(self.texts)


@dataclass(frozen=True)
class CopiedItems:
    """The items of a sequence of the source."""

    items: tuple[Expectation, ...]

    def accepts(self, found: Value | None) -> bool:
        return (
            isinstance(found, Items)
            and len(found) == len(self.items)
            and all(_agrees(item, wanted) for item, wanted in zip(found, self.items))
        )

    def __str__(self) -> str:
        return f"the source's {len(self.items)} item{'' if len(self.items) == 1 else 's'}"


def _agrees(item: Stated, wanted: Expectation) -> bool:
    return next(differences(item, wanted), None) is None
