/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decimal.c - exact decimal arithmetic on unscaled 128-bit integers.
 *
 * Everything common fits 128 bits and takes the short way.  Products and
 * dividends of two 38-digit numbers need up to 77 digits: those go through 256
 * bits in 32-bit limbs, with Knuth's algorithm D for the division (TAOCP 4.3.1).
 */
#include "expr/expr.h"

#include <assert.h>
#include <stdlib.h>

#include "decimal.h"

#define LIMBS 8 /* 256 bits */

struct wide {
	uint32_t limb[LIMBS]; /* little end first */
};

static fl_u128
magnitude(fl_i128 v)
{
	return v < 0 ? -(fl_u128)v : (fl_u128)v;
}

fl_i128
fl_decimal_pow10(uint32_t n)
{
	static const uint64_t small[] = {1u, 10u, 100u, 1000u, 10000u, 100000u, 1000000u, 10000000u,
	    100000000u, 1000000000u, 10000000000u, 100000000000u, 1000000000000u, 10000000000000u,
	    100000000000000u, 1000000000000000u, 10000000000000000u, 100000000000000000u,
	    1000000000000000000u, 10000000000000000000u};

	assert(n <= FL_DECIMAL_PRECISION_MAX);
	return n < 20 ? (fl_i128)small[n] : (fl_i128)small[19] * (fl_i128)small[n - 19];
}

bool
fl_decimal_fits(fl_i128 v, uint32_t precision)
{
	return magnitude(v) < (fl_u128)fl_decimal_pow10(precision);
}

/* ---- 256 bits ---- */

static struct wide
wide_mul(fl_u128 a, fl_u128 b)
{
	struct wide r = {{0}};

	for (int i = 0; i < 4; i++) {
		uint64_t carry = 0;

		for (int j = 0; j < 4; j++) {
			uint64_t t =
			    (uint64_t)(uint32_t)(a >> (32 * i)) * (uint32_t)(b >> (32 * j)) +
			    r.limb[i + j] + carry;

			r.limb[i + j] = (uint32_t)t;
			carry = t >> 32;
		}
		r.limb[i + 4] = (uint32_t)carry;
	}
	return r;
}

static struct wide
wide_mul_small(struct wide a, uint32_t by)
{
	uint64_t carry = 0;

	for (int i = 0; i < LIMBS; i++) {
		uint64_t t = (uint64_t)a.limb[i] * by + carry;

		a.limb[i] = (uint32_t)t;
		carry = t >> 32;
	}
	return a;
}

static bool
wide_fits_128(const struct wide *a, fl_u128 *out)
{
	*out = 0;
	for (int i = 3; i >= 0; i--)
		*out = *out << 32 | a->limb[i];
	return (a->limb[4] | a->limb[5] | a->limb[6] | a->limb[7]) == 0;
}

/* a /= d; returns the remainder. */
static fl_u128
wide_div(struct wide *a, fl_u128 d)
{
	uint32_t u[LIMBS + 1], v[4];
	struct wide q = {{0}};
	fl_u128 rem = 0;
	int n = 4, shift;

	assert(d != 0);
	while ((uint32_t)(d >> (32 * (n - 1))) == 0)
		n--;
	if (n == 1) {
		uint64_t r = 0;

		for (int i = LIMBS - 1; i >= 0; i--) {
			uint64_t t = r << 32 | a->limb[i];

			a->limb[i] = (uint32_t)(t / (uint32_t)d);
			r = t % (uint32_t)d;
		}
		return r;
	}
	shift = __builtin_clz((uint32_t)(d >> (32 * (n - 1))));
	for (int i = 0; i < n; i++)
		v[i] = (uint32_t)((d << shift) >> (32 * i));
	u[LIMBS] = shift == 0 ? 0 : a->limb[LIMBS - 1] >> (32 - shift);
	for (int i = LIMBS - 1; i > 0; i--)
		u[i] = a->limb[i] << shift | (shift == 0 ? 0 : a->limb[i - 1] >> (32 - shift));
	u[0] = a->limb[0] << shift;
	for (int j = LIMBS - n; j >= 0; j--) {
		uint64_t top = (uint64_t)u[j + n] << 32 | u[j + n - 1];
		uint64_t guess = top / v[n - 1], r = top % v[n - 1];
		uint64_t carry = 0;
		int64_t borrow = 0;

		while (guess >> 32 != 0 || guess * v[n - 2] > (r << 32 | u[j + n - 2])) {
			guess--;
			r += v[n - 1];
			if (r >> 32 != 0)
				break;
		}
		for (int i = 0; i < n; i++) {
			uint64_t p = guess * v[i] + carry;
			int64_t t = (int64_t)u[i + j] - borrow - (int64_t)(p & 0xffffffffu);

			u[i + j] = (uint32_t)t;
			borrow = t < 0;
			carry = p >> 32;
		}
		int64_t t = (int64_t)u[j + n] - borrow - (int64_t)carry;
		u[j + n] = (uint32_t)t;
		if (t < 0) { /* one too many: add the divisor back */
			uint64_t c = 0;

			guess--;
			for (int i = 0; i < n; i++) {
				c += (uint64_t)u[i + j] + v[i];
				u[i + j] = (uint32_t)c;
				c >>= 32;
			}
			u[j + n] += (uint32_t)c;
		}
		q.limb[j] = (uint32_t)guess;
	}
	for (int i = n - 1; i >= 0; i--)
		rem = rem << 32 | u[i];
	*a = q;
	return rem >> shift;
}

/* a * 10^n; the caller knows that it fits. */
static struct wide
wide_scale_up(struct wide a, uint32_t n)
{
	for (; n >= 9; n -= 9)
		a = wide_mul_small(a, 1000000000u);
	return wide_mul_small(a, (uint32_t)fl_decimal_pow10(n));
}

/* a / 10^n rounded HALF_UP; n any. */
static void
wide_scale_down(struct wide *a, uint32_t n)
{
	while (n > FL_DECIMAL_PRECISION_MAX) { /* digits cut early cannot reach the last one */
		(void)wide_div(a, (fl_u128)fl_decimal_pow10(19));
		n -= 19;
	}
	if (n == 0)
		return;
	fl_u128 d = (fl_u128)fl_decimal_pow10(n);
	fl_u128 rem = wide_div(a, d);
	for (int i = 0; rem >= d - rem && i < LIMBS; i++)
		if (++a->limb[i] != 0)
			break;
}

/* ---- decimals ---- */

static bool
give(fl_u128 m, bool negative, uint32_t precision, fl_i128 *out)
{
	if (m >= (fl_u128)fl_decimal_pow10(precision))
		return false;
	*out = negative ? -(fl_i128)m : (fl_i128)m;
	return true;
}

bool
fl_decimal_rescale(fl_i128 v, uint32_t from_scale, uint32_t precision, uint32_t scale, fl_i128 *out)
{
	fl_u128 m = magnitude(v);

	if (scale > from_scale) {
		uint32_t by = scale - from_scale;

		if (m != 0 && (by > FL_DECIMAL_PRECISION_MAX ||
				  m >= (fl_u128)fl_decimal_pow10(FL_DECIMAL_PRECISION_MAX - by)))
			return false; /* over 38 digits whatever precision is */
		m = m == 0 ? 0 : m * (fl_u128)fl_decimal_pow10(by);
	} else if (scale < from_scale) {
		uint32_t by = from_scale - scale;

		if (by > FL_DECIMAL_PRECISION_MAX) {
			m = 0;
		} else {
			fl_u128 d = (fl_u128)fl_decimal_pow10(by), rem = m % d;

			m = m / d + (rem >= d - rem);
		}
	}
	return give(m, v < 0, precision, out);
}

bool
fl_decimal_add(fl_i128 a, uint32_t a_scale, fl_i128 b, uint32_t b_scale, uint32_t precision,
    uint32_t scale, fl_i128 *out)
{
	uint32_t s = a_scale > b_scale ? a_scale : b_scale;
	fl_i128 x, y, sum;

	if (fl_decimal_rescale(a, a_scale, FL_DECIMAL_PRECISION_MAX, s, &x) &&
	    fl_decimal_rescale(b, b_scale, FL_DECIMAL_PRECISION_MAX, s, &y) &&
	    !__builtin_add_overflow(x, y, &sum))
		return fl_decimal_rescale(sum, s, precision, scale, out);
	/* Aligned to one scale they need more than 128 bits. */
	bool a_negative = a < 0, b_negative = b < 0;
	struct wide wa = wide_scale_up(wide_mul(magnitude(a), 1), s - a_scale);
	struct wide wb = wide_scale_up(wide_mul(magnitude(b), 1), s - b_scale);
	bool negative = a_negative;
	fl_u128 m;

	if (a_negative == b_negative) {
		uint64_t carry = 0;

		for (int i = 0; i < LIMBS; i++) {
			carry += (uint64_t)wa.limb[i] + wb.limb[i];
			wa.limb[i] = (uint32_t)carry;
			carry >>= 32;
		}
	} else {
		int64_t borrow = 0;
		int i = LIMBS - 1;

		while (i > 0 && wa.limb[i] == wb.limb[i])
			i--;
		if (wa.limb[i] < wb.limb[i]) {
			struct wide t = wa;

			wa = wb;
			wb = t;
			negative = b_negative;
		}
		for (i = 0; i < LIMBS; i++) {
			int64_t t = (int64_t)wa.limb[i] - wb.limb[i] - borrow;

			wa.limb[i] = (uint32_t)t;
			borrow = t < 0;
		}
	}
	if (scale < s)
		wide_scale_down(&wa, s - scale);
	return wide_fits_128(&wa, &m) && scale <= s && give(m, negative, precision, out);
}

bool
fl_decimal_mul(fl_i128 a, uint32_t a_scale, fl_i128 b, uint32_t b_scale, uint32_t precision,
    uint32_t scale, fl_i128 *out)
{
	bool negative = (a < 0) != (b < 0);
	fl_i128 product;
	fl_u128 m;

	if (!__builtin_mul_overflow(a, b, &product))
		return fl_decimal_rescale(product, a_scale + b_scale, precision, scale, out);
	struct wide w = wide_mul(magnitude(a), magnitude(b));
	if (a_scale + b_scale > scale)
		wide_scale_down(&w, a_scale + b_scale - scale);
	return wide_fits_128(&w, &m) && give(m, negative, precision, out);
}

static uint32_t
digit_count(fl_u128 m)
{
	uint32_t n = 0;

	while (n < FL_DECIMAL_PRECISION_MAX && m >= (fl_u128)fl_decimal_pow10(n))
		n++;
	return m >= (fl_u128)fl_decimal_pow10(FL_DECIMAL_PRECISION_MAX) ? 39 : n;
}

bool
fl_decimal_div(fl_i128 a, uint32_t a_scale, fl_i128 b, uint32_t b_scale, uint32_t precision,
    uint32_t scale, fl_i128 *out)
{
	bool negative = (a < 0) != (b < 0);
	fl_u128 n = magnitude(a), d = magnitude(b), m;
	int32_t up = (int32_t)scale - (int32_t)a_scale + (int32_t)b_scale;

	assert(b != 0);
	/* The short way: n * 10^up and its quotient rounded once. */
	if (up >= 0 && (uint32_t)up + digit_count(n) <= FL_DECIMAL_PRECISION_MAX) {
		n *= (fl_u128)fl_decimal_pow10((uint32_t)up);
		m = n / d;
		n %= d;
		return give(m + (n >= d - n), negative, precision, out);
	}
	if (n == 0)
		return give(0, false, precision, out);
	/* As Flink: 38 significant digits HALF_UP, then HALF_UP to the scale. */
	uint32_t k = FL_DECIMAL_PRECISION_MAX + 1 + digit_count(d) - digit_count(n);
	struct wide w = wide_scale_up(wide_mul(n, 1), k);	       /* at most 77 digits */
	int32_t at = (int32_t)k + (int32_t)a_scale - (int32_t)b_scale; /* its scale */
	fl_u128 limit = (fl_u128)fl_decimal_pow10(FL_DECIMAL_PRECISION_MAX);

	(void)wide_div(&w, d);
	/* 39 or 40 digits: one or two too many.  HALF_UP looks at the first digit cut only. */
	struct wide cut = w;
	wide_scale_down(&cut, 1);
	uint32_t by = 1;
	/* Before rounding, so that 9..95 does not count as longer than it is. */
	struct wide probe = w;
	(void)wide_div(&probe, 10);
	if (!wide_fits_128(&probe, &m) || m >= limit) {
		cut = w;
		wide_scale_down(&cut, 2);
		by = 2;
	}
	at -= (int32_t)by;
	if (at >= (int32_t)scale) {
		wide_scale_down(&cut, (uint32_t)(at - (int32_t)scale));
		return wide_fits_128(&cut, &m) && give(m, negative, precision, out);
	}
	/* Fewer digits than the scale wants: the quotient is huge. */
	if (!wide_fits_128(&cut, &m) || m > (fl_u128)(~(fl_u128)0 >> 1))
		return false;
	return fl_decimal_rescale(negative ? -(fl_i128)m : (fl_i128)m, 0, precision,
	    (uint32_t)((int32_t)scale - at), out);
}

bool
fl_decimal_mod(fl_i128 a, uint32_t a_scale, fl_i128 b, uint32_t b_scale, uint32_t precision,
    uint32_t scale, fl_i128 *out)
{
	uint32_t s = a_scale > b_scale ? a_scale : b_scale;
	fl_u128 m, d;

	assert(b != 0);
	d = magnitude(b);
	struct wide w = wide_scale_up(wide_mul(magnitude(a), 1), s - a_scale);
	struct wide wd = wide_scale_up(wide_mul(d, 1), s - b_scale);
	if (wide_fits_128(&wd, &d))
		m = wide_div(&w, d);
	else /* the divisor is beyond 128 bits, the dividend (scale s) is not */
		(void)wide_fits_128(&w, &m);
	if (s > scale || m > (fl_u128)(~(fl_u128)0 >> 1))
		return false;
	return fl_decimal_rescale(a < 0 ? -(fl_i128)m : (fl_i128)m, s, precision, scale, out);
}

int
fl_decimal_compare(fl_i128 a, uint32_t a_scale, fl_i128 b, uint32_t b_scale)
{
	fl_i128 x = a, y = b;

	if ((a < 0) != (b < 0))
		return a < 0 ? -1 : 1;
	/* What cannot be scaled up within 38 digits is larger than any that is there. */
	if (a_scale < b_scale &&
	    !fl_decimal_rescale(a, a_scale, FL_DECIMAL_PRECISION_MAX, b_scale, &x))
		return a < 0 ? -1 : 1;
	if (b_scale < a_scale &&
	    !fl_decimal_rescale(b, b_scale, FL_DECIMAL_PRECISION_MAX, a_scale, &y))
		return b < 0 ? 1 : -1;
	return (x > y) - (x < y);
}

double
fl_decimal_to_double(fl_i128 v, uint32_t scale)
{
	char text[64] = "";
	struct fl_buf buf = {.data = text, .capacity = sizeof(text)};

	/* Both parts exact: one rounding. */
	if (magnitude(v) < (fl_u128)1 << 53 && scale <= 22)
		return (double)(int64_t)v / (double)fl_decimal_pow10(scale);
	fl_print_decimal(&buf, v, scale); /* 41 characters at most: never grows */
	return strtod(text, NULL);
}
