/** @file cosmicnet_variance.c
 *
 * See cosmicnet_variance.h.
 */

#include <algorithm>
#include <cmath>
#include "cosmicnet_variance.h"

namespace cosmicnet {

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

  /* sigma^2 is integrated over t = 1/(1+k); of the last wavenumber CLASS takes a little less */
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

}
