/** @file cosmicnet_wigner.c
 *
 * Recurrences of Wigner d-functions and sums over them. See cosmicnet_wigner.h.
 */

#include <algorithm>
#include <cmath>
#include "cosmicnet_wigner.h"

namespace cosmicnet {

enum {vectors = angles/double_lanes};

/** The factor slope of the recurrence between orthonormal functions sqrt((2l+1)/2) d^l, fac1 of lensing_dm1m2(). */
static double orthonormal_slope(double m, double n, double l) {
  return sqrt((2.*l+3.)*(2.*l+1.)/((l+1.+m)*(l+1.-m)*(l+1.+n)*(l+1.-n)))*(l+1.);
}

Wigner::Wigner(int m, int n, int l_max)
  : m(m), n(n), l_max(l_max), slope(l_max+1,0.), shift(l_max+1,0.), norm(l_max+1,0.) {
  /* d^m at its maximum over mu, (2m)!/((m+n)!(m-n)!) */
  double binomial = 1.;
  for (int i=1; i <= m-n; i++) binomial *= (double)(m+n+i)/i;
  start_norm = sqrt(binomial*(2.*m+1.)/2.);
  /* with d^l sqrt((2l+1)/2) = scale e_l, the third term has no factor if scale_{l+1}/scale_{l-1} is this ratio */
  double scale = 1., scale_next = 1., slope_before = 0.;
  for (int l=m; l <= l_max; l++) {
    double slope_here = orthonormal_slope(m,n,l);
    if (l > m) {
      double before = scale;
      scale = scale_next;
      scale_next = before*slope_here/slope_before;
    }
    norm[l] = scale*sqrt(2./(2.*l+1.));
    slope[l] = slope_here*scale/scale_next;
    shift[l] = (m*n == 0) ? 0. : -slope[l]*m*n/(l*(l+1.));
    slope_before = slope_here;
  }
}

double Wigner::start(double mu) const {
  return start_norm*pow(0.5*(1.+mu),(m+n)/2)*pow(0.5*(1.-mu),(m-n)/2);
}

WignerSums::WignerSums(const Wigner & wigner, const std::vector<std::vector<double>> & coefficients)
  : wigner(wigner), size((int)coefficients.size()) {
  for (int l=0; l <= wigner.l_max; l++) {
    rows.push_back(wigner.slope[l]);
    rows.push_back(wigner.shift[l]);
    for (const std::vector<double> & coefficient : coefficients) rows.push_back(coefficient[l]*wigner.norm[l]);
  }
}

WignerSums::State WignerSums::start(const double * mu) const {
  State state = {};
  for (int i=0; i < angles; i++) state.current[i] = wigner.start(mu[i]);
  return state;
}

/** One step of the recurrence. */
static inline __attribute__((always_inline))
void step(const double * row, const double_vector * mu, double_vector * current, double_vector * last) {
  for (int i=0; i < vectors; i++) {
    double_vector next = (row[0]*mu[i]+row[1])*current[i]-last[i];
    last[i] = current[i];
    current[i] = next;
  }
}

template<int size> static inline __attribute__((always_inline))
void advance_series(const double * row, int number, const double_vector * mu, const double_vector * damping,
                    WignerSums::State & state) {
  double_vector angle[vectors], current[vectors], last[vectors], sum[size][vectors];
  for (int i=0; i < vectors; i++) {
    angle[i] = mu[i];
    current[i] = ((double_vector *)state.current)[i];
    last[i] = ((double_vector *)state.last)[i];
    for (int k=0; k < size; k++) sum[k][i] = ((double_vector *)state.sum)[k*vectors+i];
  }
  for (int l=0; l < number; l++) {
    for (int i=0; i < vectors; i++) {
      double_vector damped = damping[i]*current[i];
      for (int k=0; k < size; k++) sum[k][i] += row[2+k]*damped;
    }
    step(row,angle,current,last);
    row += 2+size;
    damping += vectors;
  }
  for (int i=0; i < vectors; i++) {
    ((double_vector *)state.current)[i] = current[i];
    ((double_vector *)state.last)[i] = last[i];
    for (int k=0; k < size; k++) ((double_vector *)state.sum)[k*vectors+i] = sum[k][i];
  }
}

cosmicnet_for_all_processors
static void advance_any(int size, const double * row, int number, const double * mu, const double * damping,
                        WignerSums::State & state) {
  const double_vector * angle = (const double_vector *)mu;
  const double_vector * factor = (const double_vector *)damping;
  switch (size) {
  case 1: advance_series<1>(row,number,angle,factor,state); break;
  case 2: advance_series<2>(row,number,angle,factor,state); break;
  case 3: advance_series<3>(row,number,angle,factor,state); break;
  default: advance_series<4>(row,number,angle,factor,state);
  }
}

void WignerSums::advance(State & state, const double * mu, const double * damping, int l_begin, int l_end) const {
  int first = std::max(l_begin,wigner.m);
  if (first < l_end)
    advance_any(size,rows.data()+first*(2+size),l_end-first,mu,damping+(first-l_begin)*angles,state);
}

/** project() from the functions at l = m in `current` on. */
cosmicnet_for_all_processors
static void project_from(const Wigner & wigner, const double * mu, const double * weight, double_vector * current,
                         const int * l_list, int l_size, double * result) {
  double_vector angle[vectors], last[vectors], now[vectors];
  for (int i=0; i < vectors; i++) {
    angle[i] = ((const double_vector *)mu)[i];
    now[i] = current[i];
    last[i] = angle[i]*0.;
  }
  int l = wigner.m;
  for (int index=0; (index < l_size) && (l_list[index] <= wigner.l_max); index++) {
    if (l_list[index] < wigner.m) continue;
    for (; l < l_list[index]; l++) {
      double row[2] = {wigner.slope[l],wigner.shift[l]};
      step(row,angle,now,last);
    }
    double_vector product = now[0]*((const double_vector *)weight)[0];
    for (int i=1; i < vectors; i++) product += now[i]*((const double_vector *)weight)[i];
    double sum = 0.;
    for (int lane=0; lane < double_lanes; lane++) sum += product[lane];
    result[index] += wigner.norm[l]*sum;
  }
}

void project(const Wigner & wigner, const double * mu, const double * weight, const int * l, int l_size,
             double * result) {
  double_vector current[vectors];
  for (int i=0; i < angles; i++) current[i/double_lanes][i%double_lanes] = wigner.start(mu[i]);
  project_from(wigner,mu,weight,current,l,l_size,result);
}

}
