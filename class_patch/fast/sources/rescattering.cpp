/** @file rescattering.cpp
 *
 * See rescattering.h.
 */

#include <algorithm>
#include <cmath>
#include "rescattering.h"

namespace cosmicnet {

/* Kernels of M from I and M, V, P, and of P from V and P; that of P from I and M is half of that of M from P. */
enum {m_from_m, m_from_v, m_from_p, p_from_v, p_from_p, kernel_number};
enum {halves = panel_columns/vector_lanes, points = 6};

/* End correction of Gregory's quadrature at the first lags. */
static const double gregory[] = {3./8.,7./6.,23./24.};
enum {gregory_size = 3};

/* Below this the recurrences of spherical Bessel functions cancel. */
static const double series_below = 0.6;

Rescattering::Rescattering(const double * times, int size, const double * a, const double * g)
  : start(times[0]), step(times[1]-times[0]), size(size), a(a,a+size), g(g,g+size) {}

/** The first terms of j_order about 0. */
cosmicnet_inline double_vector series(int order, double_vector x) {
  const double_vector square = -0.5*x*x;
  double_vector total = {}, power = all_lanes(1.);
  for (int term=5; term >= 1; term--) total = (1.+total)*square*(1./(term*(2.*order+2.*term+1.)));
  for (int i=1; i <= order; i++) power *= x*(1./(2.*i+1.));
  return (1.+total)*power;
}

/** kernels[(lag*kernel_number+kernel)*panel_columns+lane] for four lanes. */
cosmicnet_for_all_processors
static void tabulate(const double * k, double step, int lags, float * kernels) {
  const double_vector phase = *(const double_vector *)k*step;
  double_vector sine = {}, cosine = all_lanes(1.), step_sine, step_cosine;
  vector_sincos(phase,step_sine,step_cosine);
  for (int lag=0; lag < lags; lag++) {
    const double_vector x = phase*(double)lag;
    double_vector j[5];
    const double_vector over_x = 1./((x < series_below) ? all_lanes(1.) : x);
    j[0] = sine*over_x;
    j[1] = (j[0]-cosine)*over_x;
    for (int order=1; order < 4; order++) j[order+1] = (2.*order+1.)*over_x*j[order]-j[order-1];
    if ((x[0] < series_below) || (x[1] < series_below) || (x[2] < series_below) || (x[3] < series_below))
      for (int order=0; order < 5; order++) j[order] = (x < series_below) ? series(order,x) : j[order];
    const double weight = step*((lag < gregory_size) ? gregory[lag] : 1.);
    double_vector values[kernel_number];
    values[m_from_m] = weight*j[0];
    values[m_from_v] = -weight*j[1];
    values[m_from_p] = weight*j[2];
    values[p_from_v] = weight*(0.2*j[1]-0.3*j[3]);
    values[p_from_p] = weight*(0.7*j[0]+(5./7.)*j[2]+(18./35.)*j[4]);
    float * row = kernels+(size_t)lag*kernel_number*panel_columns;
    for (int kernel=0; kernel < kernel_number; kernel++)
      for (int lane=0; lane < double_lanes; lane++) row[kernel*panel_columns+lane] = (float)values[kernel][lane];
    const double_vector before = sine;
    sine = sine*step_cosine+cosine*step_sine;
    cosine = cosine*step_cosine-before*step_sine;
  }
}

void Rescattering::tabulate_kernels(const double * k, int needed, float * kernels) const {
  for (int lane=0; lane < panel_columns; lane += double_lanes) tabulate(k+lane,step,needed,kernels+lane);
}

/** M and P at the times [0,needed), for the wavenumbers of one vector. `sources` has room for three rows of a panel at each time. */
cosmicnet_for_all_processors
static void step_through(const float * kernels, const float * a, const float * g, int needed, const float * m0, const float * p0,
                         const float * v, const float * decay, float * sources, float * change_m, float * change_p) {
  enum {of_m, of_v, of_p, source_number};
  auto at = [] (const float * list, int row) { return *(const vector *)(list+(size_t)row*panel_columns); };
  for (int i=0; i < needed; i++) {
    vector m[source_number] = {}, p[source_number] = {};
    const float * kernel = kernels+(size_t)i*kernel_number*panel_columns;
    for (int before=0; before < i; before++, kernel -= kernel_number*panel_columns) {
      const vector from_m = at(sources,before*source_number+of_m), from_v = at(sources,before*source_number+of_v),
        from_p = at(sources,before*source_number+of_p), both = at(kernel,m_from_p);
      m[0] += at(kernel,m_from_m)*from_m;
      m[1] += at(kernel,m_from_v)*from_v;
      m[2] += both*from_p;
      p[0] += both*from_m;
      p[1] += at(kernel,p_from_v)*from_v;
      p[2] += at(kernel,p_from_p)*from_p;
    }
    /* at no lag only the monopole of M in M and that of P in P act */
    const float change = a[i]-a[0];
    const vector now_m = at(kernels,m_from_m), now_p = at(kernels,p_from_p), known = change*at(decay,i);
    const vector whole_m = (a[0]*at(m0,i)+((m[0]+m[1])+(m[2]+now_m*known)))/(a[i]-now_m*g[i]);
    const vector whole_p = (a[0]*at(p0,i)+((0.5f*p[0]+p[1])+p[2]))/(a[i]-now_p*g[i]);
    *(vector *)(sources+(size_t)(i*source_number+of_m)*panel_columns) = known+g[i]*whole_m;
    *(vector *)(sources+(size_t)(i*source_number+of_v)*panel_columns) = g[i]*at(v,i);
    *(vector *)(sources+(size_t)(i*source_number+of_p)*panel_columns) = g[i]*whole_p;
    *(vector *)(change_m+(size_t)i*panel_columns) = whole_m-at(m0,i);
    *(vector *)(change_p+(size_t)i*panel_columns) = whole_p-at(p0,i);
  }
}

void Rescattering::solve(const double * k, int needed, const float * m, const float * p, const float * v, const float * i,
                         float * change_m, float * change_p) const {
  std::vector<float> kernels((size_t)needed*kernel_number*panel_columns), sources((size_t)needed*3*panel_columns);
  tabulate_kernels(k,needed,kernels.data());
  for (int half=0; half < halves; half++) {
    const int lane = half*vector_lanes;
    step_through(kernels.data()+lane,a.data(),g.data(),needed,m+lane,p+lane,v+lane,i+lane,sources.data()+lane,change_m+lane,
                 change_p+lane);
  }
}

static int first_point(double position, int size) {
  return std::min(std::max((int)floor(position)-(points/2-1),0),size-points);
}

int Rescattering::needed_for(double tau) const {
  return std::min(first_point((tau-start)/step,size)+(int)points,size);
}

cosmicnet_for_all_processors
static void combine_panels(const float * weights, const float * values, float * result) {
  for (int half=0; half < halves; half++) {
    vector sum = {};
    for (int i=0; i < points; i++) sum += weights[i]*(*(const vector *)(values+i*panel_columns+half*vector_lanes));
    *(vector *)(result+half*vector_lanes) = sum;
  }
}

void Rescattering::interpolate(double tau, float factor, const float * values, float * result) const {
  const double position = (tau-start)/step;
  const int first = first_point(position,size);
  float weights[points];
  for (int i=0; i < points; i++) {
    double weight = factor;
    for (int other=0; other < points; other++)
      if (other != i) weight *= (position-first-other)/(i-other);
    weights[i] = (float)weight;
  }
  combine_panels(weights,values+(size_t)first*panel_columns,result);
}

}
