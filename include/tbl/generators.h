/*
 * generators.h - what flightctl gen can make.
 *
 * FL_GENERATOR(name, topic, schema)
 *	name	void generate_<name>() in flightctl/generate_<name>.c
 *	topic	where it goes unless -t says otherwise
 *	schema	FILE#NAME under data/pipelines: messages are Avro; "" for JSON
 *
 * What each holds is said in the row of `gen` in commands.h.
 * clang-format off
 */
FL_GENERATOR(flights, "flights", "flights/flights.avpr#flights.analyzer.Flight")
FL_GENERATOR(routes, "routes", "")
FL_GENERATOR(orders, "events-json-topic", "")
FL_GENERATOR(food, "message", "")
FL_GENERATOR(logins, "user-login", "")
