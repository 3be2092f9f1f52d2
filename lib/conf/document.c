/* SPDX-License-Identifier: Apache-2.0 */
#include "document.h"

#include <stdarg.h>
#include <string.h>

#include "gyr_err.h"

#define DEPTH_MAX 8
#define NAME_MAX_ 48

int document_open(struct document *document, const char *text, size_t length, const char *path)
{
	yaml_parser_t parser;
	int loaded;

	document->path = path;
	if (yaml_parser_initialize(&parser) == 0)
		GYR_FAIL(GYR_ERR_MEMORY, "no memory for the YAML parser");
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
	loaded = yaml_parser_load(&parser, &document->yaml);
	if (loaded == 0) {
		int error = gyr_err_push(
			GYR_ERR_CONFIG, __FILE__, __LINE__, "%s:%zu:%zu: not YAML: %s", path,
			parser.problem_mark.line + 1, parser.problem_mark.column + 1,
			parser.problem == NULL ? "unreadable" : parser.problem);

		yaml_parser_delete(&parser);
		return error;
	}
	yaml_parser_delete(&parser);
	document->empty = yaml_document_get_root_node(&document->yaml) == NULL;
	return 0;
}

void document_close(struct document *document)
{
	yaml_document_delete(&document->yaml);
}

static struct place place_of(const yaml_node_t *node)
{
	return (struct place){
		.line = (unsigned)node->start_mark.line + 1,
		.column = (unsigned)node->start_mark.column + 1,
	};
}

static bool key_is(const yaml_node_t *node, const char *name, size_t length)
{
	return node != NULL && node->type == YAML_SCALAR_NODE &&
	       node->data.scalar.length == length &&
	       memcmp(node->data.scalar.value, name, length) == 0;
}

/* The nearest node on the way to a field, and whether it is the field itself. */
static const yaml_node_t *find(struct document *document, const char *field)
{
	yaml_node_t *node = yaml_document_get_root_node(&document->yaml);
	const yaml_node_t *named = node;

	while (node != NULL && *field != '\0') {
		yaml_node_t *next = NULL;

		if (*field == '[' && node->type == YAML_SEQUENCE_NODE) {
			size_t index = 0;
			size_t count = (size_t)(node->data.sequence.items.top -
						node->data.sequence.items.start);

			for (field++; *field >= '0' && *field <= '9'; field++)
				index = index * 10 + (size_t)(*field - '0');
			field += *field == ']';
			if (index < count)
				next = yaml_document_get_node(
					&document->yaml, node->data.sequence.items.start[index]);
		} else if (node->type == YAML_MAPPING_NODE) {
			size_t length;

			field += *field == '.';
			length = strcspn(field, ".[");
			for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
			     pair < node->data.mapping.pairs.top && next == NULL; pair++)
				if (key_is(yaml_document_get_node(&document->yaml, pair->key),
					   field, length))
					next = yaml_document_get_node(&document->yaml, pair->value);
			field += length;
		}
		if (next == NULL)
			return named;
		named = node = next;
	}
	return named;
}

struct place document_find(struct document *document, const char *field)
{
	const yaml_node_t *node = document->empty ? NULL : find(document, field);

	return node == NULL ? (struct place){ 1, 1 } : place_of(node);
}

int document_refuse(struct document *document, const char *field, const char *format, ...)
{
	struct place place = document_find(document, field);
	char text[300];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	GYR_FAIL(GYR_ERR_CONFIG, "%s:%u:%u: %s: %s", document->path, place.line, place.column,
		 field, text);
}

/* Edits that turn a into b (Levenshtein); more than NAME_MAX_ bytes count as far away. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[NAME_MAX_ + 1];
	size_t a_length = strlen(a);
	size_t b_length = strlen(b);

	if (a_length > NAME_MAX_ || b_length > NAME_MAX_)
		return NAME_MAX_;
	for (unsigned j = 0; j <= b_length; j++)
		row[j] = j;
	for (unsigned i = 1; i <= a_length; i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (unsigned j = 1; j <= b_length; j++) {
			unsigned change = diagonal + (a[i - 1] != b[j - 1]);
			unsigned insert = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;

			diagonal = row[j];
			row[j] = change < insert ? change : insert;
		}
	}
	return row[b_length];
}

static int refuse_key(const struct document *document, const yaml_node_t *key,
		      const cyaml_schema_field_t *fields, const char *where)
{
	const char *name = (const char *)key->data.scalar.value;
	struct place place = place_of(key);
	const char *nearest = NULL;
	unsigned nearest_distance = 4;

	for (const cyaml_schema_field_t *field = fields; field->key != NULL; field++) {
		unsigned far = distance(name, field->key);

		if (far < nearest_distance) {
			nearest_distance = far;
			nearest = field->key;
		}
	}
	GYR_FAIL(GYR_ERR_CONFIG, "%s:%u:%u: %s%s%.40s: there is no such field%s%s%s",
		 document->path, place.line, place.column, where, where[0] == '\0' ? "" : ".", name,
		 nearest == NULL ? "" : "; did you mean '", nearest == NULL ? "" : nearest,
		 nearest == NULL ? "" : "'?");
}

static int check_node(struct document *document, const yaml_node_t *node,
		      const cyaml_schema_value_t *schema, const char *where, unsigned depth);

static int check_mapping(struct document *document, const yaml_node_t *node,
			 const cyaml_schema_value_t *schema, const char *where, unsigned depth)
{
	const yaml_node_pair_t *first = node->data.mapping.pairs.start;

	for (const yaml_node_pair_t *pair = first; pair < node->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = yaml_document_get_node(&document->yaml, pair->key);
		const cyaml_schema_field_t *field = schema->mapping.fields;
		struct place place = place_of(key);
		char inner[96];

		if (key->type != YAML_SCALAR_NODE)
			GYR_FAIL(GYR_ERR_CONFIG, "%s:%u:%u: %s: a key must be a word",
				 document->path, place.line, place.column, where);
		while (field->key != NULL && !key_is(key, field->key, strlen(field->key)))
			field++;
		if (field->key == NULL)
			return refuse_key(document, key, schema->mapping.fields, where);
		(void)snprintf(inner, sizeof inner, "%s%s%s", where, where[0] == '\0' ? "" : ".",
			       field->key);
		for (const yaml_node_pair_t *other = first; other < pair; other++)
			if (key_is(yaml_document_get_node(&document->yaml, other->key), field->key,
				   strlen(field->key)))
				GYR_FAIL(GYR_ERR_CONFIG, "%s:%u:%u: %s: stands here a second time",
					 document->path, place.line, place.column, inner);
		GYR_TRY(check_node(document, yaml_document_get_node(&document->yaml, pair->value),
				   &field->value, inner, depth + 1));
	}
	return 0;
}

static int check_node(struct document *document, const yaml_node_t *node,
		      const cyaml_schema_value_t *schema, const char *where, unsigned depth)
{
	struct place place = place_of(node);
	unsigned index = 0;

	if (depth > DEPTH_MAX)
		GYR_FAIL(GYR_ERR_CONFIG, "%s:%u:%u: %s: too deep", document->path, place.line,
			 place.column, where);
	switch (schema->type) {
	case CYAML_MAPPING:
		if (node->type != YAML_MAPPING_NODE)
			GYR_FAIL(GYR_ERR_CONFIG, "%s:%u:%u: %s: must hold 'name: value' lines",
				 document->path, place.line, place.column,
				 where[0] == '\0' ? "the file" : where);
		return check_mapping(document, node, schema, where, depth);
	case CYAML_SEQUENCE:
		if (node->type != YAML_SEQUENCE_NODE)
			GYR_FAIL(GYR_ERR_CONFIG, "%s:%u:%u: %s: must be a list", document->path,
				 place.line, place.column, where);
		for (const yaml_node_item_t *item = node->data.sequence.items.start;
		     item < node->data.sequence.items.top; item++, index++) {
			char inner[96];

			(void)snprintf(inner, sizeof inner, "%s[%u]", where, index);
			GYR_TRY(check_node(document, yaml_document_get_node(&document->yaml, *item),
					   schema->sequence.entry, inner, depth + 1));
		}
		if (index > schema->sequence.max)
			GYR_FAIL(GYR_ERR_CONFIG, "%s:%u:%u: %s: has %u entries, at most %u fit",
				 document->path, place.line, place.column, where, index,
				 schema->sequence.max);
		return 0;
	default:
		if (node->type != YAML_SCALAR_NODE)
			GYR_FAIL(GYR_ERR_CONFIG, "%s:%u:%u: %s: must be a single value",
				 document->path, place.line, place.column, where);
		return 0;
	}
}

int document_check_keys(struct document *document, const cyaml_schema_value_t *schema)
{
	const yaml_node_t *root = yaml_document_get_root_node(&document->yaml);

	if (root == NULL)
		GYR_FAIL(GYR_ERR_CONFIG, "%s:1:1: the file is empty", document->path);
	return check_node(document, root, schema, "", 0);
}
