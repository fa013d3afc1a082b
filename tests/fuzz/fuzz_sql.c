/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_sql.c - any bytes as a script, from the lexer to the plan.
 *
 * What stands behind a line "%%" is the file that every name of a schema leads to.
 * A refusal says where and why; a plan can be shown, and the same text gives the
 * same plan.
 */
#include "base/util.h"
#include "sql/plan.h"
#include "fuzz.h"

#define SEPARATOR "\n%%\n"

static const char PROTOCOL[] =
    "{\"protocol\":\"P\",\"namespace\":\"flights.analyzer\",\"types\":["
    "{\"type\":\"enum\",\"name\":\"PlaneType\",\"symbols\":[\"SMALL\",\"BIG\"]},"
    "{\"type\":\"record\",\"name\":\"Flight\",\"fields\":["
    "{\"name\":\"flightNumber\",\"type\":\"string\"},"
    "{\"name\":\"planeType\",\"type\":\"PlaneType\"},"
    "{\"name\":\"passengers\",\"type\":\"int\"},{\"name\":\"landedAt\",\"type\":\"long\"},"
    "{\"name\":\"origin\",\"type\":\"string\"}]}],\"messages\":{}}";

struct file {
	const char *text;
	size_t size;
};

static const char *
read_file(void *ctx, const char *path, struct fl_arena *arena, struct fl_err *err)
{
	const struct file *file = ctx;

	(void)path;
	(void)err;
	return fl_arena_strndup(arena, file->text, file->size);
}

/* The fingerprint, or 0 for a refusal. */
static uint64_t
compile(const char *text, size_t size, struct file *file)
{
	struct fl_sql_env env = { .file = "t.sql", .dir = "/nowhere", .read_file = read_file,
		.ctx = file, .allow_test = true };
	struct fl_err err = { .code = FL_OK };
	struct fl_plan *plan = NULL;
	struct fl_buf out;
	uint64_t fingerprint = 0;
	uint32_t count;

	fl_buf_init(&out);
	if (fl_sql_compile(text, size, &env, &plan, &out, &err) == FL_OK) {
		fingerprint = plan->fingerprint | 1;
		fl_plan_explain(plan, &out);
		fl_plan_portability(plan, &out, &count);
		CHECK(out.size > 0);
	} else {
		CHECK(plan == NULL && err.code != FL_OK);
		CHECK(strncmp(err.text, "t.sql:", 6) == 0);
		CHECK(out.size > 0 && out.data[out.size - 1] == '\n');
	}
	fl_plan_free(&plan);
	fl_buf_fini(&out);
	return fingerprint;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	const char *split = memmem(text, size, SEPARATOR, strlen(SEPARATOR));
	struct file file = { PROTOCOL, sizeof(PROTOCOL) - 1 };
	uint64_t fingerprint;

	if (split != NULL) {
		file.text = split + strlen(SEPARATOR);
		file.size = (size_t)(text + size - file.text);
		size = (size_t)(split - text);
	}
	fingerprint = compile(text, size, &file);
	if (fingerprint != 0)
		CHECK(compile(text, size, &file) == fingerprint);
	return 0;
}
