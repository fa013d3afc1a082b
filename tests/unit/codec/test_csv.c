/* SPDX-License-Identifier: Apache-2.0 */
/* test_csv.c - records of separated fields; what Flink makes of them is in tests/flink. */
#include "../unit.h"

#include "again.h"
#include "expr/expr.h"

static struct fl_field fields[] = {
	{ "id", { .id = FL_TYPE_INT, .nullable = false } },
	{ "s", { .id = FL_TYPE_VARCHAR, .nullable = true, .length = FL_LENGTH_MAX } },
	{ "d", { .id = FL_TYPE_DOUBLE, .nullable = true } },
	{ "b", { .id = FL_TYPE_BOOLEAN, .nullable = true } },
	{ "c", { .id = FL_TYPE_DECIMAL, .nullable = true, .precision = 6, .scale = 2 } },
	{ "t", { .id = FL_TYPE_TIMESTAMP_LTZ, .nullable = true, .precision = 3 } },
	{ "k", { .id = FL_TYPE_DATE, .nullable = true } },
	{ "y", { .id = FL_TYPE_VARBINARY, .nullable = true, .length = FL_LENGTH_MAX } },
};
static const struct fl_schema schema = { FL_ARRAY_COUNT(fields), fields };

static int
setup(void **state)
{
	(void)state;
	return setup_again(&(struct fl_codec_options){ .format = FL_FORMAT_CSV, .schema = &schema,
		.csv = { .delimiter = ',', .quote = '"' } });
}

static void
expect(const char *record, const char *row)
{
	again(record, strlen(record));
	assert_string_equal(out.data, row);
}

static void
expect_dead(const char *record, enum fl_code code, const char *why)
{
	expect_dead_of(record, strlen(record), code, why);
}

static void
fields_are_converted_and_quoted_where_they_must(void **state)
{
	(void)state;
	expect("1,x,1.5,true,12.345,2024-01-31 12:00:00.5Z,2024-01-31,AAH/",
	    "1,x,1.5,true,12.35,\"2024-01-31 12:00:00.5Z\",2024-01-31,AAH/");
	expect(" 7 ,\"a\"\"b,\nc\" , 1e3 , TRUE ,1E+2,1970-01-01 00:00:00Z,0001-01-01,\r\n",
	    "7,\"a\"\"b,\nc\",1000.0,true,1E+2,\"1970-01-01 00:00:00Z\",0001-01-01,");
	expect("+1,1234567890123456789012345,NaN,yes,0,1970-01-01 00:00:00Z,2024-2-30,",
	    "1,\"1234567890123456789012345\",NaN,false,0,\"1970-01-01 00:00:00Z\",2024-03-01,");
	expect("\xef\xbb\xbf" "1,123456789012345678901234,-Infinity,,.5,1970-01-01 00:00:00Z,9999-12-31,",
	    "1,123456789012345678901234,-Infinity,false,0.5,\"1970-01-01 00:00:00Z\",9999-12-31,");
}

static void
the_null_literal_is_null_quoted_or_not(void **state)
{
	(void)state;
	options.csv.null_literal = "n/a";
	expect("1,n/a,n/a,n/a,n/a,\"n/a\",n/a,n/a", "1,n/a,n/a,n/a,n/a,n/a,n/a,n/a");
	expect_dead("n/a,x,n/a,n/a,n/a,n/a,n/a,n/a", FL_E_BAD_NULL,
	    "field \"id\": the column is NOT NULL and its value null");
	options.csv.null_literal = "";
	expect("1,,,,,,,", "1,,,,,,,");
}

static void
characters_can_be_chosen(void **state)
{
	(void)state;
	options.csv = (struct fl_csv_options){ .delimiter = ';', .quote = '\'', .escape = '\\',
		.allow_comments = true, .null_literal = "-" };
	expect("1;'it\\'s; ''x''\\n';-;-;-;-;-;-", "1;'it''s; ''x''\n';-;-;-;-;-;-");
	expect("1;a\\;b\\\\;-;-;-;-;-;-", "1;'a;b\\\\';-;-;-;-;-;-");
	expect(" # 1;2;3", "skipped");
	options.csv = (struct fl_csv_options){ .delimiter = '\t', .plain_decimals = true, .null_literal = "-" };
	expect("1\t\"a, b\"\t-\t-\t100\t-\t-\t-", "1\t\"a, b\"\t-\t-\t100.00\t-\t-\t-");
}

static void
what_is_wrong_is_named(void **state)
{
	(void)state;
	options.csv.null_literal = "-";
	expect_dead("1,x", FL_E_BAD_CSV, "2 fields, expected 8");
	expect_dead("", FL_E_BAD_CSV, "1 fields, expected 8");
	expect_dead("1,2,3,4,5,6,7,8,9", FL_E_BAD_CSV, "9 fields, expected 8");
	expect_dead("1,\"x\"y,-,-,-,-,-,-", FL_E_BAD_CSV, "byte 5: expected the delimiter behind a closing quote");
	expect_dead("1,\"x,-,-", FL_E_BAD_CSV, "byte 2: a quoted field has no closing quote");
	expect_dead("1x,x,-,-,-,-,-,-", FL_E_BAD_TYPE, "field \"id\": a text 1x cannot be converted to INT NOT NULL");
	expect_dead(",x,-,-,-,-,-,-", FL_E_BAD_TYPE, "field \"id\": a text '' cannot be converted to INT NOT NULL");
	expect_dead("1,x,-,-, 1,-,-,-", FL_E_BAD_TYPE, "field \"c\": a text  1 cannot be converted to DECIMAL(6, 2)");
	expect_dead("1,x,-,-,-,2024-01-31 12:00:00,-,-", FL_E_BAD_TYPE,
	    "field \"t\": a text 2024-01-31 12:00:00 cannot be converted to TIMESTAMP_LTZ(3)");
	expect_dead("1,x,-,-,-,-,2024-01-32,-", FL_E_BAD_TYPE, "field \"k\": a text 2024-01-32 cannot be converted to DATE");
	expect_dead("1,x,-,-,-,-,-,AAH", FL_E_BAD_TYPE, "field \"y\": a text AAH cannot be converted to BYTES");
	expect_dead("1,\xff,-,-,-,-,-,-", FL_E_BAD_UTF8, "field \"s\" is not UTF-8");
	/* Too large for a DECIMAL is NULL, as in Flink. */
	expect("1,x,-,-,99999,-,-,-", "1,x,-,-,-,-,-,-");
}

static void
errors_that_are_ignored_are_null_or_skip_the_row(void **state)
{
	(void)state;
	options.csv.ignore_parse_errors = true;
	options.csv.null_literal = "-";
	expect("1,x,1y,-,z,-,!,", "1,x,-,-,-,-,-,");
	expect("1,x", "1,x,-,-,-,-,-,-");
	expect("1,2,3,4,5,6,7,8,9", "skipped");
	expect("1,\"x", "skipped");
	expect("x,x", "dead"); /* NOT NULL */
}

static void
a_header_names_the_columns_in_their_order(void **state)
{
	(void)state;
	fl_csv_put_header(&options, &out);
	assert_string_equal(out.data, "id,s,d,b,c,t,k,y\n");
	assert_int_equal(fl_csv_check_header(&options, out.data, out.size - 1, &err), FL_OK);
	assert_int_equal(fl_csv_check_header(&options, "id,\"s\",d,b,c,t,k", 15, &err), FL_E_BAD_CSV);
	assert_string_equal(err.text, "the header has 7 names, expected 8");
	assert_int_equal(fl_csv_check_header(&options, "id,S,d,b,c,t,k,y", 16, &err), FL_E_BAD_CSV);
	assert_string_equal(err.text, "name 2 of the header is \"S\", expected \"s\"");
}

static void
characters_must_differ_and_columns_be_scalar(void **state)
{
	struct fl_field array = { "a", { .id = FL_TYPE_ARRAY, .nullable = true, .length = FL_TYPE_INT } };
	struct fl_schema one = { 1, &array };
	struct fl_decoder *decoder;

	(void)state;
	options.csv.quote = ',';
	assert_int_equal(fl_decoder_new(&options, &decoder, &err), FL_E_BAD_OPTION);
	options.csv.quote = '"';
	options.schema = &one;
	assert_int_equal(fl_decoder_new(&options, &decoder, &err), FL_E_BAD_SCHEMA);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(fields_are_converted_and_quoted_where_they_must),
		TEST(the_null_literal_is_null_quoted_or_not),
		TEST(characters_can_be_chosen),
		TEST(what_is_wrong_is_named),
		TEST(errors_that_are_ignored_are_null_or_skip_the_row),
		TEST(a_header_names_the_columns_in_their_order),
		TEST(characters_must_differ_and_columns_be_scalar),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
