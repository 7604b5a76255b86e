"""background: the fast background, with a table of fewer rows."""
from ..anchors import Edit

HEADER = (
    Edit(
        reason="fields of the fast background",
        anchor="  short background_verbose; /**<",
        where="before",
        text="""\
  short fast_background; /**< cosmicnet: _TRUE_ or _FALSE_ */
  short background_is_fast; /**< cosmicnet: whether background_init() took it */

""",
    ),
)

SOURCE = (
    Edit(
        reason="declare the fast background",
        anchor='#include "background.h"\n',
        where="after",
        text='#include "cosmicnet/fast/background/fast_background.h"\n',
    ),
    Edit(
        reason="choose the number of rows",
        anchor="  pba->bt_size = ppr->background_Nloga;\n",
        where="instead",
        text="""\
  pba->background_is_fast = cosmicnet_background_applies(pba); /* cosmicnet */
  pba->bt_size = cosmicnet_background_size(ppr,pba);
""",
    ),
)

EDITS: dict[str, tuple[Edit, ...]] = {"include/background.h": HEADER, "source/background.c": SOURCE}
