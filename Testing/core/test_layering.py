"""The floors of the design: what each file may know, and no cycles."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

PACKAGE = "SegRLEExportLib"
MODULE_FOLDER = Path(__file__).parents[2] / "SegRLEExport"
LIBRARY = MODULE_FOLDER / PACKAGE
SLICER_SIDE = LIBRARY / "slicer_side"

SLICER = {"slicer", "vtk", "qt", "ctk", "DICOMLib", "vtkmodules", "mrml"}
QT = {"qt", "ctk", "PythonQt"}
DICOM = {"pydicom", "highdicom"}

ORDER = (
    ("model", "errors", "progress", "uids"),
    ("planes",),
    ("encoding",),
    ("options",),
    ("source",),
    ("dataset",),
    ("preflight",),
    ("report",),
    ("writing",),
    ("reading",),
    ("verification",),
    ("files",),
    ("other_readers", "conversion"),
    ("export", "forecast", "convert"),
    ("batch",),
    ("cli", "__main__"),
    ("slicer_side",),
)
"""The stations of an export, first to last: each uses only its own and those above it."""

SLICER_ORDER = (("nodes", "settings", "requirements"), ("console", "dialog"), ("panel", "sample_data", "self_test"))
"""The same within Slicer."""

CHECKED = ("dataset", "writing", "preflight", "encoding.instances")
"""What decides how files become what they are: the check of the files must tell it a second time, and know none of it.
"""

MAY_LOOK_DOWN = {("cli/surfaces.py", "slicer_side.nodes")}
"""The shell reads scenes with Slicer's code."""

NUMPY_FLOOR = [
    *(path for path in sorted((LIBRARY / "model").glob("*.py")) if path.name != "source_series.py"),
    *sorted((LIBRARY / "planes").glob("*.py")),
    *(LIBRARY / f"{name}.py" for name in ("progress", "errors")),
    *(LIBRARY / "encoding" / f"{name}.py" for name in ("bit_packing", "rle", "encapsulation")),
    LIBRARY / "reading" / "rle.py",
]
MRML_FLOOR = [path for folder in ("nodes", "console") for path in sorted((SLICER_SIDE / folder).glob("*.py"))]
CORE = [path for path in sorted(LIBRARY.rglob("*.py")) if SLICER_SIDE not in path.parents]


def name_of(path: Path) -> str:
    return str(path.relative_to(MODULE_FOLDER).with_suffix("")).replace("/", ".").removesuffix(".__init__")


def imported(path: Path, *, only_at_file_scope: bool = False) -> set[str]:
    """Return the full names of the modules that a file imports, wherever in it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = set()
    for node in _statements_at_file_scope(tree) if only_at_file_scope else ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively"
            names.add(str(node.module))
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _statements_at_file_scope(tree: ast.Module):
    waiting = list(tree.body)
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, (ast.If, ast.Try, ast.With)):
            waiting.extend(child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt))


def top_names(path: Path, **options: bool) -> set[str]:
    return first_parts(imported(path, **options))


def first_parts(names: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}


def modules_of_ours(**options: bool) -> dict[str, set[str]]:
    """Return for each of our modules those of ours that it imports."""
    known = {name_of(path): path for path in sorted(LIBRARY.rglob("*.py"))}
    return {name: (imported(path, **options) & known.keys()) - {name} for name, path in known.items()}


def reached_from(path: Path, **options: bool) -> set[str]:
    """Return the modules that importing a file imports in the end, ours and others'."""
    uses = modules_of_ours(**options)
    reached: set[str] = set()
    waiting = [name_of(path)]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting.extend(uses[name])
    return reached.union(*(imported(file_of(name), **options) for name in reached))


def file_of(name: str) -> Path:
    path = MODULE_FOLDER / name.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def relative(path: Path) -> str:
    return str(path.relative_to(LIBRARY))


@pytest.mark.parametrize("path", NUMPY_FLOOR, ids=relative)
def test_the_numpy_floor_knows_no_dicom_library_even_indirectly(path):
    assert not first_parts(reached_from(path)) & (DICOM | SLICER)


@pytest.mark.parametrize("path", CORE, ids=relative)
def test_the_core_knows_no_slicer(path):
    may_open_the_door = {"cli/surfaces.py"}

    assert not top_names(path) & SLICER
    if relative(path) not in may_open_the_door:
        assert not any(name.startswith(f"{PACKAGE}.slicer_side") for name in imported(path))


@pytest.mark.parametrize("path", CORE, ids=relative)
def test_the_core_needs_numpy_and_pydicom_alone(path):
    outside = top_names(path, only_at_file_scope=True) - set(sys.stdlib_module_names) - {PACKAGE}

    assert outside <= {"numpy", "pydicom"}


def wing_of(name: str, order: tuple[tuple[str, ...], ...], above: str) -> int | None:
    """Return the place of a module in an order; None for the package itself, which anything may ask for its version."""
    part = name.removeprefix(above).strip(".").partition(".")[0]
    if not part:
        return None
    return next(n for n, wings in enumerate(order) if part in wings)


@pytest.mark.parametrize("path", CORE, ids=relative)
def test_no_arrow_points_upwards(path):
    own = wing_of(name_of(path), ORDER, PACKAGE)
    used = {name: wing_of(name, ORDER, PACKAGE) for name in imported(path) if name.startswith(f"{PACKAGE}.")}
    wrong = [name for name, place in used.items() if own is not None and place is not None and place > own]
    allowed = [
        name
        for name in wrong
        for file, below in MAY_LOOK_DOWN
        if relative(path) == file and name.startswith(f"{PACKAGE}.{below}")
    ]

    assert sorted(wrong) == sorted(allowed)


@pytest.mark.parametrize("path", sorted((LIBRARY / "verification").glob("*.py")), ids=relative)
def test_the_check_of_files_knows_nothing_of_how_they_are_made(path):
    known = {f"{PACKAGE}.{part}" for part in CHECKED}

    assert [name for name in reached_from(path) if name.startswith(tuple(known))] == []


@pytest.mark.parametrize("path", [*(SLICER_SIDE).rglob("*/*.py")], ids=relative)
def test_no_arrow_points_upwards_within_slicer(path):
    above = f"{PACKAGE}.slicer_side"
    own = wing_of(name_of(path), SLICER_ORDER, above)
    used = [name for name in imported(path) if name.startswith(f"{above}.")]

    assert [name for name in used if (wing_of(name, SLICER_ORDER, above) or 0) > (own or 0)] == []


@pytest.mark.parametrize("path", MRML_FLOOR, ids=relative)
def test_the_mrml_floor_knows_no_qt(path):
    assert not top_names(path) & QT


def test_no_module_reaches_itself_by_imports():
    uses = modules_of_ours()
    finished: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join((*way[way.index(name) :], name))
        if name not in finished:
            for other in sorted(uses[name]):
                visit(other, (*way, name))
            finished.add(name)

    for name in uses:
        visit(name, ())


def test_the_extension_file_imports_no_library_at_file_scope():
    """Slicer loads it at every start; numpy and pydicom must not slow that down or make it fail."""
    outside = top_names(MODULE_FOLDER / "SegRLEExport.py", only_at_file_scope=True) - set(sys.stdlib_module_names)

    assert outside <= {"slicer", "vtk", "qt", "ctk", PACKAGE}


def test_registering_in_the_export_dialog_reaches_no_dicom_library():
    """It happens when Slicer starts, with or without pydicom 3."""
    assert not first_parts(reached_from(SLICER_SIDE / "dialog" / "export_plugin.py", only_at_file_scope=True)) & DICOM


@pytest.mark.parametrize("path", CORE, ids=relative)
def test_every_file_says_what_it_is_for(path):
    told = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))

    assert told
    assert len(told.splitlines()[0]) <= 120
