/** @file radial_sums.h
 *
 * Sums over time samples of weights times the radial functions of curved space, by exact recurrences.
 *
 * With x = q chi, chi a comoving distance, and sinK, cosK the functions of curvature K (sinK(chi) = chi in flat space), the
 * hyperspherical Bessel functions obey
 *
 *    b_{l+1} Phi_{l+1} = (2l+1) c Phi_l - b_l Phi_{l-1},      b_l = sqrt(1 - K l^2/q^2),  c = cosK/(q sinK)
 *    dPhi_l/dx = b_l Phi_{l-1} - (l+1) c Phi_l
 *    d^2Phi_l/dx^2 = -2 c dPhi_l/dx - (1 - K/q^2 - l(l+1)/s^2) Phi_l,      s = q sinK
 *
 * and Phi_0 = sin(x)/s; for K = 0 they are j_l(x). As in node_sums.h, weights of samples become weights of nodes, which are
 * equidistant in x at each q. There the recurrence runs upwards as far as it is stable: until Phi_l has fallen to 1e-7 of its
 * peak beyond the turning point. At the few wavenumbers with small q/sqrt|K| it runs downwards at the samples.
 */

#ifndef __COSMICNET_RADIAL_SUMS__
#define __COSMICNET_RADIAL_SUMS__

#include <vector>
#include "node_sums.h"

namespace cosmicnet {

/** Space of curvature K (1/Mpc^2; positive: closed); distances in Mpc. */
struct Space {
  double K;
  double sine(double chi) const;
  double cosine(double chi) const;
  /** The distance where sine() is `value`; negative where there is none. */
  double distance(double value) const;
};

/** Sums at one wavenumber after the other. Each thread needs an object of its own. */
class RadialSums {
public:
  /** Multipoles in ascending order, and at most `sample_number` samples. */
  RadialSums(const Space & space, const int * l, int l_size, int sample_number);
  /** Go to wavenumber q; in closed space q/sqrt(K) is a whole number where it is below lowest_any_nu. */
  void set_wavenumber(double q);
  /** Add to first[i] and second[i], of the multipoles with index i < l_number, the sums over samples at distances
      distance[i], begin <= i < end, in descending order. */
  void add(const double * distance, int begin, int end, const Samples & samples, int l_number, double * first,
           double * second);

  /** At q/sqrt|K| below this the recurrence runs downwards. */
  static constexpr double lowest_any_nu = 100.;

private:
  void prepare_nodes();
  void prepare_coefficients(int l_number);
  void add_upwards(int l_number, double * first, double * second);
  void add_downwards(const double * distance, int begin, int end, const Samples & samples, int l_number, double * first,
                     double * second) const;

  const Space space;
  const std::vector<int> l;
  /** The wavenumber, K/q^2, and the largest multipole that exists: in closed space l < q/sqrt(K). */
  double q, curvature, highest_l;
  /** The second derivative at the node x = 0, where only l = 2 counts. */
  double bend_at_origin[2];
  int node_number;
  /** For each node x: weights of Phi_l, l(l+1) Phi_l, dPhi_l/dx and c dPhi_l/dx in the two sums. */
  enum {phi, l_phi, slope, slope_c, kinds, weight_number = 2*kinds};
  std::vector<double> x, weight[weight_number];
  /** For each node c, Phi_0, Phi_1, and where the recurrence ends. */
  std::vector<double> c, phi0, phi1, last_l;
  /** For each l the factor of the recurrence without b_l; for each multipole the factors that turn the recurrence's terms
      into Phi_l and b_l Phi_{l-1}. */
  std::vector<double> growth, scale, scale_below, ratio, square;
  /** Sums of all lanes for each multipole. */
  std::vector<double> partial;
};

}

#endif
