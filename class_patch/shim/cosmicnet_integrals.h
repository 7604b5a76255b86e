/** @file cosmicnet_integrals.h
 *
 * Line-of-sight integrals of one initial condition. The formulas are in cosmicnet_line_of_sight.c.
 */

#ifndef __COSMICNET_INTEGRALS__
#define __COSMICNET_INTEGRALS__

#include <memory>
#include "transfer.h"
#include "cosmicnet_bessel.h"
#include "cosmicnet_sources.h"

namespace cosmicnet {

/** Times of one transfer type, from CLASS's transfer_sources(): distances tau0-tau, trapezoidal weights, and
    the window that multiplies the source of the perturbation module. */
struct TimeGrid {
  std::vector<double> distance, weight, window;
  /** 1/distance (0 today), 1/weight, and the larger distance to a neighbour. */
  std::vector<float> over_distance, over_weight, gap;
  void prepare();
};

/** What all wavenumbers of one initial condition share. */
struct LineOfSight {
  struct precision * ppr;
  struct perturbations * ppt;
  struct transfer * ptr;
  std::shared_ptr<const BesselTable> table;
  double tau0;
  int index_md, index_ic;
  bool has_t, has_e, has_lcmb;
  TimeGrid cmb, lens;
  std::unique_ptr<SourceSpline> cmb_sources, lens_sources;
  int cmb_stride, lens_stride;
  std::vector<float> lens_factor;
  std::vector<double> parabola, limber_factor;

  double * transfer(int index_tt, int index_l) const {
    return ptr->transfer[index_md]
      + ((size_t)(index_ic*ptr->tt_size[index_md]+index_tt)*ptr->l_size[index_md]+index_l)*ptr->q_size;
  }
  double * transfer_limber(int index_l) const {
    return ptr->transfer_limber[index_md]
      + ((size_t)(index_ic*ptr->tt_size[index_md]+ptr->index_tt_lcmb)*ptr->l_size[index_md]+index_l)*ptr->q_size_limber;
  }
  void prepare_cmb(const double * t0, const double * t1, const double * t2, double factor_t2, int begin, int end);
  void prepare_lens(const double * phi_plus_psi, const double * correction, int begin, int end);
  void integrate_cmb(int begin, int end) const;
  void integrate_lens(int begin, int end) const;
  void integrate_limber(int begin, int end) const;
  void add_left_out(int index_l, int begin, int end, const float * left_out, const int * first, double * t) const;
  void prepare_limber();
  void evaluate_lens(double k, float * result) const;
  void limber(int index_l, const double * q, int size, const float * sources, double * result) const;
};

}

#endif
