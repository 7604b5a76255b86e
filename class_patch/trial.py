"""Does a patched tree compile? Tried in a copy, so that nothing half-written stays behind."""
from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Mapping
from pathlib import Path

from .parts import FOLDERS, PARTS

__all__ = ["TOOLS", "compile_copy", "missing_tools"]

TOOLS = ("gcc", "g++", "make")
# Files and folders that the compiler does not need.
IGNORED = shutil.ignore_patterns(
    ".git", "build", "output", "doc", "notebooks", "RealSpaceInterface", "*.o", "*.a", "*.opp", "*.so")
# Lines of the compiler's message that are shown.
SHOWN = 12


def missing_tools(makefile: str = "") -> list[str]:
    """Missing tools among TOOLS, where CC and CXX may name other compilers, and those that a Makefile names."""
    chosen = {"gcc": os.environ.get("CC"), "g++": os.environ.get("CXX")}
    named = re.findall(r"^(?:CC|CPP)\s*[:?]?=\s*([^\s#]+)", makefile, re.MULTILINE)
    return [tool for tool in dict.fromkeys([*TOOLS, *named]) if shutil.which(tool) is None and not chosen.get(tool)]


def compile_copy(root: Path, files: Mapping[str, str], edited: Mapping[str, set[str]]) -> dict[str, list[str]]:
    """Compile a copy of `root` with these files in it, without optimisation; returns why parts do not compile.

    edited: the parts that have edits in each file. The key '' holds errors in CLASS itself or in the hook.
    """
    with tempfile.TemporaryDirectory(prefix="cosmicnet-trial-") as folder:
        copy = Path(folder) / "class"
        shutil.copytree(root, copy, ignore=IGNORED, symlinks=True, ignore_dangling_symlinks=True)
        for name, text in files.items():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_text(text, encoding="utf-8")
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        # all targets, so that every part that fails is found at once
        options = [f"-j{cores}", "OPTFLAG=-O0", "CLASSDIR=.", f"PYTHON={sys.executable}"]
        said = _run(["make", "libclass.a", "-k", *options], copy)
        return _by_part(said, edited) if said is not None else _compile_classy(copy)


def _by_part(said: str, edited: Mapping[str, set[str]]) -> dict[str, list[str]]:
    """The compiler's errors by the part of the patch in whose file they are."""
    found: dict[str, list[str]] = {}
    # a part whose own file is named, or else the parts that edit the named file
    for line in said.splitlines():
        if not re.search(r"error:|Error \d|No such file", line):
            continue
        own = [part for part, place in FOLDERS.items() if f"cosmicnet/{place}/" in line]
        theirs = [part for name, parts in edited.items() if name in line for part in sorted(parts & PARTS.keys())]
        for part in own or theirs or [""]:
            found.setdefault(part, []).append(line.strip())
    named = {part: lines[:SHOWN] for part, lines in found.items() if part}
    return named or {"": said.strip().splitlines()[-SHOWN:]}


def _compile_classy(copy: Path) -> dict[str, list[str]]:
    """Cython and the compiler on classy.pyx, if Cython and NumPy are installed; the real build has its own."""
    if not all(importlib.util.find_spec(name) for name in ("Cython", "numpy")):
        return {}
    import numpy

    options = ["--cplus", "-3", "classy.pyx", "-o", "trial.cpp"]
    said = _run([sys.executable, "-m", "cython", *options], copy / "python")
    if said is None:
        headers = [*copy.glob("include/*.h"), *copy.glob("external/*/*.h"), *copy.glob("*/include/*.h")]
        includes = [f"-I{copy / 'external'}", *(f"-I{folder}" for folder in sorted({file.parent for file in headers}))]
        said = _run([os.environ.get("CXX", "g++"), "-std=c++11", "-fpermissive", "-w", "-fsyntax-only", *includes,
                     f"-I{numpy.get_include()}", f"-I{sysconfig.get_paths()['include']}", "trial.cpp"], copy / "python")
    if said is None:
        return {}
    suspects = {"later": "later_modules.pxi", "library": "from_arrays", "refusals": "k_nl_at_z",
                "sources": "network_sources"}
    part = next((part for part, word in suspects.items() if word in said), "")
    lines = [line for line in said.splitlines() if "error" in line or line.startswith("/") or ".pxi:" in line]
    return {part: (lines or said.splitlines())[:SHOWN]}


def _run(command: list[str], folder: Path) -> str | None:
    """Output of a failed command; None if it succeeded."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, errors="replace")
    return None if done.returncode == 0 else done.stdout[-20000:] + done.stderr[-60000:]
