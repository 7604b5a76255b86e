/** @file fast_background.h
 *
 * Background and thermal history with the sampling that splines need, and a root search for the redshift of reionisation.
 */

#ifndef __COSMICNET_FAST_BACKGROUND__
#define __COSMICNET_FAST_BACKGROUND__

#include "background.h"
#include "thermodynamics.h"

#ifdef __cplusplus
extern "C" {
#endif

  /** Whether the fast background is wanted and covers all species of this run: their densities must be smooth in ln a. */
  short cosmicnet_background_applies(struct background * pba);

  /** Number of rows in the table of the background, which CLASS samples for finite differences. */
  int cosmicnet_background_size(struct precision * ppr, struct background * pba, double loga_ini);

  /** The values of ln a of these rows, from loga_ini to 0. */
  void cosmicnet_sample_background(struct precision * ppr, struct background * pba, double loga_ini);

  /** Density, pressure and pseudo-pressure of a massive species, the first two with the bits of background_ncdm_momenta(). */
  void cosmicnet_ncdm_momenta(struct background * pba, int n_ncdm, double a, double * rho, double * p, double * pseudo_p);

  /** array_interpolate_spline(), to the last bit, which looks close to the row of its last call first. */
  int cosmicnet_interpolate_near(double * x_array, int n_lines, double * array, double * array_splined, int n_columns, double x,
                                 int * last_index, double * result, int result_size, ErrorMsg errmsg);

  /** array_spline_table_lines() with fewer divisions. */
  int cosmicnet_spline_lines(double * x, int x_size, double * y_array, int y_size, double * ddy_array, short spline_mode,
                             ErrorMsg errmsg);

  /** Whether the fast thermal history applies too. */
  short cosmicnet_thermodynamics_applies(struct background * pba, struct thermodynamics * pth);

  /** Numbers of redshifts: fewer before recombination, and between recombination and reionisation. */
  void cosmicnet_count_redshifts(struct precision * ppr, struct background * pba, struct thermodynamics * pth,
                                 struct thermo_workspace * ptw);

  /** The part of z_table with linear sampling. */
  void cosmicnet_sample_redshifts(struct precision * ppr, struct background * pba, struct thermodynamics * pth,
                                  struct thermo_workspace * ptw);

  /** Leave out reionization, which the sound horizon at recombination and its angle do not depend on. */
  void cosmicnet_leave_out_reionization(struct precision * ppr, struct thermodynamics * pth);

  /** d ln h/d ln theta_s at fixed physical densities, for a first step; and the relative step of h after which the search
      for theta_s ends: theta_s is then good to 3e-8. */
  static const double cosmicnet_slope_of_h = 5.3, cosmicnet_last_step = 1.e-4;

  /** Smooth the rate of the thermal history over the redshifts that CLASS takes, so that it samples times as it would. */
  void cosmicnet_smooth_rate(struct precision * ppr, struct thermodynamics * pth);

  enum {cosmicnet_depth_rows = 256};

  /** Search for the redshift of reionisation that gives an optical depth. */
  struct cosmicnet_depth_search {
    double wanted, highest;
    /** An approximate depth is the sum of depth_of_row[i]*x_e(i*step). */
    double depth_of_row[cosmicnet_depth_rows], step;
    /** The redshift where hydrogen starts to be reionised is farther by this much, and not below `helium`. */
    double start, helium;
    struct thermodynamics * pth;
    struct thermo_reionization_parameters * reionization;
    /** The latest trial and the previous one. */
    double z, depth, z_before, depth_before;
    /** The root is between these. */
    double lower, upper;
    int trials;
  };

  int cosmicnet_begin_search(struct cosmicnet_depth_search * search, struct precision * ppr, struct background * pba,
                             struct thermodynamics * pth, struct thermo_workspace * ptw, double highest);
  /** Whether another trial is needed, at search->z. */
  short cosmicnet_try_again(struct cosmicnet_depth_search * search);
  /** The optical depth of that trial. */
  void cosmicnet_found_depth(struct cosmicnet_depth_search * search, double depth);

#ifdef __cplusplus
}
#endif

#endif
