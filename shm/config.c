/* SPDX-License-Identifier: Apache-2.0 */
/* config.c - settings of an instance: rows of tbl/config.h, values kept in the catalog. */
#include <inttypes.h>
#include <string.h>

#include "shm/instance.h"

struct config_row {
	const char *name, *value;
};

/* clang-format off */
static const struct config_row rows[] = {
#define FL_CONFIG_INSTANCE(name, value) { name, value },
#define FL_CONFIG_PROCESS(name, value)
#define FL_CONFIG(scope, name, value, help) FL_CONFIG_##scope(name, value)
#include "tbl/config.h"
#undef FL_CONFIG
};
/* clang-format on */

const char *
fl_config_row(uint32_t i, const char **value)
{
	if (i >= FL_ARRAY_COUNT(rows))
		return NULL;
	*value = rows[i].value;
	return rows[i].name;
}

int64_t
fl_config_number(struct fl_instance *instance, const char *key)
{
	struct fl_err err = { 0 };
	struct fl_buf text;
	bool found = false;
	int64_t number = 0;

	for (uint32_t i = 0; i < FL_ARRAY_COUNT(rows); i++)
		if (strcmp(rows[i].name, key) == 0)
			(void)fl_parse_i64(rows[i].value, &number);
	fl_buf_init(&text);
	/* up --set has checked the value; what cannot be read leaves the default. */
	if (instance->catalog != NULL &&
	    fl_instance_get(instance, key, &found, &text, &err) == FL_OK && found)
		(void)fl_parse_i64(text.data, &number);
	fl_buf_fini(&text);
	return number;
}

void
fl_config_text(struct fl_instance *instance, const char *key, struct fl_buf *text)
{
	bool found = false;

	if (instance->catalog != NULL &&
	    fl_instance_get(instance, key, &found, text, NULL) == FL_OK && found)
		return;
	fl_buf_reset(text);
	for (uint32_t i = 0; i < FL_ARRAY_COUNT(rows); i++)
		if (strcmp(rows[i].name, key) == 0)
			fl_buf_str(text, rows[i].value);
}

enum fl_code
fl_config_serve_port(struct fl_instance *instance, uint16_t *port, struct fl_err *err)
{
	int64_t set = fl_config_number(instance, "serve.port");
	const struct fl_pipeline *who = NULL;

	*port = (uint16_t)set;
	if (set > UINT16_MAX)
		return FL_FAIL(err, FL_E_BAD_CONFIG,
		    "serve.port: expected a port of 0 to 65535, got %" PRId64, set);
	for (uint32_t i = 0; i < instance->pipeline_count && set == 0; i++) {
		const struct fl_pipeline *p = &instance->pipelines[i];

		if (p->plan->serve_port == 0)
			continue;
		if (who != NULL && p->plan->serve_port != *port)
			return FL_FAIL(err, FL_E_BAD_CONFIG,
			    "flight.serve.port is %u in pipeline \"%s\" and %u in \"%s\": an instance "
			    "has one serve; flightctl up --set serve.port=PORT says which port it has",
			    *port, who->name, p->plan->serve_port, p->name);
		who = p;
		*port = p->plan->serve_port;
	}
	return FL_OK;
}
