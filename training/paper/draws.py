"""What a search may draw: hyperparameters by the number of the draw, from log-uniform ranges (section 3.2)."""
from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from cosmicnet.paper.architecture import Architecture, Convolution, layers

from .recipe import Hyperparameters, PaperRecipe

__all__ = ["OWN", "draw_architecture", "without_wavenumbers"]

# The number of what has the recipe's own hyperparameters.
OWN = 0


def draw_architecture(recipe: PaperRecipe, source: str, number: int) -> Architecture:
    """The hyperparameters of a draw, from log-uniform ranges; as many layers as the recipe's network has, which is
    the first of them."""
    settings = recipe.search
    given: Hyperparameters = getattr(recipe.networks, source).hyperparameters
    if number == OWN:
        return given.architecture(source)
    generator = np.random.default_rng([settings.seed, zlib.crc32(source.encode()), number])

    def one(limits: tuple[int, int]) -> int:
        low, high = limits
        return int(np.exp(generator.uniform(np.log(low), np.log(high + 1))))

    def convolutions(number_of_layers: int) -> tuple[Convolution, ...]:
        return tuple(Convolution(one(settings.filters), one(settings.kernel),
                                 one(settings.stride if i else settings.first_stride), one(settings.pool))
                     for i in range(number_of_layers))

    return Architecture(
        source, tuple(one(settings.width) for _ in given.times), one(settings.width), one(settings.width),
        convolutions(len(given.oscillations)), convolutions(len(given.damping)),
        tuple(one(settings.width) for _ in given.central))


def without_wavenumbers(recipe: PaperRecipe, source: str, k_size: int) -> Iterator[tuple[tuple[str, ...], str]]:
    """The entry of the recipe and the reason where its own strides and pools, or the largest that may be drawn, leave
    none of so many wavenumbers."""
    settings, given = recipe.search, getattr(recipe.networks, source).hyperparameters

    def largest(number: int) -> tuple[Convolution, ...]:
        return tuple(Convolution(1, 1, settings.stride[1] if i else settings.first_stride[1], settings.pool[1])
                     for i in range(number))

    own = given.architecture(source)
    largest_of_all = replace(own, oscillations=largest(len(given.oscillations)), damping=largest(len(given.damping)))
    for entry, architecture in ((("networks", source, "hyperparameters"), own), (("search",), largest_of_all)):
        try:
            layers(architecture, k_size)
        except ValueError as error:
            yield entry, f"the largest strides and pools are too much for {k_size} wavenumbers: {error}"
