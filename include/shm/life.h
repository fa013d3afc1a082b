/* SPDX-License-Identifier: Apache-2.0 */
/*
 * life.h - which programs of an instance live, and what readers have to know of them.
 */
#ifndef FL_SHM_LIFE_H
#define FL_SHM_LIFE_H

#include "shm/instance.h"

#define FL_WRITER_COUNT 3u
#define FL_PROGRAM_COUNT 4u
extern const char *const fl_programs[FL_PROGRAM_COUNT]; /* the writers, then serve */
const char *fl_role_program(enum fl_role role); /* the one that writes such a store */
extern const char *const fl_writers[FL_WRITER_COUNT];	/* ingest, aggregate, emit */

#define FL_SERVE_LOCK "/run/serve" /* below DIR; serve has no store, the others lock theirs */

/* Life of a program: running, state text, pid, time of its last beat. */
struct fl_life {
	const char *program;
	bool is_known; /* it ran at least once */
	bool is_running;
	bool is_silent; /* holds its lock, but its beat is old */
	int32_t pid;
	int64_t beat_ms;
	char state[128];
};
void fl_life_get(const struct fl_instance *instance, const char *program, struct fl_life *life);
/* All three have ended since they were done. */
bool fl_life_is_done(const struct fl_instance *instance);
/* True while some process holds the role lock of this store. */
bool fl_life_lock_is_held(const char *store_path);
/* Readers fold as the writer did: sets instance->is_run as the catalog says. */
void fl_life_read_mode(struct fl_instance *instance);

#endif
