"""The index of a registry: publish a set, list the sets, fetch one.

ADDRESS/index.json has one entry for each set, with the size and SHA-256 of its files in ADDRESS/NAME-HASH/. A set never
changes: another one of the same name has another hash. Sets of another CLASS are listed, with the difference. Models of
the training may lie beside it (training_set.py).
"""
from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from cosmicnet.errors import NetworkFileError
from cosmicnet.files import parse_json
from cosmicnet.installed import MANIFEST, installed_sets, shipped_sets, user_folder
from cosmicnet.manifest import Manifest
from cosmicnet.running_class import RunningClass
from cosmicnet.store import ARRAYS, load_network_set

from .download import HASH, File, download
from .training_set import TrainingSet, fetch_training_set, publish_training_set
from .transport import RegistryError, exists, join, read_blocks, write

__all__ = ["INDEX", "PublishedSet", "entries_of", "fetch", "publish", "published_manifest", "why_not_usable"]

INDEX, FORMAT_VERSION = "index.json", 1
FILES = (MANIFEST, ARRAYS)
# Beside networks that a run has learned.
LEARNED = "calibration.safetensors"

# A larger index is refused.
MOST_BYTES_OF_INDEX, MOST_SETS = 5_000_000, 5_000

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
DIGITS = 12


@dataclass(frozen=True)
class PublishedSet:
    """A set in an index. sha256: that of the set; domain: ranges by parameter; files: by name; training: None if only
    the networks were published."""

    name: str
    description: str
    licence: str
    class_version: str
    source_digest: str
    sha256: str
    domain: dict[str, tuple[float, float]]
    files: dict[str, File]
    training: TrainingSet | None = None

    @property
    def folder(self) -> str:
        return f"{self.name}-{self.sha256[:DIGITS]}"

    @classmethod
    def from_json(cls, data: Any) -> PublishedSet:
        """ValueError, TypeError or KeyError for what publish() does not write."""
        training = data.get("training")
        entry = cls(**{**data, "files": {name: File.from_json(file) for name, file in data["files"].items()},
                       "training": None if training is None else TrainingSet.from_json(training),
                       "domain": {name: (float(low), float(high)) for name, (low, high) in data["domain"].items()}})
        texts = (entry.name, entry.description, entry.licence, entry.class_version, entry.source_digest)
        if not all(isinstance(text, str) for text in texts) or not NAME.fullmatch(entry.name):
            raise ValueError(f"name {entry.name!r}")
        if set(entry.files) != set(FILES):
            raise ValueError(f"{entry.name}: files {', '.join(map(repr, entry.files))}")
        if not HASH.fullmatch(entry.sha256):
            raise ValueError(f"{entry.name}: no SHA-256")
        return entry


def entries_of(address: str) -> list[PublishedSet]:
    """The sets of a registry. RegistryError where it cannot be read, or its index is too large or no index."""
    content = b"".join(read_blocks(join(address, INDEX), MOST_BYTES_OF_INDEX))
    try:
        index = parse_json(content)
        if index["format_version"] != FORMAT_VERSION:
            raise ValueError(f"format version {index['format_version']!r}, but this cosmicnet reads {FORMAT_VERSION}")
        if len(index["sets"]) > MOST_SETS:
            raise ValueError(f"{len(index['sets'])} sets")
        return [PublishedSet.from_json(data) for data in index["sets"]]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise RegistryError(f"{join(address, INDEX)} is not the index of a registry: {error}") from error


def publish(network: str, address: str, licence: str, work: Path | None = None) -> PublishedSet:
    """Copy an installed set, or that of a folder, into a registry, which is made; the index comes last.

    work: the work folder of its recipe, whose models are published as well. Raises NetworkFileError for a set that
    cannot be loaded, RegistryError where nothing can be written or these are other models.
    """
    manifest = load_network_set(network).manifest
    folder = installed_sets().get(network) or Path(network).expanduser()
    if (folder / LEARNED).exists():
        raise RegistryError(f"{folder} has networks of a learning run, which need an error for every point; "
                            "`cosmicnet learned FOLDER --install NAME` makes a set of them")
    contents = {name: (folder / name).read_bytes() for name in FILES}
    if not NAME.fullmatch(manifest.name):
        raise RegistryError(f"the set is named {manifest.name!r}; letters, digits and ._- are allowed")
    if manifest.companion and manifest.companion not in shipped_sets():
        raise RegistryError(f"'{manifest.name}' needs the set '{manifest.companion}', which others do not have")
    entry = PublishedSet(manifest.name, manifest.description, licence, manifest.class_version, manifest.source_digest,
                  manifest.sha256, manifest.domain,
                  {name: File.of(content) for name, content in contents.items()})
    known = entries_of(address) if exists(join(address, INDEX)) else []
    before = next((one.training for one in known if one.sha256 == entry.sha256), None)
    training = before if work is None else publish_training_set(work, manifest, join(address, entry.folder))
    entry = replace(entry, training=training)
    for name, content in contents.items():
        write(join(address, entry.folder, name), content)
    sets = [*(one for one in known if one.sha256 != entry.sha256), entry]
    write(join(address, INDEX), _index(sets))
    return entry


def _index(sets: Sequence[PublishedSet]) -> bytes:
    ordered = sorted(sets, key=lambda entry: (entry.name, entry.sha256))
    return (json.dumps({"format_version": FORMAT_VERSION, "sets": [asdict(one) for one in ordered]}, indent=1)
            + "\n").encode()


def why_not_usable(entry: PublishedSet, running: RunningClass) -> str:
    """Why the CLASS of this Python cannot use a set; '' if it can."""
    version, theirs = (text.removeprefix("v").partition("+")[0] for text in (running.version, entry.class_version))
    if version.removesuffix(".0") != theirs.removesuffix(".0"):
        return f"for CLASS {entry.class_version}, not {running.version}"
    return "" if running.source_digest == entry.source_digest else "for a CLASS with other equations"


def fetch(name: str, address: str, work: Path | None = None) -> Path:
    """Download a set into the folder of the user's own sets, and return its folder.

    name: of the set, or NAME-HASH with as many digits of its hash as make it unique. work: a folder for the models of
    its training, which becomes a work folder. An interrupted download resumes. Raises RegistryError, NetworkFileError
    for a set that cannot be loaded, OSError where nothing can be written.
    """
    entry = _only(entries_of(address), name, address)
    if work is not None and entry.training is None:
        raise RegistryError(f"{address}: '{entry.name}' was published without the models of its training")
    target = _fetch_networks(entry, address)
    if work is not None and entry.training is not None:
        fetch_training_set(join(address, entry.folder), entry.training, work)
    return target


def _fetch_networks(entry: PublishedSet, address: str) -> Path:
    target = user_folder() / entry.name
    if target.exists():
        if load_network_set(target).manifest.sha256 == entry.sha256:
            return target
        raise RegistryError(f"{target} holds another set; move it away first")
    if entry.name in shipped_sets():
        raise RegistryError(f"'{entry.name}' is the name of a set of this package")
    unfinished = target.with_name(f".{entry.folder}.part")
    unfinished.mkdir(parents=True, exist_ok=True)
    for file, expected in entry.files.items():
        download(join(address, entry.folder, file), unfinished / file, expected)
    try:
        found = load_network_set(unfinished).manifest
        if (found.sha256, found.name) != (entry.sha256, entry.name):
            raise RegistryError(f"{address}: '{entry.name}' is not the set of the index")
    except (NetworkFileError, RegistryError):
        shutil.rmtree(unfinished)
        raise
    os.replace(unfinished, target)
    return target


def _only(entries: Sequence[PublishedSet], name: str, address: str) -> PublishedSet:
    found = [entry for entry in entries if entry.name == name or entry.folder.startswith(name)]
    if exact := [entry for entry in found if entry.name == name]:
        found = exact
    if len(found) == 1:
        return found[0]
    names = ", ".join(entry.folder for entry in (found or entries)) or "none"
    raise RegistryError(f"{address} has {'several sets' if found else 'no set'} {name!r}; there are {names}")


def published_manifest(address: str, entry: PublishedSet) -> Manifest:
    """The manifest of a set that was not fetched; RegistryError if it is not that of the index."""
    where = join(address, entry.folder, MANIFEST)
    content = b"".join(read_blocks(where, entry.files[MANIFEST].size))
    if File.of(content) != entry.files[MANIFEST]:
        raise RegistryError(f"{where} is not the file of the index: other SHA-256")
    try:
        return Manifest.from_json(parse_json(content), where)
    except ValueError as error:
        raise RegistryError(f"{where} is no valid JSON: {error}") from error
