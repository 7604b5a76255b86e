"""fourier.c: the fast HMcode before the loop over times, which goes on where it ended."""
from ..anchors import Edit

EDITS = (
    Edit(
        reason="declare the fast HMcode",
        anchor='#include "hmcode.h"\n',
        where="after",
        text='#include "cosmicnet_hmcode.h"\n',
    ),
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
        reason="end of what is skipped",
        anchor="          /* Above, we have checked the computability of NL corrections.\n",
        where="before",
        text="          }\n\n",
    ),
)
