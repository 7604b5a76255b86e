"""transfer: the fast line of sight in place of the loop over wavenumbers; transfer functions kept from a former run."""
from ..anchors import Edit, of_part
from .declarations import add_fields, include

HEADER = (
    add_fields("fields of the fast line of sight", "transfer_verbose; /**<", """\
  short fast_line_of_sight; /**< cosmicnet: _TRUE_, _FALSE_, or _COSMICNET_AUTOMATIC_: if the sources were provided */
  short line_of_sight_is_fast; /**< cosmicnet: whether transfer_init() took it */
  double ** kept_transfer; /**< cosmicnet: transfer functions of all modes from a former run that transfer_init() takes over,
                              those of temperature and polarisation still right; else NULL */
  void * number_counts; /**< cosmicnet: transfer functions of number counts and shear by the fast line of sight, or NULL */
  double largest_k; /**< cosmicnet: in 1/Mpc, where CLASS's list of wavenumbers for all modes and types shall end; or HUGE_VAL */

"""),
)

SOURCE = (
    include("declare the fast line of sight", "transfer.h", "fast/line_of_sight/fast_line_of_sight.h"),
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
  ptr->line_of_sight_is_fast = cosmicnet_line_of_sight_applies(ppr,pba,ppt,ptr);
  ptr->largest_k = cosmicnet_largest_k(ppr,pba,ppt,ptr);
  if (ptr->line_of_sight_is_fast == _TRUE_) {
    refined = *ppr;
    cosmicnet_refine(&refined,ptr,pfo->primordial_step,pba->conformal_age);
    ppr = &refined;
  }

""",
    ),
    Edit(
        reason="wavenumbers of closed space for the fast line of sight",
        anchor="  /* adjust the parameter governing the log step size to curvature */\n",
        where="before",
        text="""\
  /* cosmicnet: the fast line of sight has its own list */
  if ((sgnK == 1) && (ptr->line_of_sight_is_fast == _TRUE_)) {
    class_call(cosmicnet_closed_wavenumbers(ppr,ptr,q_period,q_max,K),
               ptr->error_message,
               ptr->error_message);
    return _SUCCESS_;
  }

""",
    ),
    Edit(
        reason="wavenumbers that nothing needs",
        anchor="  /** - get q values in full Limber case using transfer_get_q_limber_list() */\n",
        where="before",
        text="  while ((ptr->q_size > 2) && (ptr->q[ptr->q_size-1] > ptr->largest_k)) ptr->q_size--; /* cosmicnet */\n\n",
    ),
    Edit(
        reason="wavenumbers of tensor modes go on beyond those of scalars",
        anchor="    class_test(ptr->k[index_md][ptr->q_size-1] > ppt->k[0][ppt->k_size_cl[0]-1],\n",
        where="instead",
        text="    class_test((ptr->line_of_sight_is_fast == _FALSE_) /* cosmicnet */\n"
             "               && (ptr->k[index_md][ptr->q_size-1] > ppt->k[0][ppt->k_size_cl[0]-1]),\n",
    ),
    Edit(
        reason="keep transfer functions; take the fast line of sight",
        anchor="""\
  /** - copy sources to a local array sources (in fact, only the pointers are copied, not the data), \
and eventually apply non-linear corrections to the sources */
""",
        where="before",
        text="""\
  /** - cosmicnet: take over kept transfer functions; take the fast line of sight */
  if (ptr->kept_transfer != NULL) {
    for (int index_md=0; index_md < ptr->md_size; index_md++) {
      free(ptr->transfer[index_md]);
      ptr->transfer[index_md] = ptr->kept_transfer[index_md];
    }
  }
  if (ptr->line_of_sight_is_fast == _TRUE_) {
    class_call(cosmicnet_line_of_sight(ppr,pba,ppt,pfo,ptr,tau_rec),
               ptr->error_message,
               ptr->error_message);
    if ((ppt->has_cl_number_count == _TRUE_) || (ppt->has_cl_lensing_potential == _TRUE_)) {
      class_call(cosmicnet_number_counts(ppr,pba,ppt,pfo,ptr,tau_rec),
                 ptr->error_message,
                 ptr->error_message);
    }
    ptr->is_allocated = _TRUE_;
    return _SUCCESS_;
  }

""",
    ),
    Edit(
        reason="skip the transfer functions that are kept",
        anchor="          /** - define here wich transfer fucntion should be computed\n",
        where="before",
        text="          if (cosmicnet_is_kept(ppt,ptr,index_md,index_tt) == _TRUE_) continue; /* cosmicnet */\n\n",
    ),
    Edit(
        reason="free the transfer functions of number counts and shear",
        anchor="    if (ptr->nz_size > 0) {\n",
        where="before",
        text="    cosmicnet_free_number_counts(ptr);\n\n",
    ),
)

EDITS: dict[str, tuple[Edit, ...]] = {"include/transfer.h": HEADER, "source/transfer.c": of_part("line_of_sight", SOURCE)}
