"""What the user prefers for every export: Application settings, DICOM, SegRLEExport."""

from __future__ import annotations

import ctk
import qt
import slicer
from slicer.i18n import tr as _

PREFIX = "DICOM/SegRLEExport/"


def default_encoding() -> str:
    """Return the id of the row of the table of encodings that the panel begins with."""
    return slicer.util.settingsValue(PREFIX + "Encoding", "rle")


def creator_name() -> str:
    """Return the Content Creator's Name: that of these settings, or else Slicer's user, or nothing."""
    name = slicer.util.settingsValue(PREFIX + "CreatorName", "")
    return name or slicer.app.applicationLogic().GetUserInformation().GetName() or ""


def is_verified() -> bool:
    """Return whether files are read back and compared."""
    return slicer.util.settingsValue(PREFIX + "Verify", True, converter=slicer.util.toBool)


def is_read_by_others() -> bool:
    """Return whether other programs read each file, too."""
    return slicer.util.settingsValue(PREFIX + "VerifyByOthers", False, converter=slicer.util.toBool)


def keeps_empty_frames() -> bool:
    """Return whether planes without any segment are written too."""
    return slicer.util.settingsValue(PREFIX + "KeepEmptyFrames", False, converter=slicer.util.toBool)


def prefers_our_loader() -> bool:
    """Return whether SEG files that Slicer's own plugin opens right are loaded by this extension, too."""
    return slicer.util.settingsValue(PREFIX + "LoadSeg", False, converter=slicer.util.toBool)


def chosen_terminology() -> str:
    """Return the name of the terminology in which Slicer's user chose last, or else Slicer's first one."""
    names = slicer.util.settingsValue("Terminology/LastTerminologyContexts", ())
    names = (names,) if isinstance(names, str) else tuple(names or ())
    return names[0] if names else "Segmentation category and type - 3D Slicer General Anatomy list"


def preferred_options():
    """Return `ExportOptions` as the user prefers them."""
    from SegRLEExportLib.options import ExportOptions, Verify

    read_by = Verify.OTHERS if is_read_by_others() else Verify.OWN
    return ExportOptions(
        content_creator_name=creator_name(),
        verify=read_by if is_verified() else Verify.OFF,
        keep_empty_frames=keeps_empty_frames(),
    )


def add_to_panel(panel, parent) -> None:
    """Add the group of SegRLEExport to the DICOM page of Slicer's application settings."""
    form = qt.QFormLayout(parent)
    _add_encoding(panel, form)
    _add_creator_name(panel, form)
    _add_check_box(
        panel,
        form,
        "Verify",
        _("Verify each file:"),
        _("Read each file back and compare every voxel; a file is kept only if nothing differs. Recommended."),
        checked=True,
    )
    _add_check_box(
        panel,
        form,
        "VerifyByOthers",
        _("... also by other programs:"),
        _("Let highdicom, and 3D Slicer's own loader (dcmqi) where it is found, read each file, too. Takes longer."),
        checked=False,
    )
    _add_check_box(
        panel,
        form,
        "KeepEmptyFrames",
        _("Keep empty frames:"),
        _("Write a frame also for slices where nothing is segmented. A few old viewers need that; files get larger."),
        checked=False,
    )
    _add_loader(panel, form)


def _add_loader(panel, form) -> None:
    _add_check_box(
        panel,
        form,
        "LoadSeg",
        _("Load DICOM SEG with SegRLEExport:"),
        _("Load all DICOM SEG with this extension, not only those that Slicer's own loader cannot open or merges."),
        checked=False,
    )


def _add_encoding(panel, form) -> None:
    combo_box = ctk.ctkComboBox()
    combo_box.toolTip = _("Encoding that the SegRLEExport module begins with.")
    combo_box.addItem(_("RLE compressed label map"), "rle")
    combo_box.addItem(_("Uncompressed: opens almost everywhere"), "none")
    combo_box.addItem(_("Deflated: the smallest"), "deflate")
    form.addRow(_("Default encoding:"), combo_box)
    signal = str(qt.SIGNAL("currentIndexChanged(int)"))
    panel.registerProperty(PREFIX + "Encoding", combo_box, "currentUserDataAsString", signal)


def _add_creator_name(panel, form) -> None:
    line_edit = qt.QLineEdit()
    line_edit.toolTip = _(
        "Written as Content Creator's Name, as Family^Given. Empty: the name of Slicer's user, if set."
    )
    line_edit.placeholderText = "Family^Given"
    form.addRow(_("Creator name:"), line_edit)
    panel.registerProperty(PREFIX + "CreatorName", line_edit, "text", str(qt.SIGNAL("textChanged(QString)")))


def _add_check_box(panel, form, key: str, label: str, tool_tip: str, *, checked: bool) -> None:
    check_box = qt.QCheckBox()
    check_box.toolTip = tool_tip
    check_box.checked = checked
    form.addRow(label, check_box)
    mapper = ctk.ctkBooleanMapper(check_box, "checked", str(qt.SIGNAL("toggled(bool)")))
    panel.registerProperty(PREFIX + key, mapper, "valueAsInt", str(qt.SIGNAL("valueAsIntChanged(int)")))
