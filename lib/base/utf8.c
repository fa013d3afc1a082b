/* SPDX-License-Identifier: Apache-2.0 */
/*
 * utf8.c - the one place that knows how UTF-8 is made.
 */
#include "base/utf8.h"

size_t
fl_utf8_size(const void *p, size_t size)
{
	const uint8_t *s = p;
	uint8_t c = s[0], low = 0x80, high = 0xbf;
	size_t length;

	if (c < 0x80)
		return 1;
	if (c >= 0xc2 && c <= 0xdf) {
		length = 2;
	} else if (c >= 0xe0 && c <= 0xef) {
		length = 3;
		low = c == 0xe0 ? 0xa0 : 0x80;
		high = c == 0xed ? 0x9f : 0xbf;
	} else if (c >= 0xf0 && c <= 0xf4) {
		length = 4;
		low = c == 0xf0 ? 0x90 : 0x80;
		high = c == 0xf4 ? 0x8f : 0xbf;
	} else {
		return 0;
	}
	if (size < length || s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < length; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

size_t
fl_utf8_valid(const void *p, size_t size)
{
	const uint8_t *s = p;
	size_t i = 0, length;

	while (i < size) {
		if (size - i >= 8 && fl_ascii(s + i, 8))
			length = 8;
		else if ((length = fl_utf8_size(s + i, size - i)) == 0)
			break;
		i += length;
	}
	return i;
}

uint32_t
fl_utf8_get(const void *p, size_t size)
{
	const uint8_t *s = p;
	uint32_t c = size == 1 ? s[0] : s[0] & (0x7fu >> size);

	for (size_t i = 1; i < size; i++)
		c = c << 6 | (s[i] & 0x3fu);
	return c;
}

size_t
fl_utf8_put(char *out, uint32_t c)
{
	size_t size = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (size_t i = size - 1; i > 0; i--, c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)(size == 1 ? c : (0xf00u >> size & 0xff) | c);
	return size;
}
