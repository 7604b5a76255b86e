/** @file cosmicnet_transition.h
 *
 * From the two-halo term to the one-halo term, as HMcode has it, for four times.
 */

#ifndef __COSMICNET_TRANSITION__
#define __COSMICNET_TRANSITION__

#include "cosmicnet_halo_model.h"
#include "cosmicnet_halo_sum.h"

namespace cosmicnet {

class Transition {
public:
  /** On the wavenumbers of `pfo`, to which `halo_sum` interpolates. */
  Transition(const struct fourier * pfo, const HaloSum & halo_sum, enum hmcode_version version);

  /** Parameters of one time. */
  void set(int lane, const HaloModel & model, double displacement);

  /** Add `sign` times ln P to `result`, where `ln_haloes` is that of the one-halo term, less that of the mean density, on
      the nodes of the halo sum; `wiggles` is NULL in the version of 2015. False in `*is_positive` where the two-halo term
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
