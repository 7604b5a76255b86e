/** @file wavenumbers.h
 *
 * Further wavenumbers of matter between CLASS's own, for a provider, to which they cost little. CLASS interpolates P(k) between
 * its 10 a decade: with these P(k) above 10 h/Mpc is off by 2e-3, and by 2e-5 with 30.
 */

#ifndef __COSMICNET_WAVENUMBERS__
#define __COSMICNET_WAVENUMBERS__

#include "class.h"

/** The largest step of ln k. */
#define _COSMICNET_LN_K_STEP_ (log(10.)/30.)

/** The wavenumbers of scalars before cosmicnet_add_wavenumbers(). */
struct cosmicnet_own_wavenumbers {
  double * k; /**< NULL if none were added */
  int k_size;
  int k_size_pk;
};

/** Allocate the tables of scalars for the present wavenumbers and times. */
static int cosmicnet_allocate_tables(struct perturbations * ppt) {
  int md = ppt->index_md_scalars, index;
  size_t k_size = ppt->k_size[md];
  for (index=0; index < ppt->ic_size[md]*ppt->tp_size[md]; index++) {
    free(ppt->sources[md][index]);
    class_alloc(ppt->sources[md][index],k_size*ppt->tau_size*sizeof(double),ppt->error_message);
    if (ppt->ln_tau_size > 1) {
      ppt->late_sources[md][index] = ppt->sources[md][index]+(ppt->tau_size-ppt->ln_tau_size)*k_size;
      free(ppt->ddlate_sources[md][index]);
      class_alloc(ppt->ddlate_sources[md][index],k_size*ppt->ln_tau_size*sizeof(double),ppt->error_message);
    }
  }
  return _SUCCESS_;
}

/** Add wavenumbers beyond those of the C_l. The last interval stays as it is: CLASS takes the slope of P(k) over its width. */
static int cosmicnet_add_wavenumbers(struct perturbations * ppt, struct cosmicnet_own_wavenumbers * own) {
  int md = ppt->index_md_scalars, first = MAX(ppt->k_size_cl[md],1), size = 0, index, part, parts, pass;
  double * k = NULL, ratio;
  own->k = NULL;
  own->k_size = ppt->k_size[md];
  own->k_size_pk = ppt->k_size_pk;
  if (ppt->k_output_values_num > 0) return _SUCCESS_;
  /* counted first, then written */
  for (pass=0; pass < 2; pass++) {
    size = 0;
    for (index=0; index < own->k_size; index++) {
      if ((index >= first) && (index+1 < own->k_size)) {
        ratio = ppt->k[md][index]/ppt->k[md][index-1];
        parts = (int)ceil(log(ratio)/_COSMICNET_LN_K_STEP_-1e-6);
        for (part=1; part < parts; part++) {
          if (k != NULL) k[size] = ppt->k[md][index-1]*pow(ratio,(double)part/parts);
          size++;
        }
      }
      if (k != NULL) k[size] = ppt->k[md][index];
      size++;
      if ((k != NULL) && (index+1 == own->k_size_pk)) ppt->k_size_pk = size;
    }
    if (size == own->k_size) return _SUCCESS_;
    if (k == NULL) class_alloc(k,size*sizeof(double),ppt->error_message);
  }
  own->k = ppt->k[md];
  ppt->k[md] = k;
  ppt->k_size[md] = size;
  return cosmicnet_allocate_tables(ppt);
}

/** With the sources provided, CLASS's own wavenumbers are no longer needed. */
static void cosmicnet_keep_wavenumbers(struct cosmicnet_own_wavenumbers * own) {
  free(own->k);
}

/** Where the provider declined: CLASS's own wavenumbers again. */
static int cosmicnet_remove_wavenumbers(struct perturbations * ppt, struct cosmicnet_own_wavenumbers * own) {
  int md = ppt->index_md_scalars;
  if (own->k == NULL) return _SUCCESS_;
  free(ppt->k[md]);
  ppt->k[md] = own->k;
  ppt->k_size[md] = own->k_size;
  ppt->k_size_pk = own->k_size_pk;
  return cosmicnet_allocate_tables(ppt);
}

#endif
