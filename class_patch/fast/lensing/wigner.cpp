/** @file wigner.cpp
 *
 * Recurrences of Wigner d-functions and sums over them. See wigner.h.
 */

#include <algorithm>
#include <cmath>
#include "wigner.h"

namespace cosmicnet {

enum {vectors = angles/double_lanes};

/** The factor of mu in the recurrence of sqrt((2l+1)/2) d^l, fac1 of lensing_dm1m2(). */
static double orthonormal_slope(double m, double n, double l) {
  return sqrt((2.*l+3.)*(2.*l+1.)/((l+1.+m)*(l+1.-m)*(l+1.+n)*(l+1.-n)))*(l+1.);
}

Wigner::Wigner(int m, int n, int l_max)
  : m(m), n(n), l_max(l_max), slope(l_max+1,0.), shift(l_max+1,0.), norm(l_max+1,0.) {
  double binomial = 1.;
  for (int i=1; i <= m-n; i++) binomial *= (double)(m+n+i)/i;
  start_norm = sqrt(0.5*binomial*(2.*m+1.));
  /* sqrt((2l+1)/2) d^l = scale_l e_l, and the factor of the third term is slope_l scale_{l-1}/(slope_{l-1} scale_{l+1}) */
  double scale = 1., scale_after = 1., slope_before = 0.;
  for (int l=m; l <= l_max; l++) {
    double slope_here = orthonormal_slope(m,n,l);
    if (l > m) {
      double scale_before = scale;
      scale = scale_after;
      scale_after = scale_before*slope_here/slope_before;
    }
    norm[l] = scale*sqrt(2./(2.*l+1.));
    slope[l] = slope_here*scale/scale_after;
    shift[l] = (n == 0) ? 0. : -slope[l]*m*n/(l*(l+1.));
    slope_before = slope_here;
  }
}

double Wigner::start(double mu) const {
  double value = start_norm;
  for (int i=0; i < (m+n)/2; i++) value *= 0.5*(1.+mu);
  for (int i=0; i < (m-n)/2; i++) value *= 0.5*(1.-mu);
  return value;
}

WignerSums::WignerSums(const Wigner & wigner, const std::vector<Series> & damped, const std::vector<double> * bare)
  : m(wigner.m), damped_number((int)damped.size()), bare_number(bare != NULL), row_size(2+damped_number+bare_number),
    wigner(&wigner) {
  rows.resize((size_t)(wigner.l_max+1)*row_size);
  for (int l=m; l <= wigner.l_max; l++) {
    double * row = &rows[(size_t)l*row_size];
    row[0] = wigner.slope[l];
    row[1] = wigner.shift[l];
    for (int k=0; k < damped_number; k++) row[2+k] = damped[k].factor[l]*damped[k].spectrum[l]*wigner.norm[l];
    if (bare != NULL) row[2+damped_number] = (*bare)[l]*wigner.norm[l];
  }
}

WignerSums::State WignerSums::start(const double * mu) const {
  State state = {};
  for (int i=0; i < angles; i++) state.e_l[i] = wigner->start(mu[i]);
  return state;
}

static inline __attribute__((always_inline))
void recur(double slope, double shift, const double_vector * mu, double_vector * e_l, double_vector * e_before) {
  for (int i=0; i < vectors; i++) {
    double_vector e_after = (slope*mu[i]+shift)*e_l[i]-e_before[i];
    e_before[i] = e_l[i];
    e_l[i] = e_after;
  }
}

template<int damped_number, int bare_number> static inline __attribute__((always_inline))
void advance_some(WignerSums::State & state, const double * mu_list, const double * row, const double * damping,
                  int number) {
  double_vector * kept_e_l = (double_vector *)state.e_l, * kept_e_before = (double_vector *)state.e_before,
    * kept_sum = (double_vector *)state.sum;
  const int series = damped_number+bare_number;
  double_vector mu[vectors], e_l[vectors], e_before[vectors], sum[series+1][vectors];
  for (int i=0; i < vectors; i++) {
    mu[i] = ((const double_vector *)mu_list)[i];
    e_l[i] = kept_e_l[i];
    e_before[i] = kept_e_before[i];
    for (int k=0; k < series; k++) sum[k][i] = kept_sum[k*vectors+i];
  }
  for (; number > 0; number--) {
    for (int i=0; i < vectors; i++) {
      double_vector damped = (damped_number > 0) ? ((const double_vector *)damping)[i]*e_l[i] : e_l[i];
      for (int k=0; k < damped_number; k++) sum[k][i] += row[2+k]*damped;
      for (int k=damped_number; k < series; k++) sum[k][i] += row[2+k]*e_l[i];
    }
    recur(row[0],row[1],mu,e_l,e_before);
    row += 2+series;
    if (damped_number > 0) damping += angles;
  }
  for (int i=0; i < vectors; i++) {
    kept_e_l[i] = e_l[i];
    kept_e_before[i] = e_before[i];
    for (int k=0; k < series; k++) kept_sum[k*vectors+i] = sum[k][i];
  }
}

cosmicnet_for_all_processors
static void advance_any(int damped_number, int bare_number, WignerSums::State & state, const double * mu,
                        const double * row, const double * damping, int number) {
  switch (2*damped_number+bare_number) {
  case 0: advance_some<0,0>(state,mu,row,damping,number); break;
  case 1: advance_some<0,1>(state,mu,row,damping,number); break;
  case 2: advance_some<1,0>(state,mu,row,damping,number); break;
  case 3: advance_some<1,1>(state,mu,row,damping,number); break;
  case 4: advance_some<2,0>(state,mu,row,damping,number); break;
  case 5: advance_some<2,1>(state,mu,row,damping,number); break;
  case 6: advance_some<3,0>(state,mu,row,damping,number); break;
  case 7: advance_some<3,1>(state,mu,row,damping,number); break;
  case 8: advance_some<4,0>(state,mu,row,damping,number); break;
  case 9: advance_some<4,1>(state,mu,row,damping,number); break;
  }
}

void WignerSums::advance(State & state, const double * mu, const double * damping, int l_begin, int l_end) const {
  int first = std::max(l_begin,m);
  if (first < l_end)
    advance_any(damped_number,bare_number,state,mu,rows.data()+(size_t)first*row_size,
                (damped_number > 0) ? damping+(size_t)(first-l_begin)*angles : NULL,l_end-first);
}

/** One series, for two blocks. */
template<int is_damped> static inline __attribute__((always_inline))
void advance_thin(WignerSums::State * states, const double * const mu_lists[2], const double * row,
                  const double * const damping[2], int number) {
  enum {all = 2*vectors};
  double_vector mu[all], e_l[all], e_before[all], sum[all];
  for (int i=0; i < all; i++) {
    mu[i] = ((const double_vector *)mu_lists[i/vectors])[i%vectors];
    e_l[i] = ((const double_vector *)states[i/vectors].e_l)[i%vectors];
    e_before[i] = ((const double_vector *)states[i/vectors].e_before)[i%vectors];
    sum[i] = ((const double_vector *)states[i/vectors].sum)[i%vectors];
  }
  for (int j=0; j < number; j++, row += 3) {
    for (int i=0; i < all; i++) {
      sum[i] += row[2]*(is_damped ? ((const double_vector *)(damping[i/vectors]+(size_t)j*angles))[i%vectors]*e_l[i] : e_l[i]);
      double_vector e_after = (row[0]*mu[i]+row[1])*e_l[i]-e_before[i];
      e_before[i] = e_l[i];
      e_l[i] = e_after;
    }
  }
  for (int i=0; i < all; i++) {
    ((double_vector *)states[i/vectors].e_l)[i%vectors] = e_l[i];
    ((double_vector *)states[i/vectors].e_before)[i%vectors] = e_before[i];
    ((double_vector *)states[i/vectors].sum)[i%vectors] = sum[i];
  }
}

cosmicnet_for_all_processors
static void advance_thin_any(bool is_damped, WignerSums::State * states, const double * const mu[2], const double * row,
                             const double * const damping[2], int number) {
  if (is_damped) advance_thin<1>(states,mu,row,damping,number);
  else advance_thin<0>(states,mu,row,damping,number);
}

void WignerSums::advance_two(State * states, const double * const mu[2], const double * const damping[2], int l_begin,
                             int l_end) const {
  int first = std::max(l_begin,m);
  if (first >= l_end) return;
  const double * some[2] = {NULL,NULL};
  for (int b=0; (b < 2) && (damped_number > 0); b++) some[b] = damping[b]+(size_t)(first-l_begin)*angles;
  advance_thin_any(damped_number > 0,states,mu,rows.data()+(size_t)first*row_size,some,l_end-first);
}

/** project(), given e_m. */
cosmicnet_for_all_processors
static void project_from(const Wigner & wigner, const double_vector * start, const double_vector * mu_list,
                         const double_vector * weight, const int * l_list, int l_size, double * result) {
  enum {number = 2*vectors};
  double_vector mu[number], e_l[number], e_before[number];
  for (int i=0; i < number; i++) {
    mu[i] = mu_list[i];
    e_l[i] = start[i];
    e_before[i] = (double_vector){};
  }
  int l = wigner.m;
  for (int index=0; (index < l_size) && (l_list[index] <= wigner.l_max); index++) {
    if (l_list[index] < wigner.m) continue;
    for (; l < l_list[index]; l++) {
      recur(wigner.slope[l],wigner.shift[l],mu,e_l,e_before);
      recur(wigner.slope[l],wigner.shift[l],mu+vectors,e_l+vectors,e_before+vectors);
    }
    double sum = 0.;
    for (int i=0; i < number; i++) {
      double_vector product = e_l[i]*weight[i];
      for (int lane=0; lane < double_lanes; lane++) sum += product[lane];
    }
    result[index] += wigner.norm[l]*sum;
  }
}

void project(const Wigner & wigner, const double * const mu[2], const double * const weight[2], const int * l, int l_size,
             double * result) {
  double start[2*angles], both_mu[2*angles], both_weights[2*angles];
  for (int i=0; i < 2*angles; i++) {
    both_mu[i] = mu[i/angles][i%angles];
    both_weights[i] = weight[i/angles][i%angles];
    start[i] = wigner.start(both_mu[i]);
  }
  project_from(wigner,(const double_vector *)start,(const double_vector *)both_mu,(const double_vector *)both_weights,l,l_size,
               result);
}

}
