"""PEP 517 backend: `pip install ./class_patch` fetches, checks, edits and builds classy."""
from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
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


def build_wheel(
    wheel_directory: str,
    config_settings: dict[str, str] | None = None,
    metadata_directory: str | None = None,
) -> str:
    """Build the patched classy in a temporary folder and put its wheel into `wheel_directory`."""
    class_patch = _class_patch()
    start = os.getcwd()
    with tempfile.TemporaryDirectory(prefix="cosmicnet-class-") as folder:
        root = class_patch.fetch_source(Path(folder))
        class_patch.patch_tree(root)
        try:
            os.chdir(root)
            from setuptools import build_meta

            name: str = build_meta.build_wheel(folder, config_settings)
        finally:
            os.chdir(start)
        shutil.copyfile(Path(folder) / name, Path(wheel_directory) / name)
    return name
