"""perturbations: call the source provider before the loop over modes, skip the modes that it gave, record theta_b/k^2 and phi'; the
fast tensor modes."""
from ..anchors import Edit, of_part
from .declarations import add_fields, include

HEADER = (
    add_fields("fields of the source provider", "perturbations_verbose; /**<", """\
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

  short fast_tensors; /**< cosmicnet: _TRUE_, _FALSE_, or _COSMICNET_AUTOMATIC_: if the sources of scalars were provided */
  short tensors_are_fast; /**< cosmicnet: whether perturbations_init() took them */

"""),
)

_CALL_PROVIDER = """\
  /** - cosmicnet: the sources of scalar modes may come from outside */
  if ((ppt->source_provider != NULL) && (ppt->has_scalars == _TRUE_)) {
    class_call_except(ppt->source_provider(ppt->source_provider_data,ppr,pba,pth,ppt),
                      ppt->error_message,
                      ppt->error_message,
                      perturbations_free(ppt));
  }

"""

SOURCE = (
    Edit(
        reason="call the source provider",
        anchor="""\
  /* Setup task system */
  class_setup_parallel();
  /** - loop over modes (scalar, tensors, etc). For each mode: */
""",
        where="before", text=_CALL_PROVIDER,
        or_else=Edit(reason="the same before 3.2.3 and in forks", where="before", text=_CALL_PROVIDER,
                     anchor="  /** - loop over modes (scalar, tensors, etc). For each mode: */\n"),
    ),
    Edit(
        reason="skip the modes that were provided",
        anchor="""\
    if (ppt->perturbations_verbose > 1)
      printf("Evolving mode %d/%d\\n",index_md+1,ppt->md_size);
""",
        where="before",
        text="""\
    if ((ppt->scalars_provided == _TRUE_) && (_scalars_)) continue;

""",
    ),
    Edit(
        reason="record theta_b/k^2 and phi'",
        anchor="""\
    /* scalar polarization */
    if (ppt->has_source_p == _TRUE_) {
""",
        where="before",
        text="""\
    /* cosmicnet: pieces of S_T0; theta_b is in the Newtonian gauge from here on if has_source_t */
    if ((ppt->recorded_theta_b != NULL) && (ppt->has_source_t == _TRUE_) && (index_ic == 0)) {
      ppt->recorded_theta_b[index_tau*ppt->k_size[index_md]+index_k] = theta_b/k/k;
      ppt->recorded_phi_prime[index_tau*ppt->k_size[index_md]+index_k] =
        (ppt->gauge == newtonian) ?
        pvecmetric[ppw->index_mt_phi_prime] :
        pvecmetric[ppw->index_mt_eta_prime]
        - a_prime_over_a_prime * pvecmetric[ppw->index_mt_alpha]
        - a_prime_over_a * pvecmetric[ppw->index_mt_alpha_prime];
    }

""",
    ),
)

TENSORS = (
    include("declare the fast tensor modes", "perturbations.h", "fast/tensors/fast_tensors.h"),
    Edit(
        reason="take the fast tensor modes",
        anchor="""\
    for (index_ic = 0; index_ic < ppt->ic_size[index_md]; index_ic++) {

      if (ppt->perturbations_verbose > 1)""",
        where="before",
        text="""\
    if (_tensors_) ppt->tensors_are_fast = cosmicnet_tensors_apply(pba,pth,ppt);
    if ((ppt->tensors_are_fast == _TRUE_) && (_tensors_)) {
      class_call(cosmicnet_tensor_sources(ppr,pba,pth,ppt),
                 ppt->error_message,
                 ppt->error_message);
      continue;
    }

""",
    ),
)

EDITS: dict[str, tuple[Edit, ...]] = {"include/perturbations.h": HEADER,
                                     "source/perturbations.c": (*SOURCE, *of_part("tensors", TENSORS))}
