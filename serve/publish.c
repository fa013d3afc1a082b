/* SPDX-License-Identifier: Apache-2.0 */
/*
 * publish.c - tables and queries of pipelines at paths of their own.
 *
 * Each is a statement over its own pipeline's stores alone (inspect/inspect.h), so the names
 * in it are those of the .sql file, whatever other pipelines there are.  The answer is
 * kept until aggregate rings its bell, which it does after each commit; a ring may be
 * lost with a process that dies between the two, hence a limit on its age.
 */
#include <stdlib.h>
#include <string.h>

#include "site.h"

#define KEPT_US 250000
#define ANSWER_SIZE_MAX (64u << 20)

struct published {
	const struct fl_publish *publish; /* of the plan */
	struct fl_pipeline pipeline;	  /* borrowed parts */
	struct fl_instance instance;	  /* has that pipeline alone */
	/* Of the READ thread: */
	struct inspect *inspect;
	struct inspect_statement *statement;
	struct fl_buf kept;
	bool is_kept;
	uint32_t bell; /* when it was made */
	int64_t at_us;
};


/* ---- statements ---- */

static bool
is_updating(const struct fl_plan *plan, const struct fl_table *table)
{
	for (uint32_t i = 0; i < plan->query_count; i++)
		if (plan->sinks[plan->queries[i].sink] == table &&
		    fl_query_is_updating(&plan->queries[i]))
			return true;
	return false;
}

static void
add_name(struct fl_buf *sql, const char *name)
{
	fl_buf_byte(sql, '"');
	for (; *name != '\0'; name++)
		fl_buf_str(sql, *name == '"' ? "\"\"" : (char[]){*name, '\0'});
	fl_buf_byte(sql, '"');
}

/* A table that takes the name of one that is always there is another one. */
static enum fl_code
check_columns(const struct fl_publish *publish, const struct inspect_statement *statement,
    struct fl_err *err)
{
	const struct fl_schema *schema = &publish->table->schema;
	uint32_t count = inspect_column_count(statement);
	bool is_same = count == schema->count;

	for (uint32_t i = 0; i < count && is_same; i++)
		is_same = strcmp(inspect_column_name(statement, i), schema->fields[i].name) == 0;
	if (is_same)
		return FL_OK;
	return FL_FAIL(err, FL_E_BAD_OPTION,
	    "\"%s\" is a table of Flight's own; write a SELECT from \"PIPELINE.%s\"",
	    publish->table->name, publish->table->name);
}

/* What a table has is told as its sink would have it: least recently updated first. */
static enum fl_code
prepare(const struct fl_plan *plan, const struct fl_publish *publish, struct inspect *inspect,
    struct inspect_statement **statement, struct fl_err *err)
{
	struct fl_buf sql;
	enum fl_code code;

	fl_buf_init(&sql);
	if (publish->table == NULL) {
		fl_buf_str(&sql, publish->select);
	} else {
		fl_buf_str(&sql, "SELECT * FROM ");
		add_name(&sql, publish->table->name);
		if (is_updating(plan, publish->table))
			fl_buf_str(&sql, " ORDER BY _updated");
	}
	code = inspect_prepare(inspect, sql.data, sql.size, statement, NULL, err);
	if (code == FL_OK && inspect_parameter(*statement, 0) != NULL) {
		code = FL_FAIL(err, FL_E_BAD_OPTION, "parameter \"%s\": nobody gives it a value",
		    inspect_parameter(*statement, 0));
		inspect_finish(statement);
	}
	if (code == FL_OK && publish->table != NULL) {
		code = check_columns(publish, *statement, err);
		if (code != FL_OK)
			inspect_finish(statement);
	}
	fl_buf_fini(&sql);
	return code == FL_OK ? FL_OK
			     : fl_err_context(err, "'flight.publish.%s'", publish->path);
}

enum fl_code
serve_check_plan(const struct fl_plan *plan, const struct fl_publish **wrong, struct fl_err *err)
{
	char name[] = "p", dir[] = "";
	struct fl_plan *borrowed = NULL;
	struct fl_pipeline pipeline = {.name = name};
	struct fl_instance instance = {.dir = dir, .pipeline_count = 1, .pipelines = &pipeline};
	struct inspect_statement *statement = NULL;
	struct inspect *inspect = NULL;
	enum fl_code code = FL_OK;

	if (plan->publish_count == 0)
		return FL_OK;
	memcpy(&borrowed, &plan, sizeof(plan)); /* it is read only */
	pipeline.plan = borrowed;
	FL_TRY(inspect_open(&instance, &(struct inspect_options){0, 0}, &inspect, err));
	for (uint32_t i = 0; i < plan->publish_count && code == FL_OK; i++) {
		*wrong = &plan->publishes[i];
		code = prepare(plan, &plan->publishes[i], inspect, &statement, err);
		inspect_finish(&statement);
	}
	inspect_close(&inspect);
	return code;
}

enum fl_code
serve_check_instance(const struct fl_instance *instance, struct fl_err *err)
{
	for (uint32_t i = 0; i < instance->pipeline_count; i++)
		for (uint32_t n = 0; n < instance->pipelines[i].plan->publish_count; n++)
			for (uint32_t j = 0; j < i; j++)
				for (uint32_t m = 0; m < instance->pipelines[j].plan->publish_count;
				     m++) {
					const char *path =
					    instance->pipelines[i].plan->publishes[n].path;

					if (strcmp(path,
						instance->pipelines[j].plan->publishes[m].path) == 0)
						return FL_FAIL(err, FL_E_BAD_CONFIG,
						    "'flight.publish.%s' is set by pipeline \"%s\" and "
						    "by \"%s\"",
						    path, instance->pipelines[j].name,
						    instance->pipelines[i].name);
				}
	return FL_OK;
}

/* ---- of a site ---- */

void
published_open(struct site *site)
{
	const struct fl_instance *instance = site->instance;
	uint32_t count = 0;

	for (uint32_t i = 0; i < instance->pipeline_count; i++)
		count += instance->pipelines[i].plan->publish_count;
	site->published = fl_calloc(FL_MAX(count, 1u), sizeof(*site->published));
	for (uint32_t i = 0; i < instance->pipeline_count; i++) {
		const struct fl_pipeline *p = &instance->pipelines[i];

		for (uint32_t n = 0; n < p->plan->publish_count; n++) {
			struct published *d = &site->published[site->published_count++];

			d->publish = &p->plan->publishes[n];
			d->pipeline = *p;
			d->instance = *instance;
			d->instance.pipeline_count = 1;
			d->instance.pipelines = &d->pipeline;
			fl_buf_init(&d->kept);
		}
	}
}

void
published_close(struct site *site)
{
	for (uint32_t i = 0; i < site->published_count; i++) {
		inspect_finish(&site->published[i].statement);
		inspect_close(&site->published[i].inspect);
		fl_buf_fini(&site->published[i].kept);
	}
	free(site->published);
}

struct published *
published_find(const struct site *site, const char *path)
{
	for (uint32_t i = 0; i < site->published_count; i++)
		if (strcmp(site->published[i].publish->path, path) == 0)
			return &site->published[i];
	return NULL;
}

static enum fl_code
open_statement(struct published *d, struct fl_err *err)
{
	if (d->inspect == NULL)
		FL_TRY(site_inspect(&d->instance, &d->inspect, err));
	if (d->statement == NULL)
		FL_TRY(prepare(d->pipeline.plan, d->publish, d->inspect, &d->statement, err));
	return FL_OK;
}

static enum fl_code
read_rows(struct published *d, struct fl_buf *out, struct fl_err *err)
{
	bool has_row = true, is_first = true;

	fl_buf_byte(out, '[');
	for (;; is_first = false) {
		FL_TRY(inspect_step(d->statement, &has_row, err));
		if (!has_row)
			break;
		if (!is_first)
			fl_buf_byte(out, ',');
		inspect_print_json_row(d->statement, out);
		if (out->size > ANSWER_SIZE_MAX)
			return FL_FAIL(err, FL_E_TIMED_OUT, "the answer is larger than %u MiB",
			    ANSWER_SIZE_MAX >> 20);
	}
	fl_buf_str(out, "]\n");
	return FL_OK;
}

/* All of it as of one moment, in the buffer's place. */
static enum fl_code
make_answer(struct published *d, struct fl_err *err)
{
	struct fl_buf fresh;
	enum fl_code code;

	FL_TRY(open_statement(d, err));
	FL_TRY(inspect_begin(d->inspect, err));
	fl_buf_init(&fresh);
	code = read_rows(d, &fresh, err);
	inspect_reset(d->statement);
	inspect_end(d->inspect);
	if (code == FL_OK) {
		fl_buf_fini(&d->kept);
		d->kept = fresh;
	} else
		fl_buf_fini(&fresh);
	return code;
}

enum fl_code
published_answer(
    struct published *d, const struct fl_bells *bells, struct fl_buf *out, struct fl_err *err)
{
	int64_t now_us = fl_monotonic_us();
	uint32_t bell = fl_bell_read(bells, FL_BELL_AGGREGATE); /* before the stores are read */

	if (!d->is_kept || d->bell != bell || now_us - d->at_us > KEPT_US) {
		d->is_kept = false;
		FL_TRY(make_answer(d, err));
		d->is_kept = true;
		d->bell = bell;
		d->at_us = now_us;
	}
	fl_buf_add(out, d->kept.data, d->kept.size);
	return FL_OK;
}
