"""A changed line of the package invalidates the tables and fits that depend on it, and no others."""
from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from recipes import plan_of, tiny_recipe

from cosmicnet.training.fields.tables import table_path
from cosmicnet.training.one_level import fit_set
from cosmicnet.training.work import digest as module
from cosmicnet.training.work.digest import NO_PART, PACKAGE, code_digest


@pytest.fixture
def changed(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Lines added to modules, by name, as an edit of their files would add them."""
    lines: dict[str, str] = {}
    read = module._source
    monkeypatch.setattr(module, "_source", lambda name: read(name) + lines.get(name, ""))
    code_digest.cache_clear()
    yield lines
    code_digest.cache_clear()


def identities(folder: Path) -> tuple[Path, str]:
    """The path of a model's table, and the identity of a trained field."""
    code_digest.cache_clear()
    plan = plan_of(tiny_recipe(folder), folder)
    return table_path(plan.tables, folder / "0.h5"), str(fit_set._identity(plan, plan.recipe, []))


@pytest.mark.parametrize(("name", "tables", "fields"), [
    ("cosmicnet.training.fields.resample", True, True), ("cosmicnet.training.fields.continuation", True, True),
    ("cosmicnet.coordinates", True, True), ("cosmicnet.training.one_level.fit_network", False, True),
    ("cosmicnet.training.fields.reduce", False, True), ("cosmicnet.training.fields.polynomial", False, True),
    ("cosmicnet.training.work.parallel", False, False), ("cosmicnet.training.two_levels.fit_levels", False, False),
])
def test_changed_code_makes_again_what_depends_on_it(
    changed: dict[str, str], tmp_path: Path, name: str, tables: bool, fields: bool
) -> None:
    before = identities(tmp_path)
    assert identities(tmp_path) == before
    changed[name] = "\nMENDED = 1\n"
    after = identities(tmp_path)
    assert (after[0] != before[0], after[1] != before[1]) == (tables, fields)


def test_imports_are_followed(changed: dict[str, str]) -> None:
    """Also those of imported modules and within functions."""
    name = "cosmicnet.training.fields.tables"
    before = code_digest(name)
    changed["cosmicnet.pieces"] = "\ndef late() -> None:\n    from .spectra import NAMES\n"
    code_digest.cache_clear()
    imported = code_digest(name)
    changed["cosmicnet.spectra"] = "\nMENDED = 1\n"
    code_digest.cache_clear()
    assert len({before, imported, code_digest(name)}) == 3


def test_words_are_no_code() -> None:
    source = 'def f(x: int) -> int:\n    """Twice."""\n    return 2 * x  # as said\n'
    same = 'def f(\n    x: int\n) -> int:\n    """Double it."""\n\n    return 2*x\n'

    def digest(*sources: str) -> str:
        return module._digest_of(map(ast.parse, sources))

    assert digest(source) == digest(same)
    assert digest(source) != digest(source.replace("2", "3"))
    assert digest(source, same) != digest(source)


@pytest.mark.parametrize("name", sorted(NO_PART))
def test_modules_left_out_exist(name: str) -> None:
    assert find_spec(PACKAGE + name)
