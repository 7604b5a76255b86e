/** @file rescattering.h
 *
 * The effect of reionisation on the temperature and polarisation of photons: the integral equations of cosmicnet/rescattering.py,
 * with the same quadrature, solved time after time.
 */

#ifndef __COSMICNET_RESCATTERING__
#define __COSMICNET_RESCATTERING__

#include <vector>
#include "products.h"

namespace cosmicnet {

class Rescattering {
public:
  /** times: uniform, from the start of reionisation; a = exp(-kappa) and the visibility g there. */
  Rescattering(const double * times, int size, const double * a, const double * g);
  /** The change of M and P at the first `needed` times, for a panel of wavenumbers k; all arrays are (times, panel_columns): M and P
      without reionisation, V and I. */
  void solve(const double * k, int needed, const float * m, const float * p, const float * v, const float * i, float * change_m,
             float * change_p) const;
  /** How many of the times are needed to interpolate up to tau. */
  int needed_for(double tau) const;
  /** Values (times, panel_columns) at tau times a factor, by local quintic polynomials. */
  void interpolate(double tau, float factor, const float * values, float * result) const;

private:
  void tabulate_kernels(const double * k, int needed, float * kernels) const;
  double start, step;
  int size;
  std::vector<float> a, g;
};

}

#endif
