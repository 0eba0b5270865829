"""What CMake installs is what is there: a file that is not listed works in the checkout and fails for users."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "SegRLEExport"


def words_of(file: Path, command: str) -> list[str]:
    """Return the words of the first CMake command of that start, without comments."""
    text = re.sub(r"#.*", "", file.read_text(encoding="utf-8"))
    inside = re.search(re.escape(command) + r"\s+([^)]*)\)", text)
    assert inside is not None, f"{file} has no {command}"
    return inside[1].split()


def test_every_python_file_of_the_module_is_installed():
    on_disk = [MODULE / "SegRLEExport.py", *(MODULE / "SegRLEExportLib").rglob("*.py")]
    listed = words_of(MODULE / "CMakeLists.txt", "set(MODULE_PYTHON_SCRIPTS")
    assert sorted(listed) == sorted(path.relative_to(MODULE).as_posix() for path in on_disk)


def test_every_resource_but_screenshots_is_installed():
    files = [path for path in (MODULE / "Resources").rglob("*") if path.is_file() and "Screenshots" not in path.parts]
    files.extend((MODULE / "SegRLEExportLib").rglob("*.csv"))
    listed = words_of(MODULE / "CMakeLists.txt", "set(MODULE_PYTHON_RESOURCES")
    assert sorted(listed) == sorted(path.relative_to(MODULE).as_posix() for path in files)


def test_every_slicer_test_is_registered():
    on_disk = sorted(path.stem for path in (ROOT / "Testing" / "application").glob("SegRLEExport*Test.py"))
    listed = words_of(ROOT / "Testing" / "application" / "CMakeLists.txt", "foreach(script")
    assert sorted(listed) == on_disk
    assert on_disk


def test_tests_are_not_installed_with_the_module():
    """The folder that modules are installed to is one for all extensions: `Testing` would be everybody's."""
    listed = words_of(MODULE / "CMakeLists.txt", "set(MODULE_PYTHON_SCRIPTS")
    assert {Path(path).parts[0] for path in listed} == {"SegRLEExport.py", "SegRLEExportLib"}


def test_the_extension_has_the_name_of_its_catalogue_entry():
    entry = json.loads((ROOT / "SegRLEExport.json").read_text(encoding="utf-8"))
    assert "project(SegRLEExport)" in (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    allowed = {"$schema", "category", "scm_url", "scm_revision", "scm_type", "build_dependencies", "build_subdirectory"}
    assert {"$schema", "category", "scm_url"} <= set(entry) <= allowed | {"enabled", "tier", "dicom_support_rule"}
    assert entry["scm_url"].removesuffix(".git").endswith("/SlicerSegRLEExport")


@pytest.mark.parametrize("keyword", ["HOMEPAGE", "CONTRIBUTORS", "DESCRIPTION", "ICONURL", "SCREENSHOTURLS", "DEPENDS"])
def test_the_extension_describes_itself(keyword):
    assert " ".join(words_of(ROOT / "CMakeLists.txt", f"set(EXTENSION_{keyword}")).strip('" ')


@pytest.mark.parametrize("keyword", ["ICONURL", "SCREENSHOTURLS"])
def test_pictures_of_the_catalogue_are_in_the_repository(keyword):
    urls = " ".join(words_of(ROOT / "CMakeLists.txt", f"set(EXTENSION_{keyword}")).strip('"').split()
    assert urls
    for url in urls:
        assert (ROOT / url.partition("/main/")[2]).is_file(), url


def test_the_icon_is_a_small_square_png():
    data = (MODULE / "Resources" / "Icons" / "SegRLEExport.png").read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert (int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")) == (128, 128)
    assert len(data) < 20_000


def test_text_files_end_their_lines_as_slicers_catalogue_wants():
    for pattern in ("*.py", "*.ui", "*.txt", "*.json"):
        for path in (*MODULE.rglob(pattern), *ROOT.glob(pattern)):
            assert b"\r" not in path.read_bytes(), path
