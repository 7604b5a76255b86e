/** @file products.h
 *
 * Products of matrices in single precision, for a few columns at a time.
 */

#ifndef __COSMICNET_PRODUCTS__
#define __COSMICNET_PRODUCTS__

#include "../vector.h"

namespace cosmicnet {

/* Columns of one panel: two vectors. A matrix in panels has all rows of its first columns, then all rows of the next ones. */
enum {panel_columns = 2*vector_lanes};

static inline int panels_of(int columns) { return (columns+panel_columns-1)/panel_columns; }

/** Rows of `rank` numbers, `stride` apart, times a panel of `rank` rows. */
struct Product {
  const float * left;
  int stride;
  const float * right;
  int rank;
};

/** The sum of products, result[row*stride+column] for all columns of a panel. Each number is summed in the order of the products,
    whatever the other rows are. */
void sum_products(const Product * products, int number, int rows, float * result, int stride);

}

#endif
