"""`verify` set to others on the case set: highdicom and dcmqi, as 3D Slicer calls it, see every file as it was meant.

Each cell starts four processes, so by default the three encodings are proved that the export dialog offers;
SEGRLE_PEERS_PROOF=all proves every row of the table (140 CPU s).
"""

from __future__ import annotations

import os

import pytest
from SegRLEExportLib.encoding.plan import PLANS, Split
from SegRLEExportLib.export import export
from SegRLEExportLib.options import ExportOptions, Verify
from SegRLEExportLib.report import SightOutcome

from peers.cases import Case, case_set, source_of

OFFERED = ("rle", "none", "deflate")
PROVED = tuple(PLANS) if os.environ.get("SEGRLE_PEERS_PROOF") == "all" else OFFERED
CELLS = [
    pytest.param(plan, case, id=f"{plan} {case.id}")
    for plan in PROVED
    for case in case_set()
    if PLANS[plan].split is not Split.EACH_SEGMENT or len(case.segmentation.segments) <= 255
]


@pytest.mark.parametrize(("encoding", "case"), CELLS)
def test_others_see_what_was_segmented_or_say_that_they_cannot_read(encoding: str, case: Case, tmp_path):
    options = ExportOptions(verify=Verify.OTHERS, keep_empty_frames=case.keep_empty_frames)
    source = source_of(case.segmentation.layers[0].geometry)

    report = export(case.segmentation, source, tmp_path, encoding, options=options)

    wanted = SightOutcome.CANNOT_READ if encoding == "rle-binary" else SightOutcome.RIGHT
    for instance in report.instances:
        assert [
            (sight.reader, sight.outcome, sight.reason) for sight in instance.sights if sight.outcome != wanted
        ] == []
        assert len(instance.sights) == 2
