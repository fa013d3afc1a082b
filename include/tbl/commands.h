/*
 * commands.h - the commands of flightctl.
 *
 * FL_COMMAND(name, function, access, arguments, summary, options, text, examples)
 *	name	   as typed
 *	function   int cmd_<function>(struct ctl *) in flightctl/cmd_<function>.c
 *	access	   what it does to the instance: LOCAL (nothing), READS, WRITES
 *	arguments  what follows the name in the usage line
 *	summary	   one line
 *	options	   one line each; the option parser reads these lines
 *	text	   the rest of --help
 *	examples   two lines
 *
 * Dispatch, usage, help, completion and docs/cli.md come from these rows.
 * clang-format off
 */
FL_COMMAND(demo, demo, LOCAL, "[SYSTEM] [--seconds N]",
    "run a system on embedded parts and print its results",
    "      --seconds N         end after N seconds (default: 60 if stdout is no terminal)\n"
    "      --rate R            messages per second (default: 300 flights, 5 routes, 2 events,\n"
    "                          2 foods, 20 logins)\n",
    "SYSTEM is flights (without one), routes, orders, food or logins: a folder of data/pipelines.\n"
    "Starts a broker inside this process (librdkafka's mock cluster), a generator of messages,\n"
    "and ingest, aggregate and emit under a private supervisord; for routes and orders a PostgreSQL\n"
    "cluster of its own in the instance directory, on a port of the loopback (Debian package\n"
    "postgresql-15; the system's clusters are left alone; root's runs as user postgres), for food a\n"
    "SQLite file.  The time of flights and logins runs 20 times as fast as the clock.  Prints a line per\n"
    "result, commands to try and the address of its page.  Ctrl-C ends it all and removes what it\n"
    "made.  The embedded broker has no transactions: the demo shows recovery, not exactly-once.\n",
    "flightctl demo\nflightctl demo food --seconds 10\n")
FL_COMMAND(up, up, WRITES, "[--detach | --apply-only] [-b BROKERS] [--reset] [FILE.sql...]",
    "put pipelines into the instance and run its programs",
    "      --detach            return when the programs are ready\n"
    "      --apply-only        put the pipelines into the catalog and start nothing; programs that\n"
    "                          run already take them up\n"
    "  -b, --brokers BROKERS   instead of properties.bootstrap.servers of every Kafka table\n"
    "      --reset             the pipeline of each FILE starts anew, its state is deleted; stores that\n"
    "                          cannot be opened go to DIR/aside.N, then FILE has to be of all pipelines\n"
    "      --set KEY=VALUE     a setting of the instance (docs/config.md); may be repeated\n",
    "Makes the instance directory if it is absent, keeps the pipelines in its catalog, writes\n"
    "supervisord.conf and runs ingest, aggregate and emit, and serve where a port is set for it, under\n"
    "a private supervisord.  Without FILE the pipelines of the catalog are run.  In the foreground it prints what is logged from\n"
    "its start on, Ctrl-C or TERM is `down`, and it ends when all is done, which is when every\n"
    "source is bounded.  With --detach supervisord stays until `down` or the next `up`.  An instance\n"
    "that is running is refused and stays as it is; --apply-only changes it.  --timeout says how long to wait for readiness (30 s).\n",
    "flightctl up -b localhost:9092 flights.sql\nflightctl -i /var/lib/flight/a up --detach flights.sql\n")
FL_COMMAND(down, down, WRITES, "",
    "end the programs of the instance",
    "",
    "Each program finishes its step and closes its store.  Nothing is lost by other ways to\n"
    "stop either.  --timeout says how long to wait (70 s).\n",
    "flightctl down\nflightctl -i /var/lib/flight/a down\n")
FL_COMMAND(drop, drop, WRITES, "PIPELINE [--execute]",
    "remove a pipeline from the instance",
    "      --execute           do it; without it only what would go is said\n",
    "After `down`.  Its windows, results that sinks have not taken, late rows and dead letters are\n"
    "deleted; the other pipelines go on where they were.  Output topics and directories stay as\n"
    "they are, and so do the dead letters of ingest and emit.  Put in again, it starts anew.\n",
    "flightctl drop flights\nflightctl -i /var/lib/flight/a drop flights --execute\n")
FL_COMMAND(check, check, LOCAL, "[--flink] FILE.sql",
    "parse, type and resolve a pipeline without running it",
    "      --flink             also say what is not portable to Flink; exit 1 if anything is\n"
    "  -b, --brokers BROKERS   instead of properties.bootstrap.servers of every Kafka table\n",
    "Reads the file and the schemas it names; connects to nothing.  Exit 1 if it is wrong.\n",
    "flightctl check flights.sql\nflightctl check --flink flights.sql\n")
FL_COMMAND(explain, explain, LOCAL, "FILE.sql",
    "show the plan of a pipeline",
    "  -b, --brokers BROKERS   instead of properties.bootstrap.servers of every Kafka table\n",
    "Tables, streams, time settings, and the tree of each query.\n",
    "flightctl explain flights.sql\nflightctl explain flights-arrival.sql\n")
FL_COMMAND(run, run, WRITES, "[-b BROKERS] FILE.sql",
    "run a whole pipeline in this process",
    "  -b, --brokers BROKERS   instead of properties.bootstrap.servers of every Kafka table\n"
    "      --reset             the pipeline of each FILE starts anew, its state is deleted; stores that\n"
    "                          cannot be opened go to DIR/aside.N, then FILE has to be of all pipelines\n",
    "Without -i the instance is a temporary directory, removed at the end.  Ends by itself when\n"
    "every source is bounded (files, scan.bounded.mode).  Exit status: 0 done, 1 failed,\n"
    "70 fatal, 75 try again, 78 needs a person.  Dead letters do not change it: at the end run says\n"
    "how many the instance holds, and the reason of the first of each program; with -i, dlq list\n"
    "shows all.  When nobody reads stdout any more, a pipeline that prints ends with 1.\n",
    "flightctl run flights.sql\nflightctl -i ./flight.d run -b localhost:9092 flights.sql\n")
FL_COMMAND(snapshot, snapshot, READS, "[--pipeline NAME] [QUERY]",
    "print the stored windows, open and closed",
    "      --pipeline NAME     only this pipeline\n"
    "      --open              only open windows\n"
    "      --closed            only closed windows that are still in the outbox\n",
    "One consistent read, with every program alive or dead.  First the step R up to which the\n"
    "results are durable, its clock, the watermark, and per partition the last offset folded;\n"
    "then one row per (query, window, key): rows and accumulators; of a deduplication one row\n"
    "per key, with the state \"seen\" and when its first row came.\n",
    "flightctl snapshot\nflightctl snapshot --json trend_origin\n")
FL_COMMAND(query, query, READS, "\"SQL\" | --file FILE.sql",
    "SQL over windows, results, keyed state, dead letters, offsets, metrics",
    "      --file FILE         the statement is in this file\n"
    "      --param NAME=VALUE  a parameter of the statement, :NAME in it; may be repeated\n"
    "      --csv               print CSV with a line of names, also when there are no rows\n"
    "      --ndjson            print a JSON object per line\n"
    "      --limit N           at most N rows (default 10000, of --output all; 0: all); a cut is said\n"
    "      --output PATH       write a file, whole or not at all: a temporary name, then a rename;\n"
    "                          its directories are made; {NAME} in PATH is a parameter\n"
    "      --every T           again every T (such as 5m), at multiples of T\n",
    "Reads only: SELECT (WITH, VALUES, EXPLAIN) as SQLite has it, over one consistent read of all\n"
    "stores, with every program alive or dead.  SELECT * FROM tables says what there is\n"
    "(docs/operate.md).  --timeout says how long it may take (30 s).\n\n"
    "The parameter `end` is now, in whole seconds of UTC, unless --param gives another; with --every it is\n"
    "the multiple of T that passed last, so the first file comes at once.  Without --csv, --json or\n"
    "--ndjson a file is what its name ends in.\n",
    "flightctl query \"SELECT code, count(*) FROM dead_letters GROUP BY code\"\n"
    "flightctl query --file late.sql --param partition=3 --every 5m --output 'out/dt={end}/late.csv'\n")
FL_COMMAND(status, status, READS, "[--strict]",
    "one screen: programs, pipelines, partitions, sinks",
    "      --strict            waiting counts as degraded too\n",
    "finished: the sources have ended, all is folded and delivered; exit 0.  waiting: a program or a\n"
    "sink waits for something and will go on by itself; exit 0.  starting: a program has not opened its\n"
    "store, or a source or sink was never there yet, and nobody has said that anything is wrong; exit 0.\n"
    "Exit 3: no program runs, and there is something left to do.  Exit 6: one is missing (one that is done is\n"
    "not), or something is stopped for a person.  A pipeline's rows are the sum\n"
    "over its queries, each of which sees each row of its source; its dead are its letters under \"errors\":\n"
    "of rows, and of results that cannot be written.\n",
    "flightctl status\nflightctl status --strict --quiet\n")
FL_COMMAND(lag, lag, READS, "[--over N]",
    "per partition: position, end, lag, watermark and who holds it back",
    "      --over N            exit 1 if a partition lags more than N records, those read and not\n"
    "                          folded included, or its end is unknown and it has not ended\n"
    "      --offline           do not ask the broker for the ends\n",
    "The end is asked from the broker within --timeout (3 s); it is - when none answers.\n",
    "flightctl lag\nflightctl lag --over 1000 --quiet\n")
FL_COMMAND(dlq, dlq, WRITES, "list | summary | show ID | export [IDS] | replay IDS | drop IDS",
    "dead letters: what could not be decoded, computed or delivered",
    "      --limit N           list at most N (default 100; 0: all)\n"
    "      --code CODE         list only this error code\n"
    "      --all               instead of IDs: all of them\n"
    "      --where TEXT        instead of IDs: those of this code, or with this text in the reason\n"
    "      --file FILE         instead of IDs: those that stand in FILE, lines as export prints them;\n"
    "                          replay takes the values there, which may have been mended\n"
    "      --execute           replay or drop them; without it the plan is printed\n",
    "list prints one line per dead letter with its ID; summary counts them by reason; show prints\n"
    "reason and bytes.  export prints JSON lines: value is the text, value_base64 the bytes that\n"
    "are no text.  In a mended file value may also be an object: its JSON is the record then.\n"
    "\n"
    "replay decodes the records of ingest's letters again; what gives a row goes into the log, once,\n"
    "with the offset and timestamp it had, after the rows that are there: a window that has closed\n"
    "counts it as late.  What fails again stays, with the new reason.  A row of emit's letters\n"
    "goes to its sink again, once, as a new row; but not where its key may have a newer value by\n"
    "now: docs/operate.md says when.  A row that aggregate refused is not replayed: other queries\n"
    "have the record.  drop forgets letters; they remain counted as dead.\n"
    "\n"
    "Both travel as commands through the catalog: each program applies them once, also when it is\n"
    "down now, or dies meanwhile.\n",
    "flightctl dlq export --where MISSING_FIELD > letters.jsonl\n"
    "flightctl dlq replay --file letters.jsonl --execute\n")
FL_COMMAND(offsets, offsets, WRITES, "show | reset --topic T (--to-earliest | --to-latest | --to-offset N)",
    "positions of the sources; give up a range of offsets",
    "      --topic TOPIC       of this topic\n"
    "      --partition N       of this partition; without it of all\n"
    "      --to-earliest       go to the first offset that the broker has\n"
    "      --to-latest         go to the end\n"
    "      --to-offset N       go to offset N\n"
    "      --execute           do it; without it the plan is printed\n",
    "A reset travels as a command through the catalog: ingest applies it once, also when it is\n"
    "down now.  Offsets that are passed over are recorded in the log as a hole.\n",
    "flightctl offsets show\nflightctl offsets reset --topic flights --partition 0 --to-earliest --execute\n")
FL_COMMAND(metrics, metrics, READS, "[GLOB]",
    "print the metrics in Prometheus' text format",
    "",
    "GLOB is a pattern over names, such as 'flight_ingest_*'.  The program serve has the same rows at\n"
    "/metrics, and where the partitions end, which it asks from their brokers.\n",
    "flightctl metrics\nflightctl metrics 'flight_*_conservation'\n")
FL_COMMAND(produce, produce, LOCAL, "TOPIC -b BROKERS (--schema FILE#NAME | --format json | raw)",
    "send JSON lines to a topic, one message per line",
    "  -b, --brokers BROKERS   host:port,...\n"
    "  -t, --topic TOPIC       instead of the argument\n"
    "      --schema FILE#NAME  encode as this record of an .avsc or .avpr file\n"
    "      --format FORMAT     avro (default), or json or raw: send lines as they are\n"
    "      --file FILE         read this file instead of stdin\n"
    "      --array             the input is one JSON array: each element is a message\n"
    "      --realtime          wait between messages as long as they were apart; lines or an array\n"
    "      --time-field F      the key with the time (default timestamp): seconds, milliseconds, or a\n"
    "                          text as 2019-08-01 10:18:55 +0200\n"
    "      --max-wait S        no wait is longer than S seconds\n"
    "      --speed X           X times as fast\n"
    "  -p, --partition N       to this partition (default: any)\n"
    "  -K, --key-delim C       what stands before the first C of a line is the key\n"
    "  -c, --count N           at most N messages\n"
    "  -X, --property K=V      property of the client; no secrets\n"
    "  -F, --properties FILE   properties of the client, one K=V a line\n",
    "A line that is not JSON or does not fit the schema is reported with its number; the rest\n"
    "is sent, and the exit status is 1.  With --realtime a message whose time lies before that of\n"
    "one already sent, or that bears no time, does not wait.\n",
    "flightctl produce flights -b localhost:9092 --schema flights.avpr#flights.analyzer.Flight --file rows.jsonl\n"
    "flightctl produce clicks -b localhost:9092 --format json < clicks.jsonl\n"
    "flightctl produce events-json-topic -b localhost:9092 --format json --file events.json --realtime --speed 10 --max-wait 5\n")
FL_COMMAND(consume, consume, LOCAL, "TOPIC -b BROKERS (--schema FILE#NAME | --format json | raw)",
    "print the messages of a topic, one JSON object per line",
    "  -b, --brokers BROKERS   host:port,...\n"
    "  -t, --topic TOPIC       instead of the argument\n"
    "      --schema FILE#NAME  decode as this record of an .avsc or .avpr file\n"
    "      --format FORMAT     avro (default), or json or raw: print values as they are\n"
    "  -p, --partition N       only this partition\n"
    "  -o, --offset WHERE      beginning (default), end, N, or -N: the last N\n"
    "  -c, --count N           end after N messages\n"
    "  -e, --exit              end at the end of all partitions\n"
    "  -f, --format-string F   %s value %k key %h headers %t topic %p partition %o offset %T timestamp\n"
    "  -J, --envelope          an object with topic, partition, offset, ts, headers [name, value, ...] if\n"
    "                          there are any, key, key_base64 if the key is no UTF-8, payload; with\n"
    "                          --format json, a payload that is no JSON is a string, and undecodable is\n"
    "                          true\n"
    "  -K, --key-delim C       print the key and C before the value\n"
    "  -X, --property K=V      property of the client; no secrets\n"
    "  -F, --properties FILE   properties of the client, one K=V a line\n",
    "Reads committed messages only; -X isolation.level=read_uncommitted shows all.\n",
    "flightctl consume trend_origin -b localhost:9092 --schema flights.avpr#flights.analyzer.TrendOrigin -e\n"
    "flightctl consume clicks -b localhost:9092 --format json -c 10\n")
FL_COMMAND(gen, gen, LOCAL, "flights | routes | orders | food | logins",
    "make rows: JSON lines to stdout, or messages of a topic with -b",
    "      --count N           rows (default 1000; 0: no end)\n"
    "      --rate R            rows per second of the clock (default 0: as fast as possible)\n"
    "      --every S           a row every S seconds of the clock; 1-2: a random time from 1 to 2 s\n"
    "      --per-second R      rows per second of event time (default 10)\n"
    "      --seed S            same seed, same rows (default 1)\n"
    "      --start T           event time of the first row, seconds since 1970 (default 1700000000)\n"
    "      --disorder S        rows come up to S seconds out of order (default 0)\n"
    "      --late SHARE        share of rows that come 1 to 60 minutes late (default 0)\n"
    "      --bad SHARE         share of rows that cannot be decoded or break a rule (default 0)\n"
    "      --again SHARE       orders: share of events that are sent once more (default 0)\n"
    "      --stray SHARE       orders: share of events of orders that nobody ordered, or of customers\n"
    "                          that never registered (default 0)\n"
    "      --array             one JSON array instead of lines\n"
    "      --partitions N      spread over partitions 0 to N-1 (default: the client's choice)\n"
    "  -b, --brokers BROKERS   host:port,...\n"
    "  -t, --topic TOPIC       instead of the generator's own\n"
    "  -X, --property K=V      property of the client; no secrets\n"
    "  -F, --properties FILE   properties of the client, one K=V a line\n",
    "The same options give the same rows on every machine.  With -b flights are sent as Avro, the\n"
    "others as their lines.  What they hold:\n\n"
    "  flights   flightNumber, planeType, passengers, landedAt (seconds), origin\n"
    "  routes    timestamp (seconds), userId, coordinates [latitude, longitude]\n"
    "  orders    events id, aggregate_id, type, timestamp (any offset), data\n"
    "  food      food\n"
    "  logins    user_id, app_version, device_type, ip, locale, device_id, timestamp (seconds);\n"
    "            5 % lack device_type, beside those that --bad asks for\n",
    "flightctl gen flights --count 10 --seed 7\n"
    "flightctl gen flights --count 1000000 --partitions 4 -b localhost:9092\n")
FL_COMMAND(docs, docs, LOCAL, "cli | config | metrics | errors | http | sql-functions",
    "print a page of the reference as markdown",
    "",
    "The pages come from the tables in include/tbl; `make docs` writes them to docs/.\n",
    "flightctl docs cli\nflightctl docs errors\n")
FL_COMMAND(completion, completion, LOCAL, "bash",
    "print a completion script for the shell",
    "",
    "Commands and options come from the same table as this help.\n",
    "source <(flightctl completion bash)\nflightctl completion bash > ~/.local/share/bash-completion/completions/flightctl\n")
FL_COMMAND(version, version, LOCAL, "",
    "print the version and the format of the stores",
    "",
    "",
    "flightctl version\nflightctl version --json\n")
