"""What the tests of a batch are made of: cases good and bad, and a fault in a library as it would strike."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
from builders import A_GRID, a_ct_series, a_segmentation, a_sphere
from SegRLEExportLib.batch.cases import Case
from SegRLEExportLib.batch.folder import BatchFolder
from SegRLEExportLib.batch.outcome import Ending
from SegRLEExportLib.cli import main
from SegRLEExportLib.convert import convert
from SegRLEExportLib.files.read import read_segmentation

CHEST = Path(str(resources.files("slicerio") / "data"))
"""A real CT of 34 images and 8 segments on it, which come with the PyPI package slicerio."""

WAIT_S = 120.0
"""For what takes a second on a machine that has nothing else to do."""

POISONED = {
    "kills": Ending.KILLED,
    "crashes": Ending.KILLED,
    "hungers": Ending.MEMORY,
    "hangs": Ending.TIMEOUT,
}
"""Cases in which a library fails, and how each must end."""

_POISON = """
import sys
if "SegRLEExportLib.cli.case_process" in sys.orig_argv:
    import ctypes, os, time
    import numpy
    from SegRLEExportLib.files import read

    whole = read.read_segmentation

    def poisoned(path, *more):
        name = path.name
        if name == "kills":
            os.kill(os.getpid(), 9)
        if name == "crashes":
            ctypes.string_at(0)
        if name == "hungers":
            numpy.ones(8 << 30, numpy.uint8)
        if name == "hangs":
            time.sleep(600)
        return whole(path, *more)

    read.read_segmentation = poisoned
"""


def poisoned_folder(tmp_path: Path) -> Path:
    """Return a folder that makes each process for cases fail, if it is the first on its path."""
    folder = tmp_path / "poison"
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(_POISON)
    return folder


def poisoned_cases(material: Path, tmp_path: Path) -> list[Case]:
    """Return a case for each way to fail; the last one hangs."""
    for name in POISONED:
        (tmp_path / name).write_text("")
    return [Case(name, str(tmp_path / name), str(material / "ct")) for name in POISONED]


def make_chest_images(folder: Path) -> Path:
    """Write the real CT as DICOM images; return their folder."""
    words = ["--volume", CHEST / "CTChest4.nrrd", "--modality", "CT", "-o", folder / "chest.dcm"]
    assert main(["export", *map(str, [CHEST / "Segmentation.seg.nrrd", folder / "chest", *words])]) == 0
    return folder / "chest"


def make_material(folder: Path) -> Path:
    """Write one series of images and some segmentations on it, good and bad."""
    a_ct_series(folder / "ct")
    a_metre_away = np.zeros((4, 4))
    a_metre_away[:3, 3] = 1000
    a_ct_series(folder / "elsewhere", replace(A_GRID, kji_to_lps=A_GRID.kji_to_lps + a_metre_away))
    convert(a_segmentation([a_sphere()], names=["liver"]), folder / "good.seg.nrrd")
    convert(a_segmentation([a_sphere()], names=["liver"]), folder / "good.nii.gz")
    convert(a_segmentation(), folder / "two.seg.nrrd")
    whole = (folder / "good.seg.nrrd").read_bytes()
    (folder / "cut.seg.nrrd").write_bytes(whole[:-20])
    (folder / "claim.seg.nrrd").write_bytes(whole.replace(b"sizes: ", b"sizes: 9999", 1))
    (folder / "empty").mkdir()
    return folder


def good_cases(material: Path, count: int) -> list[Case]:
    return [Case(f"case{n:02}", str(material / "good.seg.nrrd"), str(material / "ct")) for n in range(count)]


def table_of(cases: Sequence[Case], folder: Path) -> Path:
    """Write a table of the cases."""
    rows = [f"{one.name},{one.segmentation},{one.series}\n" for one in cases]
    path = folder / "cases.csv"
    path.write_text("case,segmentation,series\n" + "".join(rows))
    return path


def batch_command(table: Path, out: Path, *words: str, timeout: float = 10.0) -> list[str]:
    """Return the command line of a batch for two cases at a time, each with a second or two of work at most."""
    place = ["--workers", "2", "--memory", "1GB"] if "--dask" not in words else []
    program = [sys.executable, "-m", "SegRLEExportLib", "batch", str(table), "-o", str(out)]
    return [*program, "--timeout", str(timeout), *place, *words]


def environment(*first: Path) -> dict[str, str]:
    """Return the environment of a process that finds what this one finds, and before that the folders given."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([*map(str, first), *filter(None, sys.path)])}


def files_below(out: Path) -> dict[str, int]:
    """Return the files of all cases, with the moment each was made."""
    return {
        str(path.relative_to(out)): path.stat().st_mtime_ns
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.parent != out and ".segrle" not in path.parts
    }


def voxels_below(out: Path) -> dict[str, str]:
    """Return a digest of the voxels in each file of all cases, as this package reads them.

    Bytes of files are no measure: UIDs and times differ between runs.
    """
    return {name: _digest_of_voxels(out / name) for name in files_below(out)}


def _digest_of_voxels(path: Path) -> str:
    digest = hashlib.sha256()
    for layer in read_segmentation(path).layers:
        digest.update(np.ascontiguousarray(layer.labels_kji))
    return digest.hexdigest()


def wait_for_lines(out: Path, count: int, process: subprocess.Popen) -> None:
    """Return when that many cases have lines, or the process has ended."""
    until = time.monotonic() + WAIT_S
    while len(BatchFolder(out).outcomes()) < count and process.poll() is None:
        assert time.monotonic() < until
        time.sleep(0.01)
