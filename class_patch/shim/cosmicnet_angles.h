/** @file cosmicnet_angles.h
 *
 * The angles at which lensed correlation functions are integrated.
 */

#ifndef __COSMICNET_ANGLES__
#define __COSMICNET_ANGLES__

#include <vector>
#include "lensing.h"

namespace cosmicnet {

/** Those of lensing_init(): cosines and weights of an integral over them. */
struct Quadrature {
  Quadrature(const struct precision * ppr, int l_max);
  std::vector<double> mu, weight;
};

}

#endif
