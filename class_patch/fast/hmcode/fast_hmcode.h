/** @file fast_hmcode.h
 *
 * CLASS's HMcode for all times at once.
 */

#ifndef __COSMICNET_FAST_HMCODE__
#define __COSMICNET_FAST_HMCODE__

#include "fourier.h"
#include "hmcode.h"

#ifdef __cplusplus
extern "C" {
#endif

  /** Non-linear spectra from today back to `index_tau_min`, in the order of the loops over times and types of spectrum in
      fourier_init(): written into `pfo` for the first `*done` of them. `*is_out_of_reach`: the next one cannot be computed,
      because the non-linear scale is beyond the wavenumbers; otherwise CLASS's own code computes the next one, if any,
      or reports the error. */
  int cosmicnet_hmcode(struct precision * ppr, struct background * pba, struct perturbations * ppt,
                       struct primordial * ppm, struct fourier * pfo, struct hmcode_workspace * phw, int index_tau_min,
                       int * done, short * is_out_of_reach);

#ifdef __cplusplus
}
#endif

#endif
