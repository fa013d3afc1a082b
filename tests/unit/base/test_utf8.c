/* SPDX-License-Identifier: Apache-2.0 */
/* test_utf8.c - what is UTF-8 and what is not, over all code points. */
#include "../unit.h"

#include "base/utf8.h"

static bool
is_surrogate(uint32_t c)
{
	return c >= 0xd800 && c <= 0xdfff;
}

static void
every_code_point_comes_back(void **state)
{
	(void)state;
	for (uint32_t c = 0; c <= 0x10ffff; c++) {
		char s[4] = { 0 };
		size_t size = fl_utf8_put(s, c), want = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

		if (size != want || fl_utf8_size(s, 4) != (is_surrogate(c) ? 0 : want))
			fail_msg("U+%04X", c);
		if (!is_surrogate(c) && fl_utf8_get(s, size) != c)
			fail_msg("U+%04X came back as U+%04X", c, fl_utf8_get(s, size));
		for (size_t cut = 1; cut < size; cut++)
			if (fl_utf8_size(s, cut) != 0)
				fail_msg("U+%04X cut to %zu bytes", c, cut);
	}
}

/* So overlong forms, what lies beyond U+10FFFF and lone bytes are none. */
static void
no_other_bytes_are_a_sequence(void **state)
{
	static const uint8_t tails[] = { 0x00, 0x41, 0x7f, 0x80, 0xa5, 0xbf, 0xc0, 0xff };

	(void)state;
	for (uint32_t i = 0; i < 0x10000 * 64; i++) {
		const uint8_t s[4] = { (uint8_t)(i >> 14), (uint8_t)(i >> 6), tails[i >> 3 & 7], tails[i & 7] };
		size_t size = fl_utf8_size(s, 4);
		char again[4];
		uint32_t c;

		if (size == 0)
			continue;
		c = fl_utf8_get(s, size);
		if (c > 0x10ffff || is_surrogate(c) || fl_utf8_put(again, c) != size ||
		    memcmp(again, s, size) != 0)
			fail_msg("%02x %02x %02x %02x is U+%04X", s[0], s[1], s[2], s[3], c);
	}
}

static void
the_first_wrong_byte_is_found_at_any_place(void **state)
{
	(void)state;
	for (size_t size = 0; size <= 40; size++) {
		uint8_t s[40];

		memset(s, 'a', sizeof s);
		assert_true(fl_ascii(s, size));
		assert_int_equal(fl_utf8_valid(s, size), size);
		for (size_t at = 0; at < size; at++) {
			s[at] = 0xff;
			assert_false(fl_ascii(s, size));
			assert_int_equal(fl_utf8_valid(s, size), at);
			s[at] = 0xc3; /* cut off, or the first of two */
			assert_int_equal(fl_utf8_valid(s, size), at);
			if (at + 1 < size) {
				s[at + 1] = 0xa9;
				assert_int_equal(fl_utf8_valid(s, size), size);
				s[at + 1] = 'a';
			}
			s[at] = 'a';
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_point_comes_back),
		cmocka_unit_test(no_other_bytes_are_a_sequence),
		cmocka_unit_test(the_first_wrong_byte_is_found_at_any_place),
	};

	return cmocka_run_group_tests_name("base/utf8", tests, NULL, NULL);
}
