/** @file linear_spectra.cpp
 *
 * See linear_spectra.h.
 */

#include <algorithm>
#include <cmath>
#include "linear_spectra.h"

namespace cosmicnet {

LinearSpectra::LinearSpectra(struct background * pba, struct perturbations * ppt, struct primordial * ppm,
                             struct fourier * pfo)
  : pba(pba), ppt(ppt), ppm(ppm), pfo(pfo), grid(std::vector<double>(pfo->ln_k,pfo->ln_k+pfo->k_size_extra),true) {
}

int LinearSpectra::prepare() {
  if (pfo->ic_size > 1) return _SUCCESS_;
  for (int index_k=0; index_k < pfo->k_size_extra; index_k++) {
    double primordial;
    class_call(primordial_spectrum_at_k(ppm,pfo->index_md_scalars,logarithmic,pfo->ln_k[index_k],&primordial),
               ppm->error_message,
               pfo->error_message);
    ln_primordial.push_back(primordial-3.*pfo->ln_k[index_k]+log(2.*_PI_*_PI_));
  }
  return _SUCCESS_;
}

cosmicnet_for_all_processors
static void from_sources(const double * ln_primordial, int size, double_vector * values) {
  for (int i=0; i < size; i++) values[i] = vector_log(values[i]*values[i])+ln_primordial[i];
}

int LinearSpectra::read(int index_pk, const int * index_tau, Lanes & lnpk, Lanes & ddlnpk) const {
  int index_tp = (index_pk == pfo->index_pk_m) ? ppt->index_tp_delta_m : ppt->index_tp_delta_cb;
  double ** sources = ppt->sources[pfo->index_md_scalars];
  for (int lane=0; lane < double_lanes; lane++) {
    if (pfo->ic_size > 1) {
      std::vector<double> values(pfo->k_size_extra);
      class_call(fourier_pk_linear(pba,ppt,ppm,pfo,index_pk,index_tau[lane],pfo->k_size_extra,values.data(),NULL),
                 pfo->error_message,
                 pfo->error_message);
      for (int index_k=0; index_k < pfo->k_size_extra; index_k++) lnpk.at(index_k,lane) = values[index_k];
      continue;
    }
    const double * source = sources[index_tp]+(size_t)index_tau[lane]*pfo->k_size;
    for (int index_k=0; index_k < pfo->k_size; index_k++) lnpk.at(index_k,lane) = source[index_k];
    for (int index_k=pfo->k_size; index_k < pfo->k_size_extra; index_k++) {
      class_call(fourier_get_source(pba,ppt,pfo,index_k,0,index_tp,index_tau[lane],sources,&lnpk.at(index_k,lane)),
                 pfo->error_message,
                 pfo->error_message);
    }
  }
  if (pfo->ic_size == 1) from_sources(ln_primordial.data(),pfo->k_size_extra,lnpk.data());
  grid.derive(lnpk.data(),ddlnpk.data());
  return _SUCCESS_;
}

NeutrinoCorrection::NeutrinoCorrection(const struct hmcode_growth * phg, const std::vector<double> & k) {
  double f_nu = phg->fnu, temperature = phg->Tcmb/2.7;
  double power = (5.-sqrt(1.+24.*(1.-f_nu)))/4.;
  exponent = 2.*power/0.7;
  saturation = pow(1.-f_nu,0.7/power);
  growth_factor = 1.+2.5e4*phg->om_m*pow(temperature,-4.);
  for (double k_one : k) {
    double q = k_one*temperature*temperature/phg->om_m;
    double streaming = 17.2*f_nu*(1.+0.488*pow(f_nu,-7./6.))*pow(q/f_nu,2);
    suppression.push_back(pow(1.+streaming,-0.7));
  }
}

cosmicnet_for_all_processors
static void logarithms_of_ratios(const double_vector & growth, const double * suppression, double saturation,
                                 double exponent, int size, double_vector * result) {
  for (int i=0; i < size; i++) {
    double_vector x = growth*suppression[i];
    result[i] = exponent*vector_log((1.+x)/(saturation+x));
  }
}

void NeutrinoCorrection::evaluate(const double * growth, Lanes & correction) const {
  double_vector power;
  for (int lane=0; lane < double_lanes; lane++) power[lane] = pow(growth_factor*growth[lane],0.7);
  logarithms_of_ratios(power,suppression.data(),saturation,exponent,(int)suppression.size(),correction.data());
}

/** Fourier transform of a sphere and its derivative, with the series that CLASS takes at small x. */
cosmicnet_inline void top_hat(double_vector x, double_vector & window, double_vector & derivative) {
  double_vector sine, cosine;
  vector_sincos(x,sine,cosine);
  double_vector inverse = 1./x;
  double_vector inverse2 = inverse*inverse;
  window = 3.*inverse*inverse2*(sine-x*cosine);
  derivative = 3.*(inverse2*sine-inverse*window);
  integer_vector is_small = (x < all_lanes(0.01));
  window = is_small ? 1.-0.1*x*x : window;
  derivative = is_small ? -0.2*x : derivative;
}

cosmicnet_for_all_processors
static void windows(const double * k_x, const double * weight, int size, double radius, double * result) {
  for (int i=0; i < size; i += double_lanes) {
    double_vector x = all_lanes(1.), window, derivative;
    int number = std::min((int)double_lanes,size-i);
    for (int j=0; j < number; j++) x[j] = k_x[i+j]*radius;
    top_hat(x,window,derivative);
    for (int j=0; j < number; j++) result[i+j] = weight[i+j]*window[j]*window[j];
  }
}

Variances::Variances(const struct fourier * pfo, double k_per_decade, const std::vector<double> & radii,
                     const std::vector<double> & displacement_radii)
  : is_possible(true), radius_number((int)radii.size()), displacement_number((int)displacement_radii.size()) {
  const std::vector<double> ln_k(pfo->ln_k,pfo->ln_k+pfo->k_size_extra);
  int size = (int)(log(pfo->k[pfo->k_size_extra-1]/pfo->k[0])/log(10.)*k_per_decade)+1;
  if (size < 3) {
    is_possible = false;
    return;
  }
  points.resize(size);
  for (int i=0; i < size; i++) {
    k.push_back(pfo->k[0]*pow(10.,i/k_per_decade));
    is_possible = points[i].find(ln_k,(i == 0) ? ln_k[0] : log(k[i])) && is_possible;
  }
  if (!is_possible) return;

  /* sigma^2 is integrated over t = 1/(1+k); CLASS makes the last wavenumber slightly smaller */
  k_x = k;
  k_x[size-1] *= 0.9999999;
  std::vector<double> t;
  for (int i=size-1; i >= 0; i--) t.push_back(1./(1.+k[i]));
  std::vector<double> over_t = GridSpline(t,false).integral_weights();
  for (int i=0; i < size; i++) {
    double t_i = t[size-1-i];
    weight.push_back(over_t[size-1-i]*k_x[i]*k_x[i]*k_x[i]/(t_i*(1.-t_i))/(2.*_PI_*_PI_));
  }
  std::vector<double> over_k = GridSpline(k_x,false).integral_weights();
  for (double & value : over_k) value /= 6.*_PI_*_PI_;

  at_radii.resize((size_t)radius_number*size);
  for (int r=0; r < radius_number; r++) windows(k_x.data(),weight.data(),size,radii[r],&at_radii[(size_t)r*size]);
  at_displacement_radii.resize((size_t)displacement_number*size);
  for (int r=0; r < displacement_number; r++)
    windows(k_x.data(),over_k.data(),size,displacement_radii[r],&at_displacement_radii[(size_t)r*size]);
}

cosmicnet_for_all_processors
static void exponentials(const SplinePoint * points, int size, const double_vector * lnpk, const double_vector * ddlnpk,
                         const double_vector * correction, double_vector * pk) {
  for (int i=0; i < size; i++) {
    double_vector value = spline_value(points[i],lnpk,ddlnpk);
    if (correction != NULL) value += correction[i];
    pk[i] = vector_exp(value);
  }
}

void Variances::power(const Lanes & lnpk, const Lanes & ddlnpk, const Lanes * correction, Lanes & pk) const {
  exponentials(points.data(),(int)points.size(),lnpk.data(),ddlnpk.data(),
               (correction == NULL) ? NULL : correction->data(),pk.data());
}

cosmicnet_for_all_processors
static void square_roots_of_sums(const double * factors, int size, int begin, int end, const double_vector * pk,
                                 double_vector * result) {
  for (int r=begin; r < end; r++) {
    const double * row = factors+(size_t)r*size;
    double_vector sum[4] = {};
    int i = 0;
    for (; i+4 <= size; i += 4)
      for (int j=0; j < 4; j++) sum[j] += row[i+j]*pk[i+j];
    for (; i < size; i++) sum[0] += row[i]*pk[i];
    double_vector total = (sum[0]+sum[1])+(sum[2]+sum[3]);
    for (int lane=0; lane < double_lanes; lane++) result[r-begin][lane] = sqrt(total[lane]);
  }
}

void Variances::sigma(const Lanes & pk, int begin, int end, double_vector * result) const {
  square_roots_of_sums(at_radii.data(),(int)k.size(),begin,end,pk.data(),result);
}

void Variances::displacement(const Lanes & pk, double_vector * result) const {
  square_roots_of_sums(at_displacement_radii.data(),(int)k.size(),0,displacement_number,pk.data(),result);
}

cosmicnet_for_all_processors
static void variance_and_slope(const double * k_x, const double * weight, int size, const double_vector * pk,
                               const double_vector & radius, double_vector & sigma2, double_vector & slope) {
  double_vector variance = all_lanes(0.), derivative = all_lanes(0.);
  for (int i=0; i < size; i++) {
    double_vector window, window_derivative, x = k_x[i]*radius;
    top_hat(x,window,window_derivative);
    double_vector term = weight[i]*pk[i]*window;
    variance += term*window;
    derivative += term*(2.*x)*window_derivative;
  }
  sigma2 = variance;
  slope = derivative/variance;
}

void Variances::at(const Lanes & pk, const double_vector & radius, double_vector & sigma2, double_vector & slope) const {
  variance_and_slope(k_x.data(),weight.data(),(int)k.size(),pk.data(),radius,sigma2,slope);
}

/* HMcode's: range in k (1/Mpc) and width of the smoothing in ln k; within three widths of the ends nothing is smoothed. */
static const double k_first = 5e-3, k_last = 5., width = 0.25, unsmoothed_widths = 3.;
/* Beyond so many widths weights are 1e-14. */
static const double reach_in_widths = 8.;

static std::vector<double> wavenumbers(int size) {
  double first = log(k_first), last = log(k_last);
  std::vector<double> ln_k;
  for (int i=0; i < size; i++) ln_k.push_back(first+i*(last-first)/(size-1));
  return ln_k;
}

Wiggles::Wiggles(const struct fourier * pfo) : is_possible(true), grid(wavenumbers(pfo->nk_wiggle),false) {
  const std::vector<double> & x = grid.x, ln_k(pfo->ln_k,pfo->ln_k+pfo->k_size_extra);
  int size = (int)x.size();
  from_class.resize(size);
  for (int i=0; i < size; i++) {
    SplinePoint & at = from_class[i];
    is_possible = at.find(ln_k,x[i]) && is_possible;
    if (!is_possible) return;
    ln_analytic.push_back(at.a*pfo->ln_pk_l_an_extra[at.i]+at.b*pfo->ln_pk_l_an_extra[at.i+1]
                          +at.c*pfo->ddln_pk_l_an_extra[at.i]+at.d*pfo->ddln_pk_l_an_extra[at.i+1]);
    power.push_back(exp(ln_analytic[i]+3.*x[i])/(2.*_PI_*_PI_));
  }

  int reach = std::min(size-1,(int)(reach_in_widths*width/(x[1]-x[0])));
  for (int d=0; d <= reach; d++) {
    double distance = x[d]-x[0];
    smoothing.weight.push_back(exp(-distance*distance/(2.*width*width)));
  }
  for (int i=0; i < size; i++) {
    bool is_smoothed = std::min(x[i]-x[0],x[size-1]-x[i]) >= unsmoothed_widths*width;
    double sum = 0.;
    for (int j=std::max(0,i-reach); j <= std::min(size-1,i+reach); j++) sum += smoothing.weight[abs(i-j)];
    smoothing.normalization.push_back(is_smoothed ? 1./sum : 0.);
  }

  for (int i=0; i < pfo->k_size; i++) {
    SplinePoint at;
    if (!at.find(x,pfo->ln_k[i])) continue;
    index_k.push_back(i);
    to_class.push_back(at);
  }
}

cosmicnet_for_all_processors
static void ratios(const SplinePoint * points, const double * ln_analytic, int size, const double_vector * lnpk,
                   const double_vector * ddlnpk, double_vector * result) {
  for (int i=0; i < size; i++) result[i] = vector_exp(spline_value(points[i],lnpk,ddlnpk)-ln_analytic[i]);
}

/** The sum over j of weight[|j|] y[j], where j runs from -before to after. */
cosmicnet_for_all_processors
static void weighted_sum(const double * weight, int before, int after, const double_vector * y, double_vector * result) {
  double_vector sum[2] = {weight[0]*y[0],all_lanes(0.)};
  int both = std::min(before,after);
  for (int j=1; j <= both; j++) {
    sum[j%2] += weight[j]*(y[j]+y[-j]);
  }
  for (int j=both+1; j <= before; j++) sum[0] += weight[j]*y[-j];
  for (int j=both+1; j <= after; j++) sum[0] += weight[j]*y[j];
  *result = sum[0]+sum[1];
}

void Wiggles::extract(const Lanes & lnpk, const Lanes & ddlnpk, Lanes & result) const {
  int size = (int)grid.x.size(), reach = (int)smoothing.weight.size()-1;
  Lanes ratio(size), oscillating(size), second(size);
  ratios(from_class.data(),ln_analytic.data(),size,lnpk.data(),ddlnpk.data(),ratio.data());
  for (int i=0; i < size; i++) {
    double_vector smooth = ratio[i];
    if (smoothing.normalization[i] > 0.) {
      weighted_sum(smoothing.weight.data(),std::min(reach,i),std::min(reach,size-1-i),&ratio[i],&smooth);
      smooth *= smoothing.normalization[i];
    }
    oscillating[i] = power[i]*(ratio[i]-smooth);
  }
  grid.derive(oscillating.data(),second.data());
  std::fill(result.data(),result.data()+result.size(),all_lanes(0.));
  for (size_t i=0; i < index_k.size(); i++)
    result[index_k[i]] = spline_value(to_class[i],oscillating.data(),second.data());
}

}
