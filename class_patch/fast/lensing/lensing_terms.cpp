/** @file lensing_terms.cpp
 *
 * The terms of lensing_init(), from astro-ph/0502425 and astro-ph/0601594. See lensing_terms.h.
 */

#include <cmath>
#include "lensing_terms.h"

namespace cosmicnet {

/* X_000, X_220, ... of lensing_init() are products of exp(-l(l+1) sigma2/4), a factor of l and a factor of sigma2,
   for X_220 f220 and g220. X_p000, X_p022, X_121 and X_132 have another sign; it drops out of products of two. */
static double f000(double l) {return 0.25*l*(l+1.);}
static double f022(double l) {return f000(l)-1.;}
static double f220(double l) {return 0.25*sqrt((l+2.)*(l+1.)*l*(l-1.));}
static double f121(double l) {return 0.5*sqrt((l+2.)*(l-1.));}
static double f132(double l) {return 0.5*sqrt((l+3.)*(l-2.));}
static double f242(double l) {return 0.25*sqrt((l+4.)*(l+3.)*(l-2.)*(l-3.));}

static double g022(double sigma2) {return 1.+sigma2*(1.+0.5*sigma2);}
static double g220(double sigma2) {return 1.+0.5*sigma2;}
static double g121(double sigma2) {return 1.+2./3.*sigma2;}
static double g132(double sigma2) {return 1.+5./3.*sigma2;}
static double g242(double sigma2) {return 1.+2.5*sigma2;}

/* factors common to several terms: 2 X_p000 sqrt5 in lensing_init(), and x/Cgl2 to powers */
static double f101(double l) {return 0.5*sqrt(l*(l+1.));}
static double x3(double l) {return 8.*f000(l)*f000(l)*f000(l);}
static double x4(double l) {return 2.*f000(l)*x3(l);}
static double one(double) {return 1.;}

#define at_l [] (double l) -> double
#define at_mu [] (double s) -> double

const Term lensing_terms[] = {
  {spectrum_tt, 0, 0, 0, 0, 1., one, one},
  {spectrum_tt, 1,-1, 1, 0, 2., f000, one},
  {spectrum_tt, 0, 0, 2, 0, 1., at_l {return f000(l)*f000(l);}, one},
  {spectrum_tt, 2,-2, 2, 0, 1., at_l {return f220(l)*f220(l);}, at_mu {return g220(s)*g220(s);}},
  {spectrum_tt, 1,-1, 3, 0, 1./8., x3, one},
  {spectrum_tt, 3,-3, 3, 0, 1./24., x3, one},
  {spectrum_tt, 0, 0, 4, 0, 1./64., x4, one},
  {spectrum_tt, 2,-2, 4, 0, 1./48., x4, one},
  {spectrum_tt, 4,-4, 4, 0, 1./192., x4, one},
  {spectrum_tt, 0, 0, 0, 1, -2., f000, one},
  {spectrum_tt, 1, 1, 0, 1, 2., f000, one},

  {spectrum_te, 2, 0, 0, 0, 1., one, g022},
  {spectrum_te, 1, 1, 1, 0, 1., at_l {return f101(l)*f121(l);}, g121},
  {spectrum_te, 3,-1, 1, 0, 1., at_l {return f101(l)*f132(l);}, g132},
  {spectrum_te, 2, 0, 2, 0, 1., at_l {return f022(l)*f000(l);}, g022},
  {spectrum_te, 2, 0, 2, 0, 0.5, at_l {return f220(l)*f220(l);}, at_mu {return g220(s)*g220(s);}},
  {spectrum_te, 4,-2, 2, 0, 0.5, at_l {return f220(l)*f242(l);}, at_mu {return g220(s)*g242(s);}},
  {spectrum_te, 1, 1, 3, 0, 1./16., x3, one},
  {spectrum_te, 3,-1, 3, 0, 1./12., x3, one},
  {spectrum_te, 5,-3, 3, 0, 1./48., x3, one},
  {spectrum_te, 2, 0, 4, 0, 10./384., x4, one},
  {spectrum_te, 4,-2, 4, 0, 5./384., x4, one},
  {spectrum_te, 2, 0, 0, 1, -1., at_l {return f000(l)+f022(l);}, g022},
  {spectrum_te, 3, 1, 0, 1, 1., at_l {return f101(l)*f132(l);}, g132},
  {spectrum_te, 1,-1, 0, 1, 1., at_l {return f101(l)*f121(l);}, g121},

  {spectrum_plus, 2, 2, 0, 0, 1., one, at_mu {return g022(s)*g022(s);}},
  {spectrum_plus, 3, 1, 1, 0, 2., at_l {return f132(l)*f121(l);}, at_mu {return g132(s)*g121(s);}},
  {spectrum_plus, 2, 2, 2, 0, 1., at_l {return f022(l)*f022(l);}, at_mu {return g022(s)*g022(s);}},
  {spectrum_plus, 4, 0, 2, 0, 1., at_l {return f242(l)*f220(l);}, at_mu {return g242(s)*g220(s);}},
  {spectrum_plus, 3, 1, 3, 0, 1./8., x3, one},
  {spectrum_plus, 5,-1, 3, 0, 1./24., x3, one},
  {spectrum_plus, 2, 2, 4, 0, 1./64., x4, one},
  {spectrum_plus, 4, 0, 4, 0, 1./48., x4, one},
  {spectrum_plus, 6,-2, 4, 0, 1./192., x4, one},
  {spectrum_plus, 2, 2, 0, 1, -2., f022, at_mu {return g022(s)*g022(s);}},
  {spectrum_plus, 3, 3, 0, 1, 1., at_l {return f132(l)*f132(l);}, at_mu {return g132(s)*g132(s);}},
  {spectrum_plus, 1, 1, 0, 1, 1., at_l {return f121(l)*f121(l);}, at_mu {return g121(s)*g121(s);}},

  {spectrum_minus, 2,-2, 0, 0, 1., one, at_mu {return g022(s)*g022(s);}},
  {spectrum_minus, 1,-1, 1, 0, 1., at_l {return f121(l)*f121(l);}, at_mu {return g121(s)*g121(s);}},
  {spectrum_minus, 3,-3, 1, 0, 1., at_l {return f132(l)*f132(l);}, at_mu {return g132(s)*g132(s);}},
  {spectrum_minus, 2,-2, 2, 0, 1., at_l {return f022(l)*f022(l);}, at_mu {return g022(s)*g022(s);}},
  {spectrum_minus, 0, 0, 2, 0, 0.5, at_l {return f220(l)*f220(l);}, at_mu {return g220(s)*g220(s);}},
  {spectrum_minus, 4,-4, 2, 0, 0.5, at_l {return f242(l)*f242(l);}, at_mu {return g242(s)*g242(s);}},
  {spectrum_minus, 1,-1, 3, 0, 1./12., x3, one},
  {spectrum_minus, 3,-3, 3, 0, 1./16., x3, one},
  {spectrum_minus, 0, 0, 4, 0, 1./96., x4, one},
  {spectrum_minus, 2,-2, 4, 0, 7./384., x4, one},
  {spectrum_minus, 4,-4, 4, 0, 1./96., x4, one},
  {spectrum_minus, 2,-2, 0, 1, -2., f022, at_mu {return g022(s)*g022(s);}},
  {spectrum_minus, 3,-1, 0, 1, 2., at_l {return f121(l)*f132(l);}, at_mu {return g121(s)*g132(s);}},
};

const int lensing_term_number = sizeof(lensing_terms)/sizeof(Term);

}
