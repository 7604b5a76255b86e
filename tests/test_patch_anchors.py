"""The patch refuses trees that it was not made for, and then changes nothing."""
from __future__ import annotations

import io
import shutil
import tarfile
from pathlib import Path

import pytest
from file_contents import contents

from cosmicnet.class_patch import AnchorError, Edit, PatchError, fetch_source, patch_tree
from cosmicnet.class_patch.digest import EQUATIONS, changed_files, source_digest
from cosmicnet.class_patch.edits import EDITS
from cosmicnet.class_patch.tree import OWN_FILES


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A stand-in for a CLASS tree: each file holds its anchors and nothing else."""
    for name in EQUATIONS:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("of CLASS\n")
    for name, edits in EDITS.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        anchors = dict.fromkeys(edit.anchor for edit in edits)
        path.write_text("".join(f"line before\n{anchor}\nline after\n" for anchor in anchors))
    return tmp_path


ALL_EDITS = [(name, edit) for name, edits in EDITS.items() for edit in edits]
IDS = [f"{name}: {edit.reason}" for name, edit in ALL_EDITS]


def test_every_edit_lands(tree: Path) -> None:
    touched = patch_tree(tree)
    assert touched == {**dict.fromkeys(EDITS, "edited"), **dict.fromkeys(OWN_FILES, "added")}
    for name, edit in ALL_EDITS:
        assert edit.text in (tree / name).read_text()
    for name in OWN_FILES:
        assert (tree / name).stat().st_size > 0


@pytest.mark.parametrize(("name", "edit"), ALL_EDITS, ids=IDS)
@pytest.mark.parametrize("times", [0, 2])
def test_missing_or_double_anchor_refuses(tree: Path, name: str, edit: Edit, times: int) -> None:
    path = tree / name
    path.write_text(path.read_text().replace(edit.anchor, times * edit.anchor))
    before = contents(tree)
    with pytest.raises(AnchorError) as caught:
        patch_tree(tree)
    assert name in str(caught.value)
    assert edit.reason in str(caught.value)
    assert ("missing" if times == 0 else "2 times") in str(caught.value)
    assert contents(tree) == before


@pytest.mark.parametrize(
    ("where", "expected"), [("before", "a new anchor b"), ("after", "a anchor newb"), ("instead", "a new b")]
)
def test_where_text_goes(where: str, expected: str) -> None:
    text = {"before": "new ", "after": "new", "instead": "new "}[where]
    edit = Edit(reason="test", anchor="anchor ", where=where, text=text)  # type: ignore[arg-type]
    assert edit.apply("a anchor b", "file") == expected


def test_patching_twice_refuses(tree: Path) -> None:
    patch_tree(tree)
    before = contents(tree)
    with pytest.raises(PatchError, match=str(tree)):
        patch_tree(tree)
    assert contents(tree) == before


def test_no_class_tree_refuses(tmp_path: Path) -> None:
    (tmp_path / "include").mkdir()
    (tmp_path / "include" / "perturbations.h").write_text("int x;\n")
    with pytest.raises(PatchError, match=r"source/perturbations\.c"):
        patch_tree(tmp_path)
    assert set(contents(tmp_path)) == {"include/perturbations.h"}


def test_file_in_another_encoding_refuses(tree: Path) -> None:
    path = tree / "source/input.c"
    path.write_bytes("/* neutrino à la carte */".encode("latin-1") + path.read_bytes())
    before = contents(tree)
    with pytest.raises(PatchError, match=r"input\.c"):
        patch_tree(tree)
    assert contents(tree) == before


@pytest.fixture(scope="session")
def stock_source(stock: Path) -> Path:
    """The sources of CLASS, which classy installs beside its extension."""
    return stock / "classy"


def test_own_tree_with_a_change_of_its_own(stock_source: Path, tmp_path: Path) -> None:
    """A modified CLASS can be patched as long as the anchors stand; the modification survives."""
    for name in {*EDITS, *EQUATIONS}:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((stock_source / name).read_bytes())
    path = tmp_path / "source/perturbations.c"
    change = "/* a model of our own */\nstatic const double own_coupling = 1.e-3;\n"
    path.write_text(change + path.read_text())
    digest = source_digest(tmp_path)
    assert digest != source_digest(stock_source)
    patch_tree(tmp_path)
    # the build tells that its equations are not those of the shipped networks
    assert digest in (tmp_path / "external/cosmicnet/shim/provider.pxi").read_text()
    assert path.read_text().startswith(change)
    # nothing but the edits: taking them out again gives back the user's file
    text = path.read_text()
    for edit in reversed(EDITS["source/perturbations.c"]):
        both = edit.text + edit.anchor if edit.where == "before" else edit.anchor + edit.text
        text = text.replace(both, edit.anchor)
    assert text == change + (stock_source / "source/perturbations.c").read_text()


SHIPPED_DIGEST = "ffdc07ee15007a0d3477aa611cc2c8a2d1659d0c605942680041090ee3f6cda8"


def test_the_release_is_the_one_of_the_shipped_networks(stock_source: Path) -> None:
    assert changed_files(stock_source) == {}
    assert source_digest(stock_source) == SHIPPED_DIGEST


@pytest.mark.parametrize("name", ["external/HyRec2020/hydrogen.c", "external/HyRec2020/fit_swift.dat", "source/input.c",
                                  "tools/evolver_ndf15.c", "source/background.c", "source/of_a_fork.c"])
def test_a_file_that_acts_before_the_sources_changes_the_digest(stock_source: Path, tmp_path: Path, name: str) -> None:
    for folder in ("source", "include", "tools", "external"):
        shutil.copytree(stock_source / folder, tmp_path / folder)
    path = tmp_path / name
    path.write_text((path.read_text() if path.exists() else "") + "\n")
    assert list(changed_files(tmp_path)) == [name]
    assert source_digest(tmp_path) != SHIPPED_DIGEST
    path.unlink()
    assert list(changed_files(tmp_path)) == ([] if name == "source/of_a_fork.c" else [name])


def test_a_file_of_later_modules_leaves_the_digest(stock_source: Path, tmp_path: Path) -> None:
    for folder in ("source", "include", "tools", "external"):
        shutil.copytree(stock_source / folder, tmp_path / folder)
    (tmp_path / "source/lensing.c").write_text("changed")
    assert source_digest(tmp_path) == SHIPPED_DIGEST


def test_wrong_hash_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tmp_path / "classy-3.4.1.0.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        member = tarfile.TarInfo("classy-3.4.1.0/setup.py")
        member.size = 4
        tar.addfile(member, io.BytesIO(b"evil"))
    monkeypatch.setenv("COSMICNET_CLASSY_SDIST", str(archive))
    with pytest.raises(RuntimeError):
        fetch_source(tmp_path / "unpacked")
    assert not (tmp_path / "unpacked").exists()


def test_missing_archive_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSMICNET_CLASSY_SDIST", str(tmp_path / "none.tar.gz"))
    with pytest.raises(RuntimeError, match=r"none\.tar\.gz"):
        fetch_source(tmp_path)
