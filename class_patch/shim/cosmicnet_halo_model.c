/** @file cosmicnet_halo_model.c
 *
 * See cosmicnet_halo_model.h. Mead et al., arXiv:1505.07833 and 1602.02154 (version 2015 in CLASS), and 2009.01858.
 */

#include <algorithm>
#include <cmath>
#include "cosmicnet_halo_model.h"

namespace cosmicnet {

Collapse::Collapse(enum hmcode_version version, const Epoch & epoch, double sigma8, double f_nu) {
  if (version == hmcode_version_2015) {
    delta_c = (1.59+0.0314*log(sigma8))*(1.+0.012299*log10(epoch.Omega_m))*(1.+0.262*f_nu);
    Delta_v = 418.*pow(epoch.Omega_m,-0.352)*(1.+0.916*f_nu);
    return;
  }
  /* eqs. A.1 to A.3 and table A.1 of 2009.01858 */
  double x = 1.-epoch.scaled_growth, y = 1.-epoch.accumulated_growth*(1.+epoch.z);
  double log_Omega = log10(epoch.Omega_m_no_radiation);
  delta_c = 1.+(-0.0069-0.0208*x+0.0312*x*x+0.0021*y)*log_Omega+(0.0001-0.0647*x-0.0417*x*x+0.0646*y);
  delta_c *= 3./20.*pow(12.*_PI_,2./3.)*(1.-0.041*f_nu);
  Delta_v = 1.+(-0.79-10.17*x+2.51*x*x+6.51*y)*log_Omega+(-1.89+0.38*x+18.8*x*x-15.87*y)*log_Omega*log_Omega;
  Delta_v *= 18.*_PI_*_PI_*(1.+0.763*f_nu);
}

HaloModel::HaloModel(const struct background * pba, const struct fourier * pfo, enum hmcode_version version,
                     const Epoch & epoch, const LinearScales & scales, double n_eff)
  : eta(0.), k_star(0.), damping(0.), k_damping(0.), version(version) {
  double heating = pfo->log10T_heat_hmcode-7.8;
  switch (version) {
  case hmcode_version_2015:
    c_min = pfo->c_min;
    alpha = 3.24*pow(1.85,n_eff);
    eta = pfo->eta_0-0.3*scales.sigma8;
    k_star = 0.584/scales.displacement;
    damping = 0.0095*pow(scales.displacement_100*pba->h,1.37);
    break;
  case hmcode_version_2020:
    c_min = 5.1958429;
    alpha = 1.8751465*pow(1.6029913,n_eff);
    eta = 0.1281210*pow(scales.sigma8_cb,-0.3643963);
    k_star = 0.0561778*pow(scales.sigma8_cb,-1.0131066)*pba->h;
    damping = 0.2695822*pow(scales.sigma8_cb,0.9403087);
    k_damping = 0.0569871*pow(scales.sigma8_cb,-1.0890162)*pba->h;
    break;
  case hmcode_version_2020_baryonic:
    c_min = (3.44-0.496*heating)*pow(10.,epoch.z*(-0.0671-0.0371*heating));
    alpha = 1.;
    return;
  case hmcode_version_2020_unfitted:
    c_min = 4.;
    alpha = 1.;
    return;
  }
  damping = std::min(std::max(damping,1e-3),0.99);
}

/* Eqs. 24 to 26 and table 5 of 2009.01858. */
Baryons::Baryons(const struct background * pba, const struct fourier * pfo, double z) {
  double heating = pfo->log10T_heat_hmcode-7.8, baryons = pba->Omega0_b/pba->Omega0_m;
  stars = std::min((0.0201-0.0030*heating)*pow(10.,z*(0.409+0.0224*heating)),baryons);
  gas = baryons-stars;
  dark_matter = pba->Omega0_cdm/pba->Omega0_m;
  ejection_mass = pow(10.,13.87+1.81*heating)*pow(10.,(0.195*heating-0.108)*z);
}

double Baryons::factor(double mass_times_h) const {
  double ratio = mass_times_h/ejection_mass;
  return dark_matter+gas*ratio*ratio/(1.+ratio*ratio);
}

}
