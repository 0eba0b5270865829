"""UIDs: new ones that nobody else has, derived ones that stay the same (PS3.5, B.2)."""

from __future__ import annotations

from pydicom.uid import UID
from SegRLEExportLib.uids import derived_uid, new_uid


def test_new_uids_are_valid_and_differ():
    uids = {new_uid() for _ in range(100)}
    assert {len(uid) for uid in uids} == {44}

    assert len(uids) == 100
    assert all(UID(uid).is_valid for uid in uids)


def test_derived_uids_are_valid_and_depend_on_every_part():
    uids = {derived_uid(*parts) for parts in (("a",), ("a", "b"), ("b", "a"), ("a", "b", ""))}

    assert len(uids) == 4
    assert all(UID(uid).is_valid for uid in uids)


def test_a_derived_uid_is_the_same_on_every_machine():
    assert derived_uid("tracking", "1.2", "name") == "2.25.327801018017032880021415199352712655074"
