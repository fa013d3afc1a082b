/* SPDX-License-Identifier: Apache-2.0 */
/*
 * suite.c - the verdicts of JSON Schema's own test suite.
 *
 *	suite FILE...
 *
 * A file is a list of { schema, tests: [{ data, valid }] }.  Each value is judged as the
 * field of a record, and if it is an object as the record itself.  A schema may be refused
 * only because of a keyword that docs/sql.md calls not supported.  Prints "ok FILE" or
 * "FAILED FILE: why" for each, and how many schemas were refused.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "codec/codec.h"

static struct fl_field fields[] = {
	{ "v", { .id = FL_TYPE_VARCHAR, .length = FL_LENGTH_MAX, .nullable = true } } };
static const struct fl_schema columns = { 1, fields };

struct counts {
	uint32_t tests, refused;
	char failure[1200];
};

static char *
print(const json_t *json)
{
	return json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(17));
}

/* NULL: as it should be. */
static const char *
judge(const char *schema, const char *text, bool want, struct fl_err *err)
{
	struct fl_codec_options options = { .format = FL_FORMAT_JSON, .schema = &columns,
		.json_schema = schema };
	struct fl_decoder *decoder = NULL;
	struct fl_builder builder;
	enum fl_verdict verdict;
	const char *wrong = NULL;

	if (fl_decoder_new(&options, &decoder, err) != FL_OK)
		return "refused";
	fl_builder_init(&builder, &columns);
	(void)fl_builder_begin(&builder);
	verdict = fl_decode(decoder, text, strlen(text), &builder, err);
	if (verdict == FL_VERDICT_ROW && !want)
		wrong = "taken";
	else if (verdict != FL_VERDICT_ROW && (want || err->code != FL_E_INVALID))
		wrong = err->text;
	fl_builder_fini(&builder);
	fl_decoder_free(&decoder);
	return wrong;
}

static void
run_test(struct counts *counts, const char *schema, const char *field_schema, const json_t *test)
{
	const json_t *data = json_object_get(test, "data");
	bool want = json_is_true(json_object_get(test, "valid"));
	struct fl_err err = { .code = FL_OK };
	const char *wrong;
	struct fl_buf record;
	char *text = print(data);

	fl_buf_init(&record);
	fl_buf_printf(&record, "{\"v\":%s}", text);
	wrong = judge(field_schema, record.data, want, &err);
	if (wrong == NULL && json_is_object(data))
		wrong = judge(schema, text, want, &err);
	if (wrong != NULL && counts->failure[0] == '\0')
		(void)snprintf(counts->failure, sizeof(counts->failure), "%s: %.300s of %.300s: %.300s",
		    json_string_value(json_object_get(test, "description")), text, schema, wrong);
	counts->tests++;
	fl_buf_fini(&record);
	free(text);
}

static void
run_group(struct counts *counts, const json_t *group)
{
	struct fl_err err = { .code = FL_OK };
	char *schema = print(json_object_get(group, "schema"));
	struct fl_buf field;
	const json_t *test;
	size_t i;

	fl_buf_init(&field);
	fl_buf_printf(&field, "{\"properties\":{\"v\":%s}}", schema);
	if (judge(field.data, "{}", true, &err) != NULL) {
		counts->refused++;
		if (strstr(err.text, "\" is not supported") == NULL && counts->failure[0] == '\0')
			(void)snprintf(counts->failure, sizeof(counts->failure), "%.500s: %.500s", schema, err.text);
	} else {
		json_array_foreach(json_object_get(group, "tests"), i, test)
			run_test(counts, schema, field.data, test);
	}
	fl_buf_fini(&field);
	free(schema);
}

static bool
run_file(const char *path)
{
	struct counts counts = { .tests = 0 };
	json_error_t where;
	json_t *groups = json_load_file(path, JSON_ALLOW_NUL, &where);
	const json_t *group;
	size_t i;

	if (groups == NULL)
		(void)snprintf(counts.failure, sizeof(counts.failure), "line %d: %s", where.line, where.text);
	json_array_foreach(groups, i, group)
		run_group(&counts, group);
	json_decref(groups);
	if (counts.failure[0] == '\0' && counts.tests == 0)
		(void)snprintf(counts.failure, sizeof(counts.failure), "no test of it can be run");
	if (counts.failure[0] != '\0')
		(void)printf("FAILED %s: %s\n", path, counts.failure);
	else
		(void)printf("ok %s (%u tests, %u schemas refused)\n", path, counts.tests, counts.refused);
	return counts.failure[0] == '\0';
}

int
main(int argc, char **argv)
{
	bool good = true;

	for (int i = 1; i < argc; i++)
		good &= run_file(argv[i]);
	return good ? 0 : 1;
}
