"""A changed line of the package invalidates the tables and fits that depend on it, and no others."""
from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from recipes import plan_of, tiny_recipe

from cosmicnet.training.fields.tables import OF_TABLES, table_path
from cosmicnet.training.one_level import fit_set
from cosmicnet.training.one_level.fit_set import OF_FIELDS
from cosmicnet.training.paper.train import OF_PAPER
from cosmicnet.training.two_levels.fit_levels import OF_LEVEL_FIELDS
from cosmicnet.training.two_levels.resample_level import OF_LEVEL_TABLES
from cosmicnet.training.work import digest as module
from cosmicnet.training.work.digest import code_digest

# From these come settings, errors and workers, and to these go the fields.
NO_PART = {
    "cosmicnet.class_parameters", "cosmicnet.coverage", "cosmicnet.emulator", "cosmicnet.errors",
    "cosmicnet.evaluation", "cosmicnet.files", "cosmicnet.manifest", "cosmicnet.running_class", "cosmicnet.store",
    "cosmicnet.training.models.plan", "cosmicnet.training.recipe.schema", "cosmicnet.training.work.digest",
    "cosmicnet.training.work.parallel",
}

# These determine the rest of a set of two levels.
OF_MANIFEST = {"cosmicnet.training.fields.guard", "cosmicnet.training.fields.describe",
               "cosmicnet.training.two_levels.recipe"}


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
    ("cosmicnet.training.one_level.fit_network", False, True), ("cosmicnet.training.fields.reduce", False, True),
    ("cosmicnet.training.fields.polynomial", False, True), ("cosmicnet.training.work.parallel", False, False),
])
def test_changed_code_makes_again_what_depends_on_it(
    changed: dict[str, str], tmp_path: Path, name: str, tables: bool, fields: bool
) -> None:
    before = identities(tmp_path)
    assert identities(tmp_path) == before
    changed[name] = "\nMENDED = 1\n"
    after = identities(tmp_path)
    assert (after[0] != before[0], after[1] != before[1]) == (tables, fields)


def test_words_are_no_code() -> None:
    source = 'def f(x: int) -> int:\n    """Twice."""\n    return 2 * x  # as said\n'
    same = 'def f(\n    x: int\n) -> int:\n    """Double it."""\n\n    return 2*x\n'
    assert module._digest_of([source]) == module._digest_of([same])
    assert module._digest_of([source]) != module._digest_of([source.replace("2", "3")])
    assert module._digest_of([source, same]) != module._digest_of([source])


def imported(name: str) -> set[str]:
    """The modules of the package that a module imports."""
    package = name.rpartition(".")[0]
    found = set()
    for node in ast.walk(ast.parse(module._source(name))):
        if isinstance(node, ast.ImportFrom):
            above = package.split(".")[:len(package.split(".")) - node.level + 1] if node.level else []
            found.add(".".join([*above, str(node.module)]))
    return {other for other in found if other.startswith("cosmicnet.")}


def test_no_module_is_forgotten() -> None:
    """A further import in these modules must be listed here, either as a part of the digest or in NO_PART."""
    assert set().union(*map(imported, OF_TABLES)) - NO_PART <= set(OF_TABLES)
    assert set().union(*map(imported, OF_FIELDS)) - NO_PART <= {*OF_TABLES, *OF_FIELDS}
    of_levels = {*OF_TABLES, *OF_LEVEL_TABLES, *OF_LEVEL_FIELDS}
    assert set().union(*map(imported, OF_LEVEL_FIELDS)) - NO_PART - OF_MANIFEST <= of_levels
    # the models are CLASS's
    assert set().union(*map(imported, OF_PAPER)) - NO_PART - set(OF_PAPER) == {
        "cosmicnet.training.work.files", "cosmicnet.training.paper.dataset", "cosmicnet.coordinates"}
