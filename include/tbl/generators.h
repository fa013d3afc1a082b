/*
 * generators.h - what flightctl gen can make.
 *
 * FL_GENERATOR(name, topic, schema, help)
 *	name	static void generate_<name>() in flightctl/generate.c
 *	topic	where it goes unless -t says otherwise
 *	schema	FILE#NAME under data/pipelines; "" for JSON
 * clang-format off
 */
FL_GENERATOR(flights, "flights", "flights/flights.avpr#flights.analyzer.Flight",
    "flightNumber, planeType, passengers, landedAt (seconds), origin")
