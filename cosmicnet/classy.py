"""The patched classy that stands beside another one: `from cosmicnet.classy import Class`.

`pip install --config-settings beside=yes ./class_patch` puts it where `import classy` does not look. For programs that
import classy themselves, `python -m cosmicnet.classy` prints the folder for PYTHONPATH.
"""
from __future__ import annotations

import importlib.util
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

__all__ = ["folder", "load"]

PACKAGE = "cosmicnet_classy"
INSTALL_HINT = "pip install --config-settings beside=yes ./class_patch (docs/patch.md)"


def folder() -> Path | None:
    """The folder to import the patched classy from, or None if it does not stand beside for this Python."""
    spec = importlib.util.find_spec(PACKAGE)
    places = [] if spec is None else list(spec.submodule_search_locations or [])
    # one build for each version of Python may share a folder
    found = [path for place in places for path in Path(place).glob(f"build/lib.*{sys.implementation.cache_tag}")]
    return found[0] if found else None


def load() -> Any:
    """The package beside under a name of its own, so that both builds work in one process."""
    place = folder()
    if place is None:
        raise ImportError(f"there is no patched classy beside another one: {INSTALL_HINT}")
    name = f"{PACKAGE}.classy"
    if name not in sys.modules:
        import_module(PACKAGE)
        spec = importlib.util.spec_from_file_location(
            name, place / "classy" / "__init__.py", submodule_search_locations=[str(place / "classy")])
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]


def __getattr__(name: str) -> Any:
    if name in ("Class", "CosmoSevereError", "CosmoComputationError", "__version__"):
        return getattr(load(), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


if __name__ == "__main__":
    print(folder() or sys.exit(f"there is no patched classy beside another one: {INSTALL_HINT}"))
