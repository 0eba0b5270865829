"""Files that appear together or not at all, and nothing of anybody else's that is ever removed or replaced."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from SegRLEExportLib.errors import (
    ExportError,
    FilesLeftError,
    TargetExistsError,
    TargetFolderError,
    TargetNotAFileError,
    TargetNotReplacedError,
    TargetTwiceError,
    WritingFailedError,
)
from SegRLEExportLib.model.beside import EARLIER, PART
from SegRLEExportLib.writing.pending_files import PendingFiles, forget_standing_files, standing_files

LIBRARY = Path(__file__).parents[2] / "SegRLEExport"


def write(files: PendingFiles, final: Path, content: bytes = b"new", *, anew: bool = False) -> None:
    with files.create(final, anew=anew) as sink:
        sink.write(content)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def no_links(*_, **__):
    raise OSError(errno.EPERM, "Operation not permitted")


@pytest.fixture(params=["links", "no links"])
def _any_disk(request, monkeypatch):
    """A disk that knows hard links, and one that does not."""
    if request.param == "no links":
        monkeypatch.setattr(os, "link", no_links)


any_disk = pytest.mark.usefixtures("_any_disk")


@any_disk
class TestPendingFiles:
    def test_have_no_name_before_they_are_published(self, tmp_path):
        final = tmp_path / "seg.dcm"
        with PendingFiles(overwrite=False) as files:
            write(files, final)
            assert files.part_of(final).read_bytes() == b"new"
            assert files.size(final) == 3
            assert not final.exists()
            files.publish()

        assert contents(tmp_path) == {"seg.dcm": b"new"}

    def test_vanish_if_they_are_never_published(self, tmp_path):
        with PendingFiles(overwrite=False) as files:
            files.make_folder(tmp_path / "new")
            write(files, tmp_path / "new" / "seg.dcm")

        assert list(tmp_path.iterdir()) == []

    def test_begun_anew_leave_nothing_of_the_first_try(self, tmp_path):
        with PendingFiles(overwrite=False) as files:
            write(files, tmp_path / "seg.dcm", b"first")
            write(files, tmp_path / "seg.dcm", b"second", anew=True)
            files.publish()

        assert contents(tmp_path) == {"seg.dcm": b"second"}

    @pytest.mark.parametrize("overwrite", [False, True])
    def test_never_have_the_name_of_another_of_them(self, overwrite, tmp_path):
        with PendingFiles(overwrite=overwrite) as files:
            write(files, tmp_path / "seg.dcm", b"first")
            with pytest.raises(
                TargetTwiceError, match=r"Two files that are written together would be called .*seg\.dcm"
            ):
                write(files, tmp_path / "seg.dcm", b"second")
            files.publish()

        assert contents(tmp_path) == {"seg.dcm": b"first"}

    @pytest.mark.parametrize("error", [OSError(5, "Input/output error"), KeyboardInterrupt()], ids=["disk", "Ctrl-C"])
    def test_that_have_their_names_lose_them_if_the_block_fails_afterwards(self, error, tmp_path):
        with suppress(OSError, KeyboardInterrupt), PendingFiles(overwrite=False) as files:
            files.make_folder(tmp_path / "new")
            write(files, tmp_path / "new" / "seg.dcm")
            files.publish()
            raise error

        assert list(tmp_path.iterdir()) == []

    def test_refuse_a_name_that_is_taken(self, tmp_path):
        (tmp_path / "seg.dcm").write_bytes(b"old")

        with PendingFiles(overwrite=False) as files, pytest.raises(TargetExistsError, match="seg.dcm exists already"):
            write(files, tmp_path / "seg.dcm")

        assert contents(tmp_path) == {"seg.dcm": b"old"}

    def test_refuse_a_name_that_was_taken_meanwhile_and_publish_none(self, tmp_path):
        with PendingFiles(overwrite=False) as files:
            write(files, tmp_path / "1.dcm")
            write(files, tmp_path / "2.dcm")
            (tmp_path / "2.dcm").write_bytes(b"old")
            with pytest.raises(TargetExistsError, match=r"2\.dcm"):
                files.publish()

        assert contents(tmp_path) == {"2.dcm": b"old"}

    def test_never_replace_a_file_that_appears_between_look_and_name(self, tmp_path, monkeypatch):
        """The check is blinded: what keeps the other's file is the system call itself."""
        monkeypatch.setattr(PendingFiles, "_refuse_existing", lambda *_: None)
        with PendingFiles(overwrite=False) as files:
            write(files, tmp_path / "seg.dcm")
            (tmp_path / "seg.dcm").write_bytes(b"of somebody else")
            with pytest.raises(TargetExistsError, match=r"seg\.dcm"):
                files.publish()

        assert contents(tmp_path) == {"seg.dcm": b"of somebody else"}

    def test_leave_a_dangling_link_of_their_name_as_it_is(self, tmp_path):
        (tmp_path / "seg.dcm").symlink_to(tmp_path / "nowhere")

        with PendingFiles(overwrite=False) as files, pytest.raises(TargetExistsError):
            write(files, tmp_path / "seg.dcm")

        assert os.readlink(tmp_path / "seg.dcm") == str(tmp_path / "nowhere")

    @pytest.mark.parametrize("overwrite", [False, True])
    def test_neither_mind_nor_touch_files_that_are_called_like_theirs(self, overwrite, tmp_path):
        others = {f"{name}{suffix}": b"mine" for name in ("seg.dcm", ".seg.dcm") for suffix in (PART, EARLIER)}
        for name, content in others.items():
            (tmp_path / name).write_bytes(content)
        if overwrite:
            (tmp_path / "seg.dcm").write_bytes(b"old")

        with PendingFiles(overwrite=overwrite) as files:
            write(files, tmp_path / "seg.dcm")
            files.publish()

        assert contents(tmp_path) == {"seg.dcm": b"new", **others}

    def test_that_fail_leave_what_others_put_into_their_folder(self, tmp_path):
        with suppress(KeyboardInterrupt), PendingFiles(overwrite=False) as files:
            files.make_folder(tmp_path / "new")
            write(files, tmp_path / "new" / "1.dcm")
            files.publish()
            (tmp_path / "new" / "notes.txt").write_bytes(b"mine")
            (tmp_path / "other").write_bytes(b"mine, too")
            (tmp_path / "other").replace(tmp_path / "new" / "1.dcm")
            raise KeyboardInterrupt

        assert contents(tmp_path / "new") == {"notes.txt": b"mine", "1.dcm": b"mine, too"}

    def test_that_replace_others_leave_nothing_of_them(self, tmp_path):
        (tmp_path / "seg.dcm").write_bytes(b"old")

        with PendingFiles(overwrite=True) as files:
            write(files, tmp_path / "seg.dcm")
            files.publish()

        assert contents(tmp_path) == {"seg.dcm": b"new"}

    @pytest.mark.parametrize("kind", ["folder", "pipe", "link to a folder", "link to a device"])
    @pytest.mark.parametrize("overwrite", [False, True])
    def test_never_replace_what_is_no_file(self, overwrite, kind, tmp_path):
        taken, other = tmp_path / "taken", tmp_path / "other"
        other.mkdir()
        (other / "notes.txt").write_bytes(b"mine")
        make = {
            "folder": lambda: other.rename(taken),
            "pipe": lambda: os.mkfifo(taken),
            "link to a folder": lambda: taken.symlink_to(other),
            "link to a device": lambda: taken.symlink_to(os.devnull),
        }
        make[kind]()
        before = taken.lstat()

        with PendingFiles(overwrite=overwrite) as files, pytest.raises(TargetNotAFileError, match="left as it is"):
            write(files, taken)

        assert taken.lstat() == before
        assert [path.name for path in tmp_path.rglob("*.part")] == []

    def test_replace_a_link_and_not_the_file_it_leads_to(self, tmp_path):
        (tmp_path / "other").write_bytes(b"mine")
        (tmp_path / "seg.dcm").symlink_to("other")
        with PendingFiles(overwrite=True) as files:
            write(files, tmp_path / "seg.dcm")
            files.publish()

        assert contents(tmp_path) == {"seg.dcm": b"new", "other": b"mine"}

    @pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o400])
    def test_keep_the_mode_of_the_file_that_they_replace_from_the_first_byte_on(self, mode, tmp_path):
        final = tmp_path / "seg.dcm"
        final.write_bytes(b"old")
        final.chmod(mode)
        with PendingFiles(overwrite=True) as files:
            with files.create(final) as sink:
                assert stat.S_IMODE(files.part_of(final).stat().st_mode) == mode
                sink.write(b"new")
            files.publish()

        assert final.read_bytes() == b"new"
        assert stat.S_IMODE(final.stat().st_mode) == mode

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
    def test_keep_the_owner_of_the_file_that_they_replace(self, tmp_path):
        final = tmp_path / "seg.dcm"
        final.write_bytes(b"old")
        os.chown(final, 1234, 5678)
        with PendingFiles(overwrite=True) as files:
            write(files, final)
            files.publish()

        assert (final.stat().st_uid, final.stat().st_gid) == (1234, 5678)

    def test_that_replace_nothing_have_the_usual_mode(self, tmp_path):
        (tmp_path / "usual").write_bytes(b"")
        with PendingFiles(overwrite=True) as files:
            write(files, tmp_path / "seg.dcm")
            files.publish()

        assert (tmp_path / "seg.dcm").stat().st_mode == (tmp_path / "usual").stat().st_mode

    def test_never_replace_a_file_that_is_write_protected(self, tmp_path, monkeypatch):
        """Nothing is write-protected to root, who may run the tests."""
        final = tmp_path / "seg.dcm"
        final.write_bytes(b"old")
        monkeypatch.setattr(os, "access", lambda path, mode: not (path == final and mode == os.W_OK))

        with PendingFiles(overwrite=True) as files, pytest.raises(TargetNotReplacedError) as refused:
            write(files, final)

        assert str(refused.value) == f"{final} is write-protected and was left as it is. Choose another name."
        assert contents(tmp_path) == {"seg.dcm": b"old"}

    def test_replace_a_link_to_a_write_protected_file(self, tmp_path, monkeypatch):
        """As git-annex has them: what is replaced is the link."""
        (tmp_path / "other").write_bytes(b"mine")
        (tmp_path / "seg.dcm").symlink_to("other")
        monkeypatch.setattr(os, "access", lambda *_: False)
        with PendingFiles(overwrite=True) as files:
            write(files, tmp_path / "seg.dcm")
            files.publish()

        assert contents(tmp_path) == {"seg.dcm": b"new", "other": b"mine"}

    @pytest.mark.parametrize("length", [1, 100, 251])
    def test_may_have_the_longest_names(self, length, tmp_path):
        final = tmp_path / ("n" * length + ".dcm")
        with PendingFiles(overwrite=False) as files:
            write(files, final)
            files.publish()

        assert contents(tmp_path) == {final.name: b"new"}

    def test_may_have_long_names_of_long_letters(self, tmp_path):
        final = tmp_path / ("é" * 125 + ".dcm")
        with PendingFiles(overwrite=False) as files:
            write(files, final)
            files.publish()

        assert contents(tmp_path) == {final.name: b"new"}

    def test_tell_that_a_name_is_too_long(self, tmp_path):
        with PendingFiles(overwrite=False) as files, pytest.raises(WritingFailedError, match="too long.* shorter"):
            write(files, tmp_path / ("n" * 300))

    def test_tell_that_the_folder_is_gone(self, tmp_path):
        with (
            PendingFiles(overwrite=False) as files,
            pytest.raises(WritingFailedError, match="No such file or directory. The unfinished file was removed"),
        ):
            write(files, tmp_path / "gone" / "seg.dcm")

    def test_tell_that_the_part_is_gone(self, tmp_path):
        with PendingFiles(overwrite=False) as files:
            write(files, tmp_path / "seg.dcm")
            files.part_of(tmp_path / "seg.dcm").unlink()
            with pytest.raises(WritingFailedError, match="No such file"):
                files.size(tmp_path / "seg.dcm")
            with pytest.raises(WritingFailedError, match="No such file"):
                files.publish()

    def test_are_on_the_disk_before_they_get_their_names(self, tmp_path, monkeypatch):
        events = []
        fsync, link, replace = os.fsync, os.link, os.replace
        monkeypatch.setattr(os, "fsync", lambda number: events.append("flush") or fsync(number))
        monkeypatch.setattr(os, "link", lambda *paths: link(*paths) or events.append("name"))
        monkeypatch.setattr(os, "replace", lambda *paths: replace(*paths) or events.append("name"))

        with PendingFiles(overwrite=False) as files:
            write(files, tmp_path / "seg.dcm")
            files.publish()

        assert events == ["flush", "name", "flush"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "open", lambda *_, **__: os.fdopen(os.open("/dev/full", os.O_WRONLY), "wb"))

    with PendingFiles(overwrite=True) as files, pytest.raises(WritingFailedError, match="No space left on device"):
        write(files, tmp_path / "seg.dcm", bytes(1 << 17))


class TestFaultOfTheSystem:
    """Each call that the files make fails in turn, and is interrupted before and after: nothing is left, or told."""

    CALLS = ("open", "link", "replace", "rename", "unlink", "mkdir", "fsync", "fstat", "lstat", "chmod", "chown")

    @any_disk
    @pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
    @pytest.mark.parametrize("error", [OSError(5, "Input/output error"), KeyboardInterrupt()], ids=["disk", "Ctrl-C"])
    @pytest.mark.parametrize("overwrite", [False, True], ids=["new", "overwriting"])
    @pytest.mark.parametrize("call", CALLS)
    def test_leaves_all_as_it_was_or_says_what_stands(self, call, overwrite, error, is_after, tmp_path, monkeypatch):
        original = getattr(os, call)
        for number in range(12):
            folder = tmp_path / str(number)
            folder.mkdir()
            before = {"notes.txt": b"mine", **({"1.dcm": b"old 1", "2.dcm": b"old 2"} if overwrite else {})}
            for name, content in before.items():
                (folder / name).write_bytes(content)
            forget_standing_files()
            count = iter(range(100))

            def failing(*arguments, count=count, number=number, **named):
                is_it = next(count) == number
                if is_it and not is_after:
                    raise error
                result = original(*arguments, **named)
                if is_it:
                    raise error
                return result

            with monkeypatch.context() as patch:
                patch.setattr(os, call, failing)
                told = self._two_files(folder, overwrite=overwrite)
            found = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
            complete = {**before, "1.dcm": b"new 1", "2.dcm": b"new 2"}
            standing = {path.name for path in standing_files()}
            unexpected = found.keys() - before.keys()
            if told is None:
                assert found == complete
            elif isinstance(told, ExportError):
                assert found == before or all(name in str(told) for name in unexpected)
            else:
                assert found == before or unexpected <= standing
            assert found["notes.txt"] == b"mine"
            assert not [name for name, content in found.items() if b"old" in content and name.endswith(PART)]
            assert {b"old 1", b"old 2"} <= {*found.values()} or not overwrite or complete.items() <= found.items()
            assert not list(folder.glob("new*")) or told is None or unexpected

    @staticmethod
    def _two_files(folder: Path, *, overwrite: bool) -> BaseException | None:
        try:
            with PendingFiles(overwrite=overwrite) as files:
                files.make_folder(folder)
                for number in (1, 2):
                    write(files, folder / f"{number}.dcm", b"new %d" % number)
                files.publish()
        except (ExportError, KeyboardInterrupt) as error:
            return error
        return None

    def test_in_making_the_folder_is_told(self, tmp_path, monkeypatch):
        def failing(*_):
            raise OSError(errno.EROFS, "Read-only file system")

        monkeypatch.setattr(os, "mkdir", failing)
        with PendingFiles(overwrite=False) as files, pytest.raises(TargetFolderError, match="Read-only file system"):
            files.make_folder(tmp_path / "new")

    def test_in_removing_is_told_with_the_name(self, tmp_path, monkeypatch):
        def failing(*_):
            raise OSError(errno.EACCES, "Permission denied")

        monkeypatch.setattr(os, "unlink", failing)
        with (
            pytest.raises(FilesLeftError, match=r"could not be removed or restored: .*\.part\. Look at them"),
            PendingFiles(overwrite=False) as files,
        ):
            write(files, tmp_path / "seg.dcm")


RACER = """
import sys
from pathlib import Path
from SegRLEExportLib.errors import TargetExistsError
from SegRLEExportLib.writing.pending_files import PendingFiles
folder, who = Path(sys.argv[1]), sys.argv[2].encode()
for n in range(200):
    try:
        with PendingFiles(overwrite=False) as files:
            for final in (folder / f"{n}_1.dcm", folder / f"{n}_2.dcm"):
                with files.create(final) as sink:
                    sink.write(who)
            files.publish()
            print(n)
    except TargetExistsError:
        pass
"""


def process(code: str, *words: object) -> subprocess.Popen:
    environment = {**os.environ, "PYTHONPATH": str(LIBRARY)}
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, words)], env=environment, stdout=subprocess.PIPE, text=True
    )


def test_of_two_processes_with_one_target_one_wins_and_both_know(tmp_path):
    racers = {who: process(RACER, tmp_path, who) for who in ("a", "b")}
    won = {who: set(racer.communicate(timeout=120)[0].split()) for who, racer in racers.items()}

    assert not won["a"] & won["b"]
    owners = {path.name: path.read_text() for path in tmp_path.iterdir()}
    for who, numbers in won.items():
        assert {name for name, owner in owners.items() if owner == who} == {
            f"{n}_{one}.dcm" for n in numbers for one in (1, 2)
        }


KILLED = """
import os, sys, time
from pathlib import Path
from SegRLEExportLib.writing.pending_files import PendingFiles
with PendingFiles(overwrite=False) as files, files.create(Path(sys.argv[1])) as sink:
    sink.write(bytes(1 << 20))
    print("begun", flush=True)
    time.sleep(60)
"""


def test_after_kill_9_the_same_name_can_be_written(tmp_path):
    killed = process(KILLED, tmp_path / "seg.dcm")
    assert killed.stdout.readline() == "begun\n"
    killed.send_signal(signal.SIGKILL)
    killed.wait(timeout=60)
    assert [path.suffix for path in tmp_path.iterdir()] == [".part"]

    with PendingFiles(overwrite=False) as files:
        write(files, tmp_path / "seg.dcm")
        files.publish()

    assert (tmp_path / "seg.dcm").read_bytes() == b"new"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_kill_9_at_any_moment_leaves_whole_files_alone(tmp_path):
    """A hundred processes that replace one file again and again are killed, each at a moment of its own."""
    random = Random(9)
    final, whole = tmp_path / "seg.dcm", [b"new", *(bytes([number]) * (1 << 16) for number in range(8))]
    (tmp_path / "notes.txt").write_bytes(b"mine")
    for _ in range(100):
        child = os.fork()
        if not child:
            _replace_for_ever(final, whole)
        time.sleep(random.uniform(0, 0.03))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        assert not final.exists() or final.read_bytes() in whole
        with PendingFiles(overwrite=True) as files:
            write(files, final)
            files.publish()
        assert final.read_bytes() == b"new"

    assert {".dcm", ".txt", ".part"} <= {path.suffix for path in tmp_path.iterdir()} <= {PART, EARLIER, ".dcm", ".txt"}
    assert (tmp_path / "notes.txt").read_bytes() == b"mine"


def _replace_for_ever(final: Path, whole: list[bytes]) -> None:
    try:
        while True:
            for content in whole:
                with PendingFiles(overwrite=True) as files:
                    write(files, final, content)
                    files.publish()
    finally:
        os._exit(1)
