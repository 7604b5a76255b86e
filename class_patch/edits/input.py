"""input: no provider unless classy sets one after the input was read; the options of the fast modules."""
from ..anchors import Edit

SOURCE = (
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
    Edit(
        reason="default of the line of sight",
        anchor="  ptr->transfer_verbose = 0;\n",
        where="after",
        text="""\
  ptr->fast_line_of_sight = _COSMICNET_AUTOMATIC_;
  ptr->kept_transfer = NULL;
""",
    ),
    Edit(
        reason="default of the non-linear step",
        anchor="  pfo->fourier_verbose = 0;\n",
        where="after",
        text="""\
  pfo->fast_non_linear = _COSMICNET_AUTOMATIC_;
  pfo->non_linear_is_fast = _FALSE_;
""",
    ),
    Edit(
        reason="read the choice of the non-linear step",
        anchor="  /** 1) Non-linearity */\n  /* Read */\n",
        where="before",
        text='  class_read_flag("fast_non_linear",pfo->fast_non_linear);\n',
    ),
    Edit(
        reason="read the choice of the line of sight",
        anchor="  /** 2) Should the lensed spectra be rescaled (either with just A_L",
        where="before",
        text='  class_read_flag("fast_line_of_sight",ptr->fast_line_of_sight);\n',
    ),
)

EDITS: dict[str, tuple[Edit, ...]] = {"source/input.c": SOURCE}
