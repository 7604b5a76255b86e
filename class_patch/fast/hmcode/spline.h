/** @file spline.h
 *
 * CLASS's cubic splines, of four functions at once, on grids that stay the same while functions change.
 */

#ifndef __COSMICNET_SPLINE__
#define __COSMICNET_SPLINE__

#include <cstddef>
#include <vector>
#include "../vector.h"

namespace cosmicnet {

/** Four functions on a grid, their values at one grid point side by side. */
class Lanes {
public:
  explicit Lanes(size_t size) : values(double_lanes*size,0.) {}
  double_vector * data() {return (double_vector *)values.data();}
  const double_vector * data() const {return (const double_vector *)values.data();}
  double_vector & operator[](size_t i) {return data()[i];}
  const double_vector & operator[](size_t i) const {return data()[i];}
  double & at(size_t i, int lane) {return values[double_lanes*i+lane];}
  size_t size() const {return values.size()/double_lanes;}

private:
  std::vector<double> values;
};

/** The value of a spline at one point: a y[i] + b y[i+1] + c y''[i] + d y''[i+1]. */
struct SplinePoint {
  int i;
  double a,b,c,d;

  /** Make this the point at `x`; false outside the ascending grid. */
  bool find(const std::vector<double> & grid, double x);
};

cosmicnet_inline double_vector spline_value(const SplinePoint & at, const double_vector * y, const double_vector * ddy) {
  return at.a*y[at.i]+at.b*y[at.i+1]+at.c*ddy[at.i]+at.d*ddy[at.i+1];
}

class GridSpline {
public:
  /** With vanishing second derivatives at the ends, _SPLINE_NATURAL_ in CLASS, or else with slopes there from
      parabolas through the outermost three points, _SPLINE_EST_DERIV_. At least three points. */
  GridSpline(const std::vector<double> & x, bool is_natural);

  /** Second derivatives of four functions. */
  void derive(const double_vector * y, double_vector * ddy) const;

  /** Weights w: the integral of the spline over the grid is the sum of w[i] y[i]. */
  std::vector<double> integral_weights() const;

  const std::vector<double> x;

private:
  /* The equation of one end: the difference of its slope and that of the nearest interval, as factors of three values. */
  void end_factors(int end, int inwards, double * factors) const;

  bool is_natural;
  /* elimination of the symmetric equations for y'': multiplier and inverse pivot of each row */
  std::vector<double> below, inverse;
  double first[3], last[3];
};

}

#endif
