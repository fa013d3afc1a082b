/* SPDX-License-Identifier: Apache-2.0 */
/* routes.c - what is answered: a function for each row of tbl/routes.h. */
#include <string.h>

#include "shm/exposition.h"
#include "site.h"

#define TURN_OLD_US 10000000 /* of the program's loop, which turns ten times a second */

static void
route_metrics(void *ctx, const struct http_request *request, struct http_answer *answer)
{
	const struct look *look = look_get(ctx);

	(void)request;
	(void)fl_exposition_print(
	    look->site->instance, &look->view, look->ends, NULL, false, &answer->body);
}

static void
route_livez(void *ctx, const struct http_request *request, struct http_answer *answer)
{
	const struct serve *serve = ctx;
	int64_t turn_us = __atomic_load_n(&serve->turn_us, __ATOMIC_RELAXED);
	bool is_live = fl_monotonic_us() - turn_us < TURN_OLD_US;

	(void)request;
	answer->status = is_live ? 200 : 503;
	fl_buf_printf(&answer->body, "{\"live\":%s}\n", is_live ? "true" : "false");
}

static void
route_readyz(void *ctx, const struct http_request *request, struct http_answer *answer)
{
	struct serve *serve = ctx;
	struct fl_buf checks;
	bool is_ready;

	fl_buf_init(&checks);
	is_ready = ready_check(serve, look_get(serve), request->is_verbose, &checks);
	answer->status = is_ready ? 200 : 503;
	fl_buf_printf(&answer->body, "{\"ready\":%s,\"checks\":[", is_ready ? "true" : "false");
	fl_buf_add(&answer->body, checks.data, checks.size);
	fl_buf_str(&answer->body, "]}\n");
	fl_buf_fini(&checks);
}

static void
route_state(void *ctx, const struct http_request *request, struct http_answer *answer)
{
	(void)request;
	state_print(ctx, look_get(ctx), &answer->body);
}

static void
route_html(void *ctx, const struct http_request *request, struct http_answer *answer)
{
	(void)ctx;
	(void)request;
	html_print(&answer->body);
}

static void
route_css(void *ctx, const struct http_request *request, struct http_answer *answer)
{
	(void)ctx;
	(void)request;
	css_print(&answer->body);
}

static void
route_js(void *ctx, const struct http_request *request, struct http_answer *answer)
{
	(void)ctx;
	(void)request;
	js_print(&answer->body);
}

static void
route_query(void *ctx, const struct http_request *request, struct http_answer *answer)
{
	struct serve *serve = ctx;
	struct site *site = site_get(serve);

	ask(site, request, answer);
	site_put(serve, site);
}

/* It was there when the request came. */
static void
route_published(void *ctx, const struct http_request *request, struct http_answer *answer)
{
	struct serve *serve = ctx;
	struct site *site = site_get(serve);
	struct published *published = published_find(site, request->path);
	struct fl_err err = {0};
	enum fl_code code;

	if (published == NULL) {
		http_fail(answer, 404, "nothing is published at \"%.200s\" any more", request->path);
	} else {
		code = published_answer(published, serve->bells, &answer->body, &err);
		if (code != FL_OK)
			http_fail_code(answer, ask_status(code), &err, NULL);
	}
	site_put(serve, site);
}

/* clang-format off */
enum { GET = HTTP_GET, POST = HTTP_POST };
static const struct http_route rows[] = {
#define NOW HTTP_NOW
#define READ HTTP_READ
#define QUERY HTTP_QUERY
#define FL_ROUTE(path, name, methods, where, type, help) \
	{ path, methods, where, type, route_##name },
#include "tbl/routes.h"
#undef FL_ROUTE
#undef NOW
#undef READ
#undef QUERY
};
static const struct http_route published_row =
	{ "", GET | POST, HTTP_READ, "application/json", route_published };
/* clang-format on */

const struct http_route *
routes_find(void *ctx, const char *path)
{
	struct serve *serve = ctx;
	struct site *site;
	bool is_published;

	for (uint32_t i = 0; i < FL_ARRAY_COUNT(rows); i++)
		if (strcmp(rows[i].path, path) == 0)
			return &rows[i];
	site = site_get(serve);
	is_published = published_find(site, path) != NULL;
	site_put(serve, site);
	return is_published ? &published_row : NULL;
}
