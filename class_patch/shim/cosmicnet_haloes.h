/** @file cosmicnet_haloes.h
 *
 * Haloes by mass: how rare they are and when they formed, from sigma(R) at one time.
 */

#ifndef __COSMICNET_HALOES__
#define __COSMICNET_HALOES__

#include "cosmicnet_halo_model.h"
#include "cosmicnet_halo_sum.h"
#include "cosmicnet_spline.h"

namespace cosmicnet {

/** Haloes at one time, by mass. */
struct Haloes {
  /* peak height delta_c/sigma; its logarithm; weight in the one-halo term (mass times mass function times step) */
  std::vector<double> nu, ln_nu, weight;
  /* virial radius (Mpc); concentration over that of haloes that form now */
  std::vector<double> virial_radius, concentration;
};

/** The masses, at the mean density of one type of spectrum. */
class HaloMasses {
public:
  /** `Omega0_m`: of what the spectrum is of; `radii` (Mpc): where sigma is tabulated. */
  HaloMasses(const struct precision * ppr, const struct background * pba, double Omega0_m,
             const std::vector<double> & radii);

  /** False if sigma's table does not reach from the smallest to the largest haloes. */
  bool is_possible;
  /* ln of the mean density (solar masses per Mpc^3) */
  double ln_density;

  /** Peak heights of time number `lane`, with sigma at the radii of the table and its second derivatives. */
  void find_peaks(const Lanes & sigma, const Lanes & dd_sigma, int lane, double delta_c, Haloes & haloes) const;

  /** The rest. False where CLASS's table of growth ends. */
  bool find_formation(const Lanes & sigma, const Lanes & dd_sigma, int lane, const Collapse & collapse,
                      const Epoch & epoch, const struct hmcode_growth * phg, Haloes & haloes) const;

  /** Where nu = 1: the radius by linear interpolation, within those where CLASS seeks it. False if there is no such mass. */
  bool bracket(const Haloes & haloes, double & guess, double & lower, double & upper) const;

  /** The haloes' profiles in one version of the model. */
  void describe(const Haloes & haloes, const HaloModel & model, const Baryons & baryons, double f_nu,
                HaloProfiles & profiles) const;

private:
  double value(const SplinePoint & at, const Lanes & sigma, const Lanes & dd_sigma, int lane) const;

  double h;
  /* solar masses; Lagrangian radii (Mpc) */
  std::vector<double> mass, radius;
  /* where the table has these radii, and those of a hundredth of the mass */
  std::vector<SplinePoint> at_radius, at_formation;
};

}

#endif
