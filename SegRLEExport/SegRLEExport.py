"""3D Slicer module: segmentations as DICOM SEG, compressed, verified.

All that is more than texts and wiring is in `SegRLEExportLib`; nothing of it that needs pydicom is imported before use.
"""

import sys
from pathlib import Path

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)


class SegRLEExport(ScriptedLoadableModule):
    """Texts of the module, and its rows in the DICOM export dialog."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = "SegRLEExport"
        parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        parent.dependencies = ["Segmentations", "SubjectHierarchy", "Terminologies"]
        parent.contributors = ["SegRLEExport contributors"]
        parent.helpText = _(
            "Exports a segmentation as DICOM Segmentation object, RLE compressed, deflated or uncompressed, and proves "
            "each file by reading it back. The same choices are rows of the DICOM export dialog (Data module, "
            'right-click, Export to DICOM). See the <a href="https://github.com/SegRLEExport/SlicerSegRLEExport">documentation</a>.'
        )
        parent.acknowledgementText = _("Published under the MIT license.")
        _register_dialog_rows()
        slicer.app.connect("startupCompleted()", _register_sample_data)

    def setup(self):
        """Add the entry to the context menu of segmentations."""
        if hasattr(slicer, "qSlicerSubjectHierarchyScriptedPlugin"):
            source = Path(__file__).parent / "SegRLEExportLib" / "slicer_side" / "SegRLEExportSubjectHierarchyPlugin.py"
            slicer.qSlicerSubjectHierarchyScriptedPlugin(None).setPythonSource(str(source))


class SegRLEExportWidget(ScriptedLoadableModuleWidget):
    """Mounts the panel."""

    def setup(self):
        """Make the panel when the module is first opened."""
        ScriptedLoadableModuleWidget.setup(self)
        from SegRLEExportLib.slicer_side.panel.window import Panel

        self.logic = SegRLEExportLogic()
        self.panel = Panel(self.logic, slicer.util.loadUI(self.resourcePath("UI/SegRLEExport.ui")))
        self.layout.addWidget(self.panel.widget)

    def enter(self):
        """Show the scene as it is now."""
        self.panel.enter()

    def exit(self):
        """Stop following the scene."""
        self.panel.exit()

    def cleanup(self):
        """Let go of the scene."""
        self.panel.cleanup()

    def onReload(self):
        """Drop our modules, so that a reload takes their new text."""
        for name in [name for name in sys.modules if name.partition(".")[0] == "SegRLEExportLib"]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)
        _register_dialog_rows()


class SegRLEExportLogic(ScriptedLoadableModuleLogic):
    """What scripts call; needs no window and shows none."""

    def exportSegmentation(
        self, node, path, compression=None, referenceVolume=None, segmentIDs=None, options=None, progress=None
    ):
        """Write a segmentation node as DICOM SEG and return the report.

            logic = slicer.util.getModuleLogic("SegRLEExport")
            report = logic.exportSegmentation(slicer.util.getNode("Segmentation"), "/tmp/seg.dcm")
            print(report)

        `path` is a file, or a folder where names carry the SOP Instance UID. `compression` is "rle" (what is written
        without it), "none", "deflate", "labelmap", "labelmap-deflate", "rle-per-segment" or "rle-binary". The images
        are found through `referenceVolume`, or else through the node itself. `segmentIDs` is a list, None for all.
        `options` has all else: after `from SegRLEExportLib.options import ExportOptions` it may be
        `ExportOptions(overwrite=True)`, for example, and `help(ExportOptions)` tells what there is. `progress` is
        called with a fraction and a text, and cancels by returning False.

        Raises a class of `SegRLEExportLib.errors.ExportError`; then no file is left. The scene is not changed.
        """
        from SegRLEExportLib.slicer_side.requirements import refuse_unsatisfied

        refuse_unsatisfied()
        from SegRLEExportLib.slicer_side.console import arguments, words
        from SegRLEExportLib.slicer_side.nodes.export import export_node

        with words.errors_in_words():
            report = export_node(
                arguments.segmentation_node(node, referenceVolume),
                arguments.path(path),
                reference_volume=arguments.volume_node(referenceVolume),
                segment_ids=arguments.segment_ids(segmentIDs),
                options=arguments.export_options(options, compression),
                progress=arguments.progress_callback(progress),
            )
        return words.report_in_words(report)

    def loadSegmentation(self, path, threshold=None):
        """Load DICOM SEG, of any program, and return the segmentation node.

            logic = slicer.util.getModuleLogic("SegRLEExport")
            node = logic.loadSegmentation("/tmp/seg.dcm")

        `path` is a file, a list of the files of one export, or the folder with them. Of files with fractions, such as
        probabilities, `threshold`, above 0 and up to 1, is the share from which on a pixel belongs to its segment. The
        node refers to the volume in the scene that was segmented; if it is not there and the DICOM database has it, it
        is loaded.

        Raises a class of `SegRLEExportLib.errors.ExportError`; then the scene is not changed.
        """
        from SegRLEExportLib.slicer_side.requirements import refuse_unsatisfied

        refuse_unsatisfied()
        from DICOMLib import DICOMUtils
        from SegRLEExportLib.slicer_side.console import arguments, words
        from SegRLEExportLib.slicer_side.nodes.loading import load_path

        with words.errors_in_words():
            return load_path(
                arguments.path_or_paths(path),
                slicer.mrmlScene,
                threshold=arguments.threshold(threshold),
                database=slicer.dicomDatabase,
                load_series=DICOMUtils.loadSeriesByUID,
            )

    def getParameterNode(self):
        """Return what the panel shows, kept in the scene."""
        from SegRLEExportLib.slicer_side.panel.parameters import parameters_of

        return parameters_of(ScriptedLoadableModuleLogic.getParameterNode(self))


class SegRLEExportTest(ScriptedLoadableModuleTest):
    """Run by Reload and Test, and by ctest."""

    def runTest(self):
        """Export the sample in every encoding and have each file verified."""
        from SegRLEExportLib.slicer_side.self_test import run_self_test

        run_self_test(SegRLEExportLogic())
        self.delayDisplay("Every encoding was exported and read back right.")


def _register_dialog_rows():
    """Put the present plugin classes into the DICOM dialogs; those of before a reload know other error classes."""
    from SegRLEExportLib.slicer_side.dialog import export_plugin

    export_plugin.register()


def _register_sample_data():
    from SegRLEExportLib.slicer_side.sample_data import register

    register()
