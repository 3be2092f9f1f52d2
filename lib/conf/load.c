/* SPDX-License-Identifier: Apache-2.0 */
/* From text to struct gyr_conf: libcyaml loads the shape with every scalar as text, the rows of
 * fields.c give the texts their meaning. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "document.h"
#include "fields.h"
#include "gyr_conf.h"
#include "gyr_err.h"

#define SECTION_COUNT_MAX 20

struct raw_gate {
	char *device;
};

struct raw_lane {
	char *text[LANE_FIELD_COUNT_MAX];
	char **stages;
	uint32_t stage_count;
};

/* The file's shape: one text per row of conf_fields, NULL where the file has none. */
struct raw {
	char *text[CONF_FIELD_COUNT_MAX];
	struct raw_gate *gates;
	struct raw_lane *lanes;
	uint32_t gate_count;
	uint32_t lane_count;
};

/* libcyaml's schema, made of the rows. */
struct schema {
	cyaml_schema_field_t scalars[CONF_FIELD_COUNT_MAX + SECTION_COUNT_MAX];
	cyaml_schema_field_t sections[SECTION_COUNT_MAX + 3];
	cyaml_schema_field_t lane_scalars[LANE_FIELD_COUNT_MAX + 2];
	cyaml_schema_field_t gate_scalars[2];
	cyaml_schema_value_t stage;
	cyaml_schema_value_t lane;
	cyaml_schema_value_t gate;
	cyaml_schema_value_t root;
};

static cyaml_schema_field_t scalar(const char *key, size_t offset)
{
	return (cyaml_schema_field_t){
		.key = key,
		.data_offset = (uint32_t)offset,
		.value = { .type = CYAML_STRING,
			   .flags = CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
			   .data_size = sizeof(char),
			   .string = { .min = 0, .max = CYAML_UNLIMITED } },
	};
}

static cyaml_schema_field_t list(const char *key, size_t offset, size_t count_offset,
				 const cyaml_schema_value_t *entry, uint32_t max)
{
	return (cyaml_schema_field_t){
		.key = key,
		.data_offset = (uint32_t)offset,
		.count_offset = (uint32_t)count_offset,
		.count_size = sizeof(uint32_t),
		.value = { .type = CYAML_SEQUENCE,
			   .flags = CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
			   /* What one entry takes in the array: pointers for texts. */
			   .data_size = (entry->flags & CYAML_FLAG_POINTER) != 0
						? (uint32_t)sizeof(char *)
						: entry->data_size,
			   .sequence = { .entry = entry, .min = 0, .max = max } },
	};
}

static void make_sections(struct schema *schema, unsigned *section_count)
{
	unsigned used = 0;

	for (unsigned i = 0; i < conf_field_count;) {
		const char *section = conf_fields[i].section;
		unsigned first = i;

		gyr_assert(*section_count < SECTION_COUNT_MAX);
		schema->sections[(*section_count)++] = (cyaml_schema_field_t){
			.key = section,
			.data_offset =
				(uint32_t)(offsetof(struct raw, text) + first * sizeof(char *)),
			.value = { .type = CYAML_MAPPING,
				   .flags = CYAML_FLAG_OPTIONAL,
				   .data_size = sizeof(char *),
				   .mapping = { .fields = &schema->scalars[used] } },
		};
		for (; i < conf_field_count && strcmp(conf_fields[i].section, section) == 0; i++)
			schema->scalars[used++] = scalar(conf_fields[i].name,
							 (i - first) * sizeof(char *));
		schema->sections[*section_count - 1].value.data_size =
			(uint32_t)((i - first) * sizeof(char *));
		schema->scalars[used++] = (cyaml_schema_field_t)CYAML_FIELD_END;
	}
}

static void make_schema(struct schema *schema)
{
	static const cyaml_schema_field_t end = CYAML_FIELD_END;
	unsigned count = 0;

	memset(schema, 0, sizeof *schema);
	make_sections(schema, &count);
	schema->gate_scalars[0] = scalar("device", offsetof(struct raw_gate, device));
	schema->gate_scalars[1] = end;
	schema->gate = (cyaml_schema_value_t){ .type = CYAML_MAPPING,
					       .data_size = sizeof(struct raw_gate),
					       .mapping = { .fields = schema->gate_scalars } };
	schema->stage = scalar("", 0).value;
	schema->stage.flags = CYAML_FLAG_POINTER;
	for (unsigned i = 0; i < lane_field_count; i++)
		schema->lane_scalars[i] = scalar(
			lane_fields[i].name, offsetof(struct raw_lane, text) + i * sizeof(char *));
	schema->lane_scalars[lane_field_count] = list(
		"stages", offsetof(struct raw_lane, stages), offsetof(struct raw_lane, stage_count),
		&schema->stage, GYR_CONF_LANE_STAGE_COUNT_MAX);
	schema->lane_scalars[lane_field_count + 1] = end;
	schema->lane = (cyaml_schema_value_t){ .type = CYAML_MAPPING,
					       .data_size = sizeof(struct raw_lane),
					       .mapping = { .fields = schema->lane_scalars } };
	schema->sections[count++] = list("gates", offsetof(struct raw, gates),
					 offsetof(struct raw, gate_count), &schema->gate,
					 GYR_CONF_GATE_COUNT_MAX);
	schema->sections[count++] = list("lanes", offsetof(struct raw, lanes),
					 offsetof(struct raw, lane_count), &schema->lane,
					 GYR_CONF_LANE_COUNT_MAX);
	schema->sections[count] = end;
	schema->root = (cyaml_schema_value_t){ .type = CYAML_MAPPING,
					       .flags = CYAML_FLAG_POINTER,
					       .data_size = sizeof(struct raw),
					       .mapping = { .fields = schema->sections } };
}

/* The folder of a file with its slash, "" for none. */
static void folder_of(char *folder, size_t size, const char *path)
{
	const char *slash = strrchr(path, '/');

	(void)snprintf(folder, size, "%.*s", slash == NULL ? 0 : (int)(slash - path) + 1, path);
}

static int take_scalars(struct document *document, void *target, const struct field *rows,
			unsigned row_count, char *const *texts, const char *prefix,
			const char *folder)
{
	for (unsigned i = 0; i < row_count; i++) {
		const char *text = texts[i] != NULL ? texts[i] : rows[i].fallback;
		char field[96];
		const char *wrong;

		(void)snprintf(field, sizeof field, "%s.%s",
			       prefix != NULL ? prefix : rows[i].section, rows[i].name);
		if (text == NULL)
			return document_refuse(document, field, "must be given: %s",
					       rows[i].meaning);
		wrong = field_parse(&rows[i], target, text, folder);
		if (wrong != NULL)
			return document_refuse(document, field, "%s", wrong);
	}
	return 0;
}

static int take_stages(struct document *document, struct gyr_conf_lane *lane, unsigned lane_index,
		       const struct raw_lane *raw)
{
	for (unsigned i = 0; i < raw->stage_count; i++) {
		const char *wrong = check_stage(&lane->stages[i], raw->stages[i]);
		char field[96];

		(void)snprintf(field, sizeof field, "lanes[%u].stages[%u]", lane_index, i);
		if (wrong != NULL)
			return document_refuse(document, field, "'%.40s' %s", raw->stages[i],
					       wrong);
	}
	lane->stage_count = raw->stage_count;
	return 0;
}

static int take_all(struct document *document, struct gyr_conf *conf, const struct raw *raw)
{
	char folder[GYR_CONF_PATH_MAX];

	folder_of(folder, sizeof folder, conf->path);
	GYR_TRY(take_scalars(document, conf, conf_fields, conf_field_count, raw->text, NULL,
			     folder));
	for (unsigned i = 0; i < raw->gate_count; i++) {
		const char *device = raw->gates[i].device == NULL ? "" : raw->gates[i].device;
		char field[32];

		(void)snprintf(field, sizeof field, "gates[%u].device", i);
		if (device[0] == '\0' || strlen(device) >= sizeof conf->gates[i].device)
			return document_refuse(document, field,
					       "must be given, with at most %zu bytes",
					       sizeof conf->gates[i].device - 1);
		(void)snprintf(conf->gates[i].device, sizeof conf->gates[i].device, "%s", device);
	}
	conf->gate_count = raw->gate_count;
	for (unsigned i = 0; i < raw->lane_count; i++) {
		char prefix[32];

		(void)snprintf(prefix, sizeof prefix, "lanes[%u]", i);
		GYR_TRY(take_scalars(document, &conf->lanes[i], lane_fields, lane_field_count,
				     raw->lanes[i].text, prefix, folder));
		GYR_TRY(take_stages(document, &conf->lanes[i], i, &raw->lanes[i]));
	}
	conf->lane_count = raw->lane_count;
	conf->verify_count = 0;
	for (unsigned i = 0; i < conf->lane_count; i++)
		for (unsigned j = 0; j < conf->lanes[i].stage_count; j++)
			conf->verify_count += conf->lanes[i].stages[j].kind ==
					      GYR_CONF_STAGE_VERIFY;
	return check_whole(document, conf);
}

/* What libcyaml says: its first line is the reason, the next with a place is the innermost. */
struct said {
	char reason[160];
	char place[160];
};

static void hear(cyaml_log_t level, void *context, const char *format, va_list args)
{
	struct said *said = context;
	char line[160];

	(void)level;
	(void)vsnprintf(line, sizeof line, format, args);
	line[strcspn(line, "\n")] = '\0';
	if (said->reason[0] == '\0')
		memcpy(said->reason, line, sizeof line);
	else if (said->place[0] == '\0' && strstr(line, "(line:") != NULL)
		memcpy(said->place, line, sizeof line);
}

static int load_raw(struct document *document, struct gyr_conf *conf, const char *text,
		    size_t length, const struct schema *schema)
{
	struct said said = { 0 };
	cyaml_config_t config = { .log_fn = hear,
				  .log_ctx = &said,
				  .mem_fn = cyaml_mem,
				  .log_level = CYAML_LOG_WARNING,
				  .flags = CYAML_CFG_NO_ALIAS };
	struct raw *raw = NULL;
	cyaml_err_t status = cyaml_load_data((const uint8_t *)text, length, &config, &schema->root,
					     (cyaml_data_t **)&raw, NULL);
	int error;

	if (status != CYAML_OK)
		GYR_FAIL(GYR_ERR_CONFIG, "%s: %s: %s%s", document->path, cyaml_strerror(status),
			 said.reason, said.place);
	if (raw == NULL)
		GYR_FAIL(GYR_ERR_CONFIG, "%s:1:1: the file is empty", document->path);
	error = take_all(document, conf, raw);
	(void)cyaml_free(&config, &schema->root, raw, 0);
	return error;
}

int gyr_conf_parse(struct gyr_conf *conf, const char *text, size_t length, const char *path)
{
	struct document document;
	struct schema *schema;
	int error;

	memset(conf, 0, sizeof *conf);
	if (strlen(path) >= sizeof conf->path)
		GYR_FAIL(GYR_ERR_CONFIG, "%s: the path is longer than %zu bytes", path,
			 sizeof conf->path - 1);
	if (length > GYR_CONF_FILE_SIZE_MAX)
		GYR_FAIL(GYR_ERR_CONFIG, "%s: %zu bytes, a configuration has at most %u", path,
			 length, GYR_CONF_FILE_SIZE_MAX);
	(void)snprintf(conf->path, sizeof conf->path, "%s", path);
	GYR_TRY(document_open(&document, text, length, path));
	schema = malloc(sizeof *schema);
	if (schema == NULL) {
		document_close(&document);
		GYR_FAIL(GYR_ERR_MEMORY, "no memory for the schema");
	}
	make_schema(schema);
	error = document_check_keys(&document, &schema->root);
	if (error == 0)
		error = load_raw(&document, conf, text, length, schema);
	free(schema);
	document_close(&document);
	return error;
}

int gyr_conf_load(struct gyr_conf *conf, const char *path)
{
	FILE *file = fopen(path, "re");
	char *text;
	size_t length;
	int error;

	if (file == NULL)
		GYR_FAIL(GYR_ERR_IO, "cannot open the configuration %s: %s", path, strerror(errno));
	text = malloc(GYR_CONF_FILE_SIZE_MAX + 1);
	length = text == NULL ? 0 : fread(text, 1, GYR_CONF_FILE_SIZE_MAX + 1, file);
	if (text == NULL || ferror(file) != 0)
		error = gyr_err_push(GYR_ERR_IO, __FILE__, __LINE__, "cannot read %s", path);
	else
		error = gyr_conf_parse(conf, text, length, path);
	(void)fclose(file);
	free(text);
	return error;
}

void gyr_conf_default(struct gyr_conf *conf)
{
	memset(conf, 0, sizeof *conf);
	for (unsigned i = 0; i < conf_field_count; i++)
		if (conf_fields[i].fallback != NULL) {
			const char *wrong = field_parse(&conf_fields[i], conf,
							conf_fields[i].fallback, "");

			gyr_assert(wrong == NULL);
		}
}
