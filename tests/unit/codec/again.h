/* SPDX-License-Identifier: Apache-2.0 */
/* again.h - a record decoded and written again, by the options of one table. */
#ifndef FL_UNIT_AGAIN_H
#define FL_UNIT_AGAIN_H

#include "base/util.h"
#include "codec/codec.h"

static struct fl_codec_options options;
static struct fl_buf out;
static struct fl_err err;

static int
setup_again(const struct fl_codec_options *own)
{
	options = *own;
	fl_buf_init(&out);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	fl_buf_fini(&out);
	return 0;
}

/* Into out: the row that a record is, as it is written again, "null" if it is no message; else
 * "dead" or "skipped".  err says why. */
static void
again(const void *record, size_t size)
{
	struct fl_decoder *decoder;
	struct fl_encoder *encoder;
	struct fl_builder builder;
	struct fl_batch batch;
	struct fl_arena arena;
	enum fl_verdict verdict;

	assert_int_equal(fl_decoder_new(&options, &decoder, &err), FL_OK);
	assert_int_equal(fl_encoder_new(&options, &encoder, &err), FL_OK);
	fl_arena_init(&arena);
	fl_builder_init(&builder, options.schema);
	fl_buf_reset(&out);
	fl_buf_str(&out, "");
	assert_true(fl_builder_begin(&builder));
	verdict = fl_decode(decoder, record, size, &builder, &err);
	if (verdict == FL_VERDICT_ROW) {
		fl_builder_commit(&builder);
		fl_builder_view(&builder, &batch, &arena);
		if (fl_encoder_is_null(encoder, &batch, 0))
			fl_buf_str(&out, "null");
		else
			assert_int_equal(fl_encode(encoder, &batch, 0, &out, &err), FL_OK);
	} else {
		fl_buf_str(&out, verdict == FL_VERDICT_DEAD ? "dead" : "skipped");
	}
	fl_builder_fini(&builder);
	fl_arena_fini(&arena);
	fl_decoder_free(&decoder);
	fl_encoder_free(&encoder);
}

static void
expect_dead_of(const void *record, size_t size, enum fl_code code, const char *why)
{
	again(record, size);
	assert_string_equal(out.data, "dead");
	assert_string_equal(err.text, why);
	assert_int_equal(err.code, code);
}

#endif
