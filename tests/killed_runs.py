"""Runs of a script of this folder that are killed at random moments, and end with the same files all the same."""
from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

# How often a run is killed; `make kill-tests` sets 20.
KILLS = int(os.environ.get("COSMICNET_KILLS", "1"))


def start(folder: Path, script: str, *arguments: str) -> subprocess.Popen[bytes]:
    """The script in the background, in `folder`; its output goes to folder/messages."""
    command = [sys.executable, str(Path(__file__).parent / script), *arguments]
    with (folder / "messages").open("ab") as messages:
        return subprocess.Popen(command, cwd=folder, stdout=messages, stderr=messages,
                                env={**os.environ, "OMP_NUM_THREADS": "1"})


def finish(folder: Path, script: str, *arguments: str, patience: float) -> float:
    """Seconds of a run to the end."""
    begin = time.monotonic()
    assert start(folder, script, *arguments).wait(patience) == 0, (folder / "messages").read_text()
    return time.monotonic() - begin


def kill_after(folder: Path, script: str, *arguments: str, seconds: float) -> bool:
    """Start, and kill the process (not its workers, which have to notice); False if it had ended before."""
    command = start(folder, script, *arguments)
    try:
        assert command.wait(seconds) == 0, (folder / "messages").read_text()
    except subprocess.TimeoutExpired:
        command.kill()
        command.wait()
        return True
    return False


def finish_after_kills(
    folder: Path, script: str, *arguments: str, seconds: tuple[float, float], patience: float,
    made: Sequence[str], require_same: Callable[[], None],
) -> None:
    """Kill the run KILLS times, each after a random time between these seconds, and finish it.

    Where it ends before it is killed, `require_same` compares and the folders `made` are removed, so that it begins
    anew.
    """
    chance, kills = random.Random(11), 0
    while kills < KILLS:
        if kill_after(folder, script, *arguments, seconds=chance.uniform(*seconds)):
            kills += 1
            continue
        require_same()
        for name in made:
            shutil.rmtree(folder / name)
    finish(folder, script, *arguments, patience=patience)
