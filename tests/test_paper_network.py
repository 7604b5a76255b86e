"""The paper's layers: counts and shapes as printed, NumPy against explicit sums and against Keras, files."""
from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from paper_models import RECIPE, K, architecture, model, network
from set_files import put_right_hash
from synthetic import HISTORY, make_network_set, make_request

from cosmicnet.errors import NetworkFileError
from cosmicnet.installed import MANIFEST
from cosmicnet.manifest import PAPER_ARCHITECTURE
from cosmicnet.paper.architecture import LEAK, Architecture, Convolution, layers
from cosmicnet.paper.emulator import PaperEmulator
from cosmicnet.paper.inputs import TIMES, Waves
from cosmicnet.paper.network import NetworkInputs, SourceNetwork
from cosmicnet.store import NetworkSet, load_network_set, save_network_set
from cosmicnet.training.paper.page import EXPLANATIONS, PAPER, PAPER_K, layers_table
from cosmicnet.training.paper.recipe import load_paper_recipe
from cosmicnet.training.paper.train import build_model, inputs_of_keras, inputs_of_model, weights_of

Array = NDArray[Any]

PRINTED = {source: getattr(load_paper_recipe(RECIPE).networks, source).hyperparameters.architecture(source)
           for source in TIMES}


def inputs_for(net: SourceNetwork) -> NetworkInputs:
    return net.rescaling.apply(net.architecture.source, Waves(inputs_of_model(model(3)), K))


@pytest.mark.parametrize("source", TIMES)
def test_every_layer_has_the_shape_and_the_size_that_the_paper_prints(source: str) -> None:
    got = layers(PRINTED[source], PAPER_K)
    assert [layer.name for layer in got] == list(PAPER[source].layers)
    for layer in got:
        shape, number = PAPER[source].layers[layer.name]
        assert " x ".join(map(str, layer.shape)) == shape
        if number == "-":
            assert layer.parameters == 0
        elif (source, layer.name) not in EXPLANATIONS:
            # as printed: one digit after the point below a thousand (0.26 to one digit is 0.3), whole thousands above
            digits = 1 if "." in number else 0
            assert f"{layer.parameters / 1000.0:.{digits}f}K" == number, layer
    total = sum(layer.parameters for layer in got)
    assert total == {"t0": 406716, "t1": 38534, "t2": 327869}[source]
    if (source, "total") not in EXPLANATIONS:
        assert f"{total / 1000.0:.0f}K" == PAPER[source].total


def test_table_explains_other_hyperparameters_and_wavenumbers() -> None:
    table = layers_table(replace(PRINTED["t0"], parameters=100), 561)
    assert "other hyperparameters" in next(line for line in table.splitlines() if line.startswith("| dense4 "))
    assert "561 wavenumbers" in next(s for s in table.splitlines() if s.startswith("| output "))
    assert "other hyperparameters" not in layers_table(PRINTED["t0"], 561)


def slow(net: SourceNetwork, x: NetworkInputs) -> Array:
    """One row at a time, in double precision, everything written out."""
    a = net.architecture

    def dense(name: str, values: Array) -> Array:
        weight, bias = net.weights[name]
        z = values @ weight.astype(float) + bias
        return np.where(z > 0, z, LEAK * z)

    def channel(values: Array, convolutions: tuple[Convolution, ...], first: int) -> Array:
        for number, c in enumerate(convolutions, first):
            weight, bias = (w.astype(float) for w in net.weights[f"conv{number}"])
            size = -(-len(values) // c.stride)
            before = max((size - 1) * c.stride + c.kernel - len(values), 0) // 2
            out = np.zeros((size, c.filters))
            for i in range(size):
                out[i] = bias
                for j in range(c.kernel):
                    at = i * c.stride + j - before
                    if 0 <= at < len(values):
                        out[i] += values[at] @ weight[j]
            out = np.maximum(out, 0.0)
            values = np.array([out[i * c.pool:(i + 1) * c.pool].max(axis=0) for i in range(size // c.pool)])
        return values.ravel()

    times, _, _, oscillations, damping = inputs_of_keras(x)
    rows = []
    for i in range(len(times)):
        names = iter(f"dense{n}" for n in range(1, 20))
        behind = [times[i].astype(float)]
        for _ in a.times:
            behind.append(dense(next(names), behind[-1]))
        hidden = np.concatenate([
            behind[-1], dense(next(names), x.cosmology), dense(next(names), x.scales),
            channel(oscillations[i].astype(float), a.oscillations, 1),
            channel(damping[i].astype(float), a.damping, 1 + len(a.oscillations))])
        for _ in a.central:
            hidden = dense(next(names), hidden)
        if a.skips:
            hidden = np.concatenate([hidden, behind[1]])
        weight, bias = net.weights["output"]
        rows.append(hidden @ weight.astype(float) + bias)
    return np.array(rows)


@pytest.mark.parametrize("source", TIMES)
def test_network_is_what_its_slow_twin_says(source: str) -> None:
    net = network(source)
    x = inputs_for(net)
    assert net(x) == pytest.approx(slow(net, x), abs=1e-5)


@pytest.mark.parametrize("undamped", [0, 1, 7, 40])
def test_damped_wavenumbers_are_zeros(undamped: int) -> None:
    """All of them at late times."""
    net = network("t0")
    x = inputs_for(net)
    damped = replace(x, damping=x.damping[:undamped])
    assert net(damped) == pytest.approx(slow(net, damped), abs=1e-5)


@pytest.mark.parametrize("source", TIMES)
def test_network_is_what_keras_trains(source: str) -> None:
    net = network(source)
    x = inputs_for(net)
    keras_model = build_model(net.architecture, K.size, 1)
    for name, weights in net.weights.items():
        keras_model.get_layer(name).set_weights(weights)
    there = keras_model.predict(list(inputs_of_keras(x)), verbose=0)
    assert net(x) == pytest.approx(there, abs=1e-5)
    back = weights_of(keras_model, net.architecture, K.size)
    assert all(np.array_equal(a, b) for name in net.weights
               for a, b in zip(net.weights[name], back[name], strict=True))
    assert keras_model.count_params() == sum(layer.parameters for layer in layers(net.architecture, K.size))


def test_output_layer_takes_a_linear_map_with_it() -> None:
    net, matrix = network("t2"), np.random.default_rng(5).normal(size=(7, K.size))
    x = inputs_for(net)
    expected = net.rescaling.source.invert(net(x).astype(float)) @ matrix.T
    assert net.with_output(matrix)(x) == pytest.approx(expected, abs=1e-4)


def test_too_many_pools_are_refused() -> None:
    with pytest.raises(ValueError, match=r"pool2.*\b9\b.*\b2\b"):
        layers(replace(architecture("t0"), oscillations=(Convolution(2, 3, 5, 2), Convolution(2, 3, 9, 2))), 40)


def paper_set(networks: list[Architecture] | None = None) -> NetworkSet:
    """Random networks for make_request(), with the shipped set as companion."""
    plain = make_network_set()
    companion = load_network_set("lcdm").emulator
    emulator = PaperEmulator([network(source) for source in TIMES], K, 0.85, companion)  # type: ignore[arg-type]
    return replace(plain, emulator=emulator,
                   manifest=replace(plain.manifest, architecture=PAPER_ARCHITECTURE, companion="lcdm"))


def paper_request() -> Any:
    request = make_request(("t0", "t1", "t2", "p"))
    m = model(3)
    request.tau = np.concatenate([m.tau[:-1], request.tau[-1:]])
    request.history = {**{name: np.full_like(m.tau, 0.5) for name in HISTORY}, **m.history}
    request.cosmology |= m.cosmology
    request.setup["T_cmb"] = 2.7255
    request.tables = {name: np.full((m.tau.size, request.k.size), np.nan) for name in request.tables}
    return request


def test_tables_are_the_sources_of_the_networks_splined_in_k() -> None:
    from scipy.interpolate import make_interp_spline

    request, emulator = paper_request(), paper_set().emulator
    assert isinstance(emulator, PaperEmulator)
    emulator.fill(request)
    used = slice(request.k_size_cmb)
    for source, net in emulator.networks.items():
        values = net.rescaling.source.invert(net(inputs_for(net)).astype(float))
        expected = make_interp_spline(K, values, k=3, axis=1)(np.clip(request.k, K[0], K[-1]))
        assert request.tables[source][:, used] == pytest.approx(expected[:, used], abs=3e-4)
        assert np.all(request.tables[source][:, request.k_size_cmb:] == 0.0)
    assert request.tables["p"] == pytest.approx(np.sqrt(6.0) * request.tables["t2"])


def test_grids_beyond_the_networks_are_said() -> None:
    request, emulator = paper_request(), paper_set().emulator
    request.k[request.k_size_cmb - 1] = 0.41
    assert not [s for s in emulator.why_out_of_reach(request, 6.0) if "CMB" in s]
    request.k[request.k_size_cmb - 1] = 0.5
    request.tau[0] = 150.0
    said = "; ".join(emulator.why_out_of_reach(request, 6.0))
    assert "0.5/Mpc" in said and "0.4/Mpc" in said and "tau = 150 Mpc" in said


def test_set_comes_back_bit_by_bit(tmp_path: Path) -> None:
    saved = save_network_set(tmp_path, paper_set())
    loaded = load_network_set(tmp_path)
    assert (loaded.manifest.architecture, loaded.manifest.companion) == (PAPER_ARCHITECTURE, "lcdm")
    first, second = paper_request(), paper_request()
    paper_set().emulator.fill(first)
    loaded.emulator.fill(second)
    assert all(np.array_equal(first.tables[name], second.tables[name]) for name in first.tables)
    again = save_network_set(tmp_path / "again", loaded)
    assert again.sha256 == saved.sha256


def change_manifest(folder: Path, change: dict[str, Any]) -> None:
    """With a hash that fits, as a set written by another program would have."""
    file = folder / MANIFEST
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    put_right_hash(folder)


@pytest.mark.parametrize("change, message", [
    ({"architecture": "transformer"}, "architecture 'transformer'.*cosmicnet, paper"),
    ({"companion": "nope"}, "nope"),
    ({"architecture": "cosmicnet"}, "arrays"),
    ({"fields": []}, "t0, t1, t2"),
])
def test_sets_that_make_no_sense_are_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    save_network_set(tmp_path, paper_set())
    change_manifest(tmp_path, change)
    with pytest.raises(NetworkFileError, match=message):
        load_network_set(tmp_path)


def test_set_that_names_itself_as_companion_is_refused(tmp_path: Path) -> None:
    save_network_set(tmp_path, paper_set())
    change_manifest(tmp_path, {"companion": str(tmp_path)})
    with pytest.raises(NetworkFileError, match="companion"):
        load_network_set(tmp_path)


def test_deeply_nested_manifest_is_refused(tmp_path: Path) -> None:
    save_network_set(tmp_path, paper_set())
    (tmp_path / MANIFEST).write_text("[" * 200_000)
    with pytest.raises(NetworkFileError):
        load_network_set(tmp_path)


def test_arrays_of_other_layers_are_refused(tmp_path: Path) -> None:
    fields = save_network_set(tmp_path, paper_set()).fields
    change_manifest(tmp_path, {"fields": [{**fields[0], "parameters": 5}, *fields[1:]]})
    with pytest.raises(NetworkFileError, match=r"t0/dense4/weight .*\(4, 4\).*\(4, 5\)"):
        load_network_set(tmp_path)
