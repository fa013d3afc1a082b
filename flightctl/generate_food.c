/* SPDX-License-Identifier: Apache-2.0 */
/* generate_food.c - what somebody eats: {"food": "pie"}. */
#include "base/util.h"
#include "flightctl/generate.h"

void
generate_food(struct generate *g, struct fl_buf *line)
{
	/* The name is the category as sent: case, accents and quotes count. */
	static const char *const foods[] = {"sandwich", "pie", "soup", "pizza", "salad", "Pie",
	    "crème brûlée", "shepherd's pie", "麺", "12\" \\pizza"};
	/* Those that are no JSON come last. */
	static const char *const spoilt[] = {"{}", "{\"Food\":\"pie\"}", "{\"food\":null}",
	    "{\"food\":[\"pie\"]}", "{\"food\":7}", "{\"food\":{\"name\":\"pie\"}}", "{\"food\":true}",
	    "[\"pie\"]", "\"pie\"", "null", "pie", "{\"food\":\"p", "{\"food\":'pie'}"};
	const size_t text_count = 3;
	uint64_t one = generate_below(g, FL_ARRAY_COUNT(foods));
	uint64_t other = generate_below(g, FL_ARRAY_COUNT(foods));
	const char *food = foods[one < other ? one : other];

	if (g->is_bad) {
		fl_buf_str(line, spoilt[generate_below(g,
				     FL_ARRAY_COUNT(spoilt) - (g->options->json_only ? text_count : 0))]);
		return;
	}
	fl_buf_str(line, "{\"food\":");
	fl_buf_json(line, food, strlen(food));
	fl_buf_byte(line, '}');
}
