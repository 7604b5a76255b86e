"""Print non-linear spectra from the fast HMcode exactly; run as a script by tests."""
from __future__ import annotations

import classy
from networks_under_test import options

model = classy.Class()
model.set({"output": "tCl,lCl,mPk", "lensing": "yes", "l_max_scalars": 300, "z_max_pk": 1.0,
           "non_linear": "hmcode", "hmcode_version": "2020_baryonic_feedback",
           "N_ur": 2.0328, "N_ncdm": 1, "m_ncdm": 0.06, **options()})
model.compute()
assert model.neural_network_info()["fast_non_linear"]
for values in (model.get_pk_and_k_and_z()[0].ravel(), model.lensed_cl(300)["pp"]):
    print(" ".join(float(value).hex() for value in values))
