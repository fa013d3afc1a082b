/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve.h - an instance over HTTP: metrics, health, what pipelines publish, SQL.
 *
 * A pure reader: it holds no store open for writing, and no writer waits for it.  What it
 * answers is a row of tbl/routes.h.  It runs where the instance's serve.port or a pipeline's
 * flight.serve.port asks for it (fl_config_serve_port()).
 *
 * Process: one per instance, by a lock of its own.
 */
#ifndef FL_SERVE_SERVE_H
#define FL_SERVE_SERVE_H

#include "shm/instance.h"

struct serve;
extern const struct fl_program serve_program;

/*
 * Errors:  ADDRESS_IN_USE   somebody else listens there
 *	    BAD_CONFIG	     the port or the address is none
 *	    ALREADY_RUNNING
 */
enum fl_code serve_open(struct fl_instance *instance, struct serve **serve, struct fl_err *err);
/* Takes up changes of the catalog, ends slow clients.  done is never set. */
enum fl_code serve_step(
    struct serve *serve, int64_t now_ms, bool *worked, bool *done, struct fl_err *err);
void serve_wait(struct serve *serve, int wait_ms);
void serve_close(struct serve **serve);

/* Could what the plan publishes be answered?  *wrong: which not. */
enum fl_code serve_check_plan(
    const struct fl_plan *plan, const struct fl_publish **wrong, struct fl_err *err);
/* Errors: BAD_CONFIG: two pipelines want one path. */
enum fl_code serve_check_instance(const struct fl_instance *instance, struct fl_err *err);

#endif
