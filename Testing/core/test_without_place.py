"""Images without a place in the patient: radiographs, ultrasound, secondary captures; the SEG lies on their pixels."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
from builders import LIVER, a_ct_header, a_ct_series, a_segmentation, a_sphere, fixed_options
from file_builders import a_nifti
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
    UltrasoundImageStorage,
    UltrasoundMultiFrameImageStorage,
)
from SegRLEExportLib.cli import main
from SegRLEExportLib.convert import convert
from SegRLEExportLib.encoding.plan import PLANS
from SegRLEExportLib.errors import PreflightError, SeriesChoiceError, UnusableSegFileError, UnusableSourceError
from SegRLEExportLib.export import export
from SegRLEExportLib.forecast import forecast
from SegRLEExportLib.model.geometry import Geometry
from SegRLEExportLib.model.segmentation import Layer, Segmentation
from SegRLEExportLib.options import Grid
from SegRLEExportLib.preflight.survey import survey
from SegRLEExportLib.progress import Progress
from SegRLEExportLib.reading.inspection import inspect
from SegRLEExportLib.reading.segmentation import segmentation_of
from SegRLEExportLib.reading.source import source_of
from SegRLEExportLib.source.series import find_source, read_series
from SegRLEExportLib.verification.comparison import compare

ROWS, COLUMNS = 21, 34
SERIES_UID = "1.2.826.0.1.3680043.8.498.7"
ONE_BIT_RLE = "rle-binary"


def an_image(folder: Path, number: int = 1, sop_class: str = ComputedRadiographyImageStorage, **values: object) -> Path:
    """Write an image of 8 bits without position and orientation; a value that is None is left out."""
    folder.mkdir(exist_ok=True)
    image = a_ct_header()
    for keyword in ("FrameOfReferenceUID", "PositionReferenceIndicator", "ImagePositionPatient"):
        if keyword in image:
            delattr(image, keyword)
    image.SOPClassUID, image.Modality, image.SeriesInstanceUID = sop_class, "CR", SERIES_UID
    image.SOPInstanceUID, image.InstanceNumber = f"{SERIES_UID}.{number}", number
    image.Rows, image.Columns, image.SamplesPerPixel = ROWS, COLUMNS, 1
    image.PhotometricInterpretation = "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 8, 8, 7, 0
    for keyword, value in values.items():
        setattr(image, keyword, value)
    image.PixelData = bytes(ROWS * COLUMNS * int(image.get("NumberOfFrames", 1)))
    image["PixelData"].VR = "OB"
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    path = folder / f"image{number}.dcm"
    pydicom.dcmwrite(path, image, enforce_file_format=True)
    return path


def masks(slices: int = 1) -> list[np.ndarray]:
    """Two parts that overlap, unlike in every direction; on the first slice there is nothing if there are several."""
    one = np.zeros((slices, ROWS, COLUMNS), bool)
    other = one.copy()
    one[-1, 3:9, 5:20] = True
    other[-1, 7:14, 18:31] = True
    other[slices // 2, 1, 2] = True
    return [one, other]


def on_pixels(slices: int = 1, kji_to_lps: np.ndarray | None = None) -> Segmentation:
    """Return the two parts on a grid with a voxel for each pixel."""
    grid = Geometry((slices, ROWS, COLUMNS), np.diag([1, 0.2, 0.2, 1.0])[[2, 1, 0, 3]])
    if kji_to_lps is not None:
        grid = Geometry(grid.shape_kji, kji_to_lps)
    return a_segmentation(masks(slices), grid=grid, names=["lung", "heart"], terminologies=[LIVER, LIVER])


def seen_by_highdicom(paths: list[Path], uids: list[str], frames: int | None = None) -> dict[str, np.ndarray]:
    """Return the mask of each segment, (images, rows, columns), as highdicom reads it by the images it lies on."""
    found = {}
    for path in paths:
        seg = highdicom.seg.segread(path)
        numbers = [number for number in seg.segment_numbers if number]
        words = {"segment_numbers": numbers, "ignore_spatial_locations": False, "assert_missing_frames_are_empty": True}
        if frames is None:
            pixels = seg.get_pixels_by_source_instance(uids, **words)
        else:
            pixels = seg.get_pixels_by_source_frame(uids[0], list(range(1, frames + 1)), **words)
        for position, number in enumerate(numbers):
            found[seg.get_segment_description(number).segment_label] = pixels[..., position] > 0
    return found


def assert_seen(paths: list[Path], uids: list[str], slices: int, frames: int | None = None) -> None:
    found = seen_by_highdicom(paths, uids, frames)
    assert list(found) == ["lung", "heart"]
    for mask, wanted in zip(found.values(), masks(slices)):
        np.testing.assert_array_equal(mask, wanted)


CLASSES = (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    SecondaryCaptureImageStorage,
    UltrasoundImageStorage,
)


class TestOneImage:
    @pytest.mark.parametrize("encoding", [one for one in PLANS if one != ONE_BIT_RLE])
    def test_highdicom_finds_each_pixel_on_the_image(self, encoding, tmp_path):
        an_image(tmp_path / "cr")
        report = export(on_pixels(), tmp_path / "cr", tmp_path / "out", encoding, options=fixed_options())
        assert_seen(report.paths, [f"{SERIES_UID}.1"], 1)

    @pytest.mark.parametrize("sop_class", CLASSES)
    def test_of_every_class_and_without_frame_of_reference_or_place(self, sop_class, tmp_path):
        an_image(tmp_path / "cr", sop_class=sop_class, FrameOfReferenceUID="1.2.3")
        (path,) = export(on_pixels(), tmp_path / "cr", tmp_path / "out.dcm", "none").paths
        seg = pydicom.dcmread(path)
        assert not {"FrameOfReferenceUID", "PositionReferenceIndicator"} & {element.keyword for element in seg}
        assert len(seg.SharedFunctionalGroupsSequence[0]) == 0
        for groups in seg.PerFrameFunctionalGroupsSequence:
            assert "PlanePositionSequence" not in groups
            assert groups.FrameContentSequence[0].InStackPositionNumber == 1
            (image,) = groups.DerivationImageSequence[0].SourceImageSequence
            assert (image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID) == (sop_class, f"{SERIES_UID}.1")

    def test_who_does_not_read_it_is_said_before(self, tmp_path):
        an_image(tmp_path / "cr")
        source = find_source(tmp_path / "cr", on_pixels())
        found = survey(on_pixels(), source, PLANS["rle"], fixed_options(), Progress(None))
        told = {finding.id: str(finding) for finding in found.findings}
        assert found.not_read_by == ("3D Slicer's loader (dcmqi)", "highdicom's get_volume")
        assert [one.files for one in forecast(on_pixels(), source, plan_ids=["rle", "none"])] == [2, 1]
        assert "3D Slicer's loader (dcmqi) does not open such a file; highdicom reads" in told["images-without-place"]

    def test_highdicom_and_dcmqi_are_asked_for_proof(self, tmp_path):
        an_image(tmp_path / "cr")
        options = fixed_options(verify="others")
        report = export(on_pixels(), tmp_path / "cr", tmp_path / "out", "rle", options=options)
        for instance in report.instances:
            sights = {sight.reader: sight.outcome.name for sight in instance.sights}
            assert sights.pop("highdicom") == "RIGHT", instance.sights
            assert set(sights.values()) <= {"CANNOT_READ", "NOT_AT_HAND"}

    def test_the_report_says_of_no_reader_both_that_it_opens_the_file_and_that_it_does_not(self, tmp_path):
        an_image(tmp_path / "cr")
        told = str(export(on_pixels(), tmp_path / "cr", tmp_path / "out", "rle", options=fixed_options()))
        (opens_in,) = [line for line in told.splitlines() if line.startswith("  opens in: ")]
        assert opens_in == (
            "  opens in: OHIF 3.13 and newer, highdicom (frame by frame), pydicom, DCMTK, vtk-dicom, Orthanc"
        )
        assert "known problems: Because its images have no place in the patient, this file is not opened" in told

    def test_verify_says_that_pixels_were_compared_where_space_has_none(self, tmp_path):
        an_image(tmp_path / "cr")
        paths = export(on_pixels(), tmp_path / "cr", tmp_path / "out", "none").paths
        told = "compared pixel on pixel with the images, which have no place in the patient"
        source = find_source(tmp_path / "cr", on_pixels())
        assert str(compare(paths, on_pixels(), source)).startswith(f"equal: {told}\n")
        moved = on_pixels()
        other = replace(moved, layers=tuple(replace(one, labels_kji=one.labels_kji * 0) for one in moved.layers))
        assert f": {told}\n" in str(compare(paths, other, source))

    @pytest.mark.parametrize("sign", [(1, 1), (-1, -1), (-1, 1)])
    def test_whatever_place_the_grid_states_voxel_i_j_is_column_i_of_row_j(self, sign, tmp_path):
        an_image(tmp_path / "cr")
        to_lps = np.array([[0, 0, sign[0] * 0.3, 7], [0, sign[1] * 0.4, 0, -2], [1, 0, 0, 50], [0, 0, 0, 1.0]])
        report = export(on_pixels(kji_to_lps=to_lps), tmp_path / "cr", tmp_path / "out", "none")
        assert_seen(report.paths, [f"{SERIES_UID}.1"], 1)

    def test_a_part_of_the_grid_as_slicer_saves_it_lies_where_it_says(self, tmp_path):
        an_image(tmp_path / "cr")
        whole = on_pixels()
        start = (0, 1, 2)
        layers = tuple(
            Layer(layer.labels_kji[:, 1:, 2:], layer.geometry.cropped(start, (1, ROWS - 1, COLUMNS - 2)))
            for layer in whole.layers
        )
        report = export(replace(whole, layers=layers), tmp_path / "cr", tmp_path / "out", "none")
        assert_seen(report.paths, [f"{SERIES_UID}.1"], 1)

    def test_a_label_map_whose_rows_and_columns_are_exchanged_is_refused(self, tmp_path):
        an_image(tmp_path / "cr")
        turned = a_segmentation(
            [masks()[0].transpose(0, 2, 1)], grid=Geometry((1, COLUMNS, ROWS), np.eye(4)[[2, 1, 0, 3]])
        )
        with pytest.raises(PreflightError, match=r"of 34 rows and 21 columns\. Rows and columns are exchanged"):
            export(turned, tmp_path / "cr", tmp_path / "out.dcm")
        assert not (tmp_path / "out.dcm").exists()

    def test_a_grid_of_its_own_would_lie_nowhere(self, tmp_path):
        an_image(tmp_path / "cr")
        options = fixed_options(grid=Grid.SEGMENTATION)
        with pytest.raises(PreflightError, match="a grid of its own would lie nowhere"):
            export(on_pixels(), tmp_path / "cr", tmp_path / "out.dcm", options=options)


class TestSeveralImages:
    def test_single_images_are_a_stack_by_instance_number(self, tmp_path):
        for number in (3, 1, 2):
            an_image(tmp_path / "cr", number)
        report = export(on_pixels(3), tmp_path / "cr", tmp_path / "out", "rle")
        assert_seen(report.paths, [f"{SERIES_UID}.{number}" for number in (1, 2, 3)], 3)

    def test_frames_of_ultrasound_are_named_by_their_numbers(self, tmp_path):
        an_image(tmp_path / "us", sop_class=UltrasoundMultiFrameImageStorage, Modality="US", NumberOfFrames=4)
        report = export(on_pixels(4), tmp_path / "us", tmp_path / "out", "rle")
        assert_seen(report.paths, [f"{SERIES_UID}.1"], 4, frames=4)

    def test_of_several_images_a_label_map_of_one_is_refused(self, tmp_path):
        for number in (1, 2):
            an_image(tmp_path / "cr", number)
        with pytest.raises(PreflightError, match=r"Images: 2, of 21 rows .* give that image alone") as refused:
            export(on_pixels(1, np.eye(4)[[2, 1, 0, 3]] * 3), tmp_path / "cr", tmp_path / "out.dcm")
        assert {finding.id for finding in refused.value.findings} == {"not-their-pixels"}
        (one,) = export(on_pixels(), tmp_path / "cr" / "image2.dcm", tmp_path / "out.dcm", "none").paths
        assert_seen([one], [f"{SERIES_UID}.2"], 1)

    def test_a_radiograph_beside_a_ct_is_meant_only_where_it_is_named(self, tmp_path):
        a_ct_series(tmp_path / "all")
        an_image(tmp_path / "all")
        volume = a_segmentation([a_sphere()])
        assert find_source(tmp_path / "all", volume).stack.has_place
        assert not find_source(tmp_path / "all", on_pixels(), SERIES_UID).stack.has_place

    def test_images_of_several_sizes_are_told_apart(self, tmp_path):
        an_image(tmp_path / "cr", 1)
        an_image(tmp_path / "cr", 2, Rows=COLUMNS, Columns=ROWS)
        assert [series.stack.rows for series in read_series(tmp_path / "cr")] == [ROWS, COLUMNS]
        assert find_source(tmp_path / "cr", on_pixels()).stack.rows == ROWS

    def test_an_image_that_must_have_a_place_is_damaged(self, tmp_path):
        an_image(tmp_path / "ct", sop_class=pydicom.uid.CTImageStorage, Modality="CT")
        with pytest.raises(UnusableSourceError, match="the one image found has no usable place in space"):
            find_source(tmp_path / "ct", on_pixels())

    def test_an_image_that_states_half_a_place_is_damaged(self, tmp_path):
        an_image(tmp_path / "cr", ImagePositionPatient=[1, 2, 3])
        with pytest.raises(UnusableSourceError, match="it has no Image Orientation"):
            find_source(tmp_path / "cr", on_pixels())


class TestReadAgain:
    @pytest.mark.parametrize("encoding", list(PLANS))
    def test_from_nifti_through_every_encoding_to_nifti(self, encoding, tmp_path):
        an_image(tmp_path / "cr")
        first = export(on_pixels(), tmp_path / "cr", tmp_path / "first", encoding)
        again = convert(segmentation_of(first.paths), tmp_path / "again", "rle", source=source_of(first.paths))
        assert_seen(list(again.paths), [f"{SERIES_UID}.1"], 1)
        read = segmentation_of(again.paths)
        for segment, wanted in zip(read.segments, masks(), strict=True):
            np.testing.assert_array_equal(read.layers[segment.layer_index].labels_kji == segment.layer_value, wanted)

    def test_the_stack_of_single_images_stays_whole(self, tmp_path):
        for number in (1, 2, 3):
            an_image(tmp_path / "cr", number)
        paths = export(on_pixels(3), tmp_path / "cr", tmp_path / "out", "none").paths
        assert segmentation_of(paths).layers[0].geometry.shape_kji == (3, ROWS, COLUMNS)
        again = export(segmentation_of(paths), tmp_path / "cr", tmp_path / "again", "none")
        assert_seen(again.paths, [f"{SERIES_UID}.{number}" for number in (1, 2, 3)], 3)

    def test_files_of_different_images_are_not_one_segmentation(self, tmp_path):
        paths = []
        for number in (1, 2):
            image = an_image(tmp_path / "cr", number)
            paths.extend(export(on_pixels(), image, tmp_path / f"{number}.dcm", "none").paths)
        with pytest.raises(UnusableSegFileError, match=r"does not lie on the images of 1\.dcm"):
            segmentation_of(paths)

    @pytest.mark.parametrize("is_source_given", [True, False])
    def test_verify_finds_it_equal_and_a_pixel_that_is_not(self, is_source_given, tmp_path):
        an_image(tmp_path / "cr")
        paths = export(on_pixels(), tmp_path / "cr", tmp_path / "out", "none").paths
        source = find_source(tmp_path / "cr", on_pixels()) if is_source_given else None
        assert compare(paths, on_pixels(), source).is_equal
        (lung, heart) = masks()
        lung[0, 0, 0] = True
        other = a_segmentation([lung, heart], grid=on_pixels().layers[0].geometry, names=["lung", "heart"])
        assert not compare(paths, other, source).is_equal

    def test_one_of_highdicom_is_read(self, tmp_path):
        image = pydicom.dcmread(an_image(tmp_path / "cr"))
        (lung, heart) = masks()
        written = highdicom.seg.Segmentation(
            [image],
            np.stack([lung, heart], axis=-1).astype(np.uint8),
            "BINARY",
            [
                highdicom.seg.SegmentDescription(
                    number,
                    name,
                    pydicom.sr.codedict.codes.SCT.Organ,
                    pydicom.sr.codedict.codes.SCT.Lung,
                    "MANUAL",
                )
                for number, name in enumerate(("lung", "heart"), start=1)
            ],
            "1.2.3.4",
            1,
            "1.2.3.4.5",
            1,
            "me",
            "mine",
            "1",
            "2",
        )
        written.save_as(tmp_path / "theirs.dcm")
        read = segmentation_of([tmp_path / "theirs.dcm"])
        for segment, wanted in zip(read.segments, (lung, heart), strict=True):
            np.testing.assert_array_equal(read.layers[segment.layer_index].labels_kji == segment.layer_value, wanted)
        assert inspect(tmp_path / "theirs.dcm").facts["frames"] == "2 on 1 image, without a place in the patient"

    def test_a_frame_that_names_another_image_is_found_by_the_check(self, tmp_path, monkeypatch):
        from SegRLEExportLib.dataset import functional_groups
        from SegRLEExportLib.errors import VerificationError

        for number in (1, 2):
            an_image(tmp_path / "cr", number)
        derivation = functional_groups._derivation
        monkeypatch.setattr(
            functional_groups,
            "_derivation",
            lambda source: derivation(source._replace(sop_instance_uid=f"{SERIES_UID}.1")),
        )
        with pytest.raises(VerificationError):
            export(on_pixels(2), tmp_path / "cr", tmp_path / "out.dcm", "none")


class TestShell:
    def test_a_nifti_of_a_radiograph_to_seg_coco_and_back(self, tmp_path, capsys):
        an_image(tmp_path / "cr")
        one = on_pixels()
        one = replace(one, layers=one.layers[:1], segments=one.segments[:1])
        convert(one, tmp_path / "mask.nii.gz")
        words = ["convert", tmp_path / "mask.nii.gz", tmp_path / "cr", "-o", tmp_path / "seg.dcm"]
        assert main([str(word) for word in words]) == 0
        assert "voxel i, j, k of the grid is column i of row j of image k" in capsys.readouterr().out
        assert main(["verify", str(tmp_path / "seg.dcm"), str(tmp_path / "mask.nii.gz"), str(tmp_path / "cr")]) == 0
        assert main(["convert", str(tmp_path / "seg.dcm"), "-o", str(tmp_path / "cases.json")]) == 0
        (annotation,) = json.loads((tmp_path / "cases.json").read_text("utf-8"))["annotations"]
        assert annotation["bbox"] == [5, 3, 15, 6]
        capsys.readouterr()
        for images in ([], [str(tmp_path / "cr")]):
            words = ["convert", str(tmp_path / "seg.dcm"), *images, "-o", str(tmp_path / "back.nii.gz"), "--overwrite"]
            assert main(words) == 0
            assert (
                "warning: The images have no place in the patient, and the file has to state one: voxel i, j, k is "
                "column i of row j of image k, 1 mm from the next. Distances and volumes measured in it mean nothing."
            ) in capsys.readouterr().out

    def test_the_file_of_one_image_is_given_in_place_of_the_folder(self, tmp_path):
        one = on_pixels()
        convert(replace(one, layers=one.layers[:1], segments=one.segments[:1]), tmp_path / "mask.nii.gz")
        an_image(tmp_path / "cr")
        second = str(an_image(tmp_path / "cr", 2))
        seg, mask = str(tmp_path / "seg.dcm"), str(tmp_path / "mask.nii.gz")
        assert main(["convert", mask, second, "-o", seg]) == 0
        assert main(["verify", seg, mask, second]) == 0
        assert main(["convert", mask, second, "-o", str(tmp_path / "cases.json")]) == 0
        (image,) = json.loads((tmp_path / "cases.json").read_text("utf-8"))["images"]
        assert image["file_name"] == "cr/image2.dcm"
        assert main(["convert", mask, second, "-o", str(tmp_path / "shown.json"), "--images", "png"]) == 0

    def test_a_nifti_without_sform_and_qform_lies_on_pixels_and_nowhere_else(self, tmp_path, capsys):
        labels = masks()[0].astype(np.uint8)
        mask = a_nifti(tmp_path, labels, to_ras=None, name="mask.nii", sform_code=0, qform_code=0)
        image, seg = str(an_image(tmp_path / "cr")), str(tmp_path / "seg.dcm")
        assert main(["export", str(mask), image, "-o", seg, "--json"]) == 0
        assert "no-place" not in capsys.readouterr().out
        assert main(["verify", seg, str(mask), image]) == 0
        assert main(["verify", seg, str(mask)]) == 0
        assert main(["convert", str(mask), image, "-o", str(tmp_path / "cases.json")]) == 0
        (annotation,) = json.loads((tmp_path / "cases.json").read_text("utf-8"))["annotations"]
        assert annotation["area"] == labels.sum()
        (tmp_path / "ct").mkdir()
        a_ct_series(tmp_path / "ct")
        placed = str(tmp_path / "placed.dcm")
        export(a_segmentation(), tmp_path / "ct", placed)
        capsys.readouterr()
        for refused in (
            ["export", str(mask), str(tmp_path / "ct"), "-o", str(tmp_path / "a.dcm")],
            ["export", str(mask), str(tmp_path / "ct"), "-o", str(tmp_path / "a.dcm"), "--geometry", "segmentation"],
            ["convert", str(mask), str(tmp_path / "ct"), "-o", str(tmp_path / "a.nii")],
            ["convert", str(mask), "-o", str(tmp_path / "a.nii")],
            ["forecast", str(mask), str(tmp_path / "ct")],
            ["verify", placed, str(mask), str(tmp_path / "ct")],
            ["verify", placed, str(mask)],
        ):
            assert main(refused) == 2
            assert capsys.readouterr().err == (
                "error: mask.nii: The file does not say where its voxels lie: its sform_code and qform_code are 0. "
                "Save it with the place of the image that was segmented (its affine, as nibabel calls it).\n"
            )
        new = str(tmp_path / "new")
        assert main(["export", str(mask), new, "-o", str(tmp_path / "a.dcm"), "--volume", str(mask)]) == 2
        assert (
            "mask.nii cannot be read: it does not say where its voxels lie: its sform_code" in capsys.readouterr().err
        )

    def test_of_several_series_one_is_named(self, tmp_path):
        an_image(tmp_path / "cr", 1)
        an_image(tmp_path / "cr", 2, SeriesInstanceUID="1.2.9", SOPInstanceUID="1.2.9.1")
        with pytest.raises(SeriesChoiceError, match="fits several series equally well"):
            find_source(tmp_path / "cr", on_pixels())
