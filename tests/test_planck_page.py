"""docs/planck.md says what its files say: each table of the results, and numbers in words, from docs/planck/*.json."""
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
def test_numbers_in_words(file: Path) -> None:
    figures, text = figures_of(file), " ".join(section(file.stem).split())
    change, shifts = figures["change_of_loglike"], figures["parameters"]
    assert (f"{change['median']:.4f} in the median sample, by less than {change['95%']:.4f} in 95% and by "
            f"{change['worst']:.4f} at worst") in text
    assert f"more than {max(abs(s['shift']) for s in shifts):.4f} standard deviations" in text
    assert f"no width by more than {100 * max(abs(s['width_ratio'] - 1) for s in shifts):.2f}%" in text
    assert f"{figures['reweighted']['points']} samples are worth {figures['reweighted']['effective']:.1f}" in text
    chain = figures["chain"]
    if chain.get("effective") is None:
        assert f"{chain['accepted']:,} accepted samples" in text
    else:
        assert f"{chain['accepted']:,} weighted draws, worth {chain['effective']:,.0f} independent samples" in text
        assert f"R-1 = {chain['rminus1']:.4f}" in text
    assert figures["chain"]["rminus1"] < 0.01


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_rates(file: Path) -> None:
    figures, text = figures_of(file), section(file.stem)
    for mode, title in (("net", "networks"), ("full", "full CLASS, with its own line of sight as in `mode: full`")):
        rates = [rate["per_second"] for rate in figures["rates"] if rate["mode"] == mode]
        digits = 1 if mode == "net" else 2
        assert f"| {title} | {' | '.join(f'{rate:.{digits}f}' for rate in rates)} |" in text
    if figures["chain"].get("hours"):
        assert f"took {figures['chain']['hours']:.1f} hours" in text


def test_seconds_of_fast_steps() -> None:
    rates = figures_of(ROOT / "docs" / "planck" / "planck_2018_lite_lensing_bao_draws_net.json")["rates"]
    seconds = {(rate["mode"], rate["changed"]): 1.0 / rate["per_second"] for rate in rates if rate["processes"] == 1}
    text = " ".join(PAGE[PAGE.index("## Fast steps"):].split())
    assert (f"it takes {seconds['net', 'fast']:.2f} s instead of {seconds['net', 'all']:.2f} s with networks, and "
            f"{seconds['full', 'fast']:.1f} s instead of {seconds['full', 'all']:.1f} s with full CLASS") in text
