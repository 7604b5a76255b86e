/** @file number_counts.h
 *
 * Transfer functions of number counts and shear in flat space, and of the lensing potential of the CMB beside them.
 *
 * At each wavenumber the Bessel functions are evaluated once, at distances common to all bins. The integrals of all bins
 * and contributions are then a product of matrices. The distances resolve all windows or, at large wavenumbers, the
 * Bessel functions; they end where the radial wavenumber exceeds those of all windows. Limber's approximation is CLASS's, from
 * the same multipoles on.
 *
 * Wavenumbers are no closer than the transfer functions require. The transfer function of a window at distance chi with structure
 * up to the radial wavenumber K is band-limited in q: by chi where q < K, by chi K/q beyond.
 */

#ifndef __COSMICNET_NUMBER_COUNTS__
#define __COSMICNET_NUMBER_COUNTS__

#include <vector>
#include "fourier.h"
#include "transfer.h"
#include "../radial/bessel_table.h"
#include "galaxy_windows.h"
#include "../source_spline.h"

namespace cosmicnet {

/** The extent that the CMB requires, which uses the same table; zero without CMB. */
BesselReach reach_of_cmb(const struct precision * ppr, const struct background * pba, const struct perturbations * ppt,
                         const struct transfer * ptr);

/** Transfer functions T[index_ic][index_l][row][index_q] of one run. */
class NumberCounts {
public:
  /** Compute all transfer functions from CLASS's sources; an error is in ptr->error_message. */
  int make(struct precision * ppr, struct background * pba, struct perturbations * ppt, struct fourier * pfo,
           struct transfer * ptr, double tau_rec);
  const float * transfer(int index_ic, int index_l, int row) const {
    return &values[(((size_t)index_ic*l.size()+index_l)*row_number+row)*q.size()];
  }

  /** Wavenumbers in 1/Mpc, and dq for sums over them. */
  std::vector<double> q, dq;
  std::vector<int> l;
  int row_number;

private:
  /** A table of one source, S(k,tau), at all times that the windows see. */
  struct Source {
    int index_tp, first;
  };
  /** Samples in x = q chi for one block of multipoles: begin and end, the beginning of the fade-out, and the step. */
  struct Stretch {
    double begin, end, fade_begin, step;
  };
  class AtWavenumber;

  void choose_wavenumbers(double k_min, double k_max, int l_max, double primordial_step);
  void choose_sources(struct perturbations * ppt, double tau0);
  void prepare_source(const Source & source, const double * table, const double * correction, int k_size);
  void prepare_table(BesselReach reach);
  int first_of(int index_tp) const;
  int exact_end(const WindowColumn & column) const;
  Stretch stretch(int block, double wavenumber) const;
  void integrate(int index_ic, int begin, int end);

  struct transfer * ptr;
  GalaxyWindows windows;
  std::vector<Source> sources;
  /** Whether a term has a derivative of the radial function. */
  bool has_slopes;
  /** Distances of the times in Mpc in descending order, padded to `stride` like the tables. */
  std::vector<double> distance;
  int stride, first_time;
  std::unique_ptr<SourceSpline> tables;
  std::shared_ptr<const BesselTable> bessel;
  std::vector<float> values;
};

}

#endif
