"""The patched classy beside another one: the wheel's layout, and both builds in one process."""
from __future__ import annotations

import base64
import hashlib
import importlib.util
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from cosmicnet.class_patch.beside import PACKAGE, build_folder, move_beside

INFO = "classy-3.4.1.0+cosmicnet.7.dist-info"
CONTENT = {
    "classy/__init__.py": "version = 1\n", "classy/external/table.dat": "1 2\n",
    f"{INFO}/METADATA": "Metadata-Version: 2.4\nName: classy\nVersion: 3.4.1.0+cosmicnet.7\n",
    f"{INFO}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: py3-none-any\n",
    f"{INFO}/top_level.txt": "classy\n", f"{INFO}/RECORD": "",
}


def test_the_wheel_installs_beside_and_leaves_nothing(tmp_path: Path) -> None:
    wheel = tmp_path / "classy-3.4.1.0+cosmicnet.7-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as file:
        for name, text in CONTENT.items():
            file.writestr(name, text)
    moved = tmp_path / move_beside(wheel, tmp_path)
    with zipfile.ZipFile(moved) as file:
        names = file.namelist()
        assert not any(name.startswith("classy") for name in names)
        assert file.read(f"{PACKAGE}/{build_folder()}/classy/external/table.dat") == b"1 2\n"
        [record] = [name for name in names if name.endswith("RECORD")]
        for line in file.read(record).decode().splitlines():
            name, digest, _ = line.split(",")
            if digest:
                expected = base64.urlsafe_b64encode(hashlib.sha256(file.read(name)).digest()).rstrip(b"=").decode()
                assert digest == f"sha256={expected}"
    target = tmp_path / "installed"
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target", str(target), str(moved)]
    subprocess.run(pip, check=True, capture_output=True)
    assert not (target / "classy").exists()
    assert (target / PACKAGE / build_folder() / "classy" / "__init__.py").is_file()


BOTH = """
import classy
from cosmicnet.classy import Class
SETTINGS = {"output": "mPk", "P_k_max_1/Mpc": 0.1, "N_ncdm": 1, "m_ncdm": 0.06, "N_ur": 2.0308}
def amplitude(kind, **options):
    model = kind()
    model.set({**SETTINGS, **options})
    model.compute()
    return model.sigma8(), model
stock, _ = amplitude(classy.Class)
ours, _ = amplitude(Class)
net, model = amplitude(Class, neural_network="yes")
assert not hasattr(classy.Class, "neural_network_info")
assert stock == ours
assert model.neural_network_info()["used"] and abs(net / stock - 1) < 1e-3
"""


def test_two_builds_in_one_environment(patched: None, stock: Path, tmp_path: Path) -> None:
    spec = importlib.util.find_spec("classy")
    assert spec is not None and spec.origin is not None
    place = tmp_path / PACKAGE / build_folder()
    place.mkdir(parents=True)
    (tmp_path / PACKAGE / "__init__.py").touch()
    (place / "classy").symlink_to(Path(spec.origin).parent)
    environment = {**os.environ, "PYTHONPATH": f"{stock}{os.pathsep}{tmp_path}", "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", BOTH], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_cobaya_finds_it_by_its_path(tmp_path: Path) -> None:
    tools = pytest.importorskip("cobaya.tools")
    (tmp_path / PACKAGE / build_folder()).mkdir(parents=True)
    assert Path(tools.get_compiled_import_path(str(tmp_path / PACKAGE))) == tmp_path / PACKAGE / build_folder()


def test_without_it_the_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from cosmicnet import classy

    monkeypatch.setattr(classy, "PACKAGE", "there_is_no_such_package")
    assert classy.folder() is None
    with pytest.raises(ImportError, match="beside=yes"):
        _ = classy.Class
