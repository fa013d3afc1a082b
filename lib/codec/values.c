/* SPDX-License-Identifier: Apache-2.0 */
/*
 * values.c - texts of values that JSON and CSV have in common, as Java reads and writes them.
 */
#include <inttypes.h>

#include "codec_impl.h"
#include "expr/expr.h"

static inline bool
is_digit(const uint8_t *p, const uint8_t *end)
{
	return p != end && *p >= '0' && *p <= '9';
}

void
fl_codec_trim(const uint8_t **p, size_t *size)
{
	while (*size > 0 && (*p)[0] <= ' ') {
		(*p)++;
		(*size)--;
	}
	while (*size > 0 && (*p)[*size - 1] <= ' ')
		(*size)--;
}

bool
fl_codec_i64(const uint8_t *p, size_t size, int64_t low, int64_t high, int64_t *out)
{
	bool is_negative = false;
	uint64_t v = 0;

	fl_codec_trim(&p, &size);
	if (size > 0 && (*p == '-' || *p == '+')) {
		is_negative = *p == '-';
		p++;
		size--;
	}
	if (size == 0)
		return false;
	for (; size > 0; p++, size--) {
		if (*p < '0' || *p > '9' || v > (UINT64_MAX - 9) / 10)
			return false;
		v = v * 10 + (uint64_t)(*p - '0');
	}
	if (v > (uint64_t)INT64_MAX + (is_negative ? 1 : 0))
		return false;
	*out = is_negative ? (int64_t)(0 - v) : (int64_t)v;
	return *out >= low && *out <= high;
}

int
fl_codec_decimal(const uint8_t *p, size_t size, uint32_t precision, uint32_t scale, fl_i128 *out)
{
	const uint8_t *end = p + size, *digits, *s;
	int64_t count = 0, fraction = 0, exponent = 0, keep, i = 0;
	bool is_negative = false, after_point = false, has_digit = false;
	unsigned __int128 v = 0;

	if (p != end && (*p == '-' || *p == '+'))
		is_negative = *p++ == '-';
	for (digits = p; p != end && (is_digit(p, end) || (*p == '.' && !after_point)); p++) {
		if (*p == '.') {
			after_point = true;
			continue;
		}
		has_digit = true;
		fraction += after_point;
		if (count > 0 || *p != '0')
			count++;
	}
	s = p;
	if (!has_digit)
		return 1;
	if (p != end && (*p | 0x20) == 'e') {
		bool is_below = false;

		if (++p != end && (*p == '+' || *p == '-'))
			is_below = *p++ == '-';
		if (!is_digit(p, end))
			return 1;
		for (; is_digit(p, end); p++)
			exponent = exponent < 10000000 ? exponent * 10 + (*p - '0') : exponent;
		exponent = is_below ? -exponent : exponent;
	}
	if (p != end)
		return 1;
	*out = 0;
	keep = count + exponent - fraction + (int64_t)scale;
	if (count == 0 || keep < 0)
		return 0;
	if (keep > 38)
		return 2;
	for (count = 0; digits != s; digits++) {
		if (*digits == '.' || (count == 0 && *digits == '0'))
			continue;
		count++;
		if (i < keep)
			v = v * 10 + (unsigned)(*digits - '0');
		else if (i == keep && *digits >= '5')
			v++;
		i++;
	}
	for (; i < keep; i++)
		v *= 10;
	if (v >= (unsigned __int128)fl_pow10(precision))
		return 2;
	*out = is_negative ? -(fl_i128)v : (fl_i128)v;
	return 0;
}

static int
base64_digit(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool
fl_codec_base64(const uint8_t *p, size_t size, struct fl_buf *out)
{
	size_t pad = 0;

	if (size % 4 != 0)
		return false;
	if (size > 0 && p[size - 1] == '=')
		pad = p[size - 2] == '=' ? 2 : 1;
	for (size_t i = 0; i < size; i += 4) {
		size_t digits = i + 4 == size ? 4 - pad : 4;
		uint32_t v = 0;
		uint8_t bytes[3];

		for (size_t k = 0; k < 4; k++) {
			int digit = k < digits ? base64_digit(p[i + k]) : 0;

			if (digit < 0)
				return false;
			v = v << 6 | (uint32_t)digit;
		}
		bytes[0] = (uint8_t)(v >> 16);
		bytes[1] = (uint8_t)(v >> 8);
		bytes[2] = (uint8_t)v;
		fl_buf_add(out, bytes, digits - 1);
	}
	return true;
}

void
fl_codec_put_decimal(struct fl_buf *out, fl_i128 v, uint32_t scale_in)
{
	int32_t scale = (int32_t)scale_in, adjusted, count;
	char digits[48];
	bool is_negative = v < 0;
	unsigned __int128 u = is_negative ? -(unsigned __int128)v : (unsigned __int128)v;

	if (u == 0) {
		fl_buf_byte(out, '0');
		return;
	}
	while (u % 10 == 0) {
		u /= 10;
		scale--;
	}
	count = 0;
	for (unsigned __int128 rest = u; rest != 0; rest /= 10)
		digits[count++] = (char)('0' + (int)(rest % 10));
	adjusted = count - 1 - scale;
	if (scale >= 0 && adjusted >= -6) {
		fl_print_decimal(out, is_negative ? -(fl_i128)u : (fl_i128)u, (uint32_t)scale);
		return;
	}
	if (is_negative)
		fl_buf_byte(out, '-');
	fl_buf_byte(out, digits[count - 1]);
	if (count > 1)
		fl_buf_byte(out, '.');
	for (int32_t i = count - 2; i >= 0; i--)
		fl_buf_byte(out, digits[i]);
	fl_buf_printf(out, "E%+" PRId32, adjusted);
}
