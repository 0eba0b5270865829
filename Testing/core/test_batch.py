"""A batch loses nothing: every case is accounted for, whatever becomes of it, and a run that is broken off goes on."""

from __future__ import annotations

import errno
import json
import logging
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from batch_builders import (
    CHEST,
    POISONED,
    WAIT_S,
    batch_command,
    environment,
    files_below,
    good_cases,
    make_chest_images,
    make_material,
    poisoned_cases,
    poisoned_folder,
    table_of,
    voxels_below,
    wait_for_lines,
)
from builders import a_ct_series, a_segmentation, a_sphere
from PIL import Image
from pydicom import dcmread
from SegRLEExportLib.batch.cases import Case, matched, read_cases
from SegRLEExportLib.batch.clusters import dashboard_of, local_client
from SegRLEExportLib.batch.folder import BatchFolder
from SegRLEExportLib.batch.inputs import changed_input, inputs_of
from SegRLEExportLib.batch.outcome import Ending, Outcome, alike, outcome_of
from SegRLEExportLib.batch.page import write_page
from SegRLEExportLib.batch.running import BatchResult, batch
from SegRLEExportLib.cli import main
from SegRLEExportLib.cli.case_options import case_options, columns, parsed_case
from SegRLEExportLib.cli.case_process import outcome_of as outcome_of_job
from SegRLEExportLib.cli.entry import parser
from SegRLEExportLib.convert import convert
from SegRLEExportLib.errors import BatchFolderError, BatchTableError, UnusableSegFileError
from SegRLEExportLib.files.read import read_segmentation

distributed = pytest.importorskip("distributed", reason="dask[distributed] is not installed")

GOOD = 18

CASES = int(os.environ.get("SEGRLE_BATCH_CASES", "40"))
"""Of the batch that is killed again and again."""


@pytest.fixture(scope="module")
def client():
    with local_client(2, "1GB") as connected:
        yield connected


@pytest.fixture(scope="module")
def material(tmp_path_factory) -> Path:
    """Return a folder with one series of images and some segmentations on it, good and bad."""
    return make_material(tmp_path_factory.mktemp("material"))


class TestEveryCaseIsAccountedFor:
    def test_bad_input_is_one_line_each_and_the_others_go_on(self, client, material, tmp_path):
        series = str(material / "ct")
        bad = [
            Case("cut", str(material / "cut.seg.nrrd"), series),
            Case("claim", str(material / "claim.seg.nrrd"), series),
            Case("missing", str(material / "nowhere.seg.nrrd"), series),
            Case("no-images", str(material / "good.seg.nrrd"), str(material / "empty")),
            Case("no-folder", str(material / "good.seg.nrrd"), str(material / "nowhere")),
            Case("bad-option", str(material / "good.seg.nrrd"), series, {"content_label": "not allowed!"}),
            Case("no-option", str(material / "good.seg.nrrd"), series, {"colour": "red"}),
            Case("no-number", str(material / "good.seg.nrrd"), series, {"series_number": "x"}),
        ]
        cases = [*good_cases(material, GOOD), *bad]
        result = batch(cases, tmp_path / "out", client)
        assert not any(one.inputs for one in result.failed)
        assert [outcome.case for outcome in result.outcomes] == [case.name for case in cases]
        assert {one.case: one.ending for one in result.failed} == {case.name: Ending.REFUSED for case in bad}
        assert all(one.reason.endswith((".", ")")) for one in result.failed)
        lines = (tmp_path / "out" / "report.jsonl").read_text("utf-8").splitlines()
        assert sorted(json.loads(line)["case"] for line in lines) == sorted(case.name for case in cases)
        assert len(files_below(tmp_path / "out")) == GOOD
        assert os.listdir(tmp_path / "out" / ".segrle" / "work") == []

    def test_crashes_hangs_and_hunger_for_memory_are_one_line_each(self, client, material, tmp_path, monkeypatch):
        monkeypatch.syspath_prepend(poisoned_folder(tmp_path))
        cases = [*good_cases(material, 4), *poisoned_cases(material, tmp_path)]
        random.Random(5).shuffle(cases)
        result = batch(cases, tmp_path / "out", client, timeout=10)
        assert {one.case: one.ending for one in result.failed} == POISONED
        reasons = {one.case: one.reason for one in result.failed}
        assert reasons["kills"] == "Its process was killed (SIGKILL), as the system does where memory runs out."
        assert reasons["crashes"] == "Its process crashed (SIGSEGV)."
        assert reasons["hangs"] == "It took longer than 10 s."
        assert reasons["hungers"] == "It wants more memory than a case may have here (--memory)."
        assert len(client.scheduler_info()["workers"]) == 1

    def test_what_is_there_already_is_not_touched(self, client, material, tmp_path):
        (tmp_path / "out" / "case00").mkdir(parents=True)
        (tmp_path / "out" / "case00" / "mine.txt").write_text("mine")
        result = batch(good_cases(material, 2), tmp_path / "out", client)
        assert [one.case for one in result.failed] == ["case00"]
        assert result.failed[0].reason == (
            f"The batch cannot use {tmp_path / 'out' / 'case00'}: it was there before, and no run of a batch wrote it. "
            f"Move {tmp_path / 'out' / 'case00'} away and resume, which writes it anew, or choose another folder."
        )
        assert (tmp_path / "out" / "case00" / "mine.txt").read_text() == "mine"

    def test_what_comes_there_meanwhile_is_not_touched_either(self, client, material, tmp_path):
        def comes(_outcome):
            for name in ("case00", "case01", "case02"):
                if not (tmp_path / "out" / name).exists():
                    (tmp_path / "out" / name).write_text("mine")

        result = batch(good_cases(material, 3), tmp_path / "out", client, on_end=comes)
        kept = [name for name in ("case00", "case01", "case02") if (tmp_path / "out" / name).is_file()]
        assert {one.case for one in result.failed} == set(kept)
        told = BatchFolder(tmp_path / "out").outcomes()[kept[0]]
        assert told.ending is Ending.REFUSED
        assert f"made it while the case was written. Move {tmp_path / 'out' / kept[0]} away and resume" in told.reason


class TestWhatIsSomebodyElses:
    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("report.html", "my report of last year"),
            ("report.jsonl", '{"mine": 1}\n'),
            ("report.jsonl", '{"case": "a", "mine": 1}\n'),
            ("report.jsonl", '{\n  "case": "mine"\n}\n'),
            (".segrle/work/notes/n.txt", "mine"),
            (".segrle/settings", "mine"),
        ],
    )
    @pytest.mark.parametrize("resume", [False, True])
    def test_under_a_name_of_the_batch_it_is_named_and_not_touched(self, name, content, resume, tmp_path):
        mine = tmp_path / "out" / name
        mine.parent.mkdir(parents=True)
        mine.write_text(content)
        there = sorted((tmp_path / "out").rglob("*"))
        with pytest.raises(BatchFolderError) as error:
            batch([Case("a", "b")], tmp_path / "out", resume=resume)
        assert str(error.value) == (
            f"The batch cannot use {tmp_path / 'out' / name.partition('/')[0]}: it was there before, and no run of a "
            "batch wrote it. Move it away, or choose another folder."
        )
        assert mine.read_text() == content
        assert sorted((tmp_path / "out").rglob("*")) == there

    def test_a_folder_or_a_link_that_leads_nowhere_is_no_page(self, tmp_path):
        for name, make in (("folder", Path.mkdir), ("link", lambda path: path.symlink_to("nowhere"))):
            (tmp_path / name).mkdir()
            make(tmp_path / name / "report.html")
            with pytest.raises(BatchFolderError, match=r"report\.html: it was there before, and no run of a batch"):
                batch([Case("a", "b")], tmp_path / name)

    def test_beside_the_attempts_of_a_batch_it_stays(self, client, material, tmp_path):
        cases, folder = good_cases(material, 1), BatchFolder(tmp_path / "out")
        batch(cases, folder.out, client)
        (folder.work / "notes").mkdir()
        (folder.work / "case00.0123456789ab").mkdir()
        batch(cases, folder.out, client, resume=True)
        assert os.listdir(folder.work) == ["notes"]

    @pytest.mark.parametrize("left", ['{"ca', '{"case": "a", "end', '{"case": "a", "end\n{"case"', ""])
    def test_what_a_run_left_that_was_killed_at_its_first_line_is_a_batch(self, left, client, material, tmp_path):
        folder = BatchFolder(tmp_path / "out")
        (folder.work).mkdir(parents=True)
        folder.pictures.mkdir()
        folder.journal.write_text(left)
        assert not batch(good_cases(material, 1), folder.out, client, resume=True).failed


class TestOneRunAtATime:
    def test_a_second_run_is_refused_and_harms_nothing(self, client, material, tmp_path):
        folder = BatchFolder(tmp_path / "out")
        with folder.used(resume=False):
            (folder.work / "mine").mkdir()
            with pytest.raises(BatchFolderError, match="another run of a batch works in it"):
                batch(good_cases(material, 1), tmp_path / "out", client, resume=True)
            assert (folder.work / "mine").is_dir()

    def test_a_lock_that_a_dead_run_left_locks_nobody_out(self, client, material, tmp_path):
        own = tmp_path / "out" / ".segrle"
        own.mkdir(parents=True)
        hold = "import fcntl, os, sys; fcntl.flock(os.open(sys.argv[1], os.O_RDWR | os.O_CREAT), fcntl.LOCK_EX); "
        words = [sys.executable, "-c", hold + "print(1, flush=True); input()", str(own / "lock")]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
            holder.stdout.readline()
            with pytest.raises(BatchFolderError, match="another run"):
                batch(good_cases(material, 1), tmp_path / "out", client)
            holder.kill()
        assert not batch(good_cases(material, 1), tmp_path / "out", client).failed


class TestPicture:
    def test_it_shows_what_was_written_not_what_was_given(self, client, material, tmp_path):
        two = str(material / "two.seg.nrrd")
        first, _ = read_segmentation(Path(two)).segments
        color = tuple(round(255 * part) for part in first.color_rgb)
        cases = [Case(to, two, str(material / "ct"), {"to": to, "segment": [first.name]}) for to in TOS]
        assert not batch(cases, tmp_path / "out", client).failed
        for to in TOS:
            with Image.open(BatchFolder(tmp_path / "out").picture(to)) as picture:
                (shown,) = {color for _, color in picture.getcolors()} - {(0, 0, 0)}
            assert to in COLORLESS or shown == pytest.approx(color, abs=1), to

    def test_where_none_can_be_drawn_the_case_is_written_all_the_same(self, material, tmp_path, monkeypatch):
        def undrawable(path, *_):
            raise UnusableSegFileError(path[0], "its planes are at uneven places", "")

        monkeypatch.setattr("SegRLEExportLib.batch.picture.draw_files", undrawable)
        (tmp_path / "files").mkdir()
        files = {"segmentation": str(material / "good.seg.nrrd"), "series": str(material / "ct")}
        outcome = outcome_of_job({"case": "a", "attempt": str(tmp_path), **files, "options": {"to": "rle"}})
        assert outcome.ending is Ending.WRITTEN
        assert [one.name for one in (tmp_path / "files").iterdir()] == ["a.dcm"]
        assert not (tmp_path / "picture.png").exists()


TOS = ("rle", "labelmap", "labelmap-deflate", "none", "rle-per-segment", "seg.nrrd", "nifti", "nrrd", "masks")
COLORLESS = ("masks",)
"""What a reader finds no colors in."""


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
        with pytest.raises(BatchFolderError, match=r"it holds a batch already; resume the batch \(resume=True\), or"):
            batch(good_cases(material, 1), tmp_path / "out", client)

    def test_a_torn_line_is_no_line_and_the_next_begins_on_its_own(self, client, material, tmp_path):
        cases, folder = good_cases(material, 3), BatchFolder(tmp_path / "out")
        batch(cases, folder.out, client)
        lines = folder.journal.read_bytes().splitlines(keepends=True)
        folder.journal.write_bytes(lines[0] + lines[1][:40])
        for torn in lines[1:]:
            shutil.rmtree(folder.out / json.loads(torn)["case"])
        assert not batch(cases, folder.out, client, resume=True).failed
        assert {case for case in folder.outcomes()} == {case.name for case in cases}
        assert sum(bool(outcome_of(line)) for line in folder.journal.read_text("utf-8").splitlines()) == 3

    def test_a_file_that_is_gone_is_told_and_not_taken_for_written(self, client, material, tmp_path):
        cases = good_cases(material, 2)
        result = batch(cases, tmp_path / "out", client)
        (tmp_path / "out" / result.outcomes[0].files[0].path).unlink()
        (tmp_path / "out" / "case01" / "notes.txt").write_text("mine")
        again = batch(cases, tmp_path / "out", client, resume=True)
        reasons = {one.case: one.reason for one in again.failed}
        assert (
            f"its file case00/case00.dcm is gone. Move {tmp_path / 'out/case00'} away and resume" in reasons["case00"]
        )
        assert f"file case01/notes.txt was added to it. Move {tmp_path / 'out/case01'} away and" in reasons["case01"]

    def test_a_file_that_was_changed_is_told_and_not_taken_for_written(self, client, material, tmp_path):
        result = batch(good_cases(material, 2), tmp_path / "out", client)
        path = tmp_path / "out" / result.outcomes[0].files[0].path
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
        again = batch(good_cases(material, 2), tmp_path / "out", client, resume=True)
        assert f"its file case00/case00.dcm was changed after it was written. Move {tmp_path}" in again.failed[0].reason
        assert str(again).startswith("1 of 2 cases written (1 of them before this run), ")
        assert again.to_json()["written_before"] == 1
        assert "<h1>1 of 2 cases written (1 of them before this run)</h1>" in (tmp_path / "out/report.html").read_text()
        assert path.read_bytes() == content

    def test_another_format_is_another_batch(self, client, material, tmp_path):
        batch(good_cases(material, 1), tmp_path / "out", client)
        again = batch(good_cases(material, 1), tmp_path / "out", client, to="nifti", resume=True)
        assert (
            f"an earlier run wrote it with to 'rle', and this one has 'nifti'. Move {tmp_path / 'out/case00'} away and"
            in again.failed[0].reason
        )
        assert not batch(good_cases(material, 1), tmp_path / "out", client, resume=True).failed

    def test_a_segmentation_that_was_edited_is_told_and_its_result_is_not_taken_for_one(
        self, client, material, tmp_path
    ):
        edited = tmp_path / "edited.seg.nrrd"
        shutil.copy(material / "two.seg.nrrd", edited)
        case = Case("a", str(edited), str(material / "ct"))
        (first,) = batch([case], tmp_path / "out", client).outcomes
        assert not batch([case], tmp_path / "out", client, resume=True).failed
        shutil.copy(material / "good.seg.nrrd", edited)
        again = batch([case], tmp_path / "out", client, resume=True)
        assert again.failed[0].reason == (
            f"The batch cannot use {tmp_path / 'out/a'}: its segmentation was changed since it was written ({edited}). "
            f"Move {tmp_path / 'out/a'} away and resume, which writes it anew, or choose another folder."
        )
        (tmp_path / "out" / "a").rename(tmp_path / "a-before")
        (anew,) = batch([case], tmp_path / "out", client, resume=True).outcomes
        assert anew.is_written
        assert anew.files != first.files
        edited.unlink()
        assert batch([case], tmp_path / "out", client, resume=True).stood == 1

    def test_lines_of_earlier_versions_note_no_inputs_and_stand(self, client, material, tmp_path):
        cases, folder = good_cases(material, 1), BatchFolder(tmp_path / "out")
        batch(cases, folder.out, client)
        line = json.loads(folder.journal.read_text("utf-8"))
        assert line.pop("inputs")["segmentation"].keys() == {cases[0].segmentation}
        folder.journal.write_text(json.dumps(line) + "\n")
        assert batch(cases, folder.out, client, resume=True).stood == 1

    def test_an_option_that_says_its_default_is_as_if_it_were_left_out(self, material, tmp_path, capsys):
        table, rest = tmp_path / "cases.csv", f"{material / 'good.seg.nrrd'},{material / 'ct'}"
        words = ["batch", str(table), "-o", str(tmp_path / "out"), "--workers", "1"]
        table.write_text(f"case,segmentation,series\na,{rest}\n")
        assert main(words) == 0
        table.write_text(f"case,segmentation,series,clip,verify,content_label\na,{rest},no,own,SEGMENTATION\n")
        assert main([*words, "--resume"]) == 0
        table.write_text(f"case,segmentation,series,clip\na,{rest},yes\n")
        assert main([*words, "--resume"]) == 2
        assert "an earlier run wrote it with clip nothing, and this one has True. Move" in capsys.readouterr().out

    def test_the_last_line_of_a_case_holds(self, tmp_path):
        folder = BatchFolder(tmp_path)
        for ending, reason in ((Ending.TIMEOUT, "first"), (Ending.REFUSED, "last")):
            folder.settle(Outcome("a", ending, reason))
        assert [json.loads(line)["reason"] for line in folder.journal.read_text().splitlines()] == ["first", "last"]
        assert folder.outcomes()["a"].reason == "last"

    def test_broken_off_between_line_and_files_the_files_are_moved_not_made_anew(self, client, material, tmp_path):
        cases, folder = good_cases(material, 2), BatchFolder(tmp_path / "out")
        (done, _) = batch(cases, folder.out, client).outcomes
        before = files_below(folder.out)
        (folder.work / done.attempt).mkdir()
        (folder.out / done.case).rename(folder.work / done.attempt / "files")
        assert files_below(folder.out) != before
        assert not batch(cases, folder.out, client, resume=True).failed
        assert files_below(folder.out) == before

    def test_a_worker_of_a_run_that_is_no_more_adds_nothing(self, client, material, tmp_path):
        """It may still be writing when the next run begins: into its own attempt, which nobody moves."""
        cases, folder = good_cases(material, 2), BatchFolder(tmp_path / "out")
        batch(cases[:1], folder.out, client)
        with folder.used(resume=True):
            orphan = client.submit(run_of_nobody, cases[1], str(folder.out), pure=False).result()
        assert orphan.is_written
        assert not (folder.out / cases[1].name).exists()
        assert not batch(cases, folder.out, client, resume=True).failed

    def test_killed_three_times_at_random_moments_and_resumed_it_ends_as_one_that_was_not(self, material, tmp_path):
        mixed = mixed_cases(material, tmp_path)
        cases = [case for case, _ in mixed]
        wanted = {case.name: ending for case, ending in mixed}
        moments = random.Random(seed := random.randrange(10**6))
        moments.shuffle(cases)
        table = table_of(cases, tmp_path)
        env = environment(poisoned_folder(tmp_path))
        whole = subprocess.run(
            batch_command(table, tmp_path / "whole"), env=env, capture_output=True, text=True, check=False
        )
        assert whole.returncode == 1, whole.stderr
        for lines in sorted(moments.sample(range(1, 3 * CASES // 4), 3)):
            begun = subprocess.Popen([*batch_command(table, tmp_path / "out"), "--resume"], env=env, **QUIET)
            wait_for_lines(tmp_path / "out", lines, begun)
            time.sleep(moments.random() * 0.2)
            os.killpg(begun.pid, signal.SIGKILL)
            begun.wait()
        done = subprocess.run(
            [*batch_command(table, tmp_path / "out"), "--resume"], env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 1, f"seed {seed}: {done.stderr}"
        assert endings(tmp_path / "out") == endings(tmp_path / "whole") == wanted, f"seed {seed}"
        assert voxels_below(tmp_path / "out") == voxels_below(tmp_path / "whole"), f"seed {seed}"
        assert len(files_below(tmp_path / "out")) == sum(ending is Ending.WRITTEN for ending in wanted.values())
        assert os.listdir(tmp_path / "out" / ".segrle" / "work") == []

    @pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
    def test_a_signal_ends_it_with_words_and_no_process_stays(self, name, material, tmp_path):
        hanging = poisoned_cases(material, tmp_path)[-1:]
        assert hanging[0].name == "hangs"
        table = table_of([*good_cases(material, 6), *hanging, *good_cases(material, 12)[6:]], tmp_path)
        env = environment(poisoned_folder(tmp_path))
        begun = subprocess.Popen(
            [*batch_command(table, tmp_path / "out", timeout=600)],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        wait_for_lines(tmp_path / "out", 12, begun)
        begun.send_signal(getattr(signal, name))
        _, told = begun.communicate(timeout=WAIT_S)
        assert begun.returncode == 128 + getattr(signal, name)
        assert "Interrupted. 12 of 13 cases are written and stand; with --resume the rest is done." in told
        assert "Traceback" not in told
        assert "12 of 12 cases written" in (tmp_path / "out" / "report.html").read_text("utf-8")
        assert os.listdir(tmp_path / "out" / ".segrle" / "work") == []
        with pytest.raises(ProcessLookupError):
            os.killpg(begun.pid, 0)


QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}


def mixed_cases(material: Path, tmp_path: Path) -> list[tuple[Case, Ending]]:
    """Return `CASES` cases and how each must end: real and generated ones, and some of each kind of bad ones."""
    chest = make_chest_images(tmp_path)
    bad = [
        *poisoned_cases(material, tmp_path),
        *(Case(name, str(material / f"{name}.seg.nrrd"), str(material / "ct")) for name in ("cut", "claim")),
        Case("elsewhere", str(material / "good.seg.nrrd"), str(material / "elsewhere")),
    ]
    copies = range(max(1, CASES // (10 * len(bad))))
    mixed = [
        (replace(one, name=f"{one.name}{n}"), POISONED.get(one.name, Ending.REFUSED)) for one in bad for n in copies
    ]
    for n, one in enumerate(good_cases(material, CASES - len(mixed))):
        real = replace(one, segmentation=str(CHEST / "Segmentation.seg.nrrd"), series=str(chest))
        mixed.append((one if n % 4 else real, Ending.WRITTEN))
    return mixed


def endings(out: Path) -> dict[str, Ending]:
    return {case: outcome.ending for case, outcome in BatchFolder(out).outcomes().items()}


def run_of_nobody(case: Case, out: str) -> Outcome:
    from SegRLEExportLib.batch.children import end_processes, run_case

    try:
        return run_case(replace(case, options={"to": "rle"}), out, "a run that is no more", 60.0)
    finally:
        end_processes("a run that is no more")


class TestInputs:
    def changed(self, case: Case, change) -> str:
        before = json.loads(json.dumps(inputs_of(case)))
        change()
        return changed_input(before, inputs_of(case))

    def test_the_file_of_voxels_that_a_header_names_is_one(self, tmp_path):
        for header, line in (("a.nhdr", "data file: a.raw"), ("a.mhd", "ElementDataFile = a.raw")):
            (tmp_path / header).write_text(f"first: 1\n{line}\n")
            (tmp_path / "a.raw").write_bytes(b"1")
            told = self.changed(Case("a", str(tmp_path / header)), lambda: (tmp_path / "a.raw").write_bytes(b"12"))
            assert told == f"its segmentation was changed since it was written ({tmp_path / 'a.raw'})"

    def test_each_mask_of_a_folder_is_one_and_hidden_files_are_none(self, tmp_path):
        case = Case("a", str(tmp_path))
        for name in ("liver.nii", "lung.nii"):
            (tmp_path / name).write_bytes(b"1")
        assert not self.changed(case, (tmp_path / ".DS_Store").touch)
        told = "its segmentation was changed since it was written ({})"
        assert self.changed(case, (tmp_path / "lung.nii").unlink) == told.format(tmp_path / "lung.nii")
        assert self.changed(case, (tmp_path / "heart.nii").touch) == told.format(tmp_path / "heart.nii")

    def test_a_table_and_further_masks_are_some_and_a_built_in_table_is_none(self, tmp_path):
        for name in ("a.nii", "b.nii", "names.csv"):
            (tmp_path / name).write_bytes(b"1")
        options = {"segments": str(tmp_path / "names.csv"), "mask": [str(tmp_path / "b.nii")]}
        case = Case("a", str(tmp_path / "a.nii"), options=options)
        told = self.changed(case, lambda: (tmp_path / "names.csv").write_bytes(b"12"))
        assert told == f"its table of names was changed since it was written ({tmp_path / 'names.csv'})"
        told = self.changed(case, lambda: os.utime(tmp_path / "b.nii", ns=(1, 1)))
        assert told == f"one of its masks was changed since it was written ({tmp_path / 'b.nii'})"
        assert inputs_of(Case("a", "nowhere.nii", options={"segments": "totalsegmentator"})) == {
            "segmentation": {},
            "segments": {},
        }


class TestSourceSeries:
    def test_cases_of_one_run_share_what_was_read_and_the_next_run_reads_anew(self, client, material, tmp_path):
        shutil.copytree(material / "ct", tmp_path / "ct")
        case = Case("first", str(material / "good.seg.nrrd"), str(tmp_path / "ct"))
        assert not batch([case], tmp_path / "one", client).failed
        shutil.rmtree(tmp_path / "ct")
        (tmp_path / "ct").mkdir()
        (failed,) = batch([case], tmp_path / "two", client).failed
        assert failed.ending is Ending.REFUSED


class TestCases:
    def table(self, tmp_path: Path, text: str) -> Path:
        path = tmp_path / "cases.csv"
        path.write_text(text, encoding="utf-8")
        return path

    def test_columns_are_options(self, tmp_path):
        text = "case,segmentation,series,to,clip,series_number\na,seg/a.nii.gz,ct,none,yes,7\n,b.seg.nrrd,ct,,,\n"
        first, second = read_cases(self.table(tmp_path, text), columns())
        assert first.options == {"to": "none", "clip": True, "series_number": "7"}
        assert first.segmentation == str(tmp_path / "seg" / "a.nii.gz")
        assert (second.name, second.options) == ("b", {})

    def test_every_option_of_export_and_convert_is_a_column(self):
        commands = next(action.choices for action in parser()._actions if isinstance(action.choices, dict))
        words = {
            word.removeprefix("--").replace("-", "_")
            for command in ("export", "convert")
            for action in commands[command]._actions
            for word in action.option_strings
            if word.startswith("--")
        }
        of_no_case = {"help", "json", "output", "overwrite", "compression", "no_verify"}
        assert set(columns()) == words - of_no_case - {"series", "images"} | {"series_uid", "coco_images"}

    def test_every_option_of_a_case_is_one_of_the_batch(self):
        commands = next(action.choices for action in parser()._actions if isinstance(action.choices, dict))
        options = {word for action in commands["batch"]._actions for word in action.option_strings}
        assert {f"--{name.replace('_', '-')}" for name in case_options()} <= options

    def test_a_column_may_stand_several_times_where_the_option_may(self, tmp_path):
        text = "segmentation;segment;segment;mask\na.nii;liver;;m.nii\n"
        (case,) = read_cases(self.table(tmp_path, text), columns())
        assert case.options == {"segment": ["liver"], "mask": [str(tmp_path / "m.nii")]}

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("case,series\na,b\n", r"line 1 cannot be used: its header has no column 'segmentation'"),
            ("", r"line 1 cannot be used: its header has no column 'segmentation'"),
            ("segmentation,colour\na,b\n", "its header has the unknown column 'colour'; known are case, segmentation"),
            ("segmentation,clip,clip\na,1,1\n", "its header has column 'clip' twice"),
            ("segmentation,clip\na,perhaps\n", "line 2 cannot be used: column 'clip': 'perhaps' is neither yes nor no"),
            ("segmentation,series_number\na,1\nb,x\n", "line 3 .* column 'series_number': 'x' is no whole number."),
            ("segmentation,to\na,jpeg\n", "line 2 .* column 'to': invalid choice: 'jpeg'"),
            ("segmentation,window\na,40\n", "column 'window': '40' is not a centre and a width above 0"),
            ("case,segmentation\na\n", "line 2 cannot be used: it has 1 cell, and the header has 2"),
            ("case,segmentation\na,b,c\n", "line 2 cannot be used: it has 3 cells, and the header has 2"),
            ('case,segmentation\na,"b\n', "it is no row of a table .unexpected end of data.; look at its quotes"),
            (
                'case,segmentation\na,b\n"c,d\n' + "e,f\n" * 200,
                "line 3 cannot be used: it is no row of a table .unexpected end of data.; look at its quotes",
            ),
            ('case,segmentation\n\na,"b\nc"\n  \na,e\n', "line 6 .* two cases are called 'a': this .* of line 3."),
            ("sep=;\ncase;segmentation\na;b;c\n", "line 3 cannot be used: it has 3 cells, and the header has 2"),
            ("case,segmentation\n,\na,\n", "line 3 cannot be used: column 'segmentation': it is empty"),
            ("case,segmentation\na,b\nA,c\n", "line 3 .* column 'case': two cases are called 'A': this .* of line 2."),
            (
                "case,segmentation\nGR\u00d6\u00dfE,b\ngro\u0308sse,c\n",
                "line 3 .* two cases are called 'gro\u0308sse'",
            ),
            (
                "segmentation\na/b.nrrd\nc/b.nii\n",
                "column 'segmentation': two cases are called 'b': this one and that of line 2; give it another name in",
            ),
            (
                "segmentation\na.nrrd\n.nrrd\n",
                "line 3 .* the case name '' cannot name a folder: it is empty; give it an",
            ),
        ],
    )
    def test_a_table_that_cannot_be_used_is_refused(self, text, sentence, tmp_path):
        with pytest.raises(BatchTableError, match=sentence):
            read_cases(self.table(tmp_path, text), columns())

    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("../a", r'it has one of < > : " / \\ | ? \*'),
            ("a\tb", "it has a control character"),
            (".a", "it begins with a dot"),
            ("a.", "it ends with a dot or a space"),
            ("nul.1", "Windows keeps that name for a device"),
            ("Report.HTML", "the batch has a file of that name"),
            ("report.jsonl", "the batch has a file of that name"),
            ("\u00e4" * 101, "it is longer than 200 bytes"),
        ],
    )
    def test_a_name_that_no_folder_can_have_is_refused(self, name, reason, tmp_path):
        sentence = f"line 2 cannot be used: column 'case': the case name '.*' cannot name a folder: {reason}"
        with pytest.raises(BatchTableError, match=sentence):
            read_cases(self.table(tmp_path, f"case,segmentation\n{name},b\n"), columns())

    @pytest.mark.parametrize("name", ["console", "com10", "a b", "\u00fc\u00e9", "-x", "100%", "\u00e4" * 100])
    def test_a_name_that_a_folder_can_have_is_kept(self, name, tmp_path):
        (case,) = read_cases(self.table(tmp_path, f"\ufeffcase,segmentation\r\n{name},b\r\n"), columns())
        assert case.name == name

    @pytest.mark.parametrize(
        "text",
        [
            "case,segmentation\na,b\n , \n   \n\t,\nc,d\n",
            "\n  \ncase,segmentation\na,b\nc,d\n",
            "sep=,\r\ncase,segmentation\r\na,b\r\nc,d\r\n",
            '"sep=;"\ncase;segmentation\na;b\nc;d',
            "SEP=|\ncase|segmentation\na|b\nc|d",
            "\ufeffsep=\t\ncase\tsegmentation\na\tb\nc\td\n",
        ],
    )
    def test_blank_rows_and_what_a_spreadsheet_writes_for_itself_are_no_cases(self, text, tmp_path):
        found = read_cases(self.table(tmp_path, text), columns())
        assert [(case.name, case.segmentation) for case in found] == [
            ("a", str(tmp_path / "b")),
            ("c", str(tmp_path / "d")),
        ]

    def test_a_tilde_is_the_folder_that_shells_take_it_for(self, tmp_path, monkeypatch):
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
        text = "segmentation,series,mask,volume\n~/a.nii,~/ct,~/b.nii,v.nii\n"
        (case,) = read_cases(self.table(tmp_path, text), columns())
        home = tmp_path / "home"
        assert (case.segmentation, case.series) == (str(home / "a.nii"), str(home / "ct"))
        assert case.options == {"mask": [str(home / "b.nii")], "volume": str(tmp_path / "v.nii")}

    def test_a_table_that_is_no_text_is_refused(self, tmp_path):
        (tmp_path / "cases.csv").write_bytes(b"segmentation\n\xff\n")
        with pytest.raises(BatchTableError, match="cannot be used: it has bytes that are not UTF-8; save it as UTF-8"):
            read_cases(tmp_path / "cases.csv", columns())

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
    def test_a_pipe_is_no_table_and_nobody_waits_for_it(self, tmp_path):
        os.mkfifo(tmp_path / "cases.csv")
        with pytest.raises(BatchTableError, match="it is a device or a pipe, not a file"):
            read_cases(tmp_path / "cases.csv", columns())

    def test_a_folder_that_cannot_be_looked_into_is_named(self, tmp_path):
        (tmp_path / "seg").mkdir()
        (tmp_path / "file").write_text("")
        for words in (("seg", "file"), ("file", "seg"), ("none", "seg")):
            with pytest.raises(BatchTableError, match="cannot be used: the folder cannot be read"):
                matched(*(tmp_path / word for word in words), tmp_path / "out")

    def test_two_files_whose_cases_would_share_a_folder_are_named(self, tmp_path):
        for name in ("stra\u00dfe", "strasse"):
            (tmp_path / "ct" / name).mkdir(parents=True)
            (tmp_path / "seg").mkdir(exist_ok=True)
            (tmp_path / "seg" / f"{name}.nii").write_text("")
        sentence = (
            "stra\u00dfe.nii cannot be used: two cases are called 'stra\u00dfe': this one and that of strasse.nii."
        )
        with pytest.raises(BatchTableError, match=sentence):
            matched(tmp_path / "seg", tmp_path / "ct", tmp_path / "seg" / "out")

    def test_two_folders_are_matched_by_name(self, tmp_path):
        for name in ("a.nii.gz", "b.seg.nrrd", "notes.txt"):
            (tmp_path / "seg").mkdir(exist_ok=True)
            (tmp_path / "seg" / name).write_text("")
        for name in ("ct/a", "ct/c", "seg/out"):
            (tmp_path / name).mkdir(parents=True)
        matches = matched(tmp_path / "seg", tmp_path / "ct", tmp_path / "seg" / "out")
        assert [(case.name, case.series) for case in matches.cases] == [("a", str(tmp_path / "ct" / "a"))]
        assert (matches.without_images, matches.without_segmentation) == (["b"], ["c"])


class TestShell:
    def test_columns_say_what_the_options_of_the_commands_say(self, material, tmp_path, capsys):
        good, series = str(material / "good.seg.nrrd"), str(material / "ct")
        said = {"content_label": "MINE", "series_number": "77", "algorithm_name": "net", "algorithm_type": "AUTOMATIC"}
        table = tmp_path / "cases.csv"
        table.write_text(f"case,segmentation,series,{','.join(said)}\na,{good},{series},{','.join(said.values())}\n")
        assert main(["batch", str(table), "-o", str(tmp_path / "out"), "--workers", "1", "--strict"]) == 0
        words = [f"--{name.replace('_', '-')}={value}" for name, value in said.items()]
        assert main(["export", good, series, "-o", str(tmp_path / "one.dcm"), "--strict", *words]) == 0
        capsys.readouterr()
        ours, theirs = (dcmread(path) for path in (tmp_path / "out" / "a" / "a.dcm", tmp_path / "one.dcm"))
        for keyword in ("ContentLabel", "SeriesNumber", "SeriesDescription"):
            assert ours[keyword].value == theirs[keyword].value
        assert ours.ContentLabel == "MINE"
        assert ours.SegmentSequence[0].SegmentAlgorithmName == theirs.SegmentSequence[0].SegmentAlgorithmName == "net"

    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            ({"to": "coco", "coco_images": "jpeg"}, "Option coco_images: invalid choice: 'jpeg'"),
            (
                {"to": "nifti", "volume": "a.nii"},
                "volume is an option of segrle export, which writes DICOM SEG: to can",
            ),
        ],
    )
    def test_what_is_wrong_with_an_option_names_it_as_a_batch_does(self, options, sentence, tmp_path):
        with pytest.raises(ValueError, match=f"^{sentence}"):
            parsed_case("a.nrrd", "", tmp_path / "out", tmp_path / "images", options)

    def test_a_file_in_the_column_of_folders_is_called_one(self, client, material, tmp_path):
        swapped = Case("a", str(material / "ct"), str(material / "good.seg.nrrd"))
        (failed,) = batch([swapped], tmp_path / "out", client).failed
        assert failed.reason == (
            f"{material / 'good.seg.nrrd'} is a file: the column series names the folder of the images."
        )

    def test_a_case_without_images_is_told_the_columns(self, client, material, tmp_path):
        (tmp_path / "masks").mkdir()
        shutil.copy(material / "good.nii.gz", tmp_path / "masks" / "liver.nii.gz")
        cases = [Case("a", str(tmp_path / "masks")), Case("b", str(material / "good.seg.nrrd"))]
        assert [one.reason for one in batch(cases, tmp_path / "out", client).failed] == [
            "It has no images, and rle needs them: give their folder in the column series, or a volume that is not "
            "from DICOM in the column volume."
        ] * 2

    def test_of_several_series_the_journal_names_the_column(self, client, material, tmp_path):
        for number in (1, 2):
            a_ct_series(tmp_path / "two" / str(number), SeriesInstanceUID=f"1.2.3.{number}")
        result = batch([Case("a", str(material / "good.nii.gz"), str(tmp_path / "two"))], tmp_path / "out", client)
        assert "--series-uid UID, or in the column series_uid" in result.failed[0].reason

    def test_images_of_a_volume_stand_beside_the_file(self, client, material, tmp_path):
        good = str(material / "good.seg.nrrd")
        volume = tmp_path / "volume.nii.gz"
        convert(read_segmentation(Path(good)), volume)
        case = Case("a", good, options={"volume": str(volume), "modality": "CT"})
        both = Case("b", good, options={"volume": str(volume), "threshold": "0.5"})
        result = batch([case, both], tmp_path / "out", client)
        assert [one.reason for one in result.failed] == [
            "volume is an option of segrle export and threshold one of segrle convert: no case can have both."
        ]
        images = tmp_path / "out" / "a" / "images"
        assert dcmread(next(images.iterdir())).Modality == "CT"
        told = [finding for finding in result.outcomes[0].findings if "were written here" in finding["what"]]
        assert [finding["where"] for finding in told] == [str(images)]
        assert ".segrle" not in json.dumps(result.outcomes[0].findings)
        again = batch([case], tmp_path / "out", client, resume=True)
        assert (again.stood, again.failed) == (1, ())

    def test_what_makes_no_sense_is_refused_before_anything_begins(self, tmp_path, capsys):
        for words, sentence in (
            (["--workers", "0"], "argument --workers: '0' is no number from 1 on"),
            (["--workers", "two"], "argument --workers: 'two' is no number from 1 on"),
            (["--timeout", "0"], "argument --timeout: '0' is no number of seconds above 0"),
            (["--timeout", "nan"], "argument --timeout: 'nan' is no number of seconds above 0"),
            (["--timeout", "soon"], "argument --timeout: 'soon' is no number of seconds above 0"),
            (["--memory", "much"], "argument --memory: 'much' is no size of a megabyte or more, such as 4GB"),
            (["--memory", "0GB"], "argument --memory: '0GB' is no size of a megabyte or more, such as 4GB"),
            (["--memory", "4"], "argument --memory: '4' is no size of a megabyte or more, such as 4GB"),
            (["--memory="], "argument --memory: '' is no size of a megabyte or more, such as 4GB"),
            (["--memory", "1e400"], "argument --memory: '1e400' is no size of a megabyte or more, such as 4GB"),
            (
                ["--dask", "tcp://a:1", "--workers", "2"],
                "argument --workers: it has no effect here: the workers of a --dask",
            ),
            (
                ["--dask", "tcp://a:1", "--memory", "4GB"],
                "argument --memory: it has no effect here: the workers of a --dask",
            ),
            (["--series-number", "x"], "argument --series-number: invalid int value: 'x'"),
            (["--series", "1.2.3"], "--series is not an option of a batch: one series of all cases is named by"),
            (["--compression=none"], "--compression is not an option of a batch: what is written is named by --to"),
            (["-c", "none"], "-c is not an option of a batch: what is written is named by --to"),
            (["--overwrite"], "--overwrite is not an option of a batch: it replaces nothing; move away what is there"),
            (["--no-verify"], "--no-verify is not an option of a batch: that is --verify off"),
            (["--images", "png"], "--images: it names a folder here; what a COCO file names is --coco-images png"),
        ):
            with pytest.raises(SystemExit) as ended:
                main(["batch", "cases.csv", "-o", str(tmp_path / "out"), *words])
            assert ended.value.code == 2
            assert sentence in capsys.readouterr().err
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize("place", ["file", "file/below"])
    def test_a_place_that_can_be_no_folder_is_refused_before_a_cluster_is_started(self, place, tmp_path, capsys):
        (tmp_path / "file").write_text("mine")
        table = tmp_path / "cases.csv"
        table.write_text("case,segmentation\na,b\n")
        assert main(["batch", str(table), "-o", str(tmp_path / place)]) == 2
        told = capsys.readouterr().err
        reason = "it is no folder" if place == "file" else "Not a directory"
        assert told == f"The batch cannot use {tmp_path / place}: {reason}. Choose another folder.\n"
        assert (tmp_path / "file").read_text() == "mine"

    def test_a_link_that_leads_nowhere_is_no_folder(self, tmp_path):
        (tmp_path / "out").symlink_to(tmp_path / "nowhere")
        with pytest.raises(BatchFolderError, match="out: it is no folder. Choose another folder"):
            batch([Case("a", "b")], tmp_path / "out")

    def test_what_stands_where_the_batch_has_its_own_is_named(self, tmp_path):
        (tmp_path / ".segrle").write_text("mine")
        with pytest.raises(BatchFolderError, match=r"/\.segrle: it is no folder. Choose another folder"):
            batch([Case("a", "b")], tmp_path)

    def test_a_page_that_cannot_be_written_is_told_and_the_cases_stand(self, client, material, tmp_path):
        sentence = r"report.html: Is a directory. What is written stands: when that .* re"
        with pytest.raises(BatchFolderError, match=sentence):
            batch(good_cases(material, 1), tmp_path, client, on_end=lambda _: (tmp_path / "report.html").mkdir())
        assert list(files_below(tmp_path)) == ["case00/case00.dcm"]
        assert not (tmp_path / ".report.html.part").exists()

    def test_a_folder_that_is_removed_on_the_way_is_told(self, client, material, tmp_path):
        out = tmp_path / "out"
        with pytest.raises(
            BatchFolderError, match=r"report.jsonl: No such file .*\. What is written stands: when that"
        ):
            batch(good_cases(material, 20), out, client, on_end=lambda _: shutil.rmtree(out, ignore_errors=True))

    def test_a_full_disk_is_told_with_what_helps(self, client, material, tmp_path, monkeypatch):
        def full(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        sentence = r"out: No space left on device. What is written stands: when that is mended, resume the batch"
        with pytest.raises(BatchFolderError, match=sentence):
            batch(good_cases(material, 1), tmp_path / "out", client)

    def test_files_that_the_system_does_not_move_are_not_said_to_be_somebody_elses(self, client, material, tmp_path):
        def removed(_outcome):
            shutil.rmtree(tmp_path / "out" / ".segrle" / "work", ignore_errors=True)

        result = batch(good_cases(material, 20), tmp_path / "out", client, on_end=removed)
        reasons = " ".join(one.reason for one in result.failed)
        assert "No such file or directory" in reasons
        assert "somebody made it" not in reasons

    def test_the_dashboard_is_named_where_there_is_one_to_see(self, client, monkeypatch):
        monkeypatch.setattr(client, "run_on_scheduler", lambda *_: None)
        assert dashboard_of(client) is None
        monkeypatch.setattr(client, "run_on_scheduler", lambda *_: "found")
        assert dashboard_of(client) == client.dashboard_link

    def test_a_cluster_that_is_not_there_leaves_nothing_behind(self, material, tmp_path, capsys, monkeypatch):
        monkeypatch.setattr("SegRLEExportLib.batch.clusters._PATIENCE_S", 1)
        table = table_of(good_cases(material, 1), tmp_path)
        assert main(["batch", str(table), "-o", str(tmp_path / "out"), "--dask", "tcp://127.0.0.1:1"]) == 2
        assert (
            "no Dask scheduler answers there (Timed out trying to connect to tcp://127.0.0.1:1 after 1 s). Check the "
            "address, start a scheduler there (dask scheduler)" in capsys.readouterr().err
        )
        assert not (tmp_path / "out").exists()

    def test_a_batch_that_is_whole_starts_no_cluster(self, client, material, tmp_path, capsys):
        cases = good_cases(material, 1)
        batch(cases, tmp_path / "out", client)
        words = ["batch", str(table_of(cases, tmp_path)), "-o", str(tmp_path / "out"), "--resume"]
        assert main([*words, "--dask", "tcp://nobody.invalid:1"]) == 0
        printed = capsys.readouterr()
        assert printed.out.startswith("1 of 1 cases written (1 of them before this run), ")
        assert printed.err == ""

    def test_names_without_a_counterpart_are_told_again_behind_the_summary(self, tmp_path, capsys, monkeypatch):
        nothing = BatchResult(tmp_path / "out", ())
        monkeypatch.setattr("SegRLEExportLib.batch.running.batch_on", lambda *_, **__: nothing)
        (tmp_path / "seg").mkdir()
        (tmp_path / "ct" / "a").mkdir(parents=True)
        for name in ("a.nii.gz", "b.nii.gz"):
            (tmp_path / "seg" / name).write_text("")
        words = ("--segmentations", tmp_path / "seg", "--images", tmp_path / "ct", "-o", tmp_path / "out")
        assert main(["batch", *map(str, words)]) == 0
        assert capsys.readouterr().err.splitlines() == [
            "no images for b",
            "1 name without a counterpart: no case was made of what is listed above.",
        ]

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

    @pytest.mark.parametrize(
        ("row", "words", "sentence"),
        [
            ("to,coco_images\nb,ct,nifti,png", [], "option coco_images: it has no effect here: pictures are written"),
            ("coco_images\nb,ct,png", ["--to", "nifti"], "option coco_images: it has no effect here: pictures"),
            ("window\nb,ct,'40,400'", ["--to", "coco"], "option window: it has no effect here: it is for the pictures"),
            ("volume\nb,ct,v.nrrd", [], "with a volume images are made of it: leave the column series empty."),
            ("volume,threshold\nb,,v.nrrd,0.5", [], "no case can have both."),
            (
                "content_label\nb,ct,liver",
                [],
                "option content_label: 'liver' is not a code string (up to 16 of A-Z, 0-9, space, underscore). ",
            ),
            ("clip\nb,ct,yes", ["--content-label", "liver"], "option content_label: 'liver' is not a code string"),
            ("series_number\nb,ct,-5", [], "option series_number: The number -5 is not from 0 to 2147483647. Choose"),
            ("content_description\nb,ct," + 65 * "x", [], "x' is longer than 64 characters. Choose another text."),
            ("series_description\nb,ct," + 65 * "x", [], "option series_description: 'x"),
            ("content_creator\nb,ct,A^B^C^D^E^F", [], "option content_creator: 'A^B^C^D^E^F' is not a person name of"),
            ("volume,patient_id\nb,,v.nii," + 65 * "x", [], "option patient_id: 'x"),
            ("modality\nb,ct,CT", [], "modality: it has no effect here: it is written into the images of a volume."),
            ("coco_images\nb,ct,png", ["--to", "nifti"], "pictures are written beside a COCO file (to coco)."),
            ("keep_values\nb,ct,yes", ["--to", "none"], "alone keep label values (to nifti, nrrd, rle, labelmap"),
            (
                "to\nb.nii.gz,,rle",
                [],
                "it has no images, and rle needs them: give their folder in the column series, or a volume that is not "
                "from DICOM in the column volume.",
            ),
            ("to\nb.nii.gz,,coco", [], "no images, and coco needs them: give their folder in the column series."),
            ("modality\nb.dcm,,CT", [], "option modality: it has no effect here: it is written into the images of a"),
        ],
    )
    def test_cells_that_cannot_be_together_are_told_with_their_line(self, row, words, sentence, tmp_path, capsys):
        header, _, cells = row.partition("\n")
        quoted = cells.replace("'", '"')
        (tmp_path / "cases.csv").write_text(f"segmentation,series,{header}\n{quoted}\n")
        assert main(["batch", str(tmp_path / "cases.csv"), "-o", str(tmp_path / "out"), "--dry-run", *words]) == 2
        told = capsys.readouterr().err
        assert "line 2 cannot be used: " in told
        assert sentence in told

    def test_options_of_all_cases_that_cannot_be_together_are_told_with_the_usage(self, tmp_path, capsys):
        (tmp_path / "seg").mkdir()
        (tmp_path / "ct" / "a").mkdir(parents=True)
        (tmp_path / "seg" / "a.nii.gz").write_text("")
        words = ["--segmentations", tmp_path / "seg", "--images", tmp_path / "ct", "-o", tmp_path / "out"]
        with pytest.raises(SystemExit):
            main([*map(str, ["batch", *words]), "--to", "nifti", "--coco-images", "png"])
        told = capsys.readouterr().err
        assert told.startswith("usage: segrle batch")
        assert "error: option coco_images: it has no effect here: pictures are written beside a COCO file" in told

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

    def test_its_help_says_what_the_exit_codes_mean_and_which_line_of_a_case_holds(self, capsys):
        with pytest.raises(SystemExit):
            main(["batch", "--help"])
        told = " ".join(capsys.readouterr().out.split())
        assert (
            "The exit code is 0 if all cases are written, 1 if some are not, 2 if none is or the batch was not" in told
        )
        assert "one more each time the case is tried again: its last line is the valid one." in told

    @pytest.mark.parametrize("place", ["seg", "images"])
    def test_out_is_no_folder_of_the_cases(self, place, tmp_path, capsys):
        for name in ("seg", "images"):
            (tmp_path / name).mkdir()
        (tmp_path / "link").symlink_to(tmp_path / place)
        words = ["--segmentations", tmp_path / "seg", "--images", tmp_path / "images", "-o", tmp_path / "link"]
        with pytest.raises(SystemExit):
            main(["batch", *map(str, words)])
        told = capsys.readouterr().err
        assert (
            f"argument -o: {tmp_path / place} is where cases are looked for, and what is written would be taken for "
            "some the next time: choose another folder" in told
        )
        assert os.listdir(tmp_path / place) == []

    def test_what_dask_leaves_as_it_ends_is_no_error_behind_a_success(self, material, tmp_path, caplog):
        table = table_of(good_cases(material, 1), tmp_path)
        assert main(["batch", str(table), "-o", str(tmp_path / "out"), "--workers", "1"]) == 0
        logging.getLogger("asyncio").error("Future exception was never retrieved")
        logging.getLogger("asyncio").error("something else")
        said = [record.getMessage() for record in caplog.records if record.name == "asyncio"]
        assert said == ["something else"]

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
        assert all("(--volume VOLUME, or in the column volume)" in text for text in told)
        assert not any(re.search("In Slicer|double-click", text) for text in told)


def test_a_reason_that_lists_shows_the_first_of_its_list():
    refused = Outcome("a", Ending.REFUSED, "No such series. Found:\n  1.2  CT\n  1.3  MR\n")
    assert refused.short_reason == "No such series. Found: 1.2  CT (And 1 more.)"


def test_the_page_holds_all_and_escapes_what_comes_from_files(tmp_path):
    folder = BatchFolder(tmp_path)
    bad = Outcome("<b>x</b>", Ending.REFUSED, "The file <script>alert(1)</script> is cut")
    found = Outcome("ok", Ending.WRITTEN, findings=({"severity": "warning", "what": "3 voxels moved"},))
    write_page([bad, found], folder, 0)
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "1 of 2 cases written" in page
    assert "<script>" not in page
    assert "3 voxels moved" in page
    assert "http" not in page


def test_the_summary_counts_what_is_alike_and_names_some():
    paths = {n: f"/data/{n}/seg.nrrd" for n in "abcdefg"}
    cut = [
        Outcome(n, Ending.REFUSED, f"The segmentation {path} cannot be read: a cut.", asked={"segmentation": path})
        for n, path in paths.items()
    ]
    late = Outcome("h", Ending.TIMEOUT, "It took longer than 10 s.")
    written = [Outcome(f"w{n}", Ending.WRITTEN) for n in range(8)]
    assert str(BatchResult(Path("out"), (*written, *cut, late))).splitlines()[1:] == [
        "     8  written",
        "     7  refused        a, b, c, d, e and 2 more: The segmentation ... cannot be read: a cut.",
        "     1  timeout        h: It took longer than 10 s.",
    ]
    assert "/data/a/seg.nrrd" in str(BatchResult(Path("out"), (cut[0],)))


def test_the_page_folds_all_reasons_but_the_first_away(tmp_path):
    folder = BatchFolder(tmp_path)
    write_page([Outcome("a", Ending.REFUSED, "error: one\nerror: two <b>\nerror: three")], folder, 0)
    page = (tmp_path / "report.html").read_text("utf-8")
    folded = "<details><summary>error: one (And 2 more.)</summary>error: two &lt;b&gt;<br>error: three</details>"
    assert folded in page


def test_what_names_the_attempt_of_a_case_is_counted_together():
    told = "Writing /out/.segrle/work/{}/files/{}.dcm failed: No space left on device."
    ended = [
        Outcome(case, Ending.REFUSED, told.format(attempt, case), attempt=attempt)
        for case, attempt in (("case1", "case1.0a1b"), ("case2", "case2.2c3d"))
    ]
    (same,) = alike(ended)
    assert same.cases == ("case1", "case2")
