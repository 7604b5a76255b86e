/** @file cosmicnet_epoch.h
 *
 * The background at the times of HMcode.
 */

#ifndef __COSMICNET_EPOCH__
#define __COSMICNET_EPOCH__

#include <vector>
#include "hmcode.h"
#include "fourier.h"

namespace cosmicnet {

/** Growth is normalised today; scaled_growth is D(a)/a of a universe without radiation, accumulated_growth its integral over
    a; dark_energy is the factor of the haloes' concentration (Dolag et al. 2004). */
struct Epoch {
  double z, Omega_m, Omega_m_no_radiation, growth, scaled_growth, accumulated_growth, dark_energy;
};

class Epochs {
public:
  Epochs(struct background * pba, struct fourier * pfo, struct hmcode_workspace * phw);

  /** False where CLASS's tables end. */
  bool find(int index_tau, Epoch & epoch) const;

private:
  double lcdm_growth(double a) const;

  struct background * pba;
  struct fourier * pfo;
  struct hmcode_workspace * phw;
  /* nodes and weights from -1 to 1 */
  std::vector<double> node, weight;
};

}

#endif
