"""SegRLEExport: Slicer segmentations as DICOM SEG, small, fast and proved by reading back.

    from SegRLEExportLib.export import export                         # plain Python
    from SegRLEExportLib.slicer_side.nodes.export import export_node   # 3D Slicer, slicer-core

Nothing is imported here, so that importing the package costs nothing.
"""

__version__ = "2.0.0"
