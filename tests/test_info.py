"""`cosmicnet info`: domain with its cuts, provenance, and the accuracy of these very networks."""
from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from synthetic import make_network_set

from cosmicnet.installed import shipped_sets
from cosmicnet.store import DEFAULT_SET, load_network_set, save_network_set
from cosmicnet.training.evaluate.accuracy_page import MEASURED
from cosmicnet.training.evaluate.info import print_info


def shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    print_info(str(folder))
    return capsys.readouterr().out


def write_measured(folder: Path, digest: str) -> None:
    box = {"title": "whole domain", "models": 7, "figures": {"sigma8": ["0.001%", "0.0123%", "0.02%"]}}
    (folder / MEASURED).write_text(json.dumps({"network": f"mine, hash {digest[:12]}", "boxes": [box]}))


def test_domain_and_provenance(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    networks = make_network_set()
    ellipsoid = {"names": ["H0"], "mean": [68.5], "covariance": [[1.0]], "sigmas": 4.0}
    recipe = {"models_used": 123, "class_settings": {"N_ncdm": 1}}
    manifest = dataclasses.replace(
        networks.manifest, constraints=["omega_b + omega_cdm < 0.16"], ellipsoid=ellipsoid, recipe=recipe)
    saved = save_network_set(tmp_path, dataclasses.replace(networks, manifest=manifest))
    text = shown(tmp_path, capsys)
    for name, (low, high) in saved.domain.items():
        assert any(line.split("│")[1:4] and [cell.strip() for cell in line.split("│")[1:4]] ==
                   [name, f"{low:g}", f"{high:g}"] for line in text.splitlines()), name
    for part in ("omega_b + omega_cdm < 0.16", "4 standard deviations of H0 = 68.5", "123 models", "N_ncdm = 1",
                 saved.class_version, saved.sha256, str(tmp_path), "not measured"):
        assert part in text


def test_accuracy_is_shown_where_it_is_of_these_networks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved = save_network_set(tmp_path, make_network_set())
    write_measured(tmp_path, saved.sha256)
    text = shown(tmp_path, capsys)
    assert "whole domain, 7 models" in text and "0.0123%" in text
    write_measured(tmp_path, 64 * "0")
    text = shown(tmp_path, capsys)
    assert "000000000000" in text and "0.0123%" not in text
    for damage in ("{", 100_000 * "["):
        (tmp_path / MEASURED).write_text(damage)
        assert "measured.json cannot be read" in shown(tmp_path, capsys)


def test_accuracy_is_shipped_with_the_networks() -> None:
    measured = json.loads((shipped_sets()[DEFAULT_SET] / MEASURED).read_text(encoding="utf-8"))
    assert load_network_set(DEFAULT_SET).manifest.sha256[:12] in measured["network"]
