/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink_print.c - rows as lines on standard output, or standard error.
 *
 * A terminal keeps no position: rows between the last write of emit's store and a
 * crash appear again.  At least once, as on Flink.  Within one process a run that was
 * written in part goes on where it stopped.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "sink.h"

#define WRITABLE_WAIT_MS 200

struct print_impl {
	uint64_t first; /* the run that was written in part ... */
	size_t at;	/* ... and how much of it; 0: none */
};

static enum fl_code
print_open(
    struct emit_sink *sink, bool *known, struct fl_sink_position *position, struct fl_err *err)
{
	(void)position;
	(void)err;
	free(sink->impl);
	sink->impl = fl_calloc(1, sizeof(struct print_impl));
	sink->keeps_no_position = true;
	*known = false;
	return FL_OK;
}

static enum fl_code
print_encode(struct emit_sink *sink, const struct fl_batch *batch, uint32_t i, uint8_t kind,
    struct fl_buf *out, struct fl_err *err)
{
	(void)err;
	if (sink->table->print_id != NULL && sink->table->print_id[0] != '\0')
		fl_buf_printf(out, "%s> ", sink->table->print_id);
	emit_text_row(batch, i, kind, out);
	fl_buf_byte(out, '\n');
	return FL_OK;
}

/* A reader that went away does not come back.  A full disk may get space: programs wait for
 * it, but a person sits before `flightctl run`. */
static enum fl_code
fail_write(struct emit_sink *sink, int native, struct fl_err *err)
{
	const char *name = sink->table->print_stderr ? "standard error" : "standard output";

	if (native == EPIPE)
		return FL_FAIL_NATIVE(err, FL_E_BAD_CONFIG, native,
		    "table \"%s\": nobody reads %s any more", sink->table->name, name);
	return FL_FAIL_NATIVE(err,
	    sink->emit->instance->is_run			? FL_E_BAD_CONFIG
	    : native == ENOSPC || native == EDQUOT ? FL_E_DISK_FULL
						   : FL_E_IO,
	    native, "table \"%s\": could not write rows to %s: %s", sink->table->name, name,
	    strerror(native));
}

/* One run is one write as far as the system lets it, so that lines of two sinks do
 * not mix; the rows of a run lie one after the other in its bytes. */
static enum fl_code
print_deliver(struct emit_sink *sink, struct emit_run *run, bool *open_again, struct fl_err *err)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	int fd = sink->table->print_stderr ? STDERR_FILENO : STDOUT_FILENO;
	struct print_impl *impl = sink->impl;
	int native = 0;

	(void)open_again;
	/* A run tried again begins with the same rows, and may have got more behind them. */
	if (impl->first != run->first)
		*impl = (struct print_impl){.first = run->first};
	pthread_mutex_lock(&lock);
	while (impl->at < run->bytes.size && native == 0) {
		ssize_t n = write(fd, run->bytes.data + impl->at, run->bytes.size - impl->at);

		if (n >= 0)
			impl->at += (size_t)n;
		else if (errno == EAGAIN && poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1,
						    WRITABLE_WAIT_MS) > 0)
			continue;
		else if (errno == EAGAIN)
			break; /* a reader that is slow, no mistake: the rest comes next */
		else if (errno != EINTR)
			native = errno;
	}
	pthread_mutex_unlock(&lock);
	if (native != 0)
		return fail_write(sink, native, err);
	if (impl->at < run->bytes.size)
		return FL_FAIL_NATIVE(err, FL_E_IO, EAGAIN, "table \"%s\": the reader is slow",
		    sink->table->name);
	return FL_OK;
}

static void
print_close(struct emit_sink *sink)
{
	free(sink->impl);
	sink->impl = NULL;
}

const struct emit_sink_ops emit_sink_print = {
	.name = "print",
	.open = print_open,
	.encode = print_encode,
	.deliver = print_deliver,
	.close = print_close,
};
