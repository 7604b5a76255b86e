/** @file linear_spectra.h
 *
 * Linear spectra of four times (LinearSpectra), their variances in spheres (Variances), what neutrinos take from them
 * (NeutrinoCorrection) and their acoustic oscillations (Wiggles).
 */

#ifndef __COSMICNET_LINEAR_SPECTRA__
#define __COSMICNET_LINEAR_SPECTRA__

#include "fourier.h"
#include "hmcode.h"
#include "spline.h"

namespace cosmicnet {

/** ln of linear spectra on CLASS's wavenumbers, extrapolated ones included. */
class LinearSpectra {
public:
  LinearSpectra(struct background * pba, struct perturbations * ppt, struct primordial * ppm, struct fourier * pfo);

  /** Compute the quantities common to all times; an error is in `pfo`. */
  int prepare();
  /** ln P and its second derivatives in ln k, of total matter or of baryons and cold dark matter; an error is in `pfo`. */
  int read(int index_pk, const int * index_tau, Lanes & lnpk, Lanes & ddlnpk) const;

private:
  struct background * pba;
  struct perturbations * ppt;
  struct primordial * ppm;
  struct fourier * pfo;
  GridSpline grid;
  /* ln of P over the squared source */
  std::vector<double> ln_primordial;
};

/** How much more baryons and cold dark matter cluster than all matter, where neutrinos stream: twice the logarithm of the
    ratio of growth (Eisenstein and Hu 1999, as HMcode takes it), for four times. */
class NeutrinoCorrection {
public:
  /** At wavenumbers `k` (1/Mpc). */
  NeutrinoCorrection(const struct hmcode_growth * phg, const std::vector<double> & k);

  /** `growth`: D(a) of a universe without radiation, normalised to a when there is only matter. */
  void evaluate(const double * growth, Lanes & correction) const;

private:
  double exponent, saturation, growth_factor;
  /* by wavenumber */
  std::vector<double> suppression;
};

/** Variances of the linear density field in spheres, sigma^2(R), and of displacements, as CLASS integrates them over
    wavenumbers: sums with weights that depend on the grid alone. */
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

/** The part of the linear spectrum due to acoustic oscillations, as HMcode 2020 defines it: the spectrum without a smooth
    part, which is an analytic spectrum times the ratio to it, smoothed in ln k. */
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
