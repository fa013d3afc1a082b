/* SPDX-License-Identifier: Apache-2.0 */
/* test_input.c - what produce reads, and when it is due. */
#include "flightctl/input.h"

#include "../unit.h"

#include "base/util.h"

/* What comes of a text: all of it joined by "|", and the error's code. */
static enum fl_code
read_all(const char *text, enum input_kind kind, struct fl_buf *got, struct fl_err *err)
{
	FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	struct input input;
	enum fl_code code;
	bool more = false;

	assert_non_null(file);
	fl_buf_reset(got);
	input_init(&input, file, "f", kind);
	while ((code = input_next(&input, &more, err)) == FL_OK && more) {
		fl_buf_printf(got, "%lld:", (long long)input.number);
		fl_buf_add(got, input.text.data, input.text.size);
		fl_buf_byte(got, '|');
	}
	input_fini(&input);
	fclose(file);
	return code;
}

static void
lines_and_elements_come_as_they_stand(void **state)
{
	static const struct {
		const char *text;
		enum input_kind kind;
		const char *want;
	} cases[] = {
		{ "a\n\r\n b \r\nc", INPUT_LINES, "1:a|3: b |4:c|" },
		{ "[1]\n[2]\n", INPUT_LINES, "1:[1]|2:[2]|" },
		{ "{\"a\":1}\n{\"a\":2}\n", INPUT_EITHER, "1:{\"a\":1}|2:{\"a\":2}|" },
		{ " \n[ {\"a\": [1, {\"b\": 2}]} ,\n  3 , \"x\" ]\n", INPUT_EITHER,
		    "1:{\"a\": [1, {\"b\": 2}]}|2:3|3:\"x\"|" },
		{ "[\"],[\\\"\", \"\\\\\", {\"}\": \"]\"}]", INPUT_ARRAY, "1:\"],[\\\"\"|2:\"\\\\\"|3:{\"}\": \"]\"}|" },
		{ "[]", INPUT_ARRAY, "" },
		{ " [\n ] \n", INPUT_ARRAY, "" },
		/* The commas count, the encoder judges. */
		{ "[1,,2]", INPUT_ARRAY, "1:1|2:|3:2|" },
		{ "[{},]", INPUT_ARRAY, "1:{}|2:|" },
	};
	struct fl_buf got;

	(void)state;
	fl_buf_init(&got);
	for (size_t i = 0; i < FL_ARRAY_COUNT(cases); i++) {
		struct fl_err err = { .code = FL_OK };

		if (read_all(cases[i].text, cases[i].kind, &got, &err) != FL_OK)
			fail_msg("%s: %s", cases[i].text, err.text);
		if (strcmp(got.data != NULL ? got.data : "", cases[i].want) != 0)
			fail_msg("%s: got %s, expected %s", cases[i].text, got.data, cases[i].want);
	}
	fl_buf_fini(&got);
}

static void
broken_array_is_named(void **state)
{
	static const struct {
		const char *text, *got, *says;
	} cases[] = {
		{ "{\"a\":1}", "", "does not begin with \"[\"" },
		{ "   ", "", "does not begin with \"[\"" },
		{ "[1,2", "1:1|", "does not end" },
		{ "[1,\"2]", "1:1|", "does not end" },
		{ "[1] 2", "", "something follows the array" },
		{ "[] []", "", "something follows the array" },
	};
	struct fl_buf got;

	(void)state;
	fl_buf_init(&got);
	for (size_t i = 0; i < FL_ARRAY_COUNT(cases); i++) {
		struct fl_err err = { .code = FL_OK };

		assert_int_equal(read_all(cases[i].text, INPUT_ARRAY, &got, &err), FL_E_BAD_JSON);
		if (strstr(err.text, cases[i].says) == NULL || strstr(err.text, "\"f\"") == NULL ||
		    strcmp(got.data != NULL ? got.data : "", cases[i].got) != 0)
			fail_msg("%s: got %s, %s", cases[i].text, got.data, err.text);
	}
	fl_buf_fini(&got);
}

static void
line_without_end_is_refused(void **state)
{
	char *text = fl_malloc(INPUT_SIZE_MAX + 10);
	struct fl_err err = { .code = FL_OK };
	struct fl_buf got;

	(void)state;
	memset(text, 'x', INPUT_SIZE_MAX + 9);
	text[INPUT_SIZE_MAX + 9] = '\0';
	fl_buf_init(&got);
	assert_int_equal(read_all(text, INPUT_LINES, &got, &err), FL_E_ROW_TOO_LARGE);
	text[0] = '[';
	assert_int_equal(read_all(text, INPUT_ARRAY, &got, &err), FL_E_ROW_TOO_LARGE);
	fl_buf_fini(&got);
	free(text);
}

static void
times_are_numbers_or_texts_with_any_offset(void **state)
{
	static const struct {
		const char *value;
		int64_t ms; /* -1: none */
	} cases[] = {
		{ "1607819552.5", 1607819552500 },
		{ "1607819552", 1607819552000 },
		{ "1607819552500", 1607819552500 },
		{ "\"2019-08-01 10:18:55 +0200\"", 1564647535000 },
		{ "\"2019-08-01 10:18:55 +02:00\"", 1564647535000 },
		{ "\"2019-08-01 04:03:55 -0415\"", 1564647535000 },
		{ "\"2019-08-01T08:18:55.250Z\"", 1564647535250 },
		{ "\"2019-08-01T10:18:55+02\"", 1564647535000 },
		{ "\"2019-08-01 08:18:55\"", 1564647535000 },
		{ "\"2019-13-01 08:18:55\"", -1 },
		{ "\"2019-08-01 08:18:55 +02x0\"", -1 },
		{ "\"2019-08-01 08:18:55 +020\"", -1 },
		{ "\"2019-08-01\"", -1 },
		{ "\"\"", -1 },
		{ "null", -1 },
		{ "true", -1 },
		{ "1e300", -1 },
		{ "nonsense", -1 },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_COUNT(cases); i++) {
		char json[128];
		int64_t ms = -1;
		int size = snprintf(json, sizeof json, "{\"x\":1,\"at\":%s}", cases[i].value);
		bool found = input_time(json, (size_t)size, "at", &ms);

		if (found != (cases[i].ms >= 0) || (found && ms != cases[i].ms))
			fail_msg("%s: %d %lld", cases[i].value, found, (long long)ms);
		assert_false(input_time(json, (size_t)size, "no", &ms));
	}
	assert_false(input_time("[1]", 3, "at", &(int64_t){ 0 }));
}

static void
player_waits_as_long_as_they_were_apart(void **state)
{
	static const struct {
		double speed;
		int64_t max_wait_us, due[6];
	} cases[] = {
		/* The third comes out of order; the fourth waits from the latest on. */
		{ 1, -1, { 500, 2000500, 2000500, 3000500, 3000500, 1003000500 } },
		{ 4, -1, { 500, 500500, 500500, 750500, 750500, 250750500 } },
		{ 1, 1500000, { 500, 1500500, 1500500, 2500500, 2500500, 4000500 } },
		{ 1, 0, { 500, 500, 500, 500, 500, 500 } },
	};
	static const int64_t times[6] = { 10000, 12000, 5000, 13000, 13000, 1013000 };

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_COUNT(cases); i++) {
		struct player player = { .speed = cases[i].speed, .max_wait_us = cases[i].max_wait_us };

		for (size_t k = 0; k < 6; k++)
			assert_int_equal(player_due(&player, times[k], 500), cases[i].due[k]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_and_elements_come_as_they_stand),
		cmocka_unit_test(broken_array_is_named),
		cmocka_unit_test(line_without_end_is_refused),
		cmocka_unit_test(times_are_numbers_or_texts_with_any_offset),
		cmocka_unit_test(player_waits_as_long_as_they_were_apart),
	};

	return cmocka_run_group_tests_name("flightctl/input", tests, NULL, NULL);
}
