/** @file cosmicnet_transition.c
 *
 * See cosmicnet_transition.h.
 */

#include <cmath>
#include "cosmicnet_transition.h"

namespace cosmicnet {

Transition::Transition(const struct fourier * pfo, const HaloSum & halo_sum, enum hmcode_version version)
  : halo_sum(halo_sum), ln_k(pfo->ln_k,pfo->ln_k+pfo->k_size), version(version) {
  for (int lane=0; lane < double_lanes; lane++)
    alpha[lane] = k_star[lane] = damping[lane] = k_damping[lane] = displacement[lane] = 1.;
}

void Transition::set(int lane, const HaloModel & model, double displacement) {
  alpha[lane] = model.alpha;
  k_star[lane] = model.k_star;
  damping[lane] = model.damping;
  k_damping[lane] = model.k_damping;
  this->displacement[lane] = displacement;
}

cosmicnet_inline double_vector read(const double * values) {
  return *(const double_vector *)values;
}

/** Linear power and one-halo factor of the version of 2015. */
cosmicnet_inline void damp_2015(double_vector k, double_vector k_star, double_vector damping, double_vector displacement,
                                double_vector & linear, double_vector & one_halo) {
  double_vector x = k/k_star, x2 = x*x;
  one_halo = (x2 > all_lanes(7.)) ? all_lanes(1.) : 1.-vector_exp(-x2);
  one_halo = (x2 < all_lanes(1e-5)) ? x2*(1.-0.5*x2) : one_halo;
  double_vector root = damping;
  for (int lane=0; lane < double_lanes; lane++) root[lane] = sqrt(damping[lane]);
  double_vector tangent = 1.-2./(vector_exp(2.*k*displacement/root)+1.);
  linear *= 1.-damping*tangent*tangent;
}

/** The same of that of 2020. */
cosmicnet_inline void damp_2020(double_vector k, double_vector ln_k_damped, double_vector k_star, double_vector damping,
                                double_vector & linear, double_vector & one_halo) {
  double_vector x = k/k_star, x4 = x*x*x*x;
  one_halo = x4/(1.+x4);
  double_vector s = vector_exp(2.8534197*ln_k_damped);
  linear *= 1.-damping*s/(1.+s);
}

cosmicnet_for_all_processors
void Transition::add(double sign, const Lanes & lnpk_lanes, const Lanes * wiggles_lanes, const Lanes & ln_haloes_lanes,
                     Lanes & result_lanes, bool * is_positive) const {
  const double_vector * lnpk = lnpk_lanes.data(), * ln_haloes = ln_haloes_lanes.data(),
    * wiggles = (wiggles_lanes == NULL) ? NULL : wiggles_lanes->data();
  double_vector * result = result_lanes.data();
  double_vector exponent = read(alpha), star = read(k_star), damped = read(damping), smoothing = read(displacement);
  double_vector ln_k_damping = all_lanes(0.), smallest = all_lanes(1.);
  if (version == hmcode_version_2020) ln_k_damping = vector_log(read(k_damping));
  const double ln_norm = -log(2.*_PI_*_PI_);
  for (size_t i=0; i < ln_k.size(); i++) {
    double_vector k = vector_exp(all_lanes(ln_k[i]));
    double to_power = 3.*ln_k[i]+ln_norm;
    double_vector linear = vector_exp(lnpk[i]+to_power), one_halo = all_lanes(1.);
    if (wiggles != NULL) linear += (vector_exp(-k*k*smoothing*smoothing)-1.)*wiggles[i];
    if (version == hmcode_version_2015) damp_2015(k,star,damped,smoothing,linear,one_halo);
    if (version == hmcode_version_2020) damp_2020(k,ln_k[i]-ln_k_damping,star,damped,linear,one_halo);
    double_vector ln_one_halo = halo_sum.interpolate(ln_haloes,(int)i)+to_power+vector_log(one_halo);
    smallest = (linear > all_lanes(0.)) ? smallest : linear;
    double_vector sum = vector_exp(exponent*ln_one_halo)+vector_exp(exponent*vector_log(linear));
    result[i] += sign*(vector_log(sum)/exponent-to_power);
  }
  for (int lane=0; lane < double_lanes; lane++) is_positive[lane] = (smallest[lane] > 0.);
}

}
