"""struct perturbations: the source provider and the two recorded pieces of S_T0."""
from ..anchors import Edit

EDITS = (
    Edit(
        reason="fields of the source provider",
        anchor="  short perturbations_verbose; /**<",
        where="before",
        text="""\
  /** cosmicnet: if not NULL, perturbations_init() calls source_provider(source_provider_data, ...)
      once, when the k and tau grids and the source tables exist. The provider either fills
      sources[index_md_scalars] for every type and sets scalars_provided to _TRUE_, or leaves both
      alone and the equations are integrated as usual, or writes error_message and returns _FAILURE_. */
  int (*source_provider)(void *, struct precision *, struct background *,
                         struct thermodynamics *, struct perturbations *);
  void * source_provider_data;
  short scalars_provided;

  /** cosmicnet: if not NULL, tables [index_tau*k_size+index_k] (adiabatic scalars) in which
      perturbations_sources() records theta_b/k^2 and phi', both in the Newtonian gauge */
  double * recorded_theta_b;
  double * recorded_phi_prime;

""",
    ),
)
