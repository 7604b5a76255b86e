"""Print what an evaluation in Cobaya takes beside classy's compute().

Arguments: planck (with its data) or act (a likelihood like ACT's), the number of evaluations, and for planck the folder
of Cobaya's packages.
"""
from __future__ import annotations

import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import classy
import numpy as np
from cobaya.model import get_model
from cobaya.yaml import yaml_load_file

from cosmicnet.training.timing.precision import ACT_DR6

RUNS = Path(__file__).parents[1] / "cobaya_components" / "runs"
FOREGROUNDS, L_MAX = 14, 8500


class Clock:
    """Seconds in a function since the last look."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            start = perf_counter()
            try:
                return function(*arguments, **options)
            finally:
                self.seconds += perf_counter() - start

        return call

    def look(self) -> float:
        seconds, self.seconds = self.seconds, 0.0
        return seconds


def foreground_likelihood(_self: Any, **parameters: float) -> float:
    """Spectra plus power laws, one for each parameter, against a smooth spectrum."""
    cl = _self.provider.get_Cl(ell_factor=True)
    ell = np.arange(2, L_MAX + 1)
    foregrounds = sum(value * (ell / 3000.0) ** (0.1 * i) for i, value in enumerate(parameters.values()))
    differences = [cl[name][2:L_MAX + 1] + foregrounds - 1000.0 for name in ("tt", "te", "ee")]
    return float(-np.mean(np.square(differences)) / 1e6)


def information(kind: str) -> dict[str, Any]:
    info: dict[str, Any] = yaml_load_file(str(RUNS / "planck_2018_lite_net.yaml"))
    del info["sampler"], info["output"]
    if kind == "planck":
        return {**info, "packages_path": sys.argv[3]}
    names = [f"foreground_{i}" for i in range(FOREGROUNDS)]
    likelihood = {"external": foreground_likelihood, "input_params": names,
                  "requires": {"Cl": dict.fromkeys(("tt", "te", "ee"), L_MAX)}}
    fixed = {name: value for name, value in ACT_DR6.items() if name not in ("output", "lensing", "modes")}
    info["theory"]["cosmicnet.Cosmicnet"]["extra_args"] |= {**fixed, "l_max_scalars": 9500}
    return {**info, "likelihood": {"act": likelihood},
            "params": {**info["params"], **{name: {"prior": [0.0, 10.0], "ref": 1.0} for name in names}}}


def main(kind: str, number: int) -> None:
    model = get_model(information(kind))
    clock, of_likelihoods = Clock(), Clock()
    classy.Class = type("Class", (classy.Class,), {"compute": clock.timed(classy.Class.compute)})
    for likelihood in model.likelihood.values():
        likelihood.calculate = of_likelihoods.timed(likelihood.calculate)
    generator = np.random.default_rng(1)
    middle = np.array(model.prior.reference(random_state=generator))
    rows = []
    for _ in range(number + 2):
        clock.look(), of_likelihoods.look()
        start = perf_counter()
        model.loglikes(middle * (1.0 + 3e-4 * generator.standard_normal(middle.size)), cached=False)
        whole, compute, likelihoods = perf_counter() - start, clock.look(), of_likelihoods.look()
        rows.append((whole, compute, likelihoods, whole - compute - likelihoods))
    whole, compute, likelihoods, rest = (1e3 * statistics.median(column) for column in zip(*rows[2:], strict=True))
    print(f"{kind}: {whole:.1f} ms, {1e3 / whole:.2f} per second; compute() {compute:.1f} ms, likelihoods "
          f"{likelihoods:.1f} ms, all else {rest:.1f} ms")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
