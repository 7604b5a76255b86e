"""A small emulator, a request and a network set of random numbers: the shapes of real ones, no physics."""
from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cosmicnet.emulator import FieldsEmulator
from cosmicnet.evaluation import FittedField
from cosmicnet.fields import FIELDS, Field
from cosmicnet.manifest import Manifest
from cosmicnet.network import Network, Normalization
from cosmicnet.pieces import SOURCES
from cosmicnet.running_class import RunningClass
from cosmicnet.splines import SplineBasis
from cosmicnet.store import NetworkSet

Array = NDArray[np.float64]

COSMOLOGY = {
    "omega_b": 0.0224, "omega_cdm": 0.12, "H0": 67.4, "tau_reio": 0.055, "N_ur": 2.0308,
    "m_ncdm": 0.06, "tau_rec": 281.0, "conformal_age": 14150.0, "sound_horizon_rec": 144.5,
    "tau_free_streaming": 500.0,
}
RUNNING = RunningClass("v3.4.1", 64 * "a")
DOMAIN = {"omega_b": (0.02, 0.025), "omega_cdm": (0.1, 0.14)}
TRIGGER = "radiation_streaming_trigger_tau_over_tau_k"
HISTORY = ("scale_factor", "growth_factor", "growth_velocity", "exp_minus_kappa", "visibility",
           "visibility_prime", "scattering_rate")
# optical depth per conformal time from tau = 4000 Mpc on, in a request with reionisation
IONIZED = 0.03


@dataclass
class SyntheticRequest:
    """A request (cosmicnet.request) whose k tau crosses the streaming trigger at late times."""

    k: Array
    tau: Array
    tables: dict[str, Array]
    history: dict[str, Array]
    k_size_cmb: int
    initial_conditions: int = 1
    cosmology: dict[str, float] = field(default_factory=lambda: dict(COSMOLOGY))
    setup: dict[str, float] = field(default_factory=lambda: {"gauge": 1.0, "Omega0_k": 0.0})
    precision: dict[str, float] = field(default_factory=lambda: {TRIGGER: 45.0})
    parameters: dict[str, str] = field(default_factory=dict)


def make_request(
    sources: tuple[str, ...] = SOURCES, first_tau: float = 240.0, reionized: bool = False
) -> SyntheticRequest:
    """Tables start as NaN, so that a number that nobody writes does not go unnoticed."""
    generator = np.random.default_rng(7)
    k, tau = np.geomspace(1e-4, 5.0, 23), np.geomspace(first_tau, COSMOLOGY["conformal_age"], 61)
    history = {name: generator.uniform(0.2, 1.0, tau.size) for name in HISTORY}
    history["scattering_rate"] = np.full_like(tau, 1e-5) / tau
    if reionized:
        depth = IONIZED * np.log(tau[-1] / np.maximum(tau, 4000.0))
        history["scattering_rate"] = np.where(tau > 4000.0, IONIZED, 1e-5) / tau
        history |= {"exp_minus_kappa": np.exp(-depth), "visibility": np.exp(-depth) * history["scattering_rate"]}
    return SyntheticRequest(
        k=k, tau=tau, k_size_cmb=15,
        tables={name: np.full((tau.size, k.size), np.nan) for name in sources}, history=history)


def make_network(inputs: int, outputs: int, hidden: int = 5) -> Network:
    generator = np.random.default_rng(inputs * 100 + outputs)
    exponents = np.vstack([np.zeros((1, inputs)), np.eye(inputs), 2 * np.eye(inputs)]).astype(np.int64)
    layers = [inputs, hidden, hidden, outputs] if hidden else []
    return Network(
        input_map=Normalization(generator.normal(size=inputs), generator.uniform(0.5, 2.0, inputs)),
        exponents=exponents,
        skip=generator.normal(size=(len(exponents), outputs)),
        weights=tuple(generator.normal(size=shape) for shape in pairwise(layers)),
        biases=tuple(generator.normal(size=size) for size in layers[1:]),
        output_map=Normalization(generator.normal(size=outputs), generator.uniform(0.5, 2.0, outputs)),
    )


NODES = {
    "tau_over_tau_rec": np.linspace(0.8, 1.9, 12), "ln_u": np.linspace(-4.2, 0.0, 13),
    "ln_v_dark": np.linspace(0.3, 2.6, 14), "ln_v_reionized": np.linspace(2.4, 4.7, 14),
    "ln_x": np.log(np.geomspace(1e-2, 1e3, 17)), "ln_x_dark": np.log(np.geomspace(1e-2, 20.0, 15)),
    "ln_x_reionized": np.log(np.geomspace(1e-2, 4.0, 13)),
}


def make_field(spec: Field, seed: int) -> FittedField:
    """Two functions of time, three of wavenumber, four components; few digits, which files keep exactly."""
    generator = np.random.default_rng(seed)

    def basis(coordinate: str, functions: int) -> SplineBasis:
        nodes = NODES[coordinate]
        through = SplineBasis.through(nodes, generator.normal(size=(nodes.size, functions)))
        return SplineBasis(through.knots, _short(through.coefficients))

    return FittedField(
        field=spec,
        network=make_network(len(spec.inputs), 4),
        mean_core=_short(generator.normal(size=(2, 3))),
        components=_short(generator.normal(size=(4, 6))).astype(np.float32),
        time_basis=basis(spec.time, 2),
        wavenumber_basis=basis(spec.wavenumber, 3),
    )


def make_emulator() -> FieldsEmulator:
    return FieldsEmulator([make_field(spec, seed) for seed, spec in enumerate(FIELDS)])


def make_network_set(name: str = "synthetic", emulator: FieldsEmulator | None = None) -> NetworkSet:
    """It covers make_request(); its one derived quantity, YHe, is 0.25 everywhere."""
    derived = Network(
        input_map=Normalization(np.zeros(2), np.ones(2)), exponents=np.zeros((1, 2), dtype=np.int64),
        skip=np.ones((1, 1)), weights=(), biases=(),
        output_map=Normalization(np.zeros(1), np.array([0.25])))
    manifest = Manifest(
        name=name, description="random numbers", class_version=RUNNING.version,
        source_digest=RUNNING.source_digest, domain=dict(DOMAIN),
        setup={"gauge": 1.0}, precision={TRIGGER: 45.0}, derived={"YHe": 1e-3},
        derived_inputs=list(DOMAIN), k_max=6.0,
        k_max_cmb_times_sound_horizon=500.0, fields=[], dense_layers=3, sha256="")
    return NetworkSet(manifest, emulator or make_emulator(), derived)


def _short(values: Array) -> Array:
    return values.astype(np.float16).astype(np.float64)
