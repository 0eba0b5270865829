"""Progress grows from stage to stage, costs nothing without a callback, and stops when told to."""

from __future__ import annotations

import pytest
from SegRLEExportLib import progress
from SegRLEExportLib.errors import CancelledError
from SegRLEExportLib.progress import Progress


@pytest.fixture
def at_every_step(monkeypatch):
    monkeypatch.setattr(progress, "REPORT_INTERVAL_S", 0.0)


@pytest.mark.usefixtures("at_every_step")
def test_a_stage_goes_from_where_the_last_one_ended():
    told = []
    steps = Progress(lambda fraction, stage: told.append((round(fraction, 3), stage)))

    steps.stage("first", 0.5, 2)
    steps.step()
    steps.step()
    steps.stage("second", 1.0, 1)
    steps.step()

    assert told == [(0.0, "first"), (0.25, "first"), (0.5, "first"), (0.5, "second"), (1.0, "second")]


@pytest.mark.usefixtures("at_every_step")
def test_more_steps_than_announced_do_not_go_beyond_the_stage():
    told = []
    steps = Progress(lambda fraction, _: told.append(fraction))

    steps.stage("short", 0.5, 0)
    for _ in range(3):
        steps.step()

    assert told[-1] == 0.5


def test_the_callback_is_not_called_more_often_than_the_interval(monkeypatch):
    clock = iter([0.0, 0.01, 0.02, 0.06, 0.07])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    told = []
    steps = Progress(lambda fraction, _: told.append(fraction))

    steps.stage("long", 1.0, 10)
    for _ in range(3):
        steps.step()

    assert told == [0.0, 0.3]


@pytest.mark.parametrize("answer", [None, True, 0, ""])
def test_only_false_cancels(answer):
    Progress(lambda *_: answer).stage("any", 1.0, 1)


def test_false_cancels():
    with pytest.raises(CancelledError):
        Progress(lambda *_: False).stage("any", 1.0, 1)


def test_without_a_callback_the_clock_is_not_asked(monkeypatch):
    monkeypatch.setattr(progress.time, "monotonic", lambda: pytest.fail("the clock was asked"))
    steps = Progress()

    steps.stage("any", 1.0, 1)
    steps.step()
