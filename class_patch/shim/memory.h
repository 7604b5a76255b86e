/** @file memory.h
 *
 * Memory that one computation frees serves the next. By default glibc gives it back to the system at once, which then
 * hands it out again page by page, each set to zero: about a tenth of a computation with networks.
 */

#ifndef __COSMICNET_MEMORY__
#define __COSMICNET_MEMORY__

#include <cstdlib>
#include <cstring>
#ifdef __GLIBC__
#include <malloc.h>
#endif

static const int cosmicnet_kept_bytes = 512 << 20;
/* what is larger comes from the system each time; glibc allows no more than this */
static const int cosmicnet_largest_kept_block = 32 << 20;

/** From now on, keep freed memory in this process, up to some MB for each of malloc's arenas (one without threads of
    Python); where the user has set malloc up, that stays. */
static inline void cosmicnet_keep_memory() {
#ifdef __GLIBC__
  const char * tunables = getenv("GLIBC_TUNABLES");
  if ((tunables && strstr(tunables,"glibc.malloc")) || getenv("MALLOC_TRIM_THRESHOLD_") || getenv("MALLOC_MMAP_THRESHOLD_")) {
    return;
  }
  mallopt(M_TRIM_THRESHOLD,cosmicnet_kept_bytes);
  mallopt(M_MMAP_THRESHOLD,cosmicnet_largest_kept_block);
#endif
}

#endif
