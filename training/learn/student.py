"""The process in the background: it audits the latest networks with new models, resamples these, and fits new networks.

`python -m cosmicnet.training.learn.student FOLDER/IDENTITY` ends when nothing is left to do. A chain starts it after
keeping a model; if one is running already, it ends at once.
"""
from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from cosmicnet.coverage import outside_domain
from cosmicnet.errors import NetworkFileError
from cosmicnet.store import NetworkSet, load_network_set, save_network_set

from ..fields.tables import collect, table_path
from ..work.digest import code_digest
from ..work.files import DatasetError, remove_unfinished
from .audit import error_at, left_out_errors
from .calibration import Audited, Calibration, calibrated, scale_of
from .chain_model import ChainModel, all_numbers, read_chain_model
from .chain_tables import fields_of, resample_chain_model
from .fit_chain import Fitted, TooFew, fit_models
from .folder import CALIBRATION, Learned

__all__ = ["FIRST", "GROWTH", "study"]

# The models of the first networks, and the growth from one set of networks to the next.
FIRST, GROWTH = 24, 1.25
# The most models whose error without them is computed for a calibration.
CHECKED = 60
# The most audits from which the kernel of a calibration is found.
FORMER = 200

# A model that cannot be put on nodes, with the reason, so that it is not tried again.
FAILED = ".failed"


def study(learned: Learned) -> None:
    """Audit with the new models, resample them and fit, unless another process is doing so."""
    with learned.fitting() as is_ours:
        if not is_ours:
            return
        remove_unfinished(_tables(learned))
        _set_aside_networks(learned)
        while missing := [path for path in learned.models() if not _is_prepared(learned, path)]:
            for path in missing:
                _prepare(learned, path)
                _update_calibration(learned)
                # the models that still wait are audits of the networks
                fit_if_enough(learned)
        fit_if_enough(learned)


def _set_aside_networks(learned: Learned) -> None:
    """Set aside damaged networks, which would keep all that follows from going on."""
    while (folder := learned.newest_networks()) is not None:
        try:
            load_network_set(folder)
            Calibration.read(folder / CALIBRATION)
            return
        except (NetworkFileError, ValueError) as error:
            print(f"set aside: {error}", flush=True)
            learned.set_aside(folder)


def _tables(learned: Learned) -> Path:
    return learned.folder / "tables" / code_digest(resample_chain_model.__module__)[:12]


def _is_prepared(learned: Learned, path: Path) -> bool:
    table = table_path(_tables(learned), path)
    return table.exists() or table.with_suffix(FAILED).exists()


def _prepare(learned: Learned, path: Path) -> None:
    """Audit the networks with a model, then resample it to the nodes."""
    table = table_path(_tables(learned), path)
    try:
        model = read_chain_model(path)
    except DatasetError as error:
        print(f"set aside: {error}", flush=True)
        learned.set_aside(path)
        return
    try:
        _audit(learned, path.stem, model)
        resample_chain_model(model, table, learned.identity)
    except (OSError, MemoryError):
        raise
    except Exception as error:  # one model must not keep the others from being learned
        table.with_suffix(FAILED).write_text(f"{type(error).__name__}: {error}\n", encoding="utf-8")


def _audit(learned: Learned, name: str, model: ChainModel) -> None:
    """Compare the networks with a model that they have not learned, where it lies in their domain."""
    folder = learned.newest_networks()
    if folder is None or (learned.folder / "audits" / f"{name}.json").exists():
        return
    networks, calibration = load_network_set(folder), Calibration.read(folder / CALIBRATION)
    numbers = all_numbers(model.cosmology, model.setup, model.parameters)
    request: Any = SimpleNamespace(cosmology=numbers, setup=model.setup)
    if list(outside_domain(request, networks.manifest)):
        return
    values = {**model.setup, **numbers}
    if calibration.has_learned(values):  # its table is made again
        return
    learned.add_audit(name, {"chi2": error_at(model, networks), "expected": calibration.expected(values),
                             "stated": calibration.chi2(values), "networks": int(folder.name),
                             "at": dict(zip(calibration.inputs, calibration.at(values).tolist(), strict=True))})


def _update_calibration(learned: Learned) -> None:
    """Calibrate the networks in use by the latest audits."""
    folder = learned.newest_networks()
    if folder is None:
        return
    calibration = Calibration.read(folder / CALIBRATION)
    own = [audit["chi2"] / audit["expected"] for audit in _ordered(learned) if audit["networks"] == int(folder.name)]
    scale = scale_of([*calibration.ratios, *own])
    if scale != calibration.scale:
        replace(calibration, scale=scale).write(folder / CALIBRATION)


def _ordered(learned: Learned) -> Sequence[dict[str, Any]]:
    """Audits, those of the last networks last."""
    return sorted(learned.audits().values(), key=lambda audit: int(audit["networks"]))


def fit_if_enough(learned: Learned) -> None:
    """Fit networks to all models if there are many more than the last ones had."""
    paths = [path for path in learned.models() if table_path(_tables(learned), path).exists()]
    last = learned.newest_networks()
    if len(paths) < (FIRST if last is None else GROWTH * int(last.name)):
        return
    # all tables exist: nothing is resampled here
    models = collect(paths, _tables(learned), fields_of(learned.identity), 1)
    try:
        fitted = fit_models(models, learned.identity, f"learned-{len(models)}")
    except TooFew as error:
        print(error, flush=True)
        return
    folder = learned.networks_of(len(models))
    save_network_set(folder, fitted.networks)
    calibration = _calibrated(learned, fitted, load_network_set(folder), paths)
    # written last: networks without it are not used
    replace(calibration, scale=scale_of([*calibration.ratios])).write(folder / CALIBRATION)


def _calibrated(learned: Learned, fitted: Fitted, networks: NetworkSet, paths: Sequence[Path]) -> Calibration:
    """The expected error of the networks, as they are stored, from that at some of their models (paths), and from
    audits of former networks."""
    some = np.unique(np.linspace(0, len(paths) - 1, min(CHECKED, len(paths))).astype(int))
    errors = np.full(len(paths), np.nan)
    errors[some] = left_out_errors([read_chain_model(paths[i]).parameters for i in some], networks,
                                   {name: residuals[some] for name, residuals in fitted.residuals.items()})
    relevances = np.max(list(fitted.relevances.values()), axis=0)
    return calibrated(fitted.names, fitted.points, errors, relevances, _former_audits(learned, fitted.names))


def _former_audits(learned: Learned, names: tuple[str, ...]) -> list[Audited]:
    """The latest audits of networks with the same inputs."""
    points: dict[int, Any] = {}
    found = []
    for audit in _ordered(learned)[-FORMER:]:
        if (number := int(audit["networks"])) not in points:
            try:
                former = Calibration.read(learned.networks_of(number) / CALIBRATION)
                points[number] = former.points if former.inputs == names else None
            except (OSError, ValueError):
                points[number] = None
        if points[number] is not None:
            found.append(Audited(points[number], np.array([audit["at"][name] for name in names]), audit["chi2"]))
    return found


def main() -> None:
    study(Learned.of(Path(sys.argv[1])))


if __name__ == "__main__":
    main()
