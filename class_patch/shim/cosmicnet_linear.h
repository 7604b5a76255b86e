/** @file cosmicnet_linear.h
 *
 * ln of linear spectra on CLASS's wavenumbers, extrapolated ones included, for four times.
 */

#ifndef __COSMICNET_LINEAR__
#define __COSMICNET_LINEAR__

#include "hmcode.h"
#include "fourier.h"
#include "cosmicnet_spline.h"

namespace cosmicnet {

class LinearSpectra {
public:
  LinearSpectra(struct background * pba, struct perturbations * ppt, struct primordial * ppm, struct fourier * pfo);

  /** What all times share; an error is in `pfo`. */
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

}

#endif
