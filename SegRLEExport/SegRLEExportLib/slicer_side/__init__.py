"""The only folder that imports slicer, vtk, qt, ctk or DICOMLib.

`mrml_host`, `node_reader`, `source_lookup` and `export_node` need MRML and vtk, which PyPI's slicer-core has
too; the rest needs Slicer's application.
"""
