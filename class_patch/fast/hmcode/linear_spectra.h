/** @file linear_spectra.h
 *
 * Linear spectra of four times (LinearSpectra), their variances in spheres (Variances), the ratio of P_cb to P_m beside
 * massive neutrinos (NeutrinoCorrection), and acoustic oscillations (Wiggles).
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

/** ln(P_cb/P_m) at scales on which neutrinos stream freely, for four times: twice the logarithm of the ratio of growth
    factors (Eisenstein and Hu 1999, as in HMcode). */
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
  /** `radii`, `displacement_radii` (Mpc): those of sigma() and displacement(). */
  Variances(const struct fourier * pfo, double k_per_decade, const std::vector<double> & radii,
            const std::vector<double> & displacement_radii);

  /** False if the grid is one on which CLASS fails. */
  bool is_possible;
  /* wavenumbers (1/Mpc) of the integrals */
  std::vector<double> k;

  /** P(k) of four times at `k`, from ln P on the grid of `pfo`, to which `correction` is added if it is not NULL. */
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

/** Acoustic oscillations in the linear spectrum, as HMcode 2020 defines them: the spectrum minus its smooth part. That is
    an analytic spectrum, times the ratio of the linear spectrum to it smoothed in ln k. */
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
    /* weight by distance, exp(-distance^2/(2 width^2)); by point, 1 over the sum of weights, 0 for no smoothing */
    std::vector<double> weight, normalization;
  };

  GridSpline grid;
  std::vector<SplinePoint> from_class;
  /* ln of the analytic spectrum, and that spectrum times k^3/(2 pi^2) */
  std::vector<double> ln_analytic, power;
  Smoothing smoothing;
  /* CLASS's wavenumbers within the grid: their index in CLASS, and their place in the grid */
  std::vector<int> index_k;
  std::vector<SplinePoint> to_class;
};

}

#endif
