"""The folder of kept models and learned networks, which processes and machines may share.

FOLDER/IDENTITY/                one for each CLASS, its settings and its kind of model (model.Identity)
    identity.json
    models/MODEL.h5             one for each model that CLASS integrated
    tables/CODE/MODEL.h5        the same on the nodes of the fields, made by the process that fits
    audits/MODEL.json           the error of networks that had not learned the model
    networks/000057/            a network set, by the number of its models, and calibration.safetensors

Files are written whole or not at all, under names that follow from their content. A killed process leaves at most a
temporary file. The only lock is one of the operating system, which ends with its process.
"""
from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..work.files import read_json, write_json
from .chain_model import ChainModel, Identity, write_chain_model

__all__ = ["CALIBRATION", "IDENTITY", "Learned", "others"]

IDENTITY = "identity.json"
# The last file of networks that is written.
CALIBRATION = "calibration.safetensors"
# The end of the name of what is damaged and never used again.
DAMAGED = ".damaged"


@dataclass(frozen=True)
class Learned:
    """All models of one identity, and the networks learned from them."""

    folder: Path
    identity: Identity

    @classmethod
    def open(cls, folder: Path, identity: Identity) -> Learned:
        """The part of `folder` for this identity, which is made. OSError where nothing can be written; ValueError where
        the part is damaged."""
        learned = cls(folder / identity.key, identity)
        path = learned.folder / IDENTITY
        if not path.exists():
            write_json(path, vars(identity))
        if Identity(**read_json(path)) != identity:
            raise ValueError(f"{path} is of another CLASS or of other settings than its name says")
        return learned

    @classmethod
    def of(cls, folder: Path) -> Learned:
        """A part by its folder. OSError or ValueError if it cannot be read."""
        return cls(folder, Identity(**read_json(folder / IDENTITY)))

    def keep(self, model: ChainModel) -> Path:
        """Write a model; OSError if it cannot be written."""
        path = self.folder / "models" / f"{model.key}.h5"
        if not path.exists():
            write_chain_model(path, model)
        return path

    def models(self) -> list[Path]:
        """In the order of their names, which has nothing to do with the parameters."""
        return sorted(path for path in (self.folder / "models").glob("*.h5"))

    def newest_networks(self) -> Path | None:
        """The networks of the most models that are complete."""
        found = [path.parent for path in (self.folder / "networks").glob(f"*/{CALIBRATION}")
                 if path.parent.name.isdecimal()]
        return max(found, key=lambda path: int(path.name), default=None)

    def set_aside(self, path: Path) -> None:
        """Give a damaged model, or damaged networks, a name under which they are not used."""
        target = path.with_name(f"{path.name}{DAMAGED}")
        if target.is_dir():
            shutil.rmtree(target)
        os.replace(path, target)

    def damaged(self) -> list[str]:
        """What was set aside."""
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.glob(f"*/*{DAMAGED}"))

    def networks_of(self, number: int) -> Path:
        return self.folder / "networks" / f"{number:06d}"

    def add_audit(self, model: str, entries: dict[str, Any]) -> None:
        write_json(self.folder / "audits" / f"{model}.json", entries)

    def audits(self) -> dict[str, dict[str, Any]]:
        """By model; files that cannot be read are left out."""
        found = {}
        for path in sorted((self.folder / "audits").glob("*.json")):
            with suppress(OSError, ValueError):
                found[path.stem] = read_json(path)
        return found

    @contextmanager
    def fitting(self) -> Iterator[bool]:
        """Whether this process is the one that fits, until it ends."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / "fitting", "w", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield False
                return
            yield True


def others(folder: Path, own: Identity) -> list[str]:
    """One sentence for each other part of the folder: how it differs."""
    sentences = []
    for path in sorted(folder.glob(f"*/{IDENTITY}")):
        if path.parent.name == own.key:
            continue
        number = len(list((path.parent / "models").glob("*.h5")))
        try:
            theirs = Identity(**read_json(path))
        except (OSError, ValueError, TypeError) as error:
            sentences.append(f"{path.parent.name}: {number} models that cannot be used ({error})")
            continue
        sentences.append(f"{path.parent.name}: {number} models with {_difference(theirs, own)}")
    return sentences


def _difference(theirs: Identity, own: Identity) -> str:
    """The first entry in which two identities differ."""
    for name, value in vars(theirs).items():
        mine = getattr(own, name)
        if value == mine:
            continue
        if name == "source_digest":
            return "other equations of CLASS"
        if isinstance(value, dict):
            keys = [key for key in sorted({*value, *mine}) if value.get(key) != mine.get(key)]
            return ", ".join(f"{key} = {value.get(key, 'absent')}, not {mine.get(key, 'absent')}" for key in keys[:3])
        if isinstance(value, list):
            return f"other {name}: {', '.join(map(json.dumps, sorted(set(value) ^ set(mine))[:5]))}"
        return f"{name} = {value}, not {mine}"
    return "the same settings"
