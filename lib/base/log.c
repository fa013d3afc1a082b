/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.c - one event, one line, on stderr:
 *
 *	2026-01-05T12:00:00.123456Z info  aggregate[4711] window closed query=q rows=12
 *
 * The line is put together first and written with one call, so lines of several
 * threads and processes do not mix.  The same message is written at most LOG_BURST
 * times a second; the next second's first line says how many were held back.
 */
#include "base/util.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOG_LINE_SIZE 2048
#define LOG_BURST 10u

static const char *const level_names[] = {"error", "warn ", "info ", "debug"};

static struct {
	char program[32];
	enum fl_log_level max;
} log_state = {"flight", FL_LOG_INFO};

/* Held-back lines by call site: fmt pointers are string literals. */
static struct {
	pthread_mutex_t lock;
	const char *fmt[64];
	int64_t second[64];
	uint32_t count[64];
} log_sites = {.lock = PTHREAD_MUTEX_INITIALIZER};

void
fl_log_open(const char *program, enum fl_log_level max)
{
	(void)snprintf(log_state.program, sizeof(log_state.program), "%s", program);
	log_state.max = max;
}

/* False: this site has said enough this second.  *held: lines kept back before. */
static bool
admit_line(const char *fmt, int64_t second, uint32_t *held)
{
	size_t slot = ((uintptr_t)fmt >> 3) % FL_ARRAY_COUNT(log_sites.fmt);
	bool admitted;

	*held = 0;
	(void)pthread_mutex_lock(&log_sites.lock);
	if (log_sites.fmt[slot] != fmt || log_sites.second[slot] != second) {
		if (log_sites.fmt[slot] == fmt && log_sites.count[slot] > LOG_BURST)
			*held = log_sites.count[slot] - LOG_BURST;
		log_sites.fmt[slot] = fmt;
		log_sites.second[slot] = second;
		log_sites.count[slot] = 0;
	}
	admitted = ++log_sites.count[slot] <= LOG_BURST;
	(void)pthread_mutex_unlock(&log_sites.lock);
	return admitted;
}

void
fl_log(enum fl_log_level level, const char *fmt, ...)
{
	char line[LOG_LINE_SIZE];
	struct tm tm;
	va_list ap;
	int64_t us = fl_now_us();
	time_t second = (time_t)(us / 1000000);
	uint32_t held;
	size_t used, i;
	int n;

	if (level > log_state.max || !admit_line(fmt, second, &held))
		return;
	(void)gmtime_r(&second, &tm);
	n = snprintf(line, sizeof(line), "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ %s %s[%d] ",
	    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
	    (int)(us % 1000000), level_names[level], log_state.program, (int)getpid());
	used = n < 0 ? 0 : (size_t)n;
	va_start(ap, fmt);
	n = vsnprintf(line + used, sizeof(line) - used, fmt, ap);
	va_end(ap);
	used = FL_MIN(used + (n < 0 ? 0 : (size_t)n), sizeof(line) - 40);
	if (held > 0)
		used += (size_t)snprintf(line + used, sizeof(line) - used, " held_back=%u", held);
	for (i = 0; i < used; i++)
		if (line[i] == '\n')
			line[i] = ' ';
	line[used++] = '\n';
	if (write(STDERR_FILENO, line, used) < 0)
		return; /* nobody to tell */
}
