"""Where frames lie for those who count steps from the first: dcmqi, as 3D Slicer runs it, and what is told before."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from builders import a_grid, a_source, fixed_options, segments_in_one_layer
from SegRLEExportLib.export import export
from SegRLEExportLib.options import Grid

SEGIMAGE2ITKIMAGE = Path(sys.executable).with_name("segimage2itkimage")


def exported(heights_mm, path, thickness_mm=5.0, **choices):
    """Export a block over all images, each of which lies at its own height."""
    grid = a_grid((len(heights_mm), 9, 7))
    source = a_source(grid)
    positions = source.stack.positions_lps * [1, 1, 0] + np.outer(heights_mm, [0, 0, 1])
    to_lps = grid.kji_to_lps.copy()
    to_lps[2, 0] = np.diff(heights_mm).mean() if len(heights_mm) > 1 else 3.0
    to_lps[2, 3] = heights_mm[0]
    labels = np.ones(grid.shape_kji, np.uint8)
    segmentation = segments_in_one_layer(labels, [1], replace(grid, kji_to_lps=to_lps))
    source = replace(source, stack=replace(source.stack, positions_lps=positions), slice_thickness_mm=thickness_mm)
    options = fixed_options(clip=True, **choices)
    return export(segmentation, source, path / "seg.dcm", "none", options=options)


def measures_in(path):
    return pydicom.dcmread(path / "seg.dcm").SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]


def planes_read_by_dcmqi(path):
    """Heights of the planes that dcmqi fills."""
    command = [SEGIMAGE2ITKIMAGE, "--inputDICOM", path / "seg.dcm", "--outputDirectory", path, "--mergeSegments"]
    subprocess.run([*command, "--outputType", "nrrd"], check=True, capture_output=True)
    image = sitk.ReadImage(str(next(path.glob("*.nrrd"))))
    filled = np.flatnonzero(sitk.GetArrayFromImage(image).any(axis=(1, 2)))
    return image.GetOrigin()[2] + filled * image.GetSpacing()[2]


@pytest.mark.skipif(not SEGIMAGE2ITKIMAGE.exists(), reason="dcmqi is not installed")
@pytest.mark.parametrize("jitter_mm", [0.005, 0.02, 0.1, 0.5])
def test_dcmqi_finds_every_plane_of_images_with_uneven_gaps(jitter_mm, tmp_path):
    heights = 3.0 * np.arange(20) + np.random.default_rng(1).uniform(-jitter_mm, jitter_mm, 20)

    report = exported(heights, tmp_path)

    found = planes_read_by_dcmqi(tmp_path)
    assert len(found) == 20
    np.testing.assert_allclose(found, heights, atol=2 * jitter_mm + 0.001)
    assert "dcmqi" not in " ".join(report.not_read_by)
    assert any(finding.id == "uneven-planes" for finding in report.findings) == (jitter_mm >= 0.1)


@pytest.mark.skipif(not SEGIMAGE2ITKIMAGE.exists(), reason="dcmqi is not installed")
def test_dcmqi_leaves_the_plane_of_a_missing_image_empty(tmp_path):
    heights = np.delete(3.0 * np.arange(20), 7)

    report = exported(heights, tmp_path)

    assert measures_in(tmp_path).SpacingBetweenSlices == 3
    frames = pydicom.dcmread(tmp_path / "seg.dcm").PerFrameFunctionalGroupsSequence
    written = [float(frame.PlanePositionSequence[0].ImagePositionPatient[2]) for frame in frames]
    np.testing.assert_allclose(planes_read_by_dcmqi(tmp_path), written, atol=1e-6)
    assert not any(finding.id == "uneven-planes" for finding in report.findings)


def test_gaps_without_even_steps_are_told_with_the_programs_and_the_grid_that_opens(tmp_path):
    report = exported(np.array([0, 2, 4.9, 5.4, 9.6, 12]), tmp_path)

    (finding,) = (finding for finding in report.findings if finding.id == "uneven-planes")
    assert "dcmqi" in finding.what
    assert "highdicom's get_volume refuses" in finding.what
    assert "own grid" in finding.help
    assert "SpacingBetweenSlices" not in measures_in(tmp_path)


@pytest.mark.parametrize(
    ("heights", "written", "said"),
    [
        ([0.0, 2.5, 5.0], 2.5, "2.5 mm is written, the distance of the images"),
        ([4.0], 1.0, "1 mm is written, as nothing says how thick the one image is"),
    ],
)
def test_a_thickness_that_the_images_do_not_say_is_written_and_told(heights, written, said, tmp_path):
    report = exported(heights, tmp_path, thickness_mm=None)

    (finding,) = (finding for finding in report.findings if finding.id == "thickness-made-up")
    assert said in finding.what
    assert measures_in(tmp_path).SliceThickness == written


def test_on_its_own_grid_planes_are_as_thick_as_they_are_apart(tmp_path):
    exported([0.0, 1.25, 2.5], tmp_path, grid=Grid.SEGMENTATION)

    assert measures_in(tmp_path).SliceThickness == 1.25


def test_planes_on_no_image_are_counted(tmp_path):
    report = exported([0.0, 1.0, 3.0], tmp_path, grid=Grid.SEGMENTATION)

    (finding,) = (finding for finding in report.findings if finding.id == "frames-without-image")
    assert finding.what == "1 of 3 planes with voxels lies on no source image, so it refers to none."
