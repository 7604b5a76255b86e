/** @file cosmicnet_halo_sum.c
 *
 * See cosmicnet_halo_sum.h.
 */

#include <algorithm>
#include <cmath>
#include "trigonometric_integrals.h"
#include "cosmicnet_halo_sum.h"

namespace cosmicnet {

/* Spacing of the wavenumbers in ln k and of the table in ln x. Below 0.005/Mpc the sum is a constant and a little k^2. */
static const double spacing = 0.05, k_flat = 0.005;
/* Interpolation from here down is by a parabola in k^2 through nodes that are so far apart. */
enum {flat_stride = 10};
/* Haloes with less than this part of the sum at k = 0 are left out. */
static const double negligible = 1e-15;

/** Lagrange's weights of six neighbours, -2 to 3, for a point `fraction` of the way from neighbour 0 to 1. */
static void lagrange(double fraction, double * weight) {
  for (int p=0; p < neighbours; p++) {
    weight[p] = 1.;
    for (int other=0; other < neighbours; other++)
      if (other != p) weight[p] *= (fraction+2.-other)/(p-other);
  }
}

/** g(x) and 1 - x f(x), at ln x from `begin` on. */
class Profile {
public:
  /* ln x of the first node, number of nodes */
  static constexpr double begin = -45.;
  enum {size = 1300};

  Profile() {
    ErrorMsg message;
    for (int i=0; i < size; i++) {
      double x = exp(begin+i*spacing), si, ci;
      sine_integral(x,&si,message);
      cosine_integral(x,&ci,message);
      si -= 0.5*_PI_;
      g[i] = -cos(x)*ci-sin(x)*si;
      h[i] = 1.-x*(sin(x)*ci-cos(x)*si);
    }
  }

  double g[size], h[size];
};

constexpr double Profile::begin;

/** One halo's first neighbour in the table, and the weights. */
struct TablePoint {
  int first;
  double weight[neighbours];

  bool find(double x, int number) {
    double place = (log(x)-Profile::begin)/spacing;
    if (!((place >= 2.) && (place+number+4. < (double)Profile::size))) return false;
    int below = (int)place;
    first = below-2;
    lagrange(place-below,weight);
    return true;
  }
};

static const Profile & profile() {
  static const Profile table;
  return table;
}

HaloSum::HaloSum(const std::vector<double> & k) {
  double ln_k_flat = log(k_flat);
  int last = 2*flat_stride;
  for (double k_one : k) {
    Stencil stencil = {};
    double place = (log(k_one)-ln_k_flat)/spacing;
    if (place < 2.) {
      stencil.stride = flat_stride;
      double node[3];
      for (int p=0; p < 3; p++) node[p] = exp(2.*(ln_k_flat+p*flat_stride*spacing));
      for (int p=0; p < 3; p++) {
        stencil.weight[p] = 1.;
        for (int other=0; other < 3; other++)
          if (other != p) stencil.weight[p] *= (k_one*k_one-node[other])/(node[p]-node[other]);
      }
    }
    else {
      stencil.begin = (int)place-2;
      stencil.stride = 1;
      lagrange(place-(int)place,stencil.weight);
    }
    last = std::max(last,stencil.begin+(neighbours-1)*stencil.stride);
    stencils.push_back(stencil);
  }
  for (int i=0; (i <= last) || (i%double_lanes != 0); i++) {
    node_k.push_back(exp(ln_k_flat+i*spacing));
    inverse_k.push_back(1./node_k[i]);
  }
}

struct HaloInLoop {
  TablePoint at_x, at_y;
  double weight, scale, offset, z_over_k, k_over_y;
};

cosmicnet_inline double_vector between(const double * table, const TablePoint & at, int j) {
  double_vector sum = all_lanes(0.);
  for (int p=0; p < neighbours; p++) sum += at.weight[p]*(*(const double_vector *)(table+at.first+j+p));
  return sum;
}

cosmicnet_for_all_processors
static void add_halo(const HaloInLoop & halo, const double * g, const double * h, const double * k, const double * inverse_k,
                     int size, double * sum) {
  for (int j=0; j < size; j += double_lanes) {
    double_vector k_here = *(const double_vector *)(k+j), inverse_here = *(const double_vector *)(inverse_k+j);
    double_vector sine, cosine;
    vector_sincos(halo.z_over_k*k_here,sine,cosine);
    double_vector transform = between(g,halo.at_x,j)-between(g,halo.at_y,j)*cosine
      -between(h,halo.at_y,j)*(halo.k_over_y*inverse_here)*sine;
    double_vector whole = halo.scale*transform+halo.offset;
    *(double_vector *)(sum+j) += halo.weight*whole*whole;
  }
}

cosmicnet_for_all_processors
static void logarithms(double * values, int size) {
  for (int j=0; j < size; j += double_lanes) *(double_vector *)(values+j) = vector_log(*(double_vector *)(values+j));
}

bool HaloSum::logarithm(const HaloProfiles & haloes, double * result) const {
  const Profile & table = profile();
  double total = 0.;
  for (double weight : haloes.weight) total += fabs(weight);
  std::fill(result,result+size(),0.);
  for (size_t m=0; m < haloes.weight.size(); m++) {
    if (fabs(haloes.weight[m]) < negligible*total) continue;
    double c = haloes.concentration[m], r_s = haloes.scale_radius[m];
    HaloInLoop halo;
    if (!halo.at_x.find(node_k[0]*r_s,size()) || !halo.at_y.find(node_k[0]*r_s*(1.+c),size())) return false;
    halo.weight = haloes.weight[m];
    halo.scale = haloes.factor[m]/(log(1.+c)-c/(1.+c));
    halo.offset = haloes.stars;
    halo.z_over_k = r_s*c;
    halo.k_over_y = 1./(r_s*(1.+c));
    add_halo(halo,table.g,table.h,node_k.data(),inverse_k.data(),size(),result);
  }
  logarithms(result,size());
  return true;
}

}
