"""Print the spectra of fast tensor modes exactly; run as a script by tests."""
from __future__ import annotations

import classy

model = classy.Class()
model.set({"output": "tCl,pCl", "modes": "t", "r": 0.1, "l_max_tensors": 100, "fast_tensors": "yes",
           "fast_line_of_sight": "yes"})
model.compute()
assert model.neural_network_info()["fast_tensors"]
for name, values in model.raw_cl(100).items():
    print(name, " ".join(float(value).hex() for value in values))
