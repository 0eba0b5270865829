"""dciodvfy (Debian's dicom3tools) finds no error in our files that highdicom's equivalent object does not get too.

It decodes no pixels, and the version of 2022 knows neither Label Map Segmentation Storage nor Deflated; so both objects
are shown to it as Segmentation Storage and not deflated, and what it says of their label maps falls on both alike.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pydicom
import pytest
from builders import a_ct_series, fixed_options
from highdicom_judge import JUDGED, a_segmentation_to_judge, build
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian, SegmentationStorage
from SegRLEExportLib.export import export

pytestmark = pytest.mark.skipif(
    shutil.which("dciodvfy") is None, reason="dciodvfy is not installed (apt install dicom3tools)"
)


def complaints(path: Path, kind: str) -> set[str]:
    """Return the lines of that kind ("Error" or "Warning"), the values in them left out."""
    told = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
    lines = (told.stdout + told.stderr).splitlines()
    assert lines, "dciodvfy said nothing"
    return {re.sub(r"<[^>]*>|\[\d+\]|\d+", "..", line) for line in lines if line.startswith(kind)}


def as_it_knows(dataset: Dataset, path: Path) -> Path:
    """Write the dataset in a syntax and under a class that dciodvfy of 2022 knows, so that all modules are checked."""
    if dataset.file_meta.TransferSyntaxUID.is_deflated:
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = SegmentationStorage
    dataset.save_as(path, enforce_file_format=True)
    return path


@pytest.fixture
def written(tmp_path):
    """What we write of a segmentation, by encoding, and the images' paths."""
    images = a_ct_series(tmp_path / "ct")

    def write(encoding):
        segmentation = a_segmentation_to_judge(encoding)
        return export(segmentation, tmp_path / "ct", tmp_path / "ours", encoding, options=fixed_options()).paths[0]

    return write, images


@pytest.mark.parametrize("encoding", JUDGED)
def test_no_error_that_highdicoms_object_does_not_get(encoding, written, tmp_path):
    write, images = written
    ours = pydicom.dcmread(write(encoding))
    theirs = build(a_segmentation_to_judge(encoding), images, encoding, ours)

    errors = complaints(as_it_knows(ours, tmp_path / "ours.dcm"), "Error")

    assert errors - complaints(as_it_knows(theirs, tmp_path / "theirs.dcm"), "Error") == set()


@pytest.mark.parametrize("encoding", ["none", "rle-per-segment"])
def test_no_error_at_all_where_it_knows_class_and_syntax(encoding, written):
    write, _ = written

    assert complaints(write(encoding), "Error") == set()


def test_an_error_is_seen(written):
    write, _ = written
    path = write("none")
    dataset = pydicom.dcmread(path)
    del dataset.SegmentSequence[0].SegmentLabel
    dataset.save_as(path)

    assert len(complaints(path, "Error")) == 1
