"""A DICOM SEG written on images that are not those it says it was drawn on: told, at every way in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from builders import A_GRID, a_ct_series, a_segmentation, a_source, segments_in_one_layer
from SegRLEExportLib.export import export
from SegRLEExportLib.files.read import read_segmentation
from SegRLEExportLib.model.segmentation import Origin
from SegRLEExportLib.options import ExportOptions
from SegRLEExportLib.preflight.origin import origin_findings
from SegRLEExportLib.reading.segmentation import segmentation_of
from SegRLEExportLib.source.series import read_series
from shell_builders import a_seg_nrrd, segrle

OTHERS = {"PatientName": "Third^Pat", "PatientID": "777", "FrameOfReferenceUID": "1.2.7", "SeriesInstanceUID": "1.2.8"}


@pytest.fixture
def exported(tmp_path) -> Path:
    """A SEG of Other^Pat, and in `third` images of another patient on the same grid."""
    for name, attributes in (
        ("own", {"PatientName": "Other^Pat", "PatientID": "999"}),
        ("third", OTHERS),
    ):
        (tmp_path / name).mkdir()
        a_ct_series(tmp_path / name, **attributes)
    assert segrle("export", a_seg_nrrd(tmp_path), tmp_path / "own", "-o", tmp_path / "other.dcm") == 0
    return tmp_path / "other.dcm"


def test_a_seg_says_what_it_was_drawn_on(exported, tmp_path):
    (source,) = read_series(tmp_path / "own")
    origin = read_segmentation(exported).origin
    assert origin == Origin(
        "Other^Pat", "999", source.header.FrameOfReferenceUID, frozenset({source.series_instance_uid})
    )
    assert list(origin_findings(read_segmentation(exported), source)) == []


@pytest.mark.parametrize(
    "words", [["export", "-o", "x.dcm"], ["convert", "-o", "x.dcm"], ["convert", "-o", "x.json"], ["forecast"]]
)
def test_images_of_another_patient_are_told(words, exported, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    assert segrle(words[0], exported, tmp_path / "third", *words[1:]) == 0
    told = capsys.readouterr().out
    assert (
        "The segmentation is of the patient Other^Pat (ID 999), and the images are of the patient Third^Pat (ID 777). "
        "Choose the images that were segmented (--series UID, or another SERIES_DIR or --volume), if that is not meant."
    ) in told
    assert "in another Frame of Reference: nothing in DICOM says that it lies right on these." in told


@pytest.mark.parametrize(
    ("origin", "ids"),
    [
        (Origin(), []),
        (Origin(patient_id="7"), ["other-patient"]),
        (Origin(patient_name="Somebody^Else"), ["other-patient"]),
        (Origin(frame_of_reference_uid="1.2.9"), ["other-images"]),
        (Origin(frame_of_reference_uid="1.2.9", series_instance_uids=frozenset({"own"})), []),
        (Origin(series_instance_uids=frozenset({"1.2.9"})), []),
    ],
    ids=["nothing told", "patient ID", "name alone", "space", "its own series", "another series in the same space"],
)
def test_only_what_both_say_and_say_otherwise_is_told(origin, ids):
    source = a_source()
    source.header.PatientID, source.header.PatientName = ("1", "A^B") if origin.patient_id else ("", "A^B")
    if "own" in origin.series_instance_uids:
        origin = replace(origin, series_instance_uids=frozenset({source.series_instance_uid}))
    found = origin_findings(replace(a_segmentation(), origin=origin), source)
    assert [finding.id for finding in found] == ids


def test_numbers_that_become_others_are_told(tmp_path):
    labels = np.zeros(A_GRID.shape_kji, np.uint8)
    labels[3, 2, 2:4], labels[3, 3, 2:4] = 2, 9
    kept = ExportOptions(keep_values=True)
    files = export(segments_in_one_layer(labels, [2, 9]), a_source(), tmp_path / "gaps.dcm", "rle", options=kept).paths

    (told,) = (
        one for one in export(segmentation_of(files), a_source(), tmp_path / "b.dcm", "rle").findings if one.help
    )

    assert str(told).endswith(
        "The segments get other numbers than their label values, which are 2, 9. A label map can keep the numbers: "
        "keep label values (keep_values=True in ExportOptions)."
    )
    again = export(segmentation_of(files), a_source(), tmp_path / "c.dcm", "rle", options=kept)
    assert "segments-renumbered" not in {one.id for one in again.findings}
