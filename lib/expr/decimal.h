/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decimal.h - exact decimal arithmetic on unscaled 128-bit integers.
 *
 * A DECIMAL(p, s) is an integer below 10^38 with s digits after the point.
 * Every function rounds HALF_UP to the wanted scale and returns false when the
 * result has more than precision digits, as Flink does (whose value is NULL then).
 */
#ifndef FL_EXPR_DECIMAL_H
#define FL_EXPR_DECIMAL_H

#include "column/batch.h"

typedef unsigned __int128 fl_u128;

#define FL_DECIMAL_PRECISION_MAX 38u
/* Flink keeps at least that many fraction digits when a result is cut to 38. */
#define FL_DECIMAL_SCALE_KEPT 6u

fl_i128 fl_decimal_pow10(uint32_t n); /* n <= 38 */
bool fl_decimal_fits(fl_i128 v, uint32_t precision);
bool fl_decimal_rescale(
    fl_i128 v, uint32_t from_scale, uint32_t precision, uint32_t scale, fl_i128 *out);
bool fl_decimal_add(fl_i128 a, uint32_t a_scale, fl_i128 b, uint32_t b_scale, uint32_t precision,
    uint32_t scale, fl_i128 *out);
bool fl_decimal_mul(fl_i128 a, uint32_t a_scale, fl_i128 b, uint32_t b_scale, uint32_t precision,
    uint32_t scale, fl_i128 *out);
/* b must not be 0. */
bool fl_decimal_div(fl_i128 a, uint32_t a_scale, fl_i128 b, uint32_t b_scale, uint32_t precision,
    uint32_t scale, fl_i128 *out);
bool fl_decimal_mod(fl_i128 a, uint32_t a_scale, fl_i128 b, uint32_t b_scale, uint32_t precision,
    uint32_t scale, fl_i128 *out);
/* Exact, whatever the scales: < 0, 0, > 0. */
int fl_decimal_compare(fl_i128 a, uint32_t a_scale, fl_i128 b, uint32_t b_scale);
double fl_decimal_to_double(fl_i128 v, uint32_t scale);

#endif
