/** @file fast_harmonic.cpp
 *
 * Spectra from transfer functions as sums over wavenumbers with weights common to all multipoles.
 *
 * CLASS splines the integrand of every spectrum at every l. Transfer functions are band-limited in q (the
 * band is the conformal age) and the sampling is finer than Nyquist's, so that the trapezoidal rule in the
 * index of the smooth q grid is already exact for their squares; a spline through points that do not
 * resolve the squares adds nothing.
 */

#include <algorithm>
#include <cmath>
#include "../crew.h"
#include "radial/bessel_table.h"
#include "fast_line_of_sight.h"
#include "number_counts/number_counts.h"
#include "tensor_transfer.h"

using namespace cosmicnet;

/** Weights of an integral over a smooth grid: dx/dindex, from differences of fourth order inside. */
static std::vector<double> trapezoidal_weights(const double * x, int size) {
  std::vector<double> weight(size);
  for (int i=2; i < size-2; i++) weight[i] = (x[i-2]-8.*x[i-1]+8.*x[i+1]-x[i+2])/12.;
  weight[1] = 0.5*(x[2]-x[0]);
  weight[size-2] = 0.5*(x[size-1]-x[size-3]);
  weight[0] = 0.5*(x[1]-x[0]);
  weight[size-1] = 0.5*(x[size-1]-x[size-2]);
  return weight;
}

/** Weights times 4 pi P(k)/k dk/dq, for one pair of initial conditions. */
static int primordial_weights(struct primordial * ppm, struct harmonic * phr, int index_md, int index_ic1_ic2,
                              const double * q, const double * k, int size, int sgnK, std::vector<double> & weight) {
  std::vector<double> spectrum(ppm->ic_ic_size[index_md]);
  weight = trapezoidal_weights((sgnK == 0) ? k : q,size);
  /* in closed space the first wavenumbers are terms of a sum */
  if (sgnK == 1) weight[0] *= 2.;
  for (int i=0; (sgnK != 0) && (i < size); i++) weight[i] *= q[i]/k[i];
  for (int i=0; i < size; i++) {
    class_call(primordial_spectrum_at_k(ppm,index_md,linear,k[i],spectrum.data()),
               ppm->error_message,
               phr->error_message);
    weight[i] *= 4.*_PI_/k[i]*spectrum[index_ic1_ic2];
  }
  return _SUCCESS_;
}

static inline __attribute__((always_inline)) double_vector doubles(const float * x) {
  return double_vector{x[0],x[1],x[2],x[3]};
}

/** sum_i weight[i] (x1[i] y2[i] + y1[i] x2[i])/2. */
cosmicnet_for_all_processors
static double correlate(const double * weight, const float * x1, const float * y1, const float * x2, const float * y2, int size) {
  double_vector sums = {};
  double sum = 0.;
  int i = 0;
  for (; i+double_lanes <= size; i += double_lanes)
    sums += *(const double_vector *)(weight+i) * (doubles(x1+i)*doubles(y2+i)+doubles(y1+i)*doubles(x2+i));
  for (; i < size; i++) sum += weight[i]*((double)x1[i]*y2[i]+(double)y1[i]*x2[i]);
  for (int lane=0; lane < double_lanes; lane++) sum += sums[lane];
  return 0.5*sum;
}

/** sum_i weight[i] x_i y_i for all pairs of three kinds of transfer functions of the same initial condition, in one pass. */
cosmicnet_for_all_processors
static void correlate_all(const double * weight, const float * const x[3], int size, double result[3][3]) {
  double_vector sums[3][3] = {};
  int i = 0;
  for (; i+double_lanes <= size; i += double_lanes) {
    const double_vector w = *(const double_vector *)(weight+i);
    double_vector at[3];
    for (int kind=0; kind < 3; kind++) at[kind] = doubles(x[kind]+i);
    for (int one=0; one < 3; one++) {
      const double_vector weighted = w*at[one];
      for (int other=one; other < 3; other++) sums[one][other] += weighted*at[other];
    }
  }
  for (int one=0; one < 3; one++) {
    for (int other=one; other < 3; other++) {
      double sum = 0.;
      for (int lane=0; lane < double_lanes; lane++) sum += sums[one][other][lane];
      for (int rest=i; rest < size; rest++) sum += weight[rest]*x[one][rest]*x[other][rest];
      result[one][other] = result[other][one] = sum;
    }
  }
}

/** Weights times 4 pi P(k)/k dk at the wavenumbers of number counts and shear, for one pair of initial conditions. */
static int weigh_galaxies(const NumberCounts & counts, struct primordial * ppm, struct harmonic * phr, int index_md,
                          int index_ic1_ic2, std::vector<double> & weight) {
  std::vector<double> spectrum(ppm->ic_ic_size[index_md]);
  for (size_t i=0; i < counts.q.size(); i++) {
    class_call(primordial_spectrum_at_k(ppm,index_md,linear,counts.q[i],spectrum.data()),
               ppm->error_message,
               phr->error_message);
    weight.push_back(counts.dq[i]*4.*_PI_/counts.q[i]*spectrum[index_ic1_ic2]);
  }
  return _SUCCESS_;
}

/** Transfer functions of several rows at one l, at the wavenumbers where they do not vanish, with and without weights. */
class GalaxyRowsAtL {
public:
  GalaxyRowsAtL(const NumberCounts & counts, int index_l, int index_ic, const double * weight) : first(), last() {
    int size = (int)counts.q.size();
    for (int row=0; row < counts.row_number; row++) {
      const float * transfer = counts.transfer(index_ic,index_l,row);
      int begin = 0, end = size;
      while ((begin < end) && (transfer[begin] == 0.f)) begin++;
      while ((end > begin) && (transfer[end-1] == 0.f)) end--;
      first.push_back(begin);
      last.push_back(end);
      values.insert(values.end(),transfer,transfer+size);
      for (int i=0; i < size; i++) weighted.push_back(weight[i]*transfer[i]);
    }
    stride = size;
  }
  std::vector<int> first, last;
  std::vector<double> values, weighted;
  int stride;
};

/** The sum over wavenumbers of the products of one row each. */
cosmicnet_for_all_processors
static double multiply(const GalaxyRowsAtL & one, int row1, const GalaxyRowsAtL & other, int row2) {
  const double * x = &one.weighted[(size_t)row1*one.stride], * y = &other.values[(size_t)row2*other.stride];
  int i = std::max(one.first[row1],other.first[row2]), end = std::min(one.last[row1],other.last[row2]);
  double_vector sums = {};
  double sum = 0.;
  for (; i+double_lanes <= end; i += double_lanes) sums += *(const double_vector *)(x+i) * *(const double_vector *)(y+i);
  for (; i < end; i++) sum += x[i]*y[i];
  for (int lane=0; lane < double_lanes; lane++) sum += sums[lane];
  return sum;
}

/** The spectra of number counts and shear, and of number counts with the lensing potential of the CMB, at one l. */
static void correlate_galaxies(const NumberCounts & counts, struct perturbations * ppt, struct harmonic * phr, int index_l,
                               int index_ic1, int index_ic2, const double * weight, double * cl) {
  const GalaxyRowsAtL one(counts,index_l,index_ic1,weight), other(counts,index_l,index_ic2,weight);
  const GalaxyRows rows(ppt);
  const int size = phr->d_size, off = phr->non_diag;
  auto pairs = [&] (int index_ct, int rows1, int rows2, bool is_symmetric) {
    for (int bin1=0; bin1 < size; bin1++)
      for (int bin2=is_symmetric ? bin1 : std::max(bin1-off,0); bin2 <= std::min(bin1+off,size-1); bin2++)
        cl[index_ct++] = multiply(one,rows1+bin1,other,rows2+bin2);
  };
  if (phr->has_dd == _TRUE_) pairs(phr->index_ct_dd,rows.counts,rows.counts,true);
  if (phr->has_ll == _TRUE_) pairs(phr->index_ct_ll,rows.shear,rows.shear,true);
  if (phr->has_dl == _TRUE_) pairs(phr->index_ct_dl,rows.counts,rows.shear,false);
  for (int bin=0; (phr->has_pd == _TRUE_) && (bin < size); bin++)
    cl[phr->index_ct_pd+bin] = 0.5*(multiply(one,rows.cmb_lensing,other,rows.counts+bin)
                                    +multiply(one,rows.counts+bin,other,rows.cmb_lensing));
}

int cosmicnet_harmonic(struct precision * ppr, struct background * pba, struct perturbations * ppt, struct transfer * ptr,
                       struct primordial * ppm, struct harmonic * phr, int index_md, int index_ic1, int index_ic2) {
  int index_ic1_ic2 = index_symmetric_matrix(index_ic1,index_ic2,phr->ic_size[index_md]);
  int l_size = ptr->l_size[index_md];
  const int q_size = wavenumbers_of_mode(ppt,ptr,index_md);
  std::vector<double> weight, weight_limber;
  class_call(primordial_weights(ppm,phr,index_md,index_ic1_ic2,ptr->q,ptr->k[index_md],q_size,pba->sgnK,weight),
             phr->error_message,
             phr->error_message);
  if (ptr->do_lcmb_full_limber == _TRUE_) {
    class_call(primordial_weights(ppm,phr,index_md,index_ic1_ic2,ptr->q_limber,ptr->k_limber[index_md],
                                  (int)ptr->q_size_limber,pba->sgnK,weight_limber),
               phr->error_message,
               phr->error_message);
  }
  const NumberCounts * counts = (const NumberCounts *)ptr->number_counts;
  std::vector<double> weight_galaxies;
  if (counts != NULL) {
    class_call(weigh_galaxies(*counts,ppm,phr,index_md,index_ic1_ic2,weight_galaxies),
               phr->error_message,
               phr->error_message);
  }
  const double * of_galaxies = weight_galaxies.data();
  /* tasks shall not copy them */
  const double * at_q = weight.data(), * at_q_limber = weight_limber.data();
  const std::vector<float> zeros(q_size,0.f);
  const float * nothing = zeros.data();
  const bool are_tensors = (ppt->has_tensors == _TRUE_) && (index_md == ppt->index_md_tensors);
  enum {t, e, p};
  const bool has[] = {ppt->has_cl_cmb_temperature == _TRUE_,ppt->has_cl_cmb_polarization == _TRUE_,
                      !are_tensors && (ppt->has_cl_cmb_lensing_potential == _TRUE_)};
  const int types[] = {are_tensors ? ptr->index_tt_t2 : ptr->index_tt_t0,ptr->index_tt_e,ptr->index_tt_lcmb};
  Crew crew;
  for (int index_l=0; index_l < l_size; index_l++) {
    crew.add([=] () {
      double * cl = phr->cl[index_md]+(index_l*phr->ic_ic_size[index_md]+index_ic1_ic2)*phr->ct_size;
      auto transfer = [=] (int index_ic, int index_tt) { return transfer_row(ptr,index_md,index_ic,index_tt,index_l); };
      int first = 0;
      /* there are no others in flat space */
      if (pba->sgnK == 0) first = (int)(std::lower_bound(ptr->q,ptr->q+q_size,negligible_below(ptr->l[index_l])/pba->conformal_age)-ptr->q);
      double same[3][3];
      if (index_ic1 == index_ic2) {
        const float * rows[3];
        for (int kind=0; kind < 3; kind++) rows[kind] = (has[kind] ? transfer(index_ic1,types[kind]) : nothing)+first;
        correlate_all(at_q+first,rows,q_size-first,same);
      }
      auto spectrum = [&] (int kind1, int kind2) {
        if (index_ic1 == index_ic2) return same[kind1][kind2];
        return correlate(at_q+first,transfer(index_ic1,types[kind1])+first,transfer(index_ic1,types[kind2])+first,
                         transfer(index_ic2,types[kind1])+first,transfer(index_ic2,types[kind2])+first,q_size-first);
      };
      for (int index_ct=0; index_ct < phr->ct_size; index_ct++) cl[index_ct] = 0.;
      if (phr->has_tt == _TRUE_) cl[phr->index_ct_tt] = spectrum(t,t);
      if (phr->has_ee == _TRUE_) cl[phr->index_ct_ee] = spectrum(e,e);
      if (phr->has_te == _TRUE_) cl[phr->index_ct_te] = spectrum(t,e);
      if (are_tensors) {
        if (phr->has_bb == _TRUE_) {
          const float * b1 = transfer(index_ic1,ptr->index_tt_b)+first;
          const float * b2 = transfer(index_ic2,ptr->index_tt_b)+first;
          cl[phr->index_ct_bb] = correlate(at_q+first,b1,b1,b2,b2,q_size-first);
        }
        return _SUCCESS_;
      }
      if (phr->has_tp == _TRUE_) cl[phr->index_ct_tp] = spectrum(t,p);
      if (phr->has_ep == _TRUE_) cl[phr->index_ct_ep] = spectrum(e,p);
      if (phr->has_pp == _TRUE_) {
        if ((ptr->do_lcmb_full_limber == _TRUE_) && (ptr->l[index_l] > ppr->l_switch_limber)) {
          auto limber = [=] (int index_ic) { return transfer_limber_row(ptr,index_md,index_ic,index_l); };
          cl[phr->index_ct_pp] = correlate(at_q_limber,limber(index_ic1),limber(index_ic1),
                                           limber(index_ic2),limber(index_ic2),(int)ptr->q_size_limber);
        }
        else cl[phr->index_ct_pp] = spectrum(p,p);
      }
      if ((counts != NULL) && (index_l < (int)counts->l.size()))
        correlate_galaxies(*counts,ppt,phr,index_l,index_ic1,index_ic2,of_galaxies,cl);
      return _SUCCESS_;
    });
  }
  return crew.run();
}
