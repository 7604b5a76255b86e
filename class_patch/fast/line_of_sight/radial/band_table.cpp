/** @file band_table.cpp
 *
 * The kernel, the table of prefiltered Bessel functions, and sums over it. See band_table.h.
 */

#include <algorithm>
#include <cmath>
#include <string.h>
#include "common.h"
#include "../../crew.h"
#include "band_table.h"

namespace cosmicnet {

constexpr double BandTable::step;
constexpr double BandTable::lowest_x;

/* Half the width of the kernel in nodes; the number of cells between two nodes, in each of which it is a cubic; the number of
   neighbours on each side of which g_l is a combination. */
enum {half = BandTable::taps/2, cells = 64, neighbours = 12};

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
  /** For the lanes, the nodes next to a sample: coefficients of powers of its position in the cell, from 0 to 1. */
  float cubic[cells][4][BandTable::taps];
  /** g_l at a node as a combination of j_l there and at the neighbours. */
  double filter[neighbours+1];

private:
  static double bessel_i(int order, double x);
  double at(double u) const;
  double slope_at(double u) const;
  double transform(double k) const;
  double beta;
};

/** The modified Bessel function over (x/2)^order, for the orders 0 and 1. */
double Kernel::bessel_i(int order, double x) {
  double term = 1., sum = 1.;
  for (int m=1; term > 1.e-17*sum; m++) {
    term *= 0.25*x*x/((double)m*(m+order));
    sum += term;
  }
  return sum;
}

double Kernel::at(double u) const {
  double z = u/half;
  return (z*z < 1.) ? bessel_i(0,beta*sqrt(1.-z*z))/bessel_i(0,beta) : 0.;
}

/** The derivative, inside of the kernel. */
double Kernel::slope_at(double u) const {
  double z = u/half;
  return -0.5*beta*beta*z/half*bessel_i(1,beta*sqrt(std::max(1.-z*z,0.)))/bessel_i(0,beta);
}

/** The Fourier transform at k, |k| <= 1. */
double Kernel::transform(double k) const {
  double root = sqrt(beta*beta-pow(k*BandTable::step*half,2));
  return 2.*half*sinh(root)/root/bessel_i(0,beta);
}

Kernel::Kernel() : beta(_PI_*BandTable::taps*(1.-0.5*BandTable::step/_PI_)) {
  for (int cell=0; cell < cells; cell++) {
    for (int tap=0; tap < BandTable::taps; tap++) {
      const double h = 1./cells, u = cell*h+half-1-tap;
      const double from = at(u), to = at(u+h), slope_from = h*slope_at(u), slope_to = h*slope_at(u+h);
      cubic[cell][0][tap] = (float)from;
      cubic[cell][1][tap] = (float)slope_from;
      cubic[cell][2][tap] = (float)(3.*(to-from)-2.*slope_from-slope_to);
      cubic[cell][3][tap] = (float)(slope_from+slope_to-2.*(to-from));
    }
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
  Crew crew;
  const int nodes_per_task = 512;
  for (int begin=(int)(lowest_x/step)-half; begin < node_number; begin += nodes_per_task) {
    int end = std::min(begin+nodes_per_task,node_number);
    crew.add([this,begin,end] () {
      fill(begin,end);
      return _SUCCESS_;
    });
  }
  crew.run();
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

float * BandWeights::add(double low, double high) {
  if (open == wavenumbers_together) close();
  Row & row = rows[open++];
  row.first = (high < low) ? 0 : (int)low-half+1;
  row.end = (high < low) ? 0 : (int)high+half+1;
  row.values.assign(row.end-row.first,0.f);
  return row.values.data()-row.first;
}

void BandWeights::close() {
  if (open == 0) return;
  int lowest = no_node, highest = 0;
  for (int i=0; i < open; i++) {
    if (rows[i].first == rows[i].end) continue;
    lowest = std::min(lowest,rows[i].first);
    highest = std::max(highest,rows[i].end);
  }
  Group group = {std::min(lowest,highest),highest,nullptr};
  const int size = group.end-group.first;
  group.values.reset(new float[wavenumbers_together*size]);
  for (int i=0; i < wavenumbers_together; i++) {
    float * to = group.values.get()+i*size, * const to_end = to+size;
    if ((i < open) && (rows[i].first < rows[i].end)) {
      std::fill(to,to+(rows[i].first-group.first),0.f);
      to = std::copy(rows[i].values.begin(),rows[i].values.end(),to+(rows[i].first-group.first));
    }
    std::fill(to,to_end,0.f);
  }
  groups.push_back(std::move(group));
  open = 0;
}

/** Move the values up by some lanes, at most all; zeros follow. */
static inline __attribute__((always_inline)) void move_up(vector & values, int number) {
#ifdef __clang__
  float list[2*vector_lanes] = {};
  memcpy(list+vector_lanes,&values,sizeof(values));
  memcpy(&values,list+vector_lanes-number,sizeof(values));
#else
  typedef int integers __attribute__((vector_size(32), aligned(4), may_alias));
  const integers lane = {0,1,2,3,4,5,6,7}, from = lane-number;
  const vector moved = __builtin_shuffle(values,from & 7);
  values = (vector)((integers)moved & ~(from >> 31));
#endif
}

/* Samples of which positions and coefficients are found together. */
enum {samples_together = 64};

/** Add the samples [begin,end) to the weights around node 0, those of the second sum only if wanted. */
template <bool has_second>
static inline __attribute__((always_inline)) void spread_part(double over_step, const double * distance, int begin, int end,
                                                              const Samples & samples, float * first, float * second) {
  const float to_cell = (float)(cells/BandTable::step);
  const double over_cell = over_step*cells;
  int cell[samples_together], node = (int)(over_cell*distance[begin])/cells;
  float one[4][samples_together], two[4][samples_together];
  vector sum, second_sum;
  memcpy(&sum,first+node,sizeof(sum));
  if (has_second) memcpy(&second_sum,second+node,sizeof(sum));
  for (int start=begin; start < end; start += samples_together) {
    const int number = std::min(end-start,(int)samples_together);
    for (int i=0; i < number; i++) {
      const double position = over_cell*distance[start+i];
      cell[i] = (int)position;
      const float s = (float)(position-cell[i]), value = samples.value[start+i], slope = to_cell*samples.slope[start+i];
      one[0][i] = value;
      one[1][i] = s*value+slope;
      one[2][i] = s*(s*value+2.f*slope);
      one[3][i] = s*s*(s*value+3.f*slope);
      if (has_second) {
        const float other = samples.second[start+i];
        two[0][i] = other;
        two[1][i] = s*other;
        two[2][i] = s*s*other;
        two[3][i] = s*s*s*other;
      }
    }
    for (int i=0; i < number; i++) {
      const int new_node = cell[i]/cells, down = std::min(node-new_node,(int)vector_lanes);
      const vector * c = (const vector *)kernel.cubic[cell[i]%cells];
      node = new_node;
      move_up(sum,down);
      sum += (one[0][i]*c[0]+one[1][i]*c[1])+(one[2][i]*c[2]+one[3][i]*c[3]);
      /* the lanes that later samples change too are stored again */
      memcpy(first+node,&sum,sizeof(sum));
      if (has_second) {
        move_up(second_sum,down);
        second_sum += (two[0][i]*c[0]+two[1][i]*c[1])+(two[2][i]*c[2]+two[3][i]*c[3]);
        memcpy(second+node,&second_sum,sizeof(sum));
      }
    }
  }
}

cosmicnet_for_all_processors
static void spread_samples(double over_step, const double * distance, int begin, int end, const Samples & samples,
                           float * first, float * second, int second_begin, int second_end) {
  if (begin < second_begin) spread_part<false>(over_step,distance,begin,second_begin,samples,first,second);
  if (second_begin < second_end) spread_part<true>(over_step,distance,second_begin,second_end,samples,first,second);
  if (second_end < end) spread_part<false>(over_step,distance,second_end,end,samples,first,second);
}

double spread(double q, const double * distance, int begin, int end, const Samples & samples, BandSums & sums) {
  auto is_second = [&] (int i) { return samples.second[i] != 0.f; };
  auto is_there = [&] (int i) { return (samples.value[i] != 0.f) || (samples.slope[i] != 0.f) || is_second(i); };
  while ((begin < end) && !is_there(begin)) begin++;
  while ((begin < end) && !is_there(end-1)) end--;
  int second_begin = begin, second_end = end;
  while ((second_begin < second_end) && !is_second(second_end-1)) second_end--;
  while ((second_begin < second_end) && !is_second(second_begin)) second_begin++;
  const double over_step = q/BandTable::step;
  /* the first lane belongs to half-1 nodes below the sample */
  auto add = [&] (BandWeights & weights, int from, int to) {
    return (from < to) ? weights.add(over_step*distance[to-1],over_step*distance[from])-(half-1) : weights.add(0.,-1.);
  };
  float * first = add(sums.first,begin,end), * second = add(sums.second,second_begin,second_end);
  if (begin == end) return no_node;
  if (second_begin == second_end) second_begin = second_end = end;
  spread_samples(over_step,distance,begin,end,samples,first,second,second_begin,second_end);
  return q*distance[end-1];
}

/* Widths of vectors, as types: a template would lose the alignment of a bare vector. */
struct Band4 { typedef float vector __attribute__((vector_size(16), aligned(4), may_alias)); };
struct Band8 { typedef float vector __attribute__((vector_size(32), aligned(4), may_alias)); };
struct Band16 { typedef float vector __attribute__((vector_size(64), aligned(4), may_alias)); };

/** Nodes [from,to) of the first sum, of which [from2,to2) are nodes of the second one too; the weights of the first
    wavenumber at node 0, and the distance to those of the next. */
struct BandRange {
  const float * w, * w2;
  ptrdiff_t apart, apart2;
  int from, to, from2, to2;
};

/** Nodes [from,to) of `number` blocks, in one or both sums. */
template <typename Floats, int number, int sums>
static inline __attribute__((always_inline)) void sum_nodes(const float * const row[], const BandRange & range, int from, int to,
                                                            typename Floats::vector (&first)[wavenumbers_together][number],
                                                            typename Floats::vector (&second)[wavenumbers_together][number]) {
  typedef typename Floats::vector V;
  for (int n=from; n < to; n++) {
    V g[number];
    for (int b=0; b < number; b++) g[b] = *(const V *)(row[b]+(ptrdiff_t)n*lanes);
    for (int i=0; i < wavenumbers_together; i++) {
      for (int b=0; b < number; b++) first[i][b] += range.w[i*range.apart+n]*g[b];
      if (sums == 2) {
        for (int b=0; b < number; b++) second[i][b] += range.w2[i*range.apart2+n]*g[b];
      }
    }
  }
}

/** The targets of one wavenumber, and the distance to those of the next. */
struct BandTarget {
  float * first, * second;
  int stride;
};

template <typename Floats, int number>
static inline __attribute__((always_inline)) void sum_blocks(const float * const zero_node[], const BandRange & range,
                                                             const BandTarget & target) {
  typedef typename Floats::vector V;
  const int width = (int)(sizeof(V)/sizeof(float));
  for (int start=0; start < lanes; start += width) {
    V sum[wavenumbers_together][number] = {}, sum2[wavenumbers_together][number] = {};
    const float * row[number];
    for (int b=0; b < number; b++) row[b] = zero_node[b]+start;
    sum_nodes<Floats,number,1>(row,range,range.from,range.from2,sum,sum2);
    sum_nodes<Floats,number,2>(row,range,range.from2,range.to2,sum,sum2);
    sum_nodes<Floats,number,1>(row,range,range.to2,range.to,sum,sum2);
    for (int i=0; i < wavenumbers_together; i++) {
      for (int b=0; b < number; b++) {
        *(V *)(target.first+i*target.stride+b*lanes+start) += sum[i][b];
        *(V *)(target.second+i*target.stride+b*lanes+start) += sum2[i][b];
      }
    }
  }
}

typedef void band_function(const float * const[], int, const BandRange &, const BandTarget &);

/* One block or two, as many as leave all sums in registers. */
template <typename Floats>
static inline __attribute__((always_inline)) void sum_one_by_one(const float * const zero_node[], int number,
                                                                 const BandRange & range, BandTarget target) {
  for (int b=0; b < number; b++) {
    sum_blocks<Floats,1>(zero_node+b,range,target);
    target.first += lanes;
    target.second += lanes;
  }
}

static void band_plain(const float * const zero_node[], int number, const BandRange & range, const BandTarget & target) {
  sum_one_by_one<Band4>(zero_node,number,range,target);
}

#if defined(__x86_64__) && defined(__GNUC__)
__attribute__((target("avx2,fma")))
static void band_avx2(const float * const zero_node[], int number, const BandRange & range, const BandTarget & target) {
  sum_one_by_one<Band8>(zero_node,number,range,target);
}

__attribute__((target("avx512f")))
static void band_avx512(const float * const zero_node[], int number, const BandRange & range, const BandTarget & target) {
  if (number == 2) sum_blocks<Band16,2>(zero_node,range,target);
  else sum_blocks<Band16,1>(zero_node,range,target);
}

static band_function * best_band() {
  if (__builtin_cpu_supports("avx512f")) return band_avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return band_avx2;
  return band_plain;
}
#else
static band_function * best_band() { return band_plain; }
#endif

void add_band(const BandTable & table, int first_block, int number, const BandSums & sums, int group, int highest,
              float * first, float * second, int stride) {
  static band_function * const sum = best_band();
  const BandWeights::Group & one = sums.first.groups[group], & two = sums.second.groups[group];
  auto range_of = [&] (int from, int to) {
    BandRange range = {one.at_zero(),two.at_zero(),one.end-one.first,two.end-two.first,std::max(from,one.first),
                       std::min(to,one.end),0,0};
    range.to = std::max(range.to,range.from);
    range.from2 = std::min(std::max(range.from,two.first),range.to);
    range.to2 = std::max(std::min(range.to,two.end),range.from2);
    return range;
  };
  const float * zero_node[blocks_together];
  for (int b=0; b < number; b++) zero_node[b] = table.row(first_block+b,0);
  /* the nodes that all blocks have, and those that only the first one has */
  int end = std::min(highest+1,table.end_node[first_block]), last = first_block+number-1;
  const BandTarget target = {first,second,stride};
  sum(zero_node,number,range_of(table.first_node[last],std::min(end,table.end_node[last])),target);
  if (number == 2) sum(zero_node,1,range_of(table.first_node[first_block],std::min(table.first_node[last],end)),target);
}

}
