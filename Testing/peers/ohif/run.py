"""The real OHIF in headless Chromium: `python Testing/peers/ohif/run.py [VERSION...] [--way WAY] [--case ID]`.

`@ohif/app` comes from npm as it is released; files go in through its /local page, byte for byte, and through an
Orthanc (DICOMweb). What the live page holds (voxels, names and colors of each segment) is compared with what was
written. Pictures and answers stay in the folder. `--update` writes the table that is published, `ohif_table.json`.
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
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent
_TESTING = _HERE.parents[1]
sys.path[:0] = [str(_TESTING), str(_TESTING.parent / "SegRLEExport")]

from peers.environments import AbsentError, default_cache, program  # noqa: E402
from peers.ohif.cases import ENCODINGS, WAYS, ShownCase, segmentations, write_cases  # noqa: E402
from peers.ohif.judging import judged  # noqa: E402
from peers.ohif.page import PAGE, TABLE, load, page_of  # noqa: E402
from peers.ohif.serving import served, served_with_orthanc  # noqa: E402

VERSIONS = ("3.13.2", "3.12.10", "3.11.1")
_SECONDS_FOR_ONE = 60


@dataclass(frozen=True)
class _Ring:
    """Everything that is the same for all releases and ways."""

    chromium: Path
    node_modules: Path
    cases: list[ShownCase]
    out: Path
    saves: bool
    """Whether OHIF also saves what it shows."""


def main(words: list[str]) -> int:
    """Show every case in every version; return 1 if something is shown wrong without a word."""
    arguments = _parser().parse_args(words)
    try:
        chromium, node_modules = program("chromium"), _playwright(arguments.cache)
        pages = {version: _released(version, arguments.cache) for version in arguments.versions}
    except (AbsentError, subprocess.CalledProcessError) as error:
        sys.exit(f"OHIF cannot be shown: {error}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    wanted, encodings = arguments.case or list(segmentations()), arguments.encoding or ENCODINGS
    cases = write_cases(arguments.out / "cases", wanted, encodings)
    ring = _Ring(chromium, node_modules, cases, arguments.out, arguments.save)
    is_wrong = False
    for version, page in pages.items():
        for way in arguments.ways or WAYS:
            cells = _measured(ring, version, page, way)
            is_wrong |= any(cell["outcome"] == "wrong" for cell in cells)
            print("\n".join(f"OHIF {version} {way}, {_told(cell)}" for cell in cells), flush=True)
            if arguments.update:
                _publish(version, way, cells)
    return int(is_wrong)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("versions", nargs="*", default=list(VERSIONS), metavar="VERSION", help="of @ohif/app")
    parser.add_argument("--case", action="append", choices=list(segmentations()), help="may be repeated")
    parser.add_argument("--encoding", action="append", choices=ENCODINGS, help="may be repeated")
    parser.add_argument("--save", action="store_true", help="let OHIF save what it shows, too")
    parser.add_argument("--way", action="append", dest="ways", choices=WAYS, help="may be repeated; default: both")
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


def _measured(ring: _Ring, version: str, pages: Path, way: str) -> list[dict[str, str]]:
    """Return the cells of one release and way."""
    out = ring.out / version / way
    out.mkdir(parents=True, exist_ok=True)
    with _serving(way, pages, ring.cases) as address:
        job = {
            "address": address,
            "way": way,
            "out": str(out.resolve()),
            "chromium": str(ring.chromium),
            "seconds": _SECONDS_FOR_ONE,
            "save": ring.saves,
            "cases": [_job_of(case) for case in ring.cases],
        }
        (out / "job.json").write_text(json.dumps(job))
        # node looks for packages beside the script, so the script goes beside them
        script = ring.node_modules.parent / "drive.mjs"
        script.write_bytes((_HERE / "drive.mjs").read_bytes())
        subprocess.run([program("node"), script, (out / "job.json").resolve()], check=True, env=os.environ)
    return [_cell(case, encoding, out) for case in ring.cases for encoding in case.files]


def _serving(way: str, pages: Path, cases: list[ShownCase]) -> AbstractContextManager[str]:
    if way == "local":
        return served(pages)
    return served_with_orthanc(pages, [path for case in cases for path in _files_of(case)])


def _cell(case: ShownCase, encoding: str, out: Path) -> dict[str, str]:
    answer = json.loads((out / f"{case.id}.json").read_text())
    if "error" in answer:
        outcome, why = "error", answer["error"]
    else:
        outcome, why = judged(case, encoding, answer["shown"])
    return {"case": case.id, "encoding": encoding, "outcome": outcome, "why": _general(why)}


def _files_of(case: ShownCase) -> list[Path]:
    return [*case.images, *(path for paths in case.files.values() for path in paths)]


def _job_of(case: ShownCase) -> dict[str, Any]:
    segmentations_of_case = [
        {"id": f"{encoding}-{number}", "sop": case.sop_uids[path]}
        for encoding, paths in case.files.items()
        for number, path in enumerate(paths, start=1)
    ]
    return {
        "id": case.id,
        "study": case.study,
        "files": [str(path.resolve()) for path in _files_of(case)],
        "segmentations": segmentations_of_case,
    }


def _told(cell: dict[str, str]) -> str:
    why = f" ({cell['why']})" if cell["why"] else ""
    return f"{cell['encoding']}, {cell['case']}: {cell['outcome']}{why}"


def _publish(version: str, way: str, cells: list[dict[str, str]]) -> None:
    """Put the cells into the table; those of cases that were not shown now stay."""
    table = load()
    before = table.setdefault(version, {}).get(way, {}).get("cells", [])
    by_case = {(cell["case"], cell["encoding"]): cell for cell in [*before, *cells]}
    kept = [by_case[key] for key in by_case if key[0] in segmentations()]
    table[version][way] = {"measured": datetime.date.today().isoformat(), "cells": kept}
    TABLE.write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(page_of(table), encoding="utf-8")


def _general(why: str) -> str:
    """Return the words without the number of a file in the page, which differs from run to run."""
    return re.sub(r"dicomfile:\d+", "dicomfile:N", why)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
