/** @file halo_sum.h
 *
 * Sums over haloes of squared Fourier transforms of their profiles (Navarro, Frenk and White), the one-halo term.
 *
 * With x = k r_s, y = x (1+c), z = x c, and f, g the auxiliary functions of the sine and cosine integrals, the transform is
 *     W = (g(x) - g(y) cos z - (1/y - f(y)) sin z) / (ln(1+c) - c/(1+c)).
 * g(x) and 1 - y f(y) are smooth in ln x, and tabulated at even steps of ln x. The nodes in ln k have the same steps, so all
 * points of one halo lie at the same place between nodes of the table: interpolation from six neighbours has the same weights
 * at all wavenumbers. The sums over haloes are smooth too, and are interpolated to CLASS's wavenumbers. On small scales
 * CLASS's wavenumbers are farther apart than the nodes and serve as nodes themselves. The sums are less smooth there,
 * because the sines of neighbouring masses get out of phase.
 *
 * Transition adds the two-halo term as HMcode does.
 */

#ifndef __COSMICNET_HALO_SUM__
#define __COSMICNET_HALO_SUM__

#include <vector>
#include "haloes.h"
#include "spline.h"

namespace cosmicnet {

/* Weights of one interpolation. */
enum {neighbours = 6};

class HaloSum {
public:
  /** For the ascending wavenumbers `k` (1/Mpc). */
  explicit HaloSum(const std::vector<double> & k);

  /** ln of the sum over haloes of weight (factor W + stars)^2 at the nodes; false if a halo does not fit into the
      table. `result` has size() numbers. */
  bool logarithm(const HaloProfiles & haloes, double * result) const;
  /** Interpolate results of logarithm(), for four times, to the wavenumber number `index_k` of `k`. */
  inline __attribute__((always_inline)) double_vector interpolate(const double_vector * logarithm, int index_k) const {
    const Stencil & stencil = stencils[index_k];
    double_vector sum = all_lanes(0.);
    for (int p=0; p < neighbours; p++) sum += stencil.weight[p]*logarithm[stencil.begin+p*stencil.stride];
    return sum;
  }

  int size() const {return (int)node_k.size();}

private:
  struct Stencil {
    int begin, stride;
    double weight[neighbours];
  };
  std::vector<Stencil> stencils;
  /* nodes, 1/k, and distance from the first in even steps, a multiple of four of them; the first even_number are even */
  std::vector<double> node_k, inverse_k, steps;
  int even_number;
};

/** The smooth transition from the two-halo to the one-halo term, for four times. */
class Transition {
public:
  /** On the wavenumbers of `pfo`, to which `halo_sum` interpolates. */
  Transition(const struct fourier * pfo, const HaloSum & halo_sum, enum hmcode_version version);

  /** Parameters of one time. */
  void set(int lane, const HaloModel & model, double displacement);

  /** Add `sign` times ln P to `result`. `ln_haloes`: ln of the one-halo term over the mean density, on the nodes of the
      halo sum; `wiggles`: NULL in the version of 2015. `is_positive` becomes false for times at which the two-halo term
      is not positive. */
  void add(double sign, const Lanes & lnpk, const Lanes * wiggles, const Lanes & ln_haloes, Lanes & result,
           bool * is_positive) const;

private:
  const HaloSum & halo_sum;
  std::vector<double> ln_k;
  enum hmcode_version version;
  double alpha[double_lanes], k_star[double_lanes], damping[double_lanes], k_damping[double_lanes],
    displacement[double_lanes];
};

}

#endif
