/** @file kept_tables.h
 *
 * Tables that CLASS reads from text files at each computation, kept in this process until a file changes: helium from
 * nucleosynthesis, HyRec's rates.
 */

#ifndef __COSMICNET_KEPT_TABLES__
#define __COSMICNET_KEPT_TABLES__

#include "thermodynamics.h"

#ifdef __cplusplus
extern "C" {
#endif

  /** A copy of the table of helium, owned by the caller; _FALSE_ if the file has to be read. */
  short cosmicnet_recall_helium(const char * path, int * num_omegab, int * num_deltaN, double ** omegab, double ** deltaN,
                                double ** YHe);
  /** Keep the table that was read. */
  void cosmicnet_keep_helium(const char * path, int num_omegab, int num_deltaN, const double * omegab,
                             const double * deltaN, const double * YHe);

  /** In place of allocate_and_read_atomic() and allocate_and_read_fit(). */
  void cosmicnet_atomic_rates(HYREC_ATOMIC * atomic, int * error, char * path_to_hyrec, char * error_message);
  void cosmicnet_swift_fit(FIT_FUNC * fit, int * error, char * path_to_hyrec, char * error_message);

#ifdef __cplusplus
}
#endif

#endif
