"""Finished fields: what comes back is what was written, and nothing else counts."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from synthetic import COSMOLOGY, make_field

from cosmicnet.fields import FIELDS, inputs_of
from cosmicnet.training.fields.finished import Finished, finished_path, key_of, read_finished, write_finished

FIELD = FIELDS[3]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = finished_path(tmp_path / "fields", FIELD, key_of({"seed": 1}))
    write_finished(path, Finished(make_field(FIELD, 5), ("a", "1e-3")))
    return path


def test_what_is_written_comes_back(path: Path) -> None:
    ours, theirs = make_field(FIELD, 5), read_finished(path, FIELD)
    assert theirs is not None and theirs.row == ("a", "1e-3")
    inputs = inputs_of(COSMOLOGY, ours.field.inputs)
    assert np.array_equal(ours.core(inputs), theirs.emulator.core(inputs))
    x = np.linspace(1.0, 1.2, 5)
    assert np.array_equal(ours.time_basis(x), theirs.emulator.time_basis(x))


def test_same_field_is_the_same_file(path: Path, tmp_path: Path) -> None:
    for number in range(5):
        other = tmp_path / str(number)
        write_finished(other, Finished(make_field(FIELD, 5), ("a", "1e-3")))
        assert other.read_bytes() == path.read_bytes()


def test_key_tells_the_last_digit() -> None:
    assert key_of({"a": 0.1 + 0.2}) != key_of({"a": 0.3})
    assert key_of({"a": 1, "b": 2}) == key_of({"b": 2, "a": 1})


@pytest.mark.parametrize("damage", ["gone", "half", "a bit", "empty"])
def test_damaged_file_counts_as_none(path: Path, damage: str) -> None:
    content = bytearray(path.read_bytes())
    content[-9] ^= 1
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes({"half": bytes(content[: len(content) // 2]), "a bit": bytes(content), "empty": b""}[damage])
    assert read_finished(path, FIELD) is None
