# cosmicnet: source tables from the cores of networks' fields, in C++ and without Python's global lock.
# Included by classy.pyx before the class Class. Called by cosmicnet.compiled, which prepares the arrays.

cdef extern from "cosmicnet/fast/sources/network_sources.h" namespace "cosmicnet":
    cdef cppclass NetworkSources:
        NetworkSources(const double *, int, const double *, int, int) except +
        void add_grid(const double *, int, const double *, const double *, int) except +
        void add_field(const float *, const float *, int, int, int, const float *, int, const float *) except +
        void set_polynomial(const double *, int, const long long *, int, int, const double *, const double *, const double *, int) except +
        void set_outputs(const double *, int) except +
        void add_term(int, int, int, int, const double *, int) except +
        void set_table(int, double *, double *, const double *)
        void set_growth(const float *, int, int)
        void set_photons(int, const int *)
        void set_rescattering(const double *, int, const double *, const double *, int, const double *) except +
        void set_waves(int, int, const int *, const double *, double) except +
        int fill(double *) except + nogil

# In the order of network_sources.h.
_NETWORK_SOURCES = ("t0", "t1", "t2", "phi_plus_psi", "delta_m", "delta_cb")
_NETWORK_SUMS = (*("early " + name for name in _NETWORK_SOURCES), *("late " + name for name in _NETWORK_SOURCES), "dark t0", "dark t2",
                 "reionized t0", "reionized t2", "m", "p", "v", "i", "slow")
_TERM_KINDS = ("plain", "growing", "slope")


cdef const double * _doubles(np.ndarray array, list kept) except? NULL:
    """The numbers of an array, which must be contiguous doubles; it is kept alive."""
    if array.dtype != np.float64 or not array.flags.c_contiguous:
        raise ValueError("contiguous doubles are needed")
    kept.append(array)
    return <const double *>array.data


cdef const double * _doubles_or_null(array, list kept) except? NULL:
    if array is None:
        return NULL
    return _doubles(array, kept)


cdef const float * _floats(np.ndarray array, list kept) except? NULL:
    if array.dtype != np.float32 or not array.flags.c_contiguous:
        raise ValueError("contiguous floats are needed")
    kept.append(array)
    return <const float *>array.data


cdef const int * _integers(np.ndarray array, list kept) except? NULL:
    if array.dtype != np.intc or not array.flags.c_contiguous:
        raise ValueError("contiguous integers are needed")
    kept.append(array)
    return <const int *>array.data


cdef const long long * _long_integers(np.ndarray array, list kept) except? NULL:
    if array.dtype != np.int64 or not array.flags.c_contiguous:
        raise ValueError("contiguous integers are needed")
    kept.append(array)
    return <const long long *>array.data


def fill_network_sources(k, tau, int first_late, grids, fields, sums, tables, in_k, growth, photons, rescattering, waves):
    """
    Fill the tables of scalar sources; returns the seconds of networks, of photons and of all else, and the name of a source that is
    not finite, or None.

    grids : list of (breaks, polynomials, values), for splines.Grid; fields : list of (mean core, components, network,
    index of the grid in time, coefficients in time, index of the grid in k, coefficients in k); sums : dict of names as in _NETWORK_SUMS to (rows, list of (index of the field,
    its first row, function of time or None, kind)); tables : dict of names to arrays (tau, k), with "p"; in_k : dict of
    names to functions of k; a network : its outputs, or (normalized inputs, factors of monomials, skip, offset, scale), for
    network.Network without layers; growth : matrix; photons : (first late row that may be reionized, numbers of free k); rescattering : (times,
    exp(-kappa), visibility, number of k, visibility at late rows) or None; waves : (first late row, first k, last k of late rows,
    scattering rate at late rows, tau_rec) or None.
    """
    cdef list kept = []
    cdef double seconds[3]
    cdef int wrong = -1
    cdef NetworkSources * work = new NetworkSources(_doubles(k, kept), k.size, _doubles(tau, kept), tau.size, first_late)
    cdef double * table
    cdef double * table_of_p
    cdef const double * function
    try:
        for breaks, polynomials, values in grids:
            work.add_grid(_doubles(breaks, kept), breaks.size - 1, _doubles(polynomials, kept), _doubles(values, kept), values.size)
        for mean, components, network, time_grid, in_time, k_grid, of_k in fields:
            work.add_field(_floats(mean, kept), _floats(components, kept), mean.shape[0], mean.shape[1], time_grid,
                           _floats(in_time, kept), k_grid, _floats(of_k, kept))
            if isinstance(network, tuple):
                z, factors, skip, offset, scale = network
                work.set_polynomial(_doubles(z, kept), z.size, _long_integers(factors, kept), factors.shape[0], factors.shape[1],
                                    _doubles(skip, kept), _doubles(offset, kept), _doubles(scale, kept), offset.size)
            else:
                work.set_outputs(_doubles(network, kept), network.size)
        for name, (rows, terms) in sums.items():
            for field, first, of_time, kind in terms:
                function = _doubles_or_null(of_time, kept)
                work.add_term(_NETWORK_SUMS.index(name), rows, field, first, function, _TERM_KINDS.index(kind))
        for index, name in enumerate(_NETWORK_SOURCES):
            table = <double *>_doubles_or_null(tables.get(name), kept)
            table_of_p = <double *>_doubles_or_null(tables.get("p") if name == "t2" else None, kept)
            function = _doubles_or_null(in_k.get(name), kept)
            work.set_table(index, table, table_of_p, function)
        if growth is not None:
            work.set_growth(_floats(growth, kept), growth.shape[0], growth.shape[1])
        work.set_photons(photons[0], _integers(photons[1], kept))
        if rescattering is not None:
            work.set_rescattering(_doubles(rescattering[0], kept), rescattering[0].size, _doubles(rescattering[1], kept),
                                  _doubles(rescattering[2], kept), rescattering[3], _doubles(rescattering[4], kept))
        if waves is not None:
            work.set_waves(waves[0], waves[1], _integers(waves[2], kept), _doubles(waves[3], kept), waves[4])
        with nogil:
            wrong = work.fill(seconds)
    finally:
        del work
    return seconds[0], seconds[1], seconds[2], None if wrong < 0 else _NETWORK_SOURCES[wrong]
