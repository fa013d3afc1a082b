/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http.h - HTTP/1.1 for a few clients, with a limit on everything.
 *
 * One thread reads from and writes to clients (libmicrohttpd, epoll) and never waits for
 * anything else: what takes time is done by a worker thread while the connection rests.  An
 * answer is complete in memory before its first byte is sent.
 *
 * Thread:  route functions run in the thread that their row names; the others in the
 *	    caller's.
 */
#ifndef FL_SERVE_HTTP_H
#define FL_SERVE_HTTP_H

#include "base/util.h"

enum http_method { HTTP_OTHER = 0, HTTP_GET = 1, HTTP_POST = 2 }; /* HEAD is GET */
enum http_where { HTTP_NOW, HTTP_READ, HTTP_QUERY, HTTP_WHERE_COUNT };

#define HTTP_CONNECTIONS_MAX 256u
#define HTTP_PER_ADDRESS_MAX 16u
#define HTTP_BODY_MAX 65536u
#define HTTP_WAITING_MAX 64u /* requests that wait for a worker */
#define HTTP_IDLE_MS 15000   /* until the request line is there */
#define HTTP_HEAD_MS 5000    /* from then until the head is there */
#define HTTP_BODY_MS 10000
#define HTTP_WRITE_MS 10000

struct http_request {
	const char *path;
	enum http_method method;
	bool is_verbose; /* ?verbose */
	bool is_json;	 /* Content-Type: application/json */
	struct fl_buf body;
};

struct http_answer {
	unsigned status;      /* 200 unless the route says otherwise */
	const char *type;     /* of the route's row, unless the route says otherwise */
	struct fl_buf body;
};
/* Makes it an error: {"status":...,"error":"..."}. */
void http_fail(struct http_answer *answer, unsigned status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* With the code, and a detail of several lines; or NULL. */
void http_fail_code(struct http_answer *answer, unsigned status, const struct fl_err *err,
    const char *detail);

struct http_route {
	const char *path;
	unsigned methods; /* of enum http_method */
	enum http_where where;
	const char *type;
	void (*answer)(void *ctx, const struct http_request *request, struct http_answer *answer);
};

struct http;
struct http_options {
	const char *address; /* to listen at */
	uint16_t port;
	const char *hosts; /* names that clients may call us by, with commas */
	const struct http_route *(*find)(void *ctx, const char *path); /* NULL: nothing there */
	void *ctx;
};
/* Errors: ADDRESS_IN_USE, BAD_CONFIG. */
enum fl_code http_open(
    const struct http_options *options, struct http **http, struct fl_err *err);
/* Requests that were taken are answered, for a second at most. */
void http_close(struct http **http);
/* Ends connections of clients that are too slow; about once a second. */
void http_tend(struct http *http);

struct http_count {
	uint64_t requests, refused, cut, connections;
};
void http_count(struct http *http, struct http_count *count);

#endif
