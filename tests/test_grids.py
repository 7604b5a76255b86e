"""The aligned grids: increasing, without gaps, fine enough, and at the same phases in every cosmology."""
from __future__ import annotations

import numpy as np
import pytest

from cosmicnet.training.models.grids import AlignedGrids, Integration, stretched

# the fiducial cosmology and the corners of a wide box, as CLASS has them (Mpc)
COSMOLOGIES = {
    "fiducial": {"tau_rec": 281.0, "conformal_age": 14150.0, "sound_horizon_rec": 144.5},
    "little matter": {"tau_rec": 310.0, "conformal_age": 15500.0, "sound_horizon_rec": 155.0},
    "much matter": {"tau_rec": 255.0, "conformal_age": 12500.0, "sound_horizon_rec": 135.0},
}
POINTS_PER_PERIOD = 10
STREAMING_TRIGGER = 45.0


def integration(name: str) -> Integration:
    return AlignedGrids().integration(COSMOLOGIES[name])


def test_stretched_has_the_steps_asked_for() -> None:
    edges, steps = [0.0, 10.0, 50.0], [0.1, 0.5, 4.0]
    values = stretched(edges, steps)
    assert (values[0], values[-1]) == (0.0, 50.0)
    spacing = np.diff(values)
    assert np.all(spacing > 0)
    for edge, step in zip(edges, steps, strict=True):
        near = spacing[np.argmin(np.abs(0.5 * (values[1:] + values[:-1]) - edge))]
        assert near == pytest.approx(step, rel=0.1)
    assert np.all(np.diff(spacing) > -1e-2 * spacing[1:])


@pytest.mark.parametrize("name", COSMOLOGIES)
def test_grids_increase_and_reach_their_ends(name: str) -> None:
    grids, cosmology, grid = AlignedGrids(), COSMOLOGIES[name], integration(name)
    assert np.all(np.diff(grid.k) > 0) and np.all(np.diff(grid.tau) > 0)
    assert grid.k[0] * (cosmology["conformal_age"] - cosmology["tau_rec"]) == pytest.approx(grids.y_edges[0])
    assert grid.k[-1] == pytest.approx(grids.k_last)
    assert grid.tau[0] / cosmology["tau_rec"] == pytest.approx(grids.t_edges[0])
    # exactly, because CLASS integrates no further
    assert grid.tau[-1] == cosmology["conformal_age"]


@pytest.mark.parametrize("name", COSMOLOGIES)
def test_oscillations_are_resolved(name: str) -> None:
    cosmology, grid = COSMOLOGIES[name], integration(name)
    steps = np.diff(grid.k)
    acoustic = steps * cosmology["sound_horizon_rec"]
    last = AlignedGrids().x_edges[-1] / cosmology["sound_horizon_rec"]
    assert np.all(acoustic[grid.k[1:] <= last] <= 2 * np.pi / POINTS_PER_PERIOD)
    # free streaming today, until CLASS switches to its approximation
    streaming = grid.k[1:] * cosmology["conformal_age"] <= STREAMING_TRIGGER
    assert np.all((steps * (cosmology["conformal_age"] - cosmology["tau_rec"]))[streaming]
                  <= 2 * np.pi / POINTS_PER_PERIOD)
    assert np.all(np.diff(np.log(grid.k)) < 0.65)
    # recombination itself takes a twentieth of its conformal time
    near = np.abs(grid.tau / cosmology["tau_rec"] - 1.0) < 0.1
    assert np.all(np.diff(grid.tau[near]) < 0.005 * cosmology["tau_rec"])
    late = grid.tau > 2.2 * cosmology["tau_rec"]
    assert np.all(np.diff(np.log(grid.tau[late] - cosmology["tau_rec"])) < 0.016)


@pytest.mark.parametrize("name", COSMOLOGIES)
def test_members_of_the_union_are_where_the_indices_say(name: str) -> None:
    grids, cosmology, grid = AlignedGrids(), COSMOLOGIES[name], integration(name)
    tau_rec, tau_0 = cosmology["tau_rec"], cosmology["conformal_age"]
    np.testing.assert_allclose(grid.tau[grid.early] / tau_rec, grids.t(), rtol=1e-14)
    np.testing.assert_allclose((grid.tau[grid.late] - tau_rec) / (tau_0 - tau_rec), grids.u(), rtol=1e-12)
    assert {*grid.early, *grid.late} == set(range(grid.tau.size))


def test_cosmologies_meet_at_the_same_phases() -> None:
    """The wavenumbers of the acoustic grid are the same multiples of 1/r_s in each."""
    phases = []
    for name, cosmology in COSMOLOGIES.items():
        x = integration(name).k * cosmology["sound_horizon_rec"]
        phases.append(x[(x > 5.0) & (x < 149.0)])
    for other in phases[1:]:
        np.testing.assert_allclose(other, phases[0], rtol=1e-12)
