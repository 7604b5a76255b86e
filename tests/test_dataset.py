"""Training models on disk: round trips, damaged files, and a full disk."""
from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from cosmicnet.training.models import dataset as module
from cosmicnet.training.models.dataset import DOUBLE, TrainingModel, model_path, read_model, write_model
from cosmicnet.training.work.files import DatasetError

FULL_DEVICE = Path("/dev/full")


def make_model(seed: int = 0) -> TrainingModel:
    generator = np.random.default_rng(seed)
    k, tau = np.geomspace(1e-4, 1.0, 5), np.geomspace(200.0, 14000.0, 7)
    tables = {name: generator.normal(size=(tau.size, k.size)) for name in (*DOUBLE, "delta_m", "phi_plus_psi")}
    return TrainingModel(
        parameters={"omega_b": 0.1 + 0.2, "H0": 67.4}, cosmology={"tau_rec": 281.0 / 3.0}, setup={"gauge": 1.0},
        precision={"tol": 1e-5}, k=k, tau=tau, integrated={**tables, "visibility": generator.normal(size=tau.size)})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_model(model_path(tmp_path, 3), make_model())
    return model_path(tmp_path, 3)


def test_what_is_written_comes_back(path: Path) -> None:
    ours, theirs = make_model(), read_model(path)
    for group in ("parameters", "cosmology", "setup", "precision"):
        assert getattr(theirs, group) == getattr(ours, group), group
    assert np.array_equal(theirs.k, ours.k) and np.array_equal(theirs.tau, ours.tau)
    assert theirs.integrated.keys() == ours.integrated.keys()
    for name, table in ours.integrated.items():
        assert theirs.integrated[name].dtype == np.float64
        if name in ("delta_m", "phi_plus_psi"):
            np.testing.assert_allclose(theirs.integrated[name], table, rtol=2.0**-24, atol=0, err_msg=name)
        else:
            assert np.array_equal(theirs.integrated[name], table), name


def test_same_model_is_the_same_file(path: Path, tmp_path: Path) -> None:
    # HDF5 would note the second in which a group was made
    time.sleep(1.1)
    write_model(tmp_path / "again.h5", make_model())
    assert (tmp_path / "again.h5").read_bytes() == path.read_bytes()
    write_model(tmp_path / "other.h5", make_model(1))
    assert (tmp_path / "other.h5").read_bytes() != path.read_bytes()


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def flip_a_bit(path: Path) -> None:
    with h5py.File(path, "r") as file:
        # inside a chunk of data
        place = file["integrated/t0"].id.get_chunk_info(0).byte_offset
    content = bytearray(path.read_bytes())
    content[place + 20] ^= 1
    path.write_bytes(bytes(content))


def leave_out_an_entry(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file["tau"]


def test_every_bit_counts(path: Path) -> None:
    """Those of names, units and addresses, too, with which HDF5 itself would read on, end the process, or never end."""
    content = path.read_bytes()
    generator = np.random.default_rng(4)
    places = [*generator.integers(0, len(content), 100), *generator.integers(0, 4096, 100)]
    for place, bit in zip(places, generator.integers(0, 8, 200), strict=True):
        damaged = bytearray(content)
        damaged[place] ^= 1 << int(bit)
        path.write_bytes(damaged)
        with pytest.raises(DatasetError):
            read_model(path)
    path.write_bytes(content)
    read_model(path)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "truncated": truncate,
    "a bit": flip_a_bit,
    "empty": lambda path: path.write_bytes(b""),
    "no archive": lambda path: path.write_text("hello"),
    "an entry less": leave_out_an_entry,
    "gone": lambda path: path.unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_file_is_named_with_what_to_do(path: Path, damage: str) -> None:
    read_model(path)
    DAMAGES[damage](path)
    with pytest.raises(DatasetError, match="generate") as raised:
        read_model(path)
    assert str(path) in str(raised.value)


def test_set_of_another_version_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(module, "FORMAT_VERSION", 7)
        write_model(path, make_model())
    with pytest.raises(DatasetError, match="7"):
        read_model(path)


def test_file_says_what_it_holds(path: Path) -> None:
    with h5py.File(path, "r") as file:
        assert file["k"].attrs["unit"] == "1/Mpc" and file["tau"].attrs["unit"] == "Mpc"
        table = file["integrated/t0"]
        assert (table.attrs["axes"], table.compression) == ("tau, k", "gzip")
        assert file["integrated/delta_m"].dtype == np.float32


@pytest.mark.skipif(not FULL_DEVICE.exists(), reason="there is no /dev/full here")
def test_full_disk_leaves_the_old_file_and_no_half_one(path: Path, tmp_path: Path) -> None:
    before = path.read_bytes()
    path.with_name(f"{path.name}.{os.getpid()}.tmp").symlink_to(FULL_DEVICE)
    with pytest.raises(OSError, match="No space left on device") as raised:
        write_model(path, make_model(1))
    assert str(path) in str(raised.value)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert path.read_bytes() == before
    # and once there is space again
    write_model(path, make_model(1))
    assert path.read_bytes() != before
