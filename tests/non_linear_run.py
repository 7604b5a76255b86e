"""Print non-linear spectra from the fast HMcode and CLASS's own sources exactly; run as a script by tests."""
from __future__ import annotations

import classy

model = classy.Class()
model.set({"output": "tCl,lCl,mPk", "lensing": "yes", "l_max_scalars": 300, "z_max_pk": 1.0,
           "non_linear": "hmcode", "hmcode_version": "2020_baryonic_feedback", "fast_non_linear": "yes"})
model.compute()
assert model.neural_network_info()["fast_non_linear"]
for values in (model.get_pk_and_k_and_z()[0].ravel(), model.lensed_cl(300)["pp"]):
    print(" ".join(float(value).hex() for value in values))
