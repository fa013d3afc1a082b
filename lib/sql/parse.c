/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse.c - feeds tokens to the grammar, and helps its actions.
 *
 * Before each token the table of refused phrases is looked at, so that what Flink
 * has and we have not is named, and not reported as a mistake.
 */
#include <stdlib.h>
#include <string.h>

#include "ast.h"
#include "lib/sql/grammar.h"

/* Made by lemon. */
void *fl_sql_parserAlloc(void *(*alloc)(size_t));
void fl_sql_parserFree(void *parser, void (*release)(void *));
void fl_sql_parser(void *parser, int code, struct fl_token tok, struct fl_parse *ps);

static const struct {
	const char *phrase, *feature, *hint;
} REFUSED[] = {
#define FL_REFUSED(phrase, feature, hint) { phrase, feature, hint },
#include "tbl/refused.h"
};

/* How tokens are called in messages. */
static const struct {
	int code;
	const char *text;
} TOKEN_TEXTS[] = {
	{ TK_ID, "a name" }, { TK_STRING, "a string" }, { TK_NUMBER, "a number" },
	{ TK_TYPE, "a type" }, { TK_UNIT, "a time unit" }, { TK_LP, "(" }, { TK_RP, ")" },
	{ TK_COMMA, "," }, { TK_DOT, "." }, { TK_SEMI, ";" }, { TK_EQ, "=" },
	{ TK_ARROW, "=>" }, { TK_AS, "AS" }, { TK_BY, "BY" }, { TK_FROM, "FROM" },
	{ TK_FOR, "FOR" }, { TK_INTO, "INTO" }, { TK_TABLE, "TABLE" }, { TK_VIEW, "VIEW" },
	{ TK_SELECT, "SELECT" }, { TK_WITH, "WITH" }, { TK_END, "END" }, { TK_AND, "AND" },
	{ TK_NOT, "NOT" }, { TK_NULL, "NULL" }, { TK_KEY, "KEY" }, { TK_ENFORCED, "ENFORCED" },
	{ TK_EXISTS, "EXISTS" }, { TK_STATEMENT, "STATEMENT" }, { TK_SET, "SET" },
	{ TK_BEGIN, "BEGIN" }, { TK_INSERT, "INSERT" }, { TK_CREATE, "CREATE" },
	{ TK_DROP, "DROP" }, { TK_EXECUTE, "EXECUTE" }, { TK_WHEN, "WHEN" },
	{ TK_THEN, "THEN" }, { TK_ELSE, "ELSE" }, { TK_WHERE, "WHERE" }, { TK_PRIMARY, "PRIMARY" },
	{ TK_ORDER, "ORDER" }, { TK_PARTITION, "PARTITION" }, { TK_IF, "IF" },
	{ TK_TEMPORARY, "TEMPORARY" }, { TK_WATERMARK, "WATERMARK" }, { TK_CONSTRAINT, "CONSTRAINT" },
};

/* ---- lists and nodes ---- */

struct ast_list *
fl_ast_list(struct fl_arena *arena)
{
	return FL_ARENA_NEW(arena, struct ast_list);
}

void
fl_ast_append(struct fl_arena *arena, struct ast_list *list, void *item)
{
	if (list->count == list->capacity) {
		uint32_t more = list->capacity == 0 ? 4 : list->capacity * 2;
		void **grown = FL_ARENA_ARRAY(arena, void *, more);

		if (list->count > 0)
			memcpy(grown, list->items, sizeof(void *) * list->count);
		list->items = grown;
		list->capacity = more;
	}
	list->items[list->count++] = item;
}

struct fl_token *
fl_ast_token(struct fl_parse *ps, const struct fl_token *tok)
{
	return fl_arena_dup(ps->arena, tok, sizeof(*tok));
}

struct fl_token *
fl_ast_object(struct fl_parse *ps, const struct ast_expr *path)
{
	static const char *const DEFAULTS[] = { "default_database", "default_catalog" };
	uint32_t n = path->args->count, i;

	for (i = 1; i < n; i++) {
		const struct fl_token *part = path->args->items[n - 1 - i];

		if (i > FL_ARRAY_COUNT(DEFAULTS) || strcmp(part->text, DEFAULTS[i - 1]) != 0)
			(void)fl_source_fail(ps->src, FL_E_SQL_UNSUPPORTED, part->line, part->col, NULL,
			    "the %s '%.60s' is not supported: there is default_catalog.default_database",
			    i == 1 ? "database" : "catalog", part->text);
	}
	return path->args->items[n - 1];
}

struct ast_expr *
fl_ast_expr(struct fl_parse *ps, enum ast_kind kind, const struct fl_token *at)
{
	struct ast_expr *expr = FL_ARENA_NEW(ps->arena, struct ast_expr);

	expr->kind = kind;
	expr->line = at->line;
	expr->col = at->col;
	expr->text = at->text;
	expr->size = at->size;
	expr->depth = 1;
	expr->args = fl_ast_list(ps->arena);
	return expr;
}

struct ast_expr *
fl_ast_word(struct fl_parse *ps, const struct fl_token *tok)
{
	struct ast_expr *expr = fl_ast_expr(ps, AST_UNIT, tok);

	expr->unit = tok->word;
	return expr;
}

void
fl_ast_arg(struct fl_parse *ps, struct ast_expr *expr, struct ast_expr *arg)
{
	fl_ast_append(ps->arena, expr->args, arg);
	expr->depth = FL_MAX(expr->depth, arg->depth + 1);
	if (expr->depth > AST_DEPTH_MAX)
		(void)fl_source_fail(ps->src, FL_E_SQL_SYNTAX, expr->line, expr->col, NULL,
		    "the expression is nested deeper than %u levels", AST_DEPTH_MAX);
}

void
fl_ast_args(struct fl_parse *ps, struct ast_expr *expr, struct ast_list *args)
{
	uint32_t i;

	for (i = 0; i < args->count; i++)
		fl_ast_arg(ps, expr, args->items[i]);
}

struct ast_expr *
fl_ast_op(struct fl_parse *ps, enum ast_kind kind, const char *op, struct ast_expr *a,
    struct ast_expr *b)
{
	struct fl_token at = { .line = a->line, .col = a->col, .text = op,
		.size = (uint32_t)strlen(op) };
	struct ast_expr *expr = fl_ast_expr(ps, kind, &at);

	fl_ast_arg(ps, expr, a);
	fl_ast_arg(ps, expr, b);
	return expr;
}

struct ast_expr *
fl_ast_chain(struct fl_parse *ps, enum ast_kind kind, struct ast_expr *a, struct ast_expr *b)
{
	if (a->kind != kind)
		return fl_ast_op(ps, kind, kind == AST_AND ? "AND" : "OR", a, b);
	fl_ast_arg(ps, a, b);
	return a;
}

struct ast_query *
fl_ast_union(
    struct fl_parse *ps, const struct fl_token *at, struct ast_query *a, struct ast_query *b)
{
	struct ast_query *query = a;

	if (a->parts == NULL || a->ctes != NULL) {
		query = FL_ARENA_NEW(ps->arena, struct ast_query);
		query->line = at->line;
		query->col = at->col;
		query->parts = fl_ast_list(ps->arena);
		fl_ast_append(ps->arena, query->parts, a);
	}
	fl_ast_append(ps->arena, query->parts, b);
	return query;
}

/* "MINUTES" and "MINUTE" are the same. */
const char *
fl_ast_unit(struct fl_parse *ps, const struct fl_token *tok)
{
	const char *word = tok->is_word ? tok->word : tok->text;
	size_t len = strlen(word);

	if (len > 1 && word[len - 1] == 'S' && (tok->code == TK_UNITS || tok->code == TK_UNIT))
		return fl_arena_strndup(ps->arena, word, len - 1);
	return word;
}

struct ast_type *
fl_ast_type(struct fl_parse *ps, const struct fl_token *name)
{
	struct ast_type *type = FL_ARENA_NEW(ps->arena, struct ast_type);

	type->name = name->is_word ? name->word : name->text;
	type->line = name->line;
	type->col = name->col;
	type->nullable = true;
	return type;
}

int64_t
fl_ast_number(struct fl_parse *ps, const struct fl_token *tok)
{
	int64_t value;

	if (!fl_parse_i64(tok->text, &value)) {
		(void)fl_source_fail(ps->src, FL_E_SQL_SYNTAX, tok->line, tok->col, NULL,
		    "expected a whole number, got %.40s", tok->text);
		return 0;
	}
	return value;
}

struct ast_statement *
fl_ast_statement(struct fl_parse *ps, enum ast_statement_kind kind, uint32_t line, uint32_t col)
{
	struct ast_statement *statement = FL_ARENA_NEW(ps->arena, struct ast_statement);

	statement->kind = kind;
	statement->line = line;
	statement->col = col;
	return statement;
}

/* ---- errors ---- */

void
fl_parse_refuse(
    struct fl_parse *ps, const struct fl_token *at, const char *feature, const char *hint)
{
	(void)fl_source_fail(ps->src, FL_E_SQL_UNSUPPORTED, at->line, at->col, hint,
	    "%s is not supported%s%s", feature, hint != NULL ? ": " : "", hint != NULL ? hint : "");
}

static const char *
token_text(int code)
{
	size_t i;

	for (i = 0; i < FL_ARRAY_COUNT(TOKEN_TEXTS); i++)
		if (TOKEN_TEXTS[i].code == code)
			return TOKEN_TEXTS[i].text;
	return NULL;
}

/* Words that are names as well: where a name fits, they need no mention. */
static bool
is_soft(int code)
{
	return code >= TK_VIEW && code <= TK_UNITS;
}

static void
add_expected(struct fl_buf *buf, const int *expected, int count, bool name_fits)
{
	int i, shown = 0, named = 0;

	for (i = 0; i < count; i++) {
		if (name_fits && is_soft(expected[i]))
			continue;
		if (token_text(expected[i]) == NULL)
			return;
		named++;
	}
	if (named == 0 || named > 6)
		return;
	for (i = 0; i < count; i++) {
		if (name_fits && is_soft(expected[i]))
			continue;
		fl_buf_str(buf, shown == 0 ? "; expected " : shown + 1 == named ? " or " : ", ");
		fl_buf_str(buf, token_text(expected[i]));
		shown++;
	}
}

/* Reserved words that people use as names; the others begin clauses. */
static bool
is_tempting(const struct fl_token *tok)
{
	switch (tok->code) {
	case TK_RESERVED:
	case TK_FUNC:
	case TK_TYPE:
	case TK_UNIT:
	case TK_DATE:
	case TK_TIME:
	case TK_TIMESTAMP:
	case TK_INTERVAL:
	case TK_POSITION:
	case TK_PARTITION:
	case TK_LOCAL:
	case TK_COMMENT:
	case TK_STATEMENT:
	case TK_PRECISION:
	case TK_TABLE:
	case TK_END:
	case TK_BEGIN:
	case TK_DEFAULT:
	case TK_EMPTY:
	case TK_ON:
		return true;
	default:
		return false;
	}
}

static const char *
misspelt_statement(const struct fl_token *tok, const int *expected, int count)
{
	static const char *const VERBS[] = { "CREATE", "DROP", "INSERT", "EXECUTE", "SET" };
	int i;

	for (i = 0; i < count; i++)
		if (expected[i] == TK_CREATE && tok->is_word)
			return fl_closest(tok->word, VERBS, FL_ARRAY_COUNT(VERBS));
	return NULL;
}

void
fl_parse_syntax_error(struct fl_parse *ps, const struct fl_token *tok, const int *expected,
    int expected_count, bool name_fits)
{
	const char *verb = misspelt_statement(tok, expected, expected_count), *hint = NULL;
	struct fl_buf buf;

	fl_buf_init(&buf);
	if (verb != NULL)
		hint = fl_arena_printf(ps->arena, "did you mean %s?", verb);
	if (tok->code == 0 || tok->raw_size == 0)
		fl_buf_str(&buf, "the text ends in the middle of a statement");
	else if (is_tempting(tok) && name_fits) {
		fl_buf_printf(&buf, "\"%.60s\" is a reserved word", tok->text);
		hint = fl_arena_printf(ps->arena, "as a name it needs back-ticks: `%.60s`", tok->text);
	} else if (tok->code == TK_STRING)
		fl_buf_printf(&buf, "syntax error at the string '%.60s'", tok->text);
	else
		fl_buf_printf(&buf, "syntax error at \"%.60s\"", tok->text);
	if (hint != NULL)
		fl_buf_printf(&buf, "; %s", hint);
	else
		add_expected(&buf, expected, expected_count, name_fits);
	(void)fl_source_fail(
	    ps->src, FL_E_SQL_SYNTAX, tok->line, tok->col, hint, "%s", buf.data);
	fl_buf_fini(&buf);
}

void
fl_parse_overflow(struct fl_parse *ps)
{
	(void)fl_source_fail(
	    ps->src, FL_E_SQL_SYNTAX, 0, 0, NULL, "the text is nested too deeply");
}

void
fl_parse_enforced(struct fl_parse *ps, uint32_t line, uint32_t col)
{
	(void)fl_source_fail(ps->src, FL_E_SQL_BIND, line, col, "PRIMARY KEY (...) NOT ENFORCED",
	    "Flink doesn't support ENFORCED mode for PRIMARY KEY constraint: the only supported mode "
	    "is the NOT ENFORCED mode");
}

/* ---- refused phrases ---- */

/* Does the word of a phrase [p, p+len) name this token? */
static bool
word_matches(const char *p, size_t len, const struct fl_token *tok)
{
	if (len == 2 && p[0] == '\'')
		return tok->code == TK_STRING;
	if (tok->is_word)
		return strlen(tok->word) == len && memcmp(tok->word, p, len) == 0;
	return tok->code != TK_STRING && tok->code != TK_ID && tok->code != TK_NUMBER &&
	    tok->raw_size == len && memcmp(tok->raw, p, len) == 0;
}

static bool
phrase_matches(const char *phrase, const struct fl_token *tokens, uint32_t i, bool at_start)
{
	if (phrase[0] == '^') {
		if (!at_start)
			return false;
		phrase += 2;
	}
	for (;; i++) {
		size_t len = strcspn(phrase, " ");

		if (tokens[i].code == 0 || !word_matches(phrase, len, &tokens[i]))
			return false;
		if (phrase[len] == '\0')
			return true;
		phrase += len + 1;
	}
}

static bool
is_refused(struct fl_parse *ps, const struct fl_token *tokens, uint32_t i, bool at_start)
{
	size_t r;

	if (!tokens[i].is_word || (i > 0 && tokens[i - 1].code == TK_DOT))
		return false;
	for (r = 0; r < FL_ARRAY_COUNT(REFUSED); r++) {
		if (phrase_matches(REFUSED[r].phrase, tokens, i, at_start)) {
			fl_parse_refuse(ps, &tokens[i], REFUSED[r].feature, REFUSED[r].hint);
			return true;
		}
	}
	return false;
}

/* POSITION(a IN b): the IN between its own parentheses is no test for a list. */
static void
mark_position(struct fl_token *tokens, uint32_t i)
{
	uint32_t depth = 0;

	if (tokens[i].code != TK_POSITION)
		return;
	for (i++; tokens[i].code != 0; i++) {
		if (tokens[i].code == TK_LP)
			depth++;
		if (tokens[i].code == TK_RP && --depth == 0)
			return;
		if (depth == 0)
			return;
		if (tokens[i].code == TK_IN && depth == 1) {
			tokens[i].code = TK_INSIDE;
			return;
		}
	}
}

enum fl_code
fl_parse(struct fl_source *src, struct ast_list **statements)
{
	struct fl_parse ps = { .src = src, .arena = src->arena,
		.statements = fl_ast_list(src->arena) };
	struct fl_token *tokens, semi;
	uint32_t count, i;
	bool at_start = true;
	void *parser;

	FL_TRY(fl_lex(src, &tokens, &count));
	parser = fl_sql_parserAlloc(malloc);
	if (parser == NULL)
		abort();
	for (i = 0; i + 1 < count && src->code == FL_OK; i++) {
		if (is_refused(&ps, tokens, i, at_start))
			break;
		mark_position(tokens, i);
		fl_sql_parser(parser, tokens[i].code, tokens[i], &ps);
		at_start = tokens[i].code == TK_SEMI;
	}
	/* The last statement may stand without its semicolon. */
	if (src->code == FL_OK && !at_start) {
		semi = tokens[count - 1];
		fl_sql_parser(parser, TK_SEMI, semi, &ps);
	}
	if (src->code == FL_OK)
		fl_sql_parser(parser, 0, tokens[count - 1], &ps);
	fl_sql_parserFree(parser, free);
	if (src->code == FL_OK)
		*statements = ps.statements;
	return src->code;
}
