"""Where the readers live: the project's own Python, further Pythons and Node folders, programs of the system.

Further ones are made on demand in a cache folder outside the repository, each with the versions that its recipe
names, so that two versions of one library can be measured side by side.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PROJECT = "project"
"""The Python that runs this."""

PYTHON_RECIPES: dict[str, tuple[str, ...]] = {
    "pydicom-2.4": ("pydicom==2.4.5", "numpy"),
    "pylibjpeg": ("pydicom==3.0.2", "numpy", "pylibjpeg==2.1.0", "pylibjpeg-rle==2.2.0"),
    "gdcm": ("pydicom==3.0.2", "numpy", "python-gdcm==3.2.6"),
    "highdicom-0.27": ("highdicom==0.27.0", "pydicom==3.0.2"),
    "pynetdicom": ("pynetdicom==3.0.4",),
    "pydicom-seg": ("pydicom-seg==0.4.1", "pydicom<3", "numpy<2"),
    "supervision": ("supervision==0.31.2",),
    "dcmqi-0.4.0": ("dcmqi==0.4.0",),
    "dcmqi-0.3.1": ("dcmqi==0.3.1",),
    "dcmqi-0.2.1": ("dcmqi==0.2.1",),
    "dcmqi-0.1.1": ("dcmqi==0.1.1",),
}

NODE_RECIPES: dict[str, tuple[str, ...]] = {
    "node-current": (
        "@cornerstonejs/adapters@5.14.0",
        "@cornerstonejs/core@5.14.0",
        "@cornerstonejs/tools@5.14.0",
        "@cornerstonejs/dicom-image-loader@5.14.0",
        "dicom-parser@1.8.21",
        "dcmjs@0.52.2",
        "@babel/runtime@7",
        "esbuild@0.25.0",
    ),
    "node-adapters-3": ("@cornerstonejs/adapters@3.33.5", "esbuild@0.25.0"),
    "node-adapters-2": ("@cornerstonejs/adapters@2.19.16", "esbuild@0.25.0"),
}

_NODE_SCRIPTS = Path(__file__).parent / "reading" / "node"

_NODE_PRELUDE = (
    'import { createRequire as _r } from "node:module"; import { fileURLToPath as _f } from "node:url"; '
    "const require = _r(import.meta.url); const __filename = _f(import.meta.url); "
    'const __dirname = __filename.replace(/[^/]*$/, "");'
)
"""What packages written for browsers and bundlers expect to find in Node."""


class AbsentError(Exception):
    """The reader is not here and could not be brought here; the text says why."""


@dataclass(frozen=True)
class Environments:
    """The places of all readers on this machine."""

    cache: Path

    def python(self, name: str) -> Path:
        """Return the interpreter of that name, made first if need be; raises `AbsentError`."""
        if name == PROJECT:
            return Path(sys.executable)
        python = self.cache / name / "bin" / "python"
        if not (self.cache / name / _COMPLETE).exists():
            self._make(["python3", "-m", "venv", str(self.cache / name)], self.cache)
            self._make([str(python), "-m", "pip", "install", "--quiet", *PYTHON_RECIPES[name]], self.cache)
            (self.cache / name / _COMPLETE).touch()
        return python

    def node_folder(self, name: str) -> Path:
        """Return the folder with the packages of that name, made first if need be; raises `AbsentError`."""
        folder = self.cache / name
        program("npm")
        if not (folder / _COMPLETE).exists():
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "package.json").write_text('{"private": true}')
            self._make(["npm", "install", "--no-audit", "--no-fund", *NODE_RECIPES[name]], folder)
            (folder / _COMPLETE).touch()
        return folder

    def node_bundle(self, name: str, script: str) -> Path:
        """Return `reading/node/<script>.mjs` with all it needs of that folder in one file; raises `AbsentError`."""
        folder = self.node_folder(name)
        bundle = folder / f"{script}.bundle.mjs"
        packages = folder / "node_modules"
        self._make(
            [
                str(packages / ".bin" / "esbuild"),
                str(_NODE_SCRIPTS / f"{script}.mjs"),
                "--bundle",
                "--platform=node",
                "--format=esm",
                "--log-level=error",
                f"--banner:js={_NODE_PRELUDE}",
                f"--outfile={bundle}",
            ],
            folder,
            NODE_PATH=f"{packages}:{packages / '@cornerstonejs' / 'dicom-image-loader' / 'dist'}",
        )
        return bundle

    def dcmqi(self, name: str) -> Path:
        """Return the segimage2itkimage that the dcmqi wheel of that environment carries; raises `AbsentError`."""
        python = self.python(name)
        question = "import dcmqi, pathlib; print(pathlib.Path(dcmqi.__file__).parent)"
        told = subprocess.run([python, "-c", question], capture_output=True, text=True, check=False)
        tool = Path(told.stdout.strip()) / "bin" / "segimage2itkimage"
        if told.returncode or not tool.is_file():
            raise AbsentError("the dcmqi wheel is not installed")
        return tool

    def _make(self, command: list[str], folder: Path, **variables: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, **variables}
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
            raise AbsentError(f"{command[0]} failed: {said[-1][:200]}")


_COMPLETE = ".complete"


def default_cache() -> Path:
    """Return where environments are kept: SEGRLE_PEERS_CACHE, or a folder in the user's cache."""
    return Path(os.environ.get("SEGRLE_PEERS_CACHE") or Path.home() / ".cache" / "segrle-peers")


def program(name: str) -> Path:
    """Return a program of the system; raises `AbsentError`."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise AbsentError(f"the program {name} is not on the path")
    return Path(found)
