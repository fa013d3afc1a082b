/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline.c - compiling and applying .sql files with messages for a terminal. */
#include "flightctl/pipeline.h"

#include "kafka/client.h"
#include "serve/serve.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SQL_SIZE_MAX (1u << 20)

/* What the compiler shows below its message, whose line ctl_fail() prints. */
static void
keep_excerpt(const struct ctl *ctl, const struct fl_buf *detail)
{
	const char *line = detail->size > 0 ? strchr(detail->data, '\n') : NULL;
	size_t size;

	if (line == NULL || ctl->excerpt == NULL)
		return;
	size = strlen(++line);
	while (size > 0 && line[size - 1] == '\n')
		size--;
	fl_buf_reset(ctl->excerpt);
	fl_buf_add(ctl->excerpt, line, size);
}

/* The compiler does not know Kafka: what it takes as properties is for the client. */
static enum fl_code
check_clients(const struct fl_plan *plan, const char *file, struct fl_err *err)
{
	for (uint32_t i = 0; i < plan->table_count; i++) {
		const struct fl_option *wrong = NULL;

		if (!fl_table_is_kafka(plan->tables[i]) ||
		    fl_kafka_check(plan->tables[i], &wrong, err) == FL_OK)
			continue;
		return fl_err_context(
		    err, "%s:%u:%u", file, (unsigned)wrong->line, (unsigned)wrong->col);
	}
	return FL_OK;
}

/* Nor does it know what can be asked of the stores. */
static enum fl_code
check_published(const struct fl_plan *plan, const char *file, struct fl_err *err)
{
	const struct fl_publish *wrong = NULL;

	if (serve_check_plan(plan, &wrong, err) == FL_OK)
		return FL_OK;
	return wrong == NULL
		   ? err->code
		   : fl_err_context(err, "%s:%u:%u", file, (unsigned)wrong->line, (unsigned)wrong->col);
}

enum fl_code
pipeline_read(const struct ctl *ctl, const char *file, const char *brokers, struct fl_plan **plan,
    struct fl_err *err)
{
	char dir[PATH_MAX], copy[PATH_MAX];
	struct fl_sql_env env = {.file = file, .brokers = brokers, .require_insert = true};
	struct fl_buf text, detail;
	enum fl_code code;

	fl_buf_init(&text);
	fl_buf_init(&detail);
	snprintf(copy, sizeof(copy), "%s", file);
	snprintf(dir, sizeof(dir), "%s", dirname(copy));
	env.dir = dir;
	code = fl_file_read(file, SQL_SIZE_MAX, &text, err);
	if (code == FL_OK)
		code = fl_sql_compile(
		    text.data != NULL ? text.data : "", text.size, &env, plan, &detail, err);
	if (code != FL_OK) {
		keep_excerpt(ctl, &detail);
	} else if ((code = check_clients(*plan, file, err)) != FL_OK ||
		   (code = check_published(*plan, file, err)) != FL_OK) {
		fl_plan_free(plan);
	}
	fl_buf_fini(&text);
	fl_buf_fini(&detail);
	return code;
}

int
pipeline_compile(
    const struct ctl *ctl, const char *file, const char *brokers, struct fl_plan **plan)
{
	struct fl_err err = {0};

	return pipeline_read(ctl, file, brokers, plan, &err) == FL_OK ? CTL_OK : ctl_fail(ctl, &err);
}

enum fl_code
pipeline_apply(const struct ctl *ctl, struct fl_instance *instance, char **files, int file_count,
    const char *brokers, bool reset, struct fl_err *err)
{
	struct fl_buf detail;
	enum fl_code code = FL_OK;

	fl_buf_init(&detail);
	for (int i = 0; i < file_count && code == FL_OK; i++) {
		code = fl_instance_apply(instance, files[i], brokers, reset, &detail, err);
		if (code != FL_OK)
			keep_excerpt(ctl, &detail);
	}
	fl_buf_fini(&detail);
	return code;
}

static bool
is_unreadable(enum fl_code code)
{
	return code == FL_E_STORE_VERSION || code == FL_E_STORE_MISMATCH || code == FL_E_STORE_DAMAGED;
}

enum fl_code
pipeline_make_way(const struct ctl *ctl, const char *dir, char **files, int file_count,
    const char *brokers, struct fl_err *err)
{
	const char **names = fl_calloc((size_t)file_count + 1, sizeof(*names));
	struct fl_plan **plans = fl_calloc((size_t)file_count + 1, sizeof(*plans));
	struct fl_err why = {0};
	enum fl_code code = fl_instance_probe(dir, &why);
	bool keeps_settings = false;
	struct fl_buf to;

	fl_buf_init(&to);
	if (!is_unreadable(code)) {
		*err = why;
		goto out;
	}
	for (int i = 0; i < file_count; i++) {
		code = pipeline_read(ctl, files[i], brokers, &plans[i], err);
		if (code != FL_OK)
			goto out;
		names[i] = plans[i]->name;
	}
	code = super_pid(dir) != 0 ? FL_FAIL(err, FL_E_ALREADY_RUNNING, "end its programs first (flightctl down)")
				   : fl_instance_set_aside(dir, names, (uint32_t)file_count, &to,
					 &keeps_settings, err);
	if (code != FL_OK)
		(void)fl_err_context(err, "%s %s", fl_code_name(why.code), why.text);
	else
		ctl_say(ctl, "%s %s\nthe instance begins anew; its former stores are in %s%s",
		    fl_code_name(why.code), why.text, to.data,
		    keeps_settings ? "" : "; what was --set is to be set again");
out:
	for (int i = 0; i < file_count; i++)
		fl_plan_free(&plans[i]);
	free(plans);
	free(names);
	fl_buf_fini(&to);
	return code;
}

enum fl_code
pipeline_check_places(const struct fl_instance *instance, struct fl_err *err)
{
	for (uint32_t i = 0; i < instance->pipeline_count; i++) {
		const struct fl_pipeline *p = &instance->pipelines[i];

		for (uint32_t t = 0; t < p->plan->table_count; t++) {
			const struct fl_table *table = p->plan->tables[t];

			if (table->beside != NULL && access(table->beside, F_OK) != 0 && errno == ENOENT)
				return FL_FAIL(err, FL_E_NO_SUCH_FILE,
				    "pipeline \"%s\": table \"%s\" is at \"%s\" beside \"%s\", and that directory "
				    "is not there; if it was moved, name the file where it is now: "
				    "flightctl up FILE.sql",
				    p->name, table->name, table->place, p->file);
		}
	}
	return FL_OK;
}

enum fl_code
pipeline_find(const struct fl_instance *instance, const char *name,
    const struct fl_pipeline **pipeline, struct fl_err *err)
{
	char names[256] = "none";

	for (uint32_t i = 0, at = 0; i < instance->pipeline_count; i++) {
		if (name == NULL || strcmp(instance->pipelines[i].name, name) == 0) {
			*pipeline = &instance->pipelines[i];
			return FL_OK;
		}
		if (at < sizeof(names))
			at += (uint32_t)snprintf(names + at, sizeof(names) - at, "%s%s",
			    i > 0 ? ", " : "", instance->pipelines[i].name);
	}
	return FL_FAIL(err, FL_E_NO_SUCH_OBJECT, "there is no pipeline%s%s%s; there is: %s",
	    name != NULL ? " \"" : "", name != NULL ? name : "", name != NULL ? "\"" : "", names);
}
