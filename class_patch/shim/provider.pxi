# cosmicnet: connects CLASS's perturbation module to a source provider in Python. It knows CLASS's structures, but no physics.
# Included by classy.pyx before the class Class.

import hashlib
import json
import os

from cpython.pythread cimport PyThread_get_thread_ident

cdef extern from "cosmicnet/shim/without_gil.h":
    pass

cdef extern from "cosmicnet/shim/memory.h":
    void cosmicnet_keep_memory()

cdef extern from "cosmicnet/shim/wavenumbers.h":
    ctypedef struct cosmicnet_own_wavenumbers "struct cosmicnet_own_wavenumbers":
        pass
    int cosmicnet_add_wavenumbers(perturbations *, cosmicnet_own_wavenumbers *)
    void cosmicnet_keep_wavenumbers(cosmicnet_own_wavenumbers *)
    int cosmicnet_remove_wavenumbers(perturbations *, cosmicnet_own_wavenumbers *)

cdef extern from "cosmicnet/shim/class_state.h":
    int _SUCCESS_
    ctypedef void (*cosmicnet_sink)(void *, const char *, double) noexcept
    ctypedef void (*cosmicnet_file_sink)(void *, const char *, const char *, const char *) noexcept
    void cosmicnet_list_precision(precision *, cosmicnet_sink, void *)
    void cosmicnet_list_files(precision *, cosmicnet_file_sink, void *)
    void cosmicnet_list_setup(background *, thermodynamics *, perturbations *, cosmicnet_sink, void *)
    void cosmicnet_list_cosmology(background *, thermodynamics *, cosmicnet_sink, void *)
    void cosmicnet_list_tables(perturbations *, int, cosmicnet_sink, void *)
    void cosmicnet_list_unusual(precision *, background *, thermodynamics *, perturbations *, cosmicnet_sink, void *)
    const char * cosmicnet_columns[]
    int cosmicnet_column_number
    int cosmicnet_evaluate_columns(background *, thermodynamics *, const double *, int, double *, char *)

# Digest of the files of CLASS that determine the source functions, before the patch.
SOURCE_DIGEST = "@SOURCE_DIGEST@"
# Files in which this CLASS differs from the release that the patch was made for.
CHANGED_FILES = tuple(json.loads("""@CHANGED_FILES@"""))
# Digests, at build time, of the tables that CLASS reads at run time.
_TABLE_DIGESTS = json.loads("""@TABLE_DIGESTS@""")


cdef class Class


cdef int _require_own(Class owner) except -1:
    """Raise CosmoSevereError if another thread is in compute() of this object."""
    if owner._computing != 0 and owner._computing != PyThread_get_thread_ident():
        raise CosmoSevereError("another thread is computing with this object; each thread needs one of its own")
    return 0


cdef class _Occupied:
    """A lock: the object belongs to this thread for the lifetime of the lock."""

    cdef Class owner
    cdef unsigned long before

    def __cinit__(self, Class owner):
        _require_own(owner)
        self.before = owner._computing
        owner._computing = PyThread_get_thread_ident()
        self.owner = owner

    def __dealloc__(self):
        if self.owner is not None:
            self.owner._computing = self.before


cdef void _put_into_dict(void * target, const char * name, double value) noexcept:
    (<dict>target)[name.decode()] = value


cdef void _put_file_into_dict(void * target, const char * name, const char * default_name, const char * path) noexcept:
    (<dict>target)[name.decode()] = _number_of_tables(default_name.decode(), os.fsdecode(path))


# by path: time and size of the file at the last reading, and its digest
_DIGESTS_READ = {}


def _digest_of_table(path):
    """SHA-256 of the file; None if there is none."""
    try:
        status = os.stat(path)
        state = (status.st_mtime_ns, status.st_size)
        if _DIGESTS_READ.get(path, (None,))[0] != state:
            with open(path, "rb") as file:
                content = file.read().replace(b"\r\n", b"\n")
            _DIGESTS_READ[path] = (state, hashlib.sha256(content).hexdigest())
    except OSError:
        return None
    return _DIGESTS_READ[path][1]


def _number_of_tables(default_name, path):
    """A file or folder of tables as a number: 1 if all tables are those of the build, else a hash of their content."""
    expected = {name: digest for name, digest in _TABLE_DIGESTS.items() if ("/" + name).startswith(default_name)}
    if not expected:
        return 1. if path.endswith(default_name) else 0.
    found = {name: _digest_of_table(path + ("/" + name)[len(default_name):]) for name in expected}
    if found == expected:
        return 1.
    content = hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()
    # a whole number that a float represents exactly
    return 2. + int(content[:12], 16)


class SourceRequest:
    """
    State of perturbations_init() when the sources are needed; the argument of provide(). The arrays are
    views of CLASS's own memory, valid during provide() only.

    k : array, shape (k_size,), 1/Mpc; tau : array, shape (tau_size,), Mpc.
    k_size_cmb : int, how many of the k enter the CMB spectra by line-of-sight integration.
    tables : dict, name as in get_sources() to a writable array of shape (tau_size, k_size).
    initial_conditions : int, number of initial conditions (tables are those of the first).
    cosmology, setup, precision : dict, name to float.
    history : dict, name to array of shape (tau_size,): background and thermodynamics at tau.
    parameters : dict, the parameters of this computation as CLASS reads them.
    """

    def __init__(self, k, k_size_cmb, tau, tables, initial_conditions, cosmology, setup, precision,
                 history, connection):
        self.parameters = connection.parameters_of_class()
        self.k = k
        self.k_size_cmb = k_size_cmb
        self.tau = tau
        self.tables = tables
        self.initial_conditions = initial_conditions
        self.cosmology = cosmology
        self.setup = setup
        self.precision = precision
        self.history = history
        self._connection = connection

    def integrate_on(self, k, tau):
        """
        Have CLASS integrate at these k (1/Mpc) and tau (Mpc) instead of its own; for training only.

        Returns a dict of arrays of shape (tau.size, k.size), filled after provide() has returned
        False and valid as long as the Class object keeps that computation: the tables, and
        'theta_b' (theta_b/k^2 in Mpc) and 'phi_prime' (1/Mpc) in the Newtonian gauge; and the
        columns of history at the new tau. Compute up to 'perturbations' only: later modules rely on
        CLASS's own grids.

        Raises ValueError if a grid is empty, larger than CLASS's own, not positive and increasing, if
        tau goes beyond today, or if a module after 'perturbations' was asked for.
        """
        return self._connection.integrate_on(np.asarray(k, dtype=float), np.asarray(tau, dtype=float))

    def record(self):
        """
        Have CLASS integrate on its own grids, as without a provider, and pass on the result.

        After the integration provider.integrated(recorded) is called, with a dict like that of integrate_on() and CLASS's
        own k and tau; the arrays are valid during that call only. provide() has to return False.

        Returns False, and records nothing, if there are isocurvature modes or CLASS integrates its equations
        in a search for the amplitude.
        """
        return self._connection.record()

    def _forget_views(self):
        """Drop the views: CLASS may free this memory once provide() has returned."""
        self.k = self.tau = None
        self.tables = {}


cdef class _SourceConnection:
    """Connects one compute() to its provider: passes the request on, keeps a raised exception."""

    cdef object provider
    cdef object error
    cdef object recorded
    cdef object parameters # as CLASS reads them
    cdef bint is_recording # whether integrated() of the provider is to be called
    cdef object place # variable or file that switched the networks on; None if the parameters did
    cdef bint asked
    cdef bint provided
    cdef bint perturbations_only
    # background or amplitude were prepared for networks; if these decline, CLASS starts again without them
    cdef bint may_start_again
    cdef bint has_declined
    cdef bint adds_wavenumbers
    # sigma8 or S8 in place of A_s, its value, and its value at the reference A_s; None if networks search for no amplitude
    cdef object searched
    cdef object target
    cdef double at_reference
    cdef background * pba
    cdef thermodynamics * pth
    cdef perturbations * ppt

    def __init__(self, provider):
        self.provider = provider
        self.error = None
        self.recorded = None
        self.parameters = {}
        self.is_recording = False
        self.place = None
        self.asked = False
        self.provided = False
        self.perturbations_only = False
        self.may_start_again = False
        self.has_declined = False
        self.adds_wavenumbers = False
        self.searched = None
        self.target = None
        self.at_reference = 0.

    cdef void connect(self, perturbations * ppt, bint perturbations_only):
        if self.has_declined:
            return
        self.perturbations_only = perturbations_only
        self.provided = False
        self.is_recording = False
        self.ppt = ppt
        ppt.source_provider = _call_provider
        ppt.source_provider_data = <void *>self

    def integrate_on(self, np.ndarray[DTYPE_t, ndim=1] k, np.ndarray[DTYPE_t, ndim=1] tau):
        cdef perturbations * ppt = self.ppt
        cdef int md = ppt.index_md_scalars
        cdef int index
        for name, grid, size in (("k", k, ppt.k_size[md]), ("tau", tau, ppt.tau_size)):
            if not 0 < grid.size <= size:
                raise ValueError("%s: %d values, must be 1 to %d" % (name, grid.size, size))
            # written so that NaN fails as well
            if not (grid[0] > 0 and np.isfinite(grid[grid.size - 1]) and (np.diff(grid) > 0).all()):
                raise ValueError("%s: must be positive, finite and increasing" % name)
        if tau[tau.size - 1] > self.pba.conformal_age:
            raise ValueError("tau: %.10g Mpc is beyond today, %.10g"
                             % (tau[tau.size - 1], self.pba.conformal_age))
        if ppt.ln_tau_size > 1 or ppt.ic_size[md] != 1:
            raise ValueError("other grids work for z_pk = 0 and one initial condition only")
        if not self.perturbations_only:
            raise ValueError("other grids work for compute('perturbations') only: what follows needs CLASS's own")
        for index in range(k.size):
            ppt.k[md][index] = k[index]
        for index in range(tau.size):
            ppt.tau_sampling[index] = tau[index]
        # fewer points than were allocated: nothing to move, nothing more to free
        ppt.k_size[md] = k.size
        ppt.tau_size = tau.size
        return self.recorded_tables()

    def parameters_of_class(self):
        return {str(name).strip(): value for name, value in self.parameters.items()}

    def record(self):
        if self.searched is not None or self.ppt.ic_size[self.ppt.index_md_scalars] != 1:
            return False
        self.recorded_tables()
        self.is_recording = True
        return True

    def recorded_tables(self):
        """The tables, and new arrays into which CLASS writes quantities that it does not keep."""
        cdef perturbations * ppt = self.ppt
        cdef int md = ppt.index_md_scalars
        cdef np.ndarray[DTYPE_t, ndim=2] theta_b = np.zeros((ppt.tau_size, ppt.k_size[md]))
        cdef np.ndarray[DTYPE_t, ndim=2] phi_prime = np.zeros((ppt.tau_size, ppt.k_size[md]))
        ppt.recorded_theta_b = <double *>theta_b.data
        ppt.recorded_phi_prime = <double *>phi_prime.data
        # a reference, because CLASS writes into them after this call
        self.recorded = {**_source_tables(ppt, self.pba.N_ncdm), "theta_b": theta_b, "phi_prime": phi_prime,
                         **_history(self.pba, self.pth, ppt)}
        return self.recorded


cdef object _view_1d(double * data, int size):
    return np.asarray(<double[:size]>data)


cdef dict _source_tables(perturbations * ppt, int N_ncdm):
    """Views (tau, k) of the tables of scalar modes, first initial condition, by get_sources() name."""
    cdef int md = ppt.index_md_scalars
    cdef int index_tp, n_k = ppt.k_size[md], n_tau = ppt.tau_size
    indices = {}
    cosmicnet_list_tables(ppt, N_ncdm, _put_into_dict, <void *>indices)
    names = {int(index): name for name, index in indices.items()}
    tables = {}
    for index_tp in range(ppt.tp_size[md]):
        # a modified CLASS may have other tables
        name = names.get(index_tp, "unnamed_%d" % index_tp)
        tables[name] = np.asarray(<double[:n_tau, :n_k]>ppt.sources[md][index_tp])
    return tables


cdef dict _history(background * pba, thermodynamics * pth, perturbations * ppt):
    """Columns of class_state.h at tau_sampling, by name."""
    cdef np.ndarray[DTYPE_t, ndim=2] columns = np.empty((cosmicnet_column_number, ppt.tau_size))
    cdef ErrorMsg message
    cdef int index
    message[0] = 0
    if cosmicnet_evaluate_columns(pba, pth, ppt.tau_sampling, ppt.tau_size,
                                  <double *>columns.data, message) == _FAILURE_:
        raise CosmoComputationError(message)
    history = {}
    for index in range(cosmicnet_column_number):
        history[cosmicnet_columns[index].decode()] = columns[index]
    return history


cdef object _make_request(_SourceConnection connection, precision * ppr, background * pba,
                          thermodynamics * pth, perturbations * ppt):
    cdef int md = ppt.index_md_scalars
    cosmology, setup, precision_values = {}, {}, {}
    cosmicnet_list_cosmology(pba, pth, _put_into_dict, <void *>cosmology)
    cosmicnet_list_unusual(ppr, pba, pth, ppt, _put_into_dict, <void *>cosmology)
    cosmicnet_list_setup(pba, pth, ppt, _put_into_dict, <void *>setup)
    cosmicnet_list_precision(ppr, _put_into_dict, <void *>precision_values)
    cosmicnet_list_files(ppr, _put_file_into_dict, <void *>precision_values)
    connection.pba = pba
    connection.pth = pth
    return SourceRequest(
        k=_view_1d(ppt.k[md], ppt.k_size[md]),
        k_size_cmb=ppt.k_size_cmb[md],
        tau=_view_1d(ppt.tau_sampling, ppt.tau_size),
        tables=_source_tables(ppt, pba.N_ncdm),
        initial_conditions=ppt.ic_size[md],
        cosmology=cosmology,
        setup=setup,
        precision=precision_values,
        history=_history(pba, pth, ppt),
        connection=connection,
    )


cdef int _call_provider(void * data, precision * ppr, background * pba, thermodynamics * pth,
                        perturbations * ppt) noexcept with gil:
    """The C callback. No Python exception may pass through CLASS: compute() raises it later."""
    cdef _SourceConnection connection = <_SourceConnection>data
    cdef cosmicnet_own_wavenumbers own
    try:
        connection.asked = True
        if connection.adds_wavenumbers and cosmicnet_add_wavenumbers(ppt, &own) == _FAILURE_:
            return _FAILURE_
        was_provided = False
        try:
            request = _make_request(connection, ppr, pba, pth, ppt)
            try:
                was_provided = connection.provider.provide(request)
            finally:
                request._forget_views()
        finally:
            if connection.adds_wavenumbers:
                if was_provided:
                    cosmicnet_keep_wavenumbers(&own)
                elif cosmicnet_remove_wavenumbers(ppt, &own) == _FAILURE_:
                    return _FAILURE_
        if was_provided:
            # the provider sees the tables of the first only
            if ppt.ic_size[ppt.index_md_scalars] != 1:
                raise ValueError("sources were provided for one of %d initial conditions"
                                 % ppt.ic_size[ppt.index_md_scalars])
            ppt.scalars_provided = _TRUE_
            connection.provided = True
        elif not connection.is_recording and connection.may_start_again and (pba.background_is_fast or connection.searched is not None):
            connection.has_declined = True
            return _FAILURE_
    except BaseException as error:
        connection.error = error
        text = ("%s: %s" % (type(error).__name__, error)).encode("utf-8", "replace")[:1500]
        snprintf(ppt.error_message, sizeof(ErrorMsg), "%s", <char *>text)
        return _FAILURE_
    return _SUCCESS_


cdef _SourceConnection _to_start_again_without(object connection):
    """The connection if its provider declined and CLASS has not started again yet, else None."""
    cdef _SourceConnection made
    if connection is None:
        return None
    made = <_SourceConnection>connection
    return made if made.has_declined and made.may_start_again else None


def _raise_provider_error(connection):
    """After a failed perturbations_init(): raise the provider's exception, if there is one."""
    if connection is None:
        return
    error = (<_SourceConnection>connection).error
    if error is None:
        return
    # the traceback refers to the request and thereby to the connection: break this cycle, which would delay freeing
    (<_SourceConnection>connection).error = None
    # KeyboardInterrupt and SystemExit pass as they are
    if isinstance(error, CosmoError) or not isinstance(error, Exception):
        raise error
    # a provider sets this attribute where only this cosmology fails, not the set-up
    kind = CosmoComputationError if getattr(error, "this_cosmology_only", False) else CosmoSevereError
    raise kind(str(error)) from error


cdef int _tell_integrated(Class self) except -1:
    """After perturbations_init(): give the provider the recorded tables."""
    if self._connection is None:
        return 0
    cdef _SourceConnection connection = <_SourceConnection>self._connection
    if not connection.is_recording:
        return 0
    connection.is_recording = False
    recorded, connection.recorded = connection.recorded, None
    # they point into `recorded`
    self.pt.recorded_theta_b = NULL
    self.pt.recorded_phi_prime = NULL
    try:
        connection.provider.integrated(recorded)
    except Exception as error:
        self.struct_cleanup()
        raise CosmoSevereError(str(error)) from error
    return 0


def _connection_info(connection):
    if connection is None:
        return {"used": False, "reason": "neural_network is not set to yes"}
    cdef _SourceConnection made = <_SourceConnection>connection
    reason = None
    if not made.provided:
        reason = "the provider left it to CLASS" if made.asked else "no sources of scalar modes were needed"
    from_provider = made.provider.info() if hasattr(made.provider, "info") else {}
    place = {} if made.place is None else {"switched_on_by": made.place}
    return {"reason": reason, **from_provider, **place, "used": made.provided}
