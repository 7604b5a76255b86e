/** @file cosmicnet_nodes.c
 *
 * Sums over time samples as sums over nodes. See cosmicnet_nodes.h.
 */

#include "cosmicnet_nodes.h"

namespace cosmicnet {

/** Evaluate the four polynomials of the lanes, sum_m coefficient[m] t^m. */
template <int degree>
static inline __attribute__((always_inline)) void horner(const float (&coefficient)[degree+1][8], float t,
                                                         half_vector * result) {
  half_vector sum;
  memcpy(&sum,coefficient[degree],sizeof(sum));
  for (int m=degree-1; m >= 0; m--) {
    half_vector next;
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

/** Append a node; the Bessel equation turns the weight of j'' into weights of j and j'. */
static inline __attribute__((always_inline)) void append(const BesselTable & table, int node,
                                                         const half_vector & sum, NodeList & list) {
  float * to = &list.weight[(size_t)list.size*8];
  list.node[list.size++] = node;
  for (int part=0; part < 8; part += 4) {
    /* node 0: j_l and j_l' vanish, and the table has j_l'' in place of j_l */
    to[part] = (node > 0) ? sum[part]-sum[part+2] : sum[part+2];
    to[part+1] = sum[part+1] - table.two_over_x[node]*sum[part+2];
    to[part+2] = table.one_over_x2[node]*sum[part+2];
  }
}

cosmicnet_for_all_processors
void collect_nodes(const BesselTable & table, double q, const double * distance, int sample_number,
                   const float * value, const float * slope, const float * second, NodeList & list) {
  half_vector at_node = {}, above = {}, basis, basis_slope;
  double scale = q/BesselTable::step;
  int node = -2; /* the pair of nodes in work: `at_node` belongs to node, `above` to node+1 */
  list.size = 0;
  for (int i=0; i < sample_number; i++) {
    double position = scale*distance[i];
    int new_node = (int)position;
    float t = (float)(position-new_node);
    if (new_node != node) {
      if (node >= 0) {
        append(table,node+1,above,list);
        if (new_node == node-1) {
          above = at_node;
        }
        else {
          append(table,node,at_node,list);
          above = half_vector{};
        }
      }
      at_node = half_vector{};
      node = new_node;
    }
    half_vector factor = {value[i],value[i],value[i],0.f,second[i],second[i],second[i],0.f};
    horner<5>(lower,t,&basis);
    horner<4>(lower_slope,t,&basis_slope);
    at_node += factor*basis + slope[i]*basis_slope;
    horner<5>(upper,t,&basis);
    horner<4>(upper_slope,t,&basis_slope);
    above += factor*basis + slope[i]*basis_slope;
  }
  if (node >= 0) {
    append(table,node+1,above,list);
    append(table,node,at_node,list);
  }
}

cosmicnet_for_all_processors
void sum_nodes(const BesselTable & table, int block, const NodeList & list, float * first, float * second) {
  /* apart, so that additions need not wait for one another */
  vector first_j = {}, first_slope = {}, first_l = {}, second_j = {}, second_slope = {}, second_l = {};
  const int lowest = table.first_node[block];
  const float * origin = (lowest < table.node_number) ? table.row(block,lowest) : NULL;
  const float * weight = list.weight.data();
  for (int i=0; (i < list.size) && (list.node[i] >= lowest); i++, weight += 8) {
    const float * row = origin + (size_t)(list.node[i]-lowest)*2*lanes;
    const vector j = *(const vector *)row, slope = *(const vector *)(row+lanes);
    first_j += weight[0]*j;
    first_slope += weight[1]*slope;
    first_l += weight[2]*j;
    second_j += weight[4]*j;
    second_slope += weight[5]*slope;
    second_l += weight[6]*j;
  }
  const vector l_l_plus_1 = *(const vector *)&table.l_l_plus_1[(size_t)block*lanes];
  *(vector *)first = first_j + first_slope + l_l_plus_1*first_l;
  *(vector *)second = second_j + second_slope + l_l_plus_1*second_l;
}

}
