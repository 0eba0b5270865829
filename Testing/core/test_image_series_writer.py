"""A volume that was not DICOM is written as a series that other readers see at the same place with the same values."""

from __future__ import annotations

import shutil
import subprocess
from datetime import datetime
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from SegRLEExportLib.errors import ExportError, PreflightError, TargetExistsError, UnwritableVolumeError
from SegRLEExportLib.model.geometry import Geometry
from SegRLEExportLib.source import series as source_reader
from SegRLEExportLib.writing.image_series import write_image_series

SHAPE_KJI = (4, 6, 5)
UPRIGHT = [[0, 0, 0.7, -10.5], [0, 0.9, 0, 20.25], [2.5, 0, 0, -300], [0, 0, 0, 1]]
LEFT_HANDED = [[0, 0, 0.7, -10.5], [0, 0.9, 0, 20.25], [-2.5, 0, 0, -300], [0, 0, 0, 1]]
SAGITTAL = [[1.5, 0, 0, 4], [0, 0, 0.9, 5], [0, -0.8, 0, 6], [0, 0, 0, 1]]
OBLIQUE = [
    [0.42, 0.5628, -0.3276, 1],
    [1.6, -0.3216, 0.1872, 2],
    [1.124, 0.4344, 0.5868, 3],
    [0, 0, 0, 1],
]


def orthogonal(kji_to_lps: list[list[float]]) -> np.ndarray:
    """The map with its axes made exactly perpendicular, lengths kept."""
    matrix = np.array(kji_to_lps, dtype=float)
    lengths = np.linalg.norm(matrix[:3, :3], axis=0)
    u, _, v = np.linalg.svd(matrix[:3, :3] / lengths)
    matrix[:3, :3] = (u @ v) * lengths
    return matrix


def volume(dtype: str = "int16") -> np.ndarray:
    values = np.random.default_rng(5).integers(0, 2000, SHAPE_KJI)
    return (values - 1000 if np.dtype(dtype).kind != "u" else values).astype(dtype)


def write(tmp_path: Path, voxels: np.ndarray, kji_to_lps: list[list[float]] = UPRIGHT, **given: object):
    return write_image_series(voxels, Geometry(voxels.shape, orthogonal(kji_to_lps)), tmp_path / "series", **given)


def values_at_places(folder: Path) -> dict[tuple[float, ...], float]:
    """What GDCM and SimpleITK read, by the place of each voxel in LPS."""
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    image = reader.Execute()
    return {
        tuple(np.round(image.TransformIndexToPhysicalPoint((i, j, k)), 3) + 0.0): image[i, j, k]
        for i in range(image.GetWidth())
        for j in range(image.GetHeight())
        for k in range(image.GetDepth())
    }


def places_of(voxels: np.ndarray, kji_to_lps: list[list[float]]) -> dict[tuple[float, ...], float]:
    matrix = orthogonal(kji_to_lps)
    return {tuple(np.round((matrix @ (*kji, 1.0))[:3], 3) + 0.0): value.item() for kji, value in np.ndenumerate(voxels)}


@pytest.mark.parametrize("kji_to_lps", [UPRIGHT, LEFT_HANDED, SAGITTAL, OBLIQUE])
@pytest.mark.parametrize("modality", ["CT", "MR", "OT"])
def test_gdcm_reads_the_same_values_at_the_same_places(tmp_path, kji_to_lps, modality):
    voxels = volume()

    write(tmp_path, voxels, kji_to_lps, modality=modality)

    assert values_at_places(tmp_path / "series") == places_of(voxels, kji_to_lps)


def test_what_is_returned_is_what_the_source_reader_reads(tmp_path):
    written = write(tmp_path, volume(), LEFT_HANDED, modality="CT")

    (read,) = source_reader.read_series(tmp_path / "series")

    assert read.frames == written.frames
    assert read.series_instance_uid == written.series_instance_uid
    assert read.slice_thickness_mm == written.slice_thickness_mm == 2.5
    np.testing.assert_allclose(read.stack.positions_lps, written.stack.positions_lps)
    assert read.findings == ()


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "uint16", "int32", "float32", "bool"])
def test_whole_numbers_are_stored_as_they_are(tmp_path, dtype):
    voxels = volume(dtype)

    series = write(tmp_path, voxels)

    files = [pydicom.dcmread(path) for path in sorted((tmp_path / "series").iterdir())]
    np.testing.assert_array_equal(np.stack([file.pixel_array for file in files]), voxels)
    assert [str(finding) for finding in series.findings] == [
        f"note: {tmp_path / 'series'}: 4 DICOM images of the volume were written here, series "
        f"{series.series_instance_uid}."
    ]


def test_fractions_are_rescaled_and_the_loss_is_told(tmp_path):
    voxels = np.linspace(-3.25, 9.75, 120).reshape(SHAPE_KJI)

    series = write(tmp_path, voxels)

    files = [pydicom.dcmread(path) for path in sorted((tmp_path / "series").iterdir())]
    read = np.stack([file.pixel_array * float(file.RescaleSlope) + float(file.RescaleIntercept) for file in files])
    np.testing.assert_allclose(read, voxels, atol=13 / 65535)
    assert [finding.id for finding in series.findings] == ["values-rescaled", "images-written"]
    assert "change by up to" in series.findings[0].what


@pytest.mark.parametrize(
    ("voxels", "text"),
    [
        (np.full(SHAPE_KJI, 1e9), "change by up to 0"),
        (np.array([-70000, 1, 2, 70000] * 30).reshape(SHAPE_KJI), "change by up to 0.932"),
    ],
)
def test_numbers_beyond_16_bits_are_rescaled(tmp_path, voxels, text):
    assert text in write(tmp_path, voxels).findings[0].what


def test_who_and_when_are_as_given(tmp_path):
    write(
        tmp_path,
        volume(),
        modality="CT",
        patient_name="Müller^Jörg",
        patient_id="P1",
        series_description="Thorax",
        now=lambda: datetime(2024, 2, 29, 23, 59, 1),
    )

    file = pydicom.dcmread(sorted((tmp_path / "series").iterdir())[0])
    assert (file.PatientName, file.PatientID, file.SeriesDescription) == ("Müller^Jörg", "P1", "Thorax")
    assert (file.StudyDate, file.StudyTime) == ("20240229", "235901")
    assert list(file.ImageType)[:2] == ["DERIVED", "SECONDARY"]
    assert file.SpecificCharacterSet == "ISO_IR 192"


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy is not installed")
@pytest.mark.parametrize("modality", ["CT", "MR", "OT"])
def test_dciodvfy_finds_no_error(tmp_path, modality):
    write(tmp_path, volume(), OBLIQUE, modality=modality, patient_name="Doe^Jane", patient_id="1")

    paths = list((tmp_path / "series").iterdir())
    assert len(paths) == len(volume())
    for path in paths:
        said = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
        lines = (said.stdout + said.stderr).splitlines()
        assert lines, "dciodvfy said nothing"
        assert [line for line in lines if line.startswith("Error")] == []


def test_a_second_series_does_not_overwrite_the_first(tmp_path):
    write(tmp_path, volume())
    before = {path: path.read_bytes() for path in (tmp_path / "series").iterdir()}

    with pytest.raises(TargetExistsError, match=r"OT_0001\.dcm exists already"):
        write(tmp_path, volume())

    assert {path: path.read_bytes() for path in (tmp_path / "series").iterdir()} == before


def test_all_files_or_none(tmp_path):
    def uids():
        yield from (f"2.25.{n}" for n in range(5))
        raise OSError("stop")

    given = uids()
    with pytest.raises(OSError, match="stop"):
        write(tmp_path, volume(), new_uid=lambda: next(given))

    assert not (tmp_path / "series").exists()


@pytest.mark.parametrize(
    ("voxels", "kji_to_lps", "text"),
    [
        (np.full(SHAPE_KJI, np.nan), UPRIGHT, "some of its voxels are not finite numbers. Replace them"),
        (np.zeros(SHAPE_KJI, complex), UPRIGHT, "its voxels are of type complex128. Give one number a voxel"),
        (np.zeros((0, 6, 5)), UPRIGHT, "it has no voxel"),
        (np.zeros((1, 70000, 1), np.uint8), UPRIGHT, "more than 65535 rows or columns. Crop"),
    ],
)
def test_what_no_image_can_hold_is_refused(tmp_path, voxels, kji_to_lps, text):
    with pytest.raises(UnwritableVolumeError) as refused:
        write(tmp_path, voxels, kji_to_lps)
    assert text in str(refused.value)
    assert not (tmp_path / "series").exists()


def test_a_sheared_grid_is_refused(tmp_path):
    sheared = np.array(UPRIGHT, dtype=float)
    sheared[0, 1] = 0.5
    with pytest.raises(UnwritableVolumeError, match="not perpendicular.*Resample"):
        write_image_series(volume(), Geometry(SHAPE_KJI, sheared), tmp_path / "series")


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"modality": "Ct!"}, "Modality: 'Ct!' is not a code string (up to 16 of A-Z"),
        ({"patient_id": "x" * 65}, "longer than 64"),
    ],
)
def test_texts_that_cannot_be_written_are_refused(tmp_path, given, text):
    with pytest.raises(PreflightError) as refused:
        write(tmp_path, volume(), **given)
    assert text in str(refused.value)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    with pytest.raises(ExportError, match="there is no folder"):
        write(tmp_path / "missing", volume())
