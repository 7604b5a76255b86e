"""Where CLASS comes from: the source distribution on PyPI, pinned by version and hash."""
from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import sys
import tarfile
from pathlib import Path

__all__ = ["CLASS_VERSION", "PATCH_VERSION", "SDIST_SHA256", "fetch_source"]

CLASS_VERSION = "3.4.1.0"
PATCH_VERSION = 26
SDIST_SHA256 = "ee2a57fc2c32dde9775d6244bdbe4d3e0e38500c16b1db6da0edb9e8207d4254"

SDIST_VARIABLE = "COSMICNET_CLASSY_SDIST"


def fetch_source(directory: Path) -> Path:
    """Unpack the pinned classy sdist below `directory` and return its root folder.

    The file is downloaded by pip, or taken from the path in the environment variable
    COSMICNET_CLASSY_SDIST (for machines without a network). Its SHA-256 is checked either way.

    Raises RuntimeError if it cannot be downloaded or the hash differs.
    """
    local = os.environ.get(SDIST_VARIABLE)
    archive = Path(local) if local else _download(directory)
    if not archive.is_file():
        raise RuntimeError(f"{SDIST_VARIABLE}={archive}: there is no such file")
    _check_hash(archive)
    with tarfile.open(archive) as tar:
        # the first releases of Python 3.10 and 3.11 lack the filter; the hash vouches for the file
        tar.extraction_filter = getattr(tarfile, "data_filter", None)
        tar.extractall(directory)
    return directory / f"classy-{CLASS_VERSION}"


def _download(directory: Path) -> Path:
    """Download the sdist with pip, which builds its metadata here if it can, else in an isolated environment."""
    is_complete = all(importlib.util.find_spec(name) for name in ("Cython", "numpy", "setuptools", "wheel"))
    isolation = ["--no-build-isolation"] if is_complete else []
    command = [
        sys.executable, "-m", "pip", "download", "--no-deps", *isolation,
        "--no-binary", "classy", "--dest", str(directory), f"classy=={CLASS_VERSION}",
    ]
    # pip passes the location of this build backend in these variables; the inner pip must not inherit them
    ours = ("_PYPROJECT_HOOKS_", "PEP517_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    archive = directory / f"classy-{CLASS_VERSION}.tar.gz"
    if done.returncode != 0 or not archive.is_file():
        raise RuntimeError(
            f"pip could not download the source distribution classy {CLASS_VERSION}. Without a "
            f"network, download that file elsewhere and name it in {SDIST_VARIABLE}. pip said:\n"
            f"{done.stdout}{done.stderr}"
        )
    return archive


def _check_hash(archive: Path) -> None:
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    if digest != SDIST_SHA256:
        raise RuntimeError(
            f"{archive.name}: SHA-256 is {digest}, but classy {CLASS_VERSION} on PyPI has "
            f"{SDIST_SHA256}. The file is damaged or not the release that the patch was made for."
        )
