/* SPDX-License-Identifier: Apache-2.0 */
/*
 * life.c - which programs of an instance live.
 *
 * The role lock is released by the kernel at the instant of death, so who holds it runs;
 * an old beat as well means that it is silent.  A program that waits before it has opened
 * its store holds no lock yet: then a fresh beat and a live pid have to do.
 */
#include "shm/life.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BEAT_OLD_MS 10000
#define BEAT_FRESH_MS 5000

const char *const fl_writers[FL_WRITER_COUNT] = {"ingest", "aggregate", "emit"};
const char *const fl_programs[FL_PROGRAM_COUNT] = {"ingest", "aggregate", "emit", "serve"};

const char *
fl_role_program(enum fl_role role)
{
	return role == FL_ROLE_INGEST ? "ingest" : role == FL_ROLE_PIPELINE ? "aggregate" : "emit";
}

void
fl_life_read_mode(struct fl_instance *instance)
{
	struct fl_err err = {0};
	struct fl_buf mode;
	bool found = false;

	fl_buf_init(&mode);
	instance->is_run = fl_instance_get(instance, "mode", &found, &mode, &err) == FL_OK &&
			   found && strcmp(mode.data, "run") == 0;
	fl_buf_fini(&mode);
}

bool
fl_life_lock_is_held(const char *store_path)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char path[PATH_MAX];
	bool is_held;
	int fd;

	snprintf(path, sizeof(path), "%s.lock", store_path);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return false;
	is_held = fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
	close(fd);
	return is_held;
}

static bool
lock_is_held(const struct fl_instance *instance, const char *program)
{
	char path[PATH_MAX];

	if (strcmp(program, "serve") == 0) {
		snprintf(path, sizeof(path), "%s" FL_SERVE_LOCK, instance->dir);
		return fl_life_lock_is_held(path);
	}
	if (strcmp(program, "ingest") == 0)
		return fl_life_lock_is_held(
		    fl_instance_path(instance, FL_ROLE_INGEST, NULL, path, sizeof(path)));
	if (strcmp(program, "emit") == 0)
		return fl_life_lock_is_held(
		    fl_instance_path(instance, FL_ROLE_EMIT, NULL, path, sizeof(path)));
	for (uint32_t i = 0; i < instance->pipeline_count; i++)
		if (fl_life_lock_is_held(fl_instance_path(instance, FL_ROLE_PIPELINE,
			instance->pipelines[i].name, path, sizeof(path))))
			return true;
	return false;
}

static bool
is_state_of_living(const char *state)
{
	static const char *const states[] = { "starting", "loading", "running", "waiting" };

	for (uint32_t i = 0; i < FL_ARRAY_COUNT(states); i++)
		if (strncmp(state, states[i], strlen(states[i])) == 0)
			return true;
	return false;
}

void
fl_life_get(const struct fl_instance *instance, const char *program, struct fl_life *life)
{
	struct fl_metrics *metrics = NULL;
	struct fl_err err = {0};

	*life = (struct fl_life){.program = program};
	if (fl_metrics_open(instance, program, false, &metrics, &err) == FL_OK) {
		life->is_known = fl_metrics_life(metrics, &life->pid, &life->beat_ms, life->state);
		fl_metrics_close(&metrics);
	}
	/* One that has said its end may still have a pid, until its supervisor looks. */
	life->is_running =
	    lock_is_held(instance, program) ||
	    (life->is_known && life->pid > 0 && is_state_of_living(life->state) &&
		fl_now_ms() - life->beat_ms < BEAT_FRESH_MS &&
		(kill(life->pid, 0) == 0 || errno == EPERM));
	life->is_silent = life->is_running && fl_now_ms() - life->beat_ms > BEAT_OLD_MS;
	/* What it said last stands if it was its end: done, stopped, or why it failed. */
	if (!life->is_known)
		snprintf(life->state, sizeof(life->state), "never ran");
	else if (!life->is_running && is_state_of_living(life->state))
		snprintf(life->state, sizeof(life->state), "killed");
}

bool
fl_life_is_done(const struct fl_instance *instance)
{
	struct fl_life life;

	for (uint32_t i = 0; i < FL_ARRAY_COUNT(fl_writers); i++) {
		fl_life_get(instance, fl_writers[i], &life);
		if (life.is_running || strcmp(life.state, "done") != 0)
			return false;
	}
	return true;
}
