"""struct transfer: is the fast line of sight wanted, and was it taken? What is kept of a former run?"""
from ..anchors import Edit

EDITS = (
    Edit(
        reason="fields of the fast line of sight",
        anchor="  short transfer_verbose; /**<",
        where="before",
        text="""\
  short fast_line_of_sight; /**< cosmicnet: _TRUE_, _FALSE_, or _COSMICNET_AUTOMATIC_: if the sources were provided */
  short line_of_sight_is_fast; /**< cosmicnet: whether transfer_init() took it */
  double * kept_transfer; /**< cosmicnet: transfer functions of scalars from a former run that transfer_init() takes over,
                             those of temperature and polarisation still right; else NULL */

""",
    ),
)
