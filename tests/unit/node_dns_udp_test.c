#include "node/dns/udp.h"

#include <errno.h>
#include <linux/ip.h>
#include <linux/udp.h>

#include "unit/served.h"
#include "unit/suite.h"

enum { WWW = 1, TXT = 16, CLIENTS = 24, WINDOW = 16, ROUNDS = 20 };

static struct publisher publisher;
static struct udp *udp;
static struct page page;

static void start(size_t thread_count)
{
    static struct ip addresses[3];
    addresses[0] = served_ip("127.0.0.1");
    addresses[1] = served_ip("127.0.0.2");
    addresses[2] = served_ip("::1");
    struct udp_config config = {.address_count = 3,
                                .addresses = addresses,
                                .thread_count = thread_count,
                                .publisher = &publisher,
                                .page = &page,
                                .probe_address = &addresses[0]};
    char error[SOCKET_ERROR_MAX] = "";
    ck_assert_msg(udp_open(&udp, &config, error) == 0, "%s", error);
    ck_assert_msg(udp_start(udp, error) == 0, "%s", error);
}

static void start_with_zone(size_t thread_count)
{
    served_publish(&publisher);
    start(thread_count);
}

static void stop(void)
{
    udp_close(udp);
    publish_close(&publisher);
}

static int client_of(const char *address)
{
    return served_connect(SOCK_DGRAM, strchr(address, ':') == NULL ? "127.0.0.1" : "::1", address,
                          udp_port(udp));
}

static void ask(int fd, uint16_t id, const char *label)
{
    uint8_t query[64];
    size_t size = served_query(query, id, label, WWW);
    served_send(fd, query, size);
}

/* Receive an answer, which a connected socket takes from the address that was asked alone. */
static uint16_t answered_id(int fd, unsigned rcode)
{
    uint8_t answer[QUERY_UDP_SIZE_MAX];
    ck_assert_int_ge(recv(fd, answer, sizeof answer, 0), 12);
    ck_assert_uint_eq(answer[2] & 0x80, 0x80);
    ck_assert_uint_eq(served_rcode(answer), rcode);
    return served_u16(answer);
}

static uint64_t sum_of_answers(size_t thread_count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < thread_count; i++) {
        for (size_t reason = 0; reason < ANSWER_REASON_COUNT; reason++)
            sum += served_count(&udp_counts(udp, i)->by_reason[reason]);
    }
    return sum;
}

START_TEST(every_query_of_many_in_flight_is_answered_from_the_address_asked)
{
    start_with_zone(2);
    const char *addresses[] = {"127.0.0.1", "127.0.0.2", "::1"};
    int fds[CLIENTS];
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = client_of(addresses[i % 3]);
    for (int round = 0; round < ROUNDS; round++) {
        for (uint16_t k = 0; k < WINDOW; k++) {
            for (int i = 0; i < CLIENTS; i++)
                ask(fds[i], k, "www");
        }
        for (int i = 0; i < CLIENTS; i++) {
            unsigned seen = 0;
            for (int k = 0; k < WINDOW; k++)
                seen |= 1u << answered_id(fds[i], 0);
            ck_assert_uint_eq(seen, (1u << WINDOW) - 1);
        }
    }
    for (int i = 0; i < CLIENTS; i++)
        close(fds[i]);
    /* Threads count after sending: what the last one counts is seen when it has ended. */
    uint64_t shares[2] = {served_count(&udp_counts(udp, 0)->by_reason[ANSWER_POSITIVE]),
                          served_count(&udp_counts(udp, 1)->by_reason[ANSWER_POSITIVE])};
    ck_assert_uint_eq(shares[0] + shares[1], CLIENTS * WINDOW * ROUNDS);
    ck_assert_uint_gt(shares[0], 0);
    ck_assert_uint_gt(shares[1], 0);
    stop();
    ck_assert_uint_eq(atomic_load(&page.threads[0].answers), shares[0]);
    ck_assert_uint_eq(atomic_load(&page.threads[1].answers), shares[1]);
}
END_TEST

START_TEST(bytes_are_counted_both_ways)
{
    start_with_zone(1);
    int fd = client_of("127.0.0.1");
    uint8_t query[64], answer[512];
    size_t size = served_query(query, 7, "www", WWW);
    served_send(fd, query, size);
    ssize_t received = recv(fd, answer, sizeof answer, 0);
    ck_assert_int_gt(received, (ssize_t)size);
    const struct udp_counts *counts = udp_counts(udp, 0);
    served_wait(&counts->sent_bytes, (uint64_t)received);
    ck_assert_uint_eq(served_count(&counts->received_bytes), size);
    close(fd);
    stop();
}
END_TEST

START_TEST(malformed_queries_are_counted_by_reason_and_harm_nobody)
{
    start_with_zone(1);
    const struct udp_counts *counts = udp_counts(udp, 0);
    int fd = client_of("::1");
    uint8_t bytes[4000] = {0};
    served_send(fd, bytes, 0);
    served_send(fd, bytes, 11);
    served_wait(&counts->by_query_reason[QUERY_DROP_SHORT], 2);
    size_t size = served_query(bytes, 1, "www", WWW);
    bytes[2] = 0x80;
    served_send(fd, bytes, size);
    served_wait(&counts->by_query_reason[QUERY_DROP_RESPONSE], 1);
    ck_assert_uint_eq(served_count(&counts->by_reason[ANSWER_DROPPED]), 3);

    /* Much longer than any query: cut, and refused for what follows the question. */
    served_query(bytes, 2, "www", WWW);
    bytes[2] = 0;
    served_send(fd, bytes, sizeof bytes);
    ck_assert_uint_eq(answered_id(fd, 1), 2);
    served_query(bytes, 3, "www", WWW);
    bytes[5] = 0; /* no question */
    served_send(fd, bytes, 12);
    ck_assert_uint_eq(answered_id(fd, 1), 3);

    ask(fd, 4, "www");
    ck_assert_uint_eq(answered_id(fd, 0), 4);
    ask(fd, 5, "absent");
    ck_assert_uint_eq(answered_id(fd, 3), 5);
    ck_assert_uint_eq(sum_of_answers(1), 7);
    close(fd);
    stop();
}
END_TEST

START_TEST(an_answer_that_does_not_fit_is_truncated)
{
    start_with_zone(1);
    int fd = client_of("127.0.0.2");
    uint8_t query[64], answer[QUERY_UDP_SIZE_MAX];
    size_t size = served_query(query, 9, "big", TXT);
    served_send(fd, query, size);
    ssize_t received = recv(fd, answer, sizeof answer, 0);
    ck_assert_int_ge(received, 12);
    ck_assert_int_le(received, QUERY_UDP_SIZE_MIN);
    ck_assert_uint_eq(answer[2] & 2, 2);
    close(fd);
    stop();
}
END_TEST

START_TEST(without_a_view_queries_are_dropped_until_one_is_published)
{
    start(1);
    int fd = client_of("127.0.0.1");
    ask(fd, 1, "www");
    served_wait(&udp_counts(udp, 0)->unready, 1);
    served_publish(&publisher);
    ask(fd, 2, "www");
    ck_assert_uint_eq(answered_id(fd, 0), 2);
    close(fd);
    stop();
}
END_TEST

/* A query as only a raw socket can send it. */
static void send_forged(int raw, const char *source, uint16_t source_port)
{
    struct {
        struct iphdr ip;
        struct udphdr udp;
        uint8_t query[64];
    } packet = {.ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP}};
    struct ip from = served_ip(source), to = served_ip("127.0.0.1");
    memcpy(&packet.ip.saddr, from.bytes, 4);
    memcpy(&packet.ip.daddr, to.bytes, 4);
    packet.udp.source = htons(source_port);
    packet.udp.dest = htons(udp_port(udp));
    size_t size = sizeof packet.udp + served_query(packet.query, 1, "www", WWW);
    packet.udp.len = htons((uint16_t)size);
    size += sizeof packet.ip;
    packet.ip.tot_len = htons((uint16_t)size);
    union socket_name name = {.v4 = {.sin_family = AF_INET, .sin_addr.s_addr = packet.ip.daddr}};
    ck_assert_int_eq(sendto(raw, &packet, size, 0, &name.any, sizeof name.v4), (ssize_t)size);
}

START_TEST(what_cannot_be_answered_is_counted_and_the_rest_of_the_batch_is_sent)
{
    int raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
    if (raw < 0) {
        ck_assert_int_ne(geteuid(), 0);
        return;
    }
    start_with_zone(1);
    int fd = client_of("127.0.0.1");
    send_forged(raw, "127.0.0.1", 0);
    send_forged(raw, "255.255.255.255", 1053); /* the kernel refuses to answer a broadcast */
    ask(fd, 5, "www");
    ck_assert_uint_eq(answered_id(fd, 0), 5);
    const struct udp_counts *counts = udp_counts(udp, 0);
    served_wait(&counts->from_port_zero, 1);
    served_wait(&counts->send_failed, 1);
    close(fd);
    close(raw);
    stop();
}
END_TEST

/* Queries that come faster than they are answered, so that many wait at the stop. */
START_TEST(what_was_received_before_a_stop_is_answered)
{
    enum { ASKERS = 8, QUERIES = 120 };
    start_with_zone(1);
    uint8_t queries[QUERIES][64];
    struct iovec parts[QUERIES];
    struct mmsghdr messages[QUERIES] = {0};
    for (uint16_t k = 0; k < QUERIES; k++) {
        parts[k] = (struct iovec){queries[k], served_query(queries[k], k, "www", WWW)};
        messages[k].msg_hdr = (struct msghdr){.msg_iov = &parts[k], .msg_iovlen = 1};
    }
    int fds[ASKERS];
    for (int i = 0; i < ASKERS; i++)
        fds[i] = client_of("127.0.0.1");
    for (int i = 0; i < ASKERS; i++)
        ck_assert_int_eq(sendmmsg(fds[i], messages, QUERIES, 0), QUERIES);
    stop();
    for (int i = 0; i < ASKERS; i++) {
        for (uint16_t k = 0; k < QUERIES; k++)
            ck_assert_uint_eq(answered_id(fds[i], 0), k);
        close(fds[i]);
    }
}
END_TEST

START_TEST(a_port_in_use_is_refused_with_a_sentence_and_nothing_stays_open)
{
    start_with_zone(1);
    struct ip address = served_ip("127.0.0.1");
    struct udp_config config = {.address_count = 1,
                                .addresses = &address,
                                .port = udp_port(udp),
                                .thread_count = 2,
                                .publisher = &publisher};
    struct udp *second = udp;
    char error[SOCKET_ERROR_MAX] = "";
    int next_fd = dup(0);
    close(next_fd);
    ck_assert_int_eq(udp_open(&second, &config, error), -EADDRINUSE);
    ck_assert_ptr_null(second);
    ck_assert_ptr_nonnull(strstr(error, "of 127.0.0.1 is in use by another program"));
    int fd = dup(0);
    ck_assert_int_eq(fd, next_fd);
    close(fd);
    udp_close(second);
    stop();
}
END_TEST

/* ---- the query in hand, and those not answered ---- */

START_TEST(the_query_in_hand_is_noted_and_cleared_after_its_answer)
{
    start_with_zone(1);
    int fd = client_of("127.0.0.1");
    uint8_t query[64];
    size_t size = served_query(query, 0x1234, "www", WWW);
    served_send(fd, query, size);
    ck_assert_uint_eq(answered_id(fd, 0), 0x1234);
    close(fd);
    stop();
    ck_assert_uint_eq(atomic_load(&page.notes[0].size), 0);
    ck_assert_mem_eq(page.notes[0].bytes, query + POISON_SKIPPED, size - POISON_SKIPPED);
}
END_TEST

START_TEST(what_an_earlier_life_died_of_is_dropped_and_all_else_answered)
{
    struct poison_note note = {0};
    uint8_t query[64];
    note.size = (uint32_t)served_query(query, 1, "www", WWW) - POISON_SKIPPED;
    memcpy(note.bytes, query + POISON_SKIPPED, note.size);
    poison_add(&page.poison, &note);
    start_with_zone(1);
    int fd = client_of("127.0.0.1");
    ask(fd, 2, "www");
    ask(fd, 3, "wWw");
    ask(fd, 4, "absent");
    ck_assert_uint_eq(answered_id(fd, 3), 4);
    ck_assert_uint_eq(served_count(&udp_counts(udp, 0)->poison), 2);
    ck_assert_uint_eq(sum_of_answers(1), 1);
    close(fd);
    stop();
}
END_TEST

/* ---- probes ---- */

enum { BOOT = 77, NONCE = 88 };

/* A socket as the guardian's, towards a thread. */
static int guardian_of(size_t thread, const char *from)
{
    uint32_t port = atomic_load(&page.threads[thread].probe_port);
    ck_assert_uint_gt(port, 0);
    ck_assert_uint_le(port, UINT16_MAX);
    return served_connect(SOCK_DGRAM, from, "127.0.0.1", (uint16_t)port);
}

static void probe(int fd, struct page_probe start_of_it, size_t query_size)
{
    uint8_t bytes[1024] = {0};
    memcpy(bytes, &start_of_it, sizeof start_of_it);
    served_query(bytes + sizeof start_of_it, 9, "www", WWW);
    served_send(fd, bytes, sizeof start_of_it + query_size);
}

static struct page_probe probe_of(uint32_t thread)
{
    return (struct page_probe){PAGE_PROBE_MAGIC, thread, BOOT, NONCE};
}

START_TEST(each_thread_answers_its_own_probes)
{
    page.boot = BOOT;
    start_with_zone(2);
    ck_assert_uint_eq(atomic_load(&page.thread_count), 2);
    for (uint32_t thread = 0; thread < 2; thread++) {
        uint8_t answer[sizeof(struct page_probe) + QUERY_UDP_SIZE_MAX], query[64];
        struct page_probe sent = probe_of(thread);
        int fd = guardian_of(thread, "127.0.0.1");
        probe(fd, sent, served_query(query, 9, "www", WWW));
        ssize_t size = recv(fd, answer, sizeof answer, 0);
        ck_assert_int_gt(size, (ssize_t)sizeof sent + 12);
        ck_assert_mem_eq(answer, &sent, sizeof sent);
        ck_assert_uint_eq(served_u16(answer + sizeof sent), 9);
        ck_assert_uint_eq(served_rcode(answer + sizeof sent), 0);
        ck_assert_uint_eq(answer[sizeof sent + 7], 1); /* www has an address */
        served_wait(&udp_counts(udp, thread)->probes, 1);
        close(fd);
    }
    ck_assert_uint_eq(sum_of_answers(2), 0); /* a probe is no query */
    stop();
    ck_assert_uint_eq(atomic_load(&page.threads[0].answers), 0);
}
END_TEST

START_TEST(a_malformed_or_foreign_probe_is_counted_and_dropped)
{
    page.boot = BOOT;
    start_with_zone(1);
    const struct udp_counts *counts = udp_counts(udp, 0);
    int fd = guardian_of(0, "127.0.0.1"), foreign = guardian_of(0, "127.0.0.2");
    struct page_probe wrong_magic = probe_of(0), wrong_boot = probe_of(0);
    wrong_magic.magic++;
    wrong_boot.boot++;
    probe(fd, wrong_magic, 64);
    probe(fd, wrong_boot, 64);
    probe(fd, probe_of(1), 64);
    probe(fd, probe_of(0), PAGE_PROBE_QUERY_MIN - 1);
    probe(fd, probe_of(0), PAGE_PROBE_QUERY_MAX + 1);
    served_send(fd, "", 0);
    probe(foreign, probe_of(0), 64);
    served_wait(&counts->probes_malformed, 7);
    ck_assert_uint_eq(served_count(&counts->probes), 0);
    probe(fd, probe_of(0), PAGE_PROBE_QUERY_MIN);
    probe(fd, probe_of(0), PAGE_PROBE_QUERY_MAX);
    served_wait(&counts->probes, 2);
    uint8_t byte;
    ck_assert_int_eq(recv(foreign, &byte, 1, MSG_DONTWAIT), -1);
    close(foreign);
    close(fd);
    stop();
}
END_TEST

START_TEST(without_a_view_a_probe_is_not_answered)
{
    page.boot = BOOT;
    start(1);
    int fd = guardian_of(0, "127.0.0.1");
    probe(fd, probe_of(0), 64);
    served_wait(&udp_counts(udp, 0)->probes_unanswered, 1);
    uint8_t byte;
    ck_assert_int_eq(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
    ck_assert_uint_eq(served_count(&udp_counts(udp, 0)->probes), 0);
    close(fd);
    stop();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/dns/udp");
    SUITE_CASE(suite, "answers", every_query_of_many_in_flight_is_answered_from_the_address_asked,
               bytes_are_counted_both_ways, an_answer_that_does_not_fit_is_truncated);
    SUITE_CASE(suite, "refusals", malformed_queries_are_counted_by_reason_and_harm_nobody,
               without_a_view_queries_are_dropped_until_one_is_published,
               what_cannot_be_answered_is_counted_and_the_rest_of_the_batch_is_sent,
               a_port_in_use_is_refused_with_a_sentence_and_nothing_stays_open);
    SUITE_CASE(suite, "stop", what_was_received_before_a_stop_is_answered);
    SUITE_CASE(suite, "poison", the_query_in_hand_is_noted_and_cleared_after_its_answer,
               what_an_earlier_life_died_of_is_dropped_and_all_else_answered);
    SUITE_CASE(suite, "probes", each_thread_answers_its_own_probes,
               a_malformed_or_foreign_probe_is_counted_and_dropped,
               without_a_view_a_probe_is_not_answered);
    return suite_run(suite);
}
