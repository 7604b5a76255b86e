/** @file tensor_transfer.cpp
 *
 * Transfer functions of tensor modes. See tensor_transfer.h.
 *
 * With x = k(tau0-tau), and j'' from the Bessel equation, CLASS's flat radial functions give
 *
 *    T_l = sqrt(3/8 (l+2)!/(l-2)!) int dtau S_2/x^2 j_l
 *    E_l = 1/2 int dtau S_P [(1/x^2-1) j_l + 1/x j_l'] + 1/4 l(l+1) int dtau S_P/x^2 j_l
 *    B_l = 1/2 int dtau S_P [2/x j_l + j_l'],
 *
 * four sums, made two at a time: those of E, then those of B and T. Curved space has Phi_l for j_l, q/k dPhi_l/dx for j_l',
 * cosK/(k sinK) for 1/x, (k sinK)^-2 for 1/x^2, and 1+4K/k^2 for 1 in E. All functions are divided by
 * s = sqrt((1-K/k^2)(1+2K/k^2)), and B is multiplied by q/k. q^2 = k^2+3K.
 */

#include <algorithm>
#include <cmath>
#include "../crew.h"
#include "radial/node_sums.h"
#include "source_spline.h"
#include "fast_line_of_sight.h"
#include "tensor_transfer.h"

namespace cosmicnet {

/* Wavenumbers of one task. */
enum {wavenumbers_per_task = 64};

/* Samples below this x are treated as x = 0, where only l = 2 contributes. */
static const double smallest_x = 1.e-3;

/* Samples of the polarisation below this fraction of the largest one are left out. */
static const float negligible_part = 1.e-6f;

/* The late source of the temperature is faded out where the distance of samples in x lies between these: such samples
   resolve neither the source nor the radial functions. */
static const float fade_from = 12.f, fade_to = 18.f;

/* Waves decay within the horizon: x above this contributes about 1e-4 of a spectrum. */
static inline double largest_x(int l) { return 1500.+6.*l; }

struct TensorTransfer {
  struct perturbations * ppt;
  struct transfer * ptr;
  Space space;
  std::shared_ptr<const BesselTable> table;
  double largest_x_beyond_l;
  int index_md, l_size;
  bool has_t, has_p;
  /** Of the samples: distances tau0-tau, weights of the integral over time, 1/sinK and cosK/sinK, the larger distance to a neighbour. */
  std::vector<double> distance, weight, over_sine, cotangent, gap;
  std::unique_ptr<SourceSpline> sources;
  int stride;

  void prepare_times(const double * tau, int size, double tau0);
  void prepare_sources();
  void integrate(int begin, int end) const;
  void store(int index_l, int index_q, const double * sum) const;
  float * transfer(int index_tt, int index_l) const { return transfer_row(ptr,index_md,0,index_tt,index_l); }
};

/* The sums at one wavenumber and multipole. */
enum {e_first, e_second, b, t, sum_number};

void TensorTransfer::prepare_times(const double * tau, int size, double tau0) {
  weight = cubic_weights(tau,size);
  for (int i=0; i < size; i++) {
    distance.push_back(tau0-tau[i]);
    double before = (i > 0) ? tau[i]-tau[i-1] : 0., after = (i+1 < size) ? tau[i+1]-tau[i] : 0.;
    /* the last step ends today, however short it is */
    gap.push_back((i+1 < size) ? std::max(before,after) : gap.back());
    double sine = (distance[i] > 0.) ? space.sine(distance[i]) : 0.;
    over_sine.push_back((sine > 0.) ? 1./sine : 0.);
    cotangent.push_back((sine > 0.) ? space.cosine(distance[i])/sine : 0.);
  }
  stride = round_up(size);
}

/** S_P dtau and S_2 dtau, one after the other. */
void TensorTransfer::prepare_sources() {
  int k_size = ppt->k_size[index_md], k_size_cl = ppt->k_size_cl[index_md];
  sources.reset(new SourceSpline(ppt->k[index_md],k_size_cl,2*stride));
  const double * p = has_p ? ppt->sources[index_md][ppt->index_tp_p] : NULL;
  const double * t2 = has_t ? ppt->sources[index_md][ppt->index_tp_t2] : NULL;
  for (int index_k=0; index_k < k_size_cl; index_k++) {
    float * row = sources->row(index_k);
    std::fill(row,row+2*stride,0.f);
    for (size_t i=0; i < weight.size(); i++) {
      if (has_p) row[i] = (float)(p[i*k_size+index_k]*weight[i]);
      if (has_t) row[stride+i] = (float)(t2[i*k_size+index_k]*weight[i]);
    }
  }
  sources->spline(0,2*stride);
}

/** Temperature and polarisation from their sums. */
void TensorTransfer::store(int index_l, int index_q, const double * sum) const {
  double l = ptr->l[index_l];
  if (has_t) transfer(ptr->index_tt_t2,index_l)[index_q] = (float)(sqrt(3./8.*(l+2.)*(l+1.)*l*(l-1.))*sum[t]);
  if (has_p) {
    transfer(ptr->index_tt_e,index_l)[index_q] = (float)(0.5*sum[e_first]+0.25*l*(l+1.)*sum[e_second]);
    transfer(ptr->index_tt_b,index_l)[index_q] = (float)(0.5*sum[b]);
  }
}

/** The wavenumbers [begin,end). */
void TensorTransfer::integrate(int begin, int end) const {
  int sample_number = (int)distance.size(), size = end-begin;
  bool is_flat = (space.K == 0.);
  std::vector<float> at_q(sources->columns);
  Samples of_e(stride), of_b_and_t(stride);
  NodeLists lists_of_e(is_flat ? size : 0,sample_number), lists_of_b_and_t(is_flat ? size : 0,sample_number);
  RadialSums sums(space,ptr->l,l_size,sample_number);
  std::vector<double> near(2*size,0.), first(l_size), second(l_size), total((size_t)l_size*size*sum_number);
  auto sum_of = [&] (int index_l, int i) { return &total[((size_t)index_l*size+i)*sum_number]; };
  for (int i=0; i < size; i++) {
    double q = ptr->q[begin+i], k = ptr->k[index_md][begin+i], K_over_k2 = space.K/(k*k);
    double normalisation = 1./sqrt((1.-K_over_k2)*(1.+2.*K_over_k2)), q_over_k = q/k;
    sources->evaluate(k,at_q.data());
    float * p = at_q.data(), * t2 = p+stride, largest = 0.f;
    for (int n=0; n < sample_number; n++) largest = std::max(largest,std::fabs(p[n]));
    for (int n=0; n < sample_number; n++)
      if (std::fabs(p[n]) < negligible_part*largest) p[n] = 0.f;
    int used = sample_number;
    while ((used > 0) && (q*distance[used-1] < smallest_x)) {
      used--;
      near[2*i] += p[used]*normalisation;
      near[2*i+1] += t2[used]*normalisation;
    }
    for (int n=0; n < used; n++) {
      double cosecant = over_sine[n]/k, c = cotangent[n]/k, source = p[n]*normalisation;
      float faded = std::min(1.f,std::max(0.f,(fade_to-(float)(q*gap[n]))/(fade_to-fade_from)));
      of_e.value[n] = (float)(source*(cosecant*cosecant-1.-4.*K_over_k2));
      of_e.slope[n] = (float)(source*c*q_over_k);
      of_e.second[n] = (float)(source*cosecant*cosecant);
      of_b_and_t.value[n] = (float)(source*q_over_k*2.*c);
      of_b_and_t.slope[n] = (float)(source*q_over_k*q_over_k);
      of_b_and_t.second[n] = faded*faded*(3.f-2.f*faded)*(float)(t2[n]*normalisation*cosecant*cosecant);
    }
    if (is_flat) {
      collect_nodes(*table,q,distance.data(),0,used,of_e,lists_of_e);
      collect_nodes(*table,q,distance.data(),0,used,of_b_and_t,lists_of_b_and_t);
      continue;
    }
    sums.set_wavenumber(q);
    auto add = [&] (const Samples & samples, int into_first, int into_second) {
      std::fill(first.begin(),first.end(),0.);
      std::fill(second.begin(),second.end(),0.);
      sums.add(distance.data(),0,used,samples,l_size,first.data(),second.data());
      for (int index_l=0; index_l < l_size; index_l++) {
        sum_of(index_l,i)[into_first] = first[index_l];
        sum_of(index_l,i)[into_second] = second[index_l];
      }
    };
    add(of_e,e_first,e_second);
    add(of_b_and_t,b,t);
  }
  double to_x = is_flat ? distance[0] : 0.;
  for (int block=0; is_flat && (block*lanes < l_size); block += blocks_together) {
    int number = std::min((int)blocks_together,(l_size+lanes-1)/lanes-block);
    int highest_l = table->l[(block+number)*lanes-1];
    for (int i=0; i < size; i++) {
      double x = ptr->q[begin+i]*to_x, x_end = std::min(largest_x(highest_l),hypot(highest_l,largest_x_beyond_l));
      if ((x < negligible_below(table->l[block*lanes])) || (x > x_end)) continue;
      float sum[sum_number][blocks_together*lanes] = {};
      add_nodes(*table,block,number,lists_of_e,i,no_node,sum[e_first],sum[e_second]);
      add_nodes(*table,block,number,lists_of_b_and_t,i,no_node,sum[b],sum[t]);
      for (int lane=0; (lane < number*lanes) && (block*lanes+lane < l_size); lane++)
        for (int s=0; s < sum_number; s++) sum_of(block*lanes+lane,i)[s] = sum[s][lane];
    }
  }
  for (int index_l=0; index_l < l_size; index_l++) {
    for (int i=0; i < size; i++) {
      double * sum = sum_of(index_l,i);
      if (ptr->l[index_l] == 2) {
        /* of j_2 = x^2/15 */
        sum[e_first] += near[2*i]/5.;
        sum[e_second] += near[2*i]/15.;
        sum[t] += near[2*i+1]/15.;
      }
      store(index_l,begin+i,sum);
    }
  }
}

int tensor_transfer(struct background * pba, struct perturbations * ppt, struct transfer * ptr, const Space & space,
                    std::shared_ptr<const BesselTable> table, double largest_radial_k) {
  TensorTransfer work;
  work.ppt = ppt;
  work.ptr = ptr;
  work.space = space;
  work.table = table;
  work.largest_x_beyond_l = largest_radial_k*pba->conformal_age;
  work.index_md = ppt->index_md_tensors;
  work.l_size = ptr->l_size[work.index_md];
  work.has_t = (ppt->has_cl_cmb_temperature == _TRUE_);
  work.has_p = (ppt->has_cl_cmb_polarization == _TRUE_);
  work.prepare_times(ppt->tau_sampling,ppt->tau_size,pba->conformal_age);
  work.prepare_sources();
  int q_size = wavenumbers_of_mode(ppt,ptr,work.index_md);
  Crew crew;
  for (int begin=0; begin < q_size; begin += wavenumbers_per_task) {
    int end = std::min(begin+(int)wavenumbers_per_task,q_size);
    crew.add([&work,begin,end] () {
      work.integrate(begin,end);
      return _SUCCESS_;
    });
  }
  return crew.run();
}

}
