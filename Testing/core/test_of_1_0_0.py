"""What version 1.0.0 wrote wrong is found by other people's programs, and what is written today is not.

`of_1_0_0/jittered_gaps.dcm` was written by 1.0.0; its README says how. 1.0.0 left Spacing Between Slices out where gaps
differ by more than a hundredth of a millimetre, so that dcmqi, and 3D Slicer with it, takes the thickness for the gap.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from file_builders import a_nrrd
from image_builders import COLUMNS, ROWS, images, write
from SegRLEExportLib.cli.exit_codes import DIFFERENT
from shell_builders import segrle

WRITTEN_BY_1_0_0 = Path(__file__).parent / "of_1_0_0" / "jittered_gaps.dcm"
PLANES = 20


def jittered_gaps(folder: Path) -> tuple[Path, Path]:
    """Write images 3 mm apart, give or take 0.02 mm, and a segmentation of them; return it and their folder."""
    heights = 3.0 * np.arange(PLANES) + np.random.default_rng(1).uniform(-0.02, 0.02, PLANES)
    (folder / "ct").mkdir(parents=True)
    write(images(heights=heights, SliceThickness=5.0), folder / "ct")
    labels = np.zeros((PLANES, ROWS, COLUMNS), np.uint8)
    labels[1:-1, 2:7, 1:5] = 1
    liver = "Segment0_ID:=a\nSegment0_Name:=liver\nSegment0_LabelValue:=1\nSegment0_Layer:=0"
    place = (
        "space: left-posterior-superior",
        "space directions: (0.7,0,0) (0,0.8,0) (0,0,3)",
        "space origin: (-20.5,11.25,-100)",
    )
    return a_nrrd(folder, liver, labels=labels, place=place), folder / "ct"


def test_a_file_of_1_0_0_with_jittered_gaps_is_different_for_dcmqi(tmp_path, capsys):
    segmentation, series = jittered_gaps(tmp_path)

    assert segrle("verify", WRITTEN_BY_1_0_0, segmentation, series, "--by", "others") == DIFFERENT

    told = capsys.readouterr().out
    assert "3D Slicer's loader, dcmqi" in told
    assert "shows something else" in told


def test_its_own_check_alone_does_not_see_what_only_dcmqi_does(tmp_path, capsys):
    """Every voxel is at its place in the file; so the other programs are what the proof stands on."""
    segmentation, _ = jittered_gaps(tmp_path)
    assert segrle("verify", WRITTEN_BY_1_0_0, segmentation) == 0
    assert "SpacingBetweenSlices" not in pydicom.dcmread(WRITTEN_BY_1_0_0).SharedFunctionalGroupsSequence[0].to_json()
    capsys.readouterr()


@pytest.mark.parametrize("encoding", ["rle", "none", "deflate"])
def test_a_file_of_today_is_right_for_all(encoding, tmp_path, capsys):
    segmentation, series = jittered_gaps(tmp_path)
    out = tmp_path / "out"
    assert segrle("export", segmentation, series, "-o", out, "--compression", encoding, "--verify", "others") == 0
    assert segrle("verify", out, segmentation, series, "--by", "others") == 0
    assert capsys.readouterr().out.count(": right (") >= 2
