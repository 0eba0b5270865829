"""Files that appear together, complete, under names that were free; or not at all.

Each is written under a name that nobody else uses and gets its own by a hard link, which replaces nothing. Where
overwriting was asked for, and where a disk knows no links, a file is replaced instead, by one of the same mode; the
earlier one lives on under another name until the block ends. Unless that ends well, whatever happened is taken back:
removed is only what this run made, told by its number on the disk, so a file that another process put there meanwhile
stays.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import TracebackType

from SegRLEExportLib.errors import FilesLeftError, TargetExistsError, TargetTwiceError, WritingFailedError
from SegRLEExportLib.model.beside import EARLIER, PART, beside
from SegRLEExportLib.writing.names import folder_error, refuse_taken
from SegRLEExportLib.writing.seg_file import FileSink

_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EACCES, errno.EINVAL}
"""What systems answer where a disk knows no hard links, FAT and network shares above all."""

_Identity = tuple[int, int]
"""Disk and number of a file: the same as long as it is the same file, whatever its name."""

_made: dict[Path, None] = {}
"""All that this process made and has not taken back, in the order it was made."""


def standing_files() -> tuple[Path, ...]:
    """Return the files of this process that are on the disk: what there is to tell after an interruption."""
    return tuple(path for path in list(_made) if os.path.lexists(path))


def forget_standing_files() -> None:
    """Begin the record anew, for the next command of this process."""
    _made.clear()


class PendingFiles:
    """Files on their way to their names; a context that takes all back unless it ends well after `publish`."""

    def __init__(self, *, overwrite: bool) -> None:
        self._overwrite = overwrite
        self._parts: dict[Path, Path] = {}
        self._ours: set[_Identity] = set()
        self._reserved: set[Path] = set()
        """Names that empty files of ours may hold, where a disk knows no links."""
        self._kept: dict[Path, Path] = {}
        self._never_replaced: set[Path] = set()
        self._folders: list[Path] = []
        self._is_published = False

    def __enter__(self) -> PendingFiles:
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None and self._is_published:
            self._forget_the_replaced()
            return
        left = self._take_back()
        if left and (error is None or isinstance(error, Exception)):
            raise FilesLeftError(left, str(error) if error else "The export did not finish") from error

    def make_folder(self, folder: Path) -> None:
        """Make `folder` if it is not there; it goes again, if empty, with the files. Raises `TargetFolderError`."""
        try:
            if folder.is_dir():
                return
            self._folders.append(folder)
            folder.mkdir()
        except OSError as error:
            self._folders = [made for made in self._folders if made != folder]
            if not isinstance(error, FileExistsError):  # else somebody made it meanwhile
                raise folder_error(folder, error) from error

    @contextmanager
    def create(self, final: Path, *, replaces_none: bool = False, anew: bool = False) -> Iterator[FileSink]:
        """Open the file that is to become `final`; it is on the disk when the block ends.

        `replaces_none` spares a file of that name even where others may be overwritten; `anew` is for one that was
        begun before, which another file may not have the name of.
        Raises `TargetExistsError`, `TargetNotReplacedError`, `TargetTwiceError` or `WritingFailedError`.
        """
        if final in self._parts and not anew:
            raise TargetTwiceError(final)
        try:
            if replaces_none:
                self._never_replaced.add(final)
            self._refuse_existing(final)
            self._drop_begun(final)
            part = self._parts[final] = beside(final, PART)
            _made[part] = None
            with part.open("xb", buffering=1 << 16) as file:
                self._ours.add(_identity(os.fstat(file.fileno())))
                _keep_access(final, part)
                yield FileSink(file)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise _failed(final, error) from error

    def part_of(self, final: Path) -> Path:
        """Return where the file is that is to become `final`."""
        return self._parts[final]

    def size(self, final: Path) -> int:
        """Return the bytes of the file that is to become `final`. Raises `WritingFailedError`."""
        try:
            return self._parts[final].stat().st_size
        except OSError as error:
            raise _failed(final, error) from error

    def publish(self) -> None:
        """Give all files their names, or none; a file that is replaced is kept until the block has ended.

        Raises `TargetExistsError`, `TargetNotReplacedError` or `WritingFailedError`.
        """
        for final, part in self._parts.items():
            try:
                self._refuse_existing(final)
                _made[final] = None
                self._give_or_replace(part, final)
                _flush_folder(final.parent)
            except FileExistsError as error:
                raise TargetExistsError(final) from error
            except OSError as error:
                raise _failed(final, error) from error
        self._is_published = True

    def _give_or_replace(self, part: Path, final: Path) -> None:
        try:
            self._give_name(part, final)
        except FileExistsError:
            if not self._may_replace(final):
                raise
            self._replace(part, final)

    def _replace(self, part: Path, final: Path) -> None:
        """Let `part` take the place of `final`, whose old file lives on under another name."""
        kept = self._kept[final] = beside(final, EARLIER)
        _made[kept] = None
        try:
            os.link(final, kept)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            os.rename(final, kept)
        os.replace(part, final)

    def _give_name(self, part: Path, final: Path) -> None:
        """Let `part` become `final`, which must be free. Raises `FileExistsError` if it is not."""
        try:
            os.link(part, final)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
        else:
            os.unlink(part)
            return
        self._reserved.add(final)
        try:
            descriptor = os.open(final, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except OSError:
            self._reserved.discard(final)
            raise
        try:
            self._ours.add(_identity(os.fstat(descriptor)))
        finally:
            os.close(descriptor)
        os.replace(part, final)
        self._ours.add(_identity(final.stat()))  # a disk without links may number a file anew as it is renamed

    def _take_back(self) -> list[Path]:
        """Remove what was made and restore what was replaced; return the files that resisted.

        Parts go last: as long as they are there, no other file can have their numbers.
        """
        for final, kept in self._kept.items():
            if self._is_ours(final) or not os.path.lexists(final):
                _try(partial(os.replace, kept, final))
            elif _same_file(kept, final):
                _try(kept.unlink)
        finals = [final for final in self._parts if self._is_ours(final)]
        for final in finals:
            _try(final.unlink)
        for part in self._parts.values():
            _try(part.unlink)
        for folder in reversed(self._folders):
            _try(folder.rmdir)
        made = (*finals, *self._parts.values(), *self._kept.values())
        left = [path for path in made if os.path.lexists(path)]
        self._strike_out(except_for=left)
        return left

    def _forget_the_replaced(self) -> None:
        """Remove the old files; one that resists is told."""
        for kept in self._kept.values():
            _try(kept.unlink)
        left = [kept for kept in self._kept.values() if os.path.lexists(kept)]
        self._strike_out(except_for=[*self._parts, *left])
        if left:
            raise FilesLeftError(left, "The export is complete, and what it replaced is still there")

    def _strike_out(self, *, except_for: list[Path]) -> None:
        """Take what is no more out of the record of files that stand."""
        for path in {*self._parts, *self._parts.values(), *self._kept.values()} - {*except_for}:
            _made.pop(path, None)

    def _drop_begun(self, final: Path) -> None:
        """Remove the file that was begun for that name, if one was; its number may then be another's."""
        if part := self._parts.get(final):
            self._ours.discard(_identity(part.stat()))
            part.unlink()
            _made.pop(part, None)

    def _is_ours(self, path: Path) -> bool:
        try:
            status = path.lstat()
            return _identity(status) in self._ours or (path in self._reserved and status.st_size == 0)
        except OSError:
            return False

    def _refuse_existing(self, final: Path) -> None:
        refuse_taken(final, may_replace=self._may_replace(final))

    def _may_replace(self, final: Path) -> bool:
        return self._overwrite and final not in self._never_replaced


def _keep_access(earlier: Path, part: Path) -> None:
    """Give `part` the mode of the file that it is to replace, and its owner and group where the system lets us.

    From its first byte on, so that a file nobody else may read is read by nobody else meanwhile.
    """
    with suppress(OSError):  # none is there, or the disk knows no modes
        status = earlier.lstat()
        if not stat.S_ISREG(status.st_mode):
            return
        if hasattr(os, "chown"):
            _try(partial(os.chown, part, status.st_uid, status.st_gid))
        os.chmod(part, stat.S_IMODE(status.st_mode))


def reason_of(error: OSError) -> str:
    """Return what the system says, without the name of the file, which the sentences around it have."""
    return error.strerror or str(error)


def _failed(final: Path, error: OSError) -> WritingFailedError:
    if error.errno == errno.ENAMETOOLONG:
        return WritingFailedError(final, reason_of(error), "Choose a shorter name")
    return WritingFailedError(final, reason_of(error))


def _identity(status: os.stat_result) -> _Identity:
    return status.st_dev, status.st_ino


def _same_file(one: Path, other: Path) -> bool:
    with suppress(OSError):
        return _identity(one.lstat()) == _identity(other.lstat())
    return False


def _try(action: Callable[[], object]) -> None:
    """Do it if it can be done: taking back goes on whatever resists, and looks afterwards at what is left."""
    with suppress(OSError):
        action()


def _flush_folder(folder: Path) -> None:
    """Make a new name outlive a power cut; not every system lets a folder be opened for that."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
