"""Training and search of the paper's networks, killed at random moments: the same weights and ranking, bit for bit."""
from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from paper_models import write_models

SCRIPT = Path(__file__).parent / "paper_kill_run.py"
PATIENCE = 1200.0
# how often in all; COSMICNET_KILLS=20 is the long version
KILLS = int(os.environ.get("COSMICNET_KILLS", "2"))


def start(folder: Path, work: str, output: str) -> subprocess.Popen[bytes]:
    with (folder / "messages").open("ab") as messages:
        return subprocess.Popen([sys.executable, str(SCRIPT), work, output], cwd=folder, stdout=messages,
                                stderr=messages, env={**os.environ, "OMP_NUM_THREADS": "1"})


def finish(folder: Path, work: str, output: str) -> float:
    """Seconds of a run to the end."""
    begin = time.monotonic()
    assert start(folder, work, output).wait(PATIENCE) == 0, (folder / "messages").read_text()
    return time.monotonic() - begin


def is_killed_after(folder: Path, seconds: float) -> bool:
    """Start and kill; False if it had ended before."""
    command = start(folder, "work_killed", "killed")
    try:
        assert command.wait(seconds) == 0, (folder / "messages").read_text()
    except subprocess.TimeoutExpired:
        command.kill()
        command.wait()
        return True
    return False


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.usefixtures("patched")
def test_killed_training_and_search_give_the_same_files(tmp_path: Path) -> None:
    write_models(tmp_path / "work" / "models")
    shutil.copytree(tmp_path / "work", tmp_path / "work_killed")
    seconds = finish(tmp_path, "work", "whole")
    whole = files(tmp_path / "whole")
    assert {"search.json", "losses.json", "trained_output.weights", "draw0_output.weights"} <= whole.keys()
    chance, kills = random.Random(7), 0
    while kills < KILLS:
        if is_killed_after(tmp_path, chance.uniform(0.2, 0.9) * seconds):
            kills += 1
            continue
        # it got to the end: compare, and begin anew
        assert files(tmp_path / "killed") == files(tmp_path / "whole")
        for name in ("work_killed/training", "work_killed/search", "killed"):
            shutil.rmtree(tmp_path / name)
    finish(tmp_path, "work_killed", "killed")
    assert files(tmp_path / "killed") == files(tmp_path / "whole")
