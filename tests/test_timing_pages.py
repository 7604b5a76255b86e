"""The pages of the commands line-of-sight, non-linear and benchmark."""
from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from serial_pool import serial_pool

from cosmicnet.store import DEFAULT_SET, read_manifest
from cosmicnet.training.timing import non_linear
from cosmicnet.training.timing.benchmark import STEPS, TARGETS, WHOLE, Benchmark, write_benchmark
from cosmicnet.training.timing.line_of_sight import CONVERGED, ErrorsAt, write_line_of_sight
from cosmicnet.training.timing.non_linear import NonLinearErrors, NonLinearSettings, compare_non_linear
from cosmicnet.training.timing.scaling import FULL, NET, REQUESTS, STOCK, RequestCost, _markdown
from cosmicnet.training.timing.smoothness import LINES, NEIGHBOURS, Track, off_smooth_curve
from cosmicnet.training.work.run_class import Parameters

POSITIONS = np.linspace(-1, 1, 41)


def names_its_origin(page: str) -> bool:
    """Whether a page has the hash of the networks and the build of classy."""
    return f"{DEFAULT_SET}, hash {read_manifest(DEFAULT_SET).sha256[:12]}" in page and version("classy") in page


def test_smooth_curves_have_no_residual() -> None:
    np.testing.assert_allclose(off_smooth_curve(1e3 * POSITIONS**2 + POSITIONS**7), 0, atol=1e-9)


def test_a_jump_and_a_spike_are_seen() -> None:
    jump = off_smooth_curve(1e3 * POSITIONS**2 + np.where(POSITIONS > 0.1, 0.02, 0.0))
    assert np.abs(jump).max() == pytest.approx(0.01, rel=0.5)
    spike = off_smooth_curve(1e3 * POSITIONS**2 + np.where(np.arange(41) == 20, 0.02, 0.0))
    assert spike[20 - NEIGHBOURS] == pytest.approx(0.02)


def test_lines_go_through_one_cosmology() -> None:
    middles = [line.cosmologies(41)[20] for line in LINES]
    assert all(middle == middles[0] for middle in middles)
    ends = LINES[0].cosmologies(41)[0]
    assert {name for name in ends if ends[name] != middles[0][name]} == {"H0"}


def test_line_of_sight_page_shows_the_worst(tmp_path: Path) -> None:
    def errors(size: float) -> dict[str, float]:
        return dict.fromkeys(("tt", "ee", "te", "pp", "tp", "chi2"), size)

    models = [{"fast": errors(1e-5), "CLASS": errors(3e-3)}, {"fast": errors(2e-5), "CLASS": errors(1e-3)}]
    seconds = {"transfer": {"CLASS": 2.0, "fast": 0.1}}
    track = Track(LINES[0], "networks", tuple(1e3 * POSITIONS**2 + np.where(POSITIONS > 0.1, 0.02, 0.0)))
    worse = {"fast": errors(4e-4), "CLASS": errors(3e-3)}
    write_line_of_sight([ErrorsAt(2508, models), ErrorsAt(5000, [worse])], seconds, [track], tmp_path)
    page = (tmp_path / "line_of_sight.md").read_text()
    assert "| TT | 0.003 | 2e-05 | 0.0003 |" in page
    assert "Accuracy to l = 5000" in page and "one cosmology" in page
    assert "| TT | 0.003 | 0.0004 | 0.0003, missed |" in page
    assert f"l_linstep = {CONVERGED['l_linstep']}" in page
    assert "| H0 | 0.5 | 41 | networks | 1e+03 | 0.01, missed |" in page
    assert (tmp_path / "line_of_sight.png").stat().st_size > 0
    assert names_its_origin(page)


@pytest.mark.usefixtures("patched")
def test_non_linear_goes_on_where_it_was_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    computed: list[float] = []

    def compared(cosmology: Parameters, pairs: Sequence[str]) -> dict[str, NonLinearErrors]:
        if len(computed) == 2:
            raise RuntimeError("killed")
        computed.append(float(cosmology["H0"]))
        return {pair: NonLinearErrors(True, 10, 1, 1e-7, 5e-3, 12.0) for pair in pairs}

    monkeypatch.setattr(non_linear, "single_threaded_pool", serial_pool)
    # futures of this pool have all ended, so that as_completed() would hand them out in any order
    monkeypatch.setattr(non_linear, "ended", lambda futures: [(key, future) for future, key in futures.items()])
    monkeypatch.setattr(non_linear, "_compare_all", compared)
    settings = NonLinearSettings(tmp_path, (3, 1, 3, 1, 1), 1)
    with pytest.raises(RuntimeError, match="killed"):
        compare_non_linear(settings, report=lambda _: None)
    kept = len(json.loads((tmp_path / "non_linear.json").read_text())[1])
    assert kept == 2
    first, computed = computed, []
    compare_non_linear(settings, report=lambda _: None)
    assert len(computed) == 3 - kept and len({*first, *computed}) == 3
    page = (tmp_path / "non_linear.md").read_text()
    assert "| fast, CLASS | 3 | 0 | 30 | 3 | 0.005 | 1e-07 |" in page
    assert "| fast with networks, full CLASS | 1 |" in page
    assert names_its_origin(page)


def test_scaling_page() -> None:
    costs = {title: {STOCK: RequestCost(None, 8.0, 300.0), FULL: RequestCost(0.1, 6.0, 350.0),
                     NET: RequestCost(0.2, 0.4, 420.0)}
             for title in REQUESTS}
    costs["l_max 8000"][NET] = RequestCost(refused="Error in compute:\nk goes beyond")
    page = _markdown(costs)
    assert "| l_max 2508 | networks | 0.200 (1) | 0.40 (1) | 420 (1) | +120 |" in page
    assert "| l_max 8000 | networks | not covered |" in page
    assert "- l_max 8000: k goes beyond" in page
    assert names_its_origin(page)


def test_performance_page(tmp_path: Path) -> None:
    full = {**dict.fromkeys(STEPS, 2.0), WHOLE: 14.0}
    fast = {**dict.fromkeys(STEPS, 0.5), WHOLE: 14.0 / TARGETS[WHOLE][0]}
    result = Benchmark("x86_64", 1, 3, full, fast, {"networks": 0.001})
    write_benchmark([result], [DEFAULT_SET], tmp_path, Console(quiet=True))
    page = (tmp_path / "performance.md").read_text()
    assert f"| {WHOLE} | 14000.0 | 175.0 | 80 | 80 |" in page
    assert "| background | 2000.0 | 500.0 | 4 | 5, missed |" in page
    assert (tmp_path / "performance.png").stat().st_size > 0
    assert names_its_origin(page)
