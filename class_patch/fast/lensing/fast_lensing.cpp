/** @file fast_lensing.cpp
 *
 * Lensed spectra from sums over multipoles that are done while the d-functions are made.
 *
 * In all of CLASS's lensed correlation functions only an exponential ties multipoles to angles
 * (lensing_terms.h), so that a term costs one multiplication and addition for each multipole and
 * angle beyond the recurrence of its d-function, and no d-function is stored.
 */

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>
#include "lensing.h"
#include "parallel.h"
#include "fast_lensing.h"
#include "lensing_terms.h"
#include "wigner.h"

namespace cosmicnet {

/** Those of lensing_init(): cosines and weights of an integral over them. */
struct Quadrature {
  Quadrature(const struct precision * ppr, int l_max);
  std::vector<double> mu, weight;
};

/* Newton's steps. The start is off by up to 2e-3 of the distance of two roots; three steps take it to 1e-15. */
enum {newton_steps = 3};

static void equal_steps(double boundary, int size, Quadrature & nodes) {
  double step = boundary/size;
  for (int i=1; i <= size; i++) {
    nodes.mu.push_back(cos(i*step));
    nodes.weight.push_back(sin(i*step)*step);
  }
}

/** The roots of the Legendre polynomial P_size, as in quadrature_gauss_legendre(), many at a time: P_l = d^l_00. */
static void gauss_legendre(int size, Quadrature & nodes) {
  nodes.mu.assign(size,0.);
  nodes.weight.assign(size,0.);
  Wigner legendre(0,0,size);
  WignerSums recurrence(legendre,{},NULL);
  int half = (size+1)/2;
  for (int begin=0; begin < half; begin += angles) {
    double mu[angles], weight[angles];
    for (int i=0; i < angles; i++) {
      /* Tricomi's formula */
      double phi = _PI_*(std::min(begin+i,half-1)+0.75)/(size+0.5);
      mu[i] = cos(phi+1./(tan(phi)*8.*(size+0.5)*(size+0.5)));
    }
    for (int step=0; step < newton_steps; step++) {
      WignerSums::State state = recurrence.start(mu);
      recurrence.advance(state,mu,NULL,0,size);
      for (int i=0; i < angles; i++) {
        double value = legendre.norm[size]*state.e_l[i], before = legendre.norm[size-1]*state.e_before[i];
        double slope = size*(mu[i]*value-before)/(mu[i]*mu[i]-1.);
        weight[i] = 2./((1.-mu[i]*mu[i])*slope*slope);
        mu[i] -= value/slope;
      }
    }
    for (int i=0; i < std::min((int)angles,half-begin); i++) {
      nodes.mu[begin+i] = -mu[i];
      nodes.mu[size-1-begin-i] = mu[i];
      nodes.weight[begin+i] = nodes.weight[size-1-begin-i] = weight[i];
    }
  }
}

Quadrature::Quadrature(const struct precision * ppr, int l_max) {
  if (ppr->accurate_lensing == _TRUE_) {
    int size = std::max(l_max+ppr->num_mu_minus_lmax,1);
    gauss_legendre(size+size%2-1,*this);
  }
  else {
    equal_steps(_PI_/ppr->non_accurate_lensing_boundary,2*l_max/ppr->non_accurate_lensing_boundary-1,*this);
  }
}

}

using namespace cosmicnet;

typedef std::vector<double> Row;

namespace {

/* Multipoles summed at once, and blocks of one task: rows of the recurrences and exponentials stay in the caches. */
enum {l_together = 256, blocks_per_task = 4, angles_per_task = blocks_per_task*angles};

/* m and n of the d-functions of the correlation functions themselves. */
const int own_m[spectrum_number] = {0,2,2,2}, own_n[spectrum_number] = {0,0,2,-2};

struct Block {
  double mu[angles], weight[angles], sigma2[angles], cgl[angles], cgl2[angles];
  double correlation[spectrum_number][angles];
};

/** Sums with one recurrence, and what the damped ones belong to; the bare one belongs to the correlation function
    with that d-function. */
struct Group {
  WignerSums sums;
  std::vector<const Term *> terms;
  int bare;
};

class Lensing {
public:
  Lensing(struct precision * ppr, struct lensing * ple);
  int read_spectra(struct harmonic * phr, struct lensing * ple);
  void list_sums();
  /** What the task of the angles from `begin` on adds to the integrals, result[spectrum*l.size()+index_l]. */
  void integrate(int begin, double * result) const;

  const Quadrature nodes;
  const std::vector<int> l;

private:
  const Wigner & wigner(int m, int n);
  void deflect(Block * blocks) const;
  void correlate(Block * blocks) const;

  const struct precision * ppr;
  int l_max;
  bool has[spectrum_number];
  /* (2l+1)/(4 pi) times C_l of each correlation function, and times l(l+1) C_l^phiphi; the sum of the latter, Cgl(1) */
  Row unlensed[spectrum_number], deflection;
  double total_deflection;
  std::map<std::pair<int,int>,Wigner> wigners;
  std::vector<Group> deflections, correlations;
};

Lensing::Lensing(struct precision * ppr, struct lensing * ple)
  : nodes(ppr,ple->l_unlensed_max), l(ple->l,ple->l+ple->l_size), ppr(ppr), l_max(ple->l_unlensed_max),
    total_deflection(0.) {
  has[spectrum_tt] = (ple->has_tt == _TRUE_);
  has[spectrum_te] = (ple->has_te == _TRUE_);
  has[spectrum_plus] = has[spectrum_minus] = (ple->has_ee == _TRUE_) || (ple->has_bb == _TRUE_);
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
  deflection.assign(l_max+1,0.);
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
    deflection[l] = factor*l*(l+1.)*cl[ple->index_lt_pp];
    total_deflection += deflection[l];
  }
  return _SUCCESS_;
}

const Wigner & Lensing::wigner(int m, int n) {
  auto found = wigners.find({m,n});
  if (found == wigners.end()) found = wigners.insert({{m,n},Wigner(m,n,l_max)}).first;
  return found->second;
}

/** The sums that are needed, those with the same recurrence together. */
void Lensing::list_sums() {
  for (int n : {1,-1}) deflections.push_back({WignerSums(wigner(1,n),{},&deflection),{},0});

  std::map<std::pair<int,int>,std::vector<const Term *>> by_function;
  for (int i=0; i < lensing_term_number; i++) {
    const Term & term = lensing_terms[i];
    if (has[term.spectrum] && (term.power_2 <= ppr->lensing_C2_order) && (term.power_0 <= ppr->lensing_C0_order))
      by_function[{term.m,term.n}].push_back(&term);
  }
  for (const auto & item : by_function) {
    const Wigner & function = wigner(item.first.first,item.first.second);
    int bare = -1;
    for (int s=0; s < spectrum_number; s++) {
      if (has[s] && (ppr->accurate_lensing == _FALSE_) && (own_m[s] == function.m) && (own_n[s] == function.n)) bare = s;
    }
    for (size_t begin=0; begin < item.second.size(); begin += WignerSums::most_damped) {
      size_t end = std::min(begin+WignerSums::most_damped,item.second.size());
      std::vector<const Term *> terms(item.second.begin()+begin,item.second.begin()+end);
      std::vector<Row> coefficients(terms.size(),Row(l_max+1,0.));
      for (size_t k=0; k < terms.size(); k++)
        for (int l=std::max(2,function.m); l <= l_max; l++)
          coefficients[k][l] = terms[k]->at_l(l)*unlensed[terms[k]->spectrum][l];
      correlations.push_back({WignerSums(function,coefficients,(bare < 0) ? NULL : &unlensed[bare]),terms,bare});
      bare = -1;
    }
  }
}

/** exp(-l(l+1) sigma2/2) at l_begin <= l < l_end, damping[(l-l_begin)*angles+i]. */
cosmicnet_for_all_processors
void exponential(const double * sigma2, int l_begin, int l_end, double * damping) {
  double ratio[angles], step[angles];
  for (int i=0; i < angles; i++) {
    damping[i] = exp(-0.5*l_begin*(l_begin+1.)*sigma2[i]);
    ratio[i] = exp(-(l_begin+1.)*sigma2[i]);
    step[i] = expm1(-sigma2[i]); /* a factor exp(-sigma2) near one would be rounded too much */
  }
  for (int j=angles; j < (l_end-l_begin)*angles; j += angles) {
    for (int i=0; i < angles; i++) {
      damping[j+i] = damping[j-angles+i]*ratio[i];
      ratio[i] += ratio[i]*step[i];
    }
  }
}

/** The sums of all groups at the angles of all blocks, states[index_group*blocks_per_task+index_block]. */
std::vector<WignerSums::State> sum_groups(const std::vector<Group> & groups, const Block * blocks, bool is_damped,
                                          int l_max) {
  std::vector<WignerSums::State> states;
  for (const Group & group : groups)
    for (int b=0; b < blocks_per_task; b++) states.push_back(group.sums.start(blocks[b].mu));
  double damping[blocks_per_task][l_together*angles];
  for (int begin=0; begin <= l_max; begin += l_together) {
    int end = std::min(begin+l_together,l_max+1);
    for (int b=0; is_damped && (b < blocks_per_task); b++) exponential(blocks[b].sigma2,begin,end,damping[b]);
    for (size_t k=0; k < groups.size(); k++)
      for (int b=0; b < blocks_per_task; b++)
        groups[k].sums.advance(states[k*blocks_per_task+b],blocks[b].mu,damping[b],begin,end);
  }
  return states;
}

/** Eq. 35 of astro-ph/0502425. */
void Lensing::deflect(Block * blocks) const {
  std::vector<WignerSums::State> states = sum_groups(deflections,blocks,false,l_max);
  for (int b=0; b < blocks_per_task; b++) {
    for (int i=0; i < angles; i++) {
      blocks[b].cgl[i] = states[b].sum[0][i];
      blocks[b].cgl2[i] = states[blocks_per_task+b].sum[0][i];
      blocks[b].sigma2[i] = total_deflection-blocks[b].cgl[i];
    }
  }
}

/** Lensed correlation functions; less the unlensed ones, where CLASS integrates over small angles only. */
void Lensing::correlate(Block * blocks) const {
  std::vector<WignerSums::State> states = sum_groups(correlations,blocks,true,l_max);
  for (size_t group=0; group < correlations.size(); group++) {
    const std::vector<const Term *> & terms = correlations[group].terms;
    for (int b=0; b < blocks_per_task; b++) {
      Block & at = blocks[b];
      const WignerSums::State & state = states[group*blocks_per_task+b];
      for (size_t k=0; k < terms.size(); k++) {
        for (int i=0; i < angles; i++) {
          double factor = terms[k]->factor*terms[k]->at_mu(at.sigma2[i]);
          for (int power=0; power < terms[k]->power_2; power++) factor *= at.cgl2[i];
          for (int power=0; power < terms[k]->power_0; power++) factor *= at.cgl[i];
          at.correlation[terms[k]->spectrum][i] += factor*state.sum[k][i];
        }
      }
      if (correlations[group].bare >= 0)
        for (int i=0; i < angles; i++) at.correlation[correlations[group].bare][i] -= state.sum[terms.size()][i];
    }
  }
}

void Lensing::integrate(int begin, double * result) const {
  Block blocks[blocks_per_task] = {};
  int end = std::min(begin+angles_per_task,(int)nodes.mu.size());
  for (int index=begin; index < end; index++) {
    Block & block = blocks[(index-begin)/angles];
    block.mu[(index-begin)%angles] = nodes.mu[index];
    block.weight[(index-begin)%angles] = nodes.weight[index];
  }
  deflect(blocks);
  correlate(blocks);
  for (Block & block : blocks) {
    for (int s=0; s < spectrum_number; s++) {
      if (!has[s]) continue;
      double weight[angles];
      for (int i=0; i < angles; i++) weight[i] = 2.*_PI_*block.weight[i]*block.correlation[s][i];
      project(wigners.at({own_m[s],own_n[s]}),block.mu,weight,l.data(),(int)l.size(),result+s*l.size());
    }
  }
}

/** Integrals become spectra; if they are only what lensing changes, the unlensed spectra are already there. */
void store(const struct precision * ppr, struct lensing * ple, const double * integrals) {
  int size = ple->l_size;
  auto put = [=] (int index_l, int index_lt, double value) {
    double & cl = ple->cl_lens[index_l*ple->lt_size+index_lt];
    cl = (ppr->accurate_lensing == _FALSE_) ? cl+value : value;
  };
  for (int i=0; i < size; i++) {
    if (ple->has_tt == _TRUE_) put(i,ple->index_lt_tt,integrals[spectrum_tt*size+i]);
    if (ple->has_te == _TRUE_) put(i,ple->index_lt_te,integrals[spectrum_te*size+i]);
    if ((ple->has_ee == _TRUE_) || (ple->has_bb == _TRUE_)) {
      double plus = integrals[spectrum_plus*size+i], minus = integrals[spectrum_minus*size+i];
      put(i,ple->index_lt_ee,0.5*(plus+minus));
      put(i,ple->index_lt_bb,0.5*(plus-minus));
    }
  }
}

}

int cosmicnet_lensing(struct precision * ppr, struct harmonic * phr, struct lensing * ple) {
  Lensing lensing(ppr,ple);
  class_call(lensing.read_spectra(phr,ple),
             ple->error_message,
             ple->error_message);
  lensing.list_sums();
  size_t size = spectrum_number*lensing.l.size();
  int angle_number = (int)lensing.nodes.mu.size();
  /* parts are added in their order, whoever did which */
  std::vector<Row> parts((angle_number+angles_per_task-1)/angles_per_task,Row(size,0.));
  class_setup_parallel();
  for (int begin=0; begin < angle_number; begin += angles_per_task) {
    double * part = parts[begin/angles_per_task].data();
    class_run_parallel(with_arguments(&lensing,begin,part),
      lensing.integrate(begin,part);
      return _SUCCESS_;
    );
  }
  class_finish_parallel();
  Row integrals(size,0.);
  for (const Row & part : parts)
    for (size_t i=0; i < size; i++) integrals[i] += part[i];
  store(ppr,ple,integrals.data());
  class_call(array_spline_table_lines(ple->l,ple->l_size,ple->cl_lens,ple->lt_size,ple->ddcl_lens,
                                      _SPLINE_EST_DERIV_,ple->error_message),
             ple->error_message,
             ple->error_message);
  ple->is_allocated = _TRUE_;
  return _SUCCESS_;
}
