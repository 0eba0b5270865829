"""Exports that end in Slicer's DICOM database instead of a folder of the user."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import slicer
from DICOMLib import DICOMUtils

from SegRLEExportLib.errors import NotImportedError
from SegRLEExportLib.report import Report, WrittenInstance


def export_into_database(segmentation_node, compression: str | None = None, **arguments) -> Report:
    """Export as `export_node.export_node` does, into the database; the report's paths are those in the database.

    Raises `NoDatabaseError` or `NotImportedError` beside what `export_node` raises.
    """
    from SegRLEExportLib.slicer_side.nodes.export import export_node
    from SegRLEExportLib.slicer_side.nodes.source_images import refuse_closed

    database = slicer.dicomDatabase
    refuse_closed(database)
    with tempfile.TemporaryDirectory(prefix="SegRLEExport") as folder:
        report = export_node(segmentation_node, folder, compression, **arguments)
        DICOMUtils.importDicom(folder, database, copyFiles=True)
        return replace(report, instances=tuple(_imported(database, instance) for instance in report.instances))


def _imported(database, instance: WrittenInstance) -> WrittenInstance:
    file = database.fileForInstance(instance.sop_instance_uid)
    if not file or not Path(file).is_file():
        raise NotImportedError(instance.path.name)
    return replace(instance, path=Path(file))
