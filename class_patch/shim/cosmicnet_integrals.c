/** @file cosmicnet_integrals.c
 *
 * Line-of-sight integrals of one initial condition. See cosmicnet_integrals.h.
 */

#include <algorithm>
#include <cmath>
#include "cosmicnet_integrals.h"
#include "cosmicnet_nodes.h"

namespace cosmicnet {

/* Below this x a sample counts as today's, where all integrands vanish. */
static const double smallest_x = 1.e-3;

/** Columns [begin,end) of (S_0-S_2) dtau, S_1 dtau and S_2 dtau, one after the other. */
void LineOfSight::prepare_cmb(const double * t0, const double * t1, const double * t2, double factor_t2,
                              int begin, int end) {
  int k_size = ppt->k_size[index_md], kinds = has_t ? 3 : 1;
  int stop = std::min(end,(int)cmb.weight.size());
  for (int index_k=0; index_k < ppt->k_size_cl[index_md]; index_k++) {
    float * row = cmb_sources->row(index_k);
    for (int i=begin; i < stop; i++) {
      size_t index = (size_t)i*k_size+index_k;
      double s2 = factor_t2*t2[index]*cmb.weight[i];
      if (has_t) {
        row[i] = (float)(t0[index]*cmb.weight[i]-s2);
        row[cmb_stride+i] = (float)(t1[index]*cmb.weight[i]);
      }
      row[(kinds-1)*cmb_stride+i] = (float)s2;
    }
  }
  for (int kind=0; kind < kinds; kind++) cmb_sources->spline(kind*cmb_stride+begin,kind*cmb_stride+end);
}

/** Columns [begin,end) of the source of lensing times tau0-tau, linear in time between CLASS's samples. */
void LineOfSight::prepare_lens(const double * phi_plus_psi, int begin, int end) {
  int k_size = ppt->k_size[index_md], before = 0;
  for (int i=begin; i < std::min(end,(int)lens.distance.size()); i++) {
    double tau = tau0-lens.distance[i];
    while ((before < ppt->tau_size-2) && (ppt->tau_sampling[before+1] < tau)) before++;
    double fraction = (tau-ppt->tau_sampling[before])/(ppt->tau_sampling[before+1]-ppt->tau_sampling[before]);
    double factor = lens.window[i]*lens.distance[i];
    const double * from = phi_plus_psi+(size_t)before*k_size, * to = from+k_size;
    for (int index_k=0; index_k < k_size; index_k++)
      lens_sources->row(index_k)[i] = (float)(factor*((1.-fraction)*from[index_k]+fraction*to[index_k]));
  }
  lens_sources->spline(begin,end);
}

/** Temperature and polarisation at the wavenumbers [begin,end). */
void LineOfSight::integrate_cmb(int begin, int end) const {
  int sample_number = (int)cmb.distance.size(), kinds = has_t ? 3 : 1;
  std::vector<float> at_q(cmb_sources->columns), slope(cmb_stride), second(cmb_stride);
  std::vector<NodeLists> lists(end-begin,NodeLists(sample_number));
  for (int index_q=begin; index_q < end; index_q++) {
    double q = ptr->q[index_q];
    cmb_sources->evaluate(ptr->k[index_md][index_q],at_q.data());
    const float * s1 = &at_q[cmb_stride], * s2 = &at_q[(kinds-1)*cmb_stride];
    int used = sample_number;
    while ((used > 0) && (q*cmb.distance[used-1] < smallest_x)) used--;
    for (int i=0; i < used; i++) {
      float over_x = (float)(1./(q*cmb.distance[i]));
      second[i] = s2[i]*over_x*over_x;
      slope[i] = has_t ? s1[i]-3.f*s2[i]*over_x : 0.f;
    }
    if (!has_t) std::fill(at_q.begin(),at_q.end(),0.f);
    collect_nodes(*table,q,cmb.distance.data(),used,at_q.data(),slope.data(),second.data(),lists[index_q-begin]);
  }
  std::vector<float> first_sum((end-begin)*lanes), second_sum((end-begin)*lanes);
  for (int block=0; block < table->block_number; block++) {
    for (int i=0; i < end-begin; i++) sum_nodes(*table,block,lists[i],&first_sum[i*lanes],&second_sum[i*lanes]);
    for (int lane=0; (lane < lanes) && (block*lanes+lane < table->l_size); lane++) {
      int index_l = block*lanes+lane;
      double l = table->l[index_l];
      double factor_t = 1.5*l*(l+1.), factor_e = 1.5*sqrt((l+2.)*(l+1.)*l*(l-1.));
      double * t = has_t ? transfer(ptr->index_tt_t0,index_l)+begin : NULL;
      double * e = has_e ? transfer(ptr->index_tt_e,index_l)+begin : NULL;
      for (int i=0; i < end-begin; i++) {
        if (has_t) t[i] = first_sum[i*lanes+lane]+factor_t*second_sum[i*lanes+lane];
        if (has_e) e[i] = factor_e*second_sum[i*lanes+lane];
      }
    }
  }
}

/** The lensing potential at the wavenumbers [begin,end) of the CMB: up to l_switch_limber by integration. */
void LineOfSight::integrate_lens(int begin, int end) const {
  int sample_number = (int)lens.distance.size(), l_size = table->l_size, integrated = 0;
  while ((integrated < l_size) && (table->l[integrated] <= ppr->l_switch_limber)) integrated++;
  std::vector<float> at_q(lens_stride), value(lens_stride), zero(lens_stride,0.f), ignored(lanes);
  std::vector<float> result((size_t)(end-begin)*table->l.size());
  NodeLists lists(sample_number);
  for (int index_q=begin; index_q < end; index_q++) {
    double q = ptr->q[index_q], k = ptr->k[index_md][index_q];
    float * at_l = &result[(index_q-begin)*table->l.size()];
    evaluate_lens(k,at_q.data());
    int used = sample_number;
    while ((used > 0) && (q*lens.distance[used-1] < smallest_x)) used--;
    for (int i=0; i < used; i++) value[i] = at_q[i]*lens_factor[i];
    collect_nodes(*table,q,lens.distance.data(),used,value.data(),zero.data(),zero.data(),lists);
    limber(q,at_q.data(),at_l);
    for (int block=0; block*lanes < integrated; block++) {
      float sum[lanes];
      sum_nodes(*table,block,lists,sum,ignored.data());
      std::copy(sum,sum+std::min((int)lanes,integrated-block*lanes),at_l+block*lanes);
    }
  }
  for (int index_l=0; index_l < l_size; index_l++) {
    double * to = transfer(ptr->index_tt_lcmb,index_l)+begin;
    for (int i=0; i < end-begin; i++) to[i] = result[i*table->l.size()+index_l];
  }
}

/** The source of lensing times tau0-tau at k. */
void LineOfSight::evaluate_lens(double k, float * result) const {
  lens_sources->evaluate(k,result);
  if (ptr->lcmb_tilt != 0.) {
    float tilt = (float)pow(k/ptr->lcmb_pivot,ptr->lcmb_tilt);
    for (int i=0; i < lens_stride; i++) result[i] *= tilt;
  }
  /* today the source diverges, but its product with tau0-tau is constant */
  int last = (int)lens.distance.size()-1;
  result[last] = result[last-1];
}

/** What in Limber's approximation depends on times only: for every triple of samples (i-1,i,i+1) the factors
    of the parabola through them; and what depends on l only. */
void LineOfSight::prepare_limber() {
  const std::vector<double> & x = lens.distance;
  for (size_t i=0; i < x.size(); i++) lens_factor.push_back((x[i] > 0.) ? (float)(lens.weight[i]/x[i]) : 0.f);
  parabola.assign(3*x.size(),0.);
  for (size_t i=1; i+1 < x.size(); i++) {
    parabola[3*i] = 1./((x[i-1]-x[i])*(x[i-1]-x[i+1]));
    parabola[3*i+1] = 1./((x[i]-x[i-1])*(x[i]-x[i+1]));
    parabola[3*i+2] = 1./((x[i+1]-x[i-1])*(x[i+1]-x[i]));
  }
  for (double l : table->l) limber_factor.push_back(sqrt(_PI_/(2.*l))*(1.-0.25/l+1./32./(l*l))/(l+0.5));
}

/** Limber's approximation at all l, as transfer_limber(): the source (times tau0-tau) at tau0-tau = (l+1/2)/q,
    on the parabola through three samples. */
void LineOfSight::limber(double q, const float * source, float * result) const {
  const double * x = lens.distance.data();
  double over_q = 1./q;
  int size = (int)lens.distance.size();
  for (int index_l=0, i=size-2; index_l < table->l_size; index_l++) {
    double at = (table->l[index_l]+0.5)*over_q;
    result[index_l] = 0.f;
    if ((at > x[0]) || (at < x[size-1])) continue;
    while ((i > 1) && (x[i-1] <= at)) i--;
    double d0 = at-x[i-1], d1 = at-x[i], d2 = at-x[i+1];
    const double * factor = &parabola[3*i];
    result[index_l] = (float)(limber_factor[index_l]
      *(source[i-1]*d1*d2*factor[0]+source[i]*d0*d2*factor[1]+source[i+1]*d0*d1*factor[2]));
  }
}

}
