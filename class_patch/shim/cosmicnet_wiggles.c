/** @file cosmicnet_wiggles.c
 *
 * See cosmicnet_wiggles.h.
 */

#include <algorithm>
#include <cmath>
#include "cosmicnet_wiggles.h"

namespace cosmicnet {

/* HMcode's: range in k (1/Mpc) and width of the smoothing in ln k; within three widths of the ends nothing is smoothed. */
static const double k_first = 5e-3, k_last = 5., width = 0.25, unsmoothed_widths = 3.;
/* Beyond so many widths weights are 1e-14. */
static const double reach_in_widths = 8.;

static std::vector<double> wavenumbers(int size) {
  double first = log(k_first), last = log(k_last);
  std::vector<double> ln_k;
  for (int i=0; i < size; i++) ln_k.push_back(first+i*(last-first)/(size-1));
  return ln_k;
}

Wiggles::Wiggles(const struct fourier * pfo) : is_possible(true), grid(wavenumbers(pfo->nk_wiggle),false) {
  const std::vector<double> & x = grid.x, ln_k(pfo->ln_k,pfo->ln_k+pfo->k_size_extra);
  int size = (int)x.size();
  from_class.resize(size);
  for (int i=0; i < size; i++) {
    SplinePoint & at = from_class[i];
    is_possible = at.find(ln_k,x[i]) && is_possible;
    if (!is_possible) return;
    ln_analytic.push_back(at.a*pfo->ln_pk_l_an_extra[at.i]+at.b*pfo->ln_pk_l_an_extra[at.i+1]
                          +at.c*pfo->ddln_pk_l_an_extra[at.i]+at.d*pfo->ddln_pk_l_an_extra[at.i+1]);
    power.push_back(exp(ln_analytic[i]+3.*x[i])/(2.*_PI_*_PI_));
  }

  int reach = std::min(size-1,(int)(reach_in_widths*width/(x[1]-x[0])));
  for (int d=0; d <= reach; d++) {
    double distance = x[d]-x[0];
    smoothing.weight.push_back(exp(-distance*distance/(2.*width*width)));
  }
  for (int i=0; i < size; i++) {
    bool is_smoothed = std::min(x[i]-x[0],x[size-1]-x[i]) >= unsmoothed_widths*width;
    double sum = 0.;
    for (int j=std::max(0,i-reach); j <= std::min(size-1,i+reach); j++) sum += smoothing.weight[abs(i-j)];
    smoothing.normalization.push_back(is_smoothed ? 1./sum : 0.);
  }

  for (int i=0; i < pfo->k_size; i++) {
    SplinePoint at;
    if (!at.find(x,pfo->ln_k[i])) continue;
    index_k.push_back(i);
    to_class.push_back(at);
  }
}

cosmicnet_for_all_processors
static void ratios(const SplinePoint * points, const double * ln_analytic, int size, const double_vector * lnpk,
                   const double_vector * ddlnpk, double_vector * result) {
  for (int i=0; i < size; i++) result[i] = vector_exp(spline_value(points[i],lnpk,ddlnpk)-ln_analytic[i]);
}

/** The sum over j of weight[|j|] y[j], where j runs from -before to after. */
cosmicnet_for_all_processors
static void weighted_sum(const double * weight, int before, int after, const double_vector * y, double_vector * result) {
  double_vector sum[2] = {weight[0]*y[0],all_lanes(0.)};
  int both = std::min(before,after);
  for (int j=1; j <= both; j++) {
    sum[j%2] += weight[j]*(y[j]+y[-j]);
  }
  for (int j=both+1; j <= before; j++) sum[0] += weight[j]*y[-j];
  for (int j=both+1; j <= after; j++) sum[0] += weight[j]*y[j];
  *result = sum[0]+sum[1];
}

void Wiggles::extract(const Lanes & lnpk, const Lanes & ddlnpk, Lanes & result) const {
  int size = (int)grid.x.size(), reach = (int)smoothing.weight.size()-1;
  Lanes ratio(size), oscillating(size), second(size);
  ratios(from_class.data(),ln_analytic.data(),size,lnpk.data(),ddlnpk.data(),ratio.data());
  for (int i=0; i < size; i++) {
    double_vector smooth = ratio[i];
    if (smoothing.normalization[i] > 0.) {
      weighted_sum(smoothing.weight.data(),std::min(reach,i),std::min(reach,size-1-i),&ratio[i],&smooth);
      smooth *= smoothing.normalization[i];
    }
    oscillating[i] = power[i]*(ratio[i]-smooth);
  }
  grid.derive(oscillating.data(),second.data());
  std::fill(result.data(),result.data()+result.size(),all_lanes(0.));
  for (size_t i=0; i < index_k.size(); i++)
    result[index_k[i]] = spline_value(to_class[i],oscillating.data(),second.data());
}

}
