/** @file fast_background.cpp
 *
 * See fast_background.h. Only the sampling differs from CLASS: equations, integrators and tolerances are its own.
 */

#include <algorithm>
#include <cmath>
#include <vector>
#include "fast_background.h"

/* Rows in ln a where CLASS's default has 40000. Splines through them are accurate to 1e-10 in H. Before the thermal history
   begins, every third of them is enough for 3e-9. */
static const int enough_rows = 6000, early_row_stride = 3;
static const double early_rows_until = -16.;

/* Steps in redshift above the range in which CLASS looks for recombination, in units of CLASS's. Later steps are CLASS's:
   the rate by which it samples the sources has second derivatives of the integrator's noise, which depend on them. */
enum {linear_stride = 8, logarithmic_stride = 5};

/* Between recombination and reionisation, above this redshift, steps are wider too. */
static const double fine_until = 25.;

/* The search for z_reio ends at either tolerance. That of the redshift is needed because the optical depth has small jumps:
   CLASS integrates it from a row of its table. */
static const double depth_tolerance = 1.e-9, redshift_tolerance = 1.e-9;

short cosmicnet_background_applies(struct background * pba) {
  bool has_other_species = (pba->has_scf == _TRUE_) || (pba->has_dcdm == _TRUE_) || (pba->has_dr == _TRUE_)
    || (pba->has_idm == _TRUE_) || (pba->has_idr == _TRUE_) || (pba->has_varconst == _TRUE_)
    || ((pba->has_fld == _TRUE_) && (pba->fluid_equation_of_state != CLP));
  return ((pba->fast_background == _TRUE_) && !has_other_species) ? _TRUE_ : _FALSE_;
}

static std::vector<double> background_rows(struct precision * ppr, double loga_ini) {
  /* in proportion where the user asks for more rows than the default */
  const int size = std::max(std::min(ppr->background_Nloga,enough_rows),(int)(ppr->background_Nloga*(enough_rows/40000.)));
  std::vector<double> rows;
  for (int i=0; i < size; ) {
    const double loga = loga_ini-i*loga_ini/(size-1);
    rows.push_back(loga);
    i += ((loga < early_rows_until) && (i+early_row_stride < size)) ? early_row_stride : 1;
  }
  return rows;
}

int cosmicnet_background_size(struct precision * ppr, struct background * pba, double loga_ini) {
  return (pba->background_is_fast == _TRUE_) ? (int)background_rows(ppr,loga_ini).size() : ppr->background_Nloga;
}

void cosmicnet_sample_background(struct precision * ppr, struct background * pba, double loga_ini) {
  const std::vector<double> rows = background_rows(ppr,loga_ini);
  std::copy(rows.begin(),rows.end(),pba->loga_table);
}

void cosmicnet_ncdm_momenta(struct background * pba, int n_ncdm, double a, double * rho, double * p, double * pseudo_p) {
  const double * q = pba->q_ncdm_bg[n_ncdm], * weight = pba->w_ncdm_bg[n_ncdm], M = pba->M_ncdm[n_ncdm], z = 1./a-1.;
  const double mass2 = M*M/(1.+z)/(1.+z);
  *rho = *p = *pseudo_p = 0.;
  enum {together = 16};
  const int size = pba->q_size_ncdm_bg[n_ncdm];
  for (int begin=0; begin < size; begin += together) {
    /* a loop without sums runs over several momenta at once; these are added in CLASS's order */
    const int some = std::min((int)together,size-begin);
    double of_rho[together], of_p[together], of_pseudo_p[together];
    for (int i=0; i < some; i++) {
      double q2 = q[begin+i]*q[begin+i], epsilon = sqrt(q2+mass2), share = q2/epsilon;
      of_rho[i] = q2*epsilon*weight[begin+i];
      of_p[i] = q2*q2/3./epsilon*weight[begin+i];
      of_pseudo_p[i] = share*share*share/3.*weight[begin+i];
    }
    for (int i=0; i < some; i++) {
      *rho += of_rho[i];
      *p += of_p[i];
      *pseudo_p += of_pseudo_p[i];
    }
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

int cosmicnet_spline_lines(double * x, int x_size, double * y_array, int y_size, double * ddy_array, short spline_mode,
                           ErrorMsg errmsg) {
  if ((spline_mode != _SPLINE_EST_DERIV_) || (x_size < 3))
    return array_spline_table_lines(x,x_size,y_array,y_size,ddy_array,spline_mode,errmsg);
  /* factors[row] is the same for all columns; ddy has the right side of the equations until these are solved */
  std::vector<double> factors(x_size), slopes(y_size);
  auto y = [=] (int row) { return y_array+(size_t)row*y_size; };
  auto ddy = [=] (int row) { return ddy_array+(size_t)row*y_size; };
  const int last = x_size-1;
  factors[0] = -0.5;
  for (int i=0; i < y_size; i++) {
    const double slope = (y(1)[i]-y(0)[i])/(x[1]-x[0]);
    const double at_end = ((x[2]-x[0])*(x[2]-x[0])*(y(1)[i]-y(0)[i])-(x[1]-x[0])*(x[1]-x[0])*(y(2)[i]-y(0)[i]))
      /((x[2]-x[0])*(x[1]-x[0])*(x[2]-x[1]));
    slopes[i] = slope;
    ddy(0)[i] = 3./(x[1]-x[0])*(slope-at_end);
  }
  for (int row=1; row < last; row++) {
    const double sig = (x[row]-x[row-1])/(x[row+1]-x[row-1]), p = sig*factors[row-1]+2., step = x[row+1]-x[row];
    const double both = x[row+1]-x[row-1];
    const double * __restrict__ here = y(row), * __restrict__ next = y(row+1), * __restrict__ before = ddy(row-1);
    double * __restrict__ slope = slopes.data(), * __restrict__ result = ddy(row);
    factors[row] = (sig-1.)/p;
    for (int i=0; i < y_size; i++) {
      const double to_next = (next[i]-here[i])/step;
      result[i] = (6.*(to_next-slope[i])/both-sig*before[i])/p;
      slope[i] = to_next;
    }
  }
  for (int i=0; i < y_size; i++) {
    const double * const z = x+last;
    const double at_end = ((z[-2]-z[0])*(z[-2]-z[0])*(y(last-1)[i]-y(last)[i])-(z[-1]-z[0])*(z[-1]-z[0])*(y(last-2)[i]-y(last)[i]))
      /((z[-2]-z[0])*(z[-1]-z[0])*(z[-2]-z[-1]));
    const double right = 3./(z[0]-z[-1])*(at_end-slopes[i]);
    ddy(last)[i] = (right-0.5*ddy(last-1)[i])/(0.5*factors[last-1]+1.);
  }
  for (int row=last-1; row >= 0; row--) {
    const double * __restrict__ next = ddy(row+1);
    double * __restrict__ result = ddy(row);
    for (int i=0; i < y_size; i++) result[i] = factors[row]*next[i]+result[i];
  }
  return _SUCCESS_;
}

short cosmicnet_thermodynamics_applies(struct background * pba, struct thermodynamics * pth) {
  return ((pba->background_is_fast == _TRUE_) && (pth->has_exotic_injection == _FALSE_)) ? _TRUE_ : _FALSE_;
}

/** A redshift that a sharp reionisation of hydrogen and helium, in a universe of matter and a cosmological constant, must have for
    an optical depth. */
static double sharp_redshift(struct background * pba, struct thermodynamics * pth, double depth) {
  const double slope = pth->n_e*(1.+pth->fHe)*_sigma_*_Mpc_over_m_/pba->H0, root = 1.+1.5*pba->Omega0_m*depth/slope;
  return cbrt((root*root-(1.-pba->Omega0_m))/pba->Omega0_m)-1.;
}

/** Whether nothing but recombination acts on electrons before fine_until. */
static bool is_reionized_late(struct precision * ppr, struct background * pba, struct thermodynamics * pth) {
  if (pth->reio_parametrization == reio_none) return true;
  if ((pth->reio_parametrization != reio_camb) && (pth->reio_parametrization != reio_half_tanh)) return false;
  /* the estimate is good to some 10% in any universe */
  const double z = (pth->reio_z_or_tau == reio_z) ? pth->z_reio : 1.2*sharp_redshift(pba,pth,pth->tau_reio)+1.;
  return (std::max(z,pth->helium_fullreio_redshift)
          +ppr->reionization_start_factor*std::max(pth->reionization_width,pth->helium_fullreio_width) < fine_until);
}

/** Ascending, and all among those of CLASS. */
static std::vector<double> linear_redshifts(struct precision * ppr, struct background * pba, struct thermodynamics * pth,
                                            int * reionization) {
  const double first = ppr->reionization_z_start_max, step = (ppr->thermo_z_linear-first)/ppr->thermo_Nz_lin;
  const int rows = (int)(first/ppr->reionization_sampling), later_stride = is_reionized_late(ppr,pba,pth) ? (int)linear_stride : 1;
  std::vector<double> redshifts;
  for (int i=0; i < rows; ) {
    double z = first*i/rows;
    redshifts.push_back(z);
    i += (z > fine_until) ? later_stride : 1;
  }
  *reionization = (int)redshifts.size();
  for (int i=0; i < ppr->thermo_Nz_lin; ) {
    double z = first+i*step;
    redshifts.push_back(z);
    i += (z > _Z_REC_MAX_) ? (int)linear_stride : 1;
  }
  return redshifts;
}

void cosmicnet_count_redshifts(struct precision * ppr, struct background * pba, struct thermodynamics * pth,
                               struct thermo_workspace * ptw) {
  const int number = (int)linear_redshifts(ppr,pba,pth,&(ptw->Nz_reio)).size();
  ptw->Nz_reco_lin = number-ptw->Nz_reio;
  ptw->Nz_reco_log = std::max(ppr->thermo_Nz_log/logarithmic_stride,2);
  ptw->Nz_reco = ptw->Nz_reco_lin+ptw->Nz_reco_log;
}

void cosmicnet_sample_redshifts(struct precision * ppr, struct background * pba, struct thermodynamics * pth,
                                struct thermo_workspace * ptw) {
  int reionization;
  std::vector<double> redshifts = linear_redshifts(ppr,pba,pth,&reionization);
  std::copy(redshifts.begin(),redshifts.end(),pth->z_table);
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

int cosmicnet_begin_search(struct cosmicnet_depth_search * search, struct precision * ppr, struct background * pba,
                           struct thermodynamics * pth, struct thermo_workspace * ptw, double highest) {
  /* Gregory's quadrature */
  const double at_end[] = {3./8.,7./6.,23./24.};
  search->wanted = pth->tau_reio;
  search->highest = search->upper = highest;
  search->lower = 0.;
  search->trials = 0;
  search->pth = pth;
  search->reionization = ptw->ptrp;
  const bool is_symmetric = (pth->reio_parametrization == reio_camb);
  search->start = is_symmetric ? ppr->reionization_start_factor*pth->reionization_width : 0.;
  search->helium = is_symmetric ? pth->helium_fullreio_redshift+ppr->reionization_start_factor*pth->helium_fullreio_width : 0.;
  search->step = (std::max(highest,search->helium)+search->start)/(cosmicnet_depth_rows-2);
  search->z = sharp_redshift(pba,pth,pth->tau_reio);
  std::vector<double> background(pba->bg_size);
  int last_index;
  for (int i=0; i < cosmicnet_depth_rows; i++) {
    const double z = i*search->step;
    class_call(background_at_z(pba,z,short_info,inter_normal,&last_index,background.data()),
               pba->error_message,
               pth->error_message);
    search->depth_of_row[i] = search->step*((i < 3) ? at_end[i] : 1.)*(1.+z)*(1.+z)*pth->n_e*_sigma_*_Mpc_over_m_
      /background[pba->index_bg_H];
  }
  return _SUCCESS_;
}

/* What is left of electrons after recombination. */
static const double electrons_before = 2.e-4;

/** Their depth until reionisation at z starts. CLASS integrates from a row of its table, so that this hardly changes between trials. */
static double depth_before(const struct cosmicnet_depth_search * search) {
  double sum = 0.;
  for (int i=0; (i < cosmicnet_depth_rows) && (i*search->step < std::max(search->z+search->start,search->helium)); i++)
    sum += search->depth_of_row[i]*electrons_before;
  return sum;
}

/** The approximate depth of all other electrons with reionisation at z. */
static double model_depth(const struct cosmicnet_depth_search * search, double z) {
  double * const parameters = search->reionization->reionization_parameters;
  const double start = std::max(z+search->start,search->helium);
  parameters[search->reionization->index_re_xe_before] = electrons_before;
  parameters[search->reionization->index_re_reio_redshift] = z;
  parameters[search->reionization->index_re_reio_start] = start;
  double sum = 0.;
  for (int i=0; (i < cosmicnet_depth_rows) && (i*search->step <= start); i++) {
    double x = electrons_before;
    thermodynamics_reionization_function(i*search->step,search->pth,search->reionization,&x);
    sum += search->depth_of_row[i]*(x-electrons_before);
  }
  return sum;
}

/** Where the approximate depth has a value, sought from the latest trial on. */
static double root_of_model(const struct cosmicnet_depth_search * search, double depth) {
  double lower = 0., upper = search->highest, z = std::min(std::max(search->z,lower),upper), z_before = z, difference_before = 0.;
  for (int i=0; i < 40; i++) {
    const double difference = model_depth(search,z)-depth;
    if (fabs(difference) <= 0.01*depth_tolerance*depth) break;
    (difference > 0. ? upper : lower) = z;
    const int row = std::min((int)(z/search->step),(int)cosmicnet_depth_rows-1);
    const double slope = (i == 0) ? search->depth_of_row[row]/search->step : (difference-difference_before)/(z-z_before);
    double next = z-difference/slope;
    if (!((next > lower) && (next < upper))) next = 0.5*(lower+upper);
    z_before = z;
    difference_before = difference;
    z = next;
  }
  return z;
}

static double secant(const struct cosmicnet_depth_search * search) {
  return search->z+(search->wanted-search->depth)*(search->z-search->z_before)/(search->depth-search->depth_before);
}

short cosmicnet_try_again(struct cosmicnet_depth_search * search) {
  if (search->trials > 0) {
    if (fabs(search->depth-search->wanted) <= depth_tolerance*search->wanted) return _FALSE_;
    if (search->upper-search->lower <= redshift_tolerance*(1.+search->upper)) return _FALSE_;
  }
  double next = (search->trials > 1) ? secant(search)
    : root_of_model(search,search->wanted-((search->trials == 0) ? depth_before(search) : search->depth-model_depth(search,search->z)));
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
