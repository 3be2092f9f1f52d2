/* SPDX-License-Identifier: Apache-2.0 */
/* Texts with {name:form} and their arguments. */
#ifndef RENDER_H
#define RENDER_H

#include "gyr_journal.h"
#include "gyr_json.h"

/* Writes each argument into the open object, by its name. */
void render_json(struct gyr_json *json, const struct gyr_journal_record *record);

/* A source file's path without what the build put in front. */
const char *render_file(const char *file);

#endif
