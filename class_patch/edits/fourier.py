"""fourier: the fast HMcode before the loop over times, which continues where it ended."""
from ..anchors import Edit, of_part
from .declarations import add_fields, include

HEADER = (
    Edit(
        reason="automatic choice of the fast modules",
        anchor="#define _MAX_NUM_EXTRAPOLATION_",
        where="before",
        text="#define _COSMICNET_AUTOMATIC_ (-1)\n",
    ),
    add_fields("fields of the fast HMcode", "fourier_verbose;", """\
  short fast_non_linear; /**< cosmicnet: _TRUE_, _FALSE_, or _COSMICNET_AUTOMATIC_: if the sources were provided */
  short non_linear_is_fast; /**< cosmicnet: whether fourier_init() took it */
  void (*free_without_feedback)(void *); /**< cosmicnet: frees both of the next */
  void * without_feedback; /**< cosmicnet: what HMcode's version with feedback keeps of the model without it, or NULL */
  void * kept_without_feedback; /**< cosmicnet: the same of an earlier computation, which fourier_init() takes over, or NULL */
  double primordial_step; /**< cosmicnet: the step in ln k that the primordial spectrum asks for, which transfer does not see */

"""),
)

STEP = (
    include("declare the step that the primordial spectrum asks for", "fourier.h",
            "fast/line_of_sight/fast_line_of_sight.h"),
    Edit(
        reason="the step that the primordial spectrum asks for",
        anchor="  /** - Do we want to compute P(k,z)? Propagate the flag has_pk_matter\n",
        where="before",
        text="""\
  /** - cosmicnet: for the fast line of sight */
  class_call(cosmicnet_primordial_step(ppt,ppm,&(pfo->primordial_step)),
             ppm->error_message,
             pfo->error_message);

""",
    ),
)

SOURCE = (
    include("declare the fast HMcode", "hmcode.h", "fast/hmcode/fast_hmcode.h"),
    Edit(
        reason="take the fast HMcode",
        anchor="    /* loop over time. Go backward, starting from today and going back to earlier times. */\n",
        where="before",
        text="""\
    /* cosmicnet: the first steps of the loop may be done at once */
    int steps_done = 0;
    short next_is_out_of_reach = _FALSE_;
    if (pfo->method == nl_HMcode) {
      class_call(cosmicnet_hmcode(ppr,pba,ppt,ppm,pfo,phw,index_tau_desired_nl,&steps_done,&next_is_out_of_reach),
                 pfo->error_message,
                 pfo->error_message);
    }

""",
    ),
    Edit(
        reason="skip the steps that are done",
        anchor="          /* get P_L(k) at this time in order to estimate P_NL(k) */\n",
        where="before",
        text="""\
          /* cosmicnet: done already, or known not to be computable */
          if (steps_done > 0) {
            steps_done--;
            continue;
          }
          if (next_is_out_of_reach == _TRUE_) {
            nl_corr_not_computable_at_this_k = _TRUE_;
          }
          else {

""",
    ),
    Edit(
        reason="free what was kept of the model without feedback",
        anchor="    free(pfo->k);\n    free(pfo->ln_k);\n",
        where="before",
        text="    if (pfo->without_feedback != NULL) pfo->free_without_feedback(pfo->without_feedback); /* cosmicnet */\n    pfo->without_feedback = NULL;\n\n",
    ),
    Edit(
        reason="end of the skipped code",
        anchor="          /* Above, we have checked the computability of NL corrections.\n",
        where="before",
        text="          }\n\n",
    ),
)

EDITS: dict[str, tuple[Edit, ...]] = {
    "include/fourier.h": HEADER,
    "source/fourier.c": (*of_part("line_of_sight", STEP), *of_part("non_linear", SOURCE)),
}
