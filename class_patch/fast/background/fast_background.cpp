/** @file fast_background.cpp
 *
 * See fast_background.h. Only the sampling differs from CLASS: equations, integrators and tolerances are its own.
 */

#include <algorithm>
#include <cmath>
#include <vector>
#include "fast_background.h"

/* Rows in ln a where CLASS's default has 40000. Splines through them are accurate to 1e-10 in H. */
static const int enough_rows = 6000;

/* Steps in redshift above the range in which CLASS looks for recombination, in units of CLASS's. Later steps are CLASS's:
   the rate by which it samples the sources has second derivatives of the integrator's noise, which depend on them. */
enum {linear_stride = 8, logarithmic_stride = 5};

/* The search for z_reio ends at either tolerance. That of the redshift is needed because the optical depth has small jumps:
   CLASS integrates it from a row of its table. */
static const double depth_tolerance = 1.e-9, redshift_tolerance = 1.e-9;

short cosmicnet_background_applies(struct background * pba) {
  bool has_other_species = (pba->has_scf == _TRUE_) || (pba->has_dcdm == _TRUE_) || (pba->has_dr == _TRUE_)
    || (pba->has_idm == _TRUE_) || (pba->has_idr == _TRUE_) || (pba->has_varconst == _TRUE_)
    || ((pba->has_fld == _TRUE_) && (pba->fluid_equation_of_state != CLP));
  return ((pba->fast_background == _TRUE_) && !has_other_species) ? _TRUE_ : _FALSE_;
}

int cosmicnet_background_size(struct precision * ppr, struct background * pba) {
  if (pba->background_is_fast == _FALSE_) return ppr->background_Nloga;
  /* in proportion where the user asks for more rows than the default */
  return std::max(std::min(ppr->background_Nloga,enough_rows),(int)(ppr->background_Nloga*(enough_rows/40000.)));
}

void cosmicnet_ncdm_momenta(struct background * pba, int n_ncdm, double a, double * rho, double * p, double * pseudo_p) {
  const double * q = pba->q_ncdm_bg[n_ncdm], * weight = pba->w_ncdm_bg[n_ncdm], M = pba->M_ncdm[n_ncdm], z = 1./a-1.;
  const double mass2 = M*M/(1.+z)/(1.+z);
  *rho = *p = *pseudo_p = 0.;
  for (int i=0; i < pba->q_size_ncdm_bg[n_ncdm]; i++) {
    double q2 = q[i]*q[i], epsilon = sqrt(q2+mass2), share = q2/epsilon;
    *rho += q2*epsilon*weight[i];
    *p += q2*q2/3./epsilon*weight[i];
    *pseudo_p += share*share*share/3.*weight[i];
  }
  /* the power is that of CLASS */
  double factor = pba->factor_ncdm[n_ncdm]*pow(1.+z,4);
  *rho *= factor;
  *p *= factor;
  *pseudo_p *= factor;
}

int cosmicnet_interpolate_near(double * x_array, int n_lines, double * array, double * array_splined, int n_columns, double x,
                               int * last_index, double * result, int result_size, ErrorMsg errmsg) {
  static thread_local int before = 0;
  const bool rises = (x_array[0] < x_array[n_lines-1]);
  for (int row : {before,before+1,before-1}) {
    if ((row < 0) || (row+1 >= n_lines)) continue;
    if (rises ? !((x_array[row] <= x) && (x < x_array[row+1])) : !((x_array[row] >= x) && (x > x_array[row+1]))) continue;
    before = *last_index = row;
    int first;
    return array_interpolate_spline(x_array+row,2,array+(size_t)row*n_columns,array_splined+(size_t)row*n_columns,n_columns,x,&first,
                                    result,result_size,errmsg);
  }
  const int status = array_interpolate_spline(x_array,n_lines,array,array_splined,n_columns,x,last_index,result,result_size,errmsg);
  if (status == _SUCCESS_) before = *last_index;
  return status;
}

short cosmicnet_thermodynamics_applies(struct background * pba, struct thermodynamics * pth) {
  return ((pba->background_is_fast == _TRUE_) && (pth->has_exotic_injection == _FALSE_)) ? _TRUE_ : _FALSE_;
}

/** Ascending. */
static std::vector<double> linear_redshifts(struct precision * ppr) {
  double first = ppr->reionization_z_start_max, step = (ppr->thermo_z_linear-first)/ppr->thermo_Nz_lin;
  std::vector<double> redshifts;
  for (int i=0; i < ppr->thermo_Nz_lin; ) {
    double z = first+i*step;
    redshifts.push_back(z);
    i += (z > _Z_REC_MAX_) ? (int)linear_stride : 1;
  }
  return redshifts;
}

void cosmicnet_count_redshifts(struct precision * ppr, int * linear, int * logarithmic) {
  *linear = (int)linear_redshifts(ppr).size();
  *logarithmic = std::max(ppr->thermo_Nz_log/logarithmic_stride,2);
}

void cosmicnet_sample_redshifts(struct precision * ppr, struct thermodynamics * pth, struct thermo_workspace * ptw) {
  std::vector<double> redshifts = linear_redshifts(ppr);
  std::copy(redshifts.begin(),redshifts.end(),pth->z_table+ptw->Nz_reio);
}

void cosmicnet_leave_out_reionization(struct precision * ppr, struct thermodynamics * pth) {
  const int few_rows = 100;
  if ((pth->reio_parametrization != reio_camb) && (pth->reio_parametrization != reio_half_tanh)) return;
  pth->reio_parametrization = reio_none;
  pth->reio_z_or_tau = reio_z;
  ppr->reionization_sampling = ppr->reionization_z_start_max/few_rows;
}

/** Where z is among the rows of CLASS's own table. */
static double row_of_class(struct precision * ppr, double z) {
  double first = ppr->reionization_z_start_max, last = ppr->thermo_z_linear;
  int reionization = (int)(first/ppr->reionization_sampling);
  if (z < first) return z/first*reionization;
  if (z < last) return reionization+(z-first)/(last-first)*ppr->thermo_Nz_lin;
  return reionization+ppr->thermo_Nz_lin+log(z/last)/log(ppr->thermo_z_initial/last)*(ppr->thermo_Nz_log-1);
}

namespace {

/** A function that is linear between points, and its integral from the first point. */
struct Integral {
  std::vector<double> x, y, sum;

  /** i: the point before `where`, searched from its former value on. */
  void at(double where, int & i, double & value, double & integral) const {
    const int last = (int)x.size()-2;
    while ((i < last) && (x[i+1] <= where)) i++;
    double d = where-x[i];
    value = y[i]+d*(y[i+1]-y[i])/(x[i+1]-x[i]);
    integral = sum[i]+0.5*d*(y[i]+value);
  }
};

}

void cosmicnet_smooth_rate(struct precision * ppr, struct thermodynamics * pth) {
  Integral rate;
  for (int i=0; i < pth->tt_size; i++) {
    rate.x.push_back(row_of_class(ppr,pth->z_table[i]));
    rate.y.push_back(pth->thermodynamics_table[i*pth->th_size+pth->index_th_rate]);
    rate.sum.push_back((i == 0) ? 0. : rate.sum[i-1]+0.5*(rate.y[i-1]+rate.y[i])*(rate.x[i]-rate.x[i-1]));
  }
  /* the sum over rows is the trapezoidal integral and half of both ends */
  int before_begin = 0, before_end = 0;
  for (int i=0; i < pth->tt_size; i++) {
    double begin = std::max(rate.x[i]-ppr->thermo_rate_smoothing_radius,rate.x.front());
    double end = std::min(rate.x[i]+ppr->thermo_rate_smoothing_radius,rate.x.back());
    double first, last, to_first, to_last;
    rate.at(begin,before_begin,first,to_first);
    rate.at(end,before_end,last,to_last);
    pth->thermodynamics_table[i*pth->th_size+pth->index_th_rate] = (to_last-to_first+0.5*(first+last))/(end-begin+1.);
  }
}

void cosmicnet_begin_search(struct cosmicnet_depth_search * search, struct background * pba, struct thermodynamics * pth,
                            double highest) {
  search->wanted = pth->tau_reio;
  search->highest = search->upper = highest;
  search->lower = 0.;
  search->slope = pth->n_e*(1.+pth->fHe)*_sigma_*_Mpc_over_m_/pba->H0;
  search->Omega0_m = pba->Omega0_m;
  search->Omega0_de = 1.-pba->Omega0_m;
  search->trials = 0;
}

/** The hydrogen and singly ionised helium of a sharp reionisation of matter and a cosmological constant. */
static double guess(const struct cosmicnet_depth_search * search) {
  double root = 1.+1.5*search->Omega0_m*search->wanted/search->slope;
  return cbrt((root*root-search->Omega0_de)/search->Omega0_m)-1.;
}

static double newton(const struct cosmicnet_depth_search * search) {
  double x = 1.+search->z, slope = search->slope*x*x/sqrt(search->Omega0_m*x*x*x+search->Omega0_de);
  return search->z+(search->wanted-search->depth)/slope;
}

static double secant(const struct cosmicnet_depth_search * search) {
  return search->z+(search->wanted-search->depth)*(search->z-search->z_before)/(search->depth-search->depth_before);
}

short cosmicnet_try_again(struct cosmicnet_depth_search * search) {
  if (search->trials > 0) {
    if (fabs(search->depth-search->wanted) <= depth_tolerance*search->wanted) return _FALSE_;
    if (search->upper-search->lower <= redshift_tolerance*(1.+search->upper)) return _FALSE_;
  }
  double next = (search->trials == 0) ? guess(search) : (search->trials == 1) ? newton(search) : secant(search);
  /* written so that NaN is outside */
  if (!((next > search->lower) && (next < search->upper))) {
    bool begins = (search->trials < 2);
    next = begins ? std::min(std::max(next,search->lower),search->upper) : 0.5*(search->lower+search->upper);
  }
  search->z_before = search->z;
  search->depth_before = search->depth;
  search->z = next;
  return _TRUE_;
}

void cosmicnet_found_depth(struct cosmicnet_depth_search * search, double depth) {
  search->depth = depth;
  (depth > search->wanted ? search->upper : search->lower) = search->z;
  search->trials++;
}
