"""A batch loses nothing: every case is accounted for, whatever becomes of it, and a run that is broken off goes on."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from builders import a_ct_series, a_segmentation, a_sphere
from SegRLEExportLib.batch.cases import Case, matched, read_cases
from SegRLEExportLib.batch.folder import BatchFolder
from SegRLEExportLib.batch.outcome import Ending, Outcome
from SegRLEExportLib.batch.page import write_page
from SegRLEExportLib.batch.running import batch, local_client
from SegRLEExportLib.cli import main
from SegRLEExportLib.convert import convert
from SegRLEExportLib.errors import BatchFolderError, BatchTableError
from SegRLEExportLib.files.read import read_segmentation

pytest.importorskip("distributed", reason="dask[distributed] is not installed")

GOOD = 18


@pytest.fixture(scope="module")
def client():
    with local_client(2, "1GB") as connected:
        yield connected


@pytest.fixture(scope="module")
def material(tmp_path_factory) -> Path:
    """Return a folder with one series of images and some segmentations on it, good and bad."""
    folder = tmp_path_factory.mktemp("material")
    a_ct_series(folder / "ct")
    convert(a_segmentation([a_sphere()], names=["liver"]), folder / "good.seg.nrrd")
    convert(a_segmentation([a_sphere()], names=["liver"]), folder / "good.nii.gz")
    whole = (folder / "good.seg.nrrd").read_bytes()
    (folder / "cut.seg.nrrd").write_bytes(whole[:-20])
    claim = whole.replace(b"sizes: ", b"sizes: 9999", 1)
    (folder / "claim.seg.nrrd").write_bytes(claim)
    (folder / "empty").mkdir()
    return folder


def good_cases(material: Path, count: int) -> list[Case]:
    return [Case(f"case{n:02}", str(material / "good.seg.nrrd"), str(material / "ct")) for n in range(count)]


def files_below(folder: Path) -> dict[str, int]:
    return {
        str(path.relative_to(folder)): path.stat().st_size
        for path in folder.rglob("*.dcm")
        if ".segrle" not in path.parts
    }


class TestEveryCaseIsAccountedFor:
    def test_bad_input_is_one_line_each_and_the_others_go_on(self, client, material, tmp_path):
        series = str(material / "ct")
        bad = [
            Case("cut", str(material / "cut.seg.nrrd"), series),
            Case("claim", str(material / "claim.seg.nrrd"), series),
            Case("missing", str(material / "nowhere.seg.nrrd"), series),
            Case("no-images", str(material / "good.seg.nrrd"), str(material / "empty")),
            Case("bad-option", str(material / "good.seg.nrrd"), series, {"content_label": "not allowed!"}),
        ]
        cases = [*good_cases(material, GOOD), *bad]
        result = batch(cases, tmp_path / "out", client)
        assert [outcome.case for outcome in result.outcomes] == [case.name for case in cases]
        assert {one.case: one.ending for one in result.failed} == {case.name: Ending.REFUSED for case in bad}
        assert all(one.reason for one in result.failed)
        lines = (tmp_path / "out" / "report.jsonl").read_text("utf-8").splitlines()
        assert sorted(json.loads(line)["case"] for line in lines) == sorted(case.name for case in cases)
        assert len(files_below(tmp_path / "out")) == GOOD
        assert [name for name in os.listdir(tmp_path / "out" / ".segrle" / "work")] == []

    def test_one_that_kills_its_process_and_one_that_hangs(self, client, material, tmp_path):
        """The workers are told by a file beside the segmentation, as a fault in a library would strike."""
        client.run(_poison)
        cases = good_cases(material, 4)
        for name in ("kills", "hangs"):
            (tmp_path / name).write_text("")
            cases.insert(1, Case(name, str(tmp_path / name), str(material / "ct")))
        result = batch(cases, tmp_path / "out", client, timeout=3)
        ended = {one.case: one for one in result.outcomes}
        assert ended["kills"].ending is Ending.KILLED
        assert "more memory than a worker may have" in ended["kills"].reason
        assert ended["hangs"].ending is Ending.TIMEOUT
        assert ended["hangs"].reason == "It took longer than 3 s."
        assert {one.case for one in result.failed} == {"kills", "hangs"}

    def test_what_is_there_already_is_not_touched(self, client, material, tmp_path):
        (tmp_path / "out" / "case00").mkdir(parents=True)
        (tmp_path / "out" / "case00" / "mine.txt").write_text("mine")
        result = batch(good_cases(material, 2), tmp_path / "out", client)
        assert [one.case for one in result.failed] == ["case00"]
        assert "it is there already" in result.failed[0].reason
        assert (tmp_path / "out" / "case00" / "mine.txt").read_text() == "mine"


def _poison() -> None:
    """Make this worker die of a segmentation called `kills`, and hang on one called `hangs`."""
    from SegRLEExportLib.batch import task

    read = getattr(task, "_read_before_poison", task.read_segmentation)
    task._read_before_poison = read

    def poisoned(path: Path):
        if path.name == "kills":
            os.kill(os.getpid(), signal.SIGKILL)
        if path.name == "hangs":
            time.sleep(600)
        return read(path)

    task.read_segmentation = poisoned


class TestWithoutImages:
    def test_a_dicom_seg_tells_itself_which_images_a_coco_file_names(self, client, material, tmp_path):
        whole = Case("seg", str(material / "good.seg.nrrd"), str(material / "ct"))
        batch([whole], tmp_path / "seg", client)
        alone = Case("coco", str(tmp_path / "seg" / "seg" / "seg.dcm"))
        result = batch([alone], tmp_path / "out", client, to="coco")
        assert not result.failed
        content = json.loads((tmp_path / "out" / "coco" / "coco.json").read_text("utf-8"))
        assert [one["name"] for one in content["categories"]] == ["liver"]


class TestResume:
    def test_written_cases_are_skipped_and_failed_ones_tried_again(self, client, material, tmp_path):
        good = good_cases(material, 3)
        broken = replace(good[1], segmentation=str(tmp_path / "later.seg.nrrd"))
        cases = [good[0], broken, good[2]]
        first = batch(cases, tmp_path / "out", client)
        assert [one.case for one in first.failed] == [broken.name]
        before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.dcm")}
        convert(a_segmentation([a_sphere()], names=["liver"]), tmp_path / "later.seg.nrrd")
        second = batch(cases, tmp_path / "out", client, resume=True)
        assert not second.failed
        assert all(path.stat().st_mtime_ns == moment for path, moment in before.items())
        assert len(files_below(tmp_path / "out")) == 3

    def test_a_batch_that_is_there_is_not_begun_anew_unasked(self, client, material, tmp_path):
        batch(good_cases(material, 1), tmp_path / "out", client)
        with pytest.raises(BatchFolderError, match="it holds a batch already; resume that"):
            batch(good_cases(material, 1), tmp_path / "out", client)

    def test_a_torn_line_and_a_line_that_was_missed(self, client, material, tmp_path):
        cases = good_cases(material, 3)
        batch(cases, tmp_path / "out", client)
        journal = tmp_path / "out" / "report.jsonl"
        lines = journal.read_bytes().splitlines(keepends=True)
        journal.write_bytes(lines[0] + lines[1][:40])
        result = batch(cases, tmp_path / "out", client, resume=True)
        assert not result.failed
        assert {case for case in BatchFolder(tmp_path / "out").outcomes()} == {case.name for case in cases}

    def test_a_file_that_is_gone_is_told_and_not_taken_for_written(self, client, material, tmp_path):
        cases = good_cases(material, 2)
        result = batch(cases, tmp_path / "out", client)
        (tmp_path / "out" / result.outcomes[0].files[0].path).unlink()
        again = batch(cases, tmp_path / "out", client, resume=True)
        assert [one.case for one in again.failed] == ["case00"]

    def test_killed_as_a_whole_and_resumed_it_ends_as_one_that_was_not(self, material, tmp_path):
        table = tmp_path / "cases.csv"
        rows = [f"case{n:02},{material / 'good.seg.nrrd'},{material / 'ct'}" for n in range(40)]
        table.write_text("\n".join(["case,segmentation,series", *rows]))
        command = [sys.executable, "-m", "SegRLEExportLib", "batch", table, "-o", tmp_path / "out", "--workers", "2"]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        for seconds in (2.2, 2.8):
            begun = subprocess.Popen(
                [*map(str, command), "--resume"],
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            time.sleep(seconds)
            os.killpg(begun.pid, signal.SIGKILL)
            begun.wait()
        done = subprocess.run(
            [*map(str, command), "--resume"], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        files = files_below(tmp_path / "out")
        assert sorted(files) == [f"case{n:02}/case{n:02}.dcm" for n in range(40)]
        wanted = a_segmentation([a_sphere()], names=["liver"]).layers[0].labels_kji
        for name in files:
            read = read_segmentation(tmp_path / "out" / name)
            assert (read.layers[0].labels_kji != 0).sum() == wanted.sum()


class TestCases:
    def table(self, tmp_path: Path, text: str) -> Path:
        path = tmp_path / "cases.csv"
        path.write_text(text, encoding="utf-8")
        return path

    def test_columns_are_options(self, tmp_path):
        text = "case,segmentation,series,to,clip,series_number\na,seg/a.nii.gz,ct,none,yes,7\n,b.seg.nrrd,ct,,,\n"
        first, second = read_cases(self.table(tmp_path, text))
        assert first.options == {"to": "none", "clip": True, "series_number": 7}
        assert first.segmentation == str(tmp_path / "seg" / "a.nii.gz")
        assert (second.name, second.options) == ("b", {})

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("case,series\na,b\n", r"line 1 cannot be used: its header has no column 'segmentation'"),
            ("segmentation,colour\na,b\n", "its header has unknown column 'colour'; known are case, segmentation"),
            ("segmentation,clip\na,perhaps\n", "line 2 cannot be used: 'perhaps' is neither yes nor no"),
            ("case,segmentation\na\n", "it has not as many cells as the header"),
            ("case,segmentation\na,\n", "it names no segmentation"),
            ("case,segmentation\n../a,b\n", r"the case name '\.\./a' cannot name a folder"),
            ("case,segmentation\na,b\nA,c\n", "two cases are called 'A'"),
        ],
    )
    def test_a_table_that_cannot_be_used_is_refused(self, text, sentence, tmp_path):
        with pytest.raises(BatchTableError, match=sentence):
            read_cases(self.table(tmp_path, text))

    def test_a_table_that_is_no_text_is_refused(self, tmp_path):
        (tmp_path / "cases.csv").write_bytes(b"segmentation\n\xff\n")
        with pytest.raises(BatchTableError, match="cannot be used: it has bytes that are not UTF-8; save it as UTF-8"):
            read_cases(tmp_path / "cases.csv")

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
    def test_a_pipe_is_no_table_and_nobody_waits_for_it(self, tmp_path):
        os.mkfifo(tmp_path / "cases.csv")
        with pytest.raises(BatchTableError, match="it is a device or a pipe, not a file"):
            read_cases(tmp_path / "cases.csv")

    def test_a_folder_that_cannot_be_looked_into_is_named(self, tmp_path):
        (tmp_path / "seg").mkdir()
        (tmp_path / "file").write_text("")
        for words in (("seg", "file"), ("file", "seg"), ("none", "seg")):
            with pytest.raises(BatchTableError, match="cannot be used: the folder cannot be read"):
                matched(*(tmp_path / word for word in words))

    def test_two_folders_are_matched_by_name(self, tmp_path):
        for name in ("a.nii.gz", "b.seg.nrrd", "notes.txt"):
            (tmp_path / "seg").mkdir(exist_ok=True)
            (tmp_path / "seg" / name).write_text("")
        for name in ("a", "c"):
            (tmp_path / "ct" / name).mkdir(parents=True)
        matches = matched(tmp_path / "seg", tmp_path / "ct")
        assert [(case.name, case.series) for case in matches.cases] == [("a", str(tmp_path / "ct" / "a"))]
        assert (matches.without_images, matches.without_segmentation) == (["b"], ["c"])


class TestShell:
    def test_a_dry_run_prints_matches_and_what_is_unmatched(self, tmp_path, capsys):
        (tmp_path / "seg").mkdir()
        (tmp_path / "ct" / "a").mkdir(parents=True)
        for name in ("a.nii.gz", "b.nii.gz"):
            (tmp_path / "seg" / name).write_text("")
        words = ("--segmentations", tmp_path / "seg", "--images", tmp_path / "ct", "-o", tmp_path / "out", "--dry-run")
        assert main(["batch", *map(str, words)]) == 0
        printed = capsys.readouterr()
        assert "a: " in printed.out
        assert "no images for b" in printed.err
        assert not (tmp_path / "out").exists()

    def test_a_dry_run_shows_no_name_as_a_line_of_its_own(self, tmp_path, capsys):
        table = tmp_path / "cases.csv"
        table.write_text('case,segmentation,series\na,"x.seg.nrrd\nb: forged\x1b[2J",ct\n')
        words = ["batch", str(table), "-o", str(tmp_path / "out"), "--dry-run"]
        assert main(words) == 0
        printed = capsys.readouterr().out
        assert printed.count("\n") == 1
        assert "\x1b" not in printed
        assert main([*words, "--json"]) == 0
        assert [one["name"] for one in json.loads(capsys.readouterr().out)["cases"]] == ["a"]

    def test_its_exit_code_tells_whether_all_some_or_none_were_written(self, material, tmp_path, capsys):
        table = tmp_path / "cases.csv"
        good, cut, series = material / "good.seg.nrrd", material / "cut.seg.nrrd", material / "ct"
        table.write_text(f"case,segmentation,series\na,{good},{series}\nb,{cut},{series}\n")
        words = ("batch", table, "-o", tmp_path / "out", "--workers", "1", "--to", "seg.nrrd", "--json")
        assert main([*map(str, words)]) == 1
        printed = json.loads(capsys.readouterr().out)
        assert (printed["cases"], printed["failed"]) == (2, 1)
        assert read_segmentation(tmp_path / "out" / "a" / "a.seg.nrrd").segments[0].name == "liver"

    def test_two_folders_without_a_common_name_are_no_batch(self, tmp_path, capsys):
        (tmp_path / "images" / "b").mkdir(parents=True)
        (tmp_path / "seg").mkdir()
        (tmp_path / "seg" / "a.nii.gz").write_text("")
        words = ["--segmentations", tmp_path / "seg", "--images", tmp_path / "images", "-o", tmp_path / "out"]
        assert main(["batch", *map(str, words), "--dry-run"]) == 2
        told = capsys.readouterr().err
        assert "no images for a\nno segmentation for b\n" in told
        assert "seg cannot be used: there is none that has a segmentation and images." in told

    @pytest.mark.parametrize(
        ("words", "sentence"),
        [
            ([], "which cases? Give CASES, or --segmentations DIR and --images DIR"),
            (["--segmentations", "seg"], "which cases? Give CASES, or --segmentations DIR and --images DIR"),
            (["cases.csv", "--images", "ct"], "give either CASES or --segmentations and --images"),
        ],
    )
    def test_without_clear_cases_it_says_what_to_give(self, words, sentence, tmp_path, capsys):
        with pytest.raises(SystemExit) as ended:
            main(["batch", *words, "-o", str(tmp_path / "out")])
        assert ended.value.code == 2
        assert sentence in capsys.readouterr().err

    def test_its_journal_and_page_advise_what_a_shell_has(self, material, tmp_path, capsys):
        public = tmp_path / "public"
        a_ct_series(public, StudyInstanceUID="")
        table = tmp_path / "cases.csv"
        good = material / "good.nii.gz"
        table.write_text(f"case,segmentation,series\na,{good},{material / 'ct'}\nb,{good},{public}\n")
        assert main(["batch", str(table), "-o", str(tmp_path / "out"), "--workers", "1", "--json"]) == 1
        journal = (tmp_path / "out" / "report.jsonl").read_text("utf-8")
        told = [capsys.readouterr().out, journal, (tmp_path / "out" / "report.html").read_text("utf-8")]
        assert all("Give a table with codes (--segments TABLE)." in text for text in told[:2])
        assert all("(--volume VOLUME)" in text for text in told)
        assert not any(re.search("In Slicer|double-click", text) for text in told)


def test_the_page_holds_all_and_escapes_what_comes_from_files(tmp_path):
    folder = BatchFolder(tmp_path)
    folder.begin(resume=False)
    bad = Outcome("<b>x</b>", Ending.REFUSED, "The file <script>alert(1)</script> is cut")
    found = Outcome("ok", Ending.WRITTEN, findings=({"severity": "warning", "what": "3 voxels moved"},))
    write_page([bad, found], folder)
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "1 of 2 cases written" in page
    assert "<script>" not in page
    assert "3 voxels moved" in page
    assert "http" not in page
