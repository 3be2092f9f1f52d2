/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gyr_err.h"
#include "gyr_json.h"
#include "gyr_operate.h"

#define LOOK_NS 50000000u

uint64_t gyr_operate_utc_ns(void)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

enum gyr_operate_state gyr_operate_state(const struct gyr_metric_area *area, uint64_t utc_now_ns)
{
	uint64_t heartbeat_ns = gyr_metric_get(&area->header.heartbeat_utc_ns);
	uint64_t state = gyr_metric_get(&area->server[0].state);

	if (gyr_metric_get(&area->header.ended) != 0)
		return GYR_OPERATE_ENDED;
	/* While it recovers a server gives no sign of life, and may do so for long: there its
	 * process decides. */
	if (utc_now_ns > heartbeat_ns && utc_now_ns - heartbeat_ns > GYR_OPERATE_HEARTBEAT_NS &&
	    (state >= GYR_OPERATE_SERVING ||
	     (kill((pid_t)area->header.pid, 0) < 0 && errno == ESRCH)))
		return GYR_OPERATE_DEAD;
	return state < GYR_OPERATE_DEAD ? (enum gyr_operate_state)state : GYR_OPERATE_STARTING;
}

const char *gyr_operate_state_name(enum gyr_operate_state state)
{
	static const char *const names[GYR_OPERATE_STATE_COUNT] = {
		"starting", "recovering", "serving", "draining", "ended", "dead",
	};

	return (unsigned)state < GYR_COUNT(names) ? names[state] : "unknown";
}

static void say(const struct gyr_metric_reader *reader, enum gyr_operate_state state, bool json,
		FILE *to)
{
	struct gyr_json out = gyr_json_begin_lines(to);

	if (!json) {
		(void)fprintf(to, "%s: the server is %s\n",
			      state == GYR_OPERATE_SERVING ? "ready" : "not ready",
			      gyr_operate_state_name(state));
		return;
	}
	gyr_json_object(&out, NULL);
	gyr_json_bool(&out, "ready", state == GYR_OPERATE_SERVING);
	gyr_json_text(&out, "state", gyr_operate_state_name(state));
	if (reader->area != NULL) {
		gyr_json_number(&out, "pid", reader->area->header.pid);
		gyr_json_number(&out, "epoch", gyr_metric_get(&reader->area->server[0].epoch));
	}
	gyr_json_end(&out);
}

int gyr_operate_ready(const char *directory, uint64_t wait_ns, bool json, FILE *to)
{
	struct gyr_metric_reader reader = { 0 };
	uint64_t end_ns = gyr_operate_utc_ns() + wait_ns;
	enum gyr_operate_state state = GYR_OPERATE_ENDED;

	for (;;) {
		struct timespec length = { .tv_nsec = LOOK_NS };
		int error = reader.area == NULL ? gyr_metric_attach(&reader, directory)
						: gyr_metric_refresh(&reader);

		if (error >= 0)
			state = gyr_operate_state(reader.area, gyr_operate_utc_ns());
		if (state == GYR_OPERATE_SERVING || gyr_operate_utc_ns() >= end_ns) {
			/* Never a server there: a failure to look, not an answer. */
			if (error < 0 && reader.area == NULL)
				return error;
			break;
		}
		gyr_err_clear();
		(void)nanosleep(&length, NULL);
	}
	say(&reader, state, json, to);
	gyr_metric_detach(&reader);
	return state == GYR_OPERATE_SERVING ? GYR_OPERATE_YES : GYR_OPERATE_NO;
}
