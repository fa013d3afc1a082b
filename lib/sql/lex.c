/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lex.c - text to tokens.
 *
 * By hand, because every token carries line and column and because the mistakes
 * people bring from other databases (!=, "names", smart quotes) each deserve a
 * sentence of their own.  Words are looked up in tbl/keywords.h.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#include "ast.h"
#include "lib/sql/grammar.h"

#define CARET_LINE 140u	  /* characters of a line that are shown */
#define CARET_BEFORE 100u /* of them before the caret */

struct keyword {
	const char *word;
	int code;
};

static const struct keyword KEYWORDS[] = {
#define FL_KEYWORD_TOKEN(w) { #w, TK_##w },
#define FL_KEYWORD_SOFT(w) { #w, TK_##w },
#define FL_KEYWORD_TYPE(w) { #w, TK_TYPE },
#define FL_KEYWORD_UNIT(w) { #w, TK_UNIT },
#define FL_KEYWORD_UNITS(w) { #w, TK_UNITS },
#define FL_KEYWORD_FUNCTION(w) { #w, TK_FUNC },
#define FL_KEYWORD_WORD(w) { #w, TK_RESERVED },
#include "tbl/keywords.h"
#undef FL_KEYWORD_TOKEN
#undef FL_KEYWORD_SOFT
#undef FL_KEYWORD_TYPE
#undef FL_KEYWORD_UNIT
#undef FL_KEYWORD_UNITS
#undef FL_KEYWORD_FUNCTION
#undef FL_KEYWORD_WORD
};

struct lexer {
	struct fl_source *src;
	const char *p, *end;
	uint32_t line, col;
	struct fl_token *tokens;
	uint32_t count, capacity;
};

/* ---- errors with a caret ---- */

/* Bytes of the first `chars` characters of [p, end). */
static size_t
chars_size(const char *p, const char *end, uint32_t chars)
{
	const char *from = p;

	for (; p < end; p++)
		if (((unsigned char)*p & 0xc0) != 0x80 && chars-- == 0)
			break;
	return (size_t)(p - from);
}

/* The end of the literal that begins at p: its closing quote, or the end of the line. */
static char *
literal_end(char *p)
{
	char quote = *p++;

	while (*p != '\0' && (*p != quote || p[1] == quote))
		p += *p == quote ? 2 : 1;
	return p;
}

/* Misspelt names too: messages are about those. */
static bool
sounds_secret(const char *text)
{
	static const char *const signs[] = { "passw", "pasw", "secret", "jaas", "ssl.key.pem", "keystore.key",
		"loginmodule", "private key" };
	size_t size = strlen(text);

	if (size > 5 && strcmp(text + size - 5, "-file") == 0)
		return false;
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
		if (strcasestr(text, signs[i]) != NULL)
			return true;
	return false;
}

/* Where the secret of a value begins and ends: all of it by its key or by itself, or what
 * follows "password=" in an address. */
static void
hide_value(char *value, bool is_secret)
{
	static const char name[] = "password=";
	char *from = strcasestr(value, name), *end = value + strlen(value);

	if (is_secret || strcasestr(value, "loginmodule") != NULL || (from == NULL && sounds_secret(value)))
		from = value;
	else if (from != NULL) {
		from += sizeof(name) - 1;
		end = from + strcspn(from, "&");
	}
	if (from != NULL)
		memset(from, '*', (size_t)(end - from));
}

/* In 'key' = 'value' stars stand for what is secret. */
static void
hide_secrets(char *line)
{
	bool is_secret = false;
	char *end, kept;

	for (char *p = line; (p = strpbrk(p, "'\"")) != NULL; p = end + (*end != '\0')) {
		const char *before = p;
		bool is_value;

		end = literal_end(p);
		while (before > line && (before[-1] == ' ' || before[-1] == '\t'))
			before--;
		is_value = before > line && before[-1] == '=';
		kept = *end;
		*end = '\0';
		if (is_value)
			hide_value(p + 1, is_secret);
		is_secret = !is_value && sounds_secret(p + 1);
		*end = kept;
	}
}

/* The line with a caret under column col; of a long line the part around it. */
static void
add_caret(struct fl_source *src, uint32_t line, uint32_t col)
{
	const char *p = src->text, *end = src->text + src->size, *eol, *q, *from;
	char *shown;
	uint32_t n, skip = col > CARET_BEFORE ? col - CARET_BEFORE : 0;
	size_t size;

	for (n = 1; n < line && p < end; p++)
		n += *p == '\n';
	for (eol = p; eol < end && *eol != '\n'; eol++)
		;
	while (eol > p && (eol[-1] == ' ' || eol[-1] == '\t' || eol[-1] == '\r'))
		eol--;
	if (eol == p)
		return;
	from = p;
	shown = fl_arena_strndup(src->arena, p, (size_t)(eol - p));
	hide_secrets(shown);
	p += chars_size(p, eol, skip);
	size = chars_size(p, eol, CARET_LINE);
	fl_buf_printf(src->detail, "\n  %s", skip > 0 ? "..." : "");
	fl_buf_add(src->detail, shown + (p - from), size);
	fl_buf_printf(src->detail, "%s\n  %s", p + size < eol ? "..." : "", skip > 0 ? "   " : "");
	for (n = skip + 1, q = p; n < col && q < eol; q++) {
		if (((unsigned char)*q & 0xc0) == 0x80)
			continue;
		fl_buf_byte(src->detail, *q == '\t' ? '\t' : ' ');
		n++;
	}
	fl_buf_byte(src->detail, '^');
}

enum fl_code
fl_source_fail(struct fl_source *src, enum fl_code code, uint32_t line, uint32_t col,
    const char *hint, const char *fmt, ...)
{
	struct fl_buf text;
	va_list ap;
	char *msg = NULL;

	if (src->code != FL_OK)
		return src->code;
	va_start(ap, fmt);
	if (vasprintf(&msg, fmt, ap) < 0)
		abort();
	va_end(ap);
	fl_buf_init(&text);
	fl_buf_printf(&text, "%s:", src->file);
	if (line > 0)
		fl_buf_printf(&text, "%u:%u:", line, col);
	fl_buf_printf(&text, " %s", msg);
	free(msg);
	src->code = fl_err_set(src->err, code, 0, "sql", "%s", text.data);
	if (src->detail != NULL) {
		fl_buf_add(src->detail, text.data, text.size);
		if (line > 0)
			add_caret(src, line, col);
		if (hint != NULL && strstr(text.data, hint) == NULL)
			fl_buf_printf(src->detail, "\n  hint: %s", hint);
		fl_buf_byte(src->detail, '\n');
	}
	fl_buf_fini(&text);
	return code;
}

/* ---- characters ---- */

static bool
is_name_start(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
}

static bool
is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_name(unsigned char c)
{
	return is_name_start(c) || is_digit(c) || c == '$';
}

static enum fl_code
check_text(struct fl_source *src)
{
	const char *p = src->text, *end = p + src->size;
	uint32_t line = 1, col = 1;

	if (src->size > AST_TEXT_MAX)
		return fl_source_fail(src, FL_E_SQL_SYNTAX, 0, 0, NULL,
		    "the script has %zu bytes, at most %u are taken", src->size, AST_TEXT_MAX);
	while (p < end) {
		size_t n = fl_utf8_size(p, (size_t)(end - p));

		if (n == 0 || *p == '\0')
			return fl_source_fail(src, FL_E_SQL_SYNTAX, line, col, NULL,
			    "the byte 0x%02x is no UTF-8 text", (unsigned char)*p);
		col++;
		if (*p == '\n') {
			line++;
			col = 1;
		}
		p += n;
	}
	return FL_OK;
}

static void
advance(struct lexer *lex)
{
	if (*lex->p == '\n') {
		lex->line++;
		lex->col = 1;
	} else if (((unsigned char)*lex->p & 0xc0) != 0x80) {
		lex->col++;
	}
	lex->p++;
}

static char
peek(const struct lexer *lex, size_t ahead)
{
	return (size_t)(lex->end - lex->p) > ahead ? lex->p[ahead] : '\0';
}

/* ---- tokens ---- */

static struct fl_token *
begin_token(struct lexer *lex)
{
	struct fl_token *tok;

	if (lex->count == lex->capacity) {
		uint32_t more = lex->capacity == 0 ? 256 : lex->capacity * 2;
		struct fl_token *grown =
		    FL_ARENA_ARRAY(lex->src->arena, struct fl_token, more);

		if (lex->count > 0)
			memcpy(grown, lex->tokens, sizeof(*grown) * lex->count);
		lex->tokens = grown;
		lex->capacity = more;
	}
	tok = &lex->tokens[lex->count];
	memset(tok, 0, sizeof(*tok));
	tok->line = lex->line;
	tok->col = lex->col;
	tok->raw = lex->p;
	return tok;
}

static void
end_token(struct lexer *lex, struct fl_token *tok, int code)
{
	tok->code = code;
	tok->raw_size = (uint32_t)(lex->p - tok->raw);
	if (tok->text == NULL) {
		tok->text = fl_arena_strndup(lex->src->arena, tok->raw, tok->raw_size);
		tok->size = tok->raw_size;
	}
	lex->count++;
}

static const struct keyword *
find_keyword(const char *word)
{
	size_t low = 0, high = FL_ARRAY_COUNT(KEYWORDS);

	while (low < high) {
		size_t mid = (low + high) / 2;
		int c = strcmp(word, KEYWORDS[mid].word);

		if (c == 0)
			return &KEYWORDS[mid];
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

/* Characters that look like something else; a name may be of any other above 0x7f. */
static const struct {
	const char *bytes, *shown, *hint;
} LOOKALIKES[] = {
	{ "\xe2\x80\x98", "U+2018 (a typographic quote)", "strings stand in straight single quotes: 'text'" },
	{ "\xe2\x80\x99", "U+2019 (a typographic quote)", "strings stand in straight single quotes: 'text'" },
	{ "\xe2\x80\x9c", "U+201C (a typographic quote)", "names stand in back-ticks (`name`), strings in single quotes ('text')" },
	{ "\xe2\x80\x9d", "U+201D (a typographic quote)", "names stand in back-ticks (`name`), strings in single quotes ('text')" },
	{ "\xc2\xb4", "U+00B4 (an acute accent)", "strings stand in straight single quotes: 'text'" },
	{ "\xc2\xa0", "U+00A0 (a no-break space)", "write a plain space" },
	{ "\xe2\x80\x8b", "U+200B (a space without width)", "remove it" },
	{ "\xef\xbb\xbf", "U+FEFF (a byte order mark)", "it may only begin the file" },
	{ "\xe2\x80\x93", "U+2013 (a dash)", "write -" },
	{ "\xe2\x88\x92", "U+2212 (a minus sign)", "write -" },
};

static enum fl_code
check_lookalike(struct lexer *lex)
{
	size_t i;

	if ((unsigned char)*lex->p < 0x80)
		return FL_OK;
	for (i = 0; i < FL_ARRAY_COUNT(LOOKALIKES); i++) {
		size_t n = strlen(LOOKALIKES[i].bytes);

		if ((size_t)(lex->end - lex->p) >= n && memcmp(lex->p, LOOKALIKES[i].bytes, n) == 0)
			return fl_source_fail(lex->src, FL_E_SQL_SYNTAX, lex->line, lex->col,
			    LOOKALIKES[i].hint, "the character %s has no meaning here", LOOKALIKES[i].shown);
	}
	return FL_OK;
}

static enum fl_code
lex_word(struct lexer *lex)
{
	struct fl_token *tok = begin_token(lex);
	const struct keyword *kw;
	char *upper;
	uint32_t i;

	while (lex->p < lex->end && is_name((unsigned char)*lex->p)) {
		FL_TRY(check_lookalike(lex));
		advance(lex);
	}
	end_token(lex, tok, TK_ID);
	upper = fl_arena_strndup(lex->src->arena, tok->text, tok->size);
	for (i = 0; i < tok->size; i++)
		if (upper[i] >= 'a' && upper[i] <= 'z')
			upper[i] = (char)(upper[i] - 'a' + 'A');
	tok->is_word = true;
	tok->word = upper;
	kw = find_keyword(upper);
	if (kw != NULL)
		tok->code = kw->code;
	return FL_OK;
}

/* 'it''s' or `a``b`: the quote doubled stands for itself. */
static enum fl_code
lex_quoted(struct lexer *lex, char quote, int code)
{
	struct fl_token *tok = begin_token(lex);
	struct fl_buf buf;

	fl_buf_init(&buf);
	advance(lex);
	for (;;) {
		if (lex->p == lex->end) {
			fl_buf_fini(&buf);
			return fl_source_fail(lex->src, FL_E_SQL_SYNTAX, tok->line, tok->col, NULL,
			    "the %s that begins here has no end",
			    quote == '\'' ? "string" : "name in back-ticks");
		}
		if (*lex->p == quote) {
			if (peek(lex, 1) != quote)
				break;
			advance(lex);
		}
		fl_buf_byte(&buf, *lex->p);
		advance(lex);
	}
	advance(lex);
	tok->text = fl_arena_strndup(lex->src->arena, buf.data != NULL ? buf.data : "", buf.size);
	tok->size = (uint32_t)buf.size;
	fl_buf_fini(&buf);
	if (code == TK_ID && tok->size == 0)
		return fl_source_fail(
		    lex->src, FL_E_SQL_SYNTAX, tok->line, tok->col, NULL, "a name is empty");
	end_token(lex, tok, code);
	return FL_OK;
}

/* 12, 1.5, .5, 1e3, 1.5E-7 */
static enum fl_code
lex_number(struct lexer *lex)
{
	struct fl_token *tok = begin_token(lex);

	while (is_digit((unsigned char)peek(lex, 0)))
		advance(lex);
	if (peek(lex, 0) == '.') {
		advance(lex);
		while (is_digit((unsigned char)peek(lex, 0)))
			advance(lex);
	}
	if (peek(lex, 0) == 'e' || peek(lex, 0) == 'E') {
		size_t sign = peek(lex, 1) == '+' || peek(lex, 1) == '-' ? 1 : 0;

		if (is_digit((unsigned char)peek(lex, 1 + sign))) {
			advance(lex);
			if (sign)
				advance(lex);
			while (is_digit((unsigned char)peek(lex, 0)))
				advance(lex);
		}
	}
	if (lex->p < lex->end && is_name_start((unsigned char)*lex->p))
		return fl_source_fail(lex->src, FL_E_SQL_SYNTAX, tok->line, tok->col, NULL,
		    "a number runs into a word here; a name that begins with a digit needs back-ticks");
	end_token(lex, tok, TK_NUMBER);
	return FL_OK;
}

static enum fl_code
skip_comment(struct lexer *lex)
{
	uint32_t line = lex->line, col = lex->col;

	if (peek(lex, 2) == '+')
		return fl_source_fail(lex->src, FL_E_SQL_UNSUPPORTED, line, col,
		    "write options into WITH (...) and settings as SET",
		    "a hint is not supported");
	advance(lex);
	advance(lex);
	while (!(peek(lex, 0) == '*' && peek(lex, 1) == '/')) {
		if (lex->p == lex->end)
			return fl_source_fail(lex->src, FL_E_SQL_SYNTAX, line, col, NULL,
			    "the comment that begins here has no end");
		advance(lex);
	}
	advance(lex);
	advance(lex);
	return FL_OK;
}

static const struct {
	const char *sign;
	int code;
} SIGNS[] = { /* longer ones before their beginnings */
	{ "<>", TK_NE }, { "<=", TK_LE }, { ">=", TK_GE }, { "||", TK_CONCAT },
	{ "=>", TK_ARROW }, { "<", TK_LT }, { ">", TK_GT }, { "=", TK_EQ }, { "+", TK_PLUS },
	{ "-", TK_MINUS }, { "*", TK_STAR }, { "/", TK_SLASH }, { "%", TK_PERCENT },
	{ "(", TK_LP }, { ")", TK_RP }, { "[", TK_LBRACKET }, { "]", TK_RBRACKET },
	{ ",", TK_COMMA }, { ".", TK_DOT }, { ";", TK_SEMI }, { "&", TK_BAD },
};

static enum fl_code
lex_sign(struct lexer *lex)
{
	struct fl_token *tok;
	char shown[8];
	size_t n;
	size_t i;

	if (peek(lex, 0) == '!' && peek(lex, 1) == '=')
		return fl_source_fail(lex->src, FL_E_SQL_SYNTAX, lex->line, lex->col,
		    "write <>", "Bang equal '!=' is not allowed under the current SQL "
		    "conformance level");
	if (peek(lex, 0) == '"')
		return fl_source_fail(lex->src, FL_E_SQL_SYNTAX, lex->line, lex->col,
		    "names stand in back-ticks (`name`), strings in single quotes ('text')",
		    "double quotes are not used in Flink SQL");
	for (i = 0; i < FL_ARRAY_COUNT(SIGNS); i++) {
		size_t len = strlen(SIGNS[i].sign);

		if ((size_t)(lex->end - lex->p) < len || memcmp(lex->p, SIGNS[i].sign, len) != 0)
			continue;
		tok = begin_token(lex);
		while (len-- > 0)
			advance(lex);
		end_token(lex, tok, SIGNS[i].code);
		return FL_OK;
	}
	n = fl_utf8_size(lex->p, (size_t)(lex->end - lex->p));
	memcpy(shown, lex->p, n);
	shown[n] = '\0';
	if ((unsigned char)shown[0] < 0x20 || shown[0] == 0x7f)
		(void)snprintf(shown, sizeof(shown), "\\x%02x", (unsigned char)lex->p[0]);
	return fl_source_fail(lex->src, FL_E_SQL_SYNTAX, lex->line, lex->col, NULL,
	    "the character %s has no meaning here", shown);
}

enum fl_code
fl_lex(struct fl_source *src, struct fl_token **tokens, uint32_t *count)
{
	struct lexer lex = { .src = src, .p = src->text, .end = src->text + src->size,
		.line = 1, .col = 1 };
	struct fl_token *tok;

	/* Editors of another system put a byte order mark in front. */
	if (src->size >= 3 && memcmp(src->text, "\xef\xbb\xbf", 3) == 0) {
		src->text += 3;
		src->size -= 3;
		lex.p = src->text;
	}
	FL_TRY(check_text(src));
	while (lex.p < lex.end) {
		unsigned char c = (unsigned char)*lex.p;

		if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f') {
			advance(&lex);
		} else if (c == '-' && peek(&lex, 1) == '-') {
			while (lex.p < lex.end && *lex.p != '\n')
				advance(&lex);
		} else if (c == '/' && peek(&lex, 1) == '*') {
			FL_TRY(skip_comment(&lex));
		} else if (is_name_start(c)) {
			FL_TRY(lex_word(&lex));
		} else if (is_digit(c) || (c == '.' && is_digit((unsigned char)peek(&lex, 1)))) {
			FL_TRY(lex_number(&lex));
		} else if (c == '\'') {
			FL_TRY(lex_quoted(&lex, '\'', TK_STRING));
		} else if (c == '`') {
			FL_TRY(lex_quoted(&lex, '`', TK_ID));
		} else {
			FL_TRY(lex_sign(&lex));
		}
	}
	tok = begin_token(&lex);
	end_token(&lex, tok, 0);
	*tokens = lex.tokens;
	*count = lex.count;
	return FL_OK;
}
