/* tests/unit/dialogue.h -- ask a view in words, and get its answer in words.
 *
 *   "www.example A +edns"  ->  "NOERROR aa | www.example. 300 A 192.0.2.1 +edns"
 *
 * An answer is its rcode and flags, then the sections answer | authority | additional, records
 * between "; ", an empty section before a full one as "-". ldns reads every answer, so that it
 * judges what we render; and what holds for all answers is asserted of each. */
#ifndef TANDEM_TESTS_UNIT_DIALOGUE_H
#define TANDEM_TESTS_UNIT_DIALOGUE_H

#include <check.h>
#include <ldns/ldns.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "node/dns/answer.h"

enum { DIALOGUE_ZONES_MAX = 8, DIALOGUE_TEXT_MAX = 16384, DIALOGUE_ID = 0x4d2a };

struct dialogue {
    struct arena arena;
    struct zone zones[DIALOGUE_ZONES_MAX];
    struct view_config config;
    const struct view *view;
    struct answer answer; /* the last one */
    int64_t now_ms;
    uint8_t bytes[ANSWER_SIZE_MAX];
    char text[DIALOGUE_TEXT_MAX];
};

/* Empty, with memory of its own: one at a time. */
static inline void dialogue_open(struct dialogue *self)
{
    static alignas(64) uint8_t memory[16 << 20];
    *self = (struct dialogue){.config = {.zones = self->zones, .nsid = "solo"}};
    arena_init(&self->arena, memory, sizeof memory);
}

static inline void dialogue_add_zone(struct dialogue *self, const char *origin, const char *text)
{
    uint8_t name[NAME_SIZE_MAX];
    size_t size;
    char error[ZONE_ERROR_MAX] = "";
    ck_assert_uint_lt(self->config.zone_count, DIALOGUE_ZONES_MAX);
    ck_assert(name_parse(origin, name, &size));
    bool parsed = zone_parse(&self->zones[self->config.zone_count++], "zone", text, strlen(text),
                             name, NULL, &self->arena, error);
    ck_assert_msg(parsed, "%s in:\n%s", error, text);
}

/* NULL, or why the view cannot be. */
static inline const char *dialogue_build(struct dialogue *self)
{
    static char error[VIEW_ERROR_MAX];
    error[0] = '\0';
    self->view = view_build(&self->config, &self->arena, error);
    ck_assert_int_eq(self->view == NULL, error[0] != '\0');
    return self->view == NULL ? error : NULL;
}

/* A dialogue with one zone. */
static inline void dialogue_with(struct dialogue *self, const char *origin, const char *text)
{
    dialogue_open(self);
    dialogue_add_zone(self, origin, text);
    const char *error = dialogue_build(self);
    ck_assert_msg(error == NULL, "%s", error);
}

/* ---- the query ---- */

struct dialogue_query {
    uint8_t bytes[1024];
    size_t size, question_end;
    bool has_edns, wants_dnssec, wants_nsid, over_tcp;
    uint16_t flags, class, udp_size, version;
};

static inline void dialogue_put_u16(struct dialogue_query *self, unsigned value)
{
    self->bytes[self->size++] = (uint8_t)(value >> 8);
    self->bytes[self->size++] = (uint8_t)value;
}

static inline void dialogue_read_option(struct dialogue_query *self, const char *word)
{
    if (strcmp(word, "+tcp") == 0)
        self->over_tcp = true;
    else if (strcmp(word, "+rd") == 0)
        self->flags |= 0x0100;
    else if (strcmp(word, "+cd") == 0)
        self->flags |= 0x0010;
    else if (strncmp(word, "+class=", 7) == 0)
        self->class = (uint16_t)atoi(word + 7);
    else
        self->has_edns = true;
    if (strcmp(word, "+do") == 0)
        self->wants_dnssec = true;
    else if (strcmp(word, "+nsid") == 0)
        self->wants_nsid = true;
    else if (strncmp(word, "+size=", 6) == 0)
        self->udp_size = (uint16_t)atoi(word + 6);
    else if (strncmp(word, "+version=", 9) == 0)
        self->version = (uint16_t)atoi(word + 9);
}

/* "NAME TYPE [+edns] [+do] [+nsid] [+size=N] [+version=N] [+class=N] [+tcp] [+rd] [+cd]" */
static inline struct dialogue_query dialogue_query(const char *question)
{
    char words[NAME_TEXT_MAX + 128], *rest;
    struct dialogue_query query = {.class = 1, .udp_size = 1232};
    uint8_t name[NAME_SIZE_MAX];
    size_t name_size;
    snprintf(words, sizeof words, "%s", question);
    ck_assert_msg(name_parse(strtok_r(words, " ", &rest), name, &name_size), "%s", question);
    unsigned type = ldns_get_rr_type_by_name(strtok_r(NULL, " ", &rest));
    for (char *word; (word = strtok_r(NULL, " ", &rest)) != NULL;)
        dialogue_read_option(&query, word);
    const unsigned header[] = {DIALOGUE_ID, query.flags, 1, 0, 0, query.has_edns ? 1 : 0};
    for (size_t i = 0; i < 6; i++)
        dialogue_put_u16(&query, header[i]);
    memcpy(query.bytes + query.size, name, name_size);
    query.size += name_size;
    dialogue_put_u16(&query, type);
    dialogue_put_u16(&query, query.class);
    query.question_end = query.size;
    if (!query.has_edns)
        return query;
    query.bytes[query.size++] = 0;
    const unsigned opt[] = {41, query.udp_size, query.version, query.wants_dnssec ? 0x8000 : 0,
                            query.wants_nsid ? 4 : 0};
    for (size_t i = 0; i < 5; i++)
        dialogue_put_u16(&query, opt[i]);
    if (query.wants_nsid) {
        dialogue_put_u16(&query, 3);
        dialogue_put_u16(&query, 0);
    }
    return query;
}

/* ---- the answer ---- */

__attribute__((format(printf, 2, 3))) static inline void dialogue_say(struct dialogue *self,
                                                                      const char *format, ...)
{
    size_t used = strlen(self->text);
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(self->text + used, sizeof self->text - used, format, arguments);
    va_end(arguments);
    ck_assert_uint_lt(used + (size_t)size, sizeof self->text);
}

/* Records of one section; none may be there twice. */
static inline void dialogue_say_section(struct dialogue *self, const ldns_rr_list *list)
{
    for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
        const ldns_rr *rr = ldns_rr_list_rr(list, i);
        ck_assert_int_eq(ldns_rr_get_class(rr), LDNS_RR_CLASS_IN);
        for (size_t j = 0; j < i; j++)
            ck_assert_msg(ldns_rr_compare(ldns_rr_list_rr(list, j), rr) != 0,
                          "record %zu is the same as record %zu: %s", i, j, self->text);
        char *text = ldns_rr2str(rr), *rest;
        dialogue_say(self, "%s%s", i == 0 ? "" : "; ", strtok_r(text, "\t\n", &rest));
        for (char *word; (word = strtok_r(NULL, "\t\n", &rest)) != NULL;)
            if (strcmp(word, "IN") != 0)
                dialogue_say(self, " %s", word);
        free(text);
    }
}

static inline void dialogue_say_options(struct dialogue *self, const uint8_t *at, size_t size)
{
    while (size > 0) {
        ck_assert_uint_ge(size, 4);
        unsigned code = (unsigned)(at[0] << 8 | at[1]);
        size_t option_size = (size_t)(at[2] << 8 | at[3]);
        ck_assert_uint_le(option_size, size - 4);
        if (code == 3)
            dialogue_say(self, " nsid=%.*s", (int)option_size, (const char *)at + 4);
        else if (code == 15 && option_size == 2)
            dialogue_say(self, " ede=%u", (unsigned)(at[4] << 8 | at[5]));
        else if (code == 15)
            dialogue_say(self, " ede=%u(%.*s)", (unsigned)(at[4] << 8 | at[5]),
                         (int)option_size - 2, (const char *)at + 6);
        else
            dialogue_say(self, " option=%u", code);
        at += 4 + option_size;
        size -= 4 + option_size;
    }
}

static inline void dialogue_say_edns(struct dialogue *self, const ldns_pkt *packet)
{
    dialogue_say(self, " +edns%s", ldns_pkt_edns_do(packet) ? " do" : "");
    ck_assert_uint_eq(ldns_pkt_edns_udp_size(packet), QUERY_UDP_SIZE_MAX);
    ck_assert_uint_eq(ldns_pkt_edns_version(packet), 0);
    const ldns_rdf *options = ldns_pkt_edns_data(packet);
    if (options != NULL)
        dialogue_say_options(self, ldns_rdf_data(options), ldns_rdf_size(options));
}

static inline void dialogue_say_packet(struct dialogue *self, const ldns_pkt *packet)
{
    unsigned rcode = (unsigned)ldns_pkt_get_rcode(packet);
    if (ldns_pkt_edns(packet))
        rcode |= (unsigned)ldns_pkt_edns_extended_rcode(packet) << 4;
    ck_assert_uint_eq(rcode, self->answer.rcode);
    char *name = rcode < 16 ? ldns_pkt_rcode2str((ldns_pkt_rcode)rcode) : NULL;
    dialogue_say(self, "%s", name == NULL ? "BADVERS" : name);
    free(name);
    dialogue_say(self, "%s%s", ldns_pkt_aa(packet) ? " aa" : "", ldns_pkt_tc(packet) ? " tc" : "");
    const ldns_rr_list *sections[] = {ldns_pkt_answer(packet), ldns_pkt_authority(packet),
                                      ldns_pkt_additional(packet)};
    size_t count = 3;
    while (count > 0 && ldns_rr_list_rr_count(sections[count - 1]) == 0)
        count--;
    for (size_t i = 0; i < count; i++) {
        dialogue_say(self, "%s", ldns_rr_list_rr_count(sections[i]) == 0 ? " | -" : " | ");
        dialogue_say_section(self, sections[i]);
    }
    if (ldns_pkt_edns(packet))
        dialogue_say_edns(self, packet);
}

/* What holds for every answer to a query that can be read. */
static inline void dialogue_check(const struct dialogue *self, const struct dialogue_query *query,
                                  const ldns_pkt *packet)
{
    size_t limit = query->over_tcp ? ANSWER_SIZE_MAX : query->has_edns ? query->udp_size : 512;
    if (!query->over_tcp && limit > QUERY_UDP_SIZE_MAX)
        limit = QUERY_UDP_SIZE_MAX;
    ck_assert_uint_le(self->answer.size, limit < 512 ? 512 : limit);
    ck_assert_uint_eq(ldns_pkt_id(packet), DIALOGUE_ID);
    ck_assert(ldns_pkt_qr(packet));
    ck_assert(!ldns_pkt_ra(packet));
    ck_assert(!ldns_pkt_ad(packet));
    ck_assert_int_eq(ldns_pkt_rd(packet), (query->flags & 0x0100) != 0);
    ck_assert_int_eq(ldns_pkt_cd(packet), (query->flags & 0x0010) != 0);
    ck_assert_uint_eq(ldns_pkt_qdcount(packet), 1);
    ck_assert_int_eq(ldns_pkt_edns(packet), query->has_edns);
    /* The question in the case in which it was asked ("0x20"). */
    ck_assert_mem_eq(self->bytes + 12, query->bytes + 12, query->question_end - 12);
    if (ldns_pkt_tc(packet)) {
        ck_assert_uint_eq(ldns_pkt_ancount(packet), 0);
        ck_assert_uint_eq(ldns_pkt_nscount(packet), 0);
    }
}

static inline const char *dialogue_ask(struct dialogue *self, const char *question)
{
    struct dialogue_query query = dialogue_query(question);
    struct answer_request request = {.view = self->view,
                                     .bytes = query.bytes,
                                     .size = query.size,
                                     .over_tcp = query.over_tcp,
                                     .now_ms = self->now_ms};
    answer_query(&request, self->bytes, query.over_tcp ? ANSWER_SIZE_MAX : QUERY_UDP_SIZE_MAX,
                 &self->answer);
    ldns_pkt *packet = NULL;
    ldns_status status = ldns_wire2pkt(&packet, self->bytes, self->answer.size);
    ck_assert_msg(status == LDNS_STATUS_OK, "%s: %s", question, ldns_get_errorstr_by_id(status));
    dialogue_check(self, &query, packet);
    self->text[0] = '\0';
    dialogue_say_packet(self, packet);
    ldns_pkt_free(packet);
    return self->text;
}

struct dialogue_line {
    const char *question, *answer;
};

static inline void dialogue_expect_lines(struct dialogue *self, const struct dialogue_line *lines,
                                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *heard = dialogue_ask(self, lines[i].question);
        ck_assert_msg(strcmp(heard, lines[i].answer) == 0, "%s\n  heard    %s\n  expected %s",
                      lines[i].question, heard, lines[i].answer);
    }
}

/* Ask every question of the array and see its answer. */
#define dialogue_expect(self, lines)                                                               \
    dialogue_expect_lines(self, lines, sizeof(lines) / sizeof *(lines))

#endif
