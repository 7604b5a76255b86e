/** @file cosmicnet_vector.h
 *
 * Vectors of the compiler, and the choice of the instruction set when the program runs.
 */

#ifndef __COSMICNET_VECTOR__
#define __COSMICNET_VECTOR__

#include <cstdint>
#include <memory>

/* GCC compiles a function marked cosmicnet_for_all_processors for AVX2 and for the plain processor, and the
   loader takes the better one that the machine has. Elsewhere (Arm, clang, other C libraries) there is one
   version, for the processor that the compiler assumes. What chooses runs before sanitizers are ready. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) \
  && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#if __GNUC__ >= 12
#define cosmicnet_for_all_processors __attribute__((target_clones("arch=x86-64-v3","default")))
#else
#define cosmicnet_for_all_processors __attribute__((target_clones("avx2","default")))
#endif
#else
#define cosmicnet_for_all_processors
#endif

namespace cosmicnet {

/* Multipoles of one block of the table of Bessel functions. */
enum {lanes = 16};

/* Vectors of floats and doubles, which a compiler without such registers divides. They may lie at any
   address where a float or a double may. */
enum {vector_lanes = 8, double_lanes = 4};
typedef float vector __attribute__((vector_size(32), aligned(4), may_alias));
typedef double double_vector __attribute__((vector_size(32), aligned(8), may_alias));

/** Memory for floats that starts with a cache line and is not set to anything. */
class AlignedFloats {
public:
  void allocate(size_t size) {
    memory.reset(new float[size+line]);
    start = memory.get() + (line-reinterpret_cast<uintptr_t>(memory.get())/sizeof(float)%line)%line;
  }
  float * data() const { return start; }

private:
  enum {line = 16};
  std::unique_ptr<float[]> memory;
  float * start = nullptr;
};

}

#endif
