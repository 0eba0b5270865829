"""What the panel shows after an export: the outcome in a line, the whole report, and ways to the files."""

from __future__ import annotations

import qt
import slicer
from slicer.i18n import tr as _

from SegRLEExportLib.errors import CancelledError, ExportError
from SegRLEExportLib.report import Report, size_text
from SegRLEExportLib.slicer_side.dialog.fields import seen_by_others
from SegRLEExportLib.slicer_side.dialog.words import Door, error_text, report_text


class ReportView:
    """Fills the report section of the panel's .ui file."""

    def __init__(self, ui) -> None:
        self._ui = ui
        self.report: Report | None = None
        """Of the last export; None if there was none, or it failed."""
        ui.openFolderButton.connect("clicked()", self._open_folder)
        ui.openBrowserButton.connect("clicked()", lambda: slicer.util.selectModule("DICOM"))
        ui.reportSection.hide()

    def show(self, report: Report, *, is_in_database: bool) -> None:
        """Show what was written."""
        self.report = report
        self._show_text(_summary(report), report_text(report, Door.PANEL))
        self._ui.openFolderButton.show()
        self._ui.openBrowserButton.setVisible(is_in_database)
        slicer.util.showStatusMessage(_summary(report), 5000)

    def show_failure(self, error: ExportError) -> None:
        """Show why nothing was written; in a window too, unless the user asked for it."""
        self.report = None
        told = error_text(error, Door.PANEL)
        self._show_text(_("Nothing was exported."), told)
        self._ui.openFolderButton.hide()
        self._ui.openBrowserButton.hide()
        if not isinstance(error, CancelledError):
            slicer.util.errorDisplay(told, windowTitle=_("DICOM SEG export"))

    def _show_text(self, outcome: str, details: str) -> None:
        self._ui.reportSection.show()
        self._ui.reportSection.collapsed = False
        self._ui.reportLabel.text = outcome
        self._ui.reportDetails.plainText = details

    def _open_folder(self) -> None:
        qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(self.report.paths[0].parent)))


def _summary(report: Report) -> str:
    count = len(report.instances)
    files = _("1 file") if count == 1 else _("{count} files").format(count=count)
    proof = _("read back and compared voxel by voxel") if report.is_verified else _("not verified")
    return f"{files}, {size_text(report.bytes)}, {proof}. {seen_by_others([report])}".strip()
