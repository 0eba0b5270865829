"""The only folder that imports slicer, vtk, qt, ctk or DICOMLib.

`nodes` needs MRML and vtk, which PyPI's slicer-core has too; of `dialog` and `panel` some rooms need no Slicer at all
and say so, the rest needs its application.
"""
