"""transfer.c: the fast line of sight in place of the loop over wavenumbers."""
from ..anchors import Edit

EDITS = (
    Edit(
        reason="declare the fast line of sight",
        anchor='#include "transfer.h"\n',
        where="after",
        text='#include "cosmicnet_line_of_sight.h"\n',
    ),
    Edit(
        reason="decide about the fast line of sight, and its sampling",
        anchor="""\
  /** - initialize all indices in the transfer structure and
      allocate all its arrays using transfer_indices() */
""",
        where="before",
        text="""\
  /** - cosmicnet: does the fast line of sight apply? If so, with its own sampling */
  struct precision refined;
  ptr->line_of_sight_is_fast = cosmicnet_line_of_sight_applies(pba,ppt,ptr);
  if (ptr->line_of_sight_is_fast == _TRUE_) {
    refined = *ppr;
    cosmicnet_refine(&refined);
    ppr = &refined;
  }

""",
    ),
    Edit(
        reason="take the fast line of sight",
        anchor="""\
  /** - spline all the sources passed by the perturbation module with respect to k (in order to interpolate later at a given value of k) */
""",
        where="before",
        text="""\
  if (ptr->line_of_sight_is_fast == _TRUE_) {
    class_call(cosmicnet_line_of_sight(ppr,pba,ppt,ptr,tau_rec,sources),
               ptr->error_message,
               ptr->error_message);
    class_call(transfer_perturbation_sources_free(ppt,pfo,ptr,sources),
               ptr->error_message,
               ptr->error_message);
    ptr->is_allocated = _TRUE_;
    return _SUCCESS_;
  }

""",
    ),
)
