"""Which networks made a chain: part of the version that Cobaya writes beside the chain and reads when it goes on."""
from __future__ import annotations

import re

__all__ = ["DIGITS", "recorded_networks", "with_networks"]

DIGITS = 12
# a local version, as in PEP 440, which Cobaya can parse
LOCAL = re.compile(rf"\+networks\.([0-9a-f]{{{DIGITS}}})$")


def with_networks(version: str, sha256: str) -> str:
    """CLASS's version and the first digits of the hash of the networks."""
    return f"{version}+networks.{sha256[:DIGITS]}"


def recorded_networks(version: object) -> str | None:
    """The digits that `with_networks` put there, None where there are none."""
    found = LOCAL.search(str(version))
    return found.group(1) if found else None
