/* SPDX-License-Identifier: Apache-2.0 */
/*
 * site.h - what serve shows now: the pipelines as the catalog has them, and the cursors.
 *
 *	site	a loaded instance; replaced when the catalog changes, kept by who uses it
 *	look	the cursors of one moment, and the ends that brokers told; of the READ thread
 */
#ifndef FL_SERVE_SITE_H
#define FL_SERVE_SITE_H

#include <pthread.h>

#include "http.h"
#include "inspect/inspect.h"
#include "serve/serve.h"
#include "shm/life.h"
#include "shm/view.h"

struct ends; /* asks brokers where partitions end (ends.c) */

struct published; /* a path that a pipeline asked for (publish.c) */

struct site {
	struct fl_instance *instance;
	uint32_t users; /* under serve->lock */
	struct published *published;
	uint32_t published_count;
	struct inspect *asked; /* of the QUERY thread */
};

struct look {
	struct site *site;
	struct fl_view view;
	int64_t *ends; /* per partition of the view; -1: not known */
	int64_t at_us;
};

/* How long a pipeline has had steps to fold and folds none. */
struct progress {
	char *pipeline;
	uint64_t r;
	int64_t since_us; /* 0: it is not behind */
};

struct serve {
	char *dir;
	int lock_fd;
	pthread_mutex_t lock;	   /* site, problem */
	struct site *site;	   /* the newest */
	char problem[FL_ERR_TEXT_SIZE]; /* why the catalog as it is now cannot be shown; or "" */
	int64_t looked_us;	   /* for a change of the catalog */
	int64_t turn_us;	   /* atomic: last turn of the program's loop */
	struct http *http;
	struct fl_metrics *metrics;
	struct fl_bells *bells;
	struct ends *ends;
	/* Of the READ thread: */
	struct look look;
	struct progress *progress;
	uint32_t progress_count;
};

/* With the limits of time and memory that statements of clients have. */
enum fl_code site_inspect(
    const struct fl_instance *instance, struct inspect **inspect, struct fl_err *err);
struct site *site_get(struct serve *serve);
void site_put(struct serve *serve, struct site *site);

/* The cursors, at most LOOK_OLD_MS old; good until the next call.  READ thread. */
#define LOOK_OLD_MS 200
const struct look *look_get(struct serve *serve);
void look_fini(struct serve *serve);

/* ---- ends.c ---- */
enum fl_code ends_open(struct serve *serve, struct ends **ends, struct fl_err *err);
void ends_close(struct ends **ends);
/* What is known of the look's partitions goes into look->ends; what is not is asked from
 * now on, for as long as somebody comes back. */
void ends_fill(struct ends *ends, struct look *look);

/* ---- publish.c ---- */
void published_open(struct site *site);
void published_close(struct site *site);
/* NULL: nothing is published there. */
struct published *published_find(const struct site *site, const char *path);
/* The rows as a JSON array.  READ thread. */
enum fl_code published_answer(struct published *published, const struct fl_bells *bells,
    struct fl_buf *out, struct fl_err *err);

/* ---- ask.c ---- */
void ask(struct site *site, const struct http_request *request, struct http_answer *answer);
void ask_close(struct site *site);
unsigned ask_status(enum fl_code code); /* of HTTP */

/* ---- state.c, pages.c ---- */
void state_print(struct serve *serve, const struct look *look, struct fl_buf *out);
void html_print(struct fl_buf *out);
void css_print(struct fl_buf *out);
void js_print(struct fl_buf *out);

/* ---- routes.c ---- */
const struct http_route *routes_find(void *ctx, const char *path);

/* ---- ready.c ---- */
/* True: the instance does its work.  checks: the fields of a JSON array. */
bool ready_check(struct serve *serve, const struct look *look, bool all, struct fl_buf *checks);
void ready_fini(struct serve *serve);

#endif
