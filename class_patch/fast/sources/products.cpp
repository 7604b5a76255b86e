/** @file products.cpp
 *
 * See products.h.
 */

#include "products.h"

namespace cosmicnet {

/* Rows whose sums, with one panel, fill the registers. */
enum {rows_together = 6};

template<int rows> cosmicnet_inline void sum_rows(const Product * products, int number, int first, float * result, int stride) {
  vector sums[rows][2] = {};
  for (int i=0; i < number; i++) {
    const float * left = products[i].left+(size_t)first*products[i].stride, * right = products[i].right;
    for (int l=0; l < products[i].rank; l++, right += panel_columns) {
      const vector one = *(const vector *)right, other = *(const vector *)(right+vector_lanes);
      for (int row=0; row < rows; row++) {
        const float at = left[(size_t)row*products[i].stride+l];
        sums[row][0] += at*one;
        sums[row][1] += at*other;
      }
    }
  }
  for (int row=0; row < rows; row++)
    for (int half=0; half < 2; half++) *(vector *)(result+(size_t)(first+row)*stride+half*vector_lanes) = sums[row][half];
}

cosmicnet_for_all_processors
void sum_products(const Product * products, int number, int rows, float * result, int stride) {
  int first = 0;
  for (; first+rows_together <= rows; first += rows_together) sum_rows<rows_together>(products,number,first,result,stride);
  switch (rows-first) {
  case 5: sum_rows<5>(products,number,first,result,stride); break;
  case 4: sum_rows<4>(products,number,first,result,stride); break;
  case 3: sum_rows<3>(products,number,first,result,stride); break;
  case 2: sum_rows<2>(products,number,first,result,stride); break;
  case 1: sum_rows<1>(products,number,first,result,stride); break;
  }
}

}
