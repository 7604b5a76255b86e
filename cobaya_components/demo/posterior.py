"""The end of the demo: a posterior from the embedded likelihood, without any download."""
from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cobaya import run
from cobaya.yaml import yaml_load_file
from rich.table import Table

from ..compare.triangle import plot_triangle
from ..sampler.proposal import effective_samples
from ..theory.quiet import quiet

__all__ = ["EMBEDDED_RUN", "Posterior", "posterior_table", "run_posterior", "write_triangle"]

EMBEDDED_RUN = Path(__file__).parents[1] / "runs" / "embedded.yaml"
SAMPLER = "cosmicnet.ImportanceSampler"
SEED = 1

LABELS = {"omega_b": "omega_b", "omega_cdm": "omega_cdm", "H0": "H0", "tau_reio": "tau_reio", "n_s": "n_s",
          "logA": "ln(10^10 A_s)"}


@dataclass(frozen=True)
class Posterior:
    """Weighted samples (getdist's MCSamples), the truth of the parameters, and how long it took."""

    samples: Any
    truth: dict[str, float]
    seconds: float

    @property
    def evaluations(self) -> int:
        return int(self.samples.numrows)


def run_posterior(options: dict[str, Any] | None = None, max_seconds: float | None = None) -> Posterior:
    """Run `runs/embedded.yaml` in memory. options : of the theory code, over those of the file."""
    info = yaml_load_file(str(EMBEDDED_RUN))
    info.pop("output")
    info["theory"]["cosmicnet.Cosmicnet"].update(options or {})
    info["sampler"][SAMPLER].update({"seed": SEED} | ({} if max_seconds is None else {"max_seconds": max_seconds}))
    start = time.perf_counter()
    with quiet():
        _, sampler = run(info)
    samples = sampler.products(to_getdist=True)["sample"]
    truth = {name: info["params"][name]["ref"] for name in LABELS}
    return Posterior(samples, truth, time.perf_counter() - start)


def posterior_table(posterior: Posterior) -> Table:
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


def write_triangle(posterior: Posterior, path: Path) -> None:
    plot_triangle({"networks": posterior.samples}, list(LABELS), path, posterior.truth)
