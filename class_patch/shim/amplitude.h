/** @file amplitude.h
 *
 * CLASS's structures for a computation of sigma8, set as in input_try_unknown_parameters(). Used by amplitude.pxi.
 */

#ifndef __COSMICNET_AMPLITUDE__
#define __COSMICNET_AMPLITUDE__

#include "class.h"

/** Request only the sources that sigma8 today needs: linear spectra of scalar modes. */
static void cosmicnet_ask_for_sigma8(struct precision * ppr, struct perturbations * ppt, struct fourier * pfo) {
  ppt->k_max_for_pk = MIN(MAX(ppr->k_max_for_pk_sigma8_min,ppt->k_max_for_pk),ppr->k_max_for_pk_sigma8_max);
  ppt->z_max_pk = 0.;
  ppt->has_pk_matter = _TRUE_;
  ppt->has_perturbations = _TRUE_;
  ppt->has_scalars = _TRUE_;
  ppt->has_vectors = _FALSE_;
  ppt->has_tensors = _FALSE_;
  ppt->has_cls = _FALSE_;
  ppt->has_cl_cmb_temperature = _FALSE_;
  ppt->has_cl_cmb_polarization = _FALSE_;
  ppt->has_cl_cmb_lensing_potential = _FALSE_;
  ppt->has_cl_number_count = _FALSE_;
  ppt->has_cl_lensing_potential = _FALSE_;
  ppt->has_density_transfers = _FALSE_;
  ppt->has_velocity_transfers = _FALSE_;
  pfo->has_pk_eq = _FALSE_;
  pfo->method = nl_none;
}

static double cosmicnet_sigma8(struct background * pba, struct fourier * pfo, int is_S8) {
  double sigma8 = pfo->sigma8[pfo->index_pk_m];
  return is_S8 ? sigma8*sqrt(pba->Omega0_m/0.3) : sigma8;
}

static double cosmicnet_A_s(struct primordial * ppm) {
  return ppm->A_s;
}

static void cosmicnet_set_A_s(struct primordial * ppm, double A_s) {
  ppm->A_s = A_s;
}

#endif
