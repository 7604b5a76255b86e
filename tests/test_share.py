"""A registry on a file system and behind a web server: a fetched set is the published one, bit by bit, or an error."""
from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from file_contents import contents
from synthetic import make_network_set
from test_dataset import make_model, write_model

from cosmicnet.errors import CosmicnetError
from cosmicnet.installed import MANIFEST
from cosmicnet.running_class import RunningClass
from cosmicnet.store import ARRAYS, NetworkSet, load_network_set, save_network_set

pytest.importorskip("fsspec")
from cosmicnet.training.learn.folder import CALIBRATION
from cosmicnet.training.share.registry import INDEX, entries_of, fetch, publish, published_manifest, why_not_usable
from cosmicnet.training.share.transport import RegistryError


class Server(SimpleHTTPRequestHandler):
    """Files of a folder, with or without ranges, and connections that end in the middle of a file."""

    ranges = True
    ends_after: int | None = None
    cut: str = ARRAYS
    requested: list[tuple[str, str]]

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        wanted = self.headers.get("Range", "")
        type(self).requested.append((path.name, wanted))
        if not path.is_file():
            self.send_error(404)
            return
        content = path.read_bytes()
        first = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.ranges else 0
        self.send_response(206 if first else 200)
        self.send_header("Content-Length", str(len(content) - first))
        self.end_headers()
        part = content[first:]
        if self.ends_after is not None and path.name == self.cut:
            part = part[:self.ends_after]
        self.wfile.write(part)

    def log_message(self, *_arguments: Any) -> None:
        pass


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    """A registry with one set."""
    save_network_set(tmp_path / "mine", make_network_set())
    publish(str(tmp_path / "mine"), str(tmp_path / "registry"), "CC0-1.0")
    return tmp_path / "registry"


@pytest.fixture
def web(registry: Path) -> Iterator[str]:
    Server.ranges, Server.ends_after, Server.cut, Server.requested = True, None, ARRAYS, []
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Server, directory=str(registry)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COSMICNET_NETWORKS", str(tmp_path / "own"))
    return tmp_path / "own"


def the_hash(registry: Path) -> str:
    return str(json.loads((registry / INDEX).read_text())["sets"][0]["sha256"])


def test_a_set_is_fetched_as_it_was_published(registry: Path, web: str, own_folder: Path) -> None:
    for address in (str(registry), f"file://{registry}", web):
        entry, = entries_of(address)
        assert (entry.name, entry.licence, entry.sha256) == ("synthetic", "CC0-1.0", the_hash(registry))
    assert fetch("synthetic", web) == own_folder / "synthetic"
    assert load_network_set("synthetic").manifest.sha256 == the_hash(registry)
    assert fetch("synthetic", str(registry)) == own_folder / "synthetic"
    assert [path.name for path in own_folder.iterdir()] == ["synthetic"]


@pytest.mark.parametrize("ranges", [True, False])
def test_a_download_that_was_cut_off_goes_on(registry: Path, web: str, own_folder: Path, ranges: bool) -> None:
    Server.ranges, Server.ends_after = ranges, 1000
    with pytest.raises(RegistryError, match=ARRAYS):
        fetch("synthetic", web)
    assert not (own_folder / "synthetic").exists()
    part, = own_folder.glob(f".synthetic-*/{ARRAYS}")
    assert 0 < part.stat().st_size < (registry / part.parent.name.removeprefix(".").removesuffix(".part")
                                      / ARRAYS).stat().st_size
    Server.ends_after = None
    Server.requested.clear()
    fetch("synthetic", web)
    assert load_network_set("synthetic").manifest.sha256 == the_hash(registry)
    assert (ARRAYS, "bytes=1000-") in Server.requested
    assert MANIFEST not in [name for name, _ in Server.requested]


def test_a_part_of_another_file_is_thrown_away(registry: Path, web: str, own_folder: Path) -> None:
    folder = own_folder / f".{entries_of(web)[0].folder}.part"
    folder.mkdir(parents=True)
    (folder / ARRAYS).write_bytes(b"something else")
    fetch("synthetic", web)
    assert load_network_set("synthetic").manifest.sha256 == the_hash(registry)


@pytest.mark.parametrize("damage", [
    lambda content: content[:-1] + bytes([content[-1] ^ 1]), lambda content: content + b"x",
    lambda content: content[:-1]])
def test_files_that_are_not_those_of_the_index_are_refused(registry: Path, web: str, own_folder: Path,
                                                           damage: Any) -> None:
    path, = registry.glob(f"*/{ARRAYS}")
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(RegistryError, match=ARRAYS):
        fetch("synthetic", web)
    assert not (own_folder / "synthetic").exists()


def test_an_index_that_promises_another_set_is_refused(registry: Path, own_folder: Path) -> None:
    index = json.loads((registry / INDEX).read_text())
    index["sets"][0]["name"] = "other"
    (registry / INDEX).write_text(json.dumps(index))
    next(registry.glob("synthetic-*")).rename(registry / f"other-{the_hash(registry)[:12]}")
    with pytest.raises(RegistryError):
        fetch("other", str(registry))
    assert list(own_folder.iterdir()) == []


def change(index: dict[str, Any], **entries: Any) -> str:
    index["sets"][0] |= entries
    return json.dumps(index)


@pytest.mark.parametrize("write", [
    lambda index: "no JSON", lambda index: "[]", lambda index: "[" * 100_000,
    lambda index: json.dumps({**index, "format_version": 2}), lambda index: json.dumps({**index, "sets": 6000 * [{}]}),
    lambda index: change(index, name="../../etc"), lambda index: change(index, name=".hidden"),
    lambda index: change(index, files={"run.py": {"size": 3, "sha256": 64 * "0"}}),
    lambda index: change(index, files={MANIFEST: {"size": 10**12, "sha256": 64 * "0"},
                                       ARRAYS: {"size": 3, "sha256": 64 * "0"}}),
    lambda index: change(index, sha256="/"), lambda index: change(index, surprise=1), lambda index: 6_000_000 * " "])
def test_a_strange_index_is_refused(registry: Path, write: Any) -> None:
    (registry / INDEX).write_text(write(json.loads((registry / INDEX).read_text())))
    with pytest.raises(RegistryError, match=INDEX):
        entries_of(str(registry))


@pytest.mark.parametrize("content", [b"no JSON", 100_000 * b"[", b"\xff", b"[]"])
def test_a_manifest_that_is_none_is_an_error_though_the_index_has_its_hash(registry: Path, content: bytes) -> None:
    next(registry.glob(f"*/{MANIFEST}")).write_bytes(content)
    index = json.loads((registry / INDEX).read_text())
    index["sets"][0]["files"][MANIFEST] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (registry / INDEX).write_text(json.dumps(index))
    entry, = entries_of(str(registry))
    with pytest.raises(CosmicnetError, match=MANIFEST):
        published_manifest(str(registry), entry)


def test_sets_of_one_name_are_told_apart(registry: Path, tmp_path: Path, own_folder: Path) -> None:
    other = make_network_set()
    save_network_set(tmp_path / "mine", replace(other, manifest=replace(other.manifest, description="changed")))
    entry = publish(str(tmp_path / "mine"), str(registry), "CC0-1.0")
    assert len(entries_of(str(registry))) == 2
    with pytest.raises(RegistryError):
        fetch("synthetic", str(registry))
    fetch(entry.folder, str(registry))
    assert load_network_set(own_folder / "synthetic").manifest.description == "changed"
    first = next(one for one in entries_of(str(registry)) if one.sha256 != entry.sha256)
    with pytest.raises(RegistryError):
        fetch(first.folder, str(registry))


def test_publishing_again_changes_nothing(registry: Path, tmp_path: Path) -> None:
    before = (registry / INDEX).read_bytes()
    publish(str(tmp_path / "mine"), str(registry), "CC0-1.0")
    assert (registry / INDEX).read_bytes() == before


def test_networks_of_a_learning_run_are_no_set_yet(registry: Path, tmp_path: Path) -> None:
    (tmp_path / "mine" / CALIBRATION).touch()
    with pytest.raises(RegistryError, match="--install"):
        publish(str(tmp_path / "mine"), str(registry), "CC0-1.0")


def test_nothing_is_written_to_the_web(web: str, tmp_path: Path) -> None:
    with pytest.raises(RegistryError):
        publish(str(tmp_path / "mine"), web, "CC0-1.0")


@pytest.mark.parametrize("address", ["/nowhere/at/all", "http://127.0.0.1:9", "nothing://there"])
def test_a_registry_that_is_not_there_is_named(address: str) -> None:
    with pytest.raises(RegistryError, match=address):
        entries_of(address)


# The models of the training

MODELS_DAMAGED = Path("models", "00001.h5")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A work folder of the set `taught`, with another file that is not of its models."""
    manifest = taught(tmp_path).manifest
    folder = tmp_path / "work" / "models"
    folder.mkdir(parents=True)
    (folder / "recipe.json").write_text(json.dumps({
        "class_settings": {"N_ncdm": 1}, "sampling": {"seed": 1, "ranges": {"H0": [60.0, 80.0]}},
        "class": {"version": manifest.class_version, "source_digest": manifest.source_digest}}))
    for number in range(3):
        write_model(folder / f"0000{number}.h5", make_model(number))
    (folder / "00003.failed").write_text("no")
    (folder / "notes.txt").write_text("mine")
    return tmp_path / "work"


def taught(tmp_path: Path) -> NetworkSet:
    networks = make_network_set()
    recipe = {"class_settings": {"N_ncdm": 1}, "sampling": {"seed": 1, "ranges": {"H0": [60.0, 80.0]}}}
    taught = replace(networks, manifest=replace(networks.manifest, name="taught", recipe=recipe))
    save_network_set(tmp_path / "taught", taught)
    return taught


@pytest.fixture
def with_models(registry: Path, work: Path, tmp_path: Path) -> Path:
    publish(str(tmp_path / "taught"), str(registry), "CC0-1.0", work)
    return registry


def test_models_are_fetched_as_they_were_published(
        with_models: Path, web: str, work: Path, tmp_path: Path, own_folder: Path) -> None:
    theirs = contents(work)
    del theirs["models/notes.txt"]
    for address, folder in ((web, tmp_path / "web"), (str(with_models), tmp_path / "disk")):
        fetch("taught", address, folder)
        assert contents(folder) == theirs
    assert sorted(path.name for path in own_folder.iterdir()) == ["taught"]
    entry = next(one for one in entries_of(web) if one.name == "taught")
    assert entry.training is not None and entry.training.bytes == sum(map(len, theirs.values()))


def test_a_download_of_models_that_was_cut_off_goes_on(
        with_models: Path, web: str, work: Path, tmp_path: Path) -> None:
    Server.cut, Server.ends_after = MODELS_DAMAGED.name, 1000
    with pytest.raises(RegistryError, match=MODELS_DAMAGED.name):
        fetch("taught", web, tmp_path / "new")
    assert not (tmp_path / "new" / MODELS_DAMAGED).exists()
    # without it nobody takes the models that are there for all
    assert not (tmp_path / "new" / "models" / "recipe.json").exists()
    Server.ends_after = None
    Server.requested.clear()
    fetch("taught", web, tmp_path / "new")
    assert (tmp_path / "new" / MODELS_DAMAGED).read_bytes() == (work / MODELS_DAMAGED).read_bytes()
    assert (MODELS_DAMAGED.name, "bytes=1000-") in Server.requested
    assert "00000.h5" not in [name for name, _ in Server.requested]
    assert not list((tmp_path / "new").rglob("*.part"))


def test_models_that_are_not_those_of_the_list_are_refused(with_models: Path, web: str, tmp_path: Path) -> None:
    path, = with_models.glob(f"*/training/{MODELS_DAMAGED}")
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(RegistryError, match=MODELS_DAMAGED.name):
        fetch("taught", web, tmp_path / "new")
    assert not (tmp_path / "new" / MODELS_DAMAGED).exists()


@pytest.mark.parametrize("change_list", [
    lambda listed: {"../evil.h5": next(iter(listed.values()))}, lambda listed: {**listed, "models/run.py": {}},
    lambda listed: dict(list(listed.items())[1:]), lambda listed: {name: {} for name in listed}])
def test_a_strange_list_is_refused(with_models: Path, tmp_path: Path, change_list: Any) -> None:
    """Though the index has its checksum."""
    path, = with_models.glob("*/training.json")
    path.write_text(json.dumps({"format_version": 1, "files": change_list(json.loads(path.read_text())["files"])}))
    index = json.loads((with_models / INDEX).read_text())
    content = path.read_bytes()
    index["sets"][-1]["training"]["list"] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (with_models / INDEX).write_text(json.dumps(index))
    with pytest.raises(RegistryError, match=r"training\.json"):
        fetch("taught", str(with_models), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_models_do_not_replace_others(with_models: Path, tmp_path: Path) -> None:
    (tmp_path / "new" / "models").mkdir(parents=True)
    (tmp_path / "new" / MODELS_DAMAGED).write_text("mine")
    with pytest.raises(RegistryError, match="choose another folder"):
        fetch("taught", str(with_models), tmp_path / "new")
    assert (tmp_path / "new" / MODELS_DAMAGED).read_text() == "mine"


def test_models_of_another_recipe_or_damaged_ones_are_not_published(
        registry: Path, work: Path, tmp_path: Path) -> None:
    recipe = work / "models" / "recipe.json"
    identity = recipe.read_text()
    for change, named in ((('"seed": 1', '"seed": 2'), "seed"), (("aaaa", "bbbb"), "CLASS"), (("{", "["), "damaged")):
        recipe.write_text(identity.replace(*change))
        with pytest.raises(RegistryError, match=named):
            publish(str(tmp_path / "taught"), str(registry), "CC0-1.0", work)
    recipe.write_text(identity)
    (work / MODELS_DAMAGED).write_bytes((work / MODELS_DAMAGED).read_bytes()[:-10])
    with pytest.raises(CosmicnetError, match=MODELS_DAMAGED.name):
        publish(str(tmp_path / "taught"), str(registry), "CC0-1.0", work)
    with pytest.raises(RegistryError, match="no models"):
        publish(str(tmp_path / "taught"), str(registry), "CC0-1.0", tmp_path / "elsewhere")
    assert [entry.name for entry in entries_of(str(registry))] == ["synthetic"]


def test_publishing_again_without_models_keeps_them(with_models: Path, tmp_path: Path) -> None:
    before = (with_models / INDEX).read_bytes()
    publish(str(tmp_path / "taught"), str(with_models), "CC0-1.0")
    assert (with_models / INDEX).read_bytes() == before


def test_a_set_without_models_says_so(registry: Path, tmp_path: Path, own_folder: Path) -> None:
    with pytest.raises(RegistryError, match="without the models"):
        fetch("synthetic", str(registry), tmp_path / "new")
    assert not own_folder.exists() or not list(own_folder.iterdir())


def test_sets_for_another_class_are_not_used(registry: Path) -> None:
    entry, = entries_of(str(registry))
    running = RunningClass(entry.class_version, entry.source_digest)
    assert why_not_usable(entry, running) == ""
    assert "3.5.0" in why_not_usable(entry, replace(running, version="3.5.0"))
    assert "equations" in why_not_usable(entry, replace(running, source_digest=64 * "0"))
