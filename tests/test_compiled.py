"""Tables in C++ (class_patch/fast/sources) against their twin in NumPy."""
from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from networks_under_test import options
from numpy.typing import NDArray
from synthetic import make_emulator, make_request

from cosmicnet import emulator as emulator_module
from cosmicnet.compiled import compiled_fill
from cosmicnet.coordinates import Boundaries
from cosmicnet.emulator import FieldsEmulator, NotFinite
from cosmicnet.network import Network
from cosmicnet.pieces import SOURCES
from cosmicnet.request import at_request
from cosmicnet.store import load_network_set

pytestmark = pytest.mark.usefixtures("patched")

Array = NDArray[np.float64]

# of the largest value of a table, and of the largest at one time, where Fourier transforms have the error of the
# largest of all times; single precision
OF_TABLE, OF_TIME = 2e-6, 5e-4

REQUEST = {"output": "tCl,pCl,lCl,mPk", "l_max_scalars": 2000, "P_k_max_1/Mpc": 1.0, "omega_b": 0.0224, "N_ur": 2.0308,
           "N_ncdm": 1, "m_ncdm": 0.06, "fast_background": "yes"}
DARK_ENERGY = {"Omega_Lambda": 0.0, "w0_fld": -0.9, "wa_fld": -0.2}


def both(emulator: Any, request: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, Array], dict[str, Array]]:
    """The tables in C++ and by NumPy. NaN everywhere before, so that a number that nobody writes is noticed."""
    filled = []
    for function in (compiled_fill, lambda request: None):
        monkeypatch.setattr(emulator_module, "compiled_fill", function)
        for table in request.tables.values():
            table[...] = np.nan
        emulator.fill(request)
        filled.append({name: table.copy() for name, table in request.tables.items()})
    return filled[0], filled[1]


def require_equal(found: dict[str, Array], expected: dict[str, Array]) -> None:
    for name, table in expected.items():
        difference, of_table = np.abs(found[name] - table), np.abs(table).max()
        assert difference.max() <= OF_TABLE * of_table, name
        assert (difference.max(axis=1) <= OF_TIME * np.abs(table).max(axis=1)).all(), name


def streaming_emulator() -> FieldsEmulator:
    """Photons stream beyond k tau = 45; those beyond are computed."""
    return FieldsEmulator(make_emulator().fields, Boundaries(free_streaming=500.0 / 281.0, streaming=45.0))


@pytest.mark.parametrize("sources", [SOURCES, ("t0",), ("t2",), ("p",), ("t1", "p"), ("delta_m", "phi_plus_psi")])
@pytest.mark.parametrize("is_reionized", [False, True])
@pytest.mark.parametrize("make", [make_emulator, streaming_emulator])
def test_random_fields(
    make: Any, is_reionized: bool, sources: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    request = make_request(sources, reionized=is_reionized)
    assert compiled_fill(request) is not None
    require_equal(*both(make(), request, monkeypatch))


@pytest.mark.parametrize("first_tau", [1000.0, 6000.0])
def test_late_times_alone(first_tau: float, monkeypatch: pytest.MonkeyPatch) -> None:
    require_equal(*both(make_emulator(), make_request(first_tau=first_tau, reionized=True), monkeypatch))


def test_networks_without_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Polynomials alone are evaluated in C++."""
    def without(network: Network) -> Network:
        return replace(network, weights=(), biases=())

    polynomials = FieldsEmulator([replace(f, network=without(f.network)) for f in make_emulator().fields])
    found, expected = both(polynomials, make_request(), monkeypatch)
    require_equal(found, expected)
    assert np.abs(both(make_emulator(), make_request(), monkeypatch)[0]["t1"] - found["t1"]).max() > 0.1


@pytest.mark.parametrize(("networks", "changes"), [
    ("lcdm", {}), ("lcdm", {"tau_reio": 0.11}), ("lcdm", {"reio_parametrization": "reio_none"}),
    ("standard", {"N_ncdm": 0, "N_ur": 3.046}), ("standard", DARK_ENERGY), ("standard", {"Omega_k": 0.03}),
    ("lcdm", {"output": "mPk"}), ("lcdm", {"output": "pCl"})],
    ids=["lcdm", "early reionization", "neutral", "massless", "dark energy", "open", "matter", "polarization"])
def test_shipped_networks(networks: str, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    unread = {"mPk": "l_max_scalars", "pCl": "P_k_max_1/Mpc"}.get(changes.get("output", ""))
    left_out = {unread, "m_ncdm" if changes.get("N_ncdm") == 0 else None}
    parameters = {name: value for name, value in {**REQUEST, **changes}.items() if name not in left_out}
    emulator = load_network_set(networks).emulator
    filled = at_request(parameters, lambda request: both(emulator, request, monkeypatch))
    assert filled is not None
    require_equal(*filled)


def test_a_source_that_is_not_finite_is_named() -> None:
    emulator = make_emulator()
    fields = [replace(f, mean_core=np.full_like(f.mean_core, np.nan)) if f.field.name == "late.shear" else f
              for f in emulator.fields]
    with pytest.raises(NotFinite, match="t1"):
        FieldsEmulator(fields).fill(make_request())


def test_tables_that_are_not_contiguous_are_filled_by_numpy() -> None:
    request, reference = make_request(("t1",)), make_request(("t1",))
    request.tables["t1"] = np.full((*request.tables["t1"].shape, 2), np.nan)[:, :, 0]
    assert compiled_fill(request) is None
    make_emulator().fill(request)
    make_emulator().fill(reference)
    require_equal(request.tables, reference.tables)


def test_spectra_do_not_depend_on_the_threads() -> None:
    code = f"""
import classy
model = classy.Class()
model.set({ {**REQUEST, **options()}!r})
model.compute()
print({{name: values.tobytes().hex()[:4000] for name, values in model.raw_cl(2000).items()}})
"""
    found = {subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                            env={**os.environ, "OMP_NUM_THREADS": str(threads)}).stdout for threads in (1, 2, 3)}
    assert len(found) == 1
