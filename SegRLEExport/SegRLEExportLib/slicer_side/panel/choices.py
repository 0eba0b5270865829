"""From what is chosen in the panel to calls of the core. No Qt."""

from __future__ import annotations

from dataclasses import replace

import slicer

from SegRLEExportLib.options import ExportOptions, Grid, Verify
from SegRLEExportLib.report import Report
from SegRLEExportLib.slicer_side import settings
from SegRLEExportLib.slicer_side.dialog.database import export_into_database
from SegRLEExportLib.slicer_side.dialog.examination import suggested_series_number
from SegRLEExportLib.slicer_side.dialog.fields import series_number_of
from SegRLEExportLib.slicer_side.nodes.export import export_node


def options_of(parameters) -> ExportOptions:
    """Return the options that the panel's `Parameters` mean; raises `PreflightError` for a wrong series number."""
    return replace(
        settings.preferred_options(),
        compression=parameters.compression,
        series_description=parameters.seriesDescription.strip(),
        series_number=series_number_of(parameters.seriesNumber) or free_series_number(parameters),
        content_label=parameters.contentLabel.strip(),
        content_description=parameters.contentDescription.strip(),
        content_creator_name=parameters.contentCreatorName.strip(),
        grid=Grid.SEGMENTATION if parameters.ownGrid else Grid.SOURCE,
        clip=parameters.clip,
        keep_empty_frames=parameters.keepEmptyFrames,
        verify=_verify(parameters),
    )


def _verify(parameters) -> Verify:
    if not parameters.verify:
        return Verify.OFF
    return Verify.OTHERS if parameters.verifyByOthers else Verify.OWN


def free_series_number(parameters) -> int | None:
    """Return the Series Number that an empty field stands for; None if it is not known yet."""
    database = slicer.dicomDatabase
    if parameters.segmentation is None or database is None or not database.isOpen:
        return None
    return suggested_series_number(parameters.segmentation, database)


def export_chosen(parameters, look, progress) -> Report:
    """Export what `look` saw, into the database or the folder that is chosen; raises what `export_node` raises."""
    arguments = {
        "reference_volume": parameters.referenceVolume,
        "source": look.source,
        "segment_ids": [segment.id for segment in look.segmentation.segments],
        "options": options_of(parameters),
        "progress": progress,
    }
    if parameters.intoDatabase:
        return export_into_database(parameters.segmentation, **arguments)
    return export_node(parameters.segmentation, parameters.folder, **arguments)
