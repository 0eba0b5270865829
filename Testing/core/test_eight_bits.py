"""What an image shows in 8 bits: colours as they are, grey values through what their header has."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pydicom
import pytest
from builders import a_ct_header
from file_builders import a_nifti
from PIL import Image
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, JPEGLSLossless, RLELossless, UltrasoundImageStorage
from SegRLEExportLib.cli import main
from SegRLEExportLib.conversion.eight_bits import eight_bits
from SegRLEExportLib.errors import UnwritablePictureError

ROWS, COLUMNS = 10, 14
GREY = (np.arange(ROWS * COLUMNS) % 256).reshape(ROWS, COLUMNS)
COLORS = np.stack([GREY, 255 - GREY, (GREY * 7) % 256], axis=-1).astype(np.uint8)


def an_image(
    path: Path, pixels: np.ndarray, meant: str, syntax: str = ExplicitVRLittleEndian, **values: object
) -> Path:
    """Write an ultrasound image, of several frames where there are four axes or `NumberOfFrames`."""
    image = a_ct_header()
    for keyword in ("FrameOfReferenceUID", "PositionReferenceIndicator"):
        if keyword in image:
            delattr(image, keyword)
    image.SOPClassUID, image.Modality, image.SOPInstanceUID = (
        UltrasoundImageStorage,
        "US",
        "1.2.826.0.1.3680043.8.498.77",
    )
    image.SeriesInstanceUID, image.InstanceNumber = "1.2.826.0.1.3680043.8.498.7", 1
    image.Rows, image.Columns, image.PhotometricInterpretation = ROWS, COLUMNS, meant
    image.SamplesPerPixel = 1 if meant.startswith(("MONOCHROME", "PALETTE")) else 3
    bits = pixels.dtype.itemsize * 8
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = bits, bits, bits - 1, 0
    if image.SamplesPerPixel == 3:
        image.PlanarConfiguration = 0
    for keyword, value in values.items():
        setattr(image, keyword, value)
    if image.get("PlanarConfiguration"):
        pixels = np.moveaxis(pixels, -1, -3)
    image.PixelData = pixels.tobytes()
    image["PixelData"].VR = "OB" if bits == 8 else "OW"
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    if syntax == RLELossless:
        image.compress(RLELossless, encoding_plugin="pydicom")
    path.parent.mkdir(exist_ok=True)
    pydicom.dcmwrite(path, image, enforce_file_format=True)
    return path


def a_palette(entries: int, bits: int, first: int = 0) -> dict[str, object]:
    """Return the attributes of a table that is red upwards, green downwards and blue in the middle."""
    up = np.linspace(0, 2**bits - 1, entries).astype(f"<u{bits // 8}")
    parts = {"Red": up, "Green": up[::-1], "Blue": np.minimum(up, up[::-1])}
    tables = {f"{name}PaletteColorLookupTableData": part.tobytes() for name, part in parts.items()}
    described = {f"{name}PaletteColorLookupTableDescriptor": [entries, first, bits] for name in parts}
    return described | tables


class TestColors:
    @pytest.mark.parametrize(
        ("planar", "syntax"), [(0, ExplicitVRLittleEndian), (1, ExplicitVRLittleEndian), (0, RLELossless)]
    )
    def test_rgb_is_as_it_is(self, planar, syntax, tmp_path):
        path = an_image(tmp_path / "us.dcm", COLORS, "RGB", syntax, PlanarConfiguration=planar)
        np.testing.assert_array_equal(eight_bits(path, None, None), COLORS)

    def test_rgb_of_more_bits_loses_the_low_ones(self, tmp_path):
        path = an_image(tmp_path / "us.dcm", COLORS.astype("<u2") * 256 + 200, "RGB")
        np.testing.assert_array_equal(eight_bits(path, None, None), COLORS)

    @pytest.mark.parametrize("meant", ["YBR_FULL", "YBR_FULL_422"])
    def test_ybr_is_shown_as_pillow_shows_it(self, meant, tmp_path):
        pairs = np.repeat(COLORS[:, ::2], 2, axis=1)
        stored = pairs if meant == "YBR_FULL" else pairs.reshape(-1, 6)[:, [0, 3, 1, 2]].copy()
        path = an_image(tmp_path / "us.dcm", stored, meant)
        wanted = np.asarray(Image.fromarray(pairs, "YCbCr").convert("RGB")).astype(int)
        np.testing.assert_allclose(eight_bits(path, None, None), wanted, atol=2)

    def test_a_frame_of_several_is_shown(self, tmp_path):
        path = an_image(tmp_path / "us.dcm", np.stack([COLORS, COLORS[::-1]]), "RGB", NumberOfFrames=2)
        np.testing.assert_array_equal(eight_bits(path, 2, None), COLORS[::-1])

    @pytest.mark.parametrize("bits", [8, 16])
    def test_a_palette_gives_its_colors(self, bits, tmp_path):
        path = an_image(tmp_path / "us.dcm", GREY.astype(np.uint8), "PALETTE COLOR", **a_palette(256, bits))
        wanted = np.stack([GREY, 255 - GREY, np.minimum(GREY, 255 - GREY)], axis=-1)
        np.testing.assert_array_equal(eight_bits(path, None, None), wanted)

    def test_pixels_beyond_a_palette_have_its_last_or_first_color(self, tmp_path):
        pixels = GREY.astype("<u2") * 4
        path = an_image(tmp_path / "us.dcm", pixels, "PALETTE COLOR", **a_palette(256, 8, first=20))
        entry = (GREY * 4 - 20).clip(0, 255)
        np.testing.assert_array_equal(eight_bits(path, None, None)[..., 0], entry)

    def test_a_window_is_not_for_them(self, tmp_path):
        path = an_image(tmp_path / "us.dcm", COLORS, "RGB")
        with pytest.raises(UnwritablePictureError, match="in colour, and a window is for grey values. Give none"):
            eight_bits(path, None, (40, 400))

    def test_colors_nobody_knows_are_refused(self, tmp_path):
        path = an_image(tmp_path / "us.dcm", COLORS, "HSV")
        with pytest.raises(UnwritablePictureError, match="its Photometric Interpretation 'HSV' is not known"):
            eight_bits(path, None, None)

    def test_a_palette_that_is_not_there_is_refused(self, tmp_path):
        path = an_image(tmp_path / "us.dcm", GREY.astype(np.uint8), "PALETTE COLOR")
        with pytest.raises(UnwritablePictureError, match="its palette cannot be used"):
            eight_bits(path, None, None)


class TestGreyValues:
    def test_of_8_bits_and_no_window_are_as_they_are(self, tmp_path):
        path = an_image(tmp_path / "us.dcm", GREY.astype(np.uint8), "MONOCHROME2")
        np.testing.assert_array_equal(eight_bits(path, None, None), GREY)

    def test_of_16_bits_and_no_window_are_refused(self, tmp_path):
        path = an_image(tmp_path / "us.dcm", GREY.astype("<u2"), "MONOCHROME2")
        with pytest.raises(UnwritablePictureError, match="its header has no window"):
            eight_bits(path, None, None)

    def test_go_through_the_modality_lut_before_the_window(self, tmp_path):
        item = pydicom.Dataset()
        item.LUTDescriptor, item.ModalityLUTType = [256, 0, 16], "US"
        item.LUTData = (1000 - np.arange(256)).astype("<u2").tobytes()
        values = {"ModalityLUTSequence": [item], "WindowCenter": 900.5, "WindowWidth": 201}
        path = an_image(tmp_path / "us.dcm", GREY.astype(np.uint8), "MONOCHROME2", **values)
        wanted = np.rint((1000 - GREY - 900).clip(-100, 100) / 200 * 255 + 127.5)
        np.testing.assert_allclose(eight_bits(path, None, None), wanted, atol=1)

    def test_a_look_up_table_cut_short_is_refused(self, tmp_path):
        item = pydicom.Dataset()
        item.LUTDescriptor, item.LUTData = [256, 0, 16], bytes(6)
        path = an_image(tmp_path / "us.dcm", GREY.astype(np.uint8), "MONOCHROME2", VOILUTSequence=[item])
        with pytest.raises(UnwritablePictureError, match="3 of 256 entries are there"):
            eight_bits(path, None, None)


def test_a_jpeg_ls_frame_that_does_not_end_is_refused_before_it_is_decoded(tmp_path):
    path = an_image(tmp_path / "us.dcm", GREY.astype(np.uint8), "MONOCHROME2")
    image = pydicom.dcmread(path)
    image.file_meta.TransferSyntaxUID = JPEGLSLossless
    image.NumberOfFrames, image.PixelData = 2, encapsulate([b"\xff\xd8 one \xff\xd9", b"\xff\xd8 two, cut"])
    image["PixelData"].is_undefined_length = True
    image.save_as(path)
    reason = r"its pixels cannot be decoded \(a JPEG-LS frame has no end marker\)"
    with pytest.raises(UnwritablePictureError, match=reason):
        eight_bits(path, 2, None)
    with pytest.raises(UnwritablePictureError, match=r"its pixels cannot be decoded \(\w+\)"):
        eight_bits(path, 1, None)


def test_an_image_that_is_cut_short_is_refused(tmp_path):
    path = an_image(tmp_path / "us.dcm", COLORS, "RGB")
    path.write_bytes(path.read_bytes()[:-100])

    with pytest.raises(UnwritablePictureError, match="it is cut short, its Pixel Data should have 420 bytes, and the"):
        eight_bits(path, None, None)


def test_a_coco_file_of_an_ultrasound_in_color_names_its_picture(tmp_path, capsys):
    an_image(tmp_path / "us" / "1.dcm", COLORS, "RGB")
    labels = np.zeros((1, ROWS, COLUMNS), np.uint8)
    labels[0, 2:5, 3:9] = 1
    words = [a_nifti(tmp_path, labels), tmp_path / "us", "-o", tmp_path / "c.json", "--images", "png"]
    assert main(["convert", *map(str, words)]) == 0
    (image,) = json.loads((tmp_path / "c.json").read_text("utf-8"))["images"]
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / image["file_name"])), COLORS)
    assert main(["convert", *map(str, words), "--window", "40,400", "--overwrite"]) == 2
    assert "Leave out --window: images in colour are shown as they are." in capsys.readouterr().err
