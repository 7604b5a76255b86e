/** @file refusals.h
 *
 * Calls that would end the process in stock CLASS.
 */

#ifndef __COSMICNET_REFUSALS__
#define __COSMICNET_REFUSALS__

#include <cstdio>
#include "class.h"

/** fourier_k_nl_at_z(), which reads a table that exists with non-linear corrections only. */
static inline int cosmicnet_k_nl_at_z(void * pba, void * pfo, double z, double * k_nl, double * k_nl_cb) {
  struct fourier * fourier = (struct fourier *)pfo;
  if (fourier->method == nl_none) {
    snprintf(fourier->error_message,sizeof(ErrorMsg),
             "the scale of non-linearity needs non-linear corrections: set non_linear to halofit or hmcode");
    return _FAILURE_;
  }
  return fourier_k_nl_at_z((struct background *)pba,fourier,z,k_nl,k_nl_cb);
}

#endif
