"""Segments that have one Tracking UID, of joined files or as copies: each is written and proven, and told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import a_segmentation, a_source, two_overlapping_boxes
from SegRLEExportLib.convert import convert
from SegRLEExportLib.dataset.tracking import tracking_uid
from SegRLEExportLib.encoding.plan import PLANS
from SegRLEExportLib.export import export
from SegRLEExportLib.reading.seg_file import SegFile
from SegRLEExportLib.reading.segmentation import segmentation_of


@pytest.mark.parametrize("encoding", PLANS)
def test_the_same_segmentation_twice_becomes_one_with_its_segments_twice(encoding, tmp_path):
    files = [
        export(a_segmentation([*two_overlapping_boxes()]), a_source(), tmp_path / f"{n}.dcm", "none").paths[0]
        for n in range(2)
    ]

    done = convert(segmentation_of(files), tmp_path / "joined.dcm", encoding, source=a_source())

    uids = [record.tracking_uid for path in done.paths for record in SegFile(path).segments]
    assert len(uids) == len(set(uids)) == 4
    assert set(uids) > {record.tracking_uid for record in SegFile(files[0]).segments}
    (told,) = (one for one in done.findings if one.id == "tracked-twice")
    assert told.what == "A segment before it has the same Tracking UID, so it gets a new one."


def test_one_that_would_be_made_and_is_taken_is_made_anew(tmp_path):
    whole, source = a_segmentation([*two_overlapping_boxes()]), a_source()
    first, second = whole.segments
    taken = tracking_uid(second, whole.name, source.series_instance_uid)
    segments = (replace(first, tracking_uid=taken, tracking_id="another's"), second)
    report = export(replace(whole, segments=segments), source, tmp_path / "a.dcm", "none")
    first_uid, second_uid = (record.tracking_uid for record in SegFile(report.paths[0]).segments)
    assert first_uid == taken
    assert second_uid != taken


@pytest.mark.parametrize("encoding", ["rle", "none"])
@pytest.mark.parametrize("given", ["2.25.123 ", " 2.25.123", "2.25.123\n", "2.25.123\0", "\u30002.25.123\xa0"])
def test_blanks_around_one_are_left_out(given, encoding, tmp_path):
    whole, source = a_segmentation(), a_source()
    tracked = replace(whole, segments=(replace(whole.segments[0], tracking_uid=given, tracking_id="L"),))
    report = export(tracked, source, tmp_path / "a.dcm", encoding)
    assert [(record.tracking_uid, record.tracking_id) for record in SegFile(report.paths[0]).segments] == [
        ("2.25.123", "L")
    ]
    assert "unusable-tracking-uid" not in [finding.id for finding in report.findings]


@pytest.mark.parametrize("given", ["my lesion", "5", "2.25.0123", "2.25.\uff11", "2.25.1 2.25.2", "2." + "1" * 63])
def test_one_that_is_none_is_replaced_and_told(given, tmp_path):
    whole, source = a_segmentation(), a_source()
    segment = replace(whole.segments[0], tracking_uid=given)
    report = export(replace(whole, segments=(segment,)), source, tmp_path / "a.dcm", "none")
    (record,) = SegFile(report.paths[0]).segments
    assert record.tracking_uid == tracking_uid(whole.segments[0], whole.name, source.series_instance_uid)
    (told,) = (one for one in report.findings if one.id == "unusable-tracking-uid")
    assert told.what == f"The Tracking UID '{given[:64]}' that it was given is no UID; one is made of the names."
