"""The choice of encoding as a small bar chart: who it is for, and how large the files would be."""

from __future__ import annotations

import qt
from slicer.i18n import tr as _

from SegRLEExportLib.encoding.plan import PLANS
from SegRLEExportLib.report import size_text

_BAR_STEPS = 1000
_BAR_HEIGHT = 12
_BAR_LEAST_WIDTH = 40


ORDINARY = ("rle", "none", "deflate")
"""The rows that are always shown."""


def recipients(plan) -> str:
    """Return who the row is for, in a few words, or what it is where it is for special cases."""
    words = {
        "rle": _("Current software (RLE)"),
        "none": _("Any archive (uncompressed)"),
        "deflate": _("3D Slicer 5.10+ (deflated)"),
    }
    return words.get(plan.id, plan.title)


class EncodingChart:
    """One line a row of the table of encodings: radio button, bar, size."""

    def __init__(self, layout, on_chosen) -> None:
        self._on_chosen = on_chosen
        self._buttons, self._bars, self._sizes = {}, {}, {}
        self._group = qt.QButtonGroup(layout)
        for row, plan in enumerate(PLANS.values()):
            button = qt.QRadioButton(recipients(plan))
            button.toolTip = plan.advice
            button.connect("clicked()", lambda plan_id=plan.id: self._on_chosen(plan_id))
            self._group.addButton(button)
            self._buttons[plan.id], self._bars[plan.id], self._sizes[plan.id] = button, _bar(), qt.QLabel()
            for column, widget in enumerate((button, self._bars[plan.id], self._sizes[plan.id])):
                layout.addWidget(widget, row, column)
        layout.setColumnStretch(1, 1)

    def choose(self, plan_id: str) -> None:
        """Mark that row."""
        self._buttons[plan_id].checked = True

    def show_rows(self, plan_ids) -> None:
        """Show those rows alone."""
        for plan_id, button in self._buttons.items():
            for widget in (button, self._bars[plan_id], self._sizes[plan_id]):
                widget.setVisible(plan_id in plan_ids)

    def show_forecasts(self, forecasts) -> None:
        """Draw the sizes; of what has none, or is refused, the bars are empty."""
        by_id = {forecast.plan.id: forecast for forecast in forecasts if not forecast.errors}
        largest = max((forecast.bytes for forecast in forecasts), default=1)
        for plan_id, bar in self._bars.items():
            forecast = by_id.get(plan_id)
            bar.value = max(1, forecast.bytes * _BAR_STEPS // largest) if forecast else 0
            self._sizes[plan_id].text = _text(forecast) if forecast else ""


def _bar():
    bar = qt.QProgressBar()
    bar.maximum = _BAR_STEPS
    bar.textVisible = False
    bar.setFixedHeight(_BAR_HEIGHT)
    bar.setMinimumWidth(_BAR_LEAST_WIDTH)
    bar.setSizePolicy(qt.QSizePolicy.Ignored, qt.QSizePolicy.Fixed)
    return bar


def _text(forecast) -> str:
    size = size_text(forecast.bytes)
    return size if forecast.files == 1 else _("{size}, {count} files").format(size=size, count=forecast.files)
