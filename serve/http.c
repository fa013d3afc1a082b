/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http.c - HTTP/1.1 for a few clients, with a limit on everything.
 *
 * libmicrohttpd ends connections on which nothing happens; a client that sends a byte a
 * second would stay.  So each connection has a phase with a limit of its own, and
 * http_tend() shuts down what is over it:
 *
 *	IDLE  -> HEAD	the request line is there
 *	HEAD  -> BODY	the head is there
 *	BODY  -> WORK	the body is there; no limit: the workers bound their own time
 *	WORK  -> WRITE	the answer is queued
 *	WRITE -> IDLE	it is sent, and the connection is kept
 *
 * A page of somebody else's in the user's browser can send requests here, under a name of
 * its own that it made resolve to this machine.  So names are looked at: addresses,
 * localhost and those of serve.hosts are fine.
 */
#include "http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#define BACKLOG 256
#define CLOSE_MS 1000
#define CLOSE_LOOK_MS 5

enum phase { PHASE_IDLE, PHASE_HEAD, PHASE_BODY, PHASE_WORK, PHASE_WRITE };

static const int phase_ms[] = {HTTP_IDLE_MS, HTTP_HEAD_MS, HTTP_BODY_MS, INT32_MAX, HTTP_WRITE_MS};

struct client { /* a connection */
	struct client *next, **link;
	int fd;
	enum phase phase;
	int64_t since_us;
};

enum request_state { REQUEST_READING, REQUEST_WAITING, REQUEST_ANSWERED };

struct request {
	struct http_request public;
	struct http_answer answer;
	const struct http_route *route; /* NULL: answer is an error already */
	enum request_state state;
	bool is_too_large;
	unsigned allow; /* methods, of a 405 */
	struct MHD_Connection *connection;
	struct request *next; /* in a queue */
	char path[];
};

struct worker {
	struct http *http;
	pthread_t thread;
	bool is_started;
	pthread_cond_t some;
	struct request *first, **last;
	uint32_t waiting;
};

struct http {
	struct http_options options;
	char *hosts;
	struct MHD_Daemon *daemon;
	int fd;
	pthread_mutex_t lock; /* clients, queues, counts, is_stopping */
	struct client *clients;
	struct worker workers[HTTP_WHERE_COUNT]; /* that of NOW is not started */
	struct http_count count;
	uint32_t active; /* requests begun and not sent */
	bool is_stopping;
};

/* ---- answers ---- */

void
http_fail(struct http_answer *answer, unsigned status, const char *fmt, ...)
{
	char text[FL_ERR_TEXT_SIZE];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	answer->status = status;
	answer->type = "application/json";
	fl_buf_reset(&answer->body);
	fl_buf_printf(&answer->body, "{\"status\":%u,\"error\":", status);
	fl_buf_json(&answer->body, text, strlen(text));
	fl_buf_str(&answer->body, "}\n");
}

void
http_fail_code(
    struct http_answer *answer, unsigned status, const struct fl_err *err, const char *detail)
{
	http_fail(answer, status, "%s", err->text);
	answer->body.size -= strlen("}\n");
	fl_buf_printf(&answer->body, ",\"code\":\"%s\"", fl_code_name(err->code));
	if (detail != NULL) {
		fl_buf_str(&answer->body, ",\"detail\":");
		fl_buf_json(&answer->body, detail, strlen(detail));
	}
	fl_buf_str(&answer->body, "}\n");
}

static const char *
allow_text(unsigned methods)
{
	static const char *const texts[] = {"", "GET, HEAD", "POST", "GET, HEAD, POST"};

	return texts[methods & 3];
}

static void
set_phase(struct http *http, struct MHD_Connection *connection, enum phase phase)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct client *client = info != NULL ? info->socket_context : NULL;

	if (client == NULL)
		return;
	pthread_mutex_lock(&http->lock);
	client->phase = phase;
	client->since_us = fl_monotonic_us();
	pthread_mutex_unlock(&http->lock);
}

static enum MHD_Result
send_answer(struct http *http, struct MHD_Connection *connection, struct request *request)
{
	static const char *const fixed[][2] = {{"Cache-Control", "no-store"},
	    {"X-Content-Type-Options", "nosniff"}, {"Referrer-Policy", "no-referrer"},
	    {"Content-Security-Policy", "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'"}};
	const struct http_answer *answer = &request->answer;
	struct MHD_Response *response = MHD_create_response_from_buffer(
	    answer->body.size, answer->body.data, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result;

	if (response == NULL)
		return MHD_NO;
	(void)MHD_add_response_header(response, "Content-Type", answer->type);
	for (uint32_t i = 0; i < FL_ARRAY_COUNT(fixed); i++)
		(void)MHD_add_response_header(response, fixed[i][0], fixed[i][1]);
	if (answer->status == 405)
		(void)MHD_add_response_header(response, "Allow", allow_text(request->allow));
	if (answer->status == 503)
		(void)MHD_add_response_header(response, "Retry-After", "1");
	set_phase(http, connection, PHASE_WRITE);
	pthread_mutex_lock(&http->lock);
	http->count.requests++;
	http->count.refused += answer->status >= 400;
	pthread_mutex_unlock(&http->lock);
	result = MHD_queue_response(connection, answer->status, response);
	MHD_destroy_response(response);
	return result;
}

/* ---- workers ---- */

static void *
work(void *ctx)
{
	struct worker *worker = ctx;
	struct http *http = worker->http;
	struct request *request;

	pthread_mutex_lock(&http->lock);
	for (;;) {
		while (worker->first == NULL && !http->is_stopping)
			pthread_cond_wait(&worker->some, &http->lock);
		request = worker->first;
		if (request == NULL)
			break;
		worker->first = request->next;
		if (worker->first == NULL)
			worker->last = &worker->first;
		worker->waiting--;
		pthread_mutex_unlock(&http->lock);
		request->route->answer(http->options.ctx, &request->public, &request->answer);
		request->state = REQUEST_ANSWERED;
		/* The other thread goes on with it: it is not ours any more. */
		MHD_resume_connection(request->connection);
		pthread_mutex_lock(&http->lock);
	}
	pthread_mutex_unlock(&http->lock);
	return NULL;
}

/* False: too many wait already, or the worker ends. */
static bool
give_to_worker(struct http *http, struct request *request, struct MHD_Connection *connection)
{
	struct worker *worker = &http->workers[request->route->where];
	bool is_taken = false;

	pthread_mutex_lock(&http->lock);
	if (!http->is_stopping && worker->waiting < HTTP_WAITING_MAX) {
		is_taken = true;
		request->state = REQUEST_WAITING;
		request->connection = connection;
		request->next = NULL;
		/* Before the worker can see it, and so can resume it. */
		MHD_suspend_connection(connection);
		*worker->last = request;
		worker->last = &request->next;
		worker->waiting++;
		pthread_cond_signal(&worker->some);
	}
	pthread_mutex_unlock(&http->lock);
	return is_taken;
}

/* ---- requests ---- */

static bool
is_address(const char *host)
{
	struct in6_addr address;

	return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

/* host: without the port.  Names are ASCII, with commas between. */
static bool
is_our_name(const char *names, const char *host)
{
	size_t size = strlen(host), n;

	if (is_address(host) || strcasecmp(host, "localhost") == 0)
		return true;
	for (; *names != '\0'; names += n + (names[n] == ',')) {
		while (*names == ' ')
			names++;
		n = strcspn(names, ",");
		if (n == size && strncasecmp(names, host, n) == 0)
			return true;
	}
	return false;
}

/* "flight:8080", "[::1]:8080", "127.0.0.1" to the name or address. */
static void
cut_port(const char *header, char *host, size_t size)
{
	if (header[0] == '[')
		snprintf(host, size, "%.*s", (int)strcspn(header + 1, "]"), header + 1);
	else
		snprintf(host, size, "%.*s", (int)strcspn(header, ":"), header);
}

static bool
check_host(const struct http *http, struct MHD_Connection *connection, struct request *request)
{
	const char *header = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host");
	const char *origin = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Origin");
	char host[256];

	if (header != NULL) {
		cut_port(header, host, sizeof(host));
		if (!is_our_name(http->hosts, host)) {
			http_fail(&request->answer, 421,
			    "\"%.100s\" is no name of this server; flightctl up --set "
			    "serve.hosts=NAME,... gives it names",
			    host);
			return false;
		}
	}
	if (origin == NULL || request->public.method != HTTP_POST)
		return true;
	if (header != NULL && strncmp(origin, "http", 4) == 0 &&
	    strcmp(origin + strcspn(origin, "/") + 2 * (strstr(origin, "//") != NULL), header) == 0)
		return true;
	http_fail(&request->answer, 403, "a page of \"%.100s\" may not ask here", origin);
	return false;
}

static enum http_method
method_of(const char *name)
{
	if (strcmp(name, "GET") == 0 || strcmp(name, "HEAD") == 0)
		return HTTP_GET;
	return strcmp(name, "POST") == 0 ? HTTP_POST : HTTP_OTHER;
}

/* Answers what needs no body: the route stays NULL then. */
static void
route_request(struct http *http, struct MHD_Connection *connection, struct request *request)
{
	const struct http_route *route;

	if (!check_host(http, connection, request))
		return;
	route = http->options.find(http->options.ctx, request->path);
	if (route == NULL) {
		http_fail(&request->answer, 404, "there is nothing at \"%.200s\"", request->path);
		return;
	}
	if ((route->methods & request->public.method) == 0) {
		request->allow = route->methods;
		http_fail(&request->answer, 405, "\"%s\" takes %s", request->path,
		    allow_text(route->methods));
		return;
	}
	request->route = route;
	request->answer.type = route->type;
}

static struct request *
begin_request(
    struct http *http, struct MHD_Connection *connection, const char *url, const char *method)
{
	size_t size = strlen(url) + 1;
	struct request *request = fl_calloc(1, sizeof(*request) + size);
	const char *type;

	memcpy(request->path, url, size);
	request->public.path = request->path;
	request->public.method = method_of(method);
	request->answer.status = 200;
	fl_buf_init(&request->public.body);
	fl_buf_init(&request->answer.body);
	/* The key may stand without a value, for which there is no other question. */
	request->public.is_verbose = MHD_lookup_connection_value_n(connection,
	    MHD_GET_ARGUMENT_KIND, "verbose", strlen("verbose"), NULL, NULL) == MHD_YES;
	type = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Type");
	request->public.is_json =
	    type != NULL && strncasecmp(type, "application/json", strlen("application/json")) == 0;
	pthread_mutex_lock(&http->lock);
	http->active++;
	pthread_mutex_unlock(&http->lock);
	route_request(http, connection, request);
	return request;
}

static bool
is_body_too_large(struct MHD_Connection *connection)
{
	const char *size =
	    MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");

	return size != NULL && (strlen(size) > 9 || strtoul(size, NULL, 10) > HTTP_BODY_MAX);
}

static void
fail_body(struct request *request)
{
	request->route = NULL;
	http_fail(&request->answer, 413, "the body is larger than %u bytes", HTTP_BODY_MAX);
}

static enum MHD_Result
answer_request(struct http *http, struct MHD_Connection *connection, struct request *request)
{
	if (request->is_too_large)
		fail_body(request);
	if (request->route == NULL)
		return send_answer(http, connection, request);
	if (request->route->where == HTTP_NOW) {
		request->route->answer(http->options.ctx, &request->public, &request->answer);
		return send_answer(http, connection, request);
	}
	set_phase(http, connection, PHASE_WORK);
	if (give_to_worker(http, request, connection))
		return MHD_YES;
	http_fail(&request->answer, 503, "too many requests wait already");
	return send_answer(http, connection, request);
}

/* Called when the head is there, for each piece of the body, at the end of the body, and
 * when the connection goes on after a rest. */
static enum MHD_Result
handle(void *ctx, struct MHD_Connection *connection, const char *url, const char *method,
    const char *version, const char *upload, size_t *upload_size, void **state)
{
	struct http *http = ctx;
	struct request *request = *state;

	(void)version;
	if (request == NULL) {
		*state = request = begin_request(http, connection, url, method);
		set_phase(http, connection, PHASE_BODY);
		if (!is_body_too_large(connection))
			return MHD_YES;
		/* An answer before the body: libmicrohttpd closes the connection after it. */
		fail_body(request);
		return send_answer(http, connection, request);
	}
	if (*upload_size > 0) {
		if (request->public.body.size + *upload_size > HTTP_BODY_MAX)
			request->is_too_large = true; /* in pieces: the rest is thrown away */
		else
			fl_buf_add(&request->public.body, upload, *upload_size);
		*upload_size = 0;
		return MHD_YES;
	}
	switch (request->state) {
	case REQUEST_READING:
		return answer_request(http, connection, request);
	case REQUEST_WAITING:
		return MHD_YES; /* it rests */
	case REQUEST_ANSWERED:
		break;
	}
	return send_answer(http, connection, request);
}

static void
end_request(void *ctx, struct MHD_Connection *connection, void **state,
    enum MHD_RequestTerminationCode how)
{
	struct http *http = ctx;
	struct request *request = *state;

	(void)how;
	set_phase(http, connection, PHASE_IDLE);
	if (request == NULL)
		return;
	pthread_mutex_lock(&http->lock);
	http->active--;
	pthread_mutex_unlock(&http->lock);
	fl_buf_fini(&request->public.body);
	fl_buf_fini(&request->answer.body);
	free(request);
	*state = NULL;
}

static void *
note_uri(void *ctx, const char *uri, struct MHD_Connection *connection)
{
	(void)uri;
	set_phase(ctx, connection, PHASE_HEAD);
	return NULL;
}

/* ---- connections ---- */

static void
note_client(void *ctx, struct MHD_Connection *connection, void **state,
    enum MHD_ConnectionNotificationCode what)
{
	struct http *http = ctx;
	struct client *client = *state;
	const union MHD_ConnectionInfo *info;

	pthread_mutex_lock(&http->lock);
	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
		client = fl_calloc(1, sizeof(*client));
		client->fd = info->connect_fd;
		client->since_us = fl_monotonic_us();
		client->next = http->clients;
		client->link = &http->clients;
		if (client->next != NULL)
			client->next->link = &client->next;
		http->clients = client;
		http->count.connections++;
		*state = client;
	} else if (client != NULL) {
		*client->link = client->next;
		if (client->next != NULL)
			client->next->link = client->link;
		http->count.connections--;
		free(client);
		*state = NULL;
	}
	pthread_mutex_unlock(&http->lock);
}

/* The descriptor is closed after note_client() was told, so it is still the client's. */
void
http_tend(struct http *http)
{
	int64_t now_us = fl_monotonic_us();

	pthread_mutex_lock(&http->lock);
	for (struct client *c = http->clients; c != NULL; c = c->next) {
		if (now_us - c->since_us < (int64_t)phase_ms[c->phase] * 1000)
			continue;
		(void)shutdown(c->fd, SHUT_RDWR);
		c->since_us = now_us;
		http->count.cut += c->phase != PHASE_IDLE;
	}
	pthread_mutex_unlock(&http->lock);
}

void
http_count(struct http *http, struct http_count *count)
{
	pthread_mutex_lock(&http->lock);
	*count = http->count;
	pthread_mutex_unlock(&http->lock);
}

/* ---- opening and closing ---- */

static enum fl_code
parse_address(const struct http_options *options, struct sockaddr_storage *to, socklen_t *size,
    struct fl_err *err)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)to;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)to;

	memset(to, 0, sizeof(*to));
	if (inet_pton(AF_INET, options->address, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(options->port);
		*size = sizeof(*v4);
		return FL_OK;
	}
	if (inet_pton(AF_INET6, options->address, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(options->port);
		*size = sizeof(*v6);
		return FL_OK;
	}
	return FL_FAIL(err, FL_E_BAD_CONFIG,
	    "serve.address \"%s\": expected an IPv4 or IPv6 address, as 127.0.0.1 or ::",
	    options->address);
}

static enum fl_code
listen_at(const struct http_options *options, int *fd, struct fl_err *err)
{
	struct sockaddr_storage to;
	socklen_t size = 0;
	int native, on = 1;

	FL_TRY(parse_address(options, &to, &size, err));
	*fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*fd >= 0) {
		/* Connections of a predecessor that was killed are no reason to wait. */
		(void)setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		if (bind(*fd, (const struct sockaddr *)&to, size) == 0 && listen(*fd, BACKLOG) == 0)
			return FL_OK;
	}
	native = errno;
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	return FL_FAIL_NATIVE(err, native == EADDRINUSE ? FL_E_ADDRESS_IN_USE : FL_E_BAD_CONFIG,
	    native, "could not listen at %s port %u: %s", options->address, options->port,
	    strerror(native));
}

static __attribute__((format(printf, 2, 0))) void
log_trouble(void *ctx, const char *fmt, va_list args)
{
	char text[300];

	(void)ctx;
	vsnprintf(text, sizeof(text), fmt, args);
	text[strcspn(text, "\n")] = '\0';
	fl_debug("libmicrohttpd says=\"%s\"", text);
}

static enum fl_code
start_workers(struct http *http, struct fl_err *err)
{
	for (uint32_t i = HTTP_NOW + 1; i < HTTP_WHERE_COUNT; i++) {
		struct worker *worker = &http->workers[i];
		int rc;

		worker->http = http;
		worker->last = &worker->first;
		pthread_cond_init(&worker->some, NULL);
		rc = pthread_create(&worker->thread, NULL, work, worker);
		if (rc != 0)
			return FL_FAIL_NATIVE(
			    err, FL_E_IO, rc, "could not start a thread: %s", strerror(rc));
		worker->is_started = true;
	}
	return FL_OK;
}

static enum fl_code
start_daemon(struct http *http, struct fl_err *err)
{
	http->daemon = MHD_start_daemon(
	    MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL,
	    NULL, handle, http, MHD_OPTION_EXTERNAL_LOGGER, log_trouble, NULL,
	    MHD_OPTION_LISTEN_SOCKET, http->fd, MHD_OPTION_CONNECTION_LIMIT, HTTP_CONNECTIONS_MAX,
	    MHD_OPTION_PER_IP_CONNECTION_LIMIT, HTTP_PER_ADDRESS_MAX,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)(HTTP_IDLE_MS / 1000),
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)16384, MHD_OPTION_STRICT_FOR_CLIENT, 1,
	    MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_NOTIFY_COMPLETED, end_request, http,
	    MHD_OPTION_NOTIFY_CONNECTION, note_client, http, MHD_OPTION_URI_LOG_CALLBACK, note_uri,
	    http, MHD_OPTION_END);
	if (http->daemon == NULL)
		return FL_FAIL_NATIVE(err, FL_E_IO, errno, "could not start the HTTP server: %s",
		    strerror(errno));
	return FL_OK;
}

enum fl_code
http_open(const struct http_options *options, struct http **http, struct fl_err *err)
{
	struct http *h;
	enum fl_code code;
	int fd;

	FL_TRY(listen_at(options, &fd, err));
	h = fl_calloc(1, sizeof(*h));
	h->options = *options;
	h->hosts = fl_strdup(options->hosts);
	h->fd = fd;
	pthread_mutex_init(&h->lock, NULL);
	code = start_workers(h, err);
	if (code == FL_OK)
		code = start_daemon(h, err);
	if (code != FL_OK) {
		http_close(&h);
		return code;
	}
	*http = h;
	return FL_OK;
}

static uint32_t
active_requests(struct http *http)
{
	uint32_t active;

	pthread_mutex_lock(&http->lock);
	active = http->active;
	pthread_mutex_unlock(&http->lock);
	return active;
}

/* No connection may rest when the daemon is stopped: the workers end first, and what they
 * leave is answered. */
void
http_close(struct http **http)
{
	struct http *h = *http;

	if (h == NULL)
		return;
	if (h->daemon != NULL)
		(void)MHD_quiesce_daemon(h->daemon);
	pthread_mutex_lock(&h->lock);
	h->is_stopping = true;
	for (uint32_t i = HTTP_NOW + 1; i < HTTP_WHERE_COUNT; i++)
		if (h->workers[i].is_started)
			pthread_cond_broadcast(&h->workers[i].some);
	pthread_mutex_unlock(&h->lock);
	for (uint32_t i = HTTP_NOW + 1; i < HTTP_WHERE_COUNT; i++)
		if (h->workers[i].is_started) {
			pthread_join(h->workers[i].thread, NULL);
			pthread_cond_destroy(&h->workers[i].some);
		}
	for (int waited_ms = 0; h->daemon != NULL && waited_ms < CLOSE_MS && active_requests(h) > 0;
	     waited_ms += CLOSE_LOOK_MS)
		(void)usleep(CLOSE_LOOK_MS * 1000);
	if (h->daemon != NULL)
		MHD_stop_daemon(h->daemon);
	close(h->fd);
	pthread_mutex_destroy(&h->lock);
	free(h->hosts);
	free(h);
	*http = NULL;
}
