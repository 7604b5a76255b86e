/** @file cosmicnet_halo_model.h
 *
 * HMcode's fits: parameters of the halo model at one time, and how its parts are put together.
 */

#ifndef __COSMICNET_HALO_MODEL__
#define __COSMICNET_HALO_MODEL__

#include "cosmicnet_epoch.h"

namespace cosmicnet {

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

/** What baryons do to haloes: the factor of the profile of haloes of `mass` (solar masses), and stars besides. */
struct Baryons {
  double stars, gas, dark_matter, ejection_mass;

  Baryons(const struct background * pba, const struct fourier * pfo, double z);
  double factor(double mass_times_h) const;
};

}

#endif
