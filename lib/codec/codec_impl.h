/* SPDX-License-Identifier: Apache-2.0 */
/*
 * codec_impl.h - what the files of this folder share.
 *
 * A format's decoder begins with struct fl_decoder and its encoder with struct
 * fl_encoder, so a call costs one indirect jump and the objects are one piece.
 */
#ifndef FL_CODEC_IMPL_H
#define FL_CODEC_IMPL_H

#include "base/mem.h"
#include "base/utf8.h"
#include "codec/codec.h"

#define FL_CODEC_DEPTH_MAX 64

#define fl_likely(x) __builtin_expect(!!(x), 1)
#define fl_unlikely(x) __builtin_expect(!!(x), 0)

struct fl_decoder {
	/* value is not NULL.  The caller rolls the row back unless this gives ROW. */
	enum fl_verdict (*decode)(struct fl_decoder *decoder, const uint8_t *value, size_t size,
	    struct fl_builder *builder, struct fl_err *err);
	void (*free)(struct fl_decoder *decoder);
	const struct fl_schema *schema;
	uint64_t oddity_count;
	bool refuses_null; /* a null message is a dead letter, not skipped */
	bool takes_null;   /* ... is a row: decode() gets NULL */
};

struct fl_encoder {
	enum fl_code (*encode)(struct fl_encoder *encoder, const struct fl_batch *batch,
	    uint32_t row, struct fl_buf *out, struct fl_err *err);
	void (*free)(struct fl_encoder *encoder);
	const struct fl_schema *schema;
	bool is_null_of_null; /* a NULL in the one column is a null message */
};

#define FL_FORMAT(name, code, text, prefix, letter, lines) \
	enum fl_code fl_##prefix##_decoder_new(const struct fl_codec_options *options, \
	    struct fl_decoder **decoder, struct fl_err *err); \
	enum fl_code fl_##prefix##_encoder_new(const struct fl_codec_options *options, \
	    struct fl_encoder **encoder, struct fl_err *err);
#include "tbl/formats.h"
#undef FL_FORMAT

/* A value as it may stand in a message: at most 60 bytes, no control bytes. */
const char *fl_codec_clip(char buf[80], const void *p, size_t size);

/* ---- values.c ---- */
/* What is not above the blank, at both ends. */
void fl_codec_trim(const uint8_t **p, size_t *size);
/* Long.parseLong(), trimmed: a sign and digits. */
bool fl_codec_i64(const uint8_t *p, size_t size, int64_t low, int64_t high, int64_t *out);
/*
 * BigDecimal(text) rounded HALF_UP to scale: 0 done, 1 not a number, 2 too many
 * digits for precision.  Leading zeros do not count; of the significant digits as many stay
 * as scale says (all, padded with zeros, when it exceeds them).
 */
int fl_codec_decimal(
    const uint8_t *p, size_t size, uint32_t precision, uint32_t scale, fl_i128 *out);
bool fl_codec_base64(const uint8_t *p, size_t size, struct fl_buf *out);
/*
 * BigDecimal.stripTrailingZeros().toString(): plain while the scale is not
 * negative and the first digit stands at most six places behind the point.
 */
void fl_codec_put_decimal(struct fl_buf *out, fl_i128 v, uint32_t scale);

/* Can csv hold these columns, and are its characters different?  Errors: BAD_SCHEMA, BAD_OPTION. */
enum fl_code fl_csv_check(const struct fl_codec_options *options, struct fl_err *err);

/* memcpy for the short values that records are made of: no call, no loop. */
static inline void
fl_copy_short(char *to, const uint8_t *p, size_t size)
{
	uint64_t a, b;
	uint32_t c, d;

	if (size >= 8) {
		memcpy(&a, p, 8);
		memcpy(&b, p + size - 8, 8);
		memcpy(to, &a, 8);
		memcpy(to + size - 8, &b, 8);
	} else if (size >= 4) {
		memcpy(&c, p, 4);
		memcpy(&d, p + size - 4, 4);
		memcpy(to, &c, 4);
		memcpy(to + size - 4, &d, 4);
	} else if (size > 0) {
		to[0] = (char)p[0];
		to[size / 2] = (char)p[size / 2];
		to[size - 1] = (char)p[size - 1];
	}
}

/* Appends to the value of a variable-width column of the open row.  end bounds
 * what may be read from p on: short values are copied by one 16-byte move. */
static inline __attribute__((always_inline)) void
fl_col_append(struct fl_builder_col *bc, const uint8_t *p, size_t size, const uint8_t *end)
{
	struct fl_buf *buf = &bc->bytes;
	char *to;

	if (fl_unlikely(buf->capacity - buf->size < size + 17))
		fl_buf_reserve(buf, size + 64);
	to = buf->data + buf->size;
	if (fl_unlikely(size > 16))
		memcpy(to, p, size);
	else if (fl_likely(end - p >= 16))
		memcpy(to, p, 16);
	else
		fl_copy_short(to, p, size);
	buf->size += size;
	to[size] = '\0';
}

/* Cuts a time in milliseconds to the digits of TIMESTAMP(precision), downwards. */
static inline int64_t
fl_time_cut(int64_t ms, uint32_t unit_ms)
{
	int64_t rest = ms % (int64_t)unit_ms;

	/* Nothing lies below the range's last whole unit. */
	if (rest < 0)
		rest += ms - rest >= INT64_MIN + (int64_t)unit_ms ? (int64_t)unit_ms : 0;
	return ms - rest;
}

static inline uint32_t
fl_time_unit(const struct fl_type *type)
{
	static const uint32_t units[] = { 1000, 100, 10, 1 };

	return units[type->precision < 3 ? type->precision : 3];
}

static inline fl_i128
fl_pow10(uint32_t n)
{
	fl_i128 v = 1;

	while (n-- > 0)
		v *= 10;
	return v;
}

#endif
