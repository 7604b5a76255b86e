/** @file network_sources.h
 *
 * Source tables of scalar modes from the cores of networks' fields, as cosmicnet/emulator.py and cosmicnet/photons.py compute them
 * with NumPy. Python gives every function of time; here are splines, products of matrices, rescattering and free streaming.
 */

#ifndef __COSMICNET_NETWORK_SOURCES__
#define __COSMICNET_NETWORK_SOURCES__

#include <atomic>
#include <memory>
#include <vector>
#include "fields.h"
#include "rescattering.h"
#include "waves.h"

namespace cosmicnet {

enum Source {source_t0, source_t1, source_t2, source_phi_plus_psi, source_delta_m, source_delta_cb, source_number};

/** Sums of fields times functions of time: the sources at early and at late times, without late photons; these photons until
    reionisation is possible and later; M, P, V/k and I at the times of rescattering; the slow part of streaming photons. */
enum SumName {
  sum_early = 0,
  sum_late = sum_early+source_number,
  sum_dark = sum_late+source_number,
  sum_reionized = sum_dark+2,
  sum_m = sum_reionized+2,
  sum_p, sum_v, sum_i, sum_slow, sum_number
};

/** Arrays belong to the caller. Late rows are counted from the first late time on. */
class NetworkSources {
public:
  NetworkSources(const double * k, int k_size, const double * tau, int tau_size, int first_late);
  void add_grid(const double * breaks, int intervals, const double * polynomials, const double * values, int size);
  void add_field(const float * mean, const float * components, int time_functions, int k_functions, int time_grid,
                 const float * in_time, int k_grid, const float * in_k);
  /** The network of the last field: a polynomial, or its outputs. */
  void set_polynomial(const double * z, int inputs, const long long * factors, int monomials, int factor_number, const double * skip,
                      const double * offset, const double * scale, int outputs);
  void set_outputs(const double * outputs, int number);
  /** function: rows values, or NULL. */
  void add_term(int sum, int rows, int field, int first, const double * function, int kind);
  /** Where to write a source, and where to write it times sqrt(6), either of which may be NULL; and the function of wavenumber that
      multiplies it, NULL for 1. */
  void set_table(int source, double * table, double * table_of_p, const double * in_k);
  /** matrix[rows*times], which corrects growing fields at the last rows from their values at the last times. */
  void set_growth(const float * matrix, int rows, int times);
  /** The first late row at which reionisation is possible; for each late row the number of wavenumbers that do not stream. */
  void set_photons(int first_reionized, const int * free);
  /** The uniform times of rescattering with exp(-kappa) and visibility there, the number of wavenumbers; the visibility at late
      rows. */
  void set_rescattering(const double * times, int size, const double * a, const double * g, int columns, const double * visibility);
  /** The first late row with streaming photons beyond the fields; from `first_k` on, for each late row up to last_k; the scattering
      rate at late rows. */
  void set_waves(int first_row, int first_k, const int * last_k, const double * rate, double tau_rec);
  /** Write all tables; the seconds of networks, of rescattering and streaming, and of all else, added up over threads. Returns a source
      that is not finite, or -1. */
  int fill(double * seconds);

private:
  enum Step {networks, late_photons, interpolation, step_number};
  class Clock;
  void run();
  void change_terms();
  void fill_early(int begin, int end);
  void fill_late(int begin, int end);
  void add_photons(int kind, int begin, int end, float * result) const;
  struct WaveRows;
  WaveRows waves_at(int begin, int end) const;
  void scatter(int panel);
  void find_waves(int panel);
  void write(int source, int first, int rows, const float * values);
  bool is_needed(int source) const { return (tables[source] != NULL) || (tables_of_p[source] != NULL); }

  const double * const k, * const tau;
  const int k_size, panels, stride, first_late, late_size;
  std::vector<double> padded_k;
  std::vector<SplineGrid> grids;
  std::vector<Field> fields;
  std::vector<Polynomial> polynomials;
  std::vector<std::vector<double>> outputs;
  FieldSum sums[sum_number];
  double * tables[source_number], * tables_of_p[source_number];
  const double * in_k[source_number];
  /** All rows of M, P, V and I, and of the early sources of photons, for tasks that take a panel of them. */
  std::vector<SumRows> scattering_rows, wave_rows;
  std::atomic<int> not_finite;
  const float * growth;
  int growth_rows, growth_times;

  int first_reionized;
  const int * free;
  std::unique_ptr<Rescattering> rescattering;
  int scattered_columns, scattered_stride;
  double first_scattering;
  const double * visibility;
  /** What rescattering adds to t0 and t2, a row for each late row at which reionisation is possible. */
  std::vector<float> scattered[2];
  std::unique_ptr<Waves> waves;
  int first_wave_row;
  const int * last_k;
  const double * rate;
  std::atomic<long long> nanoseconds[step_number];
};

}

#endif
