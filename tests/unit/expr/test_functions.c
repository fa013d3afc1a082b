/* SPDX-License-Identifier: Apache-2.0 */
/* test_functions.c - operators, functions and casts give what Flink gives. */
#include <math.h>

#include "fixture.h"

static void
arithmetic_is_java_s(void **state)
{
	const struct value_case cases[] = {
		ROW(C("/", I(-7), I(2)), "-3 INT"),
		ROW(C("MOD", I(-7), I(2)), "-1 INT"),
		ROW(C("%", I(7), I(-2)), "1 INT"),
		ROW(C("+", I(2147483647), I(1)), "-2147483648 INT"),
		ROW(C("*", I(2147483647), I(2)), "-2 INT"),
		ROW(C("-", I(-2147483648LL), I(1)), "2147483647 INT"),
		ROW(C("+", L(INT64_MAX), I(1)), "-9223372036854775808 BIGINT"),
		ROW(C("/", I(-2147483648LL), I(-1)), "-2147483648 INT"),
		ROW(C("MOD", I(-2147483648LL), I(-1)), "0 INT"),
		ROW(C("+", integer(FL_TYPE_TINYINT, 127), integer(FL_TYPE_TINYINT, 1)), "-128 TINYINT"),
		ROW(C("*", integer(FL_TYPE_SMALLINT, 300), integer(FL_TYPE_SMALLINT, 300)), "24464 SMALLINT"),
		ROW(C("/", I(1), I(0)), "DIVISION_BY_ZERO"),
		ROW(C("MOD", I(1), I(0)), "DIVISION_BY_ZERO"),
		ROW(C("/", N("1.0"), I(0)), "DIVISION_BY_ZERO"),
		ROW(C("/", D(1), I(0)), "Infinity DOUBLE"),
		ROW(C("/", I(1), null_of(FL_TYPE_INT)), "NULL INT"),
		ROW(C("/", null_of(FL_TYPE_INT), I(0)), "NULL INT"),
		ROW(C("-", I(5)), "-5 INT"),
		ROW(C("-", I(-2147483648LL)), "-2147483648 INT"),
		ROW(C("MOD", L(7), I(4)), "3 INT"),
		ROW(C("MOD", I(7), L(4)), "3 BIGINT"),
		ROW(C("+", I(1), D(0.5)), "1.5 DOUBLE"),
		ROW(C("+", S("a"), I(1)), "refused"),
		ROW(C("+", I(1), NIL), "refused"),
		ROW(C("ROUND", D(-0.4)), "0.0 DOUBLE"),
		ROW(C("ROUND", D(-0.0), I(2)), "0.0 DOUBLE"),
		ROW(C("SQRT", D(-0.0)), "0.0 DOUBLE"),
		ROW(C("MOD", D(1), I(1)), "refused"),
	};

	(void)state;
	CHECK(cases);
}

static void
decimals_follow_flink_s_precision_and_scale(void **state)
{
	const struct value_case cases[] = {
		ROW(C("*", I(3), N("1.0")), "3.0 DECIMAL(13, 1)"),
		/* the product needs 256 bits, and what is cut is exactly half */
		ROW(C("*", CAST(N("100000000000.5"), DECIMAL, 38, 18), CAST(N("1000000.000001"), DECIMAL, 38, 18)), "100000000000600000.000001 DECIMAL(38, 6)"),
		ROW(C("+", N("2.50"), N("0.005")), "2.505 DECIMAL(5, 3)"),
		ROW(C("-", N("1.0"), N("2.25")), "-1.25 DECIMAL(4, 2)"),
		ROW(C("/", N("1.00"), N("3.00")), "0.333333 DECIMAL(9, 6)"),
		ROW(C("/", N("2.00"), N("3.00")), "0.666667 DECIMAL(9, 6)"),
		ROW(C("/", N("-2.00"), N("3.00")), "-0.666667 DECIMAL(9, 6)"),
		ROW(C("MOD", N("-7.5"), N("2")), "-1.5 DECIMAL(2, 1)"),
		ROW(C("*", N("99999999999999999999999999999999999999"), I(10)), "NULL DECIMAL(38, 0)"),
		ROW(C("+", N("99999999999999999999999999999999999999"), N("1")), "NULL DECIMAL(38, 0)"),
		ROW(C("*", N("1234567890123456789.123456789"), N("9876543210.987654321")),
		    "12193263113702179523593964322.36092059 DECIMAL(38, 8)"),
		ROW(C("/", N("12345678901234567890.123456789012345678"),
			N("98765432109876543210.987654321")),
		    "0.124999999 DECIMAL(38, 9)"),
		ROW(CAST(N("2.5"), DECIMAL, 10, 0), "3 DECIMAL(10, 0)"),
		ROW(CAST(N("-2.5"), DECIMAL, 10, 0), "-3 DECIMAL(10, 0)"),
		ROW(CAST(N("123.4"), DECIMAL, 3, 1), "NULL DECIMAL(3, 1)"),
		ROW(C("CASE", B(true), I(1), N("2.5")), "1.0 DECIMAL(11, 1)"),
		ROW(C("ABS", N("-1.50")), "1.50 DECIMAL(3, 2)"),
		ROW(C("FLOOR", N("-1.50")), "-2 DECIMAL(3, 0)"),
		ROW(C("CEIL", N("1.01")), "2 DECIMAL(3, 0)"),
		ROW(C("ROUND", N("2.345"), I(2)), "2.35 DECIMAL(4, 2)"),
		ROW(C("ROUND", N("-2.5")), "-3 DECIMAL(2, 0)"),
		ROW(C("ROUND", N("125"), I(-1)), "130 DECIMAL(4, 0)"),
		ROW(C("=", N("1.0"), N("1.000")), "TRUE BOOLEAN"),
		ROW(C("<", N("99999999999999999999999999999999999998"), N("0.5")), "FALSE BOOLEAN"),
		ROW(C("SIGN", N("-2.5")), "-1.0 DECIMAL(2, 1)"),
	};

	(void)state;
	CHECK(cases);
}

static void
numbers_round_half_up(void **state)
{
	const struct value_case cases[] = {
		ROW(C("ROUND", D(2.5)), "3.0 DOUBLE"),
		ROW(C("ROUND", D(-2.5)), "-3.0 DOUBLE"),
		ROW(C("ROUND", D(1.005), I(2)), "1.01 DOUBLE"), /* by the digits, not the bits */
		ROW(C("ROUND", D(9.995), I(2)), "10.0 DOUBLE"),
		ROW(C("ROUND", D(1234.5), I(-2)), "1200.0 DOUBLE"),
		ROW(C("ROUND", D(0.4)), "0.0 DOUBLE"),
		ROW(C("ROUND", D(0.5)), "1.0 DOUBLE"),
		ROW(C("ROUND", D(1e20)), "1.0E20 DOUBLE"),
		ROW(C("ROUND", D(1.5e-7), I(7)), "2.0E-7 DOUBLE"),
		ROW(C("ROUND", I(15), I(-1)), "20 INT"),
		ROW(C("ROUND", I(-15), I(-1)), "-20 INT"),
		ROW(C("FLOOR", D(-1.5)), "-2.0 DOUBLE"),
		ROW(C("CEIL", I(3)), "3 INT"),
		ROW(C("ABS", I(-2147483648LL)), "-2147483648 INT"),
		ROW(C("SQRT", I(-1)), "NaN DOUBLE"),
		ROW(C("POWER", I(2), I(10)), "1024.0 DOUBLE"),
		ROW(C("SIGN", I(-9)), "-1 INT"),
	};

	(void)state;
	CHECK(cases);
}

static void
comparisons_have_three_values(void **state)
{
	const struct value_case cases[] = {
		ROW(C("=", I(1), L(1)), "TRUE BOOLEAN"),
		ROW(C("<>", I(1), D(1)), "FALSE BOOLEAN"),
		ROW(C("=", I(1), NIL), "NULL BOOLEAN"),
		ROW(C("<", S("a"), S("ab")), "TRUE BOOLEAN"),
		ROW(C(">", S("\xc3\xa9"), S("z")), "TRUE BOOLEAN"),
		ROW(C("=", S("a"), S("a ")), "FALSE BOOLEAN"),
		ROW(C("=", D(NAN), D(NAN)), "FALSE BOOLEAN"),
		ROW(C("=", S("1"), I(1)), "refused"),
		ROW(C("AND", NIL, B(true)), "refused"),
		ROW(C("NOT", NIL), "refused"),
		ROW(C("IS TRUE", NIL), "refused"),
		ROW(C(">", TS("2024-01-01 00:00:00"), CAST(S("2024-01-01"), DATE, 0, 0)), "refused"),
		ROW(C("=", B(true), I(1)), "refused"),
		ROW(C(">=", TS("2024-01-01 00:00:00"), S("2024-01-01 00:00:00")), "TRUE BOOLEAN"),
		ROW(C("IS DISTINCT FROM", NIL, I(1)), "TRUE BOOLEAN"),
		ROW(C("IS NOT DISTINCT FROM", null_of(FL_TYPE_INT), NIL), "TRUE BOOLEAN"),
		ROW(C("IS DISTINCT FROM", S("a"), S("a")), "FALSE BOOLEAN"),
		ROW(C("IS NULL", NIL), "TRUE BOOLEAN"),
		ROW(C("IS NOT NULL", S("")), "TRUE BOOLEAN"),
		ROW(C("IS TRUE", null_of(FL_TYPE_BOOLEAN)), "FALSE BOOLEAN"),
		ROW(C("IS NOT TRUE", null_of(FL_TYPE_BOOLEAN)), "TRUE BOOLEAN"),
		ROW(C("IS NOT FALSE", null_of(FL_TYPE_BOOLEAN)), "TRUE BOOLEAN"),
		ROW(C("NOT", null_of(FL_TYPE_BOOLEAN)), "NULL BOOLEAN"),
		ROW(C("AND", null_of(FL_TYPE_BOOLEAN), B(false)), "FALSE BOOLEAN"),
		ROW(C("AND", null_of(FL_TYPE_BOOLEAN), B(true)), "NULL BOOLEAN"),
		ROW(C("AND", B(true), null_of(FL_TYPE_BOOLEAN), B(false)), "FALSE BOOLEAN"),
		ROW(C("OR", null_of(FL_TYPE_BOOLEAN), B(true)), "TRUE BOOLEAN"),
		ROW(C("OR", B(false), null_of(FL_TYPE_BOOLEAN)), "NULL BOOLEAN"),
		ROW(C("OR", B(false), B(false)), "FALSE BOOLEAN"),
		ROW(C("GREATEST", I(1), L(3), I(2)), "3 BIGINT"),
		ROW(C("GREATEST", I(1), NIL), "NULL INT"),
		ROW(C("LEAST", S("b"), S("ab")), "ab VARCHAR(2)"),
	};

	(void)state;
	CHECK(cases);
}

static void
a_branch_not_taken_raises_nothing(void **state)
{
	struct fl_expr *bad = C("/", I(1), I(0));
	const struct value_case cases[] = {
		ROW(C("AND", B(false), C("=", bad, I(1))), "FALSE BOOLEAN"),
		ROW(C("OR", B(true), C("=", bad, I(1))), "TRUE BOOLEAN"),
		ROW(C("AND", null_of(FL_TYPE_BOOLEAN), C("=", bad, I(1))), "DIVISION_BY_ZERO"),
		ROW(C("CASE", B(true), I(5), bad), "5 INT"),
		ROW(C("CASE", B(false), bad, B(true), I(6), bad), "6 INT"),
		ROW(C("CASE", null_of(FL_TYPE_BOOLEAN), bad, I(7)), "7 INT"),
		ROW(C("CASE", B(false), bad, NIL), "NULL INT"),
		ROW(C("COALESCE", I(1), bad), "1 INT"),
		ROW(C("COALESCE", NIL, S("x"), S("long")), "x VARCHAR(4)"),
		ROW(C("COALESCE", null_of(FL_TYPE_INT), bad), "DIVISION_BY_ZERO"),
		ROW(C("NULLIF", I(1), I(1)), "NULL INT"),
		ROW(C("NULLIF", I(1), I(2)), "1 INT"),
		ROW(C("IF", C(">", I(2), I(1)), S("yes"), S("no")), "yes VARCHAR(3)"),
		ROW(C("IFNULL", NIL, I(4)), "4 INT"),
		ROW(C("CASE", B(true), I(1), S("x")), "refused"),
		ROW(C("CASE", B(true), NIL, NIL), "refused"),
		ROW(C("CASE", NIL, I(1), I(2)), "refused"),
		ROW(C("COALESCE", NIL, NIL), "refused"),
		ROW(C("COALESCE", CAST(S("2024-01-01"), DATE, 0, 0), TS("2024-01-01 00:00:00")), "refused"),
		ROW(C("NULLIF", CAST(D(0.1), FLOAT, 0, 0), D(0.2)), "0.1 FLOAT"),
	};

	(void)state;
	CHECK(cases);
}

static void
strings_count_characters(void **state)
{
	const struct value_case cases[] = {
		ROW(C("||", S("a"), S("bc")), "abc CHAR(3)"),
		ROW(C("||", S("a"), null_of(FL_TYPE_VARCHAR)), "NULL STRING"),
		ROW(C("||", S("a"), I(1)), "refused"),
		ROW(C("CONCAT", S("a"), S("b"), S("c")), "abc STRING"),
		ROW(C("UPPER", S("stra\xc3\x9f" "e \xc3\xa9")), "STRASSE \xc3\x89 CHAR(10)"),
		ROW(C("LOWER", S("\xc3\x84" "BC")), "\xc3\xa4" "bc CHAR(4)"),
		ROW(C("TRIM", S("  a b ")), "a b STRING"),
		ROW(C("TRIM", S("xyaxy"), S("yx")), "a STRING"),
		ROW(C("LTRIM", S("\xc3\xa9" "a\xc3\xa9"), S("\xc3\xa9")), "a\xc3\xa9 STRING"),
		ROW(C("RTRIM", S("\xc3\xa9" "a\xc3\xa9"), S("\xc3\xa9")), "\xc3\xa9" "a STRING"),
		ROW(C("SUBSTRING", S("h\xc3\xa9llo"), I(2), I(2)), "\xc3\xa9l STRING"),
		ROW(C("SUBSTRING", S("hello"), I(0), I(2)), "he STRING"),
		ROW(C("SUBSTRING", S("hello"), I(-3)), "llo STRING"),
		ROW(C("SUBSTRING", S("hello"), I(-9)), " STRING"),
		ROW(C("SUBSTRING", S("hello"), I(9)), " STRING"),
		ROW(C("SUBSTRING", S("hello"), I(2), I(-1)), "NULL STRING"),
		ROW(C("CHAR_LENGTH", S("h\xc3\xa9")), "2 INT"),
		ROW(C("POSITION", S("l"), S("h\xc3\xa9llo")), "3 INT"),
		ROW(C("POSITION", S("x"), S("hello")), "0 INT"),
		ROW(C("REPLACE", S("aXbX"), S("X"), S("--")), "a--b-- STRING"),
		ROW(C("REPLACE", S("ab"), S(""), S("-")), "-a-b- STRING"),
		ROW(C("LIKE", S("hello"), S("h%o")), "TRUE BOOLEAN"),
		ROW(C("LIKE", S("hello"), S("H%")), "FALSE BOOLEAN"),
		ROW(C("LIKE", S("h\xc3\xa9llo"), S("h_llo")), "TRUE BOOLEAN"),
		ROW(C("LIKE", S("aXbXc"), S("%X%Xc")), "TRUE BOOLEAN"),
		ROW(C("LIKE", S("aaaaaaaaab"), S("%a%a%a%c")), "FALSE BOOLEAN"),
		ROW(C("LIKE", S("50%"), S("50!%"), S("!")), "TRUE BOOLEAN"),
		ROW(C("LIKE", S("505"), S("50!%"), S("!")), "FALSE BOOLEAN"),
		ROW(C("LIKE", S("a"), S("!a"), S("!")), "refused"),
		ROW(C("LIKE", S(""), S("%")), "TRUE BOOLEAN"),
		ROW(C("LIKE", S("a"), S("")), "refused"),
		ROW(C("LIKE", S("xa_b"), S("_a\\_b")), "TRUE BOOLEAN"),
		ROW(C("LIKE", S("xayb"), S("_a\\_b")), "FALSE BOOLEAN"),
		ROW(C("LIKE", S("x"), S("_\\y")), "refused"),
		ROW(C("LIKE", S("a\\b"), S("a\\%")), "TRUE BOOLEAN"),
		ROW(C("LOWER", S("\xc4\xb0")), "i\xcc\x87 CHAR(2)"),
		ROW(C("LIKE", S("a"), null_of(FL_TYPE_VARCHAR)), "NULL BOOLEAN"),
	};

	(void)state;
	CHECK(cases);
}

static void
casts_are_flink_s(void **state)
{
	const struct value_case cases[] = {
		ROW(CAST(S(" 12 "), INT, 0, 0), "12 INT"),
		ROW(CAST(S("1.5"), INT, 0, 0), "1 INT"),
		ROW(CAST(S("1.5x"), INT, 0, 0), "CAST_FAILED"),
		ROW(CAST(S(""), INT, 0, 0), "CAST_FAILED"),
		ROW(CAST(S("2147483648"), INT, 0, 0), "CAST_FAILED"),
		ROW(CAST(S("-9223372036854775808"), BIGINT, 0, 0), "-9223372036854775808 BIGINT"),
		ROW(TRY(S("x"), INT, 0, 0), "NULL INT"),
		ROW(CAST(NIL, INT, 0, 0), "NULL INT"),
		ROW(CAST(D(3e9), INT, 0, 0), "2147483647 INT"),
		ROW(CAST(D(-1.9), INT, 0, 0), "-1 INT"),
		ROW(CAST(D(NAN), BIGINT, 0, 0), "0 BIGINT"),
		ROW(CAST(D(1e30), BIGINT, 0, 0), "9223372036854775807 BIGINT"),
		ROW(CAST(L(4294967297LL), INT, 0, 0), "1 INT"),
		ROW(CAST(I(300), TINYINT, 0, 0), "44 TINYINT"),
		ROW(CAST(N("2.99"), INT, 0, 0), "2 INT"),
		ROW(CAST(N("-2.99"), INT, 0, 0), "-2 INT"),
		ROW(CAST(D(1.005), DECIMAL, 10, 2), "1.01 DECIMAL(10, 2)"),
		ROW(CAST(S("1.005"), DECIMAL, 10, 2), "1.01 DECIMAL(10, 2)"),
		ROW(CAST(S("1e3"), DECIMAL, 10, 2), "1000.00 DECIMAL(10, 2)"),
		ROW(CAST(S("12345"), DECIMAL, 4, 0), "NULL DECIMAL(4, 0)"),
		ROW(CAST(S("abc"), DECIMAL, 4, 0), "CAST_FAILED"),
		ROW(CAST(S("1e400"), DOUBLE, 0, 0), "Infinity DOUBLE"),
		ROW(CAST(S("NaN"), DOUBLE, 0, 0), "NaN DOUBLE"),
		ROW(CAST(S("0x10"), DOUBLE, 0, 0), "CAST_FAILED"),
		ROW(CAST(N("0.1"), DOUBLE, 0, 0), "0.1 DOUBLE"),
		ROW(CAST(D(1e10), VARCHAR, 0, 0), "1.0E10 STRING"),
		ROW(CAST(D(100), VARCHAR, 0, 0), "100.0 STRING"),
		ROW(CAST(B(true), VARCHAR, 0, 0), "TRUE STRING"),
		ROW(CAST(B(true), INT, 0, 0), "1 INT"),
		ROW(CAST(I(2), BOOLEAN, 0, 0), "TRUE BOOLEAN"),
		ROW(CAST(D(0.1), BOOLEAN, 0, 0), "TRUE BOOLEAN"),
		ROW(CAST(N("0.00"), BOOLEAN, 0, 0), "FALSE BOOLEAN"),
		ROW(CAST(S("."), INT, 0, 0), "0 INT"),
		ROW(CAST(S("-"), INT, 0, 0), "CAST_FAILED"),
		ROW(CAST(S("2024-02-03 04:05:06"), DATE, 0, 0), "2024-02-03 DATE"),
		ROW(CAST(S("YES"), BOOLEAN, 0, 0), "TRUE BOOLEAN"),
		ROW(CAST(S("maybe"), BOOLEAN, 0, 0), "CAST_FAILED"),
		ROW(CAST(S("abc"), CHAR, 5, 0), "abc   CHAR(5)"),
		ROW(CAST(S("h\xc3\xa9llo"), VARCHAR, 2, 0), "h\xc3\xa9 VARCHAR(2)"),
		ROW(CAST(S("2024-1-5"), DATE, 0, 0), "2024-01-05 DATE"),
		ROW(CAST(S("2024-02-30"), DATE, 0, 0), "CAST_FAILED"),
		ROW(CAST(TS("2024-01-01 00:00:01"), VARCHAR, 0, 0), "2024-01-01 00:00:01.000 STRING"),
		ROW(CAST(TS("1969-12-31 12:00:00"), DATE, 0, 0), "1969-12-31 DATE"),
		ROW(CAST(CAST(S("2024-03-01"), DATE, 0, 0), TIMESTAMP, 0, 0), "2024-03-01 00:00:00.000 TIMESTAMP(3)"),
		ROW(CAST(TS("2024-01-01 00:00:01.567"), TIMESTAMP, 1, 0), "2024-01-01 00:00:01 TIMESTAMP(0)"),
		ROW(CAST(S("x"), VARBINARY, 0, 0), "78 BYTES"),
		ROW(CAST(I(1), TIMESTAMP, 0, 0), "refused"),
		ROW(CAST(TS("2024-01-01 00:00:00"), BIGINT, 0, 0), "refused"),
	};

	(void)state;
	CHECK(cases);
}

static void
times_read_the_step_s_clock_and_the_calendar(void **state)
{
	struct fl_expr *interval = integer(FL_TYPE_INTERVAL, 5000);
	const struct value_case cases[] = {
		ROW(LTZ(4001), "1970-01-01 00:00:04.001Z TIMESTAMP_LTZ(3)"),
		ROW(C("TO_TIMESTAMP_LTZ", I(5), I(0)), "1970-01-01 00:00:05.000Z TIMESTAMP_LTZ(3)"),
		ROW(C("TO_TIMESTAMP_LTZ", D(1.5), I(0)), "1970-01-01 00:00:01.500Z TIMESTAMP_LTZ(3)"),
		ROW(C("TO_TIMESTAMP_LTZ", N("1.5"), I(0)), "1970-01-01 00:00:01.000Z TIMESTAMP_LTZ(3)"),
		ROW(C("TO_TIMESTAMP_LTZ", NIL, I(0)), "refused"),
		ROW(C("TO_TIMESTAMP_LTZ", null_of(FL_TYPE_BIGINT), I(0)), "NULL TIMESTAMP_LTZ(3)"),
		ROW(C("TO_TIMESTAMP_LTZ", L(INT64_MAX), I(0)), "NULL TIMESTAMP_LTZ(3)"),
		ROW(C("TO_TIMESTAMP_LTZ", I(5), I(6)), "refused"),
		ROW(C("-", LTZ(6000), interval), "1970-01-01 00:00:01.000Z TIMESTAMP_LTZ(3)"),
		ROW(C("+", interval, TS("2024-01-01 00:00:00")), "2024-01-01 00:00:05.000 TIMESTAMP(3)"),
		ROW(C("+", CAST(S("2024-02-28"), DATE, 0, 0), integer(FL_TYPE_INTERVAL, 172800000)), "2024-03-01 DATE"),
		ROW(C("TO_TIMESTAMP", S("2024-02-30 01:02:03")), "2024-02-29 01:02:03.000 TIMESTAMP(3)"),
		ROW(C("TO_TIMESTAMP", S("nope")), "NULL TIMESTAMP(3)"),
		ROW(CAST(TS("1969-12-31 23:59:58.500"), TIMESTAMP, 1, 0), "1969-12-31 23:59:58 TIMESTAMP(0)"),
		ROW(C("TO_TIMESTAMP", S("2024-02-29 24:00:00")), "2024-03-01 00:00:00.000 TIMESTAMP(3)"),
		ROW(C("TO_TIMESTAMP", S("2024-02-29 24:00:01")), "NULL TIMESTAMP(3)"),
		ROW(TRY(S("2024-02-29 24:00:00"), TIMESTAMP, 0, 0), "2024-03-01 00:00:00.000 TIMESTAMP(3)"),
		ROW(TRY(S("2024-02-29 24:00:00.001"), TIMESTAMP, 0, 0), "NULL TIMESTAMP(3)"),
		ROW(C("TO_TIMESTAMP", S("20240315"), S("yyyyMMdd")), "2024-03-15 00:00:00.000 TIMESTAMP(3)"),
		ROW(C("TO_TIMESTAMP", S("15/03/2024T10"), S("dd/MM/yyyy'T'HH")), "2024-03-15 10:00:00.000 TIMESTAMP(3)"),
		ROW(C("TO_TIMESTAMP", S("1"), S("Q")), "refused"),
		ROW(C("UNIX_TIMESTAMP", S("1970-01-01 00:01:00")), "60 BIGINT"),
		ROW(C("UNIX_TIMESTAMP", S("x")), "-9223372036854775808 BIGINT"),
		ROW(C("UNIX_TIMESTAMP", S("999999999"), S("y")), "-9223372036854775808 BIGINT"),
		ROW(C("TO_TIMESTAMP", S("999999999"), S("y")), "NULL TIMESTAMP(3)"),
		ROW(C("FROM_UNIXTIME", I(44)), "1970-01-01 00:00:44 STRING"),
		ROW(C("FROM_UNIXTIME", I(44), S("yyyy/MM/dd")), "1970/01/01 STRING"),
		ROW(C("DATE_FORMAT", TS("2024-01-15 12:34:56.789"), S("yyyy-MM-dd'T'HH:mm:ss.SSS")),
		    "2024-01-15T12:34:56.789 STRING"),
		ROW(C("DATE_FORMAT", TS("2024-01-15 00:30:00"), S("EEE d MMM yy h:mm a")), "Mon 15 Jan 24 12:30 AM STRING"),
		ROW(C("EXTRACT", S("DOW"), TS("2024-01-14 00:00:00")), "1 BIGINT"),
		ROW(C("EXTRACT", S("WEEK"), TS("2024-12-30 00:00:00")), "1 BIGINT"),
		ROW(C("EXTRACT", S("EPOCH"), TS("1970-01-02 00:00:00")), "86400 BIGINT"),
		ROW(C("HOUR", TS("1969-12-31 12:00:00")), "12 BIGINT"),
		ROW(C("YEAR", TS("1969-12-31 12:00:00")), "1969 BIGINT"),
		ROW(C("DAYOFYEAR", TS("2024-12-31 00:00:00")), "366 BIGINT"),
		ROW(C("EXTRACT", S("MILLISECOND"), TS("2024-01-01 00:00:59.123")), "123 BIGINT"),
		ROW(C("TIMESTAMPDIFF", S("DAY"), CAST(S("2024-01-01"), DATE, 0, 0), TS("2024-01-02 23:00:00")), "1 INT"),
		ROW(C("TIMESTAMPDIFF", S("DAY"), LTZ(0), TS("2024-01-02 23:00:00")), "refused"),
		ROW(C("TIMESTAMPDIFF", S("HOUR"), TS("2024-01-01 00:00:00"), TS("2024-01-01 05:59:59")), "5 INT"),
		{ "NOW", call_n("NOW", NULL, 0, NULL), "2024-01-15 12:34:56.789Z TIMESTAMP_LTZ(3)" },
		{ "CURRENT_DATE", call_n("current_date", NULL, 0, NULL), "2024-01-15 DATE" },
		ROW(C("CURRENT_WATERMARK", LTZ(1)), "NULL TIMESTAMP_LTZ(3)"),
	};

	(void)state;
	CHECK(cases);
}

static void
local_times_follow_the_session_zone(void **state)
{
	(void)state;
	zone = "Europe/Berlin";
	const struct value_case cases[] = {
		ROW(CAST(LTZ(0), VARCHAR, 0, 0), "1970-01-01 01:00:00.000 STRING"),
		ROW(CAST(LTZ(1720000000000), TIMESTAMP, 0, 0), "2024-07-03 11:46:40.000 TIMESTAMP(3)"),
		/* inside the gap of March: shifted by it, as Java does */
		ROW(CAST(TS("2024-03-31 02:30:00"), TIMESTAMP_LTZ, 0, 0), "2024-03-31 01:30:00.000Z TIMESTAMP_LTZ(3)"),
		ROW(CAST(TS("2024-10-27 02:30:00"), TIMESTAMP_LTZ, 0, 0), "2024-10-27 00:30:00.000Z TIMESTAMP_LTZ(3)"),
		ROW(C("HOUR", LTZ(0)), "1 BIGINT"),
		ROW(C("EXTRACT", S("EPOCH"), LTZ(5000)), "3605 BIGINT"),
		/* a text beside an instant is local time, as CAST reads it */
		ROW(C("=", LTZ(1704063600000), S("2024-01-01 00:00:00")), "TRUE BOOLEAN"),
		ROW(C("EXTRACT", S("WEEK"), integer(FL_TYPE_TIMESTAMP_LTZ, INT64_MIN)), "19 BIGINT"),
		ROW(C("DATE_FORMAT", integer(FL_TYPE_TIMESTAMP_LTZ, INT64_MAX), S("yyyy HH:mm")), "-292275055 18:47 STRING"),
		ROW(C("UNIX_TIMESTAMP", S("2024-10-27 02:30:00")), "1729992600 BIGINT"),
		ROW(C("UNIX_TIMESTAMP", S("2024-03-31 02:30:00")), "1711848600 BIGINT"),
		ROW(CAST(S("2024-10-27 02:30:00"), TIMESTAMP_LTZ, 0, 0), "2024-10-27 00:30:00.000Z TIMESTAMP_LTZ(3)"),
		ROW(C("FROM_UNIXTIME", I(0)), "1970-01-01 01:00:00 STRING"),
		ROW(C("UNIX_TIMESTAMP", S("1970-01-01 01:00:00")), "0 BIGINT"),
		{ "LOCALTIMESTAMP", call_n("LOCALTIMESTAMP", NULL, 0, NULL), "2024-01-15 13:34:56.789 TIMESTAMP(3)" },
	};
	CHECK(cases);
}

static void
messages_say_what_was_expected(void **state)
{
	static const struct {
		const char *name, *part;
		int args;
	} cases[] = {
		{ "SUBSTRIN", "did you mean SUBSTRING?", 2 },
		{ "SUBSTRING", "Invalid number of arguments to function 'SUBSTRING'", 1 },
		{ "+", "Cannot apply '+' to arguments of type '<CHAR(1)> + <INTEGER>'", 2 },
		{ "=", "implicit type conversion between CHAR and INTEGER is not supported now", 2 },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_COUNT(cases); i++) {
		struct fl_expr *args[] = { S("a"), I(1) };
		struct fl_err err = { .code = FL_OK };

		assert_null(call_n(cases[i].name, args, (uint32_t)cases[i].args, &err));
		assert_int_equal(err.code, FL_E_SQL_BIND);
		if (strstr(err.text, cases[i].part) == NULL)
			fail_msg("%s: %s", cases[i].name, err.text);
	}
}

static void
trees_print_in_one_way(void **state)
{
	struct fl_field fields[] = { { "qty", { .id = FL_TYPE_INT, .nullable = true } } };
	struct fl_schema schema = { .count = 1, .fields = fields };
	struct fl_expr *qty = fl_expr_column(&arena, 0, &fields[0].type);
	const struct {
		struct fl_expr *expr;
		const char *want;
	} cases[] = {
		{ C("+", qty, I(1)), "(qty + 1)" },
		{ C(">", qty, L(5)), "(CAST(qty AS BIGINT) > 5:BIGINT)" },
		{ C("AND", C("IS NULL", qty), C("NOT", B(true))), "((qty IS NULL) AND NOT(TRUE))" },
		{ C("COALESCE", qty, I(0)), "COALESCE(qty, 0)" },
		{ C("CASE", C("=", qty, I(1)), S("it's"), S("b")),
		    "CASE WHEN (qty = 1) THEN 'it''s':VARCHAR(4) ELSE 'b':VARCHAR(4) END" },
		{ TRY(qty, VARCHAR, 0, 0), "TRY_CAST(qty AS STRING)" },
		{ C("*", qty, N("2.50")), "(CAST(qty AS DECIMAL(10, 0)) * 2.50:DECIMAL(3, 2))" },
	};
	struct fl_buf text = { .data = NULL };

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_COUNT(cases); i++) {
		fl_buf_reset(&text);
		fl_expr_print(cases[i].expr, &schema, &text);
		assert_string_equal(text.data, cases[i].want);
	}
	fl_buf_fini(&text);
}

static void
only_widening_is_implicit_on_insert(void **state)
{
	struct fl_type i = fl_type_make(FL_TYPE_INT, true), l = fl_type_make(FL_TYPE_BIGINT, false);
	struct fl_type s = fl_type_make(FL_TYPE_VARCHAR, true), c = type_of(FL_TYPE_CHAR, 3, 0);
	struct fl_type d = fl_type_make(FL_TYPE_DOUBLE, true);

	(void)state;
	assert_true(fl_type_can_widen(&i, &l));
	assert_false(fl_type_can_widen(&l, &i));
	assert_false(fl_type_can_widen(&i, &s));
	assert_true(fl_type_can_widen(&c, &s));
	assert_false(fl_type_can_widen(&s, &i));
	assert_true(fl_type_can_widen(&l, &d));
	assert_false(fl_type_can_widen(&d, &l));
}

static void
pieces_of_texts_count_as_flink_counts(void **state)
{
	const struct value_case cases[] = {
		ROW(C("SPLIT_INDEX", S("a,b,,c"), S(","), I(2)), " STRING"),
		ROW(C("SPLIT_INDEX", S("a,b,,c"), S(","), I(4)), "NULL STRING"),
		ROW(C("SPLIT_INDEX", S("a,b"), S(","), I(-1)), "NULL STRING"),
		ROW(C("SPLIT_INDEX", S(""), S(","), I(0)), "NULL STRING"),
		ROW(C("SPLIT_INDEX", S("a--b-c"), S("--"), I(1)), "b-c STRING"),
		ROW(C("SPLIT_INDEX", S("a b\xc2\xa0" "c\xe3\x80\x80" "d "), S(""), I(1)), "b\xc2\xa0" "c STRING"),
		ROW(C("SPLIT_INDEX", S("a b "), S(""), I(2)), " STRING"),
		ROW(C("SPLIT_INDEX", S("a;b"), I(59), I(1)), "b STRING"),
		ROW(C("SPLIT_INDEX", S("a;b"), I(256), I(0)), "NULL STRING"),
		ROW(C("SPLIT_INDEX", S("a;b"), S(";"), null_of(FL_TYPE_INT)), "NULL STRING"),
		ROW(C("SPLIT_INDEX", I(1), S(";"), I(1)), "refused"),
		ROW(C("SPLIT_INDEX", S("a"), S(";"), L(1)), "refused"),
		ROW(C("CONCAT_WS", S("-"), S("a"), null_of(FL_TYPE_VARCHAR), S(""), S("b")), "a--b STRING"),
		ROW(C("CONCAT_WS", S("-"), null_of(FL_TYPE_VARCHAR)), " STRING"),
		ROW(C("CONCAT_WS", null_of(FL_TYPE_VARCHAR), S("a")), "NULL STRING"),
		ROW(C("CONCAT_WS", S("-"), I(1)), "refused"),
		ROW(C("LEFT", S("A\xf0\x9f\x98\x80" "b"), I(2)), "A\xf0\x9f\x98\x80 STRING"),
		ROW(C("RIGHT", S("A\xf0\x9f\x98\x80" "b"), I(2)), "\xf0\x9f\x98\x80" "b STRING"),
		ROW(C("LEFT", S("ab"), I(-1)), " STRING"),
		ROW(C("RIGHT", S("ab"), I(9)), "ab STRING"),
		ROW(C("LEFT", S("ab"), N("1.0")), "refused"),
		ROW(C("LPAD", S("ab"), I(7), S("xyz")), "xyzxyab STRING"),
		ROW(C("RPAD", S("ab"), I(7), S("xyz")), "abxyzxy STRING"),
		ROW(C("LPAD", S("abc"), I(2), S("x")), "ab STRING"),
		ROW(C("LPAD", S("abc"), I(0), S("x")), " STRING"),
		ROW(C("LPAD", S("abc"), I(-1), S("x")), "NULL STRING"),
		ROW(C("RPAD", S("abc"), I(5), S("")), "NULL STRING"),
		/* units of UTF-16: the face counts two, and half of it is lost */
		ROW(C("LPAD", S("A\xf0\x9f\x98\x80" "b"), I(6), S("\xf0\x9f\x98\x80")), "\xf0\x9f\x98\x80" "A\xf0\x9f\x98\x80" "b STRING"),
		ROW(C("LPAD", S("A\xf0\x9f\x98\x80" "b"), I(2), S("x")), "A? STRING"),
		ROW(C("RPAD", S("A"), I(2147483647), S("x")), "ROW_TOO_LARGE"),
		ROW(C("REPEAT", S("ab"), I(3)), "ababab STRING"),
		ROW(C("REPEAT", S("ab"), I(0)), " STRING"),
		ROW(C("REPEAT", S("ab"), I(-1)), " STRING"),
		ROW(C("REPEAT", S(""), I(2147483647)), " STRING"),
		ROW(C("REPEAT", S("ab"), I(2147483647)), "ROW_TOO_LARGE"),
		ROW(C("REVERSE", S("A\xf0\x9f\x98\x80" "b")), "b\xf0\x9f\x98\x80" "A STRING"),
		ROW(C("INITCAP", S("o'neil 2ND x-ray \xc3\xa9t\xc3\xa9")), "O'Neil 2nd X-Ray \xc3\xa9T\xc3\xa9 STRING"),
		ROW(C("INSTR", S("A\xf0\x9f\x98\x80" "b"), S("b")), "3 INT"),
		ROW(C("INSTR", S("ab"), S("c")), "0 INT"),
		ROW(C("LOCATE", S("b"), S("abcb"), I(3)), "4 INT"),
		ROW(C("LOCATE", S("b"), S("abcb"), I(-9)), "2 INT"),
		ROW(C("LOCATE", S(""), S("abc"), I(9)), "1 INT"),
		ROW(C("LOCATE", S("b"), S("abc"), null_of(FL_TYPE_INT)), "NULL INT"),
		ROW(C("ASCII", S("\xc3\xa4")), "-61 INT"),
		ROW(C("ASCII", S("")), "0 INT"),
		ROW(C("CHR", I(321)), "A STRING"),
		ROW(C("CHR", I(233)), "\xc3\xa9 STRING"),
		ROW(C("CHR", L(-1)), " STRING"),
		ROW(C("HEX", S("a\xc3\xa9")), "61C3A9 STRING"),
		ROW(C("HEX", I(-1)), "FFFFFFFFFFFFFFFF STRING"),
		ROW(C("HEX", D(1)), "refused"),
	};

	(void)state;
	CHECK(cases);
}

static void
logarithms_are_java_s(void **state)
{
	const struct value_case cases[] = {
		ROW(C("LN", I(0)), "-Infinity DOUBLE"),
		ROW(C("LN", I(-1)), "NaN DOUBLE"),
		ROW(C("LOG", I(2), I(8)), "3.0 DOUBLE"),
		ROW(C("LOG2", D(10)), "3.3219280948873626 DOUBLE"),
		ROW(C("LOG10", N("0.001")), "-3.0 DOUBLE"),
		ROW(C("EXP", I(1)), "2.718281828459045 DOUBLE"),
		ROW(C("EXP", null_of(FL_TYPE_INT)), "NULL DOUBLE"),
		ROW(C("LN", S("1")), "refused"),
	};

	(void)state;
	CHECK(cases);
}

#define UNIX(text, zone) C("UNIX_TIMESTAMP", S("2021-03-04 05:06:07 " text), S("yyyy-MM-dd HH:mm:ss " zone))
#define AT(seconds) #seconds " BIGINT"
#define UNFIT "-9223372036854775808 BIGINT"

static void
a_zone_in_the_text_wins_over_the_session_s(void **state)
{
	const struct value_case cases[] = {
		ROW(UNIX("+0130", "Z"), AT(1614828967)),
		ROW(UNIX("-0800", "z"), AT(1614863167)),
		ROW(UNIX("  +0130 and more", "Z"), AT(1614828967)),
		ROW(UNIX("Z", "Z"), UNFIT),
		ROW(UNIX("+01:00", "Z"), UNFIT),
		ROW(UNIX("+130", "Z"), UNFIT),
		ROW(UNIX("+0199", "Z"), UNFIT),
		ROW(UNIX("+2400", "Z"), UNFIT),
		ROW(UNIX("0100", "Z"), UNFIT),
		ROW(UNIX("", "Z"), UNFIT),
		ROW(UNIX("utc", "Z"), AT(1614834367)),
		ROW(UNIX("GMT", "z"), AT(1614834367)),
		ROW(UNIX("GMT+2:00", "z"), AT(1614827167)),
		ROW(UNIX("GMT+0200", "z"), UNFIT),
		ROW(UNIX("CET", "z"), UNFIT),
		ROW(UNIX("Z", "X"), AT(1614834367)),
		ROW(UNIX("+01:00", "X"), AT(1614830767)),
		ROW(UNIX("+0130", "XX"), AT(1614828967)),
		ROW(UNIX("+01:30", "XX"), UNFIT),
		ROW(UNIX("+01:30", "XXX"), AT(1614828967)),
		ROW(UNIX("-00:30", "XXX"), AT(1614836167)),
		ROW(UNIX("+1", "X"), UNFIT),
		ROW(UNIX("Z", "XXXX"), "refused"),
		ROW(C("TO_TIMESTAMP", S("2021"), S("yyyyZ")), "refused"),
	};

	(void)state;
	zone = "Asia/Tokyo";
	CHECK(cases);
	zone = "UTC";
}

static const char *
json(const char *text, const char *path, struct fl_expr *type, const char *on_empty, const char *on_error)
{
	return value_text(C("JSON_VALUE", text != NULL ? S(text) : null_of(FL_TYPE_VARCHAR), S(path), type,
	    S(on_empty), type->type.id == FL_TYPE_VARCHAR ? S("e") : type, S(on_error),
	    type->type.id == FL_TYPE_VARCHAR ? S("r") : type));
}

static void
json_value_tells_nothing_from_error_as_flink_does(void **state)
{
	static const struct {
		const char *text, *path, *want;
	} cases[] = {
		{ "{\"a\":[1,{\"b\":\"x\"}]}", "lax $.a[1].b", "x STRING" },
		{ "{\"a\":1.50}", "$.a", "1.50 STRING" },
		{ "{\"a\":1E5}", "$.a", "1E+5 STRING" },
		{ "{\"a\":-0}", "$['a']", "0 STRING" },
		{ "{\"a\":1,\"a\":2}", "$.a", "2 STRING" },
		{ "{\"a\":\"\\ud83d\"}", "$.a", "? STRING" },
		{ "[1,2,3]", "$[-1]", "3 STRING" },
		{ "[1,2,3]", "$[-4]", "r STRING" },
		{ "{\"a\":1} behind", "$.a", "1 STRING" },
		{ "{\"a\":1,}", "lax $.a", "e STRING" },
		{ "{\"a\":1,}", "$.a", "r STRING" },
		{ "{\"a\":{}}", "lax $.a", "e STRING" },
		{ "{\"a\":null}", "strict $.a", "r STRING" },
		{ "null", "lax $.a", "r STRING" },
		{ "12x", "$", "r STRING" },
		{ NULL, "$.a", "NULL STRING" },
	};
	char deep[2500];

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_COUNT(cases); i++)
		assert_string_equal(
		    json(cases[i].text, cases[i].path, null_of(FL_TYPE_VARCHAR), "DEFAULT", "DEFAULT"), cases[i].want);
	assert_string_equal(json("{}", "lax $.a", null_of(FL_TYPE_VARCHAR), "ERROR", "NULL"), "NO_JSON_VALUE");
	assert_string_equal(json("{}", "$.a", null_of(FL_TYPE_VARCHAR), "ERROR", "NULL"), "NULL STRING");
	assert_string_equal(json("{\"a\":7}", "$.a", null_of(FL_TYPE_INT), "NULL", "NULL"), "7 INT");
	assert_string_equal(json("{\"a\":7.0}", "$.a", null_of(FL_TYPE_INT), "NULL", "NULL"), "CAST_FAILED");
	assert_string_equal(json("{\"a\":2147483648}", "$.a", null_of(FL_TYPE_INT), "NULL", "NULL"), "CAST_FAILED");
	assert_string_equal(json("{\"a\":7}", "$.a", null_of(FL_TYPE_DOUBLE), "NULL", "NULL"), "CAST_FAILED");
	assert_string_equal(json("{\"a\":\"true\"}", "$.a", null_of(FL_TYPE_BOOLEAN), "NULL", "NULL"), "CAST_FAILED");
	memset(deep, '[', 1001);
	memset(deep + 1001, ']', 1001);
	deep[2002] = '\0';
	assert_string_equal(value_text(C("JSON_EXISTS", S(deep), S("$"), S("FALSE"))), "FALSE BOOLEAN");
	deep[0] = ' ';
	deep[2001] = '\0';
	assert_string_equal(value_text(C("JSON_EXISTS", S(deep), S("$"), S("FALSE"))), "TRUE BOOLEAN");
}

static void
months_are_added_and_counted_by_the_calendar(void **state)
{
	const struct value_case cases[] = {
		ROW(C("TIMESTAMPADD", S("MONTH"), I(1), TS("2024-01-31 10:00:00")), "2024-02-29 10:00:00.000 TIMESTAMP(3)"),
		ROW(C("TIMESTAMPADD", S("QUARTER"), I(-1), TS("2024-05-31 10:00:00")), "2024-02-29 10:00:00.000 TIMESTAMP(3)"),
		ROW(C("TIMESTAMPADD", S("YEAR"), I(5), CAST(S("2024-02-29"), DATE, 0, 0)), "2029-02-28 DATE"),
		ROW(C("TIMESTAMPADD", S("WEEK"), I(-1), CAST(S("1970-01-03"), DATE, 0, 0)), "1969-12-27 DATE"),
		ROW(C("TIMESTAMPADD", S("SECOND"), I(2147483647), TS("1970-01-01 00:00:00")), "2038-01-19 03:14:07.000 TIMESTAMP(3)"),
		ROW(C("TIMESTAMPADD", S("DAY"), null_of(FL_TYPE_INT), TS("1970-01-01 00:00:00")), "NULL TIMESTAMP(3)"),
		ROW(C("TIMESTAMPADD", S("HOUR"), I(1), CAST(S("2024-02-29"), DATE, 0, 0)), "refused"),
		ROW(C("TIMESTAMPADD", S("DAY"), L(1), TS("1970-01-01 00:00:00")), "refused"),
		ROW(C("TIMESTAMPADD", S("DAY"), I(1), LTZ(0)), "refused"),
		ROW(C("TIMESTAMPDIFF", S("MONTH"), TS("2024-01-31 00:00:00"), TS("2024-02-29 00:00:00")), "1 INT"),
		ROW(C("TIMESTAMPDIFF", S("MONTH"), TS("2024-01-31 12:00:00"), TS("2024-03-31 11:59:59")), "1 INT"),
		ROW(C("TIMESTAMPDIFF", S("MONTH"), TS("2024-03-31 00:00:00"), TS("2024-03-01 00:00:00")), "0 INT"),
		ROW(C("TIMESTAMPDIFF", S("QUARTER"), TS("2020-01-01 00:00:00"), TS("2024-03-01 00:00:00")), "16 INT"),
		ROW(C("TIMESTAMPDIFF", S("YEAR"), TS("2024-03-01 00:00:00"), TS("2020-01-01 00:00:00")), "-4 INT"),
		ROW(C("TIMESTAMPDIFF", S("YEAR"), LTZ(0), LTZ(1)), "refused"),
	};

	(void)state;
	CHECK(cases);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(arithmetic_is_java_s),
		TEST(decimals_follow_flink_s_precision_and_scale),
		TEST(numbers_round_half_up),
		TEST(comparisons_have_three_values),
		TEST(a_branch_not_taken_raises_nothing),
		TEST(strings_count_characters),
		TEST(casts_are_flink_s),
		TEST(times_read_the_step_s_clock_and_the_calendar),
		TEST(local_times_follow_the_session_zone),
		TEST(pieces_of_texts_count_as_flink_counts),
		TEST(logarithms_are_java_s),
		TEST(a_zone_in_the_text_wins_over_the_session_s),
		TEST(json_value_tells_nothing_from_error_as_flink_does),
		TEST(months_are_added_and_counted_by_the_calendar),
		TEST(messages_say_what_was_expected),
		TEST(trees_print_in_one_way),
		TEST(only_widening_is_implicit_on_insert),
	};

	return cmocka_run_group_tests_name("expr/functions", tests, NULL, NULL);
}
