"""A COCO file of ours, opened by a library that people train with: every mask equals the voxels."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from builders import a_ct_series, a_segmentation
from SegRLEExportLib.conversion.pictures import CocoImages
from SegRLEExportLib.convert import convert
from SegRLEExportLib.source.series import find_source

from peers.environments import AbsentError, Environments, default_cache

READ = """
import json, sys
import numpy as np
from supervision import DetectionDataset

folder = sys.argv[1]
dataset = DetectionDataset.from_coco(folder, f"{folder}/cases.json", force_masks=True)
found = []
for path, image, detections in dataset:
    for class_id, mask in zip(detections.class_id, detections.mask if len(detections) else ()):
        found.append([path, dataset.classes[class_id], np.argwhere(mask).tolist(), list(image.shape[:2])])
print(json.dumps({"images": len(dataset), "found": found}))
"""


@pytest.fixture(scope="module")
def python() -> Path:
    try:
        return Environments(default_cache()).python("supervision")
    except AbsentError as absent:
        pytest.skip(f"supervision: {absent}")


def test_supervision_shows_every_mask_on_its_picture(python, tmp_path):
    a_ct_series(tmp_path / "ct", WindowCenter=40, WindowWidth=400)
    segmentation = a_segmentation()
    source = find_source(tmp_path / "ct", segmentation)
    convert(segmentation, tmp_path / "cases.json", source=source, images=CocoImages(tmp_path / "ct", as_png=True))

    ran = subprocess.run([python, "-c", READ, str(tmp_path)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    shown = json.loads(ran.stdout)

    images = json.loads((tmp_path / "cases.json").read_text("utf-8"))["images"]
    plane_of = {Path(image["file_name"]).name: plane for plane, image in enumerate(images)}
    assert shown["images"] == len(images)
    masks = {one.name: np.zeros(segmentation.layers[0].labels_kji.shape, bool) for one in segmentation.segments}
    for path, name, pixels, size in shown["found"]:
        mask = masks[name][plane_of[Path(path).name]]
        assert tuple(size) == mask.shape
        mask[tuple(np.transpose(pixels))] = True
    for segment, mask in zip(segmentation.segments, masks.values(), strict=True):
        labels = segmentation.layers[segment.layer_index].labels_kji
        np.testing.assert_array_equal(mask, labels == segment.layer_value)
