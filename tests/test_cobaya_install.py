"""The theory component before a run: installation, documentation, threads of MPI chains."""
from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

pytest.importorskip("cobaya")
pytestmark = pytest.mark.usefixtures("patched")


def test_install_builds_the_patched_class_and_downloads_nothing_else(
        monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from cosmicnet.cobaya_components.theory import theory

    asked: list[list[str]] = []
    monkeypatch.setattr(theory, "pip_install", lambda packages, **_: asked.append(packages) or 0)
    monkeypatch.setattr(sys.modules["cobaya.theories.classy.classy"], "download_github_release", pytest.fail)
    assert theory.Cosmicnet.is_installed(path=str(tmp_path), code=True, data=True)
    assert theory.Cosmicnet.install(path=str(tmp_path))
    [[folder]] = asked
    assert (Path(folder) / "pyproject.toml").is_file() and (Path(folder) / "shim").is_dir()
    assert list(tmp_path.iterdir()) == []


def test_cobayas_installer_finds_everything_there(tmp_path: Path) -> None:
    from cobaya.install import install

    info = {"theory": {"cosmicnet.Cosmicnet": None}, "likelihood": {"cosmicnet.EmbeddedCMB": None},
            "sampler": {"cosmicnet.ImportanceSampler": None}}
    assert install(info, path=str(tmp_path), test=True, no_set_global=True)


def test_cobayas_documentation_shows_the_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    from cobaya.doc import doc_script

    doc_script(["cosmicnet.Cosmicnet"])
    shown = capsys.readouterr().out
    assert "mode: net" in shown and "fallback: full" in shown


def test_mpi_chains_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    from cosmicnet.cobaya_components.theory import mpi_cores

    monkeypatch.setattr(mpi_cores.mpi, "size", lambda: 4)
    # as in cobaya-run
    monkeypatch.setattr(mpi_cores.mpi, "process_state", object())
    mine = frozenset(range(10))
    monkeypatch.setattr(mpi_cores, "_cores", lambda: mine)
    monkeypatch.setattr(mpi_cores, "_cores_of_processes_on_this_machine", lambda: [mine] * 4)
    monkeypatch.delenv(mpi_cores.THREADS_VARIABLE, raising=False)
    assert mpi_cores.share_cores() == 2
    assert os.environ[mpi_cores.THREADS_VARIABLE] == "2"
    # two chains that mpirun has bound to five cores each, and two of another job
    monkeypatch.delenv(mpi_cores.THREADS_VARIABLE)
    mine, others = frozenset(range(5)), frozenset(range(5, 10))
    monkeypatch.setattr(mpi_cores, "_cores_of_processes_on_this_machine", lambda: [mine, mine, others, others])
    monkeypatch.setattr(mpi_cores, "_cores", lambda: mine)
    assert mpi_cores.share_cores() == 2
    monkeypatch.setenv(mpi_cores.THREADS_VARIABLE, "7")
    assert mpi_cores.share_cores() is None
    # a model that is made by hand may be that of one process alone: nobody is asked
    monkeypatch.delenv(mpi_cores.THREADS_VARIABLE)
    monkeypatch.setattr(mpi_cores.mpi, "process_state", None)
    monkeypatch.setattr(mpi_cores, "_cores_of_processes_on_this_machine", lambda: pytest.fail("waits for others"))
    assert mpi_cores.share_cores() == 1
    monkeypatch.setattr(mpi_cores.mpi, "size", lambda: 1)
    monkeypatch.delenv(mpi_cores.THREADS_VARIABLE)
    assert mpi_cores.share_cores() is None
