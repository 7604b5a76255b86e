"""Inputs from densities, and the steps from integrated models of two levels to fitted fields."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.interpolate import make_interp_spline

from cosmicnet.coordinates import Boundaries, Scales, curvature_of
from cosmicnet.fields import DEFAULT_BOUNDARIES, DENSITY_FIELDS, FIELDS, INPUTS, Field
from cosmicnet.pieces import PIECES, wavenumber_factor
from cosmicnet.training.fields.gaps import _beyond_last_wavenumber, _beyond_today, continued_to
from cosmicnet.training.fields.nodes import KNOTS, NODES
from cosmicnet.training.fields.tables import FieldTables
from cosmicnet.training.two_levels import fit_levels as module
from cosmicnet.training.two_levels.curved_grids import CurvedSpaceGrids
from cosmicnet.training.two_levels.fit_levels import ACOUSTIC, FITTED_FROM, NOISY_FROM, _floor
from cosmicnet.training.two_levels.resample_level import graded, without_ringing

VALUES = {
    "H0": 67.0, "omega_b": 0.0223, "omega_cdm": 0.12, "omega_ncdm": 0.0, "N_ur": 3.044, "N_eff": 3.044, "T_cmb": 2.7255,
    "Omega0_k": 0.0, "w0_fld": -1.0, "wa_fld": 0.0, "YHe": 0.245, "recombination": 1.0, "has_fld": 0.0, "use_ppf": 1.0,
    "N_ncdm": 0.0, "tau_rec": 280.0, "sound_horizon_rec": 145.0, "diffusion_length_rec": 7.0, "visibility_max": 0.02,
}


def massive(*masses: float, degeneracies: tuple[float, ...] | None = None) -> dict[str, float]:
    """VALUES with species of these masses in eV, each of a degeneracy of one unless given."""
    values = {**VALUES, "N_ncdm": float(len(masses)), "N_ur": 3.044 - 1.0132 * len(masses)}
    for n, mass in enumerate(masses, start=1):
        end = "" if n == 1 else f"_{n}"
        values |= {"m_ncdm" if n == 1 else f"m_ncdm_in_eV{end}": mass, f"T_ncdm{end}": 0.71611,
                   f"deg_ncdm{end}": 1.0 if degeneracies is None else degeneracies[n - 1]}
    return values


def inputs(values: dict[str, float]) -> dict[str, float]:
    return {name: INPUTS[name](values) for name in dict.fromkeys(n for f in DENSITY_FIELDS for n in f.inputs)}


def test_order_and_spelling_of_species_do_not_matter() -> None:
    assert inputs(massive(0.02, 0.05, 0.1)) == pytest.approx(inputs(massive(0.1, 0.02, 0.05)), rel=1e-12)
    one = {**massive(0.05, degeneracies=(3.0,)), "N_ur": massive(0.05, 0.05, 0.05)["N_ur"]}
    assert inputs(massive(0.05, 0.05, 0.05)) == pytest.approx(inputs(one), rel=1e-12)


def test_light_neutrinos_are_like_none_but_for_their_number() -> None:
    light, none = inputs(massive(1e-5, 1e-5)), inputs(VALUES)
    assert light.pop("massive_neutrinos") == pytest.approx(2.0264, rel=1e-3) and none.pop("massive_neutrinos") == 0.0
    assert light == pytest.approx(none, abs=1e-5)


def test_masses_add_to_the_density_when_neutrinos_are_slow() -> None:
    """93.14 eV per omega at T_ncdm = 0.71611."""
    density = INPUTS["neutrino_mass_z0"](massive(0.3)) * (VALUES["omega_b"] + VALUES["omega_cdm"])
    massless = 1.0132 * 7.0 / 8.0 * (4.0 / 11.0) ** (4.0 / 3.0) * 2.473e-5
    assert density + massless == pytest.approx(0.3 / 93.14, rel=2e-3)


def test_helium_acts_through_recombination_not_through_its_spelling() -> None:
    """Inputs of early fields include the diffusion of photons: a longer diffusion length is noticed."""
    longer = {**VALUES, "diffusion_length_rec": 7.1}
    changed = {name for name, value in inputs(longer).items() if value != inputs(VALUES)[name]}
    assert changed == {"ln_diffusion_length"}


def test_curvature_takes_part_of_k_squared_for_matter_alone() -> None:
    k, curvature = np.array([3e-4, 1e-2]), curvature_of({**VALUES, "Omega0_k": -0.05})
    assert curvature > 0.0
    assert wavenumber_factor(PIECES["matter"], k, curvature) == pytest.approx(k**2 - 3.0 * curvature)
    assert np.array_equal(wavenumber_factor(PIECES["shear"], k, curvature), k)
    assert np.array_equal(wavenumber_factor(PIECES["matter_cb"], k, -0.0), k**2)


def test_boundaries_of_a_set_take_the_place_of_those_of_class() -> None:
    cosmology = {"tau_rec": 280.0, "conformal_age": 14000.0, "sound_horizon_rec": 145.0, "tau_free_streaming": 690.0}
    precision = {"radiation_streaming_trigger_tau_over_tau_k": 240.0}
    own = Scales.of(cosmology, precision, Boundaries(1.3, 45.0))
    assert (own.tau_free_streaming, own.streaming_trigger) == (pytest.approx(364.0), 45.0)
    assert Scales.of(cosmology, precision).tau_free_streaming == 690.0
    assert DEFAULT_BOUNDARIES.free_streaming <= NODES["tau_over_tau_rec_wide"][-1]


def test_fields_of_densities_are_the_fields_on_longer_nodes() -> None:
    # the late isw is divided
    assert [f.name.removesuffix("_beyond_growth") for f in DENSITY_FIELDS] == [f.name for f in FIELDS]
    for field in DENSITY_FIELDS:
        assert field.time in NODES and field.wavenumber in NODES
    assert np.all(np.diff(NODES["ln_x_far"]) > 0) and np.all(np.diff(KNOTS["ln_x_far"]) > 0)
    # CLASS's last wavenumber with the largest sound horizon
    assert np.exp(NODES["ln_x_far"][-1]) > CurvedSpaceGrids().k_last * 170.0


def test_largest_wavenumbers_come_from_the_models_that_have_them() -> None:
    """A ratio to the last common column that depends on the inputs is found for models that end there."""
    rng = np.random.default_rng(3)
    inputs, x = rng.uniform(-1.0, 1.0, (30, 3)), np.geomspace(1.0, 1000.0, 40)
    amplitudes, slopes = 2.0 + inputs[:, 0], -1.0 + 0.01 * inputs[:, 1]
    truth = amplitudes[:, None, None] * np.ones((30, 5, 1)) * x ** slopes[:, None, None]
    ends = np.where(np.arange(30) % 3 == 2, 1000.0, 50.0 + rng.uniform(0.0, 3.0, 30))
    cut = truth.astype(np.float32)
    for model, end in enumerate(ends):
        cut[model, :, x > end] = 0.0
    assert _beyond_last_wavenumber(cut, inputs, x, ends) == pytest.approx(truth, rel=2e-3)


def test_times_after_today_continue_each_model() -> None:
    v = np.linspace(10.0, 120.0, 56)
    truth = np.sin(0.1 * v)[None, :, None] + np.array([0.0, 0.1, 0.3])[:, None, None] * np.ones((3, 56, 2))
    today = np.array([80.0, 100.0, 119.0])
    cut = truth.astype(np.float32)
    for model, end in enumerate(today):
        cut[model, v > end] = truth[model, v <= end][-1]
    # after the last today of all there is nothing to learn from
    assert _beyond_today(cut, v, today)[:, v < 119.0] == pytest.approx(truth[:, v < 119.0], abs=1e-5)


@pytest.mark.parametrize(("piece", "counts_less"), [("monopole", True), ("weyl", False)])
def test_errors_count_less_where_photons_have_diffused(piece: str, counts_less: bool) -> None:
    field = next(f for f in DENSITY_FIELDS if f.name == f"early.{piece}")
    times, wavenumbers = NODES[field.time].size, NODES[field.wavenumber].size
    table = FieldTables(field, np.ones((2, times, wavenumbers), dtype=np.float32), np.zeros((2, 1)),
                        np.ones(times), np.full(wavenumbers, 1e-9))
    x, floor = np.exp(NODES[field.wavenumber]), _floor(table)
    assert np.all(floor[x < ACOUSTIC] < 1e-6)
    assert np.all((floor[(x > ACOUSTIC) & (x < NOISY_FROM)] > np.sqrt(times)) == counts_less)
    # fits to some of the models
    assert np.all(floor[x > FITTED_FROM] > np.sqrt(times))
    assert np.all(_floor(replace(table, floor=np.full(wavenumbers, 10.0))) >= 10.0)


def test_difference_of_levels_takes_the_better_of_two_estimates() -> None:
    """A constant and a slope by the share of neutrinos are found, and the variance tells which estimate has noise."""
    random = np.random.default_rng(3)
    shares = np.array([0.0] * 9 + [0.01, 0.02, 0.03, 0.04])
    constant, slope = random.normal(size=(2, 5, 4))
    exact = constant + shares[:, None, None] * slope
    (found, by_share), left = module._constant_and_slope(exact, shares, np.ones(5))
    np.testing.assert_allclose([found, by_share], [constant, slope], rtol=1e-12)
    assert left.max() < 1e-25
    noise = np.array([0.0, 0.1, 0.2, 0.3])
    _, left = module._constant_and_slope(exact + noise * random.normal(size=exact.shape), shares, np.ones(5))
    np.testing.assert_allclose(np.sqrt(left[1:]), noise[1:], rtol=0.4)
    (found, by_share), _ = module._constant_and_slope(exact[:9], shares[:9], np.ones(5))
    np.testing.assert_allclose(found, constant)
    assert not by_share.any()


def test_difference_of_levels_falls_with_matter_beyond_the_last_wavenumber() -> None:
    """The tables of a model that ends early are constant beyond; the relative difference of its levels goes on."""
    field = next(f for f in DENSITY_FIELDS if f.name == "late.matter")
    x = np.exp(NODES[field.wavenumber])
    values = np.broadcast_to(1.0 / x**2, (2, 3, x.size))
    ends = [300.0, 1e5]
    cut = np.array([np.where(x > end, 1.0 / x[x <= end][-1] ** 2, v) for end, v in zip(ends, values, strict=True)])
    models: Any = [SimpleNamespace(cosmology={"k_last": end, "sound_horizon_rec": 1.0}) for end in ends]
    found = module._kept_in_proportion((1e-3 * cut).astype(np.float32), values, field, models)
    assert found == pytest.approx(1e-3 * values, rel=1e-5)


def test_levels_are_paired_by_cosmology(monkeypatch: pytest.MonkeyPatch) -> None:
    def resampled(paths: list[Path], folder: Path, *others: Any, make: Any) -> list[Any]:
        return [(folder.name, path.stem) for path in paths]

    monkeypatch.setattr(module, "collect", resampled)
    paths = [Path(level) / f"{i}.h5" for level, numbers in (("cheap", (0, 1, 2, 4)), ("converged", (2, 3, 4)))
             for i in numbers]
    tables: Any = module.collect_levels(paths, Path("tables"), DENSITY_FIELDS, 1)
    assert tables.cheap == [("cheap", name) for name in "0124"]
    assert tables.pairs == [(("cheap", name), ("converged", name)) for name in "24"]


@pytest.mark.parametrize("per_share", [0.0, 0.5])
def test_fit_to_cheap_models_is_that_of_converged_ones(monkeypatch: pytest.MonkeyPatch, per_share: float) -> None:
    """A field that depends on two inputs, and a difference of the levels that is the same in all cosmologies but for a
    part in proportion to the share of massive neutrinos."""
    field = replace(next(f for f in DENSITY_FIELDS if f.name == "early.monopole"),
                    inputs=("ln_matter", "ln_baryons", "neutrino_mass_z0"))
    t, x = NODES[field.time], NODES[field.wavenumber]
    t, x = (t - t[0]) / np.ptp(t), (x - x[0]) / np.ptp(x)
    a, b = np.random.default_rng(5).uniform(-1.0, 1.0, (2, 60))
    cheap = (np.multiply.outer(1.0 + 0.3 * a + 0.1 * b**2, np.outer(np.cos(3.0 * t), np.cos(4.0 * x)))
             + np.multiply.outer(0.2 * b, np.outer(t, np.sin(3.0 * x))))
    # the share is an input that fields depend on, so that it may be seen in b
    cosmologies = [massive(0.1 * (1.0 + b[i])) if i % 2 else VALUES for i in range(60)]
    shares = np.array([INPUTS["neutrino_mass_z0"](c) for c in cosmologies])
    difference = np.multiply.outer(0.02 + per_share * shares, np.outer(np.cos(3.0 * t), x))
    levels = {"cheap": cheap, "converged": cheap + difference}

    def model(level: str, i: int) -> Any:
        return SimpleNamespace(level=level, number=i, path=f"{level}/{i}", setup={}, cosmology=cosmologies[i])

    def read(field: Field, models: Sequence[Any]) -> FieldTables:
        values = np.array([levels[m.level][m.number] for m in models], dtype=np.float32)
        return FieldTables(field, values, np.array([(a[m.number], b[m.number], shares[m.number]) for m in models]),
                           np.ones(t.size), np.full(x.size, 1e-3))

    monkeypatch.setattr(module, "read_field", read)
    tables: Any = SimpleNamespace(cheap=[model("cheap", i) for i in range(60)],
                                  pairs=[(model("cheap", i), model("converged", i)) for i in range(4, 60, 11)])
    fit = module.fit_level_field(field, tables, 1e-3)
    assert fit.compression_error < 1e-3 and fit.network_error < 1e-3
    network = fit.fitted
    for i in (0, 1):
        table = (network.time_basis(NODES[field.time]) @ network.core(np.array([a[i], b[i], shares[i]]))
                 @ network.wavenumber_basis(NODES[field.wavenumber]).T)
        # beyond, photons have diffused and errors count less
        counts = np.exp(NODES[field.wavenumber]) < ACOUSTIC
        assert table[:, counts] == pytest.approx(levels["converged"][i][:, counts], abs=5e-3)


def test_only_the_diffusion_length_is_blurred() -> None:
    field = replace(DENSITY_FIELDS[0], inputs=("ln_matter", "ln_diffusion_length"))
    table = FieldTables(field, np.zeros((400, 1, 1), dtype=np.float32), np.ones((400, 2)), np.ones(1), np.ones(1))
    blurred = module._blurred(table).inputs
    assert np.all(blurred[:, 0] == 1.0) and np.all(table.inputs == 1.0)
    assert blurred[:, 1].std() == pytest.approx(module.BLUR, rel=0.15)


def test_small_wavenumbers_continue_as_a_constant_and_k_squared() -> None:
    k = np.linspace(1e-3, 4e-3, 40)
    table = np.outer([1.0, 2.0], 3.0 - 1e5 * k**2)
    longer, tables = continued_to(1e-4, k, {"t0": table, "tau": np.arange(2.0)})
    assert longer[0] == pytest.approx(1e-4) and np.array_equal(longer[-40:], k)
    assert tables["t0"] == pytest.approx(np.outer([1.0, 2.0], 3.0 - 1e5 * longer**2))
    assert np.array_equal(tables["tau"], np.arange(2.0))
    assert np.array_equal(continued_to(1e-3, k, {"t0": table})[1]["t0"], table)


def test_a_fine_grid_passes_gradually_into_a_coarse_one() -> None:
    """Noise of one part in 1e5 at close neighbours stays that small between the coarse points."""
    fine, coarse = np.arange(0.5, 2.59, 0.017), np.arange(2.6, 8.0, 0.4)
    x = np.concatenate([fine, coarse])
    kept = graded(x)
    assert np.array_equal(x[kept[-coarse.size:]], coarse) and kept[0] == 0 and kept.size > x.size - 25
    assert np.diff(x[kept])[-coarse.size:].max() < 0.41
    noisy = np.cos(x) + 1e-5 * np.random.default_rng(2).standard_normal(x.size)
    between = np.linspace(2.0, 4.0, 200)

    def error(points: np.ndarray) -> float:
        return float(np.abs(make_interp_spline(x[points], noisy[points], k=5)(between) - np.cos(between)).max())

    assert error(kept) < 1e-4 < error(np.arange(x.size))


@pytest.mark.parametrize("steps", [(0.7, 1.6), (0.3, 0.5)])
def test_even_grids_lose_no_points(steps: tuple[float, float]) -> None:
    x = np.cumsum(np.repeat(steps, 6)) / 3.0
    assert np.array_equal(graded(x), np.arange(x.size))


def test_matter_is_smooth_where_the_acoustic_grid_ends() -> None:
    x = np.concatenate([np.arange(30.0, 149.7, 0.6), np.geomspace(150.0, 3000.0, 19)])
    ringing = x**-1.5 * (1.0 + 2e-5 * np.cos(x + 1.0))
    between = np.geomspace(40.0, 400.0, 300)

    def error(values: np.ndarray) -> float:
        spline = make_interp_spline(np.log(x), values, k=5)
        return float(np.abs(spline(np.log(between)) * between**1.5 - 1.0).max())

    assert error(without_ringing(ringing[None], x)[0]) < 5e-5 < 3e-4 < error(ringing)
