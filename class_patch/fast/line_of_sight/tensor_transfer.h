/** @file tensor_transfer.h
 *
 * Transfer functions of tensor modes, by the same sums as those of scalars: temperature, E and B polarisation.
 */

#ifndef __COSMICNET_TENSOR_TRANSFER__
#define __COSMICNET_TENSOR_TRANSFER__

#include <memory>
#include "radial/bessel_table.h"
#include "radial/radial_sums.h"
#include "transfer.h"

namespace cosmicnet {

/** How many of the wavenumbers ptr->q a mode has. Its transfer functions are zero beyond, where only another mode has sources. */
int wavenumbers_of_mode(const struct perturbations * ppt, const struct transfer * ptr, int index_md);

/** Fill ptr->transfer of tensor modes. The table (NULL in curved space) has all multipoles of the run; tensors use the
    first of them. largest_radial_k (1/Mpc): no source has structure beyond it. */
int tensor_transfer(struct background * pba, struct perturbations * ppt, struct transfer * ptr, const Space & space,
                    std::shared_ptr<const BesselTable> table, double largest_radial_k);

}

#endif
