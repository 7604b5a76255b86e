"""Training models on disk: what comes back, what is refused, and a disk that fills up."""
from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cosmicnet.training.dataset import DOUBLE, DatasetError, TrainingModel, model_path, read_model, write_model

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
    write_model(tmp_path / "again.npz", make_model())
    assert (tmp_path / "again.npz").read_bytes() == path.read_bytes()
    write_model(tmp_path / "other.npz", make_model(1))
    assert (tmp_path / "other.npz").read_bytes() != path.read_bytes()


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    # inside the numbers of an array, so that only the checksum tells
    content[content.index(b"NUMPY") + 130] ^= 1
    path.write_bytes(bytes(content))


def leave_out_an_entry(path: Path) -> None:
    with zipfile.ZipFile(path) as old:
        entries = {name: old.read(name) for name in old.namelist() if name != "tau.npy"}
    with zipfile.ZipFile(path, "w") as new:
        for name, content in entries.items():
            new.writestr(name, content)


def put_an_object_in(path: Path) -> None:
    np.savez(path, k=np.array([{}], dtype=object))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "truncated": truncate,
    "a bit": flip_a_bit,
    "empty": lambda path: path.write_bytes(b""),
    "no archive": lambda path: path.write_text("hello"),
    "an entry less": leave_out_an_entry,
    "an object that would be unpickled": put_an_object_in,
    "gone": lambda path: path.unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_file_is_named_with_what_to_do(path: Path, damage: str) -> None:
    read_model(path)
    DAMAGES[damage](path)
    with pytest.raises(DatasetError, match="delete it and generate again") as raised:
        read_model(path)
    assert str(path) in str(raised.value)


@pytest.mark.skipif(not FULL_DEVICE.exists(), reason="there is no /dev/full here")
def test_full_disk_leaves_the_old_file_and_no_half_one(path: Path, tmp_path: Path) -> None:
    before = path.read_bytes()
    path.with_suffix(".part").symlink_to(FULL_DEVICE)
    with pytest.raises(DatasetError, match="No space left on device") as raised:
        write_model(path, make_model(1))
    assert str(path) in str(raised.value)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert path.read_bytes() == before
    # and once there is space again
    write_model(path, make_model(1))
    assert path.read_bytes() != before


def test_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="No such file or directory"):
        write_model(tmp_path / "nowhere" / "00000.npz", make_model())
