"""What Slicer can do about a finding, at the press of a button."""

from __future__ import annotations

import tempfile
from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from SegRLEExportLib.errors import ImagesNotLoadedError
from SegRLEExportLib.model.remedy import Remedy
from SegRLEExportLib.slicer_side.dialog.words import WORDS, Door


def fix_of(panel, finding):
    """Return (button text, function) that mends the finding in the panel's choices, or None."""
    parameters = panel.parameters
    if finding.id == "not-coded":
        if panel.proposals():
            return _("Meaning from names..."), panel.meaningFromNames
        uncoded = [segment.id for segment in panel.look.segments if not segment.meaning]
        return _("Choose meaning..."), lambda: panel.chooseMeaning(uncoded[0])
    if finding.id == "incomplete-code":
        meant = [segment.id for segment in panel.look.segments if segment.name == finding.where]
        return (_("Choose meaning..."), lambda: panel.chooseMeaning(meant[0])) if meant else None
    if finding.id == "outside-source":
        return (_("Leave them out"), lambda: _set(parameters, "clip", True)) if not parameters.clip else None
    if finding.id in ("resampled", "shifted") and WORDS[Door.PANEL][Remedy.OWN_GRID] in finding.help:
        return _("Keep own voxels"), lambda: _set(parameters, "ownGrid", True)
    if finding.id == "grid-not-perpendicular":
        return _("Use the images' pixels"), lambda: _set(parameters, "ownGrid", False)
    if finding.id == "overlap":
        return _("Use one deflated file"), lambda: _set(parameters, "compression", "deflate")
    if finding.id in ("SeriesChoiceError", "UnusableSourceError"):
        return _("Choose the volume..."), lambda: _choose_volume(parameters)
    if finding.id == "NonLinearTransformError" and parameters.segmentation.GetParentTransformNode() is not None:
        return _("Harden a copy"), lambda: panel.selectSegmentation(hardened_copy(parameters.segmentation))
    if finding.id == "NoReferenceError" and parameters.referenceVolume is not None:
        return _("Make DICOM images"), panel.makeDicomImages
    return None


def volumes_from_dicom(scene) -> list:
    """Return the volumes of the scene that say of which DICOM images they are."""
    from SegRLEExportLib.slicer_side.nodes.loading import volumes_of

    return [node for node in volumes_of(scene) if node.GetAttribute("DICOM.instanceUIDs")]


def _choose_volume(parameters) -> None:
    """Let the user choose among the volumes from DICOM in a menu."""
    menu = qt.QMenu()
    for volume in volumes_from_dicom(slicer.mrmlScene):
        menu.addAction(volume.GetName()).connect(
            "triggered()", lambda volume=volume: _set(parameters, "referenceVolume", volume)
        )
    if not menu.actions():
        menu.addAction(_("No volume was loaded from DICOM. Load the images first.")).enabled = False
    menu.exec_(qt.QCursor.pos())


def hardened_copy(segmentation_node):
    """Return a copy of the node with its transforms applied; the node itself stays as it is."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    item = hierarchy.GetItemByDataNode(segmentation_node)
    clone = slicer.modules.subjecthierarchy.logic().CloneSubjectHierarchyItem(hierarchy, item)
    copy = hierarchy.GetItemDataNode(clone)
    copy.SetAndObserveTransformNodeID(segmentation_node.GetTransformNodeID())
    copy.HardenTransform()
    return copy


def dicom_images_of(volume):
    """Write a volume that is not from DICOM as a series into the database, and return the node loaded from there.

    Raises `ImagesNotLoadedError`, or what `write_image_series` raises.
    """
    from DICOMLib import DICOMUtils

    from SegRLEExportLib.slicer_side.nodes.mrml_host import volume_geometry
    from SegRLEExportLib.writing.image_series import write_image_series

    with tempfile.TemporaryDirectory(prefix="SegRLEExport") as folder:
        series = write_image_series(
            slicer.util.arrayFromVolume(volume),
            volume_geometry(volume),
            Path(folder),
            series_description=volume.GetName()[:64],
        )
        DICOMUtils.importDicom(folder, slicer.dicomDatabase, copyFiles=True)
    node_ids = DICOMUtils.loadSeriesByUID([series.series_instance_uid])
    if not node_ids:
        raise ImagesNotLoadedError(volume.GetName())
    return slicer.mrmlScene.GetNodeByID(node_ids[0])


def choose_meaning(segmentation_node, segment_id: str) -> None:
    """Let the user choose the coded meaning of a segment in Slicer's own terminology selector."""
    segment = segmentation_node.GetSegmentation().GetSegment(segment_id)
    entry = slicer.vtkSlicerTerminologyEntry()
    logic = slicer.modules.terminologies.logic()
    logic.DeserializeTerminologyEntry(_terminology_text(segment), entry)
    dialog = qt.QDialog(slicer.util.mainWindow())
    dialog.setWindowTitle(_("Meaning of {name}").format(name=segment.GetName()))
    layout = qt.QVBoxLayout(dialog)
    navigator = slicer.qSlicerTerminologyNavigatorWidget()
    navigator.setTerminologyEntry(entry)
    navigator.overrideSectionVisible = False
    layout.addWidget(navigator)
    buttons = qt.QDialogButtonBox(qt.QDialogButtonBox.Ok | qt.QDialogButtonBox.Cancel)
    buttons.connect("accepted()", dialog.accept)
    buttons.connect("rejected()", dialog.reject)
    layout.addWidget(buttons)
    if dialog.exec_() == qt.QDialog.Accepted and navigator.terminologyEntry(entry):
        segment.SetTag(segment.GetTerminologyEntryTagName(), logic.SerializeTerminologyEntry(entry))
    dialog.deleteLater()


def _terminology_text(segment) -> str:
    import vtk

    text = vtk.reference("")
    return str(text) if segment.GetTag(segment.GetTerminologyEntryTagName(), text) else ""


def _set(parameters, name: str, value) -> None:
    setattr(parameters, name, value)
