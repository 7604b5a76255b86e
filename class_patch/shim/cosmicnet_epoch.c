/** @file cosmicnet_epoch.c
 *
 * See cosmicnet_epoch.h.
 */

#include <cmath>
#include "quadrature.h"
#include "cosmicnet_epoch.h"

namespace cosmicnet {

/* The integrand of lcdm_growth() is smooth in ln a: so many nodes give 1e-12 at z = 30. */
enum {growth_nodes = 32};

Epochs::Epochs(struct background * pba, struct fourier * pfo, struct hmcode_workspace * phw)
  : pba(pba), pfo(pfo), phw(phw), node(growth_nodes), weight(growth_nodes) {
  ErrorMsg message;
  quadrature_gauss_legendre(node.data(),weight.data(),growth_nodes,1e-15,message);
}

/** Growth from a to today with a cosmological constant, by d ln D/d ln a = Omega_m^0.55. */
double Epochs::lcdm_growth(double a) const {
  double half = -0.5*log(a), integral = 0.;
  for (int i=0; i < growth_nodes; i++) {
    double here = exp(-half*(1.+node[i])), matter = pba->Omega0_m/(here*here*here);
    integral += weight[i]*pow(matter/(matter+pba->Omega0_k/(here*here)+pba->Omega0_de),0.55);
  }
  return exp(-half*integral);
}

bool Epochs::find(int index_tau, Epoch & epoch) const {
  const struct hmcode_growth * phg = phw->phg;
  std::vector<double> background(pba->bg_size);
  int last_index = 0;
  double width, a, b;
  ErrorMsg message;
  if (background_at_tau(pba,pfo->tau[index_tau],long_info,inter_normal,&last_index,background.data()) != _SUCCESS_)
    return false;
  double scale_factor = background[pba->index_bg_a];
  last_index = 0;
  if (array_spline_hunt(phg->a_table,phg->a_size,scale_factor,&last_index,&width,&a,&b,message) != _SUCCESS_) return false;
  const double * row = phg->growth_table+last_index*phg->gt_size;
  auto value = [=] (int index, int index_dd) {
    return array_spline_eval(row+index,row+index_dd,0,phg->gt_size,width,a,b);
  };
  epoch.z = 1./scale_factor-1.;
  epoch.Omega_m = background[pba->index_bg_Omega_m];
  epoch.growth = array_spline_eval(phg->normgrowth_table,phg->ddnormgrowth_table,last_index,last_index+1,width,a,b);
  epoch.scaled_growth = value(phg->index_gt_g,phg->index_gt_ddg);
  epoch.accumulated_growth = value(phg->index_gt_intg,phg->index_gt_ddintg);
  epoch.Omega_m_no_radiation = value(phg->index_gt_Omnorad,phg->index_gt_ddOmnorad);
  epoch.dark_energy = 1.;
  if (epoch.z < pfo->z_infinity) {
    epoch.dark_energy = phw->dark_energy_correction;
    if (pfo->hm_version != hmcode_version_2015) epoch.dark_energy *= lcdm_growth(scale_factor)/epoch.growth;
  }
  return true;
}

}
