"""struct transfer: is the fast line of sight wanted, and was it taken?"""
from ..anchors import Edit

EDITS = (
    Edit(
        reason="fields of the fast line of sight",
        anchor="  short transfer_verbose; /**<",
        where="before",
        text="""\
  short fast_line_of_sight; /**< cosmicnet: _TRUE_, _FALSE_, or _COSMICNET_AUTOMATIC_: if the sources were provided */
  short line_of_sight_is_fast; /**< cosmicnet: whether transfer_init() took it */

""",
    ),
)
