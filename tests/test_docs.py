"""Pages: links lead somewhere, commands exist, code blocks run, and README's figures are those of the measurements."""
from __future__ import annotations

import argparse
import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from builds import ROOT

from cosmicnet.class_parameters import SAME_MODULES
from cosmicnet.provider import COMPARE_WITH
from cosmicnet.store import DEFAULT_SET
from cosmicnet.training.commands.cli import command_line

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("cobaya_components/runs/*.md")])
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    return [code for name, code in BLOCK.findall(page.read_text(encoding="utf-8")) if name == language]


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.*)", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        if not link.startswith("http"):
            path, _, anchor = link.partition("#")
            target = page.parent / path if path else page
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_of_the_project_exist(page: Path) -> None:
    # a command may have left folders of its own, such as runs/
    rooms = "cosmicnet|training|cobaya_components|class_patch|tests"
    for name in re.findall(rf"`((?:{rooms})/[\w/.]*)`", page.read_text(encoding="utf-8")):
        assert (ROOT / name).exists(), name


def commands() -> Iterator[tuple[str, ...]]:
    """Every `cosmicnet ...` in blocks of the shell and between backticks, as words, without comments."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        lines = [line for code in blocks(page, "sh") for line in code.splitlines()]
        for line in [*lines, *re.findall(r"`(cosmicnet [^`]*)`", " ".join(text.split()))]:
            for part in line.partition("#")[0].split("&&"):
                if found := re.search(r"(?:^|\s)cosmicnet (\w.*)", part):
                    yield tuple(found[1].split())


@pytest.mark.parametrize("words", sorted(set(commands())), ids=" ".join)
def test_commands_and_their_options_exist(words: tuple[str, ...]) -> None:
    """Those that developers use as well, which the help does not show."""
    parser = command_line()
    for name in words[:2] if words[0] == "paper" and len(words) > 1 else words[:1]:
        subparsers, = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
        parser = subparsers.choices[name]
    assert {word for word in words if word.startswith("--")} <= parser._option_string_actions.keys()


@pytest.mark.usefixtures("patched")
@pytest.mark.parametrize("name", ["README.md", "docs/api.md", "docs/patch.md"])
def test_python_runs(name: str) -> None:
    """The blocks of a page one after the other; objects of these names take sources from networks or a provider."""
    names: dict[str, Any] = {}
    with warnings.catch_warnings():
        exec("\n".join(blocks(ROOT / name, "python")), names)
    models = [names[used] for used in ("cosmology", "model") if used in names]
    assert models and all(model.neural_network_info()["used"] for model in models)


def test_yaml_can_be_read() -> None:
    yaml = pytest.importorskip("yaml")
    for page in PAGES:
        assert all(yaml.safe_load(code) for code in blocks(page, "yaml"))


def seconds(value: float) -> str:
    """With two digits, or to a whole number."""
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}" if value < 1.0 else f"{value:.1f}" if value < 100.0 \
        else f"{value:.0f}"


def test_speed_in_the_readme_is_as_measured() -> None:
    measured = json.loads((ROOT / "docs" / "performance.json").read_text(encoding="utf-8"))[0]
    rows = {"perturbations": "perturbations", "whole `compute()`": "whole compute()",
            "whole `compute()` with HMcode": "whole compute(), hmcode",
            "at the precision of ACT DR6, l to 9500, HMcode": "whole compute(), ACT DR6's settings",
            "density and shear of 10 bins with all effects, l to 1500":
                "the same, with redshift-space distortions, lensing and relativity",
            "change of A_s and n_s alone": "change of A_s and n_s"}
    for title, step in rows.items():
        assert f"| {title} | {seconds(measured['full'][step])} s | {seconds(measured['net'][step])} s |" in README


def test_rates_in_the_readme_are_as_measured() -> None:
    file = ROOT / "docs" / "planck" / "planck_2018_lite_lensing_bao_draws_net.json"
    rates = {rate["mode"]: rate["per_second"] for rate in json.loads(file.read_text(encoding="utf-8"))["rates"]
             if rate["processes"] == 1 and rate["changed"] == "all"}
    assert f"evaluations per second | {rates['full']:.2f} | {rates['net']:.1f} |" in README


@pytest.mark.parametrize(("network", "page"), [
    (DEFAULT_SET, "docs/accuracy.md"), ("standard", "docs/standard/accuracy.md")])
def test_errors_in_the_readme_are_as_measured(network: str, page: str) -> None:
    boxes = json.loads((ROOT / "cosmicnet" / "nets" / network / "measured.json").read_text())["boxes"]
    figures = next(box["figures"] for box in boxes if box["title"] == "whole domain")
    shown = re.search(rf"\[TT ([\d.]+)%, EE ([\d.]+)%, P\(k\) ([\d.]+)%\]\({re.escape(page)}\)", README)
    assert shown
    for text, name in zip(shown.groups(), ("TT, l ≥ 30", "EE, l ≥ 30", "P(k), z = 0, 1, 2"), strict=True):
        assert float(text) == pytest.approx(float(figures[name][1].rstrip("%")), rel=0.05)


def test_distance_of_the_line_of_sight_from_converged_class_is_as_measured() -> None:
    page = (ROOT / "docs" / "line_of_sight.md").read_text(encoding="utf-8")
    row = re.search(r"\| Wishart chi2, TT TE EE \| ([\d.]+) \| ([\d.]+) \|", page)
    assert row
    assert set(row.groups()) <= set(re.findall(r"\d+\.\d+", COMPARE_WITH))


def test_what_to_compare_with_names_all_modules() -> None:
    for name, value in SAME_MODULES.items():
        assert name in COMPARE_WITH and name in README and value in COMPARE_WITH
