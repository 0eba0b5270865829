"""The quick walk over a file's first elements: sequences of every form are skipped, and doubt is left to pydicom."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from SegRLEExportLib.source.quick_header import HEAD_BYTES, read_header

ROWS = 0x00280010
WANTED = frozenset((0x00080016, ROWS))
AS_UNKNOWN = bytes.fromhex("0800 3210 554E 0000 FFFFFFFF")
IMPLICIT_ITEM = bytes.fromhex("FEFF 00E0 FFFFFFFF 0800 0001 02000000 3120 FEFF 0DE0 00000000")
EXPLICIT_ITEM = bytes.fromhex("FEFF 00E0 FFFFFFFF 0800 0001 5348 0200 3120 FEFF 0DE0 00000000")
END = bytes.fromhex("FEFF DDE0 00000000")


def a_file(folder: Path, syntax=ExplicitVRLittleEndian, undefined: tuple[bool, bool] = (False, False)) -> Path:
    """Write an image with a sequence in a sequence before Rows; tell whether each is of undefined length."""
    inner, outer, image = Dataset(), Dataset(), Dataset()
    inner.CodeValue = "1"
    outer.CodeValue = "2"
    outer.ReferencedSeriesSequence = [inner, inner]
    outer["ReferencedSeriesSequence"].is_undefined_length = undefined[1]
    image.SOPClassUID, image.SOPInstanceUID, image.Rows = CTImageStorage, "1.2.3", 77
    image.ProcedureCodeSequence = [outer]
    image["ProcedureCodeSequence"].is_undefined_length = undefined[0]
    image.PixelData, image.BitsAllocated = b"\0\0", 16
    image["PixelData"].VR = "OW"
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = syntax
    path = folder / "image.dcm"
    image.save_as(path, enforce_file_format=True)
    return path


@pytest.mark.parametrize("undefined", [(False, False), (True, False), (False, True), (True, True)], ids=str)
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian], ids=lambda s: s.name)
def test_sequences_of_any_length_are_skipped(syntax, undefined, tmp_path):
    found = read_header(a_file(tmp_path, syntax, undefined), WANTED)

    assert found.elements == {0x00080016: CTImageStorage.encode() + b"\0", ROWS: b"\x4d\x00"}


@pytest.mark.parametrize("item", [IMPLICIT_ITEM, IMPLICIT_ITEM + IMPLICIT_ITEM, b""], ids=["one item", "two", "none"])
def test_an_unknown_sequence_holds_implicit_items(item, tmp_path):
    assert read_header(with_sequence(tmp_path, AS_UNKNOWN + item + END), WANTED).elements[ROWS] == b"\x4d\x00"


@pytest.mark.parametrize(
    "damaged",
    [
        pytest.param(AS_UNKNOWN + EXPLICIT_ITEM + END, id="explicit items under UN"),
        pytest.param(AS_UNKNOWN + IMPLICIT_ITEM, id="a sequence without its end"),
        pytest.param(AS_UNKNOWN + IMPLICIT_ITEM[:-8] + END, id="an item without its end"),
        pytest.param(AS_UNKNOWN.replace(b"UN", b"OB") + END, id="a value of undefined length that is no sequence"),
        pytest.param(AS_UNKNOWN.replace(b"UN", b"Q?") + END, id="a VR that is none"),
    ],
)
def test_what_is_not_understood_is_left_to_pydicom(damaged, tmp_path):
    assert read_header(with_sequence(tmp_path, damaged), WANTED) is None


def test_a_head_that_ends_before_the_place_is_left_to_pydicom(tmp_path):
    too_long = bytes.fromhex("0800 3210 554E 0000") + HEAD_BYTES.to_bytes(4, "little") + bytes(HEAD_BYTES)

    assert read_header(with_sequence(tmp_path, too_long), WANTED) is None


def test_big_endian_is_left_to_pydicom(tmp_path):
    assert read_header(a_file(tmp_path, ExplicitVRBigEndian), WANTED) is None


def with_sequence(folder: Path, element: bytes) -> Path:
    """Return a file in which Procedure Code Sequence stands in those bytes."""
    path = a_file(folder)
    content = path.read_bytes()
    start = content.index(bytes.fromhex("0800 3210 5351"))
    length = int.from_bytes(content[start + 8 : start + 12], "little")
    path.write_bytes(content[:start] + element + content[start + 12 + length :])
    return path
