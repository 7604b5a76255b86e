// For `make sanitize`: tables of sources from the arguments that tests/sanitize_sources.py wrote, compared with the tables there.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>
#include "cosmicnet/fast/sources/network_sources.h"

/** Numbers in the order in which they were written. */
class Arguments {
public:
  explicit Arguments(const char * path) : file(fopen(path,"rb")) {
    if (file == NULL) stop("cannot be opened");
  }
  ~Arguments() { fclose(file); }
  /** The next array; NULL if there is none. It lives as long as this object. */
  template<typename T> T * array() {
    long long size;
    read(&size,sizeof(size));
    if (size < 0) return NULL;
    /* no more than the array, so that the sanitizer sees each access beyond it */
    kept.emplace_back(new char[size*sizeof(T)]);
    read(kept.back().get(),size*sizeof(T));
    last_size = size;
    return (T *)kept.back().get();
  }
  template<typename T = int> T number() { return (T)*array<double>(); }
  int size() const { return last_size; }

private:
  void stop(const char * why) {
    fprintf(stderr,"arguments: %s\n",why);
    exit(2);
  }
  void read(void * to, size_t bytes) {
    if (fread(to,1,bytes,file) != bytes) stop("too short");
  }
  FILE * file;
  int last_size;
  std::deque<std::unique_ptr<char[]>> kept;
};

/** The largest difference over the largest value. */
static double difference(const double * found, const double * expected, int size) {
  double largest = 0., apart = 0.;
  for (int i=0; i < size; i++) {
    largest = fmax(largest,fabs(expected[i]));
    apart = fmax(apart,(found[i] == found[i]) ? fabs(found[i]-expected[i]) : INFINITY);
  }
  return (largest > 0.) ? apart/largest : apart;
}

int main(int argc, char ** argv) {
  if (argc != 2) return 2;
  Arguments in(argv[1]);
  const double * k = in.array<double>();
  const int k_size = in.size();
  const double * tau = in.array<double>();
  const int tau_size = in.size();
  const int first_late = in.number();
  cosmicnet::NetworkSources work(k,k_size,tau,tau_size,first_late);
  for (int left=in.number(); left > 0; left--) {
    const double * breaks = in.array<double>();
    const int intervals = in.size()-1;
    const double * polynomials = in.array<double>(), * values = in.array<double>();
    work.add_grid(breaks,intervals,polynomials,values,in.size());
  }
  for (int left=in.number(); left > 0; left--) {
    const float * mean = in.array<float>(), * components = in.array<float>();
    const int time_functions = in.number(), k_functions = in.number(), time_grid = in.number();
    const float * in_time = in.array<float>();
    const int k_grid = in.number();
    work.add_field(mean,components,time_functions,k_functions,time_grid,in_time,k_grid,in.array<float>());
    const double * z = in.array<double>();
    if (z == NULL) {
      const double * outputs = in.array<double>();
      work.set_outputs(outputs,in.size());
      continue;
    }
    const int inputs = in.size();
    const long long * factors = in.array<long long>();
    const int monomials = in.number(), factor_number = in.number();
    const double * skip = in.array<double>(), * offset = in.array<double>(), * scale = in.array<double>();
    work.set_polynomial(z,inputs,factors,monomials,factor_number,skip,offset,scale,in.size());
  }
  for (int left=in.number(); left > 0; left--) {
    const int sum = in.number(), rows = in.number(), field = in.number(), first = in.number(), kind = in.number();
    work.add_term(sum,rows,field,first,in.array<double>(),kind);
  }
  std::vector<std::pair<std::unique_ptr<double[]>,const double *>> tables;
  auto new_table = [&] () -> double * {
    const double * expected = in.array<double>();
    if (expected == NULL) return NULL;
    tables.emplace_back(std::unique_ptr<double[]>(new double[(size_t)tau_size*k_size]),expected);
    return tables.back().first.get();
  };
  for (int source=0; source < cosmicnet::source_number; source++) {
    double * table = new_table(), * table_of_p = new_table();
    work.set_table(source,table,table_of_p,in.array<double>());
  }
  if (const float * growth = in.array<float>()) {
    const int rows = in.number(), times = in.number();
    work.set_growth(growth,rows,times);
  }
  const int first_reionized = in.number();
  work.set_photons(first_reionized,in.array<int>());
  if (const double * times = in.array<double>()) {
    const int size = in.size();
    const double * a = in.array<double>(), * g = in.array<double>();
    const int columns = in.number();
    work.set_rescattering(times,size,a,g,columns,in.array<double>());
  }
  if (const int * last_k = in.array<int>()) {
    const int first_row = in.number(), first_k = in.number();
    const double * rate = in.array<double>();
    work.set_waves(first_row,first_k,last_k,rate,in.number<double>());
  }
  double seconds[3], largest = 0.;
  const int wrong = work.fill(seconds);
  for (const auto & table : tables) largest = fmax(largest,difference(table.first.get(),table.second,tau_size*k_size));
  printf("%d tables, largest difference %g\n",(int)tables.size(),largest);
  return ((wrong < 0) && !tables.empty() && (largest < 1.e-5)) ? 0 : 1;
}
