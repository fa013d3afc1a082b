/* SPDX-License-Identifier: Apache-2.0 */
/* dead.c - dead letters to bytes and back. */
#include "shm/dead.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

void
fl_dead_encode(const struct fl_dead *dead, struct fl_buf *out)
{
	fl_buf_add(out, &dead->head, sizeof(dead->head));
	fl_buf_add(out, dead->reason, dead->head.reason_size);
	if (dead->head.key_size > 0)
		fl_buf_add(out, dead->key, dead->head.key_size);
	if (dead->head.value_size > 0)
		fl_buf_add(out, dead->value, dead->head.value_size);
}

enum fl_code
fl_dead_decode(const void *bytes, size_t size, struct fl_dead *dead, struct fl_err *err)
{
	struct fl_dead d;
	size_t left = size;

	if (size < sizeof(d.head))
		return FL_FAIL(err, FL_E_STORE_DAMAGED, "dead letter: %zu bytes are too few", size);
	memcpy(&d.head, bytes, sizeof(d.head));
	left -= sizeof(d.head);
	if ((uint64_t)d.head.reason_size + d.head.key_size + d.head.value_size != left)
		return FL_FAIL(err, FL_E_STORE_DAMAGED,
		    "dead letter: reason, key and value do not fill its %zu bytes", size);
	d.reason = (const char *)bytes + sizeof(d.head);
	d.key = d.reason + d.head.reason_size;
	d.value = d.key + d.head.key_size;
	*dead = d;
	return FL_OK;
}

static int
hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
fl_dead_name_get(const struct json_t *arguments, size_t i, struct fl_dead_name *name)
{
	const json_t *letter = json_array_get(json_object_get(arguments, "letters"), i);
	const char *hex = json_string_value(json_object_get(letter, "key"));
	size_t size = hex != NULL ? strlen(hex) : 0;

	memset(name, 0, sizeof(*name));
	if (size == 0 || size % 2 != 0 || size / 2 > sizeof(name->key))
		return false;
	for (size_t k = 0; k < size; k += 2) {
		int high = hex_digit(hex[k]), low = hex_digit(hex[k + 1]);

		if (high < 0 || low < 0)
			return false;
		name->key[name->key_size++] = (uint8_t)(high << 4 | low);
	}
	name->clock_ms = json_integer_value(json_object_get(letter, "clock_ms"));
	name->value = json_string_value(json_object_get(letter, "value"));
	return true;
}

void
fl_dead_name_print(const void *key, size_t key_size, int64_t clock_ms, struct fl_buf *out)
{
	const uint8_t *p = key;

	fl_buf_str(out, "\"key\":\"");
	for (size_t i = 0; i < key_size; i++)
		fl_buf_printf(out, "%02x", p[i]);
	fl_buf_printf(out, "\",\"clock_ms\":%" PRId64, clock_ms);
}

enum fl_code
fl_dead_get(struct fl_txn *txn, enum fl_dbi dbi, const struct fl_dead_name *name, bool *found,
    struct fl_dead *dead, struct fl_err *err)
{
	const void *value;
	size_t size;

	FL_TRY(fl_txn_get(txn, dbi, name->key, name->key_size, found, NULL, &value, &size, err));
	if (!*found)
		return FL_OK;
	FL_TRY(fl_dead_decode(value, size, dead, err));
	*found = dead->head.clock_ms == name->clock_ms;
	return FL_OK;
}

enum fl_code
fl_dead_drop(struct fl_txn *txn, enum fl_dbi dbi, const struct json_t *arguments, uint32_t *count,
    uint64_t *size, struct fl_err *err)
{
	struct fl_dead_name name;
	struct fl_dead dead;
	bool found;

	for (size_t i = 0; i < json_array_size(json_object_get(arguments, "letters")); i++) {
		if (!fl_dead_name_get(arguments, i, &name))
			continue;
		FL_TRY(fl_dead_get(txn, dbi, &name, &found, &dead, err));
		if (!found)
			continue;
		(*count)++;
		*size += fl_dead_size(&dead);
		FL_TRY(fl_txn_del(txn, dbi, name.key, name.key_size, err));
	}
	return FL_OK;
}
