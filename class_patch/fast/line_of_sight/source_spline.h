/** @file source_spline.h
 *
 * Source functions on a time grid, weighted, and splined in wavenumber with time as the contiguous axis.
 */

#ifndef __COSMICNET_SOURCE_SPLINE__
#define __COSMICNET_SOURCE_SPLINE__

#include <vector>
#include "../vector.h"

namespace cosmicnet {

/** Weights of the integral over increasing x: in each interval that of the cubic through the four nearest points. */
std::vector<double> cubic_weights(const double * x, int size);

/** Tables S(k,tau), `column_number` numbers for each k, and their cubic splines in k. Memory is not initialised here, so
    that the threads that fill it touch it first. */
class SourceSpline {
public:
  SourceSpline(const double * k, int k_size, int column_number);
  /** Row of k[index_k], to be filled before spline(). */
  float * row(int index_k) { return values.data()+(size_t)index_k*columns; }
  /** Find second derivatives in k of the columns [begin,end), both multiples of `lanes`. At both ends the
      slope is that of the parabola through three points, as in CLASS. */
  void spline(int begin, int end);
  /** All columns at wavenumber q, which must lie within k. */
  void evaluate(double q, float * result) const;
  /** The same at two wavenumbers, which is faster if they are neighbours. */
  void evaluate_two(double q, double other_q, float * result, float * other_result) const;

  /** Columns, rounded up to whole vectors. */
  const int columns;

private:
  /** What a spline at one wavenumber is a combination of. */
  struct Combination {
    int interval;
    float factor[4];
  };
  Combination at(double q) const;
  void rows_of(int interval, const float * rows[4]) const;
  std::vector<double> k;
  AlignedFloats values, curvatures;
};

static inline int round_up(int size) { return (size+lanes-1)/lanes*lanes; }

}

#endif
