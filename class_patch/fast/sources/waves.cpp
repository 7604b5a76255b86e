/** @file waves.cpp
 *
 * See waves.h.
 */

#include <algorithm>
#include <complex>
#include "waves.h"

namespace cosmicnet {

enum {halves = panel_columns/vector_lanes, source_number = 3, power_number = 3};

Waves::Waves(const double * k, int first, int last, const double * tau, int size, double tau_rec)
  : first(first), last(last), k(k), tau(tau), size(size), tau_rec(tau_rec) {
  for (int i=0; i < size; i++) {
    const double before = (i > 0) ? tau[i]-tau[i-1] : 0., after = (i+1 < size) ? tau[i+1]-tau[i] : 0.;
    double weight = 0.5*(before+after);
    for (int power=0; power < powers; power++, weight *= tau[i]-tau_rec) weights.push_back((float)weight);
  }
  coefficients.assign((size_t)(last-first)*powers*parts,0.f);
}

/** Cosines and sines of x[lane]*factor for all lanes of a panel. */
cosmicnet_inline void waves_of_panel(const double * x, double factor, float * cosine, float * sine) {
  for (int lane=0; lane < panel_columns; lane += double_lanes) {
    double_vector s, c;
    vector_sincos(*(const double_vector *)(x+lane)*factor,s,c);
    for (int i=0; i < double_lanes; i++) {
      cosine[lane+i] = (float)c[i];
      sine[lane+i] = (float)s[i];
    }
  }
}

/** moments[((source*power_number+power)*2+part)*panel_columns+lane]: integrals of a source times cosine and sine. */
cosmicnet_for_all_processors
static void integrate_moments(const double * k, const double * tau, double tau_rec, const float * weights, int size,
                              const float * const sources[source_number], float * moments) {
  vector sums[source_number][power_number][2][halves] = {};
  for (int i=0; i < size; i++) {
    float waves[2][panel_columns];
    waves_of_panel(k,tau[i]-tau_rec,waves[0],waves[1]);
    for (int source=0; source < source_number; source++) {
      for (int part=0; part < 2; part++) {
        for (int half=0; half < halves; half++) {
          const vector value = *(const vector *)(sources[source]+(size_t)i*panel_columns+half*vector_lanes)
            *(*(const vector *)(waves[part]+half*vector_lanes));
          for (int power=0; power < power_number; power++)
            sums[source][power][part][half] += weights[i*power_number+power]*value;
        }
      }
    }
  }
  for (int source=0; source < source_number; source++)
    for (int power=0; power < power_number; power++)
      for (int part=0; part < 2; part++)
        for (int half=0; half < halves; half++)
          *(vector *)(moments+((source*power_number+power)*2+part)*panel_columns+half*vector_lanes) = sums[source][power][part][half];
}

void Waves::integrate(int panel, const float * t0, const float * t1, const float * t2) {
  typedef std::complex<double> Complex;
  const Complex i(0.,1.);
  const float * const sources[] = {t0,t1,t2};
  double at_k[panel_columns];
  float moments[source_number*power_number*2*panel_columns];
  const int begin = panel*panel_columns;
  for (int lane=0; lane < panel_columns; lane++) at_k[lane] = k[std::min(begin+lane,last-1)];
  integrate_moments(at_k,tau,tau_rec,weights.data(),size,sources,moments);
  for (int index=std::max(begin,first); index < std::min(begin+(int)panel_columns,last); index++) {
    const int lane = index-begin;
    Complex m[source_number][power_number], c1[2][power_number], c2[2][power_number];
    for (int source=0; source < source_number; source++)
      for (int power=0; power < power_number; power++) {
        const float * both = moments+(source*power_number+power)*2*panel_columns+lane;
        m[source][power] = Complex(both[0],-both[panel_columns]);
      }
    /* c_1 of the temperature is -2 times that of P */
    for (int power=0; power < power_number; power++) {
      c1[0][power] = m[1][power]+i*(m[2][power]-m[0][power]);
      c2[0][power] = i*m[1][power]-3.*m[2][power];
      c1[1][power] = -0.5*c1[0][power];
      c2[1][power] = 3.*m[2][power]-1.5*m[0][power]-2.*i*m[1][power];
    }
    const double once = 1./at_k[lane], twice = once*once;
    for (int kind=0; kind < 2; kind++) {
      const Complex of_powers[] = {once*c1[kind][0],once*c1[kind][1]+twice*c2[kind][0],once*c1[kind][2]+2.*twice*c2[kind][1]};
      for (int power=0; power < powers; power++) {
        float * place = &coefficients[((size_t)(index-first)*powers+power)*parts+2*kind];
        place[0] = (float)of_powers[power].real();
        place[1] = (float)of_powers[power].imag();
      }
    }
  }
}

cosmicnet_for_all_processors
static void evaluate_waves(const double * k, double distance, const float * coefficients, int number, float * temperature,
                           float * polarization) {
  const float over = (float)(1./distance), power[] = {over,(float)(1./(distance*distance)),(float)(1./(distance*distance*distance))};
  for (int begin=0; begin < number; begin += double_lanes) {
    double_vector x = {}, sine, cosine;
    const int some = std::min((int)double_lanes,number-begin);
    for (int lane=0; lane < some; lane++) x[lane] = k[begin+lane]*distance;
    vector_sincos(x,sine,cosine);
    for (int lane=0; lane < some; lane++) {
      const float * c = coefficients+(size_t)(begin+lane)*power_number*4;
      float sum[4];
      for (int part=0; part < 4; part++) sum[part] = power[0]*c[part]+power[1]*c[4+part]+power[2]*c[8+part];
      temperature[begin+lane] = (float)cosine[lane]*sum[0]-(float)sine[lane]*sum[1];
      polarization[begin+lane] = (float)cosine[lane]*sum[2]-(float)sine[lane]*sum[3];
    }
  }
}

void Waves::at(double at_tau, int begin, int end, float * temperature, float * polarization) const {
  evaluate_waves(k+begin,at_tau-tau_rec,&coefficients[(size_t)(begin-first)*powers*parts],end-begin,temperature,polarization);
}

}
