"""struct fourier: is the fast HMcode wanted, and was it taken?"""
from ..anchors import Edit

EDITS = (
    Edit(
        reason="automatic choice of the fast modules",
        anchor="#define _MAX_NUM_EXTRAPOLATION_",
        where="before",
        text="#define _COSMICNET_AUTOMATIC_ (-1)\n",
    ),
    Edit(
        reason="fields of the fast HMcode",
        anchor="  short fourier_verbose;",
        where="before",
        text="""\
  short fast_non_linear; /**< cosmicnet: _TRUE_, _FALSE_, or _COSMICNET_AUTOMATIC_: if the sources were provided */
  short non_linear_is_fast; /**< cosmicnet: whether fourier_init() took it */

""",
    ),
)
