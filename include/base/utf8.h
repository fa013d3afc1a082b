/* SPDX-License-Identifier: Apache-2.0 */
/*
 * utf8.h - which bytes are UTF-8.
 *
 * A sequence is one code point as table 3-7 of the Unicode standard has it: overlong
 * forms, surrogates, what lies beyond U+10FFFF and what is cut off are none.
 */
#ifndef FL_BASE_UTF8_H
#define FL_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bytes of the sequence at p, of which size > 0 bytes may be read; 0: there is none. */
size_t fl_utf8_size(const void *p, size_t size);
/* Bytes before the first that belongs to no sequence; size: all are UTF-8. */
size_t fl_utf8_valid(const void *p, size_t size);
/* The code point of the sequence at p, whose size fl_utf8_size() gave. */
uint32_t fl_utf8_get(const void *p, size_t size);
/* Writes the sequence of code point c and returns its size, 1 to 4. */
size_t fl_utf8_put(char *out, uint32_t c);

static inline bool
fl_ascii(const uint8_t *p, size_t size)
{
	uint64_t a = 0, b;
	uint32_t c, d;

	if (size >= 8) {
		const uint8_t *last = p + size - 8;

		for (; p < last; p += 8) {
			memcpy(&b, p, 8);
			a |= b;
		}
		memcpy(&b, last, 8);
		return ((a | b) & UINT64_C(0x8080808080808080)) == 0;
	}
	if (size >= 4) {
		memcpy(&c, p, 4);
		memcpy(&d, p + size - 4, 4);
		return ((c | d) & UINT32_C(0x80808080)) == 0;
	}
	for (size_t i = 0; i < size; i++)
		a |= p[i];
	return a < 0x80;
}

#endif
