/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve.c - the program: one listener over a catalog that may change.
 *
 * Clients keep their connections when the catalog changes: the program stays open and puts
 * another site in the place of the old one, which goes with its last user.
 */
#include "serve/serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "site.h"

#define CATALOG_LOOK_US 1000000
#define INSPECT_TIME_MS 10000
#define INSPECT_MEMORY_SIZE (INT64_C(512) << 20)

/* ---- the site ---- */

static void
site_free(struct site *site)
{
	published_close(site);
	ask_close(site);
	fl_instance_close(&site->instance);
	free(site);
}

static enum fl_code
site_open(const char *dir, struct site **site, struct fl_err *err)
{
	struct fl_instance *instance = NULL;
	enum fl_code code;

	FL_TRY(fl_instance_open(dir, false, &instance, err));
	code = fl_instance_load(instance, false, err);
	if (code == FL_OK)
		code = serve_check_instance(instance, err);
	if (code != FL_OK) {
		fl_instance_close(&instance);
		return code;
	}
	fl_life_read_mode(instance);
	*site = fl_calloc(1, sizeof(**site));
	(*site)->instance = instance;
	(*site)->users = 1;
	published_open(*site);
	return FL_OK;
}

/* SQLite's limit of memory is the process's: under run a sink may be in it, which it must not
 * meet. */
enum fl_code
site_inspect(const struct fl_instance *instance, struct inspect **inspect, struct fl_err *err)
{
	return inspect_open(instance,
	    &(struct inspect_options){
		INSPECT_TIME_MS, instance->is_run ? 0 : INSPECT_MEMORY_SIZE},
	    inspect, err);
}

struct site *
site_get(struct serve *serve)
{
	struct site *site;

	pthread_mutex_lock(&serve->lock);
	site = serve->site;
	site->users++;
	pthread_mutex_unlock(&serve->lock);
	return site;
}

void
site_put(struct serve *serve, struct site *site)
{
	uint32_t users;

	if (site == NULL)
		return;
	pthread_mutex_lock(&serve->lock);
	users = --site->users;
	pthread_mutex_unlock(&serve->lock);
	if (users == 0)
		site_free(site);
}

/* The old one stays while the new catalog cannot be loaded; /readyz says why. */
static void
replace_site(struct serve *serve)
{
	struct site *site = NULL, *old = NULL;
	struct fl_err err = {0};
	enum fl_code code = site_open(serve->dir, &site, &err);

	pthread_mutex_lock(&serve->lock);
	if (code == FL_OK) {
		old = serve->site;
		serve->site = site;
		serve->problem[0] = '\0';
	} else if (strcmp(serve->problem, err.text) != 0) {
		fl_warn("cannot load the catalog code=%s reason=\"%s\"", fl_code_name(code), err.text);
		snprintf(serve->problem, sizeof(serve->problem), "%s", err.text);
	}
	pthread_mutex_unlock(&serve->lock);
	site_put(serve, old);
	if (code == FL_OK)
		fl_info("catalog loaded pipelines=%u", site->instance->pipeline_count);
}

static void
follow_catalog(struct serve *serve)
{
	int64_t now_us = fl_monotonic_us();
	bool changed = false;

	if (now_us - serve->looked_us < CATALOG_LOOK_US)
		return;
	serve->looked_us = now_us;
	/* Nobody else replaces it. */
	if (fl_instance_changed(serve->site->instance, &changed, NULL) == FL_OK && changed)
		replace_site(serve);
}

/* ---- what is there now ---- */

void
look_fini(struct serve *serve)
{
	if (serve->look.site == NULL)
		return;
	fl_view_fini(&serve->look.view);
	free(serve->look.ends);
	site_put(serve, serve->look.site);
	serve->look = (struct look){0};
}

const struct look *
look_get(struct serve *serve)
{
	struct look *look = &serve->look;
	int64_t now_us = fl_monotonic_us();

	if (look->site == NULL || now_us - look->at_us >= LOOK_OLD_MS * 1000) {
		look_fini(serve);
		look->site = site_get(serve);
		fl_view_read(look->site->instance, &look->view);
		look->ends = fl_calloc(look->view.ingest.partition_count + 1, sizeof(*look->ends));
		look->at_us = fl_monotonic_us();
		ends_fill(serve->ends, look);
	}
	return look;
}

/* ---- the program ---- */

static enum fl_code
open_http(struct serve *serve, struct fl_instance *instance, struct fl_err *err)
{
	struct fl_buf address, hosts;
	uint16_t port = 0;
	enum fl_code code = fl_config_serve_port(instance, &port, err);

	if (code == FL_OK && port == 0)
		code = FL_FAIL(err, FL_E_BAD_CONFIG,
		    "nobody asks for serve: neither the instance (flightctl up --set "
		    "serve.port=PORT) nor a pipeline (SET 'flight.serve.port' = 'PORT')");
	if (code != FL_OK)
		return code;
	fl_buf_init(&address);
	fl_buf_init(&hosts);
	fl_config_text(instance, "serve.address", &address);
	fl_config_text(instance, "serve.hosts", &hosts);
	code = http_open(
	    &(struct http_options){.address = address.data,
		.port = port,
		.hosts = hosts.data != NULL ? hosts.data : "",
		.find = routes_find,
		.ctx = serve},
	    &serve->http, err);
	if (code == FL_OK)
		fl_info("listening address=%s port=%u", address.data, port);
	fl_buf_fini(&address);
	fl_buf_fini(&hosts);
	return code;
}

enum fl_code
serve_open(struct fl_instance *instance, struct serve **serve, struct fl_err *err)
{
	struct serve *s = fl_calloc(1, sizeof(*s));
	char path[4096];
	enum fl_code code;

	s->dir = fl_strdup(instance->dir);
	s->lock_fd = -1;
	s->turn_us = fl_monotonic_us();
	pthread_mutex_init(&s->lock, NULL);
	snprintf(path, sizeof(path), "%s" FL_SERVE_LOCK, s->dir);
	code = fl_store_lock(path, &s->lock_fd, err);
	if (code == FL_E_ALREADY_RUNNING)
		code = FL_FAIL(err, code, "another process serves instance \"%s\"", s->dir);
	if (code == FL_OK)
		code = site_open(s->dir, &s->site, err);
	if (code == FL_OK)
		code = fl_metrics_open(instance, "serve", true, &s->metrics, err);
	if (code == FL_OK)
		code = fl_bells_open(instance, &s->bells, err);
	if (code == FL_OK)
		code = ends_open(s, &s->ends, err);
	if (code == FL_OK)
		code = open_http(s, instance, err);
	if (code != FL_OK) {
		serve_close(&s);
		return code;
	}
	*serve = s;
	return FL_OK;
}

enum fl_code
serve_step(struct serve *serve, int64_t now_ms, bool *worked, bool *done, struct fl_err *err)
{
	struct http_count count;

	(void)now_ms;
	(void)worked;
	(void)done;
	(void)err;
	__atomic_store_n(&serve->turn_us, fl_monotonic_us(), __ATOMIC_RELAXED);
	follow_catalog(serve);
	http_tend(serve->http);
	http_count(serve->http, &count);
	fl_metric_set(serve->metrics, FL_METRIC_serve_requests_total, (int64_t)count.requests);
	fl_metric_set(serve->metrics, FL_METRIC_serve_refused_total, (int64_t)count.refused);
	fl_metric_set(serve->metrics, FL_METRIC_serve_cut_total, (int64_t)count.cut);
	fl_metric_set(serve->metrics, FL_METRIC_serve_connections, (int64_t)count.connections);
	return FL_OK;
}

/* Clients have threads of their own; here only time passes. */
void
serve_wait(struct serve *serve, int wait_ms)
{
	(void)serve;
	(void)usleep((useconds_t)wait_ms * 1000);
}

void
serve_close(struct serve **serve)
{
	struct serve *s = *serve;

	if (s == NULL)
		return;
	http_close(&s->http); /* the threads that use the rest end */
	ends_close(&s->ends);
	ready_fini(s);
	look_fini(s);
	fl_metrics_close(&s->metrics);
	fl_bells_close(&s->bells);
	site_put(s, s->site);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	pthread_mutex_destroy(&s->lock);
	free(s->dir);
	free(s);
	*serve = NULL;
}

FL_READER(serve, serve_open);
