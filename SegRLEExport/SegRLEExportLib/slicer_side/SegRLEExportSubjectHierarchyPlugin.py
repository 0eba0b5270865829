"""Adds "Export as compressed DICOM SEG..." to the context menu of segmentations in the subject hierarchy.

Slicer finds the class by the name of this file. It owns no item and answers nothing but the menu.
"""

from __future__ import annotations

import qt
import slicer
from slicer.i18n import tr as _
from SubjectHierarchyPlugins import AbstractScriptedSubjectHierarchyPlugin


class SegRLEExportSubjectHierarchyPlugin(AbstractScriptedSubjectHierarchyPlugin):
    """A function plugin: opens the SegRLEExport module with the segmentation selected."""

    filePath = __file__

    def __init__(self, scriptedPlugin):
        scriptedPlugin.name = "SegRLEExport"
        AbstractScriptedSubjectHierarchyPlugin.__init__(self, scriptedPlugin)
        self.exportAction = qt.QAction(_("Export as compressed DICOM SEG..."), scriptedPlugin)
        self.exportAction.connect("triggered()", self.onExport)

    def canOwnSubjectHierarchyItem(self, itemID):
        """Own nothing."""
        del itemID
        return 0.0

    def itemContextMenuActions(self):
        """Return all actions that may be shown for an item."""
        return [self.exportAction]

    def showContextMenuActionsForItem(self, itemID):
        """Show the action for segmentations alone."""
        node = self._node(itemID)
        self.exportAction.visible = node is not None and node.IsA("vtkMRMLSegmentationNode")

    def onExport(self):
        """Open the module with the segmentation of the current item."""
        node = self._node(slicer.qSlicerSubjectHierarchyPluginHandler.instance().currentItem())
        slicer.util.selectModule("SegRLEExport")
        slicer.modules.segrleexport.widgetRepresentation().self().panel.selectSegmentation(node)

    def _node(self, itemID):
        hierarchy = slicer.qSlicerSubjectHierarchyPluginHandler.instance().subjectHierarchyNode()
        return hierarchy.GetItemDataNode(itemID) if hierarchy is not None and itemID else None
