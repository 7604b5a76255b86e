"""Print wall and CPU seconds of each step of compute() with networks, and how long it runs on one thread only.

If t threads all have work but for a serial part s, wall = s + (CPU - s)/t. The argument is a number of cosmologies; set
OMP_NUM_THREADS.
"""
from __future__ import annotations

import os
import statistics
import sys
from time import perf_counter, process_time

import classy

STEPS = ("background", "thermodynamics", "primordial", "transfer", "harmonic", "lensing")
# compute() begins again unless the primordial spectra are there
FROM_START = STEPS[:3]
SETTINGS = {"output": "tCl,pCl,lCl", "lensing": "yes", "l_max_scalars": 2508, "N_ur": 2.0308, "N_ncdm": 1,
            "m_ncdm": 0.06, "omega_b": 0.02238, "omega_cdm": 0.1201, "tau_reio": 0.054, "neural_network": "yes",
            "neural_network_fallback": "error"}


def seconds_of(models: int) -> dict[str, tuple[float, float]]:
    """Medians of wall and CPU seconds over cosmologies."""
    found: dict[str, list[tuple[float, float]]] = {}
    for number in range(models + 1):
        model = classy.Class()
        model.set({**SETTINGS, "H0": 66.0 + 0.1 * number})
        before = (0.0, 0.0)
        for step in STEPS:
            wall, cpu = perf_counter(), process_time()
            model.compute([step])
            total = (perf_counter() - wall, process_time() - cpu)
            # harmonic and lensing are computed together
            is_part = step in FROM_START or step == "lensing"
            took = tuple(now - earlier for now, earlier in zip(total, before, strict=True)) if is_part else total
            before = total
            if number:  # the first computation reads tables and networks
                found.setdefault(step, []).append((took[0], took[1]))
        model.empty()
    medians = {step: (statistics.median(wall for wall, _ in times), statistics.median(cpu for _, cpu in times))
               for step, times in found.items()}
    return {**medians, "whole compute()": (sum(w for w, _ in medians.values()), sum(c for _, c in medians.values()))}


if __name__ == "__main__":
    threads = int(os.environ["OMP_NUM_THREADS"])
    for step, (wall, cpu) in seconds_of(int(sys.argv[1])).items():
        serial = f", serial {1e3 * (threads * wall - cpu) / (threads - 1):5.1f}" if threads > 1 else ""
        print(f"{step:16} wall {1e3 * wall:5.1f} ms, CPU {1e3 * cpu:5.1f}{serial}")
