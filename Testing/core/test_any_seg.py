"""Any SEG is read, told and compared: ours, those of the reader study, and broken ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pydicom
import pytest
from builders import A_GRID, a_segmentation, a_source, a_sphere, fixed_options, two_overlapping_boxes
from pydicom.encaps import encapsulate, generate_frames
from SegRLEExportLib.encoding.plan import PLANS
from SegRLEExportLib.errors import NotASegmentationFileError
from SegRLEExportLib.export import export
from SegRLEExportLib.reading import any_seg
from SegRLEExportLib.reading.any_seg import G2_DIALECT, PACKED_DIALECT, AnySeg
from SegRLEExportLib.reading.inspection import inspect
from SegRLEExportLib.verification.comparison import compare

every_encoding = pytest.mark.parametrize("encoding", PLANS)


def a_separate_pair():
    one = two_overlapping_boxes()[0]
    return a_segmentation([one, a_sphere() & ~one], names=["one", "other"])


@pytest.fixture
def written(tmp_path):
    """What an export of the pair writes in an encoding."""
    return lambda encoding: (
        export(a_separate_pair(), a_source(), tmp_path / encoding, encoding, options=fixed_options()).paths
    )


class TestInspection:
    @every_encoding
    def test_tells_what_we_wrote_and_finds_no_fault(self, encoding, written):
        for path in written(encoding):
            told = inspect(path)

            assert told.faults == ()
            assert told.facts["type"].startswith(PLANS[encoding].segmentation_type.value)
            assert told.facts["transfer syntax"] == PLANS[encoding].transfer_syntax.name
            assert told.facts["written by"].startswith("SegRLEExport")
            assert "images of series 1.2.826.0.1.3680043.8.498.2" in told.facts["references"]
            assert "Liver (SCT 10200004)" in told.segments[0]
            assert str(path) in str(told)
            assert told.to_json()["facts"] == told.facts

    def test_counts_frames_by_segment(self, written):
        told = inspect(written("none")[0])

        assert told.segments[0].endswith(", 5 frames")
        assert told.facts["frames"] == "10 on 7 planes"

    def test_finds_a_run_across_rows(self, written):
        (path,) = written("rle")
        dataset = pydicom.dcmread(path)
        frames = list(generate_frames(dataset.PixelData, number_of_frames=dataset.NumberOfFrames))
        rows, columns = dataset.Rows, dataset.Columns
        frames[1] = frames[1][:64] + bytes([257 - rows * columns, 0])
        dataset.PixelData = encapsulate(frames)
        dataset.save_as(path)

        assert inspect(path).faults == ("frame 2: a run crosses the end of a row (G.3.1)",)

    def test_finds_missing_pixels(self, written):
        (path,) = written("none")
        dataset = pydicom.dcmread(path)
        dataset.PixelData = dataset.PixelData[:-20]
        dataset.save_as(path)

        (fault,) = inspect(path).faults
        assert fault.startswith("Pixel Data has ")

    def test_shows_five_faults_and_counts_the_others(self, written):
        told = replace(inspect(written("none")[0]), faults=tuple(f"fault {n}" for n in range(8)))

        assert str(told).count("FAULT") == 5
        assert "and 3 faults more" in str(told)


class TestReading:
    def test_rle_is_decoded_by_the_decoder_that_is_named(self, written, monkeypatch):
        """pydicom would try python-gdcm first, which aborts the process on frames of odd size."""
        named = []
        original = any_seg.iter_pixels
        monkeypatch.setattr(
            any_seg, "iter_pixels", lambda *args, **kw: named.append(kw["decoding_plugin"]) or original(*args, **kw)
        )

        list(AnySeg(written("rle")[0]).pixels())
        list(AnySeg(written("labelmap")[0]).pixels())

        assert named == ["pydicom", ""]

    def test_both_dialects_of_1_bit_rle_are_told_apart(self, written, shared_interop):
        (ours,) = written("rle-binary")
        theirs = shared_interop / "b_BIN_RLE_bitpacked__37x41_dis.dcm"

        for path, dialect in ((ours, G2_DIALECT), (theirs, PACKED_DIALECT)):
            seg = AnySeg(path)
            assert {seg.decode_one_bit_rle(encoded)[1] for encoded in seg.encoded_frames()} == {dialect}

    @pytest.mark.parametrize("kind", ["b_BIN_RLE_bitpacked", "c_BIN_RLE_bytepp", "a_BIN_native", "i_BIN_deflated"])
    @pytest.mark.parametrize("shape", ["37x41_dis", "37x41_ovl", "64x64_dis", "64x64_ovl"])
    def test_frames_of_the_reader_study_are_read_right(self, kind, shape, shared_interop):
        frames = np.stack(list(AnySeg(shared_interop / f"{kind}__{shape}.dcm").pixels()))

        assert np.array_equal(frames, np.load(shared_interop / f"frames_BIN__{shape}.npy"))

    def test_what_is_no_dicom_file_is_refused(self, tmp_path):
        (tmp_path / "notes.txt").write_text("no image")

        with pytest.raises(NotASegmentationFileError, match=r"notes\.txt is not a readable DICOM Segmentation"):
            AnySeg(tmp_path / "notes.txt")

    def test_what_is_no_segmentation_is_refused(self, written):
        (path,) = written("none")
        dataset = pydicom.dcmread(path)
        del dataset.SegmentSequence
        dataset.save_as(path)

        with pytest.raises(NotASegmentationFileError, match="it has no SegmentSequence"):
            AnySeg(path)


class TestComparison:
    @every_encoding
    def test_finds_our_files_equal(self, encoding, written):
        outcome = compare(written(encoding), a_separate_pair(), a_source())

        assert outcome.is_equal, str(outcome)
        assert str(outcome).startswith("equal: compared in world space")
        assert outcome.to_json()["equal"] is True

    def test_finds_a_voxel_more_and_a_voxel_less(self, written):
        changed = [layer.labels_kji.copy() for layer in a_separate_pair().layers]
        changed[0][1, 1, 1] = 0
        changed[0][9, 8, 6] = 1

        outcome = compare(written("none"), a_segmentation([array > 0 for array in changed], names=["one", "other"]))

        assert (outcome.segments[0].only_in_file, outcome.segments[0].only_in_segmentation) == (1, 1)
        assert outcome.segments[1].is_equal
        assert str(outcome).startswith("DIFFERENT")

    def test_counts_a_doubled_frame_once_and_tells_it(self, written):
        (path,) = written("labelmap")
        dataset = pydicom.dcmread(path)
        groups = dataset.PerFrameFunctionalGroupsSequence
        groups.append(groups[-1])
        frame = dataset.Rows * dataset.Columns
        pixels = dataset.PixelData[: frame * dataset.NumberOfFrames]
        dataset.PixelData = pixels + pixels[-frame:] + bytes(frame * (dataset.NumberOfFrames + 1) % 2)
        dataset.NumberOfFrames += 1
        dataset.save_as(path)

        comparison = compare([path], a_separate_pair())

        assert comparison.remarks == (f"frames of {path.name} that repeat the segment and plane of another: 1",)
        assert all(segment.is_equal for segment in comparison.segments)
        assert not comparison.is_equal

    def test_finds_a_segmentation_that_lies_elsewhere(self, written):
        moved = A_GRID.cropped((0, 1, 0), A_GRID.shape_kji)
        pair = a_separate_pair()
        layers = tuple(replace(layer, geometry=moved) for layer in pair.layers)

        assert not compare(written("rle"), replace(pair, layers=layers)).is_equal

    def test_names_segments_that_have_no_partner(self, written):
        outcome = compare(written("none"), a_segmentation([two_overlapping_boxes()[0]] * 2, names=["one", "third"]))

        assert any("the segment 'other' of" in remark for remark in outcome.remarks)
        assert "the segment 'third' is in none of the files" in outcome.remarks

    def test_finds_two_segments_of_one_name_each_its_partner(self, tmp_path):
        same = a_segmentation([layer.labels_kji > 0 for layer in a_separate_pair().layers], names=["same", "same"])
        paths = export(same, a_source(), tmp_path, "none").paths

        assert compare(paths, same).is_equal

    def test_finds_references_to_other_images(self, written):
        source = a_source()
        frames = tuple(frame._replace(sop_instance_uid="1.2.3") for frame in source.frames)

        outcome = compare(written("none"), a_separate_pair(), replace(source, frames=frames))

        assert any("images that are not in the series" in remark for remark in outcome.remarks)
