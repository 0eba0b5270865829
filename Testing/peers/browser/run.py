"""Cornerstone in headless Chromium: `python Testing/peers/browser/run.py` exports, shows, compares, saves a picture.

A CT series goes through the image loader of cornerstone3D, and our `rle` and `none` files of slicerio's segmentation
through its adapters, in a page made for this. What the page shows is photographed and compared with the segmentation,
every voxel of every segment. Chromium and the page talk to this process over the loopback alone.
"""

from __future__ import annotations

import argparse
import base64
import html
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

_HERE = Path(__file__).resolve().parent
_TESTING = _HERE.parents[1]
sys.path[:0] = [str(_TESTING), str(_TESTING.parent / "SegRLEExport")]

from peers.environments import AbsentError, Environments, default_cache, program  # noqa: E402
from SegRLEExportLib.export import export  # noqa: E402
from SegRLEExportLib.model.geometry import Geometry  # noqa: E402
from SegRLEExportLib.model.segmentation import Layer  # noqa: E402
from SegRLEExportLib.slicer_side.nodes.mrml_host import (  # noqa: E402
    read_segmentation_file,
    read_volume_node,
    volume_geometry,
)
from SegRLEExportLib.slicer_side.nodes.segmentation import volume_voxels  # noqa: E402
from SegRLEExportLib.writing.image_series import write_image_series  # noqa: E402

ENCODINGS = ("rle", "none")
PLANES = (8, 16, 24)
"""Indices of the slices that are shown."""
WINDOW_HU = (-1000, 400)
PICTURE = "cornerstone-in-chromium.png"
_NODE_MODULES_OF_NODE = ("fs", "path", "url", "events")
_PALETTE_COLORS = 128
_SECONDS = 180


def main(words: list[str]) -> int:
    """Show and compare; return the exit code: 1 if a voxel is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cache", type=Path, default=default_cache(), help="where environments are kept")
    parser.add_argument("--picture", type=Path, default=Path(PICTURE), help=f"file to write (default: {PICTURE})")
    arguments = parser.parse_args(words)
    try:
        packages = Environments(arguments.cache).node_folder("node-current")
        chromium = program("chromium")
    except AbsentError as error:
        sys.exit(f"The page cannot be shown: {error}")
    with tempfile.TemporaryDirectory(prefix="peers-browser-") as temporary:
        site = Path(temporary) / "site"
        site.mkdir()
        truth = _write_files(site)
        _write_page(site, packages, chromium)
        with _served(site) as address:
            page = _shown(chromium, f"{address}/page.html", Path(temporary) / "profile", arguments.picture.resolve())
    _reduce_to_palette(arguments.picture)
    is_right = True
    for found in _found(page):
        wrong = _compared(found, truth)
        print(f"{found['title']}: {f'WRONG, {wrong} voxels' if wrong else 'right, every voxel of every segment'}")
        is_right = is_right and not wrong
    print(f"The picture is {arguments.picture}")
    return 0 if is_right else 1


def _write_files(site: Path) -> dict[str, np.ndarray]:
    """Write the CT as ct/ and each encoding's SEG as <encoding>.dcm; return the segments' masks on the CT's grid."""
    data = Path(str(resources.files("slicerio") / "data"))
    volume = read_volume_node(data / "CTChest4.nrrd")
    geometry = volume_geometry(volume)
    segmentation = read_segmentation_file(data / "Segmentation.seg.nrrd")
    source = write_image_series(volume_voxels(volume), geometry, site / "ct", modality="CT")
    assert np.allclose(source.stack.positions_lps[0], geometry.kji_to_lps[:3, 3]), "the series begins with slice 0"
    for encoding in ENCODINGS:
        export(segmentation, source, site / f"{encoding}.dcm", encoding)
    labels = {segment.name: segment.layer_value for segment in segmentation.segments}
    (layer,) = segmentation.layers
    labels_kji = _on_grid(layer, geometry)
    return {name: labels_kji == value for name, value in labels.items()}


def _on_grid(layer: Layer, geometry: Geometry) -> np.ndarray:
    """Return the labels on a larger grid that has the same voxels: Slicer keeps a layer's own extent only."""
    layer_to_grid = np.linalg.inv(geometry.kji_to_lps) @ layer.geometry.kji_to_lps
    start_kji = np.rint(layer_to_grid[:3, 3]).astype(int)
    assert np.allclose(layer_to_grid[:3, :3], np.eye(3)), "the axes must be the same"
    assert np.allclose(layer_to_grid[:3, 3], start_kji, atol=1e-3), "the voxels must be the same"
    labels_kji = np.zeros(geometry.shape_kji, layer.labels_kji.dtype)
    place = tuple(slice(start, start + size) for start, size in zip(start_kji, layer.labels_kji.shape))
    labels_kji[place] = layer.labels_kji
    return labels_kji


def _write_page(site: Path, packages: Path, chromium: Path) -> None:
    for name in ("page.html", "show.mjs", "node_stand_in.mjs"):
        (site / name).write_bytes((_HERE / name).read_bytes())
    _bundle(site, packages / "node_modules")
    version = _version(packages / "node_modules" / "@cornerstonejs" / "adapters")
    browser = subprocess.run([chromium, "--version"], capture_output=True, text=True, check=True).stdout
    slices = ", ".join(str(plane + 1) for plane in PLANES)
    job = {
        "heading": f"cornerstone3D {version} in {' '.join(browser.split()[:2])}: slices {slices}",
        "images": sorted(str(path.relative_to(site)) for path in (site / "ct").iterdir()),
        "windowHu": WINDOW_HU,
        "planes": PLANES,
        "files": [
            {
                "title": f"{encoding}, {(site / f'{encoding}.dcm').stat().st_size:,} bytes",
                "url": f"{encoding}.dcm",
            }
            for encoding in ENCODINGS
        ],
    }
    (site / "job.json").write_text(json.dumps(job))


def _version(package: Path) -> str:
    return str(json.loads((package / "package.json").read_text())["version"])


def _bundle(site: Path, packages: Path) -> None:
    command = [
        str(packages / ".bin" / "esbuild"),
        str(site / "show.mjs"),
        "--bundle",
        "--platform=browser",
        "--format=esm",
        "--log-level=error",
        *(f"--alias:{name}={site / 'node_stand_in.mjs'}" for name in _NODE_MODULES_OF_NODE),
        f"--outfile={site / 'show.bundle.mjs'}",
    ]
    search = f"{packages}:{packages / '@cornerstonejs' / 'dicom-image-loader' / 'dist'}"
    subprocess.run(command, cwd=packages.parent, env={**os.environ, "NODE_PATH": search}, check=True)


class _Handler(SimpleHTTPRequestHandler):
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {".mjs": "text/javascript"}

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def _served(site: Path) -> Iterator[str]:
    """Serve the folder on a free port of the loopback; yield the address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def _shown(chromium: Path, address: str, profile: Path, picture: Path) -> str:
    """Open the page without a window, save its picture, return its content once its script has ended."""
    command = [
        str(chromium),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        f"--user-data-dir={profile}",
        "--window-size=830,690",
        "--virtual-time-budget=60000",
        f"--screenshot={picture}",
        "--dump-dom",
        address,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=True)
    return done.stdout


def _reduce_to_palette(picture: Path) -> None:
    with Image.open(picture) as colors:
        reduced = colors.convert("RGB").quantize(_PALETTE_COLORS, Image.Quantize.MAXCOVERAGE)
    reduced.save(picture, optimize=True)


def _found(page: str) -> list[dict[str, Any]]:
    """Return what the page found in each file; ends the program with the page's own words if it failed."""
    if "<title>read</title>" not in page:
        sys.exit(f"The page did not read the files: {html.unescape(_element(page, 'error')) or 'no reason is given'}")
    return list(json.loads(_element(page, "found")))


def _element(page: str, name: str) -> str:
    element = re.search(rf'id="{name}">(.*?)</', page, re.DOTALL)
    return element.group(1) if element else ""


def _compared(found: dict[str, Any], truth: dict[str, np.ndarray]) -> int:
    """Print the voxels of each segment, shown and written; return how many voxels of all segments are wrong."""
    names = {number: name for number, name in found["segments"]}
    shape_kji = next(iter(truth.values())).shape
    shown = np.frombuffer(base64.b64decode(found["labels"]), np.uint8).reshape(shape_kji)
    wrong = int(np.count_nonzero(~np.isin(shown, [0, *names])))
    for name, mask in truth.items():
        shown_mask = np.isin(shown, [number for number, shown_name in names.items() if shown_name == name])
        wrong += int(np.count_nonzero(mask != shown_mask))
        print(f"  {name:30} {int(shown_mask.sum()):>8} voxels shown, {int(mask.sum()):>8} written")
    return wrong


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
