/* SPDX-License-Identifier: Apache-2.0 */
/* dead.c - dead letters to bytes and back, and their counters. */
#include "shm/dead.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
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

/* ---- counters ---- */

#define OWNER_SIZE_MAX 60u

enum fl_code
fl_dead_count(struct fl_txn *txn, enum fl_dbi dbi, const void *owner, size_t owner_size, uint32_t code,
    uint64_t more, struct fl_err *err)
{
	uint8_t key[OWNER_SIZE_MAX + 4];
	uint64_t count = 0;
	const void *value;
	size_t size;
	bool found;

	assert(owner_size <= OWNER_SIZE_MAX);
	memcpy(key, owner, owner_size);
	fl_key_u32(key + owner_size, code);
	FL_TRY(fl_txn_get(txn, dbi, key, owner_size + 4, &found, NULL, &value, &size, err));
	if (found && size == sizeof(count))
		memcpy(&count, value, size);
	count += more;
	return fl_txn_put(txn, dbi, key, owner_size + 4, 0, &count, sizeof(count), err);
}

enum fl_code
fl_dead_count_each(struct fl_txn *txn, enum fl_dbi dbi, const void *prefix, size_t prefix_size,
    fl_dead_count_fn *fn, void *ctx, struct fl_err *err)
{
	struct fl_cursor *cursor = NULL;
	struct fl_item item;
	enum fl_code code;
	bool found = false;

	FL_TRY(fl_cursor_open(txn, dbi, &cursor, err));
	code = fl_cursor_seek(cursor, prefix, prefix_size, &found, &item, err);
	while (code == FL_OK && found && item.key_size >= prefix_size + 4 &&
	    (prefix_size == 0 || memcmp(item.key, prefix, prefix_size) == 0)) {
		const uint8_t *key = item.key;
		uint64_t count;

		if (item.size == sizeof(count)) {
			memcpy(&count, item.value, sizeof(count));
			fn(ctx, key, item.key_size - 4, fl_key_get_u32(key + item.key_size - 4), count);
		}
		code = fl_cursor_next(cursor, &found, &item, err);
	}
	fl_cursor_close(&cursor);
	return code;
}

void
fl_dead_tally_add(struct fl_dead_tally *tally, uint32_t owner, uint32_t code, uint64_t more)
{
	uint32_t i;

	for (i = 0; i < tally->count; i++)
		if (tally->rows[i].owner == owner && tally->rows[i].code == code)
			break;
	if (i == tally->capacity) {
		tally->capacity = FL_MAX(8u, tally->capacity * 2);
		tally->rows = fl_realloc(tally->rows, tally->capacity * sizeof(*tally->rows));
	}
	if (i == tally->count)
		tally->rows[tally->count++] = (struct fl_dead_more){ .owner = owner, .code = code };
	tally->rows[i].more += more;
}

void
fl_dead_tally_copy(struct fl_dead_tally *to, const struct fl_dead_tally *from)
{
	to->count = 0;
	for (uint32_t i = 0; i < from->count; i++)
		fl_dead_tally_add(to, from->rows[i].owner, from->rows[i].code, from->rows[i].more);
}

enum fl_code
fl_dead_tally_put(
    struct fl_txn *txn, enum fl_dbi dbi, const struct fl_dead_tally *tally, struct fl_err *err)
{
	uint8_t owner[4];

	for (uint32_t i = 0; i < tally->count; i++) {
		fl_key_u32(owner, tally->rows[i].owner);
		FL_TRY(fl_dead_count(
		    txn, dbi, owner, sizeof(owner), tally->rows[i].code, tally->rows[i].more, err));
	}
	return FL_OK;
}

void
fl_dead_tally_fini(struct fl_dead_tally *tally)
{
	free(tally->rows);
	memset(tally, 0, sizeof(*tally));
}
