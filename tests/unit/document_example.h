/* tests/unit/document_example.h -- a full document, and what it becomes with one mistake in it. */
#ifndef TANDEM_TESTS_UNIT_DOCUMENT_EXAMPLE_H
#define TANDEM_TESTS_UNIT_DOCUMENT_EXAMPLE_H

#include "replication/document.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "unit/suite.h"

#define KEY1 "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
#define KEY2 "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
#define KEY3 "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"
#define KEY4 "4444444444444444444444444444444444444444"
#define KEY5 "5555555555555555555555555555555555555555"

/* What a document of the next format is refused with. */
#define NEWER                                                                                      \
    "found format 2, expected 1: this file is for a newer Tandem than this 0.1.0; upgrade it "     \
    "first, or write format 1"

static const char good[] =
    "format: 1\n"                                          /*  1 */
    "cluster: tandem-lab\n"                                /*  2 */
    "nodes:\n"                                             /*  3 */
    "  ns1:\n"                                             /*  4 */
    "    interface: lan\n"                                 /*  5 */
    "    own: [192.0.2.11, 2001:db8:53::11]\n"             /*  6 */
    "    home: [2001:db8:53::53, 192.0.2.53]\n"            /*  7 */
    "    pair: 198.51.100.1\n"                             /*  8 */
    "    key: \"" KEY1 "\"\n"                              /*  9 */
    "  ns2:\n"                                             /* 10 */
    "    own: [192.0.2.12, 2001:db8:53::12]\n"             /* 11 */
    "    home: 192.0.2.54\n"                               /* 12 */
    "    key: \"" KEY2 "\"\n"                              /* 13 */
    "dns: {port: 5353, threads: 4}\n"                      /* 14 */
    "replication: {port: 7363}\n"                          /* 15 */
    "paths: {keys: secret, state: state, run: /tmp/run}\n" /* 16 */
    "witness: [192.0.2.1]\n"                               /* 17 */
    "zones:\n"                                             /* 18 */
    "  tandem.example: tandem.example.zone\n"              /* 19 */
    "  Deep.Tandem.Example.: deep.zone\n"                  /* 20 */
    "servers:\n"                                           /* 21 */
    "  media1: {addresses: [192.0.2.101, 2001:db8:53::101], capacity: 1000, key: \"" KEY3 "\"}\n"
    "  media2:\n"                                             /* 23 */
    "    addresses: 192.0.2.102\n"                            /* 24 */
    "    capacity: 500\n"                                     /* 25 */
    "    key: \"0000000000000000000000000000000000000000\"\n" /* 26 */
    "pools:\n"                                                /* 27 */
    "  stream:\n"                                             /* 28 */
    "    name: Stream.tandem.example.\n"                      /* 29 */
    "    policy: least-connection-group\n"                    /* 30 */
    "    group-size: 1\n"                                     /* 31 */
    "    rounds: 3\n"                                         /* 32 */
    "    ports: [1755, 80]\n"                                 /* 33 */
    "    ttl: 1m\n"                                           /* 34 */
    "    stale: 1500ms\n"                                     /* 35 */
    "    last-resort: [203.0.113.1, 2001:db8::1]\n"           /* 36 */
    "    servers: [media2, media1]\n"                         /* 37 */
    "  web:\n"                                                /* 38 */
    "    name: web.tandem.example\n"                          /* 39 */
    "    ports: [80]\n"                                       /* 40 */
    "    servers: all\n";                                     /* 41 */

static uint8_t *memory;
static char text[DOCUMENT_SIZE_MAX + 2];
static char error[DOCUMENT_ERROR_MAX];

/* Checked over exact copies, so that the sanitizer sees a read behind the end. */
static inline bool parse_sized(struct document *document, const char *yaml, size_t size,
                               size_t memory_size)
{
    struct arena arena;
    if (memory == NULL)
        memory = mmap(NULL, DOCUMENT_ARENA_SIZE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ck_assert_ptr_ne(memory, MAP_FAILED);
    char *copy = malloc(size);
    memcpy(copy, yaml, size);
    arena_init(&arena, memory, memory_size);
    error[0] = '\0';
    bool parsed = document_parse(document, "lab.yaml", copy, size, &arena, error);
    free(copy);
    return parsed;
}

static inline bool parse(struct document *document, const char *yaml)
{
    return parse_sized(document, yaml, strlen(yaml), DOCUMENT_ARENA_SIZE);
}

/* The good document with the first `from` replaced by `to`. */
static inline const char *with(const char *from, const char *to)
{
    const char *at = strstr(good, from);
    ck_assert_msg(at != NULL, "the good document has no %s", from);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
    return text;
}

#endif
