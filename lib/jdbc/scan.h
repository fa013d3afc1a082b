/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scan.h - what the databases' scans share: a row as a line of JSON.
 */
#ifndef LIB_JDBC_SCAN_H
#define LIB_JDBC_SCAN_H

#include "jdbc/scan.h"

#define FL_JDBC_SCHEME(name, prefix, sink) \
	enum fl_code scan_##sink(const struct fl_scan *scan, struct fl_err *err);
#include "tbl/jdbc_schemes.h"
#undef FL_JDBC_SCHEME

/* The values of a row, one for each physical column, in order; column is its index. */
void scan_put_null(struct fl_buf *line, const struct fl_scan *scan, uint32_t column);
void scan_put_i64(struct fl_buf *line, const struct fl_scan *scan, uint32_t column, int64_t v);
void scan_put_real(struct fl_buf *line, const struct fl_scan *scan, uint32_t column, double v);
void scan_put_text(struct fl_buf *line, const struct fl_scan *scan, uint32_t column, const char *p,
    size_t size);
void scan_put_bytes(struct fl_buf *line, const struct fl_scan *scan, uint32_t column, const void *p,
    size_t size);
/* Gives the line away and empties it. */
enum fl_code scan_take(struct fl_buf *line, const struct fl_scan *scan, struct fl_err *err);

#endif
