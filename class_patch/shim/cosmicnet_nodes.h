/** @file cosmicnet_nodes.h
 *
 * The sum over time samples of weights times j_l(x) as a sum over nodes of the table of Bessel functions.
 *
 * Between two nodes, j_l is the quintic that has its values, first and second derivatives. By the Bessel
 * equation, j'' = -2/x j' - j + l(l+1)/x^2 j, so that a sum over samples of u j_l(x) + v j_l'(x) becomes
 *
 *    sum_n [a_n j_l(x_n) + b_n j_l'(x_n)] + l(l+1) sum_n c_n j_l(x_n)
 *
 * with weights that do not depend on l. Two such sums are made at once, `first` and `second`.
 */

#ifndef __COSMICNET_NODES__
#define __COSMICNET_NODES__

#include "cosmicnet_bessel.h"

namespace cosmicnet {

/** Nodes that the samples of one wavenumber touch, the highest first, and their weights. */
struct NodeList {
  std::vector<int> node;
  /* 8 floats for each node: a, b, c of the first sum, 0, a, b, c of the second, 0 */
  std::vector<float> weight;
  int size;

  explicit NodeList(int sample_number) : node(2*sample_number), weight((size_t)2*sample_number*8), size(0) {}
};

/** Weights of the samples at x = q*distance[i], i < sample_number, in descending order:
    value and slope multiply j_l and j_l' in the first sum, second multiplies j_l in the second sum. */
void collect_nodes(const BesselTable & table, double q, const double * distance, int sample_number,
                   const float * value, const float * slope, const float * second, NodeList & list);

/** The two sums for the multipoles of one block: first[lanes], second[lanes]. */
void sum_nodes(const BesselTable & table, int block, const NodeList & list, float * first, float * second);

}

#endif
