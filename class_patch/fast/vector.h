/** @file vector.h
 *
 * The compiler's vector types, the choice of the instruction set at run time, and exponential, logarithm, sine and
 * cosine of four numbers at once, to a few units in the last place.
 */

#ifndef __COSMICNET_VECTOR__
#define __COSMICNET_VECTOR__

#include <cstdint>
#include <memory>

/* GCC compiles a function marked cosmicnet_for_all_processors for AVX2 and for the plain processor, and the
   loader takes the better one that the machine has. Elsewhere (Arm, clang, other C libraries) there is one
   version, for the processor that the compiler assumes. The choice runs before sanitizers are ready. */
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

/* All functions of vectors are inlined, so the convention for passing vectors does not matter. */
#pragma GCC diagnostic ignored "-Wpsabi"

namespace cosmicnet {

/* Multipoles of one block of the table of Bessel functions. */
enum {lanes = 16};

/* Vectors of floats and doubles; the compiler splits them where registers are narrower. They need only the
   alignment of a float or a double. */
enum {vector_lanes = 8, double_lanes = 4};
typedef float vector __attribute__((vector_size(32), aligned(4), may_alias));
typedef double double_vector __attribute__((vector_size(32), aligned(8), may_alias));

/** Uninitialised memory for floats, aligned to a cache line. */
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

#define cosmicnet_inline static inline __attribute__((always_inline))

typedef long long integer_vector __attribute__((vector_size(32), aligned(8), may_alias));

/* Added to a small number, this leaves its nearest integer in the lowest bits. */
const double rounding_shift = 6755399441055744.;

cosmicnet_inline double_vector all_lanes(double value) {
  return double_vector{value,value,value,value};
}

/** exp(x); arguments beyond +-700 are taken as +-700. */
cosmicnet_inline double_vector vector_exp(double_vector x) {
  x = (x < all_lanes(-700.)) ? all_lanes(-700.) : x;
  x = (x > all_lanes(700.)) ? all_lanes(700.) : x;
  double_vector shifted = x*1.4426950408889634+rounding_shift;
  integer_vector bits = (integer_vector)shifted;
  double_vector n = shifted-rounding_shift;
  double_vector r = (x-n*6.93147180369123816490e-01)-n*1.90821492927058770002e-10;
  double_vector sum = all_lanes(1./6227020800.);
  const double inverse_factorial[] = {1.,1.,1./2,1./6,1./24,1./120,1./720,1./5040,1./40320,1./362880,1./3628800,
                                      1./39916800,1./479001600};
  for (int i=12; i >= 0; i--) sum = sum*r+inverse_factorial[i];
  return sum*(double_vector)((bits+1023) << 52);
}

/** ln(x) of positive, normal numbers. */
cosmicnet_inline double_vector vector_log(double_vector x) {
  const long long square_root_half = 0x3fe6a09e667f3bcdLL, bias = 1024;
  typedef unsigned long long unsigned_vector __attribute__((vector_size(32), aligned(8), may_alias));
  integer_vector bits = (integer_vector)x;
  /* x = 2^n m, with m between sqrt(1/2) and sqrt(2) */
  integer_vector biased = (integer_vector)((unsigned_vector)(bits-square_root_half+(bias << 52)) >> 52);
  double_vector m = (double_vector)(bits-((biased-bias) << 52));
  double_vector n = (double_vector)(biased | 0x4330000000000000LL)-(4503599627370496.+bias);
  double_vector s = (m-1.)/(m+1.), s2 = s*s;
  double_vector sum = all_lanes(1./21);
  for (int i=19; i >= 1; i -= 2) sum = sum*s2+1./i;
  return n*6.93147180369123816490e-01+(n*1.90821492927058770002e-10+2.*s*sum);
}

/** sin(x) and cos(x); beyond 1e6 the error grows in proportion to x, 1e-7 at 1e9. */
cosmicnet_inline void vector_sincos(double_vector x, double_vector & sine, double_vector & cosine) {
  double_vector shifted = x*0.63661977236758134+rounding_shift;
  integer_vector bits = (integer_vector)shifted;
  double_vector n = shifted-rounding_shift;
  double_vector r = ((x-n*1.57079632673412561417e+00)-n*6.07710050630396597660e-11)-n*2.02226624879595063154e-21;
  double_vector r2 = r*r;
  double_vector s = all_lanes(-1./1307674368000.), c = all_lanes(1./20922789888000.);
  const double sine_series[] = {1.,-1./6,1./120,-1./5040,1./362880,-1./39916800,1./6227020800.};
  const double cosine_series[] = {1.,-1./2,1./24,-1./720,1./40320,-1./3628800,1./479001600,-1./87178291200.};
  for (int i=6; i >= 0; i--) s = s*r2+sine_series[i];
  for (int i=7; i >= 0; i--) c = c*r2+cosine_series[i];
  s *= r;
  integer_vector is_odd = ((bits & 1) != 0);
  double_vector sine_size = is_odd ? c : s, cosine_size = is_odd ? s : c;
  sine = (double_vector)((integer_vector)sine_size ^ ((bits & 2) << 62));
  cosine = (double_vector)((integer_vector)cosine_size ^ (((bits+1) & 2) << 62));
}

}

#endif
