/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_query.c - SQL over the stores: one answer, or reports as files on a schedule.
 *
 * An answer is collected before it is printed, so that a slow terminal holds no pages of
 * the stores.  A report's parameter `end` is the instant it is of: now, or with --every the
 * multiple of that time which passed last, so that a file's name says what is in it.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "expr/expr.h"
#include "flightctl/ctl.h"
#include "inspect/inspect.h"

#define LIMIT_DEFAULT 10000
#define TIMEOUT_MS_DEFAULT 30000
#define SQL_FILE_MAX 1000000
#define PARAMS_MAX 64

enum form { FORM_TABLE, FORM_JSON, FORM_NDJSON, FORM_CSV };

struct param {
	const char *name, *value;
};

struct job {
	struct ctl *ctl;
	struct fl_arena arena;
	struct fl_buf sql, out;
	const char *file, *output; /* as given, or NULL */
	enum form form;
	bool has_form;
	int64_t limit, every_ms; /* 0: none */
	struct param params[PARAMS_MAX];
	uint32_t param_count;
	int64_t row_count;
	bool is_cut;
};

/* ---- the rows as text ---- */

static void
print_line(struct job *job, const struct inspect_statement *statement)
{
	if (job->form == FORM_CSV) {
		inspect_print_csv_row(statement, &job->out);
	} else if (job->form == FORM_NDJSON) {
		inspect_print_json_row(statement, &job->out);
		fl_buf_byte(&job->out, '\n');
	} else {
		fl_buf_str(&job->out, job->row_count > 0 ? ",\n " : "\n ");
		inspect_print_json_row(statement, &job->out);
	}
}

/* BLOBs in hex for people. */
static void
add_cells(struct out_table *table, const struct inspect_statement *statement)
{
	struct inspect_value value;
	struct fl_buf text;

	fl_buf_init(&text);
	out_row(table);
	for (uint32_t c = 0; c < inspect_column_count(statement); c++) {
		inspect_value(statement, c, &value);
		if (value.kind == INSPECT_NULL)
			continue;
		fl_buf_reset(&text);
		if (value.kind == INSPECT_BLOB) {
			fl_buf_str(&text, "x'");
			for (size_t i = 0; i < value.size; i++)
				fl_buf_printf(&text, "%02x", (unsigned char)value.bytes[i]);
			fl_buf_byte(&text, '\'');
		} else {
			inspect_print_text(&value, &text);
		}
		out_cell(table, c, text.data == NULL ? "" : text.data);
	}
	fl_buf_fini(&text);
}

static bool
is_number(const struct inspect_statement *statement, uint32_t column)
{
	struct inspect_value value;

	inspect_value(statement, column, &value);
	return value.kind == INSPECT_INTEGER || value.kind == INSPECT_REAL;
}

static enum fl_code
step(struct job *job, struct inspect_statement *statement, bool *has_row, struct fl_err *err)
{
	FL_TRY(inspect_step(statement, has_row, err));
	if (*has_row && job->limit > 0 && job->row_count >= job->limit) {
		job->is_cut = true;
		*has_row = false;
	}
	return FL_OK;
}

static enum fl_code
print_lines(struct job *job, struct inspect_statement *statement, struct fl_err *err)
{
	bool has_row;

	if (job->form == FORM_CSV)
		inspect_print_csv_names(statement, &job->out);
	if (job->form == FORM_JSON)
		fl_buf_byte(&job->out, '[');
	for (;; job->row_count++) {
		FL_TRY(step(job, statement, &has_row, err));
		if (!has_row)
			break;
		print_line(job, statement);
	}
	if (job->form == FORM_JSON)
		fl_buf_str(&job->out, job->row_count > 0 ? "\n]\n" : "]\n");
	return FL_OK;
}

/* Columns whose first row holds a number stand to the right. */
static enum fl_code
print_table(struct job *job, struct inspect_statement *statement, struct fl_err *err)
{
	struct out_table table;
	enum fl_code code;
	bool has_row = false;

	out_init(&table, NULL, "");
	code = step(job, statement, &has_row, err);
	for (uint32_t c = 0; c < inspect_column_count(statement); c++)
		out_column(
		    &table, inspect_column_name(statement, c), has_row && is_number(statement, c));
	while (code == FL_OK && has_row) {
		add_cells(&table, statement);
		job->row_count++;
		code = step(job, statement, &has_row, err);
	}
	if (code == FL_OK)
		out_print(&table, &job->out);
	out_fini(&table);
	return code;
}

/* ---- one answer ---- */

static const char *
param_value(const struct job *job, const char *name)
{
	for (uint32_t i = 0; i < job->param_count; i++)
		if (strcmp(job->params[i].name, name) == 0)
			return job->params[i].value;
	return NULL;
}

static bool
has_parameter(const struct inspect_statement *statement, const char *name)
{
	const char *own;

	for (uint32_t i = 0; (own = inspect_parameter(statement, i)) != NULL; i++)
		if (strcmp(own, name) == 0)
			return true;
	return false;
}

static enum fl_code
bind(struct job *job, struct inspect_statement *statement, const char *end, struct fl_err *err)
{
	for (uint32_t i = 0; i < job->param_count; i++)
		FL_TRY(inspect_bind(statement, job->params[i].name, job->params[i].value, err));
	if (param_value(job, "end") == NULL && has_parameter(statement, "end"))
		FL_TRY(inspect_bind(statement, "end", end, err));
	return FL_OK;
}

static enum fl_code
answer(struct job *job, struct inspect *inspect, const char *end, struct fl_err *err)
{
	struct inspect_statement *statement = NULL;
	enum fl_code code;

	FL_TRY(inspect_prepare(
	    inspect, job->sql.data, job->sql.size, &statement, job->ctl->excerpt, err));
	code = bind(job, statement, end, err);
	if (code == FL_OK)
		code = inspect_begin(inspect, err);
	if (code == FL_OK)
		code = job->form == FORM_TABLE ? print_table(job, statement, err) :
						 print_lines(job, statement, err);
	inspect_end(inspect);
	inspect_finish(&statement);
	return code;
}

/* ---- where it goes ---- */

/* NAME of "{NAME}" at text; its size with the braces, or 0. */
static size_t
hole_at(const char *text, char name[64])
{
	const char *end = strchr(text, '}');

	if (text[0] != '{' || end == NULL || end - text - 1 >= 64)
		return 0;
	memcpy(name, text + 1, (size_t)(end - text - 1));
	name[end - text - 1] = '\0';
	return (size_t)(end - text) + 1;
}

/* The value of a hole goes into a file's name: it must be one. */
static enum fl_code
add_hole(struct job *job, const char *name, const char *end, struct fl_buf *path, struct fl_err *err)
{
	const char *value = strcmp(name, "end") == 0 ? end : param_value(job, name);

	if (value == NULL)
		return FL_FAIL(err, FL_E_USAGE,
		    "--output: {%s} is no parameter; there are {end} and those given by --param", name);
	if (value[0] == '\0' || value[0] == '.' || strchr(value, '/') != NULL)
		return FL_FAIL(err, FL_E_USAGE,
		    "--output: parameter \"%s\" is \"%s\", which cannot be part of a file's name", name,
		    value);
	fl_buf_str(path, value);
	return FL_OK;
}

static enum fl_code
make_path(struct job *job, const char *end, struct fl_buf *path, struct fl_err *err)
{
	char name[64];
	size_t n;

	for (const char *at = job->output; *at != '\0';)
		if ((n = hole_at(at, name)) > 0) {
			FL_TRY(add_hole(job, name, end, path, err));
			at += n;
		} else {
			fl_buf_byte(path, *at++);
		}
	return FL_OK;
}

static enum fl_code
write_output(struct job *job, const char *path, struct fl_err *err)
{
	char dir[4096];

	if (strlen(path) >= sizeof(dir))
		return FL_FAIL(err, FL_E_USAGE, "--output: the path is too long");
	fl_dir_of(path, dir, sizeof(dir));
	FL_TRY(fl_mkdirs(dir, err));
	return fl_file_write(path, job->out.data == NULL ? "" : job->out.data, job->out.size, err);
}

static enum fl_code
deliver(struct job *job, const char *end, struct fl_err *err)
{
	struct fl_buf path;
	enum fl_code code;

	if (job->output == NULL) {
		out_write(&job->out);
		return FL_OK;
	}
	fl_buf_init(&path);
	code = make_path(job, end, &path, err);
	if (code == FL_OK)
		code = write_output(job, path.data, err);
	if (code == FL_OK)
		ctl_say(job->ctl, "%s: %" PRId64 " row%s", path.data, job->row_count,
		    job->row_count == 1 ? "" : "s");
	fl_buf_fini(&path);
	return code;
}

/* As directories are named: 2024-01-01T00:00:00Z.  Of a text that is no time: itself, and
 * the statement says what is wrong with it. */
static const char *
print_end(struct job *job, int64_t now_ms)
{
	const char *given = param_value(job, "end");
	int64_t ms;
	struct fl_buf text;

	if (given != NULL && !inspect_parse_time(given, &ms))
		return given;
	if (given == NULL)
		ms = now_ms;
	ms -= ((ms % 1000) + 1000) % 1000;
	fl_buf_init(&text);
	fl_print_timestamp(&text, ms, 'T', 0);
	fl_buf_byte(&text, 'Z');
	given = fl_arena_strndup(&job->arena, text.data, text.size);
	fl_buf_fini(&text);
	return given;
}

static enum fl_code
run_once(struct job *job, struct inspect *inspect, int64_t now_ms, struct fl_err *err)
{
	const char *end = print_end(job, now_ms);

	fl_buf_reset(&job->out);
	job->row_count = 0;
	job->is_cut = false;
	FL_TRY(answer(job, inspect, end, err));
	FL_TRY(deliver(job, end, err));
	if (job->is_cut)
		ctl_say(job->ctl, "(the first %" PRId64 " rows; --limit 0 gives all)", job->limit);
	return FL_OK;
}

/* ---- one instance, once or again and again ---- */

static enum fl_code
open_and_run(struct job *job, int64_t now_ms, struct fl_err *err)
{
	struct inspect_options options = {.timeout_ms =
		job->ctl->timeout_ms > 0 ? job->ctl->timeout_ms : TIMEOUT_MS_DEFAULT};
	struct fl_instance *instance = NULL;
	struct inspect *inspect = NULL;
	enum fl_code code;

	FL_TRY(ctl_instance_open(job->ctl, true, &instance, err));
	code = inspect_open(instance, &options, &inspect, err);
	if (code == FL_OK)
		code = run_once(job, inspect, now_ms, err);
	inspect_close(&inspect);
	fl_instance_close(&instance);
	return code;
}

/* The first is of the multiple that passed last; one that fails for a passing reason is said
 * and the next one comes. */
static int
run_every(struct job *job)
{
	int64_t due_ms = fl_now_ms() / job->every_ms * job->every_ms;
	int status = CTL_OK;

	ctl_stop_on(SIGTERM);
	ctl_stop_on(SIGINT);
	while (!ctl_is_stopping) {
		struct fl_err err = {0};

		if (open_and_run(job, due_ms, &err) != FL_OK) {
			status = ctl_fail(job->ctl, &err);
			if (fl_code_class(err.code) != FL_CLASS_TRANSIENT)
				return status;
		}
		if (!out_is_read())
			break;
		due_ms = FL_MAX(due_ms + job->every_ms, fl_now_ms() / job->every_ms * job->every_ms);
		ctl_wait_until(fl_monotonic_us() + (due_ms - fl_now_ms()) * 1000);
		fl_arena_reset(&job->arena);
		status = CTL_OK;
	}
	return status;
}

/* ---- what was asked ---- */

static void
take_param(struct job *job, const char *value)
{
	const char *sign = strchr(value, '=');
	size_t size = sign == NULL ? 0 : (size_t)(sign - value);
	char *name;

	if (size == 0) {
		ctl_usage(job->ctl, "--param: expected NAME=VALUE, got \"%s\"", value);
		return;
	}
	if (job->param_count == PARAMS_MAX) {
		ctl_usage(job->ctl, "--param: at most %d", PARAMS_MAX);
		return;
	}
	name = fl_malloc(size + 1);
	memcpy(name, value, size);
	name[size] = '\0';
	if (param_value(job, name) != NULL)
		ctl_usage(job->ctl, "--param: \"%s\" is given twice", name);
	job->params[job->param_count++] = (struct param){name, sign + 1};
}

static void
take_form(struct job *job, enum form form)
{
	if (job->has_form && job->form != form)
		ctl_usage(job->ctl, "one of --json, --ndjson and --csv");
	job->form = form;
	job->has_form = true;
}

static void
take_option(struct job *job, const char *option, const char *value)
{
	if (strcmp(option, "file") == 0)
		job->file = value;
	else if (strcmp(option, "output") == 0)
		job->output = value;
	else if (strcmp(option, "param") == 0)
		take_param(job, value);
	else if (strcmp(option, "csv") == 0)
		take_form(job, FORM_CSV);
	else if (strcmp(option, "ndjson") == 0)
		take_form(job, FORM_NDJSON);
	else if (strcmp(option, "limit") == 0)
		ctl_option_i64(job->ctl, option, value, 0, &job->limit);
	else if (!fl_parse_duration_ms(value, &job->every_ms) || job->every_ms < 1000)
		ctl_usage(job->ctl, "--every: expected a time of at least 1 s such as 5m, got \"%s\"",
		    value);
}

/* By the ending of the output's name where no form was named. */
static bool
choose_form(struct job *job)
{
	static const struct {
		const char *ending;
		enum form form;
	} endings[] = {{".csv", FORM_CSV}, {".json", FORM_JSON}, {".ndjson", FORM_NDJSON},
	    {".jsonl", FORM_NDJSON}};
	size_t size = job->output == NULL ? 0 : strlen(job->output);

	if (job->ctl->json)
		take_form(job, FORM_JSON);
	if (job->output == NULL || job->has_form)
		return !job->ctl->stop;
	for (uint32_t i = 0; i < FL_ARRAY_COUNT(endings); i++) {
		size_t n = strlen(endings[i].ending);

		if (size > n && strcmp(job->output + size - n, endings[i].ending) == 0) {
			job->form = endings[i].form;
			return true;
		}
	}
	ctl_usage(job->ctl,
	    "--output: \"%s\" does not end in .csv, .json or .ndjson; --csv, --json or --ndjson says "
	    "which it is", job->output);
	return false;
}

static bool
check_job(struct job *job)
{
	if (!ctl_need_args(job->ctl, job->file == NULL ? 1 : 0, job->file == NULL ? 1 : 0))
		return false;
	if (job->every_ms > 0 && param_value(job, "end") != NULL)
		ctl_usage(job->ctl, "--every gives `end` its values; --param end does not go with it");
	if (job->every_ms > 0 && job->ctl->watch_ms > 0)
		ctl_usage(job->ctl, "--every and --watch exclude each other");
	return choose_form(job) && !job->ctl->stop;
}

static int
run_job(struct job *job)
{
	struct fl_err err = {0};

	if (job->file == NULL)
		fl_buf_str(&job->sql, job->ctl->args[0]);
	else if (fl_file_read(job->file, SQL_FILE_MAX, &job->sql, &err) != FL_OK)
		return ctl_fail(job->ctl, &err);
	if (job->every_ms > 0)
		return run_every(job);
	if (open_and_run(job, fl_now_ms(), &err) == FL_OK)
		return CTL_OK;
	if (job->file != NULL && (err.code == FL_E_SQL_SYNTAX || err.code == FL_E_SQL_BIND ||
				     err.code == FL_E_SQL_UNSUPPORTED))
		(void)fl_err_context(&err, "%s", job->file);
	return ctl_fail(job->ctl, &err);
}

int
cmd_query(struct ctl *ctl)
{
	struct job job = {.ctl = ctl, .limit = -1};
	const char *option, *value;
	int status;

	fl_arena_init(&job.arena);
	fl_buf_init(&job.sql);
	fl_buf_init(&job.out);
	while ((option = ctl_next_option(ctl, &value)) != NULL)
		take_option(&job, option, value);
	if (job.limit < 0) /* a file is whole */
		job.limit = job.output != NULL ? 0 : LIMIT_DEFAULT;
	status = check_job(&job) ? run_job(&job) : ctl->status;
	for (uint32_t i = 0; i < job.param_count; i++)
		free((void *)(uintptr_t)job.params[i].name);
	fl_buf_fini(&job.out);
	fl_buf_fini(&job.sql);
	fl_arena_fini(&job.arena);
	return status;
}
