"""docs/tutorial.ipynb runs from top to bottom, and its posterior is that of the truth."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from builds import ROOT

pytest.importorskip("cobaya")
pytest.importorskip("getdist")

LARGEST_SIZE = 500_000
NOTEBOOK = ROOT / "docs" / "tutorial.ipynb"


@pytest.mark.usefixtures("patched")
def test_tutorial_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import matplotlib.pyplot as plt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plt, "show", lambda: None)
    plt.switch_backend("agg")
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    assert "DRAWS = 400" in code
    names: dict[str, Any] = {"__name__": "tutorial"}
    exec(compile(code.replace("DRAWS = 400", "DRAWS = 40"), NOTEBOOK, "exec"), names)
    plt.close("all")
    assert names["info"]["used"] and not names["full"].neural_network_info()["used"]
    # of EE, as the text says
    assert names["by_networks"] < names["by_sampling"]
    samples = names["samples"]
    for name, true in names["TRUTH"].items():
        assert abs(samples.mean(name) - true) < 2.0 * samples.std(name)


def test_tutorial_has_its_outputs_and_is_small() -> None:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    figures = [output for cell in cells for output in cell.get("outputs", []) if "image/png" in output.get("data", {})]
    assert len(figures) == 3
    assert NOTEBOOK.stat().st_size < LARGEST_SIZE
