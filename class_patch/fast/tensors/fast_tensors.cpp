/** @file fast_tensors.cpp
 *
 * See fast_tensors.h.
 */

#include <algorithm>
#include <cmath>
#include "fourier.h"
#include "../crew.h"
#include "fast_tensors.h"
#include "gravitational_waves.h"

using namespace cosmicnet;

/* Wavenumbers extend to (least_k_tau0 + k_tau0_over_l l_max)/conformal age, for an error of 5e-4 at l_max. CLASS's end so
   early that its last multipole is off by tens of per cent. */
static const double least_k_tau0 = 500., k_tau0_over_l = 8.;

/* Steps in the wavenumber grow by this factor, up to those of CLASS at large wavenumbers. */
static const double step_growth = 1.05;

namespace {

/** Data common to all wavenumbers. */
struct TensorSources {
  struct perturbations * ppt;
  CosmicHistory history;
  Directions paths;
  SampleTimes times;
  /** e^-kappa, and the visibility function, at the times. */
  std::vector<double> transparency, visibility;
  double amplitude;

  int extend(struct precision * ppr, struct background * pba, struct thermodynamics * pth);
  int prepare(struct precision * ppr, struct background * pba, struct thermodynamics * pth);
  void fill(int begin) const;
};

/** Append wavenumbers beyond CLASS's list. */
int TensorSources::extend(struct precision * ppr, struct background * pba, struct thermodynamics * pth) {
  const int index_md = ppt->index_md_tensors, size = ppt->k_size[index_md];
  std::vector<double> k(ppt->k[index_md],ppt->k[index_md]+size);
  const double largest_step = ppr->k_step_sub*2.*_PI_/pth->rs_rec;
  const double end = (least_k_tau0+k_tau0_over_l*ppt->l_tensor_max)/pba->conformal_age;
  double step = k[size-1]-k[size-2];
  while (true) {
    step = std::max(step,std::min(step*step_growth,largest_step));
    if (k.back()+step > end) break;
    k.push_back(k.back()+step);
  }
  const int extended = (int)k.size();
  class_realloc(ppt->k[index_md],extended*sizeof(double),ppt->error_message);
  std::copy(k.begin(),k.end(),ppt->k[index_md]);
  ppt->k_size[index_md] = ppt->k_size_cmb[index_md] = ppt->k_size_cl[index_md] = extended;
  ppt->k_max = std::max(ppt->k_max,k.back());
  for (int index_tp=0; index_tp < ppt->tp_size[index_md]; index_tp++) {
    class_realloc(ppt->sources[index_md][index_tp],(size_t)extended*ppt->tau_size*sizeof(double),ppt->error_message);
    if (ppt->ln_tau_size > 1) {
      ppt->late_sources[index_md][index_tp] = ppt->sources[index_md][index_tp]
        +(size_t)(ppt->tau_size-ppt->ln_tau_size)*extended;
      class_realloc(ppt->ddlate_sources[index_md][index_tp],(size_t)extended*ppt->ln_tau_size*sizeof(double),
                    ppt->error_message);
    }
  }
  return _SUCCESS_;
}

int TensorSources::prepare(struct precision * ppr, struct background * pba, struct thermodynamics * pth) {
  int index_md = ppt->index_md_tensors;
  class_call(history.prepare(pba,pth,ppt,start_time(ppt->k[index_md][ppt->k_size[index_md]-1]),ppt->error_message),
             ppt->error_message,
             ppt->error_message);
  class_call(paths.prepare(ppt->error_message),
             ppt->error_message,
             ppt->error_message);
  int near = 0;
  for (int i=0; i < ppt->tau_size; i++) {
    const Instant instant = history.at(ppt->tau_sampling[i],near);
    times.instants.push_back(instant);
    transparency.push_back(exp(-instant.depth));
    visibility.push_back(instant.scattering*transparency[i]);
  }
  times.tau_rec = pth->tau_rec;
  amplitude = ppr->gw_ini/_SQRT6_;
  return _SUCCESS_;
}

/** The tables at `double_lanes` wavenumbers, from `begin` on. */
void TensorSources::fill(int begin) const {
  const int index_md = ppt->index_md_tensors, k_size = ppt->k_size[index_md];
  const size_t tau_size = times.instants.size();
  double k[double_lanes];
  for (int lane=0; lane < double_lanes; lane++) k[lane] = ppt->k[index_md][MIN(begin+lane,k_size-1)];
  std::vector<double> derivative(tau_size*double_lanes), polarization(tau_size*double_lanes);
  propagate(history,paths,times,k,amplitude,derivative.data(),polarization.data());
  for (size_t i=0; i < tau_size; i++) {
    for (int lane=0; (lane < double_lanes) && (begin+lane < k_size); lane++) {
      size_t place = i*k_size+begin+lane, at = i*double_lanes+lane;
      double scattered = visibility[i]*polarization[at];
      if (ppt->has_source_t == _TRUE_)
        ppt->sources[index_md][ppt->index_tp_t2][place] = scattered-transparency[i]*derivative[at];
      if (ppt->has_source_p == _TRUE_) ppt->sources[index_md][ppt->index_tp_p][place] = _SQRT6_*scattered;
    }
  }
}

}

short cosmicnet_tensors_apply(struct background * pba, struct thermodynamics * pth, struct perturbations * ppt) {
  short wanted = (ppt->fast_tensors == _COSMICNET_AUTOMATIC_) ? ppt->scalars_provided : ppt->fast_tensors;
  /* not covered: momenta of massive neutrinos (exact method), and dark matter that scatters photons */
  return ((wanted == _TRUE_) && (ppt->has_tensors == _TRUE_) && (pba->sgnK == 0) && (ppt->tensor_method != tm_exact)
          && (pth->has_idm_g == _FALSE_) && (ppt->k_output_values_num == 0)) ? _TRUE_ : _FALSE_;
}

int cosmicnet_tensor_sources(struct precision * ppr, struct background * pba, struct thermodynamics * pth,
                             struct perturbations * ppt) {
  TensorSources work;
  work.ppt = ppt;
  class_call(work.extend(ppr,pba,pth),
             ppt->error_message,
             ppt->error_message);
  class_call(work.prepare(ppr,pba,pth),
             ppt->error_message,
             ppt->error_message);
  Crew crew;
  for (int begin=0; begin < ppt->k_size[ppt->index_md_tensors]; begin += double_lanes) {
    crew.add([&work,begin] () {
      work.fill(begin);
      return _SUCCESS_;
    });
  }
  return crew.run();
}
