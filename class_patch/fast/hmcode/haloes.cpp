/** @file haloes.cpp
 *
 * See haloes.h. Mead et al., arXiv:1505.07833 and 1602.02154 (version 2015 in CLASS), and 2009.01858.
 */

#include <algorithm>
#include <cmath>
#include "quadrature.h"
#include "haloes.h"

namespace cosmicnet {

/* The integrand of lcdm_growth() is smooth in ln a: so many nodes give 1e-12 at z = 30. */
enum {growth_nodes = 32};

Epochs::Epochs(struct background * pba, struct fourier * pfo, struct hmcode_workspace * phw)
  : pba(pba), pfo(pfo), phw(phw), node(growth_nodes), weight(growth_nodes) {
  ErrorMsg message;
  quadrature_gauss_legendre(node.data(),weight.data(),growth_nodes,1e-15,message);
}

/** Growth from a to today with a cosmological constant, by d ln D/d ln a = Omega_m^0.55. */
double Epochs::lcdm_growth(double a) const {
  double half = -0.5*log(a), integral = 0.;
  for (int i=0; i < growth_nodes; i++) {
    double here = exp(-half*(1.+node[i])), matter = pba->Omega0_m/(here*here*here);
    integral += weight[i]*pow(matter/(matter+pba->Omega0_k/(here*here)+pba->Omega0_de),0.55);
  }
  return exp(-half*integral);
}

bool Epochs::find(int index_tau, Epoch & epoch) const {
  const struct hmcode_growth * phg = phw->phg;
  std::vector<double> background(pba->bg_size);
  int last_index = 0;
  double width, a, b;
  ErrorMsg message;
  if (background_at_tau(pba,pfo->tau[index_tau],long_info,inter_normal,&last_index,background.data()) != _SUCCESS_)
    return false;
  double scale_factor = background[pba->index_bg_a];
  last_index = 0;
  if (array_spline_hunt(phg->a_table,phg->a_size,scale_factor,&last_index,&width,&a,&b,message) != _SUCCESS_) return false;
  const double * row = phg->growth_table+last_index*phg->gt_size;
  auto value = [=] (int index, int index_dd) {
    return array_spline_eval(row+index,row+index_dd,0,phg->gt_size,width,a,b);
  };
  epoch.z = 1./scale_factor-1.;
  epoch.Omega_m = background[pba->index_bg_Omega_m];
  epoch.growth = array_spline_eval(phg->normgrowth_table,phg->ddnormgrowth_table,last_index,last_index+1,width,a,b);
  epoch.scaled_growth = value(phg->index_gt_g,phg->index_gt_ddg);
  epoch.accumulated_growth = value(phg->index_gt_intg,phg->index_gt_ddintg);
  epoch.Omega_m_no_radiation = value(phg->index_gt_Omnorad,phg->index_gt_ddOmnorad);
  epoch.dark_energy = 1.;
  if (epoch.z < pfo->z_infinity) {
    epoch.dark_energy = phw->dark_energy_correction;
    if (pfo->hm_version != hmcode_version_2015) epoch.dark_energy *= lcdm_growth(scale_factor)/epoch.growth;
  }
  return true;
}

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
