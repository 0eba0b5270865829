"""Where the files go and what they are called."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from SegRLEExportLib.encoding.pixel_size import pixel_bytes
from SegRLEExportLib.errors import TargetExistsError, TargetFolderError
from SegRLEExportLib.writing.draft import Draft


def file_paths(target: Path, sop_uids: Sequence[str], *, overwrite: bool) -> list[Path]:
    """Return the path of each instance's file.

    In a folder, names carry the SOP Instance UID, so they never meet. A file's name is used as it is for one
    instance, and numbered for several. Raises `TargetExistsError`.
    """
    if is_folder(target):
        paths = [target / f"SEG_{uid}.dcm" for uid in sop_uids]
    elif len(sop_uids) == 1:
        paths = [target]
    else:
        paths = [target.with_name(f"{target.stem}_{n}{target.suffix}") for n in range(1, len(sop_uids) + 1)]
    for path in paths:
        if path.exists() and not overwrite:
            raise TargetExistsError(path)
    return paths


def is_folder(target: Path) -> bool:
    """Tell whether the caller named a folder, there or not: a file has a suffix."""
    return target.is_dir() or not target.suffix


def prepare_folder(target: Path, needed_bytes: int) -> Path:
    """Return the folder that the files go to, made if only its last part is missing.

    Raises `TargetFolderError` if it cannot be written or has no room for `needed_bytes`.
    """
    folder = target if is_folder(target) else target.parent
    if folder.exists() and not folder.is_dir():
        raise TargetFolderError(folder, "it is not a folder")
    existing = folder if folder.is_dir() else folder.parent
    if not existing.is_dir():
        raise TargetFolderError(folder, f"there is no folder {existing}")
    if not os.access(existing, os.W_OK):
        raise TargetFolderError(folder, "it is write-protected")
    free = shutil.disk_usage(existing).free
    if free < needed_bytes:
        raise TargetFolderError(
            folder, f"at least {needed_bytes / 1e6:.1f} MB are needed and {free / 1e6:.1f} MB are free on that disk"
        )
    return folder


def least_bytes(draft: Draft) -> int:
    """Return the bytes an instance takes at least: exact but for headers where it is not compressed."""
    if draft.plan.is_encapsulated or draft.plan.is_deflated:
        return 0
    return pixel_bytes(draft.instance.frame_count, draft.survey.stack, draft.bits_allocated)
