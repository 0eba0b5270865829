"""The one reader of SEG: every encoding of the reader study and of ours, pixel by pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from builders import a_segmentation, a_source, a_sphere, fixed_options, two_overlapping_boxes
from SegRLEExportLib.encoding.plan import PLANS
from SegRLEExportLib.errors import NotASegmentationFileError
from SegRLEExportLib.export import export
from SegRLEExportLib.reading.pixels import G2_DIALECT, PACKED_DIALECT
from SegRLEExportLib.reading.seg_file import SegFile

STUDY = Path("/work/shared/interop")
NATIVE_KINDS = ("BIN", "FR255", "FR1", "LM16", "LM8")


def study_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*__*.dcm"))


def stored_frames(path: Path) -> np.ndarray:
    """Return what the study says is stored in a file."""
    kind, shape = path.stem.split("__")
    stored = next(name for name in NATIVE_KINDS if f"_{name}" in kind)
    return np.load(path.parent / f"frames_{stored}__{shape}.npy")


def test_frames_of_the_reader_study_are_read_right_in_every_encoding(shared_interop):
    wrong = [
        path.name
        for path in study_files(shared_interop)
        if not np.array_equal(np.stack(list(SegFile(path).pixels())), stored_frames(path))
    ]

    assert len(study_files(shared_interop)) > 60
    assert wrong == []


@pytest.mark.parametrize("encoding", PLANS)
def test_what_we_write_is_read_strictly_and_says_what_it_is(encoding, tmp_path):
    one = two_overlapping_boxes()[0]
    segmentation = a_segmentation([one, a_sphere() & ~one], names=["one", "other"])
    for path in export(segmentation, a_source(), tmp_path / encoding, encoding, options=fixed_options()).paths:
        seg = SegFile(path)

        assert sum(len(block) for block in seg.blocks(is_strict=True)) == seg.frame_count == len(seg.frames)
        assert seg.segmentation_type == PLANS[encoding].segmentation_type.value
        assert {record.label for record in seg.segments} <= {"one", "other"}
        assert seg.planes[0].positions_lps.shape[1] == 3


@pytest.mark.parametrize(
    ("kind", "dialect"), [("b_BIN_RLE_bitpacked", PACKED_DIALECT), ("c_BIN_RLE_bytepp", G2_DIALECT)]
)
def test_dialects_of_1_bit_rle_are_told_apart(kind, dialect, shared_interop):
    pixels = SegFile(shared_interop / f"{kind}__37x41_dis.dcm").pixel_data

    assert {pixels.decode(encoded)[1] for encoded in pixels.encoded_frames()} == {dialect}


def test_what_is_no_dicom_file_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("no image")

    with pytest.raises(NotASegmentationFileError, match=r"notes\.txt is not a readable DICOM Segmentation: it is no"):
        SegFile(tmp_path / "notes.txt")
