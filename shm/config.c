/* SPDX-License-Identifier: Apache-2.0 */
/* config.c - settings of an instance: rows of tbl/config.h, values kept in the catalog. */
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
