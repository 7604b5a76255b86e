/** @file cosmicnet_vector.h
 *
 * Vectors of the compiler, and the choice of the instruction set when the program runs.
 */

#ifndef __COSMICNET_VECTOR__
#define __COSMICNET_VECTOR__

#include <string.h>

/* A function marked so is compiled for AVX-512, for AVX2 and for the plain processor; the loader takes
   the best that the machine has. Elsewhere (Arm, clang, other C libraries) there is one version, for
   the processor that the compiler assumes. The resolvers of such functions run before sanitizers do. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) \
  && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#if __GNUC__ >= 12
#define cosmicnet_for_all_processors __attribute__((target_clones("arch=x86-64-v4","arch=x86-64-v3","default")))
#else
#define cosmicnet_for_all_processors __attribute__((target_clones("avx512f","avx2","default")))
#endif
#else
#define cosmicnet_for_all_processors
#endif

namespace cosmicnet {

/* 16 floats and 8 doubles; a compiler without such registers takes several smaller ones. They may lie
   at any address where a float or a double may. */
enum {lanes = 16, double_lanes = 8};
typedef float vector __attribute__((vector_size(64), aligned(4), may_alias));
typedef double double_vector __attribute__((vector_size(64), aligned(8), may_alias));
/* half as wide: the weights of one node, see cosmicnet_nodes.h */
typedef float half_vector __attribute__((vector_size(32), aligned(4), may_alias));

}

#endif
