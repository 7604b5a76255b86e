/** @file fast_lensing.h
 *
 * Fast lensed spectra, by CLASS's formulas and CLASS's quadrature.
 */

#ifndef __COSMICNET_FAST_LENSING__
#define __COSMICNET_FAST_LENSING__

#include "lensing.h"

/** In place of lensing_init() after lensing_indices(): fill ple->cl_lens and its spline. */
int cosmicnet_lensing(struct precision * ppr, struct harmonic * phr, struct lensing * ple);

#endif
