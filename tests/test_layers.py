"""Imports point one way only, and no file loaded from disk can run code."""
from __future__ import annotations

import ast
import re
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
FOLDERS_OF_ROOMS = ("training", "cobaya_components")

# Each room, and the rooms that it may import. A folder without rooms is one room.
MAKING = ("cosmicnet", "training.work", "training.recipe", "training.models")
MEASURING = ("cosmicnet", "training.work", "training.evaluate")
ARROWS: dict[str, tuple[str, ...]] = {
    "cosmicnet": (),
    "class_patch": (),
    "training.work": MAKING[:1],
    "training.recipe": MAKING[:2],
    "training.models": MAKING[:3],
    "training.fields": MAKING,
    "training.checks": MAKING,
    "training.one_level": (*MAKING, "training.fields", "training.checks"),
    "training.two_levels": (*MAKING, "training.fields", "training.checks"),
    "training.evaluate": MAKING,
    "training.learn": (*MAKING, "training.fields", "training.evaluate"),
    "training.share": ("cosmicnet", "training.work"),
    "training.timing": MEASURING,
    "training.side_by_side": ("cosmicnet", "training.work", "training.recipe", "training.evaluate"),
    "training.paper": (*MAKING, "training.fields", "training.checks", "training.evaluate"),
    "cobaya_components.theory": ("cosmicnet", "training.work", "class_patch"),
    "cobaya_components.sampler": ("cosmicnet",),
    "cobaya_components.embedded": (*MEASURING, "cobaya_components.theory"),
    "cobaya_components.compare": ("cosmicnet", "training.work", "cobaya_components.theory",
                                  "cobaya_components.sampler"),
    "cobaya_components.demo": (*MEASURING, "cobaya_components.theory", "cobaya_components.sampler",
                               "cobaya_components.compare"),
}
# The command line is on top and imports any room.
COMMANDS = "training.commands"
ARROWS[COMMANDS] = (*ARROWS, *FOLDERS_OF_ROOMS)
# Entry points, whose imports run when a name is looked up: `cosmicnet.Cosmicnet` for Cobaya, `python -m`.
ENTRANCES = {
    "cosmicnet": ("cobaya_components",),
    "cosmicnet.__main__": ("training",),
    "cosmicnet.training.__main__": (COMMANDS,),
    "cosmicnet.cobaya_components": tuple(room for room in ARROWS if room.startswith("cobaya_components.")),
}
# The patched classy loads these when it runs, and nothing else of the package.
DOORS = {"cosmicnet.class_parameters", "cosmicnet.provider", "cosmicnet.running_class",
         "cosmicnet.training.learn.learner"}
IMPORT_IN_CYTHON = re.compile(r"^\s*(?:from|import|cimport)\s+(cosmicnet[\w.]*)", re.MULTILINE)

MOST_MODULES = 12


def modules() -> dict[str, Path]:
    """Every Python module of the project by its full name."""
    found = {}
    for folder, package in PACKAGES.items():
        for path in (ROOT / folder).rglob("*.py"):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            found[".".join([package, *(part for part in parts if part != "__init__")])] = path
    return found


MODULES = modules()
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}


def imports(name: str) -> Iterator[str]:
    """Full names of what a module imports anywhere, inside functions as well, and modules that a string names."""
    package = name if MODULES[name].name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) \
                and re.fullmatch(r"cosmicnet\.[\w.]+", node.value) and node.value in MODULES:
            yield node.value


def room_of(name: str) -> str | None:
    """The room of one of the project's modules; the folder itself for its entry points; None for other packages."""
    if name.split(".")[0] != "cosmicnet":
        return None
    parts = (f for f in PACKAGES if f != "cosmicnet" and f"{name}.".startswith(f"{PACKAGES[f]}."))
    folder = next(parts, "cosmicnet")
    if folder in FOLDERS_OF_ROOMS and len(name.split(".")) > 2 and name not in ENTRANCES:
        return ".".join(name.split(".")[1:3])
    return folder


def allowed(name: str) -> set[str]:
    """The rooms from which a module may import: its own and those below."""
    return {str(room_of(name)), *ARROWS.get(str(room_of(name)), ()), *ENTRANCES.get(name, ())}


def packages_of(folder: str) -> set[str]:
    """The top-level packages that the modules of a folder import."""
    return {imported.split(".")[0] for name in MODULES if str(room_of(name)).split(".")[0] == folder
            for imported in imports(name)}


def test_every_room_is_known() -> None:
    assert {room_of(name) for name in MODULES} == {*ARROWS, *FOLDERS_OF_ROOMS}


def test_arrows_point_down() -> None:
    """Rooms are listed from the bottom up."""
    rooms = list(ARROWS)
    assert rooms[-1] == COMMANDS
    assert [(room, below) for room in rooms[:-1] for below in ARROWS[room]
            if rooms.index(below) >= rooms.index(room)] == []


@pytest.mark.parametrize("name", MODULES)
def test_imports_point_down(name: str) -> None:
    rooms = {imported: room_of(imported) for imported in imports(name) if imported in MODULES}
    # the packages above a module are loaded with it
    above = {".".join(name.split(".")[:length]) for length in range(1, len(name.split(".")))}
    assert {imported: room for imported, room in rooms.items()
            if room not in allowed(name) and imported not in above} == {}


def test_the_shim_enters_by_few_doors() -> None:
    """Cython files are no Python for ast."""
    files = [path for suffix in ("*.pxi", "*.pyx", "*.pxd") for path in (ROOT / "class_patch").rglob(suffix)]
    found = {name for path in files for name in IMPORT_IN_CYTHON.findall(path.read_text(encoding="utf-8"))}
    assert found == DOORS
    assert set(MODULES) >= DOORS


def test_other_packages() -> None:
    """The runtime and the patch need little; only training knows TensorFlow."""
    standard = set(sys.stdlib_module_names) | {"cosmicnet"}
    assert packages_of("cosmicnet") - standard <= {"camb", "classy", "numpy", "scipy", "safetensors", "threadpoolctl"}
    # it runs inside pip's isolated build, where nothing else is installed
    # numpy for its headers, which classy is compiled with
    assert packages_of("class_patch") - standard <= {"setuptools", "numpy"}
    assert {"tensorflow", "keras", "torch"} & packages_of("cobaya_components") == set()


@pytest.mark.parametrize("folder", PACKAGES)
def test_a_folder_has_a_docstring(folder: str) -> None:
    assert ast.get_docstring(TREES[PACKAGES[folder]])


@pytest.mark.parametrize("room", [room for room in ARROWS if "." in room])
def test_a_room_is_one_concept(room: str) -> None:
    """Few modules, and a docstring of the room."""
    inside = [name for name in MODULES if room_of(name) == room]
    assert ast.get_docstring(TREES[f"cosmicnet.{room}"])
    assert len(inside) - 1 <= MOST_MODULES, inside


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
    names = [name for name in MODULES if room_of(name) == "cosmicnet" and not name.endswith("__main__")]
    unwanted = ["tensorflow", "keras", "torch", "cobaya", "matplotlib", "rich", "pydantic",
                *(package for package in PACKAGES.values() if package != "cosmicnet")]
    code = f"import sys, {', '.join(names)}\nprint(*(set({unwanted}) & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr


@pytest.mark.parametrize("name", MODULES)
def test_nothing_unpickles(name: str) -> None:
    """A pickle that came with a network would run code."""
    assert {"pickle", "cPickle", "dill", "joblib", "shelve", "marshal"}.isdisjoint(imports(name))
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            assert isinstance(node.value, ast.Constant) and node.value.value is False, node.lineno
