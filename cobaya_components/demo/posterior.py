"""The end of the demo: a posterior from the embedded likelihood, without any download."""
from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cobaya import run
from cobaya.yaml import yaml_load_file
from rich.table import Table

from ..compare.triangle import plot_triangle
from ..sampler.proposal import effective_samples
from ..theory.quiet import quiet

__all__ = ["EMBEDDED_RUN", "EmbeddedPosterior", "posterior_table", "run_posterior", "write_triangle"]

EMBEDDED_RUN = Path(__file__).parents[1] / "runs" / "embedded.yaml"
SAMPLER = "cosmicnet.ImportanceSampler"
SEED = 1

LABELS = {"omega_b": "omega_b", "omega_cdm": "omega_cdm", "H0": "H0", "tau_reio": "tau_reio", "n_s": "n_s",
          "logA": "ln(10^10 A_s)"}


@dataclass(frozen=True)
class EmbeddedPosterior:
    """Weighted samples (getdist's MCSamples), the fiducial parameters, and the wall time."""

    samples: Any
    truth: dict[str, float]
    seconds: float

    @property
    def evaluations(self) -> int:
        return int(self.samples.numrows)


def run_posterior(networks: str | None = None, settings: Mapping[str, Any] = MappingProxyType({}),
                  max_seconds: float | None = None) -> EmbeddedPosterior:
    """Run `runs/embedded.yaml` in memory.

    networks : None for those of the file; settings : CLASS's, in place of the file's neutrinos.
    """
    info = yaml_load_file(str(EMBEDDED_RUN))
    info.pop("output")
    theory = info["theory"]["cosmicnet.Cosmicnet"]
    if networks is not None:
        theory["networks"] = networks
    if settings:
        theory["extra_args"] = {**settings, "non_linear": theory["extra_args"]["non_linear"]}
    info["sampler"][SAMPLER].update({"seed": SEED} | ({} if max_seconds is None else {"max_seconds": max_seconds}))
    start = time.perf_counter()
    with quiet():
        _, sampler = run(info)
        # getdist warns of large weights; the table says how many independent samples they leave
        samples = sampler.products(to_getdist=True)["sample"]
    truth = {name: info["params"][name]["ref"] for name in LABELS}
    return EmbeddedPosterior(samples, truth, time.perf_counter() - start)


def posterior_table(posterior: EmbeddedPosterior) -> Table:
    table = Table("parameter", title="Posterior of the embedded likelihood (TT, TE, EE, Planck-like noise)",
                  title_justify="left")
    for heading in ("mean", "standard deviation", "truth"):
        table.add_column(heading, justify="right")
    for name, label in LABELS.items():
        mean, deviation = float(posterior.samples.mean(name)), float(posterior.samples.std(name))
        table.add_row(label, f"{mean:.5g}", f"{deviation:.2g}", f"{posterior.truth[name]:g}")
    table.caption = (f"{posterior.evaluations} samples in {posterior.seconds:.0f} s, worth "
                     f"{effective_samples(posterior.samples.weights):.0f} independent ones")
    return table


def write_triangle(posterior: EmbeddedPosterior, path: Path) -> None:
    plot_triangle({"networks": posterior.samples}, list(LABELS), path, posterior.truth)
