"""The same build under a name of its own: a wheel that leaves an installed `classy` alone.

The distribution `cosmicnet-classy` holds the package `classy` in a folder where `import classy` does not look, laid out
as setuptools lays out a build, which is where Cobaya's `path` looks; `cosmicnet.classy` finds it.
"""
from __future__ import annotations

import base64
import hashlib
import sys
import sysconfig
import zipfile
from pathlib import Path

__all__ = ["DISTRIBUTION", "PACKAGE", "build_folder", "move_beside"]

DISTRIBUTION, PACKAGE = "cosmicnet-classy", "cosmicnet_classy"


def build_folder() -> str:
    """The folder below PACKAGE that holds `classy`: build/lib.PLATFORM-PYTHON, as setuptools names it."""
    return f"build/lib.{sysconfig.get_platform()}-{sys.implementation.cache_tag}"


def move_beside(wheel: Path, folder: Path) -> str:
    """Write the content of a wheel of classy as a wheel of DISTRIBUTION into `folder`; returns its name."""
    _, version, *tags = wheel.stem.split("-")
    name = "-".join([PACKAGE, version, *tags]) + ".whl"
    old_info, new_info = f"classy-{version}.dist-info/", f"{PACKAGE}-{version}.dist-info/"
    record = []
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as target:
        def write(path: str, content: bytes) -> None:
            target.writestr(path, content)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            record.append(f"{path},sha256={digest},{len(content)}")

        write(f"{PACKAGE}/__init__.py", b'"""Holds the patched classy; cosmicnet.classy imports it."""\n')
        for path in source.namelist():
            content = source.read(path)
            if path == f"{old_info}METADATA":
                content = content.replace(b"\nName: classy\n", f"\nName: {DISTRIBUTION}\n".encode(), 1)
            elif path == f"{old_info}top_level.txt":
                content = f"{PACKAGE}\n".encode()
            if path.startswith(old_info):
                if path != f"{old_info}RECORD":
                    write(new_info + path.removeprefix(old_info), content)
            else:
                write(f"{PACKAGE}/{build_folder()}/{path}", content)
        target.writestr(f"{new_info}RECORD", "\n".join([*record, f"{new_info}RECORD,,\n"]))
    return name
