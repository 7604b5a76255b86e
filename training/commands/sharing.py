"""The sub-commands of `cosmicnet` for learning runs and for registries: learned, publish, find, fetch."""
from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from .arguments import PROGRAM, new_command

__all__ = ["add_fetch", "add_find", "add_learned", "add_publish"]

VARIABLE = "COSMICNET_REGISTRY"


def add_learned(commands: Any) -> None:
    parser = new_command(
        commands, "learned", "networks that runs have learned, and their audits",
        description="""\
Prints a line for each kind of model in a folder of `neural_network_learn` (Cobaya: `mode: learn`): how many
models CLASS integrated, how many of them the networks have learned, and the error of the networks at models
before they learned them, as a Wishart chi2 of the lensed spectra.""",
        epilog=f"""\
examples:
  {PROGRAM} learned learned
  {PROGRAM} learned learned --install early_dark_energy""")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="the folder of neural_network_learn")
    parser.add_argument("--install", metavar="NAME",
                        help="make a set of your own from the networks, which other runs find by this name")
    parser.set_defaults(run=_run_learned)


def _run_learned(options: argparse.Namespace) -> None:
    from rich.console import Console

    from ..learn.summary import summary_table

    if not options.install:
        Console().print(summary_table(options.folder))
        return
    from ..learn.install import install_learned

    target = _new_set(options.install)
    manifest = install_learned(options.folder, options.install, target)
    ranges = ", ".join(f"{name} = {low:.6g} to {high:.6g}" for name, (low, high) in manifest.domain.items())
    print(f"installed {manifest.name} in {target}: {ranges}")


def _new_set(name: str) -> Path:
    """The folder for a set of the user's own; CosmicnetError for a name that is taken or cannot be one."""
    from pydantic import TypeAdapter, ValidationError

    from cosmicnet.errors import CosmicnetError
    from cosmicnet.installed import shipped_sets, user_folder

    from ..recipe.schema import Name

    try:
        TypeAdapter(Name).validate_python(name)
    except ValidationError as error:
        raise CosmicnetError(f"--install {name}: {error.errors()[0]['msg']}") from error
    if name in shipped_sets():
        raise CosmicnetError(f"--install {name}: a shipped set has this name; choose another one")
    target = user_folder() / name
    if target.exists():
        raise CosmicnetError(f"--install {name}: {target} is there already; move it away first")
    return target


def add_publish(commands: Any) -> None:
    parser = new_command(
        commands, "publish", "put a network set into a registry",
        description="""\
Copies a set into a registry, a folder with an index, which is made where there is none: a path, or an address of
fsspec such as s3://bucket/networks. For a web page or a Zenodo record publish to a folder, and upload that.""",
        epilog=f"""\
examples:
  {PROGRAM} publish my_set --to /group/networks
  {PROGRAM} publish my_set --to /group/networks --models runs/my_set
  {PROGRAM} publish my_set --to s3://bucket/networks --licence CC0-1.0""")
    parser.add_argument("network", metavar="NAME|FOLDER", help="the set")
    parser.add_argument("--to", required=True, metavar="ADDRESS", help="the registry")
    parser.add_argument("--licence", default="CC-BY-4.0", help="under which others may use it (default: %(default)s)")
    parser.add_argument("--models", type=Path, metavar="FOLDER",
                        help="the work folder of its recipe, to publish the models of its training as well")
    parser.set_defaults(run=_run_publish)


def _run_publish(options: argparse.Namespace) -> None:
    from ..share.registry import publish

    entry = publish(options.network, options.to, options.licence, options.models)
    print(f"published {entry.folder} to {options.to}")


def add_find(commands: Any) -> None:
    parser = new_command(
        commands, "find", "which sets of a registry cover your input",
        description="""\
Lists the sets of a registry, those first whose domain holds the input. Sets for another release of CLASS, or for other
equations, are listed with the difference. Nothing is downloaded but descriptions.""",
        epilog=f"""\
examples:
  {PROGRAM} find --registry https://example.org/networks
  {PROGRAM} find run.yaml --registry /group/networks
  {PROGRAM} find omega_cdm=0.11 N_ncdm=1 m_ncdm=0.1 --registry /group/networks""")
    parser.add_argument("input", nargs="*", metavar="FILE|NAME=VALUE",
                        help="an input file (.ini, .yaml, .json), or parameters of CLASS")
    _add_registry(parser)
    parser.set_defaults(run=_run_find)


def _run_find(options: argparse.Namespace) -> None:
    from rich.console import Console

    from ..share.find import found_table
    from ..share.registry import entries_of

    address = _registry(options)
    Console().print(found_table(address, entries_of(address), _parameters(options.input)))


def _parameters(given: list[str]) -> dict[str, Any] | None:
    from cosmicnet.errors import CosmicnetError

    from ..side_by_side.covering_sets import read_inputs

    if not given:
        return None
    pairs = dict(text.split("=", 1) for text in given if "=" in text)
    files = [text for text in given if "=" not in text]
    if files and (pairs or len(files) > 1):
        raise CosmicnetError("find takes one file, or parameters as NAME=VALUE")
    if files:
        return dict(next(iter(read_inputs(Path(files[0])).values())).parameters)
    return {"output": "tCl", **pairs}


def add_fetch(commands: Any) -> None:
    parser = new_command(
        commands, "fetch", "download a set from a registry",
        description="""\
Downloads a set into the folder of your own networks, where it is found by its name. Sizes and checksums are those of
the index. An interrupted download goes on when the command is given again.""",
        epilog=f"""\
examples:
  {PROGRAM} fetch early_dark_energy --registry https://example.org/networks
  {VARIABLE}=/group/networks {PROGRAM} fetch early_dark_energy-3f2a
  {PROGRAM} fetch early_dark_energy --models runs/ede    for `{PROGRAM} make wider.toml --from runs/ede`""")
    parser.add_argument("name", metavar="NAME", help="of the set, or NAME-HASH")
    parser.add_argument("--models", type=Path, metavar="FOLDER",
                        help="where the models of its training go, from which `make --from` can start")
    _add_registry(parser)
    parser.set_defaults(run=_run_fetch)


def _run_fetch(options: argparse.Namespace) -> None:
    from ..share.registry import fetch

    print(f"installed {options.name} in {fetch(options.name, _registry(options), options.models)}")


def _add_registry(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--registry", metavar="ADDRESS", default=os.environ.get(VARIABLE),
                        help=f"a folder, an http or https address, or one of fsspec (default: ${VARIABLE})")


def _registry(options: argparse.Namespace) -> str:
    from cosmicnet.errors import CosmicnetError

    if not options.registry:
        raise CosmicnetError(f"which registry? Give --registry ADDRESS, or set {VARIABLE}")
    return str(options.registry)
