/** @file cosmicnet_batch.h
 *
 * What HMcode knows of four times at once.
 */

#ifndef __COSMICNET_BATCH__
#define __COSMICNET_BATCH__

#include <vector>
#include "cosmicnet_epoch.h"
#include "cosmicnet_haloes.h"
#include "cosmicnet_spline.h"

namespace cosmicnet {

enum Outcome {not_done, is_computed, out_of_reach, left_to_class};

/** Linear spectra of four times, by type of spectrum; if there are fewer times, the last one is repeated. */
struct Batch {
  int number, index_tau[double_lanes];
  Epoch epoch[double_lanes];
  bool has_epoch[double_lanes];
  /* on CLASS's wavenumbers, and on those of the variances; sigma_8, and displacements at radii 0 and 100/h Mpc */
  std::vector<Lanes> lnpk, ddlnpk, pk, sigma8, displacement;
};

/** What is known of one type of spectrum at these times. */
struct State {
  Outcome outcome[double_lanes];
  Collapse collapse[double_lanes];
  Haloes haloes[double_lanes];
  double n_eff[double_lanes];
};

}

#endif
