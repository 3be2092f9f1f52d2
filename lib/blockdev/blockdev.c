/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_blockdev.h"

#include "gyr_err.h"

int gyr_blockdev_open(struct gyr_blockdev **out, char *reasons, size_t size,
		      const struct gyr_blockdev_ops *const *drivers, unsigned count,
		      const struct gyr_blockdev_config *config)
{
	int error = -GYR_ERR_UNSUPPORTED;
	size_t used = 0;

	gyr_assert(count != 0);
	if (reasons != NULL && size != 0)
		reasons[0] = '\0';
	if (config->in_flight_max == 0 || config->in_flight_max > GYR_BLOCKDEV_IN_FLIGHT_MAX)
		GYR_FAIL(GYR_ERR_CONFIG, "%u writes in flight: wanted is 1 to %u",
			 config->in_flight_max, GYR_BLOCKDEV_IN_FLIGHT_MAX);
	for (unsigned i = 0; i < count; i++) {
		error = drivers[i]->open(out, config);
		if (error == 0) {
			gyr_err_clear();
			return 0;
		}
		if (error != -GYR_ERR_UNSUPPORTED)
			break;
		if (reasons != NULL && used < size) {
			int length = snprintf(reasons + used, size - used, "%s%s: %s",
					      used == 0 ? "" : "; ", drivers[i]->name,
					      gyr_err_cause());

			used += length > 0 ? (size_t)length : 0;
		}
	}
	return gyr_err_add(error, __FILE__, __LINE__, "opening the data directory %s",
			   config->path == NULL ? "(none)" : config->path);
}
