"""Which CLASS is it? Digests of the files that act before or in the source functions.

Networks carry the digest of the CLASS that they were trained with, and are not used with another.
`python -m cosmicnet.class_patch.digest TREE` prints the content of stock_digests.json for an unpatched tree.
"""
from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

__all__ = ["EQUATIONS", "changed_files", "file_digests", "source_digest", "table_digests"]

STOCK_DIGESTS = Path(__file__).parent / "stock_digests.json"

# The equations. If no other file differs from stock CLASS, only these are hashed.
EQUATIONS = (
    "include/precisions.h", "include/background.h", "include/thermodynamics.h", "include/perturbations.h",
    "source/background.c", "source/thermodynamics.c", "source/perturbations.c",
)
# Every file in these folders is hashed, a fork's own included, except those of later modules.
FOLDERS = ("source", "include", "tools", "external")
SUFFIXES = (".c", ".h", ".cpp", ".hpp", ".dat")
LATER_MODULES = {
    "primordial", "fourier", "transfer", "harmonic", "lensing", "distortions", "output", "hyperspherical",
    "trigonometric_integrals", "svnversion",
}
LATER_FOLDERS = tuple(f"external/{name}/" for name in (
    "HMcode", "Halofit", "distortions", "external_Pk", "RealSpaceInterface"))


def source_digest(root: Path) -> str:
    """The digest of an unpatched tree; line ends do not matter."""
    digest = hashlib.sha256(b"\0".join(_content(root / name) for name in EQUATIONS)).hexdigest()
    changes = changed_files(root)
    if set(changes) <= set(EQUATIONS):
        return digest
    return hashlib.sha256(json.dumps([digest, changes], sort_keys=True).encode()).hexdigest()


def changed_files(root: Path) -> dict[str, str | None]:
    """Files of an unpatched tree that differ from the release that the patch was made for, with their digests; None
    where one is missing."""
    stock = json.loads(STOCK_DIGESTS.read_text(encoding="utf-8"))
    found = file_digests(root)
    return {name: found.get(name) for name in sorted({*stock, *found}) if found.get(name) != stock.get(name)}


def file_digests(root: Path) -> dict[str, str]:
    """The digest of each file that acts before or in the source functions."""
    names = sorted(
        path.relative_to(root).as_posix() for folder in FOLDERS for path in (root / folder).rglob("*")
        if path.suffix in SUFFIXES
    )
    return {
        name: hashlib.sha256(_content(root / name)).hexdigest() for name in names
        if not (Path(name).stem in LATER_MODULES or name.startswith(LATER_FOLDERS))
    }


def table_digests(root: Path) -> dict[str, str]:
    """Digests of the .dat tables that CLASS reads at run time."""
    return {name: digest for name, digest in file_digests(root).items() if name.endswith(".dat")}


def _content(path: Path) -> bytes:
    return path.read_bytes().replace(b"\r\n", b"\n")


if __name__ == "__main__":
    print(json.dumps(file_digests(Path(sys.argv[1])), indent=1))
