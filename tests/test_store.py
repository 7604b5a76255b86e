"""Network sets on disk: round trips, and every kind of damage refused by name."""
from __future__ import annotations

import dataclasses
import errno
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save
from set_files import put_right_hash
from synthetic import make_emulator, make_field, make_network_set, make_request

from cosmicnet.emulator import FieldsEmulator
from cosmicnet.errors import NetworkFileError
from cosmicnet.fields import FIELDS
from cosmicnet.installed import MANIFEST
from cosmicnet.store import ARRAYS, load_network_set, save_network_set


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_network_set(tmp_path / "mine", make_network_set("mine"))
    return tmp_path / "mine"


def filled(emulator: FieldsEmulator) -> dict[str, np.ndarray]:
    request = make_request()
    emulator.fill(request)
    return request.tables


def test_round_trip_is_bit_exact(folder: Path) -> None:
    saved, loaded = make_network_set("mine"), load_network_set(folder)
    for ours, theirs in zip(saved.emulator.fields, loaded.emulator.fields, strict=True):
        assert ours.field == theirs.field
        for part in ("mean_core", "components"):
            assert np.array_equal(getattr(ours, part), getattr(theirs, part)), part
        for basis in ("time_basis", "wavenumber_basis"):
            for part in ("knots", "coefficients"):
                assert np.array_equal(getattr(getattr(ours, basis), part), getattr(getattr(theirs, basis), part))
    before, after = filled(saved.emulator), filled(loaded.emulator)
    assert all(np.array_equal(before[name], after[name]) for name in before)
    inputs = np.array([0.0224, 0.12])
    assert np.array_equal(saved.derived(inputs), loaded.derived(inputs))


def test_manifest_comes_back(folder: Path) -> None:
    manifest = load_network_set(folder).manifest
    saved = make_network_set("mine").manifest
    assert dataclasses.replace(manifest, sha256="", fields=[]) == saved


def test_saving_what_was_loaded_gives_the_same_files(folder: Path, tmp_path: Path) -> None:
    save_network_set(tmp_path / "copy", load_network_set(folder))
    for file in (MANIFEST, ARRAYS):
        assert (tmp_path / "copy" / file).read_bytes() == (folder / file).read_bytes()


def change_manifest(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    """With the right hash: somebody made this file so."""
    def apply(folder: Path) -> None:
        data = json.loads((folder / MANIFEST).read_text())
        replaced = change(data)
        (folder / MANIFEST).write_text(json.dumps(data if replaced is None else replaced))
        put_right_hash(folder)
    return apply


def change_arrays(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    """With the right hash: somebody made this file so."""
    def apply(folder: Path) -> None:
        arrays = load((folder / ARRAYS).read_bytes())
        change(arrays)
        content = save(arrays)
        (folder / ARRAYS).write_bytes(content)
        put_right_hash(folder)
    return apply


def tamper(folder: Path) -> None:
    content = bytearray((folder / ARRAYS).read_bytes())
    content[-5] ^= 1
    (folder / ARRAYS).write_bytes(content)


def tamper_with_manifest(folder: Path) -> None:
    data = json.loads((folder / MANIFEST).read_text())
    data["fields"].pop(0)
    (folder / MANIFEST).write_text(json.dumps(data))


def truncate(folder: Path) -> None:
    content = (folder / ARRAYS).read_bytes()
    (folder / ARRAYS).write_bytes(content[: len(content) // 2])


def truncate_and_hash(folder: Path) -> None:
    truncate(folder)
    put_right_hash(folder)


def without_permission_to_be_a_file(folder: Path) -> None:
    (folder / ARRAYS).unlink()
    (folder / ARRAYS).mkdir()


FIRST = FIELDS[0].name

# kind of damage: (function that makes it, the file that the message names, words of the message)
DAMAGES: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "no manifest": (lambda f: (f / MANIFEST).unlink(), MANIFEST, "No such file"),
    "no arrays": (lambda f: (f / ARRAYS).unlink(), ARRAYS, "No such file"),
    "arrays are a folder": (without_permission_to_be_a_file, ARRAYS, "cannot read"),
    "truncated arrays": (truncate, ARRAYS, "damaged"),
    "truncated arrays, right hash": (truncate_and_hash, ARRAYS, "SafetensorError"),
    "tampered byte": (tamper, ARRAYS, "SHA-256"),
    "tampered manifest": (tamper_with_manifest, MANIFEST, "SHA-256"),
    "not JSON": (lambda f: (f / MANIFEST).write_text('{"name": '), MANIFEST, "no valid JSON"),
    "not text": (lambda f: (f / MANIFEST).write_bytes(b"\xff\xfe{"), MANIFEST, "no valid JSON"),
    "a list": (change_manifest(lambda data: []), MANIFEST, "not a JSON object but list"),
    "unknown entry": (change_manifest(lambda data: data.update(colour=1)), MANIFEST, "colour"),
    "missing entry": (change_manifest(lambda data: data.pop("domain") and None), MANIFEST, "domain"),
    "other format": (change_manifest(lambda data: data.update(format_version=99)), MANIFEST, "99"),
    "domain of one number": (change_manifest(lambda data: data["domain"].update(omega_b=[1])), MANIFEST, "number"),
    "setting that is text": (change_manifest(lambda data: data["setup"].update(gauge="x")), MANIFEST, "number"),
    "version that is a number": (
        change_manifest(lambda data: data.update(class_version=3.4)), MANIFEST, "not a text: class_version"),
    "array left out": (change_arrays(lambda a: a.pop(f"{FIRST}/mean_core")), ARRAYS, f"{FIRST}/mean_core"),
    "knots left out": (change_arrays(lambda a: a.pop("knots/ln_x")), ARRAYS, "knots/ln_x"),
    "component less": (
        change_arrays(lambda a: a.update({f"{FIRST}/components": a[f"{FIRST}/components"][:-1].copy()})), ARRAYS,
        "outputs of the network"),
    "functions of time": (
        change_arrays(lambda a: a.update({f"{FIRST}/time_basis": a[f"{FIRST}/time_basis"][:, :1].copy()})), ARRAYS,
        "time"),
    "knot less": (
        change_arrays(lambda a: a.update({"knots/ln_x": a["knots/ln_x"][:-1].copy()})), ARRAYS,
        "wavenumber"),
    "core of another shape": (
        change_arrays(lambda a: a.update({f"{FIRST}/mean_core": a[f"{FIRST}/mean_core"][:, :2].copy()})), ARRAYS,
        "components"),
    "input less": (
        change_manifest(lambda data: data["fields"][0].update(inputs=data["fields"][0]["inputs"][:-1])), ARRAYS,
        "inputs"),
    "more layers than arrays": (change_manifest(lambda data: data.update(dense_layers=7)), ARRAYS, "weight_3"),
    "unknown piece": (change_manifest(lambda data: data["fields"][0].update(piece="tensor")), ARRAYS, "tensor"),
    "unknown input": (change_manifest(lambda data: data["fields"][0].update(inputs=["w0"])), ARRAYS, "w0"),
    "unknown region": (change_manifest(lambda data: data["fields"][0].update(region="now")), ARRAYS, "now"),
    "field with an unknown entry": (change_manifest(lambda data: data["fields"][0].update(x=1)), ARRAYS, "'x'"),
    "one more derived quantity": (
        change_manifest(lambda data: data["derived"].update(z_rec=1e-3)), ARRAYS, "derived"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_set_is_refused_by_file_and_problem(folder: Path, damage: str) -> None:
    apply, file, problem = DAMAGES[damage]
    load_network_set(folder)  # a copy in memory must not hide the damage
    apply(folder)
    with pytest.raises(NetworkFileError, match=re.escape(problem)) as raised:
        load_network_set(folder)
    assert str(folder) in str(raised.value)
    assert file in str(raised.value)


def test_folder_may_begin_with_the_home_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder.parent))
    assert load_network_set("~/mine").manifest.name == "mine"


def test_missing_folder_is_named_with_what_to_give() -> None:
    with pytest.raises(NetworkFileError, match=r"neural_network_path = nowhere.*lcdm"):
        load_network_set("nowhere")


@pytest.mark.parametrize("damage", ["no arrays", "tampered byte", "not JSON", "other format", "array left out"])
@pytest.mark.parametrize("fallback", ["full", "error"])
def test_damaged_set_stops_classy(patched: None, folder: Path, damage: str, fallback: str) -> None:
    """A sampler must not go on, and no fallback may hide that the networks are broken."""
    from classy import Class, CosmoSevereError

    apply, _, problem = DAMAGES[damage]
    apply(folder)
    model = Class()
    model.set({"output": "tCl", "neural_network": "yes", "neural_network_path": str(folder),
               "neural_network_fallback": fallback})
    with pytest.raises(CosmoSevereError, match=re.escape(problem)):
        model.compute()


@pytest.mark.parametrize("full_at", [ARRAYS, MANIFEST])
def test_full_disk_leaves_the_old_set(folder: Path, monkeypatch: pytest.MonkeyPatch, full_at: str) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    write = Path.write_bytes

    def write_half(path: Path, content: bytes) -> int:
        if not path.name.startswith(full_at):
            return write(path, content)
        write(path, content[: len(content) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    other = FieldsEmulator([make_field(spec, seed + 100) for seed, spec in enumerate(FIELDS)])
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", write_half)
        with pytest.raises(OSError):
            save_network_set(folder, make_network_set("other", other))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert load_network_set(folder).manifest.name == "mine"
    # and once there is space again
    save_network_set(folder, make_network_set("other", other))
    assert load_network_set(folder).manifest.name == "other"


def test_set_is_loaded_once_and_again_when_it_changed(folder: Path) -> None:
    first = load_network_set(folder)
    assert load_network_set(str(folder)) is first
    other = FieldsEmulator([make_field(spec, seed + 100) for seed, spec in enumerate(FIELDS)])
    save_network_set(folder, make_network_set("other", other))
    second = load_network_set(folder)
    assert second.manifest.name == "other"
    assert not np.array_equal(filled(first.emulator)["t0"], filled(second.emulator)["t0"])
    assert np.array_equal(filled(first.emulator)["t0"], filled(make_emulator())["t0"])
