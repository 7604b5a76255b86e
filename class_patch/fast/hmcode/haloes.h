/** @file haloes.h
 *
 * Haloes by mass at one time: the background (Epoch), HMcode's fits (Collapse, HaloModel, Baryons), peak heights and
 * formation times (HaloMasses).
 */

#ifndef __COSMICNET_HALOES__
#define __COSMICNET_HALOES__

#include <vector>
#include "fourier.h"
#include "hmcode.h"
#include "spline.h"

namespace cosmicnet {

/** Growth is normalised today; scaled_growth is D(a)/a of a universe without radiation, accumulated_growth its integral over
    a; dark_energy is the factor of the haloes' concentration (Dolag et al. 2004). */
struct Epoch {
  double z, Omega_m, Omega_m_no_radiation, growth, scaled_growth, accumulated_growth, dark_energy;
};

class Epochs {
public:
  Epochs(struct background * pba, struct fourier * pfo, struct hmcode_workspace * phw);

  /** False where CLASS's tables end. */
  bool find(int index_tau, Epoch & epoch) const;

private:
  double lcdm_growth(double a) const;

  struct background * pba;
  struct fourier * pfo;
  struct hmcode_workspace * phw;
  /* nodes and weights from -1 to 1 */
  std::vector<double> node, weight;
};

/** Properties of the linear spectrum at one time; displacements in Mpc. */
struct LinearScales {
  double sigma8, sigma8_cb, displacement, displacement_100;
};

/** Critical overdensity and virial density of spherical collapse. */
struct Collapse {
  double delta_c, Delta_v;

  Collapse() : delta_c(1.), Delta_v(1.) {}
  Collapse(enum hmcode_version version, const Epoch & epoch, double sigma8, double f_nu);
};

/** Parameters of one version of the model; wavenumbers in 1/Mpc. */
struct HaloModel {
  /* concentration of the latest haloes, exponents of the smooth transition and of the bloating of haloes, damping */
  double c_min, alpha, eta, k_star, damping, k_damping;
  enum hmcode_version version;

  HaloModel(const struct background * pba, const struct fourier * pfo, enum hmcode_version version, const Epoch & epoch,
            const LinearScales & scales, double n_eff);
};

/** Effect of baryons on haloes: a factor on the profile of haloes of `mass` (solar masses), and the mass in stars. */
struct Baryons {
  double stars, gas, dark_matter, ejection_mass;

  Baryons(const struct background * pba, const struct fourier * pfo, double z);
  double factor(double mass_times_h) const;
};

/** Haloes at one time, by mass. */
struct Haloes {
  /* peak height delta_c/sigma; its logarithm; weight in the one-halo term (mass times mass function times step) */
  std::vector<double> nu, ln_nu, weight;
  /* virial radius (Mpc); concentration relative to that of haloes that form now */
  std::vector<double> virial_radius, concentration;
};

/** Profiles of haloes by mass: their weight in the sum, r_s as it enters the transform (Mpc), c, and the factor of the transform. */
struct HaloProfiles {
  std::vector<double> weight, scale_radius, concentration, factor;
  /* added to each transform */
  double stars;
};

/** The masses, at the mean density of one type of spectrum. */
class HaloMasses {
public:
  /** `Omega0_m`: of the matter in the spectrum; `radii` (Mpc): where sigma is tabulated. */
  HaloMasses(const struct precision * ppr, const struct background * pba, double Omega0_m,
             const std::vector<double> & radii);

  /** False if sigma's table does not reach from the smallest to the largest haloes. */
  bool is_possible;
  /* ln of the mean density (solar masses per Mpc^3) */
  double ln_density;

  /** Peak heights of time number `lane`, with sigma at the radii of the table and its second derivatives. */
  void find_peaks(const Lanes & sigma, const Lanes & dd_sigma, int lane, double delta_c, Haloes & haloes) const;

  /** Weights, virial radii and concentrations. False where CLASS's table of growth ends. */
  bool find_formation(const Lanes & sigma, const Lanes & dd_sigma, int lane, const Collapse & collapse,
                      const Epoch & epoch, const struct hmcode_growth * phg, Haloes & haloes) const;

  /** The radius where nu = 1, by linear interpolation, and the limits of CLASS's search for it. False if there is no such mass. */
  bool bracket(const Haloes & haloes, double & guess, double & lower, double & upper) const;

  /** The profiles of the haloes in one version of the model. */
  void describe(const Haloes & haloes, const HaloModel & model, const Baryons & baryons, double f_nu,
                HaloProfiles & profiles) const;

private:
  double value(const SplinePoint & at, const Lanes & sigma, const Lanes & dd_sigma, int lane) const;

  double h;
  /* solar masses; Lagrangian radii (Mpc) */
  std::vector<double> mass, radius;
  /* places of these radii in the table of sigma, and of those of a hundredth of the mass */
  std::vector<SplinePoint> at_radius, at_formation;
};

}

#endif
