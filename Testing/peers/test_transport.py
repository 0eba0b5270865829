"""What DCMTK's storescu and storescp carry is what the published table says."""

from __future__ import annotations

import pytest

from peers import table
from peers.environments import AbsentError
from peers.published import changed_deliveries
from peers.transport import Delivery, alone_on_loopback


def test_dcmtk_carries_what_the_published_table_says():
    try:
        fresh = alone_on_loopback(is_quick=True)
    except AbsentError as absent:
        pytest.skip(str(absent))
    assert changed_deliveries(fresh, table.load()) == []


def test_nothing_that_arrived_anywhere_was_changed():
    found = [delivery for by_plan in table.load().deliveries.values() for delivery in by_plan.values()]
    assert len(found) >= 7 * 12
    assert {delivery.outcome for delivery in found} == {"as sent", "refused", "Explicit VR Little Endian"}


def test_a_delivery_that_changed_is_told():
    (told,) = changed_deliveries({"storescu to storescp": {"none": Delivery("refused")}}, table.load())
    assert told.startswith("'none' from storescu to storescp: refused now, as sent in the published table.")


@pytest.mark.parametrize("way", ["storescu to storescp", "a new way"])
def test_a_delivery_that_is_not_published_is_told(way):
    (told,) = changed_deliveries({way: {"new": Delivery("refused")}}, table.load())
    assert told.startswith(f"'new' from {way}: refused now, and not in the published table. Run ")
