/** @file fast_tensors.h
 *
 * Sources of tensor modes from the equations of gravitational waves, with free streaming as an integral over directions in
 * place of hierarchies of multipoles.
 */

#ifndef __COSMICNET_FAST_TENSORS__
#define __COSMICNET_FAST_TENSORS__

#include "perturbations.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Whether the fast equations are wanted and cover the tensor modes of this run. */
short cosmicnet_tensors_apply(struct background * pba, struct thermodynamics * pth, struct perturbations * ppt);

/** In place of CLASS's loop over wavenumbers: fill the source tables of tensor modes. */
int cosmicnet_tensor_sources(struct precision * ppr, struct background * pba, struct thermodynamics * pth,
                             struct perturbations * ppt);

#ifdef __cplusplus
}
#endif

#endif
