"""The module's panel: what to export, for whom, where to, what stands in the way, and what was written.

The choices live in the parameter node. After each change the panel looks again, a moment later; sizes are
measured after that, while the window stays alive.
"""

from __future__ import annotations

import qt
import slicer
import vtk
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from SegRLEExportLib.slicer_side import requirements

_LOOK_DELAY_MS = 250
_MEASURE_DELAY_MS = 50
_PROPOSALS_SHOWN = 15


class Panel(VTKObservationMixin):
    """Wires the widgets of the .ui file; everything it shows comes from `look` and `forecast`."""

    def __init__(self, logic, widget) -> None:
        VTKObservationMixin.__init__(self)
        requirements.ensure()
        from SegRLEExportLib.slicer_side.panel.encoding_chart import EncodingChart
        from SegRLEExportLib.slicer_side.panel.findings_list import FindingsList
        from SegRLEExportLib.slicer_side.panel.fixes import fix_of
        from SegRLEExportLib.slicer_side.panel.look import Look, Looker
        from SegRLEExportLib.slicer_side.panel.report_view import ReportView
        from SegRLEExportLib.slicer_side.panel.segments_table import SegmentsTable

        self._logic = logic
        self.widget = widget
        self.ui = slicer.util.childWidgetVariables(widget)
        widget.setMRMLScene(slicer.mrmlScene)
        self.parameters = None
        self.look = Look()
        self._gui_tag = None
        self._looker = Looker()
        self._generation = 0
        self._meanings_before = {}
        self._segmentation_shown = None
        self._table = SegmentsTable(self.ui.segmentsTable, self._chooser("leftOutSegmentIDs"), self.chooseMeaning)
        self._chart = EncodingChart(widget.findChild(qt.QGridLayout, "encodingLayout"), self._chooser("compression"))
        self._findings = FindingsList(self.ui.findingsFrame, lambda finding: fix_of(self, finding))
        self._report_view = ReportView(self.ui)
        self._look_timer = _timer(_LOOK_DELAY_MS, self.lookAgain)
        self._measure_timer = _timer(_MEASURE_DELAY_MS, self.measure)
        self._connect()

    @property
    def report(self):
        """The report of the last export, None if there was none or it failed."""
        return self._report_view.report

    # Life of the panel

    def enter(self) -> None:
        """Follow the parameter node, and choose a segmentation if there is none yet."""
        self._set_parameters(self._logic.getParameterNode())
        if self.parameters.segmentation is None:
            self.selectSegmentation(slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSegmentationNode"))
        self._on_parameters_changed()

    def exit(self) -> None:
        """Follow nothing any more."""
        self._set_parameters(None)

    def cleanup(self) -> None:
        """Let go of everything."""
        self.exit()
        self.removeObservers()

    def selectSegmentation(self, segmentation_node) -> None:
        """Choose a segmentation, and with it the volume it was drawn on."""
        if self.parameters is None:
            self._set_parameters(self._logic.getParameterNode())
        self.parameters.segmentation = segmentation_node

    # What can be done

    def lookAgain(self) -> None:
        """Show segments, images and findings of the present choices."""
        from SegRLEExportLib.slicer_side.panel.folding import segments_title

        self._look_timer.stop()
        self._generation += 1
        if self.parameters is None:
            return
        with slicer.util.WaitCursor():
            self.look = self._look()
        left_out = self.parameters.leftOutSegmentIDs
        self._table.show(self.look.segments, left_out)
        source = self.look.source
        self.ui.sourceLabel.text = source.description.partition("  ")[2] if source else _("No DICOM images found yet.")
        self.ui.segmentsSection.text = segments_title(self.look.segments, left_out)
        self._findings.show(self.look.findings)
        self._chart.show_forecasts(())
        self.ui.suggestionLabel.text = ""
        self._show_whether_possible()
        self._measure_timer.start()

    def measure(self) -> None:
        """Show how large each encoding would be; stops when the choices change meanwhile."""
        from SegRLEExportLib.errors import ExportError
        from SegRLEExportLib.forecast import forecast, recommend
        from SegRLEExportLib.slicer_side.panel.choices import options_of
        from SegRLEExportLib.slicer_side.panel.encoding_chart import recipients

        if self.parameters is None or not self.look.is_possible:
            return
        generation = self._generation

        def is_wanted(_fraction: float, _text: str) -> bool:
            slicer.app.processEvents()
            return generation == self._generation

        try:
            forecasts = forecast(
                self.look.segmentation,
                self.look.source,
                options_of(self.parameters),
                plan_ids=self._shown_plan_ids(),
                progress=is_wanted,
            )
        except ExportError:
            return
        self._chart.show_forecasts(forecasts)
        recommendation = recommend(forecasts, has_place=self.look.source.stack.has_place)
        self.ui.suggestionLabel.text = _("<b>Suggested:</b> {encoding}: {reason}.").format(
            encoding=recipients(recommendation.plan), reason=recommendation.reason
        )

    def export(self) -> None:
        """Export with the present choices and show the report."""
        from SegRLEExportLib.errors import ExportError
        from SegRLEExportLib.slicer_side.dialog.progress import progress_dialog
        from SegRLEExportLib.slicer_side.panel.choices import export_chosen

        if self._look_timer.isActive():
            self.lookAgain()
        if self._obstacle():
            return
        self._generation += 1
        parameters = self.parameters
        with slicer.util.tryWithErrorDisplay(_("The export failed for an unexpected reason.")):
            try:
                with progress_dialog(_("Exporting {name}").format(name=parameters.segmentation.GetName())) as progress:
                    report = export_chosen(parameters, self.look, progress)
            except ExportError as error:
                self._report_view.show_failure(error)
            else:
                self._report_view.show(report, is_in_database=parameters.intoDatabase)

    def chooseMeaning(self, segment_id: str) -> None:
        """Let the user choose the coded meaning of a segment."""
        from SegRLEExportLib.slicer_side.panel.fixes import choose_meaning

        with slicer.util.tryWithErrorDisplay(_("The meaning cannot be chosen.")):
            choose_meaning(self.parameters.segmentation, segment_id)
        self.lookAgain()

    def proposals(self) -> list:
        """Return the meanings that the names of segments tell."""
        from SegRLEExportLib.slicer_side import settings
        from SegRLEExportLib.slicer_side.panel.meanings import proposals

        return proposals(self.look.segments, slicer.modules.terminologies.logic(), settings.chosen_terminology())

    def meaningFromNames(self) -> None:
        """Give segments the meanings that their names tell, after showing them."""
        from SegRLEExportLib.slicer_side.panel.meanings import apply_to

        proposed = self.proposals()
        if not proposed:
            slicer.util.infoDisplay(_("No segment without a meaning has the name of a known structure."))
            return
        question = _("Meanings that names suggest, for {count} of the segments:")
        shown = "\n".join([question.format(count=len(proposed)), *map(str, proposed[:_PROPOSALS_SHOWN])])
        rest = "\n..." if len(proposed) > _PROPOSALS_SHOWN else ""
        if slicer.util.confirmOkCancelDisplay(
            shown + rest,
            windowTitle=_("Meaning from names"),
            detailedText="\n".join(f"{one} ({one.source})" for one in proposed),
        ):
            self._meanings_before = apply_to(self.parameters.segmentation, proposed)
            self.ui.undoMeaningsButton.enabled = True
            self.lookAgain()

    def undoMeanings(self) -> None:
        """Put back the meanings that stood there before those from names."""
        from SegRLEExportLib.slicer_side.panel.meanings import put_back

        put_back(self.parameters.segmentation, self._meanings_before)
        self._meanings_before = {}
        self.ui.undoMeaningsButton.enabled = False
        self.lookAgain()

    def makeDicomImages(self) -> None:
        """Make a DICOM series of the reference volume and refer to it."""
        from SegRLEExportLib.slicer_side.panel.fixes import dicom_images_of

        with slicer.util.tryWithErrorDisplay(_("The images cannot be made."), waitCursor=True):
            self.parameters.referenceVolume = dicom_images_of(self.parameters.referenceVolume)

    # Following the scene

    def _connect(self) -> None:
        ui = self.ui
        ui.exportButton.connect("clicked()", self.export)
        ui.databaseRadioButton.connect("toggled(bool)", self._chooser("intoDatabase"))
        ui.folderPathLineEdit.connect("currentPathChanged(QString)", self._on_folder)
        ui.expertsCheckBox.connect("toggled(bool)", lambda _on: self._on_parameters_changed())
        ui.referenceSelector.connect("currentNodeChanged(vtkMRMLNode*)", self._on_reference)
        ui.segmentsFilterLineEdit.connect("textChanged(QString)", self._table.show_only)
        ui.meaningFromNamesButton.connect("clicked()", self.meaningFromNames)
        ui.undoMeaningsButton.connect("clicked()", self.undoMeanings)
        ui.allSegmentsButton.connect("clicked()", lambda: self._table.include_shown(True))
        ui.noSegmentsButton.connect("clicked()", lambda: self._table.include_shown(False))
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, lambda _caller, _event: self._set_parameters(None))
        self.addObserver(scene, scene.EndCloseEvent, self._on_scene_closed)

    def _on_scene_closed(self, _caller, _event) -> None:
        if slicer.util.selectedModule() == "SegRLEExport":
            self.enter()

    def _set_parameters(self, parameters) -> None:
        if self.parameters is not None:
            self.parameters.disconnectGui(self._gui_tag)
            self.removeObserver(self.parameters, vtk.vtkCommand.ModifiedEvent, self._on_parameters_changed)
            self._follow_segmentation(None)
        self.parameters = parameters
        self._generation += 1
        self.widget.enabled = parameters is not None
        if parameters is not None:
            self._gui_tag = parameters.connectGui(self.ui)
            self.addObserver(parameters, vtk.vtkCommand.ModifiedEvent, self._on_parameters_changed)

    def _on_parameters_changed(self, _caller=None, _event=None) -> None:
        if self.parameters is None:
            return
        self._follow_segmentation(self.parameters.segmentation)
        self._show_choices()
        self._look_later()

    def _follow_segmentation(self, node) -> None:
        if node is self._segmentation_shown:
            return
        if self._segmentation_shown is not None:
            self.removeObservers(self._look_later)
        self._segmentation_shown = node
        self._meanings_before = {}
        self.ui.undoMeaningsButton.enabled = False
        if node is None:
            return
        for event in (vtk.vtkCommand.ModifiedEvent, slicer.vtkMRMLTransformableNode.TransformModifiedEvent):
            self.addObserver(node, event, self._look_later)
        for event in _SEGMENTATION_EVENTS:
            self.addObserver(node.GetSegmentation(), event, self._look_later)
        self.parameters.referenceVolume = node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole())

    def _look_later(self, _caller=None, _event=None) -> None:
        self._generation += 1
        self._look_timer.start()

    def _on_reference(self, volume) -> None:
        """Find a segmentation of that volume, if none is chosen."""
        if self.parameters is None or volume is None or self.parameters.segmentation is not None:
            return
        for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
            if node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole()) is volume:
                self.selectSegmentation(node)
                return

    def _chooser(self, name: str):
        """Return a function that keeps that choice, and nothing where there is no parameter node to keep it in."""

        def choose(value) -> None:
            if self.parameters is not None:
                setattr(self.parameters, name, value)

        return choose

    def _on_folder(self, folder: str) -> None:
        if self.parameters is not None and folder != self.parameters.folder:
            self.parameters.folder = folder
            self.parameters.intoDatabase = not folder

    # What is shown

    def _show_choices(self) -> None:
        from SegRLEExportLib.encoding.plan import PLANS
        from SegRLEExportLib.slicer_side.dialog.fields import prefilled_description
        from SegRLEExportLib.slicer_side.panel.choices import free_series_number

        parameters, ui = self.parameters, self.ui
        plan = PLANS[parameters.compression]
        self._chart.show_rows(self._shown_plan_ids())
        self._chart.choose(plan.id)
        ui.readersLabel.text = plan.in_short
        details = [
            plan.advice,
            _("<b>Opens in:</b> ") + plan.reads_in + ".",
            _("<b>Known problems:</b> ") + plan.fails_in,
        ]
        if plan.warning:
            details.insert(0, "<b>" + plan.warning + "</b>")
        ui.readersDetailsLabel.text = "<br>".join(details)
        (ui.databaseRadioButton if parameters.intoDatabase else ui.folderRadioButton).checked = True
        if ui.folderPathLineEdit.currentPath != parameters.folder:
            ui.folderPathLineEdit.currentPath = parameters.folder
        node = parameters.segmentation
        ui.seriesDescriptionLineEdit.placeholderText = prefilled_description(node.GetName()) if node else ""
        ui.seriesNumberLineEdit.placeholderText = str(free_series_number(parameters) or "")
        self._show_whether_possible()

    def _show_whether_possible(self) -> None:
        reason = self._obstacle()
        self.ui.exportButton.enabled = not reason
        self.ui.exportButton.toolTip = reason or _("Export, read back, and show the report")

    def _obstacle(self) -> str:
        if self.parameters is None or self.parameters.segmentation is None:
            return _("Choose a segmentation.")
        if not self.parameters.intoDatabase and not self.parameters.folder:
            return _("Choose a folder.")
        return "" if self.look.is_possible else _("Solve the errors that are shown above first.")

    def _look(self):
        from SegRLEExportLib.errors import ExportError
        from SegRLEExportLib.slicer_side.dialog.words import Door, findings_of
        from SegRLEExportLib.slicer_side.panel.choices import options_of
        from SegRLEExportLib.slicer_side.panel.look import Look

        parameters = self.parameters
        if parameters.segmentation is None:
            return Look()
        try:
            options = options_of(parameters)
        except ExportError as error:
            return Look(self.look.segments, findings_of(error, Door.PANEL))
        return self._looker.look(
            parameters.segmentation, parameters.referenceVolume, parameters.leftOutSegmentIDs, options
        )

    def _shown_plan_ids(self) -> list[str]:
        from SegRLEExportLib.encoding.plan import PLANS
        from SegRLEExportLib.slicer_side.panel.encoding_chart import ORDINARY

        shown = PLANS if self.ui.expertsCheckBox.checked else (*ORDINARY, self.parameters.compression)
        return [plan_id for plan_id in PLANS if plan_id in shown]


_SEGMENTATION_EVENTS = (
    slicer.vtkSegmentation.SegmentAdded,
    slicer.vtkSegmentation.SegmentRemoved,
    slicer.vtkSegmentation.SegmentModified,
    slicer.vtkSegmentation.SourceRepresentationModified,
)


def _timer(delay_ms: int, function):
    timer = qt.QTimer()
    timer.setSingleShot(True)
    timer.setInterval(delay_ms)
    timer.connect("timeout()", function)
    return timer
