/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics.c - counters and the life of a program, where anybody can read them.
 *
 *	DIR/run/metrics.<program>
 *	+-----------------------+ 0
 *	| magic, version, count |
 *	| hash of the table     |	other table: other build, not readable
 *	| seq                   |	odd while pid, beat and state change
 *	| pid, beat_ms          |
 *	| state[128]            |
 *	+-----------------------+ 192
 *	| int64 value per row of tbl/metrics.h
 *	+-----------------------+
 *
 * One process writes, any number read, none locks.  Values are single words; the
 * three that belong together stand under a sequence lock (its words are released and
 * acquired one by one: thread sanitizers do not know fences).  The file outlives its
 * process: what a dead program counted can still be read.
 */
#include "shm/instance.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define METRICS_MAGIC 0x544d4c46u /* "FLMT" */
#define METRICS_VERSION 1
#define STATE_SIZE 128
#define STATE_WORDS (STATE_SIZE / 8)

struct metrics_map {
	uint32_t magic;
	uint16_t version;
	uint16_t count;
	uint64_t table_hash;
	_Atomic uint64_t seq;
	_Atomic int64_t pid;
	_Atomic int64_t beat_ms;
	uint8_t reserved[24];
	_Atomic uint64_t state[STATE_WORDS];
	_Atomic int64_t values[FL_METRIC_COUNT];
};
static_assert(offsetof(struct metrics_map, values) == 192, "the metrics file is shared");

struct fl_metrics {
	struct metrics_map *map;
};

static const struct fl_metric_info metric_table[FL_METRIC_COUNT] = {
/* clang-format off */
#define COUNTER FL_COUNTER
#define GAUGE FL_GAUGE
#define FL_METRIC(program, name, kind, unit, help) \
	[FL_METRIC_##program##_##name] = { #program, #name, unit, help, kind },
#include "tbl/metrics.h"
#undef COUNTER
#undef GAUGE
    /* clang-format on */
};

#define SPIN_COUNT 1000
#define NAP_COUNT 200
#define NAP_US 1000

/* The sequence lock has one writer at a time; a program may beat from two threads. */
static pthread_mutex_t beat_lock = PTHREAD_MUTEX_INITIALIZER;

const struct fl_metric_info *
fl_metric_info(enum fl_metric metric)
{
	assert((unsigned)metric < FL_METRIC_COUNT);
	return &metric_table[metric];
}

static uint64_t
hash_table(void)
{
	uint64_t hash = FL_METRIC_COUNT;
	uint32_t i;

	for (i = 0; i < FL_METRIC_COUNT; i++) {
		const struct fl_metric_info *m = &metric_table[i];

		hash = fl_hash64_seed(m->program, strlen(m->program), hash);
		hash = fl_hash64_seed(m->name, strlen(m->name), hash);
	}
	return hash;
}

static enum fl_code
map_file(const char *path, int fd, bool write, struct fl_metrics **metrics, struct fl_err *err)
{
	struct fl_metrics *m;
	void *map = mmap(NULL, sizeof(struct metrics_map),
	    write ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED)
		return FL_FAIL_NATIVE(err, FL_E_IO, errno, "metrics \"%s\": could not map: %s",
		    path, strerror(errno));
	m = fl_calloc(1, sizeof(*m));
	m->map = map;
	*metrics = m;
	return FL_OK;
}

static bool
is_ours(int fd)
{
	struct metrics_map head;
	struct stat st;

	return fstat(fd, &st) == 0 && (size_t)st.st_size == sizeof(head) &&
	       pread(fd, &head, 24, 0) == 24 && head.magic == METRICS_MAGIC &&
	       head.version == METRICS_VERSION && head.count == FL_METRIC_COUNT &&
	       head.table_hash == hash_table();
}

/* A new file by rename: who has the old one mapped keeps it. */
static enum fl_code
make_file(const char *path, struct fl_err *err)
{
	struct metrics_map *map = fl_calloc(1, sizeof(*map));
	enum fl_code code;

	map->magic = METRICS_MAGIC;
	map->version = METRICS_VERSION;
	map->count = FL_METRIC_COUNT;
	map->table_hash = hash_table();
	code = fl_file_write(path, map, sizeof(*map), err);
	free(map);
	return code;
}

enum fl_code
fl_metrics_open(const struct fl_instance *instance, const char *program, bool write,
    struct fl_metrics **metrics, struct fl_err *err)
{
	char path[4096];
	enum fl_code code;
	int fd, flags = (write ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW;

	(void)snprintf(path, sizeof(path), "%s/run", instance->dir);
	if (write)
		FL_TRY(fl_mkdirs(path, err));
	(void)snprintf(path, sizeof(path), "%s/run/metrics.%s", instance->dir, program);
	fd = open(path, flags);
	if (write && (fd < 0 || !is_ours(fd))) {
		if (fd >= 0)
			close(fd);
		FL_TRY(make_file(path, err));
		fd = open(path, flags);
	}
	if (fd < 0)
		return FL_FAIL_NATIVE(err, errno == ENOENT ? FL_E_NO_SUCH_OBJECT : FL_E_IO, errno,
		    "metrics \"%s\": %s", path,
		    errno == ENOENT ? "the program never ran" : strerror(errno));
	if (!is_ours(fd)) {
		close(fd);
		return FL_FAIL(err, FL_E_STORE_VERSION,
		    "metrics \"%s\": another version of Flight wrote it", path);
	}
	code = map_file(path, fd, write, metrics, err);
	close(fd);
	return code;
}

void
fl_metrics_close(struct fl_metrics **metrics)
{
	if (*metrics == NULL)
		return;
	(void)munmap((*metrics)->map, sizeof(struct metrics_map));
	free(*metrics);
	*metrics = NULL;
}

void
fl_metric_set(struct fl_metrics *metrics, enum fl_metric metric, int64_t value)
{
	assert((unsigned)metric < FL_METRIC_COUNT);
	if (metrics != NULL)
		atomic_store_explicit(&metrics->map->values[metric], value, memory_order_relaxed);
}

int64_t
fl_metric_get(const struct fl_metrics *metrics, enum fl_metric metric)
{
	assert((unsigned)metric < FL_METRIC_COUNT);
	return metrics == NULL
		   ? 0
		   : atomic_load_explicit(&metrics->map->values[metric], memory_order_relaxed);
}

void
fl_metrics_beat(struct fl_metrics *metrics, const char *state)
{
	struct metrics_map *map;
	uint64_t words[STATE_WORDS] = {0}, seq;
	size_t size, i;

	if (metrics == NULL)
		return;
	map = metrics->map;
	(void)pthread_mutex_lock(&beat_lock);
	/* A writer killed in the middle left it odd. */
	seq = atomic_load_explicit(&map->seq, memory_order_relaxed) | 1;
	atomic_store_explicit(&map->seq, seq, memory_order_relaxed);
	atomic_store_explicit(&map->pid, getpid(), memory_order_release);
	atomic_store_explicit(&map->beat_ms, fl_now_ms(), memory_order_release);
	if (state != NULL) {
		size = strnlen(state, STATE_SIZE - 1);
		memcpy(words, state, size);
		for (i = 0; i < STATE_WORDS; i++)
			atomic_store_explicit(&map->state[i], words[i], memory_order_release);
	}
	atomic_store_explicit(&map->seq, seq + 1, memory_order_release);
	(void)pthread_mutex_unlock(&beat_lock);
}

bool
fl_metrics_life(const struct fl_metrics *metrics, int32_t *pid, int64_t *beat_ms, char state[128])
{
	const struct metrics_map *map;
	uint64_t words[STATE_WORDS], seq;
	int tries, i;

	if (metrics == NULL)
		return false;
	map = metrics->map;
	/* A beat takes nanoseconds, or some time slices if the writer lost the processor in
	 * the middle; one that stays odd is of a dead writer, whose last words are then
	 * taken as they are. */
	for (tries = 0; tries < SPIN_COUNT + NAP_COUNT; tries++) {
		if (tries >= SPIN_COUNT)
			(void)usleep(NAP_US);
		seq = atomic_load_explicit(&map->seq, memory_order_acquire);
		*pid = (int32_t)atomic_load_explicit(&map->pid, memory_order_acquire);
		*beat_ms = atomic_load_explicit(&map->beat_ms, memory_order_acquire);
		for (i = 0; i < STATE_WORDS; i++)
			words[i] = atomic_load_explicit(&map->state[i], memory_order_acquire);
		if ((seq & 1) == 0 && atomic_load_explicit(&map->seq, memory_order_relaxed) == seq)
			break;
	}
	memcpy(state, words, STATE_SIZE);
	state[STATE_SIZE - 1] = '\0';
	return *pid != 0;
}
