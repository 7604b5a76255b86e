/** @file fast_hmcode.cpp
 *
 * HMcode, four times at once. CLASS's integrals at each time become sums whose weights depend on its grids alone
 * (linear_spectra.h). The one-halo term is smooth and needs few wavenumbers (halo_sum.h).
 */

#include <algorithm>
#include <atomic>
#include <cmath>
#include <memory>
#include <vector>
#include "../crew.h"
#include "fast_hmcode.h"
#include "halo_sum.h"
#include "haloes.h"
#include "linear_spectra.h"
#include "spline.h"

namespace cosmicnet {

enum Outcome {not_done, is_computed, out_of_reach, left_to_class};

/** Linear spectra of four times, by type of spectrum; if there are fewer times, the last one is repeated. */
struct Batch {
  int number, index_tau[double_lanes];
  Epoch epoch[double_lanes];
  bool has_epoch[double_lanes];
  /* on CLASS's wavenumbers, and on those of the variances; sigma_8, and displacements at radii 0 and 100/h Mpc */
  std::vector<Lanes> lnpk, ddlnpk, pk, sigma8, displacement;
};

/** Results for one type of spectrum at these times. */
struct State {
  Outcome outcome[double_lanes];
  Collapse collapse[double_lanes];
  Haloes haloes[double_lanes];
  double n_eff[double_lanes];
};

}

using namespace cosmicnet;

namespace {

/* Newton's steps for the non-linear radius, and the error of ln sigma^2 at which they end. */
enum {most_steps = 12};
const double radius_tolerance = 1e-12;
/* Halvings of a bracket, down to rounding. */
enum {most_halvings = 60};

class HMcode {
public:
  HMcode(struct precision * ppr, struct background * pba, struct perturbations * ppt, struct primordial * ppm,
         struct fourier * pfo, struct hmcode_workspace * phw);

  /* whether the preparations common to all times succeeded */
  bool is_possible;
  /* [(tau_size-1-index_tau)*pk_size+index_pk] */
  std::vector<char> outcomes;

  /** Of the version with feedback: what the model without feedback adds to ln P, at the times and kinds of spectrum of outcomes;
      empty where it is not known yet. */
  std::vector<std::vector<double>> * feedback;

  /** Compute `number` times, from `index_tau` backwards; nothing if a later time is known to be out of reach. */
  int compute(int index_tau, int number);

private:
  int read(int index_tau, int number, Batch & batch) const;
  void find_sigma(const Batch & batch, int index_pk, Lanes & sigma, Lanes & dd_sigma) const;
  void find_haloes(const Batch & batch, int index_pk, State & state) const;
  void find_radii(const Batch & batch, int index_pk, const double * guess, const double * lower, const double * upper,
                  State & state) const;
  double bisect(const Batch & batch, int lane, double radius, double lower, double upper, double delta_c) const;
  void add(enum hmcode_version version, double sign, const Batch & batch, int index_pk, const Lanes * oscillating,
           State & state, Lanes & lnpk_nl) const;
  void add_without_feedback(const Batch & batch, int index_pk, const Lanes * oscillating, State & state, Lanes & lnpk_nl) const;
  size_t place(int index_tau, int index_pk) const { return (size_t)(pfo->tau_size-1-index_tau)*pfo->pk_size+index_pk; }
  void store(const Batch & batch, int index_pk, const Lanes & lnpk_nl, const State & state);

  struct background * pba;
  struct fourier * pfo;
  struct hmcode_workspace * phw;
  bool has_neutrinos;
  int index_pk_cb;
  /* sigma_tolerance: CLASS's hmcode_tol_sigma */
  double f_nu, sigma_tolerance;
  std::vector<double> radii;
  Epochs epochs;
  LinearSpectra spectra;
  HaloSum halo_sum;
  std::vector<HaloMasses> masses;
  std::unique_ptr<GridSpline> sigma_spline;
  std::unique_ptr<Variances> variances;
  std::unique_ptr<NeutrinoCorrection> neutrinos;
  std::unique_ptr<Wiggles> wiggles;
  /* the latest time found to be out of reach, or left to CLASS */
  std::atomic<int> last_tau;
};

HMcode::HMcode(struct precision * ppr, struct background * pba, struct perturbations * ppt, struct primordial * ppm,
               struct fourier * pfo, struct hmcode_workspace * phw)
  : is_possible(false), outcomes((size_t)pfo->tau_size*pfo->pk_size,not_done), feedback(NULL), pba(pba), pfo(pfo), phw(phw),
    has_neutrinos(pba->has_ncdm == _TRUE_), index_pk_cb(has_neutrinos ? pfo->index_pk_cb : pfo->index_pk_m),
    f_nu(pba->Omega0_ncdm_tot/pba->Omega0_m), sigma_tolerance(ppr->hmcode_tol_sigma), epochs(pba,pfo,phw),
    spectra(pba,ppt,ppm,pfo),
    halo_sum(std::vector<double>(pfo->k,pfo->k+pfo->k_size)), last_tau(-1) {
  bool is_2015 = (pfo->hm_version == hmcode_version_2015);
  if ((ppr->n_hmcode_tables < 3) || (ppr->nsteps_for_p1h_integral < 3) || (!is_2015 && (pfo->nk_wiggle < 3))) return;
  double smallest = log(ppr->rmin_for_sigtab/pba->h), largest = log(ppr->rmax_for_sigtab/pba->h);
  for (int i=0; i < ppr->n_hmcode_tables; i++) {
    radii.push_back(exp(smallest+(largest-smallest)*i/(ppr->n_hmcode_tables-1)));
    /* CLASS fills this table at its first time; its own code may take over after that */
    phw->rtab[i] = radii[i];
  }
  sigma_spline.reset(new GridSpline(radii,false));
  std::vector<double> all_radii = radii;
  all_radii.push_back(8./pba->h);
  variances.reset(new Variances(pfo,ppr->sigma_k_per_decade,all_radii,{0.,100./pba->h}));
  is_possible = (spectra.prepare() == _SUCCESS_) && variances->is_possible;
  for (int index_pk=0; index_pk < pfo->pk_size; index_pk++) {
    double apart = (index_pk == pfo->index_pk_cluster) ? pba->Omega0_ncdm_tot : 0.;
    masses.push_back(HaloMasses(ppr,pba,pba->Omega0_m-apart,radii));
    is_possible = is_possible && masses[index_pk].is_possible;
  }
  if (has_neutrinos) neutrinos.reset(new NeutrinoCorrection(phw->phg,variances->k));
  if (!is_2015) {
    wiggles.reset(new Wiggles(pfo));
    is_possible = is_possible && wiggles->is_possible;
  }
}

int HMcode::read(int index_tau, int number, Batch & batch) const {
  batch.number = number;
  for (int lane=0; lane < double_lanes; lane++) {
    batch.index_tau[lane] = index_tau-std::min(lane,number-1);
    batch.has_epoch[lane] = epochs.find(batch.index_tau[lane],batch.epoch[lane]);
  }
  for (int index_pk=0; index_pk < pfo->pk_size; index_pk++) {
    batch.lnpk.push_back(Lanes(pfo->k_size_extra));
    batch.ddlnpk.push_back(Lanes(pfo->k_size_extra));
    batch.pk.push_back(Lanes(variances->k.size()));
    batch.sigma8.push_back(Lanes(1));
    batch.displacement.push_back(Lanes(2));
    class_call(spectra.read(index_pk,batch.index_tau,batch.lnpk[index_pk],batch.ddlnpk[index_pk]),
               pfo->error_message,
               pfo->error_message);
    variances->power(batch.lnpk[index_pk],batch.ddlnpk[index_pk],NULL,batch.pk[index_pk]);
    variances->sigma(batch.pk[index_pk],(int)radii.size(),(int)radii.size()+1,batch.sigma8[index_pk].data());
    variances->displacement(batch.pk[index_pk],batch.displacement[index_pk].data());
  }
  return _SUCCESS_;
}

/** sigma(R) of baryons and cold dark matter; for total matter in the fits of 2020 from P_m and the neutrino correction. */
void HMcode::find_sigma(const Batch & batch, int index_pk, Lanes & sigma, Lanes & dd_sigma) const {
  bool is_corrected = has_neutrinos && (index_pk == pfo->index_pk_m) && (pfo->hm_version != hmcode_version_2015);
  const Lanes * pk = &batch.pk[index_pk_cb];
  Lanes corrected(is_corrected ? variances->k.size() : 0);
  if (is_corrected) {
    Lanes correction(variances->k.size());
    double growth[double_lanes];
    for (int lane=0; lane < double_lanes; lane++)
      growth[lane] = batch.epoch[lane].scaled_growth/(1.+batch.epoch[lane].z);
    neutrinos->evaluate(growth,correction);
    variances->power(batch.lnpk[index_pk],batch.ddlnpk[index_pk],&correction,corrected);
    pk = &corrected;
  }
  variances->sigma(*pk,0,(int)radii.size(),sigma.data());
  sigma_spline->derive(sigma.data(),dd_sigma.data());
}

/** Find collapse, peak heights, non-linear scale and formation times, for the times that can be computed. */
void HMcode::find_haloes(const Batch & batch, int index_pk, State & state) const {
  Lanes sigma(radii.size()), dd_sigma(radii.size());
  double guess[double_lanes], lower[double_lanes], upper[double_lanes];
  find_sigma(batch,index_pk,sigma,dd_sigma);
  for (int lane=0; lane < double_lanes; lane++) {
    Outcome & outcome = state.outcome[lane];
    guess[lane] = lower[lane] = upper[lane] = 1.;
    outcome = left_to_class;
    if (!batch.has_epoch[lane]) continue;
    state.collapse[lane] = Collapse(pfo->hm_version,batch.epoch[lane],batch.sigma8[index_pk][0][lane],f_nu);
    masses[index_pk].find_peaks(sigma,dd_sigma,lane,state.collapse[lane].delta_c,state.haloes[lane]);
    if (state.haloes[lane].nu[0] > 1.) outcome = out_of_reach;
    else if (masses[index_pk].bracket(state.haloes[lane],guess[lane],lower[lane],upper[lane])) outcome = is_computed;
  }
  find_radii(batch,index_pk,guess,lower,upper,state);
  for (int lane=0; lane < double_lanes; lane++) {
    if (state.outcome[lane] != is_computed) continue;
    if (!masses[index_pk].find_formation(sigma,dd_sigma,lane,state.collapse[lane],batch.epoch[lane],phw->phg,
                                         state.haloes[lane])) state.outcome[lane] = left_to_class;
  }
}

/** The radius where CLASS's search for sigma = delta_c ends: the middle of the bracket after the last step. If the first
    guess is good enough, that is the middle of the whole bracket, percents away from the root. */
double HMcode::bisect(const Batch & batch, int lane, double radius, double lower, double upper, double delta_c) const {
  double_vector sigma2, slope;
  for (int step=0; step < most_halvings; step++) {
    variances->at(batch.pk[index_pk_cb],all_lanes(radius),sigma2,slope);
    double difference = sqrt(sigma2[lane])-delta_c;
    if (difference > sigma_tolerance) lower = radius;
    else if (difference < -sigma_tolerance) upper = radius;
    radius = 0.5*(lower+upper);
    if (fabs(difference) <= sigma_tolerance) break;
  }
  return radius;
}

/** The radius where sigma is delta_c, and the slope of the spectrum there. CLASS's own radius decides whether the non-linear
    scale is within reach, and so the first non-linear time. CLASS searches between limits from an interpolated table; if
    the radius lies outside them, its search fails, and the true radius is taken. */
void HMcode::find_radii(const Batch & batch, int index_pk, const double * guess, const double * lower, const double * upper,
                        State & state) const {
  double_vector radius, sigma2, sigma2_of_guess, slope, threshold;
  for (int lane=0; lane < double_lanes; lane++) {
    radius[lane] = guess[lane];
    threshold[lane] = (state.outcome[lane] == is_computed) ? pow(state.collapse[lane].delta_c,2) : 1.;
  }
  double error[double_lanes];
  for (int step=0; step < most_steps; step++) {
    variances->at(batch.pk[index_pk_cb],radius,sigma2,slope);
    if (step == 0) sigma2_of_guess = sigma2;
    bool has_converged = true;
    for (int lane=0; lane < double_lanes; lane++) {
      error[lane] = log(sigma2[lane]/threshold[lane]);
      if ((state.outcome[lane] != is_computed) || (fabs(error[lane]) < radius_tolerance)) continue;
      has_converged = false;
      radius[lane] *= exp(-error[lane]/slope[lane]);
    }
    if (has_converged) break;
  }
  for (int lane=0; lane < double_lanes; lane++) {
    if (state.outcome[lane] != is_computed) continue;
    if (!(fabs(error[lane]) < radius_tolerance)) {
      state.outcome[lane] = left_to_class;
      continue;
    }
    bool is_bracketed = (radius[lane] >= lower[lane]) && (radius[lane] <= upper[lane]);
    state.n_eff[lane] = -3.-slope[lane];
    pfo->k_nl[index_pk][batch.index_tau[lane]] = 1./radius[lane];
    double k_max = pfo->k[pfo->k_size-1], delta_c = state.collapse[lane].delta_c, by_class = radius[lane];
    double sigma_from_end = 0.5*delta_c*fabs(slope[lane]*log(k_max*radius[lane]));
    if (is_bracketed
        && ((fabs(sqrt(sigma2_of_guess[lane])-delta_c) <= sigma_tolerance) || (sigma_from_end < 2.*sigma_tolerance)))
      by_class = bisect(batch,lane,guess[lane],lower[lane],upper[lane],delta_c);
    if (1./by_class > k_max) state.outcome[lane] = out_of_reach;
  }
}

/** Add `sign` times ln P of one version of the model. */
void HMcode::add(enum hmcode_version version, double sign, const Batch & batch, int index_pk, const Lanes * oscillating,
                 State & state, Lanes & lnpk_nl) const {
  Transition transition(pfo,halo_sum,version);
  Lanes ln_haloes(halo_sum.size());
  HaloProfiles profiles;
  std::vector<double> ln_sum(halo_sum.size());
  for (int lane=0; lane < double_lanes; lane++) {
    if (state.outcome[lane] != is_computed) continue;
    LinearScales scales = {batch.sigma8[index_pk][0][lane],batch.sigma8[index_pk_cb][0][lane],
                           batch.displacement[index_pk][0][lane],batch.displacement[index_pk][1][lane]};
    HaloModel model(pba,pfo,version,batch.epoch[lane],scales,state.n_eff[lane]);
    masses[index_pk].describe(state.haloes[lane],model,Baryons(pba,pfo,batch.epoch[lane].z),f_nu,profiles);
    if (!halo_sum.logarithm(profiles,ln_sum.data())) state.outcome[lane] = left_to_class;
    for (int i=0; i < halo_sum.size(); i++) ln_haloes.at(i,lane) = ln_sum[i]-masses[index_pk].ln_density;
    transition.set(lane,model,scales.displacement);
  }
  bool is_positive[double_lanes];
  transition.add(sign,batch.lnpk[index_pk],oscillating,ln_haloes,lnpk_nl,is_positive);
  for (int lane=0; lane < double_lanes; lane++)
    if ((state.outcome[lane] == is_computed) && !is_positive[lane]) state.outcome[lane] = left_to_class;
}

/** The effect of baryons is the ratio of two models without the fitted parameters of 2020. It multiplies the model of 2020, which like
    one of these two does not depend on feedback. */
void HMcode::add_without_feedback(const Batch & batch, int index_pk, const Lanes * oscillating, State & state,
                                  Lanes & lnpk_nl) const {
  bool is_known = true;
  for (int lane=0; lane < batch.number; lane++)
    is_known = is_known
      && ((state.outcome[lane] != is_computed) || !(*feedback)[place(batch.index_tau[lane],index_pk)].empty());
  Lanes without(pfo->k_size);
  if (!is_known) {
    add(hmcode_version_2020,1.,batch,index_pk,oscillating,state,without);
    add(hmcode_version_2020_unfitted,-1.,batch,index_pk,oscillating,state,without);
  }
  for (int lane=0; lane < batch.number; lane++) {
    if (state.outcome[lane] != is_computed) continue;
    std::vector<double> & row = (*feedback)[place(batch.index_tau[lane],index_pk)];
    row.resize(pfo->k_size);
    for (int i=0; i < pfo->k_size; i++) {
      if (is_known) without.at(i,lane) = row[i];
      else row[i] = without.at(i,lane);
    }
  }
  for (int i=0; i < pfo->k_size; i++) lnpk_nl[i] += without[i];
}

void HMcode::store(const Batch & batch, int index_pk, const Lanes & lnpk_nl, const State & state) {
  for (int lane=0; lane < batch.number; lane++) {
    int index_tau = batch.index_tau[lane], index_tau_late = index_tau-(pfo->tau_size-pfo->ln_tau_size);
    outcomes[place(index_tau,index_pk)] = state.outcome[lane];
    if (state.outcome[lane] != is_computed) continue;
    double * correction = pfo->nl_corr_density[index_pk]+(size_t)index_tau*pfo->k_size;
    for (int i=0; i < pfo->k_size; i++) correction[i] = exp(0.5*(lnpk_nl[i][lane]-batch.lnpk[index_pk][i][lane]));
    if (index_tau_late < 0) continue;
    double * spectrum = pfo->ln_pk_nl[index_pk]+(size_t)index_tau_late*pfo->k_size;
    for (int i=0; i < pfo->k_size; i++) spectrum[i] = lnpk_nl[i][lane];
  }
}

int HMcode::compute(int index_tau, int number) {
  if (index_tau <= last_tau) return _SUCCESS_;
  Batch batch;
  class_call(read(index_tau,number,batch),
             pfo->error_message,
             pfo->error_message);
  for (int index_pk=0; index_pk < pfo->pk_size; index_pk++) {
    State state;
    find_haloes(batch,index_pk,state);
    Lanes lnpk_nl(pfo->k_size), oscillating(pfo->k_size);
    const bool has_some = std::count(state.outcome,state.outcome+number,is_computed) > 0;
    if (has_some && (wiggles != NULL)) wiggles->extract(batch.lnpk[index_pk],batch.ddlnpk[index_pk],oscillating);
    const Lanes * given = (wiggles != NULL) ? &oscillating : NULL;
    if (has_some) add(pfo->hm_version,1.,batch,index_pk,given,state,lnpk_nl);
    if (has_some && (pfo->hm_version == hmcode_version_2020_baryonic))
      add_without_feedback(batch,index_pk,given,state,lnpk_nl);
    store(batch,index_pk,lnpk_nl,state);
    for (int lane=number-1; lane >= 0; lane--) {
      int failed = batch.index_tau[lane], known = last_tau;
      while ((state.outcome[lane] != is_computed) && (known < failed) && !last_tau.compare_exchange_weak(known,failed));
    }
  }
  return _SUCCESS_;
}

}

typedef std::vector<std::vector<double>> Feedback;

static void free_feedback(void * feedback) { delete (Feedback *)feedback; }

int cosmicnet_hmcode(struct precision * ppr, struct background * pba, struct perturbations * ppt, struct primordial * ppm,
                     struct fourier * pfo, struct hmcode_workspace * phw, int index_tau_min, int * done,
                     short * is_out_of_reach) {
  *done = 0;
  *is_out_of_reach = _FALSE_;
  bool is_wanted = (pfo->fast_non_linear == _TRUE_)
    || ((pfo->fast_non_linear == _COSMICNET_AUTOMATIC_) && (ppt->scalars_provided == _TRUE_));
  pfo->non_linear_is_fast = _FALSE_;
  if (!is_wanted || (pfo->extrapolation_method == extrap_zero)) return _SUCCESS_;
  HMcode model(ppr,pba,ppt,ppm,pfo,phw);
  if (!model.is_possible) return _SUCCESS_;
  pfo->non_linear_is_fast = _TRUE_;
  if (pfo->hm_version == hmcode_version_2020_baryonic) {
    pfo->without_feedback = pfo->kept_without_feedback;
    pfo->kept_without_feedback = NULL;
    if (pfo->without_feedback == NULL) pfo->without_feedback = new Feedback(model.outcomes.size());
    pfo->free_without_feedback = free_feedback;
    model.feedback = (Feedback *)pfo->without_feedback;
  }

  HMcode * shared = &model;
  Crew crew;
  for (int index_tau=pfo->tau_size-1; index_tau >= index_tau_min; index_tau -= double_lanes) {
    int number = std::min((int)double_lanes,index_tau-index_tau_min+1);
    crew.add([shared,index_tau,number] () { return shared->compute(index_tau,number); });
  }
  if (crew.run() == _FAILURE_) return _FAILURE_;
  size_t size = (size_t)(pfo->tau_size-index_tau_min)*pfo->pk_size, number = 0;
  while ((number < size) && (model.outcomes[number] == is_computed)) number++;
  *done = (int)number;
  if (number < size) *is_out_of_reach = (model.outcomes[number] == out_of_reach) ? _TRUE_ : _FALSE_;
  return _SUCCESS_;
}
