"""From a segmentation to files that are not DICOM, and back: read by other people's code, voxels in world space."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from builders import A_GRID, LEFT_KIDNEY, LIVER, a_ct_series, a_segmentation, a_source, a_sphere, lps_of_voxels
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom.pixels import apply_rescale, apply_windowing
from SegRLEExportLib.cli.convert_command import FORMATS
from SegRLEExportLib.cli.words import error_text
from SegRLEExportLib.conversion import read_back, volumes
from SegRLEExportLib.conversion.formats import FILE_FORMATS
from SegRLEExportLib.conversion.pictures import CocoImages
from SegRLEExportLib.convert import convert
from SegRLEExportLib.encoding.plan import PLANS
from SegRLEExportLib.errors import (
    ExportError,
    PreflightError,
    ReadBackDiffersError,
    SourceNeededError,
    TargetExistsError,
    TargetFolderError,
    TargetNotAFileError,
    UnknownFormatError,
    UnusableCocoFileError,
    UnwritablePictureError,
    UnwritableSegmentationError,
)
from SegRLEExportLib.export import export
from SegRLEExportLib.files.read import read_segmentation
from SegRLEExportLib.files.tables.describe import described
from SegRLEExportLib.files.tables.read import read_table
from SegRLEExportLib.model.finding import Finding, Severity
from SegRLEExportLib.model.geometry import Geometry
from SegRLEExportLib.model.segmentation import AlgorithmType, Layer, Segmentation
from SegRLEExportLib.options import ExportOptions, Grid
from SegRLEExportLib.reading.segmentation import segmentation_of
from SegRLEExportLib.reading.source import source_of
from SegRLEExportLib.source.series import find_source, read_series

RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def overlapping() -> Segmentation:
    sphere = a_sphere()
    return a_segmentation(
        [sphere, sphere | np.roll(sphere, 1, axis=2)], names=["Leber (ü)", "rand"], terminologies=[LIVER, LEFT_KIDNEY]
    )


def apart() -> Segmentation:
    """Return two segments that share one layer."""
    sphere = a_sphere()
    labels = sphere.astype(np.uint8) * 3
    labels[0, 0, :4] = 7
    two = a_segmentation([sphere, ~sphere], names=["liver", "kidney/left"], terminologies=[LIVER, LEFT_KIDNEY])
    segments = tuple(replace(one, layer_index=0, layer_value=value) for one, value in zip(two.segments, (3, 7)))
    return Segmentation("Organs", (Layer(labels, A_GRID),), segments)


def renamed(segmentation: Segmentation, *names: str) -> Segmentation:
    segments = tuple(replace(one, name=name) for one, name in zip(segmentation.segments, names))
    return replace(segmentation, segments=segments)


def masks_of(segmentation: Segmentation) -> dict[str, np.ndarray]:
    return {
        one.name: segmentation.layers[one.layer_index].labels_kji == one.layer_value for one in segmentation.segments
    }


def assert_same(read: Segmentation, wanted: Segmentation) -> None:
    wanted_masks = masks_of(wanted)
    assert [one.name for one in read.segments] == list(wanted_masks)
    for name, mask in masks_of(read).items():
        np.testing.assert_array_equal(mask, wanted_masks[name])
    for one, other in zip(read.segments, wanted.segments):
        assert (one.terminology, one.color_rgb) == (other.terminology, pytest.approx(other.color_rgb, abs=1e-2))
    np.testing.assert_allclose(read.layers[0].geometry.kji_to_lps, A_GRID.kji_to_lps, atol=1e-4)


def places_of(segmentation: Segmentation) -> dict[str, set[tuple[float, ...]]]:
    """Return for each segment where its voxels lie, in hundredths of a mm."""
    places = {}
    for one in segmentation.segments:
        layer = segmentation.layers[one.layer_index]
        lps = lps_of_voxels(layer.labels_kji == one.layer_value, layer.geometry.kji_to_lps)
        places[one.name] = {*map(tuple, np.rint(lps * 100).astype(int).tolist())}
    return places


def test_the_shell_knows_every_format():
    assert (*FILE_FORMATS, *PLANS) == FORMATS


class TestSegNrrd:
    @pytest.mark.parametrize("make", [apart, overlapping])
    def test_it_is_read_back_with_names_codes_colors_and_voxels(self, make, tmp_path):
        wanted = make()
        (path,) = convert(wanted, tmp_path / "a.seg.nrrd").paths
        read = read_segmentation(path)
        assert_same(read, wanted)
        assert [one.color_rgb for one in read.segments] == [one.color_rgb for one in wanted.segments]
        assert [one.id for one in read.segments] == [one.id for one in wanted.segments]

    @pytest.mark.parametrize("make", [overlapping, apart])
    @pytest.mark.parametrize("position", [0, 1])
    def test_one_segment_of_several_takes_nothing_of_the_others_along(self, make, position, tmp_path):
        """A .seg.nrrd with voxels of a segment that it does not describe is refused by who reads strictly, as we do."""
        whole = make()
        one = whole.only([whole.segments[position].id])
        read = read_segmentation(convert(one, tmp_path / "a.seg.nrrd").paths[0])
        assert_same(read, one)
        assert len(read.layers) == 1

    def test_layers_of_their_own_extent_come_together_on_one_grid(self, tmp_path):
        whole = overlapping()
        part = Layer(
            whole.layers[1].labels_kji[2:, 1:], A_GRID.cropped((2, 1, 0), whole.layers[1].labels_kji[2:, 1:].shape)
        )
        cropped = replace(whole, layers=(whole.layers[0], part))
        read = read_segmentation(convert(cropped, tmp_path / "a.seg.nrrd").paths[0])
        wanted = np.zeros(A_GRID.shape_kji, bool)
        wanted[2:, 1:] = part.labels_kji == cropped.segments[1].layer_value
        np.testing.assert_array_equal(masks_of(read)["rand"], wanted)

    def test_grids_of_different_voxels_are_refused(self, tmp_path):
        whole = overlapping()
        finer = Geometry(A_GRID.shape_kji, A_GRID.kji_to_lps @ np.diag([1, 0.5, 0.5, 1]))
        mixed = replace(whole, layers=(whole.layers[0], Layer(whole.layers[1].labels_kji, finer)))
        with pytest.raises(UnwritableSegmentationError, match="its segments lie on grids of different voxels"):
            convert(mixed, tmp_path / "a.seg.nrrd")
        assert list(tmp_path.iterdir()) == []

    def test_a_text_that_slicers_tags_cannot_hold_is_refused(self, tmp_path):
        segmentation = apart()
        segments = (replace(segmentation.segments[0], description="a|b"), segmentation.segments[1])
        with pytest.raises(UnwritableSegmentationError, match=r"Slicer's tags hold no '\|', and one has 'a\|b'"):
            convert(replace(segmentation, segments=segments), tmp_path / "a.seg.nrrd")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("meaning", ["a|b", "a^b", "a~b"])
    def test_a_code_that_slicers_text_cannot_hold_is_refused(self, meaning, tmp_path):
        segmentation = apart()
        codes = replace(LIVER, type=replace(LIVER.type, meaning=meaning))
        segments = (replace(segmentation.segments[0], terminology=codes), segmentation.segments[1])
        with pytest.raises(UnwritableSegmentationError, match=r"Slicer's codes hold none of \| \^ ~, and one has 'a"):
            convert(replace(segmentation, segments=segments), tmp_path / "a.seg.nrrd")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("make", [apart, overlapping])
    def test_slicerio_finds_each_segment(self, make, tmp_path):
        slicerio = pytest.importorskip("slicerio")
        wanted = make()
        read = slicerio.read_segmentation(str(convert(wanted, tmp_path / "a.seg.nrrd").paths[0]))
        voxels = read["voxels"]
        for one, segment in zip(read["segments"], wanted.segments, strict=True):
            layer = voxels[one.get("layer", 0)] if voxels.ndim == 4 else voxels
            mask = np.equal(layer.T, one["labelValue"])
            np.testing.assert_array_equal(mask, masks_of(wanted)[segment.name])
            in_ascii = segment.name.encode("ascii", "ignore").decode()  # pynrrd reads no other letters
            assert (one["name"], one["terminology"]["type"][1]) == (in_ascii, segment.terminology.type.value)

    def test_algorithm_description_and_tracking_are_kept(self, tmp_path):
        segmentation = apart()
        first = replace(
            segmentation.segments[0],
            description="seen twice",
            algorithm_type=AlgorithmType.AUTOMATIC,
            algorithm_name="net 2",
            tracking_id="lesion 1",
            tracking_uid="1.2.3",
        )
        wanted = replace(segmentation, segments=(first, segmentation.segments[1]))
        assert read_segmentation(convert(wanted, tmp_path / "a.seg.nrrd").paths[0]).segments[0] == first

    def test_simpleitk_sees_the_same_voxels_in_their_places(self, tmp_path):
        sitk = pytest.importorskip("SimpleITK")
        wanted = apart()
        image = sitk.ReadImage(str(convert(wanted, tmp_path / "a.seg.nrrd").paths[0]))
        np.testing.assert_array_equal(sitk.GetArrayFromImage(image), wanted.layers[0].labels_kji)
        corner = A_GRID.kji_to_lps @ (2, 1, 3, 1)
        np.testing.assert_allclose(image.TransformIndexToPhysicalPoint((3, 1, 2)), corner[:3], atol=1e-6)


class TestLabelMaps:
    def test_nibabel_sees_values_and_places_and_the_table_names_them(self, tmp_path):
        wanted = apart()
        path, table = convert(wanted, tmp_path / "a.nii.gz").paths
        image = nibabel.load(path)
        np.testing.assert_array_equal(np.asarray(image.dataobj).T, wanted.layers[0].labels_kji)
        np.testing.assert_allclose(image.affine, RAS @ A_GRID.kji_to_lps[:, [2, 1, 0, 3]], atol=1e-4)
        rows = read_table(table).rows
        assert [(row.value, row.name, row.terminology) for row in rows] == [
            (3, "liver", LIVER),
            (7, "kidney/left", LEFT_KIDNEY),
        ]

    def test_nrrd_is_read_by_pynrrd(self, tmp_path):
        nrrd = pytest.importorskip("nrrd")
        voxels, header = nrrd.read(str(convert(apart(), tmp_path / "a.nrrd").paths[0]))
        np.testing.assert_array_equal(voxels.T, apart().layers[0].labels_kji)
        np.testing.assert_allclose(header["space origin"], A_GRID.kji_to_lps[:3, 3])

    def test_segments_of_several_layers_get_values_of_their_own(self, tmp_path):
        sphere = a_sphere()
        wanted = a_segmentation([sphere, ~sphere], names=["in", "out"])
        path, table = convert(wanted, tmp_path / "a.nii").paths
        labels = np.asarray(nibabel.load(path).dataobj).T
        values = {row.name: row.value for row in read_table(table).rows}
        for name, mask in masks_of(wanted).items():
            np.testing.assert_array_equal(labels == values[name], mask)

    def test_two_segments_of_one_value_are_refused_where_values_are_to_be_kept(self, tmp_path):
        sphere = a_sphere()
        same = a_segmentation([sphere, ~sphere], names=["in", "out"])
        with pytest.raises(UnwritableSegmentationError, match="label value 1, so the .* Write those segments one at a"):
            convert(same, tmp_path / "a.nii", options=ExportOptions(keep_values=True))
        assert list(tmp_path.iterdir()) == []
        path, _ = convert(apart(), tmp_path / "b.nii", options=ExportOptions(keep_values=True)).paths
        assert set(np.unique(nibabel.load(path).dataobj)) - {0} == {3, 7}

    def test_overlaps_are_refused(self, tmp_path):
        with pytest.raises(UnwritableSegmentationError, match="which one label map cannot hold") as refused:
            convert(overlapping(), tmp_path / "a.nii.gz")
        assert "Write as many label maps as it takes (--one-file-each), or another format" in error_text(refused.value)
        assert list(tmp_path.iterdir()) == []

    def test_overlaps_go_to_files_of_their_own_where_asked(self, tmp_path):
        paths = convert(overlapping(), tmp_path / "a.nii.gz", one_file_each=True).paths
        assert [path.name for path in paths] == ["a_1.nii.gz", "a_1.csv", "a_2.nii.gz", "a_2.csv"]
        for path, mask in zip(paths[::2], masks_of(overlapping()).values()):
            np.testing.assert_array_equal(np.asarray(nibabel.load(path).dataobj).T != 0, mask)

    def test_masks_one_file_each_under_names_that_every_disk_takes(self, tmp_path):
        paths = convert(apart(), tmp_path / "masks", "masks").paths
        assert [path.name for path in paths] == ["liver.nii.gz", "kidney_left.nii.gz", "segments.csv"]
        for path, mask in zip(paths, masks_of(apart()).values()):
            np.testing.assert_array_equal(np.asarray(nibabel.load(path).dataobj).T, mask)

    def test_masks_that_are_not_called_as_their_segments_are_told(self, tmp_path):
        (told,) = (
            one
            for one in convert(renamed(apart(), "a/b", "A_B"), tmp_path / "masks", "masks").findings
            if one.id == "mask-renamed"
        )
        assert told.what == (
            "Not all files could get the names of their segments: 'a/b' is in a_b.nii.gz, 'A_B' is in A_B_2.nii.gz."
        )
        assert not any(
            one.id == "mask-renamed" for one in convert(renamed(apart(), "a", "b"), tmp_path / "o", "masks").findings
        )

    def test_masks_have_a_table_of_codes_and_colors_that_is_read_where_asked_for(self, tmp_path):
        wanted = renamed(apart(), "liver", "Liver")
        convert(wanted, tmp_path / "masks", "masks")
        plain = read_segmentation(tmp_path / "masks")
        (told,) = (one for one in plain.findings if one.id == "table-not-read")
        assert error_text(PreflightError([told])) == (
            "note: masks: The table segments.csv beside it was not read. Give a table of names (--segments TABLE)."
        )
        read = read_segmentation(tmp_path / "masks", tmp_path / "masks" / "segments.csv")
        assert read.findings == ()
        meant = {one.name: (one.terminology, one.color_rgb) for one in read.segments}
        assert meant == {
            name: (one.terminology, pytest.approx(one.color_rgb, abs=1 / 255))
            for name, one in zip(("liver", "Liver_2"), wanted.segments)
        }

    def test_the_table_beside_a_label_map_is_told_where_it_is_not_read(self, tmp_path):
        convert(apart(), tmp_path / "a.nii.gz")
        (told,) = (one for one in read_segmentation(tmp_path / "a.nii.gz").findings)
        assert told.what == "The table a.csv beside it was not read."
        assert read_segmentation(tmp_path / "a.nii.gz", tmp_path / "a.csv").findings == ()
        (tmp_path / "a.csv").write_text("volume,mean\n3,4\n")
        assert read_segmentation(tmp_path / "a.nii.gz").findings == ()

    def test_on_the_grid_of_the_images(self, tmp_path):
        wanted = apart()
        layer = wanted.layers[0]
        part = Layer(layer.labels_kji[1:, :, 2:], A_GRID.cropped((1, 0, 2), layer.labels_kji[1:, :, 2:].shape))
        path, _ = convert(replace(wanted, layers=(part,)), tmp_path / "a.nii.gz", source=a_source()).paths
        image = nibabel.load(path)
        assert image.shape == A_GRID.shape_kji[::-1]
        for value in (3, 7):
            found = np.argwhere(np.asarray(image.dataobj) == value)
            places = found @ image.affine[:3, :3].T + image.affine[:3, 3]
            expected = np.argwhere(part.labels_kji == value) @ part.geometry.kji_to_lps[:3, :3].T
            expected = (expected + part.geometry.kji_to_lps[:3, 3]) * (-1, -1, 1)
            np.testing.assert_allclose(
                sorted(map(tuple, places.round(3))), sorted(map(tuple, expected.round(3))), atol=2e-3
            )


class TestOnTheImages:
    """A voxel that no image has is told, whatever the format."""

    def beyond(self) -> Segmentation:
        wanted = apart()
        moved = A_GRID.cropped((3, 0, 0), A_GRID.shape_kji)
        return replace(wanted, layers=(Layer(wanted.layers[0].labels_kji, moved),))

    @pytest.mark.parametrize("name", ["a.nii.gz", "a.nrrd", "a.seg.nrrd", "a.json"])
    def test_voxels_beyond_them_refuse_the_conversion(self, name, tmp_path):
        with pytest.raises(PreflightError, match="liver: .* voxels lie beyond the source images and would be lost"):
            convert(self.beyond(), tmp_path / name, source=a_source())
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("name", ["a.nii.gz", "a.json"])
    def test_they_are_left_out_where_asked_and_told(self, name, tmp_path):
        found = convert(self.beyond(), tmp_path / name, source=a_source(), options=ExportOptions(clip=True)).findings
        assert [one.id for one in found] == ["outside-source"]

    def test_the_own_grid_keeps_them(self, tmp_path):
        options = ExportOptions(grid=Grid.SEGMENTATION)
        path, _ = convert(self.beyond(), tmp_path / "a.nii.gz", source=a_source(), options=options).paths
        read = read_segmentation(path)
        np.testing.assert_array_equal(read.layers[0].labels_kji, apart().layers[0].labels_kji)
        np.testing.assert_allclose(
            read.layers[0].geometry.kji_to_lps, self.beyond().layers[0].geometry.kji_to_lps, atol=1e-4
        )


class TestReadBack:
    """Every file is read before it gets its name."""

    @pytest.mark.parametrize("name", ["a.nii.gz", "a.nii", "a.nrrd", "a.seg.nrrd"])
    def test_one_wrong_voxel_keeps_the_file_from_its_name(self, name, tmp_path, monkeypatch):
        wanted = apart()
        labels = wanted.layers[0].labels_kji.copy()
        labels[5, 4, 3] = 7 if labels[5, 4, 3] != 7 else 3
        wrong = replace(wanted, layers=(Layer(labels, A_GRID),))

        def of_wrong(write):
            instead = {Segmentation: wrong, list: [labels]}
            return lambda given, *rest, **named: write(instead.get(type(given), labels), *rest, **named)

        for writer in ("write_nifti", "write_nrrd", "write_seg_nrrd"):
            monkeypatch.setattr(volumes, writer, of_wrong(getattr(volumes, writer)))
        with pytest.raises(ReadBackDiffersError):
            convert(wanted, tmp_path / name)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("name", ["a.nii.gz", "a.nrrd", "a.seg.nrrd"])
    def test_another_place_keeps_the_file_from_its_name(self, name, tmp_path, monkeypatch):
        wanted = apart()
        off = Geometry(A_GRID.shape_kji, A_GRID.kji_to_lps + np.diag([0, 0, 0, 0.0]) + 0.01 * np.eye(4)[:, [3] * 4].T)
        monkeypatch.setattr(
            read_back, "_is_near", lambda found, _, tolerance, check=read_back._is_near: check(found, off, tolerance)
        )
        with pytest.raises(ReadBackDiffersError):
            convert(wanted, tmp_path / name)
        assert list(tmp_path.iterdir()) == []

    def test_another_name_keeps_the_file_from_its_name(self, tmp_path, monkeypatch):
        wanted = apart()
        other = replace(wanted, segments=(replace(wanted.segments[0], name="other"), wanted.segments[1]))
        write = volumes.write_seg_nrrd
        monkeypatch.setattr(volumes, "write_seg_nrrd", lambda _, file: write(other, file))
        with pytest.raises(ReadBackDiffersError):
            convert(wanted, tmp_path / "a.seg.nrrd")
        assert list(tmp_path.iterdir()) == []


class TestCoco:
    def test_pycocotools_shows_every_voxel(self, tmp_path):
        from pycocotools.coco import COCO

        source = a_source()
        (path,) = convert(overlapping(), tmp_path / "cases.json", source=source).paths
        coco = COCO(str(path))
        masks = masks_of(overlapping())
        names = {one["id"]: one["name"] for one in coco.dataset["categories"]}
        found = {name: np.zeros(A_GRID.shape_kji, bool) for name in masks}
        for image in coco.dataset["images"]:
            k = [frame.sop_instance_uid for frame in source.frames].index(image["sop_instance_uid"])
            for one in coco.loadAnns(coco.getAnnIds(imgIds=[image["id"]])):
                mask = coco.annToMask(one).astype(bool)
                assert one["area"] == mask.sum()
                rows, columns = np.nonzero(mask)
                assert one["bbox"] == [
                    columns.min(),
                    rows.min(),
                    columns.max() - columns.min() + 1,
                    rows.max() - rows.min() + 1,
                ]
                assert one["iscrowd"] == 0
                found[names[one["category_id"]]][k] |= mask
        for name, mask in masks.items():
            np.testing.assert_array_equal(found[name], mask)

    def test_a_case_that_is_added_twice_is_there_once(self, tmp_path):
        path = tmp_path / "cases.json"
        convert(apart(), path, source=a_source())
        once = json.loads(path.read_text("utf-8"))
        convert(apart(), path, source=a_source())
        assert json.loads(path.read_text("utf-8")) == once

    def test_categories_have_their_codes(self, tmp_path):
        (path,) = convert(apart(), tmp_path / "cases.json", source=a_source()).paths
        liver = json.loads(path.read_text("utf-8"))["categories"][0]
        assert liver["codes"]["type"] == {"scheme": "SCT", "value": LIVER.type.value, "meaning": LIVER.type.meaning}

    def test_what_another_segmentation_had_there_is_told_and_its_categories_go_with_it(self, tmp_path):
        path = tmp_path / "cases.json"
        first = convert(apart(), path, source=a_source())
        assert first.findings == ()
        content = json.loads(path.read_text("utf-8"))
        images = [one for one in content["images"] if any(a["image_id"] == one["id"] for a in content["annotations"])]

        second = convert(renamed(apart(), "tumour", "kidney/left"), path, source=a_source())

        assert [one["name"] for one in json.loads(path.read_text("utf-8"))["categories"]] == ["kidney/left", "tumour"]
        (finding,) = second.findings
        livers = sum(one["category_id"] == content["categories"][0]["id"] for one in content["annotations"])
        assert str(finding) == (
            f"warning: cases.json: This segmentation replaced {livers} annotations that the file had on "
            f"{livers} images. The category 'liver' was removed too: nothing else used it. To keep both, write each "
            "segmentation into a COCO file of its own."
        )
        assert set(finding.details) <= {f"Annotations of the image {one['file_name']} were replaced." for one in images}
        assert len(finding.details) == livers

    def test_categories_of_others_stay(self, tmp_path):
        """One that images of another case have, one that a person put in, and one that a person gave to an image."""
        path = tmp_path / "cases.json"
        convert(apart(), path, source=a_source())
        content = json.loads(path.read_text("utf-8"))
        liver = content["categories"][0]
        content["images"].append({"id": 1, "file_name": "a.png", "width": 2, "height": 2})
        content["categories"] += [{"id": 5, "name": "nobody's"}, {"id": 6, "name": "by hand"}]
        on_ours = {"image_id": content["images"][0]["id"], "category_id": 6, "segmentation": []}
        content["annotations"] += [{"image_id": 1, "category_id": liver["id"], "segmentation": []}, on_ours]
        path.write_text(json.dumps(content), "utf-8")

        (finding,) = convert(renamed(apart(), "a", "b"), path, source=a_source()).findings

        left = [one["name"] for one in json.loads(path.read_text("utf-8"))["categories"]]
        assert left == ["liver", "nobody's", "by hand", "a", "b"]
        assert "The category 'kidney/left' was removed too: nothing else used it." in finding.what
        assert any(one["image_id"] == 1 for one in json.loads(path.read_text("utf-8"))["annotations"])

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            ("{", "it is not JSON"),
            ("[]", "it is JSON, but not a COCO file, which has lists of images, annotations and categories"),
            ('{"mine": 1}', "it has no lists of images, annotations, categories, which a COCO file needs"),
            ('{"images": [], "annotations": []}', "it has no list of categories, which a COCO file needs"),
            ('{"images": [1], "annotations": [], "categories": []}', "entry 1 of its list images has no id"),
            (
                '{"images": [], "annotations": [{"image_id": 1}], "categories": []}',
                "entry 1 of its list annotations has no category_id",
            ),
        ],
    )
    def test_another_file_of_that_name_is_left_as_it_is(self, content, reason, tmp_path):
        path = tmp_path / "settings.json"
        path.write_text(content)
        with pytest.raises(UnusableCocoFileError) as refused:
            convert(apart(), path, source=a_source())
        assert f": {reason}. The file was left as it is." in str(refused.value)
        assert path.read_text() == content

    def test_names_of_images_stay_where_no_folder_is_given_again(self, tmp_path):
        path, ct = tmp_path / "cases.json", tmp_path / "ct"
        ct.mkdir()
        a_ct_series(ct)
        source = read_series(ct)[0]
        convert(apart(), path, source=source, images=CocoImages(ct))
        names = [one["file_name"] for one in json.loads(path.read_text("utf-8"))["images"]]
        assert all((tmp_path / name).exists() for name in names)
        convert(apart(), path, source=source)
        assert [one["file_name"] for one in json.loads(path.read_text("utf-8"))["images"]] == names

    def test_it_needs_images(self, tmp_path):
        with pytest.raises(
            SourceNeededError, match="A COCO file names the DICOM images that its masks lie on, and none"
        ):
            convert(apart(), tmp_path / "cases.json")


class TestPictures:
    def made(self, folder: Path, **named: object) -> dict[str, object]:
        options = CocoImages(folder / "ct", **named)
        source = find_source(folder / "ct", apart())
        convert(apart(), folder / "cases.json", source=source, images=options)
        return json.loads((folder / "cases.json").read_text("utf-8"))

    def test_images_are_named_by_their_dicom_files_as_seen_from_the_coco_file(self, tmp_path):
        a_ct_series(tmp_path / "ct")
        images = self.made(tmp_path)["images"]
        assert len(images) == A_GRID.shape_kji[0]
        for image in images:
            dataset = pydicom.dcmread(tmp_path / image["file_name"])
            assert dataset.SOPInstanceUID == image["sop_instance_uid"]

    def test_files_without_preamble_are_named_too(self, tmp_path):
        for path in a_ct_series(tmp_path / "ct"):
            path.write_bytes(path.read_bytes()[132:])
        for image in self.made(tmp_path)["images"]:
            assert (tmp_path / image["file_name"]).is_file()

    def test_pictures_show_the_window_of_the_header(self, tmp_path):
        a_ct_series(tmp_path / "ct", WindowCenter=[-1020, 40], WindowWidth=[9, 400])
        images = self.made(tmp_path, as_png=True)["images"]
        assert len(images) == A_GRID.shape_kji[0]
        for image in images:
            self.assert_shown(tmp_path, image, centre=-1020, width=9)

    def test_pictures_show_the_window_that_was_given(self, tmp_path):
        a_ct_series(tmp_path / "ct", WindowCenter=40, WindowWidth=400)
        images = self.made(tmp_path, as_png=True, window=(-1021, 5))["images"]
        assert len(images) == A_GRID.shape_kji[0]
        for image in images:
            self.assert_shown(tmp_path, image, centre=-1021, width=5)

    def assert_shown(self, folder: Path, image: dict[str, object], centre: float, width: float) -> None:
        """Compare with pydicom's own windowing."""
        (path,) = (
            path
            for path in (folder / "ct").iterdir()
            if pydicom.dcmread(path).SOPInstanceUID == image["sop_instance_uid"]
        )
        dataset = pydicom.dcmread(path)
        dataset.WindowCenter, dataset.WindowWidth = centre, width
        hounsfield = apply_rescale(dataset.pixel_array, dataset)
        wanted = apply_windowing(hounsfield, dataset)
        low, high = -1024.0, 3071.0
        shown = np.asarray(Image.open(folder / str(image["file_name"])))
        np.testing.assert_allclose(shown, (wanted - low) / (high - low) * 255, atol=0.51)

    def test_without_a_window_nothing_is_guessed(self, tmp_path):
        a_ct_series(tmp_path / "ct")
        with pytest.raises(UnwritablePictureError, match="its header has no window"):
            self.made(tmp_path, as_png=True)
        assert [path.name for path in tmp_path.iterdir()] == ["ct"]

    def test_a_voi_lut_shows_them_where_there_is_no_window(self, tmp_path):
        paths = a_ct_series(tmp_path / "ct")
        for path in paths:
            dataset = pydicom.dcmread(path)
            item = pydicom.Dataset()
            item.add_new("LUTDescriptor", "SS", [3, -1024, 12])
            item.add_new("LUTData", "US", [4095, 1600, 16])
            dataset.VOILUTSequence = [item]
            dataset.save_as(path)
        images = self.made(tmp_path, as_png=True)["images"]
        of_uid = {str(dataset.SOPInstanceUID): dataset for dataset in map(pydicom.dcmread, paths)}
        for image in images:
            dataset = of_uid[image["sop_instance_uid"]]
            hounsfield = apply_rescale(dataset.pixel_array, dataset)
            wanted = np.select([hounsfield <= -1024, hounsfield == -1023], [255, 100], 1)
            np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / image["file_name"])), wanted)

    def test_a_picture_needs_its_image(self, tmp_path):
        with pytest.raises(SourceNeededError, match="Pictures are made from the DICOM images, and none were given"):
            convert(apart(), tmp_path / "a.json", source=a_source(), images=CocoImages(as_png=True))
        assert list(tmp_path.iterdir()) == []

    def test_the_shell_writes_them_and_tells_of_all_pictures_in_a_line(self, tmp_path, capsys):
        from SegRLEExportLib.cli import main

        a_ct_series(tmp_path / "ct")
        convert(apart(), tmp_path / "a.seg.nrrd")
        words = [tmp_path / "a.seg.nrrd", tmp_path / "ct", "-o", tmp_path / "c.json", "--images", "png"]
        assert main([str(word) for word in ("convert", *words, "--window=-1020,9")]) == 0
        assert len(list((tmp_path / "c_images").glob("*.png"))) == A_GRID.shape_kji[0]
        told = capsys.readouterr().out.splitlines()
        assert len(told) == 3
        assert told[2].startswith(f"  {tmp_path / 'c_images'}: {A_GRID.shape_kji[0]} pictures, ")

    @pytest.mark.parametrize("window", ["40", "40,0", "40,x", "nan,1"])
    def test_the_shell_says_what_a_window_is(self, window, capsys):
        from SegRLEExportLib.cli import main

        with pytest.raises(SystemExit):
            main(["convert", "a.dcm", "-o", "c.json", f"--window={window}"])
        assert f"'{window}' is not a centre and a width above 0, such as 40,400" in capsys.readouterr().err


class TestDicom:
    @pytest.mark.parametrize("encoding", list(PLANS))
    def test_seg_to_seg_nrrd_and_back_is_the_same(self, encoding, tmp_path):
        wanted = apart()
        report = export(wanted, a_source(), tmp_path / "seg", encoding)
        middle = segmentation_of(report.paths)
        (path,) = convert(middle, tmp_path / "a.seg.nrrd").paths
        again = convert(read_segmentation(path), tmp_path / "again", encoding, source=a_source())
        read = segmentation_of(again.paths)
        assert places_of(read) == places_of(middle) == places_of(wanted)
        assert [one.color_rgb for one in read.segments] == [one.color_rgb for one in middle.segments]
        assert [(one.name, one.terminology) for one in read.segments] == [
            (one.name, one.terminology) for one in wanted.segments
        ]

    def test_it_needs_images(self, tmp_path):
        with pytest.raises(SourceNeededError, match="DICOM SEG refers to images"):
            convert(apart(), tmp_path / "a.dcm")

    def test_what_was_not_read_back_is_not_said_to_be(self, tmp_path):
        options = ExportOptions(verify=False)
        done = convert(apart(), tmp_path / "a.dcm", source=a_source(), options=options)
        assert ", not verified\n" in str(done)
        assert done.to_json()["verified"] is False


class TestRefusals:
    def test_a_name_that_tells_no_format(self, tmp_path):
        with pytest.raises(UnknownFormatError, match=r"'\.xyz' is not a format that can be written"):
            convert(apart(), tmp_path / "a.xyz")

    def test_nothing_is_replaced_unasked(self, tmp_path):
        (tmp_path / "a.csv").write_text("mine")
        with pytest.raises(TargetExistsError):
            convert(apart(), tmp_path / "a.nii.gz")
        assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
        assert (tmp_path / "a.csv").read_text() == "mine"

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
    @pytest.mark.parametrize("wanted", FILE_FORMATS)
    def test_a_pipe_is_never_replaced(self, wanted, tmp_path):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(ExportError, match="is a device or a pipe and was left as it is|it is not a folder"):
            convert(apart(), tmp_path / "pipe", wanted, source=a_source(), options=ExportOptions(overwrite=True))
        assert [path.name for path in tmp_path.iterdir()] == ["pipe"]
        assert (tmp_path / "pipe").is_fifo()

    def test_images_of_several_patients_are_named_in_no_coco_file(self, tmp_path):
        finding = Finding("several-patients", Severity.ERROR, "The images disagree about their patient: 'A', 'B'.")
        with pytest.raises(PreflightError, match="disagree about their patient"):
            convert(apart(), tmp_path / "a.json", source=replace(a_source(), findings=(finding,)))
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("wanted", FILE_FORMATS)
    def test_what_reading_had_to_say_is_told(self, wanted, tmp_path):
        of_file = Finding("table-row-unused", Severity.WARNING, "The table has a row for the value 9.")
        of_images = Finding("same-position", Severity.WARNING, "Of 20 images 10 are referenced.")
        segmentation, source = replace(apart(), findings=(of_file,)), replace(a_source(), findings=(of_images,))
        found = convert(segmentation, tmp_path / "out", wanted, source=source).findings
        assert [finding for finding in found if finding in (of_file, of_images)] == [of_file, of_images]

    @pytest.mark.parametrize("wanted", FILE_FORMATS)
    def test_codes_that_are_left_out_are_told(self, wanted, tmp_path):
        faulty = replace(apart().segments[0], terminology=None, code_faults=("its type 'SCT^1^' lacks a meaning",))
        segmentation = replace(apart(), segments=(faulty, *apart().segments[1:]))
        found = convert(segmentation, tmp_path / "out", wanted, source=a_source()).findings
        told = "Its type 'SCT^1^' lacks a meaning, so its codes are left out."
        assert [finding.what for finding in found if finding.id == "incomplete-code"] == [told]

    def test_repairs_of_the_file_are_refused_where_none_are_wanted(self, tmp_path):
        repair = Finding("renamed", Severity.REPAIR, "Two segments had one name.")
        with pytest.raises(PreflightError, match="Two segments had one name"):
            convert(replace(apart(), findings=(repair,)), tmp_path / "a.nii", options=ExportOptions(strict=True))
        assert list(tmp_path.iterdir()) == []

    def test_a_folder_is_never_replaced(self, tmp_path):
        (tmp_path / "out").mkdir()
        with pytest.raises(TargetNotAFileError, match="is a folder and was left as it is"):
            convert(apart(), tmp_path / "out", "seg.nrrd", options=ExportOptions(overwrite=True))
        assert [path.name for path in tmp_path.rglob("*")] == ["out"]


@pytest.mark.parametrize(
    ("name", "files"),
    [("labels", {"labels", "labels.csv"}), ("labels.csv", {"labels.csv", "labels.names.csv"})],
)
def test_a_label_map_of_any_name_has_its_table_beside_it(name, files, tmp_path):
    convert(apart(), tmp_path / name, "nifti")

    assert {path.name for path in tmp_path.iterdir()} == files
    assert set(masks_of(read_segmentation(tmp_path / name))) == {"Label 3", "Label 7"}


@pytest.mark.parametrize(("name", "wanted"), [("a.nii.gz", "nifti"), ("a.json", "coco"), ("", "masks")])
def test_a_folder_that_is_not_there_is_made_in_one_that_is(name, wanted, tmp_path):
    (first, *_) = convert(apart(), tmp_path / "new" / name, wanted, source=a_source()).paths
    assert first.exists()
    with pytest.raises(TargetFolderError, match="there is no folder"):
        convert(apart(), tmp_path / "none" / "none" / name, wanted, source=a_source())
    assert not (tmp_path / "none").exists()


def test_why_an_image_is_missing_is_told_as_in_an_export(tmp_path):
    a_ct_series(tmp_path)
    sorted(tmp_path.iterdir())[3].write_bytes(b"")
    whole = a_segmentation([np.ones(A_GRID.shape_kji, bool)])
    for name in ("a.json", "a.nii.gz", "a.dcm"):
        with pytest.raises(PreflightError) as refused:
            convert(whole, tmp_path / name, source=read_series(tmp_path)[0])
        assert "it is empty" in str(refused.value)


class TestShell:
    def run(self, *words: object) -> int:
        from SegRLEExportLib.cli import main

        return main([str(word) for word in ("convert", *words)])

    def test_a_folder_of_images_that_is_not_there_is_named(self, tmp_path, capsys):
        (path,) = export(apart(), a_source(), tmp_path / "in.dcm", "none").paths
        assert self.run(path, tmp_path / "ct", "-o", tmp_path / "out.nii.gz") == 2
        assert f"were found in {tmp_path / 'ct'}: there is no such folder" in capsys.readouterr().err

    def test_the_folder_of_an_export_is_its_files(self, tmp_path):
        from SegRLEExportLib.cli import main

        export(overlapping(), a_source(), tmp_path / "in", "rle")
        assert len(list((tmp_path / "in").iterdir())) == 2
        assert self.run(tmp_path / "in", "-o", tmp_path / "out.dcm", "--to", "none") == 0
        assert self.run(tmp_path / "in", "-o", tmp_path / "out.seg.nrrd") == 0
        for segmentation in ("in", "out.seg.nrrd"):
            assert main(["verify", str(tmp_path / "out.dcm"), str(tmp_path / segmentation)]) == 0

    def test_a_folder_of_several_exports_is_refused(self, tmp_path, capsys):
        for name in ("a.dcm", "b.dcm"):
            export(apart(), a_source(), tmp_path / name, "none")
        assert self.run(tmp_path, "-o", tmp_path / "out.dcm") == 2
        told = capsys.readouterr().err
        assert "it is a folder with 2 exports (a.dcm; b.dcm)." in told
        assert "Give one of them: its file, its files, or a folder with them alone." in told

    def test_a_seg_to_another_encoding_with_its_own_references(self, tmp_path, capsys):
        (path,) = export(apart(), a_source(), tmp_path / "in.dcm", "none").paths
        assert self.run(path, "-o", tmp_path / "out.dcm") == 0
        out = pydicom.dcmread(tmp_path / "out.dcm")
        assert out.file_meta.TransferSyntaxUID.name == "RLE Lossless"
        assert out.PatientID == pydicom.dcmread(path).PatientID
        printed = capsys.readouterr().out
        assert "read back right by" in printed
        assert "  opens in: 3D Slicer 5.12 and newer" in printed
        assert "  known problems: " in printed
        assert self.run(path, "-o", tmp_path / "other.dcm", "--json") == 0
        assert json.loads(capsys.readouterr().out)["reads_in"].startswith("3D Slicer 5.12")

    def test_files_of_one_export_come_together(self, tmp_path):
        paths = export(overlapping(), a_source(), tmp_path / "in", "rle").paths
        assert len(paths) == 2
        assert self.run(*paths, "-o", tmp_path / "out.seg.nrrd") == 0
        assert {one.name for one in read_segmentation(tmp_path / "out.seg.nrrd").segments} == {"Leber (ü)", "rand"}

    def test_files_of_one_export_have_its_order_whatever_they_are_called(self, tmp_path):
        paths = export(overlapping(), a_source(), tmp_path / "in", "rle-per-segment").paths
        for name, files in (("a", paths), ("b", paths[::-1])):
            assert self.run(*files, "-o", tmp_path / f"{name}.nii.gz", "--one-file-each") == 0
            tables = [(tmp_path / f"{name}_{n}.csv").read_text("utf-8") for n in (1, 2)]
            assert ["Leber (ü)" in tables[0], "rand" in tables[1]] == [True, True]
        assert (tmp_path / "a_1.nii.gz").read_bytes() == (tmp_path / "b_1.nii.gz").read_bytes()

    def test_files_of_several_exports_have_the_order_given(self, tmp_path):
        parts = [overlapping().only([one.id]) for one in overlapping().segments]
        files = [export(part, a_source(), tmp_path / f"{n}.dcm", "none").paths[0] for n, part in enumerate(parts)]
        assert [one.name for one in segmentation_of(files[::-1]).segments] == ["rand", "Leber (ü)"]

    def test_images_last(self, tmp_path):
        series = tmp_path / "ct"
        a_ct_series(series)
        convert(apart(), tmp_path / "a.seg.nrrd")
        assert self.run(tmp_path / "a.seg.nrrd", series, "-o", tmp_path / "cases.json") == 0
        assert len(json.loads((tmp_path / "cases.json").read_text("utf-8"))["categories"]) == 2

    def test_a_table_names_the_values(self, tmp_path):
        convert(apart(), tmp_path / "a.nii.gz")
        assert self.run(tmp_path / "a.nii.gz", "--segments", tmp_path / "a.csv", "-o", tmp_path / "b.seg.nrrd") == 0
        read = read_segmentation(tmp_path / "b.seg.nrrd")
        assert [(one.name, one.terminology) for one in read.segments] == [
            ("liver", LIVER),
            ("kidney/left", LEFT_KIDNEY),
        ]

    def test_several_files_are_masks_and_others_are_refused(self, tmp_path, capsys):
        convert(apart(), tmp_path / "masks", "masks")
        masks = sorted((tmp_path / "masks").glob("*.nii.gz"))
        assert self.run(*masks, "-o", tmp_path / "b.seg.nrrd") == 0
        assert len(read_segmentation(tmp_path / "b.seg.nrrd").segments) == len(masks) == 2
        convert(apart(), tmp_path / "labels.nii.gz", "nifti")
        assert self.run(tmp_path / "labels.nii.gz", masks[0], "-o", tmp_path / "c.nrrd") == 2
        assert "as a mask it must have the values 0 and 1, and it has" in capsys.readouterr().err


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40).filter(
        lambda text: text.strip() == text
    ),
    color=st.tuples(*[st.floats(0, 1)] * 3),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_name_color_and_voxels_go_to_seg_nrrd_and_back(name, color, seed, tmp_path_factory):
    folder: Path = tmp_path_factory.mktemp("round")
    labels = np.random.default_rng(seed).integers(0, 3, A_GRID.shape_kji).astype(np.uint8)
    first, second = apart().segments
    segments = (replace(first, name=name, color_rgb=color, layer_value=1), replace(second, layer_value=2))
    wanted = Segmentation("any", (Layer(labels, A_GRID),), segments)
    read = read_segmentation(convert(wanted, folder / "a.seg.nrrd").paths[0])
    assert read.segments == wanted.segments
    np.testing.assert_array_equal(read.layers[0].labels_kji, labels)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1), encoding=st.sampled_from(list(PLANS)), other=st.sampled_from(list(PLANS)))
def test_any_voxels_go_from_nifti_through_two_encodings_to_nifti_and_are_the_same(
    seed, encoding, other, tmp_path_factory
):
    folder: Path = tmp_path_factory.mktemp("round")
    labels = np.random.default_rng(seed).integers(0, 3, A_GRID.shape_kji).astype(np.uint8)
    segments = tuple(replace(one, layer_value=value) for value, one in enumerate(apart().segments, start=1))
    wanted = Segmentation("any", (Layer(labels, A_GRID),), segments)
    before, table = convert(wanted, folder / "in.nii.gz").paths
    named = described(read_segmentation(before), read_table(table))

    first = convert(named, folder / "first", encoding, source=a_source())
    second = convert(segmentation_of(first.paths), folder / "second", other, source=source_of(first.paths))
    read = segmentation_of(second.paths)
    after, table_after = convert(read, folder / "out.nii.gz", source=a_source()).paths

    assert places_of(read) == places_of(wanted)
    assert [(one.name, one.terminology) for one in read.segments] == [(one.name, one.terminology) for one in segments]
    assert [one.color_rgb for one in read.segments] == [one.color_rgb for one in segmentation_of(first.paths).segments]
    np.testing.assert_array_equal(np.asarray(nibabel.load(after).dataobj), np.asarray(nibabel.load(before).dataobj))
    assert [row.name for row in read_table(table_after).rows] == [row.name for row in read_table(table).rows]
