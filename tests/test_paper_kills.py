"""Training and search of the paper's networks, killed at random moments: the same weights and ranking, bit for bit."""
from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from file_contents import contents
from killed_runs import finish, finish_after_kills
from paper_models import write_models

SCRIPT = "paper_kill_run.py"
PATIENCE = 1200.0


@pytest.mark.usefixtures("patched")
def test_killed_training_and_search_give_the_same_files(tmp_path: Path) -> None:
    write_models(tmp_path / "work" / "models")
    shutil.copytree(tmp_path / "work", tmp_path / "work_killed")
    seconds = finish(tmp_path, SCRIPT, "work", "whole", patience=PATIENCE)
    whole = contents(tmp_path / "whole")
    assert {"search.json", "losses.json", "trained_output.weights", "draw0_output.weights"} <= whole.keys()

    def require_same() -> None:
        assert contents(tmp_path / "killed") == whole

    finish_after_kills(tmp_path, SCRIPT, "work_killed", "killed", patience=PATIENCE,
                       seconds=(0.2 * seconds, 0.9 * seconds),
                       made=("work_killed/training", "work_killed/search", "killed"), require_same=require_same)
    require_same()
