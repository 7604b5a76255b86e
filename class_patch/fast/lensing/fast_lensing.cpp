/** @file fast_lensing.cpp
 *
 * Lensed spectra from sums over multipoles, taken while the recurrences of the d-functions run.
 *
 * In CLASS's lensed correlation functions only one exponential depends on both multipole and angle
 * (lensing_terms.h). A term therefore costs one multiply-add for each multipole and angle, besides
 * the recurrence of its d-function, and no d-function is stored.
 */

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <mutex>
#include <vector>
#include "lensing.h"
#include "../crew.h"
#include "fast_lensing.h"
#include "lensing_terms.h"
#include "wigner.h"

namespace cosmicnet {

/** Cosines of angles, and the weights of an integral over them. */
struct Quadrature {
  std::vector<double> mu, weight;
};

/** A part of the sphere: its angles; the largest multipole of the sums at these angles, and the factor with which
    multipoles fade out (share); the largest multipole to which its integrals contribute (l_project). */
struct Zone {
  Quadrature nodes;
  int l_sum;
  std::vector<double> share;
  int l_project;
};

/* Newton's steps. The start is off by up to 2e-3 of the distance of two roots; three steps take it to 1e-15. */
enum {newton_steps = 3};

/* The change of a correlation function by lensing is smooth beyond a few degrees, so few multipoles matter there.
   The complementary error function divides the sphere at this angle. At `edge` widths from the middle it differs from
   0 or 1 by 1e-9; its Fourier transform, exp(-(l width/2)^2), is 1e-9 at l = 2 edge/width. */
static const double middle = 0.1, width = 0.015, edge = 4.3;

static double near_share(double angle) { return 0.5*erfc((angle-middle)/width); }

/* Sums over multipoles fade out over this range of l: wide enough for no ripples at angles beyond middle-2 width. */
static const double l_width = 2.*edge/(middle-2.*width);
static const int far_l_sum = (int)(2.*edge*l_width), far_l_project = (int)(2.*edge/width);

static void equal_steps(double boundary, int size, Quadrature & nodes) {
  double step = boundary/size;
  for (int i=1; i <= size; i++) {
    nodes.mu.push_back(cos(i*step));
    nodes.weight.push_back(sin(i*step)*step);
  }
}

/** The roots of the Legendre polynomial P_size at angles below `largest`, as in quadrature_gauss_legendre(), for several
    roots at once: P_l = d^l_00. */
static void gauss_legendre(int size, double largest, Quadrature & nodes) {
  Wigner legendre(0,0,size);
  WignerSums recurrence(legendre,{},NULL);
  int number = std::min((int)(largest/_PI_*(size+0.5)+1.25),size);
  for (int begin=0; begin < number; begin += angles) {
    double mu[angles], weight[angles];
    for (int i=0; i < angles; i++) {
      /* Tricomi's formula */
      double phi = _PI_*(std::min(begin+i,number-1)+0.75)/(size+0.5);
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
    for (int i=0; i < std::min((int)angles,number-begin); i++) {
      nodes.mu.push_back(mu[i]);
      nodes.weight.push_back(weight[i]);
    }
  }
}

/* Number of small angles per multipole. Lensed spectra extend beyond the last multipole of the unlensed ones; with one angle
   per multipole the quadrature would alias them. */
static const double oversampling = 1.25;

/** CLASS's angles. With accurate_lensing and many multipoles: more small angles, fewer large ones. */
static std::vector<Zone> divide_sphere(const struct precision * ppr, int l_max) {
  Zone all = {{},l_max,std::vector<double>(l_max+1,1.),l_max};
  if (ppr->accurate_lensing == _FALSE_) {
    equal_steps(_PI_/ppr->non_accurate_lensing_boundary,2*l_max/ppr->non_accurate_lensing_boundary-1,all.nodes);
    return {all};
  }
  int size = std::max(l_max+ppr->num_mu_minus_lmax,1);
  size += size%2-1;
  if (l_max < 2*far_l_sum) {
    gauss_legendre(size,_PI_,all.nodes);
    return {all};
  }
  Zone far = {{},far_l_sum,{},far_l_project};
  for (int l=0; l <= far_l_sum; l++) far.share.push_back(0.5*erfc((l-edge*l_width)/l_width));
  gauss_legendre(std::max(size,(int)(oversampling*l_max)),middle+edge*width,all.nodes);
  /* the window has multipoles up to those of the projection */
  gauss_legendre(far_l_sum/2+far_l_project,_PI_,far.nodes);
  for (size_t i=0; i < all.nodes.mu.size(); i++) all.nodes.weight[i] *= near_share(acos(all.nodes.mu[i]));
  for (size_t i=0; i < far.nodes.mu.size(); i++) far.nodes.weight[i] *= 1.-near_share(acos(far.nodes.mu[i]));
  return {all,far};
}

}

using namespace cosmicnet;

typedef std::vector<double> Row;

namespace {

/* Multipoles summed at once, and blocks of angles in one task; small enough for the processor's caches. */
enum {l_together = 256, blocks_per_task = 4, angles_per_task = blocks_per_task*angles};

/* m and n of the d-functions of the correlation functions themselves. */
const int own_m[spectrum_number] = {0,2,2,2}, own_n[spectrum_number] = {0,0,2,-2};

struct Block {
  double mu[angles], weight[angles], sigma2[angles], cgl[angles], cgl2[angles];
  double correlation[spectrum_number][angles];
};

/** Sums that share a recurrence, and the terms of the damped ones; the undamped (bare) one is the correlation function
    with that d-function. */
struct Group {
  WignerSums sums;
  std::vector<const Term *> terms;
  int bare;
};

struct Spectra {
  Spectra(const struct lensing * ple);
  int read(struct harmonic * phr, struct lensing * ple);
  void fade(const Row & share);

  int l_max;
  bool has[spectrum_number];
  /* (2l+1)/(4 pi) times C_l of each correlation function, and times l(l+1) C_l^phiphi; the sum of the latter, Cgl(1) */
  Row unlensed[spectrum_number], deflection;
  double total_deflection;
};

/** What does not depend on the spectra: the recurrences, and the functions of l of all terms, term after term. */
struct Multipoles {
  explicit Multipoles(int l_max);
  const Wigner & wigner(int m, int n) const { return wigners.at({m,n}); }
  const double * of_term(int index) const { return &at_l[(size_t)index*(l_max+1)]; }

  const int l_max;

private:
  std::map<std::pair<int,int>,Wigner> wigners;
  Row at_l;
};

Multipoles::Multipoles(int l_max) : l_max(l_max), at_l((size_t)lensing_term_number*(l_max+1),0.) {
  auto add = [&] (int m, int n) { wigners.insert({{m,n},Wigner(m,n,l_max)}); };
  for (int n : {1,-1}) add(1,n);
  for (int s=0; s < spectrum_number; s++) add(own_m[s],own_n[s]);
  for (int i=0; i < lensing_term_number; i++) {
    const Term & term = lensing_terms[i];
    add(term.m,term.n);
    for (int l=std::max(2,term.m); l <= l_max; l++) at_l[(size_t)i*(l_max+1)+l] = term.at_l(l);
  }
}

/* Sets of multipoles that stay in the process: those of the two zones of a sphere. */
enum {most_kept = 2};

static std::shared_ptr<const Multipoles> multipoles(int l_max) {
  static std::mutex mutex;
  static std::vector<std::shared_ptr<const Multipoles>> kept;
  const std::lock_guard<std::mutex> lock(mutex);
  for (const std::shared_ptr<const Multipoles> & one : kept)
    if (one->l_max == l_max) return one;
  if (kept.size() == most_kept) kept.erase(kept.begin());
  kept.push_back(std::make_shared<const Multipoles>(l_max));
  return kept.back();
}

/** Contributions of one zone to the spectra. */
class Lensing {
public:
  Lensing(const struct precision * ppr, const struct lensing * ple, const Spectra & spectra, const Zone & zone);
  /** Contributions of one task, the angles from `begin` on, to the integrals result[spectrum*l.size()+index_l]. */
  void integrate(int begin, double * result) const;

  const Quadrature nodes;
  const std::vector<int> l;

private:
  void list_sums();
  void deflect(Block * blocks) const;
  void correlate(Block * blocks) const;

  const struct precision * ppr;
  int l_max;
  Spectra spectra;
  std::shared_ptr<const Multipoles> constants;
  std::vector<Group> deflections, correlations;
};

Spectra::Spectra(const struct lensing * ple) : l_max(ple->l_unlensed_max), total_deflection(0.) {
  has[spectrum_tt] = (ple->has_tt == _TRUE_);
  has[spectrum_te] = (ple->has_te == _TRUE_);
  has[spectrum_plus] = has[spectrum_minus] = (ple->has_ee == _TRUE_) || (ple->has_bb == _TRUE_);
}

int Spectra::read(struct harmonic * phr, struct lensing * ple) {
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
  const bool is_single = (phr->md_size == 1) && (phr->ic_size[0] == 1);
  int row = 0;
  for (int l=2; l <= l_max; l++) {
    if (is_single && (l <= phr->l[phr->l_size[0]-1])) {
      /* harmonic_cl_at_l() without its search */
      while ((row+2 < phr->l_size[0]) && (phr->l[row+1] <= l)) row++;
      const size_t place = (size_t)row*phr->ct_size;
      int first;
      class_call(array_interpolate_spline(phr->l+row,2,phr->cl[0]+place,phr->ddcl[0]+place,phr->ct_size,l,&first,cl.data(),
                                          phr->ct_size,phr->error_message),
                 phr->error_message,
                 ple->error_message);
      for (int index_ct=0; index_ct < phr->ct_size; index_ct++)
        if (l > phr->l_max_ct[0][index_ct]) cl[index_ct] = 0.;
    }
    else {
      class_call(harmonic_cl_at_l(phr,l,cl.data(),cl_md.data(),cl_md_ic.data()),
                 phr->error_message,
                 ple->error_message);
    }
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

void Spectra::fade(const Row & share) {
  for (Row * row : {&unlensed[spectrum_tt],&unlensed[spectrum_te],&unlensed[spectrum_plus],&unlensed[spectrum_minus],
                    &deflection})
    for (size_t l=0; l < share.size(); l++) (*row)[l] *= share[l];
}

Lensing::Lensing(const struct precision * ppr, const struct lensing * ple, const Spectra & all, const Zone & zone)
  : nodes(zone.nodes), l(ple->l,std::upper_bound(ple->l,ple->l+ple->l_size,zone.l_project)), ppr(ppr), l_max(zone.l_sum),
    spectra(all), constants(multipoles(zone.l_sum)) {
  spectra.fade(zone.share);
  list_sums();
}

/** The required sums, grouped by recurrence. */
void Lensing::list_sums() {
  for (int n : {1,-1}) deflections.push_back({WignerSums(constants->wigner(1,n),{},&spectra.deflection),{},0});

  std::map<std::pair<int,int>,std::vector<const Term *>> by_function;
  for (int i=0; i < lensing_term_number; i++) {
    const Term & term = lensing_terms[i];
    if (spectra.has[term.spectrum] && (term.power_2 <= ppr->lensing_C2_order) && (term.power_0 <= ppr->lensing_C0_order))
      by_function[{term.m,term.n}].push_back(&term);
  }
  for (const auto & item : by_function) {
    const Wigner & function = constants->wigner(item.first.first,item.first.second);
    int bare = -1;
    for (int s=0; s < spectrum_number; s++) {
      if (spectra.has[s] && (own_m[s] == function.m) && (own_n[s] == function.n)) bare = s;
    }
    for (size_t begin=0; begin < item.second.size(); begin += WignerSums::most_damped) {
      size_t end = std::min(begin+WignerSums::most_damped,item.second.size());
      std::vector<const Term *> terms(item.second.begin()+begin,item.second.begin()+end);
      std::vector<Series> series;
      for (const Term * term : terms)
        series.push_back({constants->of_term((int)(term-lensing_terms)),spectra.unlensed[term->spectrum].data()});
      correlations.push_back({WignerSums(function,series,(bare < 0) ? NULL : &spectra.unlensed[bare]),terms,bare});
      bare = -1;
    }
  }
}

/** exp(-l(l+1) sigma2/2) at l_begin <= l < l_end for the angles of two blocks, damping[block][(l-l_begin)*angles+i]. */
cosmicnet_for_all_processors
void exponential(const Block * blocks, int l_begin, int l_end, double (*damping)[l_together*angles]) {
  /* the recurrences of several vectors hide one another's latency */
  enum {vectors = angles/double_lanes, number = 2*vectors};
  double_vector value[number], ratio[number], step[number];
  for (int i=0; i < 2*angles; i++) {
    const double sigma2 = blocks[i/angles].sigma2[i%angles];
    value[i/double_lanes][i%double_lanes] = exp(-0.5*l_begin*(l_begin+1.)*sigma2);
    ratio[i/double_lanes][i%double_lanes] = exp(-(l_begin+1.)*sigma2);
    step[i/double_lanes][i%double_lanes] = expm1(-sigma2); /* a factor exp(-sigma2) near one would be rounded too much */
  }
  for (int j=0; j < (l_end-l_begin)*angles; j += angles) {
    for (int i=0; i < number; i++) {
      *(double_vector *)&damping[i/vectors][j+(i%vectors)*double_lanes] = value[i];
      value[i] *= ratio[i];
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
    for (int b=0; is_damped && (b < blocks_per_task); b += 2) exponential(blocks+b,begin,end,damping+b);
    for (size_t k=0; k < groups.size(); k++) {
      for (int b=0; groups[k].sums.is_thin() && (b < blocks_per_task); b += 2) {
        const double * const mu[] = {blocks[b].mu,blocks[b+1].mu}, * const of_blocks[] = {damping[b],damping[b+1]};
        groups[k].sums.advance_two(&states[k*blocks_per_task+b],mu,of_blocks,begin,end);
      }
      for (int b=0; !groups[k].sums.is_thin() && (b < blocks_per_task); b++)
        groups[k].sums.advance(states[k*blocks_per_task+b],blocks[b].mu,damping[b],begin,end);
    }
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
      blocks[b].sigma2[i] = spectra.total_deflection-blocks[b].cgl[i];
    }
  }
}

/** The change of the correlation functions by lensing. */
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
  for (int b=0; b < blocks_per_task; b += 2) {
    for (int s=0; s < spectrum_number; s++) {
      if (!spectra.has[s]) continue;
      double weight[2][angles];
      for (int i=0; i < 2*angles; i++) {
        const Block & block = blocks[b+i/angles];
        weight[i/angles][i%angles] = 2.*_PI_*block.weight[i%angles]*block.correlation[s][i%angles];
      }
      const double * const mu[] = {blocks[b].mu,blocks[b+1].mu}, * const weights[] = {weight[0],weight[1]};
      project(constants->wigner(own_m[s],own_n[s]),mu,weights,l.data(),(int)l.size(),result+s*l.size());
    }
  }
}

/** Add the integrals to the result, which holds the unlensed spectra. */
void store(struct lensing * ple, const double * integrals) {
  int size = ple->l_size;
  auto put = [=] (int index_l, int index_lt, double value) {
    ple->cl_lens[index_l*ple->lt_size+index_lt] += value;
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
  Spectra spectra(ple);
  class_call(spectra.read(phr,ple),
             ple->error_message,
             ple->error_message);
  Row integrals(spectrum_number*ple->l_size,0.);
  for (const Zone & zone : divide_sphere(ppr,ple->l_unlensed_max)) {
    Lensing lensing(ppr,ple,spectra,zone);
    size_t size = lensing.l.size();
    int angle_number = (int)lensing.nodes.mu.size();
    /* parts are added in a fixed order, so that results do not depend on the threads */
    std::vector<Row> parts((angle_number+angles_per_task-1)/angles_per_task,Row(spectrum_number*size,0.));
    Crew crew;
    for (int begin=0; begin < angle_number; begin += angles_per_task) {
      double * part = parts[begin/angles_per_task].data();
      crew.add([&lensing,begin,part] () {
        lensing.integrate(begin,part);
        return _SUCCESS_;
      });
    }
    if (crew.run() == _FAILURE_) return _FAILURE_;
    for (const Row & part : parts)
      for (int s=0; s < spectrum_number; s++)
        for (size_t i=0; i < size; i++) integrals[s*ple->l_size+i] += part[s*size+i];
  }
  store(ple,integrals.data());
  class_call(array_spline_table_lines(ple->l,ple->l_size,ple->cl_lens,ple->lt_size,ple->ddcl_lens,
                                      _SPLINE_EST_DERIV_,ple->error_message),
             ple->error_message,
             ple->error_message);
  ple->is_allocated = _TRUE_;
  return _SUCCESS_;
}
