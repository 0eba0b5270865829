"""Masks, one for each segment: a folder, several files, or several volumes of one file."""

from __future__ import annotations

import numpy as np
import pytest
from file_builders import TO_RAS, a_nifti, a_nifti_of_two_places
from SegRLEExportLib.errors import UnreadableSegmentationError
from SegRLEExportLib.files.read import masks_in, read_masks, read_segmentation
from SegRLEExportLib.files.tables.describe import with_algorithm
from SegRLEExportLib.model.segmentation import AlgorithmType

SHAPE = (3, 4, 5)


def a_mask(*places: tuple[int, int, int]):
    mask = np.zeros(SHAPE, np.uint8)
    for place in places:
        mask[place] = 1
    return mask


ONE, OTHER, BOTH = a_mask((0, 0, 0), (1, 1, 1)), a_mask((2, 2, 2)), a_mask((1, 1, 1), (2, 2, 2))


def mask_of(segmentation, n):
    segment = segmentation.segments[n]
    return np.asarray(segmentation.layers[segment.layer_index].labels_kji == segment.layer_value)


def refusal(read, *arguments):
    with pytest.raises(UnreadableSegmentationError) as caught:
        read(*arguments)
    return str(caught.value)


def test_a_folder_has_a_segment_for_each_file_and_overlaps_are_kept(tmp_path):
    for name, mask in (("spleen", OTHER), ("liver", ONE), ("body", BOTH)):
        a_nifti(tmp_path, mask, name=f"{name}.nii.gz")
    (tmp_path / "statistics.json").write_text("{}")
    (tmp_path / "._liver.nii.gz").write_bytes(b"made by macOS")

    segmentation = read_segmentation(tmp_path)

    assert segmentation.name == tmp_path.name
    assert [segment.name for segment in segmentation.segments] == ["body", "liver", "spleen"]
    for n, mask in enumerate((BOTH, ONE, OTHER)):
        assert np.array_equal(mask_of(segmentation, n), mask)
    assert len(segmentation.layers) == 2


def test_masks_that_do_not_meet_share_a_layer_and_an_empty_one_is_kept(tmp_path):
    paths = [a_nifti(tmp_path, mask, name=f"{n}.nii") for n, mask in enumerate((ONE, a_mask(), OTHER))]
    segmentation = read_masks(paths, "three")
    assert [(one.layer_index, one.layer_value) for one in segmentation.segments] == [(0, 1), (0, 2), (0, 3)]


def test_each_may_have_a_grid_of_its_own(tmp_path):
    moved = TO_RAS.copy()
    moved[2, 3] += 2.5
    paths = [a_nifti(tmp_path, ONE, name="a.nii"), a_nifti(tmp_path, OTHER, moved, name="b.nii")]
    paths.append(a_nifti(tmp_path, OTHER, name="c.nii"))
    segmentation = read_masks(paths, "three")
    assert [one.layer_index for one in segmentation.segments] == [0, 1, 0]
    assert segmentation.layers[1].geometry.kji_to_lps[2, 3] == 52.5


@pytest.mark.parametrize(
    "mask", [ONE * 255, ONE.astype(np.float32), ONE.astype(np.int16), ONE * 1.0 + 2e-8, ONE * (255 + 2e-6)]
)
def test_other_ways_to_say_inside(tmp_path, mask):
    assert np.array_equal(mask_of(read_masks([a_nifti(tmp_path, mask)], "m"), 0), ONE)


def test_known_names_bring_codes_and_colors(tmp_path):
    paths = [a_nifti(tmp_path, ONE, name="liver.nii.gz"), a_nifti(tmp_path, OTHER, name="kidney_left.nii.gz")]
    segmentation = read_masks(paths, "case")
    assert [one.terminology.type.value for one in segmentation.segments] == ["10200004", "64033007"]
    assert [one.id for one in segmentation.findings] == ["known-names", "algorithm-not-told"]
    assert "does not say what made the segments, so MANUAL is written" in segmentation.findings[1].what
    told = with_algorithm(segmentation, AlgorithmType.AUTOMATIC, "TotalSegmentator")
    assert [one.id for one in told.findings] == ["known-names"]


def test_two_places_are_told_once_for_all_files(tmp_path):
    for name, mm in (("a", 7), ("b", 7), ("c", 9.5), ("d", 0)):
        a_nifti_of_two_places(tmp_path, OTHER, TO_RAS, name=f"{name}.nii", beside_mm=mm)
    (told,) = read_segmentation(tmp_path).findings
    assert (told.id, told.where) == ("two-places", "a.nii")
    assert told.what == (
        "The file states two places for its voxels (sform and qform), up to 7 mm apart; that of the sform is taken. "
        "The same applies to 2 more (b.nii, c.nii)."
    )
    assert "up to 9.5 mm apart" in told.details[1]


def test_other_values_are_refused(tmp_path):
    path = a_nifti(tmp_path, ONE + 2 * OTHER, name="labels.nii.gz")
    assert refusal(read_masks, [path], "m").startswith(
        f"The segmentation {path} cannot be read: as a mask it must have the values 0 and 1, and it has 1, 2; "
        "give it alone as a label map."
    )


def test_the_first_of_many_values_are_told_as_such(tmp_path):
    path = a_nifti(tmp_path, np.arange(8, dtype=np.uint8).reshape(2, 2, 2), name="labels.nii.gz")
    assert "and it has 1, 2, 3, 4, 5, ...; give it alone as a label map." in refusal(read_masks, [path], "m")


def test_a_folder_in_place_of_one_mask_is_told(tmp_path):
    a_nifti(tmp_path, ONE, name="a.nii.gz")
    assert refusal(read_masks, [tmp_path / "a.nii.gz", tmp_path], "m") == (
        f"The segmentation {tmp_path} cannot be read: it is a folder, and the file of one mask is needed. Give the "
        "file of each mask, or the folder alone."
    )


class TestWhatHelps:
    """A list of the kinds that are read helps only who gave another."""

    def told(self, path):
        return refusal(read_segmentation, path).partition(" cannot be read: ")[2]

    def test_is_a_list_of_kinds_where_it_is_none_of_them(self, tmp_path):
        (tmp_path / "a.txt").write_text("names")
        assert self.told(tmp_path / "a.txt").startswith(
            "its content is none of NRRD, NIfTI and MetaImage. Give a .seg.nrrd as Slicer saves it, a label map as"
        )

    def test_is_to_save_anew_what_is_cut_short(self, tmp_path):
        cut = a_nifti(tmp_path, ONE, name="a.nii.gz")
        cut.write_bytes(cut.read_bytes()[:-9])
        assert self.told(cut).endswith(". Copy it anew, or save it again.")

    def test_is_in_the_sentence_where_labels_are_none(self, tmp_path):
        labels = a_nifti(tmp_path, ONE.astype(np.int16) * 7 - 1)
        assert self.told(labels) == ("its labels range from -1 to 6, and labels must be whole numbers from 0 to 65535.")


def test_a_mask_that_cannot_be_read_is_named(tmp_path):
    whole = a_nifti(tmp_path, ONE, name="a.nii.gz")
    cut = a_nifti(tmp_path, OTHER, name="b.nii.gz")
    cut.write_bytes(cut.read_bytes()[:-9])
    assert f"The segmentation {cut} cannot be read: it is cut short" in refusal(read_masks, [whole, cut], "m")


def test_two_files_of_one_name_are_refused(tmp_path):
    paths = [a_nifti(tmp_path, ONE, name="a.nii"), a_nifti(tmp_path, ONE, name="a.nii.gz")]
    assert refusal(read_masks, paths, "m").endswith("two masks have the name 'a'. Give one another name.")


def test_a_folder_without_masks_is_refused(tmp_path):
    (tmp_path / "x.dcm").touch()
    assert "the folder has no mask (.nii, .nii.gz, .nrrd, .nhdr, .mha, .mhd)" in refusal(masks_in, tmp_path)


@pytest.mark.parametrize("rounding", [0, 2e-8])
def test_volumes_of_zero_and_one_are_segments(tmp_path, rounding):
    segmentation = read_segmentation(a_nifti(tmp_path, np.stack([ONE, OTHER, BOTH]) + rounding))
    assert [one.name for one in segmentation.segments] == ["Segment 1", "Segment 2", "Segment 3"]
    for n, mask in enumerate((ONE, OTHER, BOTH)):
        assert np.array_equal(mask_of(segmentation, n), mask)
