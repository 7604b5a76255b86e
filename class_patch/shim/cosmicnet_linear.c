/** @file cosmicnet_linear.c
 *
 * See cosmicnet_linear.h.
 */

#include <algorithm>
#include <cmath>
#include "cosmicnet_linear.h"

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

}
