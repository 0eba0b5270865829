"""DICOM SEG of any program become segmentations and sources: against the truth beside them, in world space."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from builders import LEFT_KIDNEY, a_segmentation, a_source, a_sphere, fixed_options, two_overlapping_boxes
from SegRLEExportLib.encoding.plan import PLANS, Split
from SegRLEExportLib.errors import NotASegmentationFileError, UnusableSegFileError
from SegRLEExportLib.export import export
from SegRLEExportLib.files.read import read_segmentation
from SegRLEExportLib.reading import segmentation
from SegRLEExportLib.reading.inspection import inspect
from SegRLEExportLib.reading.segmentation import segmentation_of
from SegRLEExportLib.reading.source import source_of

every_encoding = pytest.mark.parametrize("encoding", PLANS)


def masks_on(segmentation, positions):
    """Return for each segment its voxels on planes at those positions, (planes, rows, columns, segments)."""
    masks = []
    for segment in segmentation.segments:
        layer = segmentation.layers[segment.layer_index]
        mask = np.zeros((len(positions), *layer.geometry.shape_kji[1:]), bool)
        for k, labels in enumerate(layer.labels_kji):
            place = (layer.geometry.kji_to_lps @ (k, 0, 0, 1.0))[:3]
            distances = np.linalg.norm(positions - place, axis=1)
            assert distances.min() < 1e-3 or not labels.any()
            mask[distances.argmin()] |= labels == segment.layer_value
        masks.append(mask)
    return np.stack(masks, axis=-1)


def positions_of_study(folder, shape):
    images = sorted((folder / f"ct_{shape}").glob("*.dcm"))
    return np.array([pydicom.dcmread(image).ImagePositionPatient for image in images], float)


def test_files_of_the_reader_study_become_the_truth_in_every_encoding(shared_interop):
    wrong = []
    for path in sorted(shared_interop.glob("*__*.dcm")):
        shape = path.stem.split("__")[1]
        truth = np.load(shared_interop / f"truth_{shape}.npy").astype(bool)
        found = masks_on(segmentation_of([path]), positions_of_study(shared_interop, shape[:5]))
        if not np.array_equal(found, truth):
            wrong.append(path.name)

    assert wrong == []


@pytest.mark.parametrize(
    "name", ["empty_seg2_BIN_native_all", "empty_seg2_LM8_RLE", "gap_BIN_omit", "gap_LM8_RLE_omit"]
)
def test_empty_segments_and_planes_without_frames_are_kept(name, shared_interop):
    edge = shared_interop / "edge"
    truth = np.load(edge / f"{name.split('_')[0]}_truth.npy").astype(bool)

    found = segmentation_of([edge / f"{name}.dcm"])

    assert np.array_equal(masks_on(found, positions_of_study(shared_interop, "64x64")), truth)


def test_files_with_a_segment_each_are_joined_on_as_few_layers_as_there_can_be(shared_interop):
    files = [shared_interop / "edge" / f"single_FR1_RLE_seg{number}.dcm" for number in (1, 2, 3)]
    truth = np.load(shared_interop / "truth_37x41_ovl.npy").astype(bool)

    found = segmentation_of(files)

    assert np.array_equal(masks_on(found, positions_of_study(shared_interop, "37x41")), truth)
    assert [segment.name for segment in found.segments] == ["seg1", "seg2", "seg3"]
    assert len(found.layers) == 2
    assert len(source_of(files).stack) == len(np.flatnonzero(truth.any(axis=(1, 2, 3))))


@every_encoding
def test_what_we_export_comes_back_whole(encoding, tmp_path):
    source = a_source()
    masks = [*two_overlapping_boxes(), a_sphere(), np.zeros_like(a_sphere())]
    terminologies = [LEFT_KIDNEY, None, None, None]
    given = a_segmentation(masks, names=["left kidney", "Größe", "b", "nothing"], terminologies=terminologies)
    paths = export(given, source, tmp_path / encoding, encoding, options=fixed_options()).paths

    found = segmentation_of(paths)

    by_name = {segment.name: n for n, segment in enumerate(found.segments)}
    voxels = masks_on(found, source.stack.positions_lps)
    kept = given.segments[:3] if PLANS[encoding].split is Split.EACH_SEGMENT else given.segments
    """A file has a frame, so that a segment without voxels has none of its own."""
    assert set(by_name) == {segment.name for segment in kept}
    for n, segment in enumerate(kept):
        back = found.segments[by_name[segment.name]]
        assert np.count_nonzero(voxels[..., by_name[segment.name]]) == np.count_nonzero(masks[n])
        assert back.color_rgb == pytest.approx(segment.color_rgb, abs=2e-3)
        assert back.algorithm_type is segment.algorithm_type
        assert segment.terminology is None or back.terminology == segment.terminology


def test_a_dicom_seg_is_read_by_its_content_and_exported_anew_onto_what_it_refers_to(shared_interop, tmp_path):
    path = tmp_path / "named.nii"
    path.write_bytes((shared_interop / "b_BIN_RLE_bitpacked__37x41_dis.dcm").read_bytes())

    given = read_segmentation(path)
    report = export(given, source_of([path]), tmp_path / "out", "none", options=fixed_options())

    back = segmentation_of(report.paths)
    assert len(given.segments) == 3
    truth = np.load(shared_interop / "truth_37x41_dis.npy").astype(bool)
    assert np.array_equal(masks_on(back, positions_of_study(shared_interop, "37x41")), truth)


class TestFractions:
    @pytest.fixture
    def probabilities(self, shared_data):
        return shared_data / "13_generated_dicom_seg" / "highdicom_CT_fractional_prob_rle.dcm"

    def test_are_refused_without_a_threshold(self, probabilities):
        with pytest.raises(
            UnusableSegFileError, match="of type probability, not only 0 and 255.*Give a threshold above 0"
        ):
            segmentation_of([probabilities])

    def test_are_taken_from_the_threshold_on(self, probabilities):
        stored = pydicom.dcmread(probabilities).pixel_array

        found = segmentation_of([probabilities], threshold=0.5)

        assert np.count_nonzero(found.layers[0].labels_kji) == np.count_nonzero(stored >= 0.5 * 255)


def changed(path, folder, change):
    dataset = pydicom.dcmread(path)
    change(dataset)
    dataset.save_as(folder / "changed.dcm")
    return folder / "changed.dcm"


def moved(frame, millimetres):
    def change(dataset):
        group = dataset.PerFrameFunctionalGroupsSequence[frame].PlanePositionSequence[0]
        x, y, z = group.ImagePositionPatient
        group.ImagePositionPatient = [x, y, z + millimetres]

    return change


def without_references(dataset):
    del dataset.ReferencedSeriesSequence


def without_places(dataset):
    for group in dataset.PerFrameFunctionalGroupsSequence:
        del group.PlanePositionSequence


def without_source_of_a_frame(dataset):
    dataset.PerFrameFunctionalGroupsSequence[2].DerivationImageSequence = []


def with_a_frame_twice(dataset):
    dataset.PerFrameFunctionalGroupsSequence[1] = dataset.PerFrameFunctionalGroupsSequence[0]


def with_another_number(dataset):
    dataset.SegmentSequence[1].SegmentNumber = 77


def without_a_meaning(dataset):
    del dataset.SegmentSequence[0].SegmentedPropertyTypeCodeSequence[0].CodeMeaning


def without_a_category(dataset):
    del dataset.SegmentSequence[0].SegmentedPropertyCategoryCodeSequence


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (without_a_meaning, "its type 'SCT^10200004^' lacks a meaning"),
        (without_a_category, "it has codes (SCT^10200004^Liver), but none for its category"),
    ],
)
def test_codes_that_lack_a_part_are_told(change, fault, tmp_path):
    (path,) = export(a_segmentation([a_sphere()]), a_source(), tmp_path, options=fixed_options()).paths
    changed_path = changed(path, tmp_path, change)
    (segment,) = segmentation_of([changed_path]).segments
    assert (segment.terminology, segment.code_faults) == (None, (fault,))
    assert f" ({fault})\n" in f"{inspect(changed_path)}\n"


class TestRefusals:
    @pytest.fixture
    def a_file(self, shared_interop):
        return shared_interop / "f_LM8_native__64x64_dis.dcm"

    def test_uneven_planes(self, a_file, tmp_path):
        with pytest.raises(UnusableSegFileError, match=r"its planes lie 1.5 to 3.5 mm apart, on no even grid"):
            segmentation_of([changed(a_file, tmp_path, moved(4, 1.0))])

    def test_planes_that_are_nearly_even_are_taken_for_the_nearest(self, a_file, tmp_path):
        found = segmentation_of([changed(a_file, tmp_path, moved(4, 0.1))])

        assert np.array_equal(found.layers[0].labels_kji, segmentation_of([a_file]).layers[0].labels_kji)

    def test_pixels_of_a_segment_that_is_not_described(self, a_file, tmp_path):
        with pytest.raises(NotASegmentationFileError, match="its pixels show segment 1, which is not described"):
            segmentation_of([changed(a_file, tmp_path, with_another_number)])

    def test_frames_without_a_place(self, a_file, tmp_path):
        path = changed(a_file, tmp_path, without_places)

        for door in (segmentation_of, source_of):
            with pytest.raises(UnusableSegFileError, match="its frames have no position in the patient. Only a segm"):
                door([path])

    def test_frames_of_several_times(self, shared_interop, tmp_path):
        path = changed(shared_interop / "d0_FR255_native__64x64_dis.dcm", tmp_path, with_a_frame_twice)

        with pytest.raises(UnusableSegFileError, match="2 of its frames show segment 1 on one plane, as where there"):
            segmentation_of([path])

    def test_label_maps_of_several_times(self, a_file, tmp_path):
        with pytest.raises(UnusableSegFileError, match="two of its frames are label maps of one plane"):
            segmentation_of([changed(a_file, tmp_path, with_a_frame_twice)])

    def test_planes_without_an_image(self, a_file, tmp_path):
        with pytest.raises(UnusableSegFileError, match="the frames on 1 of 12 planes name no image. Give the folder"):
            source_of([changed(a_file, tmp_path, without_source_of_a_frame)])

    def test_too_little_memory(self, a_file, monkeypatch):
        def none_left(*_):
            raise MemoryError

        monkeypatch.setattr(segmentation, "_painted", none_left)

        with pytest.raises(UnusableSegFileError, match="there is not enough memory for its voxels"):
            segmentation_of([a_file])

    def test_no_images_to_refer_to(self, a_file, tmp_path):
        with pytest.raises(UnusableSegFileError, match=r"it refers to no series of images\. Give the folder"):
            source_of([changed(a_file, tmp_path, without_references)])

    def test_files_of_different_studies(self, a_file, shared_interop):
        other = shared_interop / "f_LM8_native__37x41_dis.dcm"

        with pytest.raises(UnusableSegFileError, match="it does not share the "):
            segmentation_of([a_file, other])


class TestOrder:
    """Segments come in the order in which they were exported, from several files and with empty ones between."""

    NAMES = ("one", "empty", "other", "last")

    def exported(self, folder, encoding):
        one, other = two_overlapping_boxes()
        masks = [one, np.zeros_like(one), other, ~(one | other)]
        return export(
            a_segmentation(masks, names=self.NAMES), a_source(), folder, encoding, options=fixed_options()
        ).paths

    def names(self, paths):
        return [segment.name for segment in segmentation_of(paths).segments]

    @every_encoding
    def test_is_that_of_the_caller_however_the_files_are_given(self, encoding, tmp_path):
        paths = self.exported(tmp_path, encoding)
        kept = [name for name in self.NAMES if name != "empty" or PLANS[encoding].split is not Split.EACH_SEGMENT]
        assert self.names(paths) == self.names(paths[::-1]) == kept

    def test_is_that_of_the_files_where_an_archive_dropped_what_tells_it(self, tmp_path):
        paths = self.exported(tmp_path, "rle")
        for path in paths:
            dataset = pydicom.dcmread(path)
            dataset.remove_private_tags()
            dataset.save_as(path)
        assert self.names(paths) == ["one", "last", "empty", "other"]

    def test_is_found_where_an_archive_moved_it_and_nonsense_is_passed_over(self, tmp_path):
        (path,) = self.exported(tmp_path, "none")
        dataset = pydicom.dcmread(path)
        places = list(dataset[0x0063, 0x1001].value)
        dataset.remove_private_tags()
        dataset.private_block(0x0063, "Gr\xf6\xdfe", create=True).add_new(1, "US", [9, 9])
        block = dataset.private_block(0x0063, "SegRLEExport", create=True)
        block.add_new(1, "US", places)
        dataset.save_as(path)
        assert self.names([path]) == list(self.NAMES)
        block[1].value = places[:2]
        dataset.save_as(path)
        assert self.names([path]) == ["one", "other", "last", "empty"]
