/** @file class_state.h
 *
 * CLASS's state as the source provider sees it: pairs of a name and a number. Names are those of CLASS's own fields unless
 * these hide the unit or the meaning.
 */

#ifndef __COSMICNET_CLASS_STATE__
#define __COSMICNET_CLASS_STATE__

#include <string.h>
#include "class.h"
#include "files.h"

typedef void (*cosmicnet_sink)(void * list, const char * name, double value);

typedef void (*cosmicnet_file_sink)(void * list, const char * name, const char * default_name, const char * path);

/** Every precision parameter that is a number; the list is CLASS's own, precisions.h. */
static inline void cosmicnet_list_precision(struct precision * ppr, cosmicnet_sink sink, void * list) {
#define class_precision_parameter(NAME,TYPE,DEFAULT) sink(list,#NAME,(double)ppr->NAME);
#define class_type_parameter(NAME,READ_TYPE,REAL_TYPE,DEFAULT) sink(list,#NAME,(double)ppr->NAME);
#define class_string_parameter(NAME,DIR,STRING)
#include "precisions.h"
}

/** Every precision parameter that is a file or a folder: its default below CLASS's folder, and the path of this run. */
static inline void cosmicnet_list_files(struct precision * ppr, cosmicnet_file_sink sink, void * list) {
  char path[2*_FILENAMESIZE_];
#define class_precision_parameter(NAME,TYPE,DEFAULT)
#define class_type_parameter(NAME,READ_TYPE,REAL_TYPE,DEFAULT)
#define class_string_parameter(NAME,DIR,STRING) \
  snprintf(path,sizeof(path),"%s%s",ppr->base_path,ppr->NAME); \
  cosmicnet_find_file(path,ppr->NAME); \
  sink(list,#NAME,DIR,path);
#include "precisions.h"
}

/** All numbers of the massive species after the first; masses in eV. The first one's mass is among the numbers that vary. */
static inline void cosmicnet_list_further_species(struct background * pba, cosmicnet_sink sink, void * list) {
  char name[64];
  int n;
#define put_species(FIELD) snprintf(name,sizeof(name),#FIELD "_%d",n+1); sink(list,name,(double)pba->FIELD[n]);
  for (n=1; n < pba->N_ncdm; n++) {
    put_species(m_ncdm_in_eV) put_species(deg_ncdm) put_species(T_ncdm) put_species(ksi_ncdm) put_species(got_files)
    put_species(ncdm_quadrature_strategy) put_species(ncdm_input_q_size)
  }
#undef put_species
}

/** Choices that a network cannot interpolate over: species, gauge, recombination, initial conditions. */
static inline void cosmicnet_list_setup(struct background * pba, struct thermodynamics * pth,
                                        struct perturbations * ppt, cosmicnet_sink sink, void * list) {
#define put(STRUCTURE,FIELD) sink(list,#FIELD,(double)STRUCTURE->FIELD);
  put(pba,T_cmb) put(pba,Omega0_k) put(pba,has_cdm) put(pba,has_idm) put(pba,has_dcdm) put(pba,has_dr)
  put(pba,has_scf) put(pba,has_fld) put(pba,has_ur) put(pba,has_idr) put(pba,N_ncdm)
  if (pba->N_ncdm > 0) {
    sink(list,"deg_ncdm",pba->deg_ncdm[0]);
    sink(list,"T_ncdm",pba->T_ncdm[0]);
    sink(list,"ksi_ncdm",pba->ksi_ncdm[0]);
    sink(list,"ncdm_psd_from_file",(double)pba->got_files[0]);
    sink(list,"ncdm_quadrature_strategy",(double)pba->ncdm_quadrature_strategy[0]);
    sink(list,"ncdm_input_q_size",(double)pba->ncdm_input_q_size[0]);
    cosmicnet_list_further_species(pba,sink,list);
  }
  put(pba,use_ppf) put(pba,c_gamma_over_c_fld) put(pba,cs2_fld) put(pba,fluid_equation_of_state)
  put(pth,recombination) put(pth,recfast_photoion_mode) put(pth,reio_parametrization)
  put(pth,reionization_width) put(pth,reionization_exponent)
  put(pth,helium_fullreio_redshift) put(pth,helium_fullreio_width)
  put(pth,has_exotic_injection) put(pth,has_varconst) put(pth,has_idm_b) put(pth,has_idm_g) put(pth,has_idm_dr)
  put(ppt,gauge) put(ppt,hierarchy) put(ppt,has_matter_source_in_current_gauge)
  put(ppt,has_perturbed_recombination) put(ppt,three_ceff2_ur) put(ppt,three_cvis2_ur)
  put(ppt,has_ad) put(ppt,has_bi) put(ppt,has_cdi) put(ppt,has_nid) put(ppt,has_niv)
  put(ppt,switch_sw) put(ppt,switch_eisw) put(ppt,switch_lisw) put(ppt,switch_dop) put(ppt,switch_pol)
  put(ppt,store_perturbations) put(ppt,k_output_values_num)
#undef put
}

/** Recombination as photons see it: the largest visibility (1/Mpc) of a universe that stays neutral, and the comoving
    diffusion length of photons (Mpc) at that time, the inverse of the wavenumber of Silk damping. CLASS computes the
    latter on request only. */
static inline void cosmicnet_list_recombination(struct background * pba, struct thermodynamics * pth,
                                                cosmicnet_sink sink, void * list) {
  double visibility_max = 0., diffusion = 0., before = 0.;
  double momentum_today = 0.75*pba->Omega0_b/pba->Omega0_g;
  double z_neutral = 60., transparency = 1.;
  int index_z;
  /* reionisation begins after z = 50; without it scattering is negligible after z = 60 */
  for (index_z=0; (index_z < pth->tt_size) && (pth->z_table[index_z] < z_neutral); index_z++)
    transparency = pth->thermodynamics_table[index_z*pth->th_size+pth->index_th_exp_m_kappa];
  /* from early to late times */
  for (index_z=pth->tt_size-1; index_z >= 0; index_z--) {
    double * row = pth->thermodynamics_table+index_z*pth->th_size;
    double R = momentum_today/(1.+pth->z_table[index_z]);
    double rate = (16./15.+R*R/(1.+R))/(6.*(1.+R)*row[pth->index_th_dkappa]);
    visibility_max = MAX(visibility_max,row[pth->index_th_g]);
    if (index_z < pth->tt_size-1) {
      double step = pth->tau_table[index_z]-pth->tau_table[index_z+1];
      /* the last step ends at recombination, not at a row: the rate grows by per cents from row to row */
      double part = MIN((pth->tau_rec-pth->tau_table[index_z+1])/step,1.);
      diffusion += 0.5*part*step*(before+before*pow(rate/before,part));
    }
    if (pth->z_table[index_z] < pth->z_rec)
      break;
    before = rate;
  }
  sink(list,"visibility_max",visibility_max/transparency);
  sink(list,"diffusion_length_rec",sqrt(diffusion));
}

/** Numbers that may vary from one cosmology to the next; lengths and times in Mpc, masses in eV. */
static inline void cosmicnet_list_cosmology(struct background * pba, struct thermodynamics * pth,
                                            cosmicnet_sink sink, void * list) {
  double h2 = pba->h*pba->h;
  double omega_g = pba->Omega0_g*h2;
  sink(list,"H0",100.*pba->h);
  sink(list,"omega_b",pba->Omega0_b*h2);
  sink(list,"omega_cdm",pba->Omega0_cdm*h2);
  sink(list,"N_ur",pba->Omega0_ur*h2/(7./8.*pow(4./11.,4./3.)*omega_g));
  sink(list,"m_ncdm",(pba->N_ncdm > 0) ? pba->m_ncdm_in_eV[0] : 0.);
  sink(list,"omega_ncdm",(pba->N_ncdm > 0) ? pba->Omega0_ncdm_tot*h2 : 0.);
  sink(list,"w0_fld",(pba->has_fld == _TRUE_) ? pba->w0_fld : -1.);
  sink(list,"wa_fld",(pba->has_fld == _TRUE_) ? pba->wa_fld : 0.);
  sink(list,"N_eff",pba->Neff);
  sink(list,"YHe",pth->YHe);
  sink(list,"tau_reio",pth->tau_reio);
  sink(list,"z_reio",pth->z_reio);
  sink(list,"conformal_age",pba->conformal_age);
  sink(list,"z_rec",pth->z_rec);
  sink(list,"tau_rec",pth->tau_rec);
  sink(list,"sound_horizon_rec",pth->rs_rec);
  sink(list,"angular_distance_rec",pth->ra_rec);
  sink(list,"tau_free_streaming",pth->tau_free_streaming);
  cosmicnet_list_recombination(pba,pth,sink,list);
}

/** The tables of sources of scalar modes: name, as in get_sources(), and index. */
static inline void cosmicnet_list_tables(struct perturbations * ppt, int N_ncdm, cosmicnet_sink sink, void * list) {
  char name[64];
  int n;
  /* the name is that of the index after index_tp_ */
#define put_table(FLAG,INDEX) if (ppt->FLAG == _TRUE_) sink(list,#INDEX+strlen("index_tp_"),(double)ppt->INDEX);
  if (ppt->has_source_t == _TRUE_) {
    sink(list,"t0",(double)ppt->index_tp_t0);
    sink(list,"t1",(double)ppt->index_tp_t1);
    sink(list,"t2",(double)ppt->index_tp_t2);
  }
  put_table(has_source_p,index_tp_p) put_table(has_source_phi,index_tp_phi)
  put_table(has_source_phi_plus_psi,index_tp_phi_plus_psi) put_table(has_source_phi_prime,index_tp_phi_prime)
  put_table(has_source_psi,index_tp_psi) put_table(has_source_H_T_Nb_prime,index_tp_H_T_Nb_prime)
  put_table(has_source_k2gamma_Nb,index_tp_k2gamma_Nb) put_table(has_source_h,index_tp_h)
  put_table(has_source_h_prime,index_tp_h_prime) put_table(has_source_eta,index_tp_eta)
  put_table(has_source_eta_prime,index_tp_eta_prime) put_table(has_source_delta_tot,index_tp_delta_tot)
  put_table(has_source_delta_m,index_tp_delta_m) put_table(has_source_delta_cb,index_tp_delta_cb)
  put_table(has_source_delta_g,index_tp_delta_g) put_table(has_source_delta_b,index_tp_delta_b)
  put_table(has_source_delta_cdm,index_tp_delta_cdm) put_table(has_source_delta_idm,index_tp_delta_idm)
  put_table(has_source_delta_dcdm,index_tp_delta_dcdm) put_table(has_source_delta_fld,index_tp_delta_fld)
  put_table(has_source_delta_scf,index_tp_delta_scf) put_table(has_source_delta_dr,index_tp_delta_dr)
  put_table(has_source_delta_ur,index_tp_delta_ur) put_table(has_source_delta_idr,index_tp_delta_idr)
  put_table(has_source_theta_tot,index_tp_theta_tot) put_table(has_source_theta_m,index_tp_theta_m)
  put_table(has_source_theta_cb,index_tp_theta_cb) put_table(has_source_theta_g,index_tp_theta_g)
  put_table(has_source_theta_b,index_tp_theta_b) put_table(has_source_theta_cdm,index_tp_theta_cdm)
  put_table(has_source_theta_idm,index_tp_theta_idm) put_table(has_source_theta_dcdm,index_tp_theta_dcdm)
  put_table(has_source_theta_fld,index_tp_theta_fld) put_table(has_source_theta_scf,index_tp_theta_scf)
  put_table(has_source_theta_dr,index_tp_theta_dr) put_table(has_source_theta_ur,index_tp_theta_ur)
  put_table(has_source_theta_idr,index_tp_theta_idr)
#undef put_table
  for (n=0; n < N_ncdm; n++) {
    if (ppt->has_source_delta_ncdm == _TRUE_) {
      snprintf(name,sizeof(name),"delta_ncdm[%d]",n);
      sink(list,name,(double)(ppt->index_tp_delta_ncdm1+n));
    }
    if (ppt->has_source_theta_ncdm == _TRUE_) {
      snprintf(name,sizeof(name),"theta_ncdm[%d]",n);
      sink(list,name,(double)(ppt->index_tp_theta_ncdm1+n));
    }
  }
  if (ppt->has_perturbed_recombination == _TRUE_) {
    sink(list,"delta_temp",(double)ppt->index_tp_perturbed_recombination_delta_temp);
    sink(list,"delta_chi",(double)ppt->index_tp_perturbed_recombination_delta_chi);
  }
}

/** An array of parameters: NAME_1, NAME_2, ... */
static inline void cosmicnet_list_array(const char * name, const double * values, int size,
                                        cosmicnet_sink sink, void * list) {
  char numbered[64];
  int n;
  for (n=0; (values != NULL) && (n < size); n++) {
    snprintf(numbered,sizeof(numbered),"%s_%d",name,n+1);
    sink(list,numbered,values[n]);
  }
}

/** Interacting dark matter and dark radiation, by the names of CLASS's input. */
static inline void cosmicnet_list_interacting(struct precision * ppr, struct background * pba,
                                              struct thermodynamics * pth, struct perturbations * ppt,
                                              cosmicnet_sink sink, void * list) {
  double h2 = pba->h*pba->h;
#define put(STRUCTURE,FIELD) sink(list,#FIELD,(double)STRUCTURE->FIELD);
  if (pba->has_idm == _TRUE_) {
    sink(list,"omega_idm",pba->Omega0_idm*h2);
    sink(list,"idm_soundspeed",(double)ppt->has_idm_soundspeed);
    put(pth,m_idm) put(pth,cross_idm_b) put(pth,n_index_idm_b) put(pth,cross_idm_g) put(pth,u_idm_g)
    put(pth,n_index_idm_g) put(pth,a_idm_dr) put(pth,n_index_idm_dr) put(pth,b_idr)
    cosmicnet_list_array("alpha_idm_dr",ppt->alpha_idm_dr,ppr->l_max_idr-1,sink,list);
  }
  if (pba->has_idr == _TRUE_) {
    double xi = pba->T_idr/pba->T_cmb, massless = pba->Omega0_idr/pba->Omega0_g;
    sink(list,"xi_idr",xi);
    sink(list,"stat_f_idr",massless/pow(xi,4.));
    sink(list,"N_idr",massless*8./7.*pow(11./4.,4./3.));
    put(ppt,idr_nature)
    if (pba->has_idm == _TRUE_)
      cosmicnet_list_array("beta_idr",ppt->beta_idr,ppr->l_max_idr-1,sink,list);
  }
#undef put
}

/** Energy that an exotic process injects: all of its input. */
static inline void cosmicnet_list_injection(struct injection * pin, cosmicnet_sink sink, void * list) {
#define put(FIELD) sink(list,#FIELD,(double)pin->FIELD);
  put(DM_annihilation_efficiency) put(DM_annihilation_cross_section) put(DM_annihilation_mass)
  put(DM_annihilation_fraction) put(DM_annihilation_variation) put(DM_annihilation_z) put(DM_annihilation_zmax)
  put(DM_annihilation_zmin) put(DM_annihilation_f_halo) put(DM_annihilation_z_halo)
  put(DM_decay_fraction) put(DM_decay_Gamma) put(PBH_evaporation_fraction) put(PBH_evaporation_mass)
  put(PBH_accretion_fraction) put(PBH_accretion_mass) put(PBH_accretion_recipe)
  put(PBH_accretion_relative_velocities) put(PBH_accretion_ADAF_delta) put(PBH_accretion_eigenvalue)
  put(f_eff_type) put(f_eff) put(chi_type)
#undef put
}

/** Parameters of physics beyond the usual cosmology, where it is present, by the names of CLASS's input. */
static inline void cosmicnet_list_unusual(struct precision * ppr, struct background * pba,
                                          struct thermodynamics * pth, struct perturbations * ppt,
                                          cosmicnet_sink sink, void * list) {
  double h2 = pba->h*pba->h;
  cosmicnet_list_interacting(ppr,pba,pth,ppt,sink,list);
  if (pba->has_dcdm == _TRUE_) {
    sink(list,"omega_dcdmdr",pba->Omega0_dcdmdr*h2);
    sink(list,"omega_ini_dcdm",pba->Omega_ini_dcdm*h2);
    sink(list,"Gamma_dcdm",pba->Gamma_dcdm*_c_/1.e3);
  }
  if (pba->has_scf == _TRUE_) {
    sink(list,"Omega_scf",pba->Omega0_scf);
    sink(list,"attractor_ic_scf",(double)pba->attractor_ic_scf);
    cosmicnet_list_array("scf_parameters",pba->scf_parameters,pba->scf_parameters_size,sink,list);
  }
  if ((pba->has_fld == _TRUE_) && (pba->fluid_equation_of_state == EDE))
    sink(list,"Omega_EDE",pba->Omega_EDE);
  if (pth->has_varconst == _TRUE_) {
    sink(list,"varying_fundamental_constants",(double)pba->varconst_dep);
    sink(list,"varying_alpha",pba->varconst_alpha);
    sink(list,"varying_me",pba->varconst_me);
    sink(list,"varying_transition_redshift",pba->varconst_transition_redshift);
    sink(list,"bbn_alpha_sensitivity",pth->bbn_alpha_sensitivity);
  }
  if (pth->has_exotic_injection == _TRUE_)
    cosmicnet_list_injection(&(pth->in),sink,list);
}

/** Background and thermodynamics on a grid of conformal time, interpolated as perturbations_sources()
    does; the columns are those of cosmicnet_columns. */
static const char * const cosmicnet_columns[] = {
  "scale_factor","growth_factor","growth_velocity","sound_horizon",
  "scattering_rate","exp_minus_kappa","visibility","visibility_prime","filtering_length_squared"
};
enum {cosmicnet_column_number = 9};

/** The square of the comoving length (Mpc) below which the pressure that reionisation gives to baryons keeps them from following
    matter: Gnedin & Hui (1998), 1/k_F^2 = int dtau/(a D^2) int dtau a D^2 c_b^2, for the part of the squared sound speed c_b^2
    that a universe without reionisation lacks. There it falls as 1/a^2 from the redshift of the fewest electrons on.
    For each column of `tau`, with its scale factors. */
static inline int cosmicnet_filtering_length(struct background * pba, struct thermodynamics * pth, double * pvecback,
                                             double * pvecthermo, const double * a, int tau_size, double * result) {
  enum {steps = 200};
  double z_most = 60., ln_a[steps+1], filtered[steps+1];
  double pressure_before = 0., inner = 0., slope_before = 0., neutral = 0.;
  int fewest = 0, last_back = 0, last_thermo = 0, index, step;
  for (index=0; index < tau_size; index++)
    result[index] = 0.;
  for (index=0; (index < pth->tt_size) && (pth->z_table[index] < z_most); index++)
    if (pth->thermodynamics_table[index*pth->th_size+pth->index_th_xe]
        < pth->thermodynamics_table[fewest*pth->th_size+pth->index_th_xe])
      fewest = index;
  if (pth->z_table[fewest] <= 0.)
    return _SUCCESS_;
  for (step=0; step <= steps; step++) {
    double rate, friction, pressure, slope;
    ln_a[step] = -log1p(pth->z_table[fewest])*(1.-(double)step/steps);
    if (background_at_z(pba,MAX(exp(-ln_a[step])-1.,0.),long_info,inter_normal,&last_back,pvecback) == _FAILURE_) {
      strncpy(pth->error_message,pba->error_message,sizeof(ErrorMsg)-1);
      return _FAILURE_;
    }
    if (thermodynamics_at_z(pba,pth,MAX(exp(-ln_a[step])-1.,0.),inter_normal,&last_thermo,pvecback,pvecthermo) == _FAILURE_)
      return _FAILURE_;
    if (step == 0)
      neutral = pvecthermo[pth->index_th_cb2]*exp(2.*ln_a[0]);
    rate = pvecback[pba->index_bg_a]*pvecback[pba->index_bg_H];
    friction = pvecback[pba->index_bg_a]*pow(pvecback[pba->index_bg_D],2);
    pressure = friction*(pvecthermo[pth->index_th_cb2]-neutral*exp(-2.*ln_a[step]))/rate;
    filtered[step] = 0.;
    if (step > 0) {
      double half = 0.5*(ln_a[step]-ln_a[step-1]);
      inner += half*(pressure_before+pressure);
      slope = inner/(friction*rate);
      filtered[step] = filtered[step-1]+half*(slope_before+slope);
      slope_before = slope;
    }
    pressure_before = pressure;
  }
  for (index=0; index < tau_size; index++) {
    double at = steps*(1.-log(a[index])/ln_a[0]);
    if (at > 0.) {
      step = MIN((int)at,steps-1);
      result[index] = filtered[step]+(filtered[step+1]-filtered[step])*(at-step);
    }
  }
  return _SUCCESS_;
}

static inline int cosmicnet_evaluate_columns(struct background * pba, struct thermodynamics * pth,
                                             const double * tau, int tau_size, double * columns,
                                             ErrorMsg error_message) {
  double * pvecback, * pvecthermo, growth_rec;
  int last_back = 0, last_thermo = 0, index_tau, status = _SUCCESS_;
  pvecback = (double*)malloc((pba->bg_size+pth->th_size)*sizeof(double));
  if (pvecback == NULL) {
    snprintf(error_message,sizeof(ErrorMsg),"no memory for a vector of background quantities");
    return _FAILURE_;
  }
  pvecthermo = pvecback+pba->bg_size;
  /* the growth factor is normalised at recombination, before dark energy matters */
  status = background_at_tau(pba,pth->tau_rec,long_info,inter_normal,&last_back,pvecback);
  growth_rec = pvecback[pba->index_bg_D];
  for (index_tau=0; (index_tau < tau_size) && (status == _SUCCESS_); index_tau++) {
    double a;
    status = background_at_tau(pba,tau[index_tau],long_info,inter_normal,&last_back,pvecback);
    if (status == _FAILURE_) {
      strncpy(error_message,pba->error_message,sizeof(ErrorMsg)-1);
      break;
    }
    a = pvecback[pba->index_bg_a];
    status = thermodynamics_at_z(pba,pth,1./a-1.,inter_normal,&last_thermo,pvecback,pvecthermo);
    if (status == _FAILURE_) {
      strncpy(error_message,pth->error_message,sizeof(ErrorMsg)-1);
      break;
    }
    columns[0*tau_size+index_tau] = a;
    columns[1*tau_size+index_tau] = pvecback[pba->index_bg_D]/growth_rec;
    /* D' = D f aH, in 1/Mpc */
    columns[2*tau_size+index_tau] = columns[1*tau_size+index_tau]*pvecback[pba->index_bg_f]*a*pvecback[pba->index_bg_H];
    columns[3*tau_size+index_tau] = pvecback[pba->index_bg_rs];
    columns[4*tau_size+index_tau] = pvecthermo[pth->index_th_dkappa];
    columns[5*tau_size+index_tau] = pvecthermo[pth->index_th_exp_m_kappa];
    columns[6*tau_size+index_tau] = pvecthermo[pth->index_th_g];
    columns[7*tau_size+index_tau] = pvecthermo[pth->index_th_dg];
  }
  if ((status == _SUCCESS_)
      && (cosmicnet_filtering_length(pba,pth,pvecback,pvecthermo,columns,tau_size,columns+8*tau_size) == _FAILURE_)) {
    strncpy(error_message,pth->error_message,sizeof(ErrorMsg)-1);
    status = _FAILURE_;
  }
  free(pvecback);
  return status;
}

#endif
