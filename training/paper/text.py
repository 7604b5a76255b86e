"""What docs/paper.md says in words."""
from __future__ import annotations

__all__ = ["FALLING_RATE", "FIELDS_TEXT", "HEADER", "LAYERS_TEXT", "PAPER_RATE", "SEARCH_TEXT"]

HEADER = """\
# CosmicNet I, faithfully

Written by `cosmicnet paper report`; do not edit. The networks that arXiv:1907.05764 describes (**faithful**), the
networks `{companion}` of this package (**default**), and full CLASS, on the same unseen cosmologies: the recipe's box
of ±{sigmas:g} sigma.

    cosmicnet paper generate {recipe}     models, resumable
    cosmicnet paper train {recipe}        networks, resumable after each epoch
    cosmicnet paper search {recipe}       hyperparameters, any number of processes
    cosmicnet paper report {recipe}       this page

`cosmicnet paper make` runs generate, train and report, with `--search` also the search. The paper's own sizes
(training/recipes/paper.toml) need {price}, and for the search {draws} times as much training.

The loss is the paper's, with equal weight at all times. S_T2 at reionisation is 4e-4 of its peak at recombination:
0.007 in the rescaled source, whose standard deviation is 1. An rms error of 5% there needs a loss of 1e-7 at these
times. With a larger loss C_l^EE at l < 20 is mostly noise of the networks.

In `classy` choose the set by `neural_network_path: nets/{name}`. Its evaluation is NumPy. Lensing and matter
sources (`phi_plus_psi`, `delta_m`, `delta_cb`) come from `{companion}`; the paper integrated the equations for the
lensing potential.

Differences from the paper: CLASS is version {class_version}, which has {k_size} wavenumbers for the middle of the
box, not 568; the middle of the box replaces the best fit. Training uses CLASS's own times (about 600 per model),
which in this version are already dense around recombination and reionisation; the paper refined them itself. The
network of the epoch with the smallest validation loss is kept, because at a constant rate the loss fluctuates by a
factor of ten; the paper does not say which it keeps, and ranks its 500 networks by the loss of the last epoch. {rate}
1/k_D² of eq. 2.7 is integrated from CLASS's a and κ', and tau_reio is the conformal time of CLASS's z_reio."""

PAPER_RATE = "Adam's rate is the paper's."
FALLING_RATE = "For the same reason Adam's rate decreases from epoch to epoch; the paper's is constant."

LAYERS_TEXT = """\
## Tables 2 to 4: layers

The paper prints shapes and rounded numbers of parameters. It does not print the kernels of the convolutions, and
gives the connections only in Figure 2 and a few words. Its own numbers determine nearly all of them:

- The output layer of S_T0 has 197K parameters = 568 (154 + 192 + 1), and that of S_T2 181K = 568 (245 + 73 + 1): the
  skip connection from dense1 goes to the output, past the central layers. S_T1's 26K = 568 (44 + 1): no skip.
  (Section 2.2.3 has the skip go "to the central dense layer", which these numbers exclude.)
- dense6 of S_T0 has 143K = 289 (138 + 196 + 24 + 8·9 + 9·7 + 1): its inputs are dense3, dense4, dense5 and the last
  pools of both channels; likewise for dense6 of S_T2 and dense4 of S_T1 (66K, 9K).
- Lengths follow from strides of 6, 3, 5, 3 (S_T0), 4, 2, 6, 3 (S_T2) and 14, 5, 14, 5 (S_T1) with zeros at the ends,
  and all pools are 2 wide. Cosine and sine are the two channels of conv1, the damping envelope that of conv3.
- Kernels: the shortest that leaves no value out (not shorter than the stride) and rounds to the printed number.
- dense4 of S_T0 and S_T2 takes the parameters and dense5 the scales, as in S_T1, where only 5 inputs give the printed
  0.2K of dense3.

The networks of this page have the third pair of columns, with the {k_size} wavenumbers of CLASS {class_version}."""

SEARCH_TEXT = """\
Draws are trained for the epochs of the recipe and ranked by validation loss. The best are judged by the mean of eq.
3.2 over the hyperparameter set: unlensed TT for S_T0 and S_T1, EE for S_T2, each with the sources of full CLASS for
the other two, by the fast line of sight. The first draw has the hyperparameters of the recipe, and is always judged.
Epochs of a draw, out of those of the networks above: {epochs}. With few epochs the ranking shows how fast a network
learns, and the best draw need not be the best network."""

FIELDS_TEXT = """\
They have no layers over k and τ. A source is a sum of pieces with known factors (docs/architecture.md). Each piece in
each region of time is a field, in coordinates in which it is nearly the same in all cosmologies. A field is a mean
plus a few components. Polynomials and a small dense network of the inputs below give their coefficients. The trained
numbers are those of polynomials and layers; the stored ones add mean, components and splines."""
