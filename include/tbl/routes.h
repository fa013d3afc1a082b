/*
 * routes.h - what the program serve answers over HTTP.
 *
 * FL_ROUTE(path, name, methods, where, type, help)
 *	path	 whole path, compared as it is
 *	name	 void route_<name>() in serve/routes.c
 *	methods	 GET (HEAD is GET without a body), POST, or GET | POST
 *	where	 NOW: by the thread that reads from clients, hence without waiting
 *		 READ: by the one thread that reads the stores
 *		 QUERY: by the one thread that runs statements of clients
 *	type	 Content-Type
 *	help	 docs/http.md
 * clang-format off
 */
FL_ROUTE("/metrics", metrics, GET, READ, "text/plain; version=0.0.4; charset=utf-8", "The metrics of all programs in Prometheus' text format: docs/metrics.md.")
FL_ROUTE("/livez", livez, GET, NOW, "application/json", "200 while serve itself works, else 503.")
FL_ROUTE("/readyz", readyz, GET, READ, "application/json", "200 if the instance does its work, else 503 with the reasons; with ?verbose all that was checked.")
FL_ROUTE("/query", query, POST, QUERY, "application/json", "One SELECT over all stores as of one moment (docs/operate.md, Ask in SQL). The body is the statement, or as application/json `{\"sql\":\"...\",\"params\":{\"name\":\"text\"},\"limit\":1000}`. Answers `{\"columns\":[...],\"rows\":[{...}],\"more\":false}`; `more`: the limit (10000 rows) cut it. 400: the statement is wrong, `code` and `detail` say how; 504: it took more than 10 s.")
FL_ROUTE("/", html, GET, NOW, "text/html; charset=utf-8", "The page: topics with lag and who holds the watermark, pipelines, windows, sinks, dead letters by reason, programs, and SQL; live, and pausable.")
FL_ROUTE("/page.css", css, GET, NOW, "text/css; charset=utf-8", "Of the page.")
FL_ROUTE("/page.js", js, GET, NOW, "text/javascript; charset=utf-8", "Of the page.")
FL_ROUTE("/state", state, GET, READ, "application/json", "What the page shows: programs, pipelines, partitions with lag, sinks. It may change with the page.")
