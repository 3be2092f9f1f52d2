/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file as YAML sees it, to say where something stands: libcyaml reports what it refuses, but
 * for a key it names the line of the one before.
 */
#ifndef DOCUMENT_H
#define DOCUMENT_H

#include <cyaml/cyaml.h>
#include <yaml.h>

#include "fields.h"

struct document {
	yaml_document_t yaml;
	const char *path; /* the file's name in messages */
	bool empty;
};

/* Parses; GYR_ERR_CONFIG for what is no YAML. Close it when this succeeded. */
int document_open(struct document *document, const char *text, size_t length, const char *path);
void document_close(struct document *document);

/* Refuses keys that the schema does not have, or that stand twice, with their place. */
int document_check_keys(struct document *document, const cyaml_schema_value_t *schema);

/*
 * Where a field stands, by its path ("log.ring_size", "lanes[2].stages[0]"); of a field that the
 * file leaves out, the nearest enclosing one.
 */
struct place document_find(struct document *document, const char *field);

/* GYR_ERR_CONFIG "path:line:column: field: text". */
int document_refuse(struct document *document, const char *field, const char *format, ...)
	GYR_PRINTF(3, 4);

#endif
