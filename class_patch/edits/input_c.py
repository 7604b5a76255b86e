"""input_default_params: no provider unless the wrapper sets one after the input was read."""
from ..anchors import Edit

EDITS = (
    Edit(
        reason="defaults of the source provider",
        anchor="  ppt->perturbations_verbose = 0;\n",
        where="after",
        text="""\
  ppt->source_provider = NULL;
  ppt->source_provider_data = NULL;
  ppt->scalars_provided = _FALSE_;
  ppt->recorded_theta_b = NULL;
  ppt->recorded_phi_prime = NULL;
""",
    ),
)
