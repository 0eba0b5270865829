"""Damaged .seg.nrrd, NRRD, NIfTI and MetaImage: read and converted, or refused, in few calls and little memory.

`SEGRLE_FUZZ_TRIES` says how many are tried of all kinds together; a few hundred if it is not set.
"""

from __future__ import annotations

import gzip
import os
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest
from call_counts import counted_calls
from damage import damaged
from file_builders import LABELS, THREE, TO_RAS, a_nrrd
from SegRLEExportLib.convert import convert
from SegRLEExportLib.errors import ExportError
from SegRLEExportLib.files.read import read_segmentation, read_volume
from SegRLEExportLib.options import ExportOptions

TRIES = int(os.environ.get("SEGRLE_FUZZ_TRIES", "300"))
CALLS = 500_000
"""What reading and converting a file may cost at most: a clock would tell of the machine."""
MOST_BYTES = 500 << 20

METAIMAGE = (
    "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\nCompressedData = False\n"
    "TransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = 1 2 3\nElementSpacing = 1 1 2\nDimSize = 5 4 3\n"
    "ElementType = MET_UCHAR\nElementDataFile = LOCAL\n"
)


@pytest.fixture(scope="module")
def specimens(tmp_path_factory) -> dict[str, bytes]:
    """A whole file of each kind, by the name that it has."""
    folder = tmp_path_factory.mktemp("whole")
    a_nrrd(folder, *THREE, name="raw.seg.nrrd", encoding="raw", data=LABELS.tobytes())
    a_nrrd(folder, *THREE, name="zipped.seg.nrrd", encoding="gzip")
    a_nrrd(folder, name="labels.nrrd", encoding="raw", data=LABELS.tobytes())
    a_nrrd(folder, name="text.nrrd", encoding="text", data=" ".join(map(str, LABELS.ravel())).encode())
    for name, kind in (("one.nii", nibabel.Nifti1Image), ("two.nii.gz", nibabel.Nifti2Image)):
        nibabel.save(kind(LABELS.transpose(2, 1, 0), TO_RAS), folder / name)
    (folder / "labels.mha").write_bytes(METAIMAGE.encode() + LABELS.tobytes())
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def damaged_within(content: bytes, random: np.random.Generator) -> bytes:
    """Damage a file, behind its compression where it is compressed as a whole and chance will."""
    if content[:2] == b"\x1f\x8b" and random.random() < 0.7:
        return gzip.compress(damaged(gzip.decompress(content), random))
    return damaged(content, random)


def look(path: Path) -> None:
    """Read the file at each door, and convert what was read; refusals are allowed, anything else is a failure."""
    with counted_calls() as calls:
        for door in (read_volume, read_segmentation):
            try:
                read = door(path)
            except ExportError:
                continue
            if door is read_segmentation:
                _converted(read, path)
    assert calls.total() < CALLS


def _converted(segmentation, path: Path) -> None:
    for name in ("out.seg.nrrd", "out.nii.gz"):
        try:
            convert(segmentation, path.with_name(name), options=ExportOptions(overwrite=True))
        except ExportError:
            continue


def test_whole_ones_are_read(specimens, tmp_path):
    for name, content in specimens.items():
        (tmp_path / name).write_bytes(content)
        assert len(read_segmentation(tmp_path / name).segments) == 3


def test_damaged_files_are_read_or_refused(specimens, tmp_path):
    names = list(specimens)
    before = most_memory()
    for seed in range(TRIES):
        name = names[seed % len(names)]
        path = tmp_path / name
        path.write_bytes(damaged_within(specimens[name], np.random.default_rng(seed)))
        try:
            look(path)
        except Exception as error:
            raise AssertionError(f"seed {seed}, {name}") from error
    assert most_memory() - before < MOST_BYTES


def most_memory() -> int:
    """Return the most bytes that this process has had in memory, 0 where the system does not tell."""
    if sys.platform == "win32":
        return 0
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
