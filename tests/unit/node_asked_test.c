#include "node/asked.h"

#include <string.h>

#include "unit/suite.h"

enum { NOW_S = 1000 };

/* The word of the order that the line asks for, or the sentence that refuses it. */
static const char *order_of(const char *line)
{
    static char word[64];
    static char sentence[128];
    struct order order = {.subject = "ns1"};
    json_t *json = asked_parse(line, strlen(line));
    ck_assert_ptr_nonnull(json);
    ck_assert(asked_is_order(asked_text(json, "command")));
    const char *refusal = asked_order(json, NOW_S, &order);
    snprintf(sentence, sizeof sentence, "%s", refusal == NULL ? "" : refusal);
    json_decref(json);
    if (sentence[0] != '\0')
        return sentence;
    ck_assert_uint_eq(order.given_s, NOW_S);
    order_word(&order, word, sizeof word);
    strcat(strcat(word, " "), order.subject);
    if (order.until_s != 0)
        strcat(word, order.until_s == NOW_S + 60 ? " for a minute" : " for another time");
    return strcat(word, order.because);
}

START_TEST(a_line_becomes_an_order)
{
    static const char *const table[][2] = {
        {"{\"command\":\"drain\",\"server\":\"media1\"}", "drain media1"},
        {"{\"command\":\"undrain\",\"server\":\"media1\"}", "undrain media1"},
        {"{\"command\":\"force\",\"server\":\"m\",\"force\":\"up\"}", "force-up m"},
        {"{\"command\":\"force\",\"server\":\"m\",\"force\":\"down\"}", "force-down m"},
        {"{\"command\":\"unforce\",\"server\":\"m\",\"force\":\"down\"}", "unforce m"},
        {"{\"command\":\"weight\",\"server\":\"m\",\"weight\":\"1000\"}", "weight-1000 m"},
        {"{\"command\":\"unset\",\"pool\":\"stream\"}", "group-0-rounds-0 stream"},
        {"{\"command\":\"handover\"}", "handover ns1"},
        {"{\"command\":\"handover\",\"node\":\"ns2\",\"back\":true}", "handover-back ns2"},
        {"{\"command\":\"drain\",\"server\":\"m\",\"for_s\":60,\"because\":\": a ~\"}",
         "drain m for a minute: a ~"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        ck_assert_str_eq(order_of(table[i][0]), table[i][1]);
}
END_TEST

START_TEST(an_order_beyond_its_bounds_is_refused_with_a_sentence)
{
    static const char *const table[][2] = {
        {"{\"command\":\"drain\"}", "no server is named"},
        {"{\"command\":\"drain\",\"server\":7}", "no server is named"},
        {"{\"command\":\"drain\",\"server\":\"1234567890123456789012345678901\"}",
         "no server is named"},
        {"{\"command\":\"force\",\"force\":\"up\"}", "no server is named"},
        {"{\"command\":\"force\",\"server\":\"m\"}", "a server is forced up or down"},
        {"{\"command\":\"weight\",\"server\":\"m\",\"weight\":\"1001\"}",
         "a weight is a number of percent from 1 to 1000"},
        {"{\"command\":\"weight\",\"server\":\"m\",\"weight\":\"5x\"}",
         "a weight is a number of percent from 1 to 1000"},
        {"{\"command\":\"weight\",\"weight\":\"5\"}", "no server is named"},
        {"{\"command\":\"set\"}", "no pool is named"},
        {"{\"command\":\"handover\",\"node\":\"\"}", "node is the name of a node"},
        {"{\"command\":\"unset\",\"pool\":\"p\",\"for_s\":-1}",
         "an order that ends does so within a year"},
        {"{\"command\":\"unset\",\"pool\":\"p\",\"for_s\":31622401}",
         "an order that ends does so within a year"},
        {"{\"command\":\"unset\",\"pool\":\"p\",\"because\":\"caf\u00e9\"}",
         "a reason has at most 80 characters, all of ASCII"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        ck_assert_str_eq(order_of(table[i][0]), table[i][1]);
}
END_TEST

static const char *group_of(const char *line, struct order *order)
{
    json_t *json = asked_parse(line, strlen(line));
    const char *sentence = asked_group(json, 3, 4, order);
    json_decref(json);
    return sentence;
}

START_TEST(a_group_keeps_what_is_not_given)
{
    struct order order = {0};
    ck_assert_ptr_null(group_of("{\"group-size\":256}", &order));
    ck_assert_uint_eq(order.group_size, 256);
    ck_assert_uint_eq(order.rounds, 4);
    ck_assert_ptr_null(group_of("{\"rounds\":1000}", &order));
    ck_assert_uint_eq(order.group_size, 3);
    ck_assert_uint_eq(order.rounds, 1000);
    ck_assert_str_eq(group_of("{\"group-size\":257}", &order),
                     "group-size is a number from 1 to 256");
    ck_assert_str_eq(group_of("{\"group-size\":4294967297}", &order),
                     "group-size is a number from 1 to 256");
    ck_assert_str_eq(group_of("{\"rounds\":1001}", &order), "rounds is a number from 1 to 1000");
    ck_assert_str_eq(group_of("{\"rounds\":\"1\"}", &order), "rounds is a number from 1 to 1000");
}
END_TEST

static const char *token_of(const char *line, struct token *token)
{
    json_t *json = asked_parse(line, strlen(line));
    *token = (struct token){0};
    const char *sentence = asked_token(json, NOW_S, token);
    json_decref(json);
    return sentence;
}

START_TEST(a_line_becomes_a_token)
{
    struct token token;
    ck_assert_ptr_null(
        token_of("{\"pool\":\"stream\",\"uses\":20,\"prefixes\":[\"192.0.2.96/27\"]}", &token));
    ck_assert(token.in_force);
    ck_assert_str_eq(token.pool, "stream");
    ck_assert_uint_eq(token.uses, 20);
    ck_assert_uint_eq(token.prefixes[0].bits, 27);
    ck_assert_uint_eq(token.until_s, NOW_S + 3600);
    ck_assert_ptr_null(token_of("{\"uses\":1,\"prefixes\":[\"::/128\"],\"for_s\":60}", &token));
    ck_assert_uint_eq(token.until_s, NOW_S + 60);
    ck_assert_ptr_null(token_of("{\"uses\":1,\"prefixes\":[\"::/64\",\"0.0.0.0/8\"]}", &token));
    ck_assert_uint_eq(token.prefixes[0].bits, 8);
    ck_assert_uint_eq(token.prefixes[1].bits, 64);
}
END_TEST

START_TEST(a_token_beyond_its_bounds_is_refused)
{
    static const char *const lines[] = {
        "{\"pool\":\"1234567890123456789012345678901\",\"uses\":1,\"prefixes\":[\"::/0\"]}",
        "{\"prefixes\":[\"::/0\"]}",
        "{\"uses\":10001,\"prefixes\":[\"::/0\"]}",
        "{\"uses\":1,\"prefixes\":[\"::/0\"],\"for_s\":2592001}",
        "{\"uses\":1,\"prefixes\":[\"::/0\"],\"for_s\":-1}",
        "{\"uses\":1}",
        "{\"uses\":1,\"prefixes\":[]}",
        "{\"uses\":1,\"prefixes\":[7]}",
        "{\"uses\":1,\"prefixes\":[\"::/0\",\"::/1\"]}",
        "{\"uses\":1,\"prefixes\":[\"::\"]}",
        "{\"uses\":1,\"prefixes\":[\"::/\"]}",
        "{\"uses\":1,\"prefixes\":[\"::/129\"]}",
        "{\"uses\":1,\"prefixes\":[\"0.0.0.0/33\"]}",
        "{\"uses\":1,\"prefixes\":[\"0.0.0.0/-1\"]}",
        "{\"uses\":1,\"prefixes\":[\"0.0.0.0/8x\"]}",
        "{\"uses\":1,\"prefixes\":[\"1234567890123456789012345678901234567890123456/8\"]}",
    };
    struct token token;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        ck_assert_ptr_nonnull(token_of(lines[i], &token));
}
END_TEST

START_TEST(what_is_no_object_is_nothing)
{
    static const char *const lines[] = {"", "7", "[]", "{", "{\"a\":1,\"a\":2}", "{} {}"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        ck_assert_ptr_null(asked_parse(lines[i], strlen(lines[i])));
    ck_assert(!asked_is_order("status"));
    ck_assert(!asked_is_order(""));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/asked");
    SUITE_CASE(suite, "order", a_line_becomes_an_order,
               an_order_beyond_its_bounds_is_refused_with_a_sentence,
               a_group_keeps_what_is_not_given);
    SUITE_CASE(suite, "token", a_line_becomes_a_token, a_token_beyond_its_bounds_is_refused);
    SUITE_CASE(suite, "line", what_is_no_object_is_nothing);
    return suite_run(suite);
}
