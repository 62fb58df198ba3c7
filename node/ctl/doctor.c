#include "node/ctl/doctor.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "node/doctor.h"

void doctor_add_key(json_t *answer)
{
    const char *path = json_string_value(json_object_get(answer, "beat_key"));
    struct stat status = {0};
    struct doctor_check check;
    if (path == NULL)
        return;
    const char *error = stat(path, &status) < 0 ? strerror(errno) : NULL;
    doctor_judge_key(path, error, status.st_mode, &check);
    json_array_append_new(json_object_get(answer, "checks"),
                          json_pack("{s:s, s:s, s:s}", "name", check.name, "level",
                                    doctor_level_word(check.level), "sentence", check.sentence));
    json_int_t worst = json_integer_value(json_object_get(answer, "exit"));
    if ((json_int_t)check.level > worst)
        json_object_set_new(answer, "exit", json_integer((json_int_t)check.level));
}
