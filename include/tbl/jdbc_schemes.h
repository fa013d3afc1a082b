/*
 * jdbc_schemes.h - what the url of 'connector' = 'jdbc' may lead to.
 *
 * FL_JDBC_SCHEME(name, prefix, sink)
 *	name	FL_JDBC_<name>: lib/sql/bind_jdbc.c has bind_jdbc_<sink>() for the rest of its url
 *	prefix	what the url begins with
 *	sink	struct emit_sink_ops emit_sink_<sink> in emit/sink_<sink>.c, and scan_<sink>() in
 *		lib/jdbc/scan_<sink>.c
 *
 * A new one is one row and its functions.  clang-format off
 */
FL_JDBC_SCHEME(POSTGRESQL, "jdbc:postgresql:", postgres)
FL_JDBC_SCHEME(SQLITE, "jdbc:sqlite:", sqlite)
