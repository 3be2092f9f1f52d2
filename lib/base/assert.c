/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_base.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void gyr_assert_failed(const char *expression, const char *file, int line)
{
	(void)fprintf(stderr, "gyr: assertion failed: %s at %s:%d\n", expression, file, line);
	abort();
}
