#!/usr/bin/env python3
"""Everything one does with this project, from a fresh machine on.

    python3 tasks.py demo     export a real segmentation three ways and show the reports
    python3 tasks.py test     format, lint, types, tests
    python3 tasks.py check    format, lint, types
    python3 tasks.py format   write the code in the form that check wants
    python3 tasks.py bench    compare with other exporters (--quick: the two small workloads)
    python3 tasks.py peers    measure who reads what (--all: every reader)
    python3 tasks.py pages    renew the tables and figures of README and Docs

Words after the task go to the program it runs. The environment is made from PyPI, in `.env`, when it is first
needed and when pyproject.toml changes. Standard library only.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ENVIRONMENT = ROOT / ".env"
STAMP = ENVIRONMENT / "made-from"
OLDEST, NEWEST = (3, 10), (3, 13)
"""Python versions for which slicer-core has wheels."""

CHECKED = ("SegRLEExport", "Testing", "tasks.py")

MOST_PROCESSES = 4
"""Of the tests: some take a gigabyte for a while."""


def demo(words: list[str]) -> int:
    """Run the main job on real input."""
    return _run("Testing/demo/run.py", *words)


def check(words: list[str]) -> int:
    """Format, lint and types; stops at the first that fails."""
    for tool in (
        ("ruff", "format", "--check", *CHECKED),
        ("ruff", "check", *CHECKED),
        ("mypy",),
    ):
        if exit_code := _run("-m", *tool, *words):
            return exit_code
    return 0


def format_code(words: list[str]) -> int:
    """Write the code in the form that `check` wants."""
    return _run("-m", "ruff", "format", *CHECKED, *words)


def test(words: list[str]) -> int:
    """All checks, then all tests on all processors; words select tests as pytest does, on one."""
    if words:
        return _run("-m", "pytest", *words)
    return check([]) or _run("-m", "pytest", "--numprocesses", "auto", "--maxprocesses", str(MOST_PROCESSES))


def bench(words: list[str]) -> int:
    """Compare with the peers in one run."""
    return _run("Testing/benchmarks/run.py", *words)


def peers(words: list[str]) -> int:
    """Let every reader read every encoding."""
    return _run("Testing/peers/run.py", *words)


def pages(words: list[str]) -> int:
    """Write the tables that code and results make into the pages."""
    return _run("Testing/encodings_table.py", *words) or _run("Testing/benchmarks/page.py", *words)


TASKS: dict[str, Callable[[list[str]], int]] = {
    "demo": demo,
    "test": test,
    "check": check,
    "format": format_code,
    "bench": bench,
    "peers": peers,
    "pages": pages,
}


def main(words: list[str]) -> int:
    """Run the task that the first word names."""
    if not words or words[0] not in TASKS:
        print(__doc__, file=sys.stderr)
        return 2
    _make_environment()
    return TASKS[words[0]](words[1:])


def _run(*words: str) -> int:
    return subprocess.run([str(_python()), *words], cwd=ROOT, check=False).returncode


def _python() -> Path:
    return ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _make_environment() -> None:
    """Make the environment, unless it is there and made from this very pyproject.toml."""
    made_from = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    if STAMP.exists() and STAMP.read_text() == made_from and _python().exists():
        return
    print(f"Making the environment {ENVIRONMENT} from PyPI (once, about a minute) ...", file=sys.stderr, flush=True)
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    made = subprocess.run([_fitting_python(), "-m", "venv", str(ENVIRONMENT)], check=False)
    if made.returncode:
        sys.exit("This Python cannot make environments. On Debian and Ubuntu: apt-get install python3-venv")
    install = [str(_python()), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-e", f"{ROOT}[test]"]
    if subprocess.run(install, check=False).returncode:
        shutil.rmtree(ENVIRONMENT)
        sys.exit("The packages could not be installed; pip's message above says why.")
    STAMP.write_text(made_from)


def _fitting_python() -> str:
    """Return a Python that slicer-core has wheels for: this one, or else the newest on the path."""
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return sys.executable
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        if found := shutil.which(f"python3.{minor}"):
            return found
    sys.exit(f"Python 3.{OLDEST[1]} to 3.{NEWEST[1]} is needed; this is {sys.version.split()[0]}.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
