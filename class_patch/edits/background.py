"""background: the fast background, with a table of fewer rows."""
from ..anchors import Edit, of_part
from .declarations import add_fields, include

HEADER = (
    add_fields("fields of the fast background", "background_verbose; /**<", """\
  short fast_background; /**< cosmicnet: _TRUE_ or _FALSE_ */
  short background_is_fast; /**< cosmicnet: whether background_init() took it */

"""),
)

SOURCE = (
    include("declare the fast background", "background.h", "fast/background/fast_background.h"),
    Edit(
        reason="choose the number of rows",
        anchor="  pba->bt_size = ppr->background_Nloga;\n",
        where="instead",
        text="""\
  pba->background_is_fast = cosmicnet_background_applies(pba); /* cosmicnet */
  pba->bt_size = cosmicnet_background_size(ppr,pba,loga_ini);
""",
    ),
    Edit(
        reason="rows of the table",
        anchor="""\
    used_in_output[index_loga] = 1;
  }
""",
        where="after",
        text="  if (pba->background_is_fast == _TRUE_) cosmicnet_sample_background(ppr,pba,loga_ini); /* cosmicnet */\n",
    ),
    Edit(
        reason="the splines of the table",
        anchor="  class_call(array_spline_table_lines(pba->loga_table,\n",
        where="instead",
        text="""\
  class_call(((pba->background_is_fast == _TRUE_) ? cosmicnet_spline_lines : array_spline_table_lines) /* cosmicnet */
             (pba->loga_table,
""",
    ),
    *(Edit(
        reason=f"look for {wanted} close to the row of the last call",
        anchor=f"array_interpolate_spline(\n                                      pba->{given}_table,\n",
        where="instead",
        text=f"cosmicnet_interpolate_near( /* cosmicnet */\n                                      pba->{given}_table,\n",
    ) for given, wanted in (("z", "tau"), ("tau", "z"))),
    Edit(
        reason="momenta of massive neutrinos without powers",
        anchor="      class_call(background_ncdm_momenta(\n",
        where="before",
        text="""\
      /* cosmicnet */
      if (pba->fast_background == _TRUE_) {
        cosmicnet_ncdm_momenta(pba,n_ncdm,a,&rho_ncdm,&p_ncdm,&pseudo_p_ncdm);
      }
      else
""",
    ),
)

REFUSALS = (
    Edit(
        reason="momenta of neutrinos that are not finite",
        anchor="""\
      for (index_q=0; index_q<pba->q_size_ncdm[k]; index_q++) {
        pba->q_ncdm_bg[k][index_q] = pba->q_ncdm[k][index_q];
""",
        where="before",
        text="""\
      /* cosmicnet: the integrator would end the process */
      for (index_q=0; index_q<pba->q_size_ncdm[k]; index_q++) {
        class_test(!(pba->q_ncdm[k][index_q]*0. == 0.) || !(pba->w_ncdm[k][index_q]*0. == 0.),
                   pba->error_message,
                   "ncdm_quadrature_strategy %d gives momenta that are not finite for ncdm_N_momentum_bins = %d; use fewer",
                   (int)pba->ncdm_quadrature_strategy[k],pba->q_size_ncdm[k]);
      }
""",
    ),
)

EDITS: dict[str, tuple[Edit, ...]] = {"include/background.h": HEADER, "source/background.c": (*of_part("background", SOURCE), *of_part("refusals", REFUSALS))}
