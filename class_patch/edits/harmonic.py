"""harmonic: the spectra of the fast line of sight."""
from ..anchors import Edit, of_part
from .declarations import add_fields, include

HEADER = (
    add_fields("tell the modules that follow about the fast line of sight", "harmonic_verbose; /**<",
               "  short line_of_sight_is_fast; /**< cosmicnet: as in struct transfer, which lensing does not see */\n\n"),
)

SOURCE = (
    include("declare the fast spectra", "harmonic.h", "fast/line_of_sight/fast_line_of_sight.h"),
    Edit(
        reason="tell lensing about the fast line of sight",
        anchor="  class_call(harmonic_indices(pba,ppt,ptr,ppm,phr),\n",
        where="before",
        text="  phr->line_of_sight_is_fast = ptr->line_of_sight_is_fast;\n",
    ),
    Edit(
        reason="take the fast spectra",
        anchor="""\
        /* non-diagonal coefficients should be computed only if non-zero correlation */
""",
        where="before",
        text="""\
        /* cosmicnet: sums with weights common to all l, after the fast line of sight */
        if ((ptr->line_of_sight_is_fast == _TRUE_) && (phr->is_non_zero[index_md][index_ic1_ic2] == _TRUE_)) {
          class_call(cosmicnet_harmonic(ppr,pba,ppt,ptr,ppm,phr,index_md,index_ic1,index_ic2),
                     phr->error_message,
                     phr->error_message);
          continue;
        }

""",
    ),
)

EDITS: dict[str, tuple[Edit, ...]] = {"include/harmonic.h": of_part("line_of_sight", HEADER), "source/harmonic.c": of_part("line_of_sight", SOURCE)}
