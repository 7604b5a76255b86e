/** @file node_sums.h
 *
 * The sum over time samples of weights times j_l(x) as a sum over nodes of the table of Bessel functions.
 *
 * Between two nodes, j_l is the quintic that has its values, first and second derivatives. By the Bessel
 * equation, j'' = -2/x j' - j + l(l+1)/x^2 j, so that a sum over samples of u j_l(x) + v j_l'(x) becomes
 *
 *    sum_n [a_n j_l(x_n) + b_n j_l'(x_n)] + l(l+1) sum_n c_n j_l(x_n)
 *
 * with weights that do not depend on l. Two such sums are computed together, `first` and `second`.
 */

#ifndef __COSMICNET_NODE_SUMS__
#define __COSMICNET_NODE_SUMS__

#include "bessel_table.h"

namespace cosmicnet {

/** Weights of j_l, j_l' and l(l+1) j_l at a node in one sum. In the second sum `node` is unused. */
struct NodeWeights {
  float j, slope, l_j;
  int node;
};

/* Beyond all nodes. */
enum {no_node = 1 << 30};

/** The nodes next to the samples of several wavenumbers, the highest first for each wavenumber: those with weights in both
    sums (two entries for each), and those with weights in the first only. The second sum has the photon polarisation, which
    vanishes at late times except at small wavenumbers. */
class NodeLists {
public:
  NodeLists(int wavenumbers, int sample_number)
    : both(new NodeWeights[(size_t)4*wavenumbers*sample_number]),
      first_only(new NodeWeights[(size_t)2*wavenumbers*sample_number]), both_end(1,0), first_only_end(1,0) {}
  std::unique_ptr<NodeWeights[]> both, first_only;
  /** End of the nodes of each wavenumber, where those of the next one begin; the first entry is 0. */
  std::vector<size_t> both_end, first_only_end;
};

/** Factors of the time samples at one wavenumber: value multiplies j_l and slope j_l' in the first sum, second
    multiplies j_l in the second sum. */
struct Samples {
  explicit Samples(int size) : value(size), slope(size), second(size) {}
  std::vector<float> value, slope, second;
};

/** Append one wavenumber, with samples at x = q*distance[i], begin <= i < end, in descending order. */
void collect_nodes(const BesselTable & table, double q, const double * distance, int begin, int end,
                   const Samples & samples, NodeLists & lists);

/** Add the two sums at one wavenumber, over the nodes up to `highest`, for the multipoles of `number` blocks, at most
    blocks_together, to first[number*lanes], second[number*lanes]. */
void add_nodes(const BesselTable & table, int first_block, int number, const NodeLists & lists, int wavenumber,
               int highest, float * first, float * second);

}

#endif
