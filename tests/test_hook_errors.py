"""Errors in a provider and in the neural_network options: clear, chained, and nothing stays broken."""
from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

import pytest
from providers import Failing, Recorder, computed

classy = pytest.importorskip("classy", reason="no classy: run `make classy`")
pytestmark = pytest.mark.usefixtures("patched")

SMALL = {"output": "mPk", "P_k_max_1/Mpc": 0.1}


class OutOfRange(ValueError):
    this_cosmology_only = True


def small(provider: Any = None, **options: Any) -> Any:
    return computed({**SMALL, **options}, provider)


@pytest.mark.parametrize(
    ("make_error", "raised"),
    [
        (lambda: ValueError("odd value"), "CosmoSevereError"),
        (lambda: OutOfRange("omega_b = 1 is outside 0.01 to 0.03"), "CosmoComputationError"),
        (lambda: MemoryError(), "CosmoSevereError"),
        (lambda: RuntimeError("Grüße, " + 3000 * "ß"), "CosmoSevereError"),
        (lambda: AssertionError(), "CosmoSevereError"),
    ],
)
def test_exception_reaches_the_user(make_error: Callable[[], Exception], raised: str) -> None:
    with pytest.raises(getattr(classy, raised)) as caught:
        small(Failing(make_error))
    assert type(caught.value) is getattr(classy, raised)
    cause = caught.value.__cause__
    assert type(cause) is type(make_error())
    assert str(cause) in str(caught.value)
    assert "provide" in [frame.name for frame in traceback.extract_tb(cause.__traceback__)]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_interrupt_passes_through(error: type[BaseException]) -> None:
    with pytest.raises(error):
        small(Failing(error))


@pytest.mark.parametrize("kind", ["CosmoSevereError", "CosmoComputationError"])
def test_errors_of_class_pass_unchanged(kind: str) -> None:
    original = getattr(classy, kind)("as it is")
    with pytest.raises(getattr(classy, kind)) as caught:
        small(Failing(lambda: original))
    assert caught.value is original


@pytest.mark.parametrize("error", [ValueError, OutOfRange, KeyboardInterrupt])
def test_object_works_after_an_error(error: type[BaseException]) -> None:
    expected = small().sigma8()
    model = classy.Class()
    model.set(SMALL)
    model.set_source_provider(Failing(error))
    for _ in range(2):
        with pytest.raises(BaseException) as caught:
            model.compute()
        assert error in (type(caught.value), type(caught.value.__cause__))
    model.set_source_provider(None)
    model.compute()
    assert model.sigma8() == expected


def test_error_of_class_itself_is_not_blamed_on_the_provider() -> None:
    with pytest.raises(classy.CosmoComputationError, match="perturbations") as caught:
        small(Recorder(), tight_coupling_approximation=99)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("value", ["yes", True, " Yes ", "on", 1, "True"])
def test_flag_on(value: Any) -> None:
    assert small(neural_network=value).neural_network_info()["hash"]


@pytest.mark.parametrize("value", [None, "no", False, " No ", "off", 0])
def test_flag_off(value: Any) -> None:
    options = {} if value is None else {"neural_network": value}
    model = small(**options)
    info = model.neural_network_info()
    assert info["used"] is False
    assert info["reason"]
    assert model.sigma8() == small().sigma8()
    # classy keeps them for the user, though CLASS itself never sees them
    assert options.items() <= model.pars.items()


def test_info_follows_the_last_compute() -> None:
    model = small(Recorder())
    assert model.neural_network_info()["used"] is False
    model.set_source_provider(Failing(ValueError))
    with pytest.raises(classy.CosmoSevereError):
        model.compute()
    assert model.neural_network_info()["used"] is False


@pytest.mark.parametrize("name", ["neural_network_xyz", "neural_networks", "neural_network_Path"])
@pytest.mark.parametrize("flag", [{}, {"neural_network": "yes"}, {"neural_network": "no"}])
def test_unknown_option_names_itself_and_the_allowed(name: str, flag: dict[str, str]) -> None:
    with pytest.raises(classy.CosmoSevereError) as caught:
        small(**{name: "1", **flag})
    message = str(caught.value)
    for word in (name, "neural_network_path", "neural_network_fallback"):
        assert word in message


@pytest.mark.parametrize("value", ["perhaps", "", 2, None, "yes no"])
def test_bad_value_of_the_flag(value: Any) -> None:
    with pytest.raises(classy.CosmoSevereError, match="neural_network = "):
        small(neural_network=value)


def test_option_without_the_flag() -> None:
    with pytest.raises(classy.CosmoSevereError, match="neural_network_fallback"):
        small(neural_network_fallback="error")
    assert small(neural_network="no", neural_network_fallback="error").sigma8() > 0
