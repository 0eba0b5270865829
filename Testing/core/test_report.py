"""The report: for a person by `str`, for a script by `to_json`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from SegRLEExportLib.encoding.plan import PLANS
from SegRLEExportLib.model.finding import Finding, Severity
from SegRLEExportLib.preflight.readers_of_file import DCMQI, HIGHDICOM
from SegRLEExportLib.report import Report, Sight, SightOutcome, Verification, WrittenInstance, WrittenSegment

NOTE = Finding("not-coded", Severity.NOTE, "No coded meaning was chosen.", "liver", "Choose one.")
WARNING = Finding("overlap", Severity.WARNING, "They share 3 voxels.")


def a_report(*sizes: int, verified: bool = True, bit_packed_bytes: int = 1000) -> Report:
    instances = tuple(
        WrittenInstance(
            Path(f"seg_{number}.dcm"),
            f"1.2.{number}",
            f"1.2.{number}.1",
            size,
            5,
            (WrittenSegment(1, f"part {number}", 42),),
            Verification("pydicom 3", 5, 42) if verified else None,
        )
        for number, size in enumerate(sizes, start=1)
    )
    return Report(PLANS["rle"], "CT, series 3", instances, (NOTE, WARNING), bit_packed_bytes, 0.5)


def test_a_person_reads_size_time_verification_readers_and_findings():
    told = str(a_report(500))

    assert told.splitlines()[0] == (
        "RLE compressed label map ('rle'), 500 bytes, 2.0 times smaller than its pixels alone at one bit each, 0.50 s"
    )
    assert (
        "seg_1.dcm: 500 bytes, 5 frames, verified: all 42 segmented voxels of 5 frames read back right by pydicom 3"
        in told
    )
    assert f"opens in: {PLANS['rle'].reads_in}" in told
    assert f"known problems: {PLANS['rle'].fails_in}" in told
    assert "note: liver: No coded meaning was chosen. Choose one." in told
    assert "warning: They share 3 voxels." in told


def test_readers_that_fail_on_these_planes_stand_where_it_does_not_open():
    told = str(replace(a_report(500), not_read_by=(DCMQI, HIGHDICOM)))

    assert (
        f"known problems: Because of where its planes lie, this file is not opened correctly by {DCMQI} and "
        f"{HIGHDICOM}. Software" in told
    )

    assert "opens in: OHIF 3.13 and newer, highdicom (frame by frame), pydicom, DCMTK, vtk-dicom, Orthanc\n" in told


def test_a_list_that_names_no_reader_names_those_that_fail():
    told = str(replace(a_report(500), plan=PLANS["none"], not_read_by=(DCMQI, HIGHDICOM)))

    assert f"opens in: nearly everything that reads DICOM SEG, but not {DCMQI}\n" in told


def test_a_reader_that_cannot_read_is_a_known_problem_and_one_that_was_not_there_was_not_asked():
    report = a_report(500)
    right = Sight("highdicom", "0.28", SightOutcome.RIGHT, "", 1.0)
    failed = Sight("3D Slicer's loader, dcmqi", "", SightOutcome.CANNOT_READ, "Fatal error", 1.0)
    absent = Sight("other", "", SightOutcome.NOT_AT_HAND, "it is not installed here", 0.0)
    asked = replace(report, instances=(replace(report.instances[0], sights=(right, failed, absent)),))

    lines = str(asked).splitlines()

    assert lines[2] == (
        "  opens in: highdicom 0.28: right (1.0 s). Measured before: OHIF 3.13 and newer, highdicom, pydicom, DCMTK, "
        "vtk-dicom, Orthanc"
    )
    assert lines[3].startswith("  known problems: 3D Slicer's loader, dcmqi: cannot read (Fatal error). Software that")
    assert lines[4] == "  not asked: other: not available (it is not installed here)"
    assert "3D Slicer" not in asked.to_json()["reads_in"]


def test_several_files_are_listed_with_their_segments():
    told = str(a_report(500, 1500))

    assert "series 1.2.1, segments: 1 part 1" in told
    assert "series 1.2.2, segments: 1 part 2" in told


@pytest.mark.parametrize(
    ("size", "text"),
    [(999, "999 bytes"), (1000, "1 kB"), (12_345, "12.3 kB"), (4_560_000, "4.56 MB"), (7_000_000_000, "7 GB")],
)
def test_sizes_are_told_in_units(size, text):
    assert f", {text}, " in str(a_report(size))


def test_a_file_where_nothing_is_segmented_is_compared_with_nothing():
    assert "500 bytes, no pixel is segmented, 0.50 s" in str(a_report(500, bit_packed_bytes=0)).splitlines()[0]


def test_a_file_larger_than_bit_packed_pixels_is_told_so():
    assert "4.0 times larger than its pixels alone at one bit each" in str(a_report(4000))


@pytest.mark.parametrize("size", [960, 1000, 1040])
def test_a_file_of_about_the_same_size_is_neither_smaller_nor_larger(size):
    assert ", about as large as its pixels alone at one bit each, " in str(a_report(size))


def test_one_frame_is_no_frames():
    report = a_report(500)
    one = replace(report.instances[0], frames=1, verification=Verification("pydicom 3", 1, 42))

    told = str(replace(report, instances=(one,)))

    assert "500 bytes, 1 frame, verified: all 42 segmented voxels of 1 frame read back right" in told


def test_what_was_not_verified_is_told_so():
    report = a_report(500, verified=False)

    assert not report.is_verified
    assert "not verified" in str(report)


def test_a_script_gets_all_of_it_as_json():
    told = json.loads(json.dumps(a_report(500, 1500).to_json()))

    assert (told["bytes"], told["bit_packed_bytes"], told["verified"]) == (2000, 1000, True)
    assert told["instances"][1]["path"] == "seg_2.dcm"
    assert told["instances"][1]["segments"] == [{"number": 1, "name": "part 2", "voxels": 42}]
    assert told["instances"][0]["verification"]["reader"] == "pydicom 3"
    assert [finding["severity"] for finding in told["findings"]] == ["note", "warning"]


def test_findings_are_chosen_by_severity():
    assert a_report(1).of_severity(Severity.WARNING, Severity.ERROR) == (WARNING,)
