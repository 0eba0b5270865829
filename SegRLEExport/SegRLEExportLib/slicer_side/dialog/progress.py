"""A progress dialog with a Cancel button that keeps Slicer's window alive."""

from __future__ import annotations

from contextlib import contextmanager

import qt
import slicer

_STEPS = 1000


@contextmanager
def progress_dialog(title: str):
    """Show a modal dialog while the block runs; yields the progress callback of an export.

    Without a main window nothing is shown, and None is yielded.
    """
    if slicer.util.mainWindow() is None:
        yield None
        return
    dialog = slicer.util.createProgressDialog(
        parent=slicer.app.activeModalWidget() or slicer.util.mainWindow(),
        maximum=_STEPS,
        windowTitle=title,
        minimumWidth=420,
        windowModality=qt.Qt.ApplicationModal,
        autoClose=False,
        autoReset=False,
    )

    def show(fraction: float, text: str) -> bool:
        dialog.labelText = text
        dialog.value = int(fraction * _STEPS)
        slicer.app.processEvents()
        return not dialog.wasCanceled

    try:
        yield show
    finally:
        dialog.close()
        dialog.deleteLater()
