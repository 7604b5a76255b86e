/** @file cosmicnet_wiggles.h
 *
 * What acoustic oscillations add to the linear spectrum, as HMcode 2020 tells it from the smooth rest: the ratio to an
 * analytic spectrum, smoothed in ln k, times that spectrum is the rest.
 */

#ifndef __COSMICNET_WIGGLES__
#define __COSMICNET_WIGGLES__

#include "fourier.h"
#include "cosmicnet_spline.h"

namespace cosmicnet {

class Wiggles {
public:
  explicit Wiggles(const struct fourier * pfo);

  /** False if the grid is one on which CLASS fails. */
  bool is_possible;

  /** k^3/(2 pi^2) of the oscillating part of P(k) of four times at the first `result.size()` wavenumbers of CLASS,
      from ln P on its grid. */
  void extract(const Lanes & lnpk, const Lanes & ddlnpk, Lanes & result) const;

private:
  struct Smoothing {
    /* of neighbours on either side, exp(-distance^2/(2 width^2)); of each point, 1 over the sum; 0: left as it is */
    std::vector<double> weight, normalization;
  };

  GridSpline grid;
  std::vector<SplinePoint> from_class;
  /* ln of the analytic spectrum, and that spectrum times k^3/(2 pi^2) */
  std::vector<double> ln_analytic, power;
  Smoothing smoothing;
  /* wavenumbers of CLASS within the grid: their number in CLASS, and where they are in the grid */
  std::vector<int> index_k;
  std::vector<SplinePoint> to_class;
};

}

#endif
