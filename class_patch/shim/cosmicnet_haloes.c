/** @file cosmicnet_haloes.c
 *
 * See cosmicnet_haloes.h.
 */

#include <algorithm>
#include <cmath>
#include "cosmicnet_haloes.h"

namespace cosmicnet {

HaloMasses::HaloMasses(const struct precision * ppr, const struct background * pba, double Omega0_m,
                       const std::vector<double> & radii) : is_possible(true), h(pba->h) {
  double critical_density = 3.*pow(1.e5*pba->h,2)/8./_PI_/_G_*_Mpc_over_m_/_M_SUN_;
  ln_density = log(critical_density*Omega0_m);
  double smallest = log(ppr->mmin_for_p1h_integral/pba->h), largest = log(ppr->mmax_for_p1h_integral/pba->h);
  double formation = pow(0.01,1./3.);
  int size = ppr->nsteps_for_p1h_integral;
  at_radius.resize(size);
  at_formation.resize(size);
  for (int m=0; m < size; m++) {
    mass.push_back(exp(smallest+(largest-smallest)*m/(size-1)));
    radius.push_back(pow(3.*mass[m]/(4.*_PI_*critical_density*Omega0_m),1./3.));
    is_possible = at_radius[m].find(radii,radius[m]) && at_formation[m].find(radii,radius[m]*formation) && is_possible;
  }
}

double HaloMasses::value(const SplinePoint & at, const Lanes & sigma, const Lanes & dd_sigma, int lane) const {
  return at.a*sigma[at.i][lane]+at.b*sigma[at.i+1][lane]+at.c*dd_sigma[at.i][lane]+at.d*dd_sigma[at.i+1][lane];
}

void HaloMasses::find_peaks(const Lanes & sigma, const Lanes & dd_sigma, int lane, double delta_c, Haloes & haloes) const {
  haloes.nu.clear();
  for (const SplinePoint & at : at_radius) haloes.nu.push_back(delta_c/value(at,sigma,dd_sigma,lane));
}

bool HaloMasses::bracket(const Haloes & haloes, double & guess, double & lower, double & upper) const {
  const std::vector<double> & nu = haloes.nu;
  int low = 0, high = (int)nu.size()-1, last = high;
  if (!((nu[low] <= 1.) && (nu[high] >= 1.))) return false;
  while (high-low > 1) {
    int middle = (low+high)/2;
    if (1. < nu[middle]) high = middle;
    else low = middle;
  }
  guess = radius[low]+(1.-nu[low])/(nu[high]-nu[low])*(radius[high]-radius[low]);
  lower = radius[std::max(low-1,0)];
  upper = radius[std::min(low+2,last)];
  return true;
}

/** ln nu, and the mass function of Sheth and Tormen (1999); `size` is a multiple of the lanes. */
cosmicnet_for_all_processors
static void mass_function(const double * nu, int size, double * ln_nu, double * result) {
  const double amplitude = 0.21616, p = 0.3, q = 0.707;
  for (int m=0; m < size; m += double_lanes) {
    double_vector peak = *(const double_vector *)(nu+m);
    double_vector logarithm = vector_log(peak), scaled = q*peak*peak;
    *(double_vector *)(ln_nu+m) = logarithm;
    *(double_vector *)(result+m) = amplitude*(1.+vector_exp(-p*vector_log(scaled)))*vector_exp(-0.5*scaled);
  }
}

bool HaloMasses::find_formation(const Lanes & sigma, const Lanes & dd_sigma, int lane, const Collapse & collapse,
                                const Epoch & epoch, const struct hmcode_growth * phg, Haloes & haloes) const {
  int size = (int)mass.size(), padded = (size+double_lanes-1)/double_lanes*double_lanes, last_index = 0;
  ErrorMsg message;
  std::vector<double> & nu = haloes.nu;
  nu.resize(padded,1.);
  haloes.ln_nu.resize(padded);
  haloes.weight.resize(padded);
  mass_function(nu.data(),padded,haloes.ln_nu.data(),haloes.weight.data());
  nu.resize(size);
  haloes.weight.resize(size);
  haloes.virial_radius.resize(size);
  haloes.concentration.resize(size);
  double compression = pow(collapse.Delta_v,-1./3.);
  for (int m=0; m < size; m++) {
    double step = 0.5*(nu[std::min(m+1,size-1)]-nu[std::max(m-1,0)]);
    haloes.weight[m] *= step*mass[m];
    haloes.virial_radius[m] = radius[m]*compression;
    double growth = collapse.delta_c*epoch.growth/value(at_formation[m],sigma,dd_sigma,lane), width, a, b;
    if (growth > 1.) growth = 1.;
    if (array_spline_hunt(phg->normgrowth_table,phg->a_size,growth,&last_index,&width,&a,&b,message) != _SUCCESS_)
      return false;
    double a_formation = array_spline_eval(phg->a_table,phg->dda_table,last_index,last_index+1,width,a,b);
    haloes.concentration[m] = epoch.dark_energy*std::max(1.,1./(a_formation*(1.+epoch.z)));
  }
  return true;
}

cosmicnet_for_all_processors
static void bloat(const double * ln_nu, double eta, int size, double * result) {
  for (int m=0; m < size; m += double_lanes)
    *(double_vector *)(result+m) = vector_exp(eta*(*(const double_vector *)(ln_nu+m)));
}

void HaloMasses::describe(const Haloes & haloes, const HaloModel & model, const Baryons & baryons, double f_nu,
                          HaloProfiles & profiles) const {
  int size = (int)mass.size();
  profiles.weight = haloes.weight;
  profiles.concentration.resize(size);
  profiles.factor.resize(size);
  profiles.scale_radius.resize(haloes.ln_nu.size());
  bloat(haloes.ln_nu.data(),model.eta,(int)haloes.ln_nu.size(),profiles.scale_radius.data());
  bool has_baryons = (model.version == hmcode_version_2020_baryonic);
  profiles.stars = has_baryons ? baryons.stars : 0.;
  for (int m=0; m < size; m++) {
    profiles.concentration[m] = model.c_min*haloes.concentration[m];
    profiles.scale_radius[m] *= haloes.virial_radius[m]/profiles.concentration[m];
    if (has_baryons) profiles.factor[m] = baryons.factor(mass[m]*h);
    else profiles.factor[m] = (model.version == hmcode_version_2015) ? 1. : 1.-f_nu;
  }
}

}
