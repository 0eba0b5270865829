"""Where files go: a folder, one name, or numbered names; refused before anything is written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from builders import (
    a_ct_series,
    a_grid,
    a_segmentation,
    a_source,
    a_sphere,
    drafts,
    fixed_options,
    two_overlapping_boxes,
)
from SegRLEExportLib.convert import convert
from SegRLEExportLib.encoding.plan import PLANS
from SegRLEExportLib.errors import TargetExistsError, TargetFolderError, TargetNotReplacedError, WritingFailedError
from SegRLEExportLib.export import export
from SegRLEExportLib.options import ExportOptions
from SegRLEExportLib.reading.segmentation import segmentation_of
from SegRLEExportLib.reading.source import source_of
from SegRLEExportLib.source.series import read_series
from SegRLEExportLib.writing.names import file_paths, is_folder, least_bytes, prepare_folder
from SegRLEExportLib.writing.pending_files import PendingFiles


def test_in_a_folder_names_carry_the_uid(tmp_path):
    assert file_paths(tmp_path, ["1.2", "1.3"], overwrite=False) == [
        tmp_path / "SEG_1.2.dcm",
        tmp_path / "SEG_1.3.dcm",
    ]


@pytest.mark.parametrize(("count", "names"), [(1, ["seg.dcm"]), (3, ["seg_1.dcm", "seg_2.dcm", "seg_3.dcm"])])
def test_a_name_is_kept_for_one_file_and_numbered_for_several(count, names, tmp_path):
    paths = file_paths(tmp_path / "seg.dcm", ["1.2"] * count, overwrite=False)

    assert [path.name for path in paths] == names


def test_a_name_that_is_taken_is_refused_unless_it_may_be_overwritten(tmp_path):
    (tmp_path / "seg.dcm").write_bytes(b"old")

    with pytest.raises(TargetExistsError, match="exists already"):
        file_paths(tmp_path / "seg.dcm", ["1.2"], overwrite=False)
    assert file_paths(tmp_path / "seg.dcm", ["1.2"], overwrite=True) == [tmp_path / "seg.dcm"]


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_file_of_the_name_given_stays_beside_numbered_ones_and_is_told(overwrite, tmp_path):
    old = tmp_path / "seg.dcm"
    old.write_bytes(b"old")

    report = export(
        a_segmentation([*two_overlapping_boxes()]), a_source(), old, "rle", options=fixed_options(overwrite=overwrite)
    )

    assert old.read_bytes() == b"old"
    assert [path.name for path in report.paths] == ["seg_1.dcm", "seg_2.dcm"]
    assert (
        "note: seg.dcm: The file was there before and was not replaced: several files were needed, and they were "
        "written beside it, seg_1.dcm the first. Remove it if it is of an earlier export." in str(report)
    )


@pytest.mark.parametrize("encoding", ["none", "rle"])
def test_nothing_is_told_where_nothing_stays(encoding, tmp_path):
    segmentation = a_segmentation([*two_overlapping_boxes()])
    for _ in range(2):
        report = export(segmentation, a_source(), tmp_path / "seg.dcm", encoding, options=fixed_options(overwrite=True))

    assert "earlier-file-kept" not in [finding.id for finding in report.findings]


def test_a_label_map_of_the_name_given_stays_beside_numbered_ones_and_is_told(tmp_path):
    old = tmp_path / "labels.nii.gz"
    old.write_bytes(b"old")

    told = convert(a_segmentation([*two_overlapping_boxes()]), old, one_file_each=True)

    assert old.read_bytes() == b"old"
    assert "note: labels.nii.gz: The file was there before and was not replaced: several files were needed" in str(told)


def test_a_folder_is_what_is_one_or_has_no_suffix(tmp_path):
    (tmp_path / "is.one").mkdir()

    assert is_folder(tmp_path / "is.one")
    assert is_folder(tmp_path / "new")
    assert not is_folder(tmp_path / "seg.dcm")


@pytest.mark.parametrize("text", ["out.case.01/", "out.case.01/.", ".", "..", "./"])
def test_a_folder_is_what_ends_with_a_slash_or_is_one_by_name(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert is_folder(text)
    assert file_paths(text, ["1.2"], overwrite=False) == [Path(text) / "SEG_1.2.dcm"]
    assert prepare_folder(text, 0) == Path(text)


def ask(target: str) -> None:
    """Ask all that an export asks about its target."""
    prepare_folder(target, 0)
    file_paths(target, ["1.2"], overwrite=False)


class TestWhatTheSystemAnswers:
    """A sentence with the folder and the system's own words, whichever question it will not answer."""

    @pytest.mark.parametrize("name", ["x" * 300 + ".dcm", "x" * 300, "x" * 300 + "/", ("y" * 200 + "/") * 30 + "a.dcm"])
    def test_to_a_name_that_is_too_long(self, name, tmp_path):
        target = f"{tmp_path}/{name}"
        with pytest.raises(TargetFolderError, match="File name too long. Choose a shorter name."):
            ask(target)

    def test_to_a_loop_of_links(self, tmp_path):
        (tmp_path / "a").symlink_to(tmp_path / "b")
        (tmp_path / "b").symlink_to(tmp_path / "a")
        with pytest.raises(TargetFolderError, match="it is not a folder"):
            prepare_folder(tmp_path / "a", 0)
        with pytest.raises(TargetFolderError, match="there is no folder"):
            prepare_folder(tmp_path / "a" / "out", 0)

    def test_to_a_character_that_no_name_has(self, tmp_path):
        with pytest.raises(TargetFolderError, match="null"):
            ask(f"{tmp_path}/a\0.dcm")

    @pytest.mark.parametrize("question", ["is_dir", "lstat"])
    def test_in_a_folder_that_cannot_be_entered(self, question, tmp_path, monkeypatch):
        def refused(*_, **__):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, question, refused)
        with pytest.raises(TargetFolderError, match="Permission denied"):
            file_paths(tmp_path / "seg.dcm", ["1.2"], overwrite=False)

    def test_to_the_question_for_room_is_not_needed(self, tmp_path, monkeypatch):
        def refused(_):
            raise OSError(38, "Function not implemented")

        monkeypatch.setattr("shutil.disk_usage", refused)
        assert prepare_folder(tmp_path, 10**18) == tmp_path

    def test_where_the_folder_vanishes(self, tmp_path):
        (tmp_path / "gone").mkdir()
        folder = prepare_folder(tmp_path / "gone", 0)
        folder.rmdir()
        with (
            pytest.raises(WritingFailedError, match="No such file or directory"),
            PendingFiles(overwrite=False) as files,
            files.create(folder / "seg.dcm"),
        ):
            pass

    def test_names_the_file_whatever_it_is_that_stands_there(self, tmp_path):
        (tmp_path / "seg.dcm").symlink_to(tmp_path / "nowhere")
        with pytest.raises(TargetExistsError, match="exists already"):
            file_paths(tmp_path / "seg.dcm", ["1.2"], overwrite=False)


@contextmanager
def left_as_it_is(folder: Path) -> Iterator[None]:
    """Expect the refusal of a name that an image of the folder has, and no change of anything in there."""
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    told = r"is a DICOM file that is no segmentation \(CT Image Storage\) and was left as it is. Choose another name."
    with pytest.raises(TargetNotReplacedError, match=told):
        yield
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


class TestImages:
    """What a SEG refers to is never replaced by it, or by anything else: not even where overwriting is asked for."""

    OVERWRITE = ExportOptions(overwrite=True)

    @pytest.fixture
    def image(self, tmp_path):
        return a_ct_series(tmp_path / "ct")[1]

    def test_stay_where_an_export_has_the_name_of_one(self, image):
        with left_as_it_is(image.parent):
            export(a_segmentation(), image.parent, image, options=self.OVERWRITE)

    def test_stay_where_one_of_several_files_has_the_name_of_one(self, image):
        image.rename(image.with_name("seg_2.dcm"))
        pair = a_segmentation([*two_overlapping_boxes()])
        with left_as_it_is(image.parent):
            export(pair, image.parent, image.with_name("seg.dcm"), "rle", options=self.OVERWRITE)

    def test_stay_where_a_link_leads_to_one(self, image, tmp_path):
        link = tmp_path / "link.dcm"
        link.symlink_to(image)
        with left_as_it_is(image.parent):
            export(a_segmentation(), image.parent, link, options=self.OVERWRITE)

        assert link.is_symlink()

    @pytest.mark.parametrize(("name", "to"), [("1.2.840.1", "nifti"), ("1.2.840.1", "rle"), ("1.nrrd", None)])
    def test_stay_whatever_is_to_be_written(self, name, to, image):
        image = image.rename(image.with_name(name))
        source = read_series(image.parent)[0]
        with left_as_it_is(image.parent):
            convert(a_segmentation(), image, to, source=source, options=self.OVERWRITE)

    @pytest.mark.parametrize("beginning", [b"\x02\0\0\0UL", b"\x08\0\x16\0UI"], ids=["meta", "dataset"])
    def test_stay_without_preamble(self, beginning, image):
        content = image.read_bytes()
        image.write_bytes(content[content.index(beginning) :])
        with left_as_it_is(image.parent):
            export(a_segmentation(), image.parent, image, options=self.OVERWRITE)

    def test_do_not_hinder_a_seg_from_being_converted_in_its_place(self, image):
        seg = image.with_name("seg.dcm")
        export(a_segmentation(), image.parent, seg, "none", options=fixed_options())

        for encoding in ("labelmap", "none", "deflate"):
            told = convert(segmentation_of([seg]), seg, encoding, source=source_of([seg]), options=self.OVERWRITE)
            assert told.is_compared

    @pytest.mark.parametrize(
        "content", [b"", b"DICM", b"\0" * 200, b"\x08\0\x16\0UI\xff\xff", b"\0" * 128 + b"DICM\x02\0"]
    )
    def test_are_not_what_is_no_dicom_file_or_a_damaged_one(self, content, tmp_path):
        (tmp_path / "seg.dcm").write_bytes(content)

        report = export(a_segmentation(), a_source(), tmp_path / "seg.dcm", options=self.OVERWRITE)

        assert report.is_verified


class TestPrepareFolder:
    def test_takes_a_folder_that_is_there_and_makes_none(self, tmp_path):
        assert prepare_folder(tmp_path, 0) == tmp_path
        assert prepare_folder(tmp_path / "seg.dcm", 0) == tmp_path
        assert prepare_folder(tmp_path / "new", 0) == tmp_path / "new"
        assert list(tmp_path.iterdir()) == []

    def test_refuses_a_folder_whose_parent_is_missing(self, tmp_path):
        with pytest.raises(TargetFolderError, match=r"there is no folder .*no"):
            prepare_folder(tmp_path / "no" / "such", 0)

    def test_refuses_a_file_in_place_of_a_folder(self, tmp_path):
        (tmp_path / "file").write_bytes(b"")

        with pytest.raises(TargetFolderError, match="it is not a folder"):
            prepare_folder(tmp_path / "file", 0)

    def test_refuses_a_folder_that_cannot_be_written(self, tmp_path, monkeypatch):
        monkeypatch.setattr(os, "access", lambda path, _: Path(path) != tmp_path)

        with pytest.raises(TargetFolderError, match="it is write-protected"):
            prepare_folder(tmp_path, 0)

    def test_refuses_a_disk_without_room_and_says_how_much_is_needed(self, tmp_path):
        with pytest.raises(TargetFolderError, match=r"at least 1000000000000\.0 MB are needed"):
            prepare_folder(tmp_path, 10**18)


@pytest.mark.parametrize(
    ("encoding", "least"),
    [("none", 125), ("labelmap", 1000), ("rle", 0), ("deflate", 0), ("rle-per-segment", 0)],
)
def test_the_least_room_is_that_of_the_pixels_where_they_are_not_compressed(encoding, least):
    grid = a_grid((10, 10, 10))
    (draft,) = drafts(a_segmentation([np.ones(grid.shape_kji, bool)], grid=grid), encoding, a_source(grid))

    assert least_bytes(draft) == least
    assert draft.plan is PLANS[encoding]


def test_files_of_higher_numbers_stay_and_are_told(tmp_path):
    three = a_segmentation([*two_overlapping_boxes(), a_sphere()])
    export(three, a_source(), tmp_path / "seg.dcm", "rle-per-segment", options=fixed_options())
    earlier = (tmp_path / "seg_3.dcm").read_bytes()

    told = export(
        three.only([segment.id for segment in three.segments[:2]]),
        a_source(),
        tmp_path / "seg.dcm",
        "rle-per-segment",
        options=fixed_options(overwrite=True),
    )

    assert (tmp_path / "seg_3.dcm").read_bytes() == earlier
    assert (
        "warning: seg_3.dcm: There before and not replaced, since fewer files were needed now: whoever takes all that "
        "are numbered takes two exports for one. Remove what is of an earlier export." in str(told)
    )


def test_masks_of_an_earlier_conversion_stay_in_the_folder_and_are_told(tmp_path):
    pair = a_segmentation([*two_overlapping_boxes()], names=["one", "other"])
    convert(pair, tmp_path / "masks", "masks")

    told = convert(pair.only([pair.segments[0].id]), tmp_path / "masks", "masks", options=ExportOptions(overwrite=True))
    again = convert(pair, tmp_path / "masks", "masks", options=ExportOptions(overwrite=True))

    assert (tmp_path / "masks" / "other.nii.gz").exists()
    assert (
        "warning: other.nii.gz: There before and not replaced: whoever takes the folder takes these masks for "
        "segments, too. Remove what is of an earlier conversion, or choose a new folder." in str(told)
    )
    assert "There before" not in str(again)
