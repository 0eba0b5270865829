"""Known values of each VR: what is kept, what is repaired and into what, what is left out (PS3.5, 6.2)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.valuerep import validate_value
from SegRLEExportLib.dataset.decimal_string import decimal_string
from SegRLEExportLib.dataset.repair import repaired_value
from SegRLEExportLib.uids import is_standard_uid, is_usable_uid

VALID = [
    ("PN", "Doe^Jane^^Dr."),
    ("PN", "Yamada^Tarou=山田^太郎=やまだ^たろう"),
    ("CS", "ORIGINAL"),
    ("CS", ""),
    ("DA", "20260131"),
    ("TM", "12"),
    ("TM", "1259"),
    ("TM", "125960"),
    ("TM", "235959.123456"),
    ("IS", "-2147483648"),
    ("IS", "+5"),
    ("DS", "1.5"),
    ("DS", "-1.234567890e-10"),
    ("DS", ".5"),
    ("UI", "1.2.840.10008.1.2"),
    ("UI", "0"),
    ("UI", "1.02.3"),
    ("AS", "057Y"),
    ("LO", "x" * 64),
    ("LO", "日本語"),
    ("SH", "x" * 16),
    ("ST", "two\r\nlines"),
    ("LT", "\ttab"),
]

REPAIRED = [
    ("PN", "Doe\\Jane", "Doe/Jane"),
    ("PN", "A^B^C^D^E^F", "A^B^C^D^E"),
    ("PN", "x" * 70, "x" * 64),
    ("PN", "a\x00b\nc", "ab c"),
    ("CS", "original", "ORIGINAL"),
    ("CS", "A-B", "A_B"),
    ("CS", "A" * 20, "A" * 16),
    ("DA", "2026-01-31", "20260131"),
    ("DA", "2026.01.31", "20260131"),
    ("TM", "12:59:30", "125930"),
    ("TM", "125930.1234567", "125930.123456"),
    ("IS", "3.7", "4"),
    ("IS", "00000000000005", "5"),
    ("DS", "1,5", "1.5"),
    ("DS", "0.12345678901234567", "0.12345678901235"),
    ("AS", "57", "057Y"),
    ("AS", "7y", "007Y"),
    ("AS", "057y", "057Y"),
    ("LO", "x" * 65, "x" * 64),
    ("LO", "a\\b", "a/b"),
    ("LO", "two\nlines", "two lines"),
    ("SH", "a\x07b", "ab"),
    ("ST", "a\x00b", "ab"),
    ("LO", "broken \ufffd", "broken ?"),
]

LEFT_OUT = [
    ("DA", "31.01.2026"),
    ("DA", "20261301"),
    ("DA", "20260132"),
    ("DA", "yesterday"),
    ("TM", "2500"),
    ("TM", "noon"),
    ("IS", "many"),
    ("IS", "99999999999"),
    ("IS", "1e99"),
    ("IS", "nan"),
    ("DS", "wide"),
    ("DS", "nan"),
    ("DS", "inf"),
    ("UI", "not.a.uid"),
    ("UI", "1." + "2" * 70),
    ("UI", "1..2"),
    ("AS", "old"),
    ("AS", "1234Y"),
]


@pytest.mark.parametrize(("vr", "text"), VALID)
def test_a_valid_value_is_kept(vr, text):
    assert repaired_value(vr, text) == type(repaired_value(vr, text))(text, "")


@pytest.mark.parametrize(("vr", "text", "becomes"), REPAIRED)
def test_a_value_is_repaired_and_the_reason_said(vr, text, becomes):
    repaired = repaired_value(vr, text)

    assert repaired.value == becomes
    assert repaired.reason


@pytest.mark.parametrize(("vr", "text"), LEFT_OUT)
def test_what_cannot_be_repaired_is_left_out_and_the_reason_said(vr, text):
    repaired = repaired_value(vr, text)

    assert repaired.value is None
    assert repaired.reason


@pytest.mark.parametrize("vr", ["AS", "CS", "DA", "DS", "IS", "LO", "LT", "PN", "SH", "ST", "TM"])
@given(text=st.text(max_size=90))
def test_whatever_is_written_passes_pydicoms_check_and_stays_as_it_is(vr, text):
    value = repaired_value(vr, text).value
    if value is not None:
        validate_value(vr, value, validation_mode=2)
        assert repaired_value(vr, value).value == value


@given(st.floats(-1e300, 1e300))
def test_a_decimal_string_has_at_most_16_characters_and_is_near(number):
    text = decimal_string(number)

    assert len(text) <= 16
    assert float(text) == pytest.approx(number, rel=1e-8, abs=0)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (3.0, "3"),
        (-0.1, "-0.1"),
        (1 / 3, "0.33333333333333"),
        (-1 / 3, "-0.3333333333333"),
        (-1.2345678901234567e-100, "-1.23456789e-100"),
    ],
)
def test_known_decimal_strings(number, text):
    assert decimal_string(number) == text


@pytest.mark.parametrize(
    ("text", "is_usable", "is_standard"),
    [
        pytest.param("1.2.3", True, True, id="as it should be"),
        pytest.param("1.02.3", True, False, id="leading zero: kept, as references must repeat it"),
        pytest.param("1.0.3", True, True, id="zero"),
        pytest.param("", False, False, id="nothing"),
        pytest.param("1.", False, False, id="no last number"),
        pytest.param("1.2 ", False, False, id="a space"),
        pytest.param("1" * 64, True, True, id="64 characters"),
        pytest.param("1" * 65, False, False, id="65 characters"),
        pytest.param("\uff11.2", False, False, id="a digit that is not ASCII"),
    ],
)
def test_known_uids(text, is_usable, is_standard):
    assert is_usable_uid(text) is is_usable
    assert is_standard_uid(text) is is_standard
