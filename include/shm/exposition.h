/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exposition.h - all rows of tbl/metrics.h, as Prometheus reads them.
 *
 * The mirrored values come from the programs' segments, dead ones included; the series
 * from the stores' cursors.  A series without a value now (no watermark yet) is absent.
 */
#ifndef FL_SHM_EXPOSITION_H
#define FL_SHM_EXPOSITION_H

#include "shm/view.h"

enum fl_series {
#define FL_SERIES(name, kind, unit, scope, help) FL_SERIES_##name,
#include "tbl/metrics.h"
	FL_SERIES_COUNT,
};
enum fl_series_scope {
	FL_SCOPE_PROGRAM, FL_SCOPE_PARTITION, FL_SCOPE_PIPELINE, FL_SCOPE_SINK,
	FL_SCOPE_LETTERS, FL_SCOPE_SOURCE,
};
struct fl_series_info {
	const char *name, *unit, *help;
	enum fl_metric_kind kind;
	enum fl_series_scope scope;
};
const struct fl_series_info *fl_series_info(enum fl_series series);
const char *fl_scope_labels(enum fl_series_scope scope); /* "topic,partition,stream" */

/*
 * Appends to out.
 *
 *	view	the instance's cursors
 *	ends	of each of view's partitions where it ends, -1: not known; NULL: nobody asked
 *	glob	only names that fit; or NULL
 *	json	an array of objects instead of Prometheus' text
 *
 * False: no name fits.
 */
bool fl_exposition_print(const struct fl_instance *instance, const struct fl_view *view,
    const int64_t *ends, const char *glob, bool json, struct fl_buf *out);

#endif
