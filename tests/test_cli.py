"""The command `cosmicnet`: every mistake of the user's is one clear message and an exit status, no traceback."""
from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from builds import ROOT
from recipes import TINY, write_tiny
from synthetic import make_network_set

from cosmicnet.class_patch.tree import EQUATIONS, OWN_FILES, OWN_FOLDER
from cosmicnet.errors import CosmicnetError
from cosmicnet.installed import shipped_sets
from cosmicnet.store import ARRAYS, save_network_set
from cosmicnet.training.commands import citation
from cosmicnet.training.commands import networks as network_commands
from cosmicnet.training.commands.cli import main
from cosmicnet.training.side_by_side.covering_sets import why_not

Arguments = list[str]
PAPER = str(ROOT / "training" / "recipes" / "paper_small.toml")
STANDARD = str(ROOT / "training" / "recipes" / "standard.toml")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Defaults are relative to the folder in which the command runs."""
    monkeypatch.chdir(tmp_path)
    write_tiny(tmp_path)
    (tmp_path / "file").touch()


def assert_refuses(arguments: Arguments, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 1
    shown = capsys.readouterr()
    lines = [line for line in shown.err.splitlines() if line.startswith("cosmicnet ")]
    assert len(lines) == 1
    assert lines[0].startswith(f"cosmicnet {arguments[0]}: ")
    assert message in shown.err
    assert "Traceback" not in shown.err
    assert shown.out == ""


def networks() -> None:
    save_network_set(Path("nets"), make_network_set())


def damaged_networks() -> None:
    networks()
    Path("nets", ARRAYS).write_bytes(b"0")


def patched_tree() -> None:
    from cosmicnet.class_patch.edits import EDITS

    for name in (*EDITS, *EQUATIONS, *OWN_FILES):
        Path("tree", name).parent.mkdir(parents=True, exist_ok=True)
        Path("tree", name).touch()


def other_tree() -> None:
    patched_tree()
    shutil.rmtree(Path("tree", OWN_FOLDER))


def models_of_another_recipe() -> None:
    Path("runs/tiny/models").mkdir(parents=True)
    Path("runs/tiny/models/recipe.json").write_text(
        '{"sampling": {"seed": 8}, "class_settings": {}, "grids": {}, "class": {}}')
    Path("runs/tiny/models/00000.h5").touch()


def bad_recipe() -> None:
    Path("tiny.toml").write_text(TINY.replace("epochs", "epoch"))


def ellipsoid(entries: str) -> Callable[[], None]:
    def prepare() -> None:
        table = f"[sampling.ellipsoid]\nsigmas = 3\n{entries}\n[reduction]\n"
        Path("tiny.toml").write_text(TINY.replace("[reduction]\n", table))

    return prepare


def my_input() -> None:
    Path("my.ini").write_text("output = tCl\n")
    Path("nets").mkdir()


def nothing() -> None:
    pass


# command, a function that makes the mistake beforehand, and words of the message
MISTAKES: dict[str, tuple[Arguments, Callable[[], None], str]] = {
    "info: unknown networks": (["info", "nope"], nothing, "neural_network_path = nope: "),
    "info: damaged networks": (["info", "nets"], damaged_networks, "SHA-256"),
    "make: no recipe": (["make", "nope.toml"], nothing, "nope.toml cannot be read: No such file"),
    "make: recipe that is a folder": (["make", "."], nothing, "cannot be read: Is a directory"),
    "make: bad recipe": (["make", "tiny.toml"], bad_recipe, "training.epoch: unknown; did you mean epochs?"),
    "make: shipped name": (["make", STANDARD], nothing, "name = standard"),
    "make: output is a file": (["make", "tiny.toml", "--output", "file"], nothing, "file: Not a directory"),
    "make: output below a file": (["make", "tiny.toml", "--output", "file/nets"], nothing, "Not a directory"),
    "make: work below a file": (["make", "tiny.toml", "--work", "file/work"], nothing, "Not a directory"),
    "make: models of another recipe": (["make", "tiny.toml"], models_of_another_recipe, "sampling.seed"),
    "make: no chain": (["make", "tiny.toml"], ellipsoid('chain = "c"'), "line 34: sampling.ellipsoid.chain: "),
    "make: from no work folder": (["make", "tiny.toml", "--from", "nope"], nothing, "nope: is not the work folder"),
    "generate: two levels from others": (["generate", STANDARD, "--from", "nope"], nothing, "nope: a recipe of two"),
    "learned: nothing there": (["learned", "nope", "--install", "mine"], nothing, "nope: no networks yet"),
    "learned: shipped name": (["learned", "nope", "--install", "lcdm"], nothing, "--install lcdm: a shipped set"),
    "learned: no name": (["learned", "nope", "--install", "../mine"], nothing, "--install ../mine: "),
    "publish: no models": (["publish", "nets", "--to", "registry", "--models", "nope"], networks, "nope is not the"),
    "fetch: no models": (["fetch", "nope", "--registry", "nope", "--models", "runs"], nothing, "nope/index.json"),
    "generate: no covariance": (["generate", "tiny.toml"], ellipsoid('covariance = "c"\nmean = {H0 = 67.0}'),
                                "line 34: sampling.ellipsoid.covariance: c cannot be read: No such file"),
    "make: networks of the package": (["make", "tiny.toml", "--output", str(shipped_sets()["lcdm"])], nothing,
                                      str(shipped_sets()["lcdm"])),
    "evaluate: unknown networks": (["evaluate", "--network", "nope"], nothing, "neural_network_path = nope"),
    "evaluate: damaged networks": (["evaluate", "--network", "nets"], damaged_networks, "SHA-256"),
    "evaluate: output is a file": (["evaluate", "--output", "file"], nothing, "file: Not a directory"),
    "paper: no recipe": (["paper", "generate", "nope.toml"], nothing, "nope.toml cannot be read: No such file"),
    "paper: recipe of other networks": (["paper", "train", "tiny.toml"], nothing, "\n  companion: is missing"),
    "paper: nothing generated": (["paper", "train", PAPER], nothing, "240 of 240 models are missing"),
    "paper: output is a file": (["paper", "report", PAPER, "--report", "file"], nothing, "file: Not a directory"),
    "paper: other networks": (["paper", "report", PAPER, "--output", "nets"], networks, "nets: "),
    "demo: unknown networks": (["demo", "--network", "nope"], nothing, "neural_network_path = nope"),
    "demo: output is a file": (["demo", "--output", "file"], nothing, "file: Not a directory"),
    "compare: output is a folder": (["compare", "my.ini", "--output", "nets"], my_input, "nets: Is a directory"),
    "line-of-sight: no lensed spectra": (["line-of-sight", "--models", "1", "--l-max", "1"], nothing, "--l-max 1: "),
    "patch-class: no folder": (["patch-class", "nope"], nothing, "is not a CLASS source tree"),
    "patch-class: patched already": (["patch-class", "tree"], patched_tree, "is patched already"),
    "patch-class: other CLASS": (["patch-class", "tree"], other_tree, "is missing"),
}


@pytest.mark.usefixtures("patched")
@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_one_clear_message(
    mistake: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, prepare, message = MISTAKES[mistake]
    prepare()
    if mistake.startswith("paper"):
        # CLASS at the ends of the box takes seconds; test_paper_make does so
        monkeypatch.setattr("cosmicnet.training.paper.recipe_errors.require_possible_paper", lambda *_: None)
    if mistake in ("make: work below a file", "make: models of another recipe"):
        # the tiny recipe goes with coarser grids
        monkeypatch.setattr("cosmicnet.training.one_level.plan.OneLevelPlan.check", lambda _: None)
    assert_refuses(arguments, message, capsys)


def test_folder_without_permission(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    # the tests may run as root, which may write everywhere
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert_refuses(["make", "tiny.toml"], "nets/tiny: Permission denied", capsys)


COMPUTING = (["make", "tiny.toml"], ["evaluate"], ["demo"])


@pytest.mark.parametrize("arguments", COMPUTING, ids=lambda arguments: arguments[0])
def test_stock_classy(
    arguments: Arguments, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stock = ModuleType("classy")
    stock.__dict__.update(Class=object, __version__="v3.4.1", __file__="/some/where", CosmoSevereError=RuntimeError,
                          CosmoComputationError=RuntimeError)
    monkeypatch.setitem(sys.modules, "classy", stock)
    assert_refuses(arguments, "classy v3.4.1 (/some/where) is not the patched one", capsys)


@pytest.mark.parametrize("arguments", COMPUTING, ids=lambda arguments: arguments[0])
def test_no_classy(
    arguments: Arguments, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "classy", None)
    assert_refuses(arguments, "classy cannot be imported", capsys)


def test_package_that_is_not_installed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "cosmicnet.training.evaluate.info", raising=False)
    monkeypatch.setitem(sys.modules, "rich.console", None)
    assert_refuses(["info"], "pip install 'cosmicnet[training,evaluate,cobaya]'", capsys)


def stand_in(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(options: object) -> None:
        raise error

    monkeypatch.setattr(network_commands, "_run_info", fail)


@pytest.mark.usefixtures("patched")
def test_error_of_class_is_shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from classy import CosmoComputationError

    stand_in(monkeypatch, CosmoComputationError("the integrator gave up"))
    assert_refuses(["info"], "cosmicnet info: Error in Class: the integrator gave up", capsys)


def test_killed_worker_is_shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    stand_in(monkeypatch, CosmicnetError("a process was killed"))
    assert_refuses(["info"], "a process was killed", capsys)


def test_full_disk_is_shown_with_the_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in(monkeypatch, OSError(28, "No space left on device", "nets/arrays"))
    assert_refuses(["info"], "cosmicnet info: nets/arrays: No space left on device", capsys)


def test_ctrl_c_has_its_own_status(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    stand_in(monkeypatch, KeyboardInterrupt())
    assert main(["info"]) == 130
    assert capsys.readouterr().err == "cosmicnet info: interrupted\n"


@pytest.mark.parametrize("error", [ZeroDivisionError(), KeyError("x"), ModuleNotFoundError(name="cosmicnet.gone")])
def test_fault_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    stand_in(monkeypatch, error)
    with pytest.raises(type(error)):
        main(["info"])


@pytest.mark.parametrize(("arguments", "message"), [
    (["mak"], "invalid choice: 'mak'"),
    (["make"], "required: recipe"),
    (["make", "tiny.toml", "--processes", "0"], "'0'"),
    (["evaluate", "--models", "many"], "'many'"),
    (["info", "--colour"], "unrecognized arguments: --colour"),
])
def test_command_line_that_cannot_be_read(
    arguments: Arguments, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as raised:
        main(arguments)
    assert raised.value.code == 2
    assert message in capsys.readouterr().err


def test_info_of_a_set(capsys: pytest.CaptureFixture[str]) -> None:
    save_network_set(Path("nets"), make_network_set())
    assert main(["info", "nets"]) == 0
    shown = capsys.readouterr().out
    for word in ("random numbers", "omega_b", "0.025", "v3.4.1"):
        assert word in shown


def test_report_of_networks_goes_beside_them_but_not_into_the_package() -> None:
    save_network_set(Path("nets/mine"), make_network_set())
    assert network_commands._report_folder("nets/mine") == Path("nets/mine")
    # and nothing is written into the package, under whatever name it is found
    for name in ("standard", str(shipped_sets()["standard"])):
        assert network_commands._report_folder(name) == Path("standard-accuracy")


@pytest.mark.parametrize("command", [[], ["demo"], ["make"], ["evaluate"], ["paper"], ["info"], ["patch-class"]])
def test_help_shows_examples(command: Arguments, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main([*command, "--help"])
    assert raised.value.code == 0
    assert f"cosmicnet {' '.join(command)}".strip() in capsys.readouterr().out


def test_status_reaches_the_shell() -> None:
    command = [sys.executable, "-m", "cosmicnet.training", "info", "nope"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("cosmicnet info: neural_network_path = nope")


def test_reader_that_has_enough_is_no_error() -> None:
    """As `cosmicnet cite | head -1`."""
    command = [sys.executable, "-m", "cosmicnet.training", "cite"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 141


def test_without_a_command_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("usage: cosmicnet") and "demo" in shown
    # developers' measurements run, but are not listed
    assert "line-of-sight" not in shown


def test_user_without_a_home_has_the_commands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in a container: no HOME, and no entry in the list of users."""
    def no_home(*_: object) -> None:
        raise RuntimeError("Could not determine home directory.")

    for variable in ("HOME", "XDG_DATA_HOME", "COSMICNET_NETWORKS"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(Path, "expanduser", no_home)
    assert main([]) == 0
    with pytest.raises(SystemExit):
        main(["make", "--help"])
    assert "COSMICNET_NETWORKS" in capsys.readouterr().out


def test_module_is_the_command_and_knows_its_version() -> None:
    import cosmicnet

    done = subprocess.run([sys.executable, "-m", "cosmicnet", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["cosmicnet", cosmicnet.__version__]


def test_citation_is_that_of_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    yaml = pytest.importorskip("yaml")
    file = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert main(["cite"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("@article{") == len(file["references"])
    for entry in (file, *file["references"]):
        name, = [r for r in citation.references() if r.title == " ".join(entry["title"].split())]
        for field in ("doi", "journal", "volume", "year"):
            if field in entry:
                assert str(getattr(name, {"doi": "doi"}.get(field, field))) == str(entry[field]), field
        for author in entry["authors"]:
            assert author.get("family-names", author.get("name")) in shown
        for identifier in entry.get("identifiers", ()):
            assert identifier["value"] in shown
    assert str(file["version"]) in shown


def test_runs_on_a_full_disk_name_the_folder_and_leave_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fill(source: str, target: str, *, follow_symlinks: bool = True) -> str:
        raise OSError(28, "No space left on device")

    copytree = shutil.copytree
    monkeypatch.setattr(shutil, "copytree", lambda source, target: copytree(source, target, copy_function=fill))
    assert_refuses(["runs", "mine"], "cosmicnet runs: mine: [Errno 28] No space left on device", capsys)
    assert not Path("mine").exists()
    Path("mine").mkdir()
    assert_refuses(["runs", "mine"], "mine: exists", capsys)


def test_full_disk_is_shown_with_the_output_where_no_file_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(network_commands, "_run_train", fail)
    assert_refuses(["train", "tiny.toml", "--output", "mine"], "cosmicnet train: mine: No space left on device", capsys)


@pytest.mark.usefixtures("patched")
def test_error_without_a_message_asks_for_memory(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from classy import CosmoComputationError

    stand_in(monkeypatch, CosmoComputationError(""))
    assert_refuses(["info"], "is there enough memory?", capsys)


@pytest.mark.usefixtures("patched")
def test_coverage_names_the_networks_or_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    planck = {"output": "tCl,pCl,lCl", "lensing": True, "omega_b": 0.0224, "omega_cdm": 0.12, "H0": 67.4,
              "tau_reio": 0.055, "N_ur": 2.0308, "N_ncdm": 1, "m_ncdm": 0.06}
    cases = {"planck": {}, "curved": {"Omega_k": 0.01}, "very curved": {"Omega_k": 0.3},
             "no such setting": {"colour": 1}, "no sources": {"output": ""}}
    Path("cases.json").write_text(json.dumps([{"name": n, "class": {**planck, **c}} for n, c in cases.items()]))
    Path("mine.ini").write_text("".join(f"{name} = {value}\n" for name, value in {**planck, "lensing": "yes"}.items()))
    assert main(["coverage", "cases.json", "mine.ini"]) == 0
    rows = {cells[0].strip(): [cell.strip() for cell in cells[1:]] for line in capsys.readouterr().out.splitlines()
            if len(cells := line.strip("│").split("│")) == 3}
    assert rows["planck"] == rows["mine.ini"] == ["lcdm", ""]
    assert rows["curved"] == ["standard", ""]
    assert "Omega0_k = 0.3" in rows["very curved"][1]
    assert rows["no such setting"][0] == rows["no sources"][0] == ""
    assert "colour" in why_not({**planck, "lensing": "yes", "colour": 1}, "auto")[1]


@pytest.mark.parametrize("content", ["3", "[1]", '[{"name": "a"}]', "{", '{"a": null}', "[" * 100000])
def test_inputs_of_another_kind_are_refused(content: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("cases.json").write_text(content)
    assert_refuses(["coverage", "cases.json"], "cases.json", capsys)
