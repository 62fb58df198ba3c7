#include "node/ctl/request.h"

#include <stdlib.h>
#include <string.h>

static json_t *request_set(const struct arguments *arguments)
{
    if (arguments->count < 2)
        return NULL;
    json_t *request = json_pack("{s:s, s:s}", "command", "set", "pool", arguments->words[0]);
    for (int i = 1; i < arguments->count; i++) {
        const char *equals = strchr(arguments->words[i], '=');
        char *end = NULL;
        long number = equals == NULL ? 0 : strtol(equals + 1, &end, 10);
        size_t size = equals == NULL ? 0 : (size_t)(equals - arguments->words[i]);
        bool is_known = (size == 10 && strncmp(arguments->words[i], "group-size", 10) == 0) ||
                        (size == 6 && strncmp(arguments->words[i], "rounds", 6) == 0);
        if (!is_known || end == equals + 1 || *end != '\0') {
            json_decref(request);
            return NULL;
        }
        json_object_setn_new(request, arguments->words[i], size, json_integer(number));
    }
    return request;
}

static json_t *request_handover(const struct arguments *arguments)
{
    const char *node = arguments->count > 0 ? arguments->words[arguments->count - 1] : NULL;
    if (arguments->count > 1)
        return NULL;
    return json_pack("{s:s, s:b, s:s*}", "command", "handover", "back", arguments->back, "node",
                     node);
}

/* An order about one server, pool or node: its words, but for what it is about. */
static json_t *request_order(const struct arguments *arguments)
{
    static const struct {
        const char *command, *subject; /* what it is about */
        int count;                     /* words */
        const char *option;            /* of the second word, or NULL */
    } orders[] = {{"drain", "server", 1, NULL},      {"undrain", "server", 1, NULL},
                  {"force", "server", 2, "force"},   {"unforce", "server", 1, NULL},
                  {"weight", "server", 2, "weight"}, {"unset", "pool", 1, NULL},
                  {"revoke", "server", 1, NULL},     {"remove", "server", 1, NULL}};
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
        if (strcmp(arguments->command, orders[i].command) == 0 &&
            arguments->count == orders[i].count)
            return json_pack("{s:s, s:s, s:s*}", "command", orders[i].command, orders[i].subject,
                             arguments->words[0], orders[i].option == NULL ? "" : orders[i].option,
                             orders[i].option == NULL ? NULL : arguments->words[1]);
    return NULL;
}

static json_t *request_token(const struct arguments *arguments)
{
    if (arguments->count != 0 || arguments->pool == NULL || arguments->uses == NULL ||
        arguments->prefixes[0] == NULL)
        return NULL;
    return json_pack("{s:s, s:s, s:I, s:[s, s*]}", "command", "token", "pool", arguments->pool,
                     "uses", (json_int_t)strtol(arguments->uses, NULL, 10), "prefixes",
                     arguments->prefixes[0], arguments->prefixes[1]);
}

/* A revision's number; 0: it is none. */
static json_int_t revision_of(const char *word)
{
    char *end;
    long long number = strtoll(word, &end, 10);
    return *end != '\0' || number < 1 ? 0 : (json_int_t)number;
}

/* About documents: what the node is asked, for some of which tandemctl itself does the rest. */
static json_t *request_document(const struct arguments *arguments)
{
    static const struct {
        const char *command, *asked;
        int least, most; /* words */
        int revision;    /* which of the words is a revision's number; -1: none */
        bool is_change;
    } rows[] = {{"apply", "apply", 1, 1, -1, true},      {"rollback", "rollback", 0, 1, 0, true},
                {"confirm", "confirm", 0, 0, -1, false}, {"promote", "promote", 0, 0, -1, false},
                {"history", "history", 0, 0, -1, false}, {"diff", "history", 0, 1, -1, false},
                {"export", "history", 1, 2, 1, false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(arguments->command, rows[i].command) != 0)
            continue;
        bool has_revision = rows[i].revision >= 0 && arguments->count > rows[i].revision;
        json_int_t revision = has_revision ? revision_of(arguments->words[rows[i].revision]) : 0;
        bool has_options = arguments->alone || arguments->confirm_s > 0;
        if (arguments->count < rows[i].least || arguments->count > rows[i].most ||
            (has_revision && revision == 0) || (has_options && !rows[i].is_change))
            return NULL;
        const char *slash = arguments->count == 0 ? NULL : strrchr(arguments->words[0], '/');
        const char *name = arguments->count == 0 ? ""
                           : slash == NULL       ? arguments->words[0]
                                                 : slash + 1;
        return json_pack("{s:s, s:b, s:I, s:I, s:o*}", "command", rows[i].asked, "alone",
                         arguments->alone, "confirm_s", (json_int_t)arguments->confirm_s,
                         "revision", revision, "name", json_sprintf("%.60s", name));
    }
    return NULL;
}

json_t *make_request(const struct arguments *arguments)
{
    static const char *const plain[] = {"status", "servers", "counters", "events", "doctor",
                                        "reload", "upgrade", "version",  "orders", "audit"};
    bool is_handover = strcmp(arguments->command, "handover") == 0;
    if (arguments->back && !is_handover)
        return NULL;
    json_t *request = request_document(arguments);
    if (request != NULL || arguments->alone || arguments->confirm_s > 0)
        return request;
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (strcmp(arguments->command, plain[i]) == 0 && arguments->count == 0)
            return json_pack("{s:s}", "command", plain[i]);
    if (strcmp(arguments->command, "failover") == 0 && arguments->count == 1 &&
        strcmp(arguments->words[0], "reset") == 0)
        return json_pack("{s:s}", "command", "failover reset");
    if (is_handover)
        return request_handover(arguments);
    if (strcmp(arguments->command, "token") == 0)
        return request_token(arguments);
    if (strcmp(arguments->command, "set") == 0)
        return request_set(arguments);
    return request_order(arguments);
}
