"""Each window names only what it has: no option of a shell, no id of an encoding, buttons by what stands on them."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from builders import a_segmentation, a_source, fixed_options, two_overlapping_boxes
from SegRLEExportLib.errors import (
    FilesLeftError,
    NoReferenceError,
    PreflightError,
    SeriesChoiceError,
    TargetExistsError,
)
from SegRLEExportLib.export import export
from SegRLEExportLib.model.finding import Finding, Severity
from SegRLEExportLib.model.remedy import Remedy
from SegRLEExportLib.options import ExportOptions
from SegRLEExportLib.report import Sight, SightOutcome
from SegRLEExportLib.slicer_side.console import words as console
from SegRLEExportLib.slicer_side.dialog.fields import dialog_message, seen_by_others
from SegRLEExportLib.slicer_side.dialog.words import WORDS, Door, error_text, findings_of, in_words_of, report_text
from SegRLEExportLib.slicer_side.panel import folding
from test_errors import MESSAGES
from test_preflight import ROWS, findings

OF_A_SHELL = re.compile(
    r"--\w|ExportOptions|compression=|resume=|'s own grid|'(rle|none|deflate|labelmap[a-z-]*|rle-[a-z-]+)'|[Gg]ive only"
)
UI = (Path(__file__).parents[2] / "SegRLEExport/Resources/UI/SegRLEExport.ui").read_text("utf-8")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.id} {row.severity.value}")
def test_no_finding_speaks_of_what_a_window_has_not(row, tmp_path, monkeypatch):
    from SegRLEExportLib.preflight import survey

    if row.limit:
        monkeypatch.setattr(survey, *row.limit)
    for finding in findings(row, tmp_path):
        for door in Door:
            told = in_words_of(finding, door)
            assert not OF_A_SHELL.search(f"{told.what} {told.help}"), (door, told)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.id} {row.severity.value}")
def test_no_finding_tells_a_console_what_it_has_not(row, tmp_path, monkeypatch):
    from SegRLEExportLib.preflight import survey

    if row.limit:
        monkeypatch.setattr(survey, *row.limit)
    for finding in findings(row, tmp_path):
        told = str(finding.in_words(console.WORDS))
        assert not re.search(r"--\w|in ExportOptions|Choose the series|[Gg]ive only|Give the images", told)


def test_each_option_that_a_console_is_told_of_exists():
    told = [option for text in console.WORDS.values() for option in re.findall(r"options=(ExportOptions\(.*?\))", text)]
    assert len(told) == 7
    for option in told:
        assert eval(option, {"ExportOptions": ExportOptions}) != ExportOptions() or "own" in option


@pytest.mark.parametrize("door", Door)
def test_several_series_are_chosen_by_their_volume(door):
    error = SeriesChoiceError("The segmentation fits several series equally well.", ["1.2 CT", "1.3 PT"])
    (finding,) = findings_of(error, door)
    assert finding.id == "SeriesChoiceError"
    assert finding.what == "The segmentation fits several series equally well."
    assert "hoose the volume that was segmented under 'Images'" in finding.help


@pytest.mark.parametrize("error", [e for e, _ in MESSAGES if "Node" not in str(e)], ids=lambda e: type(e).__name__)
def test_no_error_of_slicers_side_speaks_of_encodings_by_id(error):
    for finding in findings_of(error, Door.PANEL):
        assert not re.search(r"'(rle|none|deflate)'|--series", sentence_of(finding))


def sentence_of(finding: Finding) -> str:
    return f"{finding.what} {finding.help}"


def test_the_dialogs_message_is_in_its_words():
    finding = Finding("outside-source", Severity.ERROR, "3 voxels would be lost.", help=f"Or {Remedy.LEAVE_OUT}.")
    assert "SegRLEExport module (Options)" in dialog_message(PreflightError([finding])).replace("\n", " ")
    assert "Make DICOM images" in dialog_message(NoReferenceError("S")).replace("\n", " ")


def test_what_the_panel_is_said_to_have_is_there():
    for text in (
        "Keep the segmentation's own voxels",
        "Leave out voxels beyond the images",
        "Keep frames where nothing is segmented",
        "Images:",
        "Where to",
        "Options",
    ):
        assert text in UI


class TestFolding:
    FOUND = (
        Finding("a", Severity.NOTE, "Note."),
        Finding("b", Severity.ERROR, "Error."),
        Finding("c", Severity.WARNING, "Warning.", "x"),
        Finding("c", Severity.WARNING, "Warning.", "y"),
    )
    SEGMENTS = tuple(
        SimpleNamespace(id=str(n), name=name, meaning=meaning)
        for n, (name, meaning) in enumerate([("liver", "Liver"), ("left kidney", "Kidney"), ("new", "")])
    )

    def test_leaves_only_what_stands_in_the_way(self):
        found = folding.causes(self.FOUND)
        assert [finding.id for finding in found] == ["b", "c", "a"]
        assert [finding.id for finding in folding.always_shown(found)] == ["b"]
        assert folding.summary(found) == "1 error, 1 warning, 1 note"
        assert folding.summary([]) == ""

    def test_tells_of_segments_what_is_to_be_known(self):
        assert folding.segments_title(self.SEGMENTS, ["0"]) == "Segments: 2 of 3, 1 without a meaning"
        assert folding.segments_title((), []) == "Segments"

    @pytest.mark.parametrize(("words", "shown"), [("", [0, 1, 2]), ("KID left", [1]), ("liver", [0]), ("x", [])])
    def test_segments_are_found_by_words(self, words, shown):
        assert [n for n, one in enumerate(self.SEGMENTS) if folding.matches(one, words)] == shown

    def test_all_and_none_are_of_those_shown(self):
        assert folding.left_out_after(["0", "2"], ["1", "2"], is_included=True) == ["0"]
        assert folding.left_out_after(["0"], ["1", "2"], is_included=False) == ["0", "1", "2"]


def test_what_others_saw_is_told_in_a_sentence():
    def report(*outcomes):
        sights = tuple(Sight(name, "1.0", outcome, "", 0.1) for name, outcome in outcomes)
        return SimpleNamespace(instances=[SimpleNamespace(sights=sights)])

    right, other = SightOutcome.RIGHT, SightOutcome.DIFFERENT
    refused, absent = SightOutcome.CANNOT_READ, SightOutcome.NOT_AT_HAND
    assert seen_by_others([report(("highdicom", right), ("dcmqi", right))]) == (
        "highdicom 1.0 and dcmqi 1.0 read it right."
    )
    assert seen_by_others([report(("highdicom", right), ("dcmqi", absent))]) == (
        "highdicom 1.0 read it right. dcmqi 1.0 is not available here."
    )
    assert seen_by_others([report(("highdicom", refused)), report(("highdicom", right), ("dcmqi", other))]) == (
        "highdicom 1.0 cannot read it (see the details). dcmqi 1.0 shows something else (see the details)."
    )
    assert seen_by_others([report()]) == ""


@pytest.mark.parametrize("door", Door)
def test_names_of_programs_and_files_stay_as_they_are(door):
    finding = Finding("a", Severity.WARNING, "dcmqi reads it wrong.", help=f"{Remedy.CHOOSE_SERIES}.")
    told = in_words_of(finding, door)
    assert told.what == "dcmqi reads it wrong."
    assert told.help[0].isupper()
    assert error_text(FilesLeftError([Path("seg.dcm")], "seg.dcm is busy"), door).startswith("seg.dcm")


def test_export_is_reached_before_what_is_folded():
    places = [UI.index(f'name="{name}"') for name in ("inputsLayout", "encodingSection", "exportButton")]
    assert places == sorted(places)
    assert places[-1] < min(UI.index(f'name="{name}"') for name in ("segmentsSection", "seriesSection"))


@pytest.mark.parametrize("door", Door)
def test_reports_and_errors_are_in_the_words_of_their_window(door, tmp_path):
    masks = two_overlapping_boxes()
    report = export(a_segmentation(masks), a_source(), tmp_path / "out", "rle", options=fixed_options())
    shown = report_text(report, door)
    assert WORDS[door][Remedy.ONE_FILE] in shown
    assert Remedy.ONE_FILE.value not in shown
    assert "ExportOptions" not in error_text(TargetExistsError(tmp_path / "seg.dcm"), door)
