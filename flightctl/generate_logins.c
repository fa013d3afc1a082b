/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generate_logins.c - logins of users with their devices.
 *
 * 5 % lack device_type, whatever --bad says: so are the real ones.  --bad adds records
 * that are wrong in any other way.  One in 50 of the others has a key more.
 */
#include <inttypes.h>

#include "base/util.h"
#include "flightctl/generate.h"

#define LACKING_SHARE 0.05
#define FIELD_COUNT 7
enum { DEVICE_TYPE = 2, TIMESTAMP = 6 };

static const char *const names[FIELD_COUNT] = {
    "user_id", "app_version", "device_type", "ip", "locale", "device_id", "timestamp"};

static void
make_values(struct generate *g, char values[FIELD_COUNT][64])
{
	static const char *const versions[] = {"2.3.0", "2.3.1", "2.4.0", "3.0.0-beta"};
	static const char *const types[] = {"android", "iOS", "web"};
	static const char *const locales[] = {"en_US", "es_ES", "fr_FR", "de_DE", "zh_CN", "RU"};
	uint64_t user = generate_below(g, 500), ip = generate_u64(g);
	char id[37];

	generate_uuid(g, 1, user, id);
	snprintf(values[0], 64, "\"%s\"", id);
	snprintf(values[1], 64, "\"%s\"", versions[generate_below(g, FL_ARRAY_COUNT(versions))]);
	snprintf(values[2], 64, "\"%s\"", types[user % FL_ARRAY_COUNT(types)]);
	snprintf(values[3], 64, "\"%d.%d.%d.%d\"", (int)(ip & 255), (int)(ip >> 8 & 255),
	    (int)(ip >> 16 & 255), (int)(ip >> 24 & 255));
	snprintf(values[4], 64, "\"%s\"", locales[user % FL_ARRAY_COUNT(locales)]);
	generate_uuid(g, 2, user, id);
	snprintf(values[5], 64, "\"%s\"", id);
	snprintf(values[6], 64, "%" PRId64, generate_time_ms(g) / 1000);
}

/* without < 0: all fields. */
static void
print_login(struct fl_buf *line, char values[FIELD_COUNT][64], int without, const char *more)
{
	fl_buf_byte(line, '{');
	for (int i = 0, n = 0; i < FIELD_COUNT; i++)
		if (i != without)
			fl_buf_printf(line, "%s\"%s\":%s", n++ > 0 ? "," : "", names[i], values[i]);
	fl_buf_printf(line, "%s}", more);
}

/* A field that is absent, of another type or null; a time that is none; no object; no JSON. */
static void
spoil(struct generate *g, char values[FIELD_COUNT][64], struct fl_buf *line)
{
	static const char *const times[] = {"\"1694479551\"", "1694479551.5", "true", "null", "[]"};
	static const char *const texts[] = {"7", "null", "false", "[\"x\"]", "{}"};
	uint64_t kind = generate_below(g, g->options->json_only ? 5 : 6);
	int field = (int)generate_below(g, FIELD_COUNT - 1);
	size_t from = line->size;
	int without = -1;

	if (kind == 0)
		without = field >= DEVICE_TYPE ? field + 1 : field;
	else if (kind == 1)
		snprintf(values[TIMESTAMP], 64, "%s", times[generate_below(g, FL_ARRAY_COUNT(times))]);
	else if (kind == 2 || kind == 3)
		snprintf(values[field], 64, "%s", texts[generate_below(g, FL_ARRAY_COUNT(texts))]);
	if (kind == 4) {
		fl_buf_printf(line, "[%s,%s]", values[0], values[TIMESTAMP]);
		return;
	}
	print_login(line, values, without, "");
	if (kind == 5)
		generate_cut(line, from);
}

void
generate_logins(struct generate *g, struct fl_buf *line)
{
	char values[FIELD_COUNT][64];

	make_values(g, values);
	if (g->is_bad)
		spoil(g, values, line);
	else
		print_login(line, values, generate_is(g, LACKING_SHARE) ? DEVICE_TYPE : -1,
		    generate_below(g, 50) == 0 ? ",\"session\":{\"id\":1}" : "");
}
