"""The page of measured and target accuracy (Markdown), and the same figures for programs (JSON)."""
from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

from cosmicnet.files import write_whole

from ..work.class_spectra import OUTPUT_SETTINGS
from .accuracy import Distribution
from .results import PLANCK_PREFIX, BoxErrors, SetErrors
from .targets import AccuracyTarget

__all__ = ["MEASURED", "markdown", "write_page"]

MEASURED = "measured.json"
"""Figures that `cosmicnet info` shows when they lie beside the networks."""


# figure of accuracy.json, title, unit
ROWS = (
    ("wishart_chi2", "Wishart χ² of TT, TE, EE", ""),
    ("tt_high_l", "TT, l ≥ 30", "%"),
    ("te_high_l", "TE/√(TT EE), l ≥ 30", "%"),
    ("ee_high_l", "EE, l ≥ 30", "%"),
    ("tt_low_l", "TT, l < 30", "%"),
    ("te_low_l", "TE/√(TT EE), l < 30", "%"),
    ("ee_low_l", "EE, l < 30", "%"),
    ("pp", "φφ, all l", "%"),
    ("pk", "P(k), z = 0, 1, 2", "%"),
    ("sigma8", "sigma8", "%"),
    ("growth_rate_today", "growth rate f(k), z = 0", "%"),
    ("growth_rate", "growth rate f(k), z = 0.5, 1", "%"),
    ("f_sigma8", "effective f sigma8, z = 0, 0.5, 1", "%"),
    ("sigma_r", "sigma(R), R = 3 to 80 Mpc", "%"),
    ("weyl", "Weyl potential over matter", "%"),
    ("tilt", "d ln P/d ln k, change", ""),
    (PLANCK_PREFIX, "change of the Planck χ²", ""),
    (f"{PLANCK_PREFIX}:planck_2018_lowl.TT", "of which low-l TT", ""),
    (f"{PLANCK_PREFIX}:planck_2018_lowl.EE", "of which low-l EE", ""),
    (f"{PLANCK_PREFIX}:planck_2018_highl_plik.TTTEEE_lite_native", "of which high-l TTTEEE lite", ""),
    (f"{PLANCK_PREFIX}:planck_2018_lensing.native", "of which lensing", ""),
)

HEADER = """\
# Accuracy of the networks

Written by `cosmicnet evaluate`; do not edit. Networks: {network}. CLASS: {class_version}.

Spectra from networks against full CLASS at the same settings, on cosmologies that training never saw; both through the
fast line of sight (`cosmicnet line-of-sight` measures that alone). Each model counts with its largest error over the
range of the line, so 95% of the models stay below the second column at every l (or k and z). C_l are lensed, l = 2 to
2508; P(k) is linear, 1e-4 to 5 h/Mpc; functions of k that classy derives from it are compared from 0.001 to 1/Mpc at
z = 0, 0.5 and 1. The Wishart χ² is the change of -2 ln L for an ideal experiment, full sky and
without noise, whose data are full CLASS, with all parameters fixed.
"""

PLANCK_HEADER = """\
The Planck χ² is the sum of the 2018 likelihoods low-l TT, low-l EE, high-l TTTEEE lite and lensing at A_planck = 1;
changes are absolute values. Low-l EE is a table in steps of 1e-4 μK², so its χ² changes in steps too.
"""


def markdown(errors: SetErrors) -> str:
    """The whole of accuracy.md."""
    parts = [HEADER.format(network=errors.network, class_version=errors.class_version)]
    if any(box.planck_chi2_full() for box in errors.boxes):
        parts.append(PLANCK_HEADER)
    return "\n".join([*parts, *map(_box_section, errors.boxes), "![Errors against l and k](accuracy.png)\n"])


def write_page(errors: SetErrors, folder: Path) -> None:
    """Write accuracy.md, accuracy.json and measured.json into `folder`."""
    write_whole({folder / "accuracy.md": markdown(errors), folder / "accuracy.json": _json(errors),
                 folder / MEASURED: _measured(errors)})


def _measured(errors: SetErrors) -> str:
    """The figures of accuracy.md, as texts."""
    boxes = []
    for box in errors.boxes:
        found = box.distributions()
        figures = {title: _cells(found[figure], unit) for figure, title, unit in ROWS if figure in found}
        boxes.append({"title": box.box.title, "models": len(box.models), "figures": figures})
    return json.dumps({"network": errors.network, "class_version": errors.class_version, "boxes": boxes},
                      separators=(",", ":"), ensure_ascii=False) + "\n"


def _box_section(box: BoxErrors) -> str:
    found = box.distributions()
    headings = ["", "median model", "95% of models", "worst", *(["target", ""] if box.targets else [])]
    lines = [f"## {box.box.title}", "", _box_description(box), "", _row(headings), "|---" * len(headings) + "|"]
    for figure, title, unit in ROWS:
        if figure in found:
            verdict = _verdict(found[figure], box.targets.get(figure), unit) if box.targets else []
            lines.append(_row([title, *_cells(found[figure], unit), *verdict]))
    return "\n".join([*lines, "", _planck_note(box), ""])


def _box_description(box: BoxErrors) -> str:
    left_out = f" (full CLASS cannot compute {box.left_out} more)" if box.left_out else ""
    return f"{len(box.models)} models{left_out}, seed {box.box.seed}: {box.box.description}."


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(measured: Distribution, unit: str) -> list[str]:
    return [_number(value, unit) for value in (measured.median, measured.percentile_95, measured.worst)]


def _verdict(measured: Distribution, target: AccuracyTarget | None, unit: str) -> list[str]:
    if target is None:
        return ["", ""]
    return [_target_text(target, unit), "met" if target.is_met(measured) else "**missed**"]


def _target_text(target: AccuracyTarget, unit: str) -> str:
    parts = [("median", target.median), ("95%", target.percentile_95)]
    return ", ".join(f"{name} ≤ {_number(value, unit)}" for name, value in parts if value is not None)


def _number(value: float, unit: str) -> str:
    return f"{value:.2g}{unit}" if value < 100.0 else f"{value:.0f}{unit}"


def _planck_note(box: BoxErrors) -> str:
    chi2 = box.planck_chi2_full()
    if not chi2:
        return "The Planck likelihoods were not evaluated: their data were not found."
    return (f"With full CLASS these models have a Planck χ² of {min(chi2):.0f} to {max(chi2):.0f} (best fit: about "
            f"1014). {len(box.models) - len(chi2)} of {len(box.models)} are outside the range of a likelihood and not "
            "counted. The same small error changes a large χ² by more.")


def _json(errors: SetErrors) -> str:
    """Values of every model; null where they are infinite or were not measured."""
    boxes = [{
        "name": result.box.name,
        "seed": result.box.seed,
        "bounds": dict(result.box.bounds),
        "cosmologies": [dict(model.cosmology) for model in result.models],
        "planck_chi2_full": [_rounded(sum(model.planck_full.values())) for model in result.models],
        "figures": {name: [_rounded(value) for value in values] for name, values in result.values().items()},
    } for result in errors.boxes]
    content = {"network": errors.network, "class_version": errors.class_version,
               "settings": dict(OUTPUT_SETTINGS), "boxes": boxes}
    return json.dumps(content, separators=(",", ":"), allow_nan=False) + "\n"


def _rounded(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None
