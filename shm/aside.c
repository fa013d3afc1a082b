/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aside.c - beginning an instance anew whose stores cannot be opened.
 *
 * What is there moves into DIR/aside.N as it is, so that DIR/aside.N is an instance for the
 * version of Flight that made it.  The catalog goes first and what is probed last: who is killed
 * in between leaves stores without the catalog they belong to, which cannot be opened either.
 */
#include "shm/instance.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shm/step.h"

#define ASIDE_MAX 1000

static bool
exists(const char *dir, const char *name)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return access(path, F_OK) == 0;
}

/* ---- can they be opened? ---- */

static enum fl_code
probe_store(const struct fl_instance *instance, enum fl_role role, struct fl_err *err)
{
	const struct fl_partition_cursor *partitions;
	const struct fl_ingest_cursor *cursor;
	struct fl_store *store = NULL;
	struct fl_txn *txn = NULL;
	enum fl_code code = fl_instance_store(instance, role, NULL, false, &store, err);
	bool found;

	if (code == FL_E_NO_SUCH_OBJECT)
		return FL_OK;
	if (code == FL_OK)
		code = fl_txn_begin_read(store, &txn, err);
	if (code == FL_OK && role == FL_ROLE_INGEST)
		code = fl_ingest_cursor_get(txn, &found, &cursor, &partitions, err);
	fl_txn_abort(&txn);
	fl_store_close(&store);
	return code;
}

enum fl_code
fl_instance_probe(const char *dir, struct fl_err *err)
{
	struct fl_instance *instance = NULL;
	struct fl_buf mode;
	enum fl_code code;
	bool found;

	if (!exists(dir, "catalog"))
		return exists(dir, "ingest") || exists(dir, "emit")
			   ? FL_FAIL(err, FL_E_STORE_MISMATCH,
				 "instance \"%s\": it has stores and no catalog", dir)
			   : FL_OK;
	FL_TRY(fl_instance_open(dir, false, &instance, err));
	fl_buf_init(&mode);
	code = fl_instance_get(instance, "mode", &found, &mode, err);
	if (code == FL_OK)
		code = probe_store(instance, FL_ROLE_INGEST, err);
	if (code == FL_OK)
		code = probe_store(instance, FL_ROLE_EMIT, err);
	fl_buf_fini(&mode);
	fl_instance_close(&instance);
	return code;
}

/* ---- moving ---- */

struct aside {
	const char *dir;
	char to[PATH_MAX];
	int *locks;
	uint32_t lock_count;
};

static enum fl_code
lock_store(struct aside *a, const char *name, struct fl_err *err)
{
	char path[PATH_MAX];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", a->dir, name);
	if (fl_store_lock(path, &fd, err) != FL_OK)
		return fl_err_context(err, "end its programs first (flightctl down)");
	a->locks = fl_realloc(a->locks, (a->lock_count + 1) * sizeof(*a->locks));
	a->locks[a->lock_count++] = fd;
	return FL_OK;
}

/* Is it the directory of one of them?  Those of pipelines hold no dot, what is left of their
 * making and removing does. */
static bool
is_of(const char *dir, const char *name, const char *const names[], uint32_t count)
{
	struct fl_instance instance = {.dir = (char *)(uintptr_t)dir};
	char path[PATH_MAX];

	for (uint32_t i = 0; i < count; i++) {
		(void)fl_instance_path(&instance, FL_ROLE_PIPELINE, names[i], path, sizeof(path));
		if (strcmp(strrchr(path, '/') + 1, name) == 0)
			return true;
	}
	return false;
}

/* All of them must be about to begin anew: their steps go as well. */
static enum fl_code
lock_pipelines(struct aside *a, const char *const names[], uint32_t count, struct fl_err *err)
{
	char path[PATH_MAX], store[PATH_MAX];
	enum fl_code code = FL_OK;
	struct dirent *entry;
	DIR *list;

	(void)snprintf(path, sizeof(path), "%s/pipelines", a->dir);
	list = opendir(path);
	if (list == NULL && errno != ENOENT)
		return FL_FAIL_NATIVE(
		    err, FL_E_IO, errno, "could not list \"%s\": %s", path, strerror(errno));
	while (list != NULL && code == FL_OK && (entry = readdir(list)) != NULL) {
		if (strchr(entry->d_name, '.') != NULL)
			continue;
		(void)snprintf(store, sizeof(store), "pipelines/%s", entry->d_name);
		if (!is_of(a->dir, entry->d_name, names, count))
			code = FL_FAIL(err, FL_E_BAD_CONFIG,
			    "all pipelines of the instance have to begin anew together: name the "
			    ".sql file of \"%s\" too, or begin in a new directory",
			    entry->d_name);
		else
			code = lock_store(a, store, err);
	}
	if (list != NULL)
		(void)closedir(list);
	return code;
}

static enum fl_code
move(const struct aside *a, const char *name, struct fl_err *err)
{
	char from[PATH_MAX], to[PATH_MAX];
	int native;

	if ((size_t)snprintf(from, sizeof(from), "%s/%s", a->dir, name) >= sizeof(from) ||
	    (size_t)snprintf(to, sizeof(to), "%s/%s", a->to, name) >= sizeof(to))
		return FL_FAIL(err, FL_E_BAD_CONFIG, "instance \"%s\": the path is too long", a->dir);
	native = rename(from, to) == 0 || errno == ENOENT ? 0 : errno;
	if (native == 0)
		native = fl_dir_sync(a->to);
	if (native == 0)
		native = fl_dir_sync(a->dir);
	if (native != 0)
		return FL_FAIL_NATIVE(err, FL_E_IO, native, "could not move \"%s\" to \"%s\": %s", from,
		    to, strerror(native));
	(void)fl_fault("aside.moved");
	return FL_OK;
}

/* Of a catalog that can be read; *is_kept: it was. */
static enum fl_code
copy_settings(const struct aside *a, bool *is_kept, struct fl_err *err)
{
	struct fl_instance *old = NULL, *instance = NULL;
	struct fl_err ignored = {0};
	const char *name, *value;
	enum fl_code code;
	struct fl_buf text;
	bool found;

	*is_kept = fl_instance_open(a->to, false, &old, &ignored) == FL_OK;
	if (!*is_kept)
		return FL_OK;
	fl_buf_init(&text);
	code = fl_instance_open(a->dir, true, &instance, err);
	for (uint32_t i = 0; code == FL_OK && (name = fl_config_row(i, &value)) != NULL; i++) {
		code = fl_instance_get(old, name, &found, &text, err);
		if (code == FL_OK && found)
			code = fl_instance_set(instance, name, text.data, err);
	}
	fl_buf_fini(&text);
	fl_instance_close(&instance);
	fl_instance_close(&old);
	return code;
}

static enum fl_code
move_all(struct aside *a, struct fl_err *err)
{
	static const char *const stores[] = {"catalog", "pipelines", "ingest", "emit"};
	int rc = -1;

	for (int n = 1; rc != 0 && n <= ASIDE_MAX; n++) {
		(void)snprintf(a->to, sizeof(a->to), "%s/aside.%d", a->dir, n);
		rc = mkdir(a->to, 0700);
		if (rc != 0 && errno != EEXIST)
			break;
	}
	if (rc != 0)
		return FL_FAIL_NATIVE(err, FL_E_IO, errno, "could not make directory \"%s\": %s", a->to,
		    strerror(errno));
	for (uint32_t i = 0; i < FL_ARRAY_COUNT(stores); i++)
		FL_TRY(move(a, stores[i], err));
	return FL_OK;
}

enum fl_code
fl_instance_set_aside(const char *dir, const char *const names[], uint32_t count, struct fl_buf *to,
    bool *keeps_settings, struct fl_err *err)
{
	struct aside a = {.dir = dir};
	enum fl_code code;

	code = lock_pipelines(&a, names, count, err);
	if (code == FL_OK)
		code = lock_store(&a, "ingest", err);
	if (code == FL_OK)
		code = lock_store(&a, "emit", err);
	if (code == FL_OK)
		code = move_all(&a, err);
	if (code == FL_OK)
		code = copy_settings(&a, keeps_settings, err);
	if (code == FL_OK)
		fl_buf_str(to, a.to);
	for (uint32_t i = 0; i < a.lock_count; i++)
		(void)close(a.locks[i]);
	free(a.locks);
	return code;
}
