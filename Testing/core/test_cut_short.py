"""Images whose files end before their Pixel Data do are told, and no others."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from image_builders import COLUMNS, ROWS, Images, enhanced, images, write
from pydicom import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
)
from SegRLEExportLib.model.finding import Finding
from SegRLEExportLib.source.quick_header import HEAD_BYTES
from SegRLEExportLib.source.series import read_series

PIXEL_BYTES = 2 * ROWS * COLUMNS
NATIVE = [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian]
KINDS = {
    "single": images,
    "enhanced": lambda: enhanced(images()),
    "with a private element": lambda: with_private("OB", bytes(3 * HEAD_BYTES)),
    "with a private sequence": lambda: with_private("SQ", [a_long_item()]),
}


def with_private(vr: str, value: object) -> Images:
    """Images with so much between place and pixels that the quick walk must read on."""
    made = images()
    for image in made:
        image.add_new(0x00290010, "LO", "SOMEBODY")
        image.add_new(0x00291010, vr, value)
        image[0x00291010].is_undefined_length = vr == "SQ"
    return made


def a_long_item() -> Dataset:
    item = Dataset()
    item.ImageComments, item.RedPaletteColorLookupTableData = "a", bytes(2 * HEAD_BYTES)
    item.is_undefined_length_sequence_item = True
    return item


def cut(path: Path, missing: int) -> None:
    path.write_bytes(path.read_bytes()[:-missing])


def told(folder: Path) -> list[Finding]:
    return [one for one in read_series(folder)[0].findings if one.id == "source-image-cut-short"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("syntax", [*NATIVE, JPEGLSLossless, DeflatedExplicitVRLittleEndian], ids=lambda uid: uid.name)
def test_nothing_is_said_of_whole_files(syntax, kind, tmp_path):
    write(KINDS[kind](), tmp_path, syntax)

    assert told(tmp_path) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("syntax", NATIVE, ids=lambda uid: uid.name)
def test_a_file_that_lacks_a_byte_is_told(syntax, kind, tmp_path):
    path = write(KINDS[kind](), tmp_path, syntax)[0]
    cut(path, 1)

    (finding,) = told(tmp_path)

    assert finding.what == (
        f"1 image is cut short: its Pixel Data should have {PIXEL_BYTES} bytes, and the file ends before."
    )
    assert finding.where == path.name
    assert finding.help.startswith("Copy the series anew")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("missing", [1, 10, 60, 80, 88], ids=lambda n: f"{n} bytes")
def test_a_compressed_file_that_ends_in_its_fragments_is_told(missing, kind, tmp_path):
    cut(write(KINDS[kind](), tmp_path, JPEGLSLossless)[0], missing)

    (finding,) = told(tmp_path)

    assert "its Pixel Data is compressed, and the file ends before the last of it." in finding.what


@pytest.mark.parametrize("syntax", NATIVE[:2], ids=lambda uid: uid.name)
@pytest.mark.parametrize("missing", [PIXEL_BYTES + 1, PIXEL_BYTES + 5, PIXEL_BYTES + 13, PIXEL_BYTES + 20])
def test_a_file_that_ends_before_its_pixels_is_told(missing, syntax, tmp_path):
    cut(write(images(), tmp_path, syntax)[0], missing)

    (finding,) = told(tmp_path)

    assert finding.what == "1 image is cut short: its Pixel Data is not there, and the file ends within its header."


def test_a_header_alone_is_whole(tmp_path):
    for path in write(images(), tmp_path):
        cut(path, PIXEL_BYTES + 12)

    assert told(tmp_path) == []


def test_a_file_without_preamble_is_told(tmp_path):
    for path in write(images(), tmp_path):
        path.write_bytes(path.read_bytes()[132:-1])

    assert "5 images are cut short: their Pixel Data should have" in told(tmp_path)[0].what


def test_all_files_are_told_at_once_the_first_by_name(tmp_path):
    paths = sorted(write(images(), tmp_path))
    for missing, path in enumerate(paths[:4], start=PIXEL_BYTES - 3):
        cut(path, missing)
    cut(paths[4], PIXEL_BYTES + 13)

    (finding,) = told(tmp_path)

    assert finding.what.startswith("5 images are cut short: the first one's Pixel Data should have 126 bytes, and")
    assert finding.where == "001.dcm, 002.dcm, 003.dcm, ..."
    assert [Path(line.split(": ")[0]) for line in finding.details] == paths
    assert finding.details[4].endswith(": Pixel Data is not there, and the file ends within its header.")


def test_images_that_are_not_of_the_volume_are_not_told(tmp_path):
    wanted = [image.SOPInstanceUID for image in images()[:4]]
    paths = write(images(), tmp_path)
    cut(paths[4], 1)

    found = read_series(tmp_path, wanted)[0].findings

    assert pydicom.dcmread(paths[4], stop_before_pixels=True).SOPInstanceUID not in wanted
    assert [one.id for one in found] == []
