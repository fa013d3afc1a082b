/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generate_orders.c - the history of customers and their orders, as events.
 *
 *	customer_registered
 *	product_ordered ──▶ order_accepted ──▶ order_fulfilled
 *	      │                   └──────────▶ order_cancelled
 *	      ├──▶ order_declined
 *	      └──▶ order_cancelled [ ──▶ order_accepted ]
 *
 * Orders that are open wait in a table of fixed size; who they are is computed from
 * their number.  Of 100 orders three are accepted after their close, in arrival and by
 * their stamps.  A close is stamped a second at least behind its order, whatever the
 * disorder: ages are positive.  Therefore late ones are registrations and orders only.
 *
 * --again SHARE: an event of late comes once more, byte for byte.
 * --stray SHARE: half of them events of an order that nobody ordered, half orders of a
 * customer that never registered.
 */
#include <inttypes.h>
#include <time.h>

#include "base/util.h"
#include "flightctl/generate.h"

#define OPEN_MAX 512
/* The more are open, the likelier one goes on: about so many are open after a while. */
#define OPEN_USUAL 200
#define RECENT_MAX 16
#define EVENT_SIZE 640

enum { KIND_EVENT = 10, KIND_CUSTOMER, KIND_ORDER, KIND_NOBODY };
enum state { STATE_CREATED, STATE_ACCEPTED, STATE_CLOSED_EARLY };

struct open_order {
	uint64_t number;
	int64_t ready_ms; /* what comes next is stamped behind its creation from then on */
	enum state state;
};

struct orders {
	uint64_t event_count, customer_count, order_count, nobody_count;
	uint32_t open_count, recent_count;
	struct open_order open[OPEN_MAX];
	char recent[RECENT_MAX][EVENT_SIZE];
};

struct event {
	char id[48], aggregate[48], time[48]; /* JSON values; "": the key is left out */
	const char *type;
	char data[256];
};

static const char *const products[] = {"car", "bike", "tee \"12\\\"\"", "L'Oréal", "smörgås",
    "shepherd's pie", "寿司", "chaise longue"};

static void
set_uuid(const struct generate *g, uint64_t kind, uint64_t k, char value[48])
{
	char text[37];

	generate_uuid(g, kind, k, text);
	snprintf(value, 48, "\"%s\"", text);
}

/* Any offset from -12:00 to +14:00 in quarters of an hour; the instant is the same. */
static void
set_time(struct generate *g, int64_t at_ms, char value[48])
{
	int minutes = 15 * ((int)generate_below(g, 105) - 48), away = minutes < 0 ? -minutes : minutes;
	int64_t at_s = (at_ms - (at_ms % 1000 + 1000) % 1000) / 1000;
	time_t local = (time_t)(at_s + minutes * 60);
	char text[32];
	struct tm tm;

	gmtime_r(&local, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	snprintf(value, 48, "\"%s %c%02d%02d\"", text, minutes < 0 ? '-' : '+', away / 60, away % 60);
}

static int64_t
draw_stamp(struct generate *g, bool is_late)
{
	int64_t at = generate_due_ms(g);

	at -= (int64_t)generate_below(g, (uint64_t)g->options->disorder_s * 1000 + 1);
	return is_late ? at - 60000 - (int64_t)generate_below(g, 3540000) : at;
}

static void
make_customer(struct generate *g, struct orders *o, struct event *event)
{
	static const char *const first[] = {"Zoë", "Søren", "Ирина", "Mary-Jane", "José", "Anaïs", "李"};
	static const char *const last[] = {"O'Neill", "D'Angelo", "Łukasiewicz", "Müller", "Smith", "伟"};

	set_uuid(g, KIND_CUSTOMER, o->customer_count++, event->aggregate);
	event->type = "customer_registered";
	snprintf(event->data, sizeof(event->data),
	    "{\"name\":\"%s %s\",\"birthdate\":\"%d-%02d-%02d\"}",
	    first[generate_below(g, FL_ARRAY_COUNT(first))], last[generate_below(g, FL_ARRAY_COUNT(last))],
	    1940 + (int)generate_below(g, 65), 1 + (int)generate_below(g, 12),
	    1 + (int)generate_below(g, 28));
}

static void
set_product(struct generate *g, struct event *event, uint64_t kind, uint64_t customer)
{
	const char *product = products[generate_below(g, FL_ARRAY_COUNT(products))];
	char id[48];
	struct fl_buf name;

	set_uuid(g, kind, customer, id);
	fl_buf_init(&name);
	fl_buf_json(&name, product, strlen(product));
	event->type = "product_ordered";
	snprintf(event->data, sizeof(event->data), "{\"customer_id\":%s,\"name\":%s}", id, name.data);
	fl_buf_fini(&name);
}

static void
make_order(struct generate *g, struct orders *o, struct event *event)
{
	struct open_order *open = &o->open[o->open_count++];

	*open = (struct open_order){.number = o->order_count++};
	open->ready_ms = generate_due_ms(g) + g->options->disorder_s * 1000 + 1000;
	set_uuid(g, KIND_ORDER, open->number, event->aggregate);
	set_product(g, event, KIND_CUSTOMER, generate_below(g, o->customer_count));
}

/* What comes next for an order; *ends: nothing after it. */
static const char *
move_on(struct generate *g, struct open_order *open, bool *ends)
{
	uint64_t chance = generate_below(g, 100);

	*ends = true;
	if (open->state == STATE_CLOSED_EARLY)
		return "order_accepted";
	if (open->state == STATE_ACCEPTED)
		return chance < 80 ? "order_fulfilled" : "order_cancelled";
	if (chance < 10)
		return "order_declined";
	if (chance < 27)
		return "order_cancelled";
	*ends = false;
	open->state = chance < 30 ? STATE_CLOSED_EARLY : STATE_ACCEPTED;
	return chance < 30 ? "order_cancelled" : "order_accepted";
}

/* False: the one that was drawn is not ready. */
static bool
make_next(struct generate *g, struct orders *o, struct event *event)
{
	struct open_order *open = &o->open[generate_below(g, o->open_count)];
	bool ends;

	if (o->open_count == 0 || open->ready_ms > generate_due_ms(g))
		return false;
	set_uuid(g, KIND_ORDER, open->number, event->aggregate);
	event->type = move_on(g, open, &ends);
	snprintf(event->data, sizeof(event->data), "{}");
	if (ends)
		*open = o->open[--o->open_count];
	return true;
}

static void
make_event(struct generate *g, struct orders *o, struct event *event)
{
	bool is_late = generate_is(g, g->options->late_share);

	set_time(g, draw_stamp(g, is_late), event->time);
	if (!is_late && generate_below(g, 100) < 60 && generate_below(g, OPEN_USUAL) < o->open_count &&
	    make_next(g, o, event))
		return;
	if (o->customer_count == 0 || o->open_count == OPEN_MAX || generate_below(g, 3) == 0)
		make_customer(g, o, event);
	else
		make_order(g, o, event);
}

static void
make_stray(struct generate *g, struct orders *o, struct event *event)
{
	static const char *const types[] = {
	    "order_accepted", "order_declined", "order_fulfilled", "order_cancelled"};

	set_time(g, draw_stamp(g, false), event->time);
	set_uuid(g, KIND_NOBODY, o->nobody_count++, event->aggregate);
	if (generate_below(g, 2) == 0) {
		set_product(g, event, KIND_NOBODY, o->nobody_count++);
		return;
	}
	event->type = types[generate_below(g, FL_ARRAY_COUNT(types))];
	snprintf(event->data, sizeof(event->data), "{}");
}

static void
print_event(const struct event *event, struct fl_buf *line)
{
	const struct {
		const char *key, *value;
	} parts[] = {{"id", event->id}, {"aggregate_id", event->aggregate}, {"type", event->type},
	    {"timestamp", event->time}, {"data", event->data}};

	fl_buf_byte(line, '{');
	for (uint32_t i = 0, n = 0; i < FL_ARRAY_COUNT(parts); i++) {
		const char *quote = i == 2 ? "\"" : "";

		if (parts[i].value[0] != '\0')
			fl_buf_printf(line, "%s\"%s\":%s%s%s", n++ > 0 ? "," : "", parts[i].key, quote,
			    parts[i].value, quote);
	}
	fl_buf_byte(line, '}');
}

/* One value that breaks a rule of its key. */
static void
spoil_value(struct generate *g, struct event *event)
{
	static const char *const ids[] = {"", "42", "\"42\"", "null", "\"d9f1b2c4-0000-4000-8000-00000000000g\""};
	static const char *const times[] = {"", "1564647535", "\"2019-08-01 10:18:55\"",
	    "\"2019-13-01 10:18:55 +0200\"", "\"2019-08-01 10:61:55 +0200\"", "\"yesterday\"", "null"};
	static const char *const data[] = {"", "null", "[]", "\"car\""};
	uint64_t which = generate_below(g, 5);

	if (which == 0)
		snprintf(event->id, sizeof(event->id), "%s", ids[generate_below(g, FL_ARRAY_COUNT(ids))]);
	else if (which == 1)
		snprintf(event->aggregate, sizeof(event->aggregate), "%s",
		    ids[generate_below(g, FL_ARRAY_COUNT(ids))]);
	else if (which == 2)
		snprintf(event->time, sizeof(event->time), "%s",
		    times[generate_below(g, FL_ARRAY_COUNT(times))]);
	else if (which == 3)
		event->type = generate_below(g, 2) == 0 ? "" : "order_shipped";
	else
		snprintf(event->data, sizeof(event->data), "%s", data[generate_below(g, FL_ARRAY_COUNT(data))]);
}

static void
print_spoilt(struct generate *g, struct orders *o, struct event *event, struct fl_buf *line)
{
	uint64_t kind = generate_below(g, g->options->json_only ? 8 : 10);
	size_t from = line->size;

	make_stray(g, o, event);
	if (kind < 5)
		spoil_value(g, event);
	else if (kind == 5) {
		event->type = "product_ordered";
		snprintf(event->data, sizeof(event->data), "{\"name\":\"car\"}");
	} else if (kind == 6) {
		event->type = "customer_registered";
		snprintf(event->data, sizeof(event->data), "{\"birthdate\":\"1970-01-01\"}");
	}
	if (kind == 7)
		fl_buf_printf(line, "[%s,%s]", event->id, event->time);
	else
		print_event(event, line);
	if (kind >= 8)
		generate_cut(line, from);
}

void
generate_orders(struct generate *g, struct fl_buf *line)
{
	struct orders *o = g->own != NULL ? g->own : (g->own = fl_calloc(1, sizeof(*o)));
	const struct generate_options *options = g->options;
	struct event event = {.type = ""};
	size_t from = line->size;

	if (!g->is_bad && o->recent_count > 0 && generate_is(g, options->again_share)) {
		fl_buf_str(line, o->recent[generate_below(g, FL_MIN(o->recent_count, RECENT_MAX))]);
		return;
	}
	set_uuid(g, KIND_EVENT, o->event_count++, event.id);
	if (g->is_bad) {
		print_spoilt(g, o, &event, line);
		return;
	}
	if (generate_is(g, options->stray_share))
		make_stray(g, o, &event);
	else
		make_event(g, o, &event);
	print_event(&event, line);
	snprintf(o->recent[o->recent_count++ % RECENT_MAX], EVENT_SIZE, "%s", line->data + from);
}
