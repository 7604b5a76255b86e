/** @file node_sums.cpp
 *
 * Sums over time samples as sums over nodes. See node_sums.h.
 */

#include <algorithm>
#include "node_sums.h"
#include "quintic.h"

namespace cosmicnet {

static const float basis_coefficient[6][8] = cosmicnet_quintic((float)BesselTable::step);
static const float slope_coefficient[5][8] = cosmicnet_quintic_slope((float)BesselTable::step);

/** The weights in one sum; the Bessel equation turns that of j'' into weights of j and j'. */
static inline __attribute__((always_inline)) NodeWeights weights_of(const BesselTable & table, int node,
                                                                    float j, float slope, float bend) {
  /* node 0: j_l and j_l' vanish, and the table has j_l'' in place of j_l */
  return {(node > 0) ? j-bend : bend, slope-table.two_over_x[node]*bend, table.one_over_x2[node]*bend, node};
}

/** Position of the next node in each list. */
struct Ends {
  NodeWeights * both, * first_only;
};

/** Append the node with the sums in the lanes from `lane` on. */
template <int lane>
static inline __attribute__((always_inline)) void append(const BesselTable & table, int node, const vector & first,
                                                         const vector & second, Ends & ends) {
  NodeWeights weights = weights_of(table,node,first[lane],first[lane+1],first[lane+2]);
  if ((second[lane] != 0.f) || (second[lane+1] != 0.f) || (second[lane+2] != 0.f)) {
    *ends.both++ = weights;
    *ends.both++ = weights_of(table,node,second[lane],second[lane+1],second[lane+2]);
  }
  else {
    *ends.first_only++ = weights;
  }
}

cosmicnet_for_all_processors
void collect_nodes(const BesselTable & table, double q, const double * distance, int begin, int end,
                   const Samples & samples, NodeLists & lists) {
  /* the two sums at the pair of nodes in work: four lanes belong to `node`, the others to node+1 */
  vector first = {}, second = {}, basis, basis_slope;
  enum {at_node = 0, above = 4};
  double scale = q/BesselTable::step;
  int node = -2;
  Ends ends = {&lists.both[lists.both_end.back()],&lists.first_only[lists.first_only_end.back()]};
  for (int i=begin; i < end; i++) {
    float value = samples.value[i], slope = samples.slope[i], second_value = samples.second[i];
    if ((value == 0.f) && (slope == 0.f) && (second_value == 0.f)) continue;
    double position = scale*distance[i];
    int new_node = (int)position;
    float t = (float)(position-new_node);
    if (new_node != node) {
      if (node >= 0) {
        append<above>(table,node+1,first,second,ends);
        if (new_node == node-1) {
          first = vector{0.f,0.f,0.f,0.f,first[0],first[1],first[2],0.f};
          second = vector{0.f,0.f,0.f,0.f,second[0],second[1],second[2],0.f};
        }
        else {
          append<at_node>(table,node,first,second,ends);
          first = second = vector{};
        }
      }
      node = new_node;
    }
    horner<5>(basis_coefficient,t,&basis);
    horner<4>(slope_coefficient,t,&basis_slope);
    first += value*basis + slope*basis_slope;
    /* nothing is added to the product, so that it is rounded as the other one is */
    second += second_value*basis + slope*vector{};
  }
  if (node >= 0) {
    append<above>(table,node+1,first,second,ends);
    append<at_node>(table,node,first,second,ends);
  }
  lists.both_end.push_back(ends.both-lists.both.get());
  lists.first_only_end.push_back(ends.first_only-lists.first_only.get());
}

/* Widths of vectors, as types: a template would lose the alignment of a bare vector. */
struct Floats4 { typedef float vector __attribute__((vector_size(16), aligned(4), may_alias)); };
struct Floats8 { typedef float vector __attribute__((vector_size(32), aligned(4), may_alias)); };
struct Floats16 { typedef float vector __attribute__((vector_size(64), aligned(4), may_alias)); };

/** A stretch of a list. */
struct NodeRange {
  const NodeWeights * begin, * end;
};

/** One block: its rows from the node `lowest` on, l(l+1), and the targets of its two sums. */
struct Block {
  const float * rows;
  int lowest;
  const float * l_l_plus_1;
  float * first, * second;
};

/** One vector of multipoles. The three terms are summed separately, so that additions need not wait for one another. */
template <typename Floats>
struct Sum {
  typename Floats::vector j, slope, l_j;
};

template <typename Floats>
static inline __attribute__((always_inline)) void add(Sum<Floats> & sum, const NodeWeights & weights,
                                                      const typename Floats::vector & j,
                                                      const typename Floats::vector & slope) {
  sum.j += weights.j*j;
  sum.slope += weights.slope*slope;
  sum.l_j += weights.l_j*j;
}

/** Add the rest of a list to the sums of `number` blocks, each of which begins at a higher node than the one before it.
    Where the rows of the last block end, go on with the others. */
template <typename Floats, int number>
struct Descent {
  typedef typename Floats::vector V;
  static inline __attribute__((always_inline)) void both(const NodeWeights * w, const NodeWeights * end,
                                                         const Block * blocks, int start, Sum<Floats> * first,
                                                         Sum<Floats> * second) {
    for (; (w < end) && (w->node >= blocks[number-1].lowest); w += 2) {
      for (int b=0; b < number; b++) {
        const float * row = blocks[b].rows + (size_t)(w->node-blocks[b].lowest)*2*lanes + start;
        const V j = *(const V *)row, slope = *(const V *)(row+lanes);
        add(first[b],w[0],j,slope);
        add(second[b],w[1],j,slope);
      }
    }
    Descent<Floats,number-1>::both(w,end,blocks,start,first,second);
  }
  static inline __attribute__((always_inline)) void first_only(const NodeWeights * w, const NodeWeights * end,
                                                               const Block * blocks, int start, Sum<Floats> * first) {
    for (; (w < end) && (w->node >= blocks[number-1].lowest); w++) {
      for (int b=0; b < number; b++) {
        const float * row = blocks[b].rows + (size_t)(w->node-blocks[b].lowest)*2*lanes + start;
        add(first[b],*w,*(const V *)row,*(const V *)(row+lanes));
      }
    }
    Descent<Floats,number-1>::first_only(w,end,blocks,start,first);
  }
};

template <typename Floats>
struct Descent<Floats,0> {
  static void both(const NodeWeights *, const NodeWeights *, const Block *, int, Sum<Floats> *, Sum<Floats> *) {}
  static void first_only(const NodeWeights *, const NodeWeights *, const Block *, int, Sum<Floats> *) {}
};

/** The two sums of `number` blocks, as many as leave all sums in registers. */
template <typename Floats, int number>
static inline __attribute__((always_inline)) void sum_with(const Block * blocks, NodeRange both, NodeRange first_only) {
  typedef typename Floats::vector V;
  for (int start=0; start < lanes; start += (int)(sizeof(V)/sizeof(float))) {
    Sum<Floats> first[number] = {}, second[number] = {};
    Descent<Floats,number>::both(both.begin,both.end,blocks,start,first,second);
    Descent<Floats,number>::first_only(first_only.begin,first_only.end,blocks,start,first);
    for (int b=0; b < number; b++) {
      const V l = *(const V *)(blocks[b].l_l_plus_1+start);
      *(V *)(blocks[b].first+start) += first[b].j + first[b].slope + l*first[b].l_j;
      *(V *)(blocks[b].second+start) += second[b].j + second[b].slope + l*second[b].l_j;
    }
  }
}

/** The same for 1 to `blocks_together` blocks, with registers for `at_once`. */
template <typename Floats, int at_once>
static inline __attribute__((always_inline)) void sum_all(const Block * blocks, int number, NodeRange both,
                                                          NodeRange first_only) {
  for (; number >= at_once; number -= at_once, blocks += at_once) sum_with<Floats,at_once>(blocks,both,first_only);
  for (; number > 0; number--, blocks++) sum_with<Floats,1>(blocks,both,first_only);
}

typedef void sum_function(const Block *, int, NodeRange, NodeRange);

/* This sum takes most of the time, and each kind of processor has its own best width. */
static void sum_plain(const Block * blocks, int number, NodeRange both, NodeRange first_only) {
  sum_all<Floats4,2>(blocks,number,both,first_only);
}

#if defined(__x86_64__) && defined(__GNUC__)
__attribute__((target("avx2,fma")))
static void sum_avx2(const Block * blocks, int number, NodeRange both, NodeRange first_only) {
  sum_all<Floats8,1>(blocks,number,both,first_only);
}

__attribute__((target("avx512f")))
static void sum_avx512(const Block * blocks, int number, NodeRange both, NodeRange first_only) {
  sum_all<Floats16,blocks_together>(blocks,number,both,first_only);
}

static sum_function * best_sum() {
  if (__builtin_cpu_supports("avx512f")) return sum_avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return sum_avx2;
  return sum_plain;
}
#else
static sum_function * best_sum() { return sum_plain; }
#endif

/** The part of a list from the first node on that is not beyond `highest`; `together` weights belong to a node. */
static NodeRange not_beyond(int highest, const NodeWeights * begin, const NodeWeights * end, int together) {
  ptrdiff_t before = 0, after = (end-begin)/together;
  if ((after > 0) && (begin->node > highest)) {
    while (after-before > 1) {
      ptrdiff_t middle = (before+after)/2;
      (begin[middle*together].node > highest ? before : after) = middle;
    }
    begin += after*together;
  }
  return {begin,end};
}

void add_nodes(const BesselTable & table, int first_block, int number, const NodeLists & lists, int wavenumber,
               int highest, float * first, float * second) {
  static sum_function * const sum = best_sum();
  Block blocks[blocks_together];
  for (int b=0; b < number; b++) {
    int block = first_block+b, lowest = table.first_node[block];
    blocks[b] = {table.row(block,lowest),lowest,&table.l_l_plus_1[(size_t)block*lanes],first+b*lanes,second+b*lanes};
  }
  sum(blocks,number,
      not_beyond(highest,&lists.both[lists.both_end[wavenumber]],&lists.both[lists.both_end[wavenumber+1]],2),
      not_beyond(highest,&lists.first_only[lists.first_only_end[wavenumber]],
                 &lists.first_only[lists.first_only_end[wavenumber+1]],1));
}

}
