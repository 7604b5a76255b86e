"""thermodynamics: fewer redshifts, rates and trials in the fast background; tables of text files kept in the process."""
from ..anchors import Edit, of_part
from .declarations import add_fields, include

_OPEN_HELIUM = '  class_open(fA,{}, "r",pth->error_message);\n'
_RECALL_HELIUM = """\
  /* cosmicnet: the whole path may be given; has this process read the table already? */
  cosmicnet_find_file({0},ppr->sBBN_file);
  char * cosmicnet_bbn_path = {0};
  if (cosmicnet_recall_helium(cosmicnet_bbn_path,&num_omegab,&num_deltaN,&omegab,&deltaN,&YHe) == _TRUE_) {{
    class_alloc(ddYHe,num_omegab*num_deltaN*sizeof(double),pth->error_message);
    class_alloc(YHe_at_deltaN,num_omegab*sizeof(double),pth->error_message);
    class_alloc(ddYHe_at_deltaN,num_omegab*sizeof(double),pth->error_message);
  }}
  else {{

"""

HEADER = (
    add_fields("field of the fast thermal history", "thermodynamics_verbose; /**<",
               "  short history_is_fast; /**< cosmicnet: whether thermodynamics_init() took it */\n\n"),
    Edit(
        reason="a call of thermodynamics_derivs() for the table",
        anchor="  int last_index_back; /**< nearest location in background table */\n",
        where="after",
        text="  short rates_are_unused; /**< cosmicnet: a call for the table, which needs no rates of ionization */\n",
    ),
)

SOURCE = (
    include("declare the fast thermal history", "thermodynamics.h",
            "fast/background/fast_background.h", "fast/background/kept_tables.h", "shim/files.h"),
    Edit(
        reason="recall the table of helium",
        anchor=_OPEN_HELIUM.format("bbn_path"), where="before", text=_RECALL_HELIUM.format("bbn_path"),
        or_else=Edit(reason="the same before 3.3.2", anchor=_OPEN_HELIUM.format("ppr->sBBN_file"), where="before",
                     text=_RECALL_HELIUM.format("ppr->sBBN_file")),
    ),
    Edit(
        reason="keep the table of helium",
        anchor="  /** - spline in one dimension (along deltaN) */\n",
        where="before",
        text="""\
    cosmicnet_keep_helium(cosmicnet_bbn_path,num_omegab,num_deltaN,omegab,deltaN,YHe);
  }

""",
    ),
    Edit(
        reason="numbers of redshifts",
        anchor="  ptw->Nz_tot = ptw->Nz_reio + ptw->Nz_reco;\n",
        where="before",
        text="""\
  /* cosmicnet */
  ptw->rates_are_unused = _FALSE_;
  pth->history_is_fast = cosmicnet_thermodynamics_applies(pba,pth);
  if (pth->history_is_fast == _TRUE_) cosmicnet_count_redshifts(ppr,pba,pth,ptw);
""",
    ),
    Edit(
        reason="redshifts of recombination and reionisation",
        anchor="""\
  for (index_tau=0; index_tau < pth->tt_size; index_tau++) {
    class_call(background_tau_of_z(pba,
""",
        where="before",
        text="""\
  /* cosmicnet */
  if (pth->history_is_fast == _TRUE_)
    cosmicnet_sample_redshifts(ppr,pba,pth,ptw);

""",
    ),
    Edit(
        reason="a root search in place of bisection",
        anchor="  /* Calculate a first ionization history at upper limit */\n",
        where="before",
        text="""\
  /* cosmicnet: this search needs no history at its limits */
  struct cosmicnet_depth_search search;
  if (pth->history_is_fast == _TRUE_) {
    class_call(cosmicnet_begin_search(&search,ppr,pba,pth,ptw,z_sup),
               pth->error_message,
               pth->error_message);
  }
  else {

""",
    ),
    Edit(
        reason="end of the history at the upper limit",
        anchor='             "parameters are such that reionization cannot start after z_start_max");\n',
        where="after",
        text="  }\n",
    ),
    Edit(
        reason="no history at the lower limit",
        anchor="  /* Calculate a second ionization history at lower limit */\n",
        where="before",
        text="  if (pth->history_is_fast == _FALSE_) {\n",
    ),
    Edit(
        reason="end of the history at the lower limit",
        anchor='modifications of the x_e(z) behaviour.",tau_inf);\n',
        where="after",
        text="  }\n",
    ),
    Edit(
        reason="the next trial",
        anchor="""\
  while ((tau_sup-tau_inf) > pth->tau_reio * ppr->reionization_optical_depth_tol) {
    z_mid=0.5*(z_sup+z_inf);
""",
        where="instead",
        text="""\
  while ((pth->history_is_fast == _TRUE_) ? (cosmicnet_try_again(&search) == _TRUE_)
         : ((tau_sup-tau_inf) > pth->tau_reio * ppr->reionization_optical_depth_tol)) {
    z_mid=(pth->history_is_fast == _TRUE_) ? search.z : 0.5*(z_sup+z_inf);
""",
    ),
    Edit(
        reason="the optical depth of a trial",
        anchor="    tau_mid=ptw->reionization_optical_depth;\n",
        where="after",
        text="    if (pth->history_is_fast == _TRUE_) cosmicnet_found_depth(&search,tau_mid); /* cosmicnet */\n",
    ),
    Edit(
        reason="no root within the limits",
        anchor="  /** - Store the ionization redshift in the thermodynamics structure */\n",
        where="before",
        text="""\
  /* cosmicnet */
  class_test((pth->history_is_fast == _TRUE_) && (fabs(search.depth-pth->tau_reio) > ppr->reionization_optical_depth_tol*pth->tau_reio),
             pth->error_message,
             "no redshift of reionization between 0 and %g gives tau_reio = %g: at z = %g it is %g",
             search.highest,pth->tau_reio,search.z,search.depth);

""",
    ),
    Edit(
        reason="smoothing over the same redshifts",
        anchor="  class_call(array_smooth(pth->thermodynamics_table,\n",
        where="before",
        text="""\
  if (pth->history_is_fast == _TRUE_) cosmicnet_smooth_rate(ppr,pth); /* cosmicnet */
  else
""",
    ),
    Edit(
        reason="the splines of the table",
        anchor="  class_call(array_spline_table_lines(pth->z_table,\n",
        where="instead",
        text="""\
  class_call(((pth->history_is_fast == _TRUE_) ? cosmicnet_spline_lines : array_spline_table_lines) /* cosmicnet */
             (pth->z_table,
""",
    ),
    Edit(
        reason="no rates where only the table needs the call",
        anchor="  switch (pth->recombination) {\n\n    /** --> use Recfast or HyRec to get the derivatives",
        where="before",
        text="  if (ptw->rates_are_unused == _FALSE_) /* cosmicnet */\n",
    ),
    Edit(
        reason="a call for the table",
        anchor="  class_call(thermodynamics_derivs(mz,y,dy,thermo_parameters_and_workspace,error_message),\n",
        where="before",
        text="""\
  /* cosmicnet: the integrator keeps its derivatives, the table needs that of the temperature only */
  double dy_of_table[4] = {0.,0.,0.,0.};
  if (pth->history_is_fast == _TRUE_) {
    ptw->rates_are_unused = _TRUE_;
    dy = dy_of_table;
  }

""",
    ),
    Edit(
        reason="end of the call for the table",
        anchor="  /* Assign local variables (note that pvecback is filled through derivs) */\n",
        where="before",
        text="  ptw->rates_are_unused = _FALSE_; /* cosmicnet */\n\n",
    ),
)

HYREC = (
    Edit(
        reason="declare the tables that are kept",
        anchor='#include "helium.h"\n',
        where="after",
        text="""\
void cosmicnet_atomic_rates(HYREC_ATOMIC * atomic, int * error, char * path_to_hyrec, char * error_message);
void cosmicnet_swift_fit(FIT_FUNC * fit, int * error, char * path_to_hyrec, char * error_message);
""",
    ),
    Edit(
        reason="recall the rates of hydrogen",
        anchor="  allocate_and_read_atomic(data->atomic, ",
        where="instead",
        text="  cosmicnet_atomic_rates(data->atomic, ",
    ),
    Edit(
        reason="recall the correction of SWIFT",
        anchor="  allocate_and_read_fit(data->fit, ",
        where="instead",
        text="  cosmicnet_swift_fit(data->fit, ",
    ),
)

EDITS: dict[str, tuple[Edit, ...]] = {
    name: of_part("background", edits) for name, edits in {
        "include/thermodynamics.h": HEADER, "source/thermodynamics.c": SOURCE, "external/HyRec2020/history.c": HYREC,
    }.items()
}
