"""Compute again and again in different ways and print the resident memory; run as a script by tests.

    python leak_run.py KINDS COMPUTES

KINDS are of those below, joined by commas, and taken in turn; prints one JSON list of pairs: how many
computes are done, resident memory in bytes.
"""
from __future__ import annotations

import gc
import itertools
import json
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import classy
import psutil
from providers import Failing, Injector

SETTINGS = {"output": "tCl,mPk", "l_max_scalars": 20, "P_k_max_1/Mpc": 0.02}

NETWORKS = {"neural_network": "yes", "neural_network_fallback": "error", "N_ur": 2.0308, "N_ncdm": 1, "m_ncdm": 0.06}

Action = Callable[[Any, int], None]


def full(model: Any, index: int) -> None:
    model.set_source_provider(None)
    _compute(model, index)


def fast(model: Any, index: int) -> None:
    """The fast line of sight."""
    model.set({"fast_line_of_sight": "yes"})
    full(model, index)
    if not model.neural_network_info()["fast_line_of_sight"]:
        raise AssertionError("CLASS took its own line of sight")
    model.set({"fast_line_of_sight": "no"})


def later(model: Any, index: int) -> None:
    """Later modules alone, after a whole computation."""
    full(model, index)
    with changed(model, {"A_s": 2.3e-9}):
        model.compute()


def partly(model: Any, index: int) -> None:
    """All transfer functions kept but those of lensing, by both lines of sight; then none, for a change that fails."""
    for way in ("yes", "no"):
        with changed(model, {"output": "tCl,lCl,mPk", "A_L": 1.0, "fast_line_of_sight": way}):
            full(model, index)
            model.set({"A_L": 1.1})
            model.compute()
            model.set({"A_L": "no number"})
            with suppress(classy.CosmoSevereError):
                model.compute()


def networks(model: Any, index: int) -> None:
    with changed(model, NETWORKS):
        full(model, index)
        if not model.neural_network_info()["used"]:
            raise AssertionError("CLASS did not take the networks")


def outside(model: Any, index: int) -> None:
    """Out of the networks' domain, under both fallbacks."""
    _refused(model, index, NETWORKS | {"H0": 90.0}, classy.CosmoComputationError)
    with changed(model, NETWORKS | {"H0": 90.0, "neural_network_fallback": "full"}), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        full(model, index)
        if model.neural_network_info()["used"]:
            raise AssertionError("CLASS took networks outside of their domain")


def failing(model: Any, index: int) -> None:
    """A provider that raises, with the error that a net out of its range would raise."""

    class OutOfRange(Exception):
        this_cosmology_only = True

    model.set_source_provider(Failing(lambda: OutOfRange("outside")))
    with suppress(classy.CosmoComputationError):
        _compute(model, index)
        raise AssertionError("the provider's error got lost")


def unknown_option(model: Any, index: int) -> None:
    _refused(model, index, {"neural_network_colour": "red"}, classy.CosmoSevereError)


def unread_parameter(model: Any, index: int) -> None:
    _refused(model, index, {"no_such_parameter": 1}, classy.CosmoSevereError)


def bad_input(model: Any, index: int) -> None:
    _refused(model, index, {"omega_cdm": -1}, classy.CosmoSevereError)


def bad_perturbations(model: Any, index: int) -> None:
    _refused(model, index, {"tight_coupling_approximation": 99}, classy.CosmoComputationError)


def leaking(model: Any, index: int, kept: list[bytearray] = []) -> None:  # noqa: B006  it is meant to grow
    """To see that a leak of 20 kB per compute would be noticed."""
    kept.append(bytearray(20_000))


def _refused(model: Any, index: int, options: dict[str, Any], error: type[Exception]) -> None:
    model.set_source_provider(None)
    with changed(model, options):
        try:
            _compute(model, index)
        except error:
            return
    raise AssertionError(f"{options} was accepted")


@contextmanager
def changed(model: Any, options: dict[str, Any]) -> Iterator[None]:
    before = dict(model.pars)
    model.set(options)
    try:
        yield
    finally:
        model.empty()
        model.set(before)


def _compute(model: Any, index: int) -> None:
    model.set({"omega_b": 0.0224 * (1 + 1e-6 * index)})  # the same parameters would not be computed again
    model.compute()


def make_provided() -> Action:
    model = classy.Class()
    model.set(SETTINGS)
    model.compute()
    injector = Injector(model.get_sources()[0])

    def provided(model: Any, index: int) -> None:
        model.set_source_provider(injector)
        _compute(model, index)
        if not model.neural_network_info()["used"]:
            raise AssertionError("CLASS did not take the sources")

    return provided


def actions(kinds: list[str]) -> Iterator[Action]:
    made = [make_provided() if kind == "provided" else globals()[kind] for kind in kinds]
    return itertools.cycle(made)


def main(kinds: str, computes: str) -> None:
    model = classy.Class()
    model.set(SETTINGS)
    process = psutil.Process()
    memory = []
    chosen = actions(kinds.split(","))
    for index in range(int(computes)):
        next(chosen)(model, index)
        if index % 10 == 9:
            # memory of the model, and objects that wait for the collector, are no leak
            model.struct_cleanup()
            gc.collect()
            memory.append((index + 1, process.memory_info().rss))
    print(json.dumps(memory))


if __name__ == "__main__":
    main(*sys.argv[1:])
