"""lensing: the fast lensed spectra in place of tables of d-functions."""
from ..anchors import Edit, of_part
from .declarations import include

SOURCE = (
    include("declare the fast lensed spectra", "lensing.h", "fast/lensing/fast_lensing.h"),
    Edit(
        reason="take the fast lensed spectra",
        anchor="""\
  /** - put all precision variables hare; will be stored later in precision structure */
""",
        where="before",
        text="""\
  /** - cosmicnet: the same sums and integrals at once, after the fast line of sight */
  if (phr->line_of_sight_is_fast == _TRUE_) {
    class_call(cosmicnet_lensing(ppr,phr,ple),
               ple->error_message,
               ple->error_message);
    return _SUCCESS_;
  }

""",
    ),
)

EDITS: dict[str, tuple[Edit, ...]] = {"source/lensing.c": of_part("lensing", SOURCE)}
