"""Models are resampled once, and again when they are newer than their tables."""
from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import pytest
from test_dataset import flip_a_bit, make_model

from cosmicnet.fields import FIELDS
from cosmicnet.training.fields import tables as module
from cosmicnet.training.fields.tables import collect, table_path
from cosmicnet.training.models.dataset import write_model
from cosmicnet.training.work.files import DatasetError


class Serial:
    """A pool that works in this process."""

    def submit(self, function: Any, *arguments: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(getattr(module, function.__name__)(*arguments))
        return future


@contextmanager
def serial_pool(processes: int, scheduler: str | None = None) -> Iterator[Serial]:
    yield Serial()


@pytest.fixture
def resampled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The models that were resampled, each into a table with nothing but its name."""
    names: list[str] = []

    def resample_model(path: Path, target: Path, fields: Any) -> None:
        names.append(path.name)
        with h5py.File(target, "w") as file:
            file.attrs["model"] = path.read_text()

    monkeypatch.setattr(module, "resample_model", resample_model)
    monkeypatch.setattr(module, "single_threaded_pool", serial_pool)
    monkeypatch.setattr(module, "_summary", lambda path: path)
    return names


def test_what_is_there_is_not_resampled_again(resampled: list[str], tmp_path: Path) -> None:
    models = [tmp_path / f"0000{i}.h5" for i in range(2)]
    for model in models:
        model.write_text("first")
    collect(models, tmp_path / "tables", (), 1)
    collect(models, tmp_path / "tables", (), 1)
    assert resampled == ["00000.h5", "00001.h5"]


def test_table_of_a_model_that_was_made_anew_is_made_anew(resampled: list[str], tmp_path: Path) -> None:
    """Else networks of another recipe would be trained on tables that the first one left in the folder."""
    model, folder = tmp_path / "00000.h5", tmp_path / "tables"
    model.write_text("first")
    collect([model], folder, (), 1)
    model.unlink()
    model.write_text("second")
    later = table_path(folder, model).stat().st_mtime_ns + 10**9
    os.utime(model, ns=(later, later))
    collect([model], folder, (), 1)
    with h5py.File(table_path(folder, model), "r") as file:
        assert file.attrs["model"] == "second"


def test_half_a_table_is_made_anew(resampled: list[str], tmp_path: Path) -> None:
    model = tmp_path / "00000.h5"
    model.write_text("first")
    table_path(tmp_path / "tables", model).write_text("no HDF5")
    collect([model], tmp_path / "tables", (), 1)
    assert resampled == ["00000.h5"]


def test_damaged_model_ends_the_command(tmp_path: Path) -> None:
    """In a worker, where an error once kept h5py's lock, and waited for itself for ever."""
    model = tmp_path / "00000.h5"
    write_model(model, make_model())
    flip_a_bit(model)
    with ThreadPoolExecutor(1) as pool:
        error = pool.submit(collect, [model], tmp_path / "tables", FIELDS, 1).exception(timeout=300)
    assert isinstance(error, DatasetError) and "delete it and generate again" in str(error)
