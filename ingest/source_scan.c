/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source_scan.c - a table of a database, read once and then never again; bounded.
 *
 *	database --one read transaction--> DIR/scans/.N.tmp
 *			fsync, rename  --> DIR/scans/N.rows	a line of JSON for each row
 *	ADDED mark durable: rows = [0, count), hash of the file
 *	N.rows ------------------------> steps			offset = line number
 *	end mark durable: N.rows goes
 *
 * N is the stream's number.  Until the ADDED mark is durable nothing of the table is in
 * the log, and whatever a crash left here is thrown away: the scan begins anew, with the
 * table as it is then.  From then on the file is what counts: its hash is in the store
 * (as the partition's cluster), the database is not asked again, and a restart goes on
 * behind the last row that is in the log.  So the rows are those of one moment, all of
 * them, once, although the sinks of this pipeline may change the table meanwhile.
 *
 * A thread of its own reads the database; it waits for locks, servers and tables.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "jdbc/scan.h"
#include "source.h"

#define WRITE_SIZE (1u << 20)
#define RETRY_MIN_MS 100
#define RETRY_MAX_MS 2000
#define ROW_MAX (SOURCE_VALUE_MAX - 16) /* what the decoder takes */

enum life { LIFE_SCANNING, LIFE_SCANNED, LIFE_FAILED };

struct source {
	const struct fl_table *table;
	char *dir, *path, *temp;
	int wake_fd;
	/* the thread */
	pthread_t thread;
	bool started, stop;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	enum life life;
	struct fl_err failed;	/* why it failed, or waits; code 0: neither */
	char shown[FL_ERR_TEXT_SIZE + 64];
	int fd;			/* of the file being written */
	struct fl_buf out;
	/* the file, whole */
	const char *map;
	size_t size, at;	/* at: of the next line */
	int64_t line, count;	/* number of the next line; of all */
	uint64_t hash;
	int64_t position;	/* of the store, when opened */
	bool is_known, is_out, is_lost, said_first, said_complete, run_out;
	struct source_record *records;
	uint32_t record_max;
};

/* ---- the file ---- */

static enum fl_code
fail_io(const struct source *source, const char *what, const char *path, struct fl_err *err)
{
	return FL_FAIL_NATIVE(err, fl_errno_code(errno, FL_E_IO), errno,
	    "table \"%s\": could not %s \"%s\": %s", source->table->name, what, path, strerror(errno));
}

static enum fl_code
write_out(struct source *source, struct fl_err *err)
{
	size_t at = 0;

	while (at < source->out.size) {
		ssize_t n = write(source->fd, source->out.data + at, source->out.size - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_io(source, "write", source->temp, err);
		at += (size_t)n;
	}
	fl_buf_reset(&source->out);
	return FL_OK;
}

static bool
is_stopping(void *ctx)
{
	const struct source *source = ctx;

	return __atomic_load_n(&source->stop, __ATOMIC_ACQUIRE);
}

static enum fl_code
take_line(void *ctx, const char *line, size_t size, struct fl_err *err)
{
	struct source *source = ctx;

	if (fl_fault("ingest.in_scan"))
		return FL_FAIL(err, FL_E_IO, "fault within the scan");
	if (size > ROW_MAX)
		return FL_FAIL(err, FL_E_BAD_CONFIG, "table \"%s\": a row of %s needs %zu bytes, at most %u are read",
		    source->table->name, source->table->jdbc->table_name, size, ROW_MAX);
	fl_buf_add(&source->out, line, size);
	fl_buf_byte(&source->out, '\n');
	return source->out.size < WRITE_SIZE ? FL_OK : write_out(source, err);
}

static enum fl_code
scan_to_temp(struct source *source, struct fl_err *err)
{
	struct fl_scan scan = { .table = source->table, .take = take_line, .is_stopping = is_stopping,
		.ctx = source };
	enum fl_code code;

	FL_TRY(fl_mkdirs(source->dir, err));
	fl_buf_reset(&source->out);
	source->fd = open(source->temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (source->fd < 0)
		return fail_io(source, "create", source->temp, err);
	code = fl_scan(&scan, err);
	if (code == FL_OK)
		code = write_out(source, err);
	if (code == FL_OK && fsync(source->fd) != 0)
		code = fail_io(source, "sync", source->temp, err);
	(void)close(source->fd);
	return code;
}

static enum fl_code
make_file(struct source *source, struct fl_err *err)
{
	FL_TRY(scan_to_temp(source, err));
	if (fl_fault("ingest.before_scan_rename"))
		return FL_FAIL(err, FL_E_DATABASE, "fault before the rename");
	if (rename(source->temp, source->path) != 0)
		return fail_io(source, "rename to", source->path, err);
	if (fl_dir_sync(source->dir) != 0)
		return fail_io(source, "sync", source->dir, err);
	if (fl_fault("ingest.after_scan_rename"))
		return FL_FAIL(err, FL_E_DATABASE, "fault after the rename");
	return FL_OK;
}

static void
unmap_file(struct source *source)
{
	if (source->map != NULL && source->size > 0)
		(void)munmap((void *)(uintptr_t)source->map, source->size);
	source->map = NULL;
}

static enum fl_code
map_file(struct source *source, struct fl_err *err)
{
	int fd = open(source->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	void *map = NULL;
	const char *p, *end;

	if (fd < 0)
		return fail_io(source, "open", source->path, err);
	if (fstat(fd, &st) != 0 || (st.st_size > 0 &&
	    (map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0)) == MAP_FAILED)) {
		(void)close(fd);
		return fail_io(source, "map", source->path, err);
	}
	(void)close(fd);
	source->map = map != NULL ? map : "";
	source->size = (size_t)st.st_size;
	end = source->map + source->size;
	for (p = source->map; p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL; p++)
		source->count++;
	source->hash = fl_hash64(source->map, source->size);
	source->hash += source->hash == 0; /* 0: unknown */
	return FL_OK;
}

/* ---- the thread ---- */

static void
wait_ms(struct source *source, int64_t ms)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(ms / 1000);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	(void)pthread_mutex_lock(&source->lock);
	while (!source->stop && pthread_cond_timedwait(&source->changed, &source->lock, &until) == 0)
		;
	(void)pthread_mutex_unlock(&source->lock);
}

static void
say_failed(struct source *source, const struct fl_err *err, bool is_final)
{
	bool is_new;

	(void)pthread_mutex_lock(&source->lock);
	is_new = strcmp(source->failed.text, err->text) != 0;
	source->failed = *err;
	if (is_final)
		source->life = LIFE_FAILED;
	(void)pthread_mutex_unlock(&source->lock);
	if (is_new && !is_final && err->code != FL_E_INTERRUPTED)
		fl_warn("table cannot be read yet reason=%s", err->text);
}

static void *
run_scan(void *arg)
{
	struct source *source = arg;
	int64_t retry_ms = RETRY_MIN_MS;
	uint64_t one = 1;

	while (!is_stopping(source)) {
		struct fl_err err = { .code = FL_OK };
		enum fl_code code = make_file(source, &err);

		if (code == FL_OK) {
			(void)pthread_mutex_lock(&source->lock);
			source->life = LIFE_SCANNED;
			source->failed.code = FL_OK;
			(void)pthread_mutex_unlock(&source->lock);
			break;
		}
		say_failed(source, &err, fl_code_class(code) != FL_CLASS_TRANSIENT);
		if (fl_code_class(code) != FL_CLASS_TRANSIENT)
			break;
		wait_ms(source, retry_ms);
		retry_ms = FL_MIN(retry_ms * 2, (int64_t)RETRY_MAX_MS);
	}
	(void)!write(source->wake_fd, &one, sizeof one);
	return NULL;
}

/* ---- open, close ---- */

static void
scan_close(struct source **out)
{
	struct source *source = *out;

	*out = NULL;
	if (source->started) {
		(void)pthread_mutex_lock(&source->lock);
		__atomic_store_n(&source->stop, true, __ATOMIC_RELEASE);
		(void)pthread_cond_broadcast(&source->changed);
		(void)pthread_mutex_unlock(&source->lock);
		(void)pthread_join(source->thread, NULL);
	}
	(void)pthread_cond_destroy(&source->changed);
	(void)pthread_mutex_destroy(&source->lock);
	unmap_file(source);
	fl_buf_fini(&source->out);
	free(source->dir);
	free(source->path);
	free(source->temp);
	free(source->records);
	free(source);
}

static char *
make_path(const char *format_dir, const char *prefix, uint32_t stream, const char *suffix)
{
	size_t size = strlen(format_dir) + 64;
	char *path = fl_malloc(size);

	(void)snprintf(path, size, "%s/%s%" PRIu32 "%s", format_dir, prefix, stream, suffix);
	return path;
}

/* The store knows the scan: the file must be the one whose rows it took. */
static void
open_known(struct source *source, const struct source_known *known)
{
	struct fl_err err = { .code = FL_OK };

	source->is_known = true;
	source->life = LIFE_SCANNED;
	source->is_out = known->out;
	source->position = known->position;
	if (known->out) {
		(void)unlink(source->path);
		return;
	}
	if (map_file(source, &err) == FL_OK && source->hash == known->cluster)
		return;
	unmap_file(source);
	source->is_lost = true;
	if (err.code == FL_OK)
		(void)FL_FAIL(&err, FL_E_TOPIC_CHANGED, "file \"%s\" is not the one that was being read", source->path);
	source->failed = err;
}

static enum fl_code
scan_open(const struct source_options *options, struct source **out, struct fl_err *err)
{
	struct source *source = fl_calloc(1, sizeof *source);
	size_t size = strlen(options->dir) + sizeof "/" SOURCE_SCANS;
	pthread_condattr_t attr;

	source->table = options->table;
	source->wake_fd = options->wake_fd;
	source->dir = fl_malloc(size);
	(void)snprintf(source->dir, size, "%s/" SOURCE_SCANS, options->dir);
	source->path = make_path(source->dir, "", options->stream, ".rows");
	source->temp = make_path(source->dir, ".", options->stream, ".tmp");
	fl_buf_init(&source->out);
	(void)pthread_mutex_init(&source->lock, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&source->changed, &attr);
	(void)pthread_condattr_destroy(&attr);
	*out = source;
	if (options->known_count > 0) {
		open_known(source, &options->known[0]);
		return FL_OK;
	}
	source->started = pthread_create(&source->thread, NULL, run_scan, source) == 0;
	if (source->started)
		return FL_OK;
	scan_close(out);
	return FL_FAIL(err, FL_E_IO, "could not start a thread");
}

void
source_scan_tidy(const char *dir, const uint32_t *streams, uint32_t count)
{
	char path[4096];
	struct dirent *entry;
	DIR *list;

	(void)snprintf(path, sizeof path, "%s/" SOURCE_SCANS, dir);
	list = opendir(path);
	if (list == NULL)
		return;
	while ((entry = readdir(list)) != NULL) {
		char *end;
		unsigned long number = strtoul(entry->d_name, &end, 10);
		uint32_t i;

		for (i = 0; i < count && streams[i] != number; i++)
			;
		if (entry->d_name[0] != '.' && (end == entry->d_name || i < count))
			continue;
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			(void)unlinkat(dirfd(list), entry->d_name, 0);
	}
	(void)closedir(list);
}

/* ---- what it says ---- */

static bool
say(const struct source *source, struct source_event *event, enum source_event_kind kind)
{
	memset(event, 0, sizeof *event);
	event->kind = kind;
	(void)snprintf(event->topic, sizeof event->topic, "%s", source->table->jdbc->table_name);
	event->cluster = source->hash;
	return true;
}

static bool
say_failure(const struct source *source, struct source_event *event, enum source_event_kind kind)
{
	(void)say(source, event, kind);
	event->code = source->failed.code;
	(void)snprintf(event->text, sizeof event->text, "%s", source->failed.text);
	return true;
}

static bool
say_first(struct source *source, struct source_event *event)
{
	source->said_first = true;
	if (source->is_lost)
		return say_failure(source, event, SOURCE_LOST);
	if (source->is_known) {
		(void)say(source, event, SOURCE_READY);
		event->a = source->position;
		return true;
	}
	if (map_file(source, &source->failed) != FL_OK)
		return say_failure(source, event, SOURCE_FAILED);
	fl_info("table was read table=%s rows=%" PRId64 " size=%zu", source->table->name, source->count,
	    source->size);
	(void)say(source, event, SOURCE_ADDED);
	event->b = source->count;
	return true;
}

static bool
scan_next_event(struct source *source, struct source_event *event)
{
	enum life life;

	(void)pthread_mutex_lock(&source->lock);
	life = source->life;
	(void)pthread_mutex_unlock(&source->lock);
	if (life == LIFE_SCANNING)
		return false;
	if (!source->said_first && life == LIFE_FAILED) {
		source->said_first = source->said_complete = true;
		return say_failure(source, event, SOURCE_FAILED);
	}
	if (!source->said_first && !source->is_out)
		return say_first(source, event);
	if (source->said_complete)
		return false;
	source->said_complete = true;
	return say(source, event, SOURCE_COMPLETE);
}

static const char *
scan_trouble(struct source *source)
{
	source->shown[0] = '\0';
	(void)pthread_mutex_lock(&source->lock);
	if (source->life == LIFE_SCANNING && source->failed.code != FL_OK)
		(void)snprintf(source->shown, sizeof source->shown, "%s %s",
		    fl_code_name(source->failed.code), source->failed.text);
	(void)pthread_mutex_unlock(&source->lock);
	return source->shown;
}

/* ---- rows ---- */

static enum fl_code
scan_assign(struct source *source, const struct source_start *set, uint32_t count, struct fl_err *err)
{
	(void)source;
	(void)set;
	(void)count;
	(void)err;
	return FL_OK;
}

static enum fl_code
scan_poll(struct source *source, uint32_t index, uint32_t max, struct source_run *run, struct fl_err *err)
{
	(void)index;
	(void)err;
	memset(run, 0, sizeof *run);
	if (source->record_max < max) {
		source->records = fl_realloc(source->records, max * sizeof *source->records);
		source->record_max = max;
	}
	while (run->count < max && source->at < source->size) {
		const char *line = source->map + source->at;
		size_t size = (size_t)((const char *)memchr(line, '\n', source->size - source->at) - line);

		if (source->line >= source->position)
			source->records[run->count++] = (struct source_record){ .offset = source->line,
				.ts_ms = -1, .value = line, .value_size = size };
		source->line++;
		source->at += size + 1;
	}
	run->records = source->records;
	source->run_out = run->count > 0;
	return FL_OK;
}

static void
scan_release(struct source *source, struct source_run *run)
{
	(void)run;
	source->run_out = false;
}

static void
scan_settled(struct source *source)
{
	if (source->map == NULL || source->size == 0 || source->at < source->size || source->run_out)
		return;
	unmap_file(source);
	(void)unlink(source->path);
	source->size = source->at = 0;
}

const struct source_ops source_scan = {
	.name = "jdbc",
	.open = scan_open,
	.close = scan_close,
	.next_event = scan_next_event,
	.assign = scan_assign,
	.poll = scan_poll,
	.release = scan_release,
	.trouble = scan_trouble,
	.settled = scan_settled,
};
