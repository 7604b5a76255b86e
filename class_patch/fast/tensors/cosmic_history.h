/** @file cosmic_history.h
 *
 * Background and thermal history for gravitational waves, splined in conformal time.
 */

#ifndef __COSMICNET_COSMIC_HISTORY__
#define __COSMICNET_COSMIC_HISTORY__

#include <vector>
#include "perturbations.h"

namespace cosmicnet {

/** At one conformal time tau (Mpc). */
struct Instant {
  double tau, a;
  /** aH in 1/Mpc, and a''/a in 1/Mpc^2. */
  double expansion, bend;
  /** 8/5 a^2 times the density of photons, and of the relativistic part of neutrinos, in 1/Mpc^2. */
  double photons, neutrinos;
  /** Rate of scattering in 1/Mpc, and the optical depth from there to today. */
  double scattering, depth;
  /** The rate at which the thermal history changes, in 1/Mpc. */
  double rate;
  /** The integral of a''/a over time up to here, from any start (1/Mpc). */
  double bent;
};

class CosmicHistory {
public:
  /** From tau_start to today, with CLASS's times of the sources among the nodes. */
  int prepare(struct background * pba, struct thermodynamics * pth, struct perturbations * ppt, double tau_start,
              ErrorMsg message);
  /** `near`: where the last time was found; times should ascend. */
  Instant at(double tau, int & near) const;

private:
  enum {scale, hubble, curved, photon, neutrino, ln_scattering, optical_depth, change, column_number};
  std::vector<double> times, values, curvatures, integral;
};

}

#endif
