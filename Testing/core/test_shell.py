"""The boundary of the shell: nothing raw on the terminal, no traceback, and true words about what stands."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
import unicodedata
from pathlib import Path

import pytest
from builders import a_grid
from pydicom import dcmread
from SegRLEExportLib.cli.exit_codes import DIFFERENT, INTERRUPTED, PIPE_CLOSED, REFUSED
from SegRLEExportLib.model.beside import EARLIER, PART, beside
from SegRLEExportLib.model.printable import printable
from SegRLEExportLib.writing import pending_files
from SegRLEExportLib.writing.pending_files import forget_standing_files
from shell_builders import a_case, a_seg_nrrd, a_volume, segrle, segrle_process

_INTERRUPTED_LOADING = """
import sys
class Interruption:
    def find_spec(self, name, path=None, target=None):
        if name == "pydicom.uid":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interruption())
"""

EVIL = "\x1b[2J\x07\u202eliver\nequal: compared in world space\r\x9b31m\u2028\u200b"
"""Clears the screen, rings, turns round what follows, and forges a line of `verify`."""


def is_clean(printed: str) -> bool:
    """Tell whether a terminal shows the text and does nothing else."""
    return all(unicodedata.category(one) not in ("Cc", "Cf", "Cs", "Zl", "Zp") or one == "\n" for one in printed)


class TestPrintable:
    def test_leaves_what_people_write_as_it_is(self):
        text = "Grüße 肝臓\u3000右 كبد C:\\a\u00a0b"
        assert printable(text) == text

    def test_shows_what_would_act(self):
        assert printable("a\x1b[2J\n\u202e\udcff\x7f") == r"a\x1b[2J\n\u202e\udcff\x7f"

    @pytest.mark.parametrize("number", [*range(0x20), *range(0x7F, 0xA0), *range(0x200B, 0x2070), 0xFEFF, 0xD800])
    def test_lets_nothing_through_that_acts(self, number):
        assert is_clean(printable(chr(number)))

    def test_done_twice_is_the_same(self):
        assert printable(printable(EVIL)) == printable(EVIL)


class TestTextOfFiles:
    """Names, codes, descriptions, manufacturers and file names that would act on a terminal."""

    @pytest.fixture
    def seg(self, tmp_path) -> Path:
        segmentation, ct = a_case(tmp_path)
        assert segrle("export", segmentation, ct, "-o", tmp_path / "seg.dcm") == 0
        dataset = dcmread(tmp_path / "seg.dcm")
        item = dataset.SegmentSequence[-1]
        code = item.SegmentedPropertyTypeCodeSequence[0]
        dataset.SpecificCharacterSet = "ISO_IR 192"
        for holder, keyword in (
            (item, "SegmentLabel"),
            (item, "SegmentDescription"),
            (code, "CodeMeaning"),
            (code, "CodeValue"),
            (code, "CodingSchemeDesignator"),
            (dataset, "Manufacturer"),
            (dataset, "SeriesDescription"),
            (dataset, "SoftwareVersions"),
        ):
            setattr(holder, keyword, EVIL)
        dataset.save_as(tmp_path / "evil.dcm")
        return tmp_path / "evil.dcm"

    def test_is_escaped_by_inspect(self, seg, capsys):
        capsys.readouterr()
        segrle("inspect", seg)
        printed = capsys.readouterr()
        assert r"\x1b[2J\x07\u202eliver\n" in printed.out
        assert is_clean(printed.out + printed.err)
        assert not [line for line in printed.out.splitlines() if line.startswith("equal:")]

    def test_is_escaped_by_verify(self, seg, tmp_path, capsys):
        capsys.readouterr()
        segrle("verify", seg, tmp_path / "s.seg.nrrd", tmp_path / "ct")
        printed = capsys.readouterr()
        assert is_clean(printed.out + printed.err)
        assert not [line for line in printed.out.splitlines() if line.startswith("equal:")]

    def test_is_escaped_in_reports_and_findings(self, tmp_path, capsys):
        segmentation, ct = a_case(tmp_path, EVIL, "spleen", SeriesDescription="\x1b]0;title\x07")
        segrle("export", segmentation, ct, "-o", tmp_path / "out")
        printed = capsys.readouterr()
        assert r"\x1b[2J" in printed.out
        assert is_clean(printed.out + printed.err)
        assert not [line for line in printed.out.splitlines() if line.startswith("equal:")]

    def test_is_escaped_in_errors(self, tmp_path, capsys):
        segmentation, ct = a_case(tmp_path, EVIL, "spleen")
        assert segrle("export", segmentation, ct, "-o", tmp_path / "out", "--segment", "kidney\x1b") == REFUSED
        printed = capsys.readouterr().err
        assert is_clean(printed)
        assert printed.count("\n") == 1

    @pytest.mark.parametrize(
        "name", [EVIL.replace("\x00", ""), os.fsdecode(b"caf\xe9\xff")], ids=["acting", "not UTF-8"]
    )
    @pytest.mark.parametrize("words", [["export"], ["forecast"], ["inspect"], ["verify"]], ids=lambda words: words[0])
    def test_is_escaped_in_file_names(self, words, name, tmp_path, capsys):
        (tmp_path / name).mkdir()
        segmentation, ct = a_case(tmp_path / name)
        more = {
            "export": (segmentation, ct, "-o", tmp_path / name / name),
            "forecast": (segmentation, ct),
            "inspect": (segmentation,),
            "verify": (segmentation, segmentation, ct),
        }[words[0]]
        segrle(*words, *more)
        printed = capsys.readouterr()
        assert is_clean(printed.out + printed.err)
        assert printed.out + printed.err

    def test_is_escaped_where_arguments_are_not_understood(self, capsys):
        with pytest.raises(SystemExit):
            segrle("inspect", "a.dcm", "--not-\x1b[2J-known")
        assert is_clean(capsys.readouterr().err)

    def test_in_json_is_json_and_clean(self, seg, capsys):
        capsys.readouterr()
        segrle("inspect", seg, "--json")
        printed = capsys.readouterr().out
        assert is_clean(printed)
        assert json.loads(printed)["facts"]["written by"].startswith(EVIL.split("\r")[0].strip()[:5])


class TestStandardOutput:
    @pytest.mark.parametrize("is_json", [False, True], ids=["text", "JSON"])
    def test_that_is_ascii_gets_all_in_its_letters(self, is_json, tmp_path):
        segmentation, ct = a_case(tmp_path, "Leber größer", "肝臓")
        words = ("export", segmentation, ct, "-o", tmp_path / "out", *(["--json"] if is_json else []))
        process = segrle_process(*words, env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
        printed, told = process.communicate(timeout=60)
        assert process.returncode == 0, told
        if is_json:
            names = [one["name"] for one in json.loads(printed)["instances"][0]["segments"]]
            assert names == ["Leber größer", "肝臓"]
        else:
            assert r"Leber gr\xf6\xdfer" in printed

    def test_that_is_closed_early_is_no_error(self, tmp_path):
        segmentation, ct = a_case(tmp_path)
        reading, writing = os.pipe()
        os.close(reading)
        process = segrle_process("export", segmentation, ct, "-o", tmp_path / "out", stdout=writing)
        os.close(writing)
        _, told = process.communicate(timeout=60)
        assert (process.returncode, told) == (PIPE_CLOSED, "")
        assert len(list((tmp_path / "out").iterdir())) == 1

    def test_and_standard_error_that_are_closed_leave_the_exit_code(self, tmp_path):
        reading, writing = os.pipe()
        os.close(reading)
        process = segrle_process("inspect", tmp_path / "missing", stdout=writing, stderr=writing)
        os.close(writing)
        process.communicate(timeout=60)
        assert process.returncode in (REFUSED, PIPE_CLOSED)

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
    def test_that_is_full_is_told_with_what_stands(self, tmp_path):
        segmentation, ct = a_case(tmp_path)
        with open("/dev/full", "w") as full:
            process = segrle_process("export", segmentation, ct, "-o", tmp_path / "seg.dcm", stdout=full)
            _, told = process.communicate(timeout=60)
        assert process.returncode == REFUSED
        assert "No space left on device. Complete and in place: " in told
        assert "Traceback" not in told

    def test_that_was_never_open_is_no_error(self, tmp_path):
        segmentation, ct = a_case(tmp_path)
        words = ("export", segmentation, ct, "-o", tmp_path / "seg.dcm", "--json")
        process = segrle_process(*words, before="import sys; sys.stdout = sys.stderr = None")
        assert process.wait(timeout=60) == 0

    @pytest.mark.parametrize("command", ["export", "forecast", "inspect", "verify"])
    def test_has_nothing_but_json_if_that_was_asked_for(self, command, tmp_path, capsys):
        segmentation, ct = a_case(tmp_path)
        assert segrle("export", segmentation, ct, "-o", tmp_path / "seg.dcm") == 0
        capsys.readouterr()
        words = {
            "export": (segmentation, ct, "-o", tmp_path / "out"),
            "forecast": (segmentation, ct),
            "inspect": (tmp_path / "seg.dcm",),
            "verify": (tmp_path / "seg.dcm", segmentation, ct),
        }
        assert segrle(command, *words[command], "--json") == 0
        assert json.loads(capsys.readouterr().out)
        missing = tmp_path / "missing"
        assert segrle(command, missing, *words[command][1:], "--json") == REFUSED
        printed = capsys.readouterr()
        assert printed.out == ""
        assert "missing" in printed.err


class TestFaults:
    """Whatever is raised within a command ends as one sentence and exit code 2."""

    @pytest.mark.parametrize(
        ("error", "sentence"),
        [
            (
                PermissionError(13, "Permission denied", "/a/b\x1b"),
                r"The system refused it: /a/b\x1b: Permission denied. No file was left behind.",
            ),
            (
                IsADirectoryError(21, "Is a directory", Path("/a/b")),
                "The system refused it: /a/b: Is a directory. No file was left behind.",
            ),
            (OSError("odd"), "The system refused it: odd. No file was left behind."),
            (MemoryError(), "The memory of this machine does not suffice for it. No file was left behind."),
            (RecursionError(), "The content of a file is nested too deep to be read. No file was left behind."),
        ],
        ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
    )
    @pytest.mark.parametrize("place", ["files.read.read_segmentation", "source.series.find_source", "export.export"])
    def test_are_sentences(self, place, error, sentence, tmp_path, capsys, monkeypatch):
        segmentation, ct = a_case(tmp_path)

        def failing(*_, **__):
            raise error

        monkeypatch.setattr(f"SegRLEExportLib.{place}", failing)
        assert segrle("export", segmentation, ct, "-o", tmp_path / "out") == REFUSED
        assert capsys.readouterr().err == f"{sentence}\n"
        assert not (tmp_path / "out").exists()

    def test_of_this_program_are_not_hidden(self, tmp_path, monkeypatch):
        segmentation, ct = a_case(tmp_path)
        monkeypatch.setattr("SegRLEExportLib.export.export", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            segrle("export", segmentation, ct, "-o", tmp_path / "out")


class TestSignals:
    SLOW = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's & ignores it\n"
        "import os, time; f = os.fsync\n"
        "os.fsync = lambda d: (time.sleep(1), f(d))[1]\n"
    )

    @pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
    def test_clean_up_and_say_so(self, name, tmp_path):
        segmentation, ct = a_case(tmp_path)
        out = tmp_path / "out"
        process = segrle_process("export", segmentation, ct, "-o", out, before=self.SLOW)
        deadline = time.monotonic() + 60
        while not list(out.glob(".*.part")) and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(getattr(signal, name))
        printed, told = process.communicate(timeout=60)
        assert (printed, told) == ("", "Interrupted. No file was left behind.\n")
        assert process.returncode == 128 + getattr(signal, name)
        assert not out.exists()

    def test_before_anything_is_begun_are_a_sentence(self):
        interrupted = (
            "import os, signal, sys\n"
            "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
            "class Finder:\n"
            "    def find_spec(self, name, *_):\n"
            "        if name == 'SegRLEExportLib.cli.boundary':\n"
            "            os.kill(os.getpid(), signal.SIGINT)\n"
            "sys.meta_path.insert(0, Finder())\n"
        )
        process = segrle_process("--version", before=interrupted)
        assert process.communicate(timeout=60) == ("", "Interrupted. Nothing was begun.\n")
        assert process.returncode == 130

    def test_while_a_library_is_loaded_is_told_without_loading_it_again(self, tmp_path):
        segmentation, ct = a_case(tmp_path)
        process = segrle_process("export", segmentation, ct, "-o", tmp_path / "out", before=_INTERRUPTED_LOADING)
        assert process.communicate(timeout=60) == ("", "Interrupted. No file was left behind.\n")
        assert process.returncode == INTERRUPTED

    def test_an_earlier_file_that_is_left_is_not_called_rubbish(self, tmp_path, monkeypatch, capsys):
        def interrupted(*_, **__):
            pending_files._made.update(dict.fromkeys(standing))
            raise KeyboardInterrupt

        segmentation, ct = a_case(tmp_path)
        standing = [beside(tmp_path / "seg.dcm", mark) for mark in (PART, EARLIER)]
        for path in standing:
            path.write_bytes(b"")
        monkeypatch.setattr("SegRLEExportLib.export.export", interrupted)
        assert segrle("export", segmentation, ct, "-o", tmp_path / "seg.dcm") == INTERRUPTED
        assert capsys.readouterr().err == (
            f"Interrupted. Left over, to be removed by hand: {standing[0]}. "
            f"What stood there before, under another name: {standing[1]}.\n"
        )

    def test_that_who_started_us_ignores_stay_ignored(self, tmp_path):
        segmentation, ct = a_case(tmp_path)
        ignoring = self.SLOW + "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        process = segrle_process("export", segmentation, ct, "-o", tmp_path / "out", before=ignoring)
        while not list(tmp_path.glob("out/.*.part")) and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGHUP)
        process.communicate(timeout=60)
        assert process.returncode == 0

    def test_do_afterwards_what_they_did_before(self, tmp_path):
        before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
        assert segrle("inspect", tmp_path / "missing") == REFUSED
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before


class _Interruption:
    """Raises `KeyboardInterrupt` as the function of that number of ours is entered; counts them."""

    BOUNDARY = ("boundary.py", "signals.py", "exit_codes.py")

    def __init__(self, number: int) -> None:
        self.number, self.count = number, 0
        self.is_lost = False
        """Raised where Python itself drops what is raised: as an object is finalized."""

    def dropped(self, unraisable) -> None:
        """For `sys.unraisablehook`."""
        self.is_lost = self.is_lost or isinstance(unraisable.exc_value, KeyboardInterrupt)

    def __call__(self, frame, event, _argument):
        if event != "call" or "SegRLEExportLib" not in frame.f_code.co_filename:
            return
        if frame.f_code.co_name in ("main", "<genexpr>"):  # what is raised as an abandoned generator is closed is lost
            return
        if frame.f_code.co_filename.endswith(self.BOUNDARY):
            return
        caller = frame.f_back
        while caller is not None and self.count + 1 >= self.number > 0:
            if caller.f_code.co_name == "_told":  # the boundary's own words are protected by it from signals
                return
            caller = caller.f_back
        self.count += 1
        if self.count == self.number:
            raise KeyboardInterrupt


class TestInterruption:
    """Ctrl-C at every stage: what is said of the files is true, and no SEG stands without its images."""

    @staticmethod
    def run(interruption: _Interruption, *words: object) -> int:
        forget_standing_files()
        hook, sys.unraisablehook = sys.unraisablehook, interruption.dropped
        sys.setprofile(interruption)
        try:
            return segrle(*words)
        finally:
            sys.setprofile(None)
            sys.unraisablehook = hook

    @pytest.mark.parametrize("case", ["new", "overwriting", "volume"])
    def test_leaves_nothing_or_what_is_told(self, case, tmp_path, capsys):
        folder = tmp_path / "out"
        folder.mkdir()
        grid = a_grid((3, 4, 6))
        segmentation, ct = a_case(tmp_path, grid=grid)
        volume, target = a_volume(tmp_path, grid), folder / "seg.dcm"
        options = {"new": [], "overwriting": ["--overwrite"], "volume": ["--volume", volume]}[case]
        images = folder / "images" if case == "volume" else ct
        words = ("export", segmentation, images, "-o", target, *options)
        old = {"seg.dcm": b"old"} if case == "overwriting" else {}
        counting = _Interruption(0)
        assert self._from_anew(folder, old, counting, words) == 0
        calls = counting.count
        complete = len(contents_of(folder))
        for number in sorted({*range(1, calls + 1, max(1, calls // 50)), *range(max(1, calls - 60), calls + 1)}):
            capsys.readouterr()
            interruption = _Interruption(number)
            exit_code = self._from_anew(folder, old, interruption, words)
            told, found = capsys.readouterr().err, contents_of(folder)
            if exit_code == 0:  # it was over before (not every run makes as many calls), or nobody could hear of it
                assert interruption.count < number or interruption.is_lost
                assert len(found) == complete
            elif found == old:
                assert (exit_code, told) == (INTERRUPTED, "Interrupted. No file was left behind.\n")
            else:
                assert exit_code == INTERRUPTED
                assert told.startswith("Interrupted. Complete and in place: ")
                assert all(name in told for name in found)
                assert sum(not name.endswith((".part", ".earlier")) for name in found) == complete

    def _from_anew(self, folder: Path, old: dict[str, bytes], interruption: _Interruption, words: tuple) -> int:
        shutil.rmtree(folder)
        folder.mkdir()
        for name, content in old.items():
            (folder / name).write_bytes(content)
        return self.run(interruption, *words)


def contents_of(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder, hidden ones too."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class TestVolume:
    def test_images_and_seg_appear_together(self, tmp_path, capsys):
        segmentation, volume = a_seg_nrrd(tmp_path), a_volume(tmp_path)
        words = ("export", segmentation, tmp_path / "ct", "-o", tmp_path / "seg.dcm", "--volume", volume)
        assert segrle(*words) == 0
        capsys.readouterr()
        assert len(list((tmp_path / "ct").iterdir())) == 10
        assert segrle("verify", tmp_path / "seg.dcm", segmentation, tmp_path / "ct") == 0

    def test_images_replace_nothing_even_where_the_seg_may(self, tmp_path, monkeypatch):
        from SegRLEExportLib.writing import image_series

        monkeypatch.setattr(image_series, "_file_bytes", self._meanwhile(tmp_path / "ct", image_series._file_bytes))
        segmentation, volume = a_seg_nrrd(tmp_path), a_volume(tmp_path)
        words = ("export", segmentation, tmp_path / "ct", "-o", tmp_path / "seg.dcm", "--volume", volume)
        assert segrle(*words, "--overwrite") == REFUSED
        assert contents_of(tmp_path / "ct") == {"OT_0010.dcm": b"mine"}
        assert not (tmp_path / "seg.dcm").exists()

    @pytest.mark.parametrize("options", [[], ["--overwrite"]])
    def test_the_seg_takes_the_place_of_none_of_them(self, options, tmp_path, capsys):
        segmentation, target = a_seg_nrrd(tmp_path), tmp_path / "ct" / "OT_0001.dcm"
        words = ("export", segmentation, tmp_path / "ct", "-o", target, "--volume", a_volume(tmp_path))
        assert segrle(*words, *options) == REFUSED
        assert (
            f"Two files that are written together would be called {target}. Choose another" in capsys.readouterr().err
        )
        assert not (tmp_path / "ct").exists()

    @staticmethod
    def _meanwhile(folder: Path, file_bytes):
        def made(*arguments):
            (folder / "OT_0010.dcm").write_bytes(b"mine")
            return file_bytes(*arguments)

        return made


class TestFolders:
    def test_with_a_dot_in_their_name_and_a_slash_behind_are_folders(self, tmp_path):
        segmentation, ct = a_case(tmp_path)
        for command, folder in (("export", "out.case.01"), ("convert", "out.case.02")):
            assert segrle(command, segmentation, ct, "-o", f"{tmp_path}/{folder}/") == 0
            assert [path.suffix for path in (tmp_path / folder).iterdir()] == [".dcm"]

    def test_that_also_hold_the_images_are_verified_and_inspected(self, tmp_path, capsys):
        segmentation, ct = a_case(tmp_path)
        assert segrle("export", segmentation, ct, "-o", f"{ct}/") == 0
        (ct / "notes.txt").write_text("mine")
        (ct / "below").mkdir()
        capsys.readouterr()
        assert segrle("verify", ct, segmentation, ct) == 0
        assert segrle("inspect", ct) == 0
        assert capsys.readouterr().out.count("transfer syntax") == 1

    def test_with_several_files_of_one_export_are_compared_together(self, tmp_path, capsys):
        segmentation, ct = a_case(tmp_path)
        out = tmp_path / "out"
        assert segrle("export", segmentation, ct, "-o", out, "-c", "rle-per-segment") == 0
        assert len(list(out.iterdir())) == 2
        capsys.readouterr()
        assert segrle("verify", out, segmentation, ct) == 0
        assert capsys.readouterr().out.count("equal: ") == 1

    def test_files_of_one_export_can_be_named_one_by_one(self, tmp_path, capsys):
        segmentation, ct = a_case(tmp_path)
        out = tmp_path / "out"
        assert segrle("export", segmentation, ct, "-o", out, "-c", "rle-per-segment") == 0
        one, other = sorted(out.iterdir())
        capsys.readouterr()
        assert segrle("verify", one, other, segmentation, ct) == 0
        assert segrle("verify", one, other, segmentation) == 0
        assert segrle("verify", one, segmentation, ct) == DIFFERENT
        assert capsys.readouterr().out.count("equal: ") == 2
        assert segrle("verify", one, other, segmentation, tmp_path / "missing") == REFUSED
        assert "missing" in capsys.readouterr().err

    def test_of_seg_files_are_a_segmentation_behind_several_files(self, tmp_path, capsys):
        segmentation, ct = a_case(tmp_path)
        for out, encoding in (("each", "rle-per-segment"), ("whole", "none")):
            assert segrle("export", segmentation, ct, "-o", tmp_path / out, "-c", encoding) == 0
        one, other = sorted((tmp_path / "each").iterdir())
        capsys.readouterr()
        assert segrle("verify", one, other, tmp_path / "whole") == 0
        assert segrle("verify", one, other, tmp_path / "whole", ct) == 0
        assert capsys.readouterr().out.count("equal: ") == 2

    def test_with_several_exports_are_compared_one_by_one(self, tmp_path, capsys):
        segmentation, ct = a_case(tmp_path)
        (tmp_path / "other").mkdir()
        other = a_seg_nrrd(tmp_path / "other", "kidney")
        out = tmp_path / "out"
        assert segrle("export", segmentation, ct, "-o", out / "a.dcm") == 0
        assert segrle("export", other, ct, "-o", out / "b.dcm") == 0
        capsys.readouterr()
        assert segrle("verify", out, segmentation, ct) == DIFFERENT
        printed = capsys.readouterr().out
        assert printed.startswith("a.dcm: equal")
        assert "\nb.dcm: DIFFERENT" in printed
        assert segrle("verify", out, segmentation, ct, "--json") == DIFFERENT
        exports = json.loads(capsys.readouterr().out)["exports"]
        assert [(Path(one["files"][0]).name, one["equal"]) for one in exports] == [("a.dcm", True), ("b.dcm", False)]

    def test_of_files_of_several_exports_that_are_named_one_by_one_as_one_folder_of_them(self, tmp_path, capsys):
        segmentation, ct = a_case(tmp_path)
        assert segrle("export", segmentation, ct, "-o", tmp_path / "a.dcm") == 0
        assert segrle("export", segmentation, ct, "-o", tmp_path / "b.dcm", "-c", "rle-per-segment") == 0
        files = [tmp_path / name for name in ("b_2.dcm", "a.dcm", "b_1.dcm")]
        capsys.readouterr()
        assert segrle("verify", *files, segmentation, ct) == 0
        told = capsys.readouterr().out
        assert "b_2.dcm, b_1.dcm: equal: " in told
        assert "\na.dcm: equal: " in told

    def test_of_files_with_other_segments_each_are_compared_together(self, tmp_path, capsys):
        segmentation, ct = a_case(tmp_path)
        for name in ("liver", "spleen"):
            assert segrle("export", segmentation, ct, "-o", tmp_path / f"{name}.dcm", "--segment", name) == 0
        capsys.readouterr()
        assert segrle("verify", tmp_path / "liver.dcm", tmp_path / "spleen.dcm", segmentation, ct) == 0
        assert capsys.readouterr().out.count("equal: ") == 1

    def test_whose_export_was_told_of_the_segments_are_told_so_to_verify_too(self, tmp_path, capsys):
        segmentation, ct = a_case(tmp_path)
        algorithm = ("--algorithm-type", "AUTOMATIC", "--algorithm-name", "net")
        assert segrle("export", segmentation, ct, "-o", tmp_path / "seg.dcm", *algorithm) == 0
        capsys.readouterr()
        assert segrle("verify", tmp_path / "seg.dcm", segmentation, ct) == DIFFERENT
        assert (
            "  note: what an export is told of the segments beside their file has to be told here, too, in the same "
            "options: --segments, --segment, --mask, --algorithm-type, --algorithm-name, --algorithm-version\n"
        ) in capsys.readouterr().out
        assert segrle("verify", tmp_path / "seg.dcm", segmentation, ct, *algorithm) == 0

    def test_of_an_algorithm_without_name_are_exported_with_a_note(self, tmp_path, capsys):
        segmentation, ct = a_case(tmp_path)
        words = ("export", segmentation, ct, "-o")
        assert segrle(*words, tmp_path / "a.dcm", "--algorithm-type", "AUTOMATIC") == 0
        assert (
            "'unknown' is written. Give the name of the program or model that made them (--algorithm-name NAME)."
            in (capsys.readouterr().out)
        )
        assert segrle(*words, tmp_path / "b.dcm", "--algorithm-type", "MANUAL", "--algorithm-name", "Joe") == 0
        assert "where a program took part (--algorithm-type), or leave out the name." in capsys.readouterr().out

    @pytest.mark.parametrize("command", ["inspect", "verify"])
    def test_without_seg_are_refused(self, command, tmp_path, capsys):
        segmentation, ct = a_case(tmp_path)
        words = (command, ct) if command == "inspect" else (command, ct, segmentation)
        assert segrle(*words) == REFUSED
        assert "the folder has no SEG file" in capsys.readouterr().err


class TestForecast:
    def test_says_what_an_export_would(self, tmp_path, capsys):
        segmentation, ct = a_case(tmp_path)
        assert segrle("forecast", segmentation, ct) == 0
        printed = capsys.readouterr().out.splitlines()
        told = [line for line in printed if line.startswith("  ")]
        assert any(line.startswith("Recommended: none: ") for line in printed)
        assert segrle("export", segmentation, ct, "-o", tmp_path / "out", "-c", "none") == 0
        exported = capsys.readouterr().out.splitlines()
        assert any("note: liver, spleen: No coded meaning was chosen" in line for line in told)
        assert [line for line in exported if line.startswith(("  note", "  warning", "  repair"))] == told

    def test_encodings_that_are_refused_say_why_once(self, tmp_path, capsys):
        segmentation, ct = a_case(tmp_path)
        assert segrle("forecast", segmentation, ct, "--keep-values") == 0
        printed = capsys.readouterr().out
        rows = {line.split()[0]: line.split()[1] for line in printed.splitlines()}
        assert rows["none"] == rows["deflate"] == "refused"
        assert rows["rle"] != "refused"
        assert printed.count("Only label maps can keep label values") == 1
        assert "\nrefused: none: Only" in printed
        assert "(-c rle)" in printed
        assert segrle("forecast", segmentation, ct, "--keep-values", "--json") == 0
        found = {one["compression"]: one for one in json.loads(capsys.readouterr().out)["forecasts"]}
        assert found["none"]["refused"]
        assert not found["rle"]["refused"]
        assert any("(-c rle)" in finding["help"] for finding in found["none"]["findings"])


class TestInspect:
    def test_tells_of_each_file_and_goes_on_after_one_that_it_cannot_read(self, tmp_path, capsys):
        segmentation, ct = a_case(tmp_path)
        for name in ("a.dcm", "b.dcm"):
            assert segrle("export", segmentation, ct, "-o", tmp_path / name) == 0
        image = next(ct.iterdir())
        capsys.readouterr()
        assert segrle("inspect", tmp_path / "a.dcm", image, tmp_path / "b.dcm") == REFUSED
        printed = capsys.readouterr()
        assert printed.out.count("transfer syntax") == 2
        assert f"{image} is not a readable DICOM Segmentation" in printed.err
        assert segrle("inspect", tmp_path / "a.dcm", image, tmp_path / "b.dcm", "--json") == REFUSED
        files = json.loads(capsys.readouterr().out)["files"]
        assert [Path(one["path"]).name for one in files] == ["a.dcm", "b.dcm"]


def test_nothing_of_slicer_is_loaded_for_what_is_no_surface(tmp_path):
    segmentation, ct = a_case(tmp_path)
    before = "import atexit, sys; atexit.register(lambda: print(sorted({'slicer', 'vtk'} & set(sys.modules))))"
    process = segrle_process("export", segmentation, ct, "-o", tmp_path / "out", before=before)
    printed, told = process.communicate(timeout=60)
    assert process.returncode == 0, told
    assert printed.endswith("\n[]\n")


def test_surfaces_without_slicer_core_are_told_what_is_missing(tmp_path):
    (tmp_path / "ball.seg.vtm").write_text("<VTKFile/>")
    without = "import sys; sys.modules['slicer'] = None; from SegRLEExportLib.cli.surfaces import answer; answer()"

    asked = pickle.dumps((tmp_path / "ball.seg.vtm", None))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", without]
    done = subprocess.run(command, input=asked, capture_output=True, env=environment, check=True)

    assert pickle.loads(done.stdout) == (
        None,
        "slicer-core is needed to read segmentations outside 3D Slicer, and it is not available here. Install it: "
        "python -m pip install slicer-core.",
    )
