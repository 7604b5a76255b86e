"""input: no provider unless classy sets one after the input was read; the options of the fast modules."""
from ..anchors import Edit
from .declarations import include, set_defaults

SOURCE = (
    include("declare the fast thermal history", "input.h", "fast/background/fast_background.h", part="background"),
    Edit(
        reason="no reionization in trials for the sound horizon", part="background",
        anchor="    pr.thermo_Nz_lin = 10000;\n    pr.thermo_Nz_log = 500;\n",
        where="instead",
        text="""\
    /* cosmicnet */
    if ((ba.background_is_fast == _TRUE_) && (pfzw->required_computation_stage == cs_thermodynamics)) {
      cosmicnet_leave_out_reionization(&pr,&th);
    }
    else {
      pr.thermo_Nz_lin = 10000;
      pr.thermo_Nz_log = 500;
    }
""",
    ),
    Edit(
        reason="secants for the sound horizon", part="background",
        anchor="  /** Then we do a linear hunt for the boundaries */\n",
        where="before",
        text="""\
  /** - cosmicnet: where the background is fast, secants; should they lead nowhere, from the first value again */
  char is_fast[_ARGUMENT_LENGTH_MAX_];
  int is_given;
  class_call(parser_read_string(&(pfzw->fc),"fast_background",&is_fast,&is_given,errmsg),errmsg,errmsg);
  if ((is_given == _TRUE_) && (string_begins_with(is_fast,'y') || string_begins_with(is_fast,'Y'))
      && ((pfzw->target_name[0] == theta_s) || (pfzw->target_name[0] == theta_s_100))) {
    double x = x1, f = f1, step = cosmicnet_slope_of_h*f1/pfzw->target_value[0]*x1, f_before;
    for (iter=1; iter<=8; iter++) {
      x -= step;
      /* the error after a secant step is the product of two steps */
      if (fabs(step) < cosmicnet_last_step*fabs(x)) {
        *xzero = x;
        return _SUCCESS_;
      }
      f_before = f;
      if (input_fzerofun_1d(x,pfzw,&f,errmsg) == _FAILURE_) break;
      (*fevals)++;
      step *= f/(f_before-f);
    }
  }

""",
    ),
    Edit(
        reason="a trial value of h that is not a number", part="refusals",
        anchor="    class_call_except(background_init(&pr,&ba), ba.error_message, errmsg, ",
        where="before",
        text="""\
    /* cosmicnet: the integrator would end the process */
    if (!(ba.h*0. == 0.)) {
      background_free_input(&ba);
      thermodynamics_free_input(&th);
      perturbations_free_input(&pt);
      class_stop(errmsg,"the search for h found NaN: the thermal history is too coarse for it"
                 " with tol_thermo_integration = %g",pr.tol_thermo_integration);
    }
""",
    ),
    Edit(
        reason="default of the background",
        anchor="  /** 2) Verbosity */\n  pba->background_verbose = 0;\n",
        where="after",
        text="""\
  pba->fast_background = _FALSE_;
  pba->background_is_fast = _FALSE_;
""",
    ),
    set_defaults("defaults of the source provider", "ppt->perturbations_verbose", """\
  ppt->source_provider = NULL;
  ppt->source_provider_data = NULL;
  ppt->scalars_provided = _FALSE_;
  ppt->recorded_theta_b = NULL;
  ppt->recorded_phi_prime = NULL;
  ppt->fast_tensors = _COSMICNET_AUTOMATIC_;
  ppt->tensors_are_fast = _FALSE_;
"""),
    set_defaults("default of the line of sight", "ptr->transfer_verbose", """\
  ptr->fast_line_of_sight = _COSMICNET_AUTOMATIC_;
  ptr->kept_transfer = NULL;
  ptr->number_counts = NULL;
"""),
    set_defaults("default of the non-linear step", "pfo->fourier_verbose", """\
  pfo->fast_non_linear = _COSMICNET_AUTOMATIC_;
  pfo->without_feedback = pfo->kept_without_feedback = NULL;
  pfo->non_linear_is_fast = _FALSE_;
"""),
    Edit(
        reason="read the choices of the background, tensor modes and the non-linear step",
        anchor="  /** 1) Non-linearity */\n  /* Read */\n",
        where="before",
        text="""\
  class_read_flag("fast_background",pba->fast_background);
  class_read_flag("fast_tensors",ppt->fast_tensors);
  class_read_flag("fast_non_linear",pfo->fast_non_linear);
""",
    ),
    Edit(
        reason="read the choice of the line of sight",
        anchor="  /** 2) Should the lensed spectra be rescaled (either with just A_L",
        where="before",
        text='  class_read_flag("fast_line_of_sight",ptr->fast_line_of_sight);\n',
    ),
)

EDITS: dict[str, tuple[Edit, ...]] = {"source/input.c": SOURCE}
