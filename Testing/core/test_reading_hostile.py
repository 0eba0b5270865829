"""Files that lie about their size, nest without end or break anywhere: right or refused, with little work and memory.

`SEGRLE_FUZZ_TRIES` says how many damaged files are tried; a few hundred if it is not set.
"""

from __future__ import annotations

import os
import struct
import tracemalloc
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pydicom
import pytest
from builders import a_segmentation, a_source, a_sphere, fixed_options, two_overlapping_boxes
from call_counts import counted_calls
from damage import damaged
from SegRLEExportLib.convert import convert
from SegRLEExportLib.encoding.plan import PLANS
from SegRLEExportLib.errors import ExportError, NotASegmentationFileError, PreflightError
from SegRLEExportLib.export import export
from SegRLEExportLib.options import ExportOptions
from SegRLEExportLib.reading.inspection import inspect
from SegRLEExportLib.reading.segmentation import segmentation_of
from SegRLEExportLib.reading.source import source_of
from SegRLEExportLib.verification.comparison import compare

TRIES = int(os.environ.get("SEGRLE_FUZZ_TRIES", "300"))
FOUND = (2419, 1_000_878, 1_001_212, 1_002_460)
"""Seeds whose files were once no sentence, or took long: always tried."""
CALLS = 500_000
CALLS_A_BYTE = 4
"""What a look may cost at most: a clock would tell of the machine. Four times what an undamaged file costs."""
MOST_BYTES = 500 << 20

ONE = two_overlapping_boxes()[0]
PAIR = a_segmentation([ONE, a_sphere() & ~ONE], names=["one", "other"])

DOORS = {
    "inspect": inspect,
    "segmentation_of": lambda path: segmentation_of([path], threshold=0.5),
    "source_of": lambda path: source_of([path]),
    "verify": lambda path: compare([path], PAIR),
    "convert": lambda path: convert(
        segmentation_of([path], threshold=0.5),
        path.with_name("out.dcm"),
        source=source_of([path]),
        options=ExportOptions(overwrite=True, clip=True),
    ),
}


def look(door: str, path: Path) -> str:
    """Use one door; return how it was refused or what is wrong, empty if nothing is; all else is a failure."""
    refusal = ""
    size = path.stat().st_size if path.exists() else 0
    with counted_calls() as calls:
        try:
            told = DOORS[door](path)
            refusal = "; ".join(told.faults) if door == "inspect" else ""
        except ExportError as error:
            refusal = str(error)
            sentences = len(error.findings) if isinstance(error, PreflightError) else 1
            assert len(refusal.split("\n")) == sentences
    assert calls.total() < CALLS + CALLS_A_BYTE * size
    return refusal


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The bytes of a whole file in each encoding."""
    folder = tmp_path_factory.mktemp("whole")
    return {
        encoding: export(PAIR, a_source(), folder / encoding, encoding, options=fixed_options()).paths[0].read_bytes()
        for encoding in PLANS
    }


@pytest.fixture
def written(tmp_path):
    def write(content: bytes) -> Path:
        path = tmp_path / "hostile.dcm"
        path.write_bytes(content)
        return path

    return write


def pixel_data_at(data: bytes) -> int:
    return data.rindex(b"\xe0\x7f\x10\x00O")


def per_frame_at(data: bytes) -> int:
    return data.index(b"\x00\x52\x30\x92SQ\0\0")


def with_long(data: bytes, at: int, value: int) -> bytes:
    return data[:at] + struct.pack("<I", value) + data[at + 4 :]


def stated_frames(data: bytes, count: str) -> bytes:
    at = data.index(b"\x28\x00\x08\x00IS")
    (length,) = struct.unpack_from("<H", data, at + 6)
    text = count.ljust(len(count) + len(count) % 2).encode()
    return data[: at + 6] + struct.pack("<H", len(text)) + text + data[at + 8 + length :]


def nested(data: bytes, depth: int) -> bytes:
    """Put sequences of undefined length within each other before the pixels."""
    head = b"\x00\x52\x29\x92SQ\0\0\xff\xff\xff\xff"
    item = b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    ends = b"\xfe\xff\x0d\xe0\0\0\0\0" + b"\xfe\xff\xdd\xe0\0\0\0\0"
    at = per_frame_at(data)
    return data[:at] + (head + item) * depth + ends * depth + data[at:]


def deflated(content: bytes) -> bytes:
    packer = zlib.compressobj(9, wbits=-15)
    return packer.compress(content) + packer.flush()


def dataset_start(data: bytes) -> int:
    (length,) = struct.unpack_from("<I", data, 132 + 8)
    return 132 + 12 + length


def with_empty_items(data: bytes, count: int) -> bytes:
    """Give the file so many empty frame groups, and say so."""
    data = stated_frames(data, str(count))
    at, end = per_frame_at(data), pixel_data_at(data)
    groups = b"\x00\x52\x30\x92SQ\0\0" + struct.pack("<I", 8 * count) + b"\xfe\xff\x00\xe0\0\0\0\0" * count
    return data[:at] + groups + data[end:]


HOSTILE = {
    "1 MB of zeros": lambda _: bytes(1 << 20),
    "8 MB of zeros behind good bytes": lambda w: w["none"][: per_frame_at(w["none"])] + bytes(8 << 20),
    "zeros behind the file's head": lambda w: w["none"][: dataset_start(w["none"])] + bytes(8 << 20),
    "300,000 empty frame items": lambda w: with_empty_items(w["none"], 300_000),
    "300,000 empty frame items of a label map": lambda w: with_empty_items(w["labelmap"], 300_000),
    "300,000 empty fragments": lambda w: (
        w["rle"][: pixel_data_at(w["rle"]) + 12] + b"\xfe\xff\x00\xe0\0\0\0\0" * 300_000 + b"\xfe\xff\xdd\xe0\0\0\0\0"
    ),
    "sequences nested 500 deep": lambda w: nested(w["none"], 500),
    "sequences nested 100,000 deep": lambda w: nested(w["none"], 100_000),
    "2,000,000,000 frames": lambda w: stated_frames(w["none"], "2000000000"),
    "400,000 frames": lambda w: stated_frames(w["none"], "400000"),
    "frames that are no number": lambda w: stated_frames(w["none"], "many"),
    "minus 1 frames": lambda w: stated_frames(w["none"], "-1"),
    "pixels of 4 GB": lambda w: with_long(w["none"], pixel_data_at(w["none"]) + 8, 0xFFFFFFF0),
    "groups of 4 GB": lambda w: with_long(w["none"], per_frame_at(w["none"]) + 8, 0xFFFFFFF0),
    "a fragment of 4 GB": lambda w: with_long(w["rle"], pixel_data_at(w["rle"]) + 16, 0xFFFFFFF0),
    "a bomb of deflated attributes": lambda w: (
        w["deflate"][: dataset_start(w["deflate"])]
        + deflated(b"\x08\x00\x05\x00UT\0\0\xf0\xff\xff\x0f" + bytes(1 << 28))
    ),
    "a bomb of deflated zeros": lambda w: w["deflate"][: dataset_start(w["deflate"])] + deflated(bytes(1 << 28)),
    "deflated bytes that do not end": lambda w: w["deflate"][:-20],
    "a single byte": lambda _: b"\x08",
    "nothing": lambda _: b"",
}

WRONG_IN_PIXELS_ALONE = ("300,000 empty fragments", "a fragment of 4 GB", "deflated bytes that do not end")
"""Where the images lie is known all the same."""


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_in_few_calls(name, whole, written):
    path = written(HOSTILE[name](whole))
    told = {door: look(door, path) for door in DOORS}
    if name in WRONG_IN_PIXELS_ALONE:
        del told["source_of"]

    assert all(told.values()), told


@pytest.mark.parametrize("name", ["300,000 empty frame items of a label map", "8 MB of zeros behind good bytes"])
def test_a_hostile_file_is_refused_in_little_memory(name, whole, written):
    path = written(HOSTILE[name](whole))
    tracemalloc.start()
    try:
        with suppress(ExportError):
            DOORS["inspect"](path)
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    finally:
        tracemalloc.stop()


def test_65535_segments_are_read_in_few_calls(whole, written, tmp_path):
    dataset = pydicom.dcmread(written(whole["labelmap"]))
    dataset.save_as(tmp_path / "many.dcm")
    data = (tmp_path / "many.dcm").read_bytes()
    at = data.index(b"\x62\x00\x02\x00SQ\0\0")
    (length,) = struct.unpack_from("<I", data, at + 8)
    (item_length,) = struct.unpack_from("<I", data, at + 16)
    item = data[at + 12 : at + 20 + item_length]
    number_at = item.index(b"\x62\x00\x04\x00US\x02\x00") + 8
    items = b"".join(item[:number_at] + struct.pack("<H", n) + item[number_at + 2 :] for n in range(1, 65536))
    many = data[: at + 8] + struct.pack("<I", len(items)) + items + data[at + 12 + length :]

    for door in ("inspect", "segmentation_of"):
        assert look(door, written(many)) == ""


def test_a_pipe_and_a_folder_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, tmp_path / "none.dcm"):
        for door in DOORS:
            assert look(door, path).startswith(str(path))


def specimens(shared_interop, whole) -> list[bytes]:
    """Return files of every encoding, of ours and of the reader study."""
    study = [path.read_bytes() for path in sorted(shared_interop.glob("*__37x41_dis.dcm"))]
    return [*whole.values(), *study]


def damaged_within(content: bytes, random: np.random.Generator) -> bytes:
    """Damage a file, behind deflation where it is deflated and chance will."""
    is_deflated = b"1.2.840.10008.1.2.1.99" in content[:1000]
    if not is_deflated or random.random() < 0.3:
        return damaged(content, random)
    start = dataset_start(content)
    return content[:start] + deflated(damaged(zlib.decompressobj(-15).decompress(content[start:]), random))


def test_damaged_files_are_read_or_refused_at_every_door(shared_interop, whole, written):
    files = specimens(shared_interop, whole)
    for seed in (*FOUND, *range(TRIES)):
        random = np.random.default_rng(seed)
        path = written(damaged_within(files[seed % len(files)], random))
        for door in DOORS:
            try:
                look(door, path)
            except Exception as error:
                raise AssertionError(f"seed {seed}, {door}") from error


def test_text_of_a_damaged_file_is_in_no_warning(whole, written, recwarn):
    """pydicom warns with the value as it is: control characters would reach the terminal."""
    path = written(whole["rle"].replace(b"1.2.840.10008.1.2.5\0", b"1.2.840.10008.1.2.\x1b\0"))

    assert "its transfer syntax is unknown" in look("inspect", path)
    assert [str(warning.message) for warning in recwarn.list] == []


def test_a_file_cut_anywhere_is_read_or_refused(whole, written):
    for content in whole.values():
        for length in range(0, len(content), max(1, len(content) // 60)):
            path = written(content[:length])
            for door in DOORS:
                with suppress(NotASegmentationFileError):
                    look(door, path)
