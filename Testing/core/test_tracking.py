"""Segments that have one Tracking UID, of joined files or as copies: each is written and proven, and told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import a_segmentation, a_source, two_overlapping_boxes
from SegRLEExportLib.convert import convert
from SegRLEExportLib.dataset.segments import tracking_uid
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
