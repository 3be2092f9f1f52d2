/* SPDX-License-Identifier: Apache-2.0 */
/* Arbitrary device arguments and endpoints. */
#include "gyr_fuzz.h"

#include "gyr_err.h"
#include "gyr_netdev.h"
#include "gyr_netdev_frame.h"

struct values {
	struct gyr_frame_values frame;
	char text[GYR_NETDEV_TEXT_MAX];
	uint8_t link[6];
	bool flag;
};

static const struct gyr_netdev_key keys[] = {
	{ "text", GYR_NETDEV_KEY_TEXT, offsetof(struct values, text), 0, 0, "" },
	{ "link", GYR_NETDEV_KEY_LINK, offsetof(struct values, link), 0, 0, "" },
	{ "flag", GYR_NETDEV_KEY_FLAG, offsetof(struct values, flag), 0, 0, "" },
	GYR_FRAME_KEYS(values),
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct values values = { 0 };
	struct gyr_endpoint endpoint, again;
	char formatted[72];
	char *text = malloc(size + 1);

	if (text == NULL)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	if (gyr_netdev_keys_parse(&values, keys, GYR_COUNT(keys), "fuzz", text) == 0) {
		gyr_assert(values.frame.port <= UINT16_MAX && values.frame.vlan <= 4094);
		gyr_assert(values.frame.address4.bits <= 32 && values.frame.address6.bits <= 128);
	} else {
		gyr_assert(gyr_err_cause()[0] != '\0');
	}
	if (gyr_endpoint_parse(&endpoint, text) == 0) {
		gyr_assert(gyr_endpoint_parse(&again, gyr_endpoint_format(&endpoint, formatted)) ==
			   0);
		gyr_assert(gyr_endpoint_equal(&endpoint, &again));
	}
	gyr_err_clear();
	free(text);
	return 0;
}
