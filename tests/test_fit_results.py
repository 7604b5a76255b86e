"""Kept fits: a file gives back the fit that was written to it, and nothing else counts."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from synthetic import COSMOLOGY, make_field

from cosmicnet.fields import FIELDS, inputs_of
from cosmicnet.training.fields.fit_results import FitResult, fit_path, read_fit, write_fit

FIELD = FIELDS[3]
ERRORS = (1e-4, 0.1 + 0.2, 3e-4)


def write(path: Path) -> Path:
    write_fit(path, FitResult(make_field(FIELD, 5), *ERRORS))
    return path


def test_same_fit_comes_back(tmp_path: Path) -> None:
    ours, theirs = make_field(FIELD, 5), read_fit(write(tmp_path / "fields" / "fit"), FIELD)
    assert theirs is not None
    assert (theirs.compression_error, theirs.skip_error, theirs.network_error) == ERRORS
    inputs = inputs_of(COSMOLOGY, ours.field.inputs)
    assert np.array_equal(ours.core(inputs), theirs.fitted.core(inputs))
    x = np.linspace(1.0, 1.2, 5)
    assert np.array_equal(ours.time_basis(x), theirs.fitted.time_basis(x))


def test_same_fit_is_the_same_file(tmp_path: Path) -> None:
    assert len({write(tmp_path / str(number)).read_bytes() for number in range(5)}) == 1


def test_the_path_depends_on_the_last_digit(tmp_path: Path) -> None:
    paths = [fit_path(tmp_path, FIELD, identity) for identity in (
        {"a": 0.1 + 0.2}, {"a": 0.3}, {"a": 1, "b": 2}, {"b": 2, "a": 1})]
    assert paths[0] != paths[1] and paths[2] == paths[3]


@pytest.mark.parametrize("damage", ["gone", "half", "a bit", "empty"])
def test_damaged_file_counts_as_none(tmp_path: Path, damage: str) -> None:
    path = write(tmp_path / "fit")
    content = bytearray(path.read_bytes())
    content[-9] ^= 1
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes({"half": bytes(content[: len(content) // 2]), "a bit": bytes(content), "empty": b""}[damage])
    assert read_fit(path, FIELD) is None
