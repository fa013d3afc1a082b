/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pattern.c - a regular expression to a table of bytes.
 *
 *	text -> tree -> NFA over bytes (UTF-8) -> DFA -> next[state][class of byte]
 *
 * The NFA is emitted backwards: each part is given what comes after it, so nothing is
 * patched but loops.  Characters become sequences of byte ranges (Russ Cox, "Regular
 * Expression Matching in the Wild").  A search is the loop over any byte in front.  A DFA
 * can be exponentially larger than its text: states, instructions and the work of making
 * it are limited, and a pattern beyond that is refused when the schema is read.
 */
#include "pattern.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

#define SIZE_MAX_TEXT 4096u /* bytes of the text */
#define DEPTH_MAX 64u	  /* of groups */
#define REPEAT_MAX 1000u  /* {n} */
#define CODE_MAX 16384u	  /* instructions of the NFA */
#define STATES_MAX 4096u  /* of the DFA */
#define WORK_MAX 20000000u /* instructions looked at while it is made */
#define INFINITE UINT32_MAX
#define RANGES_MAX 256u	  /* of one class */

enum { DEAD, FOUND, START }; /* the first states */

enum kind { K_EMPTY, K_SET, K_CAT, K_ALT, K_REPEAT, K_BEGIN, K_END };

struct range {
	uint32_t low, high;
};

struct tree {
	enum kind kind;
	struct tree *a, *b; /* CAT, ALT: two; REPEAT: one */
	uint32_t min, max, count;
	struct range *ranges; /* SET: in order, apart */
};

enum op { OP_BYTE, OP_SPLIT, OP_BEGIN, OP_END, OP_FOUND };

struct code {
	uint8_t op, low, high;
	uint32_t next, other;
};

struct fl_pattern {
	uint8_t class[256];
	uint32_t class_count, state_count;
	uint16_t *next;	   /* [state * class_count + class] */
	bool *ends;	   /* a match if the string ends in this state */
};

struct maker {
	struct fl_arena arena;
	char *why;
	const char *text, *p, *end;
	struct code *code;
	uint32_t code_count, work;
	/* States: their instructions, one after the other. */
	uint32_t *items, item_count, item_capacity;
	uint32_t *starts; /* [state] .. [state + 1] in items */
	uint32_t *marks, mark; /* which instructions are in the set that is being made */
	uint32_t *stack;
	uint16_t *slots;  /* open addressing: state */
	struct fl_pattern *pattern;
};

static bool
refuse(struct maker *m, const char *why)
{
	size_t n = 1;

	for (const char *p = m->text; p < m->p; p++)
		n += ((uint8_t)*p & 0xc0) != 0x80;
	if (m->why[0] == '\0')
		(void)snprintf(m->why, 120, "character %zu: %s", n, why);
	return false;
}

/* ---- sets of characters ---- */

struct set {
	struct range ranges[RANGES_MAX];
	uint32_t count;
};

static bool
set_add(struct maker *m, struct set *set, uint32_t low, uint32_t high)
{
	if (set->count == RANGES_MAX)
		return refuse(m, "the class has too many ranges");
	set->ranges[set->count++] = (struct range){ low, high };
	return true;
}

static int
compare_ranges(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->low < y->low ? -1 : x->low > y->low;
}

static void
set_tidy(struct set *set)
{
	uint32_t n = 0;

	qsort(set->ranges, set->count, sizeof(set->ranges[0]), compare_ranges);
	for (uint32_t i = 0; i < set->count; i++) {
		if (n > 0 && set->ranges[i].low <= set->ranges[n - 1].high + 1) {
			if (set->ranges[i].high > set->ranges[n - 1].high)
				set->ranges[n - 1].high = set->ranges[i].high;
		} else {
			set->ranges[n++] = set->ranges[i];
		}
	}
	set->count = n;
}

/* Adds all that in does not hold. */
static bool
set_add_others(struct maker *m, struct set *set, struct set *in)
{
	uint32_t from = 0;

	set_tidy(in);
	for (uint32_t i = 0; i < in->count; i++) {
		if (in->ranges[i].low > from && !set_add(m, set, from, in->ranges[i].low - 1))
			return false;
		from = in->ranges[i].high + 1;
	}
	return from > 0x10ffff || set_add(m, set, from, 0x10ffff);
}

/* \d \w \s and, in capitals, their opposites. */
static bool
set_add_named(struct maker *m, struct set *set, char name)
{
	static const struct range digits[] = { { '0', '9' } },
		words[] = { { '0', '9' }, { 'A', 'Z' }, { '_', '_' }, { 'a', 'z' } },
		spaces[] = { { 9, 13 }, { ' ', ' ' }, { 0xa0, 0xa0 }, { 0x1680, 0x1680 },
			{ 0x2000, 0x200a }, { 0x2028, 0x2029 }, { 0x202f, 0x202f }, { 0x205f, 0x205f },
			{ 0x3000, 0x3000 }, { 0xfeff, 0xfeff } },
		lines[] = { { '\n', '\n' }, { '\r', '\r' }, { 0x2028, 0x2029 } };
	const struct range *ranges = digits;
	size_t count = 1;
	struct set in = { .count = 0 };

	if (name == '.') {
		ranges = lines;
		count = 3;
	} else if ((name | 0x20) == 'w') {
		ranges = words;
		count = 4;
	} else if ((name | 0x20) == 's') {
		ranges = spaces;
		count = 10;
	}
	memcpy(in.ranges, ranges, count * sizeof(in.ranges[0]));
	in.count = (uint32_t)count;
	if (name == '.' || name < 'a')
		return set_add_others(m, set, &in);
	for (size_t i = 0; i < count; i++)
		if (!set_add(m, set, ranges[i].low, ranges[i].high))
			return false;
	return true;
}

static struct tree *
new_tree(struct maker *m, enum kind kind, struct tree *a, struct tree *b)
{
	struct tree *t = FL_ARENA_NEW(&m->arena, struct tree);

	*t = (struct tree){ .kind = kind, .a = a, .b = b };
	return t;
}

static struct tree *
set_tree(struct maker *m, struct set *set)
{
	struct tree *t = new_tree(m, K_SET, NULL, NULL);

	set_tidy(set);
	t->count = set->count;
	t->ranges = fl_arena_dup(&m->arena, set->ranges, set->count * sizeof(set->ranges[0]));
	return t;
}

/* ---- reading ---- */

static struct tree *read_alternatives(struct maker *m, uint32_t depth);

static bool
read_hex(struct maker *m, uint32_t digits, uint32_t *out)
{
	uint32_t v = 0;

	for (uint32_t i = 0; i < digits; i++, m->p++) {
		char c = m->p < m->end ? *m->p : ' ';

		if (c >= '0' && c <= '9')
			v = v << 4 | (uint32_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			v = v << 4 | (uint32_t)((c | 0x20) - 'a' + 10);
		else
			return refuse(m, "expected a hexadecimal digit");
	}
	*out = v;
	return true;
}

/* Behind \u: four digits, two such with a surrogate pair, or {...}. */
static bool
read_unicode(struct maker *m, uint32_t *out)
{
	uint32_t low = 0;
	const char *brace;

	if (m->p < m->end && *m->p == '{') {
		brace = memchr(m->p, '}', (size_t)(m->end - m->p));
		m->p++;
		if (brace == NULL || brace == m->p || brace - m->p > 6)
			return refuse(m, "expected 1 to 6 hexadecimal digits and '}'");
		if (!read_hex(m, (uint32_t)(brace - m->p), out))
			return false;
		m->p++;
	} else {
		if (!read_hex(m, 4, out))
			return false;
		if (*out >= 0xd800 && *out <= 0xdbff && m->end - m->p >= 6 && m->p[0] == '\\' && m->p[1] == 'u') {
			m->p += 2;
			if (!read_hex(m, 4, &low))
				return false;
			if (low < 0xdc00 || low > 0xdfff)
				return refuse(m, "half a surrogate pair");
			*out = 0x10000 + ((*out - 0xd800) << 10) + (low - 0xdc00);
		}
	}
	if (*out > 0x10ffff || (*out >= 0xd800 && *out <= 0xdfff))
		return refuse(m, "there is no such character");
	return true;
}

/* Behind a backslash.  *named: one of dDwWsS, else a character. */
static bool
read_escape(struct maker *m, bool in_class, char *named, uint32_t *out)
{
	static const char from[] = "tnvfr", to[] = "\t\n\v\f\r";
	const char *simple;
	char c;

	*named = '\0';
	if (m->p == m->end)
		return refuse(m, "a backslash at the end");
	c = *m->p;
	if (strchr("dDwWsS", c) != NULL && c != '\0') {
		*named = c;
		m->p++;
		return true;
	}
	if (in_class && c == 'b') {
		*out = '\b';
		m->p++;
		return true;
	}
	if (c == 'b' || c == 'B')
		return refuse(m, "word boundaries (\\b, \\B) are not supported");
	if (c == 'p' || c == 'P')
		return refuse(m, "properties of characters (\\p) are not supported");
	if ((c >= '1' && c <= '9') || c == 'k')
		return refuse(m, "references to groups are not supported");
	if (c == '0' && !(m->end - m->p >= 2 && m->p[1] >= '0' && m->p[1] <= '9')) {
		*out = 0;
		m->p++;
		return true;
	}
	simple = c != '\0' ? strchr(from, c) : NULL;
	if (simple != NULL) {
		*out = (uint8_t)to[simple - from];
		m->p++;
		return true;
	}
	if (c == 'c' && m->end - m->p >= 2 && (m->p[1] | 0x20) >= 'a' && (m->p[1] | 0x20) <= 'z') {
		*out = (uint8_t)m->p[1] & 31;
		m->p += 2;
		return true;
	}
	if (c == 'x' || c == 'u') {
		m->p++;
		return c == 'x' ? read_hex(m, 2, out) : read_unicode(m, out);
	}
	if ((uint8_t)c < 0x21 || (uint8_t)c > 0x7e || (c >= '0' && c <= '9') ||
	    ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'))
		return refuse(m, "the escape is unknown");
	*out = (uint8_t)c;
	m->p++;
	return true;
}

static uint32_t
read_character(struct maker *m)
{
	size_t n = fl_utf8_size(m->p, (size_t)(m->end - m->p));
	uint32_t c = fl_utf8_get(m->p, n);

	m->p += n;
	return c;
}

/* One character, of a class or by itself; *named as read_escape has it. */
static bool
read_member(struct maker *m, bool in_class, char *named, uint32_t *c)
{
	*named = '\0';
	if (*m->p == '\\') {
		m->p++;
		return read_escape(m, in_class, named, c);
	}
	*c = read_character(m);
	return true;
}

/* Behind the bracket. */
static struct tree *
read_class(struct maker *m)
{
	struct set *set = fl_arena_zalloc(&m->arena, sizeof(*set));
	struct set *others = fl_arena_zalloc(&m->arena, sizeof(*others));
	bool is_negative = m->p < m->end && *m->p == '^', good = true;
	char named, named_too;
	uint32_t low, high;

	m->p += is_negative;
	while (good && m->p < m->end && *m->p != ']') {
		if (!read_member(m, true, &named, &low))
			return NULL;
		if (m->end - m->p >= 2 && m->p[0] == '-' && m->p[1] != ']') {
			m->p++;
			if (!read_member(m, true, &named_too, &high))
				return NULL;
			if (named != '\0' || named_too != '\0' || high < low) {
				(void)refuse(m, "the range of the class has no order");
				return NULL;
			}
			good = set_add(m, set, low, high);
		} else {
			good = named != '\0' ? set_add_named(m, set, named) : set_add(m, set, low, low);
		}
	}
	if (!good)
		return NULL;
	if (m->p == m->end) {
		(void)refuse(m, "a class has no end");
		return NULL;
	}
	m->p++;
	if (!is_negative)
		return set_tree(m, set);
	return set_add_others(m, others, set) ? set_tree(m, others) : NULL;
}

/* Behind the parenthesis. */
static struct tree *
read_group(struct maker *m, uint32_t depth)
{
	struct tree *t;

	if (depth >= DEPTH_MAX) {
		(void)refuse(m, "groups are nested deeper than 64 levels");
		return NULL;
	}
	if (m->p < m->end && *m->p == '?') {
		const char *name = m->p + 2;

		if (m->end - m->p >= 2 && m->p[1] == ':') {
			m->p += 2;
		} else if (m->end - m->p >= 3 && m->p[1] == '<' && *name != '=' && *name != '!' &&
		    (name = memchr(m->p, '>', (size_t)(m->end - m->p))) != NULL) {
			m->p = name + 1;
		} else {
			(void)refuse(m, "look-ahead, look-behind and flags are not supported");
			return NULL;
		}
	}
	t = read_alternatives(m, depth + 1);
	if (t == NULL)
		return NULL;
	if (m->p == m->end) {
		(void)refuse(m, "a group has no end");
		return NULL;
	}
	m->p++;
	return t;
}

static struct tree *
read_atom(struct maker *m, uint32_t depth)
{
	struct set set = { .count = 0 };
	char c = *m->p, named;
	uint32_t value;

	if (c == '(') {
		m->p++;
		return read_group(m, depth);
	}
	if (c == '[') {
		m->p++;
		return read_class(m);
	}
	if (c == '^' || c == '$') {
		m->p++;
		return new_tree(m, c == '^' ? K_BEGIN : K_END, NULL, NULL);
	}
	if (c == '*' || c == '+' || c == '?' || c == '{') {
		(void)refuse(m, c == '{' ? "nothing to repeat; for the character write \\{" : "nothing to repeat");
		return NULL;
	}
	if (c == '.') {
		m->p++;
		return set_add_named(m, &set, '.') ? set_tree(m, &set) : NULL;
	}
	if (!read_member(m, false, &named, &value))
		return NULL;
	if (!(named != '\0' ? set_add_named(m, &set, named) : set_add(m, &set, value, value)))
		return NULL;
	return set_tree(m, &set);
}

static bool
read_count(struct maker *m, uint32_t *out)
{
	const char *start = m->p;

	for (*out = 0; m->p < m->end && *m->p >= '0' && *m->p <= '9'; m->p++) {
		*out = *out * 10 + (uint32_t)(*m->p - '0');
		if (*out > REPEAT_MAX)
			return refuse(m, "repeated more than 1000 times");
	}
	return m->p != start || refuse(m, "expected a number of repetitions; for the character write \\{");
}

static bool
read_quantifier(struct maker *m, uint32_t *min, uint32_t *max)
{
	char c = *m->p++;

	*min = c == '+';
	*max = c == '?' ? 1 : INFINITE;
	if (c == '{') {
		if (!read_count(m, min))
			return false;
		*max = *min;
		if (m->p < m->end && *m->p == ',') {
			m->p++;
			*max = INFINITE;
			if (m->p < m->end && *m->p != '}' && !read_count(m, max))
				return false;
		}
		if (m->p == m->end || *m->p != '}')
			return refuse(m, "expected '}'");
		m->p++;
		if (*max < *min)
			return refuse(m, "the numbers of repetitions have no order");
	}
	/* Whether there is a match does not depend on who is lazy. */
	if (m->p < m->end && *m->p == '?')
		m->p++;
	return true;
}

static struct tree *
read_term(struct maker *m, uint32_t depth)
{
	static const char quantifiers[] = { '*', '+', '?', '{' };
	struct tree *atom = read_atom(m, depth), *t;

	if (atom == NULL || m->p == m->end || memchr(quantifiers, *m->p, sizeof(quantifiers)) == NULL)
		return atom;
	if (atom->kind == K_BEGIN || atom->kind == K_END) {
		(void)refuse(m, "nothing to repeat");
		return NULL;
	}
	t = new_tree(m, K_REPEAT, atom, NULL);
	return read_quantifier(m, &t->min, &t->max) ? t : NULL;
}

/* Up to the end or a closing parenthesis. */
static struct tree *
read_alternatives(struct maker *m, uint32_t depth)
{
	struct tree *all = NULL, *run = new_tree(m, K_EMPTY, NULL, NULL), *term;

	for (;;) {
		if (m->p < m->end && *m->p != '|' && *m->p != ')') {
			if ((term = read_term(m, depth)) == NULL)
				return NULL;
			run = run->kind == K_EMPTY ? term : new_tree(m, K_CAT, run, term);
			continue;
		}
		all = all == NULL ? run : new_tree(m, K_ALT, all, run);
		if (m->p == m->end || *m->p == ')')
			break;
		m->p++;
		run = new_tree(m, K_EMPTY, NULL, NULL);
	}
	if (m->p < m->end && depth == 0) {
		(void)refuse(m, "a parenthesis too many");
		return NULL;
	}
	return all;
}

/* ---- the NFA ---- */

static bool
too_large(struct maker *m)
{
	m->p = m->end;
	return refuse(m, "the pattern needs too large an automaton");
}

/* Beyond the limit the last instruction is written again and again; too_large() follows. */
static uint32_t
emit(struct maker *m, enum op op, uint32_t low, uint32_t high, uint32_t next, uint32_t other)
{
	uint32_t i = m->code_count < CODE_MAX ? m->code_count++ : CODE_MAX;

	m->code[i] = (struct code){ (uint8_t)op, (uint8_t)low, (uint8_t)high, next, other };
	return i;
}

static uint32_t
emit_range(struct maker *m, uint32_t low, uint32_t high, uint32_t next, uint32_t other)
{
	static const uint32_t lengths[] = { 0x7f, 0x7ff, 0xd7ff, 0xdfff, 0xffff };
	char a[4], b[4];
	size_t size;

	if (low >= 0xd800 && high <= 0xdfff)
		return other; /* surrogates are in no text */
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		if (low <= lengths[i] && high > lengths[i]) {
			other = emit_range(m, lengths[i] + 1, high, next, other);
			return emit_range(m, low, lengths[i], next, other);
		}
	for (uint32_t i = 1; high > 0x7f && i < 4; i++) {
		uint32_t mask = (1u << (6 * i)) - 1;

		if ((low & ~mask) == (high & ~mask))
			continue;
		if ((low & mask) != 0) {
			other = emit_range(m, (low | mask) + 1, high, next, other);
			return emit_range(m, low, low | mask, next, other);
		}
		if ((high & mask) != mask) {
			other = emit_range(m, high & ~mask, high, next, other);
			return emit_range(m, low, (high & ~mask) - 1, next, other);
		}
	}
	size = fl_utf8_put(a, low);
	(void)fl_utf8_put(b, high);
	while (size-- > 0)
		next = emit(m, OP_BYTE, (uint8_t)a[size], (uint8_t)b[size], next, 0);
	return other == UINT32_MAX ? next : emit(m, OP_SPLIT, 0, 0, next, other);
}

/* What matches t and goes on at next. */
static uint32_t
emit_tree(struct maker *m, const struct tree *t, uint32_t next)
{
	uint32_t at = next, loop;

	if (m->code_count == CODE_MAX)
		return next;
	switch (t->kind) {
	case K_EMPTY:
		break;
	case K_BEGIN:
		return emit(m, OP_BEGIN, 0, 0, next, 0);
	case K_END:
		return emit(m, OP_END, 0, 0, next, 0);
	case K_SET:
		at = UINT32_MAX;
		for (uint32_t i = t->count; i-- > 0;)
			at = emit_range(m, t->ranges[i].low, t->ranges[i].high, next, at);
		/* An empty set: no byte is from 1 to 0. */
		return at != UINT32_MAX ? at : emit(m, OP_BYTE, 1, 0, next, 0);
	case K_CAT:
		return emit_tree(m, t->a, emit_tree(m, t->b, next));
	case K_ALT:
		at = emit_tree(m, t->a, next);
		return emit(m, OP_SPLIT, 0, 0, at, emit_tree(m, t->b, next));
	case K_REPEAT:
		if (t->max == INFINITE) {
			at = emit(m, OP_SPLIT, 0, 0, 0, next);
			loop = emit_tree(m, t->a, at);
			m->code[at].next = loop;
		}
		for (uint32_t i = t->min; t->max != INFINITE && i < t->max && m->code_count < CODE_MAX; i++)
			at = emit(m, OP_SPLIT, 0, 0, emit_tree(m, t->a, at), next);
		for (uint32_t i = 0; i < t->min && m->code_count < CODE_MAX; i++)
			at = emit_tree(m, t->a, at);
		break;
	}
	return at;
}

static bool
is_anchored(const struct tree *t)
{
	return t->kind == K_BEGIN || (t->kind == K_CAT && is_anchored(t->a)) ||
	    (t->kind == K_ALT && is_anchored(t->a) && is_anchored(t->b));
}

/* ---- the DFA ---- */

/* Adds to the set at the end of items what is reached from pc without a byte. */
static void
close_over(struct maker *m, uint32_t pc, bool at_begin, bool at_end)
{
	uint32_t depth = 0;

	m->stack[depth++] = pc;
	while (depth > 0) {
		const struct code *c = &m->code[pc = m->stack[--depth]];

		if (m->marks[pc] == m->mark)
			continue;
		m->marks[pc] = m->mark;
		m->work++;
		if (c->op == OP_SPLIT) {
			m->stack[depth++] = c->other;
			m->stack[depth++] = c->next;
		} else if ((c->op == OP_BEGIN && at_begin) || (c->op == OP_END && at_end)) {
			m->stack[depth++] = c->next;
		} else if (c->op != OP_BEGIN) {
			if (m->item_count == m->item_capacity) {
				m->item_capacity = m->item_capacity * 2 + 256;
				m->items = fl_realloc(m->items, m->item_capacity * sizeof(*m->items));
			}
			m->items[m->item_count++] = pc;
		}
	}
}

static bool
holds(const struct maker *m, uint32_t from, enum op op)
{
	for (uint32_t i = from; i < m->item_count; i++)
		if (m->code[m->items[i]].op == op)
			return true;
	return false;
}

static int
compare_numbers(const void *a, const void *b)
{
	uint32_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x < y ? -1 : x > y;
}

/* Would the set from `from` on be a match if the string ended? */
static bool
ends_well(struct maker *m, uint32_t from, bool at_begin)
{
	uint32_t count = m->item_count;
	bool good;

	if (!holds(m, from, OP_END))
		return false;
	m->mark++;
	for (uint32_t i = from; i < count; i++)
		close_over(m, m->items[i], at_begin, true);
	good = holds(m, count, OP_FOUND);
	m->item_count = count;
	return good;
}

/* The state of the set at the end of items, which it keeps if it is new; STATES_MAX: too many. */
static uint32_t
find_state(struct maker *m, bool is_start)
{
	struct fl_pattern *pattern = m->pattern;
	uint32_t from = m->starts[pattern->state_count], size = m->item_count - from, i, s;
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	if (holds(m, from, OP_FOUND)) {
		m->item_count = from;
		return FOUND;
	}
	if (size == 0)
		return DEAD;
	qsort(m->items + from, size, sizeof(*m->items), compare_numbers);
	for (i = from; i < m->item_count; i++)
		hash = (hash ^ m->items[i]) * UINT64_C(0x100000001b3);
	for (i = (uint32_t)(hash >> 20) & (STATES_MAX * 2 - 1); (s = m->slots[i]) != 0;
	     i = (i + 1) & (STATES_MAX * 2 - 1))
		if (m->starts[s + 1] - m->starts[s] == size &&
		    memcmp(m->items + m->starts[s], m->items + from, size * sizeof(*m->items)) == 0) {
			m->item_count = from;
			return s;
		}
	s = pattern->state_count;
	if (s == STATES_MAX)
		return STATES_MAX;
	/* At the beginning '^' holds: no later state is that one. */
	if (!is_start)
		m->slots[i] = (uint16_t)s;
	pattern->ends[s] = ends_well(m, from, is_start);
	pattern->state_count++;
	m->starts[s + 1] = m->item_count;
	return s;
}

/* Bytes that no instruction tells apart are one class. */
static void
make_classes(struct maker *m)
{
	bool begins[257] = { false };
	uint32_t class = 0;

	for (uint32_t i = 0; i < m->code_count; i++)
		if (m->code[i].op == OP_BYTE)
			begins[m->code[i].low] = begins[m->code[i].high + 1u] = true;
	for (uint32_t b = 0; b < 256; b++) {
		class += b > 0 && begins[b];
		m->pattern->class[b] = (uint8_t)class;
	}
	m->pattern->class_count = class + 1;
}

static uint32_t
step_state(struct maker *m, uint32_t state, uint32_t byte)
{
	uint32_t to = m->starts[state + 1];

	m->mark++;
	for (uint32_t i = m->starts[state]; i < to; i++) {
		const struct code *c = &m->code[m->items[i]];

		m->work++;
		if (c->op == OP_BYTE && byte >= c->low && byte <= c->high)
			close_over(m, c->next, false, false);
	}
	return find_state(m, false);
}

static bool
make_states(struct maker *m, uint32_t start)
{
	struct fl_pattern *pattern = m->pattern;
	uint32_t state;

	pattern->state_count = START;
	m->mark = 1;
	close_over(m, start, true, false);
	/* A pattern that matches nothing at all is found at once. */
	state = find_state(m, true);
	if (state != START) {
		pattern->next = fl_calloc(START + 1, sizeof(*pattern->next) * pattern->class_count);
		for (uint32_t c = 0; c < pattern->class_count; c++)
			pattern->next[START * pattern->class_count + c] = (uint16_t)state;
		pattern->ends[START] = state == FOUND;
		pattern->state_count = START + 1;
		return true;
	}
	pattern->next = fl_calloc(STATES_MAX, sizeof(*pattern->next) * pattern->class_count);
	for (uint32_t s = START; s < pattern->state_count; s++)
		for (uint32_t b = 0; b < 256; b++) {
			if (b > 0 && pattern->class[b] == pattern->class[b - 1])
				continue;
			state = step_state(m, s, b);
			if (state == STATES_MAX || m->work > WORK_MAX)
				return too_large(m);
			pattern->next[s * pattern->class_count + pattern->class[b]] = (uint16_t)state;
		}
	return true;
}

static bool
make(struct maker *m)
{
	struct tree *tree;
	uint32_t start, loop;

	if ((size_t)(m->end - m->text) > SIZE_MAX_TEXT)
		return refuse(m, "the pattern is longer than 4096 bytes");
	tree = read_alternatives(m, 0);
	if (tree == NULL)
		return false;
	m->code = fl_arena_zalloc(&m->arena, (CODE_MAX + 1) * sizeof(*m->code));
	start = emit_tree(m, tree, emit(m, OP_FOUND, 0, 0, 0, 0));
	if (!is_anchored(tree)) {
		loop = emit(m, OP_SPLIT, 0, 0, start, 0);
		m->code[loop].other = emit(m, OP_BYTE, 0, 255, loop, 0);
		start = loop;
	}
	if (m->code_count == CODE_MAX)
		return too_large(m);
	m->marks = fl_arena_zalloc(&m->arena, m->code_count * sizeof(*m->marks));
	m->stack = fl_arena_zalloc(&m->arena, (m->code_count * 2 + 2) * sizeof(*m->stack));
	m->starts = fl_arena_zalloc(&m->arena, (STATES_MAX + 2) * sizeof(*m->starts));
	m->slots = fl_arena_zalloc(&m->arena, STATES_MAX * 2 * sizeof(*m->slots));
	m->pattern->ends = fl_calloc(STATES_MAX, sizeof(*m->pattern->ends));
	make_classes(m);
	return make_states(m, start);
}

struct fl_pattern *
fl_pattern_new(const char *text, size_t size, char why[120])
{
	struct maker m = { .why = why, .text = text, .p = text, .end = text + size };

	why[0] = '\0';
	fl_arena_init(&m.arena);
	m.pattern = fl_calloc(1, sizeof(*m.pattern));
	if (!make(&m)) {
		fl_pattern_free(&m.pattern);
	} else {
		struct fl_pattern *p = m.pattern;

		p->next = fl_realloc(p->next, sizeof(*p->next) * p->class_count * p->state_count);
		p->ends = fl_realloc(p->ends, sizeof(*p->ends) * p->state_count);
	}
	free(m.items);
	fl_arena_fini(&m.arena);
	return m.pattern;
}

void
fl_pattern_free(struct fl_pattern **pattern)
{
	if (*pattern == NULL)
		return;
	free((*pattern)->next);
	free((*pattern)->ends);
	free(*pattern);
	*pattern = NULL;
}

bool
fl_pattern_match(const struct fl_pattern *pattern, const uint8_t *p, size_t size)
{
	const uint8_t *end = p + size;
	uint32_t state = START;

	for (; p < end && state > FOUND; p++)
		state = pattern->next[state * pattern->class_count + pattern->class[*p]];
	return state == FOUND || pattern->ends[state];
}
