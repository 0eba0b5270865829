"""Flipped bytes: no file in which one changed a pixel, place, reference, code, name, number, patient or study is equal.

A few hundred in the default run; SEGRLE_FUZZ_TRIES says how many, 5,000 before a release.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pydicom
import pytest
import read_by_others
from builders import a_segmentation, a_source, a_sphere, fixed_options, two_overlapping_boxes
from pydicom import Dataset
from SegRLEExportLib.errors import NotASegmentationFileError
from SegRLEExportLib.export import export
from SegRLEExportLib.verification.comparison import compare

ENCODINGS = ("rle", "none", "deflate", "labelmap", "rle-per-segment")
TRIES = int(os.environ.get("SEGRLE_FUZZ_TRIES", "400"))

PATIENT_AND_STUDY = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate", "StudyTime"),
    *("StudyID", "AccessionNumber", "ReferringPhysicianName", "FrameOfReferenceUID", "SOPClassUID", "Modality"),
    *("SegmentationType", "Rows", "Columns", "BitsAllocated", "NumberOfFrames"),
)


def what_matters(dataset: Dataset) -> object:
    """Return what a flipped byte must not change in a file that is called equal, as pydicom reads it."""
    return (
        read_by_others.stored_pixels(dataset).tolist(),
        [str(dataset.get(keyword)) for keyword in PATIENT_AND_STUDY],
        [str(item) for item in dataset.ReferencedSeriesSequence],
        [str(item) for item in dataset.SharedFunctionalGroupsSequence],
        [str(item) for item in dataset.PerFrameFunctionalGroupsSequence],
        [segment_without_tracking_and_color(item) for item in dataset.SegmentSequence],
    )


def segment_without_tracking_and_color(item: Dataset) -> str:
    """Colors are compared as far as they are seen, tracking is not."""
    left_out = ("TrackingID", "TrackingUID", "RecommendedDisplayCIELabValue")
    return "\n".join(str(element) for element in item if element.keyword not in left_out)


def read(path: Path) -> object:
    """Return what matters in a file, None if pydicom cannot read it."""
    try:
        return what_matters(pydicom.dcmread(path))
    except Exception:  # whatever a damaged file makes it raise
        return None


def is_called_equal(path: Path, others: list[Path], segmentation, source) -> bool:
    try:
        return compare([path, *others], segmentation, source).is_equal
    except NotASegmentationFileError:
        return False


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_flipped_byte_is_told_where_it_matters(encoding, tmp_path):
    one = two_overlapping_boxes()[0]
    segmentation = a_segmentation([one, a_sphere() & ~one], names=["one", "other"])
    source = a_source()
    path, *others = export(segmentation, source, tmp_path / "right", encoding, options=fixed_options()).paths
    content, right = path.read_bytes(), read(path)
    flipped = tmp_path / "flipped.dcm"
    random = np.random.default_rng(20261126)
    missed = []
    told = 0
    for _ in range(TRIES // len(ENCODINGS)):
        position, change = int(random.integers(132, len(content))), int(random.integers(1, 256))
        flipped.write_bytes(content[:position] + bytes([content[position] ^ change]) + content[position + 1 :])
        if not is_called_equal(flipped, others, segmentation, source):
            told += 1
        elif read(flipped) != right:
            missed.append((position, change))

    assert right is not None
    assert missed == []
    assert told
