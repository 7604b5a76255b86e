"""Training by several processes of one folder, and the best draw of a search as a table of the recipe."""
from __future__ import annotations

import argparse
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import sleep

import pytest
from paper_models import RECIPE, network, plan_of, small_recipe, write_models

from cosmicnet.training.commands import paper as commands
from cosmicnet.training.commands.cli import main
from cosmicnet.training.paper import search as search_module
from cosmicnet.training.paper import train as train_module
from cosmicnet.training.paper.recipe import draw_architecture, hyperparameters_table, load_paper_recipe
from cosmicnet.training.paper.search import Judged
from cosmicnet.training.paper.train import Epoch, Trained, TrainingTask, train_network


def test_two_processes_never_train_the_same_network_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_models(tmp_path / "models")
    recipe, at_it, most = small_recipe(), Counter[str](), Counter[str]()

    def watched(task: TrainingTask, work: Path, quiet: bool) -> Trained:
        at_it[task.key] += 1
        most[task.key] = max(most[task.key], at_it[task.key])
        sleep(0.1)
        at_it[task.key] -= 1
        return Trained(network("t1", 0, task.architecture), (Epoch(1.0, 1.0, 1.0),), 1)

    monkeypatch.setattr(train_module, "_train", watched)
    tasks = [plan_of(recipe, tmp_path).task(draw_architecture(recipe, "t1", number), 1) for number in (0, 1)]
    with ThreadPoolExecutor(6) as pool:
        for future in [pool.submit(train_network, task, tmp_path / "training") for task in tasks * 3]:
            future.result()
    assert [most[task.key] for task in tasks] == [1, 1]


@pytest.mark.parametrize("source", ["t0", "t1", "t2"])
def test_best_draw_is_printed_as_a_table_of_the_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], source: str
) -> None:
    recipe = load_paper_recipe(RECIPE)
    kept = [Judged(number, draw_architecture(recipe, source, number), 0.1, 0.2) for number in (4, 1)]
    monkeypatch.setattr(commands, "_open", lambda options: plan_of(recipe, tmp_path))
    monkeypatch.setattr(search_module, "search", lambda *_: kept)
    commands._run_search(argparse.Namespace(source=source))
    table = hyperparameters_table(kept[0].architecture)
    assert capsys.readouterr().out.endswith(f"# draw 5\n{table}\n")
    text = RECIPE.read_text(encoding="utf-8")
    given = hyperparameters_table(getattr(recipe.networks, source).hyperparameters.architecture(source))
    # written as the recipe has it
    assert text.count(given) == 1
    (tmp_path / "pasted.toml").write_text(text.replace(given, table), encoding="utf-8")
    pasted = load_paper_recipe(tmp_path / "pasted.toml")
    assert getattr(pasted.networks, source).hyperparameters.architecture(source) == kept[0].architecture


@pytest.mark.parametrize("searched", [False, True])
def test_make_searches_before_the_report_if_it_is_asked_to(monkeypatch: pytest.MonkeyPatch, searched: bool) -> None:
    steps: list[str] = []
    for step in ("generate", "train", "search", "report"):
        monkeypatch.setattr(commands, f"_run_{step}", lambda options, step=step: steps.append(step))
    assert main(["paper", "make", str(RECIPE), *(["--search"] if searched else [])]) == 0
    assert steps == ["generate", "train", *(["search"] if searched else []), "report"]
