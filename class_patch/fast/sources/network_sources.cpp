/** @file network_sources.cpp
 *
 * See network_sources.h.
 */

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include "../crew.h"
#include "network_sources.h"

namespace cosmicnet {

/* Times of one task. */
enum {early_rows = 36, late_rows = 36};

/* The sources of photons, in the order of their sums. */
static const int of_photons[] = {source_t0,source_t2};
enum {photon_number = 2};

/** Adds the lifetime of this object to the seconds of a step. */
class NetworkSources::Clock {
public:
  Clock(NetworkSources & owner, Step step) : sum(owner.nanoseconds[step]), start(std::chrono::steady_clock::now()) {}
  ~Clock() { sum += std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now()-start).count(); }

private:
  std::atomic<long long> & sum;
  const std::chrono::steady_clock::time_point start;
};

NetworkSources::NetworkSources(const double * k, int k_size, const double * tau, int tau_size, int first_late)
  : k(k), tau(tau), k_size(k_size), panels(panels_of(k_size)), stride(panels*panel_columns), first_late(first_late),
    late_size(tau_size-first_late), padded_k(k,k+k_size), not_finite(-1), growth(NULL), growth_rows(0), growth_times(0), first_reionized(0), free(NULL),
    scattered_columns(0), scattered_stride(0), first_scattering(0.), visibility(NULL), first_wave_row(0), last_k(NULL), rate(NULL) {
  padded_k.resize(stride,k[k_size-1]);
  for (FieldSum & sum : sums) sum.rows = 0;
  for (int source=0; source < source_number; source++) {
    tables[source] = tables_of_p[source] = NULL;
    in_k[source] = NULL;
  }
  for (std::atomic<long long> & sum : nanoseconds) sum = 0;
}

void NetworkSources::add_grid(const double * breaks, int intervals, const double * polynomials, const double * values, int size) {
  grids.push_back(SplineGrid(breaks,intervals,polynomials,values,size));
}

void NetworkSources::add_field(const float * mean, const float * components, int time_functions, int k_functions, int time_grid,
                               const float * in_time, int k_grid, const float * in_k) {
  fields.push_back(Field(mean,components,time_functions,k_functions,time_grid,in_time,k_grid,in_k));
  polynomials.push_back({NULL,0,NULL,0,0,NULL,NULL,NULL,0});
  outputs.push_back({});
}

void NetworkSources::set_polynomial(const double * z, int inputs, const long long * factors, int monomials, int factor_number,
                                    const double * skip, const double * offset, const double * scale, int output_number) {
  polynomials.back() = {z,inputs,factors,monomials,factor_number,skip,offset,scale,output_number};
}

void NetworkSources::set_outputs(const double * values, int number) {
  outputs.back().assign(values,values+number);
}

void NetworkSources::add_term(int sum, int rows, int field, int first, const double * function, int kind) {
  sums[sum].rows = rows;
  sums[sum].terms.push_back({field,first,function,kind,{}});
}

void NetworkSources::set_table(int source, double * table, double * table_of_p, const double * of_k) {
  tables[source] = table;
  tables_of_p[source] = table_of_p;
  in_k[source] = of_k;
}

void NetworkSources::set_growth(const float * matrix, int rows, int times) {
  growth = matrix;
  growth_rows = rows;
  growth_times = times;
}

void NetworkSources::set_photons(int first, const int * free_columns) {
  first_reionized = first;
  free = free_columns;
}

void NetworkSources::set_rescattering(const double * times, int size, const double * a, const double * g, int columns,
                                      const double * visibility_of_rows) {
  rescattering.reset(new Rescattering(times,size,a,g));
  first_scattering = times[0];
  scattered_columns = columns;
  scattered_stride = panels_of(columns)*panel_columns;
  visibility = visibility_of_rows;
}

void NetworkSources::set_waves(int first_row, int first_k, const int * last, const double * scattering_rate, double tau_rec) {
  first_wave_row = first_row;
  last_k = last;
  rate = scattering_rate;
  const int end = (first_row < late_size) ? std::max(last[first_row],first_k) : first_k;
  waves.reset(new Waves(padded_k.data(),first_k,end,tau,first_late,tau_rec));
}

int NetworkSources::fill(double * seconds) {
  run();
  for (int step=0; step < step_number; step++) seconds[step] = 1.e-9*nanoseconds[step];
  return not_finite;
}

void NetworkSources::run() {
  if (rescattering)
    for (std::vector<float> & rows : scattered) rows.assign((size_t)(late_size-first_reionized)*scattered_stride,0.f);
  std::vector<int> order(fields.size());
  std::iota(order.begin(),order.end(),0);
  std::sort(order.begin(),order.end(),[this] (int one, int other) { return fields[one].work() > fields[other].work(); });
  Crew crew;
  for (SplineGrid & grid : grids) grid.prepare();
  for (int index : order) {
    crew.add([this,index] () {
      {
        const Clock clock(*this,networks);
        fields[index].make_core((polynomials[index].z != NULL) ? polynomials[index].evaluate() : outputs[index]);
      }
      const Clock clock(*this,interpolation);
      fields[index].evaluate(grids);
      return _SUCCESS_;
    });
  }
  crew.run();
  change_terms();
  if (rescattering)
    for (int kind=sum_m; kind <= sum_i; kind++) scattering_rows.push_back(SumRows(fields,sums[kind],0,sums[kind].rows));
  if (waves)
    for (int source=source_t0; source <= source_t2; source++)
      wave_rows.push_back(SumRows(fields,sums[sum_early+source],0,first_late));
  for (int panel=0; rescattering && (panel < panels_of(scattered_columns)); panel++) {
    crew.add([this,panel] () {
      const Clock clock(*this,late_photons);
      scatter(panel);
      return _SUCCESS_;
    });
  }
  for (int panel=0; waves && (panel < panels_of(waves->last)); panel++) {
    if ((panel+1)*panel_columns <= waves->first) continue;
    crew.add([this,panel] () {
      const Clock clock(*this,late_photons);
      find_waves(panel);
      return _SUCCESS_;
    });
  }
  for (int begin=0; begin < first_late; begin += early_rows) {
    crew.add([this,begin] () {
      const Clock clock(*this,interpolation);
      fill_early(begin,std::min(begin+(int)early_rows,first_late));
      return _SUCCESS_;
    });
  }
  crew.run();
  for (int begin=0; begin < late_size; ) {
    int end = std::min(begin+(int)late_rows,late_size);
    /* a task has photons of one kind */
    if ((begin < first_reionized) && (first_reionized < end)) end = first_reionized;
    crew.add([this,begin,end] () {
      const Clock clock(*this,interpolation);
      fill_late(begin,end);
      return _SUCCESS_;
    });
    begin = end;
  }
  crew.run();
}

/** Left sides that are not those of the fields. */
void NetworkSources::change_terms() {
  for (FieldSum & sum : sums) {
    for (FieldTerm & term : sum.terms) {
      if (term.kind == term_plain) continue;
      const Field & field = fields[term.field];
      const int rank = field.rank, rows = sum.rows;
      std::vector<float> left((size_t)rows*rank);
      auto row_of = [&] (int row) { return &field.left[(size_t)(term.first+row)*field.stride]; };
      if (term.kind == term_growing) {
        for (int row=0; row < rows; row++) {
          float * result = &left[(size_t)row*rank];
          const int fitted = row-(rows-growth_rows);
          if (fitted < 0) std::copy_n(row_of(row),rank,result);
          else
            for (int time=0; time < growth_times; time++) {
              const float weight = growth[(size_t)fitted*growth_times+time];
              const float * values = row_of(rows-growth_times+time);
              for (int i=0; i < rank; i++) result[i] += weight*values[i];
            }
          for (int i=0; i < rank; i++) result[i] *= (float)term.function[row];
        }
      }
      else {
        /* of second order within, of first order at the ends */
        const double * const times = tau+first_late+first_wave_row;
        for (int row=0; row < rows; row++) {
          const int before = std::max(row-1,0), after = std::min(row+1,rows-1);
          const double h = times[row]-times[before], d = times[after]-times[row];
          double weights[3] = {0.,0.,0.};
          if (before == row) {
            if (after > row) {
              weights[1] = -1./d;
              weights[2] = 1./d;
            }
          }
          else if (after == row) {
            weights[0] = -1./h;
            weights[1] = 1./h;
          }
          else {
            weights[0] = -d/(h*(h+d));
            weights[1] = (d-h)/(h*d);
            weights[2] = h/(d*(h+d));
          }
          const int at[] = {before,row,after};
          for (int one=0; one < 3; one++) {
            const double weight = weights[one]*term.function[at[one]];
            const float * values = row_of(at[one]);
            for (int i=0; i < rank; i++) left[(size_t)row*rank+i] += (float)(weight*values[i]);
          }
        }
      }
      term.changed.swap(left);
    }
  }
}

/** Numbers times a function and a factor, in double precision; returns 0, or NaN if a number is not finite. */
cosmicnet_for_all_processors
static float store(const float * values, const double * function, double factor, int size, double * result) {
  vector checks = {};
  int i = 0;
  for (; i+vector_lanes <= size; i += vector_lanes) {
    float some[vector_lanes];
    for (int lane=0; lane < vector_lanes; lane++) some[lane] = values[i+lane];
    if (function != NULL)
      for (int lane=0; lane < vector_lanes; lane++) some[lane] *= (float)function[i+lane];
    for (int lane=0; lane < vector_lanes; lane++) result[i+lane] = factor*(double)some[lane];
    checks += 0.f*(*(const vector *)some);
  }
  float check = 0.f;
  for (int lane=0; lane < vector_lanes; lane++) check += checks[lane];
  for (; i < size; i++) {
    const float value = (function == NULL) ? values[i] : values[i]*(float)function[i];
    result[i] = factor*(double)value;
    check += 0.f*value;
  }
  return check;
}

/** Rows of a source, which are `stride` apart. */
void NetworkSources::write(int source, int first, int rows, const float * values) {
  for (int row=0; row < rows; row++) {
    const size_t place = (size_t)(first+row)*k_size;
    float check = 0.f;
    if (tables[source] != NULL) check += store(values+(size_t)row*stride,in_k[source],1.,k_size,tables[source]+place);
    if (tables_of_p[source] != NULL)
      check += store(values+(size_t)row*stride,in_k[source],_SQRT6_,k_size,tables_of_p[source]+place);
    if (!(check == 0.f)) not_finite = source;
  }
}

void NetworkSources::fill_early(int begin, int end) {
  const std::unique_ptr<float[]> result(new float[(size_t)(end-begin)*stride]);
  for (int source=0; source < source_number; source++) {
    if (!is_needed(source)) continue;
    const SumRows rows(fields,sums[sum_early+source],begin,end);
    for (int panel=0; panel < panels; panel++) rows.multiply(panel,end-begin,&result[panel*panel_columns],stride);
    write(source,begin,end-begin,result.get());
  }
}

void NetworkSources::scatter(int panel) {
  const int first_column = panel*panel_columns;
  int last_row = -1;
  for (int row=first_reionized; (row < late_size) && (free[row] > first_column); row++)
    if (tau[first_late+row] > first_scattering) last_row = row;
  if (last_row < 0) return;
  const int needed = rescattering->needed_for(tau[first_late+last_row]);
  std::vector<float> values[4], change[photon_number];
  for (int kind=0; kind < 4; kind++) {
    values[kind].resize((size_t)needed*panel_columns);
    scattering_rows[kind].multiply(panel,needed,values[kind].data(),panel_columns);
  }
  float at_k[panel_columns];
  for (int lane=0; lane < panel_columns; lane++) at_k[lane] = (float)padded_k[first_column+lane];
  std::vector<float> & v = values[sum_v-sum_m];
  for (size_t i=0; i < v.size(); i++) v[i] *= at_k[i%panel_columns];
  for (std::vector<float> & list : change) list.resize((size_t)needed*panel_columns);
  rescattering->solve(&padded_k[first_column],needed,values[0].data(),values[1].data(),v.data(),values[3].data(),change[0].data(),
                      change[1].data());
  for (int row=first_reionized; row <= last_row; row++) {
    const double at_tau = tau[first_late+row];
    if (!(at_tau > first_scattering)) continue;
    for (int kind=0; kind < photon_number; kind++)
      rescattering->interpolate(at_tau,(float)visibility[row],change[kind].data(),
                                &scattered[kind][(size_t)(row-first_reionized)*scattered_stride+first_column]);
  }
}

void NetworkSources::find_waves(int panel) {
  std::vector<float> values[3];
  for (int source=source_t0; source <= source_t2; source++) {
    std::vector<float> & result = values[source];
    result.resize((size_t)first_late*panel_columns);
    wave_rows[source-source_t0].multiply(panel,first_late,result.data(),panel_columns);
    if (in_k[source] != NULL)
      for (size_t i=0; i < result.size(); i++)
        result[i] *= (float)in_k[source][std::min(panel*(int)panel_columns+(int)(i%panel_columns),k_size-1)];
  }
  waves->integrate(panel,values[source_t0].data(),values[source_t1].data(),values[source_t2].data());
}

/** The streaming photons beyond the fields, at some late rows and the wavenumbers [first,last). */
struct NetworkSources::WaveRows {
  int first_row, first, last;
  std::vector<float> of_kind[photon_number];
};

NetworkSources::WaveRows NetworkSources::waves_at(int begin, int end) const {
  WaveRows found = {std::max(begin,first_wave_row),0,0,{}};
  if (!waves || (found.first_row >= end)) return found;
  found.first = std::max(free[end-1],waves->first);
  found.last = std::max(last_k[found.first_row],found.first);
  const int width = found.last-found.first, rows = end-found.first_row;
  if (width == 0) return found;
  for (std::vector<float> & list : found.of_kind) list.assign((size_t)rows*width,0.f);
  const int first_panel = found.first/panel_columns, columns = panels_of(found.last)*panel_columns-first_panel*panel_columns;
  std::vector<float> slow((size_t)rows*columns);
  const SumRows sum(fields,sums[sum_slow],found.first_row-first_wave_row,end-first_wave_row);
  for (int panel=first_panel; panel < panels_of(found.last); panel++)
    sum.multiply(panel,rows,&slow[(panel-first_panel)*panel_columns],columns);
  for (int row=found.first_row; row < end; row++) {
    const int from = std::max(free[row],found.first), to = last_k[row];
    if (from >= to) continue;
    const size_t place = (size_t)(row-found.first_row)*width;
    float * of_t0 = &found.of_kind[0][place], * of_t2 = &found.of_kind[1][place];
    waves->at(tau[first_late+row],from,to,of_t0+from-found.first,of_t2+from-found.first);
    for (int column=from; column < to; column++) {
      of_t0[column-found.first] *= (float)rate[row];
      of_t2[column-found.first] = (float)rate[row]*(of_t2[column-found.first]
        +slow[(size_t)(row-found.first_row)*columns+column-first_panel*panel_columns]/(float)k[column]);
    }
  }
  return found;
}

/** Add photons that do not stream, with those that were scattered, to rows that are `stride` apart. */
void NetworkSources::add_photons(int kind, int begin, int end, float * result) const {
  const bool is_reionized = (begin >= first_reionized);
  const int first = is_reionized ? first_reionized : 0, columns = free[begin];
  std::vector<float> photons((size_t)(end-begin)*panels_of(columns)*panel_columns);
  const int photon_stride = panels_of(columns)*panel_columns;
  const SumRows rows(fields,sums[(is_reionized ? sum_reionized : sum_dark)+kind],begin-first,end-first);
  for (int panel=0; panel < panels_of(columns); panel++)
    rows.multiply(panel,end-begin,&photons[panel*panel_columns],photon_stride);
  for (int row=begin; row < end; row++) {
    float * to = result+(size_t)(row-begin)*stride;
    const float * from = &photons[(size_t)(row-begin)*photon_stride];
    for (int column=0; column < free[row]; column++) to[column] += from[column];
    if (is_reionized && rescattering) {
      from = &scattered[kind][(size_t)(row-first_reionized)*scattered_stride];
      for (int column=0; column < std::min(free[row],scattered_columns); column++) to[column] += from[column];
    }
  }
}

void NetworkSources::fill_late(int begin, int end) {
  const WaveRows streaming = waves_at(begin,end);
  const int width = streaming.last-streaming.first;
  const std::unique_ptr<float[]> result(new float[(size_t)(end-begin)*stride]);
  for (int source=0; source < source_number; source++) {
    if (!is_needed(source)) continue;
    const SumRows rows(fields,sums[sum_late+source],begin,end);
    for (int panel=0; panel < panels; panel++) rows.multiply(panel,end-begin,&result[panel*panel_columns],stride);
    for (int kind=0; kind < photon_number; kind++) {
      if (of_photons[kind] != source) continue;
      if (free[begin] > 0) add_photons(kind,begin,end,result.get());
      for (int row=streaming.first_row; (width > 0) && (row < end); row++)
        for (int i=0; i < width; i++)
          result[(size_t)(row-begin)*stride+streaming.first+i]
            += streaming.of_kind[kind][(size_t)(row-streaming.first_row)*width+i];
    }
    write(source,first_late+begin,end-begin,result.get());
  }
}

}
