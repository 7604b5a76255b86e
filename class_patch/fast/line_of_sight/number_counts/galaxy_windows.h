/** @file galaxy_windows.h
 *
 * Windows of number counts and shear: the factors of their sources as functions of distance, as in CLASS, for every bin and
 * contribution in flat space.
 *
 * Contributions that are integrated along the line of sight have windows of the form int dchi' n(chi') (a - b/chi), chi' > chi.
 * Two running integrals over the selection function n give them at all distances.
 */

#ifndef __COSMICNET_GALAXY_WINDOWS__
#define __COSMICNET_GALAXY_WINDOWS__

#include <vector>
#include "transfer.h"

namespace cosmicnet {

/** The radial functions j_l, j_l', j_l'' and l(l+1) j_l. */
enum RadialKind {radial_value, radial_slope, radial_bend, radial_l_value};

/** One contribution to a column: window times source times k^power times radial function. */
struct WindowTerm {
  /** Index of the source in the perturbation module. */
  int index_tp;
  RadialKind kind;
  int power;
  /** The window times the distance, at the nodes of the column. */
  std::vector<float> at_node;
};

/** Contributions to the transfer function `row` with the same times and the same switch to Limber's approximation. */
struct WindowColumn {
  int row;
  /** The windows vanish outside nearest <= chi <= farthest (Mpc); a single distance if both are equal. */
  double nearest, farthest;
  /** Limber's approximation serves at l >= limber_l. */
  double limber_l;
  /** Radial wavenumber in 1/Mpc beyond which the windows have no structure. */
  double largest_radial_k;
  /** The first node, at first_node*step, and the number of nodes; one node, at `nearest`, for a single distance. */
  int first_node, node_number;
  std::vector<WindowTerm> terms;
};

/** All windows of a run. Rows are the bins of number counts, those of shear, and the lensing potential of the CMB. */
class GalaxyWindows {
public:
  /** Read CLASS's files of dN/dz and make the windows; an error is CLASS's own. */
  int make(struct precision * ppr, struct background * pba, struct perturbations * ppt, struct transfer * ptr, double tau_rec);

  /** Distance of nodes in Mpc. */
  double step;
  std::vector<WindowColumn> columns;
  /** The row of the lensing potential of the CMB is negative without it. */
  int row_number, cmb_lensing_row;

private:
  struct Bin;
  int tabulate(struct precision * ppr, struct background * pba, struct perturbations * ppt, struct transfer * ptr, Bin & bin);
  int add_bin(struct precision * ppr, struct background * pba, struct perturbations * ppt, struct transfer * ptr, int index);
  void add_local(struct perturbations * ppt, struct transfer * ptr, const Bin & bin, double limber_l);
  void add_integrated(struct perturbations * ppt, struct transfer * ptr, const Bin & bin, double limber_l, double limber_l_slope);
  void add_cmb_lensing(struct precision * ppr, struct background * pba, struct perturbations * ppt, struct transfer * ptr,
                       double tau_rec);
};

/** Whether the windows are covered: of a known kind, within the times of the sources, and wide enough. */
bool windows_are_covered(struct precision * ppr, struct background * pba, struct perturbations * ppt, struct transfer * ptr);

/** Rows of number counts, shear and the lensing potential; negative without them. */
struct GalaxyRows {
  GalaxyRows(struct perturbations * ppt);
  int counts, shear, cmb_lensing, number;
};

}

#endif
