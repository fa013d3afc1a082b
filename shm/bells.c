/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bells.c - "there is something new", between processes.
 *
 *	DIR/run/bells: one page; word i at byte 64 * i, each on its own cache line
 *
 * Ringing adds one and always wakes: a waiter that checked the store before the
 * commit and the word before the ring finds the word changed and does not sleep.
 * The futex is not PRIVATE, since waiter and ringer are different processes.  The
 * store is the truth; a lost bell costs one time-out.
 */
#include "shm/instance.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BELLS_SIZE 4096
#define BELL_WAIT_MAX_MS 500

struct bell_word {
	_Atomic uint32_t word;
	uint8_t reserved[60];
};
static_assert(sizeof(struct bell_word) == 64, "the bells are shared between processes");

struct fl_bells {
	struct bell_word *words; /* FL_BELL_COUNT of them, mapped */
};

enum fl_code
fl_bells_open(const struct fl_instance *instance, struct fl_bells **bells, struct fl_err *err)
{
	char path[4096];
	struct fl_bells *b;
	struct stat st;
	void *map;
	int fd, native;

	(void)snprintf(path, sizeof(path), "%s/run", instance->dir);
	FL_TRY(fl_mkdirs(path, err));
	(void)snprintf(path, sizeof(path), "%s/run/bells", instance->dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return FL_FAIL_NATIVE(err, fl_errno_code(errno, FL_E_BAD_CONFIG), errno,
		    "bells \"%s\": cannot open: %s", path, strerror(errno));
	/* New files are zero, which is what bells begin with: no race in creation.  Their
	 * space is taken now: on a full disk a store into the map would be a SIGBUS. */
	native = fstat(fd, &st) != 0 ? errno : 0;
	if (native == 0 && st.st_size < BELLS_SIZE)
		native = posix_fallocate(fd, 0, BELLS_SIZE);
	if (native != 0) {
		close(fd);
		return FL_FAIL_NATIVE(err, fl_errno_code(native, FL_E_IO), native,
		    "bells \"%s\": could not size the file: %s", path, strerror(native));
	}
	map = mmap(NULL, BELLS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		return FL_FAIL_NATIVE(
		    err, FL_E_IO, errno, "bells \"%s\": could not map: %s", path, strerror(errno));
	b = fl_calloc(1, sizeof(*b));
	b->words = map;
	*bells = b;
	return FL_OK;
}

void
fl_bells_close(struct fl_bells **bells)
{
	if (*bells == NULL)
		return;
	(void)munmap((*bells)->words, BELLS_SIZE);
	free(*bells);
	*bells = NULL;
}

void
fl_bell_ring(struct fl_bells *bells, enum fl_bell bell)
{
	_Atomic uint32_t *word = &bells->words[bell].word;

	(void)atomic_fetch_add_explicit(word, 1, memory_order_release);
	(void)syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

uint32_t
fl_bell_read(const struct fl_bells *bells, enum fl_bell bell)
{
	return atomic_load_explicit(&bells->words[bell].word, memory_order_acquire);
}

void
fl_bell_wait(struct fl_bells *bells, enum fl_bell bell, uint32_t seen, int wait_ms)
{
	struct timespec ts;

	if (wait_ms <= 0 || fl_bell_read(bells, bell) != seen)
		return;
	wait_ms = FL_MIN(wait_ms, BELL_WAIT_MAX_MS);
	ts.tv_sec = wait_ms / 1000;
	ts.tv_nsec = (long)(wait_ms % 1000) * 1000000;
	(void)syscall(SYS_futex, &bells->words[bell].word, FUTEX_WAIT, seen, &ts, NULL, 0);
}
