"""Packages and their folders; everything else is in pyproject.toml.

`training`, `cobaya_components` and `class_patch` install below `cosmicnet`, so that no top-level
package of that name lands in anybody's site-packages.
"""
from setuptools import find_packages, setup

PARTS = {"cosmicnet": "cosmicnet", **{f"cosmicnet.{part}": part for part in (
    "class_patch", "training", "cobaya_components")}}
FOLDERS = {name: folder for part, root in PARTS.items() for name, folder in (
    (part, root), *((f"{part}.{room}", f"{root}/{room.replace('.', '/')}") for room in find_packages(root)))}

setup(
    packages=list(FOLDERS),
    package_dir=FOLDERS,
    include_package_data=False,  # package_data below names them; else setuptools warns about each folder
    package_data={
        "cosmicnet": ["py.typed", "nets/*/*"],
        "cosmicnet.class_patch": ["pyproject.toml", "stock_digests.json", "shim/*", "fast/**/*"],
        "cosmicnet.training": ["recipes/*"],
        "cosmicnet.cobaya_components": ["*/*.yaml", "*/*.bibtex", "*/*.npz", "theory/covmats/*", "runs/*"],
    },
)
