"""struct harmonic: was the fast line of sight taken?"""
from ..anchors import Edit

EDITS = (
    Edit(
        reason="tell the modules that follow about the fast line of sight",
        anchor="  short harmonic_verbose; /**<",
        where="before",
        text="  short line_of_sight_is_fast; /**< cosmicnet: as in struct transfer, which lensing does not see */\n\n",
    ),
)
