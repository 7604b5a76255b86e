/** @file cosmicnet_variance.h
 *
 * Variances of the linear density field in spheres, sigma^2(R), and of displacements, as CLASS integrates them over
 * wavenumbers: sums with weights that depend on the grid alone.
 */

#ifndef __COSMICNET_VARIANCE__
#define __COSMICNET_VARIANCE__

#include "fourier.h"
#include "cosmicnet_spline.h"

namespace cosmicnet {

class Variances {
public:
  /** `radii` (Mpc): where sigma will be wanted again and again. */
  Variances(const struct fourier * pfo, double k_per_decade, const std::vector<double> & radii,
            const std::vector<double> & displacement_radii);

  /** False if the grid is one on which CLASS fails. */
  bool is_possible;
  /* wavenumbers (1/Mpc) of the integrals */
  std::vector<double> k;

  /** P(k) of four times there, from ln P on the grid of `pfo`; `correction` is added to it, or NULL. */
  void power(const Lanes & lnpk, const Lanes & ddlnpk, const Lanes * correction, Lanes & pk) const;
  /** sigma(R) at the `radii` from `begin` to before `end`. */
  void sigma(const Lanes & pk, int begin, int end, double_vector * result) const;
  /** Root mean square displacements (Mpc) smoothed at all `displacement_radii`. */
  void displacement(const Lanes & pk, double_vector * result) const;
  /** sigma^2(R) and its logarithmic slope, d ln sigma^2/d ln R, at one radius of each of four times. */
  void at(const Lanes & pk, const double_vector & radius, double_vector & sigma2, double_vector & slope) const;

private:
  std::vector<SplinePoint> points;
  /* sigma^2 is the sum of weight P W^2(x) with x = k_x R */
  std::vector<double> weight, k_x;
  /* weights times W^2, [index_radius*k.size()+index_k] */
  std::vector<double> at_radii, at_displacement_radii;
  int radius_number, displacement_number;
};

}

#endif
