"""Items of Pixel Data and their offset tables: what we write, pydicom reads."""

from __future__ import annotations

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.encaps import encapsulate_extended, parse_basic_offsets, parse_fragments
from SegRLEExportLib.encoding import encapsulation
from SegRLEExportLib.encoding.encapsulation import OffsetOverflowError, OffsetTable, item

EVEN_LENGTHS = st.lists(st.integers(1, 50).map(lambda half: 2 * half), min_size=1, max_size=20)


@given(EVEN_LENGTHS)
def test_basic_offsets_are_those_that_pydicom_finds(lengths):
    frames = b"".join(item(bytes(length)) for length in lengths)
    table = OffsetTable(lengths)

    _, fragment_offsets = parse_fragments(frames)

    assert parse_basic_offsets(item(table.basic())) == table.offsets() == fragment_offsets


@given(EVEN_LENGTHS)
def test_extended_offsets_are_those_that_pydicom_writes(lengths):
    _, offsets, fragment_lengths = encapsulate_extended([bytes(length) for length in lengths])

    assert OffsetTable(lengths).extended() == (offsets, fragment_lengths)


def test_an_item_of_odd_length_is_a_mistake():
    with pytest.raises(ValueError, match=r"an item of 3 bytes is not even \(PS3.5, A.4\)"):
        item(b"abc")


@pytest.mark.parametrize(
    ("last_offset", "fits"), [(encapsulation.BASIC_OFFSET_LIMIT - 2, True), (encapsulation.BASIC_OFFSET_LIMIT, False)]
)
def test_the_last_frame_must_begin_within_32_bits(last_offset, fits):
    table = OffsetTable([last_offset - 8, 2])

    if fits:
        assert table.basic() == bytes(4) + last_offset.to_bytes(4, "little")
    else:
        with pytest.raises(OffsetOverflowError):
            table.basic()


def test_the_sequence_delimiter_ends_the_fragments_for_pydicom():
    count, _ = parse_fragments(BytesIO(item(b"ab") + encapsulation.SEQUENCE_DELIMITER))

    assert count == 1
