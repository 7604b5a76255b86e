"""perturbations.c: ask the provider before the k loop, skip what it gave, record two pieces."""
from ..anchors import Edit

EDITS = (
    Edit(
        reason="ask the source provider",
        anchor="""\
  /* Setup task system */
  class_setup_parallel();
  /** - loop over modes (scalar, tensors, etc). For each mode: */
""",
        where="before",
        text="""\
  /** - cosmicnet: the sources of scalar modes may come from outside */
  if ((ppt->source_provider != NULL) && (ppt->has_scalars == _TRUE_)) {
    class_call_except(ppt->source_provider(ppt->source_provider_data,ppr,pba,pth,ppt),
                      ppt->error_message,
                      ppt->error_message,
                      perturbations_free(ppt));
  }

""",
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
