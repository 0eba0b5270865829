"""What a SEG takes over from its source: valid values, each repair told, nothing from elsewhere, sources untouched."""

from __future__ import annotations

import copy
from dataclasses import replace

import pydicom
import pytest
from builders import a_ct_header, a_segmentation, a_source, fixed_options
from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from SegRLEExportLib.dataset.source_attributes import copied_attributes
from SegRLEExportLib.errors import PreflightError
from SegRLEExportLib.export import export
from SegRLEExportLib.model.finding import Severity
from SegRLEExportLib.model.source_series import text_of


def stored(keyword: str, value: bytes, vr: str | None = None, character_set: str | None = "ISO_IR 100") -> Dataset:
    """A source header in which one element was read from a file as these bytes."""
    header = a_ct_header()
    if character_set is not None:
        header.SpecificCharacterSet = character_set
    tag = Tag(keyword)
    vr = vr or pydicom.datadict.dictionary_VR(tag)
    header[tag] = RawDataElement(tag, vr, len(value), value, 0, False, True)
    return header


REPAIRED = [
    pytest.param(
        stored("StudyDescription", b"x" * 70),
        "StudyDescription",
        "x" * 64,
        "is longer than 64 characters",
        id="over-long LO",
    ),
    pytest.param(
        stored("AccessionNumber", b"12345678901234567890"),
        "AccessionNumber",
        "1234567890123456",
        "is longer than 16 characters",
        id="over-long SH",
    ),
    pytest.param(
        stored("PatientWeight", b"70.1234567890123456789"),
        "PatientWeight",
        "70.1234567890124",
        "is not a decimal string of at most 16 characters",
        id="over-long DS",
    ),
    pytest.param(
        stored("PatientSize", b"1,75"),
        "PatientSize",
        "1.75",
        "is not a decimal string",
        id="decimal comma",
    ),
    pytest.param(
        stored("PatientBirthDate", b"1970.01.02"),
        "PatientBirthDate",
        "19700102",
        "is not a date (YYYYMMDD); '19700102' is written",
        id="date with dots",
    ),
    pytest.param(
        stored("PatientBirthDate", b"unknown"),
        "PatientBirthDate",
        None,
        "is not a date (YYYYMMDD); it is left out",
        id="date that is none",
    ),
    pytest.param(
        stored("StudyTime", b"10:11:12"), "StudyTime", "101112", "is not a time (HHMMSS.FFFFFF)", id="time with colons"
    ),
    pytest.param(stored("PatientSex", b"female"), "PatientSex", "F", "is none of M, F, O", id="a sex as a word"),
    pytest.param(stored("PatientSex", b"Male"), "PatientSex", "M", "is none of M, F, O", id="a sex with a capital"),
    pytest.param(stored("PatientSex", b"OTHER "), "PatientSex", "O", "is none of M, F, O", id="another sex"),
    pytest.param(stored("PatientSex", b"f"), "PatientSex", "F", "is none of M, F, O", id="a sex in lower case"),
    pytest.param(stored("PatientSex", b"UNKNOWN "), "PatientSex", None, "it is left out", id="no sex that can be"),
    pytest.param(
        stored("BodyPartExamined", b"chest "), "BodyPartExamined", "CHEST", "is not a code string", id="in lower case"
    ),
    pytest.param(stored("PatientAge", b"45"), "PatientAge", "045Y", "is not an age", id="age without unit"),
    pytest.param(
        stored("PatientName", b"A^B^C^D^E^F"),
        "PatientName",
        "A^B^C^D^E",
        "is not a person name of at most 5 components",
        id="name of six components",
    ),
    pytest.param(
        stored("PatientID", b"P\x00\x011"),
        "PatientID",
        "P1",
        "written with characters that DICOM does not allow there",
        id="control characters",
    ),
    pytest.param(
        stored("PatientName", b"M\xc3\xbcller^J\xc3\xb6rg"),
        "PatientName",
        "Müller^Jörg",
        "is UTF-8, which the source does not say",
        id="UTF-8 said to be Latin-1",
    ),
    pytest.param(
        stored("PatientName", b"M\xfcller", character_set=None),
        "PatientName",
        "Müller",
        "is not ASCII, and the source names no character set (read as ISO 8859-1)",
        id="Latin-1 without character set",
    ),
    pytest.param(
        stored("StudyDescription", b"M\xfcller", character_set="KLINGON"),
        "StudyDescription",
        "Müller",
        "the source names the unknown character set KLINGON",
        id="unknown character set",
    ),
    pytest.param(
        stored("StudyDescription", b"M\xfcller", character_set="ISO_IR 192"),
        "StudyDescription",
        "M?ller",
        "written with characters that DICOM does not allow there",
        id="Latin-1 said to be UTF-8",
    ),
    pytest.param(
        stored("StudyID", b"7\\8"),
        "StudyID",
        "7/8",
        "is more than one value; '7/8' is written",
        id="two values for one",
    ),
    pytest.param(
        stored("PatientName", b"Doe^Jane", "OB"),
        "PatientName",
        "Doe^Jane",
        "is stored as bytes and not as text",
        id="text as OB",
    ),
    pytest.param(
        stored("PregnancyStatus", b"abc", "LO"),
        "PregnancyStatus",
        None,
        "is not one number in its range",
        id="number as text",
    ),
    pytest.param(
        stored("PregnancyStatus", b"123"),
        "PregnancyStatus",
        None,
        "is not readable (BytesLengthException)",
        id="number cut off",
    ),
    pytest.param(
        stored("ProcedureCodeSequence", b"text", "LO"),
        "ProcedureCodeSequence",
        None,
        "is not a sequence",
        id="sequence as text",
    ),
    pytest.param(
        stored("FrameOfReferenceUID", b"frame"),
        "FrameOfReferenceUID",
        "2.25.",
        "is not a UID (64 of digits and dots); it is left out",
        id="frame of reference that is no UID",
    ),
]


@pytest.mark.parametrize(("header", "keyword", "written", "text"), REPAIRED)
def test_what_is_not_valid_is_repaired_and_told(header, keyword, written, text):
    copied, findings = copied_attributes(copy.deepcopy(header))

    told = [finding for finding in findings if text in finding.what]
    assert [finding.severity for finding in told] == [Severity.REPAIR]
    assert told[0].where == f"{Tag(keyword)} {keyword}"
    value = str(copied.get(keyword) or "")
    assert value.startswith(written) if written == "2.25." else value == (written or "")


def test_valid_attributes_are_taken_over_without_a_word():
    header = a_ct_header(SpecificCharacterSet="ISO_IR 100", PatientAge="045Y", PatientWeight="70.5", PregnancyStatus=1)

    copied, findings = copied_attributes(header)

    assert findings == []
    assert (copied.PatientAge, copied.PatientWeight, copied.PregnancyStatus) == ("045Y", 70.5, 1)
    assert copied.FrameOfReferenceUID == header.FrameOfReferenceUID


def test_a_uid_with_leading_zeros_is_repeated_as_it_is():
    copied, findings = copied_attributes(a_ct_header(FrameOfReferenceUID="1.02.3"))
    assert (copied.FrameOfReferenceUID, findings) == ("1.02.3", [])


def test_what_must_be_there_is_empty_where_the_source_has_none():
    header = Dataset()
    header.StudyInstanceUID, header.SeriesInstanceUID = "1.2.3", "1.2.4"

    copied, findings = copied_attributes(header)

    for keyword in ("PatientName", "PatientID", "PatientSex", "StudyDate", "ReferringPhysicianName", "AccessionNumber"):
        assert keyword in copied
        assert not copied[keyword].value
    assert [finding.id for finding in findings] == ["missing-frame-of-reference"]


def test_a_frame_of_reference_that_is_made_is_the_same_at_every_export():
    made = [copied_attributes(a_ct_header(FrameOfReferenceUID=""))[0].FrameOfReferenceUID for _ in range(2)]
    assert made[0] == made[1]
    assert made[0].startswith("2.25.")


def test_private_attributes_stay_behind_also_in_sequences():
    header = a_ct_header()
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "1", "99TEST", "procedure"
    code.private_block(0x0009, "TEST", create=True).add_new(1, "LO", "private")
    header.ProcedureCodeSequence = [code]
    header.private_block(0x0011, "TEST", create=True).add_new(1, "LO", "private")
    header.add_new((0x0013, 0x1001), "LO", "without creator")

    copied, _ = copied_attributes(header)

    assert copied.ProcedureCodeSequence[0].CodeMeaning == "procedure"
    assert not [element.tag for element in copied.iterall() if element.tag.is_private]


def test_a_code_without_meaning_is_left_out_and_told():
    header = a_ct_header()
    header.ProcedureCodeSequence = [Dataset()]
    header.ProcedureCodeSequence[0].CodeValue = "1"

    copied, (finding,) = copied_attributes(header)

    assert "ProcedureCodeSequence" not in copied
    assert "without an attribute that it must have; it is left out" in finding.what


def test_an_anonymised_source_stays_so():
    header = a_ct_header(
        PatientName="",
        PatientID="ANON-7",
        PatientBirthDate="",
        PatientIdentityRemoved="YES",
        DeidentificationMethod=["by hand", "by machine"],
        LongitudinalTemporalInformationModified="REMOVED",
    )
    for keyword in ("ReferringPhysicianName", "AccessionNumber"):
        delattr(header, keyword)

    copied, findings = copied_attributes(header)

    assert findings == []
    assert (copied.PatientID, copied.PatientIdentityRemoved) == ("ANON-7", "YES")
    assert list(copied.DeidentificationMethod) == ["by hand", "by machine"]
    assert copied.LongitudinalTemporalInformationModified == "REMOVED"
    for keyword in ("PatientName", "PatientBirthDate", "ReferringPhysicianName", "AccessionNumber"):
        assert not copied[keyword].value


def values_of(header: Dataset) -> dict[int, str]:
    return {tag: text_of(header, tag) for tag in header.keys()}


@pytest.mark.parametrize(("header", "keyword", "written", "text"), REPAIRED)
def test_a_repaired_source_is_exported_or_strictly_refused_and_left_as_it_is(header, keyword, written, text, tmp_path):
    source = replace(a_source(), header=copy.deepcopy(header))
    source.header.SOPInstanceUID = "1.2.3"
    before = values_of(copy.deepcopy(source.header))

    report = export(a_segmentation(), source, tmp_path / "out.dcm", options=fixed_options())

    repairs = {finding.what for finding in report.findings if finding.severity is Severity.REPAIR}
    assert any(text in what for what in repairs)
    assert values_of(source.header) == before
    with pytest.raises(PreflightError) as refused:
        export(a_segmentation(), source, tmp_path / "strict.dcm", options=fixed_options(strict=True))
    assert {finding.what for finding in refused.value.findings} == repairs
    assert [path.name for path in tmp_path.iterdir()] == ["out.dcm"]
    value = text_of(pydicom.dcmread(tmp_path / "out.dcm"), keyword)
    assert value.startswith(written) if written == "2.25." else value == (written or "")


def a_code(**parts: str) -> Dataset:
    code = Dataset()
    for keyword, value in ({"CodeValue": "1", "CodingSchemeDesignator": "99X", "CodeMeaning": "Scan"} | parts).items():
        if value:
            setattr(code, keyword, value)
    return code


@pytest.mark.parametrize("lacking", ["CodeValue", "CodingSchemeDesignator", "CodeMeaning"])
def test_a_code_that_lacks_a_part_is_left_out_and_told_and_strict_refuses(lacking, tmp_path):
    whole, cut = a_code(), a_code(**{lacking: ""})
    copied, (finding,) = copied_attributes(a_ct_header(ProcedureCodeSequence=[cut, whole]))

    assert [item.CodeValue for item in copied.ProcedureCodeSequence] == ["1"]
    assert (finding.id, finding.severity) == ("invalid-value", Severity.REPAIR)
    assert "without an attribute that it must have; it is left out" in finding.what
    source = a_source(ProcedureCodeSequence=[cut])
    with pytest.raises(PreflightError, match="without an attribute that it must have"):
        export(a_segmentation(), source, tmp_path / "out", options=fixed_options(strict=True))


TRIAL = {"ClinicalTrialSponsorName": "S", "ClinicalTrialProtocolID": "P", "ClinicalTrialSubjectReadingID": "R"}


def test_a_trial_is_taken_over_whole():
    copied, findings = copied_attributes(a_ct_header(**TRIAL))

    assert not findings
    assert {keyword: copied[keyword].value for keyword in TRIAL} == TRIAL
    assert "ClinicalTrialSiteID" in copied
    assert not copied.ClinicalTrialSiteID


@pytest.mark.parametrize("lacking", TRIAL)
def test_a_trial_that_lacks_a_part_is_left_out_and_told(lacking):
    copied, findings = copied_attributes(a_ct_header(**(TRIAL | {lacking: ""})))

    assert not any(keyword.startswith("ClinicalTrial") for keyword in copied.dir())
    assert len(findings) == 2
    assert all("of a trial without ClinicalTrial" in finding.what for finding in findings)


def test_an_empty_element_of_a_representation_that_nobody_knows_is_told():
    """Found among damaged headers: what it was must not be converted again to be told."""
    header = a_ct_header()
    tag = Tag("PatientBirthDate")
    header[tag] = RawDataElement(tag, "ZZ", 0, None, 0, False, True)

    copied, findings = copied_attributes(header)

    assert not copied.get("PatientBirthDate")
    assert any("PatientBirthDate" in finding.where and "not readable" in finding.what for finding in findings)
