"""Images of one series are of one patient: that is told by IDs, and by names and birth dates where these disagree."""

from __future__ import annotations

import pytest
from builders import a_segmentation
from image_builders import Images, images, write
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from SegRLEExportLib.errors import PreflightError
from SegRLEExportLib.export import export
from SegRLEExportLib.source.series import read_series
from test_character_sets import CASES

PATIENT_NAME = Tag("PatientName")


def findings(datasets: Images, folder) -> list[tuple[str, str, str]]:
    write(datasets, folder)
    (series,) = read_series(folder)
    return [(finding.id, finding.where, finding.what) for finding in series.findings]


def with_last(last: dict[str, str], **of_all: str) -> Images:
    whole = images(**of_all)
    for keyword, value in last.items():
        setattr(whole[-1], keyword, value)
    return whole


@pytest.mark.parametrize(
    ("last", "of_all", "told"),
    [
        ({"PatientName": "C^D"}, {"PatientName": "A^B"}, "name: 'A^B', 'C^D'"),
        (
            {"PatientBirthDate": "19800101"},
            {"PatientName": "A^B", "PatientBirthDate": "19700101"},
            "birth date: '19700101', '19800101'",
        ),
        ({"PatientName": "A^B=王"}, {"PatientName": "A^B=張"}, "name: 'A^B=張', 'A^B=王'"),
    ],
    ids=["names", "birth dates", "ideograms"],
)
class TestDisagreement:
    def test_without_an_id_is_of_several_patients(self, last, of_all, told, tmp_path):
        datasets = with_last(last, PatientID="", SpecificCharacterSet="ISO_IR 192", **of_all)
        what = f"The images of the series have no Patient ID and disagree about their patient's {told}."
        (keyword,) = last
        assert findings(datasets, tmp_path) == [("several-patients", f"{Tag(keyword)} {keyword}", what)]
        with pytest.raises(PreflightError, match="have no Patient ID and disagree"):
            export(a_segmentation(), tmp_path, tmp_path / "seg.dcm")

    def test_with_one_id_is_told(self, last, of_all, told, tmp_path):
        what = (
            f"The images of the series agree about Patient ID 'P-1' and disagree about the patient's {told}. "
            "What one of them says is written."
        )
        datasets = with_last(last, PatientID="P-1", SpecificCharacterSet="ISO_IR 192", **of_all)
        assert findings(datasets, tmp_path) == [("patient-described-otherwise", "", what)]


@pytest.mark.parametrize("patient_id", ["P-1", ""])
@pytest.mark.parametrize(
    ("one", "other"),
    [("A^B", "A^B^^"), ("A^B", "a^b "), ("A^B", "A ^B"), ("A^B", ""), ("A^B=王", "A^B"), ("A^B", "\uff21^\uff22")],
    ids=["separators", "case", "blanks", "no name", "no ideograms", "full width"],
)
def test_one_person_may_be_written_in_several_ways(one, other, patient_id, tmp_path):
    of_all = {"PatientName": one, "PatientBirthDate": "19700101", "SpecificCharacterSet": "ISO_IR 192"}
    last = {"PatientName": other, "PatientBirthDate": ""}
    assert findings(with_last(last, PatientID=patient_id, **of_all), tmp_path) == []


def test_different_ids_are_told_once(tmp_path):
    datasets = with_last({"PatientID": "P-2", "PatientName": "C^D"}, PatientName="A^B")
    assert [finding[:2] for finding in findings(datasets, tmp_path)] == [("several-patients", "(0010,0020) PatientID")]


@pytest.mark.parametrize(("character_set", "stored"), [case[:2] for case in CASES], ids=[case[0] for case in CASES])
def test_a_name_is_the_same_however_long_the_headers(character_set, stored, tmp_path):
    datasets = images(PatientID="", SpecificCharacterSet=character_set.split("\\"))
    value = stored + b" " * (len(stored) % 2)
    for dataset in datasets:
        dataset[PATIENT_NAME] = RawDataElement(PATIENT_NAME, "PN", len(value), value, 0, False, True)
    datasets[0].private_block(0x0019, "LONG", create=True).add_new(1, "OB", bytes(1 << 16))
    assert findings(datasets, tmp_path) == []


def test_a_name_that_is_damaged_is_the_same_as_itself(tmp_path):
    datasets = images(PatientID="", SpecificCharacterSet="ISO_IR 192")
    for dataset in datasets:
        dataset[PATIENT_NAME] = RawDataElement(PATIENT_NAME, "PN", 2, b"\xff\xc0", 0, False, True)
    datasets[0].private_block(0x0019, "LONG", create=True).add_new(1, "OB", bytes(1 << 16))
    assert findings(datasets, tmp_path) == []
