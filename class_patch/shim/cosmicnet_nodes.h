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

/** Nodes and their weights, the highest node first. */
struct NodeList {
  std::vector<int> node;
  /* a, b, c of the first sum, 0, and in a list for both sums a, b, c of the second, 0 */
  std::vector<float> weight;
  int size;
};

/** The nodes that the samples of one wavenumber touch: with weights in both sums, and in the first only.
    The second sum has photon polarisation, which vanishes at late times for all but small wavenumbers. */
struct NodeLists {
  NodeList both, first_only;
  explicit NodeLists(int sample_number);
};

/** Weights of the samples at x = q*distance[i], i < sample_number, in descending order:
    value and slope multiply j_l and j_l' in the first sum, second multiplies j_l in the second sum. */
void collect_nodes(const BesselTable & table, double q, const double * distance, int sample_number,
                   const float * value, const float * slope, const float * second, NodeLists & lists);

/** The two sums for the multipoles of one block: first[lanes], second[lanes]. */
void sum_nodes(const BesselTable & table, int block, const NodeLists & lists, float * first, float * second);

}

#endif
