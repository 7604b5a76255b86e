/** @file from_arrays.h
 *
 * CLASS's structures, filled from arrays instead of by the modules: background, thermal history, sources, primordial and
 * unlensed spectra, as far as transfer functions, lensing and HMcode read them. Units are CLASS's.
 */

#ifndef __COSMICNET_FROM_ARRAYS__
#define __COSMICNET_FROM_ARRAYS__

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "class.h"
#include "arrays.h"

/* CLASS frees these arrays, so they are allocated by C. */
static double * cosmicnet_copy(const double * from, int size) {
  double * to = (double *)malloc(size*sizeof(double));
  if (to != NULL) memcpy(to,from,size*sizeof(double));
  return to;
}

/** Lists with one entry, for scalar modes, that struct perturbations points to. The tables are [index_tau*k_size+index_k], in
    the order of the indices that are given to their names. */
struct cosmicnet_given {
  double * k[1], * tables[4], ** sources[1];
  int k_size[1], k_size_cl[1], ic_size[1], tp_size[1];
};

static void cosmicnet_give_grids(struct perturbations * ppt, struct cosmicnet_given * given, double * k, int k_size,
                                 int k_size_cmb, double * tau, int tau_size) {
  given->k[0] = k;
  given->k_size[0] = k_size;
  given->k_size_cl[0] = k_size_cmb;
  given->ic_size[0] = 1;
  given->sources[0] = given->tables;
  ppt->has_scalars = _TRUE_;
  ppt->md_size = 1;
  ppt->index_md_scalars = 0;
  ppt->index_ic_ad = 0;
  ppt->ic_size = given->ic_size;
  ppt->tp_size = given->tp_size;
  ppt->k = given->k;
  ppt->k_size = given->k_size;
  ppt->k_size_cmb = given->k_size_cl;
  ppt->k_size_cl = given->k_size_cl;
  ppt->k_size_pk = k_size;
  ppt->k_min = k[0];
  ppt->k_max = k[k_size-1];
  ppt->tau_sampling = tau;
  ppt->tau_size = tau_size;
  ppt->ln_tau_size = 1;
  ppt->sources = given->sources;
}

/** Sources of the CMB. curvature: K; distance_rec: the comoving angular diameter distance of recombination. */
static void cosmicnet_give_cmb_sources(struct background * pba, struct thermodynamics * pth, struct perturbations * ppt,
                                       struct cosmicnet_given * given, double curvature, double tau_rec, double distance_rec,
                                       double * t0, double * t1, double * t2, double * phi_plus_psi) {
  pba->K = curvature;
  pba->sgnK = (curvature > 0.) - (curvature < 0.);
  pba->conformal_age = ppt->tau_sampling[ppt->tau_size-1];
  pth->tau_rec = tau_rec;
  pth->angular_rescaling = distance_rec/(pba->conformal_age-tau_rec);
  given->tables[0] = t0;
  given->tables[1] = t1;
  given->tables[2] = t2;
  given->tables[3] = phi_plus_psi;
  given->tp_size[0] = 4;
  ppt->index_tp_t0 = 0;
  ppt->index_tp_t1 = 1;
  ppt->index_tp_t2 = 2;
  ppt->index_tp_phi_plus_psi = 3;
}

/** The primordial spectrum of scalar modes, ln P of ln k. */
static int cosmicnet_give_primordial(struct primordial * ppm, const double * ln_k, const double * ln_p, int size) {
  ppm->primordial_spec_type = external_Pk;
  ppm->command = NULL;
  ppm->md_size = 1;
  ppm->ic_size = (int *)malloc(sizeof(int));
  ppm->ic_ic_size = (int *)malloc(sizeof(int));
  ppm->is_non_zero = (short **)malloc(sizeof(short *));
  ppm->lnpk = (double **)malloc(sizeof(double *));
  ppm->ddlnpk = (double **)malloc(sizeof(double *));
  class_test((ppm->ic_size == NULL) || (ppm->ic_ic_size == NULL) || (ppm->is_non_zero == NULL) || (ppm->lnpk == NULL)
             || (ppm->ddlnpk == NULL),ppm->error_message,"not enough memory");
  ppm->ic_size[0] = ppm->ic_ic_size[0] = 1;
  ppm->is_non_zero[0] = (short *)malloc(sizeof(short));
  ppm->lnk_size = size;
  ppm->lnk = cosmicnet_copy(ln_k,size);
  ppm->lnpk[0] = cosmicnet_copy(ln_p,size);
  ppm->ddlnpk[0] = (double *)malloc(size*sizeof(double));
  ppm->is_allocated = _TRUE_;
  class_test((ppm->is_non_zero[0] == NULL) || (ppm->lnk == NULL) || (ppm->lnpk[0] == NULL) || (ppm->ddlnpk[0] == NULL),
             ppm->error_message,"not enough memory");
  ppm->is_non_zero[0][0] = _TRUE_;
  class_call(array_spline_table_lines(ppm->lnk,size,ppm->lnpk[0],1,ppm->ddlnpk[0],_SPLINE_EST_DERIV_,ppm->error_message),
             ppm->error_message,
             ppm->error_message);
  return _SUCCESS_;
}

/* Unlensed spectra by their place in tables from Python; lensing needs the first five. */
enum {cosmicnet_tt, cosmicnet_ee, cosmicnet_te, cosmicnet_bb, cosmicnet_pp, cosmicnet_spectra};

/** Unlensed spectra at all multipoles from 2 to l_max: cl[index_l*cosmicnet_spectra+index]. */
static int cosmicnet_give_unlensed(struct harmonic * phr, const double * cl, int l_max) {
  const int size = l_max-1;
  int i;
  phr->md_size = 1;
  phr->ic_size = (int *)malloc(sizeof(int));
  phr->ic_ic_size = (int *)malloc(sizeof(int));
  phr->is_non_zero = (short **)calloc(1,sizeof(short *));
  phr->l_size = (int *)malloc(sizeof(int));
  phr->l_max = (int *)malloc(sizeof(int));
  phr->l_max_ct = (int **)calloc(1,sizeof(int *));
  phr->l = (double *)malloc(size*sizeof(double));
  phr->cl = (double **)calloc(1,sizeof(double *));
  phr->ddcl = (double **)calloc(1,sizeof(double *));
  class_test((phr->ic_size == NULL) || (phr->ic_ic_size == NULL) || (phr->is_non_zero == NULL) || (phr->l_size == NULL)
             || (phr->l_max == NULL) || (phr->l_max_ct == NULL) || (phr->l == NULL) || (phr->cl == NULL) || (phr->ddcl == NULL),
             phr->error_message,"not enough memory");
  phr->ct_size = cosmicnet_spectra;
  phr->is_non_zero[0] = (short *)malloc(sizeof(short));
  phr->l_max_ct[0] = (int *)malloc(cosmicnet_spectra*sizeof(int));
  phr->cl[0] = cosmicnet_copy(cl,size*cosmicnet_spectra);
  phr->ddcl[0] = (double *)malloc(size*cosmicnet_spectra*sizeof(double));
  phr->is_allocated = _TRUE_;
  class_test((phr->is_non_zero[0] == NULL) || (phr->l_max_ct[0] == NULL) || (phr->cl[0] == NULL) || (phr->ddcl[0] == NULL),
             phr->error_message,"not enough memory");
  phr->ic_size[0] = phr->ic_ic_size[0] = 1;
  phr->is_non_zero[0][0] = _TRUE_;
  phr->has_tt = phr->has_ee = phr->has_te = phr->has_bb = phr->has_pp = _TRUE_;
  phr->index_ct_tt = cosmicnet_tt;
  phr->index_ct_ee = cosmicnet_ee;
  phr->index_ct_te = cosmicnet_te;
  phr->index_ct_bb = cosmicnet_bb;
  phr->index_ct_pp = cosmicnet_pp;
  phr->has_tp = phr->has_ep = phr->has_dd = phr->has_td = phr->has_pd = phr->has_ll = phr->has_tl = phr->has_dl = _FALSE_;
  phr->d_size = 0;
  for (i=0; i < cosmicnet_spectra; i++) phr->l_max_ct[0][i] = l_max;
  for (i=0; i < size; i++) phr->l[i] = i+2.;
  phr->l_size[0] = phr->l_size_max = size;
  phr->l_max[0] = phr->l_max_tot = l_max;
  phr->line_of_sight_is_fast = _TRUE_;
  class_call(array_spline_table_lines(phr->l,size,phr->cl[0],cosmicnet_spectra,phr->ddcl[0],_SPLINE_EST_DERIV_,
                                      phr->error_message),
             phr->error_message,
             phr->error_message);
  return _SUCCESS_;
}

/** tt, ee, te, pp and tp at all multipoles from 2 to l_max: cl[index*(l_max-1)+l-2]. */
static int cosmicnet_read_unlensed(struct harmonic * phr, int l_max, double * cl) {
  const int from[] = {phr->index_ct_tt,phr->index_ct_ee,phr->index_ct_te,phr->index_ct_pp,phr->index_ct_tp};
  double * at_l = (double *)malloc(phr->ct_size*sizeof(double));
  int l, i;
  class_test(at_l == NULL,phr->error_message,"not enough memory");
  for (l=2; l <= l_max; l++) {
    class_call_except(harmonic_cl_at_l(phr,l,at_l,NULL,NULL),
                      phr->error_message,
                      phr->error_message,
                      free(at_l));
    for (i=0; i < 5; i++) cl[i*(l_max-1)+l-2] = at_l[from[i]];
  }
  free(at_l);
  return _SUCCESS_;
}

/** tt, ee, te and bb at all multipoles from 2 to l_max: cl[index*(l_max-1)+l-2]. */
static void cosmicnet_read_lensed(struct lensing * ple, int l_max, double * cl) {
  const int from[] = {ple->index_lt_tt,ple->index_lt_ee,ple->index_lt_te,ple->index_lt_bb};
  int l, i;
  for (l=2; l <= l_max; l++)
    for (i=0; i < 4; i++) cl[i*(l_max-1)+l-2] = ple->cl_lens[(l-2)*ple->lt_size+from[i]];
}

/** Densities today in units of the critical one. matter: with massive neutrinos, massive, in it. */
struct cosmicnet_densities {
  double h, matter, baryons, cdm, massive, curvature, dark_energy, w0, wa, T_cmb, N_eff;
};

/* Rows of the background per unit of ln a, back to the first time of HMcode's tables. */
enum {cosmicnet_rows_per_e_fold = 40};

static void cosmicnet_forget_background(struct background * pba) {
  free(pba->loga_table);
  free(pba->tau_table);
  free(pba->z_table);
  free(pba->background_table);
  free(pba->d2tau_dz2_table);
  free(pba->d2z_dtau2_table);
  free(pba->d2background_dloga2_table);
}

/** The background as far as HMcode needs it: scale factor and share of matter. Its time is a label only, the square root of the
    scale factor in place of conformal time. */
static int cosmicnet_give_background(struct precision * ppr, struct background * pba, const struct cosmicnet_densities * of) {
  enum {column_a, column_matter, column_growth, column_number};
  const double ln_a_first = log(MIN(ppr->ainit_for_growtab,1e-4))-1.;
  const double radiation = 1.-of->matter-of->curvature-of->dark_energy;
  const double stefan_boltzmann = 2.*pow(_PI_,5.)*pow(_k_B_,4.)/(15.*pow(_h_P_,3.)*_c_*_c_);
  const int size = (int)(-ln_a_first*cosmicnet_rows_per_e_fold)+1;
  int i;
  pba->h = of->h;
  pba->H0 = of->h*1.e5/_c_;
  pba->T_cmb = of->T_cmb;
  pba->Neff = of->N_eff;
  pba->Omega0_g = 4.*stefan_boltzmann/_c_*pow(of->T_cmb,4.)/(3.*pow(_c_*pba->H0/_Mpc_over_m_,2.)*_c_*_c_/(8.*_PI_*_G_));
  pba->Omega0_b = of->baryons;
  pba->Omega0_cdm = of->cdm;
  pba->Omega0_m = of->matter;
  pba->Omega0_ncdm_tot = of->massive;
  pba->has_ncdm = (of->massive > 0.) ? _TRUE_ : _FALSE_;
  pba->N_ncdm = 0;
  pba->Omega0_k = of->curvature;
  pba->Omega0_r = radiation;
  pba->Omega0_de = of->dark_energy;
  pba->has_fld = ((of->w0 != -1.) || (of->wa != 0.)) ? _TRUE_ : _FALSE_;
  pba->Omega0_fld = (pba->has_fld == _TRUE_) ? of->dark_energy : 0.;
  pba->Omega0_lambda = (pba->has_fld == _TRUE_) ? 0. : of->dark_energy;
  pba->fluid_equation_of_state = CLP;
  pba->w0_fld = of->w0;
  pba->wa_fld = of->wa;
  pba->index_bg_a = column_a;
  pba->index_bg_Omega_m = column_matter;
  pba->index_bg_D = column_growth;
  pba->bg_size = pba->bg_size_normal = pba->bg_size_short = column_number;
  pba->bt_size = size;
  pba->loga_table = (double *)malloc(size*sizeof(double));
  pba->tau_table = (double *)malloc(size*sizeof(double));
  pba->z_table = (double *)malloc(size*sizeof(double));
  pba->background_table = (double *)malloc(size*column_number*sizeof(double));
  pba->d2tau_dz2_table = (double *)malloc(size*sizeof(double));
  pba->d2z_dtau2_table = (double *)malloc(size*sizeof(double));
  pba->d2background_dloga2_table = (double *)malloc(size*column_number*sizeof(double));
  class_test((pba->loga_table == NULL) || (pba->tau_table == NULL) || (pba->z_table == NULL) || (pba->background_table == NULL)
             || (pba->d2tau_dz2_table == NULL) || (pba->d2z_dtau2_table == NULL) || (pba->d2background_dloga2_table == NULL),
             pba->error_message,"not enough memory");
  for (i=0; i < size; i++) {
    double ln_a = (i == size-1) ? 0. : ln_a_first*(1.-i/(size-1.)), a = exp(ln_a);
    double dark_energy = of->dark_energy*pow(a,-3.*(1.+of->w0+of->wa))*exp(-3.*of->wa*(1.-a));
    double matter = of->matter/(a*a*a);
    double * row = pba->background_table+i*column_number;
    row[column_a] = a;
    row[column_matter] = matter/(matter+radiation/(a*a*a*a)+of->curvature/(a*a)+dark_energy);
    row[column_growth] = a; /* tabulated by HMcode, not used */
    pba->loga_table[i] = ln_a;
    pba->z_table[i] = 1./a-1.;
    pba->tau_table[i] = sqrt(a);
  }
  class_call(array_spline_table_lines(pba->z_table,size,pba->tau_table,1,pba->d2tau_dz2_table,_SPLINE_EST_DERIV_,
                                      pba->error_message),
             pba->error_message,
             pba->error_message);
  class_call(array_spline_table_lines(pba->tau_table,size,pba->z_table,1,pba->d2z_dtau2_table,_SPLINE_EST_DERIV_,
                                      pba->error_message),
             pba->error_message,
             pba->error_message);
  class_call(array_spline_table_lines(pba->loga_table,size,pba->background_table,column_number,pba->d2background_dloga2_table,
                                      _SPLINE_EST_DERIV_,pba->error_message),
             pba->error_message,
             pba->error_message);
  return _SUCCESS_;
}

/** Density of all matter and, with massive neutrinos, of baryons and cold dark matter, as sources of a flat primordial
   spectrum. */
static void cosmicnet_give_matter(struct perturbations * ppt, struct cosmicnet_given * given, double * delta_m,
                                  double * delta_cb) {
  given->tables[0] = delta_m;
  given->tables[1] = delta_cb;
  given->tp_size[0] = 2;
  ppt->index_tp_delta_m = 0;
  ppt->index_tp_delta_cb = 1;
  ppt->has_source_delta_m = _TRUE_;
  ppt->has_source_delta_cb = (delta_cb != NULL) ? _TRUE_ : _FALSE_;
}

/** Square roots of the ratio of non-linear to linear spectra, [index_tau*k_size+index_k], of all matter and, unless it is NULL,
    without massive neutrinos. */
static void cosmicnet_read_corrections(struct fourier * pfo, double * matter, double * without) {
  size_t size = (size_t)pfo->tau_size*pfo->k_size;
  memcpy(matter,pfo->nl_corr_density[pfo->index_pk_m],size*sizeof(double));
  if (without != NULL) memcpy(without,pfo->nl_corr_density[pfo->index_pk_cb],size*sizeof(double));
}

#endif
