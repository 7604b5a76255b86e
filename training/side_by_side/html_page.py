"""A comparison on the terminal, and as one self-contained HTML page: images inside, nothing loaded from elsewhere."""
from __future__ import annotations

import base64
import html
import io
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from cosmicnet.files import write_whole

from ..work.numbers import significant
from .compare import FULL, NET, SPECTRA, STOCK, Comparison

__all__ = ["print_comparison", "write_html"]

COLOURS = {NET: "#1f5a99", FULL: "#d1660a", STOCK: "0.45"}
SMALLEST_SECONDS = 1e-3
NOTHING = "Compared are TT, TE, EE, lensing and P(k); this input requests none of them."
EXPLANATION = (
    f'"{NET}" and "{FULL}" use the same fast modules, so that they differ in their source functions alone. Networks '
    "follow CLASS at the precision of their training. Shipped networks were trained at a finer precision than CLASS's "
    f'default, whose error is then most of this difference. "{STOCK}" is full CLASS without any option of this '
    "package. At default precision it samples the line of sight coarsely: its difference from the other two is mostly "
    "its own error."
)
STYLE = """\
body { font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; } th, td { padding: .2rem .8rem; border-bottom: 1px solid #ddd; }
th { text-align: left; } td.number { text-align: right; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; } img { max-width: 100%; height: auto; }
pre { background: #f5f5f5; padding: .8rem; overflow-x: auto; }
.warning { background: #fff3d6; padding: .6rem .8rem; }"""

Rows = Sequence[Sequence[str]]


def print_comparison(comparison: Comparison, console: Console) -> None:
    """The tables of the page."""
    for title, head, rows in _tables(comparison):
        table = Table(title=title, title_justify="left")
        for number, heading in enumerate(head):
            table.add_column(heading, justify="left" if number == 0 else "right")
        for row in rows:
            table.add_row(*row)
        console.print(table)
    for line in _remarks(comparison):
        console.print(line, highlight=False)


def write_html(comparison: Comparison, title: str, path: Path) -> None:
    """The page, as one file."""
    escape = html.escape
    body = [f"<h1>{escape(title)}</h1>", f"<p>{escape(_origin(comparison))}</p>",
            f'<p class="warning">{escape(_not_covered(comparison))}</p>' if comparison.refused else "",
            f"<p>{escape(EXPLANATION)}</p>"]
    for heading, head, rows in _tables(comparison):
        body += [f"<h2>{escape(heading)}</h2>", _html_table(head, rows)]
    body += [f'<h2>{escape(name)}</h2>\n<img alt="{escape(name)}" src="data:image/png;base64,{_png(figure)}">'
             for name, figure in _figures(comparison)]
    entries = "\n".join(f"{name} = {value}" for name, value in comparison.parameters.items())
    notes = [f"<p>{escape(note)}</p>" for note in _notes(comparison)]
    body += ["<h2>Input</h2>", *notes, f"<pre>{escape(entries)}</pre>"]
    write_whole({path: "\n".join([
        "<!DOCTYPE html>", '<html lang="en">', "<head>", '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">', f"<title>{escape(title)}</title>",
        f"<style>\n{STYLE}\n</style>", "</head>", "<body>", *filter(None, body), "</body>", "</html>", ""])})


def _origin(comparison: Comparison) -> str:
    networks = f"networks {comparison.networks}" if comparison.networks else "no networks"
    return (f"classy {comparison.class_version}, {networks}; OMP_NUM_THREADS: {comparison.threads}, "
            f"{platform.processor() or platform.machine()}.")


def _not_covered(comparison: Comparison) -> str:
    return f"Networks do not cover this input, so that CLASS would integrate its equations: {comparison.refused}"


def _remarks(comparison: Comparison) -> list[str]:
    return [_origin(comparison), *([_not_covered(comparison)] if comparison.refused else [EXPLANATION]),
            *_notes(comparison)]


def _notes(comparison: Comparison) -> list[str]:
    is_empty = not any(comparison.largest(*pair) for pair in comparison.pairs())
    return [*([NOTHING] if is_empty else []), *comparison.notes]


def _tables(comparison: Comparison) -> list[tuple[str, list[str], Rows]]:
    """Title, headings and rows."""
    tables = [("Seconds by step", ["", *comparison.modes, *(["times faster"] if NET in comparison.modes else [])],
               _seconds(comparison))]
    pairs = comparison.pairs()
    if any(comparison.largest(*pair) for pair in pairs):
        headings = ["largest error", "", *(f"{mode} against {truth}" for mode, truth in pairs)]
        tables.append(("Errors, in brackets in units of cosmic variance (sigma of one multipole, full sky)", headings,
                       _errors(comparison)))
    return tables


def _seconds(comparison: Comparison) -> Rows:
    modes = comparison.modes
    rows = []
    for step in modes[STOCK].seconds:
        seconds = [modes[mode].seconds[step] for mode in modes]
        row = [step, *(f"{max(value, 0.0):.3f}" for value in seconds)]
        if NET in modes:
            row.append(significant(seconds[-1] / seconds[0]) if min(seconds) > SMALLEST_SECONDS else "")
        rows.append(row)
    return rows


def _errors(comparison: Comparison) -> Rows:
    columns = [comparison.largest(*pair) for pair in comparison.pairs()]
    rows = [[entries[0].spectrum, entries[0].where, *(_error(entry.fraction, entry.sigmas) for entry in entries)]
            for entries in zip(*columns, strict=True)]
    chi2 = [comparison.chi2(*pair) for pair in comparison.pairs()]
    if None not in chi2:
        rows.append(["Wishart chi2 of TT, TE, EE", "", *(significant(value) for value in chi2 if value is not None)])
    return rows


def _error(fraction: float, sigmas: float | None) -> str:
    percent = f"{significant(100.0 * fraction, 2)}%"
    return percent if sigmas is None else f"{percent} ({significant(sigmas, 2)})"


def _html_table(head: Sequence[str], rows: Rows) -> str:
    def line(cells: Iterable[str]) -> str:
        return f"<tr>{''.join(cells)}</tr>"

    headings = line(f"<th>{html.escape(cell)}</th>" for cell in head)
    body = [line(f'<td{" class=number" if number else ""}>{html.escape(cell)}</td>' for number, cell in enumerate(row))
            for row in rows]
    return "\n".join(['<div class="wide"><table>', headings, *body, "</table></div>"])


def _figures(comparison: Comparison) -> list[tuple[str, Figure]]:
    figures = [("Seconds by step", _plot_seconds(comparison))]
    if comparison.modes[STOCK].cl.keys() & SPECTRA.keys():
        figures += [("Spectra", _plot_cl(comparison)),
                    ("Errors of C_l in units of cosmic variance", _plot_sigmas(comparison))]
    if comparison.modes[STOCK].pk:
        figures.append(("Errors of P(k)", _plot_pk(comparison)))
    return figures


def _plot_seconds(comparison: Comparison) -> Figure:
    figure, axis = plt.subplots(figsize=(9.0, 1.2 + 0.6 * len(comparison.modes)), layout="constrained")
    left = dict.fromkeys(comparison.modes, 0.0)
    for number, step in enumerate(name for name in comparison.modes[STOCK].seconds if name != "whole"):
        widths = [max(result.seconds[step], 0.0) for result in comparison.modes.values()]
        axis.barh(list(left), widths, left=list(left.values()), color=f"C{number}", label=step)
        left = {mode: start + width for (mode, start), width in zip(left.items(), widths, strict=True)}
    axis.set_xlabel("seconds")
    axis.invert_yaxis()
    figure.legend(loc="outside upper center", ncols=7, fontsize="small", frameon=False)
    return figure


def _plot_cl(comparison: Comparison) -> Figure:
    names = [name for name in SPECTRA if name in comparison.modes[STOCK].cl]
    figure, axes = plt.subplots(1, len(names), figsize=(4.0 * len(names), 3.4), layout="constrained", squeeze=False)
    for axis, name in zip(axes[0], names, strict=True):
        for mode, result in comparison.modes.items():
            ell = result.cl["ell"]
            factor = (ell * (ell + 1.0)) ** (2 if name == "pp" else 1) / (2.0 * np.pi)
            axis.plot(ell, factor * result.cl[name], color=COLOURS[mode], linewidth=1.0, label=mode)
        axis.set(title=name.upper(), xlabel="multipole l", xscale="log")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3, frameon=False)
    return figure


def _plot_sigmas(comparison: Comparison) -> Figure:
    pairs = comparison.pairs()
    names = list(comparison.sigmas(*pairs[-1]))
    figure, axes = plt.subplots(len(names), 1, figsize=(9.0, 2.2 * len(names)), sharex=True, layout="constrained",
                                squeeze=False)
    for axis, name in zip(axes[:, 0], names, strict=True):
        for number, (mode, truth) in enumerate(pairs):
            axis.plot(comparison.modes[truth].cl["ell"], np.abs(comparison.sigmas(mode, truth)[name]),
                      color=f"C{number}", linewidth=1.0, alpha=0.8, label=f"{mode} against {truth}")
        axis.set(ylabel=f"{SPECTRA[name]}  [sigma]", xscale="log", yscale="log")
    axes[-1, 0].set_xlabel("multipole l")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", fontsize="small", frameon=False)
    return figure


def _plot_pk(comparison: Comparison) -> Figure:
    figure, axis = plt.subplots(figsize=(9.0, 3.4), layout="constrained")
    for number, (mode, truth) in enumerate(comparison.pairs()):
        ours, theirs = comparison.modes[mode], comparison.modes[truth]
        for style, (name, pk) in zip(("-", "--", ":", "-."), theirs.pk.items(), strict=False):
            axis.plot(theirs.k, 100.0 * (ours.pk[name] / pk - 1.0), style, color=f"C{number}", linewidth=1.0,
                      label=f"{name}: {mode} against {truth}")
    axis.axhline(0.0, color="0.6", linewidth=0.6)
    axis.set(xlabel="k  [1/Mpc]", ylabel="error of P(k)  [%]", xscale="log")
    figure.legend(loc="outside upper center", fontsize="x-small", ncols=2, frameon=False)
    return figure


def _png(figure: Figure) -> str:
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=110)
    plt.close(figure)
    return base64.b64encode(content.getvalue()).decode()
