/** @file cosmicnet_line_of_sight.c
 *
 * Transfer functions by sums over a table of Bessel functions that all wavenumbers and times share.
 *
 * With x = q(tau0-tau), and j'' from the Bessel equation, CLASS's flat radial functions give
 *
 *    T_l = int dtau [(S_0-S_2) j_l + (S_1-3 S_2/x) j_l'] + 3/2 l(l+1) int dtau S_2/x^2 j_l
 *    E_l = sqrt(3/8 (l+2)!/(l-2)!) int dtau S_P/x^2 j_l,    S_P = sqrt(6) S_2,
 *
 * so that two sums suffice, of which the second serves both. Times and weights are CLASS's own.
 */

#include <cmath>
#include "parallel.h"
#include "cosmicnet_line_of_sight.h"
#include "cosmicnet_integrals.h"

using namespace cosmicnet;

/* Wavenumbers that one task treats: the more, the more often a row of the table is used while it is in the
   cache; but every thread shall have a few tasks. */
static int wavenumbers_per_task(size_t q_size) {
  int fair_share = (int)(q_size/(4*Tools::TaskSystem::GetNumThreads()));
  return MAX(16,MIN(128,fair_share));
}

short cosmicnet_line_of_sight_applies(struct background * pba, struct perturbations * ppt, struct transfer * ptr) {
  short wanted = (ptr->fast_line_of_sight == _COSMICNET_AUTOMATIC_) ? ppt->scalars_provided : ptr->fast_line_of_sight;
  /* switch_pol: only if it is on is S_P = sqrt(6) S_2; the transfer function of lensing needs a time step */
  return ((wanted == _TRUE_) && (pba->sgnK == 0) && (ppt->has_scalars == _TRUE_) && (ppt->md_size == 1)
          && (ppt->has_cl_number_count == _FALSE_) && (ppt->has_cl_lensing_potential == _FALSE_)
          && (ppt->switch_pol == 1)) ? _TRUE_ : _FALSE_;
}

void cosmicnet_refine(struct precision * ppr, struct transfer * ptr) {
  /* in flat space it is 1; CLASS's is off by rounding, to either side, so that steps in l, cut to whole numbers, would
     change from one cosmology to the next, and the interpolated spectra with them */
  ptr->angular_rescaling = 1.;
  ppr->l_linstep = MIN(ppr->l_linstep,15);
  ppr->l_logstep = MIN(ppr->l_logstep,1.035);
  ppr->q_logstep_spline = MIN(ppr->q_logstep_spline,60.);
}

static int time_grid(struct precision * ppr, struct background * pba, struct perturbations * ppt,
                     struct transfer * ptr, double tau_rec, int index_tt, TimeGrid & grid) {
  int size, index_md = ppt->index_md_scalars;
  class_call(transfer_source_tau_size(ppr,pba,ppt,ptr,tau_rec,pba->conformal_age,index_md,index_tt,&size),
             ptr->error_message,
             ptr->error_message);
  std::vector<double> one(ppt->tau_size,1.);
  grid.distance.resize(size);
  grid.weight.resize(size);
  grid.window.resize(size);
  /* a source of one at the pivot scale becomes the window */
  class_call(transfer_sources(ppr,pba,ppt,ptr,one.data(),tau_rec,ptr->lcmb_pivot,index_md,index_tt,
                              grid.window.data(),NULL,0,grid.distance.data(),grid.weight.data(),&size),
             ptr->error_message,
             ptr->error_message);
  grid.prepare();
  return _SUCCESS_;
}

short cosmicnet_is_kept(struct perturbations * ppt, struct transfer * ptr, int index_tt) {
  if (ptr->kept_transfer == NULL) return _FALSE_;
  if ((ppt->has_cl_cmb_temperature == _TRUE_)
      && ((index_tt == ptr->index_tt_t0) || (index_tt == ptr->index_tt_t1) || (index_tt == ptr->index_tt_t2))) return _TRUE_;
  return ((ppt->has_cl_cmb_polarization == _TRUE_) && (index_tt == ptr->index_tt_e)) ? _TRUE_ : _FALSE_;
}

int cosmicnet_line_of_sight(struct precision * ppr, struct background * pba, struct perturbations * ppt,
                            struct fourier * pfo, struct transfer * ptr, double tau_rec) {
  int index_md = ppt->index_md_scalars;
  LineOfSight work;
  work.ppr = ppr;
  work.ppt = ppt;
  work.ptr = ptr;
  work.tau0 = pba->conformal_age;
  work.index_md = index_md;
  work.has_t = (ppt->has_cl_cmb_temperature == _TRUE_) && (ptr->kept_transfer == NULL);
  work.has_e = (ppt->has_cl_cmb_polarization == _TRUE_) && (ptr->kept_transfer == NULL);
  work.has_lcmb = (ppt->has_cl_cmb_lensing_potential == _TRUE_);
  if (work.has_t || work.has_e) {
    class_call(time_grid(ppr,pba,ppt,ptr,tau_rec,work.has_t ? ptr->index_tt_t0 : ptr->index_tt_e,work.cmb),
               ptr->error_message,
               ptr->error_message);
    work.cmb_stride = round_up((int)work.cmb.distance.size());
  }
  if (work.has_lcmb) {
    class_call(time_grid(ppr,pba,ppt,ptr,tau_rec,ptr->index_tt_lcmb,work.lens),
               ptr->error_message,
               ptr->error_message);
    work.lens_stride = round_up((int)work.lens.distance.size());
  }
  work.table = bessel_table(ptr->l,ptr->l_size[index_md],ptr->q[ptr->q_size-1]*pba->conformal_age);

  if (work.has_lcmb) work.prepare_limber();

  for (work.index_ic=0; work.index_ic < ppt->ic_size[index_md]; work.index_ic++) {
    double ** table = ppt->sources[index_md]+(size_t)work.index_ic*ppt->tp_size[index_md];
    const int columns_per_task = 4*lanes;
    {
      class_setup_parallel();
      if (work.has_t || work.has_e) {
        const double * t0 = work.has_t ? table[ppt->index_tp_t0] : NULL;
        const double * t1 = work.has_t ? table[ppt->index_tp_t1] : NULL;
        const double * t2 = work.has_t ? table[ppt->index_tp_t2] : table[ppt->index_tp_p];
        double factor_t2 = work.has_t ? 1. : 1./_SQRT6_;
        work.cmb_sources.reset(new SourceSpline(ppt->k[index_md],ppt->k_size_cl[index_md],
                                                work.cmb_stride*(work.has_t ? 3 : 1)));
        for (int begin=0; begin < work.cmb_stride; begin += columns_per_task) {
          class_run_parallel(with_arguments(&work,t0,t1,t2,factor_t2,begin,columns_per_task),
            work.prepare_cmb(t0,t1,t2,factor_t2,begin,std::min(begin+columns_per_task,work.cmb_stride));
            return _SUCCESS_;
          );
        }
      }
      if (work.has_lcmb) {
        const double * phi_plus_psi = table[ppt->index_tp_phi_plus_psi];
        const double * correction = (pfo->method == nl_none) ? NULL : pfo->nl_corr_density[pfo->index_pk_m];
        work.lens_sources.reset(new SourceSpline(ppt->k[index_md],ppt->k_size[index_md],work.lens_stride));
        for (int begin=0; begin < work.lens_stride; begin += columns_per_task) {
          class_run_parallel(with_arguments(&work,phi_plus_psi,correction,begin,columns_per_task),
            work.prepare_lens(phi_plus_psi,correction,begin,std::min(begin+columns_per_task,work.lens_stride));
            return _SUCCESS_;
          );
        }
      }
      class_finish_parallel();

      /* large wavenumbers touch most nodes, and the longest tasks should not come last */
      int q_together = wavenumbers_per_task(ptr->q_size);
      for (int end=(int)ptr->q_size; end > 0; end -= q_together) {
        int begin = std::max(end-q_together,0);
        class_run_parallel(with_arguments(&work,begin,end),
          if (work.has_t || work.has_e) work.integrate_cmb(begin,end);
          if (work.has_lcmb) work.integrate_lens(begin,end);
          return _SUCCESS_;
        );
      }
      for (int begin=0; begin < (int)ptr->q_size_limber; begin += q_together) {
        int end = std::min(begin+q_together,(int)ptr->q_size_limber);
        class_run_parallel(with_arguments(&work,begin,end),
          work.integrate_limber(begin,end);
          return _SUCCESS_;
        );
      }
      class_finish_parallel();
    }
  }
  return _SUCCESS_;
}
