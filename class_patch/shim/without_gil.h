/** @file without_gil.h
 *
 * The long modules without Python's global lock, so that other threads of Python can run. classy.pyx calls these in place of
 * CLASS's functions. Background, thermodynamics and primordial spectra keep the lock:
 * HyRec's rec_swift_hyrec_dxHIIdlna() has a static array that all threads share, and the other two are short.
 */

#ifndef __COSMICNET_WITHOUT_GIL__
#define __COSMICNET_WITHOUT_GIL__

#include <Python.h>
#include <cstdio>
#include <exception>
#include <new>
#include <system_error>
#include "class.h"

/* Lack of memory is an exception in the fast modules, and an error code in CLASS. Threads raise std::system_error where they cannot
   start. */
#define COSMICNET_WITHOUT_GIL(parameters,call,message)                   \
  parameters {                                                           \
    int status = _FAILURE_;                                              \
    Py_BEGIN_ALLOW_THREADS                                               \
    try {                                                                \
      status = call;                                                     \
    } catch (const std::bad_alloc &) {                                   \
      snprintf(message,sizeof(ErrorMsg),"not enough memory");            \
    } catch (const std::system_error & error) {                          \
      snprintf(message,sizeof(ErrorMsg),"no thread can start (%s): there is not enough memory, or too many processes; " \
               "OMP_NUM_THREADS=1 needs fewest",error.what());           \
    } catch (const std::exception & error) {                             \
      snprintf(message,sizeof(ErrorMsg),"%s",error.what());              \
    }                                                                    \
    Py_END_ALLOW_THREADS                                                 \
    return status;                                                       \
  }

static inline int COSMICNET_WITHOUT_GIL(
  cosmicnet_perturbations_init(struct precision * ppr, struct background * pba, struct thermodynamics * pth,
                               struct perturbations * ppt),
  perturbations_init(ppr,pba,pth,ppt),ppt->error_message)

static inline int COSMICNET_WITHOUT_GIL(
  cosmicnet_fourier_init(struct precision * ppr, struct background * pba, struct thermodynamics * pth,
                         struct perturbations * ppt, struct primordial * ppm, struct fourier * pfo),
  fourier_init(ppr,pba,pth,ppt,ppm,pfo),pfo->error_message)

static inline int COSMICNET_WITHOUT_GIL(
  cosmicnet_transfer_init(struct precision * ppr, struct background * pba, struct thermodynamics * pth,
                          struct perturbations * ppt, struct fourier * pfo, struct transfer * ptr),
  transfer_init(ppr,pba,pth,ppt,pfo,ptr),ptr->error_message)

static inline int COSMICNET_WITHOUT_GIL(
  cosmicnet_harmonic_init(struct precision * ppr, struct background * pba, struct perturbations * ppt,
                          struct primordial * ppm, struct fourier * pfo, struct transfer * ptr, struct harmonic * phr),
  harmonic_init(ppr,pba,ppt,ppm,pfo,ptr,phr),phr->error_message)

static inline int COSMICNET_WITHOUT_GIL(
  cosmicnet_lensing_init(struct precision * ppr, struct perturbations * ppt, struct harmonic * phr,
                         struct fourier * pfo, struct lensing * ple),
  lensing_init(ppr,ppt,phr,pfo,ple),ple->error_message)

#endif
