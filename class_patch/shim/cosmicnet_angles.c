/** @file cosmicnet_angles.c
 *
 * Small angles in equal steps, or Gauss and Legendre's. See cosmicnet_angles.h.
 */

#include <algorithm>
#include <cmath>
#include "cosmicnet_angles.h"
#include "cosmicnet_wigner.h"

namespace cosmicnet {

/* Newton's steps. The start is off by up to 2e-3 of the distance of two roots; three steps take it to 1e-15. */
enum {newton_steps = 3};

static void equal_steps(double boundary, int size, Quadrature & nodes) {
  double step = boundary/size;
  for (int i=1; i <= size; i++) {
    nodes.mu.push_back(cos(i*step));
    nodes.weight.push_back(sin(i*step)*step);
  }
}

/** The roots of the Legendre polynomial P_size, as in quadrature_gauss_legendre(), many at a time: P_l = d^l_00. */
static void gauss_legendre(int size, Quadrature & nodes) {
  nodes.mu.assign(size,0.);
  nodes.weight.assign(size,0.);
  Wigner legendre(0,0,size);
  WignerSums recurrence(legendre,{},NULL);
  int half = (size+1)/2;
  for (int begin=0; begin < half; begin += angles) {
    double mu[angles], weight[angles];
    for (int i=0; i < angles; i++) {
      /* Tricomi's formula */
      double phi = _PI_*(std::min(begin+i,half-1)+0.75)/(size+0.5);
      mu[i] = cos(phi+1./(tan(phi)*8.*(size+0.5)*(size+0.5)));
    }
    for (int step=0; step < newton_steps; step++) {
      WignerSums::State state = recurrence.start(mu);
      recurrence.advance(state,mu,NULL,0,size);
      for (int i=0; i < angles; i++) {
        double value = legendre.norm[size]*state.e_l[i], before = legendre.norm[size-1]*state.e_before[i];
        double slope = size*(mu[i]*value-before)/(mu[i]*mu[i]-1.);
        weight[i] = 2./((1.-mu[i]*mu[i])*slope*slope);
        mu[i] -= value/slope;
      }
    }
    for (int i=0; i < std::min((int)angles,half-begin); i++) {
      nodes.mu[begin+i] = -mu[i];
      nodes.mu[size-1-begin-i] = mu[i];
      nodes.weight[begin+i] = nodes.weight[size-1-begin-i] = weight[i];
    }
  }
}

Quadrature::Quadrature(const struct precision * ppr, int l_max) {
  if (ppr->accurate_lensing == _TRUE_) {
    int size = std::max(l_max+ppr->num_mu_minus_lmax,1);
    gauss_legendre(size+size%2-1,*this);
  }
  else {
    equal_steps(_PI_/ppr->non_accurate_lensing_boundary,2*l_max/ppr->non_accurate_lensing_boundary-1,*this);
  }
}

}
