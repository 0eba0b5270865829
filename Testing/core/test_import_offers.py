"""Which SEG files are offered in Slicer's DICOM browser, and which above Slicer's own loader."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pydicom
import pytest
from builders import a_grid, a_segmentation, a_source, fixed_options, segments_in_one_layer, two_overlapping_boxes
from call_counts import counted_calls
from pydicom import Dataset
from pydicom.uid import ImplicitVRLittleEndian
from SegRLEExportLib.encoding.plan import PLANS, Split
from SegRLEExportLib.export import export
from SegRLEExportLib.reading.first_look import first_look
from SegRLEExportLib.slicer_side.dialog.import_offers import offers, trouble_of_slicer

OF_SLICERS_PLUGIN = 0.95


def exported(folder, encoding, segmentation=None):
    report = export(segmentation or a_segmentation(), a_source(), folder, encoding, options=fixed_options())
    return [first_look(path) for path in report.paths]


@pytest.mark.parametrize("encoding", PLANS)
def test_the_first_bytes_say_what_a_file_is(encoding, tmp_path):
    looks = exported(tmp_path, encoding)

    for number, look in enumerate(looks, start=1):
        assert look.transfer_syntax == PLANS[encoding].transfer_syntax
        assert look.segmentation_type == PLANS[encoding].segmentation_type.value
        assert look.segment_count == (1 if PLANS[encoding].split is Split.EACH_SEGMENT else 2)
        assert look.part == (number, len(looks))
        assert look.description == "Segmentation"
        assert look.study_uid == a_source().header.StudyInstanceUID
        assert look.referenced_series_uid == a_source().series_instance_uid
        assert set(look.referenced_instance_uids) <= {frame.sop_instance_uid for frame in a_source().frames}


def test_a_file_without_meta_information_is_read_as_everywhere_else(tmp_path):
    (look,) = exported(tmp_path, "none")
    dataset = pydicom.dcmread(look.path)
    bare = Dataset()
    bare.update(dataset)
    bare.save_as(tmp_path / "bare.dcm", implicit_vr=True, little_endian=True)
    found = first_look(tmp_path / "bare.dcm")
    assert found == replace(look, path=tmp_path / "bare.dcm", transfer_syntax=ImplicitVRLittleEndian)


def test_other_files_are_none(tmp_path):
    (tmp_path / "text.dcm").write_text("no DICOM")
    assert first_look(tmp_path / "text.dcm") is None
    assert first_look(tmp_path / "missing.dcm") is None
    assert first_look(tmp_path) is None


@pytest.mark.parametrize("encoding", ["none", "rle", "deflate", "labelmap"])
def test_what_slicer_opens_right_is_offered_below_its_own(encoding, tmp_path):
    (offer,) = offers(exported(tmp_path, encoding))
    assert offer.confidence < OF_SLICERS_PLUGIN
    assert not offer.is_preferred
    assert "Quicker" in offer.reason


def test_the_users_setting_prefers_ours(tmp_path):
    (offer,) = offers(exported(tmp_path, "none"), prefers_ours=True)
    assert offer.is_preferred
    assert offer.confidence > OF_SLICERS_PLUGIN


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("c_BIN_RLE_bytepp__64x64_dis.dcm", "cannot read RLE compressed pixels of one bit"),
        ("k1_BIN_DIFC__64x64_dis.dcm", "cannot read "),
        ("d0_FR255_native__64x64_dis.dcm", "merges the 3 segments of a FRACTIONAL"),
        ("d2_FR255_deflated__64x64_dis.dcm", "merges the 3 segments of a FRACTIONAL"),
        ("a_BIN_native__64x64_dis.dcm", ""),
        ("i_BIN_deflated__64x64_dis.dcm", ""),
        ("g_LM8_RLE__64x64_dis.dcm", ""),
    ],
)
def test_what_slicer_cannot_open_or_fuses_is_offered_first_with_the_reason(shared_interop, file, reason):
    look = first_look(shared_interop / file)
    (offer,) = offers([look])
    assert reason in trouble_of_slicer(look)
    assert offer.is_preferred is bool(reason)
    assert reason in offer.reason


class TestFilesOfOneExport:
    def test_become_one_segmentation_and_stand_for_each_series(self, tmp_path):
        looks = exported(tmp_path, "rle", a_segmentation(list(two_overlapping_boxes())))
        first, second = offers(looks[::-1])
        assert [look.part[0] for look in first.files] == [1, 2]
        assert [look.part[0] for look in second.files] == [2, 1]
        assert first.name == "Segmentation"
        assert second.name == "Segmentation (part 2 of 2, loaded with part 1)"
        assert first.is_preferred
        assert second.is_preferred
        assert "makes 2 segmentations" in first.reason

    def test_are_offered_alone_where_one_is_missing_or_of_another_export(self, tmp_path):
        one, other = exported(tmp_path, "rle", a_segmentation(list(two_overlapping_boxes())))
        assert [len(offer.files) for offer in offers([one])] == [1]
        assert [len(offer.files) for offer in offers([one, replace(other, made_at=("", ""))])] == [1, 1]
        assert [len(offer.files) for offer in offers([one, other, other])] == [1, 1, 1]


def test_a_look_at_100_segments_takes_few_calls(tmp_path):
    labels = np.zeros((40, 64, 64), np.uint8)
    labels.reshape(40, -1)[:, :100] = np.arange(1, 101)
    grid = a_grid((40, 64, 64))
    segmentation = segments_in_one_layer(labels, list(range(1, 101)), grid)
    (path,) = export(segmentation, a_source(grid), tmp_path, "none", options=fixed_options()).paths

    with counted_calls() as calls:
        assert first_look(path).segment_count == 100
    assert calls.total() < 60_000
