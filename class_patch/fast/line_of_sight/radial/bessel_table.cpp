/** @file bessel_table.cpp
 *
 * Makes and keeps the table of spherical Bessel functions. See bessel_table.h.
 */

#include <cmath>
#include <pthread.h>
#include "common.h"
#include "../../crew.h"
#include "bessel_table.h"

namespace cosmicnet {

constexpr double BesselTable::step;

/* Nodes that one recurrence carries at once. */
enum {together = nodes_at_once};

/* Smaller values count as zero. The first peak of j_l has a height of about 1/l^(5/6), 4e-4 for l = 10000. */
static const double negligible = 1.e-9;

/** Multipole from which on j_l(x) is below 1e-16, from Airy's function beyond the turning point. */
static int vanishing_multipole(double x) {
  return (int)(x + 15.*cbrt(0.5*x)) + 20;
}

/** j_l ~ Ai(s)/l^(5/6) with s = (l+1/2-x)/(l/2)^(1/3) beyond the turning point at l + 1/2. */
double negligible_below(int l) { return std::max(l + 0.5 - 8.5*cbrt(0.5*l),0.); }

/** The first node of each block, from its lowest multipole. */
static int first_needed_node(int l) {
  double x = negligible_below(l);
  return (x > BesselTable::step) ? (int)(x/BesselTable::step) : 0;
}

BesselTable::BesselTable(const int * l_list, int size, double x_max, double x_band)
  : l(l_list,l_list+size), l_size(size), block_number((size+lanes-1)/lanes),
    node_number((int)(table_margin*std::min(x_max,hypot(l_list[size-1],x_band))/step)+2), x_band(x_band) {
  size_t total = 0;
  l.resize((size_t)block_number*lanes,l.back());
  for (int value : l) l_l_plus_1.push_back((float)value*(value+1.f));
  for (int block=0; block < block_number; block++) {
    int first = first_needed_node(l[block*lanes]);
    int last_l = l[std::min(block+(int)blocks_together,block_number)*lanes-1];
    end_node.push_back(std::min(node_number,(int)(table_margin*hypot(last_l,x_band)/step)+2));
    first_node.push_back(std::min(first,end_node[block]));
    offset.push_back(total);
    total += (size_t)(end_node[block]-first_node[block])*2*lanes;
  }
  rows.allocate(total);
  two_over_x.assign(node_number,0.f);
  one_over_x2.assign(node_number,0.f);
  for (int node=1; node < node_number; node++) {
    two_over_x[node] = (float)(2./(node*step));
    one_over_x2[node] = (float)(1./(node*step*node*step));
  }
  Crew crew;
  const int nodes_per_task = 32*together;
  for (int begin=0; begin < node_number; begin += nodes_per_task) {
    int end = std::min(begin+nodes_per_task,node_number);
    crew.add([this,begin,end] () {
      fill(begin,end);
      return _SUCCESS_;
    });
  }
  crew.run();
}

/** One step down of the recurrence at all nodes: j_{l-1} = (2l+1)/x j_l - j_{l+1}. */
cosmicnet_for_all_processors
static void recur(int l_start, const double * over_x, const int * wanted, int wanted_size,
                  double * values, double * derivatives, double * j0, double * j1) {
  double current[together], above[together], below[together];
  int index = wanted_size-1;
  for (int i=0; i < together; i++) {
    above[i] = 0.;
    current[i] = 1.e-200;
  }
  for (int l=l_start; l > 0; l--) {
    for (int i=0; i < together; i++) below[i] = (2*l+1)*over_x[i]*current[i] - above[i];
    for (; (index >= 0) && (wanted[index] == l); index--) {
      for (int i=0; i < together; i++) {
        values[index*together+i] = current[i];
        derivatives[index*together+i] = below[i] - (l+1)*over_x[i]*current[i];
      }
    }
    for (int i=0; i < together; i++) {
      above[i] = current[i];
      current[i] = below[i];
    }
  }
  for (int i=0; i < together; i++) {
    j0[i] = current[i];
    j1[i] = above[i];
  }
}

/** By Miller's algorithm: the recurrence runs downwards from an l where j_l vanishes, which is stable at every x, and the
    known j_0 or j_1 normalises it. */
void bessel_functions(const std::vector<int> & l, int begin, double step, double * values, double * derivatives) {
  double over_x[together], norm[together], j0[together], j1[together];
  int l_start = vanishing_multipole((begin+together)*step);
  /* multipoles beyond the start of the recurrence are zero; some of them are stored */
  int size = (int)l.size(), wanted = size;
  while ((wanted > 0) && (l[wanted-1] > l_start)) wanted--;
  for (int i=0; i < together; i++) over_x[i] = 1./(std::max(begin+i,1)*step);
  recur(l_start,over_x,l.data(),wanted,values,derivatives,j0,j1);
  for (int i=0; i < together; i++) {
    double x = 1./over_x[i];
    double exact_j0 = sin(x)/x, exact_j1 = (sin(x)/x-cos(x))/x;
    norm[i] = (fabs(exact_j0) > fabs(exact_j1)) ? exact_j0/j0[i] : exact_j1/j1[i];
  }
  for (int index=0; index < size; index++) {
    for (int i=0; i < together; i++) {
      values[index*together+i] = (index < wanted) ? norm[i]*values[index*together+i] : 0.;
      derivatives[index*together+i] = (index < wanted) ? norm[i]*derivatives[index*together+i] : 0.;
    }
  }
}

/** Rows of the nodes [node_begin,node_end). */
void BesselTable::fill(int node_begin, int node_end) {
  size_t padded = (size_t)block_number*lanes;
  std::vector<double> values(padded*together), derivatives(padded*together);
  for (int begin=node_begin; begin < node_end; begin += together) {
    bessel_functions(l,begin,step,values.data(),derivatives.data());
    for (int block=0; block < block_number; block++) {
      for (int i=0; (i < together) && (begin+i < node_end); i++) {
        if ((begin+i < first_node[block]) || (begin+i >= end_node[block])) continue;
        float * to = const_cast<float *>(row(block,begin+i));
        for (int lane=0; lane < lanes; lane++) {
          int index = block*lanes+lane;
          double value = values[(size_t)index*together+i], derivative = derivatives[(size_t)index*together+i];
          if (begin+i == 0) { /* j_l''(0) in place of j_l */
            value = (l[index] == 2) ? 2./15. : 0.;
            derivative = 0.;
          }
          /* no denormal numbers, which are slow */
          to[lane] = (fabs(value) > negligible*negligible) ? (float)value : 0.f;
          to[lanes+lane] = (fabs(derivative) > negligible*negligible) ? (float)derivative : 0.f;
        }
      }
    }
  }
}

bool BesselTable::serves(const int * l_list, int size, double x_max, double band) const {
  return (size == l_size) && std::equal(l_list,l_list+size,l.begin()) && (band < table_margin*x_band)
    && (std::min(x_max,hypot(l_list[size-1],band)) < (node_number-1)*step);
}

/* without these, a process forked while another thread makes a table would wait for ever */
static void lock_table() { table_mutex().lock(); }
static void unlock_table() { table_mutex().unlock(); }

std::mutex & table_mutex() {
  static std::mutex mutex;
  static const int at_fork = pthread_atfork(lock_table,unlock_table,unlock_table);
  (void)at_fork;
  return mutex;
}

std::shared_ptr<const BesselTable> bessel_table(const int * l, int l_size, double x_max, double x_band) {
  return kept_table<BesselTable>(l,l_size,x_max,x_band);
}

}
