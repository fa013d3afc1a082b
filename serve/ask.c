/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ask.c - POST /query: one SELECT over all stores as of one moment.
 *
 * The body is the statement, or JSON: {"sql": "...", "params": {"name": "text"}, "limit": 100}.
 * A thread of its own asks, one statement at a time, so that a long one delays neither
 * metrics nor what is published.
 */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "site.h"

#define ROWS_DEFAULT 10000
#define ROWS_MAX 1000000
#define ANSWER_SIZE_MAX (64u << 20)

struct question {
	json_t *json; /* NULL: the body is the statement */
	const char *sql;
	size_t size;
	int64_t limit;
};

static enum fl_code
read_question(const struct http_request *request, struct question *question, struct fl_err *err)
{
	json_error_t wrong;
	const json_t *sql, *limit;

	*question = (struct question){
	    .sql = request->body.data, .size = request->body.size, .limit = ROWS_DEFAULT};
	if (request->is_json) {
		question->json =
		    json_loadb(request->body.data != NULL ? request->body.data : "",
			request->body.size, JSON_REJECT_DUPLICATES, &wrong);
		if (!json_is_object(question->json))
			return FL_FAIL(err, FL_E_BAD_JSON, "the body is no JSON object: %s",
			    question->json == NULL ? wrong.text : "it is something else");
		sql = json_object_get(question->json, "sql");
		question->sql = json_string_value(sql);
		question->size = json_string_length(sql);
		limit = json_object_get(question->json, "limit");
		if (limit != NULL && (!json_is_integer(limit) || json_integer_value(limit) < 1 ||
					 json_integer_value(limit) > ROWS_MAX))
			return FL_FAIL(err, FL_E_BAD_OPTION,
			    "\"limit\": expected a number of 1 to %d", ROWS_MAX);
		if (limit != NULL)
			question->limit = json_integer_value(limit);
	}
	if (question->size == 0)
		return FL_FAIL(err, FL_E_BAD_OPTION,
		    "expected a SELECT as the body, or {\"sql\": \"SELECT ...\"} as application/json");
	return FL_OK;
}

static enum fl_code
bind_all(const struct question *question, struct inspect_statement *statement, struct fl_err *err)
{
	json_t *params = json_object_get(question->json, "params");
	const char *name;
	json_t *value;

	if (params != NULL && !json_is_object(params))
		return FL_FAIL(err, FL_E_BAD_OPTION, "\"params\": expected an object of texts");
	json_object_foreach(params, name, value)
	{
		if (!json_is_string(value))
			return FL_FAIL(
			    err, FL_E_BAD_OPTION, "\"params\": \"%.60s\": expected a text", name);
		FL_TRY(inspect_bind(statement, name, json_string_value(value), err));
	}
	return FL_OK;
}

static enum fl_code
read_rows(const struct question *question, struct inspect_statement *statement,
    struct fl_buf *out, struct fl_err *err)
{
	bool has_row = true, is_more = false;

	fl_buf_str(out, "{\"columns\":[");
	for (uint32_t i = 0; i < inspect_column_count(statement); i++) {
		const char *name = inspect_column_name(statement, i);

		fl_buf_str(out, i > 0 ? "," : "");
		fl_buf_json(out, name, strlen(name));
	}
	fl_buf_str(out, "],\"rows\":[");
	for (int64_t n = 0;; n++) {
		FL_TRY(inspect_step(statement, &has_row, err));
		if (!has_row)
			break;
		is_more = n >= question->limit || out->size > ANSWER_SIZE_MAX;
		if (is_more)
			break;
		fl_buf_str(out, n > 0 ? ",\n" : "\n");
		inspect_print_json_row(statement, out);
	}
	fl_buf_printf(out, "\n],\"more\":%s}\n", is_more ? "true" : "false");
	return FL_OK;
}

static enum fl_code
answer_question(struct inspect *inspect, const struct question *question, struct fl_buf *out,
    struct fl_buf *detail, struct fl_err *err)
{
	struct inspect_statement *statement = NULL;
	enum fl_code code =
	    inspect_prepare(inspect, question->sql, question->size, &statement, detail, err);

	if (code == FL_OK)
		code = bind_all(question, statement, err);
	if (code == FL_OK)
		code = inspect_begin(inspect, err);
	if (code == FL_OK)
		code = read_rows(question, statement, out, err);
	inspect_finish(&statement);
	inspect_end(inspect);
	return code;
}

unsigned
ask_status(enum fl_code code)
{
	if (code == FL_E_TIMED_OUT)
		return 504;
	return fl_code_class(code) == FL_CLASS_TRANSIENT ? 503
	     : fl_code_class(code) == FL_CLASS_INPUT || code == FL_E_SQL_SYNTAX ||
		     code == FL_E_SQL_BIND || code == FL_E_SQL_UNSUPPORTED || code == FL_E_BAD_OPTION
		 ? 400
		 : 500;
}

void
ask_close(struct site *site)
{
	inspect_close(&site->asked);
}

void
ask(struct site *site, const struct http_request *request, struct http_answer *answer)
{
	struct question question;
	struct fl_buf detail;
	struct fl_err err = {0};
	enum fl_code code;

	fl_buf_init(&detail);
	code = read_question(request, &question, &err);
	if (code == FL_OK && site->asked == NULL)
		code = site_inspect(site->instance, &site->asked, &err);
	if (code == FL_OK)
		code = answer_question(site->asked, &question, &answer->body, &detail, &err);
	if (code != FL_OK)
		http_fail_code(answer, ask_status(code), &err, detail.data);
	json_decref(question.json);
	fl_buf_fini(&detail);
}
