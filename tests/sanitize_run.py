"""Build the patched CLASS with sanitizers, run sanitize.ini, and fail if one complains about a file of ours."""
from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from cosmicnet.class_patch import fetch_source, patch_tree

SANITIZERS = ("address,undefined", "thread")
INPUT = Path(__file__).with_name("sanitize.ini")
COMPLAINTS = ("ERROR: AddressSanitizer", "runtime error:", "WARNING: ThreadSanitizer", "ERROR: LeakSanitizer")
OURS = "cosmicnet_"


def build(folder: Path, sanitizer: str) -> Path:
    """A patched tree with the program `class` for one sanitizer."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    root = fetch_source(folder)
    patch_tree(root)
    jobs = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    subprocess.run(["make", "class", f"-j{jobs}", f"PYTHON={sys.executable}", f"OPTFLAG=-O1 -fsanitize={sanitizer}",
                    f"LDFLAG=-g -fPIC -fsanitize={sanitizer}"], cwd=root, check=True, stdout=subprocess.DEVNULL)
    return root


def complaints(root: Path, threads: int) -> list[str]:
    """Reports of a run that name a file of ours; raises where CLASS itself fails."""
    settings = root / "sanitize.ini"
    settings.write_text(INPUT.read_text(encoding="utf-8") + f"root = {root / 'sanitize_'}\n", encoding="utf-8")
    done = subprocess.run([root / "class", settings], cwd=root, capture_output=True, text=True, check=False,
                          env={**os.environ, "OMP_NUM_THREADS": str(threads)})
    if not list(root.glob("sanitize_*cl_lensed.dat")):
        raise RuntimeError(f"no spectra were made:\n{done.stdout}{done.stderr}")
    reports = done.stderr.split("==================")
    return [report for report in reports if OURS in report and any(kind in report for kind in COMPLAINTS)]


def main(folder: Path) -> int:
    found = []
    for sanitizer in SANITIZERS:
        found += complaints(build(folder / sanitizer.replace(",", "-"), sanitizer), threads=2)
        print(f"{sanitizer}: {len(found)} complaints so far")
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
