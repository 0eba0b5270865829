"""What Slicer's DICOM export dialog hands over is understood, or refused with a sentence."""

from __future__ import annotations

import sys
import textwrap
from dataclasses import replace
from types import ModuleType

import pytest
from builders import a_segmentation, a_source, fixed_options
from pydicom import dcmread
from SegRLEExportLib.encoding.plan import PLANS
from SegRLEExportLib.errors import (
    MissingLibraryError,
    NoDatabaseError,
    NoReferenceError,
    NothingSegmentedError,
    NotImportedError,
    PreflightError,
)
from SegRLEExportLib.export import export
from SegRLEExportLib.model.finding import Finding, Severity
from SegRLEExportLib.options import ExportOptions
from SegRLEExportLib.slicer_side import requirements
from SegRLEExportLib.slicer_side.dialog import rows
from SegRLEExportLib.slicer_side.dialog.fields import (
    IDENTITY_TAGS,
    LINE_LENGTH,
    LINES_SHOWN,
    SENTENCES_SHOWN,
    box_text,
    details_text,
    dialog_message,
    free_series_number,
    options_of_fields,
    prefilled_creator,
    prefilled_description,
    refuse_wrong_edits,
    series_number_of,
    tool_tip,
)

FIELDS = {
    "SeriesDescription": " Liver ",
    "SeriesNumber": "107",
    "ContentCreatorName": "Doe^Jane",
    "ContentLabel": "LIVER",
    "ContentDescription": "",
}
LABELS = {"rle": "RLE", "none": "Uncompressed", "deflate": "Deflated"}
IMAGES = {"PatientID": "4711", "PatientName": "Doe^John ", "StudyInstanceUID": "1.2.3", "StudyDescription": ""}


class TestSeriesNumber:
    @pytest.mark.parametrize(
        ("source", "taken", "rank", "expected"),
        [
            pytest.param(2, [1, 2], 0, 102, id="the source's plus 100"),
            pytest.param(2, [2, 102, 103], 0, 104, id="taken numbers are left out"),
            pytest.param(2, [2, 103], 1, 104, id="the second segmentation gets the second free one"),
            pytest.param(0, [], 2, 102, id="an unknown source counts as 0"),
        ],
    )
    def test_is_free_in_the_study(self, source, taken, rank, expected):
        assert free_series_number(source, taken, rank) == expected

    @pytest.mark.parametrize("text", ["1.5", "abc", "1e3", "--1", "+"])
    def test_that_is_no_number_is_refused(self, text):
        with pytest.raises(PreflightError, match="is not a whole number. Write for example 101, or leave the field"):
            options_of_fields({**FIELDS, "SeriesNumber": text}, ExportOptions())

    def test_may_be_left_to_the_program(self):
        assert options_of_fields({**FIELDS, "SeriesNumber": " "}, ExportOptions()).series_number is None


def test_fields_become_options_and_leave_the_others():
    options = options_of_fields(FIELDS, ExportOptions(keep_empty_frames=True))
    assert options.series_description == "Liver"
    assert options.series_number == 107
    assert options.content_creator_name == "Doe^Jane"
    assert options.content_label == "LIVER"
    assert options.keep_empty_frames


class TestPrefilled:
    """What stands in the dialog is what is written if nobody touches it, and none of it is refused."""

    @pytest.mark.parametrize(
        ("name", "prefilled"),
        [
            pytest.param("Liver", "Liver", id="as it is"),
            pytest.param("x" * 70, "x" * 64, id="cut"),
            pytest.param("left\\right", "left/right", id="a backslash separates values"),
            pytest.param("two\nlines", "two lines", id="one line"),
        ],
    )
    def test_description_is_what_the_file_says(self, name, prefilled, tmp_path):
        assert prefilled_description(name) == prefilled
        given = options_of_fields({**FIELDS, "SeriesDescription": prefilled}, fixed_options())
        report = export(a_segmentation(name=name), a_source(), tmp_path / "prefilled.dcm", options=given)
        by_console = export(a_segmentation(name=name), a_source(), tmp_path / "console.dcm", options=fixed_options())
        for written in (*report.paths, *by_console.paths):
            assert dcmread(written).SeriesDescription == prefilled
        assert [f.id for f in report.findings] == []
        assert [f.id for f in by_console.findings] == ([] if name == prefilled else ["cut-description"])

    def test_creator_is_a_person_name(self):
        assert prefilled_creator(" Doe\\Smith^Jane ") == "Doe/Smith^Jane"
        assert prefilled_creator("") == ""


class TestRows:
    @pytest.mark.parametrize(
        ("preferred", "layers", "first"),
        [
            pytest.param("rle", 1, "rle", id="the setting"),
            pytest.param("none", 1, "none", id="another setting"),
            pytest.param("rle", 2, "deflate", id="what keeps overlapping segments together"),
            pytest.param("none", 2, "none", id="a setting that keeps them together"),
            pytest.param("labelmap", 1, "rle", id="a setting without a row"),
        ],
    )
    def test_the_one_that_suits_is_preferred_below_slicers_own(self, preferred, layers, first):
        found = rows.confidences(preferred, layers)
        assert max(found, key=found.get) == first
        assert found.keys() == {"rle", "none", "deflate"}
        assert max(found.values()) < 1

    def test_that_may_make_several_files_say_so_with_the_nodes_numbers(self):
        facts = rows.NodeFacts(40, 3)
        assert rows.row_name("RLE", PLANS["rle"], facts) == "RLE (up to 3 files)"
        assert rows.row_name("RLE", PLANS["rle"], rows.NodeFacts(40, 1)) == "RLE"
        assert rows.row_name("Deflated", PLANS["deflate"], facts) == "Deflated"
        text = rows.tool_tip(PLANS["rle"], facts, LABELS)
        assert "its 40 segments in 3 layers" in text
        assert "up to 3 files, each of which 3D Slicer's own loader opens as a segmentation of its own" in text
        assert "All 40 segments in one file" in rows.tool_tip(PLANS["deflate"], facts, LABELS)
        assert "This segmentation" not in rows.tool_tip(PLANS["rle"], rows.NodeFacts(40, 1), LABELS)

    def test_that_were_measured_tell_sizes_and_files_of_this_segmentation(self):
        sizes = {
            "rle": rows.RowSize(2_000_000, 2),
            "none": rows.RowSize(80_000_000, 1),
            "deflate": rows.RowSize(10**6, 1),
        }
        facts = rows.NodeFacts(40, 3, sizes)
        assert rows.row_name("RLE", PLANS["rle"], facts) == "RLE (2 files)"
        assert rows.row_name("Deflated", PLANS["deflate"], facts) == "Deflated"
        assert "about 2 MB, 2 times as large as 'Deflated'. Its segments overlap, so they go into 2 files, each" in (
            rows.tool_tip(PLANS["rle"], facts, LABELS)
        )
        assert "about 80 MB, 80 times as large as 'Deflated'. All 40 segments" in rows.tool_tip(
            PLANS["none"], facts, LABELS
        )
        assert "about 1 MB. All 40 segments" in rows.tool_tip(PLANS["deflate"], facts, LABELS)

    def test_layers_that_never_overlap_make_one_file_and_the_setting_counts(self):
        facts = rows.NodeFacts(40, 3, {"rle": rows.RowSize(10, 1)})
        assert facts.most_files(PLANS["rle"]) == 1
        assert rows.row_name("RLE", PLANS["rle"], facts) == "RLE"

    @pytest.mark.parametrize("plan", PLANS.values(), ids=lambda plan: plan.id)
    def test_tell_what_was_measured_in_words_of_the_dialog(self, plan):
        text = rows.tool_tip(plan, rows.NodeFacts(1, 1, {"rle": rows.RowSize(10, 1)}), LABELS)
        assert plan.reads_in in text
        assert "Opens in" in text
        assert not [word for word in ("'rle'", "'none'", "'deflate'", "--", "clip") if word in text.replace("<", "")]


class TestPatientAndStudy:
    @pytest.mark.parametrize(
        "shown",
        [
            pytest.param({}, id="nothing filled in"),
            pytest.param({"PatientID": "4711", "PatientName": "Doe^John"}, id="as in the images, but for spaces"),
            pytest.param({"StudyDescription": "No study description"}, id="what Slicer shows for an empty description"),
            pytest.param({"PatientComments": "anything"}, id="what a SEG does not share with its images"),
        ],
    )
    def test_as_they_are_pass(self, shown):
        refuse_wrong_edits(shown, IMAGES)

    def test_an_invented_patient_id_is_slicers_own(self):
        refuse_wrong_edits({"PatientID": "Patient-1.2.3"}, {"PatientID": ""})

    @pytest.mark.parametrize(
        ("keyword", "shown"),
        [("PatientID", "4712"), ("StudyInstanceUID", "1.2.4"), ("PatientName", "No name"), ("StudyDescription", "x")],
    )
    def test_changed_are_refused_with_both_values(self, keyword, shown):
        with pytest.raises(PreflightError) as caught:
            refuse_wrong_edits({keyword: shown}, IMAGES)
        (finding,) = caught.value.findings
        assert finding.where == keyword
        stored = IMAGES.get(keyword, "").strip()
        assert (
            f"'{shown}' is not what the images have, which is {repr(stored) if stored else 'nothing'}." in finding.what
        )
        assert "would no longer belong to their study" in finding.what
        mend = "Write that value again" if stored else "Empty the field"
        assert finding.help == f"{mend}, or change it in the images first."

    @pytest.mark.parametrize("keyword", IDENTITY_TAGS)
    def test_of_images_that_are_not_known_pass(self, keyword):
        refuse_wrong_edits({keyword: "1.2.4"}, {})


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("9" * 5000, "A number of 5000 digits is not from 0 to 2147483647."),
        ("x" * 5000, f"'{'x' * 100} ...' is not a whole number."),
    ],
    ids=["a number", "no number"],
)
def test_a_series_number_of_any_length_is_told_in_a_sentence(text, what):
    for refuse in (series_number_of, lambda text: refuse_wrong_edits({"SeriesNumber": text}, IMAGES)):
        with pytest.raises(PreflightError) as caught:
            refuse(text)
        (finding,) = caught.value.findings
        assert (finding.what, finding.help) == (what, "Write for example 101, or leave the field empty.")


def test_everything_that_is_wrong_is_said_at_once():
    with pytest.raises(PreflightError) as caught:
        refuse_wrong_edits({"SeriesNumber": "x", "PatientID": "1", "StudyInstanceUID": "1.2.4"}, IMAGES)
    assert [finding.where for finding in caught.value.findings] == ["SeriesNumber", "PatientID", "StudyInstanceUID"]


class TestMessageLine:
    """Slicer's label does not wrap: a long line would make the dialog as wide as itself."""

    def test_has_short_lines(self):
        lines = dialog_message(NoReferenceError("Segmentation")).splitlines()
        assert 1 < len(lines) <= LINES_SHOWN
        assert max(map(len, lines)) <= LINE_LENGTH

    def test_names_the_segmentation_among_several(self):
        assert dialog_message(NoDatabaseError(), "Liver").startswith("Liver:\n")

    def test_leaves_the_rest_to_the_log(self):
        with pytest.raises(PreflightError) as caught:
            refuse_wrong_edits(dict.fromkeys(IMAGES, "changed"), IMAGES)
        findings = [replace(finding, id=f"cause-{n}") for n in range(4) for finding in caught.value.findings]
        lines = dialog_message(PreflightError(findings)).splitlines()
        assert len(lines) == LINES_SHOWN
        assert lines[-1].endswith("more lines in the application log.")

    def test_says_no_severity(self):
        with pytest.raises(PreflightError) as caught:
            options_of_fields({**FIELDS, "SeriesNumber": "x"}, ExportOptions())
        assert dialog_message(caught.value).startswith("SeriesNumber: 'x' is not a whole number.")


def empty_segments(count: int) -> list[Finding]:
    return [Finding("empty-segment", Severity.WARNING, "The segment has no voxels.", f"s{n}") for n in range(count)]


class TestMessageBox:
    """Slicer's box grows with its text, and a screen of 700 pixels has room for some 40 lines."""

    def test_has_one_sentence_for_a_cause_however_many_segments(self):
        text = box_text(empty_segments(100))
        assert text == "s0: The segment has no voxels. The same applies to 99 more (s1, s2, s3, ...)."

    def test_tells_two_causes_of_one_id_apart(self):
        text = box_text([Finding("invalid-option", Severity.ERROR, what, "x") for what in ("It is a.", "It is b.")])
        assert text == "x: It is a.\n\nx: It is b."

    def test_counts_what_it_has_no_room_for(self):
        findings = [Finding(f"id-{n}", Severity.WARNING, "Something.") for n in range(SENTENCES_SHOWN + 3)]
        assert box_text(findings).endswith("... and 3 more, in the details.")
        assert details_text(findings).count("Something.") == len(findings)

    def test_is_no_higher_than_a_screen_whatever_the_names(self):
        findings = [Finding(f"id-{n}", Severity.WARNING, "x " * 500, "n " * 500, "Do it.") for n in range(50)]
        text = box_text(findings)
        assert sum(len(textwrap.wrap(line, 60)) or 1 for line in text.splitlines()) < 60
        assert text.count("Do it.") == SENTENCES_SHOWN

    def test_leaves_the_rest_to_details_and_tool_tips(self):
        finding = Finding("overlap", Severity.WARNING, "Many.", details=tuple(f"pair {n}" for n in range(30)))
        assert "pair 29" in details_text([finding])
        assert tool_tip(finding).splitlines()[-1] == "... and 10 more"
        assert tool_tip(empty_segments(1)[0]) == ""


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (NoDatabaseError(), "Slicer's DICOM database is not open"),
        (NothingSegmentedError("Liver"), "'Liver' has no segment. Add one in the Segment Editor"),
        (NotImportedError("SEG_1.dcm"), "Slicer's DICOM database did not take SEG_1.dcm"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_errors_say_what_helps(error, sentence):
    assert sentence in str(error)
    assert str(error).endswith(".")


class TestRequirements:
    @pytest.mark.parametrize(
        ("version", "suffices"), [("2.4.4", False), ("3.0.1", True), ("3.1.0.dev0", True), ("10.0", True)]
    )
    def test_pydicom_must_be_3(self, monkeypatch, version, suffices):
        monkeypatch.setattr(requirements, "version", lambda _name: version)
        assert requirements.is_satisfied() is suffices

    def test_refusal_names_the_slicer_that_has_it(self, monkeypatch):
        monkeypatch.setattr(requirements, "is_satisfied", lambda: False)
        with pytest.raises(MissingLibraryError, match=r"pydicom 3 is needed .* Use 3D Slicer 5\.12 or newer"):
            requirements.refuse_unsatisfied()

    def test_slicer_offers_to_install_what_is_missing(self, monkeypatch):
        asked = []
        packaging = ModuleType("slicer.packaging")
        packaging.load_requirements = lambda path: path.read_text(encoding="utf-8").split()
        packaging.pip_ensure = lambda wanted, requester: asked.append((wanted, requester))
        slicer = ModuleType("slicer")
        slicer.packaging = packaging
        monkeypatch.setitem(sys.modules, "slicer", slicer)
        monkeypatch.setattr(requirements, "is_satisfied", lambda: bool(asked))
        requirements.ensure()
        assert asked == [(["pydicom>=3.0.1", "highdicom>=0.27"], "SegRLEExport")]

    def test_where_slicer_cannot_install_it_is_refused(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "slicer", ModuleType("slicer"))
        monkeypatch.setattr(requirements, "is_satisfied", lambda: False)
        with pytest.raises(MissingLibraryError):
            requirements.ensure()

    def test_what_is_there_is_not_asked_for(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "slicer", None)
        requirements.ensure()
