/** @file wigner.h
 *
 * Sums over multipoles of Wigner d-functions, several angles at a time.
 */

#ifndef __COSMICNET_WIGNER__
#define __COSMICNET_WIGNER__

#include <vector>
#include "../vector.h"

namespace cosmicnet {

/* Angles of one block, computed together: two vectors, enough independent numbers to hide the latency of the
   recurrences. */
enum {angles = 2*double_lanes};

/** d^l_{m n}(mu) for m <= l <= l_max, abs(n) <= m, m-n even, by the recurrence of lensing_dm1m2() (Kostelec &
    Rockmore 2003), scaled such that the third term has no factor:

        d^l = norm[l] e_l,    e_{l+1} = (slope[l] mu + shift[l]) e_l - e_{l-1},    e_{m-1} = 0. */
struct Wigner {
  Wigner(int m, int n, int l_max);
  /** e_m(mu). */
  double start(double mu) const;
  int m, n, l_max;
  std::vector<double> slope, shift, norm;

private:
  double start_norm;
};

/** c[l] = factor[l] spectrum[l]. */
struct Series {
  const double * factor, * spectrum;
};

/** Series over l that share a recurrence: sum_l c[l] damping(l,mu) d^l(mu) and sum_l c[l] d^l(mu). */
class WignerSums {
public:
  /* The largest number of damped series that fits into the registers. */
  enum {most_damped = 4, most = most_damped+1};

  /** A block of angles on its way through l. */
  struct State {
    double e_l[angles], e_before[angles], sum[most][angles];
  };

  /** The c[l], l = 0 ... l_max, of up to most_damped damped series and, unless it is NULL, of a bare one. */
  WignerSums(const Wigner & wigner, const std::vector<Series> & damped, const std::vector<double> * bare);
  State start(const double * mu) const;
  /** Go on from l_begin to l_end: its term is the first that is not added. Sums are in the order of the series;
      damping[(l-l_begin)*angles+i], which may be NULL if no series is damped. */
  void advance(State & state, const double * mu, const double * damping, int l_begin, int l_end) const;
  /** The same for two blocks, if there is only one series: its recurrence alone would wait for its own results. */
  bool is_thin() const { return damped_number+bare_number == 1; }
  void advance_two(State * states, const double * const mu[2], const double * const damping[2], int l_begin, int l_end) const;

private:
  int m, damped_number, bare_number, row_size;
  const Wigner * wigner;
  /* of every l: slope, shift, and c[l] norm[l] for each series */
  std::vector<double> rows;
};

/** Add sum_i weight[i] d^l(mu_i) over two blocks of angles to result[index], for the multipoles l[index] in rising
    order; below m, where d^l vanishes, and beyond l_max nothing is added. */
void project(const Wigner & wigner, const double * const mu[2], const double * const weight[2], const int * l, int l_size,
             double * result);

}

#endif
