"""A modified CLASS: massless neutrinos that interact with each other, as people add them to perturbations.c.

`python tests/self_interacting_neutrinos.py FOLDER` takes the pinned source, makes this change as its user would,
patches the tree with `cosmicnet patch-class`, and installs it into FOLDER/site. With PYTHONPATH=FOLDER/site,
`import classy` finds it, and log10_G_eff_ur is the logarithm of the effective coupling in MeV^-2.

The multipoles l >= 2 relax at the conformal rate a G_eff^2 T_nu^5 (relaxation-time approximation, as in Kreisch,
Cyr-Racine and Dore, arXiv:1902.00534, with alpha_l = 1). T_nu^5 is 2.105e-14/Mpc MeV^4 today for T_nu = 1.95 K.
"""
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from cosmicnet.class_patch.anchors import Edit
from cosmicnet.class_patch.source import fetch_source

PARAMETER = "log10_G_eff_ur"
RATE = "2.105e-14*pow(10.,2.*ppt->log10_G_eff_ur)/pow(a,4)"
REASON = "interactions of neutrinos"

CHANGES = {
    "include/perturbations.h": (Edit(REASON, "  double three_ceff2_ur;", "before", "  double log10_G_eff_ur;\n"),),
    "source/input.c": (
        Edit(REASON, "  ppt->three_ceff2_ur=1.;\n", "after", "  ppt->log10_G_eff_ur=-100.;\n"),
        Edit(REASON, "    ppt->three_ceff2_ur = 3.*param1;\n  }\n", "after",
             f'  class_read_double("{PARAMETER}",ppt->log10_G_eff_ur);\n'),
    ),
    "source/perturbations.c": (
        Edit(REASON, "    /** - ---> non-cold dark matter (ncdm): massive neutrinos, WDM, etc. */\n"
                     "    //TBC: curvature in all ncdm\n", "before",
             "    if (pba->has_ur == _TRUE_ && ppw->approx[ppw->index_ap_rsa] == (int)rsa_off) {\n"
             "      int l_last = (ppw->approx[ppw->index_ap_ufa] == (int)ufa_off) ? pv->l_max_ur : 2;\n"
             f"      for (l = 2; l <= l_last; l++) dy[pv->index_pt_delta_ur+l] -= {RATE}*y[pv->index_pt_delta_ur+l];\n"
             "    }\n\n"),
    ),
}


def make(folder: Path) -> Path:
    """Change, patch and install the tree; returns the folder in which `classy` lies."""
    tree, site = fetch_source(folder), folder / "site"
    for name, changes in CHANGES.items():
        text = (tree / name).read_text()
        for change in changes:
            text = change.apply(text, name)
        (tree / name).write_text(text)
    subprocess.run([sys.executable, "-m", "cosmicnet", "patch-class", str(tree)], check=True)
    subprocess.run([sys.executable, "-m", "pip", "install", "--no-deps", "--target", str(site), str(tree)], check=True)
    return site


if __name__ == "__main__":
    Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
    print(make(Path(sys.argv[1])))
