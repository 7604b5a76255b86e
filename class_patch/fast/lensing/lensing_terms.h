/** @file lensing_terms.h
 *
 * CLASS's lensed correlation functions, term by term. Each term is a product of a function of the multipole and a
 * function of the angle.
 */

#ifndef __COSMICNET_LENSING_TERMS__
#define __COSMICNET_LENSING_TERMS__


namespace cosmicnet {

/** The correlation functions: ksi, ksiX, ksip, ksim of lensing_init(). */
enum Spectrum {spectrum_tt, spectrum_te, spectrum_plus, spectrum_minus, spectrum_number};

/** factor Cgl2^power_2 Cgl^power_0 at_mu(sigma2) sum_l (2l+1)/(4 pi) C_l exp(-l(l+1) sigma2/2) at_l(l) d^l_{m n}(mu). */
struct Term {
  Spectrum spectrum;
  int m, n;
  int power_2, power_0;
  double factor;
  double (*at_l)(double l);
  double (*at_mu)(double sigma2);
};

/** All terms to the highest orders that CLASS knows. */
extern const Term lensing_terms[];
extern const int lensing_term_number;

}

#endif
