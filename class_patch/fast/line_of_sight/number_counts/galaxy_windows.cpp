/** @file galaxy_windows.cpp
 *
 * The windows of number counts and shear. See galaxy_windows.h; formulas as in transfer_precompute_selection().
 */

#include <algorithm>
#include <cmath>
#include "galaxy_windows.h"

namespace cosmicnet {

/* Nodes for one width of a Gaussian, and of the edge of a top hat. */
static const double nodes_per_sigma = 8., nodes_per_edge = 6.;

/* Windows that need more nodes up to their farthest distance are too narrow to be covered. */
static const double most_nodes = 40000.;

/* Windows with fewer nodes, cut off by a small selection_cut_at_sigma, are not covered. */
static const double fewest_nodes = 8.;

/* The structure of a window ends where its Fourier transform has fallen to this. */
static const double negligible_amplitude = 1.e-3;

/* Windows of integrated contributions: structure on the scale of the distance, and of the selection function. */
static const double structure_of_distance = 40., share_of_selection = 0.3;

GalaxyRows::GalaxyRows(struct perturbations * ppt) : counts(-1), shear(-1), cmb_lensing(-1), number(0) {
  if (ppt->has_cl_number_count == _TRUE_) {
    counts = number;
    number += ppt->selection_num;
  }
  if (ppt->has_cl_lensing_potential == _TRUE_) {
    shear = number;
    number += ppt->selection_num;
  }
  if ((ppt->has_cl_number_count == _TRUE_) && (ppt->has_cl_cmb_lensing_potential == _TRUE_)) cmb_lensing = number++;
}

/** The smallest width in redshift. */
static double width_in_redshift(struct precision * ppr, struct perturbations * ppt, int bin) {
  double width = ppt->selection_width[bin];
  return (ppt->selection == tophat) ? width*ppr->selection_tophat_edge/nodes_per_edge : width/nodes_per_sigma;
}

/** The distance of nodes, in Mpc, that resolves all bins; 0 where there is none. */
static double node_distance(struct precision * ppr, struct background * pba, struct perturbations * ppt) {
  std::vector<double> pvecback(pba->bg_size);
  double smallest = HUGE_VAL;
  int last_index;
  for (int bin=0; bin < ppt->selection_num; bin++) {
    double width = width_in_redshift(ppr,ppt,bin);
    double z = ppt->selection_mean[bin]+2.*ppt->selection_width[bin];
    if (!(width > 0.) || (background_at_z(pba,z,long_info,inter_normal,&last_index,pvecback.data()) == _FAILURE_)) return 0.;
    smallest = std::min(smallest,width/pvecback[pba->index_bg_H]);
  }
  return smallest;
}

bool windows_are_covered(struct precision * ppr, struct background * pba, struct perturbations * ppt, struct transfer * ptr) {
  if (pba->sgnK != 0) return false;
  /* distances where a source stands alone are not among the samples of the integrated contributions */
  const bool has_points = (ppt->selection == dirac);
  if (has_points && ((ppt->has_cl_lensing_potential == _TRUE_) || (ppt->has_nc_lens == _TRUE_) || (ppt->has_nc_gr == _TRUE_)))
    return false;
  const double step = has_points ? 0. : node_distance(ppr,pba,ppt);
  if (!has_points && (step*most_nodes < pba->conformal_age)) return false;
  for (int bin=0; bin < ppt->selection_num; bin++) {
    double tau_min, tau_mean, tau_max;
    if (transfer_selection_times(ppr,pba,ppt,ptr,bin,&tau_min,&tau_mean,&tau_max) == _FAILURE_) return false;
    if ((tau_min < ppt->tau_sampling[0]) || (!has_points && (tau_max-tau_min < fewest_nodes*step))) return false;
  }
  return true;
}

/** The selection function of one bin at the nodes, and CLASS's factors of it. */
struct GalaxyWindows::Bin {
  int index;
  double nearest, farthest, mean, largest_radial_k;
  int first_node;
  /** n(chi) with the integral 1; aH, H'/(aH^2) and the evolution of the sources at the same nodes. */
  std::vector<double> distance, selection, aH, slope_of_H, evolution;
};

/** The integral from each node to the last, of fourth order. */
static std::vector<double> integrate_to_end(const std::vector<double> & f, double step) {
  int size = (int)f.size();
  std::vector<double> sum(size,0.);
  for (int i=size-2; i >= 0; i--) {
    double before = (i > 0) ? f[i-1] : 3.*(f[i]-f[i+1])+f[i+2], after = (i+2 < size) ? f[i+2] : 3.*(f[i+1]-f[i])+f[i-1];
    sum[i] = sum[i+1]+step*(13.*(f[i]+f[i+1])-before-after)/24.;
  }
  return sum;
}

/** The largest wavenumber at which the Fourier transform of f is not negligible. */
static double find_largest_k(const std::vector<double> & f, double step) {
  int size = (int)f.size();
  double step_of_k = 0.7/(step*size), whole = 0., largest = step_of_k;
  for (double value : f) whole += value;
  for (double k=step_of_k; k < _PI_/step; k += step_of_k) {
    double turn_re = cos(k*step), turn_im = sin(k*step), re = 1., im = 0., sum_re = 0., sum_im = 0.;
    for (double value : f) {
      sum_re += value*re;
      sum_im += value*im;
      double next = re*turn_re-im*turn_im;
      im = re*turn_im+im*turn_re;
      re = next;
    }
    if (hypot(sum_re,sum_im) > negligible_amplitude*fabs(whole)) largest = k;
  }
  return largest;
}

/** Background, selection and evolution at one distance. */
static int look_up(struct precision * ppr, struct background * pba, struct perturbations * ppt, struct transfer * ptr, int bin,
                   double distance, double * pvecback, double * selection, double * evolution) {
  int last_index;
  class_call(background_at_tau(pba,pba->conformal_age-distance,long_info,inter_normal,&last_index,pvecback),
             pba->error_message,
             ptr->error_message);
  class_call(transfer_selection_function(ppr,ppt,ptr,bin,1./pvecback[pba->index_bg_a]-1.,selection),
             ptr->error_message,
             ptr->error_message);
  *selection *= pvecback[pba->index_bg_H];
  *evolution = 0.;
  if (((ppt->has_nc_rsd == _TRUE_) || (ppt->has_nc_gr == _TRUE_)) && (distance > 0.)) {
    class_call(transfer_f_evo(pba,ptr,pvecback,last_index,1./distance,evolution),
               ptr->error_message,
               ptr->error_message);
  }
  return _SUCCESS_;
}

int GalaxyWindows::tabulate(struct precision * ppr, struct background * pba, struct perturbations * ppt, struct transfer * ptr,
                            Bin & bin) {
  double tau_min, tau_mean, tau_max;
  class_call(transfer_selection_times(ppr,pba,ppt,ptr,bin.index,&tau_min,&tau_mean,&tau_max),
             ppt->error_message,
             ptr->error_message);
  bin.nearest = pba->conformal_age-tau_max;
  bin.farthest = pba->conformal_age-tau_min;
  bin.mean = pba->conformal_age-tau_mean;
  bool is_point = (tau_min == tau_max);
  bin.first_node = is_point ? 0 : (int)ceil(bin.nearest/step*(1.-1.e-12));
  if (is_point) bin.distance.push_back(bin.mean);
  for (int node=bin.first_node; !is_point && (node*step <= bin.farthest); node++) bin.distance.push_back(node*step);
  std::vector<double> pvecback(pba->bg_size);
  for (double distance : bin.distance) {
    double selection, evolution;
    class_call(look_up(ppr,pba,ppt,ptr,bin.index,distance,pvecback.data(),&selection,&evolution),
               ptr->error_message,
               ptr->error_message);
    double aH = pvecback[pba->index_bg_a]*pvecback[pba->index_bg_H];
    bin.selection.push_back(selection);
    bin.aH.push_back(aH);
    bin.slope_of_H.push_back(pvecback[pba->index_bg_H_prime]/(aH*pvecback[pba->index_bg_H]));
    bin.evolution.push_back(evolution);
  }
  bin.largest_radial_k = HUGE_VAL;
  if (!is_point) {
    double norm = integrate_to_end(bin.selection,step)[0];
    for (double & value : bin.selection) value /= norm;
    /* radial functions fall at least as chi^2 near chi = 0, so an edge of the window there adds no structure */
    std::vector<double> seen(bin.selection);
    for (size_t i=0; i < seen.size(); i++) seen[i] *= bin.distance[i]*bin.distance[i];
    bin.largest_radial_k = find_largest_k(seen,step);
  }
  return _SUCCESS_;
}

/** Add a term to a column, from its window times distance at each node. */
template <typename Window>
static void add_term(WindowColumn & column, int index_tp, RadialKind kind, int power, const Window & window) {
  WindowTerm term = {index_tp,kind,power,{}};
  for (int i=0; i < column.node_number; i++) term.at_node.push_back((float)window(i));
  column.terms.push_back(term);
}

void GalaxyWindows::add_local(struct perturbations * ppt, struct transfer * ptr, const Bin & bin, double limber_l) {
  const double bias = ptr->selection_bias[bin.index], magnification = ptr->selection_magnification_bias[bin.index];
  WindowColumn column = {GalaxyRows(ppt).counts+bin.index,bin.nearest,bin.farthest,limber_l,bin.largest_radial_k,
                         bin.first_node,(int)bin.distance.size(),{}};
  auto selected = [&] (int i) { return bin.selection[i]*bin.distance[i]; };
  /* times the distance, which takes the place of that in cotK/aH */
  auto doppler = [&] (int i) {
    return bin.selection[i]*(bin.distance[i]*(1.+bin.slope_of_H[i]+5.*magnification-bin.evolution[i])
                             +(2.-5.*magnification)/bin.aH[i]);
  };
  if (ppt->has_nc_density == _TRUE_)
    add_term(column,ppt->index_tp_delta_m,radial_value,0,[&] (int i) { return bias*selected(i); });
  if (ppt->has_nc_rsd == _TRUE_) {
    add_term(column,ppt->index_tp_theta_m,radial_bend,0,[&] (int i) { return selected(i)/bin.aH[i]; });
    add_term(column,ppt->index_tp_theta_m,radial_value,-2,[&] (int i) { return (bin.evolution[i]-3.)*selected(i)*bin.aH[i]; });
    add_term(column,ppt->index_tp_theta_m,radial_slope,-1,doppler);
  }
  if (ppt->has_nc_gr == _TRUE_) {
    add_term(column,ppt->index_tp_psi,radial_value,0,selected);
    add_term(column,ppt->index_tp_phi,radial_value,0,[&] (int i) {
      return -(doppler(i)+selected(i)*(2.-5.*magnification));
    });
    add_term(column,ppt->index_tp_phi_prime,radial_value,0,[&] (int i) { return selected(i)/bin.aH[i]; });
  }
  if (!column.terms.empty()) columns.push_back(column);
}

void GalaxyWindows::add_integrated(struct perturbations * ppt, struct transfer * ptr, const Bin & bin, double limber_l,
                                   double limber_l_slope) {
  const GalaxyRows rows(ppt);
  const double magnification = 2.-5.*ptr->selection_magnification_bias[bin.index];
  const int size = (int)bin.distance.size(), node_number = bin.first_node+size;
  /* sources today are left out, as in CLASS */
  std::vector<double> over_distance(size), slope(size);
  for (int i=0; i < size; i++) {
    over_distance[i] = (bin.distance[i] > 0.) ? bin.selection[i]/bin.distance[i] : 0.;
    slope[i] = bin.selection[i]*(1.+bin.slope_of_H[i]+5.*ptr->selection_magnification_bias[bin.index]-bin.evolution[i])
      +magnification*over_distance[i]/bin.aH[i];
  }
  const std::vector<double> farther = integrate_to_end(bin.selection,step), weighted = integrate_to_end(over_distance,step);
  const std::vector<double> sloped = integrate_to_end(slope,step);
  auto at = [&] (const std::vector<double> & sum, int node) { return sum[std::max(node-bin.first_node,0)]; };
  auto lens = [&] (int node) { return at(farther,node)-node*step*at(weighted,node); };
  double largest_k = std::max(structure_of_distance/bin.farthest,share_of_selection*bin.largest_radial_k);
  WindowColumn column = {0,0.,bin.farthest,limber_l,largest_k,0,node_number,{}};
  if (ppt->has_cl_lensing_potential == _TRUE_) {
    WindowColumn shear = column;
    shear.row = rows.shear+bin.index;
    add_term(shear,ppt->index_tp_phi_plus_psi,radial_value,0,[&] (int node) { return -lens(node); });
    columns.push_back(shear);
  }
  column.row = rows.counts+bin.index;
  WindowColumn sloped_column = column;
  sloped_column.limber_l = limber_l_slope;
  if (ppt->has_nc_lens == _TRUE_)
    add_term(column,ppt->index_tp_phi_plus_psi,radial_l_value,0,[&] (int node) { return 0.5*magnification*lens(node); });
  if (ppt->has_nc_gr == _TRUE_) {
    add_term(column,ppt->index_tp_phi_plus_psi,radial_value,0,[&] (int node) { return magnification*node*step*at(weighted,node); });
    add_term(sloped_column,ppt->index_tp_phi_plus_psi,radial_slope,1,[&] (int node) { return node*step*at(sloped,node); });
    columns.push_back(sloped_column);
  }
  if (!column.terms.empty()) columns.push_back(column);
}

int GalaxyWindows::add_bin(struct precision * ppr, struct background * pba, struct perturbations * ppt, struct transfer * ptr,
                           int index) {
  Bin bin;
  bin.index = index;
  class_call(tabulate(ppr,pba,ppt,ptr,bin),
             ptr->error_message,
             ptr->error_message);
  double local = ppr->l_switch_limber_for_nc_local_over_z*ppt->selection_mean[index];
  double integrated = ppr->l_switch_limber_for_nc_los_over_z*ppt->selection_mean[index];
  if (ppt->selection == dirac) local = HUGE_VAL;
  if (ppt->has_cl_number_count == _TRUE_) add_local(ppt,ptr,bin,local);
  if ((ppt->has_cl_lensing_potential == _TRUE_) || (ppt->has_nc_lens == _TRUE_) || (ppt->has_nc_gr == _TRUE_))
    add_integrated(ppt,ptr,bin,integrated,local);
  return _SUCCESS_;
}

void GalaxyWindows::add_cmb_lensing(struct precision * ppr, struct background * pba, struct perturbations * ppt,
                                    struct transfer * ptr, double tau_rec) {
  double farthest = pba->conformal_age-tau_rec;
  WindowColumn column = {cmb_lensing_row,0.,farthest,floor(ppr->l_switch_limber)+1.,structure_of_distance/farthest,0,
                         (int)(farthest/step)+1,{}};
  add_term(column,ppt->index_tp_phi_plus_psi,radial_value,0,[&] (int node) {
    return -ptr->lcmb_rescale*(farthest-node*step)/farthest;
  });
  columns.push_back(column);
}

int GalaxyWindows::make(struct precision * ppr, struct background * pba, struct perturbations * ppt, struct transfer * ptr,
                        double tau_rec) {
  class_call(transfer_global_selection_read(ptr),
             ptr->error_message,
             ptr->error_message);
  const GalaxyRows rows(ppt);
  row_number = rows.number;
  cmb_lensing_row = rows.cmb_lensing;
  step = (ppt->selection == dirac) ? pba->conformal_age/most_nodes : node_distance(ppr,pba,ppt);
  for (int index=0; index < ppt->selection_num; index++) {
    class_call(add_bin(ppr,pba,ppt,ptr,index),
               ptr->error_message,
               ptr->error_message);
  }
  if (cmb_lensing_row >= 0) add_cmb_lensing(ppr,pba,ppt,ptr,tau_rec);
  return _SUCCESS_;
}

}
