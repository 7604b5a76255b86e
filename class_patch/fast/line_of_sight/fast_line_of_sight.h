/** @file fast_line_of_sight.h
 *
 * The fast line of sight: transfer functions and spectra of temperature and polarisation (scalar and tensor modes) and of
 * the lensing potential; in flat space also of number counts and shear. CLASS's own code computes everything else.
 */

#ifndef __COSMICNET_FAST_LINE_OF_SIGHT__
#define __COSMICNET_FAST_LINE_OF_SIGHT__

#include "harmonic.h"
#include "primordial.h"
#include "transfer.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Whether the fast line of sight is wanted for this run and covers all of it. */
short cosmicnet_line_of_sight_applies(struct precision * ppr, struct background * pba, struct perturbations * ppt,
                                      struct transfer * ptr);

/** The largest wavenumber of the list in ptr->q, in 1/Mpc: that of the CMB where number counts or shear have a list of their own;
    that of scalars where CLASS's line of sight takes the sources of fast tensor modes, which go on further. */
double cosmicnet_largest_k(struct precision * ppr, struct background * pba, struct perturbations * ppt, struct transfer * ptr);

/** The step in ln k that resolves the primordial spectrum, small if it oscillates. It is kept as pfo->primordial_step. */
int cosmicnet_primordial_step(struct perturbations * ppt, struct primordial * ppm, double * step);

/** Set the precision of the fast line of sight: CLASS's, but at least as fine in l and q as measured to be needed, and with
    the same l in all cosmologies of the same `primordial_step`. */
void cosmicnet_refine(struct precision * ppr, struct transfer * ptr, double primordial_step, double conformal_age);

/** The wavenumbers ptr->q in closed space, in place of CLASS's list. First all whole nu = q/sqrt(K) from 3 on, as long as
    functions depend on nu being whole or the steps of flat space are smaller; then steps in q that grow smoothly, to
    any nu. K: in 1/Mpc^2. */
int cosmicnet_closed_wavenumbers(struct precision * ppr, struct transfer * ptr, double q_period, double q_max, double K);

/** Whether transfer functions of this type were kept from a former run and are still valid. This holds for temperature
    and polarisation, which do not depend on non-linear corrections or the amplitude of lensing. */
short cosmicnet_is_kept(struct perturbations * ppt, struct transfer * ptr, int index_md, int index_tt);

/** In place of CLASS's loop over wavenumbers: fill the transfer functions (transfer_row()), except for kept ones. The sum of all
    temperature terms is stored as index_tt_t0. index_tt_t1 and index_tt_t2 of scalar modes are not set; cosmicnet_harmonic() does not
    read them. */
int cosmicnet_line_of_sight(struct precision * ppr, struct background * pba, struct perturbations * ppt,
                            struct fourier * pfo, struct transfer * ptr, double tau_rec);

/** The same for number counts and shear: their transfer functions go to ptr->number_counts, until they are freed. */
int cosmicnet_number_counts(struct precision * ppr, struct background * pba, struct perturbations * ppt, struct fourier * pfo,
                            struct transfer * ptr, double tau_rec);
void cosmicnet_free_number_counts(struct transfer * ptr);

/** In place of CLASS's loop over l: the spectra phr->cl of one pair of initial conditions, at all l. */
int cosmicnet_harmonic(struct precision * ppr, struct background * pba, struct perturbations * ppt, struct transfer * ptr,
                       struct primordial * ppm, struct harmonic * phr, int index_md, int index_ic1, int index_ic2);

#ifdef __cplusplus
}

namespace cosmicnet {

/** The transfer functions of one type at one multipole, at all ptr->q. The memory is CLASS's, but the numbers are floats. */
static inline float * transfer_row(const struct transfer * ptr, int index_md, int index_ic, int index_tt, int index_l) {
  return (float *)ptr->transfer[index_md]
    + ((size_t)(index_ic*ptr->tt_size[index_md]+index_tt)*ptr->l_size[index_md]+index_l)*ptr->q_size;
}

/** The same of the lensing potential by Limber's approximation, at all ptr->q_limber. */
static inline float * transfer_limber_row(const struct transfer * ptr, int index_md, int index_ic, int index_l) {
  return (float *)ptr->transfer_limber[index_md]
    + ((size_t)(index_ic*ptr->tt_size[index_md]+ptr->index_tt_lcmb)*ptr->l_size[index_md]+index_l)*ptr->q_size_limber;
}

}
#endif

#endif
