/** @file quintic.h
 *
 * The quintic between two nodes with given values, slopes and second derivatives, as factors of these six numbers.
 */

#ifndef __COSMICNET_QUINTIC__
#define __COSMICNET_QUINTIC__

#include <string.h>
#include "../../vector.h"

namespace cosmicnet {

/* Lanes: value, slope and second derivative at the lower node, an unused lane, then the same at the upper node. Rows: powers
   of t in [0,1], the position between the nodes, which are h apart. The second table is for the derivative. */
#define cosmicnet_quintic_row(V,S,C,W,T,D,h) {V, S*h, C*h*h, 0.f, W, T*h, D*h*h, 0.f}
#define cosmicnet_quintic(h) { \
  cosmicnet_quintic_row(1.f,0.f,0.f, 0.f,0.f,0.f,h), cosmicnet_quintic_row(0.f,1.f,0.f, 0.f,0.f,0.f,h), \
  cosmicnet_quintic_row(0.f,0.f,0.5f, 0.f,0.f,0.f,h), cosmicnet_quintic_row(-10.f,-6.f,-1.5f, 10.f,-4.f,0.5f,h), \
  cosmicnet_quintic_row(15.f,8.f,1.5f, -15.f,7.f,-1.f,h), cosmicnet_quintic_row(-6.f,-3.f,-0.5f, 6.f,-3.f,0.5f,h)}
#define cosmicnet_quintic_slope_row(V,S,C,W,T,D,h) {V/h, S, C*h, 0.f, W/h, T, D*h, 0.f}
#define cosmicnet_quintic_slope(h) { \
  cosmicnet_quintic_slope_row(0.f,1.f,0.f, 0.f,0.f,0.f,h), cosmicnet_quintic_slope_row(0.f,0.f,1.f, 0.f,0.f,0.f,h), \
  cosmicnet_quintic_slope_row(-30.f,-18.f,-4.5f, 30.f,-12.f,1.5f,h), \
  cosmicnet_quintic_slope_row(60.f,32.f,6.f, -60.f,28.f,-4.f,h), \
  cosmicnet_quintic_slope_row(-30.f,-15.f,-2.5f, 30.f,-15.f,2.5f,h)}

/** Evaluate the polynomials of the lanes, sum_m coefficient[m] t^m. */
template <int degree>
static inline __attribute__((always_inline)) void horner(const float (&coefficient)[degree+1][8], float t,
                                                         vector * result) {
  vector sum;
  memcpy(&sum,coefficient[degree],sizeof(sum));
  for (int m=degree-1; m >= 0; m--) {
    vector next;
    memcpy(&next,coefficient[m],sizeof(next));
    sum = sum*t + next;
  }
  memcpy(result,&sum,sizeof(sum));
}

}

#endif
