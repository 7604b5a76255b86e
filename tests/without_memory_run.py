"""Compute with networks while memory is short, as short as the argument says in MB; run as a script by tests.

Prints "enough", or what CLASS says; then that the object serves again.
"""
from __future__ import annotations

import resource
import sys
from pathlib import Path

import classy
from networks_under_test import options

SMALL = {"l_max_scalars": 500, "P_k_max_1/Mpc": 5.0}

model = classy.Class()
model.set({"output": "tCl,pCl,lCl,mPk", "lensing": "yes", "non_linear": "hmcode", "omega_b": 0.0224, "N_ur": 2.0308,
           "N_ncdm": 1, "m_ncdm": 0.06, **SMALL, **options()})
model.compute()
limits = resource.getrlimit(resource.RLIMIT_AS)
in_use = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (in_use + int(sys.argv[1]) * 2**20, limits[1]))
model.set({"l_max_scalars": 5000, "P_k_max_1/Mpc": 20.0})
try:
    model.compute()
    print("enough")
except (classy.CosmoComputationError, MemoryError, classy.CosmoSevereError) as error:
    print(repr(error))
resource.setrlimit(resource.RLIMIT_AS, limits)
model.set(SMALL)
model.compute()
print("serves again")
