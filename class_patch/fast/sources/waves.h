/** @file waves.h
 *
 * Photons that stream freely at wavenumbers beyond those of the fields: the waves of cosmicnet/free_streaming.py.
 */

#ifndef __COSMICNET_WAVES__
#define __COSMICNET_WAVES__

#include <vector>
#include "products.h"

namespace cosmicnet {

/** Waves from recombination at a number of wavenumbers, which come in panels. */
class Waves {
public:
  /** tau: early times of the sources. */
  Waves(const double * k, int first, int last, const double * tau, int size, double tau_rec);
  /** Wavenumbers [first,last). */
  const int first, last;
  /** Integrate over the sources t0, t1, t2 of a panel of wavenumbers, (times, panel_columns) each. */
  void integrate(int panel, const float * t0, const float * t1, const float * t2);
  /** Theta_0 + phi and P at tau for the wavenumbers [begin,end). */
  void at(double tau, int begin, int end, float * temperature, float * polarization) const;

private:
  /* Powers of the distance; coefficients of temperature and polarisation, real and imaginary parts. */
  enum {powers = 3, parts = 4};
  const double * k;
  const double * tau;
  const int size;
  const double tau_rec;
  std::vector<float> weights;
  /** coefficients[(wavenumber-first)*powers*parts + power*parts + part]. */
  std::vector<float> coefficients;
};

}

#endif
