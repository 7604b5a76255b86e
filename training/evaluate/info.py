"""Print a network set: domain, reach, provenance, accuracy."""
from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from cosmicnet.files import parse_json
from cosmicnet.installed import installed_sets
from cosmicnet.manifest import Manifest
from cosmicnet.store import load_network_set

from .accuracy_page import MEASURED

__all__ = ["print_info"]

MEGABYTE = 1e6


def print_info(network: str) -> None:
    """Print everything about the set of this name or folder; NetworkFileError if there is none."""
    manifest = load_network_set(network).manifest
    folder = installed_sets().get(network, Path(network).expanduser())
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"[bold]{manifest.name}[/bold]: {manifest.description}\n{folder}, {_megabytes(folder):.1f} MB")
    console.print(_domain(manifest))
    for constraint in manifest.constraints:
        console.print(f"and {constraint}")
    if manifest.ellipsoid:
        console.print(f"and within {manifest.ellipsoid['sigmas']:g} standard deviations of {_middle(manifest)}")
    console.print(f"k up to {manifest.k_max:g}/Mpc; CMB sources up to k r_s(rec) = "
                  f"{manifest.k_max_cmb_times_sound_horizon:g}")
    _print_provenance(console, manifest)
    _print_accuracy(console, manifest, folder / MEASURED)


def _megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file()) / MEGABYTE


def _domain(manifest: Manifest) -> Table:
    table = Table("parameter", "lowest", "highest")
    for name, (low, high) in manifest.domain.items():
        table.add_row(name, f"{low:g}", f"{high:g}")
    return table


def _middle(manifest: Manifest) -> str:
    pairs = zip(manifest.ellipsoid["names"], manifest.ellipsoid["mean"], strict=True)
    return ", ".join(f"{name} = {value:g}" for name, value in pairs)


def _print_provenance(console: Console, manifest: Manifest) -> None:
    recipe: dict[str, Any] = manifest.recipe
    settings = ", ".join(f"{name} = {value}" for name, value in recipe.get("class_settings", {}).items())
    console.print(f"trained on {recipe.get('models_used', '?')} models of CLASS {manifest.class_version} (sources "
                  f"{manifest.source_digest[:12]}) with {settings or 'unknown settings'}")
    if audits := recipe.get("audits"):
        console.print(f"learned by runs; Wishart chi2 at {audits['number']} models that networks did not know: median "
                      f"{audits['median_chi2']:.2g}, largest {audits['largest_chi2']:.2g}; the domain is where the "
                      f"stated error is below {recipe['stated_error']:g}, and it bounds {audits['bounded']}")
    console.print(f"a request must share {len(manifest.setup)} settings and {len(manifest.precision)} precision "
                  "parameters")
    if levels := recipe.get("levels"):
        finest = {**levels["shared"], **levels["converged"], **levels["stands_for"]}
        console.print(f"precision: {', '.join(f'{name} = {value:g}' for name, value in finest.items())}")
    if manifest.companion:
        made_with = str(recipe.get("companion_sha256", "unknown"))[:12]
        console.print(f"lensing and matter sources come from '{manifest.companion}', hash {made_with} when it was made")
    console.print(f"SHA-256 {manifest.sha256}")


def _print_accuracy(console: Console, manifest: Manifest, file: Path) -> None:
    """The figures of `cosmicnet evaluate` beside the set, if they are of these networks."""
    how = f"`cosmicnet evaluate --network {file.parent}` measures it"
    try:
        measured = parse_json(file.read_text(encoding="utf-8"))
        if f"hash {manifest.sha256[:12]}" not in measured["network"]:
            console.print(f"accuracy: {file} is of other networks ({measured['network']}); {how}")
            return
        for box in measured["boxes"]:
            table = Table("error on unseen models", "median model", "95% of models", "worst",
                          title=f"{box['title']}, {box['models']} models")
            for title, values in box["figures"].items():
                table.add_row(title, *values)
            console.print(table)
    except FileNotFoundError:
        console.print(f"accuracy: not measured; {how}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        console.print(f"accuracy: {file} cannot be read ({error}); {how}")
