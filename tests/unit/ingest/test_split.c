/* SPDX-License-Identifier: Apache-2.0 */
/* test_split.c - where records begin and end, however the text comes in. */
#include "../unit.h"

#include "../../../ingest/split.h"
#include "base/mem.h"

static struct fl_buf out, text;
static char escape;
static bool has_comments;

static int
setup(void **state)
{
	(void)state;
	fl_buf_init(&out);
	fl_buf_init(&text);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	fl_buf_fini(&out);
	fl_buf_fini(&text);
	escape = '\0';
	has_comments = false;
	return 0;
}

/* Records as "<a><b>", of a text that comes in pieces of so many bytes. */
static const char *
split_pieces(enum split_kind kind, const char *whole, size_t size, size_t piece)
{
	struct split split = { .kind = kind, .delimiter = ',', .quote = '"', .escape = escape,
		.has_comments = has_comments };
	size_t given = 0, record_size, used;
	const char *record;
	bool found;

	fl_buf_reset(&out);
	fl_buf_reset(&text);
	for (;;) {
		found = split_next(&split, text.data, text.size, given == size, &record, &record_size, &used);
		assert_true(used <= text.size);
		if (found) {
			fl_buf_byte(&out, '<');
			fl_buf_add(&out, record, record_size);
			fl_buf_byte(&out, '>');
		}
		if (used > 0) {
			memmove(text.data, text.data + used, text.size - used);
			text.size -= used;
		}
		if (found)
			continue;
		if (given == size)
			return out.data == NULL ? "" : out.data;
		record_size = size - given < piece ? size - given : piece;
		fl_buf_add(&text, whole + given, record_size);
		given += record_size;
	}
}

static void
expect(enum split_kind kind, const char *whole, const char *records)
{
	for (size_t piece = 1; piece <= strlen(whole) + 1; piece++) {
		const char *got = split_pieces(kind, whole, strlen(whole), piece);

		if (strcmp(got, records) != 0)
			fail_msg("%s in pieces of %zu: %s, expected %s", whole, piece, got, records);
	}
}

static void
a_line_is_a_record_and_its_end_is_not(void **state)
{
	(void)state;
	expect(SPLIT_LINES, "", "");
	expect(SPLIT_LINES, "a\nb\r\n\n\r\nc", "<a><b><><><c>");
	expect(SPLIT_LINES, "[1,\n2]\n", "<[1,><2]>");
}

static void
an_element_of_an_array_is_a_record(void **state)
{
	(void)state;
	expect(SPLIT_JSON, "[]", "");
	expect(SPLIT_JSON, " \n[ ] \n", "");
	expect(SPLIT_JSON, "[{\"a\":1},{\"b\":[1,2,{}]}]", "<{\"a\":1}><{\"b\":[1,2,{}]}>");
	expect(SPLIT_JSON, "\xef\xbb\xbf[\n  {\"a\": 1} ,\r\n  null, [1, [2]], \"x,]\" , 12.5e1 \n]\n",
	    "<{\"a\": 1}><null><[1, [2]]><\"x,]\"><12.5e1>");
	expect(SPLIT_JSON, "[{\"a\":\"]},\\\"{\"},{\"b\":\"\\\\\"}]", "<{\"a\":\"]},\\\"{\"}><{\"b\":\"\\\\\"}>");
}

static void
a_text_that_begins_with_no_bracket_is_lines(void **state)
{
	(void)state;
	expect(SPLIT_JSON, "{\"a\":1}\n[2]\n", "<{\"a\":1}><[2]>");
	expect(SPLIT_JSON, "\n\n{}\n", "<><><{}>");
	expect(SPLIT_JSON, "  ", "<  >");
}

static void
nothing_of_a_wrong_array_is_lost(void **state)
{
	(void)state;
	expect(SPLIT_JSON, "[{\"a\":1} {\"b\":2} x, 3]", "<{\"a\":1}><{\"b\":2}><x><3>");
	expect(SPLIT_JSON, "[1,,2,]", "<1><><2><>");
	expect(SPLIT_JSON, "[{\"a\":1}, {\"b\":", "<{\"a\":1}><{\"b\":>");
	expect(SPLIT_JSON, "[{\"a\":1}", "<{\"a\":1}><[>");
	expect(SPLIT_JSON, "[1, ", "<1><[>");
	expect(SPLIT_JSON, "[", "<[>");
	expect(SPLIT_JSON, "[\"no end, 2]", "<\"no end, 2]>");
	expect(SPLIT_JSON, "[{]},1]", "<{]><}><1>");
	expect(SPLIT_JSON, "[\"pie\"]\n{\"food\":\"pie\"}\n[7]\n", "<\"pie\"><{\"food\":\"pie\"}><[7]>");
	expect(SPLIT_JSON, "[1] 2\n3", "<1><2><3>");
}

static void
line_ends_within_quotes_are_part_of_a_csv_record(void **state)
{
	(void)state;
	expect(SPLIT_CSV, "1,a\n2,\"b\nc\"\r\n\n3,\"\"\"\n\"\"\",x\r4", "<1,a><2,\"b\nc\"><><3,\"\"\"\n\"\"\",x><4>");
	/* Only at a field's beginning a quote is one. */
	expect(SPLIT_CSV, "a\"b\n \"c\nd,\"e\n\"\n", "<a\"b>< \"c><d,\"e\n\">");
	expect(SPLIT_CSV, "#\"x\n1,\"no end\n2", "<#\"x><1,\"no end\n2>");
	escape = '\\';
	expect(SPLIT_CSV, "1,\"a\\\"\nb\"\n2,c\\\nd\n", "<1,\"a\\\"\nb\"><2,c\\\nd>");
}

static void
comments_are_no_csv_records(void **state)
{
	(void)state;
	has_comments = true;
	expect(SPLIT_CSV, "#\"x\n1,#2\n  # c\r\n\"#\"\n  \n\t#\n  x\n\n#", "<1,#2><\"#\"><\t#><x>");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_line_is_a_record_and_its_end_is_not),
		TEST(an_element_of_an_array_is_a_record),
		TEST(a_text_that_begins_with_no_bracket_is_lines),
		TEST(nothing_of_a_wrong_array_is_lost),
		TEST(line_ends_within_quotes_are_part_of_a_csv_record),
		TEST(comments_are_no_csv_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
