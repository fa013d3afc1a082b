/*
 * demos.h - the systems that `flightctl demo` runs on embedded parts.
 *
 * FL_DEMO(name, sql, database, made, partitions, speed, rate, bad, look, text)
 *	name	 folder under data/pipelines, and the generator (generators.h)
 *	sql	 the pipeline in it
 *	database of the demo's own: NONE; SQLITE (NAME.db beside the pipeline); POSTGRES (a
 *		 cluster with a user and a database NAME, where the pipeline says localhost:5432)
 *	made	 what prepares the database: statements for a SQLite file, a file of the folder
 *		 for PostgreSQL; "" for nothing
 *	partitions of the source's topic: 1 where arrival has an order
 *	speed	 how many times as fast as the clock the generator's time runs
 *	rate	 messages per second
 *	bad	 share of spoilt ones
 *	look	 the query to paste; "" for NONE
 *	text	 what it shows, a sentence
 *
 * Topics and results are the plan's: rows of its Kafka sinks and of its tables.
 * clang-format off
 */
FL_DEMO(flights, "flights-demo.sql", NONE, "", 2, 20, 300, 0, "",
    "average passengers per minute and the country of origin with the most; a one-minute window closes every 3 s")
FL_DEMO(routes, "routes-demo.sql", POSTGRES, "", 2, 1, 5, 0.1, "SELECT * FROM routes_table ORDER BY timestamp DESC LIMIT 5",
    "positions of users, checked by a JSON Schema, into a table of PostgreSQL")
FL_DEMO(orders, "orders.sql", POSTGRES, "tables.sql", 1, 1, 2, 0.05, "SELECT * FROM orders ORDER BY updated_ts DESC LIMIT 5",
    "events of customers and orders, each id once, into three tables of PostgreSQL; an order has its last status")
FL_DEMO(food, "food.sql", SQLITE, "CREATE TABLE aggregated(food TEXT PRIMARY KEY, count INTEGER); INSERT INTO aggregated VALUES('pie', 36)",
    2, 1, 2, 0.1, "SELECT * FROM aggregated", "how many of each food, since ever, in a SQLite file that held 36 pies before")
FL_DEMO(logins, "logins.sql", NONE, "", 1, 20, 20, 0.05, "",
    "logins, checked and reshaped; the bad ones, and 5 % that lack a device_type, to a topic of their own; counts per five minutes, every 15 s")
