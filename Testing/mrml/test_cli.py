"""`segrle` as a user types it: what it prints, what it writes, its exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import scenes
import SimpleITK as sitk
from pydicom import dcmread
from SegRLEExportLib import cli
from SegRLEExportLib.cli.exit_codes import DIFFERENT, INTERRUPTED, REFUSED
from SegRLEExportLib.encoding.plan import PLANS
from SegRLEExportLib.source.series import read_series

LIBRARY = Path(cli.__file__).parents[2]


def segrle(*words: object) -> int:
    """Run the command in this process; return its exit code."""
    return cli.main([str(word) for word in words])


def exported(chest_folder: Path, folder: Path, *words: object) -> Path:
    assert segrle("export", scenes.SEGMENTS, chest_folder, "-o", folder / "seg.dcm", *words) == 0
    return folder / "seg.dcm"


class TestExport:
    def test_writes_the_named_file_and_says_so(self, chest_folder, tmp_path, capsys):
        path = exported(chest_folder, tmp_path)
        printed = capsys.readouterr().out
        assert f"{path}: " in printed
        voxels = int(sitk.GetArrayFromImage(sitk.ReadImage(str(scenes.SEGMENTS))).astype(bool).sum())
        assert (
            f"verified: all {voxels} segmented voxels of 34 frames read back right by SegRLEExport's second decoder"
            in printed
        )
        assert "decoder, 16 of 34 frames also by pydicom" in printed
        assert "known problems: " in printed

    def test_takes_surfaces_on_the_grid_of_the_images(self, chest_folder, tmp_path, capfd):
        grid = read_series(chest_folder)[0].stack.even_geometry
        centre = grid.kji_to_lps @ (*(np.array(grid.shape_kji) / 2), 1)
        scenes.write_surfaces(tmp_path / "balls.seg.vtm", [(-centre[0], -centre[1], centre[2])], radius_mm=30)
        started = sum(os.times()[:4])  # with the process that reads
        words = ("export", tmp_path / "balls.seg.vtm", chest_folder, "-o", tmp_path / "seg.dcm", "--json")
        assert segrle(*words) == 0
        assert sum(os.times()[:4]) - started < 5
        assert json.loads(capfd.readouterr().out)["verified"] is True
        written = dcmread(tmp_path / "seg.dcm")
        assert (written.Rows, written.Columns) == grid.shape_kji[1:]
        volume_mm3 = np.count_nonzero(written.pixel_array) * abs(np.linalg.det(grid.kji_to_lps))
        assert volume_mm3 == pytest.approx(4 / 3 * np.pi * 30**3, rel=0.1)

    def test_converts_surfaces_with_and_without_images(self, chest_folder, tmp_path):
        grid = read_series(chest_folder)[0].stack.even_geometry
        centre = grid.kji_to_lps @ (*(np.array(grid.shape_kji) / 2), 1)
        surfaces = tmp_path / "balls.seg.vtm"
        scenes.write_surfaces(surfaces, [(-centre[0], -centre[1], centre[2])], radius_mm=30)
        assert segrle("convert", surfaces, chest_folder, "-o", tmp_path / "on.nii.gz") == 0
        assert segrle("convert", surfaces, "-o", tmp_path / "own.nii.gz") == 0
        for name, size in (("on", grid.shape_kji[::-1]), ("own", None)):
            image = sitk.ReadImage(str(tmp_path / f"{name}.nii.gz"))
            assert size in (image.GetSize(), None)
            volume_mm3 = np.count_nonzero(sitk.GetArrayFromImage(image)) * np.prod(image.GetSpacing())
            assert volume_mm3 == pytest.approx(4 / 3 * np.pi * 30**3, rel=0.1)

    @pytest.mark.parametrize("content", [b"", b'<VTKFile type="vtkMultiBlockDataSet"><vtk', b"\x00" * 5000])
    def test_surfaces_that_are_damaged_are_a_sentence(self, content, chest_folder, tmp_path, capfd):
        (tmp_path / "a.seg.vtm").write_bytes(content)
        assert segrle("export", tmp_path / "a.seg.vtm", chest_folder, "-o", tmp_path / "seg.dcm", "--json") == REFUSED
        printed = capfd.readouterr()
        assert printed.out == ""
        assert printed.err.startswith(f"The segmentation {tmp_path / 'a.seg.vtm'} cannot be read: ")
        assert printed.err.count("\n") == 1

    def test_a_reader_of_surfaces_that_dies_is_a_sentence(self, chest_folder, tmp_path, capsys, monkeypatch):
        dying = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV) # {}"
        monkeypatch.setattr("SegRLEExportLib.cli.surfaces._READER", dying)
        assert segrle("export", tmp_path / "a.seg.vtm", chest_folder, "-o", tmp_path / "seg.dcm") == REFUSED
        assert "Slicer's reader came to an unforeseen end on it (exit code -11)" in capsys.readouterr().err

    def test_prints_json_for_scripts(self, chest_folder, tmp_path, capsys):
        path = exported(chest_folder, tmp_path, "--json", "-c", "deflate")
        report = json.loads(capsys.readouterr().out)
        assert report["compression"] == "deflate"
        assert report["verified"] is True
        assert report["bytes"] == path.stat().st_size

    def test_takes_every_option(self, chest_folder, tmp_path):
        words = [
            "--series-number",
            "7",
            "--content-label",
            "LUNGS",
            "--content-creator",
            "Roe^Jane",
            "--series-description",
            "Lungs",
        ]
        path = exported(chest_folder, tmp_path, *words, "--segment", "left lung", "--segment", "Segment_5")
        header = dcmread(path, stop_before_pixels=True)
        assert (header.SeriesNumber, header.ContentLabel, header.SeriesDescription) == (7, "LUNGS", "Lungs")
        assert header.ContentCreatorName == "Roe^Jane"
        assert [item.SegmentLabel for item in header.SegmentSequence] == ["right lung", "left lung"]

    def test_never_overwrites_unasked(self, chest_folder, tmp_path, capsys):
        path = exported(chest_folder, tmp_path)
        before = path.read_bytes()
        assert segrle("export", scenes.SEGMENTS, chest_folder, "-o", path) == REFUSED
        assert f"{path} exists already and was left as it is. Choose another name" in capsys.readouterr().err
        assert path.read_bytes() == before
        exported(chest_folder, tmp_path, "--overwrite")
        assert path.read_bytes() != before

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (
                ["nowhere.seg.nrrd", "{chest}"],
                "nowhere.seg.nrrd cannot be read: there is no such file.",
            ),
            (["{chest}/IM_0001.dcm", "{chest}"], "cannot be read: "),
            (["{segments}", "{empty}"], "No DICOM images of a source series were found in"),
            (["{segments}", "{chest}", "--segment", "spleen"], "has no segment 'spleen'. It has: 'ribs', "),
            (["{segments}", "{chest}", "--series", "1.2"], "The series 1.2 is not among the images. Name one with"),
            (["{segments}", "{chest}", "--content-label", "lungs!"], "ContentLabel: 'lungs!' is not a code string"),
        ],
    )
    def test_refuses_with_a_sentence_and_leaves_nothing(self, chest_folder, tmp_path, capsys, words, message):
        (tmp_path / "empty").mkdir()
        places = {"chest": chest_folder, "segments": scenes.SEGMENTS, "empty": tmp_path / "empty"}
        target = tmp_path / "seg.dcm"
        assert segrle("export", *(word.format(**places) for word in words), "-o", target) == REFUSED
        assert message in capsys.readouterr().err
        assert sorted(path.name for path in tmp_path.iterdir()) == ["empty"]

    def test_interrupted_leaves_nothing(self, chest_folder, tmp_path):
        """A real Ctrl-C, sent as soon as the unfinished file appears."""
        words = ["export", str(scenes.SEGMENTS), str(chest_folder), "-o", str(tmp_path / "out.dcm")]
        slow = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's & ignores it\n"
        slow += "import SegRLEExportLib.encoding.rle as r, time; e = r.encode_runs\n"
        slow += "r.encode_runs = lambda p: (time.sleep(0.2), e(p))[1]\n"
        slow += f"import sys; from SegRLEExportLib.cli import main; sys.exit(main({words!r}))"
        process = subprocess.Popen(
            [sys.executable, "-c", slow],
            env={**os.environ, "PYTHONPATH": str(LIBRARY)},
            stderr=subprocess.PIPE,
            text=True,
        )
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob(".*.part")) and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, printed = process.communicate(timeout=60)
        assert process.returncode == INTERRUPTED, printed
        assert "Interrupted. No file was left behind." in printed
        assert list(tmp_path.iterdir()) == []


class TestVolumeThatIsNotDicom:
    def test_images_and_segmentation_are_written_in_one_step(self, tmp_path, capsys):
        words = ("--volume", scenes.CHEST, "--modality", "CT", "--patient-name", "Roe^Jane")
        target = tmp_path / "seg.dcm"
        assert segrle("export", scenes.SEGMENTS, tmp_path / "ct", "-o", target, *words) == 0
        capsys.readouterr()
        assert segrle("verify", target, scenes.SEGMENTS, tmp_path / "ct") == 0, capsys.readouterr().out
        image, seg = dcmread(next((tmp_path / "ct").iterdir())), dcmread(target, stop_before_pixels=True)
        assert seg.StudyInstanceUID == image.StudyInstanceUID
        assert seg.PatientName == image.PatientName == "Roe^Jane"

    def test_images_go_again_if_the_export_is_refused(self, tmp_path, capsys):
        words = ("--volume", scenes.CHEST, "--content-label", "not valid!")
        assert segrle("export", scenes.SEGMENTS, tmp_path / "ct", "-o", tmp_path / "seg.dcm", *words) == REFUSED
        assert "ContentLabel" in capsys.readouterr().err
        assert list(tmp_path.iterdir()) == []

    def test_what_others_put_beside_the_images_stays_if_the_export_fails(self, tmp_path, monkeypatch):
        folder = tmp_path / "ct"

        def interrupted(*_, **__):
            (folder / "notes.txt").write_text("mine")
            raise KeyboardInterrupt

        monkeypatch.setattr("SegRLEExportLib.export.export", interrupted)
        words = ("--volume", scenes.CHEST, "-o", tmp_path / "seg.dcm")
        assert segrle("export", scenes.SEGMENTS, folder, *words) == INTERRUPTED
        assert [path.name for path in folder.iterdir()] == ["notes.txt"]

    def test_a_folder_with_files_is_refused(self, chest_folder, tmp_path, capsys):
        words = ("--volume", scenes.CHEST, "-o", tmp_path / "seg.dcm")
        assert segrle("export", scenes.SEGMENTS, chest_folder, *words) == REFUSED
        assert "the images of the volume need a new or an empty folder" in capsys.readouterr().err


class TestForecast:
    def test_is_exact_for_every_encoding_and_writes_nothing(self, chest_folder, tmp_path, capsys, monkeypatch):
        monkeypatch.chdir(tmp_path)
        assert segrle("forecast", scenes.OVERLAPPING_SEGMENTS, chest_folder, "--json") == 0
        forecast = json.loads(capsys.readouterr().out)
        assert list(tmp_path.iterdir()) == []
        for one in forecast["forecasts"]:
            folder = tmp_path / one["compression"]
            words = ("-o", folder, "-c", one["compression"], "--no-verify", "--json")
            assert segrle("export", scenes.OVERLAPPING_SEGMENTS, chest_folder, *words) == 0
            report = json.loads(capsys.readouterr().out)
            assert len(report["instances"]) == one["files"]
            assert abs(report["bytes"] - one["bytes"]) <= UID_LENGTHS_VARY * one["files"]

    def test_recommends_one_with_the_reason(self, chest_folder, capsys):
        assert segrle("forecast", scenes.SEGMENTS, chest_folder) == 0
        printed = capsys.readouterr().out
        assert all(f"{plan_id} " in printed for plan_id in PLANS)
        assert "Recommended: rle: small, quick to open, and read right by current 3D Slicer" in printed


UID_LENGTHS_VARY = 40
"""Bytes: UIDs are new for every file, and their decimal form has not always the same length."""


class TestInspect:
    def test_tells_what_a_file_is(self, chest_folder, tmp_path, capsys):
        assert segrle("inspect", exported(chest_folder, tmp_path)) == 0
        printed = capsys.readouterr().out
        assert "LABELMAP, Label Map Segmentation Storage" in printed
        assert "RLE, every row of 34 frames checked by PS3.5 Annex G" in printed
        assert "left lung: Anatomical Structure (SCT 123037004) / Lung (SCT 39607008)" in printed

    def test_reads_every_sample_of_the_study(self, shared_interop, capsys):
        faulty = set()
        for path in sorted(shared_interop.glob("*.dcm")):
            exit_code = segrle("inspect", path, "--json")
            assert exit_code in (0, DIFFERENT)
            if exit_code:
                faulty.add(path.name.partition("__")[0])
        capsys.readouterr()
        assert faulty == {"b_BIN_RLE_bitpacked", "k3_BIN_DIFC_bytepp"}

    def test_names_the_dialect_of_one_bit_rle(self, shared_interop, capsys):
        segrle("inspect", shared_interop / "b_BIN_RLE_bitpacked__37x41_dis.dcm")
        assert (
            "FAULT: RLE of 1-bit pixels as packed bits (cornerstone3D, OHIF; not PS3.5 G.2)" in capsys.readouterr().out
        )
        segrle("inspect", shared_interop / "c_BIN_RLE_bytepp__37x41_dis.dcm")
        assert "dialect: one byte a pixel (PS3.5 G.2)" in capsys.readouterr().out

    def test_refuses_what_is_no_seg(self, chest_folder, capsys):
        path = next(chest_folder.glob("*.dcm"))
        assert segrle("inspect", path) == REFUSED
        assert "is not a readable DICOM Segmentation: it is CT Image Storage. Give a file" in capsys.readouterr().err


class TestVerify:
    def test_says_equal(self, chest_folder, tmp_path, capsys):
        path = exported(chest_folder, tmp_path)
        capsys.readouterr()
        assert segrle("verify", path, scenes.SEGMENTS, chest_folder) == 0
        printed = capsys.readouterr().out
        assert printed.startswith("equal: compared in world space")
        assert "left lung: " in printed

    def test_finds_another_segmentation_different(self, chest_folder, tmp_path, capsys):
        path = exported(chest_folder, tmp_path)
        assert segrle("verify", path, scenes.OVERLAPPING_SEGMENTS) == DIFFERENT
        assert "the segment 'overlapping sphere' is in none of the files" in capsys.readouterr().out

    def test_finds_one_flipped_voxel(self, chest_folder, tmp_path, capsys):
        path = exported(chest_folder, tmp_path, "-c", "none")
        dataset = dcmread(path)
        pixels = bytearray(dataset.PixelData)
        pixels[len(pixels) // 2] ^= 0x10
        dataset.PixelData = bytes(pixels)
        dataset.save_as(path)
        capsys.readouterr()
        assert segrle("verify", path, scenes.SEGMENTS, "--json") == DIFFERENT
        segments = json.loads(capsys.readouterr().out)["segments"]
        assert sum(one["only_in_file"] + one["only_in_segmentation"] for one in segments) == 1


def test_help_needs_no_library():
    code = "import sys; from SegRLEExportLib import cli\ntry:\n cli.main(['--help'])\nexcept SystemExit: pass\n"
    code += "print(sorted({'numpy', 'pydicom', 'vtk', 'slicer'} & set(sys.modules)), file=sys.stderr)"
    environment = {**os.environ, "PYTHONPATH": str(LIBRARY)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
