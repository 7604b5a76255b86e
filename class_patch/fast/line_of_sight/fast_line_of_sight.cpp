/** @file fast_line_of_sight.cpp
 *
 * Transfer functions by sums over a table of Bessel functions that all wavenumbers and times share.
 *
 * With x = q(tau0-tau), and j'' from the Bessel equation, CLASS's flat radial functions give
 *
 *    T_l = int dtau [(S_0-S_2) j_l + (S_1-3 S_2/x) j_l'] + 3/2 l(l+1) int dtau S_2/x^2 j_l
 *    E_l = sqrt(3/8 (l+2)!/(l-2)!) int dtau S_P/x^2 j_l,    S_P = sqrt(6) S_2,
 *
 * so that two sums suffice, of which the second serves both. Times are CLASS's own.
 *
 * In curved space there are the same two sums, over the functions of radial_sums.h. They have q/k dPhi_l/dx for
 * j_l', cosK/(k sinK) for 1/x, (k sinK)^-2 for 1/x^2, and S_2/sqrt(1-3K/k^2) for S_2.
 */

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include "../crew.h"
#include "transfer.h"
#include "radial/band_table.h"
#include "radial/bessel_table.h"
#include "fast_line_of_sight.h"
#include "number_counts/galaxy_windows.h"
#include "radial/node_sums.h"
#include "number_counts/number_counts.h"
#include "radial/radial_sums.h"
#include "source_spline.h"
#include "tensor_transfer.h"

namespace cosmicnet {

/** Times of one transfer type, from CLASS's transfer_sources(): distances tau0-tau, weights of the integral over time, of
    S_2 by themselves, and the window that multiplies the source of the perturbation module. */
struct TimeGrid {
  std::vector<double> distance, weight, weight_of_s2, window;
  /** 1/sinK and cosK/sinK of the distance (0 today), 1/weight, the larger distance to a neighbour, the distance, and 1 over
      that to the sample before. */
  std::vector<float> over_sine, cotangent, over_weight, gap, range, over_step;
  void prepare(const Space & space);
  /** The first sample that is not beyond a distance between 0 and distance[0]. Mostly the loop is not entered, so that processors
      can work ahead. */
  int first_within(double at) const {
    const double * const x = distance.data();
    int i = of_cell[(int)(at*cells_per_distance)];
    i -= (i > 0) & (x[std::max(i-1,0)] <= at);
    while ((i > 0) && (x[i-1] <= at)) i--;
    return i;
  }

private:
  /** The same for the distances where cells of equal width begin. */
  std::vector<int> of_cell;
  double cells_per_distance;
};

/** Factors of the sources due to curvature at one wavenumber: q/k, and 1/sqrt(1-3K/k^2); 1 in flat space. */
struct CurvatureFactors {
  CurvatureFactors(const Space & space, double q, double k)
    : slope((float)(q/k)), quadrupole((float)(1./sqrt(1.-3.*space.K/(k*k)))) {}
  /** Factor of S_2/x^2, for x = q chi in place of k chi, and of the other term of S_2. */
  float of_second() const { return slope*slope*quadrupole; }
  float slope, quadrupole;
};

/** The part of S_0-S_2 that is left out at high l, a row for each wavenumber of one task, and its first sample. */
struct LeftOut {
  std::vector<float> rows;
  std::vector<int> first;
};

/** Results at all multipoles and a few wavenumbers, since tables with l as the outer axis are best written in whole cache lines. */
class Tile {
public:
  enum {width = 16};
  explicit Tile(size_t l_size) : values(l_size*width) {}
  void clear() { std::fill(values.begin(),values.end(),0.f); }
  float * column(int index_l, int i) { return &values[(size_t)index_l*width+i]; }
  /** Two arrays of this size, one after the other. */
  float * work(int size) {
    floats.resize(2*size);
    return floats.data();
  }

private:
  std::vector<float> values, floats;
};

/** Data common to all wavenumbers of one initial condition. */
struct LineOfSight {
  struct precision * ppr;
  struct perturbations * ppt;
  struct transfer * ptr;
  Space space;
  /** In flat space; NULL in curved space. The first may have the low multipoles only. */
  std::shared_ptr<const BesselTable> table;
  std::shared_ptr<const BandTable> band;
  std::vector<int> l;
  double tau0;
  int index_md, index_ic;
  bool has_t, has_e, has_lcmb;
  TimeGrid cmb, lens;
  std::unique_ptr<SourceSpline> cmb_sources, lens_sources;
  int cmb_stride, lens_stride;
  /** The first sample of the CMB at late times. */
  int late;
  std::vector<float> lens_factor;
  /** For Limber's approximation: 1 over the distance from a sample to the one before, to the one after, and between these; and the
      distance to the one after. */
  std::vector<float> over_before, over_after, over_both, to_next;
  /** The integrals of j_l over x, and over l+1/2. */
  std::vector<double> height, limber_factor;

  float * transfer(int index_tt, int index_l) const { return transfer_row(ptr,index_md,index_ic,index_tt,index_l); }
  float * transfer_limber(int index_l) const { return transfer_limber_row(ptr,index_md,index_ic,index_l); }
  void prepare_cmb(const double * t0, const double * t1, const double * t2, double factor_t2, int begin, int end);
  void prepare_lens(const double * phi_plus_psi, const double * correction, int begin, int end);
  void integrate_cmb(int begin, int end) const;
  void integrate_cmb_curved(int begin, int end) const;
  template <typename Sum>
  void store_cmb(int index_l, int begin, int size, const Sum * first, const Sum * second, int stride, const double * near)
    const;
  void clear_cmb(int index_l, int begin, int end) const;
  void integrate_lens(int begin, int end) const;
  void integrate_limber(int begin, int end) const;
  void add_left_out(int begin, int end, const LeftOut & left_out) const;
  void prepare_limber();
  void evaluate_lens(double k, float * result) const;
  void evaluate_lens(double k, double other_k, float * result, float * other_result) const;
  void finish_lens(double k, float * result) const;
  void limber(double q, const float * source, int first_l, Tile & tile, int column) const;
};

/** Sources of temperature and polarisation as factors of the radial functions, at the wavenumbers from `begin` on. */
class CmbSamples {
public:
  CmbSamples(const LineOfSight & work, int begin, int end);
  /** Go to the next wavenumber, beginning with the first one, without samples before `first`. */
  void go_to(int index_q, int first);
  /** Add the samples [from,used) that count at all l to the others. */
  void join(int from);
  /** The samples [0,used) count at all l, and [nearer,used) in addition at low l. */
  Samples resolved, unresolved;
  int used, nearer;
  /** For each wavenumber, of the samples at x = 0: S_2/x^2 times x^2 j_2''(0)/(2/15). */
  std::vector<double> near;
  LeftOut left_out;

private:
  const LineOfSight & work;
  const int begin, end;
  /** The sources at this wavenumber and the next one. */
  std::vector<float> at_q, zero;
};

/** Distance at which Limber's approximation takes the source (negative: none), and the factor due to curvature. */
struct LimberPoint {
  double distance, factor;
};

/** The integral of j_l over x. */
static inline double limber_height(double l) { return sqrt(_PI_/(2.*l))*(1.-0.25/l+1./32./(l*l)); }

/** The source is taken at sinK = (l+1/2)/q, as in flat space. CLASS has sqrt(l(l+1)) for l+1/2 in closed space, which
    makes a step at K = 0. The amplitude is CLASS's, which has l/q for sinK. */
static inline LimberPoint limber_point(const Space & space, double l, double over_q) {
  double sine = (l+0.5)*over_q;
  if (space.K == 0.) return {sine,1.};
  double distance = space.distance(sine);
  return {distance,(distance < 0.) ? 0. : 1./sqrt(sqrt(1.-space.K*l*l*over_q*over_q))};
}

/* Samples below this x are treated as x = 0, where only S_2 at l = 2 contributes. CLASS leaves out today's sample. */
static const double smallest_x = 1.e-3;

/* Late samples may lie too far apart in x to resolve the Bessel functions; CLASS's sum over them is then noise. They are
   faded out between these distances: beyond a wavelength at all multipoles, and earlier at large l, where Limber's
   approximation replaces them. */
struct Fade {
  float from, to;
};
static const Fade fade_at_all_l = {12.f,18.f}, fade_at_high_l = {3.f,4.5f};
static const int high_l = 80;

/* A multipole sees a source at a distance D with the radial wavenumber sqrt(k^2-(l/D)^2). Sources have no structure at
   larger ones than these (1/Mpc): early ones because photons diffuse; late ones, from so many times the conformal time of
   recombination on, because reionisation is slow. */
static const double largest_radial_k = 0.45, largest_late_radial_k = 0.2, late_times = 4.;

/** Far beyond the turning point at x = l, j_l oscillates and late sources are smooth. */
static inline Fade fade_in_x(int l) { return {150.f+3.f*l,225.f+4.5f*l}; }

/** The first sample that is not beyond `end`. */
static int first_nearer(const std::vector<double> & distance, double end) {
  return (int)(std::lower_bound(distance.begin(),distance.end(),end,std::greater<double>())-distance.begin());
}

void TimeGrid::prepare(const Space & space) {
  int size = (int)distance.size();
  over_sine.assign(round_up(size),0.f);
  cotangent.assign(round_up(size),0.f);
  over_weight.assign(round_up(size),0.f);
  gap.assign(round_up(size),0.f);
  over_step.assign(round_up(size),0.f);
  range.assign(distance.begin(),distance.end());
  range.resize(round_up(size),0.f);
  for (int i=0; i < size; i++) {
    if (distance[i] > 0.) {
      double sine = space.sine(distance[i]);
      over_sine[i] = (float)(1./sine);
      cotangent[i] = (float)(space.cosine(distance[i])/sine);
    }
    if (weight[i] > 0.) over_weight[i] = (float)(1./weight[i]);
    if (i > 0) {
      gap[i] = (float)(distance[i-1]-distance[i]);
      over_step[i] = (float)(1./(distance[i-1]-distance[i]));
    }
    if (i+1 < size) gap[i] = std::max(gap[i],(float)(distance[i]-distance[i+1]));
  }
  if (size > 1) gap[size-1] = gap[size-2]; /* the last step ends today, however short it is */
  const int cells = 8192;
  cells_per_distance = cells/distance[0];
  for (int cell=0; cell <= cells; cell++) of_cell.push_back(first_nearer(distance,cell/cells_per_distance));
}

/** The weights of times by cubics in place of CLASS's trapezia, which are off by 1e-3 of TT and EE at l below 30. The last
    interval remains a trapezium, because it is longer than many of the waves there. Today's sample counts for nothing, as
    in CLASS, although j_2/x^2 does not vanish; S_2 of the sample before stands for the whole interval. All intervals remain
    trapezia where CLASS's samples are so uneven that a weight would not be positive. */
static void integrate_by_cubics(TimeGrid & grid) {
  const int size = (int)grid.distance.size();
  grid.weight_of_s2 = grid.weight;
  if (size < 3) return;
  std::vector<double> tau(size);
  for (int i=0; i < size; i++) tau[i] = -grid.distance[i];
  std::vector<double> weight = cubic_weights(tau.data(),size-1);
  const double last = 0.5*(tau[size-1]-tau[size-2]);
  weight[size-2] += last;
  weight.push_back(last);
  if (*std::min_element(weight.begin(),weight.end()) <= 0.) return;
  grid.weight = grid.weight_of_s2 = weight;
  grid.weight_of_s2[size-2] += last;
}

static inline __attribute__((always_inline)) float share(const Fade & fade, float gap) {
  float t = std::min(1.f,std::max(0.f,(fade.to-gap)/(fade.to-fade.from)));
  return t*t*(3.f-2.f*t);
}

static inline __attribute__((always_inline)) vector shares(const Fade & fade, const vector & gap) {
  const vector zero = {}, one = zero+1.f;
  vector t = (fade.to-gap)*(1.f/(fade.to-fade.from));
  t = (t < zero) ? zero : t;
  t = (t > one) ? one : t;
  return t*t*(3.f-2.f*t);
}

/** The sources s0 = (S_0-S_2) dtau, etc., at one wavenumber as factors of j_l and j_l'. `resolved` is the part that
    counts at all l, `unresolved` the part that counts only at low l. */
cosmicnet_for_all_processors
static void weigh(const TimeGrid & times, float q, const CurvatureFactors & curvature, const float * s0, const float * s1,
                  const float * s2, int begin, int end, Samples & resolved, Samples & unresolved) {
  const Fade far = fade_in_x(high_l);
  const float over_q = 1.f/q, of_value = 1.f-curvature.quadrupole, of_quadrupole = curvature.of_second();
  auto at = [] (const float * list, int i) { return *(const vector *)(list+i); };
  auto put = [] (std::vector<float> & list, int i, const vector & values) { *(vector *)&list[i] = values; };
  /* all lists are padded to whole vectors */
  for (int i=begin/vector_lanes*vector_lanes; i < end; i += vector_lanes) {
    const vector of_s2 = at(s2,i), over_x = over_q*at(&times.over_sine[0],i), quadrupole = of_quadrupole*of_s2;
    const vector value = at(s0,i)+of_value*of_s2, second = quadrupole*over_x*over_x;
    const vector slope = curvature.slope*at(s1,i)-3.f*quadrupole*(over_q*at(&times.cotangent[0],i));
    const vector gap = q*at(&times.gap[0],i), high = shares(fade_at_high_l,gap);
    const vector low = (shares(fade_at_all_l,gap)-high)*shares(far,q*at(&times.range[0],i));
    put(resolved.value,i,high*value);
    put(resolved.slope,i,high*slope);
    put(resolved.second,i,high*second);
    put(unresolved.value,i,low*value);
    put(unresolved.slope,i,low*slope);
    put(unresolved.second,i,low*second);
  }
}

/** The sources of lensing times tau0-tau as factors of j_l. */
cosmicnet_for_all_processors
static void weigh_lens(const TimeGrid & times, float q, const Fade & far, const float * source, const float * factor,
                       int begin, int end, std::vector<float> & value) {
  auto at = [] (const float * list, int i) { return *(const vector *)(list+i); };
  for (int i=begin/vector_lanes*vector_lanes; i < end; i += vector_lanes)
    *(vector *)&value[i] = at(source,i)*at(factor,i)*shares(fade_at_all_l,q*at(&times.gap[0],i))
      *shares(far,q*at(&times.range[0],i));
}

/** The part of S_0-S_2 that is left out at high l; returns its first sample. It extends to the last one. */
static int leave_out(const TimeGrid & times, float q, const float * s0, int size, float * left_out) {
  int first = size;
  while ((first > 0) && (q*times.gap[first-1] > fade_at_high_l.from)) {
    first--;
    left_out[first] = (1.f-share(fade_at_high_l,q*times.gap[first]))*s0[first]*times.over_weight[first];
  }
  if (first > 0) left_out[--first] = 0.f; /* the interpolation uses the previous sample too */
  return first;
}

/** Columns [begin,end) of (S_0-S_2) dtau, S_1 dtau and S_2 dtau, one after the other. */
void LineOfSight::prepare_cmb(const double * t0, const double * t1, const double * t2, double factor_t2,
                              int begin, int end) {
  int k_size = ppt->k_size[index_md], kinds = has_t ? 3 : 1;
  int stop = std::min(end,(int)cmb.weight.size());
  for (int index_k=0; index_k < ppt->k_size_cl[index_md]; index_k++) {
    float * row = cmb_sources->row(index_k);
    for (int i=begin; i < stop; i++) {
      size_t index = (size_t)i*k_size+index_k;
      double s2 = factor_t2*t2[index]*cmb.weight_of_s2[i];
      if (has_t) {
        row[i] = (float)(t0[index]*cmb.weight[i]-s2);
        row[cmb_stride+i] = (float)(t1[index]*cmb.weight[i]);
      }
      row[(kinds-1)*cmb_stride+i] = (float)s2;
    }
    /* zeros after the last time */
    for (int kind=0; kind < kinds; kind++) std::fill(row+kind*cmb_stride+stop,row+kind*cmb_stride+end,0.f);
  }
  for (int kind=0; kind < kinds; kind++) cmb_sources->spline(kind*cmb_stride+begin,kind*cmb_stride+end);
}

/** Columns [begin,end) of the source of lensing times tau0-tau, linear in time between CLASS's samples.
    correction: factor of the source by non-linear evolution, or NULL. */
void LineOfSight::prepare_lens(const double * phi_plus_psi, const double * correction, int begin, int end) {
  int k_size = ppt->k_size[index_md], before = 0;
  int stop = std::min(end,(int)lens.distance.size());
  for (int index_k=0; index_k < k_size; index_k++) std::fill(lens_sources->row(index_k)+stop,lens_sources->row(index_k)+end,0.f);
  for (int i=begin; i < stop; i++) {
    double tau = tau0-lens.distance[i];
    while ((before < ppt->tau_size-2) && (ppt->tau_sampling[before+1] < tau)) before++;
    double fraction = (tau-ppt->tau_sampling[before])/(ppt->tau_sampling[before+1]-ppt->tau_sampling[before]);
    double factor = lens.window[i]*lens.distance[i];
    const double * from = phi_plus_psi+(size_t)before*k_size, * to = from+k_size;
    const double * correct = (correction == NULL) ? NULL : correction+(size_t)before*k_size;
    for (int index_k=0; index_k < k_size; index_k++) {
      double source_from = from[index_k], source_to = to[index_k];
      if (correct != NULL) {
        source_from *= correct[index_k];
        source_to *= correct[k_size+index_k];
      }
      lens_sources->row(index_k)[i] = (float)(factor*((1.-fraction)*source_from+fraction*source_to));
    }
  }
  lens_sources->spline(begin,end);
}

CmbSamples::CmbSamples(const LineOfSight & w, int first_q, int end_q)
  : resolved(w.cmb_stride), unresolved(w.cmb_stride), used(0), nearer(0), near(end_q-first_q,0.), work(w), begin(first_q),
    end(end_q), at_q(2*w.cmb_sources->columns), zero(w.has_t ? 0 : w.cmb_stride,0.f) {
  left_out.rows.resize((size_t)(end_q-first_q)*w.cmb_stride);
  left_out.first.assign(end_q-first_q,(int)w.cmb.distance.size());
}

void CmbSamples::go_to(int index_q, int first) {
  const TimeGrid & cmb = work.cmb;
  int sample_number = (int)cmb.distance.size(), row = index_q-begin, stride = work.cmb_stride;
  double q = work.ptr->q[index_q], k = work.ptr->k[work.index_md][index_q];
  const CurvatureFactors curvature(work.space,q,k);
  const SourceSpline & sources = *work.cmb_sources;
  float * const here = &at_q[(row%2)*sources.columns];
  if (row%2 == 0) {
    if (index_q+1 < end) sources.evaluate_two(k,work.ptr->k[work.index_md][index_q+1],here,here+sources.columns);
    else sources.evaluate(k,here);
  }
  const float * s0 = work.has_t ? here : &zero[0];
  const float * s1 = work.has_t ? here+stride : &zero[0];
  const float * s2 = work.has_t ? here+2*stride : here;
  used = sample_number;
  while ((used > 0) && (q*cmb.distance[used-1] < smallest_x)) {
    used--;
    if (cmb.distance[used] > 0.) near[row] += s2[used];
  }
  double curvature_over_q2 = work.space.K/(q*q);
  near[row] *= curvature.of_second()*sqrt((1.-curvature_over_q2)*(1.-4.*curvature_over_q2));
  nearer = std::min(first_nearer(cmb.distance,fade_in_x(high_l).to/q),used);
  weigh(cmb,(float)q,curvature,s0,s1,s2,first,used,resolved,unresolved);
  if (work.has_t) left_out.first[row] = leave_out(cmb,(float)q,s0,sample_number,&left_out.rows[(size_t)row*stride]);
}

void CmbSamples::join(int from) {
  nearer = std::min(nearer,from);
  for (int i=from; i < used; i++) {
    unresolved.value[i] += resolved.value[i];
    unresolved.slope[i] += resolved.slope[i];
    unresolved.second[i] += resolved.second[i];
  }
}

/** Temperature and polarisation at one l and `size` wavenumbers from `begin` on, from the two sums for each; all of
    temperature is in t0. */
template <typename Sum>
void LineOfSight::store_cmb(int index_l, int begin, int size, const Sum * first, const Sum * second, int stride,
                            const double * near) const {
  double factor_t = 1.5*l[index_l]*(l[index_l]+1.);
  double factor_e = 1.5*sqrt((l[index_l]+2.)*(l[index_l]+1.)*l[index_l]*(l[index_l]-1.));
  float * t = has_t ? transfer(ptr->index_tt_t0,index_l)+begin : NULL;
  float * e = has_e ? transfer(ptr->index_tt_e,index_l)+begin : NULL;
  for (int i=0; i < size; i++) {
    /* -3 j_2'/x and j_2/x^2 at x = 0 */
    double first_near = (l[index_l] == 2) ? -0.4*near[i] : 0., second_near = (l[index_l] == 2) ? near[i]/15. : 0.;
    if (has_t) t[i] = (float)(first[i*stride]+first_near+factor_t*(second[i*stride]+second_near));
    if (has_e) e[i] = (float)(factor_e*(second[i*stride]+second_near));
  }
}

/** Zeros where temperature and polarisation at one l are not computed. */
void LineOfSight::clear_cmb(int index_l, int begin, int end) const {
  if (has_t) std::fill(transfer(ptr->index_tt_t0,index_l)+begin,transfer(ptr->index_tt_t0,index_l)+end,0.f);
  if (has_e) std::fill(transfer(ptr->index_tt_e,index_l)+begin,transfer(ptr->index_tt_e,index_l)+end,0.f);
}

/** Temperature and polarisation at the wavenumbers [begin,end), in flat space. */
void LineOfSight::integrate_cmb(int begin, int end) const {
  int sample_number = (int)cmb.distance.size(), size = end-begin;
  auto first_beyond = [&] (double x) { return (int)(std::lower_bound(ptr->q+begin,ptr->q+end,x/tau0)-ptr->q)-begin; };
  auto early_end = [&] (int highest_l) { return first_beyond(hypot(highest_l,largest_radial_k*tau0)); };
  const int early_size = early_end(band->l.back());
  CmbSamples samples(*this,begin,end);
  BandSums early, late_sums;
  NodeLists low_l_lists(size,sample_number);
  /* a smaller x times this is the smallest multipole that sees late sources there */
  std::vector<double> to_l(size), late_from_l(size);
  for (int i=0; i < size; i++) {
    double q = ptr->q[begin+i];
    int first = (i < early_size) ? 0 : late;
    samples.go_to(begin+i,first);
    /* close to x = 0, where j_l vanishes except at low l, the sums have more nodes */
    int far = std::min(samples.used,std::max(first,first_nearer(cmb.distance,BandTable::lowest_x/q)));
    spread(q,cmb.distance.data(),first,std::max(first,std::min(late,far)),samples.resolved,early);
    double lowest = spread(q,cmb.distance.data(),late,std::max(late,far),samples.resolved,late_sums);
    samples.join(far);
    collect_nodes(*table,q,cmb.distance.data(),samples.nearer,samples.used,samples.unresolved,low_l_lists);
    to_l[i] = sqrt(std::max(0.,1.-pow(largest_late_radial_k/q,2)));
    late_from_l[i] = lowest*to_l[i];
  }
  early.close();
  late_sums.close();
  const int stride = blocks_together*lanes;
  std::vector<float> first_sum(round_up(size)*stride), second_sum(round_up(size)*stride);
  for (int block=0; block < band->block_number; block += blocks_together) {
    int number = std::min((int)blocks_together,band->block_number-block), at_low_l = 0;
    while ((at_low_l < number) && (band->l[(block+at_low_l)*lanes] < high_l)) at_low_l++;
    int highest_l = band->l[(block+number)*lanes-1];
    int from = first_beyond(negligible_below(band->l[block*lanes])), early_to = early_end(highest_l), to = size;
    while ((at_low_l == 0) && (to > std::max(from,early_to)) && (late_from_l[to-1] > highest_l)) to--;
    const int first_group = from/wavenumbers_together, end_group = (to+wavenumbers_together-1)/wavenumbers_together;
    for (int group=first_group; group < end_group; group++) {
      const int i = group*wavenumbers_together, group_end = std::min(i+(int)wavenumbers_together,size);
      float * sum1 = &first_sum[i*stride], * sum2 = &second_sum[i*stride];
      std::fill(sum1,sum1+wavenumbers_together*stride,0.f);
      std::fill(sum2,sum2+wavenumbers_together*stride,0.f);
      if (i < early_to) add_band(*band,block,number,early,group,no_node,sum1,sum2,stride);
      if (*std::min_element(&late_from_l[i],late_from_l.data()+group_end) <= highest_l) {
        double x = highest_l/(to_l[i]*BandTable::step);
        add_band(*band,block,number,late_sums,group,(x < no_node) ? (int)x : no_node,sum1,sum2,stride);
      }
      for (int one=i; (at_low_l > 0) && (one < group_end); one++)
        add_nodes(*table,block,at_low_l,low_l_lists,one,no_node,&first_sum[one*stride],&second_sum[one*stride]);
    }
    for (int lane=0; (lane < number*lanes) && (block*lanes+lane < (int)l.size()); lane++) {
      store_cmb(block*lanes+lane,begin+from,to-from,&first_sum[from*stride+lane],&second_sum[from*stride+lane],stride,
                samples.near.data()+from);
      clear_cmb(block*lanes+lane,begin,begin+from);
      clear_cmb(block*lanes+lane,begin+to,end);
    }
  }
  if (has_t) add_left_out(begin,end,samples.left_out);
}

/** The same in curved space. */
void LineOfSight::integrate_cmb_curved(int begin, int end) const {
  int size = end-begin, l_size = (int)l.size(), low_l_size = 0;
  while ((low_l_size < l_size) && (l[low_l_size/lanes*lanes] < high_l)) low_l_size++;
  CmbSamples samples(*this,begin,end);
  RadialSums sums(space,l.data(),l_size,(int)cmb.distance.size());
  std::vector<double> first(l_size), second(l_size), first_sum((size_t)l_size*size), second_sum((size_t)l_size*size);
  for (int i=0; i < size; i++) {
    samples.go_to(begin+i,0);
    sums.set_wavenumber(ptr->q[begin+i]);
    std::fill(first.begin(),first.end(),0.);
    std::fill(second.begin(),second.end(),0.);
    sums.add(cmb.distance.data(),0,samples.used,samples.resolved,l_size,first.data(),second.data());
    sums.add(cmb.distance.data(),samples.nearer,samples.used,samples.unresolved,low_l_size,first.data(),second.data());
    for (int index_l=0; index_l < l_size; index_l++) {
      first_sum[(size_t)index_l*size+i] = first[index_l];
      second_sum[(size_t)index_l*size+i] = second[index_l];
    }
  }
  for (int index_l=0; index_l < l_size; index_l++) {
    store_cmb(index_l,begin,size,&first_sum[(size_t)index_l*size],&second_sum[(size_t)index_l*size],1,samples.near.data());
  }
  if (has_t) add_left_out(begin,end,samples.left_out);
}

/** Add the temperature's late sources that were left out at high l, mostly the integrated Sachs-Wolfe effect, by
    Limber's approximation: the source at tau0-tau = (l+1/2)/q, linear between samples. */
void LineOfSight::add_left_out(int begin, int end, const LeftOut & left_out) const {
  const std::vector<double> & x = cmb.distance;
  int first_l = 0, l_size = (int)l.size(), last = (int)x.size()-1;
  while ((first_l < l_size) && (l[first_l] < high_l)) first_l += lanes;
  Tile tile(l_size);
  std::vector<float> slope(cmb_stride);
  for (int start=begin; start < end; start += Tile::width) {
    const int number = std::min(end-start,(int)Tile::width);
    int end_l = first_l;
    tile.clear();
    for (int n=start-begin; n < start-begin+number; n++) {
      int first = left_out.first[n];
      if (first >= last) continue;
      double over_q = 1./ptr->q[begin+n];
      const float * source = &left_out.rows[(size_t)n*cmb_stride];
      for (int i=first+1; i <= last; i++) slope[i] = (source[i-1]-source[i])*cmb.over_step[i];
      for (int index_l=first_l; index_l < l_size; index_l++) {
        const LimberPoint point = limber_point(space,l[index_l],over_q);
        const double at = point.distance;
        if (at > x[first]) break;
        if (at < x[last]) continue;
        const int i = std::max(cmb.first_within(at),first+1);
        *tile.column(index_l,begin+n-start)
          = (float)(height[index_l]*point.factor*over_q)*(source[i]+(float)(at-x[i])*slope[i]);
        end_l = std::max(end_l,index_l+1);
      }
    }
    for (int index_l=first_l; index_l < end_l; index_l++) {
      float * t = transfer(ptr->index_tt_t0,index_l)+start;
      for (int i=0; i < number; i++) t[i] += *tile.column(index_l,i);
    }
  }
}

/** The lensing potential at the wavenumbers [begin,end) of the CMB: up to l_switch_limber by integration. */
void LineOfSight::integrate_lens(int begin, int end) const {
  int sample_number = (int)lens.distance.size(), l_size = (int)l.size(), integrated = 0;
  while ((integrated < l_size) && (l[integrated] <= ppr->l_switch_limber)) integrated++;
  std::vector<float> at_q((size_t)(end-begin)*lens_stride+vector_lanes);
  for (int index_q=begin; index_q < end; index_q += 2) {
    float * source = &at_q[(size_t)(index_q-begin)*lens_stride];
    if (index_q+1 < end) evaluate_lens(ptr->k[index_md][index_q],ptr->k[index_md][index_q+1],source,source+lens_stride);
    else evaluate_lens(ptr->k[index_md][index_q],source);
  }
  Samples samples(lens_stride);
  const Fade far = fade_in_x((int)ppr->l_switch_limber);
  const bool is_flat = (space.K == 0.);
  NodeLists near_lists(is_flat ? end-begin : 0,sample_number);
  BandSums far_sums;
  RadialSums sums(space,l.data(),integrated,sample_number);
  std::vector<double> first(integrated), second(integrated);
  for (int index_q=begin; index_q < end; index_q++) {
    double q = ptr->q[index_q];
    const float * source = &at_q[(size_t)(index_q-begin)*lens_stride];
    int used = sample_number;
    while ((used > 0) && (q*lens.distance[used-1] < smallest_x)) used--;
    int nearer = std::min(first_nearer(lens.distance,far.to/q),used);
    weigh_lens(lens,(float)q,far,source,&lens_factor[0],nearer,used,samples.value);
    if (is_flat) {
      int near = std::min(used,std::max(nearer,first_nearer(lens.distance,BandTable::lowest_x/q)));
      spread(q,lens.distance.data(),nearer,near,samples,far_sums);
      collect_nodes(*table,q,lens.distance.data(),near,used,samples,near_lists);
    }
    else if (integrated > 0) {
      std::fill(first.begin(),first.end(),0.);
      sums.set_wavenumber(q);
      sums.add(lens.distance.data(),nearer,used,samples,integrated,first.data(),second.data());
      for (int index_l=0; index_l < integrated; index_l++) transfer(ptr->index_tt_lcmb,index_l)[index_q] = (float)first[index_l];
    }
  }
  far_sums.close();
  for (int block=0; is_flat && (block*lanes < integrated); block++) {
    for (int i=0; i < end-begin; i += wavenumbers_together) {
      float sum[wavenumbers_together*lanes] = {}, ignored[wavenumbers_together*lanes] = {};
      add_band(*band,block,1,far_sums,i/wavenumbers_together,no_node,sum,ignored,lanes);
      for (int one=i; one < std::min(i+(int)wavenumbers_together,end-begin); one++) {
        add_nodes(*table,block,1,near_lists,one,no_node,sum+(one-i)*lanes,ignored+(one-i)*lanes);
        for (int lane=0; (lane < lanes) && (block*lanes+lane < integrated); lane++)
          transfer(ptr->index_tt_lcmb,block*lanes+lane)[begin+one] = sum[(one-i)*lanes+lane];
      }
    }
  }
  Tile tile(l_size);
  for (int start=begin; (integrated < l_size) && (start < end); start += Tile::width) {
    const int number = std::min(end-start,(int)Tile::width);
    tile.clear();
    for (int i=0; i < number; i++)
      limber(ptr->q[start+i],&at_q[(size_t)(start+i-begin)*lens_stride],integrated,tile,i);
    for (int index_l=integrated; index_l < l_size; index_l++)
      std::copy_n(tile.column(index_l,0),number,transfer(ptr->index_tt_lcmb,index_l)+start);
  }
}

/** The lensing potential at the wavenumbers [begin,end) of Limber's approximation. */
void LineOfSight::integrate_limber(int begin, int end) const {
  std::vector<float> at_q(lens_stride+vector_lanes);
  Tile tile(l.size());
  for (int start=begin; start < end; start += Tile::width) {
    const int number = std::min(end-start,(int)Tile::width);
    tile.clear();
    for (int i=0; i < number; i++) {
      evaluate_lens(ptr->k_limber[index_md][start+i],at_q.data());
      limber(ptr->q_limber[start+i],at_q.data(),0,tile,i);
    }
    for (int index_l=0; index_l < (int)l.size(); index_l++)
      std::copy_n(tile.column(index_l,0),number,transfer_limber(index_l)+start);
  }
}

/** The source of lensing times tau0-tau at k. */
void LineOfSight::evaluate_lens(double k, float * result) const {
  lens_sources->evaluate(k,result);
  finish_lens(k,result);
}

/** The same at two wavenumbers. */
void LineOfSight::evaluate_lens(double k, double other_k, float * result, float * other_result) const {
  lens_sources->evaluate_two(k,other_k,result,other_result);
  finish_lens(k,result);
  finish_lens(other_k,other_result);
}

/** The tilt of the user, and the value today. */
void LineOfSight::finish_lens(double k, float * result) const {
  if (ptr->lcmb_tilt != 0.) {
    float tilt = (float)pow(k/ptr->lcmb_pivot,ptr->lcmb_tilt);
    for (int i=0; i < lens_stride; i++) result[i] *= tilt;
  }
  /* today the source diverges, but its product with tau0-tau is constant */
  int last = (int)lens.distance.size()-1;
  result[last] = result[last-1];
}

/** Factors of Limber's approximation that depend on times alone. */
void LineOfSight::prepare_limber() {
  const std::vector<double> & x = lens.distance;
  for (size_t i=0; i < x.size(); i++) lens_factor.push_back((x[i] > 0.) ? (float)(lens.weight[i]/x[i]) : 0.f);
  for (std::vector<float> * list : {&lens_factor,&over_before,&over_after,&over_both,&to_next})
    list->resize(lens_stride+vector_lanes,0.f);
  for (size_t i=1; i+1 < x.size(); i++) {
    over_before[i] = (float)(1./(x[i-1]-x[i]));
    over_after[i] = (float)(1./(x[i]-x[i+1]));
    over_both[i] = (float)(1./(x[i-1]-x[i+1]));
    to_next[i] = (float)(x[i]-x[i+1]);
  }
}

/** The parabola source[i] + d (linear[i] + d square[i]), d = distance-distance[i], through each sample and its neighbours.
    All lists have room for one vector more. */
cosmicnet_for_all_processors
static void fit_parabolas(const float * source, const float * over_before, const float * over_after, const float * over_both,
                          const float * to_next, int size, float * linear, float * square) {
  auto at = [] (const float * list, int i) { return *(const vector *)(list+i); };
  for (int i=1; i < size-1; i += vector_lanes) {
    const vector here = at(source,i);
    const vector before = (at(source,i-1)-here)*at(over_before,i), after = (here-at(source,i+1))*at(over_after,i);
    const vector bend = (before-after)*at(over_both,i);
    *(vector *)(square+i) = bend;
    *(vector *)(linear+i) = after+bend*at(to_next,i);
  }
}

/** Limber's approximation at one q for the multipoles from first_l on, as transfer_limber(): the source (times tau0-tau) at
    tau0-tau = (l+1/2)/q, on the parabola through three samples. Where it vanishes the tile stays as it is. */
void LineOfSight::limber(double q, const float * source, int first_l, Tile & tile, int column) const {
  const int size = (int)lens.distance.size(), l_size = (int)l.size();
  const double over_q = 1./q, * const x = lens.distance.data(), * const l_factor = limber_factor.data();
  float * const linear = tile.work(lens_stride+vector_lanes), * const square = linear+lens_stride+vector_lanes;
  fit_parabolas(source,over_before.data(),over_after.data(),over_both.data(),to_next.data(),size,linear,square);
  float * to = tile.column(first_l,column);
  for (int index_l=first_l; index_l < l_size; index_l++, to += Tile::width) {
    const LimberPoint point = limber_point(space,l[index_l],over_q);
    const double at = point.distance;
    if (at > x[0]) break;
    if (at < x[size-1]) continue;
    const int i = std::max(std::min(lens.first_within(at),size-2),1);
    const float beyond = (float)(at-x[i]);
    /* the source stands there times the distance, which is (l+1/2)/q in flat space only */
    const double of_curvature = (space.K == 0.) ? 1. : point.factor*(l[index_l]+0.5)/(q*at);
    *to = (float)(l_factor[index_l]*of_curvature)*(source[i]+beyond*(linear[i]+beyond*square[i]));
  }
}

}

using namespace cosmicnet;

/* The step in ln l. It is halved, at most so often, until cubic interpolation of the logarithm of the primordial spectrum in
   equal steps of ln k meets the tolerance. */
static const double largest_l_logstep = 1.035, primordial_tolerance = 2e-4;
/* With 1.025, CLASS's default, the spectrum of the lensing potential is off by 6e-4 at l of 2500 to 5000; with this one by 1e-4. */
static const double largest_q_logstep_limber = 1.01;
enum {primordial_halvings = 5};
/* So many of these steps in ln k are the largest in ln q: the transfer functions that multiply the spectrum are sampled more
   closely where they are large. */
static const double steps_of_primordial = 5.;

/* An angular rescaling closer to 1 than this counts as that of flat space. */
static const double smallest_rescaling = 1e-6;

/* In closed space, the number of steps over which steps in nu = q/sqrt(K) grow from 1 to those of flat space. */
static const int whole_steps_end = 128;

/* Wavenumbers of one task. With more of them a row of the table is used more often while it is in the
   cache; but each thread should have several tasks. */
static int wavenumbers_per_task(size_t q_size) {
  int fair_share = (int)(q_size/(4*Tools::TaskSystem::GetNumThreads()));
  return MAX(16,MIN(128,fair_share));
}

BesselReach cosmicnet::reach_of_cmb(const struct precision * ppr, const struct background * pba,
                                    const struct perturbations * ppt, const struct transfer * ptr) {
  if ((ppt->has_cl_cmb_temperature == _FALSE_) && (ppt->has_cl_cmb_polarization == _FALSE_)
      && (ppt->has_cl_cmb_lensing_potential == _FALSE_)) return {0.,0.};
  const double tau0 = pba->conformal_age;
  return {ptr->q[ptr->q_size-1]*tau0,std::max(largest_radial_k*tau0,(double)fade_in_x((int)ppr->l_switch_limber).to)};
}

/* At l up to l_switch_limber, larger wavenumbers (in 1/Mpc) add nothing to the lensing potential. */
static const double largest_lensing_k = 0.3;

static bool has_galaxies(struct perturbations * ppt) {
  return (ppt->has_cl_number_count == _TRUE_) || (ppt->has_cl_lensing_potential == _TRUE_);
}

short cosmicnet_line_of_sight_applies(struct precision * ppr, struct background * pba, struct perturbations * ppt,
                                      struct transfer * ptr) {
  short wanted = (ptr->fast_line_of_sight == _COSMICNET_AUTOMATIC_) ? ppt->scalars_provided : ptr->fast_line_of_sight;
  /* switch_pol: only if it is on is S_P = sqrt(6) S_2; the transfer function of lensing needs a time step */
  double age = pba->conformal_age, farthest = 0.5*_PI_;
  return ((wanted == _TRUE_) && (fabs(pba->K)*age*age < farthest*farthest) && (ppt->has_vectors == _FALSE_)
          && (!has_galaxies(ppt) || ((ppt->md_size == 1) && windows_are_covered(ppr,pba,ppt,ptr))) && (ppt->switch_pol == 1)) ? _TRUE_ : _FALSE_;
}

/** The last wavenumber of a mode's sources. */
static double end_of_mode(const struct perturbations * ppt, int index_md) {
  return ppt->k[index_md][ppt->k_size_cl[index_md]-1];
}

int cosmicnet::wavenumbers_of_mode(const struct perturbations * ppt, const struct transfer * ptr, int index_md) {
  const double * k = ptr->k[index_md];
  return (int)(std::upper_bound(k,k+ptr->q_size,end_of_mode(ppt,index_md))-k);
}

double cosmicnet_largest_k(struct precision * ppr, struct background * pba, struct perturbations * ppt, struct transfer * ptr) {
  if (ptr->line_of_sight_is_fast == _FALSE_)
    return ((ppt->tensors_are_fast == _TRUE_) && (ppt->has_scalars == _TRUE_)) ? end_of_mode(ppt,ppt->index_md_scalars) : HUGE_VAL;
  if (!has_galaxies(ppt)) return HUGE_VAL;
  double largest = ppr->k_max_tau0_over_l_max*ppt->l_scalar_max/pba->conformal_age;
  return (ppt->has_cl_cmb_lensing_potential == _TRUE_) ? std::max(largest,largest_lensing_k) : largest;
}

int cosmicnet_primordial_step(struct perturbations * ppt, struct primordial * ppm, double * step) {
  *step = largest_l_logstep-1.;
  if ((ppm->primordial_spec_type == analytic_Pk) || (ppm->primordial_spec_type == two_scales)
      || (ppt->has_scalars == _FALSE_) || (ppt->has_cls == _FALSE_)) return _SUCCESS_;
  const int index_md = ppt->index_md_scalars, coarsest = 1 << primordial_halvings;
  const double finest = *step/coarsest;
  const double ln_k_min = log(ppt->k_min), ln_k_max = log(ppt->k[index_md][ppt->k_size_cl[index_md]-1]);
  std::vector<double> spectrum(ppm->ic_ic_size[index_md]), ln_p;
  for (double ln_k=ln_k_min+finest; ln_k < ln_k_max; ln_k += finest) {
    class_call(primordial_spectrum_at_k(ppm,index_md,logarithmic,ln_k,spectrum.data()),
               ppm->error_message,
               ppm->error_message);
    ln_p.push_back(spectrum[0]);
  }
  /* the cubic through four points that are two half steps apart, against the value in the middle */
  for (int half=1; half < coarsest; half *= 2) {
    double error = 0.;
    for (int i=3*half; i+3*half < (int)ln_p.size(); i++)
      error = std::max(error,fabs((9.*(ln_p[i-half]+ln_p[i+half])-ln_p[i-3*half]-ln_p[i+3*half])/16.-ln_p[i]));
    *step = half*finest;
    if (error > primordial_tolerance) return _SUCCESS_;
  }
  *step = coarsest*finest;
  return _SUCCESS_;
}

void cosmicnet_refine(struct precision * ppr, struct transfer * ptr, double primordial_step, double conformal_age) {
  double rescaling = ptr->angular_rescaling;
  ppr->l_linstep = MIN(ppr->l_linstep,15);
  /* spectra oscillate in ln l at most as fast as the primordial spectrum in ln k; at the largest l, lensing by default amplifies
     the error of their interpolation */
  ppr->l_logstep = MIN(ppr->l_logstep,1.+primordial_step);
  ppr->q_logstep_limber = MIN(ppr->q_logstep_limber,MIN(largest_q_logstep_limber,1.+primordial_step));
  if (primordial_step < largest_l_logstep-1.) ppr->l_linstep = MIN(ppr->l_linstep,5);
  /* CLASS's logarithmic steps have the unit 2 pi/(tau0-tau_rec) */
  ppr->q_logstep_spline = MIN(ppr->q_logstep_spline,MIN(60.,steps_of_primordial*primordial_step*conformal_age/(2.*_PI_)));
  if (fabs(rescaling-1.) < smallest_rescaling) rescaling = 1.;
  /* CLASS multiplies its steps in q by the rescaling, but transfer functions have the same band in curved space as in flat
     space: their phase changes with q by the distance at most */
  ppr->q_linstep /= rescaling;
  ppr->q_logstep_spline /= rescaling*pow(MAX(rescaling,1.),ppr->q_logstep_open);
  /* where the same scale is seen under a larger angle, spectra change faster with l */
  ppr->l_linstep = (int)ceil(ppr->l_linstep*MIN(rescaling,1.));
  /* CLASS's value would change the steps in l, which are whole numbers, from one cosmology to the next, in flat space by rounding,
     and the interpolated spectra with them */
  ptr->angular_rescaling = 1.;
}

int cosmicnet_closed_wavenumbers(struct precision * ppr, struct transfer * ptr, double q_period, double q_max, double K) {
  const double root = sqrt(K);
  std::vector<double> nu(1,3.);
  for (int beyond=0; nu.back()*root < q_max; ) {
    double q = nu.back()*root;
    /* CLASS's step in flat space */
    double step = q_period*ppr->q_linstep*q/(q+ppr->q_linstep/ppr->q_logstep_spline)/root;
    double share = 0.;
    if ((nu.back() >= RadialSums::lowest_any_nu) && (step > 1.)) share = std::min(1.,++beyond/(double)whole_steps_end);
    nu.push_back(nu.back()+1.+share*share*(3.-2.*share)*std::max(step-1.,0.));
  }
  nu.pop_back();
  class_test(nu.size() < 2,ptr->error_message,"fewer than two wavenumbers of closed space up to %g/Mpc",q_max);
  ptr->q_size = nu.size();
  ptr->index_q_flat_approximation = ptr->q_size;
  class_alloc(ptr->q,ptr->q_size*sizeof(double),ptr->error_message);
  for (size_t i=0; i < nu.size(); i++) ptr->q[i] = nu[i]*root;
  return _SUCCESS_;
}

static int time_grid(struct precision * ppr, struct background * pba, struct perturbations * ppt,
                     struct transfer * ptr, double tau_rec, int index_tt, bool by_cubics, const Space & space, TimeGrid & grid) {
  int size, index_md = ppt->index_md_scalars;
  class_call(transfer_source_tau_size(ppr,pba,ppt,ptr,tau_rec,pba->conformal_age,index_md,index_tt,&size),
             ptr->error_message,
             ptr->error_message);
  std::vector<double> one(ppt->tau_size,1.);
  grid.distance.resize(size);
  grid.weight.resize(size);
  grid.window.resize(size);
  /* with a source of 1, at the pivot wavenumber of lensing, the result is the window */
  class_call(transfer_sources(ppr,pba,ppt,ptr,one.data(),tau_rec,ptr->lcmb_pivot,index_md,index_tt,
                              grid.window.data(),NULL,0,grid.distance.data(),grid.weight.data(),&size),
             ptr->error_message,
             ptr->error_message);
  if (by_cubics) integrate_by_cubics(grid);
  grid.prepare(space);
  return _SUCCESS_;
}

short cosmicnet_is_kept(struct perturbations * ppt, struct transfer * ptr, int index_md, int index_tt) {
  if (ptr->kept_transfer == NULL) return _FALSE_;
  if ((ppt->has_tensors == _TRUE_) && (index_md == ppt->index_md_tensors)) return _TRUE_;
  if ((ppt->has_cl_cmb_temperature == _TRUE_)
      && ((index_tt == ptr->index_tt_t0) || (index_tt == ptr->index_tt_t1) || (index_tt == ptr->index_tt_t2))) return _TRUE_;
  return ((ppt->has_cl_cmb_polarization == _TRUE_) && (index_tt == ptr->index_tt_e)) ? _TRUE_ : _FALSE_;
}

static int scalar_transfer(struct precision * ppr, struct background * pba, struct perturbations * ppt, struct fourier * pfo,
                           struct transfer * ptr, double tau_rec, const Space & space,
                           std::shared_ptr<const BesselTable> table, const BesselReach & reach) {
  int index_md = ppt->index_md_scalars;
  LineOfSight work;
  work.ppr = ppr;
  work.ppt = ppt;
  work.ptr = ptr;
  work.space = space;
  work.table = table;
  work.l.assign(ptr->l,ptr->l+ptr->l_size[index_md]);
  work.tau0 = pba->conformal_age;
  work.index_md = index_md;
  work.has_t = (ppt->has_cl_cmb_temperature == _TRUE_) && (ptr->kept_transfer == NULL);
  work.has_e = (ppt->has_cl_cmb_polarization == _TRUE_) && (ptr->kept_transfer == NULL);
  work.has_lcmb = (ppt->has_cl_cmb_lensing_potential == _TRUE_);
  if (work.has_t || work.has_e) {
    class_call(time_grid(ppr,pba,ppt,ptr,tau_rec,work.has_t ? ptr->index_tt_t0 : ptr->index_tt_e,
                         true,work.space,work.cmb),
               ptr->error_message,
               ptr->error_message);
    work.cmb_stride = round_up((int)work.cmb.distance.size());
    work.late = first_nearer(work.cmb.distance,work.tau0-late_times*tau_rec);
  }
  if ((space.K == 0.) && (reach.band > 0.)) work.band = band_table(ptr->l,ptr->l_size_max,reach.x_max,reach.band);
  if (work.has_lcmb) {
    class_call(time_grid(ppr,pba,ppt,ptr,tau_rec,ptr->index_tt_lcmb,false,work.space,work.lens),
               ptr->error_message,
               ptr->error_message);
    work.lens_stride = round_up((int)work.lens.distance.size());
  }
  if (work.has_lcmb) work.prepare_limber();
  for (double value : work.l) {
    work.height.push_back(limber_height(value));
    work.limber_factor.push_back(work.height.back()/(value+0.5));
  }

  for (work.index_ic=0; work.index_ic < ppt->ic_size[index_md]; work.index_ic++) {
    double ** table = ppt->sources[index_md]+(size_t)work.index_ic*ppt->tp_size[index_md];
    const int columns_per_task = 4*lanes;
    {
      Crew crew;
      if (work.has_t || work.has_e) {
        const double * t0 = work.has_t ? table[ppt->index_tp_t0] : NULL;
        const double * t1 = work.has_t ? table[ppt->index_tp_t1] : NULL;
        const double * t2 = work.has_t ? table[ppt->index_tp_t2] : table[ppt->index_tp_p];
        double factor_t2 = work.has_t ? 1. : 1./_SQRT6_;
        work.cmb_sources.reset(new SourceSpline(ppt->k[index_md],ppt->k_size_cl[index_md],
                                                work.cmb_stride*(work.has_t ? 3 : 1)));
        for (int begin=0; begin < work.cmb_stride; begin += columns_per_task) {
          crew.add([&work,t0,t1,t2,factor_t2,begin,columns_per_task] () {
            work.prepare_cmb(t0,t1,t2,factor_t2,begin,std::min(begin+columns_per_task,work.cmb_stride));
            return _SUCCESS_;
          });
        }
      }
      if (work.has_lcmb) {
        const double * phi_plus_psi = table[ppt->index_tp_phi_plus_psi];
        const double * correction = (pfo->method == nl_none) ? NULL : pfo->nl_corr_density[pfo->index_pk_m];
        work.lens_sources.reset(new SourceSpline(ppt->k[index_md],ppt->k_size[index_md],work.lens_stride));
        for (int begin=0; begin < work.lens_stride; begin += columns_per_task) {
          crew.add([&work,phi_plus_psi,correction,begin,columns_per_task] () {
            work.prepare_lens(phi_plus_psi,correction,begin,std::min(begin+columns_per_task,work.lens_stride));
            return _SUCCESS_;
          });
        }
      }
      if (crew.run() == _FAILURE_) return _FAILURE_;

      /* large wavenumbers touch most nodes, and the longest tasks should not come last */
      const int q_size = wavenumbers_of_mode(ppt,ptr,index_md);
      int q_together = wavenumbers_per_task(q_size);
      for (int end=q_size; end > 0; end -= q_together) {
        int begin = std::max(end-q_together,0);
        crew.add([&work,begin,end] () {
          if (work.has_t || work.has_e) {
            if (work.space.K == 0.) work.integrate_cmb(begin,end);
            else work.integrate_cmb_curved(begin,end);
          }
          if (work.has_lcmb) work.integrate_lens(begin,end);
          return _SUCCESS_;
        });
      }
      for (int begin=0; begin < (int)ptr->q_size_limber; begin += q_together) {
        int end = std::min(begin+q_together,(int)ptr->q_size_limber);
        crew.add([&work,begin,end] () {
          work.integrate_limber(begin,end);
          return _SUCCESS_;
        });
      }
      if (crew.run() == _FAILURE_) return _FAILURE_;
    }
  }
  return _SUCCESS_;
}

int cosmicnet_line_of_sight(struct precision * ppr, struct background * pba, struct perturbations * ppt,
                            struct fourier * pfo, struct transfer * ptr, double tau_rec) {
  const Space space = {(pba->sgnK == 0) ? 0. : pba->K};
  const BesselReach reach = reach_of_cmb(ppr,pba,ppt,ptr);
  std::shared_ptr<const BesselTable> table;
  if ((space.K == 0.) && (reach.band > 0.)) {
    int l_size = ptr->l_size_max;
    double band = reach.band;
    if ((ppt->has_tensors == _FALSE_) && !has_galaxies(ppt)) {
      /* late samples at low l, and the lensing potential */
      int largest_l = MAX(high_l,(int)ppr->l_switch_limber+1);
      l_size = 0;
      while ((l_size < ptr->l_size_max) && (ptr->l[l_size] < largest_l)) l_size += lanes;
      l_size = MIN(l_size,ptr->l_size_max);
      band = fade_in_x(largest_l).to;
    }
    table = bessel_table(ptr->l,l_size,reach.x_max,band);
  }
  if (ppt->has_scalars == _TRUE_) {
    class_call(scalar_transfer(ppr,pba,ppt,pfo,ptr,tau_rec,space,table,reach),
               ptr->error_message,
               ptr->error_message);
  }
  if ((ppt->has_tensors == _TRUE_) && (ptr->kept_transfer == NULL)) {
    class_call(tensor_transfer(pba,ppt,ptr,space,table,largest_radial_k),
               ptr->error_message,
               ptr->error_message);
  }
  return _SUCCESS_;
}
