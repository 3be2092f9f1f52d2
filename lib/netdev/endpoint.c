/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_netdev.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "gyr_err.h"

/* Decimal digits up to the end or a stop; false on none or more than max. */
static bool number(const char **at, uint64_t max, uint64_t *value)
{
	const char *p = *at;
	uint64_t v = 0;

	if (*p < '0' || *p > '9')
		return false;
	for (; *p >= '0' && *p <= '9'; p++) {
		v = v * 10 + (uint64_t)(*p - '0');
		if (v > max)
			return false;
	}
	*at = p;
	*value = v;
	return true;
}

int gyr_endpoint_parse(struct gyr_endpoint *endpoint, const char *text)
{
	char host[INET6_ADDRSTRLEN];
	const bool is_ipv6 = text[0] == '[';
	const char *start = is_ipv6 ? text + 1 : text;
	size_t length = strcspn(start, is_ipv6 ? "%]" : ":");
	const char *at = start + length;
	uint64_t scope = 0;
	uint64_t port = 0;

	memset(endpoint, 0, sizeof *endpoint);
	if (length >= sizeof host)
		GYR_FAIL(GYR_ERR_USAGE, "%s: no address is that long, offset %zu", text,
			 (size_t)(start - text));
	memcpy(host, start, length);
	host[length] = '\0';
	if (is_ipv6) {
		if (inet_pton(AF_INET6, host, endpoint->address) != 1)
			GYR_FAIL(GYR_ERR_USAGE, "%s: not an IPv6 address, offset 1", text);
		if (*at == '%') {
			at++;
			if (!number(&at, UINT32_MAX, &scope))
				GYR_FAIL(GYR_ERR_USAGE, "%s: the scope is no number, offset %zu",
					 text, (size_t)(at - text));
		}
		if (*at++ != ']')
			GYR_FAIL(GYR_ERR_USAGE, "%s: ] is missing, offset %zu", text,
				 (size_t)(at - 1 - text));
	} else {
		endpoint->address[10] = endpoint->address[11] = 0xff;
		if (inet_pton(AF_INET, host, endpoint->address + 12) != 1)
			GYR_FAIL(GYR_ERR_USAGE, "%s: not an IPv4 address, offset 0", text);
	}
	if (*at != ':')
		GYR_FAIL(GYR_ERR_USAGE, "%s: : and a port are missing, offset %zu", text,
			 (size_t)(at - text));
	at++;
	if (!number(&at, UINT16_MAX, &port) || *at != '\0')
		GYR_FAIL(GYR_ERR_USAGE, "%s: not a port, offset %zu", text, (size_t)(at - text));
	endpoint->port = (uint16_t)port;
	endpoint->interface = (uint32_t)scope;
	return 0;
}

const char *gyr_endpoint_format(const struct gyr_endpoint *endpoint, char text[72])
{
	const uint8_t *a = endpoint->address;
	char host[INET6_ADDRSTRLEN];

	if (gyr_endpoint_is_ipv4(endpoint)) {
		(void)snprintf(text, 72, "%u.%u.%u.%u:%u", a[12], a[13], a[14], a[15],
			       endpoint->port);
		return text;
	}
	(void)inet_ntop(AF_INET6, a, host, sizeof host);
	if (endpoint->interface != 0)
		(void)snprintf(text, 72, "[%s%%%u]:%u", host, endpoint->interface, endpoint->port);
	else
		(void)snprintf(text, 72, "[%s]:%u", host, endpoint->port);
	return text;
}
