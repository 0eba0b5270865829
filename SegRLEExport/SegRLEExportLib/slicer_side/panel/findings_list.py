"""What pre-flight found, one line each, with a button where Slicer can mend it."""

from __future__ import annotations

import qt
import slicer

from SegRLEExportLib.model.finding import Severity
from SegRLEExportLib.slicer_side.dialog.fields import sentence, tool_tip
from SegRLEExportLib.slicer_side.panel.folding import always_shown, causes, summary

_ICONS = {
    Severity.ERROR: qt.QStyle.SP_MessageBoxCritical,
    Severity.WARNING: qt.QStyle.SP_MessageBoxWarning,
    Severity.REPAIR: qt.QStyle.SP_MessageBoxInformation,
    Severity.NOTE: qt.QStyle.SP_MessageBoxInformation,
}
_ICON_PIXELS = 16


class FindingsList:
    """Fills a frame with findings, the worst first; without any it takes no room."""

    def __init__(self, frame, fix_of) -> None:
        self._frame = frame
        self._layout = frame.layout()
        self._fix_of = fix_of
        """Called with a finding; returns (button text, function) or None."""
        self._is_open = False
        self._found = []

    def show(self, findings) -> None:
        """Replace what is shown; what is no obstacle is folded into a line until somebody asks for it."""
        self._found = causes(findings)
        while self._layout.count():
            line = self._layout.takeAt(0).widget()
            line.setParent(None)
            line.deleteLater()
        shown = self._found if self._is_open else always_shown(self._found)
        for finding in shown:
            self._layout.addWidget(self._line(finding))
        if len(always_shown(self._found)) < len(self._found):
            self._layout.addWidget(self._fold())
        self._frame.setVisible(bool(self._found))

    def _fold(self):
        """Return the line that tells how many there are and opens or closes them."""
        button = qt.QToolButton()
        button.text = summary(self._found)
        button.autoRaise = True
        button.toolButtonStyle = qt.Qt.ToolButtonTextBesideIcon
        button.arrowType = qt.Qt.DownArrow if self._is_open else qt.Qt.RightArrow
        button.connect("clicked()", self._toggle)
        return button

    def _toggle(self) -> None:
        self._is_open = not self._is_open
        self.show(self._found)

    def _line(self, finding):
        line = qt.QWidget()
        layout = qt.QHBoxLayout(line)
        layout.setContentsMargins(0, 0, 0, 0)
        icon = qt.QLabel()
        icon.setPixmap(slicer.app.style().standardIcon(_ICONS[finding.severity]).pixmap(_ICON_PIXELS, _ICON_PIXELS))
        layout.addWidget(icon, 0, qt.Qt.AlignTop)
        text = qt.QLabel(sentence(finding))
        text.wordWrap = True
        text.textFormat = qt.Qt.PlainText
        text.toolTip = tool_tip(finding)
        text.setTextInteractionFlags(qt.Qt.TextSelectableByMouse)
        layout.addWidget(text, 1)
        fix = self._fix_of(finding)
        if fix is not None:
            label, mend = fix
            button = qt.QPushButton(label)
            button.connect("clicked()", mend)
            layout.addWidget(button, 0, qt.Qt.AlignTop)
        return line
