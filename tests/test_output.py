"""Where the networks of a recipe go, and whose place they take there."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from recipes import tiny_recipe
from synthetic import make_network_set

from cosmicnet.errors import CosmicnetError
from cosmicnet.installed import shipped_sets, user_folder
from cosmicnet.store import ARRAYS, save_network_set
from cosmicnet.training.commands.networks import _how_to_name, _output


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def plan_of(recipe: Any) -> Any:
    """The part of a plan that decides where its networks go."""
    return SimpleNamespace(recipe=recipe)


def install(folder: Path, recipe: dict[str, Any]) -> None:
    made = make_network_set("theirs")
    save_network_set(folder, replace(made, manifest=replace(made.manifest, recipe=recipe)))


def test_networks_of_another_recipe_are_named_before_they_are_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = plan_of(tiny_recipe(tmp_path))
    own = {**plan.recipe.model_dump(mode="json"), "models_used": 20}
    install(user_folder() / "tiny", own)
    assert _output(plan, None) == user_folder() / "tiny"
    assert capsys.readouterr().err == ""
    install(user_folder() / "tiny", {**own, "constraints": ["H0 < 68"]})
    _output(plan, None)
    said = capsys.readouterr().err
    assert "tiny" in said and "'theirs'" in said
    (user_folder() / "tiny" / ARRAYS).write_bytes(b"")
    _output(plan, None)
    assert "tiny" in capsys.readouterr().err


def test_folder_with_the_name_of_a_shipped_set_is_no_shipped_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = plan_of(tiny_recipe(tmp_path))
    assert _output(plan, Path("lcdm")) == Path("lcdm")
    assert capsys.readouterr().err == ""
    install(Path("lcdm"), {})
    _output(plan, Path("lcdm"))
    assert "'theirs'" in capsys.readouterr().err


def test_networks_of_the_package_are_not_replaced(tmp_path: Path) -> None:
    plan = plan_of(tiny_recipe(tmp_path))
    (tmp_path / "link").symlink_to(shipped_sets()["lcdm"])
    with pytest.raises(CosmicnetError, match="--output link"):
        _output(plan, Path("link"))
    with pytest.raises(CosmicnetError, match="name = lcdm"):
        _output(plan_of(plan.recipe.model_copy(update={"name": "lcdm"})), None)


def test_user_without_a_home_says_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home(*_: object) -> None:
        raise RuntimeError("Could not determine home directory.")

    plan = plan_of(tiny_recipe(tmp_path))
    for variable in ("XDG_DATA_HOME", "COSMICNET_NETWORKS"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(Path, "expanduser", no_home)
    with pytest.raises(CosmicnetError, match="set COSMICNET_NETWORKS"):
        _output(plan, None)
    assert _how_to_name(plan, _output(plan, Path("nets"))) == "nets"
