/** @file gravitational_waves.cpp
 *
 * See gravitational_waves.h.
 *
 * All integrals over time are Adams-Moulton sums of fourth order. Inside the horizon a h is such an integral too: of
 * e^{ik(tau-t)} times the difference between its source and that of a free wave in flat space.
 */

#include <algorithm>
#include <cmath>
#include "gravitational_waves.h"
#include "quadrature.h"

namespace cosmicnet {

/* The height of the path above the middle of [-1,1]. */
static const double path_height = 0.5;

/* Start at the smaller of k tau, and tau in Mpc. */
static const double start_k_tau = 0.005, latest_start = 0.5;

/* Largest steps: in k tau; in tau relative to tau; in units of the time in which the thermal history changes; in optical depth. */
static const double step_in_phase = 0.3, step_in_time = 0.12, step_in_rate = 0.3, step_in_depth = 0.4;

/* At larger optical depths photons are tightly coupled, and nothing that happens to them is visible today. */
static const double tight_depth = 18.;

/* From this k tau on h is integrated as a wave. */
static const double wave_k_tau = 1.5;

/* From here on waves are free, without photons and neutrinos: k tau > free_k_tau and tau > free_time tau_rec, or k tau >
   free_k_tau_at_all_times. */
static const double free_k_tau = 90., free_time = 4., free_k_tau_at_all_times = 1000.;

enum {order = 4};

double start_time(double k) { return std::min(start_k_tau/k,latest_start); }

int Directions::prepare(ErrorMsg message) {
  double x[2*directions], w[2*directions];
  class_call(quadrature_gauss_legendre(x,w,2*directions,1.e-14,message),
             message,
             message);
  int found = 0;
  for (int i=0; i < 2*directions; i++) {
    if (x[i] < 0.) continue;
    /* mu = x + i y, and its square */
    double y = path_height*(1.-x[i]*x[i]), square_re = x[i]*x[i]-y*y, square_im = 2.*x[i]*y;
    /* the squares of 1-mu^2 and mu^2 */
    double a_re = (1.-square_re)*(1.-square_re)-square_im*square_im, a_im = -2.*(1.-square_re)*square_im;
    double fourth_re = square_re*square_re-square_im*square_im, fourth_im = 2.*square_re*square_im;
    double c_re = 1.+6.*square_re+fourth_re, c_im = 6.*square_im+fourth_im;
    /* dmu, twice for the mirror image */
    double d_re = 2.*w[i], d_im = -4.*path_height*x[i]*w[i];
    mu[found][0] = x[i];
    mu[found][1] = y;
    weight_a[found][0] = 15./16.*(a_re*d_re-a_im*d_im);
    weight_a[found][1] = 15./16.*(a_re*d_im+a_im*d_re);
    weight_c[found][0] = 5./32.*(c_re*d_re-c_im*d_im);
    weight_c[found][1] = 5./32.*(c_re*d_im+c_im*d_re);
    found++;
  }
  return _SUCCESS_;
}

/** Weights of the integral from t[1] to t[0] of the polynomial through the first `points` of t. */
static void adams_moulton(const double * t, int points, double * weight) {
  const double step = t[0]-t[1], uneven = 1.e-9*step;
  if ((points == order) && (fabs(t[1]-t[2]-step) < uneven) && (fabs(t[2]-t[3]-step) < uneven)) {
    const double even[order] = {9./24.,19./24.,-5./24.,1./24.};
    for (int i=0; i < order; i++) weight[i] = even[i]*step;
    return;
  }
  std::fill(weight,weight+order,0.);
  for (double place : {0.5-0.5/sqrt(3.),0.5+0.5/sqrt(3.)}) {
    double at = t[1]+place*step;
    for (int i=0; i < points; i++) {
      double value = 0.5*step;
      for (int j=0; j < points; j++)
        if (j != i) value *= (at-t[j])/(t[i]-t[j]);
      weight[i] += value;
    }
  }
}

/** The largest step from one instant on, in Mpc. */
static double largest_step(const Instant & now, double k) {
  double step = std::min(step_in_phase/k,step_in_time*now.tau);
  if (now.depth < tight_depth) step = std::min(step,std::min(step_in_rate/now.rate,step_in_depth/now.scattering));
  return step;
}

namespace {

struct Complex {
  double_vector re, im;
};

cosmicnet_inline Complex product(const Complex & x, const Complex & y) {
  return {x.re*y.re-x.im*y.im,x.re*y.im+x.im*y.re};
}

cosmicnet_inline double_vector real_product(const Complex & x, const Complex & y) { return x.re*y.re-x.im*y.im; }

cosmicnet_inline Complex times(const double * number, const Complex & x) {
  return {number[0]*x.re-number[1]*x.im,number[0]*x.im+number[1]*x.re};
}

cosmicnet_inline void add(Complex & sum, const double_vector & factor, const Complex & x) {
  sum.re += factor*x.re;
  sum.im += factor*x.im;
}

/** exp(i phase), and exp of its negative. */
cosmicnet_inline void wave(const double_vector & phase_re, const double_vector & phase_im, Complex & forwards,
                           Complex & backwards) {
  double_vector sine, cosine, decay = vector_exp(-phase_im), growth = 1./decay;
  vector_sincos(phase_re,sine,cosine);
  forwards = {decay*cosine,decay*sine};
  backwards = {growth*cosine,-growth*sine};
}

/** One direction: e^{i mu k tau}; its inverse at the latest times; the integrals of the inverse times the sources of
    neutrinos, temperature and polarisation. */
struct Ray {
  Complex wave, step, step_back, inverse[order], neutrinos, temperature, polarization;
};

/** Latest first. */
template <typename Number>
cosmicnet_inline void remember(Number (&list)[order], const Number & latest) {
  for (int m=order-1; m > 0; m--) list[m] = list[m-1];
  list[0] = latest;
}

}

cosmicnet_for_all_processors
void propagate(const CosmicHistory & history, const Directions & paths, const SampleTimes & times_wanted,
               const double * k_of_lanes, double amplitude, double * derivative, double * polarization) {
  const std::vector<Instant> & wanted = times_wanted.instants;
  const double k_max = k_of_lanes[double_lanes-1], tau_end = wanted.back().tau;
  const double free_from = std::max(free_k_tau/k_max,
                                    std::min(free_time*times_wanted.tau_rec,free_k_tau_at_all_times/k_max));
  double_vector k;
  for (int lane=0; lane < double_lanes; lane++) k[lane] = k_of_lanes[lane];
  const double_vector k2 = k*k, none = all_lanes(0.);
  int near = 0, next = 0, points = 1;
  Instant now = history.at(start_time(k_max),near);
  double radiation = now.expansion*now.expansion;
  double_vector early = amplitude*k2/(6.+now.neutrinos/radiation);

  /* latest first: time, step, h', its source, the source of a h beyond that of a free wave, P, and the sources of rays */
  double tau[order] = {now.tau}, depth_factor[order] = {exp(-now.depth)}, weight[order];
  double_vector h = amplitude-early*now.tau*now.tau, y, z, slope[order], force[order], beyond[order], P[order];
  double_vector of_neutrinos[order], of_temperature[order], of_polarization[order], bend[order];
  Complex phase[order], phase_step, ignored, combined = {none,none};
  for (int m=0; m < order; m++) {
    slope[m] = force[m] = beyond[m] = P[m] = bend[m] = none;
    of_neutrinos[m] = of_temperature[m] = of_polarization[m] = none;
    phase[m] = {none,none};
  }
  slope[0] = -2.*early*now.tau;
  {
    double_vector source = now.neutrinos*early*now.tau*now.tau;
    force[0] = now.a*now.a*(source-k2*h);
    beyond[0] = now.a*(now.bend*h+source);
    bend[0] = -2.*now.expansion*slope[0]-k2*h+source;
  }
  y = now.a*h;
  z = now.a*slope[0]+now.expansion*y;
  P[0] = slope[0]*(-1./(3.*now.scattering));
  of_neutrinos[0] = -slope[0];
  of_polarization[0] = slope[0]*(-1./3.);
  of_temperature[0] = slope[0]*(-4./3.);
  wave(k*now.tau,none,phase[0],ignored);
  Ray rays[directions];
  for (int j=0; j < directions; j++) {
    Ray & ray = rays[j];
    for (int m=0; m < order; m++) ray.inverse[m] = {none,none};
    wave(k*(now.tau*paths.mu[j][0]),k*(now.tau*paths.mu[j][1]),ray.wave,ray.inverse[0]);
    ray.neutrinos = {early*now.tau*now.tau,none};
    ray.temperature = ray.polarization = {none,none};
  }
  bool is_wave = false, is_tight = true;
  double step_before = 0.;

  while ((tau[0] < tau_end) && (tau[0] < free_from)) {
    double step = largest_step(now,k_max);
    int ahead = near;
    step = std::min(step,largest_step(history.at(std::min(tau[0]+step,tau_end),ahead),k_max));
    /* few different step sizes, so that the factors of the rays can be reused */
    step = step_in_phase/k_max*pow(2.,-0.5*ceil(-2.*log2(step*k_max/step_in_phase)-1.e-9));
    step = std::min(step,tau_end-tau[0]);
    if (step != step_before) {
      for (int j=0; j < directions; j++)
        wave(k*(step*paths.mu[j][0]),k*(step*paths.mu[j][1]),rays[j].step,rays[j].step_back);
      wave(k*step,none,phase_step,ignored);
      step_before = step;
    }
    Instant then = history.at(std::min(tau[0]+step,tau_end),near);
    points = std::min(points+1,(int)order);
    remember(tau,then.tau);
    adams_moulton(tau,points,weight);
    remember(depth_factor,exp(-then.depth));
    remember(slope,none);
    remember(force,none);
    remember(beyond,none);
    remember(P,none);
    remember(bend,none);
    remember(of_neutrinos,none);
    remember(of_temperature,none);
    remember(of_polarization,none);
    remember(phase,product(phase[0],phase_step));

    /* the part of the integrals that comes from earlier times */
    double_vector factor[3][order];
    for (int m=1; m < order; m++) {
      factor[0][m] = weight[m]*of_neutrinos[m];
      factor[1][m] = (weight[m]*depth_factor[m])*of_temperature[m];
      factor[2][m] = (weight[m]*depth_factor[m])*of_polarization[m];
    }
    double_vector neutrinos = none, photons = none, scattered = none;
    for (int j=0; j < directions; j++) {
      Ray & ray = rays[j];
      ray.wave = product(ray.wave,ray.step);
      remember(ray.inverse,product(ray.inverse[0],ray.step_back));
      for (int m=1; m < order; m++) add(ray.neutrinos,factor[0][m],ray.inverse[m]);
      const Complex weighted = times(paths.weight_a[j],ray.wave);
      neutrinos += real_product(weighted,ray.neutrinos);
      if (is_tight) continue;
      for (int m=1; m < order; m++) {
        add(ray.temperature,factor[1][m],ray.inverse[m]);
        add(ray.polarization,factor[2][m],ray.inverse[m]);
      }
      photons += real_product(weighted,ray.temperature);
      scattered += real_product(times(paths.weight_c[j],ray.wave),ray.polarization);
    }
    const double last = weight[0], undamped = 1./depth_factor[0];
    photons *= undamped;
    scattered *= undamped;

    /* the equation of h is linear in h' then, and so are its source, s0 - s1 h', and P */
    double_vector s0 = then.neutrinos*neutrinos;
    double s1 = then.neutrinos*last;
    double_vector P0 = none;
    double P1 = 1./(3.*then.scattering);
    if (is_tight) {
      s1 += then.photons*4./(3.*then.scattering);
    }
    else {
      double opacity = last*then.scattering, over = 1./(1.-0.7*opacity);
      P0 = (0.1*over)*(photons+6.*scattered);
      P1 = 0.1*last*over;
      s0 += then.photons*(photons+opacity*P0);
      s1 += then.photons*(last+opacity*P1);
    }
    double_vector h_known = h, force_known = (now.a*now.a)*slope[1];
    Complex wave_known = combined;
    for (int m=1; m < order; m++) {
      h_known += weight[m]*slope[m];
      force_known += weight[m]*force[m];
      /* e^{-ik tau} */
      wave_known.re += weight[m]*beyond[m]*phase[m].re;
      wave_known.im -= weight[m]*beyond[m]*phase[m].im;
    }
    if (is_wave) {
      const Complex known = product(wave_known,phase[0]);
      y = known.im/k;
      slope[0] = (known.re+(last*then.bend-then.expansion)*y+(last*then.a)*s0)*(1./(then.a*(1.+last*s1)));
      h = y*(1./then.a);
    }
    else {
      double a2 = then.a*then.a;
      slope[0] = (force_known+(last*a2)*(s0-k2*h_known))/(a2*(1.+last*last*k2+last*s1));
      h = h_known+last*slope[0];
      y = then.a*h;
    }
    z = then.a*slope[0]+then.expansion*y;
    const double_vector source = s0-s1*slope[0];
    force[0] = then.a*then.a*(source-k2*h);
    beyond[0] = then.bend*y+then.a*source;
    bend[0] = -2.*then.expansion*slope[0]-k2*h+source;
    P[0] = P0-P1*slope[0];
    of_neutrinos[0] = -slope[0];
    of_polarization[0] = then.scattering*P[0];
    of_temperature[0] = of_polarization[0]-slope[0];
    combined = wave_known;
    add(combined,last*beyond[0],Complex{phase[0].re,-phase[0].im});
    if (!is_wave) combined = product(Complex{z,k*y},Complex{phase[0].re,-phase[0].im});
    is_wave = is_wave || (k_max*then.tau > wave_k_tau);
    const bool loosens = is_tight && (then.depth < tight_depth);
    for (int j=0; j < directions; j++) {
      Ray & ray = rays[j];
      add(ray.neutrinos,last*of_neutrinos[0],ray.inverse[0]);
      if (!is_tight) {
        add(ray.temperature,(last*depth_factor[0])*of_temperature[0],ray.inverse[0]);
        add(ray.polarization,(last*depth_factor[0])*of_polarization[0],ray.inverse[0]);
      }
      else if (loosens) {
        double mean_free_path = depth_factor[0]/then.scattering;
        add(ray.temperature,mean_free_path*of_temperature[0],ray.inverse[0]);
        add(ray.polarization,mean_free_path*of_polarization[0],ray.inverse[0]);
      }
    }
    is_tight = is_tight && !loosens;
    now = then;

    /* the interpolation of P needs two points on each side, so it runs one step behind */
    const bool is_last = (tau[0] >= tau_end) || (tau[0] >= free_from);
    for (; (next < (int)wanted.size()) && (wanted[next].tau <= (is_last ? tau[0] : tau[1])); next++) {
      double at = wanted[next].tau;
      int i = ((at > tau[1]) || (points < 3)) ? 0 : 1;
      double length = tau[i]-tau[i+1], t = (at-tau[i+1])/length;
      double_vector d = (t*t*(3.-2.*t))*slope[i]+((1.-t)*(1.-t)*(1.+2.*t))*slope[i+1]
        +length*((t*t*(t-1.))*bend[i]+(t*(1.-t)*(1.-t))*bend[i+1]);
      double_vector p = none;
      for (int m=0; m < points; m++) {
        double share = 1.;
        for (int other=0; other < points; other++)
          if (other != m) share *= (at-tau[other])/(tau[m]-tau[other]);
        p += share*P[m];
      }
      for (int lane=0; lane < double_lanes; lane++) {
        derivative[next*double_lanes+lane] = d[lane];
        polarization[next*double_lanes+lane] = p[lane];
      }
    }
  }
  for (; next < (int)wanted.size(); next++) {
    const Instant & at = wanted[next];
    double_vector sine, cosine;
    vector_sincos(k*(at.tau-now.tau)-(at.bent-now.bent)/(2.*k),sine,cosine);
    double_vector y_then = y*cosine+z/k*sine, z_then = z*cosine-k*y*sine;
    double_vector d = (z_then-at.expansion*y_then)*(1./at.a);
    for (int lane=0; lane < double_lanes; lane++) {
      derivative[next*double_lanes+lane] = d[lane];
      polarization[next*double_lanes+lane] = 0.;
    }
  }
}

}
