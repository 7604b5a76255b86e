"""`cosmicnet compare`: its input files, its results, and a page that a colleague's browser can show."""
from __future__ import annotations

import dataclasses
import io
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from providers import HALF_OF_WAVENUMBERS
from rich.console import Console

from cosmicnet.errors import CosmicnetError
from cosmicnet.store import read_manifest
from cosmicnet.training.side_by_side.compare import FULL, NET, STOCK, Comparison, ModeResult, compare
from cosmicnet.training.side_by_side.html_page import print_comparison, write_html
from cosmicnet.training.side_by_side.user_input import read_input

PLANCK = {"omega_b": 0.0224, "omega_cdm": 0.12, "H0": 67.4, "tau_reio": 0.054, "N_ur": 2.0308, "N_ncdm": 1,
          "m_ncdm": 0.06}
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_ini_is_read_as_class_reads_it(tmp_path: Path) -> None:
    path = write(tmp_path, "my.ini", """\
# CLASS's own comment
output = tCl, mPk   # and another
H0=67.4
a line without the sign is a comment
Quadrature strategy = 0
root = output/my_
neural_network = yes
neural_network_path = standard
omega_b =
""")
    given = read_input(path)
    assert given.parameters == {"output": "tCl, mPk", "H0": "67.4", "Quadrature strategy": "0"}
    assert given.network == "standard"
    assert "omega_b" in given.notes[0] and "root" in given.notes[1] and "neural_network" in given.notes[1]


def test_yaml_of_parameters(tmp_path: Path) -> None:
    path = write(tmp_path, "my.yaml", "output: tCl\nlensing: no\nm_ncdm: [0.02, 0.04]\nH0: 67.4\n")
    assert read_input(path).parameters == {"output": "tCl", "lensing": "no", "m_ncdm": "0.02,0.04", "H0": 67.4}


def test_run_of_cobaya_is_its_reference_point(tmp_path: Path) -> None:
    pytest.importorskip("cobaya")
    pytest.importorskip("classy")
    path = write(tmp_path, "run.yaml", """\
theory:
  classy:
    extra_args: {N_ncdm: 1, m_ncdm: 0.06, N_ur: 2.0308}
likelihood: {planck_2018_lowl.TT: null}
params:
  logA: {prior: {min: 2, max: 4}, ref: 3.05, drop: true}
  A_s: {value: "lambda logA: 1e-10*np.exp(logA)"}
  H0: {prior: {min: 40, max: 100}, ref: 67.0}
  omega_b: 0.0224
  A_planck: {prior: {min: 0.9, max: 1.1}, ref: 1.0}
  sigma8: {latex: s}
""")
    given = read_input(path)
    parameters = dict(given.parameters)
    assert parameters.pop("A_s") == pytest.approx(1e-10 * np.exp(3.05))
    assert {name: parameters[name] for name in ("H0", "omega_b", "N_ncdm", "m_ncdm")} == {
        "H0": 67.0, "omega_b": 0.0224, "N_ncdm": 1, "m_ncdm": 0.06}
    assert {"A_planck", "logA", "sigma8"}.isdisjoint(parameters)
    assert "tCl" in str(parameters["output"]) and any("A_planck" in note for note in given.notes)
    assert given.network is None


def test_networks_of_a_run(tmp_path: Path) -> None:
    pytest.importorskip("cobaya")
    pytest.importorskip("classy")
    path = write(tmp_path, "run.yaml", "theory: {cosmicnet.Cosmicnet: {networks: standard}}\nparams: {H0: 67.0}\n")
    assert read_input(path).network == "standard"


@pytest.mark.parametrize(("name", "text", "named"), [
    ("a.ini", "H0 = 67\n", "output"), ("a.ini", "H0 = 67\nH0 = 68\n", "H0"), ("a.ini", "output =\n", "output"),
    ("a.yaml", "output: {a: 1}\n", "output"), ("a.yaml", "- 1\n", "mapping"), ("a.yaml", "a: [", "YAML"),
    ("a.yaml", "theory: {camb: null}\n", "camb"), ("a.yaml", "theory: classy\n", "theory"),
    ("a.yaml", "theory: {classy: 3}\n", "theory: classy"),
    ("a.yaml", "theory: {classy: {extra_args: 3}}\n", "extra_args"),
    ("a.yaml", "theory: {classy: }\nparams: [H0]\n", "params"), ("a.yaml", "output: [[tCl]]\n", "output"),
    ("a.yaml", "output: &a [*a]\n", "output"), ("a.yaml", "a: " + 5000 * "[", "YAML: brackets"),
])
def test_input_that_cannot_be_used_is_named(tmp_path: Path, name: str, text: str, named: str) -> None:
    with pytest.raises(CosmicnetError, match=re.escape(named)):
        read_input(write(tmp_path, name, text))
    with pytest.raises(CosmicnetError, match=r"missing\.ini"):
        read_input(tmp_path / "missing.ini")


def mode(error: float, seconds: float) -> ModeResult:
    """Spectra that are off by this fraction."""
    ell = np.arange(2.0, 900.0)
    tt = (1.0 + error) / ell**2
    cl = {"ell": ell, "tt": tt, "ee": 0.01 * tt, "te": 0.05 * tt * np.cos(ell / 90.0)}
    return ModeResult({"perturbations": seconds, "whole": 2.0 * seconds}, cl, np.geomspace(1e-3, 1.0, 20),
                      {"linear P(k), z = 0": np.full(20, 1.0 + error)}, 0.8 * (1.0 + error))


def comparison(refused: str = "") -> Comparison:
    modes = {NET: mode(1e-4, 0.01), FULL: mode(0.0, 5.0), STOCK: mode(-1e-3, 6.0)}
    if refused:
        del modes[NET]
    return Comparison({"output": "tCl", "root": "<script>"}, modes, "" if refused else "lcdm, hash 0123", refused,
                      "3.4.1.0", "1", ("A note & more.",))


def test_errors_are_in_units_of_cosmic_variance() -> None:
    rows = comparison().largest(NET, FULL)
    first = rows[0]
    assert (first.spectrum, first.where) == ("TT", "l = 2 to 29")
    assert first.fraction == pytest.approx(1e-4)
    assert first.sigmas == pytest.approx(1e-4 / np.sqrt(2.0 / (2.0 * 29 + 1.0)))
    assert {row.where for row in rows if row.spectrum == "TT"} == {"l = 2 to 29", "l = 30 to 799", "l = 800 to 899"}
    assert [row.fraction for row in rows[-2:]] == pytest.approx([1e-4, 1e-4])
    # every spectrum scales alike: two fields, each with (2l+1) e^2/2
    modes = np.sum(2.0 * comparison().modes[FULL].cl["ell"] + 1.0)
    assert comparison().chi2(NET, FULL) == pytest.approx(modes * 1e-8, rel=1e-3)


def test_input_without_multipoles_has_the_other_errors(tmp_path: Path) -> None:
    full = comparison()
    modes = {name: dataclasses.replace(result, cl={}) for name, result in full.modes.items()}
    matter = dataclasses.replace(full, modes=modes)
    assert matter.largest(NET, FULL) == [row for row in full.largest(NET, FULL) if row.sigmas is None] != []
    write_html(matter, "my.ini", tmp_path / "page.html")
    assert "none of them" not in (tmp_path / "page.html").read_text(encoding="utf-8")
    modes = {name: dataclasses.replace(result, pk={}, sigma8=None) for name, result in modes.items()}
    write_html(dataclasses.replace(full, modes=modes), "my.ini", tmp_path / "page.html")
    assert "none of them" in (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("refused", ["", "H0 = 85 is outside [58, 80]"])
def test_page_is_self_contained(tmp_path: Path, refused: str) -> None:
    path = tmp_path / "page.html"
    write_html(comparison(refused), "my.ini", path)
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"(?:src|href)=\"(?!data:image/png;base64,)", text) == [] and "http" not in text
    assert "<script" not in text and "&lt;script&gt;" in text and "A note &amp; more." in text
    assert ("do not cover" in text and refused in text) == bool(refused)
    assert len(re.findall("<img ", text)) == 4


@pytest.mark.parametrize("width", [80, 120])
def test_a_terminal_shows_all_figures(width: int) -> None:
    output = io.StringIO()
    print_comparison(comparison(), Console(file=output, width=width))
    lines = output.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    for row in ("perturbations", "l = 30 to 799", "sigma8"):
        assert any(row in line and line.count("│") >= 5 for line in lines), row
    assert "…" not in output.getvalue() and sum("(0.0028)" in line for line in lines) == 2


# Shows the page in a frame of the width of a window and in one of a phone. The title then has, of each: the number of
# plots that are drawn in several colours, of cells, of requests for anything outside, and whether all fits its width.
READ_BY_A_BROWSER = """
const colours = image => {
    const canvas = Object.assign(document.createElement("canvas"), {width: 200, height: 100});
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0, 200, 100);
    return new Set(new Uint32Array(context.getImageData(0, 0, 200, 100).data.buffer)).size};
const look = width => new Promise(resolve => {
    const frame = Object.assign(document.createElement("iframe"), {width, height: 900, srcdoc: PAGE});
    frame.onload = () => {
        const page = frame.contentDocument, root = page.documentElement;
        resolve([[...page.images].filter(image => image.naturalWidth > 300 && colours(image) > 10).length,
                 page.querySelectorAll("td").length,
                 frame.contentWindow.performance.getEntriesByType("resource").filter(
                     entry => !entry.name.startsWith("data:")).length,
                 root.scrollWidth <= root.clientWidth])};
    document.body.append(frame)});
look(1100).then(wide => look(390).then(narrow => {document.title = [...wide, ...narrow].join()}));
"""


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt install chromium")
def test_a_browser_shows_the_page(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    write_html(comparison(), "my.ini", path)
    page = json.dumps(path.read_text(encoding="utf-8")).replace("</", "<\\/")
    shown = write(tmp_path, "shown.html", f"<!DOCTYPE html><meta charset=utf-8><body><script>const PAGE = {page};"
                                          f"{READ_BY_A_BROWSER}</script>")
    done = subprocess.run([str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1200,900",
                           "--virtual-time-budget=10000", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom",
                           shown.as_uri()], capture_output=True, text=True, check=True, timeout=300)
    found = re.search("<title>(.*?)</title>", done.stdout)
    assert found is not None, done.stdout[-1000:]
    for plots, cells, requests, fits in np.reshape(found[1].split(","), (2, 4)):
        assert (plots, requests, fits) == ("4", "0", "true") and int(cells) > 40


@pytest.mark.usefixtures("patched")
def test_modes_of_a_small_input() -> None:
    # without massive neutrinos, which cost CLASS most of its time
    densities = {name: PLANCK[name] for name in ("omega_b", "omega_cdm", "H0", "tau_reio")}
    parameters = {**densities, "N_ur": 3.044, "output": "tCl,pCl,lCl,mPk", "lensing": "yes", "l_max_scalars": 400,
                  "P_k_max_1/Mpc": 0.2, "z_max_pk": 1.0, **HALF_OF_WAVENUMBERS,
                  **read_manifest("lcdm").precision_settings}
    found = compare(parameters, None)
    assert list(found.modes) == [NET, FULL, STOCK] and found.networks.startswith("lcdm, hash ")
    errors = {(row.spectrum, row.where): row for row in found.largest(NET, FULL)}
    assert errors["TT", "l = 30 to 400"].fraction < 1e-3 and errors["sigma8", ""].fraction < 1e-4
    assert 0.0 < errors["linear P(k), z = 1", f"k to {0.95 * 0.2:.3g}/Mpc"].fraction < 2e-3
    # the stock line of sight is another one, and full CLASS integrates
    assert found.chi2(FULL, STOCK) > 10 * found.chi2(NET, FULL) > 0.0  # type: ignore[operator]
    assert found.modes[FULL].seconds["perturbations"] > 10 * found.modes[NET].seconds["perturbations"]


@pytest.mark.usefixtures("patched")
def test_input_that_networks_do_not_cover() -> None:
    found = compare({**PLANCK, "H0": 85.0, "output": "tCl", "l_max_scalars": 100}, None)
    assert list(found.modes) == [FULL, STOCK] and "H0 = 85" in found.refused
    assert found.chi2(FULL, STOCK) is None
