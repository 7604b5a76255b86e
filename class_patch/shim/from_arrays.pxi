# cosmicnet: line of sight, lensing and HMcode from arrays, without background, thermodynamics and perturbations of CLASS.
# Included by classy.pyx before the class Class. Users call cosmicnet.spectra, which checks the arrays.

cdef extern from "cosmicnet/shim/from_arrays.h":
    struct cosmicnet_given:
        pass
    struct cosmicnet_densities:
        double h, matter, baryons, cdm, massive, curvature, dark_energy, w0, wa, T_cmb, N_eff
    void cosmicnet_give_grids(perturbations *, cosmicnet_given *, double *, int, int, double *, int)
    void cosmicnet_give_cmb_sources(background *, thermodynamics *, perturbations *, cosmicnet_given *, double, double, double,
                                    double *, double *, double *, double *)
    int cosmicnet_give_primordial(primordial *, const double *, const double *, int)
    int cosmicnet_give_unlensed(harmonic *, const double *, int)
    int cosmicnet_read_unlensed(harmonic *, int, double *)
    void cosmicnet_read_lensed(lensing *, int, double *)
    int cosmicnet_give_background(precision *, background *, const cosmicnet_densities *)
    void cosmicnet_forget_background(background *)
    void cosmicnet_give_matter(perturbations *, cosmicnet_given *, double *, double *)
    void cosmicnet_read_corrections(fourier *, double *, double *)


def _after_input(parameters):
    """A Class object that has read its parameters, and no more."""
    run = Class()
    # no default of the process or the user switches networks on
    run.set({"neural_network": "no", **parameters})
    run.compute(["input"])
    return run


def line_of_sight_of_arrays(parameters, np.ndarray[DTYPE_t, ndim=1] k, int k_size_cmb, np.ndarray[DTYPE_t, ndim=1] tau, tables,
                            double curvature, double tau_rec, double distance_rec, np.ndarray[DTYPE_t, ndim=1] ln_k,
                            np.ndarray[DTYPE_t, ndim=1] ln_p, int l_max):
    """
    Unlensed spectra tt, ee, te, pp, tp, each from l = 2 to l_max, as the rows of an array.

    parameters : dict of CLASS's, with the output; tables : four contiguous arrays (tau.size, k.size), t0, t1, t2, phi_plus_psi.
    """
    cdef Class run = _after_input(parameters)
    cdef cosmicnet_given given
    cdef np.ndarray[DTYPE_t, ndim=2] t0 = tables[0], t1 = tables[1], t2 = tables[2], phi_plus_psi = tables[3]
    cdef np.ndarray[DTYPE_t, ndim=2] cl = np.empty((5, l_max - 1))
    try:
        cosmicnet_give_grids(&run.pt, &given, <double *>k.data, k.size, k_size_cmb, <double *>tau.data, tau.size)
        cosmicnet_give_cmb_sources(&run.ba, &run.th, &run.pt, &given, curvature, tau_rec, distance_rec, <double *>t0.data,
                                   <double *>t1.data, <double *>t2.data, <double *>phi_plus_psi.data)
        if cosmicnet_give_primordial(&run.pm, <double *>ln_k.data, <double *>ln_p.data, ln_k.size) == _FAILURE_:
            raise CosmoComputationError(run.pm.error_message)
        # no P(k), only the step at which the primordial spectrum is to be sampled
        if fourier_init(&run.pr, &run.ba, &run.th, &run.pt, &run.pm, &run.fo) == _FAILURE_:
            raise CosmoComputationError(run.fo.error_message)
        if transfer_init(&run.pr, &run.ba, &run.th, &run.pt, &run.fo, &run.tr) == _FAILURE_:
            raise CosmoComputationError(run.tr.error_message)
        if harmonic_init(&run.pr, &run.ba, &run.pt, &run.pm, &run.fo, &run.tr, &run.hr) == _FAILURE_ \
                or cosmicnet_read_unlensed(&run.hr, l_max, <double *>cl.data) == _FAILURE_:
            raise CosmoComputationError(run.hr.error_message)
    finally:
        run.struct_cleanup()
    return cl


def lensing_of_arrays(parameters, np.ndarray[DTYPE_t, ndim=2] cl, int l_max):
    """
    Lensed spectra tt, ee, te, bb, each from l = 2 to l_max, as the rows of an array.

    parameters : with the delta_l_max by which cl goes on; cl : contiguous, a row for each l from 2 on: unlensed tt, ee, te, bb,
    pp.
    """
    cdef Class run = _after_input(parameters)
    cdef np.ndarray[DTYPE_t, ndim=2] lensed = np.empty((4, l_max - 1))
    try:
        if cosmicnet_give_unlensed(&run.hr, <double *>cl.data, cl.shape[0] + 1) == _FAILURE_:
            raise CosmoComputationError(run.hr.error_message)
        if lensing_init(&run.pr, &run.pt, &run.hr, &run.fo, &run.le) == _FAILURE_:
            raise CosmoComputationError(run.le.error_message)
        cosmicnet_read_lensed(&run.le, l_max, <double *>lensed.data)
    finally:
        run.struct_cleanup()
    return lensed


def hmcode_of_arrays(parameters, np.ndarray[DTYPE_t, ndim=1] k, np.ndarray[DTYPE_t, ndim=1] label, delta_m, delta_cb,
                     densities):
    """
    Square roots of the ratio of non-linear to linear spectra, of all matter and without massive neutrinos (None if there are
    none), (label.size, k.size); 1 at times that are beyond the reach of the model.

    label : square roots of the scale factors, increasing, the last of them 1; delta_m, delta_cb : contiguous, (label.size,
    k.size), the densities of a primordial spectrum of 1; densities : dict with the members of cosmicnet_densities.
    """
    cdef Class run = _after_input(parameters)
    cdef cosmicnet_given given
    cdef cosmicnet_densities of = densities
    cdef np.ndarray[DTYPE_t, ndim=2] source_m = delta_m, source_cb
    cdef np.ndarray[DTYPE_t, ndim=2] matter = np.empty((label.size, k.size)), without
    # far beyond the wavenumbers to which HMcode extrapolates
    cdef np.ndarray[DTYPE_t, ndim=1] ln_k = np.log(k[0]) + np.linspace(-1., 40., 4), ln_p = np.zeros(4)
    cdef double * data_cb = NULL
    cdef double * without_data = NULL
    if delta_cb is not None:
        source_cb, without = delta_cb, np.empty((label.size, k.size))
        data_cb, without_data = <double *>source_cb.data, <double *>without.data
    try:
        cosmicnet_give_grids(&run.pt, &given, <double *>k.data, k.size, k.size, <double *>label.data, label.size)
        cosmicnet_give_matter(&run.pt, &given, <double *>source_m.data, data_cb)
        if cosmicnet_give_background(&run.pr, &run.ba, &of) == _FAILURE_:
            raise CosmoComputationError(run.ba.error_message)
        if cosmicnet_give_primordial(&run.pm, <double *>ln_k.data, <double *>ln_p.data, ln_k.size) == _FAILURE_:
            raise CosmoComputationError(run.pm.error_message)
        if fourier_init(&run.pr, &run.ba, &run.th, &run.pt, &run.pm, &run.fo) == _FAILURE_:
            raise CosmoComputationError(run.fo.error_message)
        cosmicnet_read_corrections(&run.fo, <double *>matter.data, without_data)
    finally:
        cosmicnet_forget_background(&run.ba)
        run.struct_cleanup()
    return matter, (None if delta_cb is None else without)
