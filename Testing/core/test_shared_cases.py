"""The smallest inputs that broke 1.0.0: each script is run as it stands, and every call of segrle in it is recorded.

The scripts show only some lines of what segrle prints, so a small shell script stands in for it and keeps all of it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pydicom
import pytest

SECONDS = 120
RECORDER = """#!/bin/sh
"$REAL_SEGRLE" "$@" >"$CALLS.out" 2>"$CALLS.err"; code=$?
cat "$CALLS.out" "$CALLS.err" >>"$CALLS"; echo "exit code $code" >>"$CALLS"
cat "$CALLS.out"; cat "$CALLS.err" >&2; exit $code
"""


@dataclass(frozen=True)
class Wanted:
    """How a case ends: the exit code of each call, words that must be said, and what may stand there afterwards."""

    codes: str
    said: tuple[str, ...]
    left: str = ""


WANTED = {
    "called-damaged": Wanted(
        "0 0 2 0 2 2",
        ("its header has no 'space'", "The volume nowhere.nrrd", "The volume ct", "it is a folder"),
        "out",
    ),
    "code-without-scheme": Wanted("2", ("ProcedureCodeSequence", "ClinicalTrialProtocolID", "export without --strict")),
    "damaged-seg-nrrd": Wanted("2 0", ("it is cut short: 15,360 bytes should come",), "out2"),
    "dicom-without-preamble": Wanted("0 0", ("verified: all 1781 segmented voxels",), "out out2"),
    "frame-of-reference-per-image": Wanted("2 2", ("Each of the 12 images has a Frame of Reference UID of its own",)),
    "images-without-study-uid": Wanted(
        "2", ("StudyInstanceUID", "For public images that have none, give the same images as a volume")
    ),
    "inspect-traceback": Wanted(
        "2 2 2 2 0", ("it has no Rows", "Functional Groups Sequence has 2 items", "the Segment Number of one")
    ),
    "iso-2022-ir-58": Wanted("0", ("verified",), "out"),
    "json-on-stdout": Wanted("0", ('"segmentation_type": "LABELMAP"',), "out"),
    "micrometre-slices": Wanted("0 0", ("verified: all 1781 segmented voxels of 9 frames",), "out out2 outct"),
    "nifti-2d-wrong-slice": Wanted("0 0", ("verified: all 20 segmented voxels",), "out_slice4 out_slice4_3d"),
    "nifti-sheared": Wanted("0 0", ("0.48 voxels",), "out"),
    "nii-beside-nii-gz": Wanted("0 0", ("verified: all 1781 segmented voxels",), "out out2"),
    "one-voxel-layer": Wanted("0 0", ("verified: the 1 segmented voxel of 1 frame",), "out out2"),
    "own-grid-thickness": Wanted("0 0", ("3 of 3 planes with voxels lie on no source image",), "out out_b"),
    "readme-shell-recipe": Wanted("0 0 0 0 0 0 0", ("Recommended: rle", "equal: compared"), "out out.case.01"),
    "segnrrd-names-lost": Wanted(
        "0 0 0 0", ("liver", "spleen", "kidney"), "out_from_segment1.seg.nrrd.d out_no_id.seg.nrrd.d"
    ),
    "segnrrd-segment-lost": Wanted(
        "0 0 0 0 2 2 2 2",
        ("kidney: 96 voxels equal", "is on Layer 9, and the file has 1", "the label 3 on Layer 0, which no segment"),
        "out_extent_too_small.seg.nrrd.d out_index_gap.seg.nrrd.d",
    ),
    "segnrrd-traceback": Wanted(
        "2 2 2 2", ("the same LabelValue 2 on Layer 0", "the same ID 'Segment_1'", "has the LabelValue 0")
    ),
    "symlinked-subfolder": Wanted("0", ("verified: all 1781 segmented voxels",), "out"),
    "tilt-ignored": Wanted("0", ("are tilted by 20.0 degrees", "up to 19.1 mm from where the grid says"), "out"),
    "times-mixed": Wanted("0 0", ("those of Acquisition Number 1, the first of 3",), "out out4"),
    "totalsegmentator-output": Wanted("0 0 0 0", ("verified",), "out out2"),
    "truncated-nifti": Wanted("2 2", ("compressed bytes do not come to an end", "15,360 bytes should come")),
    "two-segments-one-value": Wanted("2 2", ("the same LabelValue 1 on Layer 0", "the same ID 'S1'")),
    "uneven-slices": Wanted("0 0", ("up to 5.19 mm from where", "up to 12.4 mm from where"), "outgap outneck"),
    "unhelpful-refusals": Wanted(
        "0 2 2 2", ("it has 3 volumes, and one is needed", "The volume missing.nii", "whose voxels are all 0"), "out"
    ),
    "verify-by-name-only": Wanted("0 0", ("equal: compared", "990 voxels equal"), "out"),
    "verify-false-alarm": Wanted("0 0 0 0", ("equal: compared", "lie on the segmentation's own grid"), "out out_b"),
    "verify-traceback": Wanted("2 1", ("60 bytes were decoded where 320 were due", "FAULT: frame 3")),
    "voxels-of-missing-slice": Wanted(
        "2 2", ("140 voxels lie in slices for which the series has no image", "IM0006.dcm")
    ),
}


@dataclass(frozen=True)
class Ran:
    """What a script did: its folder, the text of all calls of segrle, and what the script itself printed."""

    folder: Path
    calls: str
    printed: str

    @property
    def codes(self) -> str:
        """The exit codes of all calls, in their order."""
        lines = self.calls.splitlines()
        return " ".join(line.removeprefix("exit code ") for line in lines if line.startswith("exit code "))

    @property
    def left(self) -> list[str]:
        """The names that an export gave to files or folders here, parts of unfinished ones included."""
        parts = [path.name for path in self.folder.rglob("*.part*")]
        return sorted([path.name for path in self.folder.glob("out*")] + parts)


@pytest.fixture(scope="module")
def cases(shared: Path) -> Path:
    """The folder of cases; a shared folder may have data without them."""
    folder = shared / "cases"
    if not folder.is_dir():
        pytest.skip(f"cases not found in {folder}")
    return folder


def run_case(case: Path, tmp_path: Path) -> Ran:
    """Run the script of a copy of `case` with the segrle of this environment."""
    folder = copied(case, tmp_path / case.name)
    recorder = tmp_path / "segrle"
    recorder.write_text(RECORDER, encoding="ascii")
    recorder.chmod(0o755)
    calls = tmp_path / "calls"
    tools = {"SEGRLE": recorder, "PYTHON": sys.executable, "CALLS": calls, "REAL_SEGRLE": real_segrle()}
    environment = os.environ | {name: str(path) for name, path in tools.items()}
    script = next(path for path in (folder / "repro.sh", folder / "run.sh") if path.is_file())
    ended = subprocess.run(["sh", str(script)], env=environment, capture_output=True, timeout=SECONDS, check=False)
    printed = (ended.stdout + ended.stderr).decode("utf-8", "replace")
    return Ran(folder, calls.read_text(encoding="utf-8", errors="replace"), printed)


def copied(case: Path, folder: Path) -> Path:
    """A copy that can be written to; a link that was shared as a file of its target's name is a link again."""
    shutil.copytree(case, folder, symlinks=True, copy_function=shutil.copyfile)
    for path in [folder, *(path for path in folder.rglob("*") if path.is_dir())]:
        path.chmod(0o755)
    link = folder / "ct" / "series"
    if case.name == "symlinked-subfolder" and link.is_file():
        link.unlink()
        link.symlink_to("../elsewhere")
    return folder


def real_segrle() -> Path:
    """The command of this environment."""
    command = Path(sys.executable).with_name("segrle")
    if not command.is_file():
        pytest.skip(f"{command} is not installed")
    return command


@pytest.mark.skipif(os.name == "nt", reason="the cases are shell scripts")
@pytest.mark.parametrize("name", sorted(WANTED))
def test_ends_as_wanted(cases: Path, tmp_path: Path, name: str) -> None:
    ran = run_case(cases / name, tmp_path)
    wanted = WANTED[name]
    assert "Traceback" not in ran.calls
    assert ran.codes == wanted.codes, ran.calls
    assert [words for words in wanted.said if words not in ran.calls] == [], ran.calls
    assert ran.left == wanted.left.split()


@pytest.mark.skipif(os.name == "nt", reason="the cases are shell scripts")
@pytest.mark.parametrize("name", ["nifti-2d-wrong-slice"])
def test_both_masks_lie_on_the_plane_that_was_drawn_on(cases: Path, tmp_path: Path, name: str) -> None:
    ran = run_case(cases / name, tmp_path)
    masks = sorted(ran.folder.glob("out*/*.dcm"))
    assert len(masks) == 2
    for written in masks:
        frame = pydicom.dcmread(written).PerFrameFunctionalGroupsSequence[0]
        assert frame.PlanePositionSequence[0].ImagePositionPatient[2] == 5


@pytest.mark.skipif(os.name == "nt", reason="the cases are shell scripts")
def test_no_escape_sequence_is_left_in_a_chinese_name(cases: Path, tmp_path: Path) -> None:
    ran = run_case(cases / "iso-2022-ir-58", tmp_path)
    (written,) = ran.folder.glob("out/*.dcm")
    assert str(pydicom.dcmread(written).PatientName).startswith("Zhang^XiaoDong=张^小东")


@pytest.mark.skipif(os.name == "nt", reason="the cases are shell scripts")
def test_no_image_of_an_uneven_series_carries_what_was_drawn_on_another(cases: Path, tmp_path: Path) -> None:
    ran = run_case(cases / "uneven-slices", tmp_path)
    assert ran.printed.count("not what was drawn on them: 0 of ") == 2


def test_every_case_has_an_end(cases: Path) -> None:
    assert sorted(path.name for path in cases.iterdir() if path.is_dir()) == sorted(WANTED)
