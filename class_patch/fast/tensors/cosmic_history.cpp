/** @file cosmic_history.cpp
 *
 * See cosmic_history.h.
 */

#include <algorithm>
#include <cmath>
#include "cosmic_history.h"

namespace cosmicnet {

/* Before CLASS's first time for the sources, the distance of nodes in ln tau. */
static const double early_step = 0.04;

/* Optical depths are not needed beyond this. */
static const double opaque = 600.;

int CosmicHistory::prepare(struct background * pba, struct thermodynamics * pth, struct perturbations * ppt, double tau_start,
                           ErrorMsg message) {
  double first = ppt->tau_sampling[0];
  if (tau_start < first) {
    int number = std::max((int)ceil(log(first/tau_start)/early_step),1);
    for (int i=0; i < number; i++) times.push_back(tau_start*pow(first/tau_start,(double)i/number));
  }
  times.insert(times.end(),ppt->tau_sampling,ppt->tau_sampling+ppt->tau_size);
  int size = (int)times.size(), last_back = 0, last_thermo = 0;
  values.resize((size_t)size*column_number);
  curvatures.resize(values.size());
  std::vector<double> back(pba->bg_size), thermo(pth->th_size);
  for (int i=0; i < size; i++) {
    class_call(background_at_tau(pba,times[i],normal_info,(i == 0) ? inter_normal : inter_closeby,&last_back,back.data()),
               pba->error_message,
               message);
    double a = back[pba->index_bg_a], expansion = a*back[pba->index_bg_H];
    class_call(thermodynamics_at_z(pba,pth,1./a-1.,(i == 0) ? inter_normal : inter_closeby,&last_thermo,back.data(),
                                   thermo.data()),
               pth->error_message,
               message);
    double neutrinos = 0.;
    if (ppt->tensor_method == tm_massless_approximation) {
      if (pba->has_ur == _TRUE_) neutrinos += back[pba->index_bg_rho_ur];
      if (pba->has_ncdm == _TRUE_)
        for (int n=0; n < pba->N_ncdm; n++) neutrinos += 3.*back[pba->index_bg_p_ncdm1+n];
    }
    double * row = &values[(size_t)i*column_number];
    row[scale] = a;
    row[hubble] = expansion;
    row[curved] = 2.*expansion*expansion+a*back[pba->index_bg_H_prime];
    row[photon] = 8./5.*a*a*back[pba->index_bg_rho_g];
    row[neutrino] = 8./5.*a*a*neutrinos;
    row[ln_scattering] = log(std::max(thermo[pth->index_th_dkappa],1.e-100));
    row[optical_depth] = -log(std::max(thermo[pth->index_th_exp_m_kappa],exp(-opaque)));
    row[change] = thermo[pth->index_th_rate];
  }
  class_call(array_spline_table_lines(times.data(),size,values.data(),column_number,curvatures.data(),_SPLINE_EST_DERIV_,
                                      message),
             message,
             message);
  integral.assign(size,0.);
  for (int i=1; i < size; i++) {
    double h = times[i]-times[i-1];
    auto column = [&] (const std::vector<double> & table, int row) { return table[(size_t)row*column_number+curved]; };
    integral[i] = integral[i-1]+0.5*h*(column(values,i-1)+column(values,i))
      -h*h*h/24.*(column(curvatures,i-1)+column(curvatures,i));
  }
  return _SUCCESS_;
}

Instant CosmicHistory::at(double tau, int & near) const {
  int last = (int)times.size()-2;
  while ((near < last) && (times[near+1] < tau)) near++;
  while ((near > 0) && (times[near] > tau)) near--;
  const double * y0 = &values[(size_t)near*column_number], * y1 = y0+column_number;
  const double * m0 = &curvatures[(size_t)near*column_number], * m1 = m0+column_number;
  double h = times[near+1]-times[near], b = (tau-times[near])/h, a = 1.-b, column[column_number];
  double c = (a*a*a-a)*h*h/6., d = (b*b*b-b)*h*h/6.;
  for (int i=0; i < column_number; i++) column[i] = a*y0[i]+b*y1[i]+c*m0[i]+d*m1[i];
  Instant instant;
  instant.tau = tau;
  instant.a = column[scale];
  instant.expansion = column[hubble];
  instant.bend = column[curved];
  instant.photons = column[photon];
  instant.neutrinos = column[neutrino];
  instant.scattering = exp(column[ln_scattering]);
  instant.depth = column[optical_depth];
  instant.rate = column[change];
  /* the integral of the spline from the node on */
  instant.bent = integral[near]+h*(0.5*(1.-a*a)*y0[curved]+0.5*b*b*y1[curved])
    +h*h*h/6.*((-0.25-0.25*a*a*a*a+0.5*a*a)*m0[curved]+(0.25*b*b*b*b-0.5*b*b)*m1[curved]);
  return instant;
}

}
