/*
 * windows.h - the window functions: NAME(TABLE t, DESCRIPTOR(timecol)[, step], size[, offset]).
 *
 * FL_WINDOW(name, ident, step, help)
 *	name	as called; FL_WINDOW_<name>
 *	ident	static check_<ident>() in lib/sql/bind_from.c: may its size and offset be so
 *	step	name of the argument between time and size; NULL: it has none
 *	help	one sentence: docs/sql-functions.md
 *
 * A kind whose windows begin every slide_ms and last size_ms, a multiple of it, is a row and
 * check_<ident>(): where they overlap a row goes into a pane of one slide (aggregate/pane.c).
 * One whose windows share their starts (CUMULATE) or grow (SESSION) also needs state that
 * knows it.
 * clang-format off
 */
FL_WINDOW(TUMBLE, tumble, NULL, "Windows of one size, one after the other, from 1970-01-01T00:00:00 plus offset, in local time.")
FL_WINDOW(HOP, hop, "SLIDE", "Windows of one size, a multiple of slide; one begins every slide, from 1970-01-01T00:00:00 plus offset, in local time. A row is in each that covers its time.")
