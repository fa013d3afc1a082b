/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expr.c - making typed trees: calls, casts, common types; printing them.
 *
 * A type rule sees the arguments' types and wraps arguments in CASTs where Flink
 * widens implicitly, so kernels meet the types they are written for.  Literals
 * are widened at once: no row pays for them.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/util.h"
#include "decimal.h"
#include "kernel.h"

/* ---- nodes ---- */

struct fl_expr *
fl_expr_make(struct fl_arena *arena, enum fl_expr_kind kind, const struct fl_type *type,
    struct fl_expr **args, uint32_t arg_count)
{
	struct fl_expr *expr = FL_ARENA_NEW(arena, struct fl_expr);

	expr->kind = kind;
	expr->type = *type;
	expr->arg_count = arg_count;
	if (arg_count > 0) {
		expr->args = fl_arena_dup(arena, args, sizeof(struct fl_expr *) * arg_count);
		expr->line = args[0]->line;
		expr->col = args[0]->col;
	}
	return expr;
}

struct fl_expr *
fl_expr_literal(struct fl_arena *arena, const struct fl_type *type, const struct fl_value *value)
{
	struct fl_expr *expr = fl_expr_make(arena, FL_EXPR_LITERAL, type, NULL, 0);

	expr->value = *value;
	return expr;
}

struct fl_expr *
fl_expr_column(struct fl_arena *arena, uint32_t column, const struct fl_type *type)
{
	struct fl_expr *expr = fl_expr_make(arena, FL_EXPR_COLUMN, type, NULL, 0);

	expr->column = column;
	return expr;
}

bool
fl_expr_is_const(const struct fl_expr *expr)
{
	if (expr->kind == FL_EXPR_COLUMN ||
	    (expr->kind == FL_EXPR_CALL && (expr->fn->flags & FL_FUNCTION_CLOCK)))
		return false;
	for (uint32_t i = 0; i < expr->arg_count; i++)
		if (!fl_expr_is_const(expr->args[i]))
			return false;
	return true;
}

bool
fl_literal_str(const struct fl_expr *arg, const char **p, uint32_t *size)
{
	if (arg->kind != FL_EXPR_LITERAL || arg->value.is_null ||
	    !fl_type_is_string((enum fl_type_id)arg->type.id))
		return false;
	*p = arg->value.str.p;
	*size = arg->value.str.size;
	return true;
}

bool
fl_any_nullable(struct fl_expr **args, uint32_t arg_count)
{
	for (uint32_t i = 0; i < arg_count; i++)
		if (args[i]->type.nullable)
			return true;
	return false;
}

/* ---- types ---- */

struct fl_type
fl_decimal_type(uint32_t precision, uint32_t scale, bool nullable)
{
	struct fl_type type = fl_type_make(FL_TYPE_DECIMAL, nullable);

	if (precision > FL_DECIMAL_PRECISION_MAX) {
		uint32_t whole = precision - scale;
		uint32_t kept = FL_MIN(scale, FL_DECIMAL_SCALE_KEPT);
		uint32_t left =
		    whole < FL_DECIMAL_PRECISION_MAX ? FL_DECIMAL_PRECISION_MAX - whole : 0;

		scale = FL_MAX(left, kept);
		precision = FL_DECIMAL_PRECISION_MAX;
	}
	type.precision = (uint8_t)precision;
	type.scale = (uint8_t)scale;
	return type;
}

struct fl_type
fl_decimal_of(const struct fl_type *type)
{
	static const uint8_t digits[] = {[FL_TYPE_TINYINT] = 3,
	    [FL_TYPE_SMALLINT] = 5,
	    [FL_TYPE_INT] = 10,
	    [FL_TYPE_BIGINT] = 19};

	if (!fl_type_is_integer((enum fl_type_id)type->id))
		return *type;
	return fl_decimal_type(digits[type->id], 0, type->nullable);
}

static void
common_number(const struct fl_type *a, const struct fl_type *b, struct fl_type *out)
{
	if (fl_is_approximate(a->id) || fl_is_approximate(b->id)) {
		bool wide = a->id == FL_TYPE_DOUBLE || b->id == FL_TYPE_DOUBLE ||
			    a->id == FL_TYPE_DECIMAL || b->id == FL_TYPE_DECIMAL;

		*out = fl_type_make(wide ? FL_TYPE_DOUBLE : FL_TYPE_FLOAT, false);
	} else if (a->id == FL_TYPE_DECIMAL || b->id == FL_TYPE_DECIMAL) {
		struct fl_type x = fl_decimal_of(a), y = fl_decimal_of(b);
		uint32_t scale = FL_MAX(x.scale, y.scale);
		uint32_t whole = FL_MAX(x.precision - x.scale, y.precision - y.scale);

		*out = fl_decimal_type(whole + scale, scale, false);
	} else {
		*out = fl_type_make((enum fl_type_id)FL_MAX(a->id, b->id), false);
	}
}

bool
fl_type_common(const struct fl_type *a, const struct fl_type *b, struct fl_type *out)
{
	bool nullable = a->nullable || b->nullable;
	enum fl_type_id ai = (enum fl_type_id)a->id, bi = (enum fl_type_id)b->id;
	struct fl_type r;

	if ((ai == FL_TYPE_ARRAY || bi == FL_TYPE_ARRAY) && ai != FL_TYPE_NULL && bi != FL_TYPE_NULL) {
		struct fl_type p = *a, q = *b;

		p.nullable = q.nullable = nullable;
		*out = p;
		return fl_type_equal(&p, &q);
	}
	if (ai == FL_TYPE_NULL || bi == FL_TYPE_NULL) {
		r = ai == FL_TYPE_NULL ? *b : *a;
		nullable = true;
	} else if (fl_type_is_numeric(ai) && fl_type_is_numeric(bi)) {
		common_number(a, b, &r);
	} else if ((fl_type_is_string(ai) && fl_type_is_string(bi)) ||
		   (fl_type_is_bytes(ai) && fl_type_is_bytes(bi))) {
		bool text = fl_type_is_string(ai);

		if (ai == bi && a->length == b->length) {
			r = *a;
		} else {
			r = fl_type_make(text ? FL_TYPE_VARCHAR : FL_TYPE_VARBINARY, false);
			r.length = FL_MAX(a->length, b->length);
		}
	} else if (fl_is_time(a->id) && fl_is_time(b->id) &&
		   (ai == FL_TYPE_DATE) == (bi == FL_TYPE_DATE)) {
		r = a->id > b->id ? *a : *b; /* TIMESTAMP < TIMESTAMP_LTZ */
		r.precision = FL_MAX(a->precision, b->precision);
	} else if (ai == bi) {
		r = *a;
	} else {
		return false;
	}
	r.nullable = nullable;
	*out = r;
	return true;
}

bool
fl_type_least_restrictive(const struct fl_type *a, const struct fl_type *b, struct fl_type *out)
{
	bool first_wins = fl_is_approximate(a->id) && fl_is_approximate(b->id);
	enum fl_type_id first = (enum fl_type_id)a->id;

	if (!fl_type_common(a, b, out)) /* out may be a */
		return false;
	if (first_wins || (fl_is_time((uint8_t)first) && fl_is_time(b->id)))
		out->id = (uint8_t)first;
	return true;
}

bool
fl_type_can_widen(const struct fl_type *from, const struct fl_type *to)
{
	enum fl_type_id f = (enum fl_type_id)from->id, t = (enum fl_type_id)to->id;

	if (f == FL_TYPE_NULL)
		return true;
	if (fl_type_is_integer(f) && fl_type_is_integer(t))
		return f <= t;
	if (fl_type_is_numeric(f) && (t == FL_TYPE_DOUBLE || t == FL_TYPE_DECIMAL))
		return true;
	if (t == FL_TYPE_FLOAT)
		return fl_type_is_numeric(f) && f != FL_TYPE_DOUBLE;
	if (t == FL_TYPE_VARCHAR)
		return fl_type_is_string(f);
	if (t == FL_TYPE_VARBINARY)
		return fl_type_is_bytes(f);
	if (t == FL_TYPE_DATE)
		return f == FL_TYPE_DATE || f == FL_TYPE_TIMESTAMP;
	if (t == FL_TYPE_TIMESTAMP || t == FL_TYPE_TIMESTAMP_LTZ)
		return f == FL_TYPE_TIMESTAMP || f == FL_TYPE_TIMESTAMP_LTZ;
	return f == t;
}

/* ---- messages in Flink's words ---- */

static void
print_calcite(const struct fl_type *type, struct fl_buf *out)
{
	struct fl_type bare = *type;
	char text[64];

	bare.nullable = true;
	if (type->id == FL_TYPE_INT)
		fl_buf_str(out, "<INTEGER>");
	else if (type->id != FL_TYPE_ARRAY && fl_type_is_var((enum fl_type_id)type->id) &&
	    type->length == FL_LENGTH_MAX)
		fl_buf_printf(out, "<%s(2147483647)>", fl_type_name((enum fl_type_id)type->id));
	else
		fl_buf_printf(out, "<%s>", fl_type_print(&bare, text, sizeof(text)));
}

static void
print_arguments(
    const char *name, struct fl_expr **args, uint32_t arg_count, bool infix, struct fl_buf *out)
{
	if (!infix)
		fl_buf_printf(out, "%s(", name);
	for (uint32_t i = 0; i < arg_count; i++) {
		if (i > 0)
			fl_buf_printf(out, infix ? " %s " : ", ", name);
		print_calcite(&args[i]->type, out);
	}
	if (!infix)
		fl_buf_byte(out, ')');
}

enum fl_code
fl_refuse(const char *name, struct fl_expr **args, uint32_t arg_count, struct fl_err *err)
{
	const struct fl_function *fn = fl_function_find(name, strlen(name));
	struct fl_buf text = {.data = NULL};
	bool infix = fn != NULL && (fn->flags & FL_FUNCTION_INFIX) && arg_count == 2;
	const char *bar = fn != NULL ? strrchr(fn->help, '|') : NULL;
	enum fl_code code;

	fl_buf_printf(&text, "Cannot apply '%s' to arguments of type '", name);
	print_arguments(name, args, arg_count, infix, &text);
	fl_buf_byte(&text, '\'');
	if (bar != NULL)
		fl_buf_printf(
		    &text, "; expected %.*s: %s", (int)(bar - fn->help), fn->help, bar + 1);
	code = FL_FAIL(err, FL_E_SQL_BIND, "%s", text.data);
	fl_buf_fini(&text);
	return code;
}

/* ---- casts ---- */

static bool
can_cast(const struct fl_type *from, const struct fl_type *to, const char **hint)
{
	enum fl_type_id f = (enum fl_type_id)from->id, t = (enum fl_type_id)to->id;

	*hint = NULL;
	if (f == FL_TYPE_NULL)
		return true;
	if (t == FL_TYPE_NULL)
		return false;
	if (f == FL_TYPE_ARRAY || t == FL_TYPE_ARRAY)
		return fl_type_equal(from, to);
	if (f == t)
		return true;
	if (fl_type_is_string(t))
		return true;
	if (fl_type_is_string(f))
		return t != FL_TYPE_INTERVAL;
	if (fl_type_is_bytes(f) || fl_type_is_bytes(t))
		return fl_type_is_bytes(f) && fl_type_is_bytes(t);
	if (f == FL_TYPE_BOOLEAN)
		return fl_type_is_numeric(t);
	if (t == FL_TYPE_BOOLEAN)
		return fl_type_is_numeric(f);
	if (fl_type_is_numeric(f) && fl_type_is_numeric(t))
		return true;
	if (fl_is_time(from->id) && fl_is_time(to->id))
		return true;
	if (fl_type_is_numeric(f) && fl_is_time(to->id))
		*hint = "use TO_TIMESTAMP_LTZ(numeric_col, 0|3), or "
			"TO_TIMESTAMP(FROM_UNIXTIME(numeric_col))";
	else if (fl_is_time(from->id) && fl_type_is_numeric(t))
		*hint = "use UNIX_TIMESTAMP(CAST(timestamp_col AS STRING))";
	return false;
}

enum fl_code
fl_expr_cast(struct fl_arena *arena, struct fl_expr *arg, const struct fl_type *to, bool try_cast,
    struct fl_expr **out, struct fl_err *err)
{
	struct fl_type type = *to;
	struct fl_expr *cast;
	char from_text[64], to_text[64];
	const char *hint;

	type.nullable = arg->type.nullable || try_cast || arg->type.id == FL_TYPE_NULL;
	if (!can_cast(&arg->type, &type, &hint)) {
		struct fl_type from = arg->type;

		from.nullable = type.nullable = true;
		return FL_FAIL(err, FL_E_SQL_BIND, "the cast from %s to %s is not allowed%s%s",
		    fl_type_print(&from, from_text, sizeof(from_text)),
		    fl_type_print(&type, to_text, sizeof(to_text)), hint != NULL ? ": " : "",
		    hint != NULL ? hint : "");
	}
	if (fl_type_equal(&arg->type, &type)) {
		*out = arg;
		return FL_OK;
	}
	cast = fl_expr_make(arena, FL_EXPR_CAST, &type, &arg, 1);
	cast->try_cast = try_cast;
	*out = cast;
	return FL_OK;
}

void
fl_widen(struct fl_arena *arena, struct fl_expr **arg, const struct fl_type *to)
{
	struct fl_expr *from = *arg, *cast = NULL;
	struct fl_type type = *to;
	struct fl_value value;

	type.nullable = from->type.nullable;
	if (fl_type_equal(&from->type, &type))
		return;
	if (fl_expr_cast(arena, from, &type, false, &cast, NULL) != FL_OK)
		return; /* rules ask for nothing else; the kernel sees the type as it is */
	/* The zone is not known yet: texts of local times stay as they are. */
	if (from->kind == FL_EXPR_LITERAL && type.id != FL_TYPE_TIMESTAMP_LTZ &&
	    fl_expr_const(cast, "UTC", arena, &value, NULL) == FL_OK) {
		*arg = fl_expr_literal(arena, &cast->type, &value);
		(*arg)->line = from->line;
		(*arg)->col = from->col;
		return;
	}
	*arg = cast;
}

/* ---- calls ---- */

/* A bare NULL has no type: it takes the other operand's, or Flink refuses it. */
static bool
fn_takes_null(const struct fl_function *fn)
{
	if (fn->expand != NULL)
		return fn->expand != fl_expand_and && fn->expand != fl_expand_or;
	return fn->type_rule == fl_rule_compare || fn->type_rule == fl_rule_distinct ||
	       fn->type_rule == fl_rule_is_null ||
	       fn->type_rule == fl_rule_greatest || fn->type_rule == fl_rule_same_number ||
	       fn->type_rule == fl_rule_round;
}

/* Flink's words, and the nearest name. */
static enum fl_code
no_function(const char *name, struct fl_expr **args, uint32_t arg_count, struct fl_err *err)
{
	const char *names[512], *near;
	struct fl_buf text = {.data = NULL};
	char upper[64];
	uint32_t n = 0;
	enum fl_code code;

	for (; n < FL_ARRAY_COUNT(names) && fl_function_row(n) != NULL; n++)
		names[n] = fl_function_row(n)->name;
	(void)snprintf(upper, sizeof(upper), "%s", name);
	for (char *p = upper; *p != '\0'; p++)
		*p = *p >= 'a' && *p <= 'z' ? (char)(*p - 32) : *p;
	near = fl_closest(upper, names, n);
	for (uint32_t i = 0; i < arg_count; i++)
		fl_buf_printf(&text, "%s<%s>", i == 0 ? "" : ", ",
		    fl_type_name((enum fl_type_id)args[i]->type.id));
	code = FL_FAIL(err, FL_E_SQL_BIND, "No match found for function signature %.60s(%.200s)%s%s%s",
	    name, text.data != NULL ? text.data : "", near != NULL ? "; did you mean " : "",
	    near != NULL ? near : "", near != NULL ? "?" : "");
	fl_buf_fini(&text);
	return code;
}

enum fl_code
fl_expr_call(struct fl_arena *arena, const char *name, struct fl_expr **args, uint32_t arg_count,
    struct fl_expr **out, struct fl_err *err)
{
	const struct fl_function *fn = fl_function_find(name, strlen(name));
	struct fl_expr **own, *call;
	struct fl_type type;

	if (fn == NULL)
		return no_function(name, args, arg_count, err);
	if (arg_count < fn->arg_min || (fn->arg_max != 255 && arg_count > fn->arg_max)) {
		const char *bar = strrchr(fn->help, '|');

		return FL_FAIL(err, FL_E_SQL_BIND,
		    "Invalid number of arguments to function '%s': got %u, expected %.*s", fn->name,
		    arg_count, (int)(bar - fn->help), fn->help);
	}
	/* Rules rewrite arguments; the caller's array stays as it is. */
	own = FL_ARENA_ARRAY(arena, struct fl_expr *, FL_MAX(arg_count, 1));
	for (uint32_t i = 0; i < arg_count; i++)
		own[i] = args[i];
	if (!fn_takes_null(fn)) {
		for (uint32_t i = 0; i < arg_count; i++)
			if (args[i]->type.id == FL_TYPE_NULL)
				return FL_FAIL(err, FL_E_SQL_BIND,
				    "Illegal use of 'NULL' in %s: write CAST(NULL AS type)", fn->name);
	}
	for (uint32_t i = 0; i < arg_count && (fn->flags & FL_FUNCTION_ARRAYS) == 0; i++)
		if (args[i]->type.id == FL_TYPE_ARRAY)
			return fl_refuse(fn->name, args, arg_count, err);
	if (fn->expand != NULL)
		return fn->expand(arena, fn->name, own, arg_count, out, err);
	FL_TRY(fn->type_rule(arena, fn->name, own, arg_count, &type, err));
	call = fl_expr_make(arena, FL_EXPR_CALL, &type, own, arg_count);
	call->fn = fn;
	*out = call;
	return FL_OK;
}

/* ---- trees with branches ---- */

static enum fl_code
expand_logic(struct fl_arena *arena, enum fl_expr_kind kind, const char *name,
    struct fl_expr **args, uint32_t arg_count, struct fl_expr **out, struct fl_err *err)
{
	struct fl_type type = fl_type_make(FL_TYPE_BOOLEAN, fl_any_nullable(args, arg_count));

	for (uint32_t i = 0; i < arg_count; i++) {
		if (args[i]->type.id == FL_TYPE_NULL)
			fl_widen(arena, &args[i], &type);
		if (args[i]->type.id != FL_TYPE_BOOLEAN)
			return fl_refuse(name, args, arg_count, err);
	}
	*out = fl_expr_make(arena, kind, &type, args, arg_count);
	return FL_OK;
}

enum fl_code
fl_expand_and(struct fl_arena *arena, const char *name, struct fl_expr **args, uint32_t arg_count,
    struct fl_expr **out, struct fl_err *err)
{
	return expand_logic(arena, FL_EXPR_AND, name, args, arg_count, out, err);
}

enum fl_code
fl_expand_or(struct fl_arena *arena, const char *name, struct fl_expr **args, uint32_t arg_count,
    struct fl_expr **out, struct fl_err *err)
{
	return expand_logic(arena, FL_EXPR_OR, name, args, arg_count, out, err);
}

enum fl_code
fl_expand_case(struct fl_arena *arena, const char *name, struct fl_expr **args, uint32_t arg_count,
    struct fl_expr **out, struct fl_err *err)
{
	struct fl_expr **own;
	struct fl_type type;

	/* Without ELSE it is NULL. */
	own = FL_ARENA_ARRAY(arena, struct fl_expr *, arg_count + 1);
	for (uint32_t i = 0; i < arg_count; i++)
		own[i] = args[i];
	if (arg_count % 2 == 0) {
		struct fl_type null = fl_type_make(FL_TYPE_NULL, true);
		struct fl_value value = {.is_null = true};

		own[arg_count++] = fl_expr_literal(arena, &null, &value);
	}
	type = own[1]->type;
	for (uint32_t i = 0; i < arg_count; i += 2) {
		struct fl_expr *branch = own[FL_MIN(i + 1, arg_count - 1)];

		if (!fl_type_least_restrictive(&type, &branch->type, &type))
			return FL_FAIL(err, FL_E_SQL_BIND,
			    "Illegal mixing of types in CASE or COALESCE statement: %s and %s",
			    fl_type_name((enum fl_type_id)type.id),
			    fl_type_name((enum fl_type_id)branch->type.id));
		if (i + 1 == arg_count)
			break;
		if (own[i]->type.id != FL_TYPE_BOOLEAN)
			return FL_FAIL(err, FL_E_SQL_BIND,
			    "expected a BOOLEAN condition after %s, got %s",
			    strcmp(name, "CASE") == 0 ? "WHEN" : name,
			    fl_type_name((enum fl_type_id)own[i]->type.id));
	}
	if (type.id == FL_TYPE_NULL)
		return FL_FAIL(
		    err, FL_E_SQL_BIND, "ELSE clause or at least one THEN clause must be non-NULL");
	for (uint32_t i = 0; i < arg_count; i++)
		if (i % 2 == 1 || i + 1 == arg_count)
			fl_widen(arena, &own[i], &type);
	*out = fl_expr_make(arena, FL_EXPR_CASE, &type, own, arg_count);
	return FL_OK;
}

enum fl_code
fl_expand_coalesce(struct fl_arena *arena, const char *name, struct fl_expr **args,
    uint32_t arg_count, struct fl_expr **out, struct fl_err *err)
{
	struct fl_type type = args[0]->type;
	bool nullable = true;

	for (uint32_t i = 0; i < arg_count; i++) {
		if (!fl_type_common(&type, &args[i]->type, &type))
			return FL_FAIL(err, FL_E_SQL_BIND,
			    "Illegal mixing of types in CASE or COALESCE statement: %s and %s",
			    fl_type_name((enum fl_type_id)type.id),
			    fl_type_name((enum fl_type_id)args[i]->type.id));
		nullable = nullable && args[i]->type.nullable;
	}
	if (type.id == FL_TYPE_NULL)
		return FL_FAIL(err, FL_E_SQL_BIND, "Illegal use of 'NULL' in %s: write CAST(NULL AS type)",
		    name);
	for (uint32_t i = 0; i < arg_count; i++)
		fl_widen(arena, &args[i], &type);
	type.nullable = nullable;
	*out = fl_expr_make(arena, FL_EXPR_COALESCE, &type, args, arg_count);
	return FL_OK;
}

enum fl_code
fl_expand_if(struct fl_arena *arena, const char *name, struct fl_expr **args, uint32_t arg_count,
    struct fl_expr **out, struct fl_err *err)
{
	return fl_expand_case(arena, name, args, arg_count, out, err);
}

enum fl_code
fl_expand_nullif(struct fl_arena *arena, const char *name, struct fl_expr **args,
    uint32_t arg_count, struct fl_expr **out, struct fl_err *err)
{
	struct fl_type null = fl_type_make(FL_TYPE_NULL, true);
	struct fl_value value = {.is_null = true};
	struct fl_expr *branches[3];

	FL_TRY(fl_expr_call(arena, "=", args, arg_count, &branches[0], err));
	branches[1] = fl_expr_literal(arena, &null, &value);
	branches[2] = args[0];
	return fl_expand_case(arena, name, branches, 3, out, err);
}

/* ---- constants ---- */

enum fl_code
fl_expr_const(const struct fl_expr *expr, const char *zone, struct fl_arena *arena,
    struct fl_value *value, struct fl_err *err)
{
	struct fl_schema schema = {.count = 0};
	struct fl_batch batch = {.schema = &schema, .row_count = 1};
	uint8_t error = 0;
	struct fl_eval ctx = {.arena = arena, .zone = zone, .errors = &error};
	struct fl_col col;
	struct fl_value v = {.is_null = false};

	assert(fl_expr_is_const(expr));
	fl_expr_eval(expr, &batch, NULL, 1, &ctx, &col);
	if (error != 0) {
		struct fl_buf text = {.data = NULL};
		enum fl_code code = (enum fl_code)error;

		fl_expr_print(expr, &schema, &text);
		code = FL_FAIL(err, code, "cannot compute %s", text.data);
		fl_buf_fini(&text);
		return code;
	}
	v.is_null = !fl_col_is_valid(&col, 0);
	if (v.is_null) {
		*value = v;
		return FL_OK;
	}
	switch ((enum fl_type_id)expr->type.id) {
	case FL_TYPE_BOOLEAN:
		v.boolean = FL_COL_AT(&col, uint8_t, 0) != 0;
		break;
	case FL_TYPE_FLOAT:
		v.f64 = (double)FL_COL_AT(&col, float, 0);
		break;
	case FL_TYPE_DOUBLE:
		v.f64 = FL_COL_AT(&col, double, 0);
		break;
	case FL_TYPE_DECIMAL:
		v.i128 = FL_COL_AT(&col, fl_i128, 0);
		break;
	case FL_TYPE_CHAR:
	case FL_TYPE_VARCHAR:
	case FL_TYPE_BINARY:
	case FL_TYPE_VARBINARY: {
		uint32_t size;
		const char *p = fl_col_str(&col, 0, &size);

		v.str.p = fl_arena_strndup(arena, p, size);
		v.str.size = size;
		break;
	}
	case FL_TYPE_TINYINT:
	case FL_TYPE_SMALLINT:
	case FL_TYPE_INT:
	case FL_TYPE_BIGINT:
	case FL_TYPE_DATE:
	case FL_TYPE_TIMESTAMP:
	case FL_TYPE_TIMESTAMP_LTZ:
	case FL_TYPE_INTERVAL:
		v.i64 = fl_load_i64(&col, 0);
		break;
	case FL_TYPE_ARRAY:
	case FL_TYPE_NULL:
		v.is_null = true;
		break;
	}
	*value = v;
	return FL_OK;
}

/* ---- text of a tree ---- */

static void
print_quoted(const char *p, uint32_t size, struct fl_buf *out)
{
	fl_buf_byte(out, '\'');
	for (uint32_t i = 0; i < size; i++) {
		if (p[i] == '\'')
			fl_buf_byte(out, '\'');
		fl_buf_byte(out, p[i]);
	}
	fl_buf_byte(out, '\'');
}

static void
print_literal(const struct fl_expr *expr, struct fl_buf *out)
{
	enum fl_type_id id = (enum fl_type_id)expr->type.id;
	const struct fl_value *v = &expr->value;
	struct fl_type bare = expr->type;
	char text[64];

	bare.nullable = true;
	if (v->is_null) {
		fl_buf_printf(out, "NULL:%s", fl_type_print(&bare, text, sizeof(text)));
		return;
	}
	switch (id) {
	case FL_TYPE_BOOLEAN:
		fl_buf_str(out, v->boolean ? "TRUE" : "FALSE");
		return;
	case FL_TYPE_INT:
		fl_buf_printf(out, "%" PRId64, v->i64);
		return;
	case FL_TYPE_FLOAT:
		fl_print_float(out, (float)v->f64);
		break;
	case FL_TYPE_DOUBLE:
		fl_print_double(out, v->f64);
		break;
	case FL_TYPE_DECIMAL:
		fl_print_decimal(out, v->i128, expr->type.scale);
		break;
	case FL_TYPE_CHAR:
		print_quoted(v->str.p, v->str.size, out);
		return;
	case FL_TYPE_VARCHAR:
	case FL_TYPE_BINARY:
	case FL_TYPE_VARBINARY:
		print_quoted(v->str.p, v->str.size, out);
		break;
	case FL_TYPE_DATE:
		fl_buf_str(out, "DATE '");
		fl_print_date(out, (int32_t)v->i64);
		fl_buf_byte(out, '\'');
		return;
	case FL_TYPE_TIMESTAMP:
		fl_buf_str(out, "TIMESTAMP '");
		fl_print_timestamp(out, v->i64, ' ', 0);
		fl_buf_byte(out, '\'');
		break;
	case FL_TYPE_TINYINT:
	case FL_TYPE_SMALLINT:
	case FL_TYPE_BIGINT:
	case FL_TYPE_TIMESTAMP_LTZ:
		fl_buf_printf(out, "%" PRId64, v->i64);
		break;
	case FL_TYPE_INTERVAL:
		fl_buf_printf(out, "INTERVAL '%s%" PRIu64 ".%03u' SECOND", v->i64 < 0 ? "-" : "",
		    (v->i64 < 0 ? -(uint64_t)v->i64 : (uint64_t)v->i64) / 1000,
		    (unsigned)((v->i64 < 0 ? -(uint64_t)v->i64 : (uint64_t)v->i64) % 1000));
		return;
	case FL_TYPE_ARRAY:
	case FL_TYPE_NULL:
		fl_buf_str(out, "NULL");
		return;
	}
	fl_buf_printf(out, ":%s", fl_type_print(&bare, text, sizeof(text)));
}

static void
print_list(
    const struct fl_expr *expr, const char *sep, const struct fl_schema *schema, struct fl_buf *out)
{
	for (uint32_t i = 0; i < expr->arg_count; i++) {
		if (i > 0)
			fl_buf_str(out, sep);
		fl_expr_print(expr->args[i], schema, out);
	}
}

static void
print_call(const struct fl_expr *expr, const struct fl_schema *schema, struct fl_buf *out)
{
	const char *name = expr->fn->name;
	char sep[40];

	if ((expr->fn->flags & FL_FUNCTION_INFIX) && expr->arg_count >= 2) {
		(void)snprintf(sep, sizeof(sep), " %s ", name);
		fl_buf_byte(out, '(');
		print_list(expr, expr->arg_count == 2 ? sep : ", ", schema, out);
		if (expr->arg_count > 2)
			fl_buf_printf(out, ": %s", name); /* LIKE with its ESCAPE */
		fl_buf_byte(out, ')');
	} else if (strcmp(name, "[]") == 0) {
		fl_expr_print(expr->args[0], schema, out);
		fl_buf_byte(out, '[');
		fl_expr_print(expr->args[1], schema, out);
		fl_buf_byte(out, ']');
	} else if (strncmp(name, "IS ", 3) == 0) {
		fl_buf_byte(out, '(');
		print_list(expr, "", schema, out);
		fl_buf_printf(out, " %s)", name);
	} else {
		fl_buf_printf(out, "%s(", name);
		print_list(expr, ", ", schema, out);
		fl_buf_byte(out, ')');
	}
}

void
fl_expr_print(const struct fl_expr *expr, const struct fl_schema *schema, struct fl_buf *out)
{
	struct fl_type bare = expr->type;
	char text[64];

	switch (expr->kind) {
	case FL_EXPR_COLUMN:
		if (schema != NULL && expr->column < schema->count)
			fl_buf_str(out, schema->fields[expr->column].name);
		else
			fl_buf_printf(out, "$%u", expr->column);
		break;
	case FL_EXPR_LITERAL:
		print_literal(expr, out);
		break;
	case FL_EXPR_CALL:
		print_call(expr, schema, out);
		break;
	case FL_EXPR_CAST:
		bare.nullable = true;
		fl_buf_str(out, expr->try_cast ? "TRY_CAST(" : "CAST(");
		fl_expr_print(expr->args[0], schema, out);
		fl_buf_printf(out, " AS %s)", fl_type_print(&bare, text, sizeof(text)));
		break;
	case FL_EXPR_AND:
	case FL_EXPR_OR:
		fl_buf_byte(out, '(');
		print_list(expr, expr->kind == FL_EXPR_AND ? " AND " : " OR ", schema, out);
		fl_buf_byte(out, ')');
		break;
	case FL_EXPR_CASE:
		fl_buf_str(out, "CASE");
		for (uint32_t i = 0; i + 1 < expr->arg_count; i += 2) {
			fl_buf_str(out, " WHEN ");
			fl_expr_print(expr->args[i], schema, out);
			fl_buf_str(out, " THEN ");
			fl_expr_print(expr->args[i + 1], schema, out);
		}
		fl_buf_str(out, " ELSE ");
		fl_expr_print(expr->args[expr->arg_count - 1], schema, out);
		fl_buf_str(out, " END");
		break;
	case FL_EXPR_COALESCE:
		fl_buf_str(out, "COALESCE(");
		print_list(expr, ", ", schema, out);
		fl_buf_byte(out, ')');
		break;
	}
}
