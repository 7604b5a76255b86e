"""The models of a set's training in a registry: the files of a work folder, and a list of them.

ADDRESS/NAME-HASH/training.json lists the files in ADDRESS/NAME-HASH/training/ by size and SHA-256; the index has those
of the list. Fetched, they are a work folder again.
"""
from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cosmicnet.files import parse_json
from cosmicnet.manifest import Manifest

from .download import File, download
from .transport import RegistryError, join, read_blocks, write

__all__ = ["TrainingSet", "fetch_training_set", "publish_training_set"]

LIST, FOLDER, FORMAT_VERSION = "training.json", "training", 1
MOST_FILES, MOST_BYTES_OF_LIST = 50_000, 10_000_000

# Where the models of recipes of one level and of two levels lie in a work folder, and the files there.
FOLDERS, RECIPE_FILE = ("models", "cheap", "converged"), "recipe.json"
NAME = re.compile(rf"(?:(?:{'|'.join(FOLDERS)})/)?"
                  r"(?:recipe\.json|taken\.json|taken-[0-9a-f]{24}\.h5|[0-9]{5,9}\.(?:h5|failed))")

# Entries of a recipe that determine models, of those that both the models' identity and the set's manifest have.
OF_MODELS = ("class_settings", "seed", "ranges", "box", "design", "constraints")


@dataclass(frozen=True)
class TrainingSet:
    """list: of the files; files: their number; bytes: of all."""

    list: File
    files: int
    bytes: int

    @classmethod
    def from_json(cls, data: Any) -> TrainingSet:
        """ValueError, TypeError or KeyError for what publish_training_set() does not write."""
        found = cls(**{**data, "list": File.from_json(data["list"])})
        if not all(type(number) is int and number > 0 for number in (found.files, found.bytes)) \
                or found.files > MOST_FILES or found.list.size > MOST_BYTES_OF_LIST:
            raise ValueError(f"a training set of {found.files!r} files and {found.bytes!r} bytes")
        return found


def publish_training_set(work: Path, manifest: Manifest, address: str) -> TrainingSet:
    """Copy the models in a work folder to the address of a published set; the list comes last.

    RegistryError where the models are not those of the set, DatasetError for a damaged one.
    """
    # those who have models have the packages for training
    from ..work.files import read_hdf5

    _require_models_of(work, manifest)
    files = {}
    for name in _names(work):
        path = work / name
        if path.suffix == ".h5":
            with read_hdf5(path, "delete it and integrate it again"):
                pass
        content = path.read_bytes()
        write(join(address, FOLDER, name), content)
        files[name] = File.of(content)
    listed = (json.dumps({"format_version": FORMAT_VERSION, "files": {
        name: asdict(file) for name, file in files.items()}}, indent=1) + "\n").encode()
    write(join(address, LIST), listed)
    return TrainingSet(File.of(listed), len(files), sum(file.size for file in files.values()))


def _names(work: Path) -> Iterator[str]:
    for folder in (work, *(work / name for name in FOLDERS)):
        for path in sorted(folder.glob("*")):
            if NAME.fullmatch(name := path.relative_to(work).as_posix()):
                yield name


def _require_models_of(work: Path, manifest: Manifest) -> None:
    """RegistryError if the models in the work folder are not those of a set's recipe and CLASS."""
    path = next((path for path in (work / FOLDERS[0] / RECIPE_FILE, work / RECIPE_FILE) if path.exists()), None)
    if path is None or not any(name.endswith(".h5") for name in _names(work)):
        raise RegistryError(f"{work} is not the work folder of a recipe: it has no models")
    try:
        identity = parse_json(path.read_bytes())
        theirs, mine = ({**entries, **entries["sampling"]} if "sampling" in entries else entries
                        for entries in (identity, manifest.recipe))
        different = [name for name in OF_MODELS if name in theirs and name in mine and theirs[name] != mine[name]]
        same_class = identity["class"]["source_digest"] == manifest.source_digest
    except (ValueError, TypeError, KeyError) as error:
        raise RegistryError(f"{path} is damaged, so that the models beside it are unidentified") from error
    if different or not same_class or not any(name in theirs and name in mine for name in OF_MODELS):
        raise RegistryError(f"{work} holds models of another recipe than '{manifest.name}': "
                            f"{', '.join(different) or ('the recipe' if same_class else 'CLASS')} differs")


def fetch_training_set(address: str, training: TrainingSet, folder: Path) -> None:
    """Download the models of the set at this address into a folder, which is then a work folder.

    An interrupted download goes on; RegistryError for files that are not those of the list, and where the folder has
    others of the same names.
    """
    files = _listed(join(address, LIST), training)
    # the file without which there is no recipe comes last
    for name, expected in sorted(files.items(), key=lambda item: item[0].endswith(RECIPE_FILE)):
        path = folder / name
        if path.exists():
            if not expected.is_at(path):
                raise RegistryError(f"{path} is another file than that of the training set: choose another folder")
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.part")
        download(join(address, FOLDER, name), part, expected)
        os.replace(part, path)


def _listed(address: str, training: TrainingSet) -> Mapping[str, File]:
    content = b"".join(read_blocks(address, training.list.size))
    if File.of(content) != training.list:
        raise RegistryError(f"{address} is not the file of the index: other size or SHA-256")
    try:
        data = parse_json(content)
        if data["format_version"] != FORMAT_VERSION:
            raise ValueError(f"format version {data['format_version']!r}, but this cosmicnet reads {FORMAT_VERSION}")
        files = {name: File.from_json(file) for name, file in data["files"].items()}
        if strange := [name for name in files if not NAME.fullmatch(name)]:
            raise ValueError(f"a file {strange[0]!r}")
        if (len(files), sum(file.size for file in files.values())) != (training.files, training.bytes):
            raise ValueError("other files than the index promises")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise RegistryError(f"{address} is not the list of a training set: {error}") from error
    return files
