"""cclassy.pxd: declare what the shim reaches, and call the long modules without Python's global lock."""
from ..anchors import Edit

LONG_MODULES = ("perturbations", "fourier", "transfer", "harmonic", "lensing")

EDITS = (
    Edit(
        reason="declare the provider in struct perturbations",
        anchor="        double *** sources\n        double * tau_sampling\n",
        where="before",
        text="""\
        int (*source_provider)(void *, precision *, background *,
                               thermodynamics *, perturbations *) noexcept
        void * source_provider_data
        short scalars_provided
        double * recorded_theta_b
        double * recorded_phi_prime
        int * k_size_cmb
""",
    ),
    Edit(
        reason="declare which HMcode was taken",
        anchor="    cdef struct fourier:\n",
        where="after",
        text="        short non_linear_is_fast\n",
    ),
    Edit(
        reason="declare which line of sight was taken, and what is kept",
        anchor="    cdef struct transfer:\n",
        where="after",
        text="""\
        short line_of_sight_is_fast
        double ** transfer
        double * kept_transfer
""",
    ),
    *(Edit(
        reason=f"{module}_init without Python's global lock",
        anchor=f"    int {module}_init(",
        where="instead",
        text=f'    int {module}_init "cosmicnet_{module}_init"(',
    ) for module in LONG_MODULES),
)
