/* The bytes of ARP and neighbour discovery: golden frames, and what is not believed. */
#include <stdio.h>
#include <string.h>

#include "failover/neighbour_frame.h"
#include "suite.h"

static const uint8_t mac[] = {0x02, 0x11, 0x22, 0x33, 0x44, 0x55};

/* As keepalived 2.2.7 and the Linux kernel send them, for 10.0.0.100 and fd00::100. */
static const char gratuitous[] = "ffffffffffff"
                                 "021122334455"
                                 "0806"
                                 "0001"
                                 "0800"
                                 "06"
                                 "04"
                                 "0001"
                                 "021122334455"
                                 "0a000064"
                                 "ffffffffffff"
                                 "0a000064";
static const char unsolicited[] = "333300000001"
                                  "021122334455"
                                  "86dd"
                                  "60000000"
                                  "0020"
                                  "3a"
                                  "ff"
                                  "fd000000000000000000000000000100"
                                  "ff020000000000000000000000000001"
                                  "88"
                                  "00"
                                  "f204"
                                  "20000000"
                                  "fd000000000000000000000000000100"
                                  "0201"
                                  "021122334455";
static const char who_has[] = "ffffffffffff"
                              "021122334455"
                              "0806"
                              "0001"
                              "0800"
                              "06"
                              "04"
                              "0001"
                              "021122334455"
                              "0a00000b"
                              "000000000000"
                              "0a000001";
static const char solicitation[] = "3333ff230001"
                                   "021122334455"
                                   "86dd"
                                   "60000000"
                                   "0020"
                                   "3a"
                                   "ff"
                                   "fd00000000000000000000000000000b"
                                   "ff0200000000000000000001ff230001"
                                   "87"
                                   "00"
                                   "15b1"
                                   "00000000"
                                   "fd000000000000000000000001230001"
                                   "0101"
                                   "021122334455";

struct frame {
    uint8_t bytes[128];
    size_t size;
};

static struct ip ip(const char *text)
{
    struct ip value = {0};
    ck_assert_msg(ip_parse(text, &value), "%s", text);
    return value;
}

static struct frame frame_of(const char *hex)
{
    struct frame frame = {.size = strlen(hex) / 2};
    ck_assert_uint_le(frame.size, sizeof frame.bytes);
    for (size_t i = 0; i < frame.size; i++) {
        const char digits[] = {hex[2 * i], hex[2 * i + 1], '\0'};
        frame.bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return frame;
}

static void assert_frame(const struct frame *got, const char *expected)
{
    char hex[2 * sizeof got->bytes + 1] = "";
    for (size_t i = 0; i < got->size; i++)
        snprintf(hex + 2 * i, 3, "%02x", got->bytes[i]);
    ck_assert_str_eq(hex, expected);
}

/* The event in one line. */
static const char *heard(const struct frame *frame)
{
    static const char *const kinds[] = {"who-has", "reply", "announced"};
    static char line[160];
    char sender[IP_TEXT_SIZE], target[IP_TEXT_SIZE];
    struct neighbour_event event;
    enum neighbour_refusal refusal = neighbour_frame_decode(frame->bytes, frame->size, &event);
    if (refusal != NEIGHBOUR_ACCEPTED)
        return neighbour_refusal_word(refusal);
    snprintf(line, sizeof line, "%s %s %s %02x:%02x", kinds[event.kind],
             ip_text(&event.sender, sender), ip_text(&event.target, target), event.mac[0],
             event.mac[5]);
    return line;
}

/* Fill in the checksum of a discovery frame that a test altered: RFC 1071 by the letter, beside the
 * product's own. */
static void seal(struct frame *frame)
{
    uint8_t *ipv6 = frame->bytes + 14, *nd = frame->bytes + 54;
    uint64_t sum = 58 + (frame->size - 54);
    nd[2] = nd[3] = 0;
    for (size_t i = 8; i < frame->size - 14; i++)
        sum += i % 2 == 0 ? (uint64_t)ipv6[i] << 8 : ipv6[i];
    sum = ~(sum % 0xffff) & 0xffff;
    nd[2] = (uint8_t)(sum >> 8);
    nd[3] = (uint8_t)sum;
}

START_TEST(announcements_are_the_golden_bytes)
{
    struct frame frame;
    struct ip ipv4 = ip("10.0.0.100"), ipv6 = ip("fd00::100");

    frame.size = neighbour_frame_announce(mac, &ipv4, frame.bytes);
    assert_frame(&frame, gratuitous);
    ck_assert_str_eq(heard(&frame), "announced 10.0.0.100 10.0.0.100 02:55");

    frame.size = neighbour_frame_announce(mac, &ipv6, frame.bytes);
    assert_frame(&frame, unsolicited);
    ck_assert_str_eq(heard(&frame), "announced fd00::100 fd00::100 02:55");
}
END_TEST

START_TEST(solicitations_are_the_golden_bytes)
{
    struct frame frame;
    struct ip own4 = ip("10.0.0.11"), witness4 = ip("10.0.0.1");
    struct ip own6 = ip("fd00::b"), witness6 = ip("fd00::123:1");

    frame.size = neighbour_frame_solicit(mac, &own4, &witness4, frame.bytes);
    assert_frame(&frame, who_has);
    ck_assert_str_eq(heard(&frame), "who-has 10.0.0.11 10.0.0.1 02:55");

    frame.size = neighbour_frame_solicit(mac, &own6, &witness6, frame.bytes);
    assert_frame(&frame, solicitation);
    ck_assert_str_eq(heard(&frame), "who-has fd00::b fd00::123:1 02:55");
}
END_TEST

START_TEST(an_answer_to_a_question_is_a_reply)
{
    struct frame arp = frame_of(who_has), nd = frame_of(unsolicited);
    arp.bytes[21] = 2;
    ck_assert_str_eq(heard(&arp), "reply 10.0.0.11 10.0.0.1 02:55");

    nd.bytes[58] = 0x60; /* Solicited, Override */
    memcpy(nd.bytes + 38, nd.bytes + 22, 16);
    nd.bytes[53] = 0x0b;
    seal(&nd);
    ck_assert_str_eq(heard(&nd), "reply fd00::100 fd00::10b 02:55");
}
END_TEST

START_TEST(a_gratuitous_reply_is_an_announcement)
{
    struct frame frame = frame_of(gratuitous);
    frame.bytes[21] = 2;
    ck_assert_str_eq(heard(&frame), "announced 10.0.0.100 10.0.0.100 02:55");
}
END_TEST

START_TEST(a_look_for_duplicates_is_asked_by_nobody)
{
    struct frame arp = frame_of(who_has), nd = frame_of(solicitation);
    struct ip witness4 = ip("10.0.0.1"), witness6 = ip("fd00::123:1");
    struct frame probe;
    memset(arp.bytes + 28, 0, 4);
    ck_assert_str_eq(heard(&arp), "who-has 0.0.0.0 10.0.0.1 02:55");
    probe.size = neighbour_frame_probe(mac, &witness4, probe.bytes);
    ck_assert_uint_eq(probe.size, arp.size);
    ck_assert_mem_eq(probe.bytes, arp.bytes, arp.size);

    memset(nd.bytes + 22, 0, 16);
    nd.bytes[19] = 24; /* without the option */
    nd.size -= 8;
    seal(&nd);
    ck_assert_str_eq(heard(&nd), "who-has :: fd00::123:1 02:55");
    probe.size = neighbour_frame_probe(mac, &witness6, probe.bytes);
    ck_assert_uint_eq(probe.size, nd.size);
    ck_assert_mem_eq(probe.bytes, nd.bytes, nd.size);
}
END_TEST

START_TEST(an_advertisement_without_its_option_is_of_the_frames_source)
{
    struct frame nd = frame_of(unsolicited);
    nd.bytes[19] = 24;
    nd.size -= 8;
    nd.bytes[11] = 0x77;
    seal(&nd);
    ck_assert_str_eq(heard(&nd), "announced fd00::100 fd00::100 02:77");
}
END_TEST

START_TEST(padding_behind_a_message_is_skipped)
{
    struct frame arp = frame_of(gratuitous), nd = frame_of(unsolicited);
    arp.size = 60;
    ck_assert_str_eq(heard(&arp), "announced 10.0.0.100 10.0.0.100 02:55");
    nd.size += 6;
    ck_assert_str_eq(heard(&nd), "announced fd00::100 fd00::100 02:55");
}
END_TEST

START_TEST(a_frame_cut_anywhere_is_short)
{
    struct frame arp = frame_of(gratuitous), nd = frame_of(unsolicited);
    for (arp.size = 0; arp.size < 42; arp.size++)
        ck_assert_str_eq(heard(&arp), "short");
    for (nd.size = 0; nd.size < 86; nd.size++)
        ck_assert_str_eq(heard(&nd), "short");
}
END_TEST

/* One byte of a good frame set to something else, and the checksum made right again or not. */
static const struct alteration {
    const char *frame;
    size_t at;
    uint8_t value;
    bool is_sealed;
    const char *expected;
} alterations[] = {
    {gratuitous, 13, 0x07, false, "other"},         /* not ARP */
    {gratuitous, 15, 6, false, "bad-form"},         /* hardware */
    {gratuitous, 16, 9, false, "bad-form"},         /* protocol */
    {gratuitous, 18, 8, false, "bad-form"},         /* size of MAC */
    {gratuitous, 19, 16, false, "bad-form"},        /* size of address */
    {gratuitous, 21, 0, false, "bad-form"},         /* operation */
    {gratuitous, 21, 3, false, "bad-form"},         /* RARP's */
    {gratuitous, 22, 3, false, "bad-address"},      /* at a group's MAC */
    {who_has, 28, 224, false, "bad-address"},       /* a group asks */
    {who_has, 38, 239, false, "bad-address"},       /* a group is asked for */
    {unsolicited, 13, 0xde, false, "other"},        /* not IPv6 */
    {unsolicited, 14, 0x50, true, "other"},         /* version 5 */
    {unsolicited, 20, 17, false, "other"},          /* UDP */
    {unsolicited, 20, 0, false, "other"},           /* an extension header */
    {unsolicited, 54, 134, true, "other"},          /* a router's advertisement */
    {unsolicited, 19, 23, false, "short"},          /* says less than its message needs */
    {unsolicited, 19, 33, false, "short"},          /* says more than there is */
    {unsolicited, 18, 1, false, "short"},           /* likewise */
    {unsolicited, 21, 254, true, "bad-hop-limit"},  /* */
    {unsolicited, 21, 64, true, "bad-hop-limit"},   /* */
    {unsolicited, 56, 0x2e, false, "bad-checksum"}, /* */
    {unsolicited, 70, 0x01, false, "bad-checksum"}, /* altered on the way */
    {unsolicited, 23, 0x01, false, "bad-checksum"}, /* the pseudo-header, too */
    {unsolicited, 55, 1, true, "bad-form"},         /* code */
    {unsolicited, 58, 0x60, true, "bad-form"},      /* solicited, and to a group */
    {unsolicited, 79, 0, true, "bad-form"},         /* an option of length 0 */
    {unsolicited, 79, 2, true, "bad-form"},         /* one longer than the message */
    {unsolicited, 80, 0x33, true, "bad-address"},   /* at a group's MAC */
    {unsolicited, 62, 0xff, true, "bad-address"},   /* a group's address */
    {solicitation, 62, 0xff, true, "bad-address"},  /* likewise */
    {solicitation, 22, 0xff, true, "bad-address"},  /* a group asks */
    {solicitation, 58, 0x60, true, "who-has fd00::b fd00::123:1 02:55"},  /* no flags of its own */
    {unsolicited, 58, 0xa0, true, "announced fd00::100 fd00::100 02:55"}, /* a router's */
    {unsolicited, 78, 14, true, "announced fd00::100 fd00::100 02:55"},   /* unknown option */
};

START_TEST(what_does_not_hold_is_refused_by_name)
{
    for (size_t i = 0; i < sizeof alterations / sizeof *alterations; i++) {
        const struct alteration *one = &alterations[i];
        struct frame frame = frame_of(one->frame);
        ck_assert_uint_ne(frame.bytes[one->at], one->value);
        frame.bytes[one->at] = one->value;
        if (one->is_sealed)
            seal(&frame);
        ck_assert_msg(strcmp(heard(&frame), one->expected) == 0, "byte %zu = %u: %s, not %s",
                      one->at, one->value, heard(&frame), one->expected);
    }
}
END_TEST

START_TEST(nobody_is_at_no_mac)
{
    struct frame arp = frame_of(gratuitous), nd = frame_of(unsolicited);
    memset(arp.bytes + 28, 0, 4);
    memset(arp.bytes + 38, 0, 4);
    ck_assert_str_eq(heard(&arp), "bad-address");
    memset(nd.bytes + 62, 0, 16);
    seal(&nd);
    ck_assert_str_eq(heard(&nd), "bad-address");
}
END_TEST

START_TEST(a_solicitation_from_nobody_has_its_form)
{
    struct frame with_mac = frame_of(solicitation);
    memset(with_mac.bytes + 22, 0, 16);
    seal(&with_mac);
    ck_assert_str_eq(heard(&with_mac), "bad-form");

    struct frame to_node = with_mac;
    to_node.bytes[19] = 24;
    to_node.size -= 8;
    to_node.bytes[50] = 0xfe; /* not ff02::1:ffXX:XXXX */
    seal(&to_node);
    ck_assert_str_eq(heard(&to_node), "bad-form");
}
END_TEST

START_TEST(a_refused_frame_leaves_the_event_alone)
{
    struct frame frame = frame_of(unsolicited);
    struct neighbour_event event, before;
    memset(&event, 0x5a, sizeof event);
    before = event;
    frame.bytes[79] = 0;
    seal(&frame);
    ck_assert_int_eq(neighbour_frame_decode(frame.bytes, frame.size, &event), NEIGHBOUR_BAD_FORM);
    ck_assert_mem_eq(&event, &before, sizeof event);
}
END_TEST

START_TEST(every_refusal_has_a_word_of_its_own)
{
    for (int i = 0; i < NEIGHBOUR_REFUSALS; i++)
        for (int j = 0; j < i; j++)
            ck_assert_str_ne(neighbour_refusal_word((enum neighbour_refusal)i),
                             neighbour_refusal_word((enum neighbour_refusal)j));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("failover/neighbour_frame");
    SUITE_CASE(suite, "encode", announcements_are_the_golden_bytes,
               solicitations_are_the_golden_bytes);
    SUITE_CASE(suite, "decode", an_answer_to_a_question_is_a_reply,
               a_gratuitous_reply_is_an_announcement, a_look_for_duplicates_is_asked_by_nobody,
               an_advertisement_without_its_option_is_of_the_frames_source,
               padding_behind_a_message_is_skipped);
    SUITE_CASE(suite, "refuse", a_frame_cut_anywhere_is_short, nobody_is_at_no_mac,
               a_solicitation_from_nobody_has_its_form, a_refused_frame_leaves_the_event_alone,
               what_does_not_hold_is_refused_by_name, every_refusal_has_a_word_of_its_own);
    return suite_run(suite);
}
