#include "node/notify/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "replication/file.h"

enum { FILE_MAX = 1 << 20 };

static json_t *event_to_json(const struct outbox_event *event)
{
    return json_pack("{s:I, s:I, s:s, s:s, s:s, s:s, s:s, s:s}", "number",
                     (json_int_t)event->number, "at_s", (json_int_t)event->at_s, "node",
                     event->node, "area", event->area, "subject", event->subject, "from",
                     event->from, "to", event->to, "reason", event->reason);
}

static bool event_of_json(json_t *json, struct outbox_event *event)
{
    struct {
        const char *word;
        char *text;
    } words[] = {{NULL, event->node}, {NULL, event->area}, {NULL, event->subject},
                 {NULL, event->from}, {NULL, event->to},   {NULL, event->reason}};
    json_int_t number, at_s;
    if (json_unpack(json, "{s:I, s:I, s:s, s:s, s:s, s:s, s:s, s:s}", "number", &number, "at_s",
                    &at_s, "node", &words[0].word, "area", &words[1].word, "subject",
                    &words[2].word, "from", &words[3].word, "to", &words[4].word, "reason",
                    &words[5].word) != 0)
        return false;
    *event = (struct outbox_event){.number = number, .at_s = at_s};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strlen(words[i].word) > OUTBOX_WORD_MAX)
            return false;
        strcpy(words[i].text, words[i].word);
    }
    return true;
}

static bool take_list(struct outbox *outbox, json_t *list, bool is_told)
{
    size_t i;
    json_t *json;
    struct outbox_event event;
    json_array_foreach (list, i, json) {
        if (!event_of_json(json, &event))
            return false;
        outbox_see(outbox, &event, is_told);
    }
    return json_is_array(list);
}

int memory_load(struct outbox *outbox, const char *path)
{
    size_t size;
    char *text = file_read(path, O_NOFOLLOW, FILE_MAX, &size);
    if (text == NULL)
        return -errno;
    struct outbox *loaded = malloc(sizeof *loaded);
    json_t *json = json_loadb(text, size, 0, NULL);
    free(text);
    int error = loaded == NULL ? -ENOMEM : -EBADMSG;
    if (loaded != NULL)
        outbox_init(loaded, &outbox->config);
    if (loaded != NULL && take_list(loaded, json_object_get(json, "told"), true) &&
        take_list(loaded, json_object_get(json, "waiting"), false)) {
        *outbox = *loaded;
        error = 0;
    }
    json_decref(json);
    free(loaded);
    return error;
}

static bool is_waiting(const struct outbox *outbox, const struct outbox_event *event)
{
    for (size_t i = 0; i < outbox->waiting; i++)
        if (memcmp(&outbox->events[(outbox->first + i) % OUTBOX_WAITING_MAX], event,
                   sizeof *event) == 0)
            return true;
    return false;
}

static json_t *to_json(const struct outbox *outbox)
{
    json_t *told = json_array(), *waiting = json_array();
    uint64_t total = outbox->known_total;
    for (uint64_t i = total > OUTBOX_KNOWN_MAX ? total - OUTBOX_KNOWN_MAX : 0; i < total; i++) {
        const struct outbox_event *event = &outbox->known[i % OUTBOX_KNOWN_MAX];
        if (!is_waiting(outbox, event))
            json_array_append_new(told, event_to_json(event));
    }
    for (size_t i = 0; i < outbox->waiting; i++)
        json_array_append_new(
            waiting, event_to_json(&outbox->events[(outbox->first + i) % OUTBOX_WAITING_MAX]));
    return json_pack("{s:o, s:o}", "told", told, "waiting", waiting);
}

static int write_whole(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int error = file_write(fd, text, strlen(text));
    if (error == 0 && fsync(fd) != 0)
        error = -errno;
    if (close(fd) != 0 && error == 0)
        error = -errno;
    return error;
}

int memory_save(const struct outbox *outbox, const char *path)
{
    char next[PATH_MAX];
    if (snprintf(next, sizeof next, "%s.new", path) >= (int)sizeof next)
        return -ENAMETOOLONG;
    json_t *json = to_json(outbox);
    char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);
    json_decref(json);
    int error = text == NULL ? -ENOMEM : write_whole(next, text);
    if (error == 0 && rename(next, path) != 0)
        error = -errno;
    if (error != 0)
        unlink(next);
    free(text);
    return error;
}
