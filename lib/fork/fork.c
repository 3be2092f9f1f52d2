/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_fork.h"

struct fork_name {
	const char *name;
	enum gyr_fork fork;
};

/* The first name of a fork is the one that is shown. */
static const struct fork_name names[] = {
	{ "Frontier", GYR_FORK_FRONTIER },
	{ "Homestead", GYR_FORK_HOMESTEAD },
	{ "EIP150", GYR_FORK_TANGERINE },
	{ "TangerineWhistle", GYR_FORK_TANGERINE },
	{ "EIP158", GYR_FORK_SPURIOUS },
	{ "SpuriousDragon", GYR_FORK_SPURIOUS },
	{ "Byzantium", GYR_FORK_BYZANTIUM },
	{ "Constantinople", GYR_FORK_CONSTANTINOPLE },
	{ "ConstantinopleFix", GYR_FORK_PETERSBURG },
	{ "Petersburg", GYR_FORK_PETERSBURG },
	{ "Istanbul", GYR_FORK_ISTANBUL },
	{ "MuirGlacier", GYR_FORK_ISTANBUL },
	{ "Berlin", GYR_FORK_BERLIN },
	{ "London", GYR_FORK_LONDON },
	{ "ArrowGlacier", GYR_FORK_LONDON },
	{ "GrayGlacier", GYR_FORK_LONDON },
	{ "Paris", GYR_FORK_PARIS },
	{ "Merge", GYR_FORK_PARIS },
	{ "Shanghai", GYR_FORK_SHANGHAI },
	{ "Cancun", GYR_FORK_CANCUN },
	{ "Prague", GYR_FORK_PRAGUE },
	{ "Osaka", GYR_FORK_OSAKA },
};

const char *gyr_fork_name(unsigned fork)
{
	for (size_t i = 0; i < GYR_COUNT(names); i++)
		if (names[i].fork == fork)
			return names[i].name;
	return NULL;
}

bool gyr_fork_by_name(enum gyr_fork *out, const char *name, size_t name_length)
{
	for (size_t i = 0; i < GYR_COUNT(names); i++) {
		size_t length = 0;

		while (names[i].name[length] != '\0')
			length++;
		if (length == name_length && memcmp(names[i].name, name, length) == 0) {
			*out = names[i].fork;
			return true;
		}
	}
	return false;
}
