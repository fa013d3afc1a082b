/* SPDX-License-Identifier: Apache-2.0 */
/*
 * array.c - elements of an ARRAY, and how many there are.
 */
#include "kernel.h"

enum fl_code
fl_rule_element(struct fl_arena *arena, const char *name, struct fl_expr **args, uint32_t arg_count,
    struct fl_type *result, struct fl_err *err)
{
	const struct fl_type integer = fl_type_make(FL_TYPE_INT, true);

	/* As Flink: a BIGINT is no index. */
	if (args[0]->type.id != FL_TYPE_ARRAY ||
	    (args[1]->type.id != FL_TYPE_NULL && !fl_type_is_integer(args[1]->type.id)) ||
	    args[1]->type.id == FL_TYPE_BIGINT)
		return fl_refuse(name, args, arg_count, err);
	fl_widen(arena, &args[1], &integer);
	*result = fl_type_element(&args[0]->type);
	return FL_OK;
}

enum fl_code
fl_rule_cardinality(struct fl_arena *arena, const char *name, struct fl_expr **args,
    uint32_t arg_count, struct fl_type *result, struct fl_err *err)
{
	(void)arena;
	if (args[0]->type.id != FL_TYPE_ARRAY)
		return fl_refuse(name, args, arg_count, err);
	*result = fl_type_make(FL_TYPE_INT, args[0]->type.nullable);
	return FL_OK;
}

/* The array of a row; none of a block contradicts itself (block.c). */
static struct fl_array
array_of(const struct fl_col *col, uint32_t row)
{
	struct fl_array array;
	uint32_t size;
	const char *p = fl_col_str(col, row, &size);

	if (!fl_array_view(&col->type, p, size, &array))
		return (struct fl_array){ .count = 0 };
	return array;
}

void
fl_kernel_element(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	uint32_t width = fl_type_width((enum fl_type_id)out->type.id), size;
	struct fl_strings strings;

	(void)call;
	if (width == 0)
		fl_strings_begin(&strings, ctx, out);
	FL_EACH_ROW (row) {
		struct fl_array array = array_of(&args[0], row);
		int32_t index = FL_COL_AT(&args[1], int32_t, row);
		const char *p;

		if (width == 0)
			fl_strings_row(&strings, row);
		if (index < 1 || (uint32_t)index > array.count ||
		    fl_array_is_null(&array, (uint32_t)index - 1)) {
			fl_out_null(ctx, out, row);
			if (width != 0)
				memset((char *)out->data + (size_t)row * width, 0, width);
			continue;
		}
		p = fl_array_at(&array, (uint32_t)index - 1, &size);
		if (width == 0)
			fl_strings_add(&strings, p, size);
		else
			memcpy((char *)out->data + (size_t)row * width, p, width);
	}
	if (width == 0)
		fl_strings_end(&strings);
}

void
fl_kernel_cardinality(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	int32_t *o = out->data;

	(void)call;
	(void)ctx;
	FL_EACH_ROW (row)
		o[row] = (int32_t)array_of(&args[0], row).count;
}
