"""The real OHIF in headless Chromium: `python Testing/peers/ohif/run.py [VERSION...] [--case ID] [--out FOLDER]`.

`@ohif/app` comes from npm as it is released; files go in through its /local page, byte for byte. What the live page
holds (voxels, names and colors of each segment) is compared with what was written. Pictures and answers stay in
the folder. `--update` writes the table that is published, `ohif_table.json`.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import re
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent
_TESTING = _HERE.parents[1]
sys.path[:0] = [str(_TESTING), str(_TESTING.parent / "SegRLEExport")]

from peers.environments import AbsentError, default_cache, program  # noqa: E402
from peers.ohif.cases import ShownCase, segmentations, write_cases  # noqa: E402
from peers.ohif.judging import judged  # noqa: E402
from peers.ohif.page import PAGE, TABLE, page_of  # noqa: E402

VERSIONS = ("3.13.2", "3.12.10", "3.11.1")
_SECONDS_FOR_ONE = 90

_CONFIGURATION = """window.config = {
  routerBasename: null, extensions: [], modes: [], customizationService: {}, showStudyList: true,
  investigationalUseDialog: { option: 'never' }, defaultDataSourceName: 'dicomlocal',
  dataSources: [{ namespace: '@ohif/extension-default.dataSourcesModule.dicomlocal', sourceName: 'dicomlocal',
    configuration: { friendlyName: 'local' } }],
};
"""


def main(words: list[str]) -> int:
    """Show every case in every version; return 1 if something is shown wrong without a word."""
    arguments = _parser().parse_args(words)
    try:
        chromium, node_modules = program("chromium"), _playwright(arguments.cache)
        pages = {version: _released(version, arguments.cache) for version in arguments.versions}
    except (AbsentError, subprocess.CalledProcessError) as error:
        sys.exit(f"OHIF cannot be shown: {error}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    cases = write_cases(arguments.out / "cases", arguments.case or list(segmentations()))
    results = {
        version: _looked_at(page, cases, arguments.out / version, chromium, node_modules)
        for version, page in pages.items()
    }
    for version, cells in results.items():
        for (case, encoding), (outcome, why) in cells.items():
            print(f"OHIF {version} local, {encoding}, {case}: {outcome}{f' ({why})' if why else ''}")
    if arguments.update:
        _publish(results)
    return int(any(outcome == "wrong" for cells in results.values() for outcome, _ in cells.values()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("versions", nargs="*", default=list(VERSIONS), metavar="VERSION", help="of @ohif/app")
    parser.add_argument("--case", action="append", choices=list(segmentations()), help="may be repeated")
    parser.add_argument("--out", type=Path, default=Path("ohif-shown"), help="folder for pictures and answers")
    parser.add_argument("--cache", type=Path, default=default_cache(), help="where npm's packages are kept")
    parser.add_argument("--update", action="store_true", help=f"write {TABLE.name}")
    return parser


def _playwright(cache: Path) -> Path:
    """Return the node_modules with what drives the browser."""
    folder = cache / "ohif"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "node_modules" / "playwright-core").exists():
        subprocess.run(["npm", "install", "--silent", "--prefix", folder, "playwright-core"], check=True)
    return folder / "node_modules"


def _released(version: str, cache: Path) -> Path:
    """Return the folder with the built pages of a release."""
    folder = cache / "ohif" / version
    if not folder.exists():
        packed = ["npm", "pack", "--silent", f"@ohif/app@{version}", "--pack-destination", str(cache / "ohif")]
        subprocess.run(packed, check=True, stdout=subprocess.DEVNULL)
        with tarfile.open(cache / "ohif" / f"ohif-app-{version}.tgz") as archive:
            archive.extractall(folder, filter="data")
    return folder / "package" / "dist"


def _looked_at(
    pages: Path, cases: list[ShownCase], out: Path, chromium: Path, node_modules: Path
) -> dict[tuple[str, str], tuple[str, str]]:
    out.mkdir(exist_ok=True)
    with _served(pages) as address:
        job = {
            "address": address,
            "out": str(out.resolve()),
            "chromium": str(chromium),
            "seconds": _SECONDS_FOR_ONE,
            "cases": [_job_of(case) for case in cases],
        }
        (out / "job.json").write_text(json.dumps(job))
        # node looks for packages beside the script, so the script goes beside them
        script = node_modules.parent / "drive.mjs"
        script.write_bytes((_HERE / "drive.mjs").read_bytes())
        subprocess.run([program("node"), script, (out / "job.json").resolve()], check=True, env=os.environ)
    cells = {}
    for case in cases:
        answer = json.loads((out / f"{case.id}.json").read_text())
        for encoding in case.files:
            cells[case.id, encoding] = judged(case, encoding, answer["shown"])
            if "error" in answer:
                cells[case.id, encoding] = ("error", answer["error"])
    return cells


def _job_of(case: ShownCase) -> dict[str, Any]:
    segmentations_of_case = [
        {"id": f"{encoding}-{number}", "sop": case.sop_uids[path]}
        for encoding, paths in case.files.items()
        for number, path in enumerate(paths, start=1)
    ]
    files = [*case.images, *(path for paths in case.files.values() for path in paths)]
    return {
        "id": case.id,
        "study": case.study,
        "files": [str(path.resolve()) for path in files],
        "segmentations": segmentations_of_case,
    }


class _Handler(SimpleHTTPRequestHandler):
    """Serves the pages with the headers without which OHIF shares no memory, and our configuration."""

    extensions_map = SimpleHTTPRequestHandler.extensions_map | {".mjs": "text/javascript", ".wasm": "application/wasm"}

    def end_headers(self) -> None:
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        super().end_headers()

    def do_GET(self) -> None:
        if self.path.partition("?")[0] == "/app-config.js":
            content = _CONFIGURATION.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/javascript")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            return
        if not Path(self.translate_path(self.path)).is_file():
            self.path = "/index.html"
        super().do_GET()

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def _served(pages: Path) -> Iterator[str]:
    """Serve the pages on a free port of the loopback; yield the address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(pages))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def _publish(results: dict[str, dict[tuple[str, str], tuple[str, str]]]) -> None:
    table = {
        version: {
            "measured": datetime.date.today().isoformat(),
            "cells": [
                {"case": case, "encoding": encoding, "outcome": outcome, "why": _general(why)}
                for (case, encoding), (outcome, why) in cells.items()
            ],
        }
        for version, cells in results.items()
    }
    TABLE.write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(page_of(table), encoding="utf-8")


def _general(why: str) -> str:
    """Return the words without the number of a file in the page, which differs from run to run."""
    return re.sub(r"dicomfile:\d+", "dicomfile:N", why)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
