/** @file radial_sums.cpp
 *
 * Recurrences of the radial functions of curved space. See radial_sums.h.
 */

#include <algorithm>
#include <cmath>
#include "quintic.h"
#include "radial_sums.h"

namespace cosmicnet {

constexpr double RadialSums::lowest_any_nu;

/* Nodes are 1 apart in x: the quintic between them is good to 2e-5 of the amplitude. */
static const float basis_coefficient[6][8] = cosmicnet_quintic(1.f);
static const float slope_coefficient[5][8] = cosmicnet_quintic_slope(1.f);

/* The recurrence ends this far beyond the turning point, in units of Airy's function. Phi_l is 1e-7 of its peak there, and
   so is the rounding error, which the recurrence amplifies. */
static const double airy_units = 8.;

/* Nodes are padded to whole groups of this size, the widest vectors in use. */
enum {group = 32};

/* Samples in one downward recurrence, and its starting point, as in bessel_table.cpp. */
enum {together = 16};
static const double airy_units_at_start = 15.;
static const int more_at_start = 60;

/* At sqrt|K| chi below this, functions of curvature are evaluated as series. */
static const double small_angle = 0.05;

double Space::sine(double chi) const {
  double square = K*chi*chi, angle = sqrt(fabs(square));
  if (angle < small_angle) return chi*(1.-square/6.*(1.-square/20.*(1.-square/42.)));
  return chi/angle*((K > 0.) ? sin(angle) : sinh(angle));
}

double Space::cosine(double chi) const {
  double square = K*chi*chi;
  return (K > 0.) ? cos(sqrt(square)) : cosh(sqrt(-square));
}

double Space::distance(double value) const {
  double square = K*value*value, angle = sqrt(fabs(square));
  if (square > 1.) return -1.;
  if (angle < 1.e-4) return value*(1.+square/6.);
  return value/angle*((K > 0.) ? asin(angle) : asinh(angle));
}

RadialSums::RadialSums(const Space & s, const int * l_list, int l_size, int sample_number)
  : space(s), l(l_list,l_list+l_size), q(0.) {
  size_t nodes = 2*(size_t)sample_number+group;
  for (std::vector<double> * list : {&x,&c,&phi0,&phi1,&last_l}) list->resize(nodes);
  for (std::vector<double> & list : weight) list.resize(nodes);
}

void RadialSums::set_wavenumber(double wavenumber) {
  q = wavenumber;
  curvature = space.K/(q*q);
  highest_l = (space.K > 0.) ? ceil(1./sqrt(curvature)-1.e-6)-1. : 1.e300;
}

/** The list of nodes: x, and the weights of value, slope and second derivative in the two sums. */
struct NodeArrays {
  double * x, * value[2], * slope[2], * bend[2];
};

/** Append a node, with the weights in the lanes from `lane` on. */
template <int lane>
static inline __attribute__((always_inline)) void append(const NodeArrays & to, int index, int node, const vector & first,
                                                         const vector & second) {
  to.x[index] = node;
  to.value[0][index] = first[lane];
  to.slope[0][index] = first[lane+1];
  to.bend[0][index] = first[lane+2];
  to.value[1][index] = second[lane];
  to.slope[1][index] = second[lane+1];
  to.bend[1][index] = second[lane+2];
}

/** From samples to nodes, in descending order; returns their number. */
cosmicnet_for_all_processors
static int collect(double q, const double * distance, int begin, int end, const Samples & samples, const NodeArrays & to) {
  vector first = {}, second = {}, basis, basis_slope;
  enum {at_node = 0, above = 4};
  int node = -2, number = 0;
  for (int i=begin; i < end; i++) {
    float value = samples.value[i], slope = samples.slope[i], second_value = samples.second[i];
    if ((value == 0.f) && (slope == 0.f) && (second_value == 0.f)) continue;
    double position = q*distance[i];
    int new_node = (int)position;
    float t = (float)(position-new_node);
    if (new_node != node) {
      if (node >= 0) {
        append<above>(to,number++,node+1,first,second);
        if (new_node == node-1) {
          first = vector{0.f,0.f,0.f,0.f,first[0],first[1],first[2],0.f};
          second = vector{0.f,0.f,0.f,0.f,second[0],second[1],second[2],0.f};
        }
        else {
          append<at_node>(to,number++,node,first,second);
          first = second = vector{};
        }
      }
      node = new_node;
    }
    horner<5>(basis_coefficient,t,&basis);
    horner<4>(slope_coefficient,t,&basis_slope);
    first += value*basis + slope*basis_slope;
    second += second_value*basis;
  }
  if (node >= 0) {
    append<above>(to,number++,node+1,first,second);
    append<at_node>(to,number++,node,first,second);
  }
  return number;
}

/** sinK and cosK. */
static inline __attribute__((always_inline)) void curved(double K, bool is_small, const double_vector & chi,
                                                         double_vector & sine, double_vector & cosine) {
  if (is_small) {
    double_vector square = K*chi*chi;
    sine = chi*(1.-square/6.*(1.-square/20.*(1.-square/42.)));
    cosine = 1.-square/2.*(1.-square/12.*(1.-square/30.*(1.-square/56.)));
  }
  else if (K > 0.) {
    double root = sqrt(K);
    vector_sincos(root*chi,sine,cosine);
    sine /= root;
  }
  else {
    double root = sqrt(-K);
    double_vector e = vector_exp(root*chi);
    sine = (e-1./e)*(0.5/root);
    cosine = 0.5*(e+1./e);
  }
}

cosmicnet_for_all_processors
static void radial_start(double K, double q, double highest_l, const double * x, int size, double * const weight[8],
                         double * c, double * phi0, double * phi1, double * last_l, double largest_x) {
  const double curvature = K/(q*q), over_b1 = 1./sqrt(1.-curvature);
  const bool is_small = fabs(curvature)*largest_x*largest_x < small_angle*small_angle;
  for (int i=0; i < size; i += double_lanes) {
    double_vector at = *(const double_vector *)(x+i), sine, cosine, s, cosK;
    curved(K,is_small,at/q,s,cosK);
    s *= q;
    vector_sincos(at,sine,cosine);
    double_vector over_s = 1./s, cotangent = cosK*over_s, start = sine*over_s;
    *(double_vector *)(c+i) = cotangent;
    *(double_vector *)(phi0+i) = start;
    *(double_vector *)(phi1+i) = (cotangent*start-cosine*over_s)*over_b1;
    /* in l the unit is (s cosK^2/2)^(1/3) */
    double_vector width = cosK*cosK;
    width = (width < all_lanes(0.01)) ? all_lanes(0.01) : width;
    double_vector last = s+airy_units*vector_exp(vector_log(0.5*s*width)/3.);
    *(double_vector *)(last_l+i) = (last > all_lanes(highest_l)) ? all_lanes(highest_l) : last;
    for (int sum=0; sum < 2; sum++) {
      /* by the radial equation the weight of the second derivative becomes weights of the others */
      double_vector bend = *(double_vector *)(weight[4*sum+1]+i);
      double_vector slope = *(double_vector *)(weight[4*sum+2]+i)-2.*cotangent*bend;
      *(double_vector *)(weight[4*sum]+i) -= (1.-curvature)*bend;
      *(double_vector *)(weight[4*sum+1]+i) = bend*over_s*over_s;
      *(double_vector *)(weight[4*sum+2]+i) = slope;
      *(double_vector *)(weight[4*sum+3]+i) = cotangent*slope;
    }
  }
}

/** Starting values of the recurrence at all nodes except x = 0; padding has no weight. */
void RadialSums::prepare_nodes() {
  bend_at_origin[0] = bend_at_origin[1] = 0.;
  if ((node_number > 0) && (x[node_number-1] == 0.)) {
    node_number--;
    bend_at_origin[0] = weight[l_phi][node_number];
    bend_at_origin[1] = weight[kinds+l_phi][node_number];
  }
  int size = node_number;
  node_number = (size+group-1)/group*group;
  for (int i=size; i < node_number; i++) x[i] = 1.;
  double * weights[weight_number];
  for (int i=0; i < weight_number; i++) {
    weights[i] = weight[i].data();
    std::fill(weights[i]+size,weights[i]+node_number,0.);
  }
  radial_start(space.K,q,highest_l,x.data(),node_number,weights,c.data(),phi0.data(),phi1.data(),last_l.data(),
               std::max(x[0],1.));
  for (int i=size; i < node_number; i++) c[i] = phi0[i] = phi1[i] = last_l[i] = 0.;
}

/** ratio[l] = (b_{l-1}/b_l)^2. */
cosmicnet_for_all_processors
static void ratios(double curvature, int top, double * ratio) {
  for (int l=2; l <= top; l++) ratio[l] = (1.-curvature*(l-1.)*(l-1.))/(1.-curvature*l*l);
}

/** With Phi_l = d_l phi_l, d_{l+1} b_{l+1} = d_{l-1} b_l and d_0 = d_1 = 1, phi_{l+1} = growth_l c phi_l - phi_{l-1}. */
void RadialSums::prepare_coefficients(int l_number) {
  double largest = 0.;
  for (int i=0; i < node_number; i++) largest = std::max(largest,last_l[i]);
  int top = (int)std::min(std::min((double)l[l_number-1],largest),highest_l);
  if ((int)growth.size() <= top+1) {
    growth.resize(top+2);
    ratio.resize(top+2);
    square.resize(top+2);
  }
  ratios(curvature,top,ratio.data());
  square[0] = square[1] = 1.;
  growth[1] = 1./sqrt(1.-curvature);
  for (int n=2; n <= top; n++) {
    square[n] = square[n-2]*ratio[n];
    growth[n] = (n == 2) ? 1./((1.-4.*curvature)*growth[1]) : growth[n-2]*ratio[n];
  }
  for (int n=1; n <= top; n++) growth[n] *= 2*n+1;
  scale.resize(l_number);
  scale_below.resize(l_number);
  for (int i=0; (i < l_number) && (l[i] <= top); i++) {
    scale[i] = sqrt(square[l[i]]);
    scale_below[i] = sqrt((1.-curvature*l[i]*l[i])*square[l[i]-1]);
  }
}

/* Widths of vectors, as types: a template would lose the alignment of a bare vector. */
struct Doubles2 { typedef double vector __attribute__((vector_size(16), aligned(8), may_alias)); };
struct Doubles4 { typedef double vector __attribute__((vector_size(32), aligned(8), may_alias)); };
struct Doubles8 { typedef double vector __attribute__((vector_size(64), aligned(8), may_alias)); };

/** Input of the sums over one range of nodes. */
struct Upwards {
  const double * c, * phi0, * phi1, * last_l, * weight[8];
  const double * growth, * scale, * scale_below;
  const int * l;
  int l_number;
  double * partial;
};

/** Add the contributions of `number` vectors of nodes to the sums, lane by lane. has_second: whether the second sum has weights. */
template <typename Doubles, int number, bool has_second>
static inline __attribute__((always_inline)) void sum_nodes(const Upwards & work, int begin) {
  typedef typename Doubles::vector V;
  const int width = (int)(sizeof(V)/sizeof(double));
  V below[number], here[number], c[number];
  double lowest = 1.e300, highest = 0.;
  for (int i=0; i < number*width; i++) {
    lowest = std::min(lowest,work.last_l[begin+i]);
    highest = std::max(highest,work.last_l[begin+i]);
  }
  for (int i=0; i < number; i++) {
    below[i] = *(const V *)(work.phi0+begin+i*width);
    here[i] = *(const V *)(work.phi1+begin+i*width);
    c[i] = *(const V *)(work.c+begin+i*width);
  }
  int l = 1;
  for (int index=0; (index < work.l_number) && (work.l[index] <= highest); index++) {
    for (; l+1 < work.l[index]; l += 2) {
      for (int i=0; i < number; i++) {
        below[i] = (work.growth[l]*c[i])*here[i]-below[i];
        here[i] = (work.growth[l+1]*c[i])*below[i]-here[i];
      }
    }
    for (; l < work.l[index]; l++) {
      for (int i=0; i < number; i++) {
        const V next = (work.growth[l]*c[i])*here[i]-below[i];
        below[i] = here[i];
        here[i] = next;
      }
    }
    if (l > lowest) {
      for (int i=0; i < number; i++) {
        const V last = *(const V *)(work.last_l+begin+i*width), zero = {};
        here[i] = (last < (double)l) ? zero : here[i];
        below[i] = (last < (double)l) ? zero : below[i];
      }
    }
    const double l_l_plus_1 = (double)l*(l+1.), minus_l_plus_1 = -(l+1.);
    V first = {}, second = {};
    for (int i=0; i < number; i++) {
      const V value = work.scale[index]*here[i], value_below = work.scale_below[index]*below[i];
      first += (*(const V *)(work.weight[0]+begin+i*width)+l_l_plus_1**(const V *)(work.weight[1]+begin+i*width)+minus_l_plus_1**(const V *)(work.weight[3]+begin+i*width))*value
        +*(const V *)(work.weight[2]+begin+i*width)*value_below;
      if (has_second)
        second += (*(const V *)(work.weight[4]+begin+i*width)+l_l_plus_1**(const V *)(work.weight[5]+begin+i*width)+minus_l_plus_1**(const V *)(work.weight[7]+begin+i*width))*value
          +*(const V *)(work.weight[6]+begin+i*width)*value_below;
    }
    V * partial = (V *)(work.partial+(size_t)index*2*width);
    partial[0] += first;
    if (has_second) partial[1] += second;
  }
}

template <typename Doubles, int number>
static inline __attribute__((always_inline)) void sum_all_nodes(const Upwards & work, int size) {
  const int stretch = number*(int)(sizeof(typename Doubles::vector)/sizeof(double));
  for (int begin=0; begin < size; begin += stretch) {
    bool has_second = false;
    for (int i=begin; i < begin+stretch; i++)
      has_second = has_second || (work.weight[4][i] != 0.) || (work.weight[5][i] != 0.) || (work.weight[6][i] != 0.);
    if (has_second) sum_nodes<Doubles,number,true>(work,begin);
    else sum_nodes<Doubles,number,false>(work,begin);
  }
}

/** The sums, and the width of the vectors. */
struct SumOfNodes {
  void (*add)(const Upwards &, int);
  int width;
};

static void sum_plain(const Upwards & work, int size) { sum_all_nodes<Doubles2,4>(work,size); }

#if defined(__x86_64__) && defined(__GNUC__)
__attribute__((target("avx2,fma")))
static void sum_avx2(const Upwards & work, int size) { sum_all_nodes<Doubles4,4>(work,size); }

__attribute__((target("avx512f")))
static void sum_avx512(const Upwards & work, int size) { sum_all_nodes<Doubles8,4>(work,size); }

static SumOfNodes best_sum() {
  if (__builtin_cpu_supports("avx512f")) return {sum_avx512,8};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return {sum_avx2,4};
  return {sum_plain,2};
}
#else
static SumOfNodes best_sum() { return {sum_plain,2}; }
#endif

void RadialSums::add_upwards(int l_number, double * first, double * second) {
  static const SumOfNodes sum = best_sum();
  partial.assign((size_t)l_number*2*sum.width,0.);
  Upwards work = {c.data(),phi0.data(),phi1.data(),last_l.data(),{},growth.data(),scale.data(),scale_below.data(),l.data(),
                  l_number,partial.data()};
  for (int i=0; i < weight_number; i++) work.weight[i] = weight[i].data();
  sum.add(work,node_number);
  for (int index=0; index < l_number; index++) {
    const double * lanes_of_first = &partial[(size_t)index*2*sum.width];
    for (int lane=0; lane < sum.width; lane++) {
      first[index] += lanes_of_first[lane];
      second[index] += lanes_of_first[sum.width+lane];
    }
    if (l[index] == 2) {
      double bend = 2./15.*sqrt((1.-curvature)*(1.-4.*curvature));
      first[index] += bend*bend_at_origin[0];
      second[index] += bend*bend_at_origin[1];
    }
  }
}

/** One step down: b_l Phi_{l-1} = (2l+1) c Phi_l - b_{l+1} Phi_{l+1}; below is b_l Phi_{l-1}. */
cosmicnet_for_all_processors
static void step_down(int l, double above_factor, const double * c, const double * here, const double * above,
                      double * below) {
  for (int i=0; i < together; i++) below[i] = (2*l+1)*c[i]*here[i]-above_factor*above[i];
}

/** At the samples themselves, by the recurrence downwards, which Phi_0 or Phi_1 normalises. */
void RadialSums::add_downwards(const double * distance, int begin, int end, const Samples & samples, int l_number,
                               double * first, double * second) const {
  auto b = [this] (int n) { return sqrt(std::max(0.,1.-curvature*n*n)); };
  std::vector<double> values((size_t)l_number*together), below_values((size_t)l_number*together);
  for (int from=begin; from < end; from += together) {
    int number = std::min((int)together,end-from);
    double c_[together], s[together], chi[together], start = 0.;
    for (int i=0; i < together; i++) {
      chi[i] = distance[from+std::min(i,number-1)];
      s[i] = q*space.sine(chi[i]);
      double cosK = space.cosine(chi[i]);
      c_[i] = cosK/s[i];
      start = std::max(start,s[i]+airy_units_at_start*cbrt(0.5*s[i]*cosK*cosK));
    }
    int l_start = (int)std::min(start+more_at_start,highest_l), wanted = l_number;
    while ((wanted > 0) && (l[wanted-1] > l_start)) wanted--;
    double memory[3][together], * above = memory[0], * here = memory[1], * below = memory[2];
    std::fill(above,above+together,0.);
    std::fill(here,here+together,1.e-200);
    int index = wanted-1;
    for (int n=l_start; n > 0; n--) {
      step_down(n,b(n+1),c_,here,above,below);
      if ((index >= 0) && (l[index] == n)) {
        std::copy(here,here+together,&values[(size_t)index*together]);
        std::copy(below,below+together,&below_values[(size_t)index*together]);
        index--;
      }
      double over_b = 1./b(n);
      for (int i=0; i < together; i++) below[i] *= over_b;
      double * unused = above;
      above = here;
      here = below;
      below = unused;
    }
    for (int i=0; i < number; i++) {
      double phi_0 = sin(q*chi[i])/s[i], phi_1 = (c_[i]*phi_0-cos(q*chi[i])/s[i])/b(1);
      double norm = (fabs(phi_0) > fabs(phi_1)) ? phi_0/here[i] : phi_1/above[i];
      double of_value = norm*samples.value[from+i], of_slope = norm*samples.slope[from+i];
      double of_second = norm*samples.second[from+i];
      for (int n=0; n < wanted; n++) {
        double value = values[(size_t)n*together+i];
        first[n] += of_value*value+of_slope*(below_values[(size_t)n*together+i]-(l[n]+1.)*c_[i]*value);
        second[n] += of_second*value;
      }
    }
  }
}

void RadialSums::add(const double * distance, int begin, int end, const Samples & samples, int l_number, double * first,
                     double * second) {
  if (fabs(curvature)*lowest_any_nu*lowest_any_nu > 1.) {
    add_downwards(distance,begin,end,samples,l_number,first,second);
    return;
  }
  double * w[weight_number];
  for (int i=0; i < weight_number; i++) w[i] = weight[i].data();
  node_number = collect(q,distance,begin,end,samples,
                        {x.data(),{w[phi],w[kinds+phi]},{w[slope],w[kinds+slope]},{w[l_phi],w[kinds+l_phi]}});
  prepare_nodes();
  prepare_coefficients(l_number);
  add_upwards(l_number,first,second);
}

}
