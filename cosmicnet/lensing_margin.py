"""Does a request go far enough beyond l_max, in l and in k, for its lensed spectra? (docs/margins.md)"""
from __future__ import annotations

from .request import Request

__all__ = ["ENOUGH_PER_L", "K_PER_L", "NO_NEED_BELOW", "ends_too_early"]

# Below this l_max the defaults of CLASS cost about 1e-3.
NO_NEED_BELOW = 3000
# The margin delta_l_max, over l_max, with which TT and EE are off by about 1e-3 at l_max; a little less, as CLASS
# rounds half of l_max.
ENOUGH_PER_L, ROUNDING = 0.5, 1.0
# The largest k (1/Mpc) over l_max with which non-linear lensing is off by about 1e-3.
K_PER_L = 1.0 / 90.0

YES = ("y", "t", "1")
NO = ("", "no", "none")


def ends_too_early(request: Request) -> str | None:
    """A sentence if lensed TT or EE are off by more than about 1e-3 at the l_max of the request because its unlensed
    spectra or, with non-linear corrections, its wavenumbers end too early."""
    given = {name: str(value).strip().lower() for name, value in request.parameters.items()}
    l_max = float(given.get("l_max_scalars") or 0.0)
    if l_max < NO_NEED_BELOW or not given.get("lensing", "").startswith(YES) or "p" not in request.tables:
        return None
    missing = []
    margin = request.precision["delta_l_max"]
    if margin < ENOUGH_PER_L * l_max - ROUNDING:
        missing.append(f"delta_l_max = {margin:g}, but about {ENOUGH_PER_L * l_max:.0f} is needed")
    has_corrections = any(given.get(name, "no") not in NO for name in ("non_linear", "non linear"))
    if has_corrections and request.k[-1] < K_PER_L * l_max:
        missing.append(f"k up to {request.k[-1]:.3g}/Mpc, but about {K_PER_L * l_max:.0f}/Mpc is needed with "
                       f"non-linear lensing (nonlinear_min_k_max)")
    if not missing:
        return None
    return (f"lensed spectra are off by more than 1e-3 at l_max_scalars = {l_max:g}, with full CLASS as well: "
            f"{'; '.join(missing)}")
