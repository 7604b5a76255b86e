/** @file source_spline.cpp
 *
 * Splines of the source functions in wavenumber. See source_spline.h.
 */

#include <algorithm>
#include <cmath>
#include "source_spline.h"

namespace cosmicnet {

std::vector<double> cubic_weights(const double * x, int size) {
  std::vector<double> weight(size,0.);
  int points = std::min(size,4);
  for (int i=0; i+1 < size; i++) {
    const int first = std::min(std::max(i-1,0),size-points);
    /* Gauss's two points are exact for a cubic */
    for (double place : {0.5-0.5/sqrt(3.),0.5+0.5/sqrt(3.)}) {
      double at = x[i]+place*(x[i+1]-x[i]);
      for (int j=first; j < first+points; j++) {
        double value = 0.5*(x[i+1]-x[i]);
        for (int other=first; other < first+points; other++)
          if (other != j) value *= (at-x[other])/(x[j]-x[other]);
        weight[j] += value;
      }
    }
  }
  return weight;
}

SourceSpline::SourceSpline(const double * k_list, int k_size, int column_number)
  : columns(round_up(column_number)), k(k_list,k_list+k_size) {
  values.allocate((size_t)k_size*columns);
  curvatures.allocate((size_t)k_size*columns);
}

/** y = a + factor*(b - c) for one stretch of a row, etc.: one step of the elimination downwards. */
cosmicnet_for_all_processors
static void eliminate(const float * before, const float * here, const float * after, float over_h_before,
                      float over_h, const float * solved, float coupling, float over_pivot, float * result, int size) {
  for (int i=0; i < size; i += vector_lanes) {
    const vector y = *(const vector *)(here+i);
    const vector bend = (*(const vector *)(after+i)-y)*over_h - (y-*(const vector *)(before+i))*over_h_before;
    *(vector *)(result+i) = (6.f*bend - coupling * *(const vector *)(solved+i))*over_pivot;
  }
}

cosmicnet_for_all_processors
static void substitute(float * here, const float * after, float factor, int size) {
  for (int i=0; i < size; i += vector_lanes) *(vector *)(here+i) -= factor * *(const vector *)(after+i);
}

void SourceSpline::spline(int begin, int end) {
  /* the tridiagonal equations h_{i-1} M_{i-1} + 2(h_{i-1}+h_i) M_i + h_i M_{i+1} = 6 (d_i-d_{i-1}) for the
     second derivatives M, d being differences divided by h; at the ends 2 M_0 + M_1 = 6 (d_1-d_0)/(h_0+h_1) */
  int n = (int)k.size(), size = end-begin;
  std::vector<double> above(n); /* entries above the diagonal after the elimination */
  std::vector<float> zero(size,0.f);
  auto y = [&](int i) { return values.data()+(size_t)i*columns+begin; };
  auto m = [&](int i) { return curvatures.data()+(size_t)i*columns+begin; };
  auto step = [&](int i) { return k[i+1]-k[i]; };
  auto end_equation = [&](int i, double coupling, const float * solved, int to) {
    double over_pivot = 1./(2.-coupling*((to > 0) ? above[to-1] : 0.));
    double scale = 1./(step(i-1)+step(i));
    eliminate(y(i-1),y(i),y(i+1),(float)(scale/step(i-1)),(float)(scale/step(i)),solved,(float)coupling,
              (float)over_pivot,m(to),size);
    above[to] = over_pivot;
  };
  end_equation(1,0.,zero.data(),0);
  for (int i=1; i < n-1; i++) {
    double over_pivot = 1./(2.*(step(i-1)+step(i))-step(i-1)*above[i-1]);
    eliminate(y(i-1),y(i),y(i+1),(float)(1./step(i-1)),(float)(1./step(i)),m(i-1),(float)step(i-1),
              (float)over_pivot,m(i),size);
    above[i] = step(i)*over_pivot;
  }
  end_equation(n-2,1.,m(n-2),n-1);
  for (int i=n-2; i >= 0; i--) substitute(m(i),m(i+1),(float)above[i],size);
}

static inline __attribute__((always_inline)) vector combine(const vector from[4], const float factor[4]) {
  return (factor[0]*from[0]+factor[1]*from[1])+(factor[2]*from[2]+factor[3]*from[3]);
}

cosmicnet_for_all_processors
static void combine_rows(const float * const rows[4], const float factor[4], float * result, int size) {
  for (int i=0; i < size; i += vector_lanes) {
    vector from[4];
    for (int row=0; row < 4; row++) from[row] = *(const vector *)(rows[row]+i);
    *(vector *)(result+i) = combine(from,factor);
  }
}

cosmicnet_for_all_processors
static void combine_rows_twice(const float * const rows[4], const float factor[4], const float other_factor[4], float * result,
                               float * other_result, int size) {
  for (int i=0; i < size; i += vector_lanes) {
    vector from[4];
    for (int row=0; row < 4; row++) from[row] = *(const vector *)(rows[row]+i);
    *(vector *)(result+i) = combine(from,factor);
    *(vector *)(other_result+i) = combine(from,other_factor);
  }
}

SourceSpline::Combination SourceSpline::at(double q) const {
  int last = (int)k.size()-2;
  int i = std::min(std::max((int)(std::upper_bound(k.begin(),k.end(),q)-k.begin())-1,0),last);
  double step = k[i+1]-k[i], b = (q-k[i])/step, a = 1.-b;
  return {i,{(float)a,(float)b,(float)((a*a*a-a)*step*step/6.),(float)((b*b*b-b)*step*step/6.)}};
}

void SourceSpline::rows_of(int interval, const float * rows[4]) const {
  for (int i=0; i < 2; i++) {
    rows[i] = values.data()+(size_t)(interval+i)*columns;
    rows[2+i] = curvatures.data()+(size_t)(interval+i)*columns;
  }
}

void SourceSpline::evaluate(double q, float * result) const {
  const Combination here = at(q);
  const float * rows[4];
  rows_of(here.interval,rows);
  combine_rows(rows,here.factor,result,columns);
}

void SourceSpline::evaluate_two(double q, double other_q, float * result, float * other_result) const {
  const Combination here = at(q), other = at(other_q);
  const float * rows[4];
  rows_of(here.interval,rows);
  if (other.interval == here.interval) {
    combine_rows_twice(rows,here.factor,other.factor,result,other_result,columns);
    return;
  }
  combine_rows(rows,here.factor,result,columns);
  rows_of(other.interval,rows);
  combine_rows(rows,other.factor,other_result,columns);
}

}
