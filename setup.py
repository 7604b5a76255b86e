"""Packages and their folders; everything else is in pyproject.toml.

`training`, `cobaya_components` and `class_patch` install below `cosmicnet`, so that no top-level
package of that name lands in anybody's site-packages.
"""
from setuptools import setup

FOLDERS = {
    "cosmicnet": "cosmicnet",
    "cosmicnet.paper": "cosmicnet/paper",
    "cosmicnet.class_patch": "class_patch",
    "cosmicnet.class_patch.edits": "class_patch/edits",
    "cosmicnet.training": "training",
    "cosmicnet.training.paper": "training/paper",
    "cosmicnet.cobaya_components": "cobaya_components",
}

setup(
    packages=list(FOLDERS),
    package_dir=FOLDERS,
    include_package_data=False,  # package_data below names them; else setuptools warns about each folder
    package_data={
        "cosmicnet": ["py.typed", "nets/*/*"],
        "cosmicnet.class_patch": ["pyproject.toml", "shim/*"],
        "cosmicnet.training": ["recipes/*.toml"],
        "cosmicnet.cobaya_components": ["*.yaml", "*.bibtex", "covmats/*", "runs/*", "*.npz"],
    },
)
