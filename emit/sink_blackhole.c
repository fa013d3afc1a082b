/* SPDX-License-Identifier: Apache-2.0 */
/* sink_blackhole.c - takes everything and keeps nothing. */
#include "sink.h"

static enum fl_code
blackhole_open(
    struct emit_sink *sink, bool *known, struct fl_sink_position *position, struct fl_err *err)
{
	(void)position;
	(void)err;
	sink->keeps_no_position = true;
	*known = false;
	return FL_OK;
}

static enum fl_code
blackhole_encode(struct emit_sink *sink, const struct fl_batch *batch, uint32_t i, uint8_t kind,
    struct fl_buf *out, struct fl_err *err)
{
	(void)sink;
	(void)batch;
	(void)i;
	(void)kind;
	(void)out;
	(void)err;
	return FL_OK;
}

static enum fl_code
blackhole_deliver(
    struct emit_sink *sink, struct emit_run *run, bool *open_again, struct fl_err *err)
{
	(void)sink;
	(void)run;
	(void)open_again;
	(void)err;
	return FL_OK;
}

static void
blackhole_close(struct emit_sink *sink)
{
	(void)sink;
}

const struct emit_sink_ops emit_sink_blackhole = {
	.name = "blackhole",
	.open = blackhole_open,
	.encode = blackhole_encode,
	.deliver = blackhole_deliver,
	.close = blackhole_close,
};
