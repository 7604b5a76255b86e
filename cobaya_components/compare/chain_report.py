"""`cosmicnet reweight --report FOLDER`: the result of a chain as three small files, figures, text and plot.

NAME.json has all figures, NAME.md the tables, NAME.png the triangle plot. Together with the chain's YAML they say what
was run, how long it took, and what full CLASS would have given.
"""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from cosmicnet.files import write_whole

from ..theory.modes import manifest_of, recorded_networks, sampled_names, version_of
from .chains import BURN_IN, load_chain, systematic_choice
from .evaluations import ALL, FAST, POINTS_FOR_RATE, PROCESSES_FOR_RATE, PointSettings, Rate, measure_rates
from .reweight import FEWEST_FOR_CONTOURS, Reweighted, Shift, plot_reweighted

__all__ = ["as_markdown", "write_chain_report"]

# Not reported: the same as logA.
LEFT_OUT = ("A_s",)


def write_chain_report(result: Reweighted, root: Path, settings: PointSettings, folder: Path) -> list[Path]:
    """Measure the rates of the chain `root` and write the three files to `folder`."""
    chain = load_chain(root, BURN_IN)
    rows = systematic_choice(chain.weights, max(POINTS_FOR_RATE.values()), np.random.default_rng(settings.seed))
    names = sampled_names(chain.info)
    rates = measure_rates(settings.with_packages(chain.info), [chain.point(row, names) for row in dict.fromkeys(rows)])
    # the networks of the chain, even if the set of this name has changed
    made_by, manifest = recorded_networks(version_of(chain.info)), manifest_of(chain.info)
    # where full CLASS fails the weight vanishes, and there is no change of ln L
    changes = result.thinned.log_weights[np.isfinite(result.thinned.log_weights)]
    figures = {
        "chain": {"name": root.name, **asdict(result.facts)},
        "likelihoods": list(chain.info["likelihood"]),
        "networks": {"name": manifest.name, "sha256": made_by or manifest.sha256},
        "versions": {"class": version("classy"), "cobaya": version("cobaya")},
        "reweighted": {"points": len(result.thinned.log_weights), "distinct": result.distinct,
                       "without_networks": result.without_networks,
                       "not_computed": len(result.thinned.log_weights) - len(changes),
                       "effective": result.effective, "one_line_of_sight": settings.same_modules,
                       "precision": settings.precision},
        "change_of_loglike": {"mean": float(changes.mean()), "median": float(np.median(np.abs(changes))),
                              "95%": float(np.quantile(np.abs(changes), 0.95)), "worst": float(np.abs(changes).max())},
        "parameters": [asdict(shift) for shift in result.shifts if shift.name not in LEFT_OUT],
        "rates": [asdict(rate) for rate in rates],
    }
    table, text, picture = (folder / f"{root.name}.{suffix}" for suffix in ("json", "md", "png"))
    write_whole({table: json.dumps(figures, indent=1) + "\n", text: as_markdown(figures)})
    plotted = plot_reweighted(result, [shift.name for shift in result.shifts if shift.name not in LEFT_OUT], picture)
    return [table, text, *plotted]


def as_markdown(figures: Mapping[str, Any]) -> str:
    """The tables of NAME.json."""
    chain, again, change = figures["chain"], figures["reweighted"], figures["change_of_loglike"]
    lines = [
        f"# {chain['name']}", "",
        f"Written by `cosmicnet reweight {chain['name']} --report`; do not edit. Likelihoods: "
        f"{', '.join(figures['likelihoods'])}. Networks: {figures['networks']['name']}, hash "
        f"{figures['networks']['sha256'][:12]}. CLASS {figures['versions']['class']}, Cobaya "
        f"{figures['versions']['cobaya']}.", "",
        _made(chain), "",
        f"{again['points']} samples, {again['distinct']} of them different, computed by full CLASS at the "
        f"precision of the {again['precision']}"
        + (f" ({again['not_computed']} could not be)" if again["not_computed"] else "") + ", "
        + ("with the line of sight that networks use" if again["one_line_of_sight"] else "with its own line of sight")
        + f"; worth {again['effective']:.1f} after reweighting."
        + (f" In {again['without_networks']} the chain had no networks." if again["without_networks"] else ""), "",
        "| parameter | mean | standard deviation | shift of the mean / sigma | ratio of widths |",
        "|---|---|---|---|---|",
    ]
    lines += [_row(Shift(**shift)) for shift in figures["parameters"]]
    lines += ["", f"Change of ln L: mean {change['mean']:+.4f}; its size: median {change['median']:.4f}, "
                  f"95% {change['95%']:.4f}, worst {change['worst']:.4f}.", "",
              "Evaluations of all likelihoods per second, one thread each:", "", *_rates(figures["rates"])]
    if again["distinct"] >= FEWEST_FOR_CONTOURS:
        lines += ["", f"![posterior before and after]({chain['name']}.png)"]
    return "\n".join([*lines, ""])


def _processes(number: int) -> str:
    return "one process" if number == 1 else f"{number} processes"


def _made(chain: Mapping[str, Any]) -> str:
    """Summary of the chain's files in words."""
    if chain.get("effective") is not None:
        return (f"With networks: {chain['accepted']} weighted draws by {_processes(chain['chains'])}, worth "
                f"{chain['effective']:.0f} independent samples" + _if_known(", R-1 = {:.4f} between the processes",
                                                                            chain["rminus1"]) + ".")
    return (f"Chain with networks: {chain['chains']} chains, {chain['accepted']} accepted samples"
            + _if_known(", acceptance {:.2f} (of the chain as Cobaya thins it)", chain["acceptance"])
            + _if_known(", R-1 = {:.4f}", chain["rminus1"])
            + _if_known(" (of the bounds of 95%: {:.3f})", chain["rminus1_bounds"])
            + _if_known(", {:.2f} hours of sampling between the first and the last test of convergence",
                        chain["hours"]) + ".")


def _rates(rates: Sequence[Mapping[str, Any]]) -> list[str]:
    found = {(rate.mode, rate.changed, rate.processes): rate.per_second for rate in (Rate(**rate) for rate in rates)}
    columns = [(ALL, processes) for processes in PROCESSES_FOR_RATE]
    titles = [f"{processes} at a time, all parameters changed" for processes in PROCESSES_FOR_RATE]
    if any(changed == FAST for _, changed, _ in found):
        columns.append((FAST, 1))
        titles.append("fast parameters alone")
    return [f"| | {' | '.join(titles)} |", "|---" * (1 + len(columns)) + "|",
            *(f"| {label} | {' | '.join(f'{found[(mode, *column)]:.2f}' for column in columns)} |"
              for mode, label in (("net", "networks"), ("full", "full CLASS")))]


def _if_known(text: str, value: float | None) -> str:
    return "" if value is None else text.format(value)


def _row(s: Shift) -> str:
    return (f"| {s.name} | {s.mean:.6g} | {s.deviation:.3g} | {s.shift:+.4f} ± {s.shift_error:.4f} "
            f"| {s.width_ratio:.4f} ± {s.width_ratio_error:.4f} |")
