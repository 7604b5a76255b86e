/** @file number_counts.cpp
 *
 * The transfer functions of number counts and shear. See number_counts.h.
 */

#include <algorithm>
#include <cmath>
#include <memory>
#include "../../crew.h"
#include "../fast_line_of_sight.h"
#include "number_counts.h"
#include "../radial/quintic.h"

namespace cosmicnet {

/* Steps in q in units of the band's wavelength, below Nyquist's 1/2. */
static const double sampling = 0.45*2.*_PI_;
/* The largest step in ln q. */
static const double largest_log_step = 0.03;
/* Gregory's weights of the last steps. */
static const double end_weight[] = {3./8.,7./6.,23./24.};

/* Steps along the line of sight: in x = q chi, and in chi times the largest radial wavenumber. */
static const double largest_step = 1.5, step_of_structure = 2.2;
/* Near x = 0 samples lie closer, as x^3. */
static const double begin_scale = 3.;
/* Samples fade out beyond the turning point while the phase of j_l grows from this value to twice it, or where radial
   wavenumbers exceed those of the windows by this factor. */
static const double fade_phase = 40., beyond_structure = 1.15;

/** Phase of j_l at x = sqrt(l^2+y^2). */
static double phase(double l, double y) { return y-l*atan(y/l); }

/** The y at which j_l has this phase. */
static double inverse_phase(double l, double wanted) {
  double y = wanted+std::min(0.5*_PI_*l,cbrt(3.*l*l*wanted));
  for (int i=0; i < 6; i++) y = std::max(0.1*y,y-(phase(l,y)-wanted)*(y*y+l*l)/(y*y));
  return y;
}

/** Weights of the cubic through four neighbours at place t between the second and the third, all one apart. */
static inline void interpolation_weights(double t, float weight[4]) {
  weight[0] = (float)(-t*(t-1.)*(t-2.)/6.);
  weight[1] = (float)((t+1.)*(t-1.)*(t-2.)/2.);
  weight[2] = (float)(-(t+1.)*t*(t-2.)/2.);
  weight[3] = (float)((t+1.)*t*(t-1.)/6.);
}

/** Four neighbours in a table and their weights. */
struct Neighbours {
  int first;
  float weight[4];
  float of(const float * table) const {
    const float * at = table+first;
    return weight[0]*at[0]+weight[1]*at[1]+weight[2]*at[2]+weight[3]*at[3];
  }
};

/** Index of the first multipole of a column that is not integrated. */
int NumberCounts::exact_end(const WindowColumn & column) const {
  return (int)(std::lower_bound(l.begin(),l.end(),column.limber_l)-l.begin());
}

/** Steps between wavenumbers change smoothly, so that sums with weights dq are exact for the bands of all products. */
void NumberCounts::choose_wavenumbers(double k_min, double k_max, int l_max, double primordial_step) {
  /* the density of wavenumbers is the norm with the power 12 of those that the columns ask for */
  auto square = [] (double x) { return x*x; };
  auto eighth = [=] (double x) { return square(square(square(x))); };
  auto twelfth = [=] (double x) { return square(square(x*x*x)); };
  auto density = [&] (double k) {
    double sum = twelfth(1./(std::min(largest_log_step,primordial_step)*k));
    for (const WindowColumn & column : windows.columns) {
      if (column.row == windows.cmb_lensing_row) continue;
      double structure = column.largest_radial_k, over_wavelength = column.farthest/sampling;
      double end = (l_max+0.5)/std::max(column.nearest,1.), limber = (column.limber_l+0.5)/column.farthest;
      double fading = 1.+square(square(k/structure));
      double integrated = twelfth(over_wavelength)/(fading*fading*fading);
      double approximated = std::isfinite(structure) ? twelfth(over_wavelength*structure/(k*(1.+eighth(limber/k)))) : 0.;
      sum += twelfth(1./(1.+eighth(k/end)))*(integrated+approximated);
    }
    return pow(sum,1./12.);
  };
  /* downwards from k_max, where transfer functions need not vanish */
  auto slope = [&] (double k) { return -1./density(k); };
  for (double k=k_max; k > k_min; ) {
    q.push_back(k);
    double first = slope(k), second = slope(k+0.5*first), third = slope(k+0.5*second), fourth = slope(k+third);
    dq.push_back(-first);
    k += (first+2.*(second+third)+fourth)/6.;
  }
  for (size_t i=0; (i < 3) && (i < dq.size()); i++) dq[i] *= end_weight[i];
  std::reverse(q.begin(),q.end());
  std::reverse(dq.begin(),dq.end());
}

int NumberCounts::first_of(int index_tp) const {
  auto is_it = [=] (const Source & source) { return source.index_tp == index_tp; };
  return std::find_if(sources.begin(),sources.end(),is_it)->first;
}

/** The times within the windows, and neighbours for interpolation; the tables of all sources are concatenated. */
void NumberCounts::choose_sources(struct perturbations * ppt, double tau0) {
  double farthest = 0.;
  has_slopes = false;
  for (const WindowColumn & column : windows.columns) {
    farthest = std::max(farthest,column.farthest);
    for (const WindowTerm & term : column.terms) {
      has_slopes = has_slopes || (term.kind == radial_slope) || (term.kind == radial_bend);
      auto is_it = [&] (const Source & source) { return source.index_tp == term.index_tp; };
      if (std::none_of(sources.begin(),sources.end(),is_it)) sources.push_back({term.index_tp,0});
    }
  }
  const double * tau = ppt->tau_sampling;
  first_time = (int)(std::upper_bound(tau,tau+ppt->tau_size,tau0-farthest)-tau);
  first_time = std::max(0,std::min(first_time-2,ppt->tau_size-4));
  for (int i=first_time; i < ppt->tau_size; i++) distance.push_back(tau0-tau[i]);
  stride = round_up((int)distance.size());
  for (size_t i=0; i < sources.size(); i++) sources[i].first = (int)i*stride;
}

void NumberCounts::prepare_source(const Source & source, const double * table, const double * correction, int k_size) {
  for (int index_k=0; index_k < k_size; index_k++) {
    float * row = tables->row(index_k)+source.first;
    for (int i=0; i < stride; i++) {
      size_t index = (size_t)(first_time+i)*k_size+index_k;
      row[i] = (i < (int)distance.size()) ? (float)(table[index]*((correction == NULL) ? 1. : correction[index])) : 0.f;
    }
  }
  tables->spline(source.first,source.first+stride);
}

/** Positions of the samples for the integrated multipoles of a block. */
NumberCounts::Stretch NumberCounts::stretch(int block, double wavenumber) const {
  double nearest = HUGE_VAL, farthest = 0., structure = 0.;
  int first = block*lanes, last = first;
  for (const WindowColumn & column : windows.columns) {
    int end = exact_end(column);
    if ((end <= first) || (column.nearest == column.farthest)) continue;
    nearest = std::min(nearest,column.nearest);
    farthest = std::max(farthest,column.farthest);
    structure = std::max(structure,column.largest_radial_k);
    last = std::max(last,std::min(end,first+(int)lanes)-1);
  }
  Stretch result = {std::max(negligible_below(l[first]),wavenumber*nearest),wavenumber*farthest,HUGE_VAL,0.};
  if (farthest == 0.) return {0.,0.,HUGE_VAL,1.};
  double highest_l = l[last]+0.5, y = inverse_phase(highest_l,fade_phase);
  double allowed = beyond_structure*structure/wavenumber;
  if (allowed < 1.) y = std::max(y,highest_l*allowed/sqrt(1.-allowed*allowed));
  double end = hypot(highest_l,inverse_phase(highest_l,phase(highest_l,y)+fade_phase));
  if ((allowed < 1.) && (end < result.end)) {
    result.fade_begin = hypot(highest_l,y);
    result.end = end;
  }
  result.step = std::min(largest_step,wavenumber*step_of_structure/structure);
  return result;
}

void NumberCounts::prepare_table(BesselReach reach) {
  double x_max = std::max(1.,reach.x_max), band = std::max(1.,reach.band);
  const int blocks = ((int)l.size()+lanes-1)/lanes;
  for (double wavenumber : q) {
    for (int block=0; block < blocks; block++) {
      double end = stretch(block,wavenumber).end;
      x_max = std::max(x_max,end);
      /* the table ends there for all multipoles from l[block*lanes] on */
      band = std::max(band,sqrt(std::max(0.,end*end-(double)l[block*lanes]*l[block*lanes])));
    }
  }
  for (const WindowColumn & column : windows.columns) {
    if (column.nearest != column.farthest) continue;
    x_max = std::max(x_max,q.back()*column.farthest);
    band = std::max(band,x_max);
  }
  bessel = bessel_table(ptr->l,ptr->l_size_max,x_max,band);
}

/** Working memory of one thread for one wavenumber after the other. */
class NumberCounts::AtWavenumber {
public:
  explicit AtWavenumber(const NumberCounts & work) : work(work), row(work.tables->columns) {}
  void go_to(double wavenumber);
  /** The transfer function of a column in Limber's approximation, to be added at all l from the index `begin` on. */
  void add_limber(const WindowColumn & column, int begin, double * sum);
  /** Add the integrated transfer functions of all columns of a block to sum[row*l_size+index_l]. */
  void add_integrals(int block, double * sum);
  /** The same for columns that are single points. */
  void add_points(int block, double * sum);

private:
  enum {largest_shift = 2, shifts = 2*largest_shift+1};
  void find_times(const std::vector<double> & at, std::vector<Neighbours> & times) const;
  float power_of_k(const WindowColumn & column, int power) const;
  void sample(const Stretch & stretch);
  void fill_radial_functions(int block);
  void add_column(const WindowColumn & column, int block, int begin, int end, double * sum);

  const NumberCounts & work;
  double wavenumber;
  std::vector<float> row;
  /** For each shift of l+1/2 the distances of Limber's approximation. */
  std::vector<double> limber_distance[shifts];
  std::vector<Neighbours> limber_time[shifts];
  /** Samples of one block: distances, weights, neighbours in time, and the radial functions j_l and j_l'. */
  std::vector<double> chi, weight;
  std::vector<Neighbours> time;
  std::vector<float> values, slopes, factor[3];
};

/** Neighbours of each distance among the times. */
void NumberCounts::AtWavenumber::find_times(const std::vector<double> & at, std::vector<Neighbours> & times) const {
  const std::vector<double> & x = work.distance;
  const int last = (int)x.size()-4;
  times.resize(at.size());
  int first = last;
  for (size_t i=0; i < at.size(); i++) {
    while ((first > 0) && (x[first+1] < at[i])) first--;
    while ((first < last) && (x[first+2] > at[i])) first++;
    Neighbours & here = times[i];
    here.first = first;
    for (int a=0; a < 4; a++) {
      double product = 1.;
      for (int b=0; b < 4; b++)
        if (b != a) product *= (at[i]-x[first+b])/(x[first+a]-x[first+b]);
      here.weight[a] = (float)product;
    }
  }
}

void NumberCounts::AtWavenumber::go_to(double k) {
  wavenumber = k;
  work.tables->evaluate(k,row.data());
  for (int shift=0; shift < shifts; shift++) {
    if ((shift != largest_shift) && !work.has_slopes) continue;
    limber_distance[shift].clear();
    for (int l : work.l) limber_distance[shift].push_back((l+0.5+shift-largest_shift)/k);
    find_times(limber_distance[shift],limber_time[shift]);
  }
}

float NumberCounts::AtWavenumber::power_of_k(const WindowColumn & column, int power) const {
  double factor = pow(wavenumber,power);
  if (column.row == work.windows.cmb_lensing_row) factor *= pow(wavenumber/work.ptr->lcmb_pivot,work.ptr->lcmb_tilt);
  return (float)factor;
}

/** The window times distance at a distance that lies within the column. */
static Neighbours node_neighbours(const WindowColumn & column, double distance, double step) {
  double position = distance/step-column.first_node;
  int first = std::max(0,std::min((int)position-1,column.node_number-4));
  Neighbours result;
  result.first = first;
  interpolation_weights(position-first-1.,result.weight);
  return result;
}

/** CLASS's amplitude of Limber's approximation to j_l, times the distance (l+1/2+shift)/q. */
static double limber_amplitude(double l, int shift) {
  double at = l+shift;
  return sqrt(_PI_/(2.*at+1.))/(at+0.5);
}

void NumberCounts::AtWavenumber::add_limber(const WindowColumn & column, int begin, double * sum) {
  auto source = [&] (const WindowTerm & term, int shift, int index_l) {
    double at = limber_distance[shift+largest_shift][index_l];
    if ((at > column.farthest) || (at < column.nearest)) return 0.;
    const float * table = &row[work.first_of(term.index_tp)];
    return (double)limber_time[shift+largest_shift][index_l].of(table)
      *node_neighbours(column,at,work.windows.step).of(term.at_node.data());
  };
  for (int index_l=begin; index_l < (int)work.l.size(); index_l++) {
    double l = work.l[index_l];
    if ((l-1.5)/wavenumber > column.farthest) break;
    if ((l+2.5)/wavenumber < column.nearest) continue;
    for (const WindowTerm & term : column.terms) {
      double result = 0.;
      if ((term.kind == radial_value) || (term.kind == radial_l_value)) {
        result = sqrt(_PI_/(2.*l))*(1.-0.25/l+1./32./(l*l))/(l+0.5)*source(term,0,index_l);
        if (term.kind == radial_l_value) result *= l*(l+1.);
      }
      else if (term.kind == radial_slope) {
        result = -limber_amplitude(l,1)*source(term,1,index_l)*(l+1.)/(2.*l+1.)
          +limber_amplitude(l,-1)*source(term,-1,index_l)*l/(2.*l+1.);
      }
      else {
        result = limber_amplitude(l,2)*source(term,2,index_l)*l*(l+2.)/(2.*l+1.)/(2.*l+3.)
          -limber_amplitude(l,0)*source(term,0,index_l)*l/(2.*l+1.)*(l/(2.*l-1.)+(l+1.)/(2.*l+3.))
          +limber_amplitude(l,-2)*source(term,-2,index_l)*l*(l-1.)/(2.*l+1.)/(2.*l-1.);
      }
      sum[index_l] += power_of_k(column,term.power)*result;
    }
  }
}

static const float value_coefficient[6][8] = cosmicnet_quintic((float)BesselTable::step);
static const float slope_coefficient[5][8] = cosmicnet_quintic_slope((float)BesselTable::step);

/** Add the row of one node to j_l, from the factors of its value, slope and second derivative, by the Bessel equation. */
static inline __attribute__((always_inline)) void add_node(const BesselTable & table, int block, int node, float value,
                                                           float slope, float bend, float * sum) {
  if (node < table.first_node[block]) return;
  const float * j = table.row(block,node), * slope_of_j = j+lanes;
  const float * l_l_plus_1 = &table.l_l_plus_1[block*lanes];
  float of_j = (node > 0) ? value-bend : bend, of_slope = slope-table.two_over_x[node]*bend;
  float of_l_j = table.one_over_x2[node]*bend;
  for (int lane=0; lane < lanes; lane++) sum[lane] += (of_j+of_l_j*l_l_plus_1[lane])*j[lane]+of_slope*slope_of_j[lane];
}

/** j_l and, where `slopes` is not NULL, j_l' at x of the multipoles of one block. */
cosmicnet_for_all_processors
static void radial_functions(const BesselTable & table, int block, const double * x, int size, float * values, float * slopes) {
  vector value, slope;
  for (int i=0; i < size; i++) {
    double position = x[i]/BesselTable::step;
    int node = (int)position;
    float t = (float)(position-node), * to = values+(size_t)i*lanes;
    horner<5>(value_coefficient,t,&value);
    std::fill(to,to+lanes,0.f);
    add_node(table,block,node,value[0],value[1],value[2],to);
    add_node(table,block,node+1,value[4],value[5],value[6],to);
    if (slopes == NULL) continue;
    to = slopes+(size_t)i*lanes;
    horner<4>(slope_coefficient,t,&slope);
    std::fill(to,to+lanes,0.f);
    add_node(table,block,node,slope[0],slope[1],slope[2],to);
    add_node(table,block,node+1,slope[4],slope[5],slope[6],to);
  }
}

/** sum_i factor[i] rows[i], for rows of one block. */
cosmicnet_for_all_processors
static void multiply(const float * factor, const float * rows, int size, float * sum) {
  vector low = {}, high = {};
  for (int i=0; i < size; i++) {
    const vector weight = factor[i]-vector{};
    low += weight**(const vector *)(rows+(size_t)i*lanes);
    high += weight**(const vector *)(rows+(size_t)i*lanes+vector_lanes);
  }
  for (int lane=0; lane < vector_lanes; lane++) {
    sum[lane] += low[lane];
    sum[vector_lanes+lane] += high[lane];
  }
}

/** Distances in ascending order. */
void NumberCounts::AtWavenumber::sample(const Stretch & stretch) {
  chi.clear();
  weight.clear();
  const double scale2 = begin_scale*begin_scale;
  for (double u=1.; ; u += 1.) {
    double u2 = u*u, x = stretch.begin+stretch.step*u2*u/(u2+scale2);
    if (x >= stretch.end) break;
    double dx = stretch.step*u2*(u2+3.*scale2)/((u2+scale2)*(u2+scale2));
    if (x > stretch.fade_begin) {
      double t = (stretch.end-x)/(stretch.end-stretch.fade_begin);
      dx *= t*t*t*(10.+t*(6.*t-15.));
    }
    chi.push_back(x/wavenumber);
    weight.push_back(dx/wavenumber);
  }
}

void NumberCounts::AtWavenumber::fill_radial_functions(int block) {
  int size = (int)chi.size();
  std::vector<double> x(chi);
  for (double & value : x) value *= wavenumber;
  values.resize((size_t)size*lanes);
  if (work.has_slopes) slopes.resize((size_t)size*lanes);
  radial_functions(*work.bessel,block,x.data(),size,values.data(),work.has_slopes ? slopes.data() : NULL);
  find_times(chi,time);
}

/** One column of a block from the samples [begin,end). */
void NumberCounts::AtWavenumber::add_column(const WindowColumn & column, int block, int begin, int end, double * sum) {
  enum {of_value, of_slope, of_l_value};
  for (std::vector<float> & one : factor) one.assign(end-begin,0.f);
  bool has_slope = false, has_l_value = false;
  for (const WindowTerm & term : column.terms) {
    const float * table = &row[work.first_of(term.index_tp)];
    const double power = power_of_k(column,term.power);
    has_slope = has_slope || (term.kind == radial_slope) || (term.kind == radial_bend);
    has_l_value = has_l_value || (term.kind == radial_l_value) || (term.kind == radial_bend);
    for (int i=begin; i < end; i++) {
      float window = (column.node_number == 1) ? term.at_node[0]
        : node_neighbours(column,chi[i],work.windows.step).of(term.at_node.data());
      float product = (float)(power*weight[i]/chi[i])*window*time[i].of(table);
      float over_x = (float)(1./(wavenumber*chi[i]));
      if (term.kind == radial_value) factor[of_value][i-begin] += product;
      else if (term.kind == radial_slope) factor[of_slope][i-begin] += product;
      else if (term.kind == radial_l_value) factor[of_l_value][i-begin] += product;
      else {
        factor[of_value][i-begin] -= product;
        factor[of_slope][i-begin] -= 2.f*over_x*product;
        factor[of_l_value][i-begin] += over_x*over_x*product;
      }
    }
  }
  float first[lanes] = {}, second[lanes] = {};
  const size_t start = (size_t)begin*lanes;
  multiply(factor[of_value].data(),&values[start],end-begin,first);
  if (has_slope) multiply(factor[of_slope].data(),&slopes[start],end-begin,first);
  if (has_l_value) multiply(factor[of_l_value].data(),&values[start],end-begin,second);
  const int l_size = (int)work.l.size(), exact = std::min(work.exact_end(column)-block*(int)lanes,(int)lanes);
  for (int lane=0; lane < exact; lane++) {
    double l = work.l[block*lanes+lane];
    sum[column.row*l_size+block*lanes+lane] += (double)first[lane]+l*(l+1.)*second[lane];
  }
}

void NumberCounts::AtWavenumber::add_integrals(int block, double * sum) {
  const Stretch stretch = work.stretch(block,wavenumber);
  if (stretch.begin >= stretch.end) return;
  sample(stretch);
  if (chi.empty()) return;
  fill_radial_functions(block);
  for (const WindowColumn & column : work.windows.columns) {
    if ((work.exact_end(column) <= block*lanes) || (column.nearest == column.farthest)) continue;
    int begin = (int)(std::lower_bound(chi.begin(),chi.end(),column.nearest)-chi.begin());
    int end = (int)(std::upper_bound(chi.begin(),chi.end(),column.farthest)-chi.begin());
    if (begin < end) add_column(column,block,begin,end,sum);
  }
}

void NumberCounts::AtWavenumber::add_points(int block, double * sum) {
  chi.clear();
  std::vector<const WindowColumn *> points;
  for (const WindowColumn & column : work.windows.columns) {
    if ((column.nearest != column.farthest) || (wavenumber*column.nearest < negligible_below(work.l[block*lanes]))) continue;
    chi.push_back(column.nearest);
    points.push_back(&column);
  }
  if (chi.empty()) return;
  weight.assign(chi.size(),1.);
  fill_radial_functions(block);
  for (int i=0; i < (int)points.size(); i++) add_column(*points[i],block,i,i+1,sum);
}

/** All transfer functions at the wavenumbers [begin,end). */
void NumberCounts::integrate(int index_ic, int begin, int end) {
  AtWavenumber at(*this);
  const int l_size = (int)l.size();
  std::vector<double> sum((size_t)row_number*l_size);
  for (int index_q=begin; index_q < end; index_q++) {
    std::fill(sum.begin(),sum.end(),0.);
    at.go_to(q[index_q]);
    for (const WindowColumn & column : windows.columns) at.add_limber(column,exact_end(column),&sum[(size_t)column.row*l_size]);
    for (int block=0; block*lanes < l_size; block++) {
      at.add_integrals(block,sum.data());
      at.add_points(block,sum.data());
    }
    for (int row=0; row < row_number; row++)
      for (int index_l=0; index_l < l_size; index_l++)
        values[(((size_t)index_ic*l_size+index_l)*row_number+row)*q.size()+index_q] = (float)sum[(size_t)row*l_size+index_l];
  }
}

/** Multipoles up to l_max, and the next two for the spline, as in CLASS. */
static std::vector<int> choose_multipoles(const struct transfer * ptr, int l_max) {
  int * end = ptr->l+ptr->l_size_max;
  return std::vector<int>(ptr->l,std::min(std::lower_bound(ptr->l,end,l_max)+3,end));
}

int NumberCounts::make(struct precision * ppr, struct background * pba, struct perturbations * ppt, struct fourier * pfo,
                       struct transfer * transfer, double tau_rec) {
  ptr = transfer;
  const int index_md = ppt->index_md_scalars;
  class_call(windows.make(ppr,pba,ppt,ptr,tau_rec),
             ptr->error_message,
             ptr->error_message);
  row_number = windows.row_number;
  l = choose_multipoles(ptr,ppt->l_lss_max);
  choose_sources(ppt,pba->conformal_age);
  choose_wavenumbers(ppt->k_min,ppt->k[index_md][ppt->k_size_cl[index_md]-1],ppt->l_lss_max,pfo->primordial_step);
  prepare_table(reach_of_cmb(ppr,pba,ppt,ptr));
  values.assign((size_t)ppt->ic_size[index_md]*l.size()*row_number*q.size(),0.f);
  const double * correction = (pfo->method == nl_none) ? NULL : pfo->nl_corr_density[pfo->index_pk_m];
  for (int index_ic=0; index_ic < ppt->ic_size[index_md]; index_ic++) {
    tables.reset(new SourceSpline(ppt->k[index_md],ppt->k_size[index_md],stride*(int)sources.size()));
    Crew crew;
    for (const Source & source : sources) {
      const double * table = ppt->sources[index_md][index_ic*ppt->tp_size[index_md]+source.index_tp];
      crew.add([=] () {
        prepare_source(source,table,correction,ppt->k_size[index_md]);
        return _SUCCESS_;
      });
    }
    if (crew.run() == _FAILURE_) return _FAILURE_;
    const int together = 16;
    for (int begin=0; begin < (int)q.size(); begin += together) {
      int end = std::min(begin+together,(int)q.size());
      crew.add([=] () {
        integrate(index_ic,begin,end);
        return _SUCCESS_;
      });
    }
    if (crew.run() == _FAILURE_) return _FAILURE_;
  }
  tables.reset();
  return _SUCCESS_;
}

}

int cosmicnet_number_counts(struct precision * ppr, struct background * pba, struct perturbations * ppt, struct fourier * pfo,
                            struct transfer * ptr, double tau_rec) {
  std::unique_ptr<cosmicnet::NumberCounts> made(new cosmicnet::NumberCounts());
  class_call(made->make(ppr,pba,ppt,pfo,ptr,tau_rec),
             ptr->error_message,
             ptr->error_message);
  ptr->number_counts = made.release();
  return _SUCCESS_;
}

void cosmicnet_free_number_counts(struct transfer * ptr) {
  delete (cosmicnet::NumberCounts *)ptr->number_counts;
  ptr->number_counts = NULL;
}
