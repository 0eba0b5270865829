"""What pre-flight found, one line each, with a button where Slicer can mend it."""

from __future__ import annotations

import qt
import slicer
from slicer.i18n import tr as _

from SegRLEExportLib.model.finding import Severity, one_for_each_cause
from SegRLEExportLib.slicer_side.dialog.fields import sentence, tool_tip

_ICONS = {
    Severity.ERROR: qt.QStyle.SP_MessageBoxCritical,
    Severity.WARNING: qt.QStyle.SP_MessageBoxWarning,
    Severity.REPAIR: qt.QStyle.SP_MessageBoxInformation,
    Severity.NOTE: qt.QStyle.SP_MessageBoxInformation,
}
_ICON_PIXELS = 16
_SHOWN = 8


class FindingsList:
    """Fills a layout with findings, the worst first."""

    def __init__(self, layout, fix_of) -> None:
        self._layout = layout
        self._fix_of = fix_of
        """Called with a finding; returns (button text, function) or None."""

    def show(self, findings) -> None:
        """Replace what is shown."""
        while self._layout.count():
            line = self._layout.takeAt(0).widget()
            line.setParent(None)
            line.deleteLater()
        by_severity = sorted(one_for_each_cause(findings), key=lambda finding: list(Severity).index(finding.severity))
        for finding in by_severity[:_SHOWN]:
            self._layout.addWidget(self._line(finding))
        if len(by_severity) > _SHOWN:
            rest = _("... and {count} more; all of them stand in the report.")
            self._layout.addWidget(qt.QLabel(rest.format(count=len(by_severity) - _SHOWN)))

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
