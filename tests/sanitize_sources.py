"""For `make sanitize`: write the arguments of fill_network_sources() in real computations, and the filled tables."""
from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import classy
import numpy as np

from cosmicnet import emulator
from cosmicnet.compiled import compiled_fill
from cosmicnet.running_class import extension_of

BASE = {"output": "tCl,pCl,lCl,mPk", "l_max_scalars": 600, "N_ur": 2.0308, "N_ncdm": 1, "m_ncdm": 0.06,
        "neural_network": "yes", "neural_network_fallback": "error"}
# with rescattering and without, with the growth equation and without
REQUESTS: dict[str, dict[str, Any]] = {
    "lcdm": {}, "neutral": {"reio_parametrization": "reio_none"}, "polarization": {"output": "pCl"},
    "dark_energy": {"Omega_Lambda": 0.0, "w0_fld": -0.9, "wa_fld": -0.2}}
EXTENSION = extension_of(classy)
SOURCES, SUMS, KINDS = EXTENSION._NETWORK_SOURCES, EXTENSION._NETWORK_SUMS, EXTENSION._TERM_KINDS


class Writer:
    """Arrays one after the other: the number of elements, then these; -1 in place of None."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def arrays(self, *values: Any) -> None:
        for value in values:
            self._file.write(np.int64(-1 if value is None else value.size).tobytes())
            if value is not None:
                self._file.write(value.tobytes())

    def numbers(self, *values: float) -> None:
        for value in values:
            self.arrays(np.array([value], dtype=float))


def write(
    to: Writer, k: Any, tau: Any, first_late: int, grids: Any, fields: Any, sums: Any, tables: Any, in_k: Any,
    growth: Any, photons: Any, rescattering: Any, waves: Any,
) -> None:
    to.arrays(k, tau)
    to.numbers(first_late, len(grids))
    for grid in grids:
        to.arrays(*grid)
    to.numbers(len(fields))
    for mean, components, network, time_grid, in_time, k_grid, of_k in fields:
        to.arrays(mean, components)
        to.numbers(*mean.shape, time_grid)
        to.arrays(in_time)
        to.numbers(k_grid)
        to.arrays(of_k)
        if isinstance(network, tuple):
            z, factors, *rest = network
            to.arrays(z, factors)
            to.numbers(*factors.shape)
            to.arrays(*rest)
        else:
            to.arrays(None, network)
    to.numbers(sum(len(terms) for _, terms in sums.values()))
    for name, (rows, terms) in sums.items():
        for field, first, of_time, kind in terms:
            to.numbers(SUMS.index(name), rows, field, first, KINDS.index(kind))
            to.arrays(of_time)
    for name in SOURCES:
        to.arrays(tables.get(name), tables.get("p") if name == "t2" else None, in_k.get(name))
    to.arrays(growth)
    if growth is not None:
        to.numbers(*growth.shape)
    to.numbers(photons[0])
    to.arrays(photons[1])
    if rescattering is None:
        to.arrays(None)
    else:
        to.arrays(*rescattering[:3])
        to.numbers(rescattering[3])
        to.arrays(rescattering[4])
    if waves is None:
        to.arrays(None)
    else:
        first_row, first_k, last_k, rate, tau_rec = waves
        to.arrays(last_k)
        to.numbers(first_row, first_k)
        to.arrays(rate)
        to.numbers(tau_rec)


def recorded(path: Path) -> Callable[[Any], Any]:
    """In place of compiled_fill(): its function, which also writes its arguments with the filled tables."""
    def found(request: Any) -> Any:
        fill = compiled_fill(request)
        assert fill is not None

        def fill_and_write(*arguments: Any) -> Any:
            result = fill(*arguments)
            with path.open("wb") as file:
                write(Writer(file), *arguments)
            return result

        return fill_and_write

    return found


def main(folder: Path) -> None:
    for name, changes in REQUESTS.items():
        emulator.compiled_fill = recorded(folder / f"{name}.sources")
        model = classy.Class()
        model.set({**BASE, **changes})
        model.compute(["perturbations"])
        model.empty()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
