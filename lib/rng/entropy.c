/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_rng.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "gyr_err.h"

int gyr_rng_entropy(void *out, size_t length)
{
	uint8_t *bytes = out;

	while (length > 0) {
		ssize_t got = getrandom(bytes, length, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			GYR_FAIL(GYR_ERR_UNSUPPORTED, "the kernel gives no entropy: %s",
				 strerror(errno));
		bytes += got;
		length -= (size_t)got;
	}
	return 0;
}
