"""The whole trip into a folder: what arrives, what is refused, and that a failed one leaves nothing behind."""

from __future__ import annotations

import errno
import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
import read_by_others
from builders import (
    A_GRID,
    LIVER,
    a_ct_series,
    a_grid,
    a_segmentation,
    a_source,
    a_sphere,
    fixed_options,
    lps_of_voxels,
    masks_of,
    segments_in_one_layer,
    two_overlapping_boxes,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from SegRLEExportLib.encoding.plan import PLANS
from SegRLEExportLib.errors import (
    CancelledError,
    NoSourceImagesError,
    PreflightError,
    TargetExistsError,
    TargetFolderError,
    UnknownEncodingError,
    WritingFailedError,
)
from SegRLEExportLib.export import export
from SegRLEExportLib.model.finding import Severity
from SegRLEExportLib.options import ExportOptions
from SegRLEExportLib.writing import instance as writing
from SegRLEExportLib.writing import seg_file

every_encoding = pytest.mark.parametrize("encoding", PLANS)


def expected_voxels(segmentation, grid=A_GRID):
    return {
        segment.name: read_by_others.sorted_places(lps_of_voxels(mask, grid.kji_to_lps))
        for segment, mask in zip(segmentation.segments, masks_of(segmentation))
        if mask.any()
    }


def found_voxels(report):
    found = {}
    for path in report.paths:
        found |= {label: places for label, places in read_by_others.by_pydicom(path).items() if len(places)}
    return found


def assert_arrived(report, segmentation, grid=A_GRID):
    found, expected = found_voxels(report), expected_voxels(segmentation, grid)
    assert found.keys() == expected.keys()
    for label, places in expected.items():
        assert np.array_equal(found[label], places), label


def findings(report, finding_id):
    return [finding for finding in report.findings if finding.id == finding_id]


class TestAnExport:
    def test_of_a_folder_of_images_arrives(self, tmp_path):
        a_ct_series(tmp_path / "ct")
        segmentation = a_segmentation()

        report = export(segmentation, tmp_path / "ct", tmp_path / "seg.dcm")

        assert report.paths == (tmp_path / "seg.dcm",)
        assert report.is_verified
        assert_arrived(report, segmentation)

    def test_refers_to_the_image_in_each_plane(self, tmp_path):
        images = [pydicom.dcmread(path) for path in a_ct_series(tmp_path / "ct")]
        place_of = {image.SOPInstanceUID: image.ImagePositionPatient for image in images}

        report = export(a_segmentation(), tmp_path / "ct", tmp_path / "seg.dcm", "none")

        seg = pydicom.dcmread(report.paths[0])
        for group in seg.PerFrameFunctionalGroupsSequence:
            image = group.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
            assert group.PlanePositionSequence[0].ImagePositionPatient == place_of[image]
        referenced = seg.ReferencedSeriesSequence[0]
        assert referenced.SeriesInstanceUID == images[0].SeriesInstanceUID
        assert {item.ReferencedSOPInstanceUID for item in referenced.ReferencedInstanceSequence} <= place_of.keys()

    def test_into_a_folder_names_the_file_by_its_uid(self, tmp_path):
        report = export(a_segmentation(), a_source(), tmp_path)

        assert report.paths == (tmp_path / f"SEG_{report.instances[0].sop_instance_uid}.dcm",)

    def test_makes_the_last_part_of_the_folder(self, tmp_path):
        assert export(a_segmentation(), a_source(), tmp_path / "new").paths[0].parent == tmp_path / "new"

    def test_without_verification_says_so(self, tmp_path):
        report = export(a_segmentation(), a_source(), tmp_path / "seg.dcm", options=ExportOptions(verify=False))

        assert not report.is_verified
        assert "not verified" in str(report)

    def test_takes_over_patient_and_study_and_its_own_series(self, tmp_path):
        report = export(a_segmentation(), a_source(), tmp_path / "seg.dcm", "none")

        seg = pydicom.dcmread(report.paths[0])
        assert (seg.PatientName, seg.PatientID, seg.StudyID) == ("Test^Case", "P-1", "7")
        assert seg.StudyInstanceUID == "1.2.826.0.1.3680043.8.498.1"
        assert seg.FrameOfReferenceUID == "1.2.826.0.1.3680043.8.498.3"
        assert (seg.Modality, seg.SeriesNumber, seg.SeriesDescription) == ("SEG", 103, "Segmentation")

    def test_overwrites_if_asked(self, tmp_path):
        (tmp_path / "seg.dcm").write_bytes(b"old")

        report = export(a_segmentation(), a_source(), tmp_path / "seg.dcm", options=ExportOptions(overwrite=True))

        assert_arrived(report, a_segmentation())

    def test_tells_its_progress_from_nothing_to_all(self, tmp_path):
        told = []
        export(a_segmentation(), a_source(), tmp_path / "seg.dcm", progress=lambda *call: told.append(call))

        fractions = [fraction for fraction, _ in told]
        assert fractions == sorted(fractions)
        assert fractions[0] == 0.0
        assert fractions[-1] <= 1.0
        assert {stage for _, stage in told} >= {"Writing", "Reading back and comparing"}


class TestShapes:
    @every_encoding
    @pytest.mark.parametrize(
        "shape",
        [
            pytest.param((1, 1, 1), id="1 x 1 x 1"),
            pytest.param((3, 1, 1), id="planes of one pixel"),
            pytest.param((2, 1, 129), id="one row of 129"),
            pytest.param((2, 128, 1), id="one column"),
            pytest.param((3, 5, 7), id="odd sides"),
            pytest.param((2, 3, 257), id="rows of 257"),
            pytest.param((2, 8, 16), id="whole bytes"),
        ],
    )
    def test_full_and_checkered_segments_arrive(self, encoding, shape, tmp_path):
        grid = a_grid(shape)
        full = np.ones(shape, bool)
        checkered = np.indices(shape).sum(axis=0) % 2 == 0
        segmentation = a_segmentation([full, checkered], grid=grid)

        report = export(segmentation, a_source(grid), tmp_path, encoding)

        assert_arrived(report, segmentation, grid)

    @given(data=st.data())
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_any_masks_arrive_in_any_encoding(self, data, tmp_path_factory):
        shape = data.draw(st.tuples(st.integers(1, 4), st.integers(1, 11), st.integers(1, 11)))
        count = data.draw(st.integers(1, 4))
        noise = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
        masks = [noise.random(shape) < data.draw(st.sampled_from([0.0, 0.05, 0.5, 1.0])) for _ in range(count)]
        grid, encoding = a_grid(shape), data.draw(st.sampled_from(list(PLANS)))
        segmentation = a_segmentation(masks, grid=grid)
        keep = not any(mask.any() for mask in masks) or data.draw(st.booleans())

        report = export(
            segmentation,
            a_source(grid),
            tmp_path_factory.mktemp("any"),
            encoding,
            options=ExportOptions(keep_empty_frames=keep),
        )

        assert_arrived(report, segmentation, grid)

    @pytest.mark.parametrize(("count", "bits"), [(1, 8), (255, 8), (256, 16), (300, 16)])
    def test_label_maps_of_more_than_255_segments_have_16_bits(self, count, bits, tmp_path):
        grid = a_grid((2, 20, 15))
        labels = (np.arange(600, dtype=np.uint16).reshape(2, 20, 15) + 1) * (np.arange(600).reshape(2, 20, 15) < count)
        segmentation = segments_in_one_layer(labels.astype(np.uint16), list(range(1, count + 1)), grid)

        report = export(segmentation, a_source(grid), tmp_path / "seg.dcm", "rle")

        assert pydicom.dcmread(report.paths[0]).BitsAllocated == bits
        assert_arrived(report, segmentation, grid)

    @pytest.mark.parametrize(
        ("encoding", "count", "vr"),
        [("labelmap", 255, "OB"), ("labelmap", 256, "OW"), ("rle", 256, "OB"), ("none", 256, "OB")],
    )
    def test_pixel_data_is_of_words_only_where_16_bits_are_stored_as_they_are(self, encoding, count, vr, tmp_path):
        grid = a_grid((2, 20, 15))
        labels = (np.arange(600).reshape(2, 20, 15) % (count + 1)).astype(np.uint16)
        segmentation = segments_in_one_layer(labels, list(range(1, count + 1)), grid)

        report = export(segmentation, a_source(grid), tmp_path / "seg.dcm", encoding)

        found = pydicom.dcmread(report.paths[0])["PixelData"].VR
        assert found == vr

    def test_values_of_a_layer_that_belong_to_no_segment_are_left_out(self, tmp_path):
        labels = np.zeros(A_GRID.shape_kji, np.uint8)
        labels[2], labels[3], labels[4] = 9, 5, 200
        segmentation = segments_in_one_layer(labels, [5, 9])

        for encoding in PLANS:
            assert_arrived(export(segmentation, a_source(), tmp_path / encoding, encoding), segmentation)


class TestEmptiness:
    def middle_empty(self):
        masks = [a_sphere(), np.zeros(A_GRID.shape_kji, bool), two_overlapping_boxes()[0] & ~a_sphere()]
        return a_segmentation(masks, names=["first", "empty", "last"])

    @pytest.mark.parametrize("encoding", ["rle", "none", "deflate", "labelmap"])
    def test_empty_segments_are_numbered_after_all_others(self, encoding, tmp_path):
        report = export(self.middle_empty(), a_source(), tmp_path / "seg.dcm", encoding)

        described = pydicom.dcmread(report.paths[0]).SegmentSequence
        labels = [item.SegmentLabel for item in described if item.SegmentNumber > 0]
        assert labels == ["first", "last", "empty"]
        assert [finding.where for finding in findings(report, "empty-segment")] == ["empty"]
        assert "numbered after all others" in str(report)

    def test_one_file_for_each_segment_has_none_for_the_empty_one(self, tmp_path):
        report = export(self.middle_empty(), a_source(), tmp_path, "rle-per-segment")

        assert len(report.paths) == 2
        assert "no file is written for it" in str(report)

    @every_encoding
    def test_kept_empty_frames_stand_for_every_plane(self, encoding, tmp_path):
        report = export(
            self.middle_empty(), a_source(), tmp_path, encoding, options=ExportOptions(keep_empty_frames=True)
        )

        segments = sum(len(instance.segments) for instance in report.instances)
        frames_each = 10 if PLANS[encoding].is_label_map else 10 * segments // len(report.instances)
        assert [instance.frames for instance in report.instances] == [frames_each] * len(report.instances)
        assert_arrived(report, self.middle_empty())

    def test_all_empty_is_refused_unless_empty_frames_are_kept(self, tmp_path):
        empty = a_segmentation([np.zeros(A_GRID.shape_kji, bool)])

        with pytest.raises(PreflightError, match="No segment has a voxel on the source images"):
            export(empty, a_source(), tmp_path / "seg.dcm")
        report = export(empty, a_source(), tmp_path / "seg.dcm", options=ExportOptions(keep_empty_frames=True))

        assert report.instances[0].frames == 10


class TestOverlaps:
    def test_go_to_the_fewest_label_maps(self, tmp_path):
        one, other = two_overlapping_boxes()
        apart = np.zeros(A_GRID.shape_kji, bool)
        apart[9, 8, 6] = True
        segmentation = a_segmentation([one, other, apart], names=["one", "other", "apart"])

        report = export(segmentation, a_source(), tmp_path / "seg.dcm", "rle")

        assert report.paths == (tmp_path / "seg_1.dcm", tmp_path / "seg_2.dcm")
        assert [[s.name for s in instance.segments] for instance in report.instances] == [["one", "apart"], ["other"]]
        shared = int((one & other).sum())
        assert f"They share {shared} voxels" in findings(report, "overlap")[0].what
        assert "2 files are written, and 3D Slicer opens them as 2 segmentations" in findings(report, "overlap")[0].what
        assert "1 one, 2 apart" in str(report)
        assert_arrived(report, segmentation)

    def test_are_told_in_one_sentence_however_many_there_are(self, tmp_path):
        body, parts = np.ones(A_GRID.shape_kji, bool), np.zeros((24, *A_GRID.shape_kji), bool)
        for number, part in enumerate(parts):
            part.reshape(-1)[number * 20 : number * 20 + 5] = True
        names = ["body", *(f"part {n}" for n in range(1, 25))]
        segmentation = a_segmentation([body, *parts], names=names)

        (told,) = findings(export(segmentation, a_source(), tmp_path / "out", "rle"), "overlap")

        assert str(told).startswith("warning: body: It overlaps 24 others, which one label map cannot hold: 2 files")
        assert len(told.details) == 24
        assert told.details[0] == "body and part 1 share 5 voxels."
        assert told.to_json()["details"] == list(told.details)

    def test_of_several_with_several_name_the_one_with_the_most(self, tmp_path):
        one, other = two_overlapping_boxes()
        segmentation = a_segmentation([one, other, other, one], names=["a", "b", "c", "d"])

        (told,) = findings(export(segmentation, a_source(), tmp_path / "out", "rle"), "overlap")

        assert told.what.startswith("4 segments overlap others, 'a' the most (3), which one label map cannot hold: 4 ")

    def test_stay_in_one_file_where_segments_have_frames_of_their_own(self, tmp_path):
        segmentation = a_segmentation(list(two_overlapping_boxes()))

        report = export(segmentation, a_source(), tmp_path / "seg.dcm", "none")

        assert pydicom.dcmread(report.paths[0]).SegmentsOverlap == "YES"
        assert_arrived(report, segmentation)


class TestNames:
    @every_encoding
    def test_of_any_script_arrive(self, encoding, tmp_path):
        segmentation = a_segmentation(names=["左腎 Ñandú", "Größe µ"], name="Сегментация")

        report = export(segmentation, a_source(), tmp_path, encoding)

        segs = [pydicom.dcmread(path) for path in report.paths]
        labels = [item.SegmentLabel for seg in segs for item in seg.SegmentSequence if item.SegmentNumber]
        assert labels == ["左腎 Ñandú", "Größe µ"]
        assert {seg.SpecificCharacterSet for seg in segs} == {"ISO_IR 192"}
        ends = [""] if len(segs) == 1 else [" 1 of 2", " 2 of 2"]
        assert [seg.SeriesDescription for seg in segs] == [f"Сегментация{end}" for end in ends]

    def test_of_a_patient_in_another_character_set_arrive(self, tmp_path):
        source = a_source(SpecificCharacterSet="ISO_IR 100", PatientName="Müller^Jörg")

        seg = pydicom.dcmread(export(a_segmentation(), source, tmp_path / "seg.dcm").paths[0])

        assert seg.PatientName == "Müller^Jörg"

    def test_of_ascii_name_no_character_set(self, tmp_path):
        seg = pydicom.dcmread(export(a_segmentation(), a_source(), tmp_path / "seg.dcm").paths[0])

        assert "SpecificCharacterSet" not in seg

    def test_longer_than_64_are_cut_in_the_label_and_whole_in_the_description(self, tmp_path):
        name = "tumour " * 12
        segmentation = a_segmentation([a_sphere()], names=[name])

        report = export(segmentation, a_source(), tmp_path / "seg.dcm", "none")

        item = pydicom.dcmread(report.paths[0]).SegmentSequence[0]
        assert item.SegmentLabel == name[:64].rstrip()
        assert item.SegmentDescription == name.strip()
        assert "DICOM allows 64" in findings(report, "long-name")[0].what

    def test_that_are_the_same_keep_apart_by_tracking_uid(self, tmp_path):
        report = export(a_segmentation(names=["lesion", "lesion"]), a_source(), tmp_path / "seg.dcm", "none")

        items = pydicom.dcmread(report.paths[0]).SegmentSequence
        assert [item.SegmentLabel for item in items] == ["lesion", "lesion"]
        assert len({item.TrackingUID for item in items}) == 2
        assert findings(report, "same-name")[0].where == "lesion"

    def test_tracking_uids_are_the_same_at_the_next_export(self, tmp_path):
        uids = [
            [item.get("TrackingUID") for item in pydicom.dcmread(report.paths[0]).SegmentSequence]
            for report in (export(a_segmentation(), a_source(), tmp_path / name) for name in ("1.dcm", "2.dcm"))
        ]

        assert uids[0] == uids[1]

    def test_without_terminology_are_tissue_and_reported(self, tmp_path):
        segmentation = a_segmentation([a_sphere()], names=["blob"], terminologies=[None])

        report = export(segmentation, a_source(), tmp_path / "seg.dcm", "none")

        item = pydicom.dcmread(report.paths[0]).SegmentSequence[0]
        assert item.SegmentedPropertyTypeCodeSequence[0].CodeValue == "85756007"
        assert findings(report, "not-coded")[0].where == "blob"

    @pytest.mark.parametrize("name", ["", "  ", "\n", "a\\b\nc"], ids=repr)
    def test_that_no_label_can_hold_are_made_valid(self, name, tmp_path):
        report = export(a_segmentation([a_sphere()], names=[name]), a_source(), tmp_path / "seg.dcm", "none")

        label = pydicom.dcmread(report.paths[0]).SegmentSequence[0].SegmentLabel
        assert label == ("a/b c" if name.strip() else "Segment 1")


def folder_fingerprint(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def full_disk(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def interrupted(*_):
    raise KeyboardInterrupt


FAILURES = [
    pytest.param(full_disk, WritingFailedError, "No space left on device. The unfinished file was removed", id="full"),
    pytest.param(interrupted, KeyboardInterrupt, None, id="Ctrl-C"),
]


class TestAFailure:
    @every_encoding
    @pytest.mark.parametrize(("failure", "error", "text"), FAILURES)
    def test_while_writing_leaves_nothing(self, encoding, failure, error, text, tmp_path, monkeypatch):
        monkeypatch.setattr(seg_file.FileSink, "write", fail_after(1, seg_file.FileSink.write, failure))

        with pytest.raises(error, match=text):
            export(a_segmentation(), a_source(), tmp_path / "new", encoding)

        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(("failure", "error", "text"), FAILURES)
    def test_in_the_second_file_leaves_the_first_neither(self, failure, error, text, tmp_path, monkeypatch):
        segmentation = a_segmentation(list(two_overlapping_boxes()))
        monkeypatch.setattr(seg_file.FileSink, "patch", fail_after(1, seg_file.FileSink.patch, failure))

        with pytest.raises(error, match=text):
            export(segmentation, a_source(), tmp_path, "rle")

        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("calls_before", [0, 1, 4, 9])
    def test_by_a_callback_that_says_stop_leaves_nothing(self, calls_before, tmp_path, monkeypatch):
        monkeypatch.setattr("SegRLEExportLib.progress.REPORT_INTERVAL_S", 0.0)
        calls = []

        with pytest.raises(CancelledError, match="The export was cancelled. No file was left behind"):
            export(
                a_segmentation(),
                a_source(),
                tmp_path / "new",
                progress=lambda *call: calls.append(call) or len(calls) <= calls_before,
            )

        assert len(calls) == calls_before + 1
        assert list(tmp_path.iterdir()) == []

    def test_at_every_step_leaves_nothing(self, tmp_path, monkeypatch):
        monkeypatch.setattr("SegRLEExportLib.progress.REPORT_INTERVAL_S", 0.0)
        total = []
        export(a_segmentation(), a_source(), tmp_path / "seg.dcm", progress=lambda *call: total.append(call))
        (tmp_path / "seg.dcm").unlink()
        for last in range(len(total)):
            left = iter(range(last))
            with pytest.raises(KeyboardInterrupt):
                export(
                    a_segmentation(),
                    a_source(),
                    tmp_path / "seg.dcm",
                    progress=lambda *_, left=left: True if next(left, None) is not None else interrupted(),
                )
            assert list(tmp_path.iterdir()) == []

    def test_in_a_folder_that_was_there_keeps_the_folder_and_its_files(self, tmp_path, monkeypatch):
        (tmp_path / "mine.txt").write_text("mine")
        monkeypatch.setattr(seg_file.FileSink, "write", full_disk)

        with pytest.raises(WritingFailedError):
            export(a_segmentation(), a_source(), tmp_path, "rle")

        assert folder_fingerprint(tmp_path).keys() == {"mine.txt"}

    def test_while_overwriting_keeps_the_old_file(self, tmp_path, monkeypatch):
        (tmp_path / "seg.dcm").write_bytes(b"old")
        monkeypatch.setattr(seg_file.FileSink, "write", full_disk)

        with pytest.raises(WritingFailedError):
            export(a_segmentation(), a_source(), tmp_path / "seg.dcm", options=ExportOptions(overwrite=True))

        assert (tmp_path / "seg.dcm").read_bytes() == b"old"
        assert len(list(tmp_path.iterdir())) == 1


def fail_after(calls, function, failure):
    left = iter(range(calls))

    def failing(*arguments):
        return function(*arguments) if next(left, None) is not None else failure()

    return failing


class TestARefusal:
    def test_where_the_target_is_there(self, tmp_path):
        (tmp_path / "seg.dcm").write_bytes(b"old")

        with pytest.raises(TargetExistsError, match="exists already and was left as it is"):
            export(a_segmentation(), a_source(), tmp_path / "seg.dcm")

        assert folder_fingerprint(tmp_path).keys() == {"seg.dcm"}
        assert (tmp_path / "seg.dcm").read_bytes() == b"old"

    def test_where_one_of_several_targets_is_there(self, tmp_path):
        (tmp_path / "seg_2.dcm").write_bytes(b"old")

        with pytest.raises(TargetExistsError, match=r"seg_2\.dcm exists already"):
            export(a_segmentation(list(two_overlapping_boxes())), a_source(), tmp_path / "seg.dcm", "rle")

        assert folder_fingerprint(tmp_path).keys() == {"seg_2.dcm"}

    def test_where_the_folder_has_no_parent(self, tmp_path):
        with pytest.raises(TargetFolderError, match="there is no folder"):
            export(a_segmentation(), a_source(), tmp_path / "no" / "such" / "seg.dcm")

    def test_where_the_folder_is_a_file(self, tmp_path):
        (tmp_path / "file").write_text("")

        with pytest.raises(TargetFolderError, match="it is not a folder"):
            export(a_segmentation(), a_source(), tmp_path / "file" / "seg.dcm")

    def test_where_the_disk_has_no_room(self, tmp_path, monkeypatch):
        usage = type("Usage", (), {"free": 10})
        monkeypatch.setattr("shutil.disk_usage", lambda _: usage)

        with pytest.raises(TargetFolderError, match=r"at least 0\.0 MB are needed and 0\.0 MB are free"):
            export(a_segmentation(), a_source(), tmp_path / "seg.dcm", "none")

    def test_where_there_are_no_images(self, tmp_path):
        (tmp_path / "notes.txt").write_text("no image")

        with pytest.raises(NoSourceImagesError, match="its one file is no DICOM image"):
            export(a_segmentation(), tmp_path, tmp_path / "seg.dcm")

    def test_of_an_unknown_encoding(self, tmp_path):
        with pytest.raises(UnknownEncodingError, match="There is no encoding 'zip'. Choose one of: rle, none, deflate"):
            export(a_segmentation(), a_source(), tmp_path / "seg.dcm", "zip")

    def test_of_pixel_data_beyond_32_bits(self, tmp_path, monkeypatch):
        monkeypatch.setattr(writing, "LARGEST_PIXEL_DATA", 10)

        with pytest.raises(writing.SegTooLargeError, match="DICOM can state at most 4 GiB"):
            export(a_segmentation(), a_source(), tmp_path / "seg.dcm", "none")

        assert list(tmp_path.iterdir()) == []

    def test_tells_all_that_is_wrong_at_once(self, tmp_path):
        options = ExportOptions(content_label="lower case", content_creator_name="a" * 70, series_number=-1)

        with pytest.raises(PreflightError) as refused:
            export(
                a_segmentation([np.zeros(A_GRID.shape_kji, bool)]), a_source(), tmp_path / "seg.dcm", options=options
            )

        assert [finding.id for finding in refused.value.findings] == ["invalid-option"] * 3 + ["all-empty"]
        assert {finding.severity for finding in refused.value.findings} == {Severity.ERROR}

    def test_of_a_segmentation_without_segments(self, tmp_path):
        nothing = replace(a_segmentation(), segments=())

        with pytest.raises(PreflightError, match="There is no segment to export"):
            export(nothing, a_source(), tmp_path / "seg.dcm")


class TestWhatWasGiven:
    @every_encoding
    def test_stays_bit_identical(self, encoding, tmp_path):
        a_ct_series(tmp_path / "ct")
        labels = [(mask * np.uint8(3)).astype(np.uint8) for mask in two_overlapping_boxes()]
        before = [array.copy() for array in labels]
        segmentation = a_segmentation([array > 0 for array in labels])
        layers = tuple(replace(layer, labels_kji=array) for layer, array in zip(segmentation.layers, labels))
        segments = tuple(replace(segment, layer_value=3) for segment in segmentation.segments)
        files = folder_fingerprint(tmp_path)

        export(replace(segmentation, layers=layers, segments=segments), tmp_path / "ct", tmp_path / "out", encoding)

        assert all(np.array_equal(array, copy) for array, copy in zip(labels, before))
        assert (
            folder_fingerprint(tmp_path / "ct").items()
            == {name.removeprefix("ct/"): digest for name, digest in files.items()}.items()
        )

    def test_source_dataset_is_not_touched(self, tmp_path):
        source = a_source(PatientSex="female", PatientAge="57", StudyDate="2026-01-02", AccessionNumber="x" * 40)
        before = source.header.to_json()

        report = export(a_segmentation(), source, tmp_path / "seg.dcm")

        assert source.header.to_json() == before
        assert len(findings(report, "invalid-value")) == 4

    def test_arrays_may_be_read_only(self, tmp_path):
        segmentation = a_segmentation()
        assert not any(layer.labels_kji.flags.writeable for layer in segmentation.layers)

        assert_arrived(export(segmentation, a_source(), tmp_path / "seg.dcm", "rle-per-segment"), segmentation)


def test_same_uids_and_clock_make_the_same_bytes(tmp_path):
    first, second = (
        export(a_segmentation(), a_source(), tmp_path / name, options=fixed_options()) for name in ("1.dcm", "2.dcm")
    )

    assert first.paths[0].read_bytes() == second.paths[0].read_bytes()


def test_the_report_says_what_was_done(tmp_path):
    report = export(a_segmentation(terminologies=[LIVER, None]), a_source(), tmp_path / "seg.dcm", "labelmap")

    told = report.to_json()
    assert told["compression"] == "labelmap"
    assert told["verified"] is True
    assert told["bytes"] == (tmp_path / "seg.dcm").stat().st_size == report.bytes
    assert told["instances"][0]["path"] == str(tmp_path / "seg.dcm")
    assert told["findings"][0]["id"] == "not-coded"
    assert report.of_severity(Severity.NOTE) == report.findings
    assert "verified: all" in str(report)
    assert "times larger than its pixels alone" in str(report)
