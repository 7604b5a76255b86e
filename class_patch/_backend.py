"""PEP 517 backend: `pip install ./class_patch` fetches, checks, edits and builds classy.

With `--config-settings patch=no` it builds stock classy from the same source, for comparisons; with `beside=yes` the
distribution cosmicnet-classy, which stands beside an installed classy.
"""
from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from types import ModuleType


def _class_patch() -> ModuleType:
    """Load this folder as the package `class_patch`, wherever it stands."""
    here = Path(__file__).parent
    spec = importlib.util.spec_from_file_location(
        "class_patch", here / "__init__.py", submodule_search_locations=[str(here)]
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["class_patch"] = module
    spec.loader.exec_module(module)
    return module


def _make_library() -> None:
    """Compile CLASS with one job per core; setup.py would start all compilers at once."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # CLASSDIR as setup.py sets it; the wrapper overrides it with the folder of the installed package
    subprocess.run(
        ["make", "libclass.a", f"-j{cores}"], env={**os.environ, "CLASSDIR": ".", "PYTHON": sys.executable},
        check=True,
    )


def build_wheel(
    wheel_directory: str,
    config_settings: dict[str, str] | None = None,
    metadata_directory: str | None = None,
) -> str:
    """Build the patched classy in a temporary folder and put its wheel into `wheel_directory`."""
    settings = dict(config_settings or {})
    patched = settings.pop("patch", "yes") != "no"
    is_beside = settings.pop("beside", "no") == "yes"
    class_patch = _class_patch()
    if missing := class_patch.missing_tools():
        # checked before the download, or this would look like a download error
        raise RuntimeError(f"CLASS is compiled here, but {', '.join(missing)} cannot be found: install a C and a C++ "
                           "compiler and make (Debian: apt install build-essential), or install a wheel")
    start = os.getcwd()
    with tempfile.TemporaryDirectory(prefix="cosmicnet-class-") as folder:
        root = class_patch.fetch_source(Path(folder))
        if patched:
            class_patch.patch_tree(root)
        try:
            os.chdir(root)
            _make_library()
            from setuptools import build_meta

            with warnings.catch_warnings():
                # setuptools warns at length that CLASS's data folders could be packages
                warnings.simplefilter("ignore")
                name: str = build_meta.build_wheel(folder, settings)
        finally:
            os.chdir(start)
        if is_beside:
            return str(class_patch.move_beside(Path(folder) / name, Path(wheel_directory)))
        shutil.copyfile(Path(folder) / name, Path(wheel_directory) / name)
    return name
