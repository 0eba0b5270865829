"""Whoever types the commands of README and Docs, one page after the other in the folder of the demo, is not refused."""

from __future__ import annotations

import re
from pathlib import Path

from practice import make_practice_folder
from shell_builders import segrle

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
PAGES = {
    path.name: [line for block in BLOCK.findall(path.read_text(encoding="utf-8")) for line in block.splitlines()]
    for path in (ROOT / "README.md", *sorted((ROOT / "Docs").glob("*.md")))
}
PAGES = {name: lines for name, lines in PAGES.items() if lines}

NEEDS_MORE = {"tcp://": "a cluster of the reader's own; Testing/core/test_batch.py runs one"}
"""What a command may name that the folder cannot hold, and where it is tried."""


def test_the_commands_of_all_pages_run_in_their_order(tmp_path, monkeypatch, capsys):
    make_practice_folder(tmp_path / "practice")
    monkeypatch.chdir(tmp_path / "practice")
    for page, lines in PAGES.items():
        for line in lines:
            if any(mark in line for mark in NEEDS_MORE):
                continue
            command, *words = line.split()
            assert command == "segrle"
            assert segrle(*words) == 0, f"{page}: {line}\n{capsys.readouterr().err}"


def test_what_the_page_on_batches_does_in_python_runs(tmp_path, monkeypatch, capsys):
    make_practice_folder(tmp_path / "practice")
    monkeypatch.chdir(tmp_path / "practice")
    (snippet,) = re.findall(r"```python\n(.*?)```", (ROOT / "Docs" / "batch.md").read_text("utf-8"), re.DOTALL)
    exec(snippet, {})
    assert capsys.readouterr().out.startswith("1 of 1 cases written")
    assert Path("from-python/left-lung/left-lung.nii.gz").exists()


def test_the_table_on_the_page_on_batches_runs(tmp_path, monkeypatch, capsys):
    make_practice_folder(tmp_path / "practice")
    monkeypatch.chdir(tmp_path / "practice")
    (table,) = re.findall(r"```text\n(.*?)```", (ROOT / "Docs" / "batch.md").read_text("utf-8"), re.DOTALL)
    Path("of-the-page.csv").write_text(table, "utf-8")
    assert segrle("batch", "of-the-page.csv", "-o", "of-the-page") == 0, capsys.readouterr()
    assert len(list(Path("of-the-page/from-nifti/images").iterdir())) > 1


def test_pages_have_commands():
    assert {"README.md", "shell.md", "files.md", "batch.md"} <= set(PAGES)
