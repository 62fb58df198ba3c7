#include "node/asked.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TOKEN_FOR_MAX_S = 30 * 86400,
    TOKEN_FOR_S = 3600, /* when it is not said */
};

json_t *asked_parse(const char *line, size_t size)
{
    json_t *json = json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(json))
        return json;
    json_decref(json);
    return NULL;
}

const char *asked_text(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));
    return text == NULL ? "" : text;
}

/* ---- orders ---- */

static bool take_subject(const json_t *json, const char *key, struct order *order)
{
    const char *name = asked_text(json, key);
    if (strlen(name) == 0 || strlen(name) > ORDER_SUBJECT_MAX)
        return false;
    strcpy(order->subject, name);
    return true;
}

static const char *take_server(const json_t *json, struct order *order)
{
    return take_subject(json, "server", order) ? NULL : "no server is named";
}

static const char *take_pool(const json_t *json, struct order *order)
{
    order->verb = ORDER_GROUP;
    return take_subject(json, "pool", order) ? NULL : "no pool is named";
}

static const char *take_drain(const json_t *json, struct order *order)
{
    order->verb = ORDER_DRAIN;
    order->draining = strcmp(asked_text(json, "command"), "drain") == 0;
    return take_server(json, order);
}

static const char *take_unforce(const json_t *json, struct order *order)
{
    order->verb = ORDER_FORCE;
    return take_server(json, order);
}

static const char *take_force(const json_t *json, struct order *order)
{
    const char *force = asked_text(json, "force"), *sentence = take_unforce(json, order);
    if (strcmp(force, "up") == 0)
        order->force = VERDICT_FORCED_UP;
    else if (strcmp(force, "down") == 0)
        order->force = VERDICT_FORCED_DOWN;
    else if (sentence == NULL)
        sentence = "a server is forced up or down";
    return sentence;
}

static const char *take_weight(const json_t *json, struct order *order)
{
    char *end = NULL;
    long weight = strtol(asked_text(json, "weight"), &end, 10);
    const char *sentence = take_server(json, order);
    order->verb = ORDER_WEIGHT;
    if (sentence != NULL)
        return sentence;
    if (weight < 1 || weight > POOL_WEIGHT_MAX || *end != '\0')
        return "a weight is a number of percent from 1 to 1000";
    order->weight = (uint32_t)weight;
    return NULL;
}

static const char *take_handover(const json_t *json, struct order *order)
{
    order->verb = ORDER_HANDOVER;
    order->away = !json_is_true(json_object_get(json, "back"));
    if (json_object_get(json, "node") != NULL && !take_subject(json, "node", order))
        return "node is the name of a node";
    return NULL;
}

static const struct command {
    const char *word;
    const char *(*take)(const json_t *json, struct order *order);
} commands[] = {
    {"drain", take_drain},     {"undrain", take_drain},     {"force", take_force},
    {"unforce", take_unforce}, {"weight", take_weight},     {"set", take_pool},
    {"unset", take_pool},      {"handover", take_handover},
};

static const struct command *find_command(const char *word)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].word, word) == 0)
            return &commands[i];
    return NULL;
}

bool asked_is_order(const char *command)
{
    return find_command(command) != NULL;
}

/* Why, and until when. */
static const char *take_terms(const json_t *json, uint64_t now_s, struct order *order)
{
    const char *because = asked_text(json, "because");
    json_int_t for_s = json_integer_value(json_object_get(json, "for_s"));
    order->given_s = now_s;
    if (for_s < 0 || for_s > ORDER_FOR_MAX_S)
        return "an order that ends does so within a year";
    if (for_s > 0)
        order->until_s = order->given_s + (uint64_t)for_s;
    for (size_t i = 0; because[i] != '\0'; i++) {
        if (i == ORDER_BECAUSE_MAX || because[i] < ' ' || because[i] > '~')
            return "a reason has at most 80 characters, all of ASCII";
        order->because[i] = because[i];
    }
    return NULL;
}

const char *asked_order(const json_t *json, uint64_t now_s, struct order *order)
{
    const struct command *command = find_command(asked_text(json, "command"));
    assert(command != NULL);
    const char *sentence = command->take(json, order);
    return sentence != NULL ? sentence : take_terms(json, now_s, order);
}

/* A number of the request, or what holds now when it is not given; 0 when it is no number. */
static uint32_t number_or(const json_t *json, const char *key, uint32_t now)
{
    const json_t *value = json_object_get(json, key);
    if (value == NULL)
        return now;
    json_int_t number = json_integer_value(value);
    return number < 0 || number > UINT32_MAX ? 0 : (uint32_t)number;
}

const char *asked_group(const json_t *json, uint32_t group_size, uint32_t rounds,
                        struct order *order)
{
    order->group_size = number_or(json, "group-size", group_size);
    order->rounds = number_or(json, "rounds", rounds);
    if (order->group_size == 0 || order->group_size > POOL_GROUP_MAX)
        return "group-size is a number from 1 to 256";
    if (order->rounds == 0 || order->rounds > ORDER_ROUNDS_MAX)
        return "rounds is a number from 1 to 1000";
    return NULL;
}

/* ---- tokens ---- */

/* "192.0.2.96/27", of a family of which there is none yet. */
static bool take_prefix(const char *text, struct token *token)
{
    char address[IP_TEXT_SIZE];
    struct ip ip;
    const char *slash = text == NULL ? NULL : strchr(text, '/');
    char *end = NULL;
    if (slash == NULL || (size_t)(slash - text) >= sizeof address)
        return false;
    snprintf(address, sizeof address, "%.*s", (int)(slash - text), text);
    long bits = strtol(slash + 1, &end, 10);
    if (!ip_parse(address, &ip) || end == slash + 1 || *end != '\0' || bits < 0 ||
        bits > (ip.family == 4 ? 32 : 128))
        return false;
    struct token_prefix *prefix = &token->prefixes[ip.family == 6];
    bool is_first = prefix->address.family == 0;
    *prefix = (struct token_prefix){ip, (uint8_t)bits};
    return is_first;
}

/* One or two. */
static bool take_prefixes(const json_t *list, struct token *token)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!take_prefix(json_string_value(json_array_get(list, i)), token))
            return false;
    return json_array_size(list) > 0;
}

const char *asked_token(const json_t *json, uint64_t now_s, struct token *token)
{
    const char *pool = asked_text(json, "pool");
    json_int_t uses = json_integer_value(json_object_get(json, "uses"));
    json_int_t for_s = json_integer_value(json_object_get(json, "for_s"));
    if (for_s == 0)
        for_s = TOKEN_FOR_S;
    if (strlen(pool) > DOCUMENT_NAME_MAX)
        return "no pool has so long a name";
    if (uses < 1 || uses > TOKEN_USES_MAX)
        return "a token is good for 1 to 10000 servers: --uses";
    if (for_s < 0 || for_s > TOKEN_FOR_MAX_S)
        return "a token lives for 30 days at most: --for";
    if (!take_prefixes(json_object_get(json, "prefixes"), token))
        return "--prefix takes what the servers' addresses lie in, such as 192.0.2.96/27, one of "
               "each family";
    token->in_force = true;
    token->uses = (uint32_t)uses;
    token->given_s = now_s;
    token->until_s = now_s + (uint64_t)for_s;
    strcpy(token->pool, pool);
    return NULL;
}
