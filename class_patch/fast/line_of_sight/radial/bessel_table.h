/** @file bessel_table.h
 *
 * Table of the spherical Bessel functions j_l(x) and j_l'(x) with l as the contiguous axis.
 */

#ifndef __COSMICNET_BESSEL_TABLE__
#define __COSMICNET_BESSEL_TABLE__

#include <mutex>
#include <vector>
#include "../../vector.h"

namespace cosmicnet {

/** Required extent of the tables: the largest x, and that of band_table.h. */
struct BesselReach {
  double x_max, band;
};

/* Blocks that are summed together, so that each weight is read once for all of them. */
enum {blocks_together = 2};

/** The x below which j_l is negligible (see `negligible` in bessel_table.cpp). */
double negligible_below(int l);

/** j_l(x_n) and j_l'(x_n) on the nodes x_n = n*step for the multipoles of one run.

    Multipoles are grouped in blocks of `lanes`. A row, row(block,node), holds `lanes` values of j_l
    and then `lanes` values of j_l'. The row of node 0, where j_l and j_l' vanish for l >= 2, has
    j_l''(0) in the place of j_l. Two kinds of rows are not stored: those below first_node[block], where
    all functions of the block vanish, and those at x^2 > x_band^2 + l^2, l being the largest multipole of the next block. */
class BesselTable {
public:
  BesselTable(const int * l, int l_size, double x_max, double x_band);
  /** Whether the table has exactly these multipoles and extends to x_max and x_band. */
  bool serves(const int * l, int l_size, double x_max, double x_band) const;
  const float * row(int block, int node) const {
    return rows.data() + offset[block] + (size_t)(node-first_node[block])*2*lanes;
  }

  /** Distance of nodes. The quintic between them is good to 4e-6 of the amplitude. */
  static constexpr double step = 0.75;
  /** Multipoles, and l(l+1), padded to whole blocks by repeating the last. */
  std::vector<int> l;
  std::vector<float> l_l_plus_1;
  int l_size, block_number, node_number;
  std::vector<int> first_node;
  /** 2/x_n and 1/x_n^2, and 0 at node 0. */
  std::vector<float> two_over_x, one_over_x2;

private:
  void fill(int node_begin, int node_end);
  double x_band;
  std::vector<int> end_node;
  std::vector<size_t> offset;
  AlignedFloats rows;
};

/** The table of this process, replaced if it does not serve. Safe for threads: holders of the old table
    keep it. */
std::shared_ptr<const BesselTable> bessel_table(const int * l, int l_size, double x_max, double x_band);

/* Nodes of one call of bessel_functions(). */
enum {nodes_at_once = 16};

/** j_l(x) and j_l'(x) at x = n*step for nodes_at_once nodes from n = begin >= 0 on (step in place of 0): for each multipole of
    the ascending list the values at all nodes. */
void bessel_functions(const std::vector<int> & l, int begin, double step, double * values, double * derivatives);

/* Room of a table beyond x_max, so that a chain of cosmologies rarely needs a new one. */
const double table_margin = 1.1;

/** Held while a table is made or replaced, also at a fork. */
std::mutex & table_mutex();

template <typename Table>
std::shared_ptr<const Table> kept_table(const int * l, int l_size, double x_max, double x_band) {
  static std::shared_ptr<const Table> kept;
  std::lock_guard<std::mutex> lock(table_mutex());
  if (!kept || !kept->serves(l,l_size,x_max,x_band)) {
    /* free the old one first: two would need twice the memory */
    kept.reset();
    kept = std::make_shared<const Table>(l,l_size,x_max,x_band);
  }
  return kept;
}

}

#endif
