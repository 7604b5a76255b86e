"""Build the patched CLASS with sanitizers, run it on small inputs, and fail if one complains about a file of ours.

The program `class` has no networks, so the tables of sources are filled from the arguments of real computations
(sanitize_sources.py). Two computations at once (sanitize_together.cpp) share the tables that the process keeps.
"""
from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from cosmicnet.class_patch import fetch_source, patch_tree

SANITIZERS = ("address,undefined", "thread")
HERE = Path(__file__).parent
INPUTS = sorted(HERE.glob("sanitize*.ini"))
THREADS = 3
INCLUDES = ("include", "external", "external/RecfastCLASS", "external/heating", "external/HyRec2020")
# every report in full, and the run goes on to its end
OPTIONS = {"ASAN_OPTIONS": "detect_stack_use_after_return=1", "LSAN_OPTIONS": "max_leaks=0",
           "UBSAN_OPTIONS": "print_stacktrace=1", "TSAN_OPTIONS": "history_size=7"}
KINDS = ("AddressSanitizer", "LeakSanitizer", "ThreadSanitizer", "runtime error:")
# where a report begins
BEGINS = re.compile(
    r"(?m)^(?==+\d*=*ERROR: |WARNING: ThreadSanitizer|\S+: runtime error:|(?:Direct|Indirect) leak of )")
OURS = "external/cosmicnet/"


def build(folder: Path, sanitizer: str) -> Path:
    """A patched tree with the programs `class`, `together` and `sources` for one sanitizer."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    root = fetch_source(folder)
    patch_tree(root)
    jobs = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    flags = ("-O1", "-g", "-pthread", f"-fsanitize={sanitizer}")
    subprocess.run(["make", "class", f"-j{jobs}", f"PYTHON={sys.executable}", f"OPTFLAG=-O1 -fsanitize={sanitizer}",
                    f"LDFLAG=-g -fPIC -fsanitize={sanitizer}"], cwd=root, check=True, stdout=subprocess.DEVNULL)
    includes = [f"-I{name}" for name in INCLUDES]
    subprocess.run(["gcc", *flags, *includes, "-DHYREC", "-Dmain=run_class", "-w", "-c", "main/class.c",
                    "-o", "run_class.o"], cwd=root, check=True)
    objects = [path for path in (root / "build").glob("*.o*") if path.name != "class.o"]
    of_sources = sorted((root / OURS / "fast" / "sources").glob("*.cpp"))
    for name, files in {"together": ["run_class.o", *objects], "sources": of_sources}.items():
        subprocess.run(["g++", "-std=c++11", *flags, *includes, HERE / f"sanitize_{name}.cpp", *files, "-lm",
                        "-o", name], cwd=root, check=True)
    return root


def said_by(root: Path, program: str, *arguments: Path) -> str:
    """The sanitizer's output; raises if the program fails for another reason."""
    done = subprocess.run([root / program, *arguments], cwd=root, capture_output=True, text=True, check=False,
                          env={**os.environ, **OPTIONS, "OMP_NUM_THREADS": str(THREADS)})
    if done.returncode and not reports(done.stderr):
        raise RuntimeError(f"{program} {arguments}:\n{done.stdout}{done.stderr}")
    return done.stderr


def new_input(root: Path, settings: Path, name: str) -> Path:
    """A copy of the input, whose spectra have this name."""
    copy = root / f"{name}.ini"
    copy.write_text(f"{settings.read_text(encoding='utf-8')}root = {root / name}_\n", encoding="utf-8")
    return copy


def run_class(root: Path, program: str, *inputs: Path) -> str:
    """What said_by() returns; raises if there are no spectra of an input."""
    said = said_by(root, program, *inputs)
    for path in inputs:
        if not list(root.glob(f"{path.stem}_*cl_lensed.dat")):
            raise RuntimeError(f"{path.name}: no spectra were made:\n{said}")
    return said


def reports(said: str) -> list[str]:
    """The single reports in a sanitizer's output."""
    return [part for part in BEGINS.split(said) if any(kind in part for kind in KINDS) or " leak of " in part]


def summary(report: str) -> str:
    """The first line without addresses and places, and the first file of CLASS."""
    file = re.search(r"[\w.]+\.(?:c|h|cpp)(?=:\d)", report)
    first = re.sub(r"^\S+:\d+: | 0x[0-9a-f]+|\d{5,}|=+\d*=*|\(pid=\d+\)", "", report.splitlines()[0]).strip()
    return f"{file.group(0) if file else '?'}: {first}"


def all_runs(root: Path, arguments: Path) -> Iterator[tuple[str, str]]:
    """What was run, and the sanitizer's output."""
    for settings in INPUTS:
        yield settings.name, run_class(root, "class", new_input(root, settings, settings.stem))
    both = [new_input(root, INPUTS[0], name) for name in ("one", "other")]
    yield f"two computations of {INPUTS[0].name} at once", run_class(root, "together", *both)
    for path in sorted(arguments.iterdir()):
        yield f"sources of networks, {path.stem}", said_by(root, "sources", path)


def main(folder: Path) -> int:
    ours: list[str] = []
    arguments = folder / "arguments"
    shutil.rmtree(arguments, ignore_errors=True)
    arguments.mkdir(parents=True)
    subprocess.run([sys.executable, HERE / "sanitize_sources.py", arguments], check=True)
    for sanitizer in SANITIZERS:
        root = build(folder / sanitizer.replace(",", "-"), sanitizer)
        for name, said in all_runs(root, arguments):
            found = reports(said)
            of_ours = [report for report in found if OURS in report]
            ours += of_ours
            print(f"{sanitizer}, {name}: {len(of_ours)} reports of our files, "
                  f"{len(found) - len(of_ours)} of CLASS's own", flush=True)
            for text, times in Counter(summary(report) for report in found if OURS not in report).items():
                print(f"    {times} times: {text}", flush=True)
    print("\n".join(ours))
    return 1 if ours else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
