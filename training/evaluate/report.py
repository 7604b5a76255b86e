"""The table of measured and target accuracy, for people (Markdown) and for programs (JSON)."""
from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..work.spectra import OUTPUT_SETTINGS
from .accuracy import Distribution
from .results import OWN_CHANGE, PLANCK_PREFIX, BoxResult, Evaluation

__all__ = ["MEASURED", "markdown", "target_percentile_95", "write_report"]

MEASURED = "measured.json"
"""What `cosmicnet info` shows, where it lies beside the networks."""


@dataclass(frozen=True)
class Target:
    """Largest allowed value for the median model and for 95% of the models; None: no target."""

    percentile_95: float | None = None
    median: float | None = None

    def is_met(self, measured: Distribution) -> bool:
        return ((self.percentile_95 is None or measured.percentile_95 <= self.percentile_95)
                and (self.median is None or measured.median <= self.median))


@dataclass(frozen=True)
class Row:
    """A line of the table: which figure, what it says, its unit, and its target by name of the box."""

    figure: str
    title: str
    unit: str
    targets: Mapping[str, Target]


def _both(planck_5_sigma: float, domain: float) -> dict[str, Target]:
    return {"planck_5_sigma": Target(planck_5_sigma), "domain": Target(domain)}


ROWS = (
    Row("wishart_chi2", "Wishart χ² of TT, TE, EE", "",
        {"planck_5_sigma": Target(0.2, median=0.05), "domain": Target(0.5, median=0.1),
         "domain_extended": Target(3.0, median=0.5)}),
    Row("tt_high_l", "TT, l ≥ 30", "%", _both(0.05, 0.05)),
    Row("te_high_l", "TE/√(TT EE), l ≥ 30", "%", _both(0.05, 0.05)),
    Row("ee_high_l", "EE, l ≥ 30", "%", _both(0.1, 0.1)),
    Row("tt_low_l", "TT, l < 30", "%", _both(0.1, 0.2)),
    Row("te_low_l", "TE/√(TT EE), l < 30", "%", {}),
    Row("ee_low_l", "EE, l < 30", "%", _both(0.5, 1.0)),
    Row("pp", "φφ, all l", "%", _both(0.1, 0.2)),
    Row("pk", "P(k), z = 0, 1, 2", "%", {**_both(0.1, 0.2), "domain_extended": Target(0.5)}),
    Row("sigma8", "sigma8", "%", _both(0.02, 0.05)),
    Row(PLANCK_PREFIX, "change of the Planck χ²", "", {**_both(0.02, 0.05), "planck_posterior": Target(0.06)}),
    Row(f"{PLANCK_PREFIX}:planck_2018_lowl.TT", "of which low-l TT", "", {}),
    Row(f"{PLANCK_PREFIX}:planck_2018_lowl.EE", "of which low-l EE", "", {}),
    Row(f"{PLANCK_PREFIX}:planck_2018_highl_plik.TTTEEE_lite_native", "of which high-l TTTEEE lite", "", {}),
    Row(f"{PLANCK_PREFIX}:planck_2018_lensing.native", "of which lensing", "", {}),
    Row(OWN_CHANGE, "change of full CLASS's own Planck χ²", "", {}),
)

HEADER = """\
# Accuracy of the networks

Written by `cosmicnet evaluate`; do not edit. Networks: {network}. CLASS: {class_version}.

Spectra from networks against full CLASS at the same settings, on cosmologies that were not used in training; both
through the fast line of sight (`cosmicnet line-of-sight` measures that alone). Each model counts with its largest error
over the range of the line, so 95% of the models stay below the second column at every l (or k and z). C_l are lensed,
l = 2 to 2508; P(k) is linear, 1e-4 to 5 h/Mpc. The Wishart χ² is that of an ideal experiment without noise on the
full sky whose data are full CLASS: what the error adds to -2 ln L, with everything else fixed. The Planck χ²
is the sum of the 2018 likelihoods low-l TT, low-l EE, high-l TTTEEE lite and lensing at A_planck = 1; its
change is taken without sign. Low-l EE is a table in steps of 1e-4 μK², so its χ² moves in steps too. The last line
says how well full CLASS knows its own: the change where its times lie 10% closer (perturbations_sampling_stepsize
0.09 for 0.1), over {closer_models} models of each box.
"""


def target_percentile_95(figure: str, box_name: str) -> float | None:
    """The largest allowed value of a figure for 95% of the models, in the unit of the table."""
    targets = [row.targets[box_name] for row in ROWS if row.figure == figure and box_name in row.targets]
    return targets[0].percentile_95 if targets else None


def markdown(evaluation: Evaluation) -> str:
    """The whole of accuracy.md."""
    header = HEADER.format(network=evaluation.network, class_version=evaluation.class_version,
                           closer_models=_closer_models(evaluation))
    return "\n".join([header, *map(_box_section, evaluation.boxes),
                      "![Errors against l and k](accuracy.png)\n"])


def write_report(evaluation: Evaluation, folder: Path) -> None:
    """Write accuracy.md, accuracy.json and measured.json into `folder`."""
    (folder / "accuracy.md").write_text(markdown(evaluation), encoding="utf-8")
    (folder / "accuracy.json").write_text(_json(evaluation), encoding="utf-8")
    (folder / MEASURED).write_text(_measured(evaluation), encoding="utf-8")


def _measured(evaluation: Evaluation) -> str:
    """The figures of accuracy.md, as texts."""
    boxes = []
    for result in evaluation.boxes:
        found = result.distributions()
        figures = {row.title: [_number(value, row.unit) for value in
                               (found[row.figure].median, found[row.figure].percentile_95, found[row.figure].worst)]
                   for row in ROWS if row.figure in found}
        boxes.append({"title": result.box.title, "models": len(result.models), "figures": figures})
    return json.dumps({"network": evaluation.network, "class_version": evaluation.class_version, "boxes": boxes},
                      separators=(",", ":"), ensure_ascii=False) + "\n"


def _closer_models(evaluation: Evaluation) -> int:
    return max(sum(bool(model.planck_closer) for model in box.models) for box in evaluation.boxes)


def _box_section(result: BoxResult) -> str:
    distributions = result.distributions()
    lines = [f"## {result.box.title}", "", _box_description(result), "",
             "| | median model | 95% of models | worst | target | |", "|---|---|---|---|---|---|"]
    lines += [_line(row, distributions[row.figure], row.targets.get(result.box.name))
              for row in ROWS if row.figure in distributions]
    return "\n".join([*lines, "", _planck_note(result), ""])


def _box_description(result: BoxResult) -> str:
    left_out = f" ({result.left_out} more, which full CLASS cannot compute, are left out)" if result.left_out else ""
    return f"{len(result.models)} models{left_out}, seed {result.box.seed}: {result.box.description}."


def _line(row: Row, measured: Distribution, target: Target | None) -> str:
    cells = [row.title, *(_number(value, row.unit) for value in
                          (measured.median, measured.percentile_95, measured.worst))]
    if target is None:
        return f"| {' | '.join([*cells, '', ''])} |"
    verdict = "met" if target.is_met(measured) else "**missed**"
    return f"| {' | '.join([*cells, _target_text(target, row.unit), verdict])} |"


def _target_text(target: Target, unit: str) -> str:
    parts = [("median", target.median), ("95%", target.percentile_95)]
    return ", ".join(f"{name} ≤ {_number(value, unit)}" for name, value in parts if value is not None)


def _number(value: float, unit: str) -> str:
    return f"{value:.2g}{unit}" if value < 100.0 else f"{value:.0f}{unit}"


def _planck_note(result: BoxResult) -> str:
    chi2 = result.planck_chi2_full()
    if not chi2:
        return "The Planck likelihoods were not evaluated: their data were not found."
    rejected = len(result.models) - len(chi2)
    return (f"With full CLASS these models have a Planck χ² of {min(chi2):.0f} to {max(chi2):.0f} "
            f"(the best fit: about 1014); {rejected} of {len(result.models)} are out of the range of a "
            "likelihood and not counted. The same small error changes a large χ² by more.")


def _json(evaluation: Evaluation) -> str:
    """Raw values, one per model; null stands for what is infinite or cannot be measured."""
    boxes = [{
        "name": result.box.name,
        "seed": result.box.seed,
        "bounds": dict(result.box.bounds),
        "cosmologies": [dict(model.cosmology) for model in result.models],
        "planck_chi2_full": [_rounded(sum(model.planck_full.values())) for model in result.models],
        "figures": {name: [_rounded(value) for value in values] for name, values in result.values().items()},
    } for result in evaluation.boxes]
    content = {"network": evaluation.network, "class_version": evaluation.class_version,
               "settings": dict(OUTPUT_SETTINGS), "boxes": boxes}
    return json.dumps(content, separators=(",", ":"), allow_nan=False) + "\n"


def _rounded(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None
