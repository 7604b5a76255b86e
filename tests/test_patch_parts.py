"""A tree gets the parts of the patch that fit it and compile there, and nothing is half-written."""
from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from test_patch_anchors import contents

from cosmicnet.class_patch import AnchorError, PatchError, patch_tree, patch_what_fits
from cosmicnet.class_patch import tree as tree_module
from cosmicnet.class_patch.edits import EDITS
from cosmicnet.class_patch.forks import table
from cosmicnet.class_patch.parts import PARTS, fitted, release_of


@pytest.fixture
def class_tree(stock: Path, tmp_path: Path) -> Path:
    """A copy of the stock sources."""
    for folder in ("source", "include", "tools", "external", "python", "main"):
        shutil.copytree(stock / "classy" / folder, tmp_path / folder)
    for name in ("setup.py", "Makefile"):
        shutil.copy(stock / "classy" / name, tmp_path)
    return tmp_path


@pytest.fixture
def compiles(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """A stand-in for the compiler. It returns the messages of this dictionary once, none by default."""
    said: dict[str, list[str]] = {}

    def answer(*_: object) -> dict[str, list[str]]:
        failed = dict(said)
        said.clear()
        return failed

    monkeypatch.setattr(tree_module, "compile_copy", answer)
    monkeypatch.setattr(tree_module, "missing_tools", lambda makefile: [])
    return said


def lose(root: Path, part: str) -> str:
    """Take the first anchor of a part out of its file; returns the edit's purpose."""
    name, edit = next((name, edit) for name, edits in EDITS.items() for edit in edits
                      if edit.part == part and name.startswith("source"))
    path = root / name
    text = path.read_text()
    for one in (edit, edit.or_else):
        if one is not None:
            text = text.replace(one.anchor, "")
    path.write_text(text)
    return edit.reason


def test_the_release_has_all_parts(class_tree: Path, compiles: dict[str, list[str]]) -> None:
    patched = patch_what_fits(class_tree)
    assert patched.release == "3.4.1" and not patched.missing


# Parts that are lost with another one.
LOST_WITH = {"line_of_sight": {"tensors", "lensing", "library"}, "lensing": {"library"}, "non_linear": {"library"}}


@pytest.mark.parametrize("part", [part for part in PARTS if part not in ("later", "library", "sources", "spectra")])
def test_other_parts_apply_without_one(class_tree: Path, compiles: dict[str, list[str]], part: str) -> None:
    reason = lose(class_tree, part)
    patched = patch_what_fits(class_tree)
    assert set(patched.missing) == {part} | LOST_WITH.get(part, set())
    assert any(reason in line for line in patched.missing[part])
    text = "".join(path.read_text() for path in (class_tree / "source").glob("*.c"))
    folder = {"non_linear": "fast/hmcode"}.get(part, f"fast/{part}")
    assert f"cosmicnet/{folder}" not in text and not (class_tree / "external/cosmicnet" / folder).exists()


def test_a_part_that_does_not_compile_is_left_out(class_tree: Path, compiles: dict[str, list[str]]) -> None:
    compiles["non_linear"] = ["fast_hmcode.cpp: error: no member"]
    patched = patch_what_fits(class_tree)
    assert patched.missing == {"non_linear": ["fast_hmcode.cpp: error: no member"],
                               "library": [f"{PARTS['library']} needs {PARTS['non_linear']}"]}
    assert "from_arrays" not in (class_tree / "python/classy.pyx").read_text()
    assert "cosmicnet_hmcode" not in (class_tree / "source/fourier.c").read_text()


def test_a_tree_that_does_not_compile_stays_as_it_was(class_tree: Path, compiles: dict[str, list[str]]) -> None:
    compiles[""] = ["perturbations.c: error: of the user's own"]
    before = contents(class_tree)
    with pytest.raises(PatchError):
        patch_what_fits(class_tree)
    assert contents(class_tree) == before


def test_a_classy_that_is_compiled_as_c(class_tree: Path, compiles: dict[str, list[str]]) -> None:
    path = class_tree / "setup.py"
    path.write_text(path.read_text().replace('language="c++",', ""))
    before = contents(class_tree)
    with pytest.raises(PatchError, match=r"CLASS 3\.4\.1 .*setup\.py compiles classy as C"):
        patch_what_fits(class_tree)
    assert contents(class_tree) == before


def test_all_missing_anchors_are_in_one_message(class_tree: Path, compiles: dict[str, list[str]]) -> None:
    reasons = [lose(class_tree, part) for part in ("hook", "background", "non_linear")]
    before = contents(class_tree)
    for patch in (patch_what_fits, patch_tree):
        with pytest.raises(AnchorError) as caught:
            patch(class_tree)
        assert all(reason in str(caught.value) for reason in reasons)
    assert contents(class_tree) == before


def test_the_table_of_trees(class_tree: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("trees")
    (folder / "mine").symlink_to(class_tree)
    (folder / "other").mkdir()
    lose(class_tree, "lensing")
    head, _, mine, other = (line.strip("| ").split(" | ") for line in table(folder, anchors_only=True).splitlines())
    cells = dict(zip(head, mine, strict=True))
    assert cells["tree"] == "mine" and cells["release"] == "3.4.1"
    assert {title for title, cell in cells.items() if cell == "no"} == {"lensing", "library"}
    assert other[:3] == ["other", "of an unknown release", "no"]


def test_missing_tools_are_named(class_tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree_module, "missing_tools", lambda makefile: ["g++", "make"])
    with pytest.raises(PatchError, match=r"g\+\+, make"):
        patch_what_fits(class_tree)


def test_a_compiler_of_the_makefile_is_named(class_tree: Path) -> None:
    path = class_tree / "Makefile"
    path.write_text(path.read_text().replace("CPP      = g++ ", "CPP      = g++-of-another-machine "))
    before = contents(class_tree)
    with pytest.raises(PatchError, match=r"^g\+\+-of-another-machine: not found"):
        patch_what_fits(class_tree)
    assert contents(class_tree) == before


def test_members_that_a_release_lacks() -> None:
    ours = ("put(ppt,gauge) put(ppt,hierarchy) put_table(has_source_h,index_tp_h)\nx = ppr->lensing_C2_order;\n"
            "#define put(STRUCTURE,FIELD) 1\n")
    assert fitted(ours, "int gauge; int hierarchy; int index_tp_h; int lensing_C2_order;") == ours
    older = fitted(ours, "int gauge; /* a hierarchy, lensing_C2_order */")
    assert "hierarchy" not in older and "index_tp_h" not in older and "x = 2;" in older
    assert "put(ppt,gauge)" in older and "FIELD" in older


def test_the_release_is_read(stock: Path, tmp_path: Path) -> None:
    assert release_of(stock / "classy") == "3.4.1"
    assert release_of(tmp_path) == "of an unknown release"
