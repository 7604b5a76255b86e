/** @file kept_tables.cpp
 *
 * See kept_tables.h. A table is identified by the paths, times and sizes of its files.
 */

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <vector>
#include <pthread.h>
#include <sys/stat.h>
/* HyRec is compiled as C, but its headers do not say so */
extern "C" {
#include "hyrectools.h"
#include "hydrogen.h"
}
#include "kept_tables.h"

namespace {

typedef std::vector<double> Numbers;

/* without this, a process forked while another thread holds the lock would wait for ever */
std::mutex tables_mutex;
void lock_tables() {tables_mutex.lock();}
void unlock_tables() {tables_mutex.unlock();}

class Lock {
public:
  Lock() : guard(tables_mutex) {
    static const int at_fork = pthread_atfork(lock_tables,unlock_tables,unlock_tables);
    (void)at_fork;
  }

private:
  std::lock_guard<std::mutex> guard;
};

/** State of the files of one table; empty if one of them cannot be found. */
std::string state_of(const std::vector<std::string> & paths) {
  std::string state;
  for (const std::string & path : paths) {
    struct stat status;
    if (stat(path.c_str(),&status) != 0) return "";
#ifdef __APPLE__
    const struct timespec & time = status.st_mtimespec;
#else
    const struct timespec & time = status.st_mtim;
#endif
    state += path+" "+std::to_string((long long)time.tv_sec)+" "+std::to_string(time.tv_nsec)+" "
      +std::to_string((long long)status.st_size)+"\n";
  }
  return state;
}

double * copy(const double * values, size_t size) {
  double * result = (double *)malloc(size*sizeof(double));
  if (result != NULL) memcpy(result,values,size*sizeof(double));
  return result;
}

struct Helium {
  std::string state;
  Numbers omegab, deltaN, YHe;
};

/** HyRec's tables: the structure itself, and the arrays that it points to. */
struct Atomic {
  std::string state;
  HYREC_ATOMIC fixed;
  Numbers alpha[4];
};

struct Fit {
  std::string state;
  Numbers functions[5];
};

Helium helium;
Atomic atomic_rates;
Fit swift_fit;

}

short cosmicnet_recall_helium(const char * path, int * num_omegab, int * num_deltaN, double ** omegab, double ** deltaN,
                              double ** YHe) {
  Lock lock;
  std::string state = state_of({path});
  if (state.empty() || (state != helium.state)) return _FALSE_;
  *num_omegab = (int)helium.omegab.size();
  *num_deltaN = (int)helium.deltaN.size();
  *omegab = copy(helium.omegab.data(),helium.omegab.size());
  *deltaN = copy(helium.deltaN.data(),helium.deltaN.size());
  *YHe = copy(helium.YHe.data(),helium.YHe.size());
  return _TRUE_;
}

void cosmicnet_keep_helium(const char * path, int num_omegab, int num_deltaN, const double * omegab,
                           const double * deltaN, const double * YHe) {
  Lock lock;
  helium.state = state_of({path});
  helium.omegab.assign(omegab,omegab+num_omegab);
  helium.deltaN.assign(deltaN,deltaN+num_deltaN);
  helium.YHe.assign(YHe,YHe+(size_t)num_omegab*num_deltaN);
}

void cosmicnet_atomic_rates(HYREC_ATOMIC * atomic, int * error, char * path_to_hyrec, char * error_message) {
  Lock lock;
  const std::string folder = path_to_hyrec;
  std::string state = state_of({folder+ALPHA_FILE,folder+RR_FILE,folder+TWOG_FILE});
  if (state.empty() || (state != atomic_rates.state)) {
    allocate_and_read_atomic(atomic,error,path_to_hyrec,error_message);
    if (*error != 0) return;
    atomic_rates.state = state;
    atomic_rates.fixed = *atomic;
    for (int l=0; l < 4; l++) {
      atomic_rates.alpha[l].clear();
      for (int j=0; j < NTM; j++)
        atomic_rates.alpha[l].insert(atomic_rates.alpha[l].end(),atomic->logAlpha_tab[l][j],atomic->logAlpha_tab[l][j]+NTR);
    }
    return;
  }
  *atomic = atomic_rates.fixed;
  for (int l=0; l < 4; l++) {
    atomic->logAlpha_tab[l] = create_2D_array(NTM,NTR,error,error_message);
    for (int j=0; j < NTM; j++) memcpy(atomic->logAlpha_tab[l][j],&atomic_rates.alpha[l][j*NTR],NTR*sizeof(double));
  }
}

void cosmicnet_swift_fit(FIT_FUNC * fit, int * error, char * path_to_hyrec, char * error_message) {
  Lock lock;
  std::string state = state_of({std::string(path_to_hyrec)+FIT_FILE});
  if (state.empty() || (state != swift_fit.state)) {
    allocate_and_read_fit(fit,error,path_to_hyrec,error_message);
    if (*error != 0) return;
    swift_fit.state = state;
    for (int j=0; j < 5; j++) swift_fit.functions[j].assign(fit->swift_func[j],fit->swift_func[j]+DKK_SIZE);
    return;
  }
  for (int j=0; j < 5; j++) {
    fit->swift_func[j] = create_1D_array(DKK_SIZE,error,error_message);
    memcpy(fit->swift_func[j],swift_fit.functions[j].data(),DKK_SIZE*sizeof(double));
  }
}
