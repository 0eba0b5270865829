"""What somebody else has in a COCO file, and beside it, when a case is added: kept as it was, or nothing is written."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from builders import A_GRID, a_ct_series, a_segmentation, a_source
from SegRLEExportLib.cli import main
from SegRLEExportLib.cli.words import error_text
from SegRLEExportLib.conversion.pictures import CocoImages
from SegRLEExportLib.convert import convert
from SegRLEExportLib.errors import (
    PictureTakenError,
    TargetNotAFileError,
    TargetNotReplacedError,
    UnusableCocoFileError,
)
from SegRLEExportLib.options import ExportOptions
from SegRLEExportLib.source.series import read_series

EMPTY = '{"images": [], "annotations": [], "categories": []}'


def added_to(path: Path) -> dict:
    """Add a case; return what the file says then."""
    convert(a_segmentation(), path, source=a_source())
    return json.loads(path.read_text("utf-8"))


class TestALink:
    def test_is_followed_to_the_file_that_is_added_to(self, tmp_path):
        real, link = tmp_path / "project" / "real.json", tmp_path / "link.json"
        real.parent.mkdir()
        real.write_text(EMPTY)
        link.symlink_to("project/real.json")

        told = convert(a_segmentation(), link, source=a_source())

        assert os.readlink(link) == "project/real.json"
        assert len(json.loads(real.read_text("utf-8"))["images"]) == A_GRID.shape_kji[0]
        assert told.paths == (real,)

    def test_leads_images_and_pictures_to_be_named_as_seen_from_that_file(self, tmp_path):
        paths = a_ct_series(tmp_path / "ct")
        (tmp_path / "project").mkdir()
        (tmp_path / "link.json").symlink_to("project/real.json")
        source = read_series(tmp_path / "ct")[0]

        for images in (CocoImages(tmp_path / "ct"), CocoImages(tmp_path / "ct", as_png=True, window=(0, 100))):
            convert(a_segmentation(), tmp_path / "link.json", source=source, images=images)
            content = json.loads((tmp_path / "project" / "real.json").read_text("utf-8"))
            named = [tmp_path / "project" / image["file_name"] for image in content["images"]]
            assert len(named) == len(paths)
            assert all(name.is_file() for name in named)

    def test_in_a_circle_is_refused(self, tmp_path):
        (tmp_path / "a.json").symlink_to("b.json")
        (tmp_path / "b.json").symlink_to("a.json")
        with pytest.raises(
            TargetNotAFileError, match=r"a\.json is a link that leads to itself and was left as it is\."
        ):
            convert(a_segmentation(), tmp_path / "a.json", source=a_source())
        assert (tmp_path / "a.json").is_symlink()


class TestTheFile:
    @pytest.mark.parametrize("mode", [0o600, 0o664])
    def test_keeps_its_mode(self, mode, tmp_path):
        path = tmp_path / "cases.json"
        path.write_text(EMPTY)
        path.chmod(mode)
        added_to(path)
        assert stat.S_IMODE(path.stat().st_mode) == mode

    def test_that_is_write_protected_is_left_as_it_is(self, tmp_path, monkeypatch):
        path = tmp_path / "cases.json"
        path.write_text(EMPTY)
        monkeypatch.setattr(os, "access", lambda asked, _: asked != path)
        with pytest.raises(TargetNotReplacedError) as refused:
            added_to(path)
        assert str(refused.value) == f"{path} is write-protected and was left as it is. Choose another name."
        assert path.read_text() == EMPTY

    @pytest.mark.parametrize(
        ("more", "reason"),
        [
            ('"images": [{"id": 1}]', "it has the key 'images' twice in one object"),
            ('"info": {"a": 1, "b": 2, "a": 1}', "it has the key 'a' twice in one object"),
            ('"x": 1e999', "it has the number 1e999, which is too large to be written again"),
            ('"x": [-1e999]', "it has the number -1e999, which is too large to be written again"),
            ('"x": NaN', "it has NaN in the place of a number, which is not JSON"),
            ('"x": -Infinity', "it has -Infinity in the place of a number, which is not JSON"),
        ],
    )
    def test_that_could_not_be_written_again_is_left_as_it_is(self, more, reason, tmp_path):
        path = tmp_path / "cases.json"
        path.write_text(f"{EMPTY[:-1]}, {more}}}")
        before = path.read_bytes()
        with pytest.raises(UnusableCocoFileError) as refused:
            added_to(path)
        assert str(refused.value) == (
            f"The segmentation cannot be added to {path}: {reason}. The file was left as it is. Choose another name."
        )
        assert path.read_bytes() == before

    @pytest.mark.parametrize("note", [r"\ud800", r"\udfff\ud800 ü", r"\ud83d\ude00", r"\\ud800", r"\u0000\"", "1e-5"])
    def test_keeps_its_texts_and_numbers_even_half_a_pair_of_surrogates(self, note, tmp_path):
        path = tmp_path / "cases.json"
        path.write_text(f'{EMPTY[:-1]}, "note": "{note}"}}', encoding="utf-8")
        before = json.loads(path.read_text("utf-8"))["note"]
        assert added_to(path)["note"] == before

    def test_may_have_half_a_pair_of_surrogates_in_the_name_of_a_category_that_goes(self, tmp_path, capsys):
        path = tmp_path / "cases.json"
        content = added_to(path)
        content["categories"].append({"id": 7, "name": "\udcff", "codes": {"type": "\ud800"}})
        content["annotations"].append({"image_id": content["images"][0]["id"], "category_id": 7, "segmentation": []})
        path.write_text(json.dumps(content), "utf-8")

        print(convert(a_segmentation(), path, source=a_source()))

        assert json.loads(path.read_text("utf-8"))["categories"][-1]["name"] == "\udcff"
        assert "This segmentation replaced 1 annotation" in capsys.readouterr().out

    def test_may_get_names_that_are_no_unicode(self, tmp_path):
        """As the file system has them, in surrogates."""
        odd = a_segmentation()
        odd = replace(odd, segments=tuple(replace(one, name="liver \udcff") for one in odd.segments))
        convert(odd, tmp_path / "cases.json", source=a_source())
        categories = json.loads((tmp_path / "cases.json").read_text("utf-8"))["categories"]
        assert {category["name"] for category in categories} == {"liver \udcff"}


class TestAPictureOfSomebodyElse:
    @pytest.fixture
    def source(self, tmp_path):
        a_ct_series(tmp_path / "ct")
        return read_series(tmp_path / "ct")[0]

    def write(self, source, folder: Path, width: float = 9, *, overwrite: bool = False) -> None:
        images = CocoImages(folder / "ct", as_png=True, window=(-1020, width))
        options = ExportOptions(overwrite=overwrite)
        convert(a_segmentation(), folder / "q.json", source=source, images=images, options=options)

    def pictures(self, folder: Path) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (folder / "q_images").iterdir()}

    def test_is_left_as_it_is_and_nothing_else_is_written(self, source, tmp_path):
        taken = tmp_path / "q_images" / f"{source.frames[1].sop_instance_uid}.png"
        taken.parent.mkdir()
        taken.write_bytes(b"mine")

        with pytest.raises(PictureTakenError) as refused:
            self.write(source, tmp_path)

        assert error_text(refused.value) == (
            f"{taken} is not the picture that would be written there, and was left as it is. Give the COCO file "
            "another name, or replace the file (--overwrite)."
        )
        assert self.pictures(tmp_path) == {taken.name: b"mine"}
        assert not (tmp_path / "q.json").exists()

    def test_is_also_one_with_another_window(self, source, tmp_path):
        self.write(source, tmp_path)
        coco, before = (tmp_path / "q.json").read_bytes(), self.pictures(tmp_path)

        with pytest.raises(PictureTakenError):
            self.write(source, tmp_path, 400)

        assert self.pictures(tmp_path) == before
        assert (tmp_path / "q.json").read_bytes() == coco

    def test_is_replaced_where_overwriting_is_asked_for(self, source, tmp_path):
        self.write(source, tmp_path)
        before = self.pictures(tmp_path)
        self.write(source, tmp_path, 400, overwrite=True)
        after = self.pictures(tmp_path)
        assert after.keys() == before.keys()
        assert all(after[name] != before[name] for name in before)

    def test_is_none_that_has_the_same_bytes(self, source, tmp_path):
        self.write(source, tmp_path)
        before = {path: path.stat().st_ino for path in (tmp_path / "q_images").iterdir()}
        self.write(source, tmp_path)
        assert {path: path.stat().st_ino for path in (tmp_path / "q_images").iterdir()} == before

    def test_is_told_by_the_shell(self, source, tmp_path, capsys):
        self.write(source, tmp_path)
        convert(a_segmentation(), tmp_path / "a.seg.nrrd")
        words = [tmp_path / "a.seg.nrrd", tmp_path / "ct", "-o", tmp_path / "q.json", "--images", "png", "--window=0,9"]
        assert main([str(word) for word in ("convert", *words)]) == 2
        assert "or replace the file (--overwrite)." in capsys.readouterr().err
        assert main([str(word) for word in ("convert", *words, "--overwrite")]) == 0
