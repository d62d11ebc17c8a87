#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "plugin.h"

bool exports_skiff_plugin_hooks_run(plugin_string_t *stage,
		exports_skiff_plugin_hooks_failure_t *failure) {
	(void)stage;
	const char *path = "/target/etc/hello";
	FILE *file = fopen(path, "w");
	bool written = file && fputs("Ahoy.\n", file) >= 0;
	if (file && fclose(file) != 0) written = false;
	if (!written) {
		memset(failure, 0, sizeof *failure);
		failure->code = SKIFF_HOST_FAULT_CODE_IO;
		plugin_string_dup(&failure->message, strerror(errno));
		failure->subject.is_some = true;
		plugin_string_dup(&failure->subject.val, path);
		return false; // the failure counts
	}
	plugin_string_t message;
	plugin_string_set(&message, "said hello");
	skiff_host_report_log(SKIFF_HOST_REPORT_LEVEL_INFO, &message);
	return true;
}
