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

NodeLists::NodeLists(int sample_number) {
  both.node.resize(2*sample_number);
  both.weight.resize((size_t)2*sample_number*8);
  first_only.node.resize(2*sample_number);
  first_only.weight.resize((size_t)2*sample_number*4);
  both.size = first_only.size = 0;
}

/** Append a node; the Bessel equation turns the weight of j'' into weights of j and j'. */
static inline __attribute__((always_inline)) void append(const BesselTable & table, int node,
                                                         const vector & sum, NodeLists & lists) {
  bool has_second = (sum[4] != 0.f) || (sum[5] != 0.f) || (sum[6] != 0.f);
  int width = has_second ? 8 : 4;
  NodeList & list = has_second ? lists.both : lists.first_only;
  float * to = &list.weight[(size_t)list.size*width];
  list.node[list.size++] = node;
  for (int part=0; part < width; part += 4) {
    /* node 0: j_l and j_l' vanish, and the table has j_l'' in place of j_l */
    to[part] = (node > 0) ? sum[part]-sum[part+2] : sum[part+2];
    to[part+1] = sum[part+1] - table.two_over_x[node]*sum[part+2];
    to[part+2] = table.one_over_x2[node]*sum[part+2];
  }
}

cosmicnet_for_all_processors
void collect_nodes(const BesselTable & table, double q, const double * distance, int sample_number,
                   const float * value, const float * slope, const float * second, NodeLists & lists) {
  vector at_node = {}, above = {}, basis, basis_slope;
  double scale = q/BesselTable::step;
  int node = -2; /* the pair of nodes in work: `at_node` belongs to node, `above` to node+1 */
  lists.both.size = lists.first_only.size = 0;
  for (int i=0; i < sample_number; i++) {
    double position = scale*distance[i];
    int new_node = (int)position;
    float t = (float)(position-new_node);
    if (new_node != node) {
      if (node >= 0) {
        append(table,node+1,above,lists);
        if (new_node == node-1) {
          above = at_node;
        }
        else {
          append(table,node,at_node,lists);
          above = vector{};
        }
      }
      at_node = vector{};
      node = new_node;
    }
    vector factor = {value[i],value[i],value[i],0.f,second[i],second[i],second[i],0.f};
    horner<5>(lower,t,&basis);
    horner<4>(lower_slope,t,&basis_slope);
    at_node += factor*basis + slope[i]*basis_slope;
    horner<5>(upper,t,&basis);
    horner<4>(upper_slope,t,&basis_slope);
    above += factor*basis + slope[i]*basis_slope;
  }
  if (node >= 0) {
    append(table,node+1,above,lists);
    append(table,node,at_node,lists);
  }
}

/* Widths of vectors, as types: a template would lose the alignment of a bare vector. */
struct Floats4 { typedef float vector __attribute__((vector_size(16), aligned(4), may_alias)); };
struct Floats8 { typedef float vector __attribute__((vector_size(32), aligned(4), may_alias)); };
struct Floats16 { typedef float vector __attribute__((vector_size(64), aligned(4), may_alias)); };

/** The two sums, for `count` vectors at a time: as many as leave all sums in registers. */
template <typename Floats, int count>
static inline __attribute__((always_inline)) void sum_with(const float * rows, int lowest, const float * l_l_plus_1,
                                                           const NodeLists & lists, float * first, float * second) {
  typedef typename Floats::vector V;
  const int width = (int)(sizeof(V)/sizeof(float));
  for (int start=0; start < lanes; start += count*width) {
    /* six sums apart, so that additions need not wait for one another */
    V first_j[count] = {}, first_slope[count] = {}, first_l[count] = {};
    V second_j[count] = {}, second_slope[count] = {}, second_l[count] = {};
    const float * weight = lists.both.weight.data();
    const int * node = lists.both.node.data();
    for (int i=0; (i < lists.both.size) && (node[i] >= lowest); i++, weight += 8) {
      const float * row = rows + (size_t)(node[i]-lowest)*2*lanes + start;
      for (int c=0; c < count; c++) {
        const V j = *(const V *)(row+c*width), slope = *(const V *)(row+lanes+c*width);
        first_j[c] += weight[0]*j;
        first_slope[c] += weight[1]*slope;
        first_l[c] += weight[2]*j;
        second_j[c] += weight[4]*j;
        second_slope[c] += weight[5]*slope;
        second_l[c] += weight[6]*j;
      }
    }
    for (int c=0; c < count; c++) {
      int lane = start+c*width;
      *(V *)(second+lane) = second_j[c] + second_slope[c] + *(const V *)(l_l_plus_1+lane)*second_l[c];
    }
    weight = lists.first_only.weight.data();
    node = lists.first_only.node.data();
    for (int i=0; (i < lists.first_only.size) && (node[i] >= lowest); i++, weight += 4) {
      const float * row = rows + (size_t)(node[i]-lowest)*2*lanes + start;
      for (int c=0; c < count; c++) {
        const V j = *(const V *)(row+c*width), slope = *(const V *)(row+lanes+c*width);
        first_j[c] += weight[0]*j;
        first_slope[c] += weight[1]*slope;
        first_l[c] += weight[2]*j;
      }
    }
    for (int c=0; c < count; c++) {
      int lane = start+c*width;
      *(V *)(first+lane) = first_j[c] + first_slope[c] + *(const V *)(l_l_plus_1+lane)*first_l[c];
    }
  }
}

typedef void sum_function(const float *, int, const float *, const NodeLists &, float *, float *);

/* This sum takes most of the time, and each kind of processor has its own best width. */
static void sum_plain(const float * rows, int lowest, const float * l_l_plus_1, const NodeLists & lists,
                      float * first, float * second) {
  sum_with<Floats4,2>(rows,lowest,l_l_plus_1,lists,first,second);
}

#if defined(__x86_64__) && defined(__GNUC__)
__attribute__((target("avx2,fma")))
static void sum_avx2(const float * rows, int lowest, const float * l_l_plus_1, const NodeLists & lists,
                     float * first, float * second) {
  sum_with<Floats8,1>(rows,lowest,l_l_plus_1,lists,first,second);
}

__attribute__((target("avx512f")))
static void sum_avx512(const float * rows, int lowest, const float * l_l_plus_1, const NodeLists & lists,
                       float * first, float * second) {
  sum_with<Floats16,1>(rows,lowest,l_l_plus_1,lists,first,second);
}

static sum_function * best_sum() {
  if (__builtin_cpu_supports("avx512f")) return sum_avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return sum_avx2;
  return sum_plain;
}
#else
static sum_function * best_sum() { return sum_plain; }
#endif

void sum_nodes(const BesselTable & table, int block, const NodeLists & lists, float * first, float * second) {
  static sum_function * const sum = best_sum();
  int lowest = table.first_node[block];
  if (lowest < table.node_number) {
    sum(table.row(block,lowest),lowest,&table.l_l_plus_1[(size_t)block*lanes],lists,first,second);
  }
  else {
    std::fill(first,first+lanes,0.f);
    std::fill(second,second+lanes,0.f);
  }
}

}
