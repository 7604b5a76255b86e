/** @file cosmicnet_lensing.c
 *
 * Lensed spectra from sums over multipoles that are done while the d-functions are made.
 *
 * In all of CLASS's lensed correlation functions only an exponential ties multipoles to angles
 * (cosmicnet_lensing_terms.h), so that a term costs one multiplication and addition for each multipole and
 * angle beyond the recurrence of its d-function, and no d-function is stored.
 */

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include "parallel.h"
#include "cosmicnet_lensing.h"
#include "cosmicnet_lensing_terms.h"
#include "cosmicnet_wigner.h"

using namespace cosmicnet;

typedef std::vector<double> Row;

namespace {

/* Multipoles that are summed at once: their damping fits into the nearest cache. */
enum {l_together = 128};

enum {blocks_per_task = 4, angles_per_task = blocks_per_task*angles};

/* The d-functions of the correlation functions themselves. */
const int bare_m[spectrum_number] = {0,2,2,2}, bare_n[spectrum_number] = {0,0,2,-2};

/** Nodes and weights of the quadrature over mu. */
struct Quadrature {
  Row mu, weight;
};

/** The angles of one block. */
struct Block {
  double mu[angles], weight[angles], sigma2[angles], cgl[angles], cgl2[angles];
  double correlation[spectrum_number][angles];
};

class Lensing {
public:
  int prepare(struct precision * ppr, struct harmonic * phr, struct lensing * ple);
  /** What the task that begins at this angle adds to the integrals, result[spectrum*l.size()+index_l]. */
  void integrate(int begin, double * result) const;

  Quadrature nodes;
  std::vector<int> l;

private:
  int read_spectra(struct harmonic * phr, struct lensing * ple);
  void list_sums(struct precision * ppr);
  std::vector<WignerSums::State> sum(const std::vector<WignerSums> & sums, const Block * blocks,
                                     bool is_damped) const;
  void deflect(Block * blocks) const;
  void correlate(Block * blocks) const;

  int l_max;
  bool has[spectrum_number];
  /* (2l+1)/(4 pi) times C_l of each correlation function, and times l(l+1) C_l^phiphi. */
  Row unlensed[spectrum_number], potential;
  /* Cgl at mu = 1 */
  double total_deflection;
  std::vector<Wigner> bare;
  std::vector<WignerSums> deflection_sums, damped_sums, bare_sums;
  std::vector<std::vector<const Term *>> damped_terms;
};

/** The angles and weights of lensing_init(). */
int quadrature(struct precision * ppr, struct lensing * ple, Quadrature & nodes) {
  int l_max = ple->l_unlensed_max;
  if (ppr->accurate_lensing == _FALSE_) {
    int size = 2*l_max/ppr->non_accurate_lensing_boundary-1;
    double step = _PI_/ppr->non_accurate_lensing_boundary/size;
    for (int i=1; i <= size; i++) {
      nodes.mu.push_back(cos(i*step));
      nodes.weight.push_back(sin(i*step)*step);
    }
    return _SUCCESS_;
  }
  int size = l_max+ppr->num_mu_minus_lmax;
  size += size%2-1;
  /* they take longer than all the rest */
  static std::mutex mutex;
  static Quadrature kept;
  static double kept_tolerance = 0.;
  std::lock_guard<std::mutex> lock(mutex);
  if (((int)kept.mu.size() != size) || (kept_tolerance != ppr->tol_gauss_legendre)) {
    kept_tolerance = 0.;
    kept.mu.resize(size);
    kept.weight.resize(size);
    class_call(quadrature_gauss_legendre(kept.mu.data(),kept.weight.data(),size,ppr->tol_gauss_legendre,
                                         ple->error_message),
               ple->error_message,
               ple->error_message);
    kept_tolerance = ppr->tol_gauss_legendre;
  }
  nodes = kept;
  return _SUCCESS_;
}

int Lensing::read_spectra(struct harmonic * phr, struct lensing * ple) {
  std::vector<Row> by_ic(phr->md_size), by_mode(phr->md_size);
  std::vector<double *> cl_md_ic, cl_md;
  for (int index_md=0; index_md < phr->md_size; index_md++) {
    by_ic[index_md].resize(phr->ic_ic_size[index_md]*phr->ct_size);
    by_mode[index_md].resize(phr->ct_size);
    cl_md_ic.push_back(by_ic[index_md].data());
    cl_md.push_back(by_mode[index_md].data());
  }
  for (Row & row : unlensed) row.assign(l_max+1,0.);
  potential.assign(l_max+1,0.);
  total_deflection = 0.;
  Row cl(phr->ct_size);
  for (int l=2; l <= l_max; l++) {
    class_call(harmonic_cl_at_l(phr,l,cl.data(),cl_md.data(),cl_md_ic.data()),
               phr->error_message,
               ple->error_message);
    double factor = (2.*l+1.)/(4.*_PI_);
    if (has[spectrum_tt]) unlensed[spectrum_tt][l] = factor*cl[ple->index_lt_tt];
    if (has[spectrum_te]) unlensed[spectrum_te][l] = factor*cl[ple->index_lt_te];
    if (has[spectrum_plus]) {
      unlensed[spectrum_plus][l] = factor*(cl[ple->index_lt_ee]+cl[ple->index_lt_bb]);
      unlensed[spectrum_minus][l] = factor*(cl[ple->index_lt_ee]-cl[ple->index_lt_bb]);
    }
    potential[l] = factor*l*(l+1.)*cl[ple->index_lt_pp];
    total_deflection += potential[l];
  }
  return _SUCCESS_;
}

/** The sums over l that are needed, those with the same recurrence together. */
void Lensing::list_sums(struct precision * ppr) {
  deflection_sums.push_back(WignerSums(Wigner(1,1,l_max),{potential}));
  deflection_sums.push_back(WignerSums(Wigner(1,-1,l_max),{potential}));
  for (int s=0; s < spectrum_number; s++) {
    bare.push_back(Wigner(bare_m[s],bare_n[s],l_max));
    if (ppr->accurate_lensing == _FALSE_) bare_sums.push_back(WignerSums(bare[s],{unlensed[s]}));
  }
  std::map<std::pair<int,int>,std::vector<const Term *>> by_function;
  for (int i=0; i < lensing_term_number; i++) {
    const Term & term = lensing_terms[i];
    if (has[term.spectrum] && (term.power_2 <= ppr->lensing_C2_order) && (term.power_0 <= ppr->lensing_C0_order))
      by_function[{term.m,term.n}].push_back(&term);
  }
  for (const auto & item : by_function) {
    Wigner wigner(item.first.first,item.first.second,l_max);
    const std::vector<const Term *> & terms = item.second;
    for (size_t begin=0; begin < terms.size(); begin += WignerSums::most) {
      size_t end = std::min(begin+WignerSums::most,terms.size());
      std::vector<Row> coefficients;
      for (size_t i=begin; i < end; i++) {
        Row row(l_max+1,0.);
        for (int l=std::max(2,wigner.m); l <= l_max; l++) row[l] = terms[i]->at_l(l)*unlensed[terms[i]->spectrum][l];
        coefficients.push_back(row);
      }
      damped_sums.push_back(WignerSums(wigner,coefficients));
      damped_terms.push_back(std::vector<const Term *>(terms.begin()+begin,terms.begin()+end));
    }
  }
}

int Lensing::prepare(struct precision * ppr, struct harmonic * phr, struct lensing * ple) {
  l_max = ple->l_unlensed_max;
  has[spectrum_tt] = (ple->has_tt == _TRUE_);
  has[spectrum_te] = (ple->has_te == _TRUE_);
  has[spectrum_plus] = has[spectrum_minus] = (ple->has_ee == _TRUE_) || (ple->has_bb == _TRUE_);
  l.assign(ple->l,ple->l+ple->l_size);
  class_call(quadrature(ppr,ple,nodes),
             ple->error_message,
             ple->error_message);
  class_call(read_spectra(phr,ple),
             ple->error_message,
             ple->error_message);
  list_sums(ppr);
  return _SUCCESS_;
}

/** The sums at the angles of the blocks, states[index_sums*blocks_per_task+index_block]. */
std::vector<WignerSums::State> Lensing::sum(const std::vector<WignerSums> & sums, const Block * blocks,
                                            bool is_damped) const {
  std::vector<WignerSums::State> states;
  for (const WignerSums & one : sums)
    for (int b=0; b < blocks_per_task; b++) states.push_back(one.start(blocks[b].mu));
  double damping[l_together*angles];
  for (int begin=0; begin <= l_max; begin += l_together) {
    int end = std::min(begin+l_together,l_max+1);
    for (int b=0; b < blocks_per_task; b++) {
      double ratio[angles], step[angles];
      for (int i=0; i < angles; i++) {
        double sigma2 = is_damped ? blocks[b].sigma2[i] : 0.;
        damping[i] = exp(-0.5*begin*(begin+1.)*sigma2);
        ratio[i] = exp(-(begin+1.)*sigma2);
        step[i] = exp(-sigma2);
      }
      for (int j=angles; j < (end-begin)*angles; j += angles) {
        for (int i=0; i < angles; i++) {
          damping[j+i] = damping[j-angles+i]*ratio[i];
          ratio[i] *= step[i];
        }
      }
      for (size_t k=0; k < sums.size(); k++)
        sums[k].advance(states[k*blocks_per_task+b],blocks[b].mu,damping,begin,end);
    }
  }
  return states;
}

/** Eq. 35 of astro-ph/0502425. */
void Lensing::deflect(Block * blocks) const {
  std::vector<WignerSums::State> states = sum(deflection_sums,blocks,false);
  for (int b=0; b < blocks_per_task; b++) {
    for (int i=0; i < angles; i++) {
      blocks[b].cgl[i] = states[b].sum[i];
      blocks[b].cgl2[i] = states[blocks_per_task+b].sum[i];
      blocks[b].sigma2[i] = total_deflection-blocks[b].cgl[i];
    }
  }
}

/** The lensed correlation functions; where CLASS integrates over small angles only, without the unlensed ones. */
void Lensing::correlate(Block * blocks) const {
  std::vector<WignerSums::State> lensed = sum(damped_sums,blocks,true), unlensed = sum(bare_sums,blocks,false);
  for (int b=0; b < blocks_per_task; b++) {
    Block & at = blocks[b];
    for (size_t s=0; s < bare_sums.size(); s++)
      for (int i=0; i < angles; i++) at.correlation[s][i] -= unlensed[s*blocks_per_task+b].sum[i];
    for (size_t k=0; k < damped_sums.size(); k++) {
      const double * sum = lensed[k*blocks_per_task+b].sum;
      for (const Term * term : damped_terms[k]) {
        for (int i=0; i < angles; i++)
          at.correlation[term->spectrum][i] += term->factor*pow(at.cgl2[i],term->power_2)
            *pow(at.cgl[i],term->power_0)*term->at_mu(at.sigma2[i])*sum[i];
        sum += angles;
      }
    }
  }
}

void Lensing::integrate(int begin, double * result) const {
  Block blocks[blocks_per_task] = {};
  for (int index=begin; index < std::min(begin+angles_per_task,(int)nodes.mu.size()); index++) {
    Block & block = blocks[(index-begin)/angles];
    block.mu[(index-begin)%angles] = nodes.mu[index];
    block.weight[(index-begin)%angles] = nodes.weight[index];
  }
  deflect(blocks);
  correlate(blocks);
  for (Block & block : blocks) {
    for (int s=0; s < spectrum_number; s++) {
      if (!has[s]) continue;
      double weighted[angles];
      for (int i=0; i < angles; i++) weighted[i] = 2.*_PI_*block.weight[i]*block.correlation[s][i];
      project(bare[s],block.mu,weighted,l.data(),(int)l.size(),result+s*l.size());
    }
  }
}

}

/** The integrals become spectra; where they are only the changes by lensing, the unlensed spectra stand there. */
static void store(struct precision * ppr, struct lensing * ple, const double * integral) {
  int size = ple->l_size;
  auto put = [=] (int index_l, int index_lt, double value) {
    double & cl = ple->cl_lens[index_l*ple->lt_size+index_lt];
    cl = (ppr->accurate_lensing == _FALSE_) ? cl+value : value;
  };
  for (int i=0; i < size; i++) {
    if (ple->has_tt == _TRUE_) put(i,ple->index_lt_tt,integral[spectrum_tt*size+i]);
    if (ple->has_te == _TRUE_) put(i,ple->index_lt_te,integral[spectrum_te*size+i]);
    if ((ple->has_ee == _TRUE_) || (ple->has_bb == _TRUE_)) {
      double plus = integral[spectrum_plus*size+i], minus = integral[spectrum_minus*size+i];
      put(i,ple->index_lt_ee,0.5*(plus+minus));
      put(i,ple->index_lt_bb,0.5*(plus-minus));
    }
  }
}

int cosmicnet_lensing(struct precision * ppr, struct harmonic * phr, struct lensing * ple) {
  Lensing lensing;
  class_call(lensing.prepare(ppr,phr,ple),
             ple->error_message,
             ple->error_message);
  size_t size = spectrum_number*lensing.l.size();
  int task_number = ((int)lensing.nodes.mu.size()+angles_per_task-1)/angles_per_task;
  Row parts(task_number*size,0.);
  class_setup_parallel();
  for (int task=0; task < task_number; task++) {
    double * part = parts.data()+task*size;
    class_run_parallel(with_arguments(&lensing,task,part),
      lensing.integrate(task*angles_per_task,part);
      return _SUCCESS_;
    );
  }
  class_finish_parallel();
  /* in this order, whoever did which task */
  for (int task=1; task < task_number; task++)
    for (size_t i=0; i < size; i++) parts[i] += parts[task*size+i];
  store(ppr,ple,parts.data());
  class_call(array_spline_table_lines(ple->l,ple->l_size,ple->cl_lens,ple->lt_size,ple->ddcl_lens,
                                      _SPLINE_EST_DERIV_,ple->error_message),
             ple->error_message,
             ple->error_message);
  ple->is_allocated = _TRUE_;
  return _SUCCESS_;
}
