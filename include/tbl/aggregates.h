/*
 * aggregates.h - aggregate functions.
 *
 * FL_AGGREGATE(name, args, ident, parts, merge, help)
 *	args	0: called with *
 *	ident	functions of lib/expr/agg.c: rule_, add_, finish_, print_<ident>
 *	parts	name suffixes of the accumulator's parts in snapshots
 *	merge	adds the accumulators of one pane of a HOP window to the window's; NULL: the
 *		function has none on Flink either and is refused there
 *	help	"usage|one sentence": docs/sql-functions.md
 * clang-format off
 */
FL_AGGREGATE("COUNT", 0, count, parts_count, merge_count, "COUNT(*)|Rows; BIGINT.")
FL_AGGREGATE("COUNT", 1, count, parts_count, merge_count, "COUNT(x)|Rows where x is not NULL; BIGINT.")
FL_AGGREGATE("SUM", 1, sum, parts_sum, merge_sum, "SUM(x)|In the type of x, where integers wrap silently (cast to BIGINT first); DECIMAL(p, s) gives DECIMAL(38, s), NULL beyond 38 digits.")
FL_AGGREGATE("AVG", 1, avg, parts_sum, merge_avg, "AVG(x)|In the type of x: integers truncate toward zero (cast to DOUBLE first); DECIMAL(p, s) gives DECIMAL(38, max(6, s)), HALF_UP.")
FL_AGGREGATE("MIN", 1, min, parts_min, merge_min, "MIN(x)|The smallest; strings by bytes.")
FL_AGGREGATE("MAX", 1, max, parts_max, merge_max, "MAX(x)|The largest; strings by bytes.")
FL_AGGREGATE("FIRST_VALUE", 1, first, parts_first, NULL, "FIRST_VALUE(x)|The first that is not NULL, by arrival; not over HOP.")
FL_AGGREGATE("LAST_VALUE", 1, last, parts_last, NULL, "LAST_VALUE(x)|The last that is not NULL, by arrival; not over HOP.")
