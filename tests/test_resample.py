"""From a model's own grid onto the fields' nodes, and past the edge of where it is used, on functions known exactly."""
from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import trapezoid

from cosmicnet.coordinates import TIME_COORDINATES, WAVENUMBER_COORDINATES, Scales
from cosmicnet.fields import FIELDS, Field
from cosmicnet.pieces import PIECES, time_factor
from cosmicnet.training.fields.continuation import extend
from cosmicnet.training.fields.nodes import NODES
from cosmicnet.training.fields.resample import resample
from cosmicnet.training.models.grids import AlignedGrids
from cosmicnet.training.two_levels.curved_grids import CurvedSpaceGrids
from cosmicnet.training.two_levels.resample_level import without_ringing

Array = NDArray[np.float64]

SCALES = Scales(tau_rec=281.0, tau_0=14150.0, sound_horizon_rec=144.5, tau_free_streaming=365.0,
                streaming_trigger=45.0)
GRID = AlignedGrids().integration({"tau_rec": 281.0, "conformal_age": 14150.0, "sound_horizon_rec": 144.5})
K, TAU = GRID.k, GRID.tau
HISTORY = {name: 1.0 + 0.1 * np.sin(np.log(TAU) + number) for number, name in enumerate((
    "scale_factor", "growth_factor", "growth_velocity", "exp_minus_kappa", "visibility", "visibility_prime"))}

SMOOTH = [f for f in FIELDS if f.piece in ("weyl", "matter", "isw")]
PHOTONS = [f for f in FIELDS if f.region in ("dark", "reionized")]

# fields are kept in single precision, and splines of degree 3 and 5 go through an aligned grid
AGREEMENT = 2e-4


def coordinates(field: Field, tau: Array, k: Array) -> tuple[Array, Array]:
    with np.errstate(invalid="ignore", divide="ignore"):
        return TIME_COORDINATES[field.time](tau, SCALES), WAVENUMBER_COORDINATES[field.wavenumber](k, SCALES)


def smooth(time: Array, ln_x: Array) -> Array:
    """Waves, but no faster than the grid resolves."""
    return np.asarray((2.0 + np.sin(2.0 * time))[:, None] * (1.5 + np.cos(0.8 * ln_x))[None, :])


@pytest.mark.parametrize("field", SMOOTH, ids=lambda field: field.name)
def test_smooth_function_is_met_on_the_nodes(field: Field) -> None:
    time, ln_x = coordinates(field, TAU, K)
    table = np.where(np.isfinite(time)[:, None], smooth(np.nan_to_num(time, neginf=0.0), ln_x), 0.0)
    # before recombination late coordinates do not exist: go on smoothly in tau itself
    if field.region == "late":
        first = int(np.searchsorted(TAU, 1.01 * SCALES.tau_rec))
        table[:first] = table[first]
    resampled = resample(field, table, K, TAU, HISTORY, SCALES)
    nodes = NODES[field.time]
    assert resampled.values.shape == (nodes.size, NODES[field.wavenumber].size)
    inside_time = (nodes > np.nanmin(time[np.isfinite(time)]) + 0.5 if field.region == "late"
                   else (nodes > time[0]) & (nodes < SCALES.tau_free_streaming / SCALES.tau_rec))
    inside_k = (NODES[field.wavenumber] > ln_x[0]) & (NODES[field.wavenumber] < ln_x[-1])
    # around recombination the late grid is dense in tau/tau_rec and coarse in ln u
    if field.region == "late":
        inside_time &= nodes > np.log(0.02)
    assert inside_time.sum() > 40 and inside_k.sum() > 200
    error = np.abs(resampled.values - smooth(nodes, NODES[field.wavenumber]))[np.ix_(inside_time, inside_k)]
    assert error.max() < AGREEMENT


@pytest.mark.parametrize("field", [f for f in SMOOTH if not f.piece.startswith("matter")], ids=lambda f: f.name)
def test_weight_is_the_time_factor_and_the_width_of_a_node(field: Field) -> None:
    """So that the sum over nodes of weight^2 times values^2 is the integral of the source squared over tau."""
    table = np.ones((TAU.size, K.size))
    weight = resample(field, table, K, TAU, HISTORY, SCALES).weight
    factor = time_factor(PIECES[field.piece], HISTORY)
    first, last = (0.8, 1.3) if field.region == "early" else (0.02, 1.0)
    low, high = (SCALES.tau_rec * np.array([first, last]) if field.region == "early"
                 else SCALES.tau_rec + np.array([first, last]) * (SCALES.tau_0 - SCALES.tau_rec))
    inside = (low <= TAU) & (high >= TAU)
    expected = trapezoid(factor[inside] ** 2, TAU[inside])
    nodes = NODES[field.time]
    bounds = (first, last) if field.region == "early" else (np.log(first), np.log(last))
    within = (nodes >= bounds[0]) & (nodes <= bounds[1] + 1e-9)
    assert (weight[within] ** 2).sum() == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("field", [f for f in SMOOTH if f.piece.startswith("matter")], ids=lambda f: f.name)
def test_matter_weighs_the_same_at_all_times(field: Field) -> None:
    weight = resample(field, np.ones((TAU.size, K.size)), K, TAU, HISTORY, SCALES).weight
    assert np.array_equal(weight, np.ones(NODES[field.time].size))


def outside() -> NDArray[np.bool_]:
    """Where photons stream, or may not yet do so."""
    late = (SCALES.tau_free_streaming < TAU)[:, None]
    return ~late | SCALES.is_streaming(K, TAU)


def wave(tau: Array, k: Array) -> Array:
    return np.asarray(2.0 + np.cos(0.7 * np.log(k))[None, :] * np.sin(0.3 * np.log(tau))[:, None])


@pytest.mark.parametrize("field", PHOTONS, ids=lambda field: field.name)
def test_extension_keeps_what_is_inside(field: Field) -> None:
    table = wave(TAU, K)
    extended = extend(field, table, K, TAU, SCALES)
    late = SCALES.tau_free_streaming < TAU
    inside = ~outside()
    assert inside.sum() > 1000
    assert np.array_equal(extended[inside], table[inside])
    assert np.all(np.isfinite(extended[late]))


@pytest.mark.parametrize("field", PHOTONS, ids=lambda field: field.name)
def test_extension_does_not_depend_on_what_is_outside(field: Field) -> None:
    table = wave(TAU, K)
    late = (SCALES.tau_free_streaming < TAU)[:, None]
    garbage = np.where(outside() & late, 1e3, table)
    first, second = (extend(field, t, K, TAU, SCALES) for t in (table, garbage))
    rows = late[:, 0]
    assert not np.array_equal(table[rows], garbage[rows])
    assert np.array_equal(first[rows], second[rows])


@pytest.mark.parametrize("field", PHOTONS, ids=lambda field: field.name)
def test_extension_leaves_no_cliff(field: Field) -> None:
    """Across the edge the table changes no faster than a little inside."""
    table = np.where(outside(), 100.0, wave(TAU, K))
    extended = extend(field, table, K, TAU, SCALES)
    row = int(np.searchsorted(TAU, 3000.0))
    edge = int(np.searchsorted(K, SCALES.streaming_trigger / TAU[row]))
    slope = np.diff(extended[row]) / np.diff(np.log(K))
    near = slope[edge - 3: edge + 2]
    assert np.abs(near).max() < 3.0
    assert np.abs(slope).max() < 30.0


@pytest.mark.parametrize("field", SMOOTH, ids=lambda field: field.name)
def test_smooth_fields_are_left_alone(field: Field) -> None:
    table = wave(TAU, K)
    assert np.array_equal(extend(field, table, K, TAU, SCALES), table)


def test_early_photons_are_continued_smoothly_past_the_end_of_the_region() -> None:
    field = next(f for f in FIELDS if f.region == "early" and f.piece == "monopole")
    early = SCALES.tau_free_streaming >= TAU
    smooth_table = wave(TAU, K)
    extended = extend(field, np.where(early[:, None], smooth_table, 1e3), K, TAU, SCALES)
    assert np.array_equal(extended[early], smooth_table[early])
    near = ~early & (1.05 * SCALES.tau_free_streaming > TAU)
    assert near.sum() >= 2
    np.testing.assert_allclose(extended[near], smooth_table[near], atol=2e-3)


@pytest.mark.parametrize("name", ["late.matter", "late.weyl"])
def test_matter_between_the_last_wavenumbers_of_a_model(name: str) -> None:
    """They are a factor of 1.5 apart, and matter falls by more than two from one to the next."""
    cosmology = {"tau_rec": 281.0, "conformal_age": 14150.0, "sound_horizon_rec": 144.5, "H0": 67.0}
    k, tau = CurvedSpaceGrids().of(cosmology, {"Omega0_k": 0.0}, is_far=False)
    field = next(field for field in FIELDS if field.name == name)

    def transfer(k: Array) -> Array:
        """Bardeen, Bond, Kaiser and Szalay 1986, eq. G3."""
        q = k / 0.11
        return np.asarray(np.log(1.0 + 2.34 * q) / (2.34 * q)
                          * (1.0 + 3.89 * q + (16.1 * q)**2 + (5.46 * q)**3 + (6.71 * q)**4)**-0.25)

    table = without_ringing(np.tile(transfer(k), (tau.size, 1)), k * SCALES.sound_horizon_rec)
    history = {column: np.ones(tau.size) for column in HISTORY}
    values = resample(field, table, k, tau, history, SCALES).values[-1]
    at = np.exp(NODES[field.wavenumber]) / SCALES.sound_horizon_rec
    inside = (at > 0.05) & (at < k[-1])
    assert at[inside][-1] > k[-2]
    assert values[inside] == pytest.approx(transfer(at[inside]), rel=1e-5)
