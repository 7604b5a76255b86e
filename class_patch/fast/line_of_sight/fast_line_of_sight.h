/** @file fast_line_of_sight.h
 *
 * A fast way from source functions to transfer functions and to the spectra: temperature and polarisation of scalar
 * and tensor modes, lensing potential; in flat space number counts and shear. What it does not cover is left to CLASS.
 */

#ifndef __COSMICNET_FAST_LINE_OF_SIGHT__
#define __COSMICNET_FAST_LINE_OF_SIGHT__

#include "harmonic.h"
#include "primordial.h"
#include "transfer.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Whether the fast way is wanted for this run and covers all of it. */
short cosmicnet_line_of_sight_applies(struct precision * ppr, struct background * pba, struct perturbations * ppt,
                                      struct transfer * ptr);

/** The largest wavenumber of the list in ptr->q, in 1/Mpc: that of the CMB where number counts or shear have a list of their own. */
double cosmicnet_largest_cmb_k(struct precision * ppr, struct background * pba, struct perturbations * ppt, struct transfer * ptr);

/** The step in ln k with which the primordial spectrum can be interpolated, to be kept in pfo->primordial_step: small if it
    oscillates. */
int cosmicnet_primordial_step(struct perturbations * ppt, struct primordial * ppm, double * step);

/** The precision of the fast way: CLASS's, with finer sampling in l and q where the user has not chosen
    a finer one, and the same l in all cosmologies with the same `primordial_step`. */
void cosmicnet_refine(struct precision * ppr, struct transfer * ptr, double primordial_step);

/** In place of CLASS's list of wavenumbers in closed space: ptr->q at all whole nu = q/sqrt(K) from 3 on as long as the
    functions depend on them being whole or flat space's steps are smaller, then at smoothly growing steps in q; nu need not be whole
    there. K: in 1/Mpc^2. */
int cosmicnet_closed_wavenumbers(struct precision * ppr, struct transfer * ptr, double q_period, double q_max, double K);

/** Whether the transfer functions of this type were kept from a former run and are still right: those of temperature
    and polarisation, on which non-linear corrections and the amplitude of lensing have no effect. */
short cosmicnet_is_kept(struct perturbations * ppt, struct transfer * ptr, int index_tt);

/** In place of CLASS's loop over wavenumbers: fill ptr->transfer and ptr->transfer_limber, but for what is kept. The sum
    of all temperature terms is stored as index_tt_t0; index_tt_t1 and index_tt_t2 are zero. */
int cosmicnet_line_of_sight(struct precision * ppr, struct background * pba, struct perturbations * ppt,
                            struct fourier * pfo, struct transfer * ptr, double tau_rec);

/** In place of the same loop for number counts and shear: their transfer functions as ptr->number_counts, until they are freed. */
int cosmicnet_number_counts(struct precision * ppr, struct background * pba, struct perturbations * ppt, struct fourier * pfo,
                            struct transfer * ptr, double tau_rec);
void cosmicnet_free_number_counts(struct transfer * ptr);

/** In place of CLASS's loop over l: the spectra phr->cl of one pair of initial conditions, at all l. */
int cosmicnet_harmonic(struct precision * ppr, struct background * pba, struct perturbations * ppt, struct transfer * ptr,
                       struct primordial * ppm, struct harmonic * phr, int index_md, int index_ic1, int index_ic2);

#ifdef __cplusplus
}
#endif

#endif
