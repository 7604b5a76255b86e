/** @file cosmicnet_wigner.h
 *
 * Sums over multipoles of Wigner d-functions, many angles at a time.
 */

#ifndef __COSMICNET_WIGNER__
#define __COSMICNET_WIGNER__

#include <vector>
#include "cosmicnet_vector.h"

namespace cosmicnet {

/* Angles that a sum treats at once: two vectors, enough independent numbers to keep a processor busy. */
enum {angles = 2*double_lanes};

/** d^l_{m n}(mu) for all l up to l_max, m >= abs(n), m-n even, by the recurrence of lensing_dm1m2()
    (Kostelec & Rockmore 2003) scaled such that the third term has no factor:

        d^l = norm[l] e_l,    e_{l+1} = (slope[l] mu + shift[l]) e_l - e_{l-1},    e_{m-1} = 0. */
class Wigner {
public:
  Wigner(int m, int n, int l_max);
  /** e_m(mu). */
  double start(double mu) const;
  int m, n, l_max;
  std::vector<double> slope, shift, norm;

private:
  double start_norm;
};

/** A recurrence and a few series over l in its functions: sum_l c[l] damping[l](mu) d^l(mu). */
class WignerSums {
public:
  /* Series of one recurrence; more of them would not fit into the registers. */
  enum {most = 4};
  /** Where a block of angles stands between two ranges of l. */
  struct State {
    double current[angles], last[angles], sum[most*angles];
  };

  /** coefficients[k][l], l = 0 ... l_max: one to `most` series. */
  WignerSums(const Wigner & wigner, const std::vector<std::vector<double>> & coefficients);
  State start(const double * mu) const;
  /** Add the terms l_begin <= l < l_end to state.sum, series by series. damping[(l-l_begin)*angles+i]. */
  void advance(State & state, const double * mu, const double * damping, int l_begin, int l_end) const;

private:
  Wigner wigner;
  int size;
  /** Of every l: slope, shift, and a coefficient for each series. */
  std::vector<double> rows;
};

/** sum_i weight[i] d^l(mu_i) of one block of angles is added to result[index], at the multipoles l[index] in rising
    order. Those below m, where d^l vanishes, and beyond l_max are left alone. */
void project(const Wigner & wigner, const double * mu, const double * weight, const int * l, int l_size,
             double * result);

}

#endif
