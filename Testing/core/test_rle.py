"""RLE of one frame: known rows, every plane through three decoders, and every error of structure."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import rle as pylibjpeg_rle
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import RLELossless
from SegRLEExportLib.encoding import rle
from SegRLEExportLib.planes.runs import RunFinder
from SegRLEExportLib.reading.rle import RLEStructureError, decode_frame


def encode_frame(pixels: np.ndarray) -> bytes:
    return rle.encode_runs(RunFinder().runs_of(pixels))


def largest_size(rows: int, columns: int, bytes_per_pixel: int) -> int:
    """Return the most bytes that a frame may take, whatever its pixels: a control byte for 128 of a row."""
    segment = rows * (columns + -(-columns // rle.LONGEST_RUN))
    return rle.HEADER.size + bytes_per_pixel * (segment + segment % 2)


KNOWN_ROWS = [
    pytest.param([7], b"\x00\x07", id="1 byte is a literal"),
    pytest.param([7, 7], b"\xff\x07", id="2 equal bytes are a replicate"),
    pytest.param([7] * 127, b"\x82\x07", id="127 equal bytes"),
    pytest.param([7] * 128, b"\x81\x07", id="128 equal bytes are the longest run"),
    pytest.param([0] * 129, b"\x81\x00\x00\x00", id="129 leaves a literal of one over"),
    pytest.param([9] * 256, b"\x81\x09\x81\x09", id="256 are two longest runs"),
    pytest.param([1, 2, 3], b"\x02\x01\x02\x03", id="3 different bytes are one literal"),
    pytest.param([1, 1, 2, 2], b"\xff\x01\xff\x02", id="two pairs stay replicates"),
    pytest.param([1, 2, 2, 3], b"\x03\x01\x02\x02\x03", id="a pair between two singles joins their literal"),
    pytest.param([5, 5, 5, 1], b"\xfe\x05\x00\x01", id="a single behind a run"),
    pytest.param(list(range(128)), b"\x7f" + bytes(range(128)), id="128 different bytes are the longest literal"),
    pytest.param(
        list(range(129)), b"\x7f" + bytes(range(128)) + b"\x00\x80", id="129 different bytes need a second literal"
    ),
]

SIDES = st.one_of(st.integers(1, 12), st.sampled_from([127, 128, 129, 255, 256, 257]))
SMALL_SIDES = st.integers(1, 9)


@st.composite
def planes(draw, dtype):
    """Planes of noise, of long runs with a few changes, and of runs of pairs; also empty and full ones."""
    rows, columns = draw(SMALL_SIDES), draw(SIDES)
    top = np.iinfo(dtype).max
    seed = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kind = draw(st.sampled_from(["full", "noise", "few values", "runs", "sparse"]))
    if kind == "full":
        return np.full((rows, columns), draw(st.integers(0, top)), dtype)
    if kind == "noise":
        return seed.integers(0, top, (rows, columns), dtype, endpoint=True)
    if kind == "few values":
        return seed.integers(0, 3, (rows, columns)).astype(dtype)
    if kind == "sparse":
        return (seed.random((rows, columns)) < 0.05).astype(dtype) * dtype(top)
    lengths = seed.integers(1, 140, rows * columns)
    values = seed.integers(0, top, rows * columns, dtype, endpoint=True)
    return np.repeat(values, lengths)[: rows * columns].reshape(rows, columns)


TINY_PLANES = arrays.arrays(
    np.uint8, st.tuples(st.integers(1, 4), st.integers(1, 10)), elements=st.sampled_from([0, 1, 255])
)


def frames_by_pydicom(frames: list[bytes], like: np.ndarray) -> np.ndarray:
    """Decode through the public `pixel_array`, by the plug-in that is named."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = RLELossless
    dataset.Rows, dataset.Columns = like.shape
    dataset.NumberOfFrames = len(frames)
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 8 * like.itemsize
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = 0
    dataset.PixelData = encapsulate(frames)
    dataset["PixelData"].VR = "OB"
    dataset.pixel_array_options(decoding_plugin="pydicom")
    return dataset.pixel_array


def frame_by_pylibjpeg_rle(encoded: bytes, like: np.ndarray) -> np.ndarray:
    rows, columns = like.shape
    decoded = pylibjpeg_rle.decode_pixel_data(
        encoded, version=2, rows=rows, columns=columns, bits_allocated=8 * like.itemsize, byteorder="<"
    )
    return np.frombuffer(decoded, like.dtype.newbyteorder("<")).reshape(like.shape)


def segment_of(plane: np.ndarray) -> bytes:
    """Return what stands behind the header of a plane's frame."""
    return encode_frame(plane)[rle.HEADER.size :]


@pytest.mark.parametrize(("row", "coded"), KNOWN_ROWS)
def test_a_known_row_is_coded_as_annex_g_says(row, coded):
    assert segment_of(np.array([row], dtype=np.uint8)) == coded + b"\x00" * (len(coded) % 2)


@pytest.mark.parametrize(("row", "coded"), KNOWN_ROWS)
def test_a_known_row_is_decoded_again(row, coded):
    padded = coded + b"\x00" * (len(coded) % 2)
    frame = rle.HEADER.pack(1, 64, *[0] * 14) + padded

    assert decode_frame(frame, 1, len(row)).tolist() == [row]


def test_no_run_crosses_the_end_of_a_row():
    assert segment_of(np.zeros((3, 4), dtype=np.uint8)) == b"\xfd\x00" * 3


def test_a_plane_of_one_pixel():
    assert encode_frame(np.array([[1]], dtype=np.uint8)) == struct.pack("<16I", 1, 64, *[0] * 14) + b"\x00\x01"


def test_16_bits_are_two_segments_with_the_most_significant_byte_first():
    encoded = encode_frame(np.array([[0x0102, 0x0102, 0x0102]], dtype=np.uint16))

    assert struct.unpack_from("<3I", encoded) == (2, 64, 66)
    assert encoded[64:] == b"\xfe\x01" + b"\xfe\x02"


def test_the_encoder_leaves_its_input_alone():
    plane = np.random.default_rng(1).integers(0, 3, (5, 9), dtype=np.uint8)
    before = plane.copy()
    plane.flags.writeable = False

    encode_frame(plane)

    assert np.array_equal(plane, before)


@pytest.mark.parametrize("step", [(slice(None, None, -1), slice(None)), (slice(None), slice(None, None, 2))])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_flipped_or_strided_view_is_coded_as_its_copy(step, dtype):
    plane = np.random.default_rng(1).integers(0, 300, (6, 11)).astype(dtype)

    assert encode_frame(plane[step]) == encode_frame(plane[step].copy())
    assert encode_frame(plane.T) == encode_frame(plane.T.copy())


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
class TestAnyPlane:
    @given(data=st.data())
    @settings(max_examples=150, deadline=None)
    def test_comes_back_through_three_decoders(self, dtype, data):
        plane = data.draw(planes(dtype))
        encoded = encode_frame(plane)

        assert np.array_equal(decode_frame(encoded, *plane.shape, plane.itemsize), plane)
        assert np.array_equal(frames_by_pydicom([encoded], plane), plane)
        assert np.array_equal(frame_by_pylibjpeg_rle(encoded, plane), plane)

    @given(data=st.data())
    @settings(max_examples=150, deadline=None)
    def test_has_even_segments_behind_a_64_byte_header_and_keeps_the_bound(self, dtype, data):
        plane = data.draw(planes(dtype))
        encoded = encode_frame(plane)
        count, *offsets = struct.unpack_from("<16I", encoded)

        assert count == plane.itemsize
        assert offsets[0] == 64
        assert all(offset % 2 == 0 for offset in [*offsets, len(encoded)])
        assert offsets[count:] == [0] * (15 - count)
        assert len(encoded) <= largest_size(*plane.shape, plane.itemsize)

    def test_several_frames_come_back_together(self, dtype):
        frames = np.random.default_rng(5).integers(0, 4, (3, 5, 7)).astype(dtype)

        assert np.array_equal(frames_by_pydicom([encode_frame(frame) for frame in frames], frames[0]), frames)


@given(TINY_PLANES)
def test_every_pattern_of_a_tiny_plane_comes_back(plane):
    encoded = encode_frame(plane)

    assert np.array_equal(decode_frame(encoded, *plane.shape), plane)
    assert np.array_equal(frame_by_pylibjpeg_rle(encoded, plane), plane)


@pytest.mark.parametrize("columns", [1, 127, 128, 129, 256, 257])
def test_noise_takes_no_more_than_the_bound_says(columns):
    noise = np.tile(np.arange(columns) % 251, (3, 1)).astype(np.uint8)
    segment = 3 * (columns + -(-columns // 128))

    assert len(encode_frame(noise)) == largest_size(3, columns, 1) == 64 + segment + segment % 2


class TestBothWaysOfCoding:
    """Long runs are coded in pairs, noise is gathered into literals; both must meet every decoder."""

    @pytest.fixture
    def taken(self, monkeypatch):
        ways = []
        for name in ("_encode_pairs", "_encode_gathered"):
            original = getattr(rle, name)
            monkeypatch.setattr(rle, name, lambda runs, name=name, way=original: ways.append(name) or way(runs))
        return ways

    @pytest.mark.parametrize(
        ("plane", "way"),
        [
            pytest.param(np.repeat(np.arange(40, dtype=np.uint8), 5).reshape(8, 25), "_encode_pairs", id="runs"),
            pytest.param(np.arange(200, dtype=np.uint8).reshape(8, 25), "_encode_gathered", id="noise"),
        ],
    )
    def test_is_hit_and_comes_back(self, taken, plane, way):
        encoded = encode_frame(plane)

        assert taken == [way]
        assert np.array_equal(frame_by_pylibjpeg_rle(encoded, plane), plane)
        assert np.array_equal(frames_by_pydicom([encoded], plane), plane)


def a_frame(segment: bytes, count: int = 1, offsets: tuple[int, ...] = (64,)) -> bytes:
    return rle.HEADER.pack(count, *offsets, *[0] * (15 - len(offsets))) + segment


BROKEN_FRAMES = [
    pytest.param(b"\x01" * 10, 1, "a frame of 10 bytes has no room for the 64-byte header (G.5)", id="no header"),
    pytest.param(a_frame(b"\xfd\x00\x00"), 1, "the frame has an odd number of bytes, 67 (A.4)", id="odd"),
    pytest.param(a_frame(b"\xfd\x00"), 2, "1 segments for 2 bytes of a pixel (G.2)", id="a byte of a pixel missing"),
    pytest.param(a_frame(b"\xfd\x00" * 2, 2, (64, 66)), 1, "2 segments for 1 bytes of a pixel", id="too many segments"),
    pytest.param(a_frame(b"\xfd\x00", offsets=(60,)), 1, r"the header's offsets are [60", id="first offset"),
    pytest.param(a_frame(b"\xfd\x00" * 2, 2, (64, 64)), 2, "in a frame of 68 bytes (G.5)", id="same offsets"),
    pytest.param(a_frame(b"\xfd\x00" * 2, 2, (64, 68)), 2, "in a frame of 68 bytes (G.5)", id="offset at the end"),
    pytest.param(a_frame(b"\xfd\x00", offsets=(64, 66)), 1, "the header's offsets are", id="offset of no segment"),
    pytest.param(a_frame(b"\xfd\x00\xfd\x00", 2, (64, 67)), 2, "a segment begins at an odd offset: [64, 67]", id="odd"),
    pytest.param(a_frame(b"\xfe\x00"), 1, "3 bytes were decoded where 1 x 4 were due (G.4)", id="too few bytes"),
    pytest.param(a_frame(b"\xfd\x00\xfd\x00"), 1, "8 bytes were decoded where 1 x 4 were due", id="too many bytes"),
    pytest.param(a_frame(b"\xfb\x00"), 1, "a run crosses the end of a row (G.3.1)", id="replicate crosses"),
    pytest.param(a_frame(b"\x04\x01\x02\x03\x04\x05"), 1, "a run crosses the end of a row", id="literal crosses"),
    pytest.param(
        a_frame(b"\x03\x01\x02\x03"), 1, "the run at byte 0 reaches beyond the segment (G.3.2)", id="literal cut off"
    ),
]


@pytest.mark.parametrize(("frame", "bytes_per_pixel", "text"), BROKEN_FRAMES)
def test_a_broken_frame_is_told(frame, bytes_per_pixel, text):
    with pytest.raises(RLEStructureError) as told:
        decode_frame(frame, 1, 4, bytes_per_pixel)

    assert text in str(told.value)


def test_control_byte_128_is_skipped():
    assert decode_frame(a_frame(b"\x80\x03\x01\x02\x03\x04"), 1, 4).tolist() == [[1, 2, 3, 4]]
