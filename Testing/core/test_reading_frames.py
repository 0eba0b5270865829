"""What is remembered of frames never changes what is read: each item says what it says alone."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from builders import a_grid, a_segmentation, a_source, drafts
from hypothesis import given, settings
from hypothesis import strategies as st
from SegRLEExportLib.dataset.functional_groups import FrameGroups
from SegRLEExportLib.model.geometry import Geometry
from SegRLEExportLib.reading.damage import SegFileError
from SegRLEExportLib.reading.elements import EXPLICIT
from SegRLEExportLib.reading.frames import FrameRecords, read_frame_records

GRID = a_grid((12, 5, 6))
FAR_APART = Geometry(GRID.shape_kji, GRID.kji_to_lps @ np.diag([15, 1, 1, 1]))
"""Planes from 100 mm below to 395 mm above 0, so that their positions differ in length."""

DAMAGE = (SegFileError, LookupError, ValueError, struct.error)


def items(encoding: str) -> list[bytes]:
    """Return the items of three segments on twelve planes, whose positions and UIDs differ in length."""
    masks = [np.random.default_rng(n).random(GRID.shape_kji) < 0.3 for n in range(3)]
    (draft, *_) = drafts(a_segmentation(masks, grid=FAR_APART), encoding, a_source(FAR_APART))
    found = draft.survey
    groups = FrameGroups(draft.instance, found.stack, found.source_frames, is_label_map=draft.plan.is_label_map)
    content = b"".join(groups.pieces())[12:]
    split = []
    while content:
        (length,) = struct.unpack_from("<I", content, 4)
        split.append(content[8 : 8 + length])
        content = content[8 + length :]
    return split


ITEMS = {encoding: items(encoding) for encoding in ("none", "labelmap")}


def records_of(contents: list[bytes], encoding: str = "none") -> FrameRecords:
    """Return what all items say."""
    return read_frame_records(contents, EXPLICIT, None, is_label_map=encoding == "labelmap")


def read(contents: list[bytes], encoding: str = "none") -> object:
    """Return what the last of the items says, or how it is refused."""
    try:
        records = records_of(contents, encoding)
    except DAMAGE as error:
        return type(error)
    return records.segment_numbers[-1], records.places[records.place_of_frame[-1]], records.dimension_indices[-1]


@pytest.mark.parametrize("encoding", ITEMS)
def test_items_are_of_several_lengths_and_read_alike_in_any_order(encoding):
    contents = [*ITEMS[encoding], *reversed(ITEMS[encoding])]
    records = records_of(contents, encoding)

    assert len({len(content) for content in contents}) > 1
    assert len(records) == len(contents)
    for number, content in enumerate(contents):
        alone = (
            records.segment_numbers[number],
            records.places[records.place_of_frame[number]],
            records.dimension_indices[number],
        )
        assert alone == read([content], encoding)


def test_frames_of_one_plane_share_what_they_say_of_it():
    records = records_of(ITEMS["none"])

    assert len(records.places) == len(set(records.places)) == 12 < len(records)


@given(st.sampled_from(sorted(ITEMS)), st.integers(0, 2**32 - 1))
@settings(max_examples=300, deadline=None)
def test_a_damaged_item_is_read_or_refused_as_if_it_were_the_first(encoding, seed):
    random = np.random.default_rng(seed)
    contents = ITEMS[encoding]
    damaged = bytearray(contents[random.integers(len(contents))])
    for place in random.integers(0, len(damaged), random.integers(1, 4)):
        damaged[place] ^= 1 << random.integers(8)

    assert read([*contents, bytes(damaged)], encoding) == read([bytes(damaged)], encoding)


def test_groups_in_another_order_are_read_all_the_same():
    content = ITEMS["none"][0]
    segment = content.index(bytes.fromhex("62000A00"))

    assert read([content[segment:] + content[:segment]]) == read([content])


def test_groups_beyond_their_item_are_told():
    with pytest.raises(SegFileError, match="an element reaches beyond its item"):
        records_of([ITEMS["none"][0][:-1]])
