"""Any SEG is read, told and compared: ours, those of the reader study, and broken ones."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pydicom
import pytest
from builders import A_GRID, LIVER, a_segmentation, a_source, a_sphere, fixed_options, two_overlapping_boxes
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import CTImageStorage
from SegRLEExportLib.encoding.plan import PLANS
from SegRLEExportLib.errors import NotASegmentationFileError
from SegRLEExportLib.export import export
from SegRLEExportLib.model.terminology import Code
from SegRLEExportLib.reading import frame_decoding
from SegRLEExportLib.reading.damage import GET_ANEW, MORE_MEMORY, readable
from SegRLEExportLib.reading.inspection import inspect
from SegRLEExportLib.reading.seg_file import SegFile
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
            is_bits = encoding in ("none", "deflate", "rle-binary")
            assert told.facts["pixels"].endswith("1 bit allocated" if is_bits else "8 bits allocated")
            assert told.facts["written by"].startswith("SegRLEExport")
            assert "images of series 1.2.826.0.1.3680043.8.498.2" in told.facts["references"]
            assert "Liver (SCT 10200004)" in str(told.segments[0])
            assert str(path) in str(told)
            assert told.to_json()["facts"] == told.facts

    def test_tells_modifiers_of_type_and_region(self, tmp_path):
        side, part = Code("SCT", "24028007", "Right"), Code("SCT", "264193008", "Left half")
        codes = replace(LIVER, type_modifier=side, region=Code("SCT", "818981001", "Abdomen"), region_modifier=part)
        (path,) = export(
            a_segmentation([a_sphere()], terminologies=[codes]), a_source(), tmp_path, options=fixed_options()
        ).paths

        inspection = inspect(path)

        told = "Liver (SCT 10200004), Right (SCT 24028007), in Abdomen (SCT 818981001), Left half (SCT 264193008)"
        assert str(inspection).endswith(told)
        (segment,) = inspection.to_json()["segments"]
        assert segment["number"] == 1
        assert segment["region_modifier"] == {"scheme": "SCT", "value": "264193008", "meaning": "Left half"}
        assert segment["frames"] is None

    def test_tells_which_file_of_its_export_one_is(self, written):
        told = [inspect(path).facts.get("file") for path in written("rle-per-segment")]

        assert told == ["1 of 2 of its export", "2 of 2 of its export"]
        assert "file" not in inspect(written("none")[0]).facts

    def test_counts_frames_by_segment(self, written):
        told = inspect(written("none")[0])

        assert str(told.segments[0]).endswith(", 5 frames")
        assert [segment["frames"] for segment in told.to_json()["segments"]] == [5, 5]
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

    def test_tells_a_frame_that_cannot_be_read_and_what_helps(self, written):
        (path,) = written("rle")
        dataset = pydicom.dcmread(path)
        with_frames_cut_short(dataset)
        dataset.save_as(path)

        told = inspect(path)

        assert told.faults[0].startswith("frame 1 cannot be read: 0 segments for 1 bytes of a pixel")
        assert str(told).splitlines()[-1] == f"  {GET_ANEW}"

    def test_shows_five_faults_and_counts_the_others(self, written):
        told = replace(inspect(written("none")[0]), faults=tuple(f"fault {n}" for n in range(8)))

        assert str(told).count("FAULT") == 5
        assert "and 3 faults more" in str(told)


class TestReading:
    def test_rle_is_never_decoded_by_pydicom(self, written, monkeypatch):
        """pydicom would try python-gdcm first, which aborts the process on frames of odd size."""
        monkeypatch.setattr(frame_decoding, "get_decoder", lambda syntax: pytest.fail(f"pydicom is asked for {syntax}"))

        for encoding in ("rle", "rle-binary", "rle-per-segment"):
            for path in written(encoding):
                assert list(SegFile(path).pixels())

    def test_what_is_no_dicom_file_is_refused(self, tmp_path):
        (tmp_path / "notes.txt").write_text("no image")

        with pytest.raises(NotASegmentationFileError, match=r"notes\.txt is not a readable DICOM Segmentation"):
            SegFile(tmp_path / "notes.txt")

    def test_what_is_no_segmentation_is_refused(self, written):
        (path,) = written("none")
        dataset = pydicom.dcmread(path)
        del dataset.SegmentSequence
        dataset.save_as(path)

        with pytest.raises(NotASegmentationFileError, match="it has no Segment Sequence"):
            SegFile(path)


def without(*keywords):
    """Return the change that takes attributes out of a dataset."""

    def change(dataset):
        for keyword in keywords:
            delattr(dataset, keyword)

    return change


def with_values(**values):
    """Return the change that gives attributes of a dataset other values."""

    def change(dataset):
        for keyword, value in values.items():
            setattr(dataset, keyword, value)

    return change


def without_segment_number(dataset):
    del dataset.SegmentSequence[0].SegmentNumber


def with_one_segment_number_twice(dataset):
    dataset.SegmentSequence[1].SegmentNumber = dataset.SegmentSequence[0].SegmentNumber


def without_place(dataset):
    del dataset.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence


def with_empty_place(dataset):
    dataset.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence[0].ImagePositionPatient = None


def without_segment_of_a_frame(dataset):
    del dataset.PerFrameFunctionalGroupsSequence[1].SegmentIdentificationSequence


def without_shared_groups(dataset):
    del dataset.SharedFunctionalGroupsSequence


def with_short_pixels(dataset):
    dataset.PixelData = dataset.PixelData[:4]


def with_frames_cut_short(dataset):
    dataset.PixelData = encapsulate([bytes(64)] * dataset.NumberOfFrames)


class TestDamage:
    """A damaged or foreign file is told in a sentence that names what is wrong, never in a traceback."""

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            (without("Rows"), "it has no Rows"),
            (without("BitsAllocated"), "it has no Bits Allocated"),
            (
                without("PerFrameFunctionalGroupsSequence"),
                "Number of Frames is 10, Per-Frame Functional Groups Sequence has 0 items",
            ),
            (without_segment_number, "the Segment Number of one of its segments is missing"),
            (with_one_segment_number_twice, "two of its segments have one Segment Number"),
            (with_values(NumberOfFrames=2_000_000_000), "its Number of Frames is 2000000000"),
            (with_values(NumberOfFrames=0), "its Number of Frames is 0"),
            (with_values(Rows=0), "its Rows, Columns or Bits Allocated is 0"),
            (without_place, "its frames have no position in the patient"),
            (with_empty_place, "its frames have no position in the patient"),
            (without_segment_of_a_frame, "frame 2 does not say which segment it shows"),
            (without_shared_groups, "its frames have no orientation in the patient"),
            (with_short_pixels, r"Pixel Data has 4 bytes, its frames need \d+"),
            (
                with_values(DimensionOrganizationType="TILED_FULL"),
                r"tiles of a slide .*TILED_FULL\), not planes. Give a SEG of wh",
            ),
        ],
    )
    def test_is_told_by_verify(self, change, told, written):
        (path,) = written("none")
        dataset = pydicom.dcmread(path)
        change(dataset)
        dataset.save_as(path)

        with pytest.raises(NotASegmentationFileError, match=told):
            compare([path], a_separate_pair(), a_source())
        with suppress(NotASegmentationFileError):
            inspect(path)

    @pytest.mark.parametrize("encoding", ["rle", "labelmap", "rle-binary"])
    def test_of_coded_frames_is_told_by_verify(self, encoding, written):
        path = written(encoding)[0]
        dataset = pydicom.dcmread(path)
        if not dataset.file_meta.TransferSyntaxUID.is_encapsulated:
            with_short_pixels(dataset)
        else:
            with_frames_cut_short(dataset)
        dataset.save_as(path)

        with pytest.raises(NotASegmentationFileError, match="Pixel Data of frame 1 of|Pixel Data has 4 bytes"):
            compare([path], a_separate_pair())

    def test_of_a_frame_names_it_in_plain_words_and_says_what_helps(self, written):
        (path,) = written("rle")
        dataset = pydicom.dcmread(path)
        with_frames_cut_short(dataset)
        dataset.save_as(path)

        with pytest.raises(NotASegmentationFileError) as refused:
            compare([path], a_separate_pair())

        told = "Pixel Data of frame 1 of 7 is not as DICOM has it: 0 segments at [0] for 1 bytes of a pixel (G.2, G.5)"
        assert str(refused.value) == f"{path} is not a readable DICOM Segmentation: {told}. {GET_ANEW}"

    @pytest.mark.parametrize(
        ("encoding", "told"),
        [
            ("rle", "it is cut short: the file ends in Pixel Data, behind 6 whole fragments for 7 frames"),
            ("none", "it is cut short: Pixel Data should have 80 bytes"),
        ],
    )
    def test_of_a_file_cut_in_its_pixels_says_what_is_missing_and_to_get_it_anew(self, encoding, told, written):
        (path,) = written(encoding)
        path.write_bytes(path.read_bytes()[:-20])

        for look in (inspect, lambda path: compare([path], a_separate_pair())):
            with pytest.raises(NotASegmentationFileError) as refused:
                look(path)
            assert str(refused.value) == f"{path} is not a readable DICOM Segmentation: {told}. {GET_ANEW}"

    def test_of_a_seg_without_its_pixels_is_told_to_be_got_anew_and_images_to_be_exchanged(self, written, tmp_path):
        (path,) = written("none")
        dataset = pydicom.dcmread(path)
        del dataset.PixelData
        dataset.save_as(path)
        dataset.SOPClassUID = CTImageStorage
        dataset.save_as(tmp_path / "image.dcm")

        with pytest.raises(NotASegmentationFileError, match=f"it has no Pixel Data. {GET_ANEW}"):
            inspect(path)
        with pytest.raises(NotASegmentationFileError, match="it is CT Image Storage. Give a file of modality SEG."):
            inspect(tmp_path / "image.dcm")

    @pytest.mark.parametrize(
        ("error", "told"),
        [
            (MemoryError(), f"Pixel Data is too large for this machine's memory. {MORE_MEMORY}"),
            (KeyError("Rows"), f"Pixel Data cannot be read (KeyError: 'Rows'). {GET_ANEW}"),
            (ValueError("it is odd\nin line 2"), f"Pixel Data cannot be read (it is odd). {GET_ANEW}"),
            (EOFError(), f"Pixel Data cannot be read (EOFError). {GET_ANEW}"),
        ],
        ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
    )
    def test_of_any_kind_is_told_with_what_was_being_read(self, error, told, tmp_path):
        with pytest.raises(NotASegmentationFileError) as refused, readable(tmp_path, "Pixel Data"):
            raise error
        assert str(refused.value) == f"{tmp_path} is not a readable DICOM Segmentation: {told}"

    @pytest.mark.parametrize("encoding", ["none", "rle", "deflate"])
    def test_of_a_file_cut_anywhere_never_ends_in_a_traceback(self, encoding, written):
        (path,) = written(encoding)
        whole = path.read_bytes()
        for length in range(0, len(whole), len(whole) // 40):
            path.write_bytes(whole[:length])
            for look in (inspect, lambda path: compare([path], a_separate_pair())):
                with suppress(NotASegmentationFileError):
                    look(path)

    def test_of_frames_whose_segment_is_not_described_is_a_fault(self, written):
        (path,) = written("none")
        dataset = pydicom.dcmread(path)
        del dataset.SegmentSequence[1]
        dataset.save_as(path)

        assert inspect(path).faults == ("5 frames show segment 2, which is not described",)

    def test_a_tiled_slide_is_inspected_without_places(self, written):
        (path,) = written("none")
        dataset = pydicom.dcmread(path)
        dataset.DimensionOrganizationType = "TILED_FULL"
        del dataset.PerFrameFunctionalGroupsSequence
        dataset.save_as(path)

        assert inspect(path).facts["frames"] == "10"


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

        told = [difference.what for difference in comparison.differences if difference.kind == "frames"]
        assert told[0] == f"frames of {path.name} that repeat the segment and plane of another: 1"
        assert all(segment.is_equal for segment in comparison.segments)
        assert not comparison.is_equal

    def test_finds_a_segmentation_that_lies_elsewhere(self, written):
        moved = A_GRID.cropped((0, 1, 0), A_GRID.shape_kji)
        pair = a_separate_pair()
        layers = tuple(replace(layer, geometry=moved) for layer in pair.layers)

        assert not compare(written("rle"), replace(pair, layers=layers)).is_equal

    def test_names_segments_that_have_no_partner(self, written):
        outcome = compare(written("none"), a_segmentation([two_overlapping_boxes()[0]] * 2, names=["one", "third"]))

        told = [difference.what for difference in outcome.differences]
        assert any("the segment 'other' of" in what for what in told)
        assert "the segment 'third' is in none of the files" in told

    def test_finds_two_segments_of_one_name_each_its_partner(self, tmp_path):
        same = a_segmentation([layer.labels_kji > 0 for layer in a_separate_pair().layers], names=["same", "same"])
        paths = export(same, a_source(), tmp_path, "none").paths

        assert compare(paths, same).is_equal

    def test_finds_references_to_other_images(self, written):
        source = a_source()
        frames = tuple(frame._replace(sop_instance_uid="1.2.3") for frame in source.frames)

        outcome = compare(written("none"), a_separate_pair(), replace(source, frames=frames))

        assert any(difference.kind == "references" for difference in outcome.differences)
