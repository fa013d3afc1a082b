/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.c - nanoseconds per record of the codecs, best of several rounds.
 *
 * One line per case: "avro flight 12.3 ns/record 81.3 M/s".
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/util.h"
#include "codec/codec.h"

#define ROWS 20000u
#define ROUNDS 40

#define TEXT(n) { n, { .id = FL_TYPE_VARCHAR, .length = FL_LENGTH_MAX } }
static struct fl_field flight_fields[] = { TEXT("flightNumber"), { "planeType", { .id = FL_TYPE_INT } },
	{ "passengers", { .id = FL_TYPE_INT } }, { "landedAt", { .id = FL_TYPE_BIGINT } }, TEXT("origin") };
static const struct fl_schema flight = { FL_ARRAY_COUNT(flight_fields), flight_fields };
static struct fl_field login_fields[] = { TEXT("user_id"), TEXT("app_version"), TEXT("device_type"),
	TEXT("ip"), TEXT("locale"), TEXT("device_id"), { "timestamp", { .id = FL_TYPE_BIGINT } } };
static const struct fl_schema login = { FL_ARRAY_COUNT(login_fields), login_fields };
static const char flight_schema[] =
    "{\"type\":\"record\",\"name\":\"Flight\",\"fields\":[{\"name\":\"flightNumber\",\"type\":\"string\"},"
    "{\"name\":\"planeType\",\"type\":{\"type\":\"enum\",\"name\":\"P\",\"symbols\":[\"SMALL\",\"BIG\"]}},"
    "{\"name\":\"passengers\",\"type\":\"int\"},{\"name\":\"landedAt\",\"type\":\"long\"},"
    "{\"name\":\"origin\",\"type\":\"string\"}]}";

/* What the logins have to be, and a stricter form of it. */
static const char login_schema[] =
    "{\"type\":\"object\",\"required\":[\"user_id\",\"app_version\",\"device_type\",\"ip\",\"locale\","
    "\"device_id\",\"timestamp\"],\"properties\":{\"user_id\":{\"type\":\"string\"},"
    "\"app_version\":{\"type\":\"string\"},\"device_type\":{\"type\":\"string\"},\"ip\":{\"type\":\"string\"},"
    "\"locale\":{\"type\":\"string\"},\"device_id\":{\"type\":\"string\"},"
    "\"timestamp\":{\"type\":\"integer\"}}}";
static const char login_schema_strict[] =
    "{\"type\":\"object\",\"required\":[\"user_id\",\"app_version\",\"device_type\",\"ip\",\"locale\","
    "\"device_id\",\"timestamp\"],\"properties\":{\"user_id\":{\"type\":\"string\",\"minLength\":36},"
    "\"app_version\":{\"type\":\"string\",\"pattern\":\"^[0-9]+\\\\.[0-9]+\\\\.[0-9]+$\"},"
    "\"device_type\":{\"enum\":[\"android\",\"ios\"]},\"ip\":{\"type\":\"string\",\"format\":\"ipv4\"},"
    "\"locale\":{\"type\":\"string\",\"minLength\":2,\"maxLength\":2},\"device_id\":{\"type\":\"string\"},"
    "\"timestamp\":{\"type\":\"integer\",\"minimum\":0}}}";

static struct fl_field event_fields[] = { TEXT("user_id"), TEXT("page_id"), { "ad_id", { .id = FL_TYPE_INT } },
	TEXT("ad_type"), TEXT("event_type"), { "event_time", { .id = FL_TYPE_BIGINT } }, TEXT("ip_address") };
static const struct fl_schema event = { FL_ARRAY_COUNT(event_fields), event_fields };
static struct fl_field route_fields[] = { { "timestamp", { .id = FL_TYPE_DOUBLE } },
	{ "userId", { .id = FL_TYPE_INT } },
	{ "coordinates", { .id = FL_TYPE_ARRAY, .element = FL_TYPE_DOUBLE } } };
static const struct fl_schema route = { FL_ARRAY_COUNT(route_fields), route_fields };
/* As events.schema.json. */
static const char event_schema[] =
    "{\"type\":\"object\",\"required\":[\"user_id\",\"page_id\",\"ad_id\",\"ad_type\",\"event_type\","
    "\"event_time\",\"ip_address\"],\"properties\":{\"user_id\":{\"type\":\"string\",\"minLength\":32,\"maxLength\":32},"
    "\"page_id\":{\"type\":\"string\"},\"ad_id\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":999},"
    "\"ad_type\":{\"type\":\"string\"},\"event_type\":{\"enum\":[\"view\",\"click\",\"purchase\"]},"
    "\"event_time\":{\"type\":\"integer\",\"minimum\":0},\"ip_address\":{\"type\":\"string\",\"format\":\"ipv4\"}}}";
static const char route_schema[] =
    "{\"type\":\"object\",\"required\":[\"timestamp\",\"userId\",\"coordinates\"],\"properties\":{"
    "\"timestamp\":{\"type\":\"number\",\"minimum\":0,\"maximum\":1.7976931348623157e308},"
    "\"userId\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":2147483647},"
    "\"coordinates\":{\"type\":\"array\",\"minItems\":2,\"maxItems\":2,\"prefixItems\":["
    "{\"type\":\"number\",\"minimum\":-90,\"maximum\":90},"
    "{\"type\":\"number\",\"minimum\":-180,\"maximum\":180}]}}}";

static char *records;
static uint32_t record_ends[ROWS];

enum kind { FLIGHT_AVRO, FLIGHT, LOGIN, EVENT, ROUTE };

static void
make_records(enum kind kind)
{
	struct fl_codec_options options = { .schema = &flight,
		.format = kind == FLIGHT_AVRO ? FL_FORMAT_AVRO : FL_FORMAT_JSON };
	struct fl_encoder *encoder = NULL;
	struct fl_builder b;
	struct fl_batch batch;
	struct fl_arena arena;
	struct fl_err err;
	struct fl_buf out;

	fl_buf_init(&out);
	fl_arena_init(&arena);
	fl_builder_init(&b, &flight);
	for (uint32_t i = 0; i < ROWS; i++) {
		char text[16];

		(void)fl_builder_begin(&b);
		(void)snprintf(text, sizeof(text), "foo%u", i % 1000);
		fl_builder_set_str(&b, 0, text, strlen(text));
		fl_builder_set_i32(&b, 1, (int32_t)(i & 1));
		fl_builder_set_i32(&b, 2, (int32_t)(i % 300));
		fl_builder_set_i64(&b, 3, 1511978026 + i);
		fl_builder_set_str(&b, 4, i % 3 == 0 ? "es" : "us", 2);
		fl_builder_commit(&b);
	}
	fl_builder_view(&b, &batch, &arena);
	if (fl_encoder_new(&options, &encoder, &err) != FL_OK)
		exit(1);
	for (uint32_t i = 0; i < ROWS; i++) {
		uint64_t a = i * UINT64_C(0x9e3779b97f4a7c15);

		if (kind == LOGIN)
			fl_buf_printf(&out, "{\"user_id\": \"424cdd21-063a-43a7-b91b-7ca1a83%05u\", "
			    "\"app_version\": \"2.3.0\", \"device_type\": \"android\", \"ip\": \"199.172.111.135\", "
			    "\"locale\": \"RU\", \"device_id\": \"593-47-%05u\", \"timestamp\": %u}", i, i, 1694479551 + i);
		else if (kind == EVENT) /* as tests/bench/fill.c */
			fl_buf_printf(&out, "{\"user_id\":\"%016" PRIx64 "%016" PRIx64 "\",\"page_id\":\"%016" PRIx64
			    "\",\"ad_id\":%u,\"ad_type\":\"banner\",\"event_type\":\"%s\",\"event_time\":%" PRIu64
			    ",\"ip_address\":\"10.%u.%u.1\"}", a, ~a, a >> 1, (unsigned)(a >> 32) % 1000,
			    (const char *[]){ "view", "click", "purchase" }[(a >> 40) % 3], UINT64_C(1600000000000) + i,
			    (unsigned)(a >> 20) % 200, (unsigned)(a >> 28) % 200);
		else if (kind == ROUTE)
			fl_buf_printf(&out, "{\"timestamp\":%u.%03u,\"userId\":%u,\"coordinates\":[%.6f,%.6f]}",
			    1700000000 + i, i % 1000, (unsigned)(a >> 32) % 1000,
			    (double)(a >> 40) / (1 << 24) * 180 - 90, (double)(a >> 30 & 0xffffff) / (1 << 24) * 360 - 180);
		else if (fl_encode(encoder, &batch, i, &out, &err) != FL_OK)
			exit(1);
		record_ends[i] = (uint32_t)out.size;
	}
	fl_encoder_free(&encoder);
	fl_builder_fini(&b);
	fl_arena_fini(&arena);
	free(records);
	records = out.data;
}

static void
measure(const char *name, const struct fl_codec_options *options)
{
	struct fl_decoder *decoder = NULL;
	struct fl_builder b;
	struct fl_err err;
	int64_t best = INT64_MAX;

	if (fl_decoder_new(options, &decoder, &err) != FL_OK) {
		(void)fprintf(stderr, "%s: %s\n", name, err.text);
		exit(1);
	}
	fl_builder_init(&b, options->schema);
	for (int round = 0; round < ROUNDS; round++) {
		int64_t start = fl_monotonic_us(), took;
		uint32_t at = 0;

		fl_builder_reset(&b);
		for (uint32_t i = 0; i < ROWS; at = record_ends[i++]) {
			(void)fl_builder_begin(&b);
			if (fl_decode(decoder, records + at, record_ends[i] - at, &b, &err) != FL_VERDICT_ROW) {
				(void)fprintf(stderr, "%s: %s\n", name, err.text);
				exit(1);
			}
			fl_builder_commit(&b);
		}
		took = fl_monotonic_us() - start;
		best = FL_MIN(best, took);
	}
	(void)printf("%-28s %7.1f ns/record %7.2f M/s %8.0f MB/s\n", name,
	    (double)best * 1000 / ROWS, ROWS / (double)best, record_ends[ROWS - 1] / (double)best);
	fl_builder_fini(&b);
	fl_decoder_free(&decoder);
}

int
main(void)
{
	struct fl_field average_fields[] = { flight_fields[2], flight_fields[3] };
	struct fl_schema average = { 2, average_fields }, as_text = flight;
	struct fl_field text_fields[5];

	memcpy(text_fields, flight_fields, sizeof(text_fields));
	text_fields[1].type = text_fields[0].type;
	as_text.fields = text_fields;
	make_records(FLIGHT_AVRO);
	measure("avro flight, derived schema",
	    &(struct fl_codec_options){ .format = FL_FORMAT_AVRO, .schema = &flight });
	measure("avro flight, enum as STRING", &(struct fl_codec_options){ .format = FL_FORMAT_AVRO,
	    .schema = &as_text, .avro_schema = flight_schema });
	measure("avro flight, 2 of 5 columns", &(struct fl_codec_options){ .format = FL_FORMAT_AVRO,
	    .schema = &average, .avro_schema = flight_schema });
	make_records(FLIGHT);
	measure("json flight", &(struct fl_codec_options){ .format = FL_FORMAT_JSON, .schema = &flight });
	make_records(LOGIN);
	measure("json login", &(struct fl_codec_options){ .format = FL_FORMAT_JSON, .schema = &login });
	measure("json login, 2 of 7 columns", &(struct fl_codec_options){ .format = FL_FORMAT_JSON,
	    .schema = &(struct fl_schema){ 2, (struct fl_field[]){ login_fields[2], login_fields[6] } } });
	measure("json login, its schema", &(struct fl_codec_options){ .format = FL_FORMAT_JSON,
	    .schema = &login, .json_schema = login_schema });
	measure("json login, a schema of rules", &(struct fl_codec_options){ .format = FL_FORMAT_JSON,
	    .schema = &login, .json_schema = login_schema_strict });
	make_records(EVENT);
	measure("json event", &(struct fl_codec_options){ .format = FL_FORMAT_JSON, .schema = &event });
	measure("json event, a schema of rules", &(struct fl_codec_options){ .format = FL_FORMAT_JSON,
	    .schema = &event, .json_schema = event_schema });
	make_records(ROUTE);
	measure("json route", &(struct fl_codec_options){ .format = FL_FORMAT_JSON, .schema = &route });
	measure("json route, its schema", &(struct fl_codec_options){ .format = FL_FORMAT_JSON,
	    .schema = &route, .json_schema = route_schema });
	free(records);
	return 0;
}
