/** @file gravitational_waves.h
 *
 * Gravitational waves, photons and neutrinos at a few wavenumbers at once, in flat space.
 *
 * With h the amplitude of CLASS (gw), Theta = Theta_2^(2) of the total angular momentum method, and P = P^(2),
 *
 *    h'' = -2 aH h' - k^2 h + 8/5 a^2 (rho_g Theta_g + rho_nu Theta_nu)
 *    Theta_nu(tau) = -int dt A(k(tau-t)) h'(t)
 *    Theta_g(tau)  = int dt e^{kappa(tau)-kappa(t)} A(k(tau-t)) (kappa' P - h')
 *    P(tau)        = 1/10 int dt e^{kappa(tau)-kappa(t)} [A(k(tau-t)) (kappa' P - h') + 6 C(k(tau-t)) kappa' P]
 *    A(s) = 15 j_2/s^2,    C(s) = 5/4 (-j_2 + j_2'' + 2 j_2/s^2 + 4 j_2'/s).
 *
 * A and C are integrals over directions mu from -1 to 1 of e^{i mu s} times 15/16 (1-mu^2)^2 and 5/32 (1+6 mu^2+mu^4).
 * On a path through the upper half of the complex plane the exponentials decay, and a few directions serve for all s: A is
 * good to 2e-5 everywhere, C to 3e-5 up to s = 50 and 3e-3 at s = 100. For each direction the integral over t grows by one step after another.
 */

#ifndef __COSMICNET_GRAVITATIONAL_WAVES__
#define __COSMICNET_GRAVITATIONAL_WAVES__

#include "../vector.h"
#include "cosmic_history.h"

namespace cosmicnet {

/* Half of the directions; the others are their mirror images, and give the complex conjugate. */
enum {directions = 10};

/** Sampling points of the path through the complex plane, and the weights of A and C. */
struct Directions {
  int prepare(ErrorMsg message);
  double mu[directions][2], weight_a[directions][2], weight_c[directions][2];
};

/** Times at which the result is needed. */
struct SampleTimes {
  std::vector<Instant> instants;
  double tau_rec;
};

/** h' and P at the times, for `double_lanes` wavenumbers k (1/Mpc, ascending): derivative[i*double_lanes+lane], etc. Early on h is
    `amplitude`. */
void propagate(const CosmicHistory & history, const Directions & directions, const SampleTimes & times, const double * k,
               double amplitude, double * derivative, double * polarization);

/** Where propagate() starts at a wavenumber, in Mpc. */
double start_time(double k);

}

#endif
