/*
 * windows.h - the window functions: NAME(TABLE t, DESCRIPTOR(timecol), size[, offset]).
 *
 * FL_WINDOW(name, ident, help)
 *	name	as called; FL_WINDOW_<name>
 *	ident	static check_<ident>() in lib/sql/bind_query.c: may its size and offset be so;
 *		static span_<ident>() in aggregate/window.c: the window that a time falls into
 *	help	one sentence: docs/sql-functions.md
 *
 * A kind in which each row has one window is a row and these two functions.  One whose
 * windows overlap (HOP, CUMULATE) or grow (SESSION) also needs state that knows it.
 * clang-format off
 */
FL_WINDOW(TUMBLE, tumble, "Windows of one size, one after the other, from 1970-01-01T00:00:00 plus offset, in local time.")
