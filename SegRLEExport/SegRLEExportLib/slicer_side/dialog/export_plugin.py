"""The rows of Slicer's DICOM export dialog: one registered plugin class for each, so that nobody types an option.

Nothing is read from files before the Export button: examination runs at every click in the dialog. Voxels are looked
at once, for the sizes, and again when they change.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from pathlib import Path

import slicer
from DICOMLib import DICOMPlugin
from slicer.i18n import tr as _

from SegRLEExportLib.errors import ExportError
from SegRLEExportLib.slicer_side import requirements, settings

_IMPOSSIBLE_CONFIDENCE = 0.05


class SegPlugin(DICOMPlugin):
    """What the rows have in common; a row is a subclass with its own key in `slicer.modules.dicomPlugins`."""

    key = ""
    compression = ""
    tells_obstacles = False
    """One row alone says why nothing can be exported."""

    def examineForImport(self, fileLists):
        """Return nothing: loading has a plugin of its own."""
        del fileLists
        return []

    def examineForExport(self, subjectHierarchyItemID):
        """Return this row for a segmentation: an offer, or why there can be none."""
        node = _node_of_item(subjectHierarchyItemID)
        if node is None or not node.IsA("vtkMRMLSegmentationNode"):
            return []
        try:
            _refuse_hopeless(node)
        except ExportError as error:
            return [self._obstacle(subjectHierarchyItemID, _told(error))] if self.tells_obstacles else []
        return [self._offer(subjectHierarchyItemID, node)]

    def export(self, exportables):
        """Write the exportables' segmentations into their folder; return "", or why none of them was written."""
        from SegRLEExportLib.slicer_side.dialog.fields import dialog_message
        from SegRLEExportLib.slicer_side.dialog.progress import progress_dialog

        reports = []
        for exportable in exportables:
            node = _node_of_item(exportable.subjectHierarchyItemID)
            title = _("Exporting {name}").format(name=node.GetName())
            try:
                with _all_or_nothing(reports), progress_dialog(title) as progress:
                    reports.append(self._export_one(node, exportable, progress))
            except ExportError as error:
                logging.error(f"SegRLEExport: {node.GetName()}: {error}")
                return dialog_message(error, node.GetName() if len(exportables) > 1 else "")
        _show_outcome(reports)
        return ""

    @classmethod
    def label(cls) -> str:
        """Return the name of the row."""
        raise NotImplementedError

    def _offer(self, item_id, node):
        from SegRLEExportLib.encoding.plan import PLANS
        from SegRLEExportLib.slicer_side.dialog import rows
        from SegRLEExportLib.slicer_side.dialog.examination import suggested_series_number
        from SegRLEExportLib.slicer_side.dialog.fields import prefilled_creator, prefilled_description
        from SegRLEExportLib.slicer_side.dialog.sizes import facts_of

        plan, facts = PLANS[self.compression], facts_of(node)
        labels = {plugin.compression: plugin.label() for plugin in PLUGINS.values()}
        exportable = self._exportable(
            item_id, rows.row_name(self.label(), plan, facts), rows.tool_tip(plan, facts, labels)
        )
        confidences = rows.confidences(settings.default_encoding(), facts.most_files(PLANS["rle"]))
        exportable.confidence = confidences[self.compression]
        exportable.setTag("SeriesDescription", prefilled_description(node.GetName()))  # no_tr (DICOM keywords)
        exportable.setTag("SeriesNumber", str(suggested_series_number(node, slicer.dicomDatabase)))
        exportable.setTag("ContentCreatorName", prefilled_creator(settings.creator_name()))
        exportable.setTag("ContentLabel", "SEGMENTATION")
        exportable.setTag("ContentDescription", "")
        return exportable

    def _obstacle(self, item_id, reason: str):
        exportable = self._exportable(item_id, _("DICOM SEG not possible, press Export to see why"), reason)
        exportable.confidence = _IMPOSSIBLE_CONFIDENCE
        exportable.setTag("SeriesDescription", "")
        return exportable

    def _exportable(self, item_id, name: str, tooltip: str):
        exportable = slicer.qSlicerDICOMExportable()
        exportable.name = name
        exportable.tooltip = tooltip
        exportable.subjectHierarchyItemID = item_id
        exportable.pluginClass = self.key
        return exportable

    def _export_one(self, node, exportable, progress):
        requirements.ensure()
        _refuse_hopeless(node)
        from SegRLEExportLib.slicer_side.dialog.examination import identity_of_images
        from SegRLEExportLib.slicer_side.dialog.fields import (
            IDENTITY_TAGS,
            options_of_fields,
            refuse_wrong_edits,
        )
        from SegRLEExportLib.slicer_side.nodes.export import export_node

        refuse_wrong_edits(
            _tags(exportable, (*_FIELDS, *IDENTITY_TAGS)), identity_of_images(node, slicer.dicomDatabase)
        )
        options = options_of_fields(_tags(exportable, _FIELDS), settings.preferred_options())
        return export_node(node, Path(exportable.directory), self.compression, options=options, progress=progress)


class RLEPlugin(SegPlugin):
    """The headline: a label map, run-length coded."""

    key = "SegRLEExport"
    compression = "rle"
    tells_obstacles = True

    @staticmethod
    def settingsPanelEntry(panel, parent):
        """Add our group to Application settings, DICOM; Slicer asks each plugin class for one."""
        settings.add_to_panel(panel, parent)

    @classmethod
    def label(cls) -> str:
        """Return the name of the row."""
        return _("RLE compressed DICOM SEG")


class UncompressedPlugin(SegPlugin):
    """What opens almost everywhere."""

    key = "SegRLEExportUncompressed"
    compression = "none"

    @classmethod
    def label(cls) -> str:
        """Return the name of the row."""
        return _("Uncompressed DICOM SEG")


class DeflatedPlugin(SegPlugin):
    """The smallest."""

    key = "SegRLEExportDeflated"
    compression = "deflate"

    @classmethod
    def label(cls) -> str:
        """Return the name of the row."""
        return _("Deflated DICOM SEG")


PLUGINS = {plugin.key: plugin for plugin in (RLEPlugin, UncompressedPlugin, DeflatedPlugin)}

_FIELDS = ("SeriesDescription", "SeriesNumber", "ContentCreatorName", "ContentLabel", "ContentDescription")


def register() -> None:
    """Add our rows to those of Slicer; the DICOM module may come later, so the list is made if needed."""
    if not hasattr(slicer.modules, "dicomPlugins"):
        slicer.modules.dicomPlugins = {}
    from SegRLEExportLib.slicer_side.dialog import import_plugin

    slicer.modules.dicomPlugins.update(PLUGINS | import_plugin.PLUGINS)


def _refuse_hopeless(node) -> None:
    """Raise the `ExportError` that an export of the node is sure to end with, if that can be known already."""
    requirements.refuse_unsatisfied()
    from SegRLEExportLib.slicer_side.dialog.examination import refuse_hopeless

    refuse_hopeless(node, slicer.dicomDatabase)


def _told(error: ExportError) -> str:
    from SegRLEExportLib.slicer_side.dialog.fields import dialog_message

    return dialog_message(error).replace("\n", " ")


def _node_of_item(item_id):
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    return hierarchy.GetItemDataNode(item_id)


def _tags(exportable, keywords) -> dict[str, str]:
    return {keyword: exportable.tag(keyword) or "" for keyword in keywords}


@contextmanager
def _all_or_nothing(reports):
    """Take back what this click has written if the block fails: pressing Export again makes no doubles."""
    try:
        yield
    except BaseException:
        for report in reports:
            for path in report.paths:
                path.unlink(missing_ok=True)
        raise


def _show_outcome(reports) -> None:
    """Say what differs from what one might expect, and what other programs saw, once for all reports."""
    from SegRLEExportLib.model.finding import Severity
    from SegRLEExportLib.slicer_side.dialog.fields import box_text, details_text, seen_by_others
    from SegRLEExportLib.slicer_side.dialog.words import Door, report_text

    warnings = [finding for report in reports for finding in report.of_severity(Severity.WARNING)]
    texts = [_("The export is done."), seen_by_others(reports)]
    if warnings:
        texts.extend([_("Please note:"), box_text(warnings)])
    if any(texts[1:]):
        told = [report_text(report, Door.DIALOG) for report in reports]
        show = slicer.util.warningDisplay if warnings else slicer.util.infoDisplay
        show(
            "\n\n".join(filter(None, texts)),
            windowTitle=_("DICOM SEG export"),
            detailedText="\n\n".join([*told, details_text(warnings)]).strip(),
        )
