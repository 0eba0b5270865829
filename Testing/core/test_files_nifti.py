"""NIfTI: the file that was named, whole, where its header puts it; everything else refused by its reason."""

from __future__ import annotations

import gzip
import struct

import nibabel
import numpy as np
import pytest
from file_builders import LABELS, TO_RAS, a_nifti, a_nifti_of_two_places
from SegRLEExportLib.errors import UnreadableSegmentationError, UnreadableVolumeError
from SegRLEExportLib.files.read import read_segmentation, read_volume

TO_LPS = np.diag([-1.0, -1, 1, 1]) @ TO_RAS


def places(segmentation, value=2):
    """LPS of the voxels of a label, as a set."""
    layer = segmentation.layers[0]
    kji = np.argwhere(layer.labels_kji == value)
    found = np.c_[kji, np.ones(len(kji))] @ layer.geometry.kji_to_lps.T
    return {tuple(place) for place in found[:, :3].round(4) + 0.0}


EXPECTED = {(-20 + 0.8 * i, -30 + 1.0 * j, 52.5) for j in (1, 2) for i in (2, 3)}
EXPECTED = {tuple(round(x, 4) for x in place) for place in EXPECTED}


def refusal(path, read=read_segmentation):
    error = UnreadableVolumeError if read is read_volume else UnreadableSegmentationError
    with pytest.raises(error) as caught:
        read(path)
    return str(caught.value)


class TestRight:
    @pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
    @pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
    def test_whole_files_of_both_versions(self, tmp_path, name, kind):
        segmentation = read_segmentation(a_nifti(tmp_path, name=name, kind=kind))
        assert np.array_equal(segmentation.layers[0].labels_kji, LABELS)
        assert places(segmentation) == EXPECTED
        assert [(one.name, one.layer_value) for one in segmentation.segments] == [
            ("Label 1", 1),
            ("Label 2", 2),
            ("Label 3", 3),
        ]
        assert segmentation.name == "a"

    def test_the_named_file_is_read_not_its_neighbour(self, tmp_path):
        a_nifti(tmp_path, np.zeros_like(LABELS), name="a.nii")
        assert places(read_segmentation(a_nifti(tmp_path, name="a.nii.gz"))) == EXPECTED

    def test_gzip_is_known_by_content_not_by_name(self, tmp_path):
        gzipped = a_nifti(tmp_path, name="a.nii.gz")
        gzipped.rename(tmp_path / "b.nii")
        assert places(read_segmentation(tmp_path / "b.nii")) == EXPECTED

    def test_several_gzip_members(self, tmp_path):
        content = a_nifti(tmp_path, name="a.nii").read_bytes()
        path = tmp_path / "b.nii.gz"
        path.write_bytes(gzip.compress(content[:400]) + gzip.compress(content[400:]))
        assert places(read_segmentation(path)) == EXPECTED

    def test_one_volume_of_four_dimensions(self, tmp_path):
        assert places(read_segmentation(a_nifti(tmp_path, LABELS[None]))) == EXPECTED

    def test_one_plane_of_two_dimensions_lies_where_its_sform_says(self, tmp_path):
        path = a_nifti(tmp_path, LABELS[1])
        assert nibabel.load(path).ndim == 2
        path = a_nifti(
            tmp_path, LABELS[1], TO_RAS @ np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 1.0]])
        )
        assert places(read_segmentation(path)) == EXPECTED

    def test_sheared_axes(self, tmp_path):
        to_ras = TO_RAS.copy()
        to_ras[1, 2] = 0.6
        geometry = read_segmentation(a_nifti(tmp_path, to_ras=to_ras)).layers[0].geometry
        assert geometry.kji_to_lps[:3, 0] == pytest.approx((0, -0.6, 2.5))

    def test_two_statements_of_places_that_differ_are_told_and_the_sform_is_taken(self, tmp_path):
        segmentation = read_segmentation(a_nifti_of_two_places(tmp_path, LABELS, TO_RAS, name="q.nii"))
        assert places(segmentation) == EXPECTED
        (told,) = segmentation.findings
        assert (told.id, told.where) == ("two-places", "q.nii")
        assert "(sform and qform), up to 7 mm apart; that of the sform is taken." in told.what
        same = a_nifti_of_two_places(tmp_path, LABELS, TO_RAS, name="same.nii", beside_mm=0)
        assert read_segmentation(same).findings == ()

    def test_two_statements_of_places_are_told_of_an_image_and_of_several_volumes(self, tmp_path):
        volume = read_volume(a_nifti_of_two_places(tmp_path, LABELS, TO_RAS, name="v.nii"))
        of_one = [value == LABELS for value in (1, 2, 3)]
        path = a_nifti_of_two_places(tmp_path, np.stack(of_one).astype(np.uint8), TO_RAS, name="four.nii")
        segmentation = read_segmentation(path)
        assert [len(found.findings) for found in (volume, segmentation)] == [1, 1]
        for found, where in ((volume.findings[0], "v.nii"), (segmentation.findings[0], "four.nii")):
            assert (found.id, found.where) == ("two-places", where)
            assert "up to 7 mm apart; that of the sform is taken." in found.what
        assert np.allclose(volume.geometry.kji_to_lps, TO_LPS[:, [2, 1, 0, 3]])
        assert len(segmentation.segments) == 3

    @pytest.mark.parametrize(
        ("qfac", "reason"), [(0, ""), (3e20, "its qfac is 3e+20"), (float("nan"), "its qfac is nan")]
    )
    def test_a_qfac_of_0_is_1_and_any_other_is_refused(self, tmp_path, qfac, reason):
        image = nibabel.Nifti1Image(LABELS.T, None)
        image.set_qform(TO_RAS @ np.diag([-1, 1, 1, 1]), 1)
        content = bytearray(image.to_bytes())
        content[76:80] = struct.pack("<f", qfac)
        (tmp_path / "a.nii").write_bytes(content)
        if reason:
            assert reason in refusal(tmp_path / "a.nii")
        else:
            place = read_segmentation(tmp_path / "a.nii").layers[0].geometry
            assert np.allclose(place.kji_to_lps[:3, 3], [-20, -30, 50])

    def test_the_qform_where_there_is_no_sform(self, tmp_path):
        image = nibabel.Nifti1Image(LABELS.T, None)
        image.set_qform(TO_RAS, 1)
        image.set_sform(None, 0)
        (tmp_path / "q.nii").write_bytes(image.to_bytes())
        assert places(read_segmentation(tmp_path / "q.nii")) == EXPECTED

    @pytest.mark.parametrize("dtype", ["int16", ">u2", "int32", "float32", "float64", "int8"])
    def test_every_type_that_holds_whole_numbers(self, tmp_path, dtype):
        segmentation = read_segmentation(a_nifti(tmp_path, LABELS.astype(dtype)))
        assert np.array_equal(segmentation.layers[0].labels_kji, LABELS)

    def test_a_big_endian_file(self, tmp_path):
        image = nibabel.Nifti1Image(LABELS.T.astype(">i2"), TO_RAS, nibabel.Nifti1Header(endianness=">"))
        (tmp_path / "b.nii").write_bytes(image.to_bytes())
        assert places(read_segmentation(tmp_path / "b.nii")) == EXPECTED

    def test_values_under_a_slope(self, tmp_path):
        path = a_nifti(tmp_path, LABELS.astype(np.int16), name="a.nii", scl_slope=1, scl_inter=0)
        content = bytearray(path.read_bytes())
        content[112:120] = struct.pack("<2f", 2, 0)
        path.write_bytes(content)
        assert [one.layer_value for one in read_segmentation(path).segments] == [2, 4, 6]

    @pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4"])
    def test_labels_that_nibabel_saved_as_floats_into_whole_numbers(self, tmp_path, dtype):
        image = nibabel.Nifti1Image(LABELS.T.astype(float), TO_RAS)
        image.set_data_dtype(dtype)
        nibabel.save(image, tmp_path / "a.nii")
        theirs = nibabel.load(tmp_path / "a.nii")
        assert theirs.dataobj.slope != 1
        segmentation = read_segmentation(tmp_path / "a.nii")
        assert np.array_equal(segmentation.layers[0].labels_kji, np.rint(theirs.get_fdata()).T)
        assert places(segmentation) == EXPECTED

    @pytest.mark.parametrize("off", [3e-8, -3e-8])
    @pytest.mark.parametrize("times", [1, 20_000])
    def test_whole_numbers_but_for_a_rounding_of_32_bits(self, tmp_path, off, times):
        largest = 3 * times
        segmentation = read_segmentation(a_nifti(tmp_path, LABELS * float(times) + off * largest))
        assert np.array_equal(segmentation.layers[0].labels_kji, LABELS * np.uint16(times))


class TestRefused:
    @pytest.mark.parametrize("kept", [0, 3, 200, 360, 400])
    @pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
    def test_cut_short(self, tmp_path, kept, name):
        path = a_nifti(tmp_path, name=name)
        path.write_bytes(path.read_bytes()[: min(kept, path.stat().st_size - 1)])
        told = refusal(path)
        assert "it is cut short" in told or (kept < 4 and ("it is empty" in told or "none of NRRD" in told))

    def test_cut_short_as_a_volume(self, tmp_path):
        path = a_nifti(tmp_path, name="a.nii")
        path.write_bytes(path.read_bytes()[:-1])
        assert refusal(path, read_volume) == (
            f"The volume {path} cannot be read: it is cut short: 1 bytes are missing at its end. "
            "Give a whole .nrrd, .nii, .nii.gz or .mha."
        )

    @pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
    def test_more_than_the_header_says(self, tmp_path, name):
        path = a_nifti(tmp_path, name=name)
        path.write_bytes(path.read_bytes() + (gzip.compress(b"\0") if name.endswith("gz") else b"\0"))
        assert "more bytes follow than its header says" in refusal(path)

    def test_a_flipped_bit_in_the_compressed_bytes_or_the_checksum(self, tmp_path):
        path = a_nifti(tmp_path)
        content = path.read_bytes()
        for place in (*range(12, len(content), 7), len(content) - 8, len(content) - 3):
            damaged = bytearray(content)
            damaged[place] ^= 0x10
            path.write_bytes(damaged)
            assert "cannot be read" in refusal(path)

    @pytest.mark.parametrize(
        ("at", "packed", "reason"),
        [
            (40, struct.pack("<h", 9), "it has 9 dimensions, and 2 to 7 are possible"),
            (42, struct.pack("<h", 0), "its sizes are 0 x 4 x 3"),
            (42, struct.pack("<h", -5), "its sizes are -5 x 4 x 3"),
            (42, struct.pack("<3h", 32767, 32767, 32767), "it is cut short: 35,181,150,961,663 bytes should come"),
            (70, struct.pack("<h", 128), "its voxels are colours or other than numbers (data type 128)"),
            (70, struct.pack("<h", 77), "there is no data type 77"),
            (72, struct.pack("<h", 16), "16 bits a voxel do not fit its data type"),
            (108, struct.pack("<f", 0), "its voxels cannot begin at byte 0"),
            (108, struct.pack("<f", float("nan")), "its voxels cannot begin at byte nan"),
            (123, b"\7", "there is no unit of length 7"),
            (280, struct.pack("<4f", 0, 0, 0, 0), "the axes do not span space"),
            (280, struct.pack("<f", float("nan")), "the axes do not span space"),
            (344, b"ni1\0", "it is NIfTI in two files, .hdr and .img; save it as one .nii"),
            (344, b"abc\0", "it does not say that it is NIfTI"),
        ],
    )
    def test_a_header_that_cannot_be(self, tmp_path, at, packed, reason):
        path = a_nifti(tmp_path, name="a.nii")
        content = bytearray(path.read_bytes())
        content[at : at + len(packed)] = packed
        path.write_bytes(content)
        assert reason in refusal(path)

    @pytest.mark.parametrize("suffix", [".img", ".img.gz"])
    @pytest.mark.parametrize("kind", [nibabel.Nifti1Pair, nibabel.AnalyzeImage])
    def test_half_of_a_pair(self, tmp_path, kind, suffix):
        path = tmp_path / f"a{suffix}"
        nibabel.save(kind(LABELS.T, np.diag([-0.8, 1, 2.5, 1])), path)
        header = path.with_name(path.name.replace(".img", ".hdr"))
        assert "it has the voxels of a pair, .hdr and .img; save the pair as one .nii" in refusal(path)
        if kind is nibabel.Nifti1Pair:
            assert "it is NIfTI in two files, .hdr and .img; save it as one .nii" in refusal(header)
        else:
            assert "it is Analyze, or its header is damaged: it does not say that it is NIfTI" in refusal(header)

    @pytest.mark.parametrize("beside", [b"", b"ENVI\ndescription = {", b"\x1f\x8b\x08 and no more"])
    def test_an_img_without_such_a_header(self, tmp_path, beside):
        (tmp_path / "a.img").write_bytes(LABELS.tobytes())
        assert "its content is none of NRRD, NIfTI and MetaImage" in refusal(tmp_path / "a.img")
        (tmp_path / "a.hdr").write_bytes(beside)
        assert "its content is none of NRRD, NIfTI and MetaImage" in refusal(tmp_path / "a.img")

    def test_several_volumes(self, tmp_path):
        assert "it has 3 volumes, and one is needed, or several of 0 and 1 alone, one for each segment" in refusal(
            a_nifti(tmp_path, np.stack([LABELS] * 3))
        )

    @pytest.mark.parametrize(
        ("labels", "reason"),
        [
            (LABELS * 0.5, "its labels are not whole numbers from 0 to 65535"),
            (LABELS * 1.000001, "its labels are not whole numbers from 0 to 65535"),
            (LABELS - 0.000001, "its labels range from -1e-06 to 2.999999, and labels must be whole numbers"),
            (LABELS * 21845.25, "its labels range from 0.0 to 65535.75"),
            (np.where(LABELS, LABELS, np.inf), "its labels range from 1.0 to inf"),
            (LABELS.astype(np.int16) - 1, "its labels range from -1 to 2, and labels must be whole numbers"),
            (LABELS.astype(np.int32) * 70000, "its labels range from 0 to 210000"),
            (np.where(LABELS, LABELS, np.nan), "some of its voxels are not a number"),
        ],
    )
    def test_labels_that_are_none(self, tmp_path, labels, reason):
        told = refusal(a_nifti(tmp_path, labels))
        assert reason in told
        assert "scl_slope" not in told

    def test_labels_that_a_scale_has_moved_off_whole_numbers_name_the_scale(self, tmp_path):
        moved = np.array([0, 1, 2, 7])[LABELS]
        image = nibabel.Nifti1Image(moved.T.astype(float), TO_RAS)
        image.set_data_dtype(np.uint8)
        nibabel.save(image, tmp_path / "a.nii")
        assert (
            "its labels are not whole numbers from 0 to 65535 (scl_slope 0.027451 and scl_inter 0 make them so); "
            "save them as whole numbers, without a scale."
        ) in refusal(tmp_path / "a.nii")
