/** @file fields.cpp
 *
 * See fields.h.
 */

#include <algorithm>
#include "fields.h"

namespace cosmicnet {

std::vector<double> Polynomial::evaluate() const {
  const long long highest = *std::max_element(factors,factors+(size_t)monomials*factor_number)/inputs;
  std::vector<double> powers(inputs,1.), result(outputs,0.);
  for (int i=0; i < highest*inputs; i++) powers.push_back(powers[i]*z[i%inputs]);
  for (int monomial=0; monomial < monomials; monomial++) {
    double value = 1.;
    for (int i=0; i < factor_number; i++) value *= powers[factors[(size_t)monomial*factor_number+i]];
    for (int output=0; output < outputs; output++) result[output] += value*skip[(size_t)monomial*outputs+output];
  }
  for (int output=0; output < outputs; output++) result[output] = offset[output]+scale[output]*result[output];
  return result;
}

void SplineGrid::prepare() {
  weights.resize((size_t)size*splines_at_once);
  first.resize(size);
  int interval = 0;
  for (int i=0; i < size; i++) {
    const double inside = std::min(std::max(values[i],breaks[0]),breaks[intervals]);
    /* values increase; NaN stays where it is */
    while ((interval+1 < intervals) && (breaks[interval+1] <= inside)) interval++;
    while ((interval > 0) && (breaks[interval] > inside)) interval--;
    const double position = (values[i] == values[i]) ? (inside-breaks[interval])/(breaks[interval+1]-breaks[interval]) : values[i];
    const double * powers = polynomials+(size_t)interval*splines_at_once*splines_at_once;
    double sums[splines_at_once] = {};
    for (int power=splines_at_once-1; power >= 0; power--)
      for (int spline=0; spline < splines_at_once; spline++)
        sums[spline] = sums[spline]*position+powers[power*splines_at_once+spline];
    for (int spline=0; spline < splines_at_once; spline++) weights[(size_t)i*splines_at_once+spline] = (float)sums[spline];
    first[i] = interval;
  }
}

cosmicnet_for_all_processors
static void combine(const float * weight, const float * rows, int size, float * result) {
  for (int i=0; i < size; i++) {
    float sum = 0.f;
    for (int row=0; row < splines_at_once; row++) sum += weight[row]*rows[row*size+i];
    result[i] = sum;
  }
}

void SplineGrid::evaluate(int index, const float * coefficients, int functions, float * result) const {
  combine(&weights[(size_t)index*splines_at_once],coefficients+(size_t)first[index]*functions,functions,result);
}

cosmicnet_for_all_processors
static void add(float weight, const float * component, size_t size, float * sum) {
  for (size_t i=0; i < size; i++) sum[i] += weight*component[i];
}

void Field::make_core(const std::vector<double> & outputs) {
  const size_t size = (size_t)time_functions*k_functions;
  core.assign(size,0.f);
  for (size_t i=0; i < outputs.size(); i++) add((float)outputs[i],components+i*size,size,core.data());
  add(1.f,mean,size,core.data());
}

std::vector<float> Field::times_of(const SplineGrid & grid) const {
  std::vector<float> rows((size_t)grid.size*time_functions);
  for (int i=0; i < grid.size; i++) grid.evaluate(i,in_time,time_functions,&rows[(size_t)i*time_functions]);
  return rows;
}

std::vector<float> Field::panels_in_k(const SplineGrid & grid) const {
  const int panels = panels_of(grid.size);
  std::vector<float> result((size_t)panels*k_functions*panel_columns,0.f), functions(k_functions);
  for (int i=0; i < grid.size; i++) {
    grid.evaluate(i,in_k,k_functions,functions.data());
    float * column = &result[(size_t)(i/panel_columns)*k_functions*panel_columns+i%panel_columns];
    for (int f=0; f < k_functions; f++) column[f*panel_columns] = functions[f];
  }
  return result;
}

void Field::evaluate(const std::vector<SplineGrid> & grids) {
  const SplineGrid & times = grids[time_grid], & wavenumbers = grids[k_grid];
  const double r_t = time_functions, r_k = k_functions, n_t = times.size, n_k = wavenumbers.size;
  std::vector<float> rows = times_of(times), panels = panels_in_k(wavenumbers);
  /* multiply the core into whichever side makes this product and the later one cheaper */
  if ((r_t*r_k+n_k*r_k)*n_t < (r_t*r_k+n_t*r_t)*n_k) {
    rank = k_functions;
    const int core_panels = panels_of(rank);
    stride = core_panels*panel_columns;
    left.resize((size_t)times.size*stride);
    std::vector<float> some((size_t)time_functions*panel_columns);
    for (int panel=0; panel < core_panels; panel++) {
      for (int t=0; t < time_functions; t++)
        for (int i=0; i < panel_columns; i++) {
          const int column = panel*panel_columns+i;
          some[t*panel_columns+i] = (column < rank) ? core[(size_t)t*rank+column] : 0.f;
        }
      const Product product = {rows.data(),time_functions,some.data(),time_functions};
      sum_products(&product,1,times.size,&left[panel*panel_columns],stride);
    }
    right.swap(panels);
  }
  else {
    rank = stride = time_functions;
    left.swap(rows);
    right.resize((size_t)panels_of(wavenumbers.size)*rank*panel_columns);
    for (int panel=0; panel < panels_of(wavenumbers.size); panel++) {
      const Product product = {core.data(),k_functions,&panels[(size_t)panel*k_functions*panel_columns],k_functions};
      sum_products(&product,1,rank,&right[(size_t)panel*rank*panel_columns],panel_columns);
    }
  }
}

cosmicnet_for_all_processors
static void scale(const float * row, float factor, int size, float * result) {
  for (int i=0; i < size; i++) result[i] = factor*row[i];
}

SumRows::SumRows(const std::vector<Field> & fields, const FieldSum & sum, int begin, int end) : fields(fields) {
  size_t size = 0;
  for (const FieldTerm & term : sum.terms) size += (size_t)(end-begin)*fields[term.field].rank;
  lefts.reset(new float[size]);
  float * place = lefts.get();
  for (const FieldTerm & term : sum.terms) {
    const Field & field = fields[term.field];
    of_term.push_back(term.field);
    products.push_back({place,field.rank,NULL,field.rank});
    for (int row=begin; row < end; row++, place += field.rank) {
      if (term.kind == term_plain)
        scale(&field.left[(size_t)(term.first+row)*field.stride],(term.function == NULL) ? 1.f : (float)term.function[row],
              field.rank,place);
      else std::copy_n(&term.changed[(size_t)row*field.rank],field.rank,place);
    }
  }
}

void SumRows::multiply(int panel, int rows, float * result, int stride) const {
  std::vector<Product> here(products);
  for (size_t i=0; i < here.size(); i++) here[i].right = fields[of_term[i]].panel(panel);
  sum_products(here.data(),(int)here.size(),rows,result,stride);
}

}
