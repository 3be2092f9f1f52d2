/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a configuration: refused with a place, or good in every field. */
#include "gyr_fuzz.h"

#include "gyr_conf.h"
#include "gyr_err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct gyr_conf conf;
	int error = gyr_conf_parse(&conf, (const char *)data, size, "f.yaml");

	if (error != 0) {
		gyr_assert(error == -GYR_ERR_CONFIG);
		gyr_assert(strncmp(gyr_err_cause(), "f.yaml", 6) == 0);
		gyr_err_clear();
		return 0;
	}
	gyr_assert(conf.gate_count >= 1 && conf.gate_count <= GYR_CONF_GATE_COUNT_MAX);
	gyr_assert(conf.lane_count >= 1 && conf.lane_count <= GYR_CONF_LANE_COUNT_MAX);
	gyr_assert(gyr_conf_lane_of(&conf, GYR_CONF_STAGE_SEQUENCE, 0) != NULL);
	gyr_assert(gyr_is_power_of_two(conf.log.ring_size));
	gyr_assert(memchr(conf.chain.genesis, 0, sizeof conf.chain.genesis) != NULL);
	return 0;
}
