"""From an installed wheel to a first spectrum, by networks; run as a script where there may be no compiler."""
from __future__ import annotations

import time

start = time.perf_counter()

from classy import Class  # noqa: E402

model = Class()
model.set({"output": "tCl,pCl,lCl", "lensing": "yes", "N_ncdm": 1, "m_ncdm": 0.06, "N_ur": 2.0308,
           "neural_network": "yes", "neural_network_fallback": "error"})
model.compute()
info = model.neural_network_info()
if not info["used"]:
    raise SystemExit(f"no networks: {info['reason']}")
print(f"C_220^TT = {model.lensed_cl(2500)['tt'][220]:.6g} by the networks '{info['name']}', "
      f"{time.perf_counter() - start:.2f} s with the imports")
