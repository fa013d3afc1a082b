/*
 * sinks.h - every way out.  A new sink is one row and its functions.
 *
 * FL_SINK(connector, ops)
 *	connector  row of enum fl_connector, without FL_CONNECTOR_
 *	ops	   struct emit_sink_ops emit_sink_<ops> in emit/sink_<ops>.c
 * clang-format off
 */
FL_SINK(KAFKA, kafka)
FL_SINK(FILESYSTEM, file)
FL_SINK(PRINT, print)
FL_SINK(BLACKHOLE, blackhole)
FL_SINK(TEST, test)
