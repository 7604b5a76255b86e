"""The provider decides, fills, counts and tells; here without CLASS, on random networks."""
from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from networks_under_test import nothing_warned_of  # noqa: F401  (a fixture)
from synthetic import RUNNING, SyntheticRequest, make_emulator, make_network_set, make_request

from cosmicnet.emulator import FieldsEmulator
from cosmicnet.errors import CosmicnetError, CosmicnetWarning, NetworkFileError, NotCovered
from cosmicnet.provider import NetworkProvider, open_provider
from cosmicnet.store import save_network_set

pytestmark = pytest.mark.usefixtures("nothing_warned_of")


def make_covered() -> SyntheticRequest:
    request = make_request()
    request.cosmology["YHe"] = 0.25
    return request


def provider(fallback: str = "error", **running: str) -> NetworkProvider:
    return NetworkProvider([make_network_set()], fallback, 0.0, dataclasses.replace(RUNNING, **running))


def test_covered_request_is_filled() -> None:
    request, expected, ours = make_covered(), make_covered(), provider()
    assert ours.provide(request) is True
    make_emulator().fill(expected)
    assert all(np.array_equal(request.tables[name], expected.tables[name]) for name in expected.tables)
    info = ours.info()
    assert (info["used"], info["reason"], info["name"]) == (True, None, "synthetic")
    assert set(info["seconds"]) == {"loading", "coverage", "inputs", "networks", "interpolation", "late photons"}


def alter(**entries: object) -> Callable[[SyntheticRequest], None]:
    def apply(request: SyntheticRequest) -> None:
        for name, value in entries.items():
            (request.cosmology if name in request.cosmology else request.setup)[name] = value  # type: ignore
    return apply


def other_sources(*names: str) -> Callable[[SyntheticRequest], None]:
    def apply(request: SyntheticRequest) -> None:
        request.tables.update({name: np.zeros_like(request.tables["t0"]) for name in names})
    return apply


def with_grid(**grids: Callable[[SyntheticRequest], object]) -> Callable[[SyntheticRequest], None]:
    def apply(request: SyntheticRequest) -> None:
        for name, make in grids.items():
            setattr(request, name, make(request))
    return apply


def suddenly_reionized(request: SyntheticRequest) -> None:
    """Within a tenth of a Mpc."""
    later = int(np.searchsorted(request.tau, 5000.0))
    request.tau[later] = request.tau[later - 1] + 0.1
    request.history["scattering_rate"][later:] = 0.03 / request.tau[later:]


# requests beyond the networks, and words of the message
NOT_COVERED: dict[str, tuple[Callable[[SyntheticRequest], None], str]] = {
    "parameter below": (alter(omega_b=0.019), r"omega_b = 0.019 is outside \[0.02, 0.025\]"),
    "parameter above": (alter(omega_cdm=0.15), r"omega_cdm = 0.15 is outside \[0.1, 0.14\]"),
    "NaN": (alter(omega_b=np.nan), r"omega_b = nan is outside \[0.02, 0.025\]"),
    "infinite": (alter(omega_b=np.inf), r"omega_b = inf is outside"),
    "other physics": (alter(YHe=0.2503), r"YHe = 0.2503, but 0.25 .* is expected"),
    "derived NaN": (alter(YHe=np.nan), r"YHe = nan\b.* 0\.25"),
    "setting": (alter(gauge=0.0), r"gauge = 0\b.* 1\b"),
    "setting NaN": (alter(gauge=np.nan), "gauge = nan"),
    "setting not there": (lambda r: r.setup.clear(), "gauge"),
    "precision": (lambda r: r.precision.update(radiation_streaming_trigger_tau_over_tau_k=46.0),
                  r"radiation_streaming_trigger_tau_over_tau_k = 46\b.* 45\b"),
    "sources": (other_sources("eta", "h"), r"\(eta, h\)"),
    "isocurvature": (lambda r: setattr(r, "initial_conditions", 2), r"\b2\b"),
    "k too large": (with_grid(k=lambda r: 1.3 * r.k), r"6\.5/Mpc .*\b6/Mpc"),
    "k past the basis": (alter(sound_horizon_rec=201.0), r"\b5/Mpc"),
    "l_max": (with_grid(k_size_cmb=lambda r: r.k.size), "l_max"),
    "later": (alter(conformal_age=9000.0), "14150 Mpc"),
    "late, but too early": (alter(tau_free_streaming=285.0, tau_rec=281.0), "ln_v_dark = -"),
    "parameter not there": (lambda r: r.cosmology.pop("omega_b") and None, "omega_b"),
    "derived quantity not there": (lambda r: r.cosmology.pop("YHe") and None, r"YHe = nan\b.* 0\.25"),
    "photons later": (alter(tau_free_streaming=900.0), "900 Mpc"),
    "sudden reionisation": (suddenly_reionized, "reionization_width"),
    "earlier": (with_grid(tau=lambda r: r.tau - 40.0), "200 Mpc"),
}


@pytest.mark.parametrize(("parametrization", "named"), [
    (1, "larger reionization_width or helium_fullreio_width"), (2, "larger binned_reio_step_sharpness"),
    (3, "larger reionization_width is"), (4, "larger many_tanh_width"), (5, "larger distance of reio_inter_z")])
def test_remedy_for_a_sudden_reionization_is_of_its_parametrization(parametrization: int, named: str) -> None:
    request = make_covered()
    suddenly_reionized(request)
    request.setup["reio_parametrization"] = float(parametrization)
    with pytest.raises(NotCovered, match=named):
        provider("error").provide(request)


# no cosmology changes these
NEVER_COVERED = ("setting", "setting NaN", "setting not there", "precision", "sources", "isocurvature", "l_max")


@pytest.mark.parametrize("case", NOT_COVERED)
def test_uncovered_request_is_an_error_that_says_why(case: str) -> None:
    apply, message = NOT_COVERED[case]
    request = make_covered()
    apply(request)
    ours = provider("error")
    with pytest.raises(NotCovered, match=message) as raised:
        ours.provide(request)
    assert raised.value.this_cosmology_only == (case not in NEVER_COVERED)
    assert (ours.info()["used"], ours.info()["reason"]) == (False, str(raised.value))


@pytest.mark.parametrize("case", NOT_COVERED)
def test_uncovered_request_is_handed_back_untouched(case: str) -> None:
    apply, message = NOT_COVERED[case]
    request, ours = make_covered(), provider("full")
    apply(request)
    before = {name: table.copy() for name, table in request.tables.items()}
    with pytest.warns(CosmicnetWarning, match=message):
        assert ours.provide(request) is False
    for name, table in request.tables.items():
        np.testing.assert_array_equal(table, before[name])
    assert ours.info()["used"] is False


@pytest.mark.parametrize(("mass", "covered"), [(0.06, True), (0.060001, True), (0.0605, False), (math.nan, False)])
def test_number_that_was_the_same_in_all_models_must_be_so(mass: float, covered: bool) -> None:
    networks, request = make_network_set(), make_covered()
    manifest = dataclasses.replace(networks.manifest, setup={**networks.manifest.setup, "m_ncdm": 0.06})
    request.cosmology["m_ncdm"] = mass
    ours = NetworkProvider([dataclasses.replace(networks, manifest=manifest)], "error", 0.0, RUNNING)
    with nullcontext() if covered else pytest.raises(NotCovered, match=r"m_ncdm = .* 0\.06"):
        assert ours.provide(request)


@pytest.mark.parametrize("version", ["v3.4.1", "3.4.1", "3.4.1.0", "3.4.1.0+cosmicnet.7"])
def test_patch_level_of_class_does_not_matter(version: str) -> None:
    assert provider(version=version).provide(make_covered())


@pytest.mark.parametrize("version", ["v3.4.2", "3.4.10.0+cosmicnet.1", "3.4", "v3.3.4.1", ""])
@pytest.mark.parametrize("fallback", ["full", "error"])
def test_networks_of_another_class_do_not_cover(version: str, fallback: str) -> None:
    ours, request = provider(fallback, version=version), make_covered()
    if fallback == "error":
        with pytest.raises(NotCovered):
            ours.provide(request)
    else:
        with pytest.warns(CosmicnetWarning):
            assert ours.provide(request) is False
    assert version in ours.info()["reason"] and RUNNING.version in ours.info()["reason"]


def test_networks_of_other_equations_do_not_cover() -> None:
    with pytest.raises(NotCovered):
        provider(source_digest=64 * "b").provide(make_covered())


@pytest.mark.parametrize("entry", ["k_max", "k_max_cmb_times_sound_horizon"])
def test_reach_that_is_no_number_covers_nothing(entry: str) -> None:
    networks = make_network_set()
    networks = dataclasses.replace(networks, manifest=dataclasses.replace(networks.manifest, **{entry: np.nan}))
    with pytest.raises(NotCovered, match="nan"):
        NetworkProvider([networks], "error", 0.0, RUNNING).provide(make_covered())


def test_bounds_belong_to_the_domain() -> None:
    for omega_b in (0.02, 0.025):
        request = make_covered()
        request.cosmology["omega_b"] = omega_b
        assert provider().provide(request)


@pytest.mark.parametrize(("missing", "message"), [
    (("early.matter_cb", "early.polarization"),
     r"\(t2, p, delta_cb\).*\(t0, t1, phi_plus_psi, delta_m\b"),
    (("late.matter_cb",), r"\(delta_cb\).*\(t0, t1, t2, p, phi_plus_psi, delta_m\b"),
    # rescattering needs temperature and polarization together
    (("reionized.polarization",), r"\(t0, t2, p\).*\(t1, phi_plus_psi"),
    (("early.monopole",), r"\(t0\).*\(t1, t2, p, phi_plus_psi"),
    (("late.isw",), r"\(t0, t2, p\).*\(t1, phi_plus_psi"),
])
def test_set_without_a_source_does_not_cover_it(missing: tuple[str, ...], message: str) -> None:
    """The tables would be zero there."""
    fields = [f for f in make_emulator().fields if f.field.name not in missing]
    ours = NetworkProvider([make_network_set(emulator=FieldsEmulator(fields))], "error", 0.0, RUNNING)
    with pytest.raises(NotCovered, match=message):
        ours.provide(make_covered())
    request = make_covered()
    request.tables = {name: table for name, table in request.tables.items() if name in ("t1", "delta_m")}
    assert ours.provide(request)


def test_rounding_of_an_exactly_known_quantity_is_no_other_physics() -> None:
    networks = make_network_set()
    exact = dataclasses.replace(networks, manifest=dataclasses.replace(networks.manifest, derived={"YHe": 1e-16}))
    ours = NetworkProvider([exact], "error", 0.0, RUNNING)
    request = make_covered()
    request.cosmology["YHe"] = 0.25 * (1 + 1e-14)
    assert ours.provide(request)
    request.cosmology["YHe"] = 0.25 * (1 + 1e-6)
    with pytest.raises(NotCovered, match="YHe"):
        ours.provide(request)


def test_all_reasons_are_given_at_once() -> None:
    request = make_covered()
    request.cosmology["omega_b"], request.setup["gauge"] = 0.019, 0.0
    with pytest.raises(NotCovered, match=r"(?s)(?=.*omega_b = 0.019)(?=.*gauge = 0)"):
        provider().provide(request)


def test_fallbacks_are_counted_and_each_reason_is_warned_of_once() -> None:
    before = provider().info()["fallbacks"]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for omega_b, omega_cdm in ((0.019, 0.12), (0.0187, 0.12), (1.9e-5, 0.12), (0.022, 0.2)):
            request = make_covered()
            request.cosmology.update(omega_b=omega_b, omega_cdm=omega_cdm)
            provider("full").provide(request)
    texts = [str(warning.message) for warning in caught]
    assert len(texts) == 2
    assert "omega_b = 0.019 " in texts[0]
    assert "omega_cdm = 0.2 " in texts[1]
    assert provider().info()["fallbacks"] == before + 4


def test_warning_points_to_the_caller() -> None:
    request = make_covered()
    request.cosmology["omega_b"] = 0.019
    with pytest.warns(CosmicnetWarning) as caught:
        provider("full").provide(request)
    assert caught[0].filename == __file__


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("fallback", ["full", "error"])
def test_networks_that_are_not_finite_stop_the_run(value: float, fallback: str) -> None:
    """Damage, not a point outside: no fallback hides it, and a sampler must not go on."""
    fields = list(make_emulator().fields)
    index = next(i for i, f in enumerate(fields) if f.field.piece == "weyl")
    mean = fields[index].mean_core.copy()
    mean[0, 0] = value
    fields[index] = dataclasses.replace(fields[index], mean_core=mean)
    networks = make_network_set(emulator=FieldsEmulator(fields))
    ours = NetworkProvider([networks], fallback, 0.0, RUNNING)
    with np.errstate(invalid="ignore"), pytest.raises(CosmicnetError, match="phi_plus_psi") as raised:
        ours.provide(make_covered())
    assert not raised.value.this_cosmology_only
    assert ours.info()["used"] is False


@pytest.mark.parametrize("text", ["full", "error", " Full ", "ERROR"])
@pytest.mark.usefixtures("patched")
def test_options_are_read(tmp_path: Path, text: str) -> None:
    save_network_set(tmp_path, make_network_set("mine"))
    opened = open_provider(neural_network_path=f" {tmp_path} ", neural_network_fallback=text)
    assert opened.fallback == text.strip().lower()
    info = opened.info()
    assert (info["used"], info["name"], len(info["hash"])) == (False, "mine", 64)
    assert info["seconds"].keys() == {"loading"}


@pytest.mark.parametrize("text", ["", "yes", "none", "fulll"])
def test_fallback_that_does_not_exist(text: str) -> None:
    with pytest.raises(CosmicnetError, match=f"neural_network_fallback = '{text}'"):
        open_provider(neural_network_fallback=text)


def test_path_that_does_not_exist() -> None:
    with pytest.raises(NetworkFileError, match="neural_network_path = /no/where"):
        open_provider(neural_network_path="/no/where")


@pytest.mark.parametrize("method", ["fill", "why_out_of_reach"])
def test_lack_of_memory_has_words(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's own error has none."""
    def no_memory(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(FieldsEmulator, method, no_memory)
    with pytest.raises(CosmicnetError):
        provider().provide(make_covered())


def test_thread_that_cannot_start_has_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_thread(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Thread, "start", no_thread)
    monkeypatch.setattr(FieldsEmulator, "fill", lambda *_: Thread().start())
    with pytest.raises(CosmicnetError, match="not enough memory, or too many processes"):
        provider().provide(make_covered())


def test_lack_of_memory_while_a_set_is_read_has_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*_: object) -> bytes:
        raise MemoryError

    save_network_set(tmp_path, make_network_set())
    monkeypatch.setattr(Path, "read_bytes", no_memory)
    with pytest.raises(CosmicnetError):
        open_provider(tmp_path, running=RUNNING)
