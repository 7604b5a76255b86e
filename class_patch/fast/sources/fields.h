/** @file fields.h
 *
 * Fields of networks at the times and wavenumbers of a request, and sums of fields times functions of time.
 */

#ifndef __COSMICNET_FIELDS__
#define __COSMICNET_FIELDS__

#include <memory>
#include <vector>
#include "products.h"

namespace cosmicnet {

/* Quintic B-splines that do not vanish between two knots. */
enum {splines_at_once = 6};

/** The values of one coordinate, and the B-splines that do not vanish there. */
class SplineGrid {
public:
  /** breaks[intervals+1]: the knots within the range; polynomials[(interval*6+power)*6+spline], of the position from 0 to 1. */
  SplineGrid(const double * breaks, int intervals, const double * polynomials, const double * values, int size)
    : size(size), breaks(breaks), intervals(intervals), polynomials(polynomials), values(values) {}
  /** Find the splines; beyond the ends they are those at the ends. */
  void prepare();
  /** Functions with these coefficients (splines, functions) at one value. */
  void evaluate(int index, const float * coefficients, int functions, float * result) const;
  int size;

private:
  const double * breaks;
  int intervals;
  const double * polynomials, * values;
  std::vector<float> weights;
  std::vector<int> first;
};

/** A polynomial of a network's normalized inputs z (inputs): outputs = offset + scale * sum over monomials of their skip (monomials,
    outputs). Each monomial is the product of `factor_number` powers, factors[monomial*factor_number+i]: input + inputs * power. */
struct Polynomial {
  const double * z;
  int inputs;
  const long long * factors;
  int monomials, factor_number;
  const double * skip, * offset, * scale;
  int outputs;
  std::vector<double> evaluate() const;
};

/** A field as a product: left (times, rank) times right (rank, wavenumbers), the latter in panels. */
class Field {
public:
  Field(const float * mean, const float * components, int time_functions, int k_functions, int time_grid, const float * in_time,
        int k_grid, const float * in_k)
    : rank(0), stride(0), mean(mean), components(components), in_time(in_time), in_k(in_k), time_functions(time_functions),
      k_functions(k_functions), time_grid(time_grid), k_grid(k_grid) {}
  /** The core (time_functions, k_functions): the mean plus the components, one after the other, times the outputs of the network. */
  void make_core(const std::vector<double> & outputs);
  void evaluate(const std::vector<SplineGrid> & grids);
  int work() const { return time_functions*k_functions; }
  const float * panel(int index) const { return &right[(size_t)index*rank*panel_columns]; }

  int rank, stride;
  std::vector<float> left;

private:
  std::vector<float> times_of(const SplineGrid & grid) const;
  std::vector<float> panels_in_k(const SplineGrid & grid) const;
  const float * mean, * components, * in_time, * in_k;
  int time_functions, k_functions, time_grid, k_grid;
  std::vector<float> core, right;
};

/** What is done with the left side of a field before it is multiplied: nothing, the slope of the growth equation close to today,
    or the derivative with respect to conformal time, of the field times the function. */
enum TermKind {term_plain, term_growing, term_slope};

/** A field from its row `first` on, times a function of time (NULL: 1). */
struct FieldTerm {
  int field, first;
  const double * function;
  int kind;
  /** The left side from `first` on, with the function, unless the kind is plain. */
  std::vector<float> changed;
};

/** A sum of fields times functions of time. */
struct FieldSum {
  std::vector<FieldTerm> terms;
  int rows;
};

/** Rows of a sum as products, whose right sides are set by the panel. */
class SumRows {
public:
  SumRows(const std::vector<Field> & fields, const FieldSum & sum, int begin, int end);
  /** The sum at the first of these rows and the wavenumbers of a panel. */
  void multiply(int panel, int rows, float * result, int stride) const;

private:
  const std::vector<Field> & fields;
  std::unique_ptr<float[]> lefts;
  std::vector<int> of_term;
  std::vector<Product> products;
};

}

#endif
