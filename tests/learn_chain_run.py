"""Script: a whole chain whose networks learn while it runs, and how far its answers are from full CLASS.

`python tests/learn_chain_run.py chain RUN.yaml FOLDER` runs Cobaya in one process, keeps models, networks and chain in
FOLDER, and writes the seconds of every evaluation of the sources. `... seconds FOLDER` prints the figures of speed.

`... points FOLDER NUMBER` computes samples of the chain with full CLASS and with the newest networks: their stated
error and the true one. `... plot FOLDER PICTURE` prints how often the one bounds the other, and plots it. The
evaluations are kept where `cosmicnet reweight FOLDER/chain --points NUMBER --cache FOLDER/reweighted` finds them.
"""
from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

# Of each evaluation of the sources: when it began, its seconds; seconds of CPU of all, of the learner before CLASS
# integrated or networks answered, of networks, and of keeping the model; and whether networks answered.
COLUMNS = ("begin", "seconds", "cpu", "learner", "networks", "keeping", "used")
# Of each compared sample: Wishart chi2 of the newest networks and their stated error; -2 ln L of the chain minus that
# of full CLASS, and the error that was stated in the chain.
POINTS = "points.txt"
SECONDS, REASONS, PROCESS = "seconds.txt", "reasons.txt", "process.json"


@contextmanager
def timed(owner: type, name: str, into: dict[str, float], key: str) -> Iterator[None]:
    """Add the CPU seconds of a method to an entry."""
    method: Callable[..., Any] = getattr(owner, name)

    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        start = time.thread_time()
        try:
            return method(self, *args, **kwargs)
        finally:
            into[key] += time.thread_time() - start

    setattr(owner, name, wrapper)
    try:
        yield
    finally:
        setattr(owner, name, method)


def run_chain(run: Path, folder: Path) -> None:
    from cobaya import run as run_cobaya
    from cobaya.yaml import yaml_load_file

    from cosmicnet.cobaya_components.theory.sources import PRODUCT, Sources
    from cosmicnet.emulator import FieldsEmulator
    from cosmicnet.training.learn.learner import Learner

    info: Any = yaml_load_file(str(run))
    info["theory"]["cosmicnet.Cosmicnet"]["learned"] = str(folder / "learned")
    info["output"] = str(folder / "chain")
    folder.mkdir(parents=True, exist_ok=True)
    spent = dict.fromkeys(COLUMNS, 0.0)
    calculate, begin = Sources.calculate, time.perf_counter()
    with (folder / SECONDS).open("a", encoding="utf-8", buffering=1) as file, \
            (folder / REASONS).open("a", encoding="utf-8", buffering=1) as reasons:

        def measured(self: Any, state: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
            spent.update(dict.fromkeys(COLUMNS, 0.0))
            start, cpu = time.perf_counter(), time.process_time()
            done = calculate(self, state, *args, **kwargs)
            spent.update(begin=start - begin, seconds=time.perf_counter() - start, cpu=time.process_time() - cpu)
            if done is not False:
                found = state[PRODUCT].neural_network_info()
                spent["used"] = float(found["used"])
                reasons.write("" if found["used"] else f"{found['reason']}\n")
                file.write(" ".join(f"{spent[name]:.5f}" for name in COLUMNS) + "\n")
            return done

        Sources.calculate = measured
        with timed(Learner, "provide", spent, "learner"), timed(FieldsEmulator, "fill", spent, "networks"), \
                timed(Learner, "integrated", spent, "keeping"):
            run_cobaya(info, resume=True)
    own, fits = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    (folder / PROCESS).write_text(json.dumps({
        "wall": time.perf_counter() - begin, "cpu": own.ru_utime + own.ru_stime,
        "cpu of fits": fits.ru_utime + fits.ru_stime}), encoding="utf-8")


def quantiles(values: Any, *shares: float) -> list[float]:
    return [float(one) for one in np.quantile(values, shares)]


def print_seconds(folder: Path) -> None:
    """Speed of the chain, against the CPU seconds that CLASS took for the models of this very run."""
    table = dict(zip(COLUMNS, np.loadtxt(folder / SECONDS, ndmin=2).T, strict=True))
    used = table["used"] == 1.0
    own = table["learner"] + table["keeping"]
    full = float((table["cpu"] - own)[~used].mean())
    estimate = (table["learner"] - table["networks"])[used]
    found = {"evaluations of the sources": int(used.size), "by CLASS": int((~used).sum()),
             "CPU seconds of CLASS for one": full,
             "CPU seconds with networks: median, 95%": quantiles(table["cpu"][used], 0.5, 0.95),
             "seconds with networks: median, largest": quantiles(table["seconds"][used], 0.5, 1.0),
             "CPU seconds of coverage and estimate: median, 95%": quantiles(estimate, 0.5, 0.95),
             "CPU seconds of keeping a model: median, largest": quantiles(table["keeping"][~used], 0.5, 1.0)}
    if (folder / PROCESS).exists():
        process = json.loads((folder / PROCESS).read_text())
        others = process["cpu"] - float(table["cpu"].sum())
        found |= process | {"CPU of all with CLASS alone, estimated": others + full * used.size}
    print(json.dumps(found, indent=1))


def compute_points(folder: Path, number: int) -> None:
    """Full CLASS and the newest networks at those samples that `cosmicnet reweight` takes and networks gave."""
    from cosmicnet.cobaya_components.compare import evaluations
    from cosmicnet.cobaya_components.compare.chains import BURN_IN, load_chain, systematic_choice
    from cosmicnet.cobaya_components.theory.modes import ERROR, USED
    from cosmicnet.store import load_network_set
    from cosmicnet.training.evaluate.accuracy import wishart_chi2
    from cosmicnet.training.learn.audit import _spectra
    from cosmicnet.training.learn.calibration import Calibration
    from cosmicnet.training.learn.chain_model import all_numbers
    from cosmicnet.training.learn.folder import CALIBRATION, Learned

    chain = load_chain(folder / "chain", BURN_IN)
    rows = dict.fromkeys(systematic_choice(chain.weights, number, np.random.default_rng(0)))
    run = evaluations.RunInMode.of(chain.info, "full", folder / "reweighted", precision={})
    newest = Learned.of(next((folder / "learned").glob("*/networks")).parent).newest_networks()
    assert newest is not None
    networks, calibration = load_network_set(newest), Calibration.read(newest / CALIBRATION)
    names = list(evaluations.model_of(run.info).parameterization.sampled_params())
    stated = np.nan

    def fill(request: Any) -> None:
        nonlocal stated
        request.cosmology = all_numbers(request.cosmology, request.setup, request.parameters)
        stated = calibration.chi2({**request.setup, **request.cosmology})
        networks.emulator.fill(request)

    done = len((folder / POINTS).read_text().splitlines()) if (folder / POINTS).exists() else 0
    with (folder / POINTS).open("a", encoding="utf-8", buffering=1) as file:
        for row in [row for row in rows if chain.columns[USED][row] == 1.0][done:]:
            full = evaluations._evaluate(run, chain.point(row, names))
            theories = evaluations._models[run.identity].theory.values()
            classy = next(theory for theory in theories if hasattr(theory, "network_set")).classy
            truth = SimpleNamespace(**{name: column[2:] for name, column in classy.lensed_cl().items()})
            settings = {name: value for name, value in classy.pars.items() if not name.startswith("neural_network")}
            chi2 = wishart_chi2(truth, _spectra(settings, fill))
            change = chain.columns["chi2"][row] + 2.0 * full.loglike
            file.write(f"{chi2:.6g} {stated:.6g} {change:.6g} {chain.columns[ERROR][row]:.6g}\n")


def plot_points(folder: Path, picture: Path) -> None:
    """How often the stated error bounds the true one: of the compared samples, and of the audits of the run."""
    import matplotlib.pyplot as plt

    from cosmicnet.training.learn.folder import Learned
    from cosmicnet.training.learn.learner import TOLERANCE
    from cosmicnet.training.learn.summary import bounded_share

    chi2, stated, change, in_chain = np.loadtxt(folder / POINTS, ndmin=2).T
    samples = [{"chi2": one, "stated": limit} for one, limit in zip(chi2, stated, strict=True)]
    audits = list(Learned.of(next((folder / "learned").glob("*/audits")).parent).audits().values())
    print(json.dumps({
        "samples": len(samples), "bounded by the stated error": bounded_share(samples),
        "chi2 of samples: median, 95%, largest": quantiles(chi2, 0.5, 0.95, 1.0),
        "stated: median, 95%": quantiles(stated, 0.5, 0.95),
        "|change of the run's chi2|: median, 95%, largest": quantiles(np.abs(change), 0.5, 0.95, 1.0),
        "share of changes below the square root of the stated error": float((change**2 <= in_chain).mean()),
        "audits": len(audits), "bounded in the run": bounded_share(audits),
        "chi2 of audits: median, largest": quantiles([one["chi2"] for one in audits], 0.5, 1.0)}, indent=1))
    figure, axes = plt.subplots(figsize=(5.0, 4.5))
    before = np.array([(one["stated"], one["chi2"]) for one in audits if np.isfinite(one["stated"])])
    axes.loglog(*before.T, "x", label=f"{len(before)} audits of the run")
    axes.loglog(stated, chi2, ".", label=f"{chi2.size} samples of the chain, newest networks")
    ends = np.array([min(chi2.min(), before.min()), max(stated.max(), before.max())])
    axes.loglog(ends, ends, "k-", linewidth=0.8, label="stated = true")
    axes.axvline(TOLERANCE, color="k", linestyle=":", linewidth=0.8)
    axes.set(xlabel="stated error (chi2)", ylabel="true error (chi2)")
    axes.legend()
    figure.tight_layout()
    figure.savefig(picture, dpi=120)


if __name__ == "__main__":
    if sys.argv[1] == "chain":
        run_chain(Path(sys.argv[2]), Path(sys.argv[3]))
    elif sys.argv[1] == "seconds":
        print_seconds(Path(sys.argv[2]))
    elif sys.argv[1] == "points":
        compute_points(Path(sys.argv[2]), int(sys.argv[3]))
    elif sys.argv[1] == "plot":
        plot_points(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        sys.exit(__doc__)
