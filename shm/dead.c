/* SPDX-License-Identifier: Apache-2.0 */
/* dead.c - dead letters to bytes and back. */
#include "shm/dead.h"

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
