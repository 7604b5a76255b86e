/** @file spline.cpp
 *
 * See spline.h.
 */

#include "spline.h"

namespace cosmicnet {

bool SplinePoint::find(const std::vector<double> & grid, double x) {
  int low = 0, high = (int)grid.size()-1;
  if (!((x >= grid[low]) && (x <= grid[high]))) return false;
  while (high-low > 1) {
    int middle = (low+high)/2;
    if (x < grid[middle]) high = middle;
    else low = middle;
  }
  double h = grid[high]-grid[low];
  i = low;
  b = (x-grid[low])/h;
  a = 1.-b;
  c = (a*a*a-a)*h*h/6.;
  d = (b*b*b-b)*h*h/6.;
  return true;
}

/* Row i of the equations is h[i-1]/6 y''[i-1] + (h[i-1]+h[i])/3 y''[i] + h[i]/6 y''[i+1] = right[i], where the right-hand
   side is the slope of the interval after point i less that of the interval before it. */
GridSpline::GridSpline(const std::vector<double> & x, bool is_natural)
  : x(x), is_natural(is_natural), below(x.size(),0.), inverse(x.size(),0.) {
  int n = (int)x.size();
  if (!is_natural) {
    end_factors(0,1,first);
    end_factors(n-1,-1,last);
  }
  for (int i=0; i < n; i++) {
    bool is_end = (i == 0) || (i == n-1);
    double h_before = (i > 0) ? x[i]-x[i-1] : 0., h_after = (i < n-1) ? x[i+1]-x[i] : 0.;
    if (is_natural && is_end) continue;
    double pivot = (h_before+h_after)/3.;
    if (i > 0) {
      below[i] = h_before/6.;
      pivot -= below[i]*below[i]*inverse[i-1];
    }
    inverse[i] = 1./pivot;
  }
}

void GridSpline::end_factors(int end, int inwards, double * factors) const {
  double h1 = x[end+inwards]-x[end], h2 = x[end+2*inwards]-x[end];
  /* slope at the end: (h2^2 (y1-y0) - h1^2 (y2-y0)) / (h1 h2 (h2-h1)); `inwards` is the sign of its side */
  double slope_1 = h2/(h1*(h2-h1)), slope_2 = -h1/(h2*(h2-h1));
  factors[1] = inwards*(1./h1-slope_1);
  factors[2] = inwards*(-slope_2);
  factors[0] = -factors[1]-factors[2];
}

cosmicnet_for_all_processors
static void solve(const double * below, const double * inverse, int n, double_vector * right) {
  for (int i=1; i < n; i++) right[i] -= (below[i]*inverse[i-1])*right[i-1];
  right[n-1] *= inverse[n-1];
  for (int i=n-2; i >= 0; i--) right[i] = (right[i]-below[i+1]*right[i+1])*inverse[i];
}

void GridSpline::derive(const double_vector * y, double_vector * ddy) const {
  int n = (int)x.size();
  double_vector slope_before = (y[1]-y[0])/(x[1]-x[0]);
  for (int i=1; i < n-1; i++) {
    double_vector slope = (y[i+1]-y[i])/(x[i+1]-x[i]);
    ddy[i] = slope-slope_before;
    slope_before = slope;
  }
  if (is_natural) {
    ddy[0] = ddy[n-1] = all_lanes(0.);
  }
  else {
    ddy[0] = first[0]*y[0]+first[1]*y[1]+first[2]*y[2];
    ddy[n-1] = last[0]*y[n-1]+last[1]*y[n-2]+last[2]*y[n-3];
  }
  solve(below.data(),inverse.data(),n,ddy);
}

std::vector<double> GridSpline::integral_weights() const {
  int n = (int)x.size();
  /* The integral is the trapezoidal sum minus h^3/24 times y'' at both ends of each interval. The equations for y'' are
     symmetric, so one solution with these factors as the right-hand side gives the weights of all y. */
  Lanes factors(n);
  std::vector<double> weights(n,0.);
  for (int i=0; i < n-1; i++) {
    double h = x[i+1]-x[i];
    weights[i] += 0.5*h;
    weights[i+1] += 0.5*h;
    factors[i] += h*h*h/24.;
    factors[i+1] += h*h*h/24.;
  }
  if (is_natural) factors[0] = factors[n-1] = all_lanes(0.);
  solve(below.data(),inverse.data(),n,factors.data());
  for (int i=1; i < n-1; i++) {
    double before = factors[i][0]/(x[i]-x[i-1]), after = factors[i][0]/(x[i+1]-x[i]);
    weights[i-1] -= before;
    weights[i] += before+after;
    weights[i+1] -= after;
  }
  if (!is_natural) {
    for (int j=0; j < 3; j++) {
      weights[j] -= factors[0][0]*first[j];
      weights[n-1-j] -= factors[n-1][0]*last[j];
    }
  }
  return weights;
}

}
