"""Print the spectra of one fast line of sight, unlensed and lensed, exactly; run as a script by tests."""
from __future__ import annotations

import classy
from networks_under_test import options

model = classy.Class()
model.set({"output": "tCl,pCl,lCl", "lensing": "yes", "l_max_scalars": 300,
           "N_ur": 2.0328, "N_ncdm": 1, "m_ncdm": 0.06, **options()})
model.compute()
assert model.neural_network_info()["fast_line_of_sight"]
for spectra in (model.raw_cl(300), model.lensed_cl(300)):
    for name, values in spectra.items():
        print(name, " ".join(float(value).hex() for value in values))
