"""Build the patched CLASS with sanitizers, run it on small inputs, and fail if one complains about a file of ours."""
from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

from cosmicnet.class_patch import fetch_source, patch_tree

SANITIZERS = ("address,undefined", "thread")
INPUTS = sorted(Path(__file__).parent.glob("sanitize*.ini"))
THREADS = 3
# every report in full, and the run goes on to its end
OPTIONS = {"ASAN_OPTIONS": "detect_stack_use_after_return=1", "LSAN_OPTIONS": "max_leaks=0",
           "UBSAN_OPTIONS": "print_stacktrace=1", "TSAN_OPTIONS": "history_size=7"}
KINDS = ("AddressSanitizer", "LeakSanitizer", "ThreadSanitizer", "runtime error:")
# where a report begins
BEGINS = re.compile(
    r"(?m)^(?==+\d*=*ERROR: |WARNING: ThreadSanitizer|\S+: runtime error:|(?:Direct|Indirect) leak of )")
OURS = "external/cosmicnet/"


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


def run(root: Path, settings: Path) -> str:
    """The sanitizer's output for one input; raises if CLASS itself fails."""
    output = root / f"output_of_{settings.stem}_"
    copy = root / settings.name
    copy.write_text(f"{settings.read_text(encoding='utf-8')}root = {output}\n", encoding="utf-8")
    done = subprocess.run([root / "class", copy], cwd=root, capture_output=True, text=True, check=False,
                          env={**os.environ, **OPTIONS, "OMP_NUM_THREADS": str(THREADS)})
    if not list(root.glob(f"{output.name}*cl_lensed.dat")):
        raise RuntimeError(f"{settings.name}: no spectra were made:\n{done.stdout}{done.stderr}")
    return done.stderr


def reports(said: str) -> list[str]:
    """The single reports in a sanitizer's output."""
    return [part for part in BEGINS.split(said) if any(kind in part for kind in KINDS) or " leak of " in part]


def summary(report: str) -> str:
    """The first line without addresses and places, and the first file of CLASS."""
    file = re.search(r"[\w.]+\.(?:c|h|cpp)(?=:\d)", report)
    first = re.sub(r"^\S+:\d+: | 0x[0-9a-f]+|\d{5,}|=+\d*=*|\(pid=\d+\)", "", report.splitlines()[0]).strip()
    return f"{file.group(0) if file else '?'}: {first}"


def main(folder: Path) -> int:
    ours: list[str] = []
    for sanitizer in SANITIZERS:
        root = build(folder / sanitizer.replace(",", "-"), sanitizer)
        for settings in INPUTS:
            found = reports(run(root, settings))
            of_ours = [report for report in found if OURS in report]
            ours += of_ours
            print(f"{sanitizer}, {settings.name}: {len(of_ours)} reports of our files, "
                  f"{len(found) - len(of_ours)} of CLASS's own", flush=True)
            for text, times in Counter(summary(report) for report in found if OURS not in report).items():
                print(f"    {times} times: {text}", flush=True)
    print("\n".join(ours))
    return 1 if ours else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
