"""Emulator.fill() against a slow twin: explicit sums over basis functions, one number at a time."""
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.interpolate import BSpline
from synthetic import TRIGGER, SyntheticRequest, make_emulator, make_field, make_request

from cosmicnet.background import Background
from cosmicnet.coordinates import EARLIEST_REIONIZATION
from cosmicnet.emulator import FieldsEmulator
from cosmicnet.evaluation import FittedField
from cosmicnet.fields import FIELDS, inputs_of
from cosmicnet.growth import smooth_growth
from cosmicnet.rescattering import start_of_reionization

Array = NDArray[np.float64]

# components are kept in single precision
RELATIVE_AGREEMENT = 2e-6

# source: its pieces, each with its factor at a time, written out from CosmicNet I, eq. 2.3
FORMULAS = {
    "t0": {
        "monopole": lambda h, k: h["visibility"],
        "temperature": lambda h, k: h["visibility"],
        "acceleration": lambda h, k: h["visibility"],
        "doppler": lambda h, k: h["visibility_prime"] * h["growth_velocity"],
        "isw": lambda h, k: h["exp_minus_kappa"],
    },
    "t1": {"shear": lambda h, k: k * h["exp_minus_kappa"]},
    "t2": {"polarization": lambda h, k: h["visibility"]},
    "phi_plus_psi": {"weyl": lambda h, k: h["growth_factor"] / h["scale_factor"]},
    "delta_m": {"matter": lambda h, k: k**2 * h["growth_factor"]},
    "delta_cb": {"matter_cb": lambda h, k: k**2 * h["growth_factor"]},
}


def twin_basis(knots: Array, coefficients: Array, coordinate: float) -> list[float]:
    inside = min(max(coordinate, knots[5]), knots[-6])
    return [float(BSpline(knots, column, 5)(inside)) for column in coefficients.T]


def twin_field(emulator: FittedField, request: SyntheticRequest) -> Array:
    """A field without its factors: sum over i, j, c of T_i(t) (mean_ij + n_c component_cij) K_j(k)."""
    c = request.cosmology
    network = emulator.network(inputs_of(c, emulator.field.inputs))
    mean = emulator.mean_core
    elapsed = request.tau - c["tau_rec"]
    if emulator.field.time == "tau_over_tau_rec":
        times = request.tau / c["tau_rec"]
    else:
        length = c["conformal_age"] - c["tau_rec"] if emulator.field.time == "ln_u" else c["sound_horizon_rec"]
        times = np.log(np.where(elapsed > 0, elapsed, np.nan) / length)
    table = np.zeros((request.tau.size, request.k.size))
    for row, time in enumerate(times):
        if np.isnan(time):
            continue
        in_time = twin_basis(emulator.time_basis.knots, emulator.time_basis.coefficients, time)
        for column, k in enumerate(request.k):
            in_k = twin_basis(emulator.wavenumber_basis.knots, emulator.wavenumber_basis.coefficients,
                              float(np.log(k * c["sound_horizon_rec"])))
            for i, time_function in enumerate(in_time):
                for j, k_function in enumerate(in_k):
                    weight = mean[i, j]
                    for component, value in enumerate(network):
                        weight += value * emulator.components[component, i * mean.shape[1] + j]
                    table[row, column] += time_function * weight * k_function
    return table


def twin_growth(request: SyntheticRequest, late: Array, table: Array) -> Array:
    """A field with the slope of the growth equation today (test_growth.py); one number at a time."""
    matrix = smooth_growth(request.tau[late], {name: column[late] for name, column in request.history.items()})
    (rows, times), result = matrix.shape, table.copy()
    for row in range(rows):
        for column in range(request.k.size):
            result[row - rows, column] = sum(
                matrix[row, time] * table[time - times, column] for time in range(times))
    return result


def twin(emulator: FieldsEmulator, request: SyntheticRequest, source: str) -> Array:
    if source == "p":
        return np.sqrt(6.0) * twin(emulator, request, "t2")
    history = {name: column[:, None] for name, column in request.history.items()}
    tau, k = request.tau[:, None], request.k[None, :]
    late = tau > request.cosmology["tau_free_streaming"]
    streaming = late & (k * tau > request.precision[TRIGGER])
    reionizable = tau > request.cosmology["tau_rec"] + EARLIEST_REIONIZATION * request.cosmology["sound_horizon_rec"]
    where = {"early": ~late, "late": late, "dark": late & ~streaming & ~reionizable,
             "reionized": late & ~streaming & reionizable}
    total = np.zeros((request.tau.size, request.k.size))
    for f in emulator.fields:
        factor = FORMULAS[source].get(f.field.piece)
        if factor is not None:
            table = twin_field(f, request)
            if f.field.name in ("late.weyl", "late.matter", "late.matter_cb"):
                table = twin_growth(request, late[:, 0], table)
            total += np.where(where[f.field.region], factor(history, k) * table, 0.0)
        if source == "t0" and f.field.name == "late.doppler":
            # streaming photons: Theta_0 + phi = -kappa' theta_b/k^2
            drag = -history["visibility"] * history["scattering_rate"] * history["growth_velocity"]
            total += np.where(streaming, drag * twin_field(f, request), 0.0)
    return total


@pytest.fixture(scope="module")
def emulator() -> FieldsEmulator:
    return make_emulator()


# further parameters for the expansion of the synthetic cosmology
FLAT = {"T_cmb": 2.7255, "omega_cdm": 0.12, "N_ncdm": 0.0, "Omega0_k": 0.0, "w0_fld": -1.0, "wa_fld": 0.0}


def divided(emulator: FieldsEmulator) -> FieldsEmulator:
    """The same numbers, but the late isw counts as the remainder beyond growth."""
    return FieldsEmulator([
        replace(f, field=replace(f.field, piece="isw_beyond_growth")) if f.field.name == "late.isw" else f
        for f in emulator.fields])


def test_late_isw_is_growth_times_the_potential_and_the_rest(emulator: FieldsEmulator) -> None:
    whole, parts = (make_request(("t0",)) for _ in range(2))
    parts.setup |= FLAT
    emulator.fill(whole)
    divided(emulator).fill(parts)
    weyl = next(f for f in emulator.fields if f.field.name == "late.weyl")
    h = parts.history
    growth = Background.of({**parts.setup, **parts.cosmology}).potential_growth(h)
    late = parts.tau > parts.cosmology["tau_free_streaming"]
    added = (late * h["exp_minus_kappa"] * growth)[:, None] * twin_field(weyl, parts)
    assert np.abs(added).max() > 0.01 * np.abs(whole.tables["t0"]).max()
    np.testing.assert_allclose(parts.tables["t0"], whole.tables["t0"] + added, rtol=0.0,
                               atol=RELATIVE_AGREEMENT * np.abs(whole.tables["t0"]).max())


def test_potentials_that_do_not_grow_leave_isw_and_what_scatters(emulator: FieldsEmulator) -> None:
    whole, parts = (make_request(("t0", "t2"), reionized=True) for _ in range(2))
    for request in (whole, parts):
        request.setup |= FLAT
        a = request.history["scale_factor"]
        slope = Background.of({**request.setup, **request.cosmology}).slope(a)
        request.history["growth_velocity"] = request.history["growth_factor"] * slope / a
    emulator.fill(whole)
    divided(emulator).fill(parts)
    for source, table in whole.tables.items():
        np.testing.assert_allclose(parts.tables[source], table, rtol=0.0,
                                   atol=RELATIVE_AGREEMENT * np.abs(table).max(), err_msg=source)


def test_request_meets_every_region(emulator: FieldsEmulator) -> None:
    """The comparisons below would be worth little if the synthetic request missed one."""
    request = make_request()
    late = request.tau > request.cosmology["tau_free_streaming"]
    k_tau = np.outer(request.tau[late], request.k)
    assert 0 < late.sum() < late.size
    assert 0 < (k_tau > request.precision[TRIGGER]).sum() < k_tau.size
    assert {f.field.region for f in emulator.fields} == {"early", "late", "dark", "reionized"}
    assert start_of_reionization(request.tau, request.history["scattering_rate"], 2000.0) is None


def test_reionization_changes_late_photons_only(emulator: FieldsEmulator) -> None:
    neutral, reionized = make_request(), make_request(reionized=True)
    for column in ("exp_minus_kappa", "visibility"):
        neutral.history[column] = reionized.history[column]
    emulator.fill(neutral)
    emulator.fill(reionized)
    start = start_of_reionization(reionized.tau, reionized.history["scattering_rate"], 2000.0)
    assert start is not None
    later = reionized.tau > start
    changed = ~np.isclose(reionized.tables["t2"], neutral.tables["t2"], rtol=1e-9, atol=0.0)
    free = np.outer(reionized.tau, reionized.k) <= reionized.precision[TRIGGER]
    assert not changed[~later].any()
    assert changed[later][free[later]].mean() > 0.9
    assert not changed[~free].any()
    for name in ("t1", "phi_plus_psi", "delta_m", "delta_cb"):
        assert np.array_equal(neutral.tables[name], reionized.tables[name]), name


@pytest.mark.parametrize("source", ["t0", "t1", "t2", "p", "phi_plus_psi", "delta_m", "delta_cb"])
def test_fill_equals_the_slow_twin(emulator: FieldsEmulator, source: str) -> None:
    request = make_request()
    emulator.fill(request)
    expected = twin(emulator, request, source)
    np.testing.assert_allclose(request.tables[source], expected, rtol=RELATIVE_AGREEMENT,
                               atol=RELATIVE_AGREEMENT * np.abs(expected).max())


@pytest.mark.parametrize("sources", [("p",), ("t2", "p"), ("p", "t2")])
def test_polarization_does_not_depend_on_whether_t2_is_asked_for(
    emulator: FieldsEmulator, sources: tuple[str, ...]
) -> None:
    everything, some = make_request(), make_request(sources)
    emulator.fill(everything)
    emulator.fill(some)
    np.testing.assert_allclose(some.tables["p"], np.sqrt(6.0) * everything.tables["t2"], rtol=1e-13)


def test_tables_are_written_in_place(emulator: FieldsEmulator) -> None:
    request = make_request()
    before = dict(request.tables)
    memory = {name: table.ctypes.data for name, table in before.items()}
    emulator.fill(request)
    for name, table in before.items():
        assert request.tables[name] is table
        assert table.ctypes.data == memory[name]
        assert np.isfinite(table).all(), name


def test_views_on_a_larger_block_are_filled_and_nothing_else(emulator: FieldsEmulator) -> None:
    """CLASS's tables lie in memory of its own."""
    request, reference = make_request(("t0",)), make_request(("t0",))
    n_tau, n_k = request.tables["t0"].shape
    block = np.full((3, n_tau, n_k), np.nan)
    request.tables["t0"] = block[1]
    emulator.fill(request)
    emulator.fill(reference)
    assert np.array_equal(block[1], reference.tables["t0"])
    assert np.isnan(block[[0, 2]]).all()


@pytest.mark.parametrize(("first_tau", "present"), [
    (14150.0 * 0.9, ("late", "reionized")), (1000.0, ("late", "dark", "reionized")), (240.0, ("early",))])
def test_some_regions_alone(emulator: FieldsEmulator, first_tau: float, present: tuple[str, ...]) -> None:
    """A request for P(k) at z = 0 has late times only; fields of other times are not needed."""
    request, reference = make_request(first_tau=first_tau), make_request(first_tau=first_tau)
    if present == ("early",):
        for r in (request, reference):
            r.cosmology["tau_free_streaming"] = 2e4
    emulator.fill(reference)
    FieldsEmulator([f for f in emulator.fields if f.field.region in present]).fill(request)
    for name, table in request.tables.items():
        assert np.array_equal(table, reference.tables[name]), name


def test_core_is_mean_plus_weighted_components() -> None:
    emulator = make_field(FIELDS[0], seed=3)
    cosmology = make_request().cosmology
    outputs = emulator.network(inputs_of(cosmology, emulator.field.inputs))
    expected = emulator.mean_core.copy()
    for value, component in zip(outputs, emulator.components, strict=True):
        expected += value * component.reshape(2, 3)
    inputs = inputs_of(cosmology, emulator.field.inputs)
    np.testing.assert_allclose(emulator.core(inputs), expected, rtol=RELATIVE_AGREEMENT)


def test_inputs_in_the_order_asked_for() -> None:
    cosmology = {"omega_b": 0.02, "omega_cdm": 0.1, "H0": 70.0, "N_ur": 2.0, "m_ncdm": 0.06}
    names = ("ln_h", "N_ur", "ln_omega_m", "m_ncdm", "ln_omega_b")
    expected = [np.log(0.7), 2.0, np.log(0.12), 0.06, np.log(0.02)]
    np.testing.assert_allclose(inputs_of(cosmology, names), expected, rtol=1e-14)
