"""Which SEG files of a folder are read together, and what is said of a folder that has none, or those of several."""

from __future__ import annotations

import shutil

import pydicom
import pytest
from builders import a_segmentation, a_source, a_sphere
from SegRLEExportLib.cli import main
from SegRLEExportLib.errors import NotASegmentationFileError, UnusableSegFileError
from SegRLEExportLib.export import export
from SegRLEExportLib.files.read import read_segmentation
from SegRLEExportLib.reading.folder import files_of_one_export
from SegRLEExportLib.reading.segmentation import segmentation_of
from shell_builders import a_case


@pytest.fixture
def case(tmp_path):
    """A segmentation and its images."""
    path, ct = a_case(tmp_path)
    return read_segmentation(path), ct


def refused(folder, error=NotASegmentationFileError) -> str:
    with pytest.raises(error) as told:
        files_of_one_export(folder)
    return str(told.value)


class TestAFolderWithoutSegTells:
    def test_that_it_is_empty(self, tmp_path):
        assert "the folder is empty." in refused(tmp_path)

    def test_that_it_has_only_folders(self, tmp_path):
        (tmp_path / "a").mkdir()
        assert "the folder has only folders, and no file is searched in them." in refused(tmp_path)

    def test_which_files_it_has(self, case):
        _, ct = case
        images = len([*ct.iterdir()])
        (ct / "notes.txt").write_text("none")
        told = f"the folder has no SEG file, but {images} files of CT Image Storage, 1 file that is no DICOM."
        assert told in refused(ct)
        (ct / "more.txt").write_text("none")
        assert "2 files that are no DICOM" in refused(ct)


def test_a_folder_of_several_exports_names_their_files(case, tmp_path):
    segmentation, ct = case
    out = tmp_path / "out"
    out.mkdir()
    export(segmentation, ct, out / "a.dcm", "none")
    files = export(segmentation, ct, out / "b.dcm", "rle-per-segment").paths
    assert len(files) > 1
    told = refused(out, UnusableSegFileError)
    assert "it is a folder with 2 exports (a.dcm; b_1.dcm, b_2.dcm" in told
    assert "Give one of them: its file, its files, or a folder with them alone." in told
    for name in "cd":
        export(segmentation, ct, out / f"{name}.dcm", "none")
    assert "it is a folder with 4 exports (a.dcm; " in refused(out, UnusableSegFileError)
    assert "; c.dcm; ...)" in refused(out, UnusableSegFileError)


def test_a_file_that_is_given_twice_is_refused(case, tmp_path):
    segmentation, ct = case
    (path,) = export(segmentation, ct, tmp_path / "a.dcm", "none").paths
    copy = shutil.copy(path, tmp_path / "copy.dcm")
    with pytest.raises(UnusableSegFileError) as told:
        segmentation_of([path, copy])
    assert f"{copy} cannot be used: it is the same instance as {path}. Give each file of a seg" in str(told.value)


def test_files_of_two_exports_that_are_named_one_by_one_are_joined(case, tmp_path):
    segmentation, ct = case
    first, *_ = segmentation.segments
    paths = [
        path
        for name in ("a", "b")
        for path in export(segmentation.only([first.id]), ct, tmp_path / f"{name}.dcm", "none").paths
    ]
    assert [segment.name for segment in segmentation_of(paths).segments] == [first.name] * 2


class TestFilesOfOneExportThatAreNotGiven:
    @pytest.fixture
    def paths(self, tmp_path):
        """Four files, one for each segment."""
        segmentation = a_segmentation([a_sphere()] * 4)
        return export(segmentation, a_source(), tmp_path / "seg.dcm", "rle-per-segment").paths

    @pytest.mark.parametrize(
        ("given", "what"),
        [
            ([1], "This is file 2 of 4 of an export: the segments of the other 3 files are missing."),
            ([3, 0], "These are files 1 and 4 of 4 of an export: the segments of the other 2 files are missing."),
            ([2, 1, 0], "These are files 1, 2 and 3 of 4 of an export: the segments of the other file are missing."),
        ],
        ids=["one", "two", "three"],
    )
    def test_are_told(self, paths, given, what):
        (finding,) = segmentation_of([paths[n] for n in given]).findings

        assert finding.what == what
        assert finding.where == ", ".join(paths[n].name for n in sorted(given))
        assert finding.help == "Give all its files, or their folder."

    def test_are_none_where_all_are_given(self, paths):
        assert segmentation_of(paths).findings == ()
        assert read_segmentation(paths[0].parent).findings == ()

    def test_are_told_of_each_of_two_exports(self, paths, tmp_path):
        (tmp_path / "again").mkdir()
        again = export(a_segmentation([a_sphere()] * 2), a_source(), tmp_path / "again", "rle-per-segment").paths

        found = segmentation_of([*paths[:3], *again]).findings

        assert [finding.where for finding in found] == ["seg_1.dcm, seg_2.dcm, seg_3.dcm"]

    @pytest.mark.parametrize(
        ("keyword", "value"), [("Manufacturer", "Somebody"), ("SeriesDescription", "3 of 2"), ("SeriesDescription", "")]
    )
    def test_are_not_guessed(self, paths, keyword, value):
        dataset = pydicom.dcmread(paths[0])
        setattr(dataset, keyword, value)
        dataset.save_as(paths[0])

        assert segmentation_of(paths[:1]).findings == ()

    def test_are_told_in_a_shell(self, paths, tmp_path, capsys):
        assert main(["convert", str(paths[1]), "-o", str(tmp_path / "labels.nii.gz")]) == 0

        assert "warning: seg_2.dcm: This is file 2 of 4 of an export" in capsys.readouterr().out
