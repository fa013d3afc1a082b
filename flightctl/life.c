/* SPDX-License-Identifier: Apache-2.0 */
/*
 * life.c - opening an instance for reading, and which of its programs live.
 *
 * The role lock is released by the kernel at the instant of death, so who holds it runs;
 * an old beat as well means that it is silent.  A program that waits before it has opened
 * its store holds no lock yet: then a fresh beat and a live pid have to do.
 */
#include "flightctl/ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BEAT_OLD_MS 10000
#define BEAT_FRESH_MS 5000

const char *const ctl_programs[3] = {"ingest", "aggregate", "emit"};

static bool
is_mode_run(struct fl_instance *instance)
{
	struct fl_err err = {0};
	struct fl_buf mode;
	bool found = false, is_run;

	fl_buf_init(&mode);
	is_run = fl_instance_get(instance, "mode", &found, &mode, &err) == FL_OK && found &&
		 strcmp(mode.data, "run") == 0;
	fl_buf_fini(&mode);
	return is_run;
}

enum fl_code
ctl_instance_open(
    const struct ctl *ctl, bool load, struct fl_instance **instance, struct fl_err *err)
{
	struct fl_instance *opened = NULL;
	char catalog[PATH_MAX];
	struct stat st;

	if (access(ctl->instance, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR))
		return FL_FAIL(err, FL_E_NO_SUCH_OBJECT,
		    "there is no instance \"%s\"; -i DIR or FLIGHT_HOME names one, `flightctl up` "
		    "makes one",
		    ctl->instance);
	if (stat(ctl->instance, &st) == 0 && !S_ISDIR(st.st_mode))
		return FL_FAIL(err, FL_E_NO_SUCH_OBJECT,
		    "instance \"%s\" is a file, expected a directory", ctl->instance);
	if (access(ctl->instance, R_OK | X_OK) != 0)
		return FL_FAIL_NATIVE(err, FL_E_BAD_CONFIG, errno, "cannot open instance \"%s\": %s",
		    ctl->instance, strerror(errno));
	(void)snprintf(catalog, sizeof(catalog), "%s/catalog", ctl->instance);
	if (access(catalog, F_OK) != 0 && errno == ENOENT)
		return FL_FAIL(err, FL_E_NO_SUCH_OBJECT,
		    "directory \"%s\" is not an instance: it holds no catalog; `flightctl up` makes "
		    "one",
		    ctl->instance);
	if (fl_instance_open(ctl->instance, false, &opened, err) != FL_OK)
		return fl_err_context(err, "instance \"%s\"", ctl->instance);
	if (load && fl_instance_load(opened, false, err) != FL_OK) {
		fl_instance_close(&opened);
		return fl_err_context(err, "instance \"%s\"", ctl->instance);
	}
	opened->is_run = is_mode_run(opened);
	*instance = opened;
	return FL_OK;
}

bool
ctl_lock_is_held(const char *store_path)
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

	if (strcmp(program, "ingest") == 0)
		return ctl_lock_is_held(
		    fl_instance_path(instance, FL_ROLE_INGEST, NULL, path, sizeof(path)));
	if (strcmp(program, "emit") == 0)
		return ctl_lock_is_held(
		    fl_instance_path(instance, FL_ROLE_EMIT, NULL, path, sizeof(path)));
	for (uint32_t i = 0; i < instance->pipeline_count; i++)
		if (ctl_lock_is_held(fl_instance_path(instance, FL_ROLE_PIPELINE,
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
ctl_life_get(const struct fl_instance *instance, const char *program, struct ctl_life *life)
{
	struct fl_metrics *metrics = NULL;
	struct fl_err err = {0};

	*life = (struct ctl_life){.program = program};
	if (fl_metrics_open(instance, program, false, &metrics, &err) == FL_OK) {
		life->is_known = fl_metrics_life(metrics, &life->pid, &life->beat_ms, life->state);
		fl_metrics_close(&metrics);
	}
	life->is_running =
	    lock_is_held(instance, program) ||
	    (life->is_known && life->pid > 0 && fl_now_ms() - life->beat_ms < BEAT_FRESH_MS &&
		(kill(life->pid, 0) == 0 || errno == EPERM));
	life->is_silent = life->is_running && fl_now_ms() - life->beat_ms > BEAT_OLD_MS;
	/* What it said last stands if it was its end: done, stopped, or why it failed. */
	if (!life->is_known)
		snprintf(life->state, sizeof(life->state), "never ran");
	else if (!life->is_running && is_state_of_living(life->state))
		snprintf(life->state, sizeof(life->state), "killed");
}

bool
ctl_is_done(const struct fl_instance *instance)
{
	struct ctl_life life;

	for (uint32_t i = 0; i < FL_ARRAY_COUNT(ctl_programs); i++) {
		ctl_life_get(instance, ctl_programs[i], &life);
		if (life.is_running || strcmp(life.state, "done") != 0)
			return false;
	}
	return true;
}
