"""Fields with densities as inputs: of any neutrinos, helium, dark energy, temperature and curvature."""
from __future__ import annotations

from dataclasses import replace

from .coordinates import Boundaries
from .fields import FIELDS, Field

__all__ = ["DEFAULT_BOUNDARIES", "DENSITY_FIELDS", "GUARD_INPUTS"]

# Beyond k tau = 45 photons count as streaming from this time on. They still scatter at tau/tau_rec = 1.3, where CLASS's
# default settings begin: without their multipoles there EE is off by 2.5e-4 (rms) at l of 1500 to 2300.
DEFAULT_BOUNDARIES = Boundaries(free_streaming=1.8, streaming=45.0)

_EARLY = ("ln_baryons", "ln_matter", "N_eff", "YHe", "ln_T_cmb", "recombination", "ln_diffusion_length",
          "ln_visibility_width", "neutrino_mass_z1090", "dark_energy_to_matter_rec")
GUARD_INPUTS = ("ln_baryons", "ln_matter", "N_eff", "YHe", "ln_T_cmb", "recombination", "massive_neutrinos",
                "neutrino_mass_z1090", "dark_energy_to_matter_rec")
"""Inputs that determine recombination."""

# matter counts massive neutrinos that are still relativistic
_EARLY_MATTER = (*_EARLY, "massive_neutrinos")
_LATE = (*_EARLY, "neutrino_mass_z300", "neutrino_mass_z50", "neutrino_mass_z8", "neutrino_mass_z0",
         "ln_dark_energy_to_matter_z100", "ln_dark_energy_to_matter_z10", "ln_dark_energy_to_matter_z2",
         "ln_dark_energy_to_matter_z0.5", "ln_dark_energy_to_matter_z0", "curvature_to_matter", "w0_fld", "w0_plus_wa",
         "fluid_equations", "massive_neutrinos")


def _of_densities(field: Field) -> Field:
    if field.region == "late" and field.piece == "isw":
        field = replace(field, piece="isw_beyond_growth")
    inputs = _LATE if field.region != "early" else _EARLY_MATTER if field.piece == "matter" else _EARLY
    time = "tau_over_tau_rec_wide" if field.region == "early" else field.time
    wavenumber = "ln_x_far" if field.wavenumber == "ln_x" else field.wavenumber
    return replace(field, time=time, wavenumber=wavenumber, inputs=inputs)


DENSITY_FIELDS: tuple[Field, ...] = tuple(_of_densities(field) for field in FIELDS)
