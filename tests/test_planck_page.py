"""docs/planck.md has the numbers of its files, docs/planck/*.json, in its tables and in its text."""
from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from builds import ROOT

from cosmicnet.cobaya_components.compare.chain_report import as_markdown

PAGE = (ROOT / "docs" / "planck.md").read_text(encoding="utf-8")
FILES = sorted((ROOT / "docs" / "planck").glob("*.json"))
LABELS = {"logA": "log(10^10 A_s)", "age": "age / Gyr"}
# of the likelihood and not of the cosmology
NOT_SHOWN = {"A_planck"}
assert FILES


def figures_of(file: Path) -> dict[str, Any]:
    return dict(json.loads(file.read_text(encoding="utf-8")))


def section(name: str) -> str:
    """From the link to the file's own page to the next bold line that begins a result, or the end."""
    start = PAGE.index(f"(planck/{name}.md)")
    return re.split(r"\n\*\*", PAGE[start:])[0]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_page_of_the_command_is_that_of_its_figures(file: Path) -> None:
    assert file.with_suffix(".md").read_text(encoding="utf-8") == as_markdown(figures_of(file))
    assert file.with_suffix(".png").is_file()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_table_of_results(file: Path) -> None:
    rows = {cells[0]: cells for line in section(file.stem).splitlines()
            if len(cells := [cell.strip() for cell in line.strip("| ").split("|")]) == 5}
    shown = [shift for shift in figures_of(file)["parameters"] if shift["name"] not in NOT_SHOWN]
    assert len(shown) >= 9
    for shift in shown:
        cells = rows[LABELS.get(shift["name"], shift["name"])]
        mean, deviation = cells[2].split(" ± ")
        # as many digits as are printed
        for text, value in ((mean, shift["mean"]), (deviation, shift["deviation"])):
            assert text == f"{value:.{len(text.partition('.')[2])}f}", cells
        assert cells[3] == f"{shift['shift']:+.4f} ± {shift['shift_error']:.4f}"
        assert cells[4] == f"{shift['width_ratio']:.4f} ± {shift['width_ratio_error']:.4f}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_numbers_of_the_text(file: Path) -> None:
    figures, text = figures_of(file), section(file.stem)
    change, shifts, chain = figures["change_of_loglike"], figures["parameters"], figures["chain"]
    rates = [f"{rate['per_second']:.{1 if rate['mode'] == 'net' else 2}f}" for rate in figures["rates"]]
    draws = [] if chain.get("effective") is None else [f"{chain['effective']:,.0f}", f"{chain['rminus1']:.4f}"]
    hours = [f"{chain['hours']:.1f}"] if chain.get("hours") else []
    for number in (
        *(f"{change[name]:.4f}" for name in ("median", "95%", "worst")),
        f"{max(abs(s['shift']) for s in shifts):.4f}", f"{100 * max(abs(s['width_ratio'] - 1) for s in shifts):.2f}%",
        str(figures["reweighted"]["points"]), f"{figures['reweighted']['effective']:.1f}", f"{chain['accepted']:,}",
        *draws, *rates, *hours,
    ):
        assert re.search(rf"(?<![\d.]){re.escape(number)}(?!\d)", text), number
    assert chain["rminus1"] < 0.01


def test_seconds_of_fast_steps() -> None:
    rates = figures_of(ROOT / "docs" / "planck" / "planck_2018_lite_lensing_bao_draws_net.json")["rates"]
    text = PAGE[PAGE.index("## Fast steps"):]
    for rate in (rate for rate in rates if rate["processes"] == 1):
        assert f"{1.0 / rate['per_second']:.{2 if rate['mode'] == 'net' else 1}f} s" in text
