"""The reader that verification trusts: it finds what pydicom finds, and tells what is broken."""

from __future__ import annotations

import struct
from tempfile import TemporaryDirectory

import numpy as np
import pydicom
import pytest
import read_by_others
from builders import a_grid, a_segmentation, a_source, fixed_options, two_overlapping_boxes
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.encaps import encapsulate
from SegRLEExportLib.encoding import encapsulation
from SegRLEExportLib.encoding.plan import PLANS
from SegRLEExportLib.errors import NotASegmentationFileError
from SegRLEExportLib.export import export
from SegRLEExportLib.model.source_series import SourceFrame
from SegRLEExportLib.reading.seg_file import SegFile

every_encoding = pytest.mark.parametrize("encoding", PLANS)


@pytest.fixture
def written(tmp_path):
    """What an export writes in an encoding: the first file."""

    def write(encoding):
        segmentation = a_segmentation([two_overlapping_boxes()[0]])
        return export(segmentation, a_source(), tmp_path / encoding, encoding, options=fixed_options()).paths[0]

    return write


def whole_frames(file: SegFile, at_once: int = 1) -> np.ndarray:
    """Return all pixels, (frames, rows, columns), read so many frames at a time."""
    count = len(file.frames)
    frames = np.zeros((count, file.pixel_data.rows, file.pixel_data.columns), np.uint16)
    done = 0
    for block in file.blocks([min(at_once, count - start) for start in range(0, count, at_once)], is_strict=True):
        frames[done : done + len(block), block.first_row : block.first_row + block.pixels.shape[1]] = block.pixels
        done += len(block)
    assert done == count
    return frames


@pytest.mark.parametrize("at_once", [1, 2, 5])
@every_encoding
def test_pixels_are_those_that_pydicom_reads(encoding, at_once, written):
    path = written(encoding)

    file = SegFile(path)
    assert np.array_equal(whole_frames(file, at_once), read_by_others.stored_pixels(pydicom.dcmread(path)))


@every_encoding
def test_attributes_and_frames_are_those_that_pydicom_reads(encoding, written):
    path = written(encoding)
    dataset = pydicom.dcmread(path)

    file = SegFile(path)
    for element in file.dataset:
        assert element == dataset[element.tag]
    assert len(file.frames) == dataset.NumberOfFrames
    for number, group in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        place = file.frames.places[file.frames.place_of_frame[number]]
        assert list(place.position_lps) == group.PlanePositionSequence[0].ImagePositionPatient
        image = group.DerivationImageSequence[0].SourceImageSequence[0]
        assert place.source == SourceFrame(image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID)
        indices = np.atleast_1d(group.FrameContentSequence[0].DimensionIndexValues)
        assert file.frames.dimension_indices[number] == tuple(indices.tolist())
        if "SegmentIdentificationSequence" in group:
            (identification,) = group.SegmentIdentificationSequence
            assert file.frames.segment_numbers[number] == identification.ReferencedSegmentNumber


@given(
    st.tuples(st.integers(1, 6), st.integers(1, 12), st.integers(1, 20)),
    st.sampled_from([0.0, 0.02, 0.5, 1.0]),
    st.integers(1, 3),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=60, deadline=None)
def test_bits_of_frames_of_any_size_are_those_that_pydicom_reads(shape, density, at_once, seed):
    grid = a_grid(shape)
    masks = np.random.default_rng(seed).random(shape) < density
    options = fixed_options(keep_empty_frames=True, verify=False)
    with TemporaryDirectory() as folder:
        (path,) = export(a_segmentation([masks], grid=grid), a_source(grid), folder, "none", options=options).paths

        file = SegFile(path)
        assert np.array_equal(whole_frames(file, at_once), masks)


def test_an_extended_offset_table_is_passed_over(written, monkeypatch):
    monkeypatch.setattr(encapsulation, "BASIC_OFFSET_LIMIT", 1)
    path = written("rle")
    assert "ExtendedOffsetTable" in pydicom.dcmread(path)

    file = SegFile(path)
    assert len(whole_frames(file)) == 5


def read_all(path):
    file = SegFile(path)
    whole_frames(file)


def changed(path, change):
    path.write_bytes(change(path.read_bytes()))
    return path


def pixel_data_at(data):
    return data.rindex(b"\xe0\x7f\x10\x00O")


def without_an_item(data):
    item = data.index(b"\x20\x00\x13\x91SQ\0\0") + 12
    assert data[item : item + 4] == b"\xfe\xff\x00\xe0"
    return data[:item] + b"\xfe\xff\x01\xe0" + data[item + 4 :]


BROKEN = [
    pytest.param("none", lambda d: d[:-9], "it is cut short: Pixel Data should have 40 bytes", id="cut off"),
    pytest.param("none", lambda d: d + b"\0\0", "something follows Pixel Data", id="bytes added"),
    pytest.param(
        "labelmap",
        lambda d: d[:-1] + b"\1",
        "the padding of Pixel Data behind its frames (1 byte) is not 0",
        id="padding not zero",
    ),
    pytest.param("labelmap", lambda d: d + b"\0\0", "something follows Pixel Data", id="bytes added to a label map"),
    pytest.param("deflate", lambda d: d + b"\0\0", "something follows Pixel Data", id="bytes added behind deflated"),
    pytest.param("rle", lambda d: d + b"\0\0", "something follows Pixel Data", id="bytes added behind the delimiter"),
    pytest.param(
        "rle",
        lambda d: d[: pixel_data_at(d) + 8] + struct.pack("<I", 64) + d[pixel_data_at(d) + 12 :],
        "its pixels are not stored as RLE Lossless has it",
        id="length of Pixel Data stated",
    ),
    pytest.param(
        "rle-binary",
        lambda d: d[: pixel_data_at(d) + 12] + b"\x01" + d[pixel_data_at(d) + 13 :],
        "(FF01,E000) stands where an item was due",
        id="no item",
    ),
    pytest.param("none", without_an_item, "(FFFE,E001) stands where an item was due", id="group without an item"),
]


@pytest.mark.parametrize(("encoding", "change", "text"), BROKEN)
def test_a_broken_file_is_told(encoding, change, text, written):
    path = changed(written(encoding), change)

    with pytest.raises(NotASegmentationFileError) as told:
        read_all(path)

    assert text in str(told.value)


def test_more_offsets_than_frames_are_told(written):
    path = written("rle-binary")
    dataset = pydicom.dcmread(path)
    frames = list(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=5))
    dataset.PixelData = encapsulate([*frames, frames[0]])
    dataset.save_as(path)

    with pytest.raises(NotASegmentationFileError, match="there are 6 fragments for 5 frames"):
        read_all(path)


def test_fewer_fragments_than_frames_are_told(written):
    path = written("rle-binary")
    dataset = pydicom.dcmread(path)
    frames = list(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=5))
    dataset.PixelData = encapsulate(frames[:4], has_bot=False)
    dataset.save_as(path)

    with pytest.raises(NotASegmentationFileError, match="there are 4 fragments for 5 frames"):
        list(SegFile(path).blocks([1] * 4))


def test_more_fragments_than_frames_are_told_where_there_are_no_offsets(written):
    path = written("rle-binary")
    dataset = pydicom.dcmread(path)
    frames = list(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=5))
    dataset.PixelData = encapsulate([*frames, frames[0]], has_bot=False)
    dataset.save_as(path)

    with pytest.raises(NotASegmentationFileError, match="there are 6 fragments for 5 frames"):
        read_all(path)


def test_more_fragments_than_offsets_are_told(written):
    path = written("rle-binary")
    dataset = pydicom.dcmread(path)
    frames = list(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=5))
    extra = encapsulation.item(frames[0])
    dataset.PixelData = encapsulate(frames) + extra
    dataset.save_as(path)

    with pytest.raises(NotASegmentationFileError, match="there are 6 fragments for 5 frames"):
        read_all(path)


def test_the_file_is_closed_where_its_header_cannot_be_read(written):
    path = changed(written("none"), lambda data: data[:600])

    with pytest.raises(NotASegmentationFileError):
        SegFile(path)

    path.unlink()
