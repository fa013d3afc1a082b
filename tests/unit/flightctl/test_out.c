/* SPDX-License-Identifier: Apache-2.0 */
/* test_out.c - tables for a terminal and as JSON. */
#include "flightctl/ctl.h"

#include "../unit.h"

static void
fill(struct out_table *table)
{
	static const char *const cells[][3] = {
		{"es", "12", "1.5"}, {"\033[2Jx\n", NULL, "NaN"}, {"a\"b", "-3", "-Infinity"}};

	out_init(table, NULL, "origin,rows#,share#");
	for (uint32_t r = 0; r < FL_ARRAY_COUNT(cells); r++) {
		out_row(table);
		for (uint32_t c = 0; c < 3; c++)
			out_cell(table, c, cells[r][c]);
	}
}

static void
control_characters_of_data_do_not_reach_a_terminal(void **state)
{
	struct out_table table;
	struct fl_buf out;

	(void)state;
	fill(&table);
	fl_buf_init(&out);
	out_print(&table, &out);
	assert_string_equal(out.data,
	    "origin  rows      share\n"
	    "es        12        1.5\n"
	    "?[2Jx?     -        NaN\n"
	    "a\"b       -3  -Infinity\n");
	fl_buf_fini(&out);
	out_fini(&table);
}

static void
a_letter_of_several_bytes_is_one_column_wide(void **state)
{
	static const char *const cells[][3] = {
		{"cr\xc3\xa8me br\xc3\xbbl\xc3\xa9" "e", "2", "\xc3\xa9"}, {"pie", "10", "p"}};
	struct out_table table;
	struct fl_buf out;

	(void)state;
	out_init(&table, NULL, "food,n#,last");
	for (uint32_t r = 0; r < FL_ARRAY_COUNT(cells); r++) {
		out_row(&table);
		for (uint32_t c = 0; c < 3; c++)
			out_cell(&table, c, cells[r][c]);
	}
	fl_buf_init(&out);
	out_print(&table, &out);
	assert_string_equal(out.data,
	    "food              n  last\n"
	    "cr\xc3\xa8me br\xc3\xbbl\xc3\xa9" "e      2  \xc3\xa9\n"
	    "pie              10  p\n");
	fl_buf_fini(&out);
	out_fini(&table);
}

static void
what_json_has_no_number_for_is_a_string(void **state)
{
	struct out_table table;
	struct fl_buf out;

	(void)state;
	fill(&table);
	fl_buf_init(&out);
	out_json(&table, &out);
	assert_string_equal(out.data,
	    "[\n {\"origin\":\"es\",\"rows\":12,\"share\":1.5},"
	    "\n {\"origin\":\"\\u001b[2Jx\\n\",\"rows\":null,\"share\":\"NaN\"},"
	    "\n {\"origin\":\"a\\\"b\",\"rows\":-3,\"share\":\"-Infinity\"}\n]");
	fl_buf_fini(&out);
	out_fini(&table);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(control_characters_of_data_do_not_reach_a_terminal),
	    cmocka_unit_test(a_letter_of_several_bytes_is_one_column_wide),
	    cmocka_unit_test(what_json_has_no_number_for_is_a_string),
	};

	return cmocka_run_group_tests_name("flightctl/out", tests, NULL, NULL);
}
