/** @file band_table.h
 *
 * Sums over j_l(x) by few nodes, since j_l is band-limited.
 *
 * The Fourier transform of j_l(x) is a Legendre polynomial between the wavenumbers -1 and 1, and zero beyond. With nodes
 * x_n = n*step closer than pi,
 *
 *    j_l(x) = sum_n K(x/step-n) g_l(x_n)
 *
 * for a kernel K that spans `taps` nodes, and g_l, whose Fourier transform is that of j_l over that of K. The derivative
 * is the same sum with that of K. So a sum over samples of u j_l(x) + v j_l'(x) is a sum over nodes of w_n g_l(x_n), with
 * weights that do not depend on l. The error is 1e-6 of the amplitude, 3e-6 for the derivative.
 */

#ifndef __COSMICNET_BAND_TABLE__
#define __COSMICNET_BAND_TABLE__

#include "bessel_table.h"
#include "node_sums.h"

namespace cosmicnet {

/** g_l(x_n) for the multipoles of one run, in the blocks of BesselTable; a row has `lanes` values. Rows where all j_l of the
    block vanish are not stored, nor those at x^2 > x_band^2 + l^2, l being the largest multipole of the next block. */
class BandTable {
public:
  BandTable(const int * l, int l_size, double x_max, double x_band);
  bool serves(const int * l, int l_size, double x_max, double x_band) const;
  const float * row(int block, int node) const {
    return rows.data() + offset[block] + (ptrdiff_t)(node-first_node[block])*lanes;
  }
  static constexpr double step = 1.6;
  enum {taps = 8};
  /** Samples at smaller x are left to BesselTable: the error of j_l/x^2 grows there. */
  static constexpr double lowest_x = 30.;
  /** Multipoles, padded to whole blocks by repeating the last. */
  std::vector<int> l;
  int l_size, block_number, node_number;
  std::vector<int> first_node, end_node;

private:
  void fill(int node_begin, int node_end);
  double x_band;
  std::vector<size_t> offset;
  AlignedFloats rows;
};

/** The table of this process, as bessel_table(). */
std::shared_ptr<const BandTable> band_table(const int * l, int l_size, double x_max, double x_band);

/* Successive wavenumbers that are summed together, so that each row of the table is read once for all of them. */
enum {wavenumbers_together = 4};

/** Weights of successive nodes at the wavenumbers of many groups. */
class BandWeights {
public:
  /** Zeros for the next wavenumber, at the nodes next to samples between two positions, in steps (high < low: none). Returns the
      place of node 0, until the next call. */
  float * add(double low, double high);
  /** End the last group; a group that is not complete has zeros. */
  void close();
  /** Nodes [first,end), and the weights of all wavenumbers, one after the other. */
  struct Group {
    int first, end;
    std::unique_ptr<float[]> values;
    /** The place of node 0 at the first wavenumber. */
    const float * at_zero() const { return values.get()-first; }
  };
  std::vector<Group> groups;

private:
  struct Row {
    std::vector<float> values;
    int first, end;
  };
  Row rows[wavenumbers_together];
  int open = 0;
};

/** The weights of the two sums of `Samples`. */
struct BandSums {
  BandWeights first, second;
  void close() {
    first.close();
    second.close();
  }
};

/** Append one wavenumber, with samples at x = q*distance[i] >= BandTable::lowest_x, begin <= i < end, in descending order.
    Returns the smallest x of a sample that is not zero, or a large number if there is none. */
double spread(double q, const double * distance, int begin, int end, const Samples & samples, BandSums & sums);

/** Add the two sums at the wavenumbers of one group, over the nodes up to `highest`, for the multipoles of `number` blocks, at
    most blocks_together, to first[number*lanes], second[number*lanes] of each wavenumber, `stride` apart. */
void add_band(const BandTable & table, int first_block, int number, const BandSums & sums, int group, int highest,
              float * first, float * second, int stride);

}

#endif
