#include "node/ctl/doctor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "node/doctor.h"

static void add_key(json_t *answer, const char *path, bool is_needed)
{
    struct stat status = {0};
    struct doctor_check check;
    const char *error = stat(path, &status) < 0 ? strerror(errno) : NULL;
    if (error != NULL && errno == ENOENT && !is_needed)
        return;
    doctor_judge_key(path, error, status.st_mode, &check);
    json_array_append_new(json_object_get(answer, "checks"),
                          json_pack("{s:s, s:s, s:s}", "name", check.name, "level",
                                    doctor_level_word(check.level), "sentence", check.sentence));
    json_int_t worst = json_integer_value(json_object_get(answer, "exit"));
    if ((json_int_t)check.level > worst)
        json_object_set_new(answer, "exit", json_integer((json_int_t)check.level));
}

void doctor_add_key(json_t *answer)
{
    char also[4096];
    const char *path = json_string_value(json_object_get(answer, "beat_key"));
    if (path == NULL)
        return;
    add_key(answer, path, true);
    if (snprintf(also, sizeof also, "%s.also", path) < (int)sizeof also)
        add_key(answer, also, false); /* while the key is changed */
}
