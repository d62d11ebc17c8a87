#include <stdio.h>
#include <string.h>
#include "plugin.h"

static bool is(const plugin_string_t *string, const char *text) {
	return string->len == strlen(text) && memcmp(string->ptr, text, string->len) == 0;
}

bool exports_skiff_plugin_commands_invoke(plugin_string_t *command,
		exports_skiff_plugin_commands_list_argument_t *arguments, uint8_t *status,
		exports_skiff_plugin_commands_failure_t *failure) {
	if (!is(command, "{{command}}")) {
		memset(failure, 0, sizeof *failure);
		failure->code = SKIFF_HOST_FAULT_CODE_INVALID;
		plugin_string_dup(&failure->message, "there is no such command");
		return false; // the failure counts
	}
	plugin_string_t name;
	plugin_string_set(&name, "sailor");
	for (size_t i = 0; i < arguments->len; i++) {
		const exports_skiff_plugin_commands_argument_t *argument = &arguments->ptr[i];
		if (is(&argument->name, "name") && argument->value.tag == EXPORTS_SKIFF_PLUGIN_COMMANDS_VALUE_TEXT)
			name = argument->value.val.text;
	}
	printf("Ahoy, %.*s!\n", (int)name.len, (const char *)name.ptr);
	fflush(stdout); // nothing else does when a call ends

	plugin_string_t message;
	plugin_string_set(&message, "greeted somebody");
	skiff_host_report_log(SKIFF_HOST_REPORT_LEVEL_INFO, &message);
	*status = 0;
	return true; // the status counts
}
