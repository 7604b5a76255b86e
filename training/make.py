"""From a recipe to an installed network set: generate -> collect -> reduce -> train -> export."""
from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from math import comb
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from cosmicnet.coverage import is_relevant
from cosmicnet.emulator import Emulator
from cosmicnet.evaluation import FieldEmulator
from cosmicnet.manifest import Manifest
from cosmicnet.network import Network
from cosmicnet.running_class import running_class
from cosmicnet.splines import SplineBasis
from cosmicnet.store import NetworkSet, save_network_set

from .config import Recipe
from .dataset import read_model
from .generate import generate
from .parallel import progress
from .reduce import Reduction, keep, reduce_field
from .resample import NODES
from .tables import FieldTables, collect
from .train import Trained, all_exponents, polynomial_network, predictable, train_network

__all__ = ["derived_model", "make"]

# Quantities that CLASS computes before the perturbations, and how far (relative) they may lie from what they are for
# the same parameters in the trained model: three times the largest error of their fits, and the floor where fits are
# better. Networks take all scales from CLASS, so that a scale shifted by less than the floor is not a wrong spectrum.
DERIVED = ("YHe", "N_eff", "z_rec", "tau_rec", "sound_horizon_rec", "conformal_age")
DERIVED_DEGREE = 3
DERIVED_MARGIN = 3.0
DERIVED_FLOOR = 2e-4

# The bases are cut again for the mean and the components that are kept, this much finer than the tolerance.
MEAN_ACCURACY = 0.1

# Settings of how the universe is reionised, which networks do not have to know.
REIONIZATION = ("reio_parametrization", "reionization_", "helium_fullreio_")

# Photon fields are tabulated to this k r_s(rec); beyond, the grid is too coarse for their oscillations.
K_SOUND_HORIZON_MAX = 150.0


def make(recipe: Recipe, work_folder: Path, output_folder: Path, processes: int) -> Manifest:
    """Run the whole recipe; every step that was done before is taken from `work_folder`.

    Writes manifest.json and arrays.safetensors to `output_folder` and prints the errors on held-out
    models.
    """
    console = Console(stderr=True)
    start = time.perf_counter()
    generated = generate(recipe, work_folder / "models", processes)
    tables = collect(generated.models, processes)
    reference = read_model(generated.models[0])
    report = Table("field", "functions", "components", "compression", "skip alone", "network",
                   title="weighted relative errors on held-out models")
    fields = []
    with progress("training fields", len(tables)) as advance:
        for table in tables:
            emulator, row = _field(table, recipe)
            fields.append(emulator)
            report.add_row(*row)
            advance()
    console.print(report)
    derived, tolerances = derived_model(
        tuple(recipe.sampling.ranges), [read_model(path).cosmology for path in generated.models])
    running = running_class()
    manifest = Manifest(
        name=recipe.name, description=recipe.description, class_version=running.version,
        source_digest=running.source_digest, domain=recipe.domain,
        setup={name: v for name, v in reference.setup.items() if not name.startswith(REIONIZATION)},
        precision={name: v for name, v in reference.precision.items() if is_relevant(name)},
        derived=tolerances, derived_inputs=list(recipe.sampling.ranges),
        k_max=_k_max(recipe, generated.models), fields=[], sha256="",
        k_max_cmb_times_sound_horizon=K_SOUND_HORIZON_MAX, dense_layers=len(recipe.training.hidden) + 1,
        recipe={**recipe.model_dump(mode="json"), "models_used": len(generated.models)},
    )
    saved = save_network_set(output_folder, NetworkSet(manifest, Emulator(fields), derived))
    console.print(f"{output_folder}: networks '{saved.name}', {time.perf_counter() - start:.0f} s")
    return saved


def _field(table: FieldTables, recipe: Recipe) -> tuple[FieldEmulator, list[str]]:
    """Reduce and train one field; also its row of the report."""
    field, settings = table.field, recipe.reduction
    tolerance = settings.tolerance.get(field.name, settings.default)
    degree = recipe.training.degree_early if field.region == "early" else recipe.training.degree_late
    reduction = reduce_field(table.values, table.weight, table.floor, tolerance)
    kept = predictable(table.inputs, reduction.coefficients, field.inputs, degree, recipe.training)
    # the strongest is kept in any case: a field without a component would be an array without a shape
    kept[0] = True
    # what is cut of the mean is the same error in every cosmology, so that hardly anything may be
    reduction = keep(reduction, kept, MEAN_ACCURACY * tolerance)
    trained = train_network(table.inputs, reduction.coefficients, field.inputs, degree, recipe.training)
    shape = reduction.time_basis.shape[1], reduction.wavenumber_basis.shape[1]
    emulator = FieldEmulator(
        field=field,
        network=trained.network,
        mean_core=reduction.mean_core.reshape(shape),
        components=reduction.components.astype(np.float32),
        time_basis=SplineBasis.through(NODES[field.time], reduction.time_basis),
        wavenumber_basis=SplineBasis.through(NODES[field.wavenumber], reduction.wavenumber_basis),
    )
    return emulator, _row(field.name, shape, reduction, trained)


def _row(
    name: str, shape: tuple[int, int], reduction: Reduction, trained: Trained
) -> list[str]:
    # errors of the coefficients relative to the whole field, its mean included
    varying = float((reduction.coefficients**2).sum(axis=1).mean())
    share = float(np.sqrt(varying / ((reduction.mean_core**2).sum() + varying)))
    return [name, f"{shape[0]} x {shape[1]}", str(len(reduction.components)), f"{np.median(reduction.error):.1e}",
            f"{trained.skip_error * share:.1e}", f"{trained.error * share:.1e}"]


def derived_model(
    names: tuple[str, ...], cosmologies: Sequence[Mapping[str, float]]
) -> tuple[Network, dict[str, float]]:
    """Polynomials of the derived quantities in the parameters `names`, and their relative tolerances."""
    inputs = np.array([[c[name] for name in names] for c in cosmologies])
    outputs = np.array([[c[name] for name in DERIVED] for c in cosmologies])
    # never more terms than half the models, or the fit would show no error
    degree = max(d for d in range(1, DERIVED_DEGREE + 1) if d == 1 or 2 * comb(len(names) + d, d) <= len(cosmologies))
    network = polynomial_network(inputs, outputs, all_exponents(len(names), degree))
    worst = np.abs(network(inputs) / outputs - 1.0).max(axis=0)
    return network, {name: max(DERIVED_MARGIN * float(error), DERIVED_FLOOR)
                     for name, error in zip(DERIVED, worst, strict=True)}


def _k_max(recipe: Recipe, paths: tuple[Path, ...]) -> float:
    """The k (1/Mpc) that the bases reach in every cosmology of the training set."""
    largest_horizon = max(read_model(path).cosmology["sound_horizon_rec"] for path in paths)
    return round(float(np.exp(NODES["ln_x"][-1])) / largest_horizon, 2)
