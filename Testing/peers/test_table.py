"""The published table is explained, and every text that speaks of readers agrees with it."""

from __future__ import annotations

import pytest
from SegRLEExportLib.encoding.plan import PLANS

from peers import page, table
from peers.cases import case_set
from peers.catalog import READERS
from peers.known_failures import KNOWN_FAILURES
from peers.measuring import Outcome
from peers.ohif import page as ohif
from peers.recipients import RECIPIENTS

PUBLISHED = table.load()
SHOWN = ohif.load()

SPOKEN = {
    "3D Slicer 5.12": "slicer-5.12",
    "3D Slicer 5.6": "slicer-dcmqi-1.3.1",
    "3D Slicer": "slicer",
    "dcmqi 1.5.4": "dcmqi-1.5.4",
    "dcmqi 1.5.3": "slicer-dcmqi-1.5.3",
    "dcmqi 1.3": "slicer-dcmqi-1.3.4",
    "highdicom": "highdicom",
    "pydicom with pylibjpeg-rle": "pydicom-pylibjpeg",
    "SimpleITK": "simpleitk",
    "DCMTK": "dcmtk",
    "GDCM": "gdcm",
    "pydicom-seg": "pydicom-seg",
    "vtk-dicom": "vtk-dicom",
    "Orthanc": "orthanc-frames",
    "current cornerstone3D": "cornerstone-5",
    "cornerstone3D 3": "cornerstone-3",
    "cornerstone3D 2": "cornerstone-2",
    "cornerstone3D": "cornerstone-5",
}
"""How the texts of the plans name readers; the longest name that fits is meant."""


WARNED_OF_AS = {
    "slicer-dcmqi-1.3.1": "3D Slicer 5.6",
    "slicer-dcmqi-1.3.4": "dcmqi 1.3",
    "highdicom": "highdicom",
    "highdicom-0.27": "highdicom",
    "simpleitk": "SimpleITK",
    "cornerstone-5": "cornerstone3D (OHIF)",
    "cornerstone-3": "cornerstone3D (OHIF)",
    "cornerstone-2": "cornerstone3D (OHIF)",
    "cornerstone-loader": "cornerstone3D (OHIF)",
}
"""What the text on an encoding must say if the reader is silently wrong on it."""


def readers_named_in(text: str) -> set[str]:
    """Return the ids of the readers that a text names."""
    named = set()
    for spoken in sorted(SPOKEN, key=len, reverse=True):
        if spoken in text:
            named.add(SPOKEN[spoken])
            text = text.replace(spoken, "")
    return named


def outcomes(reader_id: str, plan_id: str) -> set[Outcome]:
    return set(PUBLISHED.columns[reader_id].outcomes(plan_id).values())


def test_the_table_holds_every_cell_of_every_reader_in_it():
    assert PUBLISHED.cases == {case.id: case.what for case in case_set()}
    for reader in READERS:
        plans = reader.plans or tuple(PLANS)
        missing = [
            (plan_id, case_id)
            for plan_id in plans
            for case_id in PUBLISHED.cases
            if (plan_id, case_id) not in PUBLISHED.columns[reader.id].cells and table.is_possible(plan_id, case_id)
        ]
        assert missing == [], reader.id


def test_at_least_fifteen_readers_were_measured():
    assert len(PUBLISHED.columns) >= 15


def test_saving_and_loading_changes_nothing(tmp_path):
    table.save(PUBLISHED, tmp_path / "table.json")
    assert table.load(tmp_path / "table.json") == PUBLISHED
    assert (tmp_path / "table.json").read_text("utf-8") == table.PATH.read_text("utf-8")


@pytest.mark.parametrize("outcome", [Outcome.WRONG, Outcome.CRASH, Outcome.ERROR], ids=lambda o: o.value)
def test_every_cell_that_is_not_right_has_a_known_reason(outcome):
    unexplained = [
        (reader_id, plan_id, case_id, cell.message)
        for reader_id, plan_id, case_id, cell in PUBLISHED.of_outcome(outcome)
        if not any(k.covers(reader_id, plan_id, case_id) and k.outcome is outcome for k in KNOWN_FAILURES)
    ]
    assert unexplained == []


@pytest.mark.parametrize("known", KNOWN_FAILURES, ids=lambda k: f"{k.readers[0]} {k.plans[0]} {k.outcome.value}")
def test_every_known_failure_is_still_there(known):
    better = [
        (reader_id, plan_id, case_id)
        for reader_id in known.readers
        for (plan_id, case_id), cell in PUBLISHED.columns[reader_id].cells.items()
        if known.covers(reader_id, plan_id, case_id) and cell.outcome is not known.outcome
    ]
    assert better == [], "it reads these otherwise now: correct known_failures.py and the texts in encoding/plan.py"


@pytest.mark.parametrize("plan", PLANS.values(), ids=lambda plan: plan.id)
def test_who_is_said_to_read_it_reads_it(plan):
    for reader_id in readers_named_in(plan.reads_in):
        found = outcomes(reader_id, plan.id)
        assert Outcome.RIGHT in found, reader_id
        assert not found & {Outcome.ERROR, Outcome.CRASH}, reader_id


@pytest.mark.parametrize("plan", PLANS.values(), ids=lambda plan: plan.id)
def test_who_is_said_to_fail_fails(plan):
    for reader_id in readers_named_in(plan.fails_in):
        assert outcomes(reader_id, plan.id) - {Outcome.RIGHT}, reader_id


@pytest.mark.parametrize("plan", PLANS.values(), ids=lambda plan: plan.id)
def test_whoever_is_silently_wrong_is_named(plan):
    for reader_id, column in PUBLISHED.columns.items():
        if Outcome.WRONG in column.outcomes(plan.id).values():
            assert WARNED_OF_AS[reader_id] in plan.fails_in, f"{column.title} is silently wrong on '{plan.id}'"


@pytest.mark.parametrize("recipient", RECIPIENTS, ids=lambda recipient: recipient.who)
def test_who_gets_what_is_advised_reads_it_right(recipient):
    for reader_id in recipient.readers:
        found = PUBLISHED.columns[reader_id].outcomes(recipient.plan_id)
        wrong = {case_id for case_id, outcome in found.items() if outcome is not Outcome.RIGHT}
        assert wrong <= set(recipient.but_not), reader_id


@pytest.mark.parametrize("recipient", RECIPIENTS, ids=lambda recipient: recipient.who)
def test_the_real_ohif_shows_right_what_is_advised_for_it(recipient):
    assert recipient.readers or recipient.ohif
    for version in recipient.ohif:
        for measured in SHOWN[version].values():
            cells = [cell for cell in measured["cells"] if cell["encoding"] == recipient.plan_id]
            assert {cell["outcome"] for cell in cells} == {"right"}, version


@pytest.mark.parametrize("recipient", RECIPIENTS, ids=lambda recipient: recipient.who)
def test_every_exception_to_the_advice_is_needed(recipient):
    for case_id in recipient.but_not:
        assert any(
            PUBLISHED.columns[reader_id].cells[recipient.plan_id, case_id].outcome is not Outcome.RIGHT
            for reader_id in recipient.readers
        )


def test_the_page_is_made_from_the_table():
    text = page.PATH.read_text("utf-8")
    assert page.filled(text, PUBLISHED) == text, "run: python3 tasks.py peers --all --update"
