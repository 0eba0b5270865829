"""Where files go: a folder, one name, or numbered names; refused before anything is written."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from builders import a_grid, a_segmentation, a_source, drafts
from SegRLEExportLib.encoding.plan import PLANS
from SegRLEExportLib.errors import TargetExistsError, TargetFolderError
from SegRLEExportLib.writing.names import file_paths, is_folder, least_bytes, prepare_folder


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


def test_a_folder_is_what_is_one_or_has_no_suffix(tmp_path):
    (tmp_path / "is.one").mkdir()

    assert is_folder(tmp_path / "is.one")
    assert is_folder(tmp_path / "new")
    assert not is_folder(tmp_path / "seg.dcm")


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
