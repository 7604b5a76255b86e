"""Which cosmologies are integrated: nested, inside ellipsoids and constraints, and honest about bad files."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recipes import plan_of, tiny_recipe

from cosmicnet.region import LinearConstraint
from cosmicnet.training.models.sampling import domain_ellipsoid
from cosmicnet.training.recipe.schema import Around, Recipe
from cosmicnet.training.recipe.toml import EntryError, RecipeError

NAMES = ["omega_b", "omega_cdm", "H0", "N_ur", "m_ncdm"]
MEAN = {"omega_b": 0.0224, "omega_cdm": 0.12, "H0": 67.5, "N_ur": 2.031, "m_ncdm": 0.06}
SIGMAS = np.array([5e-5, 5e-4, 0.4, 2e-4, 2e-4])


def around(folder: Path, **changes: Any) -> Recipe:
    """The tiny recipe in an ellipsoid of 2 sigma, omega_cdm and H0 correlated."""
    correlation = np.eye(5)
    correlation[1, 2] = correlation[2, 1] = -0.9
    lines = ["# " + " ".join(reversed(NAMES))]
    lines += [" ".join(f"{value:.12e}" for value in row) for row in
              (correlation * np.outer(SIGMAS, SIGMAS))[::-1, ::-1]]
    (folder / "planck.covmat").write_text("\n".join(lines))
    given = {"sigmas": 2.0, "covariance": "planck.covmat", "mean": MEAN, "margin": 1.0, **changes}
    return tiny_recipe(folder, design="sobol", ellipsoid=Around(**given))


def test_larger_set_contains_the_smaller(tmp_path: Path) -> None:
    for recipe in (tiny_recipe(tmp_path, design="sobol"), around(tmp_path)):
        recipe = recipe.model_copy(update={"constraints": ["omega_cdm + 10*omega_b < 0.344"]})
        many = plan_of(recipe, tmp_path, number=100).points
        assert plan_of(recipe, tmp_path, number=30).points == many[:30]
        assert all(p["omega_cdm"] + 10.0 * p["omega_b"] < 0.344 for p in many)


def test_ellipsoid_is_filled_evenly(tmp_path: Path) -> None:
    recipe = around(tmp_path)
    ellipsoid = domain_ellipsoid(recipe, tmp_path)
    assert ellipsoid is not None
    distance = np.array([ellipsoid.distance(p) for p in plan_of(recipe, tmp_path, number=512).points])
    assert distance.max() <= 2.0
    # of a uniform density in five dimensions, half lies within 2^(-1/5) of the radius
    assert np.median(distance) == pytest.approx(2.0 * 0.5**0.2, rel=0.02)
    drawn = np.array([[p["omega_cdm"], p["H0"]] for p in plan_of(recipe, tmp_path, number=512).points])
    assert np.corrcoef(drawn.T)[0, 1] == pytest.approx(-0.9, abs=0.03)


def test_ellipsoid_of_a_chain(tmp_path: Path) -> None:
    pytest.importorskip("getdist")
    generator = np.random.default_rng(3)
    rows = np.array(list(MEAN.values())) + SIGMAS * generator.normal(size=(2000, 5))
    np.savetxt(tmp_path / "chain_1.txt", np.hstack([np.ones((2000, 2)), rows]))
    (tmp_path / "chain.paramnames").write_text("\n".join(f"{name} {name}" for name in NAMES))
    ellipsoid = domain_ellipsoid(around(tmp_path, chain="chain", covariance=None, mean={}), tmp_path)
    assert ellipsoid is not None
    np.testing.assert_allclose(ellipsoid.mean, list(MEAN.values()), atol=0.1 * SIGMAS.max(), rtol=1e-3)
    np.testing.assert_allclose(np.sqrt(np.diag(ellipsoid.covariance)), SIGMAS, rtol=0.1)


def test_chain_lies_beside_the_recipe_wherever_that_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("getdist")
    recipe = around(tmp_path, chain="chain", covariance=None, mean={})
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EntryError, match=rf"ellipsoid\.chain: .*{tmp_path}/chain\.txt"):
        domain_ellipsoid(recipe, Path())
    np.savetxt("chain_1.txt", np.random.default_rng(3).normal(size=(2000, 7)) ** 2)
    Path("chain.paramnames").write_text("\n".join(f"{name} {name}" for name in NAMES))
    assert domain_ellipsoid(recipe, Path()) is not None


@pytest.mark.parametrize(("content", "message"), [
    (None, "other"), ("# omega_b\nx", "other"), ("# omega_b\n1.0", "other"),
    ("# " + " ".join(NAMES) + "\n1 2", "5 .*1 by 2"),
    ("# " + " ".join(NAMES) + "\n" + "\n".join(["1 1 1 1 1"] * 5), "positive definite"),
    ("# " + " ".join(NAMES) + "\n" + "\n".join(" ".join("1" if i == j else "0.1" if i < j else "0.2" for j in range(5))
                                            for i in range(5)), "symmetric"),
])
def test_bad_covariance_is_refused(tmp_path: Path, content: str | None, message: str) -> None:
    recipe = around(tmp_path, covariance="other.covmat")
    if content is not None:
        (tmp_path / "other.covmat").write_text(content)
    with pytest.raises(EntryError, match=message):
        domain_ellipsoid(recipe, tmp_path)


def test_constraint_that_leaves_nothing(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, design="sobol").model_copy(update={"constraints": ["H0 < 10"]})
    with pytest.raises(RecipeError, match=r"\b0 .*H0 < 10"):
        _ = plan_of(recipe, tmp_path, number=20).points


@pytest.mark.parametrize(("text", "inside", "outside"), [
    ("w0 + wa < -0.1", {"w0": -1.0, "wa": 0.8}, {"w0": -1.0, "wa": 0.95}),
    ("2*a - .5*b >= 3", {"a": 2.0, "b": 1.0}, {"a": 1.0, "b": 1.0}),
    ("-a<1e0", {"a": 0.0}, {"a": -2.0}),
])
def test_constraint_is_read(text: str, inside: dict[str, float], outside: dict[str, float]) -> None:
    constraint = LinearConstraint.parse(text)
    assert constraint.holds(inside) and not constraint.holds(outside)
    assert not constraint.holds(dict.fromkeys(inside, float("nan")))


@pytest.mark.parametrize("text", ["", "a", "a < b", "a b < 1", "< 1", "a*b < 1", "a + < 1", "a < 1 < 2"])
def test_constraint_that_cannot_be_read(text: str) -> None:
    with pytest.raises(ValueError):
        LinearConstraint.parse(text)


def test_limits_that_no_point_obeys_are_noticed_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Derived quantities take CLASS 0.1 s a point, and there may be 1000 points for each model that is kept."""
    tried: list[dict[str, float]] = []

    def derive(parameters: dict[str, float], names: list[str]) -> list[float]:
        tried.append(parameters)
        return [1.0]

    monkeypatch.setattr("cosmicnet.training.models.sampling._derive", derive)
    recipe = tiny_recipe(tmp_path, design="sobol", derived={"100*theta_s": (2.0, 3.0)})
    with pytest.raises(RecipeError, match=r"sampling\.derived: .*100\*theta_s = \[2, 3\]"):
        _ = plan_of(recipe, tmp_path, number=600).points
    assert len(tried) == 200


def test_limits_that_few_points_obey_leave_those(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cosmicnet.training.models.sampling._derive", lambda parameters, _: [parameters["H0"] / 69.0])
    recipe = tiny_recipe(tmp_path, design="sobol", derived={"100*theta_s": (1.0, 1.1)})
    found = plan_of(recipe, tmp_path, number=60).points
    assert len(found) == 60 and all(p["H0"] > 69.0 for p in found)
