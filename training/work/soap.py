"""The optimizer SOAP (Vyas et al., arXiv:2409.11321): Adam in the axes of the gradients' own covariances.

The gradient G of a matrix has the covariances G G^T and G^T G. In their common axes Adam's steps take account of how
the weights act together, not only of each by itself. Sources at neighbouring wavenumbers and times are nearly the same,
which makes this worth more here than it costs.
"""
from __future__ import annotations

from math import prod
from typing import Any

from .keras_setup import load_keras

__all__ = ["soap"]

MOMENTUM = 0.95
# Memory of second moments and covariances.
MEMORY = 0.95
# The axes follow the covariances every so many steps, by one step of the power iteration.
STEPS_OF_AXES = 10
WARM_UP = 100
# A side of a matrix beyond this keeps its own axes. For the output layer they are the right ones: in the mean square
# all wavenumbers are independent.
LARGEST_SIDE = 500
# Rescaled sources are known to 1e-4 and better, their gradients are small.
EPSILON = 1e-12


def soap(learning_rate: float) -> Any:
    """The optimizer as Keras takes, saves and loads it; its rate rises from zero in the first WARM_UP steps."""
    return _optimizer_class()(learning_rate=learning_rate)


def _optimizer_class() -> Any:
    """Made at the first call, so that only training loads Keras."""
    keras = load_keras()
    ops = keras.ops
    name = "cosmicnet>SOAP"
    known = keras.saving.get_custom_objects()
    if name in known:
        return known[name]

    base: Any = keras.optimizers.Optimizer

    class SOAP(base):  # type: ignore[misc]

        def build(self, variables: list[Any]) -> None:
            if self.built:
                return
            super().build(variables)
            self._moments, self._squares, self._covariances, self._axes = [], [], [], []
            for number, variable in enumerate(variables):
                shape = _as_matrix(variable.shape)
                self._moments.append(self._new(shape, f"moment{number}"))
                self._squares.append(self._new(shape, f"square{number}"))
                sides = [n if len(shape) == 2 and n <= LARGEST_SIDE else None for n in shape]
                self._covariances.append([n and self._new((n, n), f"covariance{number}_{i}")
                                          for i, n in enumerate(sides)])
                self._axes.append([n and self._new((n, n), f"axes{number}_{i}", "identity")
                                   for i, n in enumerate(sides)])

        def _new(self, shape: tuple[int, ...], label: str, initializer: str = "zeros") -> Any:
            return self.add_variable(shape=shape, initializer=initializer, name=label)

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            number = self._get_variable_index(variable)
            moment, square = self._moments[number], self._squares[number]
            covariances, axes = self._covariances[number], self._axes[number]
            steps = ops.cast(self.iterations + 1, variable.dtype)
            gradient = ops.reshape(ops.cast(gradient, variable.dtype), _as_matrix(variable.shape))
            moment.assign(MOMENTUM * moment + (1.0 - MOMENTUM) * gradient)
            for side, covariance in enumerate(covariances):
                if covariance is not None:
                    now = gradient @ ops.transpose(gradient) if side == 0 else ops.transpose(gradient) @ gradient
                    covariance.assign(MEMORY * covariance + (1.0 - MEMORY) * now)
            square.assign(MEMORY * square + (1.0 - MEMORY) * ops.square(_turned(gradient, axes, ops)))
            # both moments begin at zero
            mean = _turned(moment, axes, ops) / (1.0 - ops.power(MOMENTUM, steps))
            size = ops.sqrt(square / (1.0 - ops.power(MEMORY, steps))) + EPSILON
            step = _turned(mean / size, [axis if axis is None else ops.transpose(axis) for axis in axes], ops)
            rate = ops.cast(learning_rate, variable.dtype) * ops.minimum(1.0, steps / WARM_UP)
            variable.assign_sub(rate * ops.reshape(step, variable.shape))
            follow = ops.equal(self.iterations % STEPS_OF_AXES, 0)
            for covariance, axis in zip(covariances, axes, strict=True):
                if axis is not None:
                    axis.assign(ops.cond(follow, lambda c=covariance, a=axis: ops.qr(c @ a)[0], lambda a=axis: a + 0.0))

    keras.saving.register_keras_serializable(package="cosmicnet", name="SOAP")(SOAP)
    return SOAP


def _turned(matrix: Any, axes: list[Any], ops: Any) -> Any:
    """The matrix in other axes, axes^T matrix axes; a side without axes stays."""
    if axes[0] is not None:
        matrix = ops.transpose(axes[0]) @ matrix
    if len(axes) == 2 and axes[1] is not None:
        matrix = matrix @ axes[1]
    return matrix


def _as_matrix(shape: tuple[int, ...]) -> tuple[int, ...]:
    """(inputs, outputs) of a kernel of any shape; a bias stays a row."""
    return (prod(shape[:-1]), shape[-1]) if len(shape) > 1 else tuple(shape)
