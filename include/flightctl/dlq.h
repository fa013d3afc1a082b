/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dlq.h - dead letters as flightctl's commands see them.
 *
 *	letter	 a dead letter of one of the three writers, under its ID
 *	choice	 the letters that a command is about, and what it will do to each
 */
#ifndef FL_FLIGHTCTL_DLQ_H
#define FL_FLIGHTCTL_DLQ_H

#include "flightctl/ctl.h"
#include "shm/dead.h"

#define DLQ_ID_SIZE 256

struct dlq_letter { /* borrowed during the visit */
	enum fl_role role;
	const char *pipeline; /* PIPELINE: whose store */
	char id[DLQ_ID_SIZE];
	const void *key;
	size_t key_size;
	struct fl_dead dead;
	bool is_returning; /* EMIT: its row is on its way to the sink */
};
/* Its bytes were not kept because they are more than these; 0: its quota was full. */
uint32_t dlq_too_long(enum fl_role role, const struct fl_dead *dead);
typedef enum fl_code dlq_visit(
    void *ctx, const struct dlq_letter *letter, bool *stop, struct fl_err *err);
/* Every letter of every writer, in the order of its key. */
enum fl_code dlq_each(
    const struct fl_instance *instance, dlq_visit *visit, void *ctx, struct fl_err *err);

/* Which letters: one of these. */
struct dlq_choice {
	char **ids;
	int id_count;
	bool all;
	const char *where; /* a code, or a part of the reason */
	const char *file;  /* JSON lines as export writes them; of replay, with mended values */
};
/* export, replay and drop; what they print goes to stdout. */
int dlq_export(struct ctl *ctl, const struct dlq_choice *choice);
int dlq_change(struct ctl *ctl, const struct dlq_choice *choice, bool is_drop, bool execute);

#endif
