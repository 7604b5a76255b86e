"""The network set that tests run through classy: the shipped one, or COSMICNET_TEST_NETWORKS."""
from __future__ import annotations

import os
from typing import Any

import pytest
from builds import build_is_missing

from cosmicnet import provider
from cosmicnet.errors import NetworkFileError
from cosmicnet.store import DEFAULT_SET, NetworkSet, load_network_set

NETWORKS = os.environ.get("COSMICNET_TEST_NETWORKS", DEFAULT_SET)


@pytest.fixture
def networks() -> NetworkSet:
    try:
        return load_network_set(NETWORKS)
    except NetworkFileError as error:
        build_is_missing(f"no networks: {error}")


@pytest.fixture
def nothing_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a new process: every reason is warned of again."""
    monkeypatch.setattr(provider, "_warned", set())


def options(fallback: str = "error") -> dict[str, Any]:
    return {"neural_network": "yes", "neural_network_path": NETWORKS, "neural_network_fallback": fallback}
