/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink_print.c - rows as lines on standard output, or standard error.
 *
 * A terminal keeps no position: rows between the last write of emit's store and a
 * crash appear again.  At least once, as on Flink.
 */
#include <errno.h>
#include <unistd.h>

#include "sink.h"

static enum fl_code
print_open(
    struct emit_sink *sink, bool *known, struct fl_sink_position *position, struct fl_err *err)
{
	(void)position;
	(void)err;
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

/* One run is one write as far as the system lets it, so that lines of two sinks do
 * not mix; the rows of a run lie one after the other in its bytes. */
static enum fl_code
print_deliver(struct emit_sink *sink, struct emit_run *run, bool *open_again, struct fl_err *err)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	int fd = sink->table->print_stderr ? STDERR_FILENO : STDOUT_FILENO;
	size_t at = 0;
	ssize_t n = 0;

	(void)open_again;
	pthread_mutex_lock(&lock);
	while (at < run->bytes.size) {
		n = write(fd, run->bytes.data + at, run->bytes.size - at);
		if (n < 0 && errno != EINTR)
			break;
		at += n > 0 ? (size_t)n : 0;
	}
	pthread_mutex_unlock(&lock);
	if (n < 0)
		return FL_FAIL_NATIVE(err, FL_E_IO, errno, "could not write rows to %s: %s",
		    sink->table->print_stderr ? "standard error" : "standard output",
		    strerror(errno));
	return FL_OK;
}

static void
print_close(struct emit_sink *sink)
{
	(void)sink;
}

const struct emit_sink_ops emit_sink_print = {
	.name = "print",
	.open = print_open,
	.encode = print_encode,
	.deliver = print_deliver,
	.close = print_close,
};
