/** @file halo_sum.cpp
 *
 * See halo_sum.h.
 */

#include <algorithm>
#include <cmath>
#include "trigonometric_integrals.h"
#include "halo_sum.h"

namespace cosmicnet {

/* Spacing of the nodes in ln k and of the table in ln x. Below k_flat (1/Mpc) the sum is nearly constant, with a small term
   in k^2. CLASS's wavenumbers that are farther apart in ln k than `sparse` are nodes themselves. */
static const double spacing = 0.05, k_flat = 0.005, sparse = 0.025;
/* Below k_flat sums are interpolated by a parabola in k^2 through nodes this many steps apart. */
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
  double place;
  int first;
  double weight[neighbours];

  /** False if the table does not contain all x from `x_first` to `x_last`. */
  bool find(double x_first, double x_last, int even_number) {
    place = (log(x_first)-Profile::begin)/spacing;
    double last = (log(x_last)-Profile::begin)/spacing;
    if (!((place >= 2.) && (std::max(place+even_number,last)+4. < (double)Profile::size))) return false;
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
  int last = (neighbours-1)*flat_stride;
  size_t even_end = k.size();
  while ((even_end > 1) && (k[even_end-1] > k_flat*exp(3.*spacing)) && (log(k[even_end-1]/k[even_end-2]) >= sparse))
    even_end--;
  for (size_t i=0; i < even_end; i++) {
    Stencil stencil = {};
    double k_one = k[i], place = (log(k_one)-ln_k_flat)/spacing;
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
  for (int i=0; (i <= last) || (i%double_lanes != 0); i++) node_k.push_back(exp(ln_k_flat+i*spacing));
  even_number = (int)node_k.size();
  for (size_t i=even_end; i < k.size(); i++) {
    Stencil stencil = {};
    stencil.begin = (int)node_k.size();
    stencil.weight[0] = 1.;
    stencils.push_back(stencil);
    node_k.push_back(k[i]);
  }
  while (node_k.size()%double_lanes != 0) node_k.push_back(node_k.back());
  for (double k_one : node_k) {
    inverse_k.push_back(1./k_one);
    steps.push_back(log(k_one/node_k[0])/spacing);
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

/** The same at any four places of the table: weights of the neighbours, and the number of the first of each. */
struct FourPlaces {
  double_vector weight[neighbours];
  int first[double_lanes];
};

cosmicnet_inline void find_four(double_vector place, FourPlaces & four) {
  double_vector below;
  for (int lane=0; lane < double_lanes; lane++) {
    four.first[lane] = (int)place[lane]-2;
    below[lane] = (int)place[lane];
  }
  for (int p=0; p < neighbours; p++) {
    double_vector product = all_lanes(1.);
    double denominator = 1.;
    for (int other=0; other < neighbours; other++) {
      if (other == p) continue;
      product *= place-below+(2.-other);
      denominator *= p-other;
    }
    four.weight[p] = product/denominator;
  }
}

cosmicnet_inline double_vector between(const double * table, const FourPlaces & four) {
  double_vector sum = all_lanes(0.);
  for (int p=0; p < neighbours; p++) {
    const double * at = table+p;
    sum += four.weight[p]*double_vector{at[four.first[0]],at[four.first[1]],at[four.first[2]],at[four.first[3]]};
  }
  return sum;
}

cosmicnet_inline void add_squares(const HaloInLoop & halo, double_vector k, double_vector inverse_k, double_vector g_x,
                                  double_vector g_y, double_vector h_y, double * sum) {
  double_vector sine, cosine;
  vector_sincos(halo.z_over_k*k,sine,cosine);
  double_vector whole = halo.scale*(g_x-g_y*cosine-h_y*(halo.k_over_y*inverse_k)*sine)+halo.offset;
  *(double_vector *)sum += halo.weight*whole*whole;
}

cosmicnet_inline double_vector read(const double * values) {
  return *(const double_vector *)values;
}

/** One halo at `size` wavenumbers, the first `even_number` of them evenly spaced. */
cosmicnet_for_all_processors
static void add_halo(const HaloInLoop & halo, const double * g, const double * h, const double * k, const double * inverse_k,
                     const double * steps, int even_number, int size, double * sum) {
  for (int j=0; j < even_number; j += double_lanes)
    add_squares(halo,read(k+j),read(inverse_k+j),between(g,halo.at_x,j),between(g,halo.at_y,j),between(h,halo.at_y,j),sum+j);
  for (int j=even_number; j < size; j += double_lanes) {
    FourPlaces x, y;
    find_four(halo.at_x.place+read(steps+j),x);
    find_four(halo.at_y.place+read(steps+j),y);
    add_squares(halo,read(k+j),read(inverse_k+j),between(g,x),between(g,y),between(h,y),sum+j);
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
    for (TablePoint * at : {&halo.at_x,&halo.at_y}) {
      double radius = (at == &halo.at_x) ? r_s : r_s*(1.+c);
      if (!at->find(node_k[0]*radius,node_k.back()*radius,even_number)) return false;
    }
    halo.weight = haloes.weight[m];
    halo.scale = haloes.factor[m]/(log(1.+c)-c/(1.+c));
    halo.offset = haloes.stars;
    halo.z_over_k = r_s*c;
    halo.k_over_y = 1./(r_s*(1.+c));
    add_halo(halo,table.g,table.h,node_k.data(),inverse_k.data(),steps.data(),even_number,size(),result);
  }
  logarithms(result,size());
  return true;
}

Transition::Transition(const struct fourier * pfo, const HaloSum & halo_sum, enum hmcode_version version)
  : halo_sum(halo_sum), ln_k(pfo->ln_k,pfo->ln_k+pfo->k_size), version(version) {
  for (int lane=0; lane < double_lanes; lane++)
    alpha[lane] = k_star[lane] = damping[lane] = k_damping[lane] = displacement[lane] = 1.;
}

void Transition::set(int lane, const HaloModel & model, double displacement) {
  alpha[lane] = model.alpha;
  k_star[lane] = model.k_star;
  damping[lane] = model.damping;
  k_damping[lane] = model.k_damping;
  this->displacement[lane] = displacement;
}

/** Linear power and one-halo factor of the version of 2015. */
cosmicnet_inline void damp_2015(double_vector k, double_vector k_star, double_vector damping, double_vector displacement,
                                double_vector & linear, double_vector & one_halo) {
  double_vector x = k/k_star, x2 = x*x;
  one_halo = (x2 > all_lanes(7.)) ? all_lanes(1.) : 1.-vector_exp(-x2);
  one_halo = (x2 < all_lanes(1e-5)) ? x2*(1.-0.5*x2) : one_halo;
  double_vector root = damping;
  for (int lane=0; lane < double_lanes; lane++) root[lane] = sqrt(damping[lane]);
  double_vector tangent = 1.-2./(vector_exp(2.*k*displacement/root)+1.);
  linear *= 1.-damping*tangent*tangent;
}

/** The same for the version of 2020. */
cosmicnet_inline void damp_2020(double_vector k, double_vector ln_k_damped, double_vector k_star, double_vector damping,
                                double_vector & linear, double_vector & one_halo) {
  double_vector x = k/k_star, x4 = x*x*x*x;
  one_halo = x4/(1.+x4);
  double_vector s = vector_exp(2.8534197*ln_k_damped);
  linear *= 1.-damping*s/(1.+s);
}

cosmicnet_for_all_processors
void Transition::add(double sign, const Lanes & lnpk_lanes, const Lanes * wiggles_lanes, const Lanes & ln_haloes_lanes,
                     Lanes & result_lanes, bool * is_positive) const {
  const double_vector * lnpk = lnpk_lanes.data(), * ln_haloes = ln_haloes_lanes.data(),
    * wiggles = (wiggles_lanes == NULL) ? NULL : wiggles_lanes->data();
  double_vector * result = result_lanes.data();
  double_vector exponent = read(alpha), star = read(k_star), damped = read(damping), smoothing = read(displacement);
  double_vector ln_k_damping = all_lanes(0.), smallest = all_lanes(1.);
  if (version == hmcode_version_2020) ln_k_damping = vector_log(read(k_damping));
  const double ln_norm = -log(2.*_PI_*_PI_);
  for (size_t i=0; i < ln_k.size(); i++) {
    double_vector k = vector_exp(all_lanes(ln_k[i]));
    double to_power = 3.*ln_k[i]+ln_norm;
    double_vector linear = vector_exp(lnpk[i]+to_power), one_halo = all_lanes(1.);
    if (wiggles != NULL) linear += (vector_exp(-k*k*smoothing*smoothing)-1.)*wiggles[i];
    if (version == hmcode_version_2015) damp_2015(k,star,damped,smoothing,linear,one_halo);
    if (version == hmcode_version_2020) damp_2020(k,ln_k[i]-ln_k_damping,star,damped,linear,one_halo);
    double_vector ln_one_halo = halo_sum.interpolate(ln_haloes,(int)i)+to_power+vector_log(one_halo);
    smallest = (linear > all_lanes(0.)) ? smallest : linear;
    double_vector sum = vector_exp(exponent*ln_one_halo)+vector_exp(exponent*vector_log(linear));
    result[i] += sign*(vector_log(sum)/exponent-to_power);
  }
  for (int lane=0; lane < double_lanes; lane++) is_positive[lane] = (smallest[lane] > 0.);
}

}
