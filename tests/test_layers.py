"""Imports point one way only, and what is loaded from disk cannot run code."""
from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from builds import ROOT

# folder: the package under which it installs
PACKAGES = {
    "cosmicnet": "cosmicnet",
    "training": "cosmicnet.training",
    "cobaya_components": "cosmicnet.cobaya_components",
    "class_patch": "cosmicnet.class_patch",
}
PARTS = {"cosmicnet.training", "cosmicnet.cobaya_components", "cosmicnet.class_patch"}


def modules() -> dict[str, Path]:
    """Every Python module of the project by its full name."""
    found = {}
    for folder, package in PACKAGES.items():
        for path in (ROOT / folder).rglob("*.py"):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            found[".".join([package, *(part for part in parts if part != "__init__")])] = path
    return found


MODULES = modules()


def imports(name: str) -> Iterator[str]:
    """Full names of what a module imports anywhere, inside functions as well."""
    path = MODULES[name]
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def part_of(name: str) -> str:
    """Which part of the project, or which top-level package, a module belongs to."""
    inside = next((part for part in PARTS if name == part or name.startswith(f"{part}.")), None)
    return inside or name.split(".")[0]


def imported_parts(part: str) -> dict[str, set[str]]:
    """What the modules of a part import: part or package, and by which modules."""
    found: dict[str, set[str]] = {}
    for name in MODULES:
        if part_of(name) == part:
            for imported in imports(name):
                found.setdefault(part_of(imported), set()).add(name)
    return found


def beyond(allowed: set[str], part: str) -> dict[str, set[str]]:
    return {imported: by for imported, by in imported_parts(part).items() if imported not in allowed}


def test_every_part_is_there() -> None:
    assert {part_of(name) for name in MODULES} == {"cosmicnet", *PARTS}


def test_runtime_needs_little() -> None:
    """But for the names that Cobaya looks up in `cosmicnet`, which are loaded when they are asked for."""
    by = imported_parts("cosmicnet").get("cosmicnet.cobaya_components")
    assert by == {"cosmicnet"}
    allowed = {"cosmicnet", "classy", "numpy", "scipy", "safetensors", "threadpoolctl", *sys.stdlib_module_names}
    assert beyond({*allowed, "cosmicnet.cobaya_components"}, "cosmicnet") == {}


def test_class_patch_stands_alone() -> None:
    """It runs inside pip's isolated build, where nothing else is installed."""
    allowed = {"cosmicnet.class_patch", "setuptools", *sys.stdlib_module_names}
    assert beyond(allowed, "cosmicnet.class_patch") == {}


@pytest.mark.parametrize("part", ["cosmicnet", "cosmicnet.cobaya_components", "cosmicnet.class_patch"])
def test_only_training_knows_tensorflow(part: str) -> None:
    assert {"tensorflow", "keras", "torch"} & imported_parts(part).keys() == set()


def test_modules_import_in_no_circle() -> None:
    known = {name: {target for target in imports(name) if target in MODULES} - {name} for name in MODULES}
    # a package that imports its own modules is no circle: they do not need it
    remaining = {
        name: {target for target in targets if not name.startswith(f"{target}.")}
        for name, targets in known.items()
    }
    while free := [name for name, targets in remaining.items() if not targets & remaining.keys()]:
        for name in free:
            del remaining[name]
    assert remaining == {}


def test_importing_the_runtime_loads_no_framework() -> None:
    names = [name for name in MODULES if part_of(name) == "cosmicnet" and not name.endswith("__main__")]
    unwanted = ["tensorflow", "keras", "torch", "cobaya", "matplotlib", "rich", "pydantic", *PARTS]
    code = f"import sys, {', '.join(names)}\nprint(*(set({unwanted}) & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr


@pytest.mark.parametrize("name", MODULES)
def test_nothing_unpickles(name: str) -> None:
    """A pickle that came with a network would run code."""
    assert {"pickle", "cPickle", "dill", "joblib", "shelve", "marshal"}.isdisjoint(imports(name))
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            assert isinstance(node.value, ast.Constant) and node.value.value is False, node.lineno
