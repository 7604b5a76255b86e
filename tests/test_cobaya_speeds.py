"""Cobaya measures each half where all parameters change, and so finds the costs of a slow and of a fast step."""
from __future__ import annotations

import time
from typing import Any

import pytest
from cobaya_infos import run_info

get_model = pytest.importorskip("cobaya.model").get_model
pytestmark = pytest.mark.usefixtures("patched")

# seconds of the source functions, of further work that only new ones need, and of a fast step
SOURCES, TRANSFER, FAST = 10.0, 8.0, 1.0


@pytest.mark.parametrize("evaluations", [1, 3])
def test_halves_are_measured_as_fast_as_their_steps_are(monkeypatch: pytest.MonkeyPatch, evaluations: int) -> None:
    """By a clock that moves when CLASS computes."""
    from cosmicnet.cobaya_components.theory import sources, theory

    now, last = [0.0], dict[int, Any]()
    computes = sources.computes

    def moves_the_clock(component: Any, cosmology: Any, modules: list[str], classy: Any) -> bool:
        if modules != theory.LAST_MODULE:
            now[0] += SOURCES
        elif (before := last.get(id(cosmology))) != cosmology.pars:
            now[0] += FAST + TRANSFER * (before is None)
            last[id(cosmology)] = dict(cosmology.pars)
            kept.append(cosmology)
        return computes(component, cosmology, modules, classy)

    kept: list[Any] = []  # or another object could have the same id
    monkeypatch.setattr(sources, "computes", moves_the_clock)
    monkeypatch.setattr(theory, "computes", moves_the_clock)
    model = get_model(run_info(n_s={"prior": {"min": 0.9, "max": 1.0}, "ref": 0.965}))
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    model.measure_and_set_speeds(n=evaluations, discard=evaluations - 1)
    speeds = {name: component.get_speed() for name, component in model.theory.items()}
    assert speeds["cosmicnet.Cosmicnet.sources"] == pytest.approx(1.0 / (SOURCES + TRANSFER))
    assert speeds["cosmicnet.Cosmicnet"] == pytest.approx(1.0 / FAST)
    _, oversampling = model.get_param_blocking_for_sampler(oversample_power=1)
    # Cobaya rounds down
    assert oversampling[0] == 1 and oversampling[1] == pytest.approx((SOURCES + TRANSFER + FAST) / FAST, abs=1)
