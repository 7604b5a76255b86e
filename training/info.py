"""Show a network set's manifest to people."""
from __future__ import annotations

from rich.console import Console
from rich.table import Table

from cosmicnet.manifest import Manifest

__all__ = ["print_info"]


def print_info(manifest: Manifest) -> None:
    """Print what the set is, its domain, its reach and its provenance."""
    console = Console()
    console.print(f"[bold]{manifest.name}[/bold]: {manifest.description}", highlight=False)
    table = Table("parameter", "lowest", "highest")
    for name, (low, high) in manifest.domain.items():
        table.add_row(name, f"{low:g}", f"{high:g}")
    console.print(table)
    console.print(f"k up to {manifest.k_max:g}/Mpc; CMB sources up to k r_s(rec) = "
                  f"{manifest.k_max_cmb_times_sound_horizon:g}", highlight=False)
    console.print(f"CLASS {manifest.class_version}, {len(manifest.setup)} settings and "
                  f"{len(manifest.precision)} precision parameters must agree", highlight=False)
    console.print(f"{manifest.recipe.get('models_used', '?')} training models; SHA-256 {manifest.sha256}",
                  highlight=False)
