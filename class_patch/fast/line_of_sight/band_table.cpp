/** @file band_table.cpp
 *
 * The kernel, the table of prefiltered Bessel functions, and sums over it. See band_table.h.
 */

#include <algorithm>
#include <cmath>
#include "common.h"
#include "parallel.h"
#include "band_table.h"
#include "quintic.h"

namespace cosmicnet {

constexpr double BandTable::step;
constexpr double BandTable::lowest_x;

/* Half the width of the kernel in nodes; degrees of the polynomials that represent it between two nodes; the number of
   neighbours on each side of which g_l is a combination. */
enum {half = BandTable::taps/2, degree = 8, neighbours = 12};

/** Solve a small system of linear equations, by elimination with pivots. */
static std::vector<double> solve(std::vector<std::vector<double>> matrix, std::vector<double> right) {
  int n = (int)right.size();
  for (int column=0; column < n; column++) {
    int pivot = column;
    for (int i=column+1; i < n; i++) if (fabs(matrix[i][column]) > fabs(matrix[pivot][column])) pivot = i;
    std::swap(matrix[column],matrix[pivot]);
    std::swap(right[column],right[pivot]);
    for (int i=column+1; i < n; i++) {
      double factor = matrix[i][column]/matrix[column][column];
      for (int m=column; m < n; m++) matrix[i][m] -= factor*matrix[column][m];
      right[i] -= factor*right[column];
    }
  }
  for (int i=n-1; i >= 0; i--) {
    for (int m=i+1; m < n; m++) right[i] -= matrix[i][m]*right[m];
    right[i] /= matrix[i][i];
  }
  return right;
}

/** Chebyshev's nodes between two numbers. */
static double chebyshev_node(int i, int number, double from, double to) {
  return 0.5*(from+to)-0.5*(to-from)*cos(_PI_*(i+0.5)/number);
}

/** The kernel of Kaiser and Bessel, I_0(beta sqrt(1-z^2)), z = u/half, with the usual beta for nodes of this step. */
class Kernel {
public:
  Kernel();
  /** For the lanes, the nodes next to a sample at a position t between two of them: coefficients of powers of t. */
  float value[degree+1][BandTable::taps], slope[degree][BandTable::taps];
  /** g_l at a node as a combination of j_l there and at the neighbours. */
  double filter[neighbours+1];

private:
  static double bessel_i0(double x);
  double at(double u) const;
  double transform(double k) const;
  double beta;
};

double Kernel::bessel_i0(double x) {
  double term = 1., sum = 1.;
  for (int m=1; term > 1.e-17*sum; m++) {
    term *= 0.25*x*x/((double)m*m);
    sum += term;
  }
  return sum;
}

double Kernel::at(double u) const {
  double z = u/half;
  return (z*z < 1.) ? bessel_i0(beta*sqrt(1.-z*z))/bessel_i0(beta) : 0.;
}

/** The Fourier transform at k, |k| <= 1. */
double Kernel::transform(double k) const {
  double root = sqrt(beta*beta-pow(k*BandTable::step*half,2));
  return 2.*half*sinh(root)/root/bessel_i0(beta);
}

Kernel::Kernel() : beta(_PI_*BandTable::taps*(1.-0.5*BandTable::step/_PI_)) {
  for (int tap=0; tap < BandTable::taps; tap++) {
    std::vector<std::vector<double>> powers;
    std::vector<double> values;
    for (int i=0; i <= degree; i++) {
      double t = chebyshev_node(i,degree+1,0.,1.);
      powers.push_back({});
      for (int m=0; m <= degree; m++) powers.back().push_back(pow(t,m));
      values.push_back(at(t+half-1-tap));
    }
    std::vector<double> coefficient = solve(powers,values);
    for (int m=0; m <= degree; m++) value[m][tap] = (float)coefficient[m];
    for (int m=1; m <= degree; m++) slope[m-1][tap] = (float)(m*coefficient[m]/BandTable::step);
  }
  /* sum_m filter_m cos(m k step) = 1/transform(k) at |k| <= 1, by interpolation in cos(k step) */
  std::vector<std::vector<double>> cosines;
  std::vector<double> inverse;
  for (int i=0; i <= neighbours; i++) {
    double angle = acos(chebyshev_node(i,neighbours+1,cos(BandTable::step),1.));
    cosines.push_back({});
    for (int m=0; m <= neighbours; m++) cosines.back().push_back(cos(m*angle));
    inverse.push_back(1./transform(angle/BandTable::step));
  }
  std::vector<double> found = solve(cosines,inverse);
  for (int m=0; m <= neighbours; m++) filter[m] = (m == 0) ? found[0] : 0.5*found[m];
}

static const Kernel kernel;

BandTable::BandTable(const int * l_list, int size, double x_max, double x_band)
  : l(l_list,l_list+size), l_size(size), block_number((size+lanes-1)/lanes),
    node_number((int)(table_margin*std::min(x_max,hypot(l_list[size-1],x_band))/step)+taps), x_band(x_band) {
  size_t total = 0;
  l.resize((size_t)block_number*lanes,l.back());
  for (int block=0; block < block_number; block++) {
    int last_l = l[std::min(block+(int)blocks_together,block_number)*lanes-1];
    int lowest = (int)(std::max(lowest_x,negligible_below(l[block*lanes]))/step)-half;
    end_node.push_back(std::min(node_number,(int)(table_margin*hypot(last_l,x_band)/step)+taps));
    first_node.push_back(std::min(lowest,end_node[block]));
    offset.push_back(total);
    total += (size_t)(end_node[block]-first_node[block])*lanes;
  }
  rows.allocate(total);
  Tools::TaskSystem task_system;
  std::vector<std::future<int>> done;
  const int nodes_per_task = 512;
  for (int begin=(int)(lowest_x/step)-half; begin < node_number; begin += nodes_per_task) {
    int end = std::min(begin+nodes_per_task,node_number);
    done.push_back(task_system.AsyncTask([this,begin,end] () {fill(begin,end); return _SUCCESS_;}));
  }
  for (std::future<int> & task : done) task.get();
}

/** The combination of neighbours for one block. */
cosmicnet_for_all_processors
static void prefilter(const double * at_node, size_t stride, float * to) {
  double sum[lanes];
  for (int lane=0; lane < lanes; lane++) sum[lane] = kernel.filter[0]*at_node[lane];
  for (int m=1; m <= neighbours; m++) {
    const double * before = at_node-m*stride, * after = at_node+m*stride;
    for (int lane=0; lane < lanes; lane++) sum[lane] += kernel.filter[m]*(before[lane]+after[lane]);
  }
  /* no denormal numbers, which are slow */
  for (int lane=0; lane < lanes; lane++) to[lane] = (fabs(sum[lane]) > 1.e-18) ? (float)sum[lane] : 0.f;
}

/** Rows of the nodes [node_begin,node_end). */
void BandTable::fill(int node_begin, int node_end) {
  size_t padded = l.size();
  int begin = node_begin-neighbours, number = node_end-node_begin+2*neighbours;
  number = (number+nodes_at_once-1)/nodes_at_once*nodes_at_once;
  /* blocks that have some of these nodes */
  int first_block = 0, end_block = block_number;
  while ((first_block < end_block) && (end_node[first_block] <= node_begin)) first_block++;
  while ((first_block < end_block) && (first_node[end_block-1] >= node_end)) end_block--;
  std::vector<double> j(number*padded), values(padded*nodes_at_once), derivatives(padded*nodes_at_once);
  for (int node=0; node < number; node += nodes_at_once) {
    bessel_functions(l,begin+node,step,values.data(),derivatives.data());
    for (int index=first_block*lanes; index < end_block*lanes; index++)
      for (int i=0; i < nodes_at_once; i++) j[(node+i)*padded+index] = values[index*nodes_at_once+i];
  }
  for (int block=first_block; block < end_block; block++) {
    int from = std::max(node_begin,first_node[block]), to = std::min(node_end,end_node[block]);
    for (int node=from; node < to; node++)
      prefilter(&j[(node-begin)*padded+block*lanes],padded,const_cast<float *>(row(block,node)));
  }
}

bool BandTable::serves(const int * l_list, int size, double x_max, double band) const {
  return (size == l_size) && std::equal(l_list,l_list+size,l.begin()) && (band < table_margin*x_band)
    && (std::min(x_max,hypot(l_list[size-1],band)) < (node_number-taps)*step);
}

std::shared_ptr<const BandTable> band_table(const int * l, int l_size, double x_max, double x_band) {
  return kept_table<BandTable>(l,l_size,x_max,x_band);
}

void BandWeights::add(double low, double high) {
  begin.push_back(values.size());
  first.push_back((int)low-half+1);
  end.push_back((high < low) ? first.back() : (int)high+half+1);
  values.resize(values.size()+(end.back()-first.back()),0.f);
}

static inline __attribute__((always_inline)) void add_to(float * to, const vector & sum) {
  *(vector *)to += sum;
}

cosmicnet_for_all_processors
static void spread_samples(double over_step, const double * distance, int begin, int end, const Samples & samples,
                           float * first, float * second) {
  vector sum = {}, second_sum = {}, basis, basis_slope;
  int node = -1;
  bool has_second = false;
  for (int i=begin; i < end; i++) {
    double position = over_step*distance[i];
    int new_node = (int)position;
    float t = (float)(position-new_node);
    if (new_node != node) {
      if (node >= 0) {
        add_to(first+node,sum);
        if (has_second) add_to(second+node,second_sum);
        sum = second_sum = vector{};
        has_second = false;
      }
      node = new_node;
    }
    horner<degree>(kernel.value,t,&basis);
    horner<degree-1>(kernel.slope,t,&basis_slope);
    sum += samples.value[i]*basis + samples.slope[i]*basis_slope;
    second_sum += samples.second[i]*basis;
    has_second = has_second || (samples.second[i] != 0.f);
  }
  if (node >= 0) {
    add_to(first+node,sum);
    if (has_second) add_to(second+node,second_sum);
  }
}

void spread(double q, const double * distance, int begin, int end, const Samples & samples, BandSums & sums) {
  auto is_second = [&] (int i) { return samples.second[i] != 0.f; };
  auto is_there = [&] (int i) { return (samples.value[i] != 0.f) || (samples.slope[i] != 0.f) || is_second(i); };
  while ((begin < end) && !is_there(begin)) begin++;
  while ((begin < end) && !is_there(end-1)) end--;
  int second_begin = begin, second_end = end, wavenumber = (int)sums.lowest.size();
  while ((second_begin < second_end) && !is_second(second_begin)) second_begin++;
  while ((second_begin < second_end) && !is_second(second_end-1)) second_end--;
  const double over_step = q/BandTable::step;
  auto add = [&] (BandWeights & weights, int from, int to) {
    if (from < to) weights.add(over_step*distance[to-1],over_step*distance[from]);
    else weights.add(0.,-1.);
  };
  add(sums.first,begin,end);
  add(sums.second,second_begin,second_end);
  sums.lowest.push_back((begin < end) ? q*distance[end-1] : (double)no_node);
  if (begin == end) return;
  /* the first lane belongs to half-1 nodes below the sample */
  spread_samples(over_step,distance,begin,end,samples,sums.first.at(wavenumber,1-half),
                 sums.second.at(wavenumber,1-half));
}

/* Widths of vectors, as types: a template would lose the alignment of a bare vector. */
struct Band4 { typedef float vector __attribute__((vector_size(16), aligned(4), may_alias)); };
struct Band8 { typedef float vector __attribute__((vector_size(32), aligned(4), may_alias)); };
struct Band16 { typedef float vector __attribute__((vector_size(64), aligned(4), may_alias)); };

/** Successive nodes of one block, or of two. */
template <typename Floats, int number, int sums>
static inline __attribute__((always_inline)) void sum_nodes(const float * const row[], const float * w, const float * w2,
                                                            int size, typename Floats::vector * first,
                                                            typename Floats::vector * second) {
  typedef typename Floats::vector V;
  /* two chains of additions for each sum */
  V odd[number] = {}, odd2[number] = {};
  int n = 0;
  for (; n+1 < size; n += 2) {
    for (int b=0; b < number; b++) {
      const V g = *(const V *)(row[b]+(size_t)n*lanes), h = *(const V *)(row[b]+(size_t)(n+1)*lanes);
      first[b] += w[n]*g;
      odd[b] += w[n+1]*h;
      if (sums == 2) {
        second[b] += w2[n]*g;
        odd2[b] += w2[n+1]*h;
      }
    }
  }
  for (int b=0; b < number; b++) {
    if (n < size) {
      const V g = *(const V *)(row[b]+(size_t)n*lanes);
      first[b] += w[n]*g;
      if (sums == 2) second[b] += w2[n]*g;
    }
    first[b] += odd[b];
    if (sums == 2) second[b] += odd2[b];
  }
}

/** Nodes [from,to) of the first sum, of which [from2,to2) are nodes of the second one too. */
struct BandRange {
  const float * w, * w2;
  int from, to, from2, to2;
};

template <typename Floats, int number>
static inline __attribute__((always_inline)) void sum_blocks(const float * const zero_node[], const BandRange & range,
                                                             float * const first[], float * const second[]) {
  typedef typename Floats::vector V;
  const int width = (int)(sizeof(V)/sizeof(float));
  for (int start=0; start < lanes; start += width) {
    V sum[number] = {}, sum2[number] = {};
    auto add_part = [&] (int from, int to, bool has_second) __attribute__((always_inline)) {
      const float * row[number];
      for (int b=0; b < number; b++) row[b] = zero_node[b]+(ptrdiff_t)from*lanes+start;
      if (has_second) sum_nodes<Floats,number,2>(row,range.w+from,range.w2+from,to-from,sum,sum2);
      else sum_nodes<Floats,number,1>(row,range.w+from,NULL,to-from,sum,sum2);
    };
    add_part(range.from,range.from2,false);
    add_part(range.from2,range.to2,true);
    add_part(range.to2,range.to,false);
    for (int b=0; b < number; b++) {
      *(V *)(first[b]+start) += sum[b];
      *(V *)(second[b]+start) += sum2[b];
    }
  }
}

typedef void band_function(const float * const[], int, const BandRange &, float * const[], float * const[]);

template <typename Floats>
static inline __attribute__((always_inline)) void sum_any(const float * const zero_node[], int number, const BandRange & range,
                                                          float * const first[], float * const second[]) {
  if (number == 2) sum_blocks<Floats,2>(zero_node,range,first,second);
  else sum_blocks<Floats,1>(zero_node,range,first,second);
}

static void band_plain(const float * const zero_node[], int number, const BandRange & range, float * const first[],
                       float * const second[]) {
  sum_any<Band4>(zero_node,number,range,first,second);
}

#if defined(__x86_64__) && defined(__GNUC__)
__attribute__((target("avx2,fma")))
static void band_avx2(const float * const zero_node[], int number, const BandRange & range, float * const first[],
                      float * const second[]) {
  sum_any<Band8>(zero_node,number,range,first,second);
}

__attribute__((target("avx512f")))
static void band_avx512(const float * const zero_node[], int number, const BandRange & range, float * const first[],
                        float * const second[]) {
  sum_any<Band16>(zero_node,number,range,first,second);
}

static band_function * best_band() {
  if (__builtin_cpu_supports("avx512f")) return band_avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return band_avx2;
  return band_plain;
}
#else
static band_function * best_band() { return band_plain; }
#endif

void add_band(const BandTable & table, int first_block, int number, const BandSums & sums, int wavenumber, int highest,
              float * first, float * second) {
  static band_function * const sum = best_band();
  const BandWeights & one = sums.first, & two = sums.second;
  /* all nodes that any of the blocks has; where only the first one has them, it is summed alone */
  auto range_of = [&] (int from, int to) {
    BandRange range = {one.at(wavenumber,0),two.at(wavenumber,0),std::max(from,one.first[wavenumber]),
                       std::min(to,one.end[wavenumber]),0,0};
    range.to = std::max(range.to,range.from);
    range.from2 = std::min(std::max(range.from,two.first[wavenumber]),range.to);
    range.to2 = std::max(std::min(range.to,two.end[wavenumber]),range.from2);
    return range;
  };
  const float * zero_node[blocks_together];
  float * to_first[blocks_together], * to_second[blocks_together];
  for (int b=0; b < number; b++) {
    zero_node[b] = table.row(first_block+b,0);
    to_first[b] = first+b*lanes;
    to_second[b] = second+b*lanes;
  }
  int end = std::min(highest+1,table.end_node[first_block]), last = number-1;
  int common = table.first_node[first_block+last];
  sum(zero_node,number,range_of(common,std::min(end,table.end_node[first_block+last])),to_first,to_second);
  if (number == 2) sum(zero_node,1,range_of(table.first_node[first_block],std::min(common,end)),to_first,to_second);
}

}
