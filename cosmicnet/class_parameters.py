"""CLASS's parameters: one table, with a column for each use."""
from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

__all__ = [
    "CLASS_PARAMETERS", "LATER_MODULES", "OF_REIONIZATION", "SAME_MODULES", "ClassParameter", "acts_on_sources",
    "parameter_of",
]

Kind = Literal["number", "closure", "choice", "fixed", "reionization", "output", "network", "precision"]
Module = Literal["background", "thermodynamics", "perturbations", "primordial", "fourier", "transfer", "harmonic",
                 "lensing", "distortions"]

BEFORE_PRIMORDIAL = ("background", "thermodynamics", "perturbations")
# Suffix of a setting of the second and further massive species.
NUMBER_OF_SPECIES = re.compile(r"(?<=_ncdm)_[2-9]$|(?<=_ncdm_in_eV)_[2-9]$")


@dataclass(frozen=True)
class ClassParameter:
    """One parameter of CLASS.

    name: as CLASS reads it, or as a SourceRequest reports it where that differs.
    kind: 'number', a continuous parameter of the cosmology, which a recipe may sample; 'closure', a density that
    follows from the others; 'choice', between whose values nothing can be interpolated; 'fixed', the same in all
    networks; 'reionization', computed at run time; 'output', CLASS's output; 'network', an option of this package;
    'precision', of precisions.h.
    module: the first module of CLASS whose results it changes.
    acts_on_sources: whether it changes the source functions of scalar modes, and not only where they are tabulated.
    finer: for precision parameters, whether smaller or larger values are more precise; '' where there is no such order.
    finest: the finest value covered regardless of training precision, because its effect is computed at run time.
    equivalents: other names that set the same quantity, of which CLASS takes only one; other spellings among them.
    found_from: quantities that may be given instead, from which CLASS finds the parameter by a search.
    only: for kind 'fixed', the value in all networks.
    possible: the range in which CLASS integrates reliably, which it no longer checks itself (perturbations.c).
    sets_reach: whether it decides up to which wavenumber sources are computed.
    is_reported: whether a SourceRequest has its value, or a number that CLASS derives from it; False for contents of
    files.
    meaning: for messages, if the name alone is unclear.
    """

    name: str
    kind: Kind
    module: Module
    acts_on_sources: bool = True
    finer: Literal["", "smaller", "larger"] = ""
    finest: float | None = None
    equivalents: tuple[str, ...] = ()
    found_from: tuple[str, ...] = ()
    only: str = ""
    possible: tuple[float, float] = (-math.inf, math.inf)
    sets_reach: bool = False
    is_reported: bool = True
    meaning: str = ""

    @property
    def excluded(self) -> tuple[str, ...]:
        """Names that CLASS does not take beside this one."""
        return (*self.equivalents, *self.found_from)


def _inputs(kind: Kind, module: Module, *names: str) -> Iterator[ClassParameter]:
    acts = module in BEFORE_PRIMORDIAL and kind not in ("output", "network")
    return (ClassParameter(name, kind, module, acts_on_sources=acts) for name in names)


def _precision(module: Module, finer: Literal["", "smaller", "larger"], *names: str) -> Iterator[ClassParameter]:
    return (ClassParameter(name, "precision", module, finer=finer) for name in names)


def _grids_and_later(module: Module, *names: str) -> Iterator[ClassParameter]:
    return (ClassParameter(name, "precision", module, acts_on_sources=False) for name in names)


_TABLE: tuple[ClassParameter, ...] = (
    # the cosmology
    ClassParameter("H0", "number", "background", equivalents=("h",), found_from=("100*theta_s", "theta_s_100"),
                   possible=(30.0, 150.0)),
    ClassParameter("omega_b", "number", "background", equivalents=("Omega_b",), possible=(0.005, 0.039)),
    ClassParameter("omega_cdm", "number", "background", equivalents=("Omega_cdm", "Omega_m", "omega_m")),
    ClassParameter("N_ur", "number", "background", equivalents=("Omega_ur", "omega_ur", "N_eff", "Neff")),
    ClassParameter("m_ncdm", "number", "background", equivalents=("m_ncdm_in_eV", "Omega_ncdm", "omega_ncdm")),
    ClassParameter("omega_ncdm", "number", "background", equivalents=("Omega_ncdm", "m_ncdm")),
    ClassParameter("w0_fld", "number", "background", equivalents=("Omega_fld",)),
    *_inputs("number", "background", "T_cmb", "T_ncdm", "deg_ncdm", "ksi_ncdm", "wa_fld", "Omega_scf"),
    *_inputs("number", "thermodynamics", "YHe"),
    *_inputs("number", "perturbations", "cs2_fld", "c_gamma_over_c_fld", "ceff2_ur", "cvis2_ur"),
    ClassParameter("three_ceff2_ur", "number", "perturbations", meaning="3 ceff2_ur"),
    ClassParameter("three_cvis2_ur", "number", "perturbations", meaning="3 cvis2_ur"),
    *_inputs("closure", "background", "Omega_Lambda", "Omega_fld"),
    ClassParameter("Omega0_k", "number", "background", equivalents=("Omega_k",), meaning="curvature"),
    ClassParameter("modes", "fixed", "perturbations", only="s"),
    ClassParameter("ic", "fixed", "perturbations", only="ad", meaning="initial conditions"),
    ClassParameter("gauge", "fixed", "perturbations", only="synchronous", meaning="0: Newtonian, 1: synchronous"),
    *_inputs("choice", "background", "N_ncdm", "use_ppf", "fluid_equation_of_state", "Quadrature strategy",
             "Number of momentum bins"),
    ClassParameter("has_fld", "choice", "background", meaning="dark energy as a fluid"),
    ClassParameter("has_idr", "choice", "background", meaning="interacting dark radiation"),
    ClassParameter("has_idm", "choice", "background", meaning="interacting dark matter"),
    ClassParameter("recombination", "choice", "thermodynamics", meaning="0: RECFAST, 1: HyRec"),
    *_inputs("choice", "thermodynamics", "recfast_photoion_mode"),
    *_inputs("choice", "perturbations", "hierarchy"),
    ClassParameter("chi_file", "choice", "thermodynamics", is_reported=False),
    ClassParameter("f_eff_file", "choice", "thermodynamics", is_reported=False),
    ClassParameter("ncdm_psd_filenames", "choice", "background", is_reported=False),
    ClassParameter("ncdm_psd_parameters", "choice", "background", is_reported=False),
    ClassParameter("tau_reio", "reionization", "thermodynamics", equivalents=("z_reio",)),
    *_inputs("reionization", "thermodynamics", "z_reio", "reio_parametrization", "reionization_width",
             "reionization_exponent", "helium_fullreio_redshift", "helium_fullreio_width", "reio_inter_num",
             "reio_inter_z", "reio_inter_xe", "binned_reio_num", "binned_reio_z", "binned_reio_xe",
             "binned_reio_step_sharpness", "many_tanh_num", "many_tanh_z", "many_tanh_xe", "many_tanh_width"),
    # after the sources
    ClassParameter("A_s", "number", "primordial", acts_on_sources=False,
                   equivalents=("ln_A_s_1e10", "ln10^{10}A_s"), found_from=("sigma8", "S8")),
    *_inputs("number", "primordial", "n_s", "alpha_s", "k_pivot", "r", "n_t", "alpha_t"),
    ClassParameter("hmcode_version", "choice", "fourier", acts_on_sources=False,
                   equivalents=("HMcode_version", "hmcode version")),
    ClassParameter("feedback_model", "choice", "fourier", acts_on_sources=False, equivalents=("feedback model",)),
    *_inputs("number", "fourier", "eta_0", "c_min", "log10T_heat_hmcode", "z_infinity", "nk_wiggle"),
    *_inputs("number", "transfer", "A_L", "lcmb_rescale", "lcmb_tilt", "lcmb_pivot"),
    *_inputs("output", "perturbations", "output", "lensing", "z_max_pk", "z_pk"),
    *(ClassParameter(name, "output", "perturbations", acts_on_sources=False, sets_reach=True)
      for name in ("l_max_scalars", "l_max_lss", "P_k_max_1/Mpc", "P_k_max_h/Mpc")),
    ClassParameter("non_linear", "output", "fourier", acts_on_sources=False, sets_reach=True),
    # options of this package
    *_inputs("network", "perturbations", "neural_network", "neural_network_path", "neural_network_fallback",
             "neural_network_learn"),
    *_inputs("network", "background", "fast_background"),
    *_inputs("network", "perturbations", "fast_tensors"),
    *_inputs("network", "fourier", "fast_non_linear"),
    *_inputs("network", "transfer", "fast_line_of_sight"),

    # precision: the background
    *_precision("background", "smaller", "a_ini_over_a_today_default", "tol_background_integration",
                "background_integration_stepsize", "tol_initial_Omega_r", "tol_M_ncdm", "tol_ncdm", "tol_ncdm_bg",
                "tol_ncdm_initial_w", "tol_ncdm_newtonian", "tol_ncdm_synchronous", "tol_tau_eq",
                "tol_shooting_deltax", "tol_shooting_deltaF", "tol_shooting_deltax_rel", "tol_fraction_accuracy",
                "Omega0_cdm_min_synchronous"),
    *_precision("background", "larger", "background_Nloga"),
    *_precision("background", "", "background_evolver", "M_nfsm_threshold"),
    # precision: the thermal history
    *_precision("thermodynamics", "smaller", "tol_thermo_integration", "thermo_integration_stepsize",
                "reionization_sampling"),
    ClassParameter("reionization_optical_depth_tol", "precision", "thermodynamics", finer="smaller", finest=1e-8),
    *_precision("thermodynamics", "larger", "thermo_z_initial", "thermo_z_initial_if_idm", "thermo_Nz_lin",
                "thermo_Nz_log", "primordial_black_hole_Nz", "noninjection_Nz_log", "noninjection_Nk_acc_diss",
                "reionization_start_factor"),
    ClassParameter("sBBN_file", "precision", "thermodynamics",
                   meaning="1: CLASS's default table of helium, as it was when this CLASS was built"),
    ClassParameter("hyrec_path", "precision", "thermodynamics",
                   meaning="1: HyRec's tables of rates, as they were when this CLASS was built"),
    *_precision("thermodynamics", "", "chi_z_Galli", "thermo_evolver", "thermo_z_linear",
                "thermo_rate_smoothing_radius", "z_end_reco_test", "k_min_acc_diss", "k_max_acc_diss",
                "z_wkb_acc_diss", "z_start_chi_approx", "reionization_z_start_max",
                *(f"recfast_{name}" for name in (
                    "Heswitch", "fudge_He", "Hswitch", "fudge_H", "delta_fudge_H", "AGauss1", "AGauss2", "zGauss1",
                    "zGauss2", "wGauss1", "wGauss2", "z_He_1", "delta_z_He_1", "z_He_2", "delta_z_He_2", "z_He_3",
                    "delta_z_He_3", "z_early_H_recombination", "delta_z_early_H_recombination",
                    "z_full_H_recombination", "delta_z_full_H_recombination", "delta_z_reio", "x_He0_trigger",
                    "x_He0_trigger2", "x_He0_trigger_delta", "x_H0_trigger", "x_H0_trigger2", "x_H0_trigger_delta",
                    "z_switch_late"))),
    # precision: the perturbations; where an approximation is numbered, its highest number switches it off
    *_precision("perturbations", "smaller", "start_small_k_at_tau_c_over_tau_h", "start_large_k_at_tau_h_over_tau_k",
                "tight_coupling_trigger_tau_c_over_tau_h", "tight_coupling_trigger_tau_c_over_tau_k",
                "tight_coupling_trigger_tau_c_over_tau_dmu_idm_g", "tight_coupling_trigger_tau_c_over_tau_R_idm_b",
                "idm_dr_tight_coupling_trigger_tau_c_over_tau_k", "idm_dr_tight_coupling_trigger_tau_c_over_tau_h",
                "perturbations_integration_stepsize", "tol_perturbations_integration", "tol_tau_approx",
                "neglect_CMB_sources_below_visibility"),
    *_precision("perturbations", "larger", "l_max_g", "l_max_pol_g", "l_max_dr", "l_max_ur", "l_max_idr", "l_max_ncdm",
                "c_gamma_k_H_square_max", "radiation_streaming_approximation",
                "radiation_streaming_trigger_tau_over_tau_k", "radiation_streaming_trigger_tau_c_over_tau",
                "idr_streaming_trigger_tau_over_tau_k", "idr_streaming_trigger_tau_c_over_tau",
                "ur_fluid_approximation", "ur_fluid_trigger_tau_over_tau_k", "ncdm_fluid_approximation",
                "ncdm_fluid_trigger_tau_over_tau_k"),
    *_precision("perturbations", "", "tight_coupling_approximation", "idr_streaming_approximation", "evolver",
                "curvature_ini", "entropy_ini", "gw_ini", "perturbations_sampling_boost_above_age_fraction"),
    # precision: where sources are tabulated, vectors and tensors
    *_grids_and_later(
        "perturbations", "k_min_tau0", "k_max_tau0_over_l_max", "k_step_sub", "k_step_super", "k_step_transition",
        "k_step_super_reduction", "k_per_decade_for_pk", "k_per_decade_for_bao", "idmdr_boost_k_per_decade_for_pk",
        "k_bao_center", "k_bao_width", "perturbations_sampling_stepsize", "start_sources_at_tau_c_over_tau_h",
        "start_vectors_at_omega_tau", "nonlinear_min_k_max", "k_max_for_pk_sigma8_min", "k_max_for_pk_sigma8_max",
        "k_max_limber_over_l_max_scalars", "l_max_g_vec", "l_max_pol_g_vec", "l_max_ur_vec", "l_max_g_ten",
        "l_max_pol_g_ten", "l_max_ur_ten"),
    # precision: the modules after the perturbations
    *_grids_and_later(
        "primordial", "k_per_decade_primordial",
        *(f"primordial_inflation_{name}" for name in (
            "ratio_min", "ratio_max", "phi_ini_maxit", "pt_stepsize", "bg_stepsize", "tol_integration",
            "attractor_precision_pivot", "attractor_precision_initial", "attractor_maxit", "tol_curvature",
            "aH_ini_target", "end_dphi", "end_logstep", "small_epsilon", "small_epsilon_tol", "extra_efolds"))),
    *_grids_and_later(
        "fourier", "sigma_k_per_decade", "halofit_min_k_nonlinear", "halofit_k_per_decade", "halofit_sigma_precision",
        "halofit_tol_sigma", "pk_eq_z_max", "pk_eq_Nzlog", "pk_eq_tol", "hmcode_max_k_extra", "hmcode_tol_sigma",
        "n_hmcode_tables", "rmin_for_sigtab", "rmax_for_sigtab", "ainit_for_growtab", "amax_for_growtab",
        "nsteps_for_p1h_integral", "mmin_for_p1h_integral", "mmax_for_p1h_integral"),
    *_grids_and_later(
        "transfer", "l_linstep", "l_logstep", "hyper_x_min", "hyper_sampling_flat", "hyper_sampling_curved_low_nu",
        "hyper_sampling_curved_high_nu", "hyper_nu_sampling_step", "hyper_phi_min_abs", "hyper_x_tol",
        "hyper_flat_approximation_nu", "q_linstep", "q_logstep_spline", "q_logstep_open", "q_logstep_trapzd",
        "q_numstep_transition", "q_logstep_limber", "l_switch_limber", "l_switch_limber_for_nc_local_over_z",
        "l_switch_limber_for_nc_los_over_z", "selection_cut_at_sigma", "selection_sampling",
        "selection_sampling_bessel", "selection_sampling_bessel_los", "selection_tophat_edge",
        "cmb_lensing_sampling_factor", "cmb_lensing_sampling_fraction",
        *(f"transfer_neglect_{name}" for name in (
            "delta_k_S_t0", "delta_k_S_t1", "delta_k_S_t2", "delta_k_S_e", "delta_k_V_t1", "delta_k_V_t2",
            "delta_k_V_e", "delta_k_V_b", "delta_k_T_t2", "delta_k_T_e", "delta_k_T_b", "late_source"))),
    *_grids_and_later(
        "lensing", "accurate_lensing", "num_mu_minus_lmax", "delta_l_max", "tol_gauss_legendre",
        "non_accurate_lensing_boundary", "lensing_C0_order", "lensing_C2_order"),
    *_grids_and_later(
        "distortions", "sd_z_min", "sd_z_max", "sd_z_size", "sd_x_min", "sd_x_max", "sd_x_size", "tol_sd_detector",
        "sd_external_path"),
)

CLASS_PARAMETERS = {parameter.name: parameter for parameter in _TABLE}
OF_REIONIZATION = frozenset(parameter.name for parameter in _TABLE if parameter.kind == "reionization")
# Parameters that act after the sources only, and the first module that they change. The patched classy runs again from
# this module.
LATER_MODULES: Mapping[str, Module] = {
    name: parameter.module for parameter in _TABLE if parameter.kind in ("number", "choice")
    and parameter.module in ("primordial", "fourier", "transfer") for name in (parameter.name, *parameter.equivalents)
}
# Networks switch these on. Full CLASS with the same switches differs from networks by the sources alone.
SAME_MODULES: Mapping[str, str | float | int] = dict.fromkeys(
    ("fast_background", "fast_tensors", "fast_line_of_sight", "fast_non_linear"), "yes")


@lru_cache(maxsize=1024)
def parameter_of(name: str) -> ClassParameter | None:
    """The parameter with this name or another that sets it, for any massive species; None for an unknown one."""
    name = NUMBER_OF_SPECIES.sub("", name)
    if name in CLASS_PARAMETERS:
        return CLASS_PARAMETERS[name]
    return next((parameter for parameter in _TABLE if name in parameter.excluded), None)


def acts_on_sources(name: str) -> bool:
    """Whether a parameter changes the source functions of scalar modes; True for one that the table does not know."""
    parameter = parameter_of(name)
    return parameter is None or parameter.acts_on_sources
