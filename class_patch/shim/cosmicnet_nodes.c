/** @file cosmicnet_nodes.c
 *
 * Sums over time samples as sums over nodes. See cosmicnet_nodes.h.
 */

#include <algorithm>
#include <string.h>
#include "cosmicnet_nodes.h"

namespace cosmicnet {

/** Evaluate the four polynomials of the lanes, sum_m coefficient[m] t^m. */
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

/* The quintic's basis on [0,1]: at the lower node value, slope, second derivative (twice, for both sums);
   then at the upper one; and what multiplies j' in the first sum, their derivatives. h = table.step. */
#define h ((float)BesselTable::step)
#define both(V,S,C) {V, S*h, C*h*h, 0.f, V, S*h, C*h*h, 0.f}
#define only_first(V,S,C) {V/h, S, C*h, 0.f, 0.f, 0.f, 0.f, 0.f}
static const float lower[6][8] = {
  both(1.f,0.f,0.f), both(0.f,1.f,0.f), both(0.f,0.f,0.5f),
  both(-10.f,-6.f,-1.5f), both(15.f,8.f,1.5f), both(-6.f,-3.f,-0.5f)};
static const float upper[6][8] = {
  both(0.f,0.f,0.f), both(0.f,0.f,0.f), both(0.f,0.f,0.f),
  both(10.f,-4.f,0.5f), both(-15.f,7.f,-1.f), both(6.f,-3.f,0.5f)};
static const float lower_slope[5][8] = {
  only_first(0.f,1.f,0.f), only_first(0.f,0.f,1.f), only_first(-30.f,-18.f,-4.5f),
  only_first(60.f,32.f,6.f), only_first(-30.f,-15.f,-2.5f)};
static const float upper_slope[5][8] = {
  only_first(0.f,0.f,0.f), only_first(0.f,0.f,0.f), only_first(30.f,-12.f,1.5f),
  only_first(-60.f,28.f,-4.f), only_first(30.f,-15.f,2.5f)};
#undef only_first
#undef both
#undef h

/** The weights in one sum; the Bessel equation turns that of j'' into weights of j and j'. */
static inline __attribute__((always_inline)) NodeWeights weights_of(const BesselTable & table, int node,
                                                                    float j, float slope, float bend) {
  /* node 0: j_l and j_l' vanish, and the table has j_l'' in place of j_l */
  return {(node > 0) ? j-bend : bend, slope-table.two_over_x[node]*bend, table.one_over_x2[node]*bend, node};
}

/** Where the next nodes go. */
struct Ends {
  NodeWeights * both, * first_only;
};

static inline __attribute__((always_inline)) void append(const BesselTable & table, int node,
                                                         const vector & sum, Ends & ends) {
  NodeWeights first = weights_of(table,node,sum[0],sum[1],sum[2]);
  if ((sum[4] != 0.f) || (sum[5] != 0.f) || (sum[6] != 0.f)) {
    *ends.both++ = first;
    *ends.both++ = weights_of(table,node,sum[4],sum[5],sum[6]);
  }
  else {
    *ends.first_only++ = first;
  }
}

cosmicnet_for_all_processors
void collect_nodes(const BesselTable & table, double q, const double * distance, int sample_number,
                   const Samples & samples, NodeLists & lists) {
  vector at_node = {}, above = {}, basis, basis_slope;
  double scale = q/BesselTable::step;
  int node = -2; /* the pair of nodes in work: `at_node` belongs to node, `above` to node+1 */
  Ends ends = {&lists.both[lists.both_end.back()],&lists.first_only[lists.first_only_end.back()]};
  for (int i=0; i < sample_number; i++) {
    float value = samples.value[i], slope = samples.slope[i], second = samples.second[i];
    if ((value == 0.f) && (slope == 0.f) && (second == 0.f)) continue;
    double position = scale*distance[i];
    int new_node = (int)position;
    float t = (float)(position-new_node);
    if (new_node != node) {
      if (node >= 0) {
        append(table,node+1,above,ends);
        if (new_node == node-1) {
          above = at_node;
        }
        else {
          append(table,node,at_node,ends);
          above = vector{};
        }
      }
      at_node = vector{};
      node = new_node;
    }
    vector factor = {value,value,value,0.f,second,second,second,0.f};
    horner<5>(lower,t,&basis);
    horner<4>(lower_slope,t,&basis_slope);
    at_node += factor*basis + slope*basis_slope;
    horner<5>(upper,t,&basis);
    horner<4>(upper_slope,t,&basis_slope);
    above += factor*basis + slope*basis_slope;
  }
  if (node >= 0) {
    append(table,node+1,above,ends);
    append(table,node,at_node,ends);
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

/** The two sums, for `count` vectors at a time: as many as leave all sums in registers. */
template <typename Floats, int count>
static inline __attribute__((always_inline)) void sum_with(const float * rows, int lowest, const float * l_l_plus_1,
                                                           NodeRange both, NodeRange first_only,
                                                           float * first, float * second) {
  typedef typename Floats::vector V;
  const int width = (int)(sizeof(V)/sizeof(float));
  for (int start=0; start < lanes; start += count*width) {
    /* six sums apart, so that additions need not wait for one another */
    V first_j[count] = {}, first_slope[count] = {}, first_l[count] = {};
    V second_j[count] = {}, second_slope[count] = {}, second_l[count] = {};
    for (const NodeWeights * w=both.begin; (w < both.end) && (w->node >= lowest); w += 2) {
      const float * row = rows + (size_t)(w->node-lowest)*2*lanes + start;
      for (int c=0; c < count; c++) {
        const V j = *(const V *)(row+c*width), slope = *(const V *)(row+lanes+c*width);
        first_j[c] += w[0].j*j;
        first_slope[c] += w[0].slope*slope;
        first_l[c] += w[0].l_j*j;
        second_j[c] += w[1].j*j;
        second_slope[c] += w[1].slope*slope;
        second_l[c] += w[1].l_j*j;
      }
    }
    for (const NodeWeights * w=first_only.begin; (w < first_only.end) && (w->node >= lowest); w++) {
      const float * row = rows + (size_t)(w->node-lowest)*2*lanes + start;
      for (int c=0; c < count; c++) {
        const V j = *(const V *)(row+c*width), slope = *(const V *)(row+lanes+c*width);
        first_j[c] += w->j*j;
        first_slope[c] += w->slope*slope;
        first_l[c] += w->l_j*j;
      }
    }
    for (int c=0; c < count; c++) {
      int lane = start+c*width;
      const V l = *(const V *)(l_l_plus_1+lane);
      *(V *)(first+lane) += first_j[c] + first_slope[c] + l*first_l[c];
      *(V *)(second+lane) += second_j[c] + second_slope[c] + l*second_l[c];
    }
  }
}

typedef void sum_function(const float *, int, const float *, NodeRange, NodeRange, float *, float *);

/* This sum takes most of the time, and each kind of processor has its own best width. */
static void sum_plain(const float * rows, int lowest, const float * l_l_plus_1, NodeRange both, NodeRange first_only,
                      float * first, float * second) {
  sum_with<Floats4,2>(rows,lowest,l_l_plus_1,both,first_only,first,second);
}

#if defined(__x86_64__) && defined(__GNUC__)
__attribute__((target("avx2,fma")))
static void sum_avx2(const float * rows, int lowest, const float * l_l_plus_1, NodeRange both, NodeRange first_only,
                     float * first, float * second) {
  sum_with<Floats8,1>(rows,lowest,l_l_plus_1,both,first_only,first,second);
}

__attribute__((target("avx512f")))
static void sum_avx512(const float * rows, int lowest, const float * l_l_plus_1, NodeRange both, NodeRange first_only,
                       float * first, float * second) {
  sum_with<Floats16,1>(rows,lowest,l_l_plus_1,both,first_only,first,second);
}

static sum_function * best_sum() {
  if (__builtin_cpu_supports("avx512f")) return sum_avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return sum_avx2;
  return sum_plain;
}
#else
static sum_function * best_sum() { return sum_plain; }
#endif

void add_nodes(const BesselTable & table, int block, const NodeLists & lists, int wavenumber,
               float * first, float * second) {
  static sum_function * const sum = best_sum();
  int lowest = table.first_node[block];
  if (lowest >= table.node_number) return;
  sum(table.row(block,lowest),lowest,&table.l_l_plus_1[(size_t)block*lanes],
      {&lists.both[lists.both_end[wavenumber]],&lists.both[lists.both_end[wavenumber+1]]},
      {&lists.first_only[lists.first_only_end[wavenumber]],&lists.first_only[lists.first_only_end[wavenumber+1]]},
      first,second);
}

}
